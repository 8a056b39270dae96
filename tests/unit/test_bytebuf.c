/* SPDX-License-Identifier: ISC */
#include "protocol/bytebuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_queue_keeps_order(void **state)
{
	struct bytebuf buf;
	unsigned char next_in = 0;
	unsigned char next_out = 0;

	(void)state;
	bytebuf_init(&buf, 1000);
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < round % 37; i++) {
			if (bytebuf_len(&buf) < 1000)
				assert_true(bytebuf_append_octet(&buf, next_in++));
		}
		for (unsigned i = 0; i < round % 41 && bytebuf_len(&buf) > 0; i++) {
			assert_int_equal(bytebuf_peek(&buf).data[0], next_out++);
			bytebuf_consume(&buf, 1);
		}
	}
	assert_int_equal(bytebuf_len(&buf), (unsigned char)(next_in - next_out));
	assert_false(bytebuf_failed(&buf));
	bytebuf_deinit(&buf);
}

static void an_append_is_whole_or_nothing(void **state)
{
	struct bytebuf buf;

	(void)state;
	bytebuf_init(&buf, 5);
	assert_true(bytebuf_append_text(&buf, "abc"));
	assert_false(bytebuf_append_text(&buf, "def"));
	assert_true(bytebuf_failed(&buf));
	assert_true(span_equal(bytebuf_peek(&buf), span_text("abc")));
	assert_true(bytebuf_append_text(&buf, "de"));
	assert_true(bytebuf_failed(&buf));
	assert_false(bytebuf_append_octet(&buf, 'f'));
	bytebuf_consume(&buf, 1);
	assert_true(bytebuf_append_octet(&buf, 'f'));
	assert_true(span_equal(bytebuf_peek(&buf), span_text("bcdef")));
	bytebuf_reset(&buf);
	assert_false(bytebuf_failed(&buf));
	assert_int_equal(bytebuf_len(&buf), 0);
	assert_true(bytebuf_append_text(&buf, "12345"));
	bytebuf_deinit(&buf);
}

static void nothing_fits_into_a_limit_of_zero(void **state)
{
	struct bytebuf buf;

	(void)state;
	bytebuf_init(&buf, 0);
	assert_true(bytebuf_append(&buf, span_of(NULL, 0)));
	assert_false(bytebuf_append_octet(&buf, 'x'));
	assert_int_equal(bytebuf_peek(&buf).len, 0);
	bytebuf_deinit(&buf);
	bytebuf_deinit(&buf);
}

static void what_is_dropped_is_wiped(void **state)
{
	static const unsigned char zeroes[6];
	struct bytebuf buf;

	(void)state;
	bytebuf_init(&buf, 100);
	assert_true(bytebuf_append_text(&buf, "secret"));
	const unsigned char *memory = bytebuf_peek(&buf).data;
	bytebuf_truncate(&buf, 4);
	assert_memory_equal(memory, "secr\0\0", 6);
	bytebuf_consume(&buf, 2);
	assert_memory_equal(memory, "\0\0cr\0\0", 6);
	bytebuf_reset(&buf);
	assert_memory_equal(memory, zeroes, 6);
	bytebuf_deinit(&buf);
}

static void truncate_keeps_the_front(void **state)
{
	struct bytebuf buf;

	(void)state;
	bytebuf_init(&buf, 100);
	assert_true(bytebuf_append_text(&buf, "abcdef"));
	bytebuf_consume(&buf, 2);
	bytebuf_truncate(&buf, 4);
	assert_true(span_equal(bytebuf_peek(&buf), span_text("cdef")));
	bytebuf_truncate(&buf, 1);
	assert_true(span_equal(bytebuf_peek(&buf), span_text("c")));
	bytebuf_truncate(&buf, 0);
	assert_int_equal(bytebuf_len(&buf), 0);
	assert_true(bytebuf_append_text(&buf, "x"));
	assert_true(span_equal(bytebuf_peek(&buf), span_text("x")));
	bytebuf_deinit(&buf);
}

static void numbers_are_decimal(void **state)
{
	struct bytebuf buf;

	(void)state;
	bytebuf_init(&buf, 100);
	assert_true(bytebuf_append_number(&buf, 0));
	assert_true(bytebuf_append_octet(&buf, ' '));
	assert_true(bytebuf_append_number(&buf, 1090));
	assert_true(bytebuf_append_octet(&buf, ' '));
	assert_true(bytebuf_append_number(&buf, UINT64_MAX));
	assert_true(span_equal(bytebuf_peek(&buf), span_text("0 1090 18446744073709551615")));
	bytebuf_deinit(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_keeps_order),
		cmocka_unit_test(an_append_is_whole_or_nothing),
		cmocka_unit_test(nothing_fits_into_a_limit_of_zero),
		cmocka_unit_test(what_is_dropped_is_wiped),
		cmocka_unit_test(truncate_keeps_the_front),
		cmocka_unit_test(numbers_are_decimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
