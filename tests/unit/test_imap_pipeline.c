/* SPDX-License-Identifier: ISC */
#include "protocol/imap_pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
	struct imap_pipeline *pipeline = malloc(sizeof(*pipeline));

	assert_non_null(pipeline);
	imap_pipeline_init(pipeline);
	*state = pipeline;
	return 0;
}

static int tear_down(void **state)
{
	imap_pipeline_deinit(*state);
	free(*state);
	return 0;
}

static uint32_t add(struct imap_pipeline *pipeline, enum imap_command command)
{
	struct imap_command_writer writer;

	imap_pipeline_begin(pipeline, &writer, command, IMAP_LITERALS_NONE);
	return imap_pipeline_add(pipeline, &writer, command, NULL);
}

static uint32_t add_login(struct imap_pipeline *pipeline, const char *user, const char *password)
{
	struct imap_command_writer writer;

	imap_pipeline_begin(pipeline, &writer, IMAP_COMMAND_LOGIN, IMAP_LITERALS_NONE);
	imap_command_astring(&writer, span_text(user));
	imap_command_string(&writer, span_text(password));
	return imap_pipeline_add(pipeline, &writer, IMAP_COMMAND_LOGIN, NULL);
}

static uint32_t add_authenticate(struct imap_pipeline *pipeline, bool at_once, const char *answer)
{
	struct imap_command_writer writer;

	imap_pipeline_begin(pipeline, &writer, IMAP_COMMAND_AUTHENTICATE, IMAP_LITERALS_NONE);
	imap_command_text(&writer, " X");
	imap_command_sasl(&writer, span_text("user"), at_once);
	return imap_pipeline_add(pipeline, &writer, IMAP_COMMAND_AUTHENTICATE, answer);
}

/* What may be sent now, which is sent. */
static void expect_output(struct imap_pipeline *pipeline, const char *expected)
{
	struct span out = imap_pipeline_output(pipeline);

	if (!span_equal(out, span_text(expected)))
		fail_msg("\"%.*s\", not \"%s\"", (int)out.len, (const char *)out.data, expected);
	imap_pipeline_sent(pipeline, out.len);
}

static void complete(struct imap_pipeline *pipeline, uint32_t id, bool ok,
		     enum imap_command expected)
{
	enum imap_command command;

	assert_true(imap_pipeline_complete(pipeline, id, ok, &command));
	assert_int_equal(command, expected);
}

static void test_commands_are_pipelined(void **state)
{
	struct imap_pipeline *pipeline = *state;

	assert_int_equal(add(pipeline, IMAP_COMMAND_CAPABILITY), 1);
	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 2);
	expect_output(pipeline, "A1 CAPABILITY\r\nA2 NOOP\r\n");
	assert_int_equal(imap_pipeline_count(pipeline), 2);
	/* In whatever order they are answered. */
	complete(pipeline, 2, true, IMAP_COMMAND_NOOP);
	assert_int_equal(imap_pipeline_oldest(pipeline)->id, 1);
	complete(pipeline, 1, false, IMAP_COMMAND_CAPABILITY);
	assert_null(imap_pipeline_oldest(pipeline));
	expect_output(pipeline, "");
}

static void test_literals_wait(void **state)
{
	struct imap_pipeline *pipeline = *state;

	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 1);
	assert_int_equal(add_login(pipeline, "\xc3\xa4", "\xff\xfe"), 2);
	assert_int_equal(add(pipeline, IMAP_COMMAND_CAPABILITY), 3);
	assert_int_equal(add_login(pipeline, "a", "\xfd"), 4);
	expect_output(pipeline, "A1 NOOP\r\nA2 LOGIN {2}\r\n");
	complete(pipeline, 1, true, IMAP_COMMAND_NOOP);
	expect_output(pipeline, "");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "\xc3\xa4 {2}\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "\xff\xfe\r\nA3 CAPABILITY\r\nA4 LOGIN a {1}\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "\xfd\r\n");
	assert_false(imap_pipeline_continue(pipeline));
}

/* A server that refuses a literal gets no more of that command, and the next one. */
static void test_refused_literal(void **state)
{
	struct imap_pipeline *pipeline = *state;

	add_login(pipeline, "\xc3\xa4", "secret\xff");
	add(pipeline, IMAP_COMMAND_NOOP);
	expect_output(pipeline, "A1 LOGIN {2}\r\n");
	complete(pipeline, 1, false, IMAP_COMMAND_LOGIN);
	expect_output(pipeline, "A2 NOOP\r\n");
	assert_false(imap_pipeline_continue(pipeline));

	/* The same with the second literal. */
	add_login(pipeline, "\xc3\xa4", "secret\xff");
	add(pipeline, IMAP_COMMAND_NOOP);
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "A3 LOGIN {2}\r\n\xc3\xa4 {7}\r\n");
	complete(pipeline, 3, false, IMAP_COMMAND_LOGIN);
	expect_output(pipeline, "A4 NOOP\r\n");
}

static void test_answers_nobody_waits_for(void **state)
{
	struct imap_pipeline *pipeline = *state;
	enum imap_command command;

	assert_false(imap_pipeline_continue(pipeline));
	assert_false(imap_pipeline_complete(pipeline, 1, true, &command));
	add_login(pipeline, "\xc3\xa4", "x");
	add(pipeline, IMAP_COMMAND_NOOP);
	/* Not sent whole, and not sent at all. */
	assert_false(imap_pipeline_complete(pipeline, 1, true, &command));
	assert_false(imap_pipeline_complete(pipeline, 2, true, &command));
	assert_false(imap_pipeline_complete(pipeline, 2, false, &command));
	assert_false(imap_pipeline_complete(pipeline, 0, false, &command));
	assert_int_equal(imap_pipeline_count(pipeline), 2);
}

static void test_authenticate(void **state)
{
	struct imap_pipeline *pipeline = *state;

	add_authenticate(pipeline, false, "*");
	add(pipeline, IMAP_COMMAND_NOOP);
	expect_output(pipeline, "A1 AUTHENTICATE X\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	/* NOOP would be taken for an answer to a challenge. */
	expect_output(pipeline, "dXNlcg==\r\n");
	complete(pipeline, 1, true, IMAP_COMMAND_AUTHENTICATE);
	expect_output(pipeline, "A2 NOOP\r\n");
}

static void test_challenge_behind_the_initial_response(void **state)
{
	struct imap_pipeline *pipeline = *state;

	add_authenticate(pipeline, true, "");
	expect_output(pipeline, "A1 AUTHENTICATE X dXNlcg==\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "*\r\n");
	assert_false(imap_pipeline_continue(pipeline));
}

static void test_challenge_is_cancelled(void **state)
{
	struct imap_pipeline *pipeline = *state;

	add_authenticate(pipeline, false, "*");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "A1 AUTHENTICATE X\r\ndXNlcg==\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "*\r\n");
	assert_false(imap_pipeline_continue(pipeline));
}

static void test_idle(void **state)
{
	struct imap_pipeline *pipeline = *state;

	imap_pipeline_idle_done(pipeline); /* nothing to end */
	add(pipeline, IMAP_COMMAND_IDLE);
	expect_output(pipeline, "A1 IDLE\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	assert_false(imap_pipeline_continue(pipeline));
	add(pipeline, IMAP_COMMAND_NOOP);
	expect_output(pipeline, "");
	imap_pipeline_idle_done(pipeline);
	expect_output(pipeline, "DONE\r\nA2 NOOP\r\n");
	imap_pipeline_idle_done(pipeline);
	expect_output(pipeline, "");
	complete(pipeline, 1, true, IMAP_COMMAND_IDLE);
	complete(pipeline, 2, true, IMAP_COMMAND_NOOP);
}

/* DONE before the server has said "+" would be a command. */
static void test_idle_ended_at_once(void **state)
{
	struct imap_pipeline *pipeline = *state;

	add(pipeline, IMAP_COMMAND_IDLE);
	imap_pipeline_idle_done(pipeline);
	add(pipeline, IMAP_COMMAND_NOOP);
	expect_output(pipeline, "A1 IDLE\r\n");
	assert_true(imap_pipeline_continue(pipeline));
	expect_output(pipeline, "DONE\r\nA2 NOOP\r\n");
}

static void test_idle_refused(void **state)
{
	struct imap_pipeline *pipeline = *state;

	add(pipeline, IMAP_COMMAND_IDLE);
	imap_pipeline_idle_done(pipeline);
	add(pipeline, IMAP_COMMAND_NOOP);
	expect_output(pipeline, "A1 IDLE\r\n");
	complete(pipeline, 1, false, IMAP_COMMAND_IDLE);
	expect_output(pipeline, "A2 NOOP\r\n");
}

static void test_nothing_behind_starttls(void **state)
{
	struct imap_pipeline *pipeline = *state;

	assert_int_equal(add(pipeline, IMAP_COMMAND_STARTTLS), 1);
	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 0);
	expect_output(pipeline, "A1 STARTTLS\r\n");
	complete(pipeline, 1, true, IMAP_COMMAND_STARTTLS);
	assert_int_not_equal(add(pipeline, IMAP_COMMAND_NOOP), 0);
}

static void test_ceiling_of_commands(void **state)
{
	struct imap_pipeline *pipeline = *state;
	enum imap_command command;

	for (uint32_t i = 1; i <= IMAP_PENDING_MAX; i++)
		assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), i);
	size_t len = imap_pipeline_output(pipeline).len;
	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 0);
	assert_int_equal(imap_pipeline_output(pipeline).len, len);
	assert_true(imap_pipeline_complete(pipeline, 7, true, &command));
	assert_int_not_equal(add(pipeline, IMAP_COMMAND_NOOP), 0);
}

static void test_ceiling_of_octets(void **state)
{
	static char mailbox[7900];
	struct imap_pipeline *pipeline = *state;
	unsigned added = 0;

	memset(mailbox, 'a', sizeof(mailbox));
	for (;;) {
		struct imap_command_writer writer;
		imap_pipeline_begin(pipeline, &writer, IMAP_COMMAND_SELECT, IMAP_LITERALS_PLUS);
		imap_command_astring(&writer, span_of(mailbox, sizeof(mailbox)));
		if (imap_pipeline_add(pipeline, &writer, IMAP_COMMAND_SELECT, NULL) == 0)
			break;
		added++;
	}
	assert_int_equal(imap_pipeline_count(pipeline), added);
	assert_int_equal(added, IMAP_OUTPUT_MAX / 7920);
	assert_in_range(imap_pipeline_output(pipeline).len, 1, IMAP_OUTPUT_MAX);
	assert_false(imap_pipeline_failed(pipeline));
}

/* What cannot be stored is lost, and everybody is told: half a command must not be sent. */
static void test_no_memory(void **state)
{
	struct imap_pipeline *pipeline = *state;

	pipeline->out.limit = strlen("A1 NOOP\r\n");
	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 1);
	assert_false(imap_pipeline_failed(pipeline));
	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 0);
	assert_true(imap_pipeline_failed(pipeline));
	expect_output(pipeline, "A1 NOOP\r\n");
	assert_true(imap_pipeline_failed(pipeline));
}

/* A tag comes again after 2^32 commands, but not while it is waited for. */
static void test_tags_come_again(void **state)
{
	struct imap_pipeline *pipeline = *state;

	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 1);
	pipeline->last_id = UINT32_MAX - 1;
	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), UINT32_MAX);
	assert_int_equal(add(pipeline, IMAP_COMMAND_NOOP), 2);
	expect_output(pipeline, "A1 NOOP\r\nA4294967295 NOOP\r\nA2 NOOP\r\n");
}

/* What was sent or dropped is not in memory any more. */
static void test_secrets_are_wiped(void **state)
{
	struct imap_pipeline *pipeline = *state;

	add_login(pipeline, "\xff", "secret");
	add_login(pipeline, "\xff", "secret");
	assert_true(imap_pipeline_continue(pipeline));
	imap_pipeline_sent(pipeline, imap_pipeline_output(pipeline).len);
	complete(pipeline, 1, false, IMAP_COMMAND_LOGIN);
	complete(pipeline, 2, false, IMAP_COMMAND_LOGIN);
	imap_pipeline_sent(pipeline, imap_pipeline_output(pipeline).len);
	assert_null(memmem(pipeline->out.data, pipeline->out.capacity, "secret", 6));
	assert_null(memmem(pipeline->held.data, pipeline->held.capacity, "secret", 6));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commands_are_pipelined),
		TEST(test_literals_wait),
		TEST(test_refused_literal),
		TEST(test_answers_nobody_waits_for),
		TEST(test_authenticate),
		TEST(test_challenge_behind_the_initial_response),
		TEST(test_challenge_is_cancelled),
		TEST(test_idle),
		TEST(test_idle_ended_at_once),
		TEST(test_idle_refused),
		TEST(test_nothing_behind_starttls),
		TEST(test_ceiling_of_commands),
		TEST(test_ceiling_of_octets),
		TEST(test_no_memory),
		TEST(test_tags_come_again),
		TEST(test_secrets_are_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
