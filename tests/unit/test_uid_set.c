/* SPDX-License-Identifier: ISC */
#include "protocol/uid_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void runs_become_ranges(void **state)
{
	static const struct {
		const char *name;
		uint32_t uids[8];
		size_t count, octets_max, taken;
		const char *expected;
	} rows[] = {
		{ "one", { 3 }, 1, 21, 1, "3" },
		{ "two in a row", { 3, 4 }, 2, 21, 2, "3:4" },
		{ "a gap is never spanned", { 3, 5 }, 2, 21, 2, "3,5" },
		{ "mixed", { 3, 7, 8, 9, 12 }, 5, 21, 5, "3,7:9,12" },
		{ "the last UIDs there are",
		  { 1, UINT32_MAX - 1, UINT32_MAX },
		  3,
		  23,
		  3,
		  "1,4294967294:4294967295" },
		{ "21 octets are enough for one range",
		  { UINT32_MAX - 1, UINT32_MAX },
		  2,
		  21,
		  2,
		  "4294967294:4294967295" },
		{ "cut in front of a comma",
		  { 10, 20, 30, 40, 50, 60, 70, 80 },
		  8,
		  21,
		  7,
		  "10,20,30,40,50,60,70" },
		{ "a range is not cut in two",
		  { 1000000000, 2000000000, 2000000001 },
		  3,
		  31,
		  1,
		  "1000000000" },
		{ "to the octet",
		  { 1000000000, 2000000000, 2000000001 },
		  3,
		  32,
		  3,
		  "1000000000,2000000000:2000000001" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf out;
		bytebuf_init(&out, 100);
		assert_true(bytebuf_append_text(&out, "UID "));
		size_t taken =
			uid_set_append(&out, rows[i].uids, rows[i].count, rows[i].octets_max);
		bytebuf_consume(&out, 4);
		if (taken != rows[i].taken ||
		    !span_equal(bytebuf_peek(&out), span_text(rows[i].expected)))
			fail_msg("%s: %zu, %.*s", rows[i].name, taken, (int)bytebuf_len(&out),
				 (const char *)bytebuf_peek(&out).data);
		bytebuf_deinit(&out);
	}
}

static void a_long_set_comes_in_parts_and_loses_nothing(void **state)
{
	uint32_t uids[3000];
	size_t done = 0;
	struct bytebuf out;

	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		uids[i] = 100000 + 2 * i;
	bytebuf_init(&out, 8000);
	while (done < 3000) {
		bytebuf_reset(&out);
		size_t taken = uid_set_append(&out, uids + done, 3000 - done, 7900);
		assert_true(taken > 0);
		assert_true(bytebuf_len(&out) <= 7900);
		assert_int_equal(bytebuf_len(&out), taken * 7 - 1);
		done += taken;
	}
	bytebuf_deinit(&out);
}

static void a_full_buffer_takes_none(void **state)
{
	static const uint32_t uids[] = { 1000000, 1000001 };
	struct bytebuf out;

	(void)state;
	bytebuf_init(&out, 10);
	assert_int_equal(uid_set_append(&out, uids, 2, 21), 0);
	assert_int_equal(bytebuf_len(&out), 0);
	bytebuf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_become_ranges),
		cmocka_unit_test(a_long_set_comes_in_parts_and_loses_nothing),
		cmocka_unit_test(a_full_buffer_takes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
