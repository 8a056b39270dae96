/* SPDX-License-Identifier: ISC */
#include "protocol/header_scan.h"

static const char *const names[HEADER_SCAN_FIELDS] = { "Message-ID", "From", "Subject" };

void header_scan_init(struct header_scan *scan)
{
	*scan = (struct header_scan){ .over = false };
	bytebuf_init(&scan->line, HEADER_SCAN_NAME_MAX + HEADER_SCAN_VALUE_MAX);
	for (size_t i = 0; i < HEADER_SCAN_FIELDS; i++)
		bytebuf_init(&scan->values[i], HEADER_SCAN_VALUE_MAX);
}

void header_scan_deinit(struct header_scan *scan)
{
	bytebuf_deinit(&scan->line);
	for (size_t i = 0; i < HEADER_SCAN_FIELDS; i++)
		bytebuf_deinit(&scan->values[i]);
}

static bool is_blank(unsigned char octet)
{
	return octet == ' ' || octet == '\t';
}

static struct span trim_end(struct span text)
{
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.len--;
	return text;
}

static struct span trim(struct span text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		(void)span_take(&text, 1);
	return trim_end(text);
}

/* Which of ours a name is, if it has not come before; HEADER_SCAN_FIELDS: none. */
static size_t scan_find(const struct header_scan *scan, struct span name)
{
	size_t i = 0;

	while (i < HEADER_SCAN_FIELDS &&
	       (scan->found[i] || !span_equal_nocase(name, span_text(names[i]))))
		i++;
	return i;
}

/* Whether it was kept: it may be too long, and there may be no memory. */
static bool scan_keep(struct header_scan *scan, struct bytebuf *buf, struct span octets)
{
	if (bytebuf_append(buf, octets))
		return true;
	if (octets.len <= buf->limit - bytebuf_len(buf))
		scan->no_memory = true;
	return false;
}

/* The field is complete. White space in front of the colon is obsolete and allowed (RFC 5322
 * section 4.5). */
static void scan_take_field(struct header_scan *scan)
{
	struct span line = bytebuf_peek(&scan->line);
	const unsigned char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;

	if (colon != NULL && !scan->foreign) {
		size_t field =
			scan_find(scan, trim_end(span_take(&line, (size_t)(colon - line.data))));
		(void)span_take(&line, 1);
		if (field < HEADER_SCAN_FIELDS) {
			scan->found[field] = true;
			if (!scan->too_long)
				(void)scan_keep(scan, &scan->values[field], trim(line));
		}
	}
	bytebuf_reset(&scan->line);
	scan->foreign = false;
	scan->too_long = false;
}

static void scan_append(struct header_scan *scan, unsigned char octet)
{
	struct span line = bytebuf_peek(&scan->line);

	if (scan->foreign || scan->too_long)
		return;
	if (octet == ':' && (line.len == 0 || memchr(line.data, ':', line.len) == NULL))
		scan->foreign = scan_find(scan, trim_end(line)) == HEADER_SCAN_FIELDS;
	if (!scan->foreign && !scan_keep(scan, &scan->line, span_of(&octet, 1))) {
		/* What is longer than a name of ours and the longest value is kept as seen. */
		scan->foreign = memchr(line.data, ':', line.len) == NULL;
		scan->too_long = true;
	}
}

/* An octet that is no line end. */
static void scan_octet(struct header_scan *scan, unsigned char octet)
{
	if (!scan->line_started && !is_blank(octet))
		scan_take_field(scan);
	scan->line_started = true;
	scan_append(scan, octet);
}

static void scan_end_line(struct header_scan *scan)
{
	if (scan->line_started) {
		scan->line_started = false;
		return;
	}
	scan_take_field(scan);
	scan->over = true;
}

static void scan_take_octet(struct header_scan *scan, unsigned char octet)
{
	if (octet == '\n') {
		scan->cr = false;
		scan_end_line(scan);
		return;
	}
	if (scan->cr)
		scan_octet(scan, '\r');
	scan->cr = octet == '\r';
	if (!scan->cr)
		scan_octet(scan, octet);
}

/* How many octets stand in front of the next line end, of a line that nobody looks at any more:
 * most of any header. */
static size_t scan_skip(struct header_scan *scan, struct span octets)
{
	const unsigned char *lf;
	size_t len;

	if (!scan->line_started || !(scan->foreign || scan->too_long))
		return 0;
	lf = memchr(octets.data, '\n', octets.len);
	len = lf != NULL ? (size_t)(lf - octets.data) : octets.len;
	if (len > 0)
		scan->cr = octets.data[len - 1] == '\r';
	return len;
}

bool header_scan_feed(struct header_scan *scan, struct span octets)
{
	while (octets.len > 0 && !scan->over) {
		size_t taken = scan_skip(scan, octets);

		if (taken == 0) {
			scan_take_octet(scan, octets.data[0]);
			taken = 1;
		}
		(void)span_take(&octets, taken);
		scan->octets += taken;
		if (scan->octets >= HEADER_SCAN_MAX)
			header_scan_finish(scan);
	}
	return scan->over;
}

void header_scan_finish(struct header_scan *scan)
{
	if (scan->over)
		return;
	scan_take_field(scan);
	scan->over = true;
}

bool header_scan_has(const struct header_scan *scan, enum header_scan_field field)
{
	return scan->found[field];
}

struct span header_scan_value(const struct header_scan *scan, enum header_scan_field field)
{
	return bytebuf_peek(&scan->values[field]);
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
