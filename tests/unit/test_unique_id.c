/* SPDX-License-Identifier: ISC */
#include "protocol/unique_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void the_form_is_dovecots(void **state)
{
	static const struct {
		uint32_t uidvalidity, uid;
		const char *text;
	} rows[] = {
		{ 0x6553f101, 42, "0000002a6553f101" },
		{ 1, 1, "0000000100000001" },
		{ UINT32_MAX, UINT32_MAX, "ffffffffffffffff" },
		{ 0, 0xdeadbeef, "deadbeef00000000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[UNIQUE_ID_LEN + 1];
		uint32_t uidvalidity = 7;
		uint32_t uid = 7;
		unique_id_format(rows[i].uidvalidity, rows[i].uid, text);
		assert_string_equal(text, rows[i].text);
		assert_true(unique_id_parse(span_text(text), &uidvalidity, &uid));
		assert_int_equal(uidvalidity, rows[i].uidvalidity);
		assert_int_equal(uid, rows[i].uid);
	}
}

/* Two numbers put side by side without a fixed width would make one text of (1, 11) and (11, 1). */
static void ambiguous_uidl_by_concatenation(void **state)
{
	static const uint32_t numbers[] = { 1, 11, 111, 0x11, 0x111, 0x1111, 0x11111111 };
	enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };
	char texts[COUNT * COUNT][UNIQUE_ID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < COUNT * COUNT; i++) {
		unique_id_format(numbers[i / COUNT], numbers[i % COUNT], texts[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(texts[i], texts[k]);
	}
}

static void uidl_over_70_octets(void **state)
{
	char text[UNIQUE_ID_LEN + 1];

	(void)state;
	unique_id_format(UINT32_MAX, UINT32_MAX, text);
	assert_int_equal(strnlen(text, sizeof(text)), UNIQUE_ID_LEN);
	assert_true(UNIQUE_ID_LEN <= 70);
	for (size_t i = 0; i < UNIQUE_ID_LEN; i++)
		assert_true(text[i] >= 0x21 && text[i] <= 0x7e);
}

static void other_texts_are_not_parsed(void **state)
{
	static const char *const texts[] = { "",
					     "0000002a6553f10",
					     "0000002a6553f1010",
					     "0000002g6553f101",
					     " 000002a6553f101",
					     "0x00002a6553f101",
					     "-000002a6553f101",
					     "packetboat-00001" };
	uint32_t uidvalidity = 7;
	uint32_t uid = 8;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (unique_id_parse(span_text(texts[i]), &uidvalidity, &uid))
			fail_msg("\"%s\" was parsed", texts[i]);
	}
	assert_int_equal(uidvalidity, 7);
	assert_int_equal(uid, 8);
	assert_true(unique_id_parse(span_text("0000002A6553F101"), &uidvalidity, &uid));
	assert_int_equal(uid, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_form_is_dovecots),
		cmocka_unit_test(ambiguous_uidl_by_concatenation),
		cmocka_unit_test(uidl_over_70_octets),
		cmocka_unit_test(other_texts_are_not_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
