/* SPDX-License-Identifier: ISC */
#include "protocol/imap_date.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct {
	const char *text;
	bool valid;
	int64_t seconds;
} rows[] = {
	{ "01-Jan-1970 00:00:00 +0000", true, 0 },
	{ " 1-Jan-1970 00:00:00 +0000", true, 0 },
	{ "1-Jan-1970 00:00:00 +0000", true, 0 },
	{ "31-Dec-1969 23:59:59 +0000", true, -1 },
	{ "17-Jul-1996 02:44:25 -0700", true, 837596665 },
	{ "17-JUL-1996 02:44:25 -0700", true, 837596665 },
	{ "01-Jan-1970 05:30:00 +0530", true, 0 },
	{ "31-Dec-1969 15:15:00 -0845", true, 0 },
	{ "19-Jan-2038 03:14:08 +0000", true, 2147483648 },
	{ "29-Feb-2000 00:00:00 +0000", true, 951782400 },
	{ "29-Feb-2024 12:00:00 +0000", true, 1709208000 },
	{ "01-Mar-2100 00:00:00 +0000", true, 4107542400 },
	{ "31-Dec-9999 23:59:59 +0000", true, 253402300799 },
	{ "01-Jan-0000 00:00:00 +0000", true, -62167219200 },
	{ "30-Jun-2015 23:59:60 +0000", true, 1435708800 }, /* a leap second */
	{ "29-Feb-2023 00:00:00 +0000", false, 0 },
	{ "29-Feb-1900 00:00:00 +0000", false, 0 },
	{ "29-Feb-2100 00:00:00 +0000", false, 0 },
	{ "31-Apr-2024 00:00:00 +0000", false, 0 },
	{ "00-Jan-2024 00:00:00 +0000", false, 0 },
	{ " 0-Jan-2024 00:00:00 +0000", false, 0 },
	{ "32-Jan-2024 00:00:00 +0000", false, 0 },
	{ "01-Foo-2024 00:00:00 +0000", false, 0 },
	{ "01-Jan-2024 24:00:00 +0000", false, 0 },
	{ "01-Jan-2024 00:60:00 +0000", false, 0 },
	{ "01-Jan-2024 00:00:61 +0000", false, 0 },
	{ "01-Jan-2024 00:00:00 +2400", false, 0 },
	{ "01-Jan-2024 00:00:00 +0060", false, 0 },
	{ "01-Jan-2024 00:00:00 0000", false, 0 },
	{ "01-Jan-2024 00:00:00 +000", false, 0 },
	{ "01-Jan-2024 00:00:00 +00000", false, 0 },
	{ "01-Jan-2024 00:00:00", false, 0 },
	{ "01-Jan-2024", false, 0 },
	{ "01-Jan-24 00:00:00 +0000", false, 0 },
	{ "01-Jan--024 00:00:00 +0000", false, 0 },
	{ "-1-Jan-2024 00:00:00 +0000", false, 0 },
	{ "01 Jan 2024 00:00:00 +0000", false, 0 },
	{ "NIL", false, 0 },
	{ " ", false, 0 },
	{ "", false, 0 },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t seconds = -7;
		bool valid = imap_date_parse(span_text(rows[i].text), &seconds);
		if (valid != rows[i].valid || (valid && seconds != rows[i].seconds))
			fail_msg("%s: %d %" PRId64 ", not %d %" PRId64, rows[i].text, valid,
				 seconds, rows[i].valid, rows[i].seconds);
	}
}

/* No prefix of a date is one. */
static void test_every_prefix(void **state)
{
	static const char text[] = "17-Jul-1996 02:44:25 -0700";
	int64_t seconds;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		if (imap_date_parse(span_of(text, len), &seconds))
			fail_msg("the first %zu octets are taken for a date", len);
	}
}

/* Every day of four centuries, against libc's calendar. */
static void test_every_day(void **state)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	char text[64];

	(void)state;
	for (int64_t day = -25567; day < 120530; day++) {
		time_t expected = (time_t)(day * 86400 + 43210);
		int64_t seconds = 0;
		struct tm tm;

		assert_non_null(gmtime_r(&expected, &tm));
		snprintf(text, sizeof(text), "%02d-%s-%04d %02d:%02d:%02d +0000", tm.tm_mday,
			 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
		if (!imap_date_parse(span_text(text), &seconds) || seconds != expected)
			fail_msg("%s: %" PRId64 ", not %" PRId64, text, seconds, (int64_t)expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_every_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
