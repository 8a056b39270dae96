/* SPDX-License-Identifier: ISC */
/*
 * fuzz_control_request: any octets as a line of the control socket.
 *
 * What is refused is refused with one line that says why. What is taken holds what the daemon
 * relies on, and written down again it is the same request.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "daemon/control/control_request.h"

enum { ERROR_SIZE = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool fact)
{
	if (!fact)
		abort();
}

static bool is_line(const char *text)
{
	for (size_t i = 0; i < ERROR_SIZE; i++) {
		if (text[i] == '\0')
			return i > 0;
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	}
	return false;
}

static const char *flow_name(enum sign_in_flow flow)
{
	switch (flow) {
	case SIGN_IN_BROWSER:
		return "browser";
	case SIGN_IN_DEVICE:
		return "device";
	case SIGN_IN_PASTE:
		return "paste";
	}
	abort();
}

static json_t *write_down(const struct control_request *request)
{
	json_t *object = json_pack("{s:s}", "command", control_command_name(request->command));

	if (request->account[0] != '\0')
		json_object_set_new(object, "account", json_string(request->account));
	if (request->command == CONTROL_LOGIN)
		json_object_set_new(object, "flow", json_string(flow_name(request->flow)));
	if (request->redirect_uri[0] != '\0')
		json_object_set_new(object, "redirect_uri", json_string(request->redirect_uri));
	if (request->forget)
		json_object_set_new(object, "forget", json_true());
	return object;
}

static void check_promises(const struct control_request *request)
{
	bool has_account = request->account[0] != '\0';

	require(memchr(request->account, '\0', sizeof(request->account)) != NULL);
	require(memchr(request->redirect_uri, '\0', sizeof(request->redirect_uri)) != NULL);
	for (const char *c = request->account; *c != '\0'; c++)
		require((unsigned char)*c >= ' ' && *c != 0x7f);
	require(has_account ==
		(request->command == CONTROL_LOGIN || request->command == CONTROL_LOGOUT ||
		 request->command == CONTROL_DOCTOR));
	require(!request->forget || request->command == CONTROL_LOGOUT);
	require((request->redirect_uri[0] != '\0') ==
		(request->command == CONTROL_LOGIN && request->flow == SIGN_IN_BROWSER));
}

static void check_again(const struct control_request *request)
{
	struct control_request again;
	char error[ERROR_SIZE];
	json_t *object = write_down(request);
	char *text = json_dumps(object, JSON_COMPACT);

	require(text != NULL);
	require(control_request_read(&again, span_text(text), error, sizeof(error)));
	require(again.command == request->command && again.flow == request->flow &&
		again.forget == request->forget);
	require(strcmp(again.account, request->account) == 0);
	require(strcmp(again.redirect_uri, request->redirect_uri) == 0);
	free(text);
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request request;
	char error[ERROR_SIZE] = "";

	bool ok = control_request_read(&request, span_of(data, size), error, sizeof(error));
	if (ok) {
		check_promises(&request);
		check_again(&request);
	} else {
		require(is_line(error));
	}
	error[0] = '\0';
	struct secret *answer =
		control_request_read_answer(span_of(data, size), error, sizeof(error));
	/* Nothing is both. */
	require(answer == NULL || !ok);
	require(answer != NULL ? secret_borrow(answer).len > 0 : is_line(error));
	secret_free(&answer);
	return 0;
}
