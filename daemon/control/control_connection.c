/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/control/control_private.h"

enum {
	/* How long a peer may take to say what it wants, */
	CONTROL_REQUEST_MS = 30000,
	/* how long a command may take: a person signs in meanwhile, */
	CONTROL_COMMAND_MS = 3600000,
	/* and how long the peer may take to read the end and close. */
	CONTROL_LINGER_MS = 30000,
	/* Accounts that are named to who asked for one that is not there. */
	CONTROL_NAMES_MAX = 10,
};

static const struct control_verb *const verbs[] = {
	&control_status_verb, &control_login_verb,  &control_logout_verb,
	&control_doctor_verb, &control_reload_verb,
};

/* ---- birth and death ---- */

static void connection_free(void *argument)
{
	struct control_connection *connection = argument;

	line_deinit(&connection->lines);
	if (connection->timer != NULL)
		event_free(connection->timer);
	setup_unref(&connection->setup);
	free(connection);
}

static void connection_cancel(struct control_connection *connection)
{
	if (connection->verb != NULL && connection->verb->cancel != NULL)
		connection->verb->cancel(connection);
	ticket_return(&connection->control->bridge->tickets, connection->ticket);
	connection->ticket = 0;
}

void control_connection_bury(struct control_connection *connection)
{
	struct control *control = connection->control;

	if (connection->buried)
		return;
	connection->buried = true;
	connection->over = true;
	connection_cancel(connection);
	stream_bury(&connection->stream);
	event_del(connection->timer);
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		control->first = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	control->count--;
	loop_bury(&control->bridge->loop, &connection->grave, connection_free, connection);
}

/* ---- answers ---- */

static int on_json(const char *octets, size_t len, void *argument)
{
	return stream_write(argument, span_of(octets, len)) ? 0 : -1;
}

void control_send(struct control_connection *connection, json_t *object)
{
	if (connection->over) {
		json_decref(object);
		return;
	}
	bool ok = object != NULL &&
		  json_dump_callback(object, on_json, connection->stream, JSON_COMPACT) == 0 &&
		  stream_write(connection->stream, span_text("\n"));
	json_decref(object);
	if (ok)
		stream_flush(connection->stream);
	else
		control_connection_bury(connection);
}

static void log_command(struct control_connection *connection, const char *error)
{
	struct log_line line;

	if (connection->verb == NULL || !connection->verb->is_logged)
		return;
	log_begin(&line, &connection->control->bridge->log, CONF_LOG_INFO, "control");
	log_text(&line, "command", control_command_name(connection->verb->command));
	if (connection->request.account[0] != '\0')
		log_text(&line, "account", connection->request.account);
	log_number(&line, "uid", connection->uid);
	log_text(&line, "result", error == NULL ? "done" : "failed");
	if (error != NULL)
		log_text(&line, "reason", error);
	log_end(&line);
}

void control_finish(struct control_connection *connection, const char *error)
{
	if (connection->over)
		return;
	connection->over = true;
	log_command(connection, error);
	connection_cancel(connection);
	stream_finish(connection->stream);
	loop_arm(connection->timer, CONTROL_LINGER_MS);
}

void control_done(struct control_connection *connection, json_t *object)
{
	if (object == NULL)
		object = json_object();
	if (object != NULL && json_object_set_new(object, "done", json_true()) != 0) {
		json_decref(object);
		object = NULL;
	}
	control_send(connection, object);
	control_finish(connection, NULL);
}

void control_error(struct control_connection *connection, const char *text, const char *remedy)
{
	json_t *object = remedy != NULL ? json_pack("{s:o, s:o}", "error", control_text(text),
						    "remedy", control_text(remedy))
					: json_pack("{s:o}", "error", control_text(text));

	control_send(connection, object);
	control_finish(connection, text);
}

/* ---- the request ---- */

/* "...; there are a, b and 5 more" */
static void control_no_account(struct control_connection *connection)
{
	const struct conf *conf = connection->setup->conf;
	char text[1024];
	size_t len = (size_t)snprintf(text, sizeof(text), "no account is named \"%s\"; there %s",
				      connection->request.account,
				      conf->account_count == 1 ? "is" : "are");

	for (size_t i = 0; i < conf->account_count && len < sizeof(text); i++) {
		if (i == CONTROL_NAMES_MAX) {
			snprintf(text + len, sizeof(text) - len, " and %zu more",
				 conf->account_count - i);
			break;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %s", i > 0 ? "," : "",
					conf->accounts[i].user);
	}
	control_error(connection, text, NULL);
}

/* False: there was an error to tell. */
static bool connection_find_account(struct control_connection *connection)
{
	const char *name = connection->request.account;
	const struct conf_account *account = conf_find_account(connection->setup->conf, name);

	if (account == NULL) {
		control_no_account(connection);
		return false;
	}
	if (name[0] == '*') {
		control_error(connection,
			      "that stands for many accounts; give the login name of one", NULL);
		return false;
	}
	connection->client = (struct oauth_client){
		.setup = connection->setup,
		.account = account,
		.name = name,
		.mailbox = conf_account_mailbox(account, name),
	};
	return true;
}

static void connection_begin(struct control_connection *connection, struct span line)
{
	struct bridge *bridge = connection->control->bridge;
	char error[200];

	if (!control_request_read(&connection->request, line, error, sizeof(error))) {
		control_error(connection, error, NULL);
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (verbs[i]->command == connection->request.command)
			connection->verb = verbs[i];
	}
	loop_arm(connection->timer, CONTROL_COMMAND_MS);
	connection->setup = setup_ref(bridge->setup);
	if (bridge->stopping && connection->verb->command != CONTROL_STATUS) {
		control_error(connection, "the service is stopping", NULL);
		return;
	}
	if (!connection->verb->needs_account || connection_find_account(connection))
		connection->verb->begin(connection);
}

static void connection_handle(struct control_connection *connection, struct span line)
{
	if (connection->verb == NULL)
		connection_begin(connection, line);
	else if (connection->verb->answer != NULL)
		connection->verb->answer(connection, line);
	/* Else nothing is expected any more, and whatever it is, is ignored. */
}

static void connection_read(struct control_connection *connection)
{
	struct span in = stream_peek(connection->stream);
	const unsigned char *begin = in.data;
	bool more = true;

	while (more && !connection->over) {
		struct span line;

		switch (line_next(&connection->lines, &in, CONTROL_LINE_MAX, &line)) {
		case LINE_OK:
			connection_handle(connection, line);
			break;
		case LINE_NEED_MORE:
			more = false;
			break;
		case LINE_TOO_LONG:
			control_error(connection, "the line is too long", NULL);
			break;
		case LINE_HAS_NUL:
		case LINE_HAS_BARE_CR:
			control_error(connection, "the request is no JSON that can be read", NULL);
			break;
		case LINE_NO_MEMORY:
			control_error(connection, "no memory", NULL);
			break;
		}
	}
	if (connection->stream != NULL)
		stream_take(connection->stream, (size_t)(in.data - begin));
}

/* ---- events ---- */

static void on_stream(void *owner, enum stream_event event)
{
	struct control_connection *connection = owner;

	switch (event) {
	case STREAM_READABLE:
		connection_read(connection);
		break;
	case STREAM_DRAINED:
		if (!connection->over && connection->verb != NULL &&
		    connection->verb->drained != NULL)
			connection->verb->drained(connection);
		break;
	case STREAM_SECURED:
	case STREAM_FINISHED:
		break;
	case STREAM_EOF:
		/* It may have closed its half only, and read on. */
		if (connection->over || connection->verb == NULL ||
		    connection->verb->ends_with_peer)
			control_connection_bury(connection);
		break;
	case STREAM_ERROR:
		control_connection_bury(connection);
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct control_connection *connection = argument;

	(void)fd;
	(void)what;
	if (connection->over)
		control_connection_bury(connection);
	else if (connection->verb == NULL)
		control_error(connection, "no request came", NULL);
	else
		control_error(connection, "that took too long", NULL);
}

bool control_connection_new(struct control *control, int fd, uid_t uid)
{
	struct control_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		close(fd);
		return false;
	}
	connection->control = control;
	connection->uid = uid;
	line_init(&connection->lines, CONTROL_LINE_MAX);
	connection->stream = stream_new(&control->bridge->loop, fd, on_stream, connection);
	connection->timer = evtimer_new(control->bridge->loop.base, on_timer, connection);
	if (connection->stream == NULL || connection->timer == NULL) {
		stream_bury(&connection->stream);
		connection_free(connection);
		return false;
	}
	/* Codes pass, and addresses that begin a sign-in. */
	stream_set_secret(connection->stream, true);
	connection->next = control->first;
	if (connection->next != NULL)
		connection->next->previous = connection;
	control->first = connection;
	control->count++;
	loop_arm(connection->timer, CONTROL_REQUEST_MS);
	return true;
}
