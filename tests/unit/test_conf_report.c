/* SPDX-License-Identifier: ISC */
#include "conf/conf_report.h"

#include "tests/unit/conf_fixture.h"

static void an_error_says_file_line_setting_and_reason(void **state)
{
	static const struct {
		unsigned line;
		const char *setting;
		const char *expected;
	} rows[] = {
		{ 12, "limits.drain", "p.conf:12: limits.drain: is 7" },
		{ 12, NULL, "p.conf:12: is 7" },
		{ 0, "limits.drain", "p.conf: limits.drain: is 7" },
		{ 0, NULL, "p.conf: is 7" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf_error error = { "" };
		struct conf_report report = { .file = "p.conf", .error = &error };
		assert_false(conf_report_error(&report, rows[i].line, rows[i].setting, "is %d", 7));
		assert_string_equal(error.text, rows[i].expected);
	}
}

static void what_does_not_fit_is_cut(void **state)
{
	char name[sizeof(struct conf_error) + 100];
	struct conf_error error;
	struct conf_report report = { .file = "p.conf", .error = &error };
	struct conf_report long_report = { .file = name, .error = &error };

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_false(conf_report_error(&report, 1, NULL, "%s", name));
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_false(conf_report_error(&report, 1, name, "reason"));
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	assert_false(conf_report_error(&long_report, 1, "setting", "reason"));
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

static void keep_warning(void *argument, const char *text)
{
	(void)snprintf(argument, 64, "%s", text);
}

static void a_warning_goes_to_the_callers_function_alone(void **state)
{
	char warning[64] = "";
	struct conf_error error = { "untouched" };
	struct conf_report report = {
		.file = "p.conf", .warn = keep_warning, .argument = warning, .error = &error
	};

	(void)state;
	conf_report_warning(&report, 3, "limits.drain", "is %s", "odd");
	assert_string_equal(warning, "p.conf:3: limits.drain: is odd");
	assert_string_equal(error.text, "untouched");
	report.warn = NULL;
	conf_report_warning(&report, 4, NULL, "nobody hears this");
	assert_string_equal(warning, "p.conf:3: limits.drain: is odd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_says_file_line_setting_and_reason),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(a_warning_goes_to_the_callers_function_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
