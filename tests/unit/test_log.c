/* SPDX-License-Identifier: ISC */
#include "daemon/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

/* Runs `fn` with stderr in a pipe, and returns what it wrote there. */
static const char *stderr_of(void (*fn)(struct log *log), enum conf_log_level level)
{
	static char text[8192];
	struct log log;
	int ends[2];
	int before = dup(STDERR_FILENO);

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_init(&log, level);
	fn(&log);
	dup2(before, STDERR_FILENO);
	close(before);
	ssize_t len = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void write_values(struct log *log)
{
	struct log_line line;

	log_begin(&line, log, CONF_LOG_INFO, "event");
	log_session(&line, 0x2a);
	log_text(&line, "plain", "user@example.org");
	log_text(&line, "blank", "two words");
	log_text(&line, "empty", "");
	log_text(&line, "null", NULL);
	log_text(&line, "quote", "say \"\\\"");
	log_text(&line, "sign", "a=b");
	log_span(&line, "hostile", span_of("x\r\ninfo ready\0\x1b[2J\xff", 19));
	log_number(&line, "number", 18446744073709551615u);
	log_seconds(&line, "seconds", 1050);
	log_end(&line);
}

static void a_line_stays_one_line_whatever_is_in_it(void **state)
{
	(void)state;
	assert_string_equal(
		stderr_of(write_values, CONF_LOG_INFO),
		"info event session=0000002a plain=user@example.org blank=\"two words\" empty=\"\" "
		"null=\"\" quote=\"say \\\"\\\\\\\"\" sign=\"a=b\" "
		"hostile=\"x\\x0d\\x0ainfo ready\\x00\\x1b[2J\\xff\" "
		"number=18446744073709551615 seconds=1.050\n");
}

static void write_long_values(struct log *log)
{
	struct log_line line;
	char value[1000];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_begin(&line, log, CONF_LOG_ERROR, "event");
	for (int i = 0; i < 10; i++)
		log_text(&line, "value", value);
	log_end(&line);
}

static void a_line_has_an_end_however_much_is_in_it(void **state)
{
	const char *text = stderr_of(write_long_values, CONF_LOG_INFO);

	(void)state;
	/* Four values of 500 octets do not fit; what is there is whole. */
	assert_in_range(strlen(text), 1500, 2048);
	assert_non_null(strstr(text, "x cut=1\n"));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void what_is_below_the_level_is_not_written(void **state)
{
	(void)state;
	assert_string_equal(stderr_of(write_values, CONF_LOG_WARNING), "");
}

static void only_the_journal_is_told_the_priority(void **state)
{
	(void)state;
	/* Not our stderr: somebody started us from a service with its output elsewhere. */
	setenv("JOURNAL_STREAM", "1:1", 1);
	assert_memory_equal(stderr_of(write_values, CONF_LOG_INFO), "info ", 5);
	unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_stays_one_line_whatever_is_in_it),
		cmocka_unit_test(a_line_has_an_end_however_much_is_in_it),
		cmocka_unit_test(what_is_below_the_level_is_not_written),
		cmocka_unit_test(only_the_journal_is_told_the_priority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
