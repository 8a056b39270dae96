/* SPDX-License-Identifier: ISC */
#include "protocol/pop3_serve.h"

#include "protocol/base64.h"
#include "protocol/limits.h"
#include "protocol/sasl.h"

struct pop3_mechanism {
	const char *name;
	enum pop3_exchange first;
	const char *prompt;
};

/* RFC 5034 section 4: a challenge is "+ " and base64, here of nothing, "Username:", "Password:". */
static const char prompt_empty[] = "+ \r\n";
static const char prompt_user[] = "+ VXNlcm5hbWU6\r\n";
static const char prompt_password[] = "+ UGFzc3dvcmQ6\r\n";

static const struct pop3_mechanism pop3_mechanisms[] = {
	{ "PLAIN", EXCHANGE_PLAIN, prompt_empty },
	{ "LOGIN", EXCHANGE_LOGIN_USER, prompt_user },
};

enum { POP3_MECHANISMS_COUNT = sizeof(pop3_mechanisms) / sizeof(pop3_mechanisms[0]) };

void pop3_server_forget_login(struct pop3_server *server)
{
	bytebuf_deinit(&server->secret);
	bytebuf_init(&server->secret, POP3_AUTH_LINE_MAX);
	server->user_len = 0;
	server->login_told = false;
}

bool pop3_server_may_login(const struct pop3_server *server)
{
	return server->options.tls_active || server->options.login_allowed;
}

bool pop3_server_may_start_tls(const struct pop3_server *server)
{
	return server->state == POP3_AUTHORIZATION && server->options.stls_offered &&
	       !server->options.tls_active && !server->utf8;
}

static void pop3_server_refuse_plaintext(struct pop3_server *server)
{
	pop3_server_err(server, POP3_CODE_NONE,
			pop3_server_may_start_tls(server)
				? "Logins need TLS here: give STLS first"
				: "Logins need TLS here: connect to the port for POP3 over TLS");
}

static bool pop3_server_ask_login(struct pop3_server *server, const char *method, struct span user,
				  struct span password, struct pop3_event *event_r)
{
	server->pending = PENDING_LOGIN;
	server->login_told = true;
	event_r->type = POP3_EVENT_LOGIN;
	event_r->method = method;
	event_r->user = user;
	event_r->password = password;
	return true;
}

/* LOGIN of which `secret` holds the user name, then the password. */
static bool pop3_server_ask_login_kept(struct pop3_server *server, const char *method,
				       struct pop3_event *event_r)
{
	struct span password = bytebuf_peek(&server->secret);
	struct span user = span_take(&password, server->user_len);

	return pop3_server_ask_login(server, method, user, password, event_r);
}

bool pop3_serve_user(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)event_r;
	if (!pop3_server_may_login(server)) {
		pop3_server_refuse_plaintext(server);
		return false;
	}
	pop3_server_forget_login(server);
	if (!bytebuf_append(&server->secret, command->text)) {
		pop3_server_out_of_memory(server);
		return false;
	}
	server->user_len = command->text.len;
	/* Whoever it is: nobody learns here which names there are. */
	pop3_server_ok(server, "Send the password");
	return false;
}

bool pop3_serve_pass(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	if (!pop3_server_may_login(server)) {
		pop3_server_refuse_plaintext(server);
		return false;
	}
	if (server->user_len == 0) {
		pop3_server_bad(server, "Give USER before PASS");
		return false;
	}
	if (!bytebuf_append(&server->secret, command->text)) {
		pop3_server_out_of_memory(server);
		return false;
	}
	return pop3_server_ask_login_kept(server, "USER", event_r);
}

void pop3_server_fail_exchange(struct pop3_server *server, const char *text)
{
	server->exchange = EXCHANGE_NONE;
	pop3_server_forget_login(server);
	pop3_server_bad(server, text);
}

static bool pop3_server_finish_plain(struct pop3_server *server, struct pop3_event *event_r)
{
	struct span user;
	struct span password;

	if (!sasl_plain_read(bytebuf_peek(&server->secret), &user, &password) ||
	    user.len > POP3_NAME_MAX) {
		pop3_server_fail_exchange(server, "That is no name and password");
		return false;
	}
	return pop3_server_ask_login(server, "PLAIN", user, password, event_r);
}

static bool is_login_part(struct span part)
{
	return part.len > 0 && memchr(part.data, '\0', part.len) == NULL;
}

static bool pop3_server_finish_login(struct pop3_server *server, struct pop3_event *event_r)
{
	struct span password = bytebuf_peek(&server->secret);

	(void)span_take(&password, server->user_len);
	if (!is_login_part(password)) {
		pop3_server_fail_exchange(server, "That is no password");
		return false;
	}
	return pop3_server_ask_login_kept(server, "LOGIN", event_r);
}

static bool pop3_server_prompt(struct pop3_server *server, enum pop3_exchange next,
			       const char *prompt)
{
	server->exchange = next;
	(void)bytebuf_append_text(&server->out, prompt);
	return false;
}

/* The user name of LOGIN has come; the password is next. */
static bool pop3_server_take_login_user(struct pop3_server *server)
{
	struct span user = bytebuf_peek(&server->secret);

	if (!is_login_part(user) || user.len > POP3_NAME_MAX) {
		pop3_server_fail_exchange(server, "That is no name");
		return false;
	}
	server->user_len = user.len;
	return pop3_server_prompt(server, EXCHANGE_LOGIN_PASSWORD, prompt_password);
}

/* A response, initial or not, in base64. */
static bool pop3_server_decode_response(struct pop3_server *server, struct span response,
					struct pop3_event *event_r)
{
	enum pop3_exchange exchange = (enum pop3_exchange)server->exchange;

	if (!base64_decode(&server->secret, response)) {
		if (bytebuf_failed(&server->secret))
			pop3_server_out_of_memory(server);
		else
			pop3_server_fail_exchange(server, "That is not base64");
		return false;
	}
	server->exchange = EXCHANGE_NONE;
	switch (exchange) {
	case EXCHANGE_PLAIN:
		return pop3_server_finish_plain(server, event_r);
	case EXCHANGE_LOGIN_USER:
		return pop3_server_take_login_user(server);
	case EXCHANGE_LOGIN_PASSWORD:
		return pop3_server_finish_login(server, event_r);
	case EXCHANGE_NONE:
		break;
	}
	return false;
}

bool pop3_server_take_response(struct pop3_server *server, struct span line,
			       struct pop3_event *event_r)
{
	if (!span_equal(line, span_text("*")))
		return pop3_server_decode_response(server, line, event_r);
	/* RFC 5034 section 4: the client does not want to go on. */
	server->exchange = EXCHANGE_NONE;
	pop3_server_forget_login(server);
	pop3_server_err(server, POP3_CODE_NONE, "Cancelled");
	return false;
}

static const struct pop3_mechanism *pop3_mechanism_find(struct span name)
{
	for (unsigned i = 0; i < POP3_MECHANISMS_COUNT; i++) {
		if (span_equal_nocase(name, span_text(pop3_mechanisms[i].name)))
			return &pop3_mechanisms[i];
	}
	return NULL;
}

/* AUTH alone: no RFC has it, old Outlook asks. */
static void pop3_server_list_mechanisms(struct pop3_server *server)
{
	pop3_server_ok(server, "Mechanisms follow");
	for (unsigned i = 0; i < POP3_MECHANISMS_COUNT; i++) {
		(void)bytebuf_append_text(&server->out, pop3_mechanisms[i].name);
		(void)bytebuf_append_text(&server->out, "\r\n");
	}
	(void)pop3_reply_end(&server->out);
}

bool pop3_serve_auth(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	const struct pop3_mechanism *mechanism = pop3_mechanism_find(command->text);
	struct span response = command->initial_response;

	if (!pop3_server_may_login(server)) {
		pop3_server_refuse_plaintext(server);
		return false;
	}
	if (command->text.len == 0) {
		pop3_server_list_mechanisms(server);
		return false;
	}
	if (mechanism == NULL) {
		/* Some clients try one after the other: that is no bad command. */
		pop3_server_err(server, POP3_CODE_NONE,
				"Unknown mechanism: PLAIN and LOGIN are there");
		return false;
	}
	pop3_server_forget_login(server);
	if (response.len == 0)
		return pop3_server_prompt(server, mechanism->first, mechanism->prompt);
	if (span_equal(response, span_text("=")))
		response = span_of("", 0);
	server->exchange = mechanism->first;
	return pop3_server_decode_response(server, response, event_r);
}

bool pop3_serve_stls(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)command;
	if (!pop3_server_may_start_tls(server)) {
		pop3_server_bad(server, server->options.tls_active ? "TLS is active already"
					: server->utf8 ? "STLS is not possible after UTF8"
						       : "There is no STLS here");
		return false;
	}
	pop3_server_ok(server, "Begin TLS now");
	server->pending = PENDING_TLS;
	event_r->type = POP3_EVENT_STLS;
	return true;
}

bool pop3_serve_utf8(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)command;
	(void)event_r;
	/* Messages pass as they are, with UTF8 or without (RFC 6856 section 2.1). */
	server->utf8 = true;
	pop3_server_ok(server, "UTF8 it is");
	return false;
}
