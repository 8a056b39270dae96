/* SPDX-License-Identifier: ISC */
#include "daemon/probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "protocol/imap_utf7.h"

enum {
	/* Each answer may take half a minute (daemon/upstream.c); all of them together, this. */
	PROBE_DEADLINE_MS = 120000,
	/* How long LOGOUT is waited for. */
	PROBE_LOGOUT_MS = 2000,
	PROBE_FOLDER_MAX = 4096,
};

struct probe {
	struct loop *loop;
	struct setup *setup; /* owned reference */
	const struct conf_account *account;
	struct conf_imap imap;
	struct upstream *upstream; /* owned */
	struct secret *credential; /* owned; NULL: none, or it was used */
	bool has_credential;
	char *user;             /* owned */
	struct bytebuf folder;  /* in modified UTF-7 */
	struct event *deadline; /* owned */
	uint64_t began_ms;
	bool over; /* LOGOUT was said, or there is no connection any more */
	struct probe_result result;
	probe_fn *fn;
	void *owner;
	struct grave grave;
};

static void probe_free(void *argument)
{
	struct probe *probe = argument;

	if (probe->deadline != NULL)
		event_free(probe->deadline);
	secret_free(&probe->credential);
	bytebuf_deinit(&probe->folder);
	free(probe->user);
	setup_unref(&probe->setup);
	free(probe);
}

void probe_bury(struct probe **buried)
{
	struct probe *probe = *buried;

	*buried = NULL;
	if (probe == NULL)
		return;
	event_del(probe->deadline);
	upstream_bury(&probe->upstream);
	loop_bury(probe->loop, &probe->grave, probe_free, probe);
}

static void probe_tell(struct probe *probe)
{
	event_del(probe->deadline);
	upstream_bury(&probe->upstream);
	probe->fn(probe->owner, &probe->result);
}

/* What was to be seen has been seen. */
static void probe_end(struct probe *probe)
{
	struct probe_result *result = &probe->result;

	probe->over = true;
	result->took_ms = loop_now_ms() - probe->began_ms;
	result->progress = upstream_progress(probe->upstream);
	result->ipv6 = upstream_is_ipv6(probe->upstream);
	upstream_describe_tls(probe->upstream, result->tls, sizeof(result->tls));
}

/* A connection that is closed without LOGOUT goes on counting against the mailbox for a while. */
static void probe_log_out(struct probe *probe)
{
	probe->result.done = true;
	probe_end(probe);
	loop_arm(probe->deadline, upstream_logout(probe->upstream) ? PROBE_LOGOUT_MS : 0);
	upstream_flush(probe->upstream);
}

static void on_step(void *owner, enum imap_login_step step)
{
	struct probe *probe = owner;

	if (probe->over)
		return;
	switch (step) {
	case IMAP_LOGIN_READY:
		if (!probe->has_credential) {
			probe_log_out(probe);
			break;
		}
		if (probe->account->auth == CONF_AUTH_OAUTH2)
			upstream_token(probe->upstream, span_text(probe->user),
				       secret_borrow(probe->credential));
		else
			upstream_password(probe->upstream, span_text(probe->user),
					  secret_borrow(probe->credential));
		secret_free(&probe->credential);
		break;
	case IMAP_LOGIN_AUTHENTICATED:
		upstream_select(probe->upstream, bytebuf_peek(&probe->folder));
		break;
	case IMAP_LOGIN_SELECTED:
		probe->result.messages =
			imap_client_selected(upstream_client(probe->upstream))->exists;
		probe_log_out(probe);
		break;
	case IMAP_LOGIN_MORE:
	case IMAP_LOGIN_START_TLS:
	case IMAP_LOGIN_FAILED:
		break;
	}
}

static void on_event(void *owner, const struct imap_event *event)
{
	struct probe *probe = owner;

	if (event->type == IMAP_EVENT_DONE && event->command == IMAP_COMMAND_LOGOUT)
		probe_tell(probe);
}

static void on_turn_over(void *owner)
{
	(void)owner;
}

static void on_lost(void *owner, const struct failure *failure)
{
	struct probe *probe = owner;

	if (!probe->over) {
		probe->result.failure = *failure;
		probe_end(probe);
	}
	probe_tell(probe);
}

static void on_deadline(evutil_socket_t fd, short what, void *argument)
{
	struct probe *probe = argument;

	(void)fd;
	(void)what;
	if (!probe->over) {
		failure_set(&probe->result.failure, FAILURE_SYS_TEMP,
			    "The mail server is too slow: it was given two minutes");
		probe_end(probe);
	}
	probe_tell(probe);
}

static const struct upstream_owner upstream_functions = {
	.step = on_step, .event = on_event, .turn_over = on_turn_over, .lost = on_lost
};

static bool probe_dial(struct probe *probe, const struct probe_settings *settings)
{
	struct upstream_settings upstream = {
		.loop = settings->loop,
		.resolver = settings->resolver,
		.log = settings->log,
		.imap = &probe->imap,
		.tls = setup_client(settings->setup, settings->account),
		.folder = settings->account->folder,
		.own_password = false,
		.full_handshake = true,
	};

	probe->upstream = upstream_new(&upstream, &upstream_functions, probe);
	return probe->upstream != NULL;
}

struct probe *probe_new(const struct probe_settings *settings, probe_fn *fn, void *owner)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	bool ready;

	if (probe == NULL)
		return NULL;
	probe->loop = settings->loop;
	probe->setup = setup_ref(settings->setup);
	probe->account = settings->account;
	probe->imap = settings->account->imap;
	if (settings->ipv4_only)
		probe->imap.address_family = CONF_ADDRESS_IPV4;
	probe->fn = fn;
	probe->owner = owner;
	probe->began_ms = loop_now_ms();
	probe->has_credential = settings->credential != NULL;
	if (probe->has_credential)
		probe->credential = secret_new(secret_borrow(settings->credential));
	probe->user = strdup(settings->user);
	probe->deadline = evtimer_new(settings->loop->base, on_deadline, probe);
	bytebuf_init(&probe->folder, PROBE_FOLDER_MAX);
	ready = probe->user != NULL && probe->deadline != NULL &&
		(!probe->has_credential || probe->credential != NULL) &&
		imap_utf7_encode(&probe->folder, span_text(settings->account->folder));
	if (!ready || !probe_dial(probe, settings)) {
		probe_free(probe);
		return NULL;
	}
	loop_arm(probe->deadline, PROBE_DEADLINE_MS);
	return probe;
}
