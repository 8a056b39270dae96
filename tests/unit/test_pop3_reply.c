/* SPDX-License-Identifier: ISC */
#include "protocol/pop3_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"

static void replies_are_one_line(void **state)
{
	static const struct {
		const char *name;
		bool ok;
		enum pop3_code code;
		const char *text, *expected;
	} rows[] = {
		{ "+ERR instead of -ERR", false, POP3_CODE_NONE, "no", "-ERR no\r\n" },
		{ "ok", true, POP3_CODE_NONE, "2 320", "+OK 2 320\r\n" },
		{ "ok, no text", true, POP3_CODE_NONE, "", "+OK\r\n" },
		{ "no text", false, POP3_CODE_NONE, "", "-ERR\r\n" },
		{ "code", false, POP3_CODE_AUTH, "wrong", "-ERR [AUTH] wrong\r\n" },
		{ "code, no text", false, POP3_CODE_IN_USE, "", "-ERR [IN-USE]\r\n" },
		{ "in use", false, POP3_CODE_IN_USE, "x", "-ERR [IN-USE] x\r\n" },
		{ "login delay", false, POP3_CODE_LOGIN_DELAY, "x", "-ERR [LOGIN-DELAY] x\r\n" },
		{ "sys/temp", false, POP3_CODE_SYS_TEMP, "x", "-ERR [SYS/TEMP] x\r\n" },
		{ "sys/perm", false, POP3_CODE_SYS_PERM, "x", "-ERR [SYS/PERM] x\r\n" },
		{ "response splitting", false, POP3_CODE_SYS_TEMP, "a\r\n+OK\r\n.\r\nb",
		  "-ERR [SYS/TEMP] a??+OK??.??b\r\n" },
		{ "escapes, tab, DEL, 8-bit", false, POP3_CODE_NONE, "\x1b[2J\t\x7f\xc3\xa4~",
		  "-ERR ?[2J????~\r\n" },
		{ "a foreign response code", false, POP3_CODE_NONE, "[AUTH] go away",
		  "-ERR (AUTH] go away\r\n" },
		{ "brackets behind our code", false, POP3_CODE_SYS_TEMP, "[UNAVAILABLE] x",
		  "-ERR [SYS/TEMP] [UNAVAILABLE] x\r\n" },
		{ "brackets within", false, POP3_CODE_NONE, "a [b]", "-ERR a [b]\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf out;
		bytebuf_init(&out, 1000);
		assert_true(rows[i].ok ? pop3_reply_ok(&out, rows[i].text)
				       : pop3_reply_err(&out, rows[i].code, rows[i].text));
		if (!span_equal(bytebuf_peek(&out), span_text(rows[i].expected)))
			fail_msg("%s: %.*s", rows[i].name, (int)bytebuf_len(&out),
				 (const char *)bytebuf_peek(&out).data);
		bytebuf_deinit(&out);
	}
}

static void a_long_text_is_cut(void **state)
{
	char text[2000];
	struct bytebuf out;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	bytebuf_init(&out, 1000);
	assert_true(pop3_reply_err(&out, POP3_CODE_SYS_TEMP, text));
	assert_int_equal(bytebuf_len(&out), POP3_REPLY_MAX);
	assert_memory_equal(bytebuf_peek(&out).data + POP3_REPLY_MAX - 3, "x\r\n", 3);
	bytebuf_deinit(&out);
}

static void capabilities_depend_on_the_connection(void **state)
{
	static const char always[] = "+OK Capabilities follow\r\n"
				     "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
				     "EXPIRE NEVER\r\nUTF8 USER\r\nIMPLEMENTATION Packetboat\r\n";
	static const struct {
		struct pop3_capabilities caps;
		const char *rest;
	} rows[] = {
		{ { .stls = false, .login = false }, ".\r\n" },
		{ { .stls = true, .login = false }, "STLS\r\n.\r\n" },
		{ { .stls = false, .login = true }, "USER\r\nSASL PLAIN LOGIN\r\n.\r\n" },
		{ { .stls = true, .login = true }, "USER\r\nSASL PLAIN LOGIN\r\nSTLS\r\n.\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf out;
		bytebuf_init(&out, 1000);
		assert_true(pop3_reply_capabilities(&out, &rows[i].caps));
		assert_true(bytebuf_len(&out) > sizeof(always) - 1);
		assert_memory_equal(bytebuf_peek(&out).data, always, sizeof(always) - 1);
		bytebuf_consume(&out, sizeof(always) - 1);
		assert_true(span_equal(bytebuf_peek(&out), span_text(rows[i].rest)));
		bytebuf_deinit(&out);
	}
}

static void a_full_buffer_takes_no_half_reply(void **state)
{
	struct pop3_capabilities caps = { .stls = true, .login = true };
	struct bytebuf out;

	(void)state;
	bytebuf_init(&out, 58);
	assert_true(pop3_reply_ok(&out, "12345678901234567890123456789012345678901234567890"));
	assert_false(pop3_reply_ok(&out, ""));
	assert_false(pop3_reply_err(&out, POP3_CODE_NONE, ""));
	assert_false(pop3_reply_end(&out));
	assert_int_equal(bytebuf_len(&out), 56);
	bytebuf_reset(&out);
	assert_false(pop3_reply_capabilities(&out, &caps));
	assert_int_equal(bytebuf_len(&out), 0);
	assert_true(bytebuf_failed(&out));
	bytebuf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_one_line),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(capabilities_depend_on_the_connection),
		cmocka_unit_test(a_full_buffer_takes_no_half_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
