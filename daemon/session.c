/* SPDX-License-Identifier: ISC */
#include "daemon/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/session_private.h"

enum {
	/* QUIT is answered within this time: ticket systems wait for 12 seconds. */
	SESSION_QUIT_MS = 8000,
	/* How long a client may take to close when everything was sent, */
	SESSION_LINGER_MS = 5000,
	/* the same while the service stops, */
	SESSION_STOP_LINGER_MS = 300,
	/* and how long it may read nothing of what was not. */
	SESSION_STALL_MS = 60000,
	/* How soon to look again when a time-out came while something was under way. */
	SESSION_RECHECK_MS = 1000,
};

/* ---- time ---- */

static void session_arm(struct session *session)
{
	uint64_t next = UINT64_MAX;
	uint64_t now = loop_now_ms();

	for (size_t i = 0; i < DEADLINES; i++) {
		if (session->deadlines[i] != 0 && session->deadlines[i] < next)
			next = session->deadlines[i];
	}
	if (next == UINT64_MAX)
		event_del(session->timer);
	else
		loop_arm(session->timer, next > now ? next - now : 0);
}

void session_set_deadline(struct session *session, enum deadline deadline, uint64_t ms)
{
	session->deadlines[deadline] = loop_now_ms() + ms;
	session_arm(session);
}

void session_clear_deadline(struct session *session, enum deadline deadline)
{
	session->deadlines[deadline] = 0;
}

/* ---- birth and death ---- */

static void session_free(void *argument)
{
	struct session *session = argument;

	pop3_server_deinit(&session->server);
	if (session->timer != NULL)
		event_free(session->timer);
	setup_unref(&session->setup);
	free(session);
}

/* The connection is gone too. */
static void session_bury(struct session *session)
{
	stream_bury(&session->stream);
	event_del(session->timer);
	bridge_remove_session(session->bridge, session);
	if (session->refused)
		session->bridge->refused_count--;
	session->refused = false;
	if (session->holds_address)
		address_book_disconnect(&session->bridge->addresses, &session->address);
	session->holds_address = false;
	loop_bury(&session->bridge->loop, &session->grave, session_free, session);
}

static void session_log_summary(struct session *session, const char *reason)
{
	char address[ADDRESS_TEXT_MAX];
	struct log_line line;
	const struct tally *tally = &session->tally;

	address_format(&session->address, address);
	log_begin(&line, &session->bridge->log, CONF_LOG_INFO, "session-end");
	log_session(&line, session->id);
	log_text(&line, "address", address);
	log_text(&line, "user", session->user);
	log_number(&line, "retrieved", tally->retrieved);
	log_number(&line, "retrieved_octets", tally->retrieved_octets);
	log_number(&line, "topped", tally->topped);
	log_number(&line, "topped_octets", tally->topped_octets);
	log_number(&line, "unreadable", tally->unreadable);
	log_number(&line, "deleted", tally->deleted);
	log_number(&line, "left", tally->left);
	log_seconds(&line, "seconds", loop_now_ms() - session->started_ms);
	log_text(&line, "reason", reason);
	log_end(&line);
}

void session_close(struct session *session, const char *reason)
{
	if (session->closed)
		return;
	session->closed = true;
	session->wait = LOGIN_NOT_WAITING;
	session_log_summary(session, reason);
	mailbox_detach(&session->mailbox);
	memset(session->deadlines, 0, sizeof(session->deadlines));
	session_set_deadline(session, DEADLINE_LINGER,
			     session->bridge->stopping ? SESSION_STOP_LINGER_MS
						       : SESSION_LINGER_MS);
	stream_finish(session->stream);
}

void session_kill(struct session *session, const char *reason)
{
	session_close(session, reason);
	session_bury(session);
}

bool session_move_output(struct session *session)
{
	struct span out = pop3_server_output(&session->server);

	if (out.len == 0)
		return true;
	if (!stream_write(session->stream, out))
		return false;
	pop3_server_sent(&session->server, out.len);
	session->last_command_ms = loop_now_ms();
	return true;
}

void session_end(struct session *session, enum pop3_code code, const char *text, const char *reason)
{
	if (session->closed)
		return;
	if (session->greeted && !session->starting_tls) {
		pop3_server_end(&session->server, code, text, reason);
		(void)session_move_output(session);
	}
	session_close(session, reason);
}

void session_out_of_memory(struct session *session)
{
	session_kill(session, "no-memory");
}

/* ---- update ---- */

static void session_answer_quit(struct session *session, const char *text)
{
	session_clear_deadline(session, DEADLINE_QUIT);
	pop3_server_updated(&session->server, text);
	session_pump(session);
}

static void session_quit(struct session *session)
{
	const struct maildrop *drop = mailbox_maildrop(session->mailbox);

	session->tally.left = maildrop_count(drop);
	session->tally.deleted = maildrop_last(drop) - maildrop_count(drop);
	session_set_deadline(session, DEADLINE_QUIT, SESSION_QUIT_MS);
	mailbox_update(session->mailbox);
}

void session_updated(struct session *session, const char *text)
{
	char reply[400];

	session->mailbox = NULL;
	/* What is not flagged \Seen is no reason to alarm anybody. */
	if (text == NULL || session->tally.deleted == 0) {
		session_answer_quit(session, NULL);
		return;
	}
	session->tally.deleted = 0;
	snprintf(reply, sizeof(reply), "Some messages were not deleted: %s", text);
	session_answer_quit(session, reply);
}

/* The update goes on, but nobody can say now how it will end. */
static void session_out_of_time_at_quit(struct session *session)
{
	bool deleting = session->tally.deleted > 0;

	mailbox_detach(&session->mailbox);
	session->tally.deleted = 0;
	session_answer_quit(session,
			    deleting ? "The mail server is slow: deletions are not finished yet"
				     : NULL);
}

/* ---- the machine ---- */

static void session_start_tls(struct session *session)
{
	/* Without a certificate there is no listener that would need it. */
	SSL *ssl =
		session->setup->server != NULL ? tls_context_accept(session->setup->server) : NULL;

	if (ssl == NULL) {
		session_out_of_memory(session);
		return;
	}
	session->tls_started = true;
	/* Passwords come this way. */
	SSL_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
	stream_start_tls(session->stream, ssl, true);
}

/* False: there is nothing more to do now. */
static bool session_handle(struct session *session, const struct pop3_event *event)
{
	switch (event->type) {
	case POP3_EVENT_NEED_INPUT:
		return true;
	case POP3_EVENT_NEED_OUTPUT:
		stream_flush(session->stream);
		return true;
	case POP3_EVENT_WAITING:
		if (session->starting_tls && !session->tls_started)
			session_start_tls(session);
		return false;
	case POP3_EVENT_STLS:
		session->starting_tls = true;
		return true;
	case POP3_EVENT_LOGIN:
		session_login(session, event);
		return true;
	case POP3_EVENT_RETRIEVE:
		session_retrieve(session, event);
		return true;
	case POP3_EVENT_UPDATE:
		session_quit(session);
		return true;
	case POP3_EVENT_CLOSE:
		session_close(session, event->reason);
		return false;
	}
	return false;
}

static bool session_pump_once(struct session *session)
{
	struct pop3_event event;

	if (session->closed || stream_is_full(session->stream))
		return false;
	struct span in = stream_peek(session->stream);
	size_t before = in.len;
	enum pop3_event_type type = pop3_server_next(&session->server, &in, &event);
	if (!session_move_output(session)) {
		session_out_of_memory(session);
		return false;
	}
	if (type != POP3_EVENT_NEED_INPUT && type != POP3_EVENT_WAITING)
		session->last_command_ms = loop_now_ms();
	bool more = session_handle(session, &event);
	if (session->stream == NULL)
		return false;
	/* Spans of the event point into these octets: they are let go only now. */
	stream_take(session->stream, before - in.len);
	if (type == POP3_EVENT_NEED_INPUT && stream_peek(session->stream).len == 0) {
		if (session->client_eof)
			session_close(session, "connection-lost");
		return false;
	}
	return more;
}

void session_pump(struct session *session)
{
	/* Answers that come at once, within a step of the loop below, are taken up by it. */
	if (session->pumping || session->closed || !session->greeted)
		return;
	session->pumping = true;
	while (session_pump_once(session))
		continue;
	session->pumping = false;
	if (session->stream == NULL)
		return;
	if (session_move_output(session))
		stream_flush(session->stream);
	else
		session_out_of_memory(session);
}

static void session_greet(struct session *session, const char *refusal)
{
	session->greeted = true;
	if (refusal != NULL)
		pop3_server_greet_refused(&session->server, POP3_CODE_SYS_TEMP, refusal);
	else
		pop3_server_greet(&session->server);
	session_pump(session);
}

static void session_secured(struct session *session)
{
	if (session->starting_tls) {
		session->starting_tls = false;
		pop3_server_tls_started(&session->server);
		session_pump(session);
	} else {
		session_greet(session, session->refused ? "Too many connections" : NULL);
	}
}

static void session_drained(struct session *session)
{
	if (session->paused) {
		session->paused = false;
		if (session->mailbox != NULL)
			mailbox_resume(session->mailbox);
	}
	session_pump(session);
}

static void on_stream(void *owner, enum stream_event event)
{
	struct session *session = owner;

	switch (event) {
	case STREAM_READABLE:
		session_pump(session);
		break;
	case STREAM_DRAINED:
		session_drained(session);
		break;
	case STREAM_SECURED:
		if (!session->closed)
			session_secured(session);
		break;
	case STREAM_FINISHED:
		break;
	case STREAM_EOF:
		session->client_eof = true;
		if (session->closed)
			session_bury(session);
		else if (!session->greeted || session->wait != LOGIN_NOT_WAITING)
			/* Nothing can follow the login that is under way. */
			session_kill(session, "connection-lost");
		else
			session_pump(session);
		break;
	case STREAM_ERROR:
		if (session->starting_tls || !session->greeted)
			session_kill(session, "tls-failed");
		else
			session_kill(session, "connection-lost");
		break;
	}
}

/* ---- time-outs ---- */

static void session_check_idle(struct session *session)
{
	uint64_t limit = (uint64_t)session->setup->conf->limits.idle_timeout * 1000;
	uint64_t now = loop_now_ms();
	uint64_t last = session->last_command_ms;

	/* While a reply is on its way, what counts is that the client takes it. */
	if ((session->retrieving || stream_queued(session->stream) > 0) &&
	    stream_last_progress_ms(session->stream) > last)
		last = stream_last_progress_ms(session->stream);
	if (session->retrieving && !session->paused)
		last = now; /* the upstream's affair, which has a limit of its own */
	if (last + limit <= now)
		/* RFC 1939 section 3: no UPDATE, and no word. */
		session_kill(session, "idle-timeout");
	else
		session_set_deadline(session, DEADLINE_IDLE, last + limit - now);
}

static void session_deadline(struct session *session, enum deadline deadline)
{
	switch (deadline) {
	case DEADLINE_LOGIN:
		if (session->wait != LOGIN_NOT_WAITING)
			session_set_deadline(session, DEADLINE_LOGIN, SESSION_RECHECK_MS);
		else
			session_end(session, POP3_CODE_NONE, "No login in time", "login-timeout");
		break;
	case DEADLINE_IDLE:
		session_check_idle(session);
		break;
	case DEADLINE_PATIENCE:
		session_out_of_patience(session);
		break;
	case DEADLINE_PENALTY:
		session_answer_refusal(session);
		break;
	case DEADLINE_QUIT:
		session_out_of_time_at_quit(session);
		break;
	case DEADLINE_LINGER:
		/* As long as the client goes on reading there is no hurry. */
		if (stream_queued(session->stream) > 0 &&
		    loop_now_ms() - stream_last_progress_ms(session->stream) < SESSION_STALL_MS)
			session_set_deadline(session, DEADLINE_LINGER, SESSION_RECHECK_MS);
		else
			session_bury(session);
		break;
	case DEADLINES:
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct session *session = argument;
	uint64_t now = loop_now_ms();

	(void)fd;
	(void)what;
	for (size_t i = 0; i < DEADLINES && session->stream != NULL; i++) {
		if (session->deadlines[i] == 0 || session->deadlines[i] > now)
			continue;
		session->deadlines[i] = 0;
		session_deadline(session, (enum deadline)i);
	}
	if (session->stream != NULL)
		session_arm(session);
}

/* ---- for others ---- */

uint64_t session_id(const struct session *session)
{
	return session->id;
}

const struct address *session_address(const struct session *session)
{
	return &session->address;
}

bool session_is_silent(struct session *session, uint64_t ms)
{
	uint64_t now = loop_now_ms();
	uint64_t last = session->last_command_ms;
	uint64_t progress = stream_last_progress_ms(session->stream);
	size_t unconfirmed = stream_unconfirmed(session->stream);

	/* In the middle of a message it is the client that is waited for only if it does not keep
	 * up. */
	if (pop3_server_is_busy(&session->server) && !session->paused)
		return false;
	if (stream_queued(session->stream) > 0 && progress > last)
		last = progress;
	/* What the kernel has taken from us the client may still be reading: that shows from one
	 * question to the next. */
	if (stream_queued(session->stream) == 0 && unconfirmed > 0) {
		if (unconfirmed != session->unconfirmed)
			session->unconfirmed_since_ms = now;
		session->unconfirmed = unconfirmed;
		if (session->unconfirmed_since_ms > last)
			last = session->unconfirmed_since_ms;
	}
	return now - last >= ms;
}

void session_stop(struct session *session)
{
	session->stopping = true;
	if (!session->retrieving && pop3_server_state(&session->server) != POP3_UPDATE)
		session_end(session, POP3_CODE_SYS_TEMP, "The service is stopping", "stopping");
}

static bool session_init(struct session *session, int fd, bool implicit_tls)
{
	const struct conf *conf = session->setup->conf;
	struct pop3_server_options options = {
		.tls_active = implicit_tls,
		.stls_offered = session->setup->server != NULL,
		.login_allowed = conf->allow_plaintext || address_is_loopback(&session->address),
	};

	pop3_server_init(&session->server, &options);
	session->stream = stream_new(&session->bridge->loop, fd, on_stream, session);
	session->timer = evtimer_new(session->bridge->loop.base, on_timer, session);
	if (session->stream == NULL || session->timer == NULL ||
	    !bridge_add_session(session->bridge, session)) {
		stream_bury(&session->stream);
		return false;
	}
	stream_set_secret(session->stream, true);
	if (session->refused)
		session->bridge->refused_count++;
	session_set_deadline(session, DEADLINE_LOGIN, (uint64_t)conf->limits.login_timeout * 1000);
	return true;
}

struct session *session_new(struct bridge *bridge, int fd, const struct address *address,
			    bool implicit_tls, const char *refusal)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL) {
		close(fd);
		return NULL;
	}
	session->bridge = bridge;
	session->id = ++bridge->last_session_id;
	session->address = *address;
	session->setup = setup_ref(bridge->setup);
	session->started_ms = session->last_command_ms = loop_now_ms();
	session->holds_address = refusal == NULL;
	session->refused = refusal != NULL;
	if (!session_init(session, fd, implicit_tls)) {
		session_free(session);
		return NULL;
	}
	if (implicit_tls)
		session_start_tls(session);
	else
		session_greet(session, refusal);
	return session;
}
