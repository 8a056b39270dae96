/* SPDX-License-Identifier: ISC */
#include "tests/unit/pop3_talk.h"

#include "protocol/base64.h"
#include "protocol/limits.h"

#define IN "+OK 4 messages (5000000327 octets)\n"

static const struct pop3_server_options plain = { .login_allowed = true };
static const struct pop3_server_options plain_with_stls = { .login_allowed = true,
							    .stls_offered = true };
static const struct pop3_server_options tls = { .tls_active = true, .stls_offered = true };
static const struct pop3_server_options tls_needed = { .stls_offered = true };
static const struct pop3_server_options tls_elsewhere = { .tls_active = false };

static void user_and_pass(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "a login",
		  .input = OCTETS("USER alice\nPASS secret\n"),
		  .expected = "+OK Send the password\n{USER alice/secret}\n" IN },
		{ .name = "verbs in any case",
		  .input = OCTETS("uSeR alice\npAsS Secret\n"),
		  .expected = "+OK Send the password\n{USER alice/Secret}\n" IN },
		{ .name = "PASS with spaces truncated",
		  .input = OCTETS("USER a b  \nPASS  two  words \"q\" \\ \t\xc3\xa4 \n"),
		  .expected = "+OK Send the password\n"
			      "{USER a b/ two  words \"q\" \\ \t\xc3\xa4 }\n" IN },
		{ .name = "a later USER counts",
		  .input = OCTETS("USER bob\nUSER alice\nPASS secret\n"),
		  .expected = "+OK Send the password\n+OK Send the password\n"
			      "{USER alice/secret}\n" IN },
		{ .name = "PASS without USER",
		  .input = OCTETS("PASS secret\n"),
		  .expected = "-ERR Give USER before PASS\n" },
		{ .name = "USER must be given again",
		  .input = OCTETS("USER alice\nPASS wrong\nPASS secret\n"),
		  .expected = "+OK Send the password\n{USER alice/wrong}\n-ERR [AUTH] Wrong\n"
			      "-ERR Give USER before PASS\n" },
		{ .name = "a second try",
		  .input = OCTETS("USER alice\nPASS wrong\nUSER alice\nPASS secret\n"),
		  .expected = "+OK Send the password\n{USER alice/wrong}\n-ERR [AUTH] Wrong\n"
			      "+OK Send the password\n{USER alice/secret}\n" IN },
		{ .name = "empty password",
		  .input = OCTETS("USER alice\nPASS \nPASS\n"),
		  .expected = "+OK Send the password\n"
			      "-ERR PASS takes a password of 1 to 255 octets\n"
			      "-ERR PASS takes a password of 1 to 255 octets\n" },
		{ .name = "the fifth wrong password is the last",
		  .input = OCTETS("USER a\nPASS wrong\nUSER a\nPASS wrong\nUSER a\nPASS wrong\n"
				  "USER a\nPASS wrong\nUSER a\nPASS wrong\nUSER a\nPASS right\n"),
		  .expected = "+OK Send the password\n{USER a/wrong}\n-ERR [AUTH] Wrong\n"
			      "+OK Send the password\n{USER a/wrong}\n-ERR [AUTH] Wrong\n"
			      "+OK Send the password\n{USER a/wrong}\n-ERR [AUTH] Wrong\n"
			      "+OK Send the password\n{USER a/wrong}\n-ERR [AUTH] Wrong\n"
			      "+OK Send the password\n{USER a/wrong}\n-ERR [AUTH] Wrong\n"
			      "{CLOSE too-many-failed-logins}\n" },
		{ .name = "what is not the password's fault does not count",
		  .input = OCTETS("USER a\nPASS down\nUSER a\nPASS down\nUSER a\nPASS down\n"
				  "USER a\nPASS down\nUSER a\nPASS down\nNOOP\n"),
		  .expected = "+OK Send the password\n{USER a/down}\n-ERR [SYS/TEMP] Down\n"
			      "+OK Send the password\n{USER a/down}\n-ERR [SYS/TEMP] Down\n"
			      "+OK Send the password\n{USER a/down}\n-ERR [SYS/TEMP] Down\n"
			      "+OK Send the password\n{USER a/down}\n-ERR [SYS/TEMP] Down\n"
			      "+OK Send the password\n{USER a/down}\n-ERR [SYS/TEMP] Down\n"
			      "-ERR NOOP is only possible after login\n" },
		{ .name = "no second login",
		  .input = OCTETS("USER alice\nPASS secret\nUSER bob\nAUTH PLAIN\nUTF8\n"),
		  .expected = "+OK Send the password\n{USER alice/secret}\n" IN
			      "-ERR USER is only possible before login\n"
			      "-ERR AUTH is only possible before login\n"
			      "-ERR UTF8 is only possible before login\n" },
	};

	(void)state;
	TALK_CHECK(rows, &plain);
	TALK_CHECK(rows, &tls);
}

static void auth(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "bare AUTH lists what CAPA says",
		  .input = OCTETS("AUTH\nAUTH \n"),
		  .expected = "+OK Mechanisms follow\nPLAIN\nLOGIN\n.\n"
			      "+OK Mechanisms follow\nPLAIN\nLOGIN\n.\n" },
		{ .name = "PLAIN, initial response",
		  .input = OCTETS("AUTH PLAIN AGFsaWNlAHNlY3JldA==\n"),
		  .expected = "{PLAIN alice/secret}\n" IN },
		{ .name = "PLAIN in two steps, any case",
		  .input = OCTETS("auth plain\nAGFsaWNlAHNlY3JldA==\n"),
		  .expected = "+ \n{PLAIN alice/secret}\n" IN },
		{ .name = "PLAIN, authzid is the name",
		  .input = OCTETS("AUTH PLAIN YWxpY2UAYWxpY2UAc2VjcmV0\n"),
		  .expected = "{PLAIN alice/secret}\n" IN },
		{ .name = "PLAIN for somebody else",
		  .input = OCTETS("AUTH PLAIN cm9vdABhbGljZQBzZWNyZXQ=\n"),
		  .expected = "-ERR That is no name and password\n" },
		{ .name = "PLAIN, empty",
		  .input = OCTETS("AUTH PLAIN =\nAUTH PLAIN\n\n"),
		  .expected = "-ERR That is no name and password\n+ \n"
			      "-ERR That is no name and password\n" },
		{ .name = "LOGIN",
		  .input = OCTETS("AUTH LOGIN\nYWxpY2U=\nc2VjcmV0\n"),
		  .expected = "+ VXNlcm5hbWU6\n+ UGFzc3dvcmQ6\n{LOGIN alice/secret}\n" IN },
		{ .name = "LOGIN, initial response",
		  .input = OCTETS("AUTH LOGIN YWxpY2U=\nc2VjcmV0\n"),
		  .expected = "+ UGFzc3dvcmQ6\n{LOGIN alice/secret}\n" IN },
		{ .name = "LOGIN without a name or a password",
		  .input = OCTETS("AUTH LOGIN =\nAUTH LOGIN\n\nAUTH LOGIN YWxpY2U=\n\n"),
		  .expected = "-ERR That is no name\n+ VXNlcm5hbWU6\n-ERR That is no name\n"
			      "+ UGFzc3dvcmQ6\n-ERR That is no password\n" },
		{ .name = "LOGIN with a NUL",
		  .input = OCTETS("AUTH LOGIN YQBi\nAUTH LOGIN YWxpY2U=\nYQBi\n"),
		  .expected = "-ERR That is no name\n+ UGFzc3dvcmQ6\n-ERR That is no password\n" },
		{ .name = "cancelled",
		  .input = OCTETS("AUTH PLAIN\n*\nAUTH LOGIN\nYWxpY2U=\n*\nCAPA x\n"),
		  .expected = "+ \n-ERR Cancelled\n+ VXNlcm5hbWU6\n+ UGFzc3dvcmQ6\n-ERR Cancelled\n"
			      "-ERR CAPA takes no argument\n" },
		{ .name = "commands within an exchange are no commands",
		  .input = OCTETS("AUTH LOGIN\nUSER\nQUIT\n"),
		  .expected = "+ VXNlcm5hbWU6\n+ UGFzc3dvcmQ6\n{LOGIN Q!\x11/AB\x13}\n" IN },
		{ .name = "not base64",
		  .input = OCTETS("AUTH PLAIN ?\nAUTH PLAIN\nAGFsaWNlAHNlY3JldA\nAUTH LOGIN * \n"),
		  .expected = "-ERR That is not base64\n+ \n-ERR That is not base64\n"
			      "-ERR That is not base64\n" },
		{ .name = "a broken line ends the exchange",
		  .input = OCTETS("AUTH PLAIN\n\0\nAUTH LOGIN\na\rb\nUSER alice\n"),
		  .expected =
			  "+ \n-ERR NUL in a line\n+ VXNlcm5hbWU6\n-ERR CR without LF in a line\n"
			  "+OK Send the password\n",
		  .raw = true },
		{ .name = "unknown mechanisms may be tried",
		  .input = OCTETS("AUTH A\nAUTH B\nAUTH C\nAUTH D\nAUTH E\nAUTH F\nAUTH CRAM-MD5\n"
				  "AUTH NTLM\nAUTH GSSAPI\nAUTH XOAUTH2 x\nAUTH PLAINS\n"
				  "AUTH PLAIN AGEAYg==\n"),
		  .expected = "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "-ERR Unknown mechanism: PLAIN and LOGIN are there\n"
			      "{PLAIN a/b}\n" IN },
		{ .name = "AUTH forgets USER",
		  .input = OCTETS("USER alice\nAUTH PLAIN\n*\nPASS secret\n"),
		  .expected = "+OK Send the password\n+ \n-ERR Cancelled\n"
			      "-ERR Give USER before PASS\n" },
	};

	(void)state;
	TALK_CHECK(rows, &plain);
}

static void plaintext_logins_are_refused_with_the_reason(void **state)
{
	static const struct talk_row with_stls[] = {
		{ .name = "STLS is there",
		  .input = OCTETS("USER a\nPASS b\nAUTH PLAIN AGEAYg==\nAUTH\n"),
		  .expected = "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n" },
		{ .name = "it is no bad command",
		  .input = OCTETS("USER a\nUSER a\nUSER a\nUSER a\nUSER a\nUSER a\nUSER a\nUSER a\n"
				  "USER a\nUSER a\nQUIT\n"),
		  .expected = "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "-ERR Logins need TLS here: give STLS first\n"
			      "+OK Goodbye\n{CLOSE quit}\n" },
		{ .name = "allowed behind STLS",
		  .input = OCTETS("USER a\nSTLS\n\x01USER a\nPASS b\n"),
		  .expected = "-ERR Logins need TLS here: give STLS first\n+OK Begin TLS now\n"
			      "{TLS}\n+OK Send the password\n{USER a/b}\n" IN },
	};
	static const struct talk_row elsewhere[] = {
		{ .name = "no STLS",
		  .input = OCTETS("USER a\nSTLS\n"),
		  .expected = "-ERR Logins need TLS here: connect to the port for POP3 over TLS\n"
			      "-ERR There is no STLS here\n" },
	};

	(void)state;
	TALK_CHECK(with_stls, &tls_needed);
	TALK_CHECK(elsewhere, &tls_elsewhere);
}

static void stls(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "nothing is known behind it, and it is not there twice",
		  .input = OCTETS("USER alice\nSTLS\n\x01PASS secret\nSTLS\nCAPA\n"),
		  .expected = "+OK Send the password\n+OK Begin TLS now\n{TLS}\n"
			      "-ERR Give USER before PASS\n-ERR TLS is active already\n"
			      "+OK Capabilities follow\nTOP\nUIDL\nRESP-CODES\nAUTH-RESP-CODE\n"
			      "PIPELINING\nEXPIRE NEVER\nUTF8 USER\nIMPLEMENTATION Packetboat\n"
			      "USER\nSASL PLAIN LOGIN\n.\n" },
		{ .name = "command injection behind STLS (CVE-2011-0411, CVE-2021-33515)",
		  .input = OCTETS("STLS\nUSER mallory\n"),
		  .expected = "+OK Begin TLS now\n{CLOSE plaintext-after-stls}\n" },
		{ .name = "one octet behind STLS",
		  .input = OCTETS("STLS\nU"),
		  .expected = "+OK Begin TLS now\n{CLOSE plaintext-after-stls}\n" },
		{ .name = "not after login",
		  .input = OCTETS("USER alice\nPASS secret\nSTLS\n"),
		  .expected = "+OK Send the password\n{USER alice/secret}\n" IN
			      "-ERR STLS is only possible before login\n" },
		{ .name = "not after UTF8",
		  .input = OCTETS("UTF8\nSTLS\nUSER \xc3\xa4\nPASS \xc3\xb6\n"),
		  .expected = "+OK UTF8 it is\n-ERR STLS is not possible after UTF8\n"
			      "+OK Send the password\n{USER \xc3\xa4/\xc3\xb6}\n" IN },
	};

	(void)state;
	TALK_CHECK(rows, &plain_with_stls);
}

static void lines_of_auth_may_have_64_kb(void **state)
{
	static const size_t passwords[] = { 30000, 49000 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bytebuf message;
		struct bytebuf line;
		struct talk talk;
		bytebuf_init(&message, 50000);
		bytebuf_init(&line, 70000);
		assert_true(bytebuf_append(&message, span_of("\0alice\0", 7)));
		for (size_t k = 0; k < passwords[i]; k++)
			assert_true(bytebuf_append_octet(&message, 'x'));
		assert_true(bytebuf_append_text(&line, i == 0 ? "AUTH PLAIN " : "AUTH PLAIN\r\n"));
		assert_true(base64_encode(&line, bytebuf_peek(&message)));
		assert_true(bytebuf_append_text(&line, "\r\n"));

		talk_init(&talk, &plain);
		talk_run(&talk, bytebuf_peek(&line), 700, 1400);
		assert_int_equal(pop3_server_state(&talk.server), POP3_TRANSACTION);
		talk_deinit(&talk);
		bytebuf_deinit(&message);
		bytebuf_deinit(&line);
	}
}

static void longer_lines_of_auth_are_refused_once(void **state)
{
	struct bytebuf line;
	struct talk talk;

	(void)state;
	bytebuf_init(&line, 200000);
	assert_true(bytebuf_append_text(&line, "AUTH PLAIN\r\n"));
	for (size_t i = 0; i < POP3_AUTH_LINE_MAX - 1; i++)
		assert_true(bytebuf_append_octet(&line, 'A'));
	assert_true(bytebuf_append_text(&line, "\r\nQUIT\r\n"));
	talk_init(&talk, &plain);
	talk_run(&talk, bytebuf_peek(&line), 1000, 1000);
	assert_true(span_equal(bytebuf_peek(&talk.transcript),
			       span_text("+OK Packetboat ready\n+ \n-ERR Line too long\n"
					 "+OK Goodbye\n{CLOSE quit}\n")));
	talk_deinit(&talk);
	bytebuf_deinit(&line);
}

static void secrets_are_wiped_by_the_next_call(void **state)
{
	struct span in = span_text("USER alice\r\nPASS secret\r\nNOOP\r\n");
	struct pop3_event event;
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_LOGIN);
	assert_true(span_equal(event.password, span_text("secret")));
	assert_int_equal(bytebuf_len(&talk.server.secret), 11);
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_WAITING);
	assert_int_equal(bytebuf_len(&talk.server.secret), 0);
	assert_null(talk.server.secret.data);
	assert_true(span_equal(in, span_text("NOOP\r\n")));
	talk_deinit(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_and_pass),
		cmocka_unit_test(auth),
		cmocka_unit_test(plaintext_logins_are_refused_with_the_reason),
		cmocka_unit_test(stls),
		cmocka_unit_test(lines_of_auth_may_have_64_kb),
		cmocka_unit_test(longer_lines_of_auth_are_refused_once),
		cmocka_unit_test(secrets_are_wiped_by_the_next_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
