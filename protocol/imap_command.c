/* SPDX-License-Identifier: ISC */
#include "protocol/imap_command.h"

#include <assert.h>

#include "protocol/base64.h"
#include "protocol/limits.h"
#include "protocol/uid_set.h"

enum {
	/* Longer strings are literals (RFC 2683 section 3.2.1.5: lines should be short). */
	QUOTED_MAX = 1000,
	/* RFC 7888 section 5: LITERAL-. */
	LITERAL_MINUS_MAX = 4096,
	/* A blank, quotes, or the announcement of a literal; and the CRLF behind it. */
	STRING_FRAME = 16,
	/* What uid_set_append() needs at least. */
	UID_SET_MIN = 21,
};

const char *imap_command_name(enum imap_command command)
{
	static const char *const names[] = {
		[IMAP_COMMAND_CAPABILITY] = "CAPABILITY",
		[IMAP_COMMAND_NOOP] = "NOOP",
		[IMAP_COMMAND_LOGOUT] = "LOGOUT",
		[IMAP_COMMAND_ID] = "ID",
		[IMAP_COMMAND_STARTTLS] = "STARTTLS",
		[IMAP_COMMAND_AUTHENTICATE] = "AUTHENTICATE",
		[IMAP_COMMAND_LOGIN] = "LOGIN",
		[IMAP_COMMAND_SELECT] = "SELECT",
		[IMAP_COMMAND_LIST] = "LIST",
		[IMAP_COMMAND_CREATE] = "CREATE",
		[IMAP_COMMAND_UID_FETCH] = "UID FETCH",
		[IMAP_COMMAND_UID_SEARCH] = "UID SEARCH",
		[IMAP_COMMAND_UID_STORE] = "UID STORE",
		[IMAP_COMMAND_UID_COPY] = "UID COPY",
		[IMAP_COMMAND_UID_MOVE] = "UID MOVE",
		[IMAP_COMMAND_UID_EXPUNGE] = "UID EXPUNGE",
		[IMAP_COMMAND_UNSELECT] = "UNSELECT",
		[IMAP_COMMAND_IDLE] = "IDLE",
	};
	return names[command];
}

static void write_octets(struct imap_command_writer *writer, struct span octets)
{
	if (!writer->failed && !bytebuf_append(writer->out, octets))
		writer->failed = true;
}

void imap_command_begin(struct imap_command_writer *writer, struct bytebuf *out, uint32_t id,
			enum imap_command command, enum imap_literals literals)
{
	*writer = (struct imap_command_writer){
		.out = out,
		.start = bytebuf_len(out),
		.part_start = bytebuf_len(out),
		.literals = literals,
	};
	imap_command_text(writer, "A");
	imap_command_number(writer, id);
	imap_command_text(writer, " ");
	imap_command_text(writer, imap_command_name(command));
}

void imap_command_text(struct imap_command_writer *writer, const char *text)
{
	write_octets(writer, span_text(text));
}

void imap_command_number(struct imap_command_writer *writer, uint64_t number)
{
	if (!writer->failed && !bytebuf_append_number(writer->out, number))
		writer->failed = true;
}

/* What has been written since the last cut may be sent; what follows waits. */
static void cut(struct imap_command_writer *writer)
{
	if (writer->failed)
		return;
	assert(writer->part_count < IMAP_COMMAND_PARTS_MAX);
	size_t len = bytebuf_len(writer->out);
	writer->parts[writer->part_count++] = len - writer->part_start;
	writer->part_start = len;
}

/* ATOM-CHAR of RFC 3501 section 9; "]", which an astring might have, is left out. */
static bool is_atom_char(unsigned char octet)
{
	static const unsigned char specials[] = { '(', ')', '{', '%', '*', '"', '\\', ']' };

	return octet > ' ' && octet < 0x7f && memchr(specials, octet, sizeof(specials)) == NULL;
}

static bool is_atom(struct span octets)
{
	if (octets.len == 0 || octets.len > QUOTED_MAX ||
	    span_equal_nocase(octets, span_text("NIL")))
		return false;
	for (size_t i = 0; i < octets.len; i++) {
		if (!is_atom_char(octets.data[i]))
			return false;
	}
	return true;
}

static bool is_quotable(struct span octets)
{
	if (octets.len > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < octets.len; i++) {
		unsigned char octet = octets.data[i];

		if (octet == '\r' || octet == '\n' || octet >= 0x80)
			return false;
	}
	return true;
}

static void write_quoted(struct imap_command_writer *writer, struct span octets)
{
	imap_command_text(writer, "\"");
	for (size_t i = 0; i < octets.len; i++) {
		if (octets.data[i] == '"' || octets.data[i] == '\\')
			imap_command_text(writer, "\\");
		write_octets(writer, span_of(octets.data + i, 1));
	}
	imap_command_text(writer, "\"");
}

static void write_literal(struct imap_command_writer *writer, struct span octets)
{
	bool at_once = writer->literals == IMAP_LITERALS_PLUS ||
		       (writer->literals == IMAP_LITERALS_MINUS && octets.len <= LITERAL_MINUS_MAX);

	imap_command_text(writer, "{");
	imap_command_number(writer, octets.len);
	imap_command_text(writer, at_once ? "+}\r\n" : "}\r\n");
	if (!at_once)
		cut(writer);
	write_octets(writer, octets);
}

void imap_command_string(struct imap_command_writer *writer, struct span octets)
{
	/* Not even a literal may hold a NUL (CHAR8 of RFC 3501 section 9). */
	if (octets.len > IMAP_COMMAND_MAX ||
	    (octets.len > 0 && memchr(octets.data, '\0', octets.len) != NULL)) {
		writer->failed = true;
		return;
	}
	imap_command_text(writer, " ");
	if (is_quotable(octets))
		write_quoted(writer, octets);
	else
		write_literal(writer, octets);
}

void imap_command_astring(struct imap_command_writer *writer, struct span octets)
{
	if (!is_atom(octets)) {
		imap_command_string(writer, octets);
		return;
	}
	imap_command_text(writer, " ");
	write_octets(writer, octets);
}

size_t imap_command_string_max(struct span octets)
{
	/* Every octet of a quoted string may need an escape; literals have none. */
	return STRING_FRAME + (octets.len <= QUOTED_MAX ? 2 * octets.len : octets.len);
}

size_t imap_command_uids(struct imap_command_writer *writer, const uint32_t *uids, size_t count,
			 size_t reserve)
{
	size_t taken = 0;
	size_t used = bytebuf_len(writer->out) - writer->start + strlen(" \r\n");

	assert(count > 0);
	if (reserve > IMAP_COMMAND_MAX || used + reserve + UID_SET_MIN > IMAP_COMMAND_MAX)
		writer->failed = true;
	imap_command_text(writer, " ");
	if (!writer->failed)
		taken = uid_set_append(writer->out, uids, count, IMAP_COMMAND_MAX - used - reserve);
	if (taken == 0)
		writer->failed = true;
	return taken;
}

void imap_command_sasl(struct imap_command_writer *writer, struct span initial, bool at_once)
{
	size_t used = bytebuf_len(writer->out) - writer->start + strlen(" \r\n");
	size_t before;

	if (initial.len > IMAP_SASL_MAX)
		writer->failed = true;
	if (at_once && !writer->failed && used + (initial.len + 2) / 3 * 4 <= IMAP_COMMAND_MAX) {
		/* RFC 4959 section 3: an empty initial response is "=". */
		imap_command_text(writer, initial.len == 0 ? " =" : " ");
	} else {
		imap_command_text(writer, "\r\n");
		cut(writer);
	}
	before = bytebuf_len(writer->out);
	if (!writer->failed && !base64_encode(writer->out, initial))
		writer->failed = true;
	writer->sasl_octets = bytebuf_len(writer->out) - before;
}

bool imap_command_end(struct imap_command_writer *writer)
{
	imap_command_text(writer, "\r\n");
	cut(writer);
	if (bytebuf_len(writer->out) - writer->start - writer->sasl_octets > IMAP_COMMAND_MAX)
		writer->failed = true;
	if (writer->failed)
		bytebuf_truncate(writer->out, writer->start);
	return !writer->failed;
}
