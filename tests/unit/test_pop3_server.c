/* SPDX-License-Identifier: ISC */
#include "tests/unit/pop3_talk.h"

#include "protocol/limits.h"

#define LOGIN "AUTH PLAIN AGEAYg==\n"
#define IN "{PLAIN a/b}\n+OK 4 messages (5000000327 octets)\n"
#define CAPABILITIES                                                                   \
	"+OK Capabilities follow\nTOP\nUIDL\nRESP-CODES\nAUTH-RESP-CODE\nPIPELINING\n" \
	"EXPIRE NEVER\nUTF8 USER\nIMPLEMENTATION Packetboat\n"

static const struct pop3_server_options plain = { .login_allowed = true };
static const struct pop3_server_options plain_with_stls = { .login_allowed = true,
							    .stls_offered = true };
static const struct pop3_server_options tls_needed = { .stls_offered = true };

static void capa_is_the_same_before_and_after_login_but_for_stls(void **state)
{
	static const struct talk_row with_stls[] = {
		{ .name = "login in the clear",
		  .input = OCTETS("CAPA\n" LOGIN "CAPA\n"),
		  .expected = CAPABILITIES "USER\nSASL PLAIN LOGIN\nSTLS\n.\n" IN CAPABILITIES
					   "USER\nSASL PLAIN LOGIN\n.\n" },
	};
	static const struct talk_row needed[] = {
		{ .name = "login under TLS only",
		  .input = OCTETS("CAPA\nSTLS\n\x01"
				  "CAPA\n" LOGIN "CAPA\n"),
		  .expected = CAPABILITIES "STLS\n.\n+OK Begin TLS now\n{TLS}\n" CAPABILITIES
					   "USER\nSASL PLAIN LOGIN\n.\n" IN CAPABILITIES
					   "USER\nSASL PLAIN LOGIN\n.\n" },
	};

	(void)state;
	TALK_CHECK(with_stls, &plain_with_stls);
	TALK_CHECK(needed, &tls_needed);
}

static void bad_lines_are_answered_once_each(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "empty line, colon, blanks",
		  .input = OCTETS("\n:\n \nQUIT\n"),
		  .expected = "-ERR Unknown command\n-ERR Unknown command\n-ERR Unknown command\n"
			      "+OK Goodbye\n{CLOSE quit}\n" },
		{ .name = "APOP and LANG",
		  .input = OCTETS("APOP a c4c9334bac560ecc979e58001b3e22fb\nLANG\n"),
		  .expected = "-ERR Unknown command\n-ERR Unknown command\n" },
		{ .name = "wrong state",
		  .input = OCTETS("STAT\nRETR 1\n"),
		  .expected = "-ERR STAT is only possible after login\n"
			      "-ERR RETR is only possible after login\n" },
		{ .name = "NUL and bare CR",
		  .input = OCTETS("NO\0OP\r\nUSER a\rPASS b\r\nQUIT\r\n"),
		  .expected = "-ERR NUL in a line\n-ERR CR without LF in a line\n"
			      "+OK Goodbye\n{CLOSE quit}\n",
		  .raw = true },
		{ .name = "ten are enough",
		  .input = OCTETS("a\nb\nSTAT\nd\ne\nCAPA x\nf\ng\nh\nCAPA\ni\nQUIT\n"),
		  .expected = "-ERR Unknown command\n-ERR Unknown command\n"
			      "-ERR STAT is only possible after login\n"
			      "-ERR Unknown command\n-ERR Unknown command\n"
			      "-ERR CAPA takes no argument\n-ERR Unknown command\n"
			      "-ERR Unknown command\n-ERR Unknown command\n" CAPABILITIES
			      "USER\nSASL PLAIN LOGIN\n.\n"
			      "-ERR Too many bad commands, goodbye\n"
			      "{CLOSE too-many-bad-commands}\n" },
		{ .name = "the last one may be within an exchange",
		  .input = OCTETS("a\na\na\na\na\na\na\na\na\nAUTH LOGIN\n?\nQUIT\n"),
		  .expected = "-ERR Unknown command\n-ERR Unknown command\n-ERR Unknown command\n"
			      "-ERR Unknown command\n-ERR Unknown command\n-ERR Unknown command\n"
			      "-ERR Unknown command\n-ERR Unknown command\n-ERR Unknown command\n"
			      "+ VXNlcm5hbWU6\n-ERR Too many bad commands, goodbye\n"
			      "{CLOSE too-many-bad-commands}\n" },
	};

	(void)state;
	TALK_CHECK(rows, &plain);
}

static void quit_ends_it(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "in AUTHORIZATION there is no update",
		  .input = OCTETS("QUIT\nSTAT\n"),
		  .expected = "+OK Goodbye\n{CLOSE quit}\n" },
		{ .name = "commands behind QUIT are ignored",
		  .input = OCTETS(LOGIN "DELE 1\nQUIT\nRSET\nDELE 2\nQUIT\n"),
		  .expected =
			  IN "+OK Message 1 deleted\n{UPDATE 42}\n+OK Goodbye\n{CLOSE quit}\n" },
		{ .name = "with an argument it is no QUIT",
		  .input = OCTETS("QUIT now\n"),
		  .expected = "-ERR QUIT takes no argument\n" },
	};

	(void)state;
	TALK_CHECK(rows, &plain);
}

static void over_long_lines_are_skipped_and_answered_once(void **state)
{
	static const struct {
		const char *name;
		bool after_login;
		size_t octets; /* CRLF included */
		const char *expected;
	} rows[] = {
		{ "512 before login", false, 512,
		  "-ERR CAPA takes no argument\n+OK Goodbye\n{CLOSE quit}\n" },
		{ "513 before login", false, 513,
		  "-ERR Line too long\n+OK Goodbye\n{CLOSE quit}\n" },
		{ "100000 before login", false, 100000,
		  "-ERR Line too long\n+OK Goodbye\n{CLOSE quit}\n" },
		{ "512 after login", true, 512,
		  IN "-ERR CAPA takes no argument\n{UPDATE}\n+OK Goodbye\n{CLOSE quit}\n" },
		{ "513 after login", true, 513,
		  IN "-ERR Line too long\n{UPDATE}\n+OK Goodbye\n{CLOSE quit}\n" },
		{ "100000 after login", true, 100000,
		  IN "-ERR Line too long\n{UPDATE}\n+OK Goodbye\n{CLOSE quit}\n" },
	};
	static const size_t steps[] = { 1, 7, 512, 4096, SIZE_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf input;
		bytebuf_init(&input, 200000);
		if (rows[i].after_login)
			assert_true(bytebuf_append_text(&input, LOGIN));
		assert_true(bytebuf_append_text(&input, "CAPA "));
		for (size_t k = 0; k < rows[i].octets - 7; k++)
			assert_true(bytebuf_append_octet(&input, 'x'));
		assert_true(bytebuf_append_text(&input, "\r\nQUIT\r\n"));
		struct talk_row row = { .name = rows[i].name, .expected = rows[i].expected };
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
			talk_check(&row, &plain, bytebuf_peek(&input), steps[k], steps[k]);
		bytebuf_deinit(&input);
	}
}

static void a_thousand_pipelined_commands_are_answered_in_order(void **state)
{
	struct bytebuf input;
	struct bytebuf expected;

	(void)state;
	bytebuf_init(&input, 1 << 20);
	bytebuf_init(&expected, 1 << 20);
	assert_true(bytebuf_append_text(&input, LOGIN));
	assert_true(bytebuf_append_text(&expected, IN));
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(bytebuf_append_text(&input, i % 2 == 0 ? "UIDL 1\r\n" : "TOP 2 "));
		assert_true(bytebuf_append_text(&expected, i % 2 == 0 ? "+OK 1 0000002a6553f101\n"
								      : "{TOP 2 "));
		if (i % 2 == 0)
			continue;
		assert_true(bytebuf_append_number(&input, i));
		assert_true(bytebuf_append_text(&input, "\r\n"));
		assert_true(bytebuf_append_number(&expected, i));
		assert_true(
			bytebuf_append_text(&expected, "}\n+OK Message follows\n(message)\n.\n"));
	}
	assert_true(bytebuf_append_octet(&expected, '\0'));
	struct talk_row row = { .name = "a thousand commands",
				.expected = (const char *)bytebuf_peek(&expected).data };
	talk_check(&row, &plain, bytebuf_peek(&input), SIZE_MAX, SIZE_MAX);
	talk_check(&row, &plain, bytebuf_peek(&input), 1, 1);
	talk_check(&row, &plain, bytebuf_peek(&input), 4096, 4096);
	bytebuf_deinit(&input);
	bytebuf_deinit(&expected);
}

/* Whoever sends without reading gets no further than the output's pause. */
static void replies_that_nobody_takes_stop_the_commands(void **state)
{
	struct bytebuf input;
	struct pop3_event event;
	struct talk talk;

	(void)state;
	bytebuf_init(&input, 1 << 20);
	for (unsigned i = 0; i < 10000; i++)
		assert_true(bytebuf_append_text(&input, "CAPA\r\n"));
	talk_init(&talk, &plain);
	struct span in = bytebuf_peek(&input);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_NEED_OUTPUT);
	assert_true(pop3_server_output(&talk.server).len >= POP3_OUTPUT_PAUSE);
	assert_true(pop3_server_output(&talk.server).len < POP3_OUTPUT_MAX);
	size_t left = in.len;
	assert_true(left > 0);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_NEED_OUTPUT);
	assert_int_equal(in.len, left);
	talk_flush(&talk);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_NEED_OUTPUT);
	assert_true(in.len < left);
	talk_deinit(&talk);
	bytebuf_deinit(&input);
}

static void input_waits_while_an_event_does(void **state)
{
	struct span in = span_text("AUTH PLAIN AGEAYg==\r\nRETR 1\r\nQUIT\r\n");
	struct pop3_event event;
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	assert_false(pop3_server_is_busy(&talk.server));
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_LOGIN);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_WAITING);
	assert_true(pop3_server_is_busy(&talk.server));
	assert_int_equal(in.len, 14);
	pop3_server_login_ok(&talk.server, talk.drop);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_RETRIEVE);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_WAITING);
	assert_true(pop3_server_message_begin(&talk.server));
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_WAITING);
	assert_true(pop3_server_is_busy(&talk.server));
	pop3_server_message_end(&talk.server);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_UPDATE);
	assert_int_equal(pop3_server_state(&talk.server), POP3_UPDATE);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_WAITING);
	pop3_server_updated(&talk.server, "The ledger is full");
	assert_false(pop3_server_is_busy(&talk.server));
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_CLOSE);
	assert_string_equal(event.reason, "update-failed");
	talk_flush(&talk);
	assert_true(span_equal(bytebuf_peek(&talk.transcript),
			       span_text("+OK Packetboat ready\n"
					 "+OK 4 messages (5000000327 octets)\n+OK Message follows\n"
					 "-ERR [SYS/TEMP] The ledger is full\n")));
	talk_deinit(&talk);
}

static void a_connection_can_be_refused_at_once(void **state)
{
	struct span in = span_text("CAPA\r\n");
	struct pop3_server server;
	struct pop3_event event;

	(void)state;
	pop3_server_init(&server, &plain);
	pop3_server_greet_refused(&server, POP3_CODE_SYS_TEMP, "Too many sessions");
	assert_true(span_equal(pop3_server_output(&server),
			       span_text("-ERR [SYS/TEMP] Too many sessions\r\n")));
	assert_int_equal(pop3_server_next(&server, &in, &event), POP3_EVENT_CLOSE);
	assert_string_equal(event.reason, "refused");
	pop3_server_deinit(&server);
}

/* Feeds `input`, ends the session from outside, and compares what that added. */
static void check_end(const char *name, const char *input, enum pop3_event_type at,
		      const char *expected)
{
	struct span in = span_text("AUTH PLAIN AGEAYg==\r\n");
	struct pop3_event event;
	struct talk talk;

	talk_init(&talk, &plain_with_stls);
	if (at == POP3_EVENT_STLS) {
		in = span_text(input);
	} else {
		assert_true(talk_feed(&talk, in));
		in = span_text(input);
	}
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), at);
	if (at == POP3_EVENT_RETRIEVE)
		assert_true(pop3_server_message_begin(&talk.server));
	talk_flush(&talk);
	pop3_server_end(&talk.server, POP3_CODE_SYS_TEMP, "Shutting down", "shutdown");
	if (!span_equal(pop3_server_output(&talk.server), span_text(expected)))
		fail_msg("%s: %.*s", name, (int)pop3_server_output(&talk.server).len,
			 (const char *)pop3_server_output(&talk.server).data);
	assert_false(pop3_server_is_busy(&talk.server));
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_CLOSE);
	assert_string_equal(event.reason, "shutdown");
	pop3_server_end(&talk.server, POP3_CODE_SYS_TEMP, "Again", "again");
	assert_true(span_equal(pop3_server_output(&talk.server), span_text(expected)));
	talk_deinit(&talk);
}

static void an_end_from_outside_says_so_where_it_can(void **state)
{
	static const char said[] = "-ERR [SYS/TEMP] Shutting down\r\n";

	(void)state;
	check_end("idle", "NOOP\r\nST", POP3_EVENT_NEED_INPUT, said);
	check_end("in the middle of a message", "RETR 1\r\n", POP3_EVENT_RETRIEVE, "");
	check_end("in the middle of UPDATE", "QUIT\r\n", POP3_EVENT_UPDATE, said);
	check_end("before a handshake", "STLS\r\n", POP3_EVENT_STLS, "");
}

static void an_end_in_the_middle_of_a_listing_says_nothing(void **state)
{
	struct span in = span_text("AUTH PLAIN AGEAYg==\r\nUIDL\r\n");
	struct maildrop *drop = maildrop_new(1);
	struct pop3_server server;
	struct pop3_event event;

	(void)state;
	assert_non_null(drop);
	for (uint32_t uid = 1; uid <= 5000; uid++)
		assert_int_equal(maildrop_add(drop, uid, 1000), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	pop3_server_init(&server, &plain);
	assert_int_equal(pop3_server_next(&server, &in, &event), POP3_EVENT_LOGIN);
	pop3_server_login_ok(&server, drop);
	assert_int_equal(pop3_server_next(&server, &in, &event), POP3_EVENT_NEED_OUTPUT);
	size_t len = pop3_server_output(&server).len;
	pop3_server_end(&server, POP3_CODE_SYS_TEMP, "Shutting down", "shutdown");
	assert_int_equal(pop3_server_output(&server).len, len);
	pop3_server_deinit(&server);
	maildrop_free(&drop);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(pop3_state_name(POP3_AUTHORIZATION), "AUTHORIZATION");
	assert_string_equal(pop3_state_name(POP3_TRANSACTION), "TRANSACTION");
	assert_string_equal(pop3_state_name(POP3_UPDATE), "UPDATE");
	assert_string_equal(pop3_state_name(POP3_CLOSED), "CLOSED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capa_is_the_same_before_and_after_login_but_for_stls),
		cmocka_unit_test(bad_lines_are_answered_once_each),
		cmocka_unit_test(quit_ends_it),
		cmocka_unit_test(over_long_lines_are_skipped_and_answered_once),
		cmocka_unit_test(a_thousand_pipelined_commands_are_answered_in_order),
		cmocka_unit_test(replies_that_nobody_takes_stop_the_commands),
		cmocka_unit_test(input_waits_while_an_event_does),
		cmocka_unit_test(a_connection_can_be_refused_at_once),
		cmocka_unit_test(an_end_from_outside_says_so_where_it_can),
		cmocka_unit_test(an_end_in_the_middle_of_a_listing_says_nothing),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
