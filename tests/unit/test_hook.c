/* SPDX-License-Identifier: ISC */
#include "daemon/hook.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/stderr_capture.h"

struct place {
	char folder[64];
	char program[96];
	char result[96]; /* what the program writes */
	struct loop loop;
	struct log log;
	struct hook *hook;
	struct stderr_capture capture;
};

static void place_init(struct place *place, const char *script)
{
	*place = (struct place){ .folder = "/tmp/packetboat-hook-XXXXXX" };
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->program, sizeof(place->program), "%s/program", place->folder);
	snprintf(place->result, sizeof(place->result), "%s/result", place->folder);
	FILE *file = fopen(place->program, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nresult=%s\n%s\n", place->result, script);
	fclose(file);
	assert_int_equal(chmod(place->program, 0700), 0);
	stderr_capture_start(&place->capture);
	log_init(&place->log, CONF_LOG_INFO);
	assert_true(loop_init(&place->loop));
	place->hook = hook_new(&place->loop, &place->log);
	assert_non_null(place->hook);
}

/* Returns what the program wrote, in static memory. */
static const char *place_deinit(struct place *place)
{
	static char result[4096];
	FILE *file = fopen(place->result, "r");
	size_t len = 0;

	if (file != NULL) {
		len = fread(result, 1, sizeof(result) - 1, file);
		fclose(file);
	}
	result[len] = '\0';
	hook_free(&place->hook);
	loop_deinit(&place->loop);
	unlink(place->program);
	unlink(place->result);
	assert_int_equal(rmdir(place->folder), 0);
	return result;
}

static void run(struct place *place, const char *account)
{
	hook_run(place->hook, &(struct hook_run){ .program = place->program,
						  .account = account,
						  .reason = "sign-in-needed",
						  .detail = "it \"expired\"; $(reboot)" });
}

static void on_look(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	loop_stop(argument);
}

static size_t log_lines(const struct place *place)
{
	char text[sizeof(place->capture.text)];
	ssize_t len = pread(fileno(place->capture.file), text, sizeof(text), 0);
	size_t count = 0;

	for (ssize_t i = 0; i < len; i++)
		count += text[i] == '\n';
	return count;
}

/* Turns the loop until there are so many lines in the log; a test that waits in vain is ended by
 * its time-out. */
static void wait_for_lines(struct place *place, size_t count)
{
	struct event *look = event_new(place->loop.base, -1, EV_PERSIST, on_look, &place->loop);
	struct timeval often = { .tv_usec = 5000 };

	event_add(look, &often);
	while (log_lines(place) < count) {
		place->loop.stopped = false;
		assert_true(loop_run(&place->loop));
	}
	event_free(look);
}

static void a_program_is_told_what_happened_and_nothing_else(void **state)
{
	struct place place;

	(void)state;
	place_init(&place, "env | sort >$result; echo arguments $# >>$result;"
			   "cat >>$result; ls /proc/self/fd | wc -w >>$result");
	setenv("PACKETBOAT_SECRET", "s3cret", 1);
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("LANG", "C.UTF-8", 1);
	unsetenv("HOME");
	unsetenv("TZ");
	unsetenv("LC_ALL");
	unsetenv("LC_MESSAGES");
	run(&place, "Ada Lovelace");
	wait_for_lines(&place, 1);
	const char *result = place_deinit(&place);
	const char *log = stderr_capture_end(&place.capture);
	assert_null(strstr(result, "s3cret"));
	assert_non_null(strstr(result, "LANG=C.UTF-8\n"));
	assert_non_null(strstr(result, "PACKETBOAT_ACCOUNT=Ada Lovelace\n"
				       "PACKETBOAT_DETAIL=it \"expired\"; $(reboot)\n"
				       "PACKETBOAT_REASON=sign-in-needed\n"
				       "PATH=/usr/bin:/bin\n"));
	/* Nothing to read; and of descriptors, three and that of ls. */
	assert_non_null(strstr(result, "arguments 0\n4\n"));
	assert_non_null(strstr(log, "info on-attention program="));
	assert_non_null(strstr(log, "account=\"Ada Lovelace\" result=\"exit status 0\"\n"));
}

static void what_it_writes_goes_to_stderr(void **state)
{
	struct place place;

	(void)state;
	place_init(&place, "echo out; echo err >&2");
	run(&place, "ada");
	wait_for_lines(&place, 3);
	place_deinit(&place);
	assert_non_null(strstr(stderr_capture_end(&place.capture), "out\nerr\n"));
}

static void one_runs_at_a_time_in_order(void **state)
{
	struct place place;

	(void)state;
	place_init(&place, "echo begin $PACKETBOAT_ACCOUNT >>$result; sleep 0.02;"
			   "echo end $PACKETBOAT_ACCOUNT >>$result");
	run(&place, "a");
	run(&place, "b");
	run(&place, "c");
	wait_for_lines(&place, 3);
	/* And again, when nothing waits. */
	run(&place, "d");
	wait_for_lines(&place, 4);
	assert_string_equal(place_deinit(&place),
			    "begin a\nend a\nbegin b\nend b\nbegin c\nend c\nbegin d\nend d\n");
	stderr_capture_end(&place.capture);
}

static void a_run_that_fails_is_a_warning(void **state)
{
	struct place place;

	(void)state;
	place_init(&place, "test $PACKETBOAT_ACCOUNT != a || exit 3; kill -TERM $$");
	run(&place, "a");
	run(&place, "b");
	wait_for_lines(&place, 2);
	place_deinit(&place);
	const char *log = stderr_capture_end(&place.capture);
	assert_non_null(strstr(log, "warning on-attention program="));
	assert_non_null(strstr(log, "account=a result=\"exit status 3\"\n"));
	assert_non_null(strstr(log, "account=b result=\"it was ended by signal 15\"\n"));
}

static void a_program_that_cannot_run_is_a_warning(void **state)
{
	struct place place;

	(void)state;
	place_init(&place, "echo run >$result");
	assert_int_equal(chmod(place.program, 0600), 0);
	run(&place, "a");
	assert_int_equal(rename(place.program, place.result), 0);
	run(&place, "b");
	wait_for_lines(&place, 2);
	assert_int_equal(rename(place.result, place.program), 0);
	assert_int_equal(chmod(place.program, 0700), 0);
	/* The next one runs all the same. */
	run(&place, "c");
	wait_for_lines(&place, 3);
	assert_string_equal(place_deinit(&place), "run\n");
	const char *log = stderr_capture_end(&place.capture);
	assert_non_null(strstr(log, "account=a result=\"Permission denied\"\n"));
	assert_non_null(strstr(log, "account=b result=\"No such file or directory\"\n"));
}

static void what_takes_too_long_is_killed(void **state)
{
	struct place place;

	(void)state;
	place_init(&place, "trap '' TERM INT; echo $PACKETBOAT_ACCOUNT >>$result; sleep 60");
	hook_set_timeout(place.hook, 300);
	run(&place, "a");
	run(&place, "b");
	wait_for_lines(&place, 2);
	assert_string_equal(place_deinit(&place), "a\nb\n");
	const char *log = stderr_capture_end(&place.capture);
	assert_non_null(strstr(log, "account=a result=\"it took too long and was killed\"\n"));
	assert_non_null(strstr(log, "account=b result=\"it took too long and was killed\"\n"));
}

static void what_it_started_is_killed_with_it(void **state)
{
	struct place place;
	char octets[64];

	(void)state;
	/* Its child holds the pipe open as long as it lives. */
	place_init(&place, "sleep 60 >$result & wait");
	assert_int_equal(mkfifo(place.result, 0600), 0);
	int pipe = open(place.result, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(pipe >= 0);
	hook_set_timeout(place.hook, 500);
	run(&place, "a");
	wait_for_lines(&place, 1);
	struct pollfd end = { .fd = pipe, .events = POLLIN };
	assert_int_equal(poll(&end, 1, 20000), 1);
	assert_int_equal(read(pipe, octets, sizeof(octets)), 0);
	close(pipe);
	unlink(place.result);
	place_deinit(&place);
	stderr_capture_end(&place.capture);
}

/* The service ignores SIGPIPE, and blocks signals in its threads. */
static void a_program_gets_signals_as_any_other(void **state)
{
	struct place place;
	sigset_t term, before;

	(void)state;
	place_init(&place, "sh -c 'kill -PIPE $$'; echo $? >>$result;"
			   "sh -c 'kill -TERM $$'; echo $? >>$result");
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &term, &before), 0);
	run(&place, "a");
	wait_for_lines(&place, 1);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	(void)signal(SIGPIPE, handler);
	/* Ended by signals 13 and 15. */
	assert_string_equal(place_deinit(&place), "141\n143\n");
	stderr_capture_end(&place.capture);
}

static void those_that_wait_have_a_ceiling(void **state)
{
	struct place place;

	(void)state;
	place_init(&place, "read line <$result");
	/* The first run waits for somebody to write into this pipe, so all others wait, too. */
	assert_int_equal(mkfifo(place.result, 0600), 0);
	for (unsigned i = 0; i < HOOK_WAITING_MAX + 2; i++)
		run(&place, "a");
	assert_int_equal(log_lines(&place), 1);
	hook_free(&place.hook);
	place.hook = hook_new(&place.loop, &place.log);
	FILE *pipe = fopen(place.result, "w");
	assert_non_null(pipe);
	fclose(pipe);
	unlink(place.result);
	place_deinit(&place);
	assert_non_null(
		strstr(stderr_capture_end(&place.capture), "result=\"too many wait already\"\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_told_what_happened_and_nothing_else),
		cmocka_unit_test(what_it_writes_goes_to_stderr),
		cmocka_unit_test(one_runs_at_a_time_in_order),
		cmocka_unit_test(a_run_that_fails_is_a_warning),
		cmocka_unit_test(a_program_that_cannot_run_is_a_warning),
		cmocka_unit_test(what_takes_too_long_is_killed),
		cmocka_unit_test(what_it_started_is_killed_with_it),
		cmocka_unit_test(a_program_gets_signals_as_any_other),
		cmocka_unit_test(those_that_wait_have_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
