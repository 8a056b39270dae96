/* SPDX-License-Identifier: ISC */
#include "daemon/upstream.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/stream.h"
#include "protocol/imap_refusal.h"
#include "protocol/limits.h"

enum {
	/* An upstream that owes an answer and says nothing for so long is dead. */
	UPSTREAM_SILENCE_MS = 30000,
};

enum upstream_phase {
	PHASE_DIALING,
	PHASE_LOGIN,
	PHASE_SELECTED,
	PHASE_LOST, /* told, or about to be */
};

struct upstream {
	struct upstream_settings settings;
	const struct upstream_owner *functions;
	void *owner;
	enum upstream_phase phase;
	struct dialer *dialer;      /* owned */
	struct stream *stream;      /* owned */
	struct imap_client *client; /* owned */
	struct imap_login login;
	struct event *silence; /* owned */
	struct event *despair; /* owned: tells `lost` from the loop */
	uint64_t owing_since_ms;
	bool paused;
	bool leaving; /* LOGOUT was said */
	bool buried;
	bool ipv6;
	enum upstream_progress progress;
	char tls[128]; /* what was negotiated */
	struct failure failure;
	struct grave grave;
};

static void upstream_pump(struct upstream *upstream);

static void upstream_free(void *argument)
{
	struct upstream *upstream = argument;

	if (upstream->silence != NULL)
		event_free(upstream->silence);
	if (upstream->despair != NULL)
		event_free(upstream->despair);
	imap_client_free(&upstream->client);
	free(upstream);
}

void upstream_bury(struct upstream **buried)
{
	struct upstream *upstream = *buried;

	*buried = NULL;
	if (upstream == NULL || upstream->buried)
		return;
	upstream->buried = true;
	event_del(upstream->silence);
	event_del(upstream->despair);
	dialer_bury(&upstream->dialer);
	stream_bury(&upstream->stream);
	loop_bury(upstream->settings.loop, &upstream->grave, upstream_free, upstream);
}

static bool upstream_is_over(const struct upstream *upstream)
{
	return upstream->buried || upstream->phase == PHASE_LOST;
}

/* The end, with `failure` filled in; the owner learns of it from the loop, not in its own call. */
static void upstream_lose(struct upstream *upstream)
{
	if (upstream_is_over(upstream))
		return;
	upstream->phase = PHASE_LOST;
	event_del(upstream->silence);
	event_active(upstream->despair, EV_TIMEOUT, 0);
}

static void on_despair(evutil_socket_t fd, short what, void *argument)
{
	struct upstream *upstream = argument;

	(void)fd;
	(void)what;
	stream_bury(&upstream->stream);
	upstream->functions->lost(upstream->owner, &upstream->failure);
}

static void upstream_lose_login(struct upstream *upstream)
{
	failure_from_login(&upstream->failure, &upstream->login, upstream->settings.folder,
			   upstream->settings.own_password);
	upstream_lose(upstream);
}

static void upstream_lose_words(struct upstream *upstream, const char *text, const char *words)
{
	failure_set_words(&upstream->failure, FAILURE_SYS_TEMP, text, words);
	upstream_lose(upstream);
}

/* ---- the server's silence ---- */

static void upstream_watch_silence(struct upstream *upstream)
{
	bool owing = upstream->phase == PHASE_LOGIN || imap_client_pending(upstream->client) > 0;

	if (owing && !upstream->paused && !upstream_is_over(upstream)) {
		if (!evtimer_pending(upstream->silence, NULL)) {
			upstream->owing_since_ms = loop_now_ms();
			loop_arm(upstream->silence, UPSTREAM_SILENCE_MS);
		}
	} else {
		event_del(upstream->silence);
	}
}

static void on_silence(evutil_socket_t fd, short what, void *argument)
{
	struct upstream *upstream = argument;
	uint64_t heard = stream_last_progress_ms(upstream->stream);
	uint64_t now = loop_now_ms();

	(void)fd;
	(void)what;
	if (heard < upstream->owing_since_ms)
		heard = upstream->owing_since_ms;
	if (now < heard + UPSTREAM_SILENCE_MS)
		loop_arm(upstream->silence, heard + UPSTREAM_SILENCE_MS - now);
	else
		upstream_lose_words(upstream, "The mail server does not answer",
				    "silent for 30 seconds");
}

/* ---- login ---- */

static void upstream_start_tls(struct upstream *upstream)
{
	struct tls_reason reason;
	SSL *ssl = tls_context_connect(upstream->settings.tls, upstream->settings.imap->host,
				       upstream->settings.imap->port, &reason);

	if (ssl == NULL) {
		upstream_lose_words(upstream, "TLS cannot be started", reason.text);
		return;
	}
	if (upstream->settings.full_handshake)
		(void)SSL_set_session(ssl, NULL);
	/* Records are read as many as the socket has, not header and body one by one; the buffer is
	 * given back when it is empty (SSL_MODE_RELEASE_BUFFERS). */
	SSL_set_read_ahead(ssl, 1);
	SSL_set_default_read_buffer_len(ssl, LOOP_SCRATCH_SIZE);
	stream_start_tls(upstream->stream, ssl, false);
}

static void upstream_take_step(struct upstream *upstream, enum imap_login_step step)
{
	switch (step) {
	case IMAP_LOGIN_MORE:
		break;
	case IMAP_LOGIN_START_TLS:
		upstream_flush(upstream);
		upstream_start_tls(upstream);
		break;
	case IMAP_LOGIN_SELECTED:
		upstream->phase = PHASE_SELECTED;
		upstream->progress = UPSTREAM_SELECTED;
		stream_set_secret(upstream->stream, false);
		upstream->functions->step(upstream->owner, step);
		break;
	case IMAP_LOGIN_READY:
		upstream->progress = UPSTREAM_GREETED;
		upstream->functions->step(upstream->owner, step);
		break;
	case IMAP_LOGIN_AUTHENTICATED:
		upstream->progress = UPSTREAM_AUTHENTICATED;
		upstream->functions->step(upstream->owner, step);
		break;
	case IMAP_LOGIN_FAILED:
		upstream_lose_login(upstream);
		break;
	}
	if (!upstream_is_over(upstream))
		upstream_flush(upstream);
}

void upstream_password(struct upstream *upstream, struct span user, struct span password)
{
	upstream_take_step(upstream, imap_login_password(&upstream->login, user, password));
}

void upstream_token(struct upstream *upstream, struct span user, struct span token)
{
	upstream_take_step(upstream, imap_login_token(&upstream->login, user, token));
}

void upstream_select(struct upstream *upstream, struct span folder)
{
	upstream_take_step(upstream, imap_login_select(&upstream->login, folder));
}

static void upstream_log_tls(struct upstream *upstream)
{
	struct log_line line;

	stream_describe_tls(upstream->stream, upstream->tls, sizeof(upstream->tls));
	log_begin(&line, upstream->settings.log, CONF_LOG_DEBUG, "upstream-tls");
	log_session(&line, upstream->settings.session);
	log_text(&line, "host", upstream->settings.imap->host);
	log_text(&line, "tls", upstream->tls);
	log_end(&line);
}

/* What the server says about itself and us, for those who look for reasons. */
static void upstream_log_event(struct upstream *upstream, const struct imap_event *event)
{
	struct log_line line;
	char text[IMAP_TEXT_MAX + 1];

	if (event->type != IMAP_EVENT_GREETING && event->type != IMAP_EVENT_NOTICE &&
	    event->type != IMAP_EVENT_BYE && event->type != IMAP_EVENT_DONE)
		return;
	log_begin(&line, upstream->settings.log, CONF_LOG_DEBUG, "imap");
	log_session(&line, upstream->settings.session);
	if (event->type == IMAP_EVENT_DONE)
		log_text(&line, "command", imap_command_name(event->command));
	log_text(&line, "status",
		 event->type == IMAP_EVENT_BYE   ? "BYE"
		 : event->status == IMAP_OK      ? "OK"
		 : event->status == IMAP_NO      ? "NO"
		 : event->status == IMAP_BAD     ? "BAD"
		 : event->status == IMAP_PREAUTH ? "PREAUTH"
						 : "BYE");
	snprintf(text, sizeof(text), "%s", event->text);
	/* The greeting comes before any secret, and Exchange's has base64 of its own. */
	if (upstream->phase == PHASE_LOGIN && event->type != IMAP_EVENT_GREETING)
		imap_refusal_hide(text);
	log_text(&line, "text", text);
	log_end(&line);
}

static void upstream_handle(struct upstream *upstream, const struct imap_event *event)
{
	upstream_log_event(upstream, event);
	if (upstream->phase == PHASE_LOGIN) {
		upstream_take_step(upstream, imap_login_event(&upstream->login, event));
	} else if (event->type == IMAP_EVENT_VIOLATION) {
		upstream_lose_words(upstream, "The mail server is not understood", event->text);
	} else {
		upstream->functions->event(upstream->owner, event);
		if (event->type == IMAP_EVENT_BYE && !upstream->leaving)
			upstream_lose_words(upstream, "The mail server ended the connection",
					    event->text);
	}
}

static void upstream_pump(struct upstream *upstream)
{
	for (;;) {
		struct span in = stream_peek(upstream->stream);
		size_t before = in.len;
		struct imap_event event;

		if (upstream_is_over(upstream) || upstream->paused)
			break;
		enum imap_event_type type = imap_client_next(upstream->client, &in, &event);
		if (type != IMAP_EVENT_NEED_INPUT)
			upstream_handle(upstream, &event);
		if (upstream->buried)
			return;
		/* Spans of the event point into these octets: they are let go only now. */
		stream_take(upstream->stream, before - in.len);
		if (type == IMAP_EVENT_NEED_INPUT && stream_peek(upstream->stream).len == 0)
			break;
	}
	if (upstream_is_over(upstream))
		return;
	upstream_flush(upstream);
	upstream->functions->turn_over(upstream->owner);
}

/* ---- the connection ---- */

static void on_stream(void *owner, enum stream_event event)
{
	struct upstream *upstream = owner;
	bool reached = upstream->phase == PHASE_SELECTED || stream_is_tls(upstream->stream);

	if (upstream_is_over(upstream))
		return;
	switch (event) {
	case STREAM_READABLE:
		upstream_pump(upstream);
		break;
	case STREAM_SECURED:
		upstream->progress = UPSTREAM_ENCRYPTED;
		upstream_log_tls(upstream);
		if (upstream->settings.imap->tls == CONF_TLS_STARTTLS)
			upstream_take_step(upstream, imap_login_tls_started(&upstream->login));
		break;
	case STREAM_EOF:
		upstream_lose_words(upstream, "The mail server closed the connection", NULL);
		break;
	case STREAM_ERROR:
		failure_set_words(&upstream->failure, FAILURE_SYS_TEMP,
				  reached ? "The connection to the mail server broke"
					  : "The mail server cannot be reached",
				  stream_error(upstream->stream));
		if (stream_is_untrusted(upstream->stream)) {
			failure_set_words(&upstream->failure, FAILURE_SYS_PERM,
					  "The mail server cannot be trusted",
					  stream_error(upstream->stream));
			upstream->failure.cause = FAILURE_CAUSE_UNTRUSTED;
		} else if (upstream->progress == UPSTREAM_CONNECTED) {
			upstream->failure.cause = FAILURE_CAUSE_TLS;
		}
		upstream_lose(upstream);
		break;
	case STREAM_DRAINED:
	case STREAM_FINISHED:
		break;
	}
}

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
	return address->ss_family == AF_INET &&
	       ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 ==
		       IN_LOOPBACKNET;
}

static void on_dialed(void *owner, int fd, const char *text)
{
	struct upstream *upstream = owner;
	enum conf_tls tls = upstream->settings.imap->tls;
	struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(peer);

	if (fd < 0) {
		failure_set_words(&upstream->failure, FAILURE_SYS_TEMP,
				  "The mail server cannot be reached", text);
		upstream->failure.cause = FAILURE_CAUSE_UNREACHABLE;
		upstream_lose(upstream);
		return;
	}
	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
		peer.ss_family = AF_UNSPEC;
	upstream->ipv6 = peer.ss_family == AF_INET6;
	/* A name that conf/ took for loopback may resolve to something else. */
	if (tls == CONF_TLS_NONE && !is_loopback(&peer)) {
		close(fd);
		failure_set_words(&upstream->failure, FAILURE_SYS_PERM,
				  "The mail server cannot be trusted",
				  "tls = \"none\" is for loopback addresses only");
		upstream_lose(upstream);
		return;
	}
	upstream->stream = stream_new(upstream->settings.loop, fd, on_stream, upstream);
	if (upstream->stream == NULL) {
		upstream_lose_words(upstream, "No memory", NULL);
		return;
	}
	stream_set_secret(upstream->stream, true);
	upstream->progress = UPSTREAM_CONNECTED;
	upstream->phase = PHASE_LOGIN;
	imap_login_init(&upstream->login, upstream->client, tls == CONF_TLS_STARTTLS,
			tls == CONF_TLS_IMPLICIT);
	if (tls == CONF_TLS_IMPLICIT)
		upstream_start_tls(upstream);
	upstream_watch_silence(upstream);
}

struct upstream *upstream_new(const struct upstream_settings *settings,
			      const struct upstream_owner *functions, void *owner)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));

	if (upstream == NULL)
		return NULL;
	upstream->settings = *settings;
	upstream->functions = functions;
	upstream->owner = owner;
	upstream->client = imap_client_new();
	upstream->silence = evtimer_new(settings->loop->base, on_silence, upstream);
	upstream->despair = evtimer_new(settings->loop->base, on_despair, upstream);
	if (upstream->client != NULL && upstream->silence != NULL && upstream->despair != NULL)
		upstream->dialer = dialer_new(settings->loop, settings->resolver,
					      settings->imap->host, settings->imap->port,
					      settings->imap->address_family, on_dialed, upstream);
	if (upstream->dialer == NULL) {
		upstream_free(upstream);
		return NULL;
	}
	return upstream;
}

enum upstream_progress upstream_progress(const struct upstream *upstream)
{
	return upstream->progress;
}

bool upstream_is_ipv6(const struct upstream *upstream)
{
	return upstream->ipv6;
}

void upstream_describe_tls(const struct upstream *upstream, char *text_r, size_t size)
{
	snprintf(text_r, size, "%s", upstream->tls[0] != '\0' ? upstream->tls : "none");
}

bool upstream_logout(struct upstream *upstream)
{
	upstream->leaving = imap_client_logout(upstream->client) != 0;
	return upstream->leaving;
}

struct imap_client *upstream_client(struct upstream *upstream)
{
	return upstream->client;
}

void upstream_flush(struct upstream *upstream)
{
	struct span out = imap_client_output(upstream->client);

	if (upstream_is_over(upstream) || upstream->stream == NULL)
		return;
	if (out.len > 0) {
		if (!stream_write(upstream->stream, out)) {
			upstream_lose_words(upstream, "No memory", NULL);
			return;
		}
		imap_client_sent(upstream->client, out.len);
	}
	stream_flush(upstream->stream);
	upstream_watch_silence(upstream);
}

void upstream_pause(struct upstream *upstream)
{
	upstream->paused = true;
	if (upstream->stream != NULL)
		stream_pause(upstream->stream);
	upstream_watch_silence(upstream);
}

void upstream_resume(struct upstream *upstream)
{
	if (!upstream->paused)
		return;
	upstream->paused = false;
	if (upstream->stream != NULL)
		stream_resume(upstream->stream);
	upstream_watch_silence(upstream);
}
