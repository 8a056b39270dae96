/* SPDX-License-Identifier: ISC */
#include "daemon/control/control_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static bool read_request(const char *line, struct control_request *request, char error[200])
{
	error[0] = '\0';
	return control_request_read(request, span_text(line), error, 200);
}

static void each_command_is_read(void **state)
{
	struct control_request request;
	char error[200];

	(void)state;
	assert_true(read_request("{\"command\": \"status\"}", &request, error));
	assert_int_equal(request.command, CONTROL_STATUS);
	assert_true(read_request(" {\"command\":\"reload\"}\t", &request, error));
	assert_int_equal(request.command, CONTROL_RELOAD);
	assert_true(read_request("{\"command\":\"doctor\",\"account\":\"a\"}", &request, error));
	assert_int_equal(request.command, CONTROL_DOCTOR);
	assert_string_equal(request.account, "a");
	assert_true(read_request("{\"account\":\"a\",\"command\":\"logout\"}", &request, error));
	assert_int_equal(request.command, CONTROL_LOGOUT);
	assert_false(request.forget);
	assert_true(read_request("{\"command\":\"logout\",\"account\":\"\xc3\xa4@b\","
				 "\"forget\":true}",
				 &request, error));
	assert_string_equal(request.account, "\xc3\xa4@b");
	assert_true(request.forget);
}

static void each_flow_is_read(void **state)
{
	struct control_request request;
	char error[200];

	(void)state;
	assert_true(read_request("{\"command\":\"login\",\"account\":\"a\",\"flow\":\"browser\","
				 "\"redirect_uri\":\"http://localhost:1/\"}",
				 &request, error));
	assert_int_equal(request.command, CONTROL_LOGIN);
	assert_int_equal(request.flow, SIGN_IN_BROWSER);
	assert_string_equal(request.redirect_uri, "http://localhost:1/");
	assert_true(read_request("{\"command\":\"login\",\"account\":\"a\",\"flow\":\"device\"}",
				 &request, error));
	assert_int_equal(request.flow, SIGN_IN_DEVICE);
	assert_string_equal(request.redirect_uri, "");
	assert_true(read_request("{\"command\":\"login\",\"account\":\"a\",\"flow\":\"paste\"}",
				 &request, error));
	assert_int_equal(request.flow, SIGN_IN_PASTE);
}

static void what_is_wrong_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *line;
		const char *expected;
	} rows[] = {
		{ "", "no JSON that" },
		{ "status", "no JSON that" },
		{ "\"status\"", "no JSON" },
		{ "[]", "no JSON object" },
		{ "{}", "\"command\" is missing" },
		{ "{\"command\":\"status\"", "no JSON that" },
		{ "{\"command\":\"status\"} {}", "no JSON that" },
		{ "{\"command\":\"status\",\"command\":\"status\"}", "no JSON that" },
		{ "{\"command\":\"stat\\u0000us\"}", "no JSON that" },
		{ "{\"command\":\"\xff\"}", "no JSON that" },
		{ "{\"command\":1}", "\"command\" is no text" },
		{ "{\"command\":\"Status\"}", "\"command\" is none" },
		{ "{\"command\":\"\"}", "\"command\" is none" },
		{ "{\"command\":\"status\",\"colour\":1}", "there is no \"colour\"" },
		{ "{\"command\":\"status\",\"a\\n\\u001b\":1}", "no \"a??\" in" },
		{ "{\"command\":\"status\",\"account\":\"a\"}", "\"account\" is not for" },
		{ "{\"command\":\"reload\",\"forget\":true}", "\"forget\" is not for" },
		{ "{\"command\":\"doctor\",\"account\":\"a\",\"flow\":\"paste\"}",
		  "\"flow\" is not for" },
		{ "{\"command\":\"doctor\"}", "\"account\" is missing" },
		{ "{\"command\":\"doctor\",\"account\":null}", "\"account\" is no text" },
		{ "{\"command\":\"doctor\",\"account\":\"\"}", "\"account\" is empty" },
		{ "{\"command\":\"doctor\",\"account\":\"a\\nb\"}", "\"account\" has a character" },
		{ "{\"command\":\"doctor\",\"account\":\"a\\u007f\"}", "\"account\" has a char" },
		{ "{\"command\":\"logout\",\"account\":\"a\",\"forget\":1}",
		  "\"forget\" is neither" },
		{ "{\"command\":\"login\",\"account\":\"a\"}", "\"flow\" is missing" },
		{ "{\"command\":\"login\",\"account\":\"a\",\"flow\":true}",
		  "\"flow\" is no text" },
		{ "{\"command\":\"login\",\"account\":\"a\",\"flow\":\"web\"}", "is none of" },
		{ "{\"command\":\"login\",\"account\":\"a\",\"flow\":\"browser\"}",
		  "\"redirect_uri\" goes with" },
		{ "{\"command\":\"login\",\"account\":\"a\",\"flow\":\"paste\","
		  "\"redirect_uri\":\"http://localhost:1/\"}",
		  "\"redirect_uri\" goes with" },
		{ "{\"command\":\"login\",\"account\":\"a\",\"flow\":\"browser\","
		  "\"redirect_uri\":\"http://localhost:1/ x\"}",
		  "\"redirect_uri\" has a character" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct control_request request;
		char error[200];

		if (read_request(rows[i].line, &request, error) ||
		    strstr(error, rows[i].expected) == NULL)
			fail_msg("%s: expected \"%s\", got \"%s\"", rows[i].line, rows[i].expected,
				 error);
	}
}

static void names_are_as_long_as_those_of_pop3(void **state)
{
	struct control_request request;
	char name[300], line[400], error[200];

	(void)state;
	memset(name, 'a', sizeof(name));
	for (int len = 255; len <= 256; len++) {
		(void)snprintf(line, sizeof(line), "{\"command\":\"doctor\",\"account\":\"%.*s\"}",
			       len, name);
		assert_int_equal(read_request(line, &request, error), len == 255);
	}
	assert_string_equal(error, "\"account\" is too long");
}

static void an_answer_is_one_text(void **state)
{
	static const char *const refused[] = {
		"",
		"{}",
		"[]",
		"{\"answer\":\"\"}",
		"{\"answer\":1}",
		"{\"answer\":\"a\",\"b\":1}",
		"{\"command\":\"status\"}",
		"{\"answer\":\"a\"",
	};
	char error[200];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		error[0] = '\0';
		assert_null(
			control_request_read_answer(span_text(refused[i]), error, sizeof(error)));
		assert_string_not_equal(error, "");
	}
	struct secret *secret = control_request_read_answer(
		span_text("{\"answer\": \"code=1&state=\\u00e4\"}"), error, sizeof(error));
	assert_non_null(secret);
	assert_true(span_equal(secret_borrow(secret), span_text("code=1&state=\xc3\xa4")));
	secret_free(&secret);
}

static void commands_have_names(void **state)
{
	(void)state;
	assert_string_equal(control_command_name(CONTROL_STATUS), "status");
	assert_string_equal(control_command_name(CONTROL_RELOAD), "reload");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_is_read),
		cmocka_unit_test(each_flow_is_read),
		cmocka_unit_test(what_is_wrong_is_refused_with_the_reason),
		cmocka_unit_test(names_are_as_long_as_those_of_pop3),
		cmocka_unit_test(an_answer_is_one_text),
		cmocka_unit_test(commands_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
