/* SPDX-License-Identifier: ISC */
#include "daemon/tool_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

struct output {
	FILE *file;
	char *text;
	size_t len;
};

static void begin(struct output *output)
{
	output->file = open_memstream(&output->text, &output->len);
	assert_non_null(output->file);
}

static void expect(struct output *output, const char *text)
{
	assert_int_equal(fclose(output->file), 0);
	assert_string_equal(output->text, text);
	free(output->text);
}

static void a_terminal_gets_no_control_characters(void **state)
{
	struct output output;

	(void)state;
	begin(&output);
	tool_text_print(output.file, "a\x1b[31mb\r\nc\x7f \xc2\x9b \xc3\x84\xc2\xa0 \xff");
	expect(&output, "a?[31mb??c? ? \xc3\x84\xc2\xa0 \xff");
	begin(&output);
	tool_text_print(output.file, "\xc2");
	expect(&output, "\xc2");
}

static void columns_are_characters(void **state)
{
	(void)state;
	assert_int_equal(tool_text_columns(""), 0);
	assert_int_equal(tool_text_columns("abc"), 3);
	assert_int_equal(tool_text_columns("\xc3\xa4\xe2\x82\xac"), 2);
}

static void lines_are_broken_between_words(void **state)
{
	static const struct {
		const char *text;
		unsigned indent;
		const char *expected;
	} rows[] = {
		{ NULL, 2, "" },
		{ "", 2, "" },
		{ "   ", 2, "" },
		{ "one", 2, "  one\n" },
		{ "one two six", 2, "  one two\n  six\n" },
		{ "one two si", 0, "one two si\n" },
		{ "one  two  six ten", 0, "one two\nsix ten\n" },
		{ "a-word-that-is-longer x", 2, "  a-word-that-is-longer\n  x\n" },
		{ "x a-word-that-is-longer", 2, "  x\n  a-word-that-is-longer\n" },
		{ "\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4\xc3\xa4", 0,
		  "\xc3\xa4\xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4 \xc3\xa4\xc3\xa4\xc3\xa4\n" },
		{ "a\nb\tc", 0, "a?b?c\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct output output;

		begin(&output);
		tool_text_wrap(output.file, rows[i].text, rows[i].indent, 10);
		expect(&output, rows[i].expected);
	}
}

static void durations_are_rough(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *expected;
	} rows[] = {
		{ 0, "0 s" },         { 119, "119 s" },
		{ 120, "2 min" },     { 7199, "119 min" },
		{ 7200, "2 h" },      { 172799, "47 h" },
		{ 172800, "2 days" }, { UINT64_MAX, "213503982334601 days" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[TOOL_DURATION_MAX];

		tool_text_duration(rows[i].seconds, text);
		assert_string_equal(text, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_gets_no_control_characters),
		cmocka_unit_test(columns_are_characters),
		cmocka_unit_test(lines_are_broken_between_words),
		cmocka_unit_test(durations_are_rough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
