/* SPDX-License-Identifier: ISC */
#include "daemon/tool_open.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The words of all commands, with blanks between words and bars between commands. */
static void expect(const char *browser, const char *expected)
{
	const char *words[TOOL_OPEN_WORDS_MAX + 1];
	char memory[TOOL_OPEN_COMMAND_MAX], found[2000] = "";
	const char *rest = browser;

	while (rest != NULL) {
		rest = tool_open_words(rest, "URL", memory, words);
		for (size_t i = 0; words[i] != NULL; i++)
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s",
				       i > 0 ? " " : "", words[i]);
		if (rest != NULL)
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "|");
	}
	assert_string_equal(found, expected);
}

static void commands_are_split_into_words(void **state)
{
	(void)state;
	expect("firefox", "firefox URL");
	expect("firefox --new-tab", "firefox --new-tab URL");
	expect("  firefox   --new-tab  ", "firefox --new-tab URL");
	expect("firefox %s --x", "firefox URL --x");
	expect("firefox a%s", "firefox a%s URL");
	expect("a:b c:d", "a URL|b c URL|d URL");
	expect("", "");
	expect(":a:", "|a URL|");
	/* It is an address, not a program. */
	expect("%s", "%s URL");
	/* No shell is asked. */
	expect("a; rm $(x) 'y z'", "a; rm $(x) 'y z' URL");
}

static void commands_have_ceilings(void **state)
{
	char long_one[TOOL_OPEN_COMMAND_MAX + 10];

	(void)state;
	expect("1 2 3 4 5 6 7 8 9 0 1 2 3 4 5", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 URL");
	expect("1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6", "");
	expect("1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6:a", "|a URL");
	memset(long_one, 'x', sizeof(long_one));
	(void)snprintf(long_one + TOOL_OPEN_COMMAND_MAX, 3, ":a");
	expect(long_one, "|a URL");
}

static void a_browser_is_started_without_waiting_for_it(void **state)
{
	char folder[] = "/tmp/packetboat-unit-XXXXXX", program[64], shown[64], line[200] = "";

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(program, sizeof(program), "%s/browser", folder);
	(void)snprintf(shown, sizeof(shown), "%s/shown", folder);
	FILE *script = fopen(program, "w");
	assert_non_null(script);
	(void)fprintf(script, "#!/bin/sh\necho \"$@\" > %s.new && mv %s.new %s\n", shown, shown,
		      shown);
	assert_int_equal(fclose(script), 0);
	assert_int_equal(chmod(program, 0700), 0);
	/* The first is not there, so the second is asked. */
	(void)snprintf(line, sizeof(line), "/nonexistent/x:%s --tab", program);
	assert_int_equal(setenv("BROWSER", line, 1), 0);
	assert_true(tool_open("https://example.org/?a=b c&d=$(e)"));
	assert_true(wait(NULL) > 0);
	FILE *file = fopen(shown, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, "--tab https://example.org/?a=b c&d=$(e)\n");
	(void)fclose(file);
	/* What looks like an option is shown to nobody. */
	assert_false(tool_open("--version"));
	assert_false(tool_open("file:///etc/passwd"));
	assert_int_equal(setenv("BROWSER", "/nonexistent/x", 1), 0);
	assert_false(tool_open("https://example.org/"));
	(void)unlink(shown);
	(void)unlink(program);
	(void)rmdir(folder);
}

static void without_a_desktop_nothing_is_started(void **state)
{
	(void)state;
	(void)unsetenv("BROWSER");
	(void)unsetenv("DISPLAY");
	(void)unsetenv("WAYLAND_DISPLAY");
	assert_false(tool_open("https://example.org/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_split_into_words),
		cmocka_unit_test(commands_have_ceilings),
		cmocka_unit_test(a_browser_is_started_without_waiting_for_it),
		cmocka_unit_test(without_a_desktop_nothing_is_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
