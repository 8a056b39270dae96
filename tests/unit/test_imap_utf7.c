/* SPDX-License-Identifier: ISC */
#include "protocol/imap_utf7.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name;
	const char *encoded; /* NULL: refused */
} rows[] = {
	{ "", "" },
	{ "INBOX", "INBOX" },
	{ "Deleted Items", "Deleted Items" },
	{ "a&b", "a&-b" },
	{ "&", "&-" },
	{ "&&", "&-&-" },
	{ "~!\"\\{10}*%", "~!\"\\{10}*%" },
	/* The example of RFC 3501 section 5.1.3. */
	{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	  "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
	{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" },
	{ "Gel\xc3\xb6schte Elemente", "Gel&APY-schte Elemente" },
	{ "\xc3\xa4\xc3\xb6", "&AOQA9g-" },
	{ "\xc3\xa4\xc3\xb6\xc3\xbc", "&AOQA9gD8-" },
	{ "\xc3\xa4&", "&AOQ-&-" },
	{ "\xc2\xa0", "&AKA-" },
	{ "\xef\xbf\xbf", "&,,8-" },
	{ "\xf0\x9f\x93\xac", "&2D3c7A-" }, /* U+1F4EC, a surrogate pair */
	{ "\xf0\x90\x80\x80", "&2ADcAA-" },
	{ "\xf4\x8f\xbf\xbf", "&2,,f,w-" },
	{ "\xf4\x90\x80\x80", NULL }, /* beyond U+10FFFF */
	{ "\xed\xa0\x80", NULL },     /* half of a surrogate pair */
	{ "\xed\xbf\xbf", NULL },
	{ "\xc0\xaf", NULL }, /* overlong */
	{ "\xc1\xbf", NULL },
	{ "\xe0\x9f\xbf", NULL },
	{ "\xf0\x8f\xbf\xbf", NULL },
	{ "\x80", NULL }, /* nothing to continue */
	{ "a\xbf", NULL },
	{ "\xc3", NULL }, /* cut off */
	{ "\xe5\x8f", NULL },
	{ "\xf0\x9f\x93", NULL },
	{ "\xc3(", NULL },
	{ "\xf8\x88\x80\x80\x80", NULL },
	{ "\xff", NULL },
	{ "a\rb", NULL },
	{ "a\nb", NULL },
	{ "a\tb", NULL },
	{ "\x7f", NULL },
	{ "\xc2\x85", NULL }, /* C1: NEXT LINE */
};

static void check(const char *name, struct span text, const char *encoded, size_t limit)
{
	struct bytebuf out;
	bool done;

	bytebuf_init(&out, limit);
	assert_true(bytebuf_append_text(&out, "x"));
	done = imap_utf7_encode(&out, text);
	if (done != (encoded != NULL))
		fail_msg("%s: %s", name, done ? "was taken" : "was refused");
	struct span octets = bytebuf_peek(&out);
	span_take(&octets, 1);
	if (!span_equal(octets, span_text(done ? encoded : "")))
		fail_msg("%s: \"%.*s\", not \"%s\"", name, (int)octets.len,
			 (const char *)octets.data, done ? encoded : "");
	bytebuf_deinit(&out);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].name, span_text(rows[i].name), rows[i].encoded, 100);
}

static void test_nul(void **state)
{
	(void)state;
	check("a NUL b", span_of("a\0b", 3), NULL, 100);
}

/* Whatever octet is the last that fits, nothing of the name is left behind. */
static void test_full(void **state)
{
	static const char name[] = "a&\xc3\xa4\xc3\xb6\xc3\xbc"
				   "b\xf0\x9f\x93\xac";
	static const char encoded[] = "a&-&AOQA9gD8-b&2D3c7A-";

	(void)state;
	for (size_t limit = 1; limit < sizeof(encoded); limit++)
		check("no room", span_text(name), NULL, limit);
	check("just room", span_text(name), encoded, sizeof(encoded));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
