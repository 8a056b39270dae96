/* SPDX-License-Identifier: ISC */
#include "protocol/imap_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

enum form { REFUSED, ATOM, QUOTED, LITERAL };

/* What somebody may call himself, his password or his folder. */
static const struct {
	const char *name;
	struct span octets;
	enum form astring; /* as a string, atoms are quoted */
} strings[] = {
	{ "a word", OCTETS("INBOX"), ATOM },
	{ "an address", OCTETS("help.desk+x@contoso.com"), ATOM },
	{ "modified UTF-7", OCTETS("Entw&APw-rfe"), ATOM },
	{ "a number", OCTETS("42"), ATOM },
	{ "empty", OCTETS(""), QUOTED },
	{ "NIL", OCTETS("NIL"), QUOTED },
	{ "nil", OCTETS("nil"), QUOTED },
	{ "a blank", OCTETS(" "), QUOTED },
	{ "blanks", OCTETS("  two  words  "), QUOTED },
	{ "a quote", OCTETS("a\"b"), QUOTED },
	{ "a quote alone", OCTETS("\""), QUOTED },
	{ "a backslash at the end", OCTETS("a\\"), QUOTED },
	{ "backslash and quote", OCTETS("\\\""), QUOTED },
	{ "what looks like a literal", OCTETS("{10}"), QUOTED },
	{ "a brace", OCTETS("a{"), QUOTED },
	{ "wildcards", OCTETS("*%"), QUOTED },
	{ "parentheses", OCTETS("(\\Seen)"), QUOTED },
	{ "a bracket", OCTETS("a]"), QUOTED },
	{ "a control character", OCTETS("a\x01\x7f\t"), QUOTED },
	{ "CR", OCTETS("a\rb"), LITERAL },
	{ "LF", OCTETS("a\nb"), LITERAL },
	{ "a command", OCTETS("x\r\nA9 DELETE INBOX\r\n"), LITERAL },
	{ "a literal and a command", OCTETS("{3}\r\nA9 LOGOUT\r\n"), LITERAL },
	{ "UTF-8", OCTETS("p\xc3\xa4ss"), LITERAL },
	{ "0xff", OCTETS("\xff"), LITERAL },
	{ "0x80", OCTETS("\x80"), LITERAL },
	{ "NUL", OCTETS("a\0b"), REFUSED },
	{ "NUL alone", OCTETS("\0"), REFUSED },
};

enum { STRINGS = sizeof(strings) / sizeof(strings[0]) };

/* A server's view of the command, written without a look at the writer's. */
struct reader {
	struct span in;
	unsigned waits; /* literals that it must have agreed to */
};

static void expect_text(struct reader *reader, const char *text)
{
	struct span octets = span_take(&reader->in, strlen(text));

	if (!span_equal(octets, span_text(text)))
		fail_msg("\"%.*s\", not \"%s\"", (int)octets.len, (const char *)octets.data, text);
}

static unsigned char next_octet(struct reader *reader)
{
	struct span octet = span_take(&reader->in, 1);

	assert_int_equal(octet.len, 1);
	return octet.data[0];
}

/* Reads a blank and an astring into `value`. */
static enum form read_string(struct reader *reader, struct bytebuf *value)
{
	size_t len = 0;
	unsigned char octet;

	expect_text(reader, " ");
	octet = next_octet(reader);
	if (octet == '"') {
		while ((octet = next_octet(reader)) != '"') {
			if (octet == '\\') {
				octet = next_octet(reader);
				assert_true(octet == '"' || octet == '\\');
			}
			assert_true(octet != '\r' && octet != '\n' && octet < 0x80);
			assert_true(bytebuf_append_octet(value, octet));
		}
		return QUOTED;
	}
	if (octet == '{') {
		while ((octet = next_octet(reader)) >= '0' && octet <= '9')
			len = len * 10 + octet - '0';
		if (octet == '+')
			octet = next_octet(reader);
		else
			reader->waits++;
		assert_int_equal(octet, '}');
		expect_text(reader, "\r\n");
		assert_in_range(len, 0, reader->in.len);
		assert_true(bytebuf_append(value, span_take(&reader->in, len)));
		return LITERAL;
	}
	assert_true(bytebuf_append_octet(value, octet));
	while (reader->in.len > 0 && reader->in.data[0] > ' ') {
		octet = next_octet(reader);
		assert_true(octet < 0x7f && strchr("(){%*\"\\]", octet) == NULL);
		assert_true(bytebuf_append_octet(value, octet));
	}
	return ATOM;
}

/* Writes `LOGIN user password`, and reads it back. */
static void check_login(const char *name, struct span user, enum form user_form,
			struct span password, enum form password_form, enum imap_literals literals)
{
	struct imap_command_writer writer;
	struct bytebuf out;
	struct bytebuf user_read;
	struct bytebuf password_read;
	size_t octets = 0;

	bytebuf_init(&out, 3 * IMAP_COMMAND_MAX);
	bytebuf_init(&user_read, IMAP_COMMAND_MAX);
	bytebuf_init(&password_read, IMAP_COMMAND_MAX);
	assert_true(bytebuf_append_text(&out, "before"));
	imap_command_begin(&writer, &out, 4294967295u, IMAP_COMMAND_LOGIN, literals);
	imap_command_astring(&writer, user);
	imap_command_string(&writer, password);
	bool refused = user_form == REFUSED || password_form == REFUSED;
	if (imap_command_end(&writer) == refused)
		fail_msg("%s: %s", name, refused ? "was written" : "was refused");

	struct reader reader = { .in = bytebuf_peek(&out) };
	expect_text(&reader, "before");
	if (!refused) {
		octets = reader.in.len;
		expect_text(&reader, "A4294967295 LOGIN");
		if (read_string(&reader, &user_read) != user_form ||
		    !span_equal(bytebuf_peek(&user_read), user))
			fail_msg("%s: the user is not what it was", name);
		if (read_string(&reader, &password_read) != password_form ||
		    !span_equal(bytebuf_peek(&password_read), password))
			fail_msg("%s: the password is not what it was", name);
		expect_text(&reader, "\r\n");
		assert_int_equal(writer.part_count, 1 + reader.waits);
		assert_in_range(octets, 1, IMAP_COMMAND_MAX);
		for (unsigned i = 0; i < writer.part_count; i++)
			octets -= writer.parts[i];
	}
	assert_int_equal(octets, 0);
	assert_int_equal(reader.in.len, 0);
	bytebuf_deinit(&out);
	bytebuf_deinit(&user_read);
	bytebuf_deinit(&password_read);
}

/* No octet of an argument is syntax: each string with each other, with each kind of literal. */
static void test_no_argument_is_syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < STRINGS * STRINGS * 3; i++) {
		size_t user = i % STRINGS;
		size_t password = i / STRINGS % STRINGS;
		enum form form = strings[password].astring;

		check_login(strings[user].name, strings[user].octets, strings[user].astring,
			    strings[password].octets, form == ATOM ? QUOTED : form,
			    (enum imap_literals)(i / STRINGS / STRINGS));
	}
}

/* Every octet by itself, and between letters. */
static void test_every_octet(void **state)
{
	(void)state;
	for (unsigned octet = 1; octet < 256; octet++) {
		unsigned char text[] = { 'a', (unsigned char)octet, 'b' };
		bool literal = octet == '\r' || octet == '\n' || octet >= 0x80;
		bool special =
			octet <= ' ' || octet == 0x7f || strchr("(){%*\"\\]", (int)octet) != NULL;
		enum form quoted = literal ? LITERAL : QUOTED;
		enum form form = literal || special ? quoted : ATOM;

		check_login("one octet", span_of(text + 1, 1), form, span_of(text + 1, 1), quoted,
			    IMAP_LITERALS_NONE);
		check_login("three octets", span_of(text, 3), form, span_of(text, 3), quoted,
			    IMAP_LITERALS_PLUS);
	}
}

/* Long strings are literals, and what makes a command too long is refused. */
static void test_lengths(void **state)
{
	static char text[IMAP_COMMAND_MAX + 1];
	static const struct {
		const char *name;
		size_t len;
		enum form astring;
		enum form string;
	} lengths[] = {
		{ "1000 octets", 1000, ATOM, QUOTED },
		{ "1001 octets", 1001, LITERAL, LITERAL },
		{ "4096 octets", 4096, LITERAL, LITERAL },
		{ "7900 octets", 7900, LITERAL, LITERAL },
		{ "8000 octets", 8000, REFUSED, REFUSED },
		{ "8001 octets", 8001, REFUSED, REFUSED },
	};

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct span octets = span_of(text, lengths[i].len);
		check_login(lengths[i].name, octets, lengths[i].astring, span_text("x"), QUOTED,
			    IMAP_LITERALS_NONE);
		check_login(lengths[i].name, span_text("x"), ATOM, octets, lengths[i].string,
			    IMAP_LITERALS_PLUS);
	}
}

/* RFC 7888: LITERAL- lets only short ones go unasked. */
static void test_who_waits(void **state)
{
	static char text[4097];
	static const struct {
		enum imap_literals literals;
		size_t len;
		unsigned parts;
	} waits[] = {
		{ IMAP_LITERALS_NONE, 1001, 2 },  { IMAP_LITERALS_MINUS, 1001, 1 },
		{ IMAP_LITERALS_MINUS, 4096, 1 }, { IMAP_LITERALS_MINUS, 4097, 2 },
		{ IMAP_LITERALS_PLUS, 4097, 1 },
	};

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct imap_command_writer writer;
		struct bytebuf out;

		bytebuf_init(&out, 2 * IMAP_COMMAND_MAX);
		imap_command_begin(&writer, &out, 1, IMAP_COMMAND_SELECT, waits[i].literals);
		imap_command_astring(&writer, span_of(text, waits[i].len));
		assert_true(imap_command_end(&writer));
		assert_int_equal(writer.part_count, waits[i].parts);
		bytebuf_deinit(&out);
	}
}

static void check_sasl(const char *name, struct span initial, bool at_once, unsigned parts,
		       const char *expected)
{
	struct imap_command_writer writer;
	struct bytebuf out;

	bytebuf_init(&out, 4 * IMAP_SASL_MAX);
	imap_command_begin(&writer, &out, 1, IMAP_COMMAND_AUTHENTICATE, IMAP_LITERALS_PLUS);
	imap_command_text(&writer, " X");
	imap_command_sasl(&writer, initial, at_once);
	if (imap_command_end(&writer) != (parts > 0) || writer.part_count < parts)
		fail_msg("%s: %u parts, not %u", name, writer.part_count, parts);
	struct span got = bytebuf_peek(&out);
	if (expected != NULL && !span_equal(got, span_text(expected)))
		fail_msg("%s: %.*s, not %s", name, (int)got.len, (const char *)got.data, expected);
	if (parts == 2)
		assert_int_equal(writer.parts[0], strlen("A1 AUTHENTICATE X\r\n"));
	bytebuf_deinit(&out);
}

static void test_sasl(void **state)
{
	static char token[IMAP_SASL_MAX + 1];

	(void)state;
	check_sasl("SASL-IR", span_text("user"), true, 1, "A1 AUTHENTICATE X dXNlcg==\r\n");
	check_sasl("no SASL-IR", span_text("user"), false, 2, "A1 AUTHENTICATE X\r\ndXNlcg==\r\n");
	check_sasl("SASL-IR, empty", span_text(""), true, 1, "A1 AUTHENTICATE X =\r\n");
	check_sasl("no SASL-IR, empty", span_text(""), false, 2, "A1 AUTHENTICATE X\r\n\r\n");
	memset(token, 'a', sizeof(token));
	check_sasl("a token of 3 kB", span_of(token, 3000), true, 1, NULL);
	check_sasl("a token too long for a command", span_of(token, 6000), true, 2, NULL);
	check_sasl("the longest token", span_of(token, IMAP_SASL_MAX), true, 2, NULL);
	check_sasl("a token too long", span_of(token, IMAP_SASL_MAX + 1), true, 0, "");
}

/* As many UIDs as fit, whatever follows them. */
static void test_uids(void **state)
{
	enum { COUNT = 3000 };
	static const size_t reserves[] = { 0, 100, 2000, 7900 };
	uint32_t *uids = malloc(COUNT * sizeof(*uids));

	(void)state;
	assert_non_null(uids);
	for (uint32_t i = 0; i < COUNT; i++)
		uids[i] = 4000000000u + 2 * i;
	for (size_t i = 0; i < sizeof(reserves) / sizeof(reserves[0]); i++) {
		struct imap_command_writer writer;
		struct bytebuf out;

		bytebuf_init(&out, 2 * IMAP_COMMAND_MAX);
		imap_command_begin(&writer, &out, 1, IMAP_COMMAND_UID_EXPUNGE, IMAP_LITERALS_NONE);
		size_t taken = imap_command_uids(&writer, uids, COUNT, reserves[i]);
		assert_true(imap_command_end(&writer));
		/* "A1 UID EXPUNGE " and CRLF; ten digits and a comma each. */
		assert_int_equal(bytebuf_len(&out), 17 + 11 * taken - 1);
		assert_int_equal(taken, (IMAP_COMMAND_MAX - reserves[i] - 17 + 1) / 11);
		bytebuf_deinit(&out);
	}
	free(uids);
}

static void test_uids_without_room(void **state)
{
	static const size_t reserves[] = { IMAP_COMMAND_MAX - 30, IMAP_COMMAND_MAX + 1, SIZE_MAX };
	uint32_t uid = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(reserves) / sizeof(reserves[0]); i++) {
		struct imap_command_writer writer;
		struct bytebuf out;

		bytebuf_init(&out, 2 * IMAP_COMMAND_MAX);
		imap_command_begin(&writer, &out, 1, IMAP_COMMAND_UID_EXPUNGE, IMAP_LITERALS_NONE);
		assert_int_equal(imap_command_uids(&writer, &uid, 1, reserves[i]), 0);
		assert_false(imap_command_end(&writer));
		assert_int_equal(bytebuf_len(&out), 0);
		bytebuf_deinit(&out);
	}
}

/* Whichever octet is the last that fits, nothing of the command stays. */
static void test_full(void **state)
{
	static const char whole[] = "A1 LOGIN {1}\r\n\xff \"p\"\r\n";

	(void)state;
	for (size_t limit = 0; limit < sizeof(whole); limit++) {
		struct imap_command_writer writer;
		struct bytebuf out;

		bytebuf_init(&out, limit);
		imap_command_begin(&writer, &out, 1, IMAP_COMMAND_LOGIN, IMAP_LITERALS_NONE);
		imap_command_astring(&writer, span_text("\xff"));
		imap_command_string(&writer, span_text("p"));
		assert_int_equal(imap_command_end(&writer), limit == sizeof(whole) - 1);
		assert_int_equal(bytebuf_len(&out), limit == sizeof(whole) - 1 ? limit : 0);
		bytebuf_deinit(&out);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(imap_command_name(IMAP_COMMAND_UID_FETCH), "UID FETCH");
#define X(name) assert_non_null(imap_command_name(IMAP_COMMAND_##name));
	IMAP_COMMANDS(X)
#undef X
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_argument_is_syntax),
		cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_who_waits),
		cmocka_unit_test(test_sasl),
		cmocka_unit_test(test_uids),
		cmocka_unit_test(test_uids_without_room),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
