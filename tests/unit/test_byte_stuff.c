/* SPDX-License-Identifier: ISC */
#include "protocol/byte_stuff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/bytebuf.h"

enum { OUT_MAX = 4096 };

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}
#define ALL BYTE_STUFF_ALL_LINES
#define BODY "A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree\r\n"

static const struct {
	const char *name;
	struct span message;
	uint64_t top_lines;
	struct span expected;
} rows[] = {
	{ "empty message", OCTETS(""), ALL, OCTETS("") },
	{ "plain", OCTETS("a\r\nb\r\n"), ALL, OCTETS("a\r\nb\r\n") },
	{ "no dot-stuffing: line of one dot", OCTETS("a\r\n.\r\nb\r\n"), ALL,
	  OCTETS("a\r\n..\r\nb\r\n") },
	{ "no dot-stuffing: dot at the very beginning", OCTETS(".\r\n"), ALL, OCTETS("..\r\n") },
	{ "no dot-stuffing: dots", OCTETS("..\r\n.x\r\n...\r\n"), ALL,
	  OCTETS("...\r\n..x\r\n....\r\n") },
	{ "dots within lines stay", OCTETS("a.b.\r\n..\r\n"), ALL, OCTETS("a.b.\r\n...\r\n") },
	{ "dot and nothing else", OCTETS("."), ALL, OCTETS("..\r\n") },
	{ "dot behind a bare LF", OCTETS("a\n.b\n"), ALL, OCTETS("a\r\n..b\r\n") },
	{ "dot behind a bare CR stays", OCTETS("a\r.b\r\n"), ALL, OCTETS("a\r.b\r\n") },
	{ "an end within", OCTETS("a\r\n.\r\n.\n.\r\n"), ALL, OCTETS("a\r\n..\r\n..\r\n..\r\n") },
	{ "bare LF", OCTETS("a\nb\n\nc\n"), ALL, OCTETS("a\r\nb\r\n\r\nc\r\n") },
	{ "LF first", OCTETS("\n\na"), ALL, OCTETS("\r\n\r\na\r\n") },
	{ "bare CR stays", OCTETS("a\rb\r\rc\r\n"), ALL, OCTETS("a\rb\r\rc\r\n") },
	{ "CR CR LF stays", OCTETS("a\r\r\n"), ALL, OCTETS("a\r\r\n") },
	{ "LF CR", OCTETS("a\n\rb\n\r"), ALL, OCTETS("a\r\n\rb\r\n\r\r\n") },
	{ "missing last CRLF", OCTETS("a\r\nb"), ALL, OCTETS("a\r\nb\r\n") },
	{ "last octet is CR", OCTETS("a\r"), ALL, OCTETS("a\r\r\n") },
	{ "CR alone", OCTETS("\r"), ALL, OCTETS("\r\r\n") },
	{ "NUL and 8-bit", OCTETS("\0\xff\r\n.\0\r\n\xe4\0"), ALL,
	  OCTETS("\0\xff\r\n..\0\r\n\xe4\0\r\n") },

	{ "TOP 0 returns everything: the header and the blank line only", OCTETS(BODY), 0,
	  OCTETS("A: 1\r\nB: 2\r\n\r\n") },
	{ "TOP 1, header lines counted", OCTETS(BODY), 1, OCTETS("A: 1\r\nB: 2\r\n\r\none\r\n") },
	{ "TOP 2, header lines counted", OCTETS(BODY), 2,
	  OCTETS("A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n") },
	{ "TOP 3 is all there is", OCTETS(BODY), 3, OCTETS(BODY) },
	{ "TOP 1000000000", OCTETS(BODY), 1000000000, OCTETS(BODY) },
	{ "TOP 0 of LF lines", OCTETS("A: 1\nB: 2\n\none\n"), 0, OCTETS("A: 1\r\nB: 2\r\n\r\n") },
	{ "TOP 1 of LF lines", OCTETS("A: 1\n\none\ntwo\n"), 1, OCTETS("A: 1\r\n\r\none\r\n") },
	{ "TOP counts blank lines of the body", OCTETS("A: 1\r\n\r\n\r\n\r\nx\r\n"), 2,
	  OCTETS("A: 1\r\n\r\n\r\n\r\n") },
	{ "TOP of headers only", OCTETS("A: 1\r\nB: 2\r\n"), 0, OCTETS("A: 1\r\nB: 2\r\n") },
	{ "TOP of headers only, no end", OCTETS("A: 1\r\nB: 2"), 0, OCTETS("A: 1\r\nB: 2\r\n") },
	{ "TOP of no header", OCTETS("\r\nx\r\ny\r\n"), 1, OCTETS("\r\nx\r\n") },
	{ "TOP of no header, LF", OCTETS("\nx\ny\n"), 0, OCTETS("\r\n") },
	{ "TOP 0 of nothing", OCTETS(""), 0, OCTETS("") },
	{ "a line of CR CR LF is not blank", OCTETS("A: 1\r\n\r\r\nB: 2\r\n\r\nx\r\n"), 0,
	  OCTETS("A: 1\r\n\r\r\nB: 2\r\n\r\n") },
	{ "a line of a space is not blank", OCTETS("A: 1\r\n \r\n\r\nx\r\n"), 0,
	  OCTETS("A: 1\r\n \r\n\r\n") },
	{ "TOP stuffs too", OCTETS("A: 1\r\n\r\n.\r\n.a\r\n.b\r\n"), 2,
	  OCTETS("A: 1\r\n\r\n..\r\n..a\r\n") },
	{ "TOP, last line without an end", OCTETS("A: 1\r\n\r\nx\r\ny"), 2,
	  OCTETS("A: 1\r\n\r\nx\r\ny\r\n") },
};

/* Sends `message` through, up to `split` in one chunk, then `step` octets at a time. */
static uint64_t stuff(struct bytebuf *out, struct span message, uint64_t top_lines, size_t split,
		      size_t step)
{
	struct byte_stuff machine;
	struct span piece;
	bool first = true;

	bytebuf_reset(out);
	byte_stuff_init(&machine, top_lines);
	while (message.len > 0) {
		struct span chunk = span_take(&message, first && split > 0 ? split : step);
		first = false;
		while (byte_stuff_next(&machine, &chunk, &piece))
			assert_true(bytebuf_append(out, piece));
		assert_int_equal(piece.len, 0);
	}
	assert_true(bytebuf_append(out, byte_stuff_end(&machine)));
	assert_int_equal(byte_stuff_end(&machine).len, 0);
	return byte_stuff_octets(&machine);
}

/* What a client does; returns how many dots it dropped. */
static size_t unstuff(struct bytebuf *out, struct span sent)
{
	size_t dots = 0;

	for (size_t i = 0; i < sent.len; i++) {
		if (sent.data[i] == '.' && (i == 0 || sent.data[i - 1] == '\n'))
			dots++;
		else
			assert_true(bytebuf_append_octet(out, sent.data[i]));
	}
	return dots;
}

static void check_row(size_t row, size_t split, size_t step)
{
	struct bytebuf out;
	struct bytebuf back;

	bytebuf_init(&out, OUT_MAX);
	bytebuf_init(&back, OUT_MAX);
	uint64_t octets = stuff(&out, rows[row].message, rows[row].top_lines, split, step);
	if (!span_equal(bytebuf_peek(&out), rows[row].expected))
		fail_msg("%s, split at %zu and every %zu: %.*s", rows[row].name, split, step,
			 (int)bytebuf_len(&out), (const char *)bytebuf_peek(&out).data);
	if (octets != rows[row].expected.len - unstuff(&back, bytebuf_peek(&out)))
		fail_msg("%s, split at %zu and every %zu: %llu octets", rows[row].name, split, step,
			 (unsigned long long)octets);
	bytebuf_deinit(&out);
	bytebuf_deinit(&back);
}

static void rows_agree_at_every_split(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		check_row(row, 0, 1);
		check_row(row, 0, 2);
		for (size_t split = 0; split <= rows[row].message.len; split++)
			check_row(row, split, SIZE_MAX);
	}
}

/* The plain way to say what normalising is. */
static void normalise(struct bytebuf *out, struct span message)
{
	unsigned char last = '\n';

	for (size_t i = 0; i < message.len; i++) {
		if (message.data[i] == '\n' && (i == 0 || last != '\r'))
			assert_true(bytebuf_append_octet(out, '\r'));
		assert_true(bytebuf_append_octet(out, message.data[i]));
		last = message.data[i];
	}
	if (last != '\n')
		assert_true(bytebuf_append_text(out, "\r\n"));
}

/* All messages of up to seven octets out of those that matter. */
static void unstuffing_gives_the_normalised_message_back(void **state)
{
	static const unsigned char alphabet[] = { '\r', '\n', '.', 'a' };
	struct bytebuf out;
	struct bytebuf back;
	struct bytebuf expected;

	(void)state;
	bytebuf_init(&out, OUT_MAX);
	bytebuf_init(&back, OUT_MAX);
	bytebuf_init(&expected, OUT_MAX);
	for (size_t len = 0; len <= 7; len++) {
		for (unsigned n = 0; n < 1u << 2 * len; n++) {
			unsigned char message[7];
			for (size_t i = 0; i < len; i++)
				message[i] = alphabet[n >> 2 * i & 3];
			uint64_t octets = stuff(&out, span_of(message, len), ALL, n % 7, 1 + n % 3);
			bytebuf_reset(&back);
			bytebuf_reset(&expected);
			(void)unstuff(&back, bytebuf_peek(&out));
			normalise(&expected, span_of(message, len));
			if (!span_equal(bytebuf_peek(&back), bytebuf_peek(&expected)) ||
			    octets != bytebuf_len(&expected))
				fail_msg("message %u of length %zu", n, len);
		}
	}
	bytebuf_deinit(&out);
	bytebuf_deinit(&back);
	bytebuf_deinit(&expected);
}

static void satisfied_means_the_rest_changes_nothing(void **state)
{
	struct byte_stuff machine;
	struct span in = span_text("A: 1\r\n\r\none\r\ntwo\r\n");
	struct span piece;

	(void)state;
	byte_stuff_init(&machine, 1);
	assert_false(byte_stuff_is_satisfied(&machine));
	assert_true(byte_stuff_next(&machine, &in, &piece));
	assert_true(span_equal(piece, span_text("A: 1\r\n\r\none\r\n")));
	assert_true(byte_stuff_is_satisfied(&machine));
	while (byte_stuff_next(&machine, &in, &piece))
		assert_int_equal(piece.len, 0);
	assert_int_equal(in.len, 0);
	assert_int_equal(byte_stuff_end(&machine).len, 0);
	assert_int_equal(byte_stuff_octets(&machine), 13);

	byte_stuff_init(&machine, ALL);
	in = span_text("A: 1\r\n\r\none\r\n");
	while (byte_stuff_next(&machine, &in, &piece))
		assert_false(byte_stuff_is_satisfied(&machine));
}

/* Whoever sends the pieces pays for each: an ordinary message must be few. */
static void a_run_is_one_piece_and_not_copied(void **state)
{
	struct byte_stuff machine;
	struct span in = span_text(BODY);
	const unsigned char *start = in.data;
	struct span piece;

	(void)state;
	byte_stuff_init(&machine, ALL);
	assert_true(byte_stuff_next(&machine, &in, &piece));
	assert_ptr_equal(piece.data, start);
	assert_int_equal(piece.len, sizeof(BODY) - 1);
	assert_false(byte_stuff_next(&machine, &in, &piece));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_agree_at_every_split),
		cmocka_unit_test(unstuffing_gives_the_normalised_message_back),
		cmocka_unit_test(satisfied_means_the_rest_changes_nothing),
		cmocka_unit_test(a_run_is_one_piece_and_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
