/* SPDX-License-Identifier: ISC */
#include "protocol/header_scan.h"

static const char *const names[HEADER_SCAN_FIELDS] = { "Message-ID", "From", "Subject" };

/* What the next octet of a field belongs to. */
enum scan_part {
	PART_FOREIGN, /* a field that is none of ours, or was there before */
	PART_NAME,
	PART_BLANK, /* white space in front of the colon: obsolete, and allowed (section 4.5) */
	PART_VALUE,
	PART_DROPPED, /* a value of ours that is not kept */
};

void header_scan_init(struct header_scan *scan)
{
	*scan = (struct header_scan){ .part = PART_FOREIGN };
	for (size_t i = 0; i < HEADER_SCAN_FIELDS; i++)
		bytebuf_init(&scan->values[i], HEADER_SCAN_VALUE_MAX);
}

void header_scan_deinit(struct header_scan *scan)
{
	for (size_t i = 0; i < HEADER_SCAN_FIELDS; i++)
		bytebuf_deinit(&scan->values[i]);
}

static bool is_blank(unsigned char octet)
{
	return octet == ' ' || octet == '\t';
}

/* Whether the name is one of ours, as far as it goes, that has not come before. */
static bool scan_find(struct header_scan *scan, bool whole)
{
	for (size_t i = 0; i < HEADER_SCAN_FIELDS; i++) {
		size_t len = strlen(names[i]);

		if (!scan->found[i] && (whole ? scan->name_len == len : scan->name_len <= len) &&
		    span_equal_nocase(span_of(scan->name, scan->name_len),
				      span_of(names[i], scan->name_len))) {
			scan->field = i;
			return true;
		}
	}
	return false;
}

static void scan_take_name(struct header_scan *scan, unsigned char octet)
{
	if (octet == ':') {
		scan->part = scan_find(scan, true) ? PART_VALUE : PART_FOREIGN;
	} else if (is_blank(octet)) {
		scan->part = PART_BLANK;
	} else if (scan->part == PART_BLANK || scan->name_len == sizeof(scan->name)) {
		scan->part = PART_FOREIGN;
	} else {
		scan->name[scan->name_len++] = octet;
		/* Most fields are seen not to be ours at their first octet. */
		if (!scan_find(scan, false))
			scan->part = PART_FOREIGN;
	}
}

static void scan_take_value(struct header_scan *scan, struct span octets)
{
	struct bytebuf *value = &scan->values[scan->field];

	while (bytebuf_len(value) == 0 && octets.len > 0 && is_blank(*octets.data))
		(void)span_take(&octets, 1);
	if (bytebuf_append(value, octets))
		return;
	scan->no_memory =
		scan->no_memory || octets.len <= HEADER_SCAN_VALUE_MAX - bytebuf_len(value);
	bytebuf_reset(value);
	scan->part = PART_DROPPED;
}

static void scan_end_field(struct header_scan *scan)
{
	if (scan->part == PART_VALUE || scan->part == PART_DROPPED)
		scan->found[scan->field] = true;
	scan->part = PART_NAME;
	scan->name_len = 0;
}

/* An octet that is no line end. */
static void scan_take_octet(struct header_scan *scan, unsigned char octet)
{
	if (!scan->line_started && !is_blank(octet))
		scan_end_field(scan);
	scan->line_started = true;
	switch ((enum scan_part)scan->part) {
	case PART_NAME:
	case PART_BLANK:
		scan_take_name(scan, octet);
		break;
	case PART_VALUE:
		scan_take_value(scan, span_of(&octet, 1));
		break;
	case PART_FOREIGN:
	case PART_DROPPED:
		break;
	}
}

static void scan_end_line(struct header_scan *scan)
{
	scan->cr = false;
	if (!scan->line_started) {
		scan_end_field(scan);
		scan->over = true;
	}
	scan->line_started = false;
}

static void scan_take(struct header_scan *scan, unsigned char octet)
{
	if (octet == '\n') {
		scan_end_line(scan);
		return;
	}
	if (scan->cr)
		scan_take_octet(scan, '\r');
	scan->cr = octet == '\r';
	if (!scan->cr)
		scan_take_octet(scan, octet);
}

/* Takes what can be taken in one piece, mostly up to the end of the line; the rest goes octet by
 * octet. Returns how many. */
static size_t scan_take_run(struct header_scan *scan, struct span octets)
{
	const unsigned char *end;

	if (!scan->line_started || scan->part == PART_NAME || scan->part == PART_BLANK ||
	    (scan->part == PART_VALUE && scan->cr))
		return 0;
	end = memchr(octets.data, '\n', octets.len);
	if (end != NULL)
		octets.len = (size_t)(end - octets.data);
	if (scan->part == PART_VALUE) {
		end = octets.len > 0 ? memchr(octets.data, '\r', octets.len) : NULL;
		if (end != NULL)
			octets.len = (size_t)(end - octets.data);
		scan_take_value(scan, octets);
	} else {
		/* One in front of the line end belongs to that, and others are as foreign. */
		scan->cr = false;
	}
	return octets.len;
}

bool header_scan_feed(struct header_scan *scan, struct span octets)
{
	struct span rest = span_take(&octets, HEADER_SCAN_MAX - scan->octets);

	while (rest.len > 0 && !scan->over) {
		size_t taken = scan_take_run(scan, rest);

		if (taken == 0) {
			scan_take(scan, rest.data[0]);
			taken = 1;
		}
		(void)span_take(&rest, taken);
		scan->octets += taken;
	}
	if (scan->octets == HEADER_SCAN_MAX)
		header_scan_finish(scan);
	return scan->over;
}

void header_scan_finish(struct header_scan *scan)
{
	if (scan->over)
		return;
	scan_end_field(scan);
	scan->over = true;
}

bool header_scan_has(const struct header_scan *scan, enum header_scan_field field)
{
	return scan->found[field];
}

struct span header_scan_value(const struct header_scan *scan, enum header_scan_field field)
{
	struct span value = scan->found[field] ? bytebuf_peek(&scan->values[field]) : span_text("");

	while (value.len > 0 && is_blank(value.data[value.len - 1]))
		value.len--;
	return value;
}

bool header_scan_failed(const struct header_scan *scan)
{
	return scan->no_memory;
}

/* Letters without case; one blank stands for any number of them, which a fold may leave. */
static bool begins_with(struct span text, const char *words)
{
	for (; *words != '\0'; words++) {
		struct span front = span_take(&text, 1);

		if (front.len == 0)
			return false;
		if (*words != ' ' && octet_upper(*front.data) != octet_upper((unsigned char)*words))
			return false;
		if (*words == ' ' && !is_blank(*front.data))
			return false;
		while (*words == ' ' && text.len > 0 && is_blank(*text.data))
			(void)span_take(&text, 1);
	}
	return true;
}

static bool contains(struct span text, const char *words)
{
	for (; text.len > 0; (void)span_take(&text, 1)) {
		if (begins_with(text, words))
			return true;
	}
	return false;
}

enum header_scan_verdict header_scan_verdict(const struct header_scan *scan)
{
	static const char subject[] = "Retrieval using the IMAP4 protocol failed for the following "
				      "message";
	bool is_from = contains(header_scan_value(scan, HEADER_FROM), "Microsoft Exchange");
	bool is_subject = begins_with(header_scan_value(scan, HEADER_SUBJECT), subject);

	if (is_from && is_subject)
		return HEADER_SCAN_PLACEHOLDER;
	/* One field that is not the placeholder's, or that does not come any more, is enough. */
	if (scan->over || (scan->found[HEADER_FROM] && !is_from) ||
	    (scan->found[HEADER_SUBJECT] && !is_subject))
		return HEADER_SCAN_MESSAGE;
	return HEADER_SCAN_UNDECIDED;
}
