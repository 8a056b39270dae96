/* SPDX-License-Identifier: ISC */
#include "conf/conf_storage.h"

#include "tests/unit/conf_fixture.h"

static void texts_stay_as_they_were_until_the_storage_goes(void **state)
{
	struct conf_storage *storage = conf_storage_new();
	const char *texts[1000];

	(void)state;
	assert_non_null(storage);
	for (size_t i = 0; i < ROWS(texts); i++) {
		texts[i] = conf_storage_print(storage, "%s/%zu", "folder", i);
		assert_non_null(texts[i]);
	}
	for (size_t i = 0; i < ROWS(texts); i++) {
		char expected[32];
		(void)snprintf(expected, sizeof(expected), "folder/%zu", i);
		assert_string_equal(texts[i], expected);
	}
	conf_storage_free(&storage);
	assert_null(storage);
	conf_storage_free(&storage);
}

static void a_text_may_be_empty_or_long(void **state)
{
	struct conf_storage *storage = conf_storage_new();
	char long_text[100000];

	(void)state;
	assert_non_null(storage);
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	assert_string_equal(conf_storage_print(storage, "%s", ""), "");
	assert_string_equal(conf_storage_print(storage, "%s", long_text), long_text);
	conf_storage_free(&storage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_stay_as_they_were_until_the_storage_goes),
		cmocka_unit_test(a_text_may_be_empty_or_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
