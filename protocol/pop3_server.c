/* SPDX-License-Identifier: ISC */
#include "protocol/pop3_serve.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "protocol/limits.h"

/* Serves one command, as protocol/pop3_serve.h says. */
typedef bool (*pop3_function)(struct pop3_server *server, const struct pop3_command *command,
			      struct pop3_event *event_r);

const char *pop3_state_name(enum pop3_state state)
{
	static const char *const names[] = {
#define X(name) [name] = &#name[sizeof("POP3_") - 1],
		POP3_STATES(X)
#undef X
	};

	return names[state];
}

enum pop3_state pop3_server_state(const struct pop3_server *server)
{
	return server->state;
}

bool pop3_server_is_busy(const struct pop3_server *server)
{
	return server->pending != PENDING_NOTHING;
}

/* The one door between states (RFC 1939 section 3). */
static void pop3_server_enter(struct pop3_server *server, enum pop3_state state)
{
	static const unsigned moves[] = {
		[POP3_AUTHORIZATION] = 1u << POP3_TRANSACTION | 1u << POP3_CLOSED,
		[POP3_TRANSACTION] = 1u << POP3_UPDATE | 1u << POP3_CLOSED,
		[POP3_UPDATE] = 1u << POP3_CLOSED,
		[POP3_CLOSED] = 0,
	};

	assert((moves[server->state] & 1u << state) != 0);
	(void)moves;
	server->state = state;
}

static void pop3_server_close(struct pop3_server *server, const char *reason)
{
	pop3_server_enter(server, POP3_CLOSED);
	server->pending = PENDING_NOTHING;
	server->reason = reason;
}

void pop3_server_out_of_memory(struct pop3_server *server)
{
	pop3_server_end(server, POP3_CODE_SYS_TEMP, "Out of memory", "out-of-memory");
}

/* The answer to the event that waits. */
static void pop3_server_answered(struct pop3_server *server, enum pop3_pending pending)
{
	assert(server->pending == pending);
	(void)pending;
	server->pending = PENDING_NOTHING;
}

void pop3_server_init(struct pop3_server *server, const struct pop3_server_options *options)
{
	*server = (struct pop3_server){ .options = *options, .state = POP3_AUTHORIZATION };
	line_init(&server->line, POP3_AUTH_LINE_MAX - 2);
	bytebuf_init(&server->secret, POP3_AUTH_LINE_MAX);
	bytebuf_init(&server->out, POP3_OUTPUT_MAX);
}

void pop3_server_deinit(struct pop3_server *server)
{
	line_deinit(&server->line);
	bytebuf_deinit(&server->secret);
	bytebuf_deinit(&server->out);
}

void pop3_server_ok(struct pop3_server *server, const char *format, ...)
{
	char text[POP3_REPLY_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)pop3_reply_ok(&server->out, text);
}

void pop3_server_err(struct pop3_server *server, enum pop3_code code, const char *text)
{
	(void)pop3_reply_err(&server->out, code, text);
}

void pop3_server_bad(struct pop3_server *server, const char *text)
{
	if (++server->bad_commands < POP3_BAD_COMMANDS_MAX) {
		pop3_server_err(server, POP3_CODE_NONE, text);
		return;
	}
	pop3_server_err(server, POP3_CODE_NONE, "Too many bad commands, goodbye");
	pop3_server_close(server, "too-many-bad-commands");
}

void pop3_server_greet(struct pop3_server *server)
{
	pop3_server_ok(server, "Packetboat ready");
}

void pop3_server_greet_refused(struct pop3_server *server, enum pop3_code code, const char *text)
{
	pop3_server_err(server, code, text);
	pop3_server_close(server, "refused");
}

bool pop3_serve_capa(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	struct pop3_capabilities caps = {
		.stls = pop3_server_may_start_tls(server),
		.login = pop3_server_may_login(server),
	};

	(void)command;
	(void)event_r;
	(void)pop3_reply_capabilities(&server->out, &caps);
	return false;
}

bool pop3_serve_quit(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)command;
	if (server->state == POP3_AUTHORIZATION) {
		pop3_server_ok(server, "Goodbye");
		pop3_server_close(server, "quit");
		return false;
	}
	pop3_server_enter(server, POP3_UPDATE);
	server->pending = PENDING_UPDATE;
	event_r->type = POP3_EVENT_UPDATE;
	return true;
}

/* ---- lines ---- */

static bool pop3_server_take_command(struct pop3_server *server, struct span line,
				     struct pop3_event *event_r)
{
	static const pop3_function functions[] = {
#define X(verb, function, states, arguments) [POP3_VERB_##verb] = pop3_serve_##function,
		POP3_VERBS(X)
#undef X
	};
	struct pop3_command command;
	char text[128];

	switch (pop3_command_parse(line, server->state, &command)) {
	case POP3_COMMAND_OK:
		return functions[command.verb](server, &command, event_r);
	case POP3_COMMAND_UNKNOWN:
		pop3_server_bad(server, "Unknown command");
		break;
	case POP3_COMMAND_TOO_LONG:
		pop3_server_bad(server, "Line too long");
		break;
	case POP3_COMMAND_WRONG_STATE:
		(void)snprintf(text, sizeof(text), "%s is only possible %s login",
			       pop3_verb_name(command.verb),
			       server->state == POP3_AUTHORIZATION ? "after" : "before");
		pop3_server_bad(server, text);
		break;
	case POP3_COMMAND_WRONG_SYNTAX:
		(void)snprintf(text, sizeof(text), "%s takes %s", pop3_verb_name(command.verb),
			       pop3_verb_takes(command.verb));
		pop3_server_bad(server, text);
		break;
	}
	return false;
}

/* A line that is not one: an AUTH exchange ends with it. */
static void pop3_server_bad_line(struct pop3_server *server, const char *text)
{
	if (server->exchange == EXCHANGE_NONE)
		pop3_server_bad(server, text);
	else
		pop3_server_fail_exchange(server, text);
}

/* Before login a line may be AUTH, which only its end tells; pop3_command knows the limits of the
 * others. */
static size_t pop3_server_line_max(const struct pop3_server *server)
{
	return (server->state == POP3_AUTHORIZATION ? POP3_AUTH_LINE_MAX : POP3_LINE_MAX) - 2;
}

/* Takes one line. True: `event_r` says what is to be done now. */
static bool pop3_server_step(struct pop3_server *server, struct span *in,
			     struct pop3_event *event_r)
{
	struct span line;

	switch (line_next(&server->line, in, pop3_server_line_max(server), &line)) {
	case LINE_OK:
		return server->exchange == EXCHANGE_NONE
			       ? pop3_server_take_command(server, line, event_r)
			       : pop3_server_take_response(server, line, event_r);
	case LINE_NEED_MORE:
		event_r->type = POP3_EVENT_NEED_INPUT;
		return true;
	case LINE_TOO_LONG:
		pop3_server_bad_line(server, "Line too long");
		break;
	case LINE_HAS_NUL:
		pop3_server_bad_line(server, "NUL in a line");
		break;
	case LINE_HAS_BARE_CR:
		pop3_server_bad_line(server, "CR without LF in a line");
		break;
	case LINE_NO_MEMORY:
		pop3_server_out_of_memory(server);
		break;
	}
	return false;
}

/* Goes on until there is something to tell, or the session is over. */
static void pop3_server_run(struct pop3_server *server, struct span *in, struct pop3_event *event_r)
{
	while (server->state != POP3_CLOSED && !bytebuf_failed(&server->out)) {
		if (server->pending != PENDING_NOTHING) {
			event_r->type = POP3_EVENT_WAITING;
			return;
		}
		if (server->listing > 0)
			pop3_server_list_more(server);
		if (bytebuf_len(&server->out) >= POP3_OUTPUT_PAUSE) {
			event_r->type = POP3_EVENT_NEED_OUTPUT;
			return;
		}
		if (pop3_server_step(server, in, event_r))
			return;
	}
}

enum pop3_event_type pop3_server_next(struct pop3_server *server, struct span *in,
				      struct pop3_event *event_r)
{
	*event_r = (struct pop3_event){ .type = POP3_EVENT_CLOSE };
	line_forget(&server->line);
	if (server->login_told)
		pop3_server_forget_login(server);

	pop3_server_run(server, in, event_r);

	/* Whoever put it there, it must not be taken for something said under TLS (RFC 2595 section
	 * 4, CVE-2011-0411, CVE-2021-33515). */
	if (server->pending == PENDING_TLS && in->len > 0)
		pop3_server_close(server, "plaintext-after-stls");
	if (server->state != POP3_CLOSED && bytebuf_failed(&server->out))
		pop3_server_close(server, "out-of-memory");
	if (server->state == POP3_CLOSED) {
		(void)span_take(in, in->len);
		*event_r =
			(struct pop3_event){ .type = POP3_EVENT_CLOSE, .reason = server->reason };
	}
	return event_r->type;
}

/* ---- answers ---- */

void pop3_server_tls_started(struct pop3_server *server)
{
	pop3_server_answered(server, PENDING_TLS);
	/* RFC 2595 section 4: nothing is known of the client any more. */
	pop3_server_forget_login(server);
	server->options.tls_active = true;
}

void pop3_server_login_ok(struct pop3_server *server, struct maildrop *maildrop)
{
	pop3_server_answered(server, PENDING_LOGIN);
	server->maildrop = maildrop;
	/* What AUTH may have needed is given back: no line is as long from here on. */
	line_deinit(&server->line);
	line_init(&server->line, POP3_LINE_MAX - 2);
	pop3_server_enter(server, POP3_TRANSACTION);
	pop3_server_ok_maildrop(server);
}

void pop3_server_login_refused(struct pop3_server *server, enum pop3_code code, const char *text,
			       bool wrong_password)
{
	pop3_server_answered(server, PENDING_LOGIN);
	pop3_server_err(server, code, text);
	if (wrong_password && ++server->failed_logins >= POP3_FAILED_LOGINS_MAX)
		pop3_server_close(server, "too-many-failed-logins");
}

bool pop3_server_message_begin(struct pop3_server *server)
{
	pop3_server_answered(server, PENDING_MESSAGE);
	/* Without a size: LIST may only have had an estimate, and some clients count. */
	pop3_server_ok(server, "Message follows");
	if (bytebuf_failed(&server->out)) {
		pop3_server_close(server, "out-of-memory");
		return false;
	}
	server->pending = PENDING_MESSAGE_END;
	return true;
}

void pop3_server_message_end(struct pop3_server *server)
{
	pop3_server_answered(server, PENDING_MESSAGE_END);
}

void pop3_server_message_refused(struct pop3_server *server, enum pop3_code code, const char *text)
{
	pop3_server_answered(server, PENDING_MESSAGE);
	pop3_server_err(server, code, text);
}

void pop3_server_updated(struct pop3_server *server, const char *text)
{
	pop3_server_answered(server, PENDING_UPDATE);
	if (text == NULL)
		pop3_server_ok(server, "Goodbye");
	else
		pop3_server_err(server, POP3_CODE_SYS_TEMP, text);
	pop3_server_close(server, text == NULL ? "quit" : "update-failed");
}

void pop3_server_end(struct pop3_server *server, enum pop3_code code, const char *text,
		     const char *reason)
{
	if (server->state == POP3_CLOSED)
		return;
	if (server->pending != PENDING_MESSAGE_END && server->pending != PENDING_TLS &&
	    server->listing == 0)
		pop3_server_err(server, code, text);
	pop3_server_close(server, reason);
}
