/* SPDX-License-Identifier: ISC */
#include "protocol/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 20 }; /* octets of a line in these tests, without its terminator */

#define IN(text)                                                \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

/* Every outcome, one a row: "text|" is a line, "<...>" a refusal, "~" an unfinished line. */
static const struct {
	const char *name;
	struct span input;
	const char *expected;
} rows[] = {
	{ "nothing", IN(""), "" },
	{ "CRLF", IN("NOOP\r\n"), "NOOP|" },
	{ "bare LF", IN("NOOP\n"), "NOOP|" },
	{ "empty lines", IN("\r\n\n\r\n"), "|||" },
	{ "both kinds", IN("a\r\nb\nc\r\n"), "a|b|c|" },
	{ "the end is missing", IN("a\r\nb"), "a|~" },
	{ "half an end", IN("a\r"), "~" },
	{ "spaces and 8-bit stay", IN("  x \xe4 \t\r\n"), "  x \xe4 \t|" },
	{ "as long as can be", IN("12345678901234567890\r\nx\r\n"), "12345678901234567890|x|" },
	{ "as long as can be, LF", IN("12345678901234567890\nx\n"), "12345678901234567890|x|" },
	{ "one more", IN("123456789012345678901\r\nx\r\n"), "<long>x|" },
	{ "one more, LF", IN("123456789012345678901\nx\n"), "<long>x|" },
	{ "reported once", IN("1234567890123456789012345678901234567890123456789012345\r\nx\r\n"),
	  "<long>x|" },
	{ "long, with NUL and CR", IN("1234567890\0\r123456789012345678901\r\nx\r\n"), "<long>x|" },
	{ "long, ends in CR CR LF", IN("12345678901234567890\r\r\nx\r\n"), "<long>x|" },
	{ "long and no end", IN("1234567890123456789012345678901"), "~" },
	{ "NUL", IN("a\0b\r\nx\r\n"), "<nul>x|" },
	{ "NUL alone", IN("\0\r\n"), "<nul>" },
	{ "bare CR", IN("a\rb\r\nx\r\n"), "<cr>x|" },
	{ "bare CR first", IN("\ra\r\n"), "<cr>" },
	{ "CR CR LF", IN("a\r\r\n"), "<cr>" },
	{ "NUL and bare CR", IN("\r\0\r\n"), "<nul>" },
};

static void take_lines(struct line_reader *reader, struct span in, struct bytebuf *seen)
{
	for (;;) {
		struct span line;
		switch (line_next(reader, &in, MAX, &line)) {
		case LINE_OK:
			assert_true(bytebuf_append(seen, line));
			assert_true(bytebuf_append_octet(seen, '|'));
			break;
		case LINE_NEED_MORE:
			assert_int_equal(in.len, 0);
			return;
		case LINE_TOO_LONG:
			assert_true(bytebuf_append_text(seen, "<long>"));
			break;
		case LINE_HAS_NUL:
			assert_true(bytebuf_append_text(seen, "<nul>"));
			break;
		case LINE_HAS_BARE_CR:
			assert_true(bytebuf_append_text(seen, "<cr>"));
			break;
		case LINE_NO_MEMORY:
			fail();
		}
	}
}

/* Feeds `input` in pieces: up to `split`, and behind it `step` octets at a time. */
static void check_row(size_t row, size_t split, size_t step)
{
	struct span rest = rows[row].input;
	struct line_reader reader;
	struct bytebuf seen;

	line_init(&reader, MAX);
	bytebuf_init(&seen, 1000);
	take_lines(&reader, span_take(&rest, split), &seen);
	while (rest.len > 0)
		take_lines(&reader, span_take(&rest, step), &seen);
	if (rows[row].input.len > 0 && rows[row].input.data[rows[row].input.len - 1] != '\n')
		assert_true(bytebuf_append_octet(&seen, '~'));
	if (!span_equal(bytebuf_peek(&seen), span_text(rows[row].expected)))
		fail_msg("%s, split at %zu and every %zu: %.*s", rows[row].name, split, step,
			 (int)bytebuf_len(&seen), (const char *)bytebuf_peek(&seen).data);
	bytebuf_deinit(&seen);
	line_deinit(&reader);
}

static void lines_are_found_at_every_split(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		check_row(row, 0, 1);
		for (size_t split = 0; split <= rows[row].input.len; split++)
			check_row(row, split, SIZE_MAX);
	}
}

static void a_whole_line_is_not_copied(void **state)
{
	static const char text[] = "USER alice\r\nPASS secret\r\n";
	struct span in = span_text(text);
	struct line_reader reader;
	struct span line;

	(void)state;
	line_init(&reader, MAX);
	assert_int_equal(line_next(&reader, &in, MAX, &line), LINE_OK);
	assert_ptr_equal(line.data, text);
	assert_int_equal(line_next(&reader, &in, MAX, &line), LINE_OK);
	assert_ptr_equal(line.data, text + 12);
	line_deinit(&reader);
}

static void the_limit_may_change_from_line_to_line(void **state)
{
	struct span in = span_text("12345678\r\n12345678\r\n12345678\r\n");
	struct line_reader reader;
	struct span line;

	(void)state;
	line_init(&reader, MAX);
	assert_int_equal(line_next(&reader, &in, 8, &line), LINE_OK);
	assert_int_equal(line_next(&reader, &in, 7, &line), LINE_TOO_LONG);
	assert_int_equal(line.len, 0);
	assert_int_equal(line_next(&reader, &in, MAX, &line), LINE_OK);
	line_deinit(&reader);
}

static void a_line_that_was_put_together_is_wiped(void **state)
{
	static const unsigned char zeroes[11];
	struct span in = span_text("PASS se");
	struct line_reader reader;
	struct span line;

	(void)state;
	line_init(&reader, MAX);
	assert_int_equal(line_next(&reader, &in, MAX, &line), LINE_NEED_MORE);
	in = span_text("cret\r\n");
	assert_int_equal(line_next(&reader, &in, MAX, &line), LINE_OK);
	assert_true(span_equal(line, span_text("PASS secret")));
	const unsigned char *memory = line.data;
	line_forget(&reader);
	assert_memory_equal(memory, zeroes, 11);
	line_deinit(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_found_at_every_split),
		cmocka_unit_test(a_whole_line_is_not_copied),
		cmocka_unit_test(the_limit_may_change_from_line_to_line),
		cmocka_unit_test(a_line_that_was_put_together_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
