/* SPDX-License-Identifier: ISC */
#include "conf/conf_source.h"

#include "tests/unit/conf_fixture.h"

/* One octet for each that is given, and NUL octets with them. */
#define TEXT(literal) (literal), sizeof(literal) - 1

struct row {
	const char *name;
	const char *text;
	size_t len;
	const char *expected; /* an error if it begins with ':' */
};

static const struct row rows[] = {
	{ "empty", TEXT(""), "\n" },
	{ "a setting", TEXT("a = 1;\n"), "a = 1;\n" },
	{ "a comment at the end gets its LF", TEXT("a = 1; # x"), "a = 1; # x\n" },

	{ "include", TEXT("a = 1;\n@include \"/etc/passwd\"\n"),
	  ":2: @include is not supported: the configuration is one file" },
	{ "include behind blanks", TEXT(" \t@include \"x\""),
	  ":1: @include is not supported: the configuration is one file" },
	{ "include behind a comment", TEXT("/* \n\n */@include \"x\""),
	  ":3: @include is not supported: the configuration is one file" },
	{ "include in comments", TEXT("# @include\n// @include\n/*\n@include \"x\"\n*/"),
	  "# @include\n// @include\n/*\n@include \"x\"\n*/\n" },
	{ "@ in a string", TEXT("a = \"u@example.org\n@include\";"),
	  "a = \"u@example.org\n@include\";\n" },
	{ "include behind a string that ends in a backslash", TEXT("a = \"\\\\\"; @include \"x\""),
	  ":1: @include is not supported: the configuration is one file" },
	{ "a quote in a string does not end it", TEXT("a = \"\\\" @include\";"),
	  "a = \"\\\" @include\";\n" },
	{ "a comment in a string is none", TEXT("a = \"/*\"; b = \"#\"; c = \"//\"; @"),
	  ":1: @include is not supported: the configuration is one file" },
	{ "a quote in a comment opens nothing", TEXT("# \"\n// \"\n/* \" */ @"),
	  ":3: @include is not supported: the configuration is one file" },
	{ "a comment that only seems to end", TEXT("/*/ @ */"), "/*/ @ */\n" },
	{ "a lone slash is no comment", TEXT("/ @"),
	  ":1: @include is not supported: the configuration is one file" },

	{ "open string", TEXT("a = 1;\nb = \"x;\nc = 2;\n"),
	  ":2: the string that begins here is never closed" },
	{ "open string at a backslash", TEXT("a = \"x\\"),
	  ":1: the string that begins here is never closed" },
	{ "open string at an escaped quote", TEXT("a = \"x\\\""),
	  ":1: the string that begins here is never closed" },
	{ "open comment", TEXT("a = 1;\n/* b = 2;\n"),
	  ":2: the comment that begins here is never closed" },
	{ "open comment at a star", TEXT("/*"),
	  ":1: the comment that begins here is never closed" },

	{ "NUL", TEXT("a = 1;\n\0b = 2;"), ":2: the file must not hold NUL octets" },
	{ "NUL in a string", TEXT("a = \"x\0y\";"), ":1: the file must not hold NUL octets" },
	{ "NUL in a comment", TEXT("\n\n# \0"), ":3: the file must not hold NUL octets" },
	{ "escaped NUL", TEXT("a = \"x\ny\\x00z\";"), ":2: a string must not hold NUL (\\x00)" },
	{ "escaped NUL, capital", TEXT("a = \"\\X00\";"),
	  ":1: a string must not hold NUL (\\x00)" },
	{ "a backslash before x00", TEXT("a = \"\\\\x00\";"), "a = \"\\\\x00\";\n" },

	{ "nine digits", TEXT("a = 999999999;"), "a = 999999999;\n" },
	{ "ten digits", TEXT("a = 4294967297;"), "a = 4294967297L;\n" },
	{ "negative", TEXT("a = -4294967297"), "a = -4294967297L\n" },
	{ "with its suffix already", TEXT("a = 4294967297L;"), "a = 4294967297L;\n" },
	{ "with two", TEXT("a = 4294967297LL;"), "a = 4294967297LL;\n" },
	{ "float", TEXT("a = 4294967297.0;"), "a = 4294967297.0;\n" },
	{ "exponent", TEXT("a = 4294967297e3;"), "a = 4294967297e3;\n" },
	{ "digits behind the point", TEXT("a = 1.4294967297;"), "a = 1.4294967297;\n" },
	{ "hexadecimal", TEXT("a = 0x11111111111;"), "a = 0x11111111111;\n" },
	{ "digits in a name", TEXT("a4294967297 = 1;"), "a4294967297 = 1;\n" },
	{ "digits in a string", TEXT("a = \"4294967297\";"), "a = \"4294967297\";\n" },
	{ "digits in a comment", TEXT("# 4294967297\n"), "# 4294967297\n" },
	{ "many", TEXT("[4294967297,4294967297,4294967297]"),
	  "[4294967297L,4294967297L,4294967297L]\n" },

	{ "sixteen levels", TEXT("([{([{([{([{([{((((((\n"), ":1: nested deeper than 16 levels" },
	{ "as many brackets side by side", TEXT("()()()()()()()()()()()()()()()()()()()()"),
	  "()()()()()()()()()()()()()()()()()()()()\n" },
	{ "brackets in strings do not count", TEXT("\"((((((((((((((((((((((\""),
	  "\"((((((((((((((((((((((\"\n" },
	{ "closing without opening", TEXT("))))}}"), "))))}}\n" },
};

static void text_is_made_safe_for_libconfig(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf_error error = { "" };
		struct conf_report report = { .file = "", .error = &error };
		/* Just as large as the text, so that a sanitizer sees a look beyond it. */
		char *data = malloc(rows[i].len + (rows[i].len == 0));
		assert_non_null(data);
		memcpy(data, rows[i].text, rows[i].len);
		char *text = conf_source_prepare(&report, data, rows[i].len);
		const char *got = text != NULL ? text : error.text;
		if ((text == NULL) != (rows[i].expected[0] == ':') ||
		    strcmp(got, rows[i].expected) != 0)
			fail_msg("%s: got: %s, expected: %s", rows[i].name, got, rows[i].expected);
		free(text);
		free(data);
	}
}

static void sixteen_levels_are_enough_and_legal(void **state)
{
	struct conf_error error = { "" };
	struct conf_report report = { .file = "", .error = &error };
	char *text = conf_source_prepare(&report, TEXT("(((((((((((((((("));

	(void)state;
	assert_non_null(text);
	assert_string_equal(text, "((((((((((((((((\n");
	free(text);
}

/* Every beginning of a text is either refused or a text itself; none is read beyond. */
static void every_beginning_of_a_file_is_judged_alone(void **state)
{
	static const char whole[] = "/* a */ b = \"c\\\"\\\\d\"; // e\n"
				    "f = ( { g = 12345678901; h = 0x1F; } ); # i\n";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		struct conf_error error = { "" };
		struct conf_report report = { .file = "", .error = &error };
		char *data = malloc(len + 1);
		assert_non_null(data);
		memcpy(data, whole, len);
		char *text = conf_source_prepare(&report, data, len);
		if (text == NULL && strstr(error.text, "never closed") == NULL)
			fail_msg("%zu octets: %s", len, error.text);
		if (text != NULL && strncmp(text, data, len < 42 ? len : 42) != 0)
			fail_msg("%zu octets: became: %s", len, text);
		free(text);
		free(data);
	}
}

static void a_file_has_a_ceiling(void **state)
{
	struct conf_fixture *fixture = *state;
	struct conf_report report = { .file = fixture->file, .error = &fixture->error };
	char *data = malloc(CONF_SOURCE_MAX + 1);
	bool is_public;

	assert_non_null(data);
	memset(data, ' ', CONF_SOURCE_MAX + 1);
	conf_fixture_write(fixture, data, CONF_SOURCE_MAX);
	char *text = conf_source_read(&report, &is_public);
	assert_non_null(text);
	assert_int_equal(strlen(text), CONF_SOURCE_MAX + 1);
	free(text);
	conf_fixture_write(fixture, data, CONF_SOURCE_MAX + 1);
	assert_null(conf_source_read(&report, &is_public));
	assert_string_equal(conf_fixture_message(fixture, fixture->error.text),
			    ": larger than 4194304 octets");
	free(data);
}

static void a_file_is_public_if_others_may_read_it(void **state)
{
	static const struct {
		mode_t mode;
		bool expected;
	} modes[] = { { 0600, false }, { 0640, false }, { 0644, true }, { 0604, true } };
	struct conf_fixture *fixture = *state;
	struct conf_report report = { .file = fixture->file, .error = &fixture->error };

	for (size_t i = 0; i < ROWS(modes); i++) {
		bool is_public = !modes[i].expected;
		conf_fixture_write(fixture, "a", 1);
		assert_int_equal(chmod(fixture->file, modes[i].mode), 0);
		char *text = conf_source_read(&report, &is_public);
		assert_non_null(text);
		assert_string_equal(text, "a\n");
		assert_int_equal(is_public, modes[i].expected);
		free(text);
	}
}

static void what_cannot_be_read_says_why(void **state)
{
	struct conf_fixture *fixture = *state;
	struct conf_report report = { .file = fixture->file, .error = &fixture->error };
	bool is_public;

	assert_null(conf_source_read(&report, &is_public));
	assert_string_equal(conf_fixture_message(fixture, fixture->error.text),
			    ": No such file or directory");
	report.file = fixture->directory;
	assert_null(conf_source_read(&report, &is_public));
	assert_non_null(strstr(fixture->error.text, ": Is a directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_made_safe_for_libconfig),
		cmocka_unit_test(sixteen_levels_are_enough_and_legal),
		cmocka_unit_test(every_beginning_of_a_file_is_judged_alone),
		cmocka_unit_test_setup_teardown(a_file_has_a_ceiling, conf_fixture_setup,
						conf_fixture_teardown),
		cmocka_unit_test_setup_teardown(a_file_is_public_if_others_may_read_it,
						conf_fixture_setup, conf_fixture_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_says_why, conf_fixture_setup,
						conf_fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
