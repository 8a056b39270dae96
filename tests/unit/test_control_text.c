/* SPDX-License-Identifier: ISC */
#include "daemon/control/control_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LOST "\xef\xbf\xbd"

static void utf8_passes_and_all_else_is_replaced(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a\"b\\c\n\x1b", "a\"b\\c\n\x1b" },
		{ "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf",
		  "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf" },
		/* Latin-1. */
		{ "M\xfcll \xe4", "M" LOST "ll " LOST },
		/* A beginning without its end, and the reverse. */
		{ "\xc3", LOST },
		{ "\xe2\x82", LOST LOST },
		{ "\xe2\x82x", LOST LOST "x" },
		{ "\xf0\x9f\x98", LOST LOST LOST },
		{ "\x80\xbf", LOST LOST },
		/* Longer than need be, surrogates, beyond Unicode. */
		{ "\xc0\xaf", LOST LOST },
		{ "\xc1\xbf", LOST LOST },
		{ "\xe0\x9f\xbf", LOST LOST LOST },
		{ "\xf0\x8f\xbf\xbf", LOST LOST LOST LOST },
		{ "\xed\xa0\x80", LOST LOST LOST },
		{ "\xf4\x90\x80\x80", LOST LOST LOST LOST },
		{ "\xf5\x80\x80\x80", LOST LOST LOST LOST },
		{ "\xfe\xff", LOST LOST },
		/* What is good stays beside what is not. */
		{ "\xc3\xa4\xff\xc3\xa4", "\xc3\xa4" LOST "\xc3\xa4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *json = control_text(rows[i].text);

		assert_true(json_is_string(json));
		assert_string_equal(json_string_value(json), rows[i].expected);
		json_decref(json);
	}
}

static void nothing_is_null(void **state)
{
	json_t *json = control_text(NULL);

	(void)state;
	assert_true(json_is_null(json));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_passes_and_all_else_is_replaced),
		cmocka_unit_test(nothing_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
