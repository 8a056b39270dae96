/* SPDX-License-Identifier: ISC */
#include "protocol/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(text) span_of(text, sizeof(text) - 1)

static void equal_compares_every_octet(void **state)
{
	static const struct {
		const char *name;
		struct span a, b;
		bool equal, nocase;
	} rows[] = {
		{ "both empty", { NULL, 0 }, { (const unsigned char *)"x", 0 }, true, true },
		{ "same",
		  { (const unsigned char *)"RETR", 4 },
		  { (const unsigned char *)"RETR", 4 },
		  true,
		  true },
		{ "case",
		  { (const unsigned char *)"RETR", 4 },
		  { (const unsigned char *)"reTr", 4 },
		  false,
		  true },
		{ "prefix",
		  { (const unsigned char *)"RET", 3 },
		  { (const unsigned char *)"RETR", 4 },
		  false,
		  false },
		{ "behind a NUL",
		  { (const unsigned char *)"a\0b", 3 },
		  { (const unsigned char *)"a\0c", 3 },
		  false,
		  false },
		{ "@ is not `",
		  { (const unsigned char *)"@", 1 },
		  { (const unsigned char *)"`", 1 },
		  false,
		  false },
		{ "[ is not {",
		  { (const unsigned char *)"[", 1 },
		  { (const unsigned char *)"{", 1 },
		  false,
		  false },
		{ "8-bit has no case",
		  { (const unsigned char *)"\xe4", 1 },
		  { (const unsigned char *)"\xc4", 1 },
		  false,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (span_equal(rows[i].a, rows[i].b) != rows[i].equal ||
		    span_equal(rows[i].b, rows[i].a) != rows[i].equal)
			fail_msg("span_equal: %s", rows[i].name);
		if (span_equal_nocase(rows[i].a, rows[i].b) != rows[i].nocase)
			fail_msg("span_equal_nocase: %s", rows[i].name);
	}
}

static void take_gives_what_there_is(void **state)
{
	struct span rest = TEXT("abcde");
	struct span none = { NULL, 0 };

	(void)state;
	assert_true(span_equal(span_take(&rest, 2), TEXT("ab")));
	assert_true(span_equal(span_take(&rest, 0), TEXT("")));
	assert_true(span_equal(rest, TEXT("cde")));
	assert_true(span_equal(span_take(&rest, 9), TEXT("cde")));
	assert_int_equal(rest.len, 0);
	assert_int_equal(span_take(&rest, 1).len, 0);
	assert_int_equal(span_take(&none, 1).len, 0);
}

static void number_is_digits_within_bounds(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t number;
	} rows[] = {
		{ "0", UINT64_MAX, true, 0 },
		{ "7", 7, true, 7 },
		{ "8", 7, false, 0 },
		{ "007", 7, true, 7 },
		{ "00000000000000000000000000007", 7, true, 7 },
		{ "4294967295", UINT32_MAX, true, UINT32_MAX },
		{ "4294967296", UINT32_MAX, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "184467440737095516150", UINT64_MAX, false, 0 },
		{ "", 7, false, 0 },
		{ "-1", UINT64_MAX, false, 0 },
		{ "+1", UINT64_MAX, false, 0 },
		{ " 1", UINT64_MAX, false, 0 },
		{ "1 ", UINT64_MAX, false, 0 },
		{ "1x", UINT64_MAX, false, 0 },
		{ "0x1", UINT64_MAX, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t number = 4711;
		bool ok = span_number(span_text(rows[i].text), rows[i].max, &number);
		if (ok != rows[i].ok || number != (ok ? rows[i].number : 4711))
			fail_msg("\"%s\": %d, %llu", rows[i].text, ok, (unsigned long long)number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_compares_every_octet),
		cmocka_unit_test(take_gives_what_there_is),
		cmocka_unit_test(number_is_digits_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
