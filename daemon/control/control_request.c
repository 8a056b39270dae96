/* SPDX-License-Identifier: ISC */
#include "daemon/control/control_request.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* Which command a member belongs to, as bits. */
#define FOR(command) (1u << CONTROL_##command)

static const struct {
	const char *name;
	enum control_command command;
} commands[] = {
	{ "status", CONTROL_STATUS }, { "login", CONTROL_LOGIN },   { "logout", CONTROL_LOGOUT },
	{ "doctor", CONTROL_DOCTOR }, { "reload", CONTROL_RELOAD },
};

static const struct {
	const char *name;
	enum sign_in_flow flow;
} flows[] = {
	{ "browser", SIGN_IN_BROWSER },
	{ "device", SIGN_IN_DEVICE },
	{ "paste", SIGN_IN_PASTE },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *control_command_name(enum control_command command)
{
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (commands[i].command == command)
			return commands[i].name;
	}
	return "";
}

/* ---- values; each returns what is wrong, or NULL ---- */

/* Copies a text whose octets are at least `lowest` and no DEL. */
static const char *read_text(const json_t *value, unsigned char lowest, char *text_r,
			     size_t len_max)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (text == NULL)
		return "is no text";
	if (len == 0)
		return "is empty";
	if (len > len_max)
		return "is too long";
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < lowest || text[i] == 0x7f)
			return "has a character that cannot be in it";
	}
	memcpy(text_r, text, len);
	text_r[len] = '\0';
	return NULL;
}

static const char *read_command(struct control_request *request, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return "is no text";
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(commands[i].name, text) == 0) {
			request->command = commands[i].command;
			return NULL;
		}
	}
	return "is none that this daemon knows";
}

static const char *read_account(struct control_request *request, const json_t *value)
{
	return read_text(value, ' ', request->account, CONTROL_ACCOUNT_LEN_MAX);
}

static const char *read_flow(struct control_request *request, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return "is no text";
	for (size_t i = 0; i < COUNT(flows); i++) {
		if (strcmp(flows[i].name, text) == 0) {
			request->flow = flows[i].flow;
			return NULL;
		}
	}
	return "is none of browser, device, paste";
}

static const char *read_redirect_uri(struct control_request *request, const json_t *value)
{
	return read_text(value, '!', request->redirect_uri, CONTROL_REDIRECT_URI_LEN_MAX);
}

static const char *read_forget(struct control_request *request, const json_t *value)
{
	if (!json_is_boolean(value))
		return "is neither true nor false";
	request->forget = json_is_true(value);
	return NULL;
}

/* ---- members ---- */

static const struct member {
	const char *name;
	unsigned allowed; /* for which commands */
	unsigned required;
	const char *(*read)(struct control_request *request, const json_t *value);
} members[] = {
	{ "command", ~0u, ~0u, read_command },
	{ "account", FOR(LOGIN) | FOR(LOGOUT) | FOR(DOCTOR), FOR(LOGIN) | FOR(LOGOUT) | FOR(DOCTOR),
	  read_account },
	{ "flow", FOR(LOGIN), FOR(LOGIN), read_flow },
	{ "redirect_uri", FOR(LOGIN), 0, read_redirect_uri },
	{ "forget", FOR(LOGOUT), 0, read_forget },
};

static json_t *read_object(struct span line, char *error_r, size_t error_size)
{
	json_error_t error;
	json_t *object =
		json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, &error);

	if (object == NULL) {
		snprintf(error_r, error_size, "the request is no JSON that can be read");
	} else if (!json_is_object(object)) {
		snprintf(error_r, error_size, "the request is no JSON object");
		json_decref(object);
		object = NULL;
	}
	return object;
}

static bool is_member(const char *name)
{
	for (size_t i = 0; i < COUNT(members); i++) {
		if (strcmp(members[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool refuse_unknown(json_t *object, char *error_r, size_t error_size)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (is_member(name))
			continue;
		snprintf(error_r, error_size, "there is no \"%.40s\" in a request", name);
		for (char *c = error_r; *c != '\0'; c++) {
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				*c = '?';
		}
		return false;
	}
	return true;
}

/* The command is known before the second row: it is the first. */
static bool read_members(struct control_request *request, const json_t *object, char *error_r,
			 size_t error_size)
{
	for (size_t i = 0; i < COUNT(members); i++) {
		const struct member *member = &members[i];
		const json_t *value = json_object_get(object, member->name);
		const char *wrong = NULL;

		if (value != NULL && (member->allowed & 1u << request->command) == 0)
			wrong = "is not for this command";
		else if (value != NULL)
			wrong = member->read(request, value);
		else if ((member->required & 1u << request->command) != 0)
			wrong = "is missing";
		if (wrong != NULL) {
			snprintf(error_r, error_size, "\"%s\" %s", member->name, wrong);
			return false;
		}
	}
	if (request->command == CONTROL_LOGIN &&
	    (request->flow == SIGN_IN_BROWSER) != (request->redirect_uri[0] != '\0')) {
		snprintf(error_r, error_size,
			 "\"redirect_uri\" goes with the flow browser, and with no other");
		return false;
	}
	return true;
}

bool control_request_read(struct control_request *request_r, struct span line, char *error_r,
			  size_t error_size)
{
	json_t *object = read_object(line, error_r, error_size);

	*request_r = (struct control_request){ .command = CONTROL_STATUS };
	bool ok = object != NULL && refuse_unknown(object, error_r, error_size) &&
		  read_members(request_r, object, error_r, error_size);
	json_decref(object);
	return ok;
}

struct secret *control_request_read_answer(struct span line, char *error_r, size_t error_size)
{
	json_t *object = read_object(line, error_r, error_size);
	const json_t *answer = json_object_get(object, "answer");
	struct secret *secret = NULL;

	if (object == NULL)
		return NULL;
	if (json_object_size(object) != 1 || !json_is_string(answer) ||
	    json_string_length(answer) == 0) {
		snprintf(error_r, error_size, "an \"answer\" is expected, and nothing else");
	} else {
		secret = secret_new(span_of(json_string_value(answer), json_string_length(answer)));
		if (secret == NULL)
			snprintf(error_r, error_size, "no memory");
	}
	json_decref(object);
	return secret;
}
