/* SPDX-License-Identifier: ISC */
#include "protocol/imap_token.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

#define SYNTAX IMAP_TOKEN_MODE_SYNTAX
#define ITEM IMAP_TOKEN_MODE_ITEM
#define MAILBOX IMAP_TOKEN_MODE_MAILBOX
#define STATUS IMAP_TOKEN_MODE_STATUS
#define CODE IMAP_TOKEN_MODE_CODE
#define CODE_REST IMAP_TOKEN_MODE_CODE_REST
#define TEXT IMAP_TOKEN_MODE_TEXT
#define SKIP IMAP_TOKEN_MODE_SKIP

/*
 * All tokens of a row are read in one mode. In `expected` an atom stands as it is, a quoted string
 * in quotes, a collected literal as <...>, a literal as {n:octets}, text as 'text'; "$" is the end
 * of a line, "!" a violation with its reason, at which the row ends.
 */
static const struct {
	const char *name;
	enum imap_token_mode mode;
	struct span input;
	const char *expected;
} rows[] = {
	{ "nothing", SYNTAX, OCTETS(""), "" },
	{ "an unfinished atom", SYNTAX, OCTETS("a"), "" },
	{ "an empty line", SYNTAX, OCTETS("\r\n"), "$" },
	{ "a bare LF", SYNTAX, OCTETS("\n"), "$" },
	{ "blanks", SYNTAX, OCTETS("   a   b   \r\n"), "a b $" },
	{ "atoms", SYNTAX, OCTETS("* 12 EXISTS\r\nA1 OK\n"), "* 12 EXISTS $ A1 OK $" },
	{ "flags", SYNTAX, OCTETS("(\\Seen \\* $MDNSent [x] a]b)\r\n"),
	  "( \\Seen \\* $MDNSent [x] a]b ) $" },
	{ "8-bit atom", SYNTAX, OCTETS("\xc3\xa4\r\n"), "\xc3\xa4 $" },
	{ "control in an atom", SYNTAX, OCTETS("a\x01"), "! an octet that no atom has" },
	{ "TAB", SYNTAX, OCTETS("a\tb"), "! an octet that no atom has" },
	{ "DEL", SYNTAX, OCTETS("\x7f"), "! an octet that no atom has" },
	{ "NUL in an atom", SYNTAX, OCTETS("a\0b"), "! an octet that no atom has" },
	{ "NUL first", SYNTAX, OCTETS("\0"), "! an octet that no atom has" },
	{ "quote in an atom", SYNTAX, OCTETS("a\"b"), "! an octet that no atom has" },
	{ "CR without LF", SYNTAX, OCTETS("a\rb"), "a ! CR without LF" },
	{ "two CR", SYNTAX, OCTETS("a\r\r\n"), "a ! CR without LF" },

	{ "quoted", SYNTAX, OCTETS("\"a b\"\r\n"), "\"a b\" $" },
	{ "quoted, empty", SYNTAX, OCTETS("\"\" \"\"\r\n"), "\"\" \"\" $" },
	{ "escapes", SYNTAX, OCTETS("\"a\\\"b\\\\c\\d\"\r\n"), "\"a\"b\\cd\" $" },
	{ "quoted syntax", SYNTAX, OCTETS("\"({5}\"\r\n"), "\"({5}\" $" },
	{ "quoted control and 8-bit", SYNTAX, OCTETS("\"\x01\xff\t\"\r\n"), "\"\x01\xff\t\" $" },
	{ "quoted CR", SYNTAX, OCTETS("\"a\rb\""), "! a quoted string is not closed" },
	{ "quoted LF", SYNTAX, OCTETS("\"a\nb\""), "! a quoted string is not closed" },
	{ "quoted NUL", SYNTAX, OCTETS("\"a\0b\""), "! a quoted string is not closed" },
	{ "escaped LF", SYNTAX, OCTETS("\"a\\\n\""), "! a quoted string is not closed" },
	{ "escaped NUL", SYNTAX, OCTETS("\"a\\\0\""), "! a quoted string is not closed" },

	{ "literal", SYNTAX, OCTETS("{5}\r\nhello\r\n"), "{5:hello} $" },
	{ "literal, bare LF", SYNTAX, OCTETS("{5}\nhello\n"), "{5:hello} $" },
	{ "literal, empty", SYNTAX, OCTETS("{0}\r\n\r\n"), "{0:} $" },
	{ "literal, non-synchronizing", SYNTAX, OCTETS("{2+}\r\n\r\n\r\n"), "{2:\r\n} $" },
	{ "literal, leading zeroes", SYNTAX, OCTETS("{0003}\r\nabc\r\n"), "{3:abc} $" },
	{ "literal of syntax", SYNTAX, OCTETS("{9}\r\n* BYE\r\n()\r\n"), "{9:* BYE\r\n()} $" },
	{ "literal with NUL", SYNTAX, OCTETS("{3}\r\na\0b)"),
	  "{3:a.b} ! a parenthesis closes nothing" },
	{ "literals in a list", SYNTAX, OCTETS("({1}\r\na {1}\r\nb)\r\n"), "( {1:a} {1:b} ) $" },
	{ "literal8", SYNTAX, OCTETS("~{3}\r\na\0b\r\n"), "{3:a.b} $" },
	{ "an atom like literal8", SYNTAX, OCTETS("~a ~\r\n"), "~a ~ $" },
	{ "literal of 2^63-1", SYNTAX, OCTETS("{9223372036854775807}\r\nab"),
	  "{9223372036854775807:ab" },
	{ "literal of 2^63", SYNTAX, OCTETS("{9223372036854775808}\r\n"),
	  "! a literal's size is out of range" },
	{ "literal of twenty nines", SYNTAX, OCTETS("{99999999999999999999}\r\n"),
	  "! a literal's size is out of range" },
	{ "literal of 2^64", SYNTAX, OCTETS("{18446744073709551616}\r\n"),
	  "! a literal's size is out of range" },
	{ "literal without a size", SYNTAX, OCTETS("{}\r\n"), "! a literal is announced wrongly" },
	{ "literal of -1", SYNTAX, OCTETS("{-1}\r\n"), "! a literal is announced wrongly" },
	{ "literal of +5", SYNTAX, OCTETS("{+5}\r\n"), "! a literal is announced wrongly" },
	{ "literal of 5-", SYNTAX, OCTETS("{5-}\r\n"), "! a literal is announced wrongly" },
	{ "literal of 5++", SYNTAX, OCTETS("{5++}\r\n"), "! a literal is announced wrongly" },
	{ "literal of blank", SYNTAX, OCTETS("{ 5}\r\n"), "! a literal is announced wrongly" },
	{ "literal twice opened", SYNTAX, OCTETS("{{5}\r\n"), "! a literal is announced wrongly" },
	{ "literal without CRLF", SYNTAX, OCTETS("{5}hello"), "! a literal is announced wrongly" },
	{ "literal with blank before CRLF", SYNTAX, OCTETS("{5} \r\n"),
	  "! a literal is announced wrongly" },
	{ "literal with CR alone", SYNTAX, OCTETS("{5}\rhello"),
	  "! a literal is announced wrongly" },
	{ "literal cut by the line", SYNTAX, OCTETS("{5\r\n"), "! a literal is announced wrongly" },
	{ "literal inside an atom", SYNTAX, OCTETS("a{5}\r\n"),
	  "! a literal begins inside an atom" },

	{ "parentheses", SYNTAX, OCTETS("(a(b)\"c\"()d)\r\n"), "( a ( b ) \"c\" ( ) d ) $" },
	{ "closed too often", SYNTAX, OCTETS("a)\r\n"), "a ! a parenthesis closes nothing" },
	{ "never closed", SYNTAX, OCTETS("(a\r\n"), "( a ! a line ends inside parentheses" },
	{ "never closed, bare LF", SYNTAX, OCTETS("(\n"), "( ! a line ends inside parentheses" },

	{ "item", ITEM, OCTETS("(UID 5 FLAGS(\\Seen))\r\n"), "( UID 5 FLAGS ( \\Seen ) ) $" },
	{ "item with a section", ITEM, OCTETS("BODY[HEADER.FIELDS (DATE \"a b\")]<0> NIL\r\n"),
	  "BODY[HEADER.FIELDS (DATE \"a b\")]<0> NIL $" },
	{ "item with an empty section", ITEM, OCTETS("(BODY[] NIL)\r\n"), "( BODY[] NIL ) $" },
	{ "item that begins with its section", ITEM, OCTETS("[a b] c\r\n"), "[a b] c $" },
	{ "item with two sections", ITEM, OCTETS("A[ ]B[ ]C\r\n"), "A[ ]B[ ]C $" },
	{ "section not closed", ITEM, OCTETS("BODY[TEXT\r\n"), "! a section is not closed" },
	{ "section with a literal", ITEM, OCTETS("BODY[{4}\r\n"), "! a section is not closed" },
	{ "section with NUL", ITEM, OCTETS("BODY[\0"), "! a section is not closed" },

	{ "mailbox atom", MAILBOX, OCTETS("INBOX\r\n"), "INBOX $" },
	{ "mailbox quoted", MAILBOX, OCTETS(" \"Deleted Items\"\r\n"), "\"Deleted Items\" $" },
	{ "mailbox literal", MAILBOX, OCTETS("{6}\r\na\r\nb\"c\r\n"), "<a\r\nb\"c> $" },
	{ "mailbox literal, empty", MAILBOX, OCTETS("{0}\r\n\r\n"), "<> $" },
	{ "mailbox without opening quote", MAILBOX, OCTETS("Calendar\"\r\n"), "Calendar $" },
	{ "mailbox of two words without opening quote", MAILBOX, OCTETS("Deleted Items\"\n"),
	  "Deleted Items $" },
	{ "mailbox with extended data", MAILBOX, OCTETS("foo (\"CHILDINFO\" (\"x\"))\r\n"),
	  "foo $" },
	{ "mailbox of one quote", MAILBOX, OCTETS("\"\r\n"), "! a quoted string is not closed" },
	{ "mailbox with what looks like a literal", MAILBOX, OCTETS("foo {5}\r\n"),
	  "! an octet that no mailbox name has" },
	{ "mailbox with NUL", MAILBOX, OCTETS("a\0\r\n"), "! an octet that no mailbox name has" },
	{ "mailbox missing", MAILBOX, OCTETS(" \r\n"), "$" },
	{ "mailbox literal too long", MAILBOX, OCTETS("{8193}\r\n"),
	  "! a token is too long, or memory is short" },

	{ "text", STATUS, OCTETS(" all is well \r\n"), "'all is well '" },
	{ "text, empty", STATUS, OCTETS("\r\n"), "''" },
	{ "text, bare LF", STATUS, OCTETS(" a\n"), "'a'" },
	{ "text with a bracket later", STATUS, OCTETS(" ready. [TQBS]\r\n"), "'ready. [TQBS]'" },
	{ "text with a literal", STATUS, OCTETS("a {5}\r\nb\r\n"), "'a {5}' 'b'" },
	{ "text with controls", STATUS, OCTETS("a\x1b[1m\t\x7f\xc3\xa4\r\n"), "'a?[1m??\xc3\xa4'" },
	{ "text with a bare CR", STATUS, OCTETS("a\rb\r\r\n"), "'a?b?'" },
	{ "text with NUL", STATUS, OCTETS("a\0b\r\n"), "! NUL outside a literal" },
	{ "text that begins with a bracket", TEXT, OCTETS("[a] b\r\n"), "'[a] b'" },

	{ "code", CODE, OCTETS("PERMANENTFLAGS (\\Seen \\*)] "), "PERMANENTFLAGS \\Seen \\* ]" },
	{ "code of odd octets", CODE, OCTETS("REFERRAL imap://a;AUTH=*@\"b\"{5}/\x01]"),
	  "REFERRAL imap://a;AUTH=*@\"b\"{5}/\x01 ]" },
	{ "code, empty", CODE, OCTETS("]"), "]" },
	{ "code not closed", CODE, OCTETS("ALERT\r\n"), "ALERT $" },
	{ "code with NUL", CODE, OCTETS("A\0]"), "! an octet that no atom has" },
	{ "rest of a code", CODE_REST, OCTETS(" x (\"y\") {5} z]"), "]" },
	{ "rest of a code, not closed", CODE_REST, OCTETS(" x\r\n"), "$" },
	{ "rest of a code with NUL", CODE_REST, OCTETS("x\0]"), "! NUL outside a literal" },

	{ "skip", SKIP, OCTETS(" a ((( \"b ]\r\n"), "$" },
	{ "skip, bare LF", SKIP, OCTETS("\n\n"), "$ $" },
	{ "skip a literal", SKIP, OCTETS("a {3}\r\nb\r\n c {1+}\nd e\r\n"), "{3:b\r\n} {1:d} $" },
	{ "skip literal8", SKIP, OCTETS(" ~{3}\r\na\0b)\r\n"), "{3:a.b} $" },
	{ "skip what only looks like a literal", SKIP,
	  OCTETS("{3} {} {a} {5}x {1+2} {{7 \"{4}\" {5}\rx\r\n"), "$" },
	{ "skip a literal behind an odd one", SKIP, OCTETS("{5{{1}\r\nx\r\n"), "{1:x} $" },
	{ "skip a literal of twenty nines", SKIP, OCTETS("{99999999999999999999}\r\n"),
	  "! a literal's size is out of range" },
	{ "skip NUL", SKIP, OCTETS("a\0"), "! NUL outside a literal" },
};

static void put(struct bytebuf *log, const char *before, struct span text, const char *behind)
{
	assert_true(bytebuf_append_text(log, before));
	for (size_t i = 0; i < text.len; i++)
		assert_true(bytebuf_append_octet(log, text.data[i] == '\0' ? '.' : text.data[i]));
	assert_true(bytebuf_append_text(log, behind));
}

/* Adds a token to the log. False at a violation. */
static bool put_token(struct bytebuf *log, const struct imap_token *token)
{
	switch (token->type) {
	case IMAP_TOKEN_NEED_INPUT:
		break;
	case IMAP_TOKEN_ATOM:
		put(log, "", token->text, "");
		break;
	case IMAP_TOKEN_QUOTED:
		put(log, "\"", token->text, "\"");
		break;
	case IMAP_TOKEN_STRING:
		put(log, "<", token->text, ">");
		break;
	case IMAP_TOKEN_LITERAL:
		assert_true(bytebuf_append_text(log, "{"));
		assert_true(bytebuf_append_number(log, token->octets));
		assert_true(bytebuf_append_text(log, token->octets > 0 ? ":" : ":}"));
		break;
	case IMAP_TOKEN_OPEN:
		put(log, "(", token->text, "");
		break;
	case IMAP_TOKEN_CLOSE:
		put(log, ")", token->text, "");
		break;
	case IMAP_TOKEN_CODE_OPEN:
		put(log, "[", token->text, "");
		break;
	case IMAP_TOKEN_CODE_CLOSE:
		put(log, "]", token->text, "");
		break;
	case IMAP_TOKEN_TEXT:
		assert_int_equal(token->text.data[token->text.len], '\0');
		put(log, "'", token->text, "'");
		break;
	case IMAP_TOKEN_EOL:
		put(log, "$", token->text, "");
		break;
	case IMAP_TOKEN_VIOLATION:
		put(log, "! ", span_text(token->reason), "");
		return false;
	}
	return true;
}

/* Reads one piece of the input. False at a violation. */
static bool read_piece(struct imap_token_reader *reader, enum imap_token_mode mode, struct span in,
		       struct bytebuf *log)
{
	struct imap_token token;

	for (;;) {
		if (imap_token_left(reader) > 0) {
			put(log, "", imap_token_take(reader, &in), "");
			if (imap_token_left(reader) > 0)
				return true;
			assert_true(bytebuf_append_text(log, "}"));
		}
		if (imap_token_next(reader, mode, &in, &token) == IMAP_TOKEN_NEED_INPUT) {
			assert_int_equal(in.len, 0);
			return true;
		}
		if (bytebuf_len(log) > 0)
			assert_true(bytebuf_append_text(log, " "));
		if (!put_token(log, &token))
			return false;
	}
}

/* The input in pieces of `step` octets, the first of them `first` octets long. */
static void run(enum imap_token_mode mode, struct span input, size_t first, size_t step,
		struct bytebuf *log)
{
	struct imap_token_reader reader;
	struct span piece = span_take(&input, first);

	imap_token_init(&reader);
	while (read_piece(&reader, mode, piece, log) && input.len > 0)
		piece = span_take(&input, step);
	imap_token_deinit(&reader);
}

static void check_row(size_t row, size_t first, size_t step)
{
	struct bytebuf log;

	bytebuf_init(&log, 4096);
	run(rows[row].mode, rows[row].input, first, step, &log);
	struct span got = bytebuf_peek(&log);
	if (!span_equal(got, span_text(rows[row].expected)))
		fail_msg("%s (%zu, then %zu at a time): %.*s, not %s", rows[row].name, first, step,
			 (int)got.len, (const char *)got.data, rows[row].expected);
	bytebuf_deinit(&log);
}

static void test_whole(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		check_row(row, SIZE_MAX, 1);
}

static void test_octet_by_octet(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		check_row(row, 1, 1);
}

static void test_every_split(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		for (size_t first = 0; first <= rows[row].input.len; first++)
			check_row(row, first, SIZE_MAX);
	}
}

/* Reads `count` times the same octet behind `prefix`, and says what comes first of it. */
static enum imap_token_type read_many(enum imap_token_mode mode, const char *prefix, char octet,
				      size_t count, struct imap_token *token)
{
	struct imap_token_reader reader;
	char *octets = malloc(count);
	struct span in = span_text(prefix);
	enum imap_token_type type;

	assert_non_null(octets);
	memset(octets, octet, count);
	imap_token_init(&reader);
	while ((type = imap_token_next(&reader, mode, &in, token)) != IMAP_TOKEN_NEED_INPUT)
		assert_int_not_equal(type, IMAP_TOKEN_VIOLATION);
	in = span_of(octets, count);
	do {
		type = imap_token_next(&reader, mode, &in, token);
	} while (type != IMAP_TOKEN_NEED_INPUT && type != IMAP_TOKEN_VIOLATION);
	imap_token_deinit(&reader);
	free(octets);
	return type;
}

/* What is kept is bounded; what is dropped is not. */
static void test_ceilings(void **state)
{
	static const struct {
		const char *name;
		enum imap_token_mode mode;
		const char *prefix;
		char octet;
		size_t count;
		enum imap_token_type type;
	} ceilings[] = {
		{ "an atom that just fits", SYNTAX, "", 'a', IMAP_TOKEN_MAX,
		  IMAP_TOKEN_NEED_INPUT },
		{ "an atom too long", SYNTAX, "", 'a', IMAP_TOKEN_MAX + 1, IMAP_TOKEN_VIOLATION },
		{ "a quoted string that just fits", SYNTAX, "\"", 'a', IMAP_TOKEN_MAX,
		  IMAP_TOKEN_NEED_INPUT },
		{ "a quoted string too long", SYNTAX, "\"", 'a', IMAP_TOKEN_MAX + 1,
		  IMAP_TOKEN_VIOLATION },
		{ "escapes too long", SYNTAX, "\"", '\\', 2 * IMAP_TOKEN_MAX + 2,
		  IMAP_TOKEN_VIOLATION },
		{ "a section too long", ITEM, "BODY[", ' ', IMAP_TOKEN_MAX, IMAP_TOKEN_VIOLATION },
		{ "a mailbox too long", MAILBOX, "", 'a', IMAP_TOKEN_MAX + 1,
		  IMAP_TOKEN_VIOLATION },
		{ "1 MB of text", TEXT, "", 'a', 1 << 20, IMAP_TOKEN_NEED_INPUT },
		{ "1 MB that is skipped", SKIP, "", 'a', 1 << 20, IMAP_TOKEN_NEED_INPUT },
		{ "1 MB of a code that is skipped", CODE_REST, "", 'a', 1 << 20,
		  IMAP_TOKEN_NEED_INPUT },
		{ "1 MB of blanks", SYNTAX, "", ' ', 1 << 20, IMAP_TOKEN_NEED_INPUT },
		{ "parentheses that just fit", SYNTAX, "", '(', IMAP_NESTING_MAX,
		  IMAP_TOKEN_NEED_INPUT },
		{ "parentheses nested too deep", SYNTAX, "", '(', IMAP_NESTING_MAX + 1,
		  IMAP_TOKEN_VIOLATION },
		{ "100 kB of parentheses", SYNTAX, "", '(', 100000, IMAP_TOKEN_VIOLATION },
		{ "100 kB of parentheses that are skipped", SKIP, "", '(', 100000,
		  IMAP_TOKEN_NEED_INPUT },
	};
	struct imap_token token;

	(void)state;
	for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
		enum imap_token_type type = read_many(ceilings[i].mode, ceilings[i].prefix,
						      ceilings[i].octet, ceilings[i].count, &token);
		if (type != ceilings[i].type)
			fail_msg("%s: token %d, not %d", ceilings[i].name, type, ceilings[i].type);
	}
}

static void test_long_text_is_cut(void **state)
{
	struct imap_token_reader reader;
	struct imap_token token;
	char line[3 * IMAP_TEXT_MAX];
	struct span in = span_of(line, sizeof(line));

	(void)state;
	memset(line, 'a', sizeof(line));
	line[IMAP_TEXT_MAX] = 'b';
	line[sizeof(line) - 1] = '\n';
	imap_token_init(&reader);
	assert_int_equal(imap_token_next(&reader, TEXT, &in, &token), IMAP_TOKEN_TEXT);
	assert_int_equal(token.text.len, IMAP_TEXT_MAX);
	assert_null(memchr(token.text.data, 'b', token.text.len));
	assert_int_equal(in.len, 0);
	imap_token_deinit(&reader);
}

/* A response that never ends is given up, while a literal of that length is nothing special. */
static void test_endless_response(void **state)
{
	struct imap_token_reader reader;
	struct imap_token token;
	static char chunk[1 << 20];
	struct span in = span_text("{68719476736}\r\n");
	size_t chunks = IMAP_RESPONSE_MAX / sizeof(chunk);

	(void)state;
	memset(chunk, ' ', sizeof(chunk));
	imap_token_init(&reader);
	assert_int_equal(imap_token_next(&reader, SYNTAX, &in, &token), IMAP_TOKEN_LITERAL);
	for (size_t i = 0; i < 65536; i++) {
		in = span_of(chunk, sizeof(chunk));
		assert_int_equal(imap_token_take(&reader, &in).len, sizeof(chunk));
	}
	assert_int_equal(imap_token_left(&reader), 0);
	for (size_t i = 0; i < chunks - 1; i++) {
		in = span_of(chunk, sizeof(chunk));
		assert_int_equal(imap_token_next(&reader, SYNTAX, &in, &token),
				 IMAP_TOKEN_NEED_INPUT);
	}
	in = span_of(chunk, sizeof(chunk));
	assert_int_equal(imap_token_next(&reader, SYNTAX, &in, &token), IMAP_TOKEN_VIOLATION);
	assert_string_equal(token.reason, "a response is too long");
	imap_token_deinit(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_octet_by_octet),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_endless_response),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
