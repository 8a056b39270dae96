/* SPDX-License-Identifier: ISC */
#include "daemon/dialer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DIALER_DEADLINE_MS = 10000,
	/* RFC 8305 section 5 recommends 250 ms; the contract says 300. */
	DIALER_STAGGER_MS = 300,
};

struct attempt {
	struct dialer *dialer;
	int fd;              /* -1: not begun, or over */
	struct event *event; /* owned */
};

struct dialer {
	struct loop *loop;
	dialer_fn *fn;
	void *owner;
	unsigned port;
	struct lookup *lookup; /* owned; NULL: it is answered */
	struct sockaddr_storage addresses[LOOKUP_ADDRESSES_MAX];
	struct attempt attempts[LOOKUP_ADDRESSES_MAX];
	size_t count;
	size_t begun;
	size_t over;
	struct event *stagger;  /* owned */
	struct event *deadline; /* owned */
	bool told;
	struct grave grave;
	char text[256];
	char host[];
};

static void dialer_try_next(struct dialer *dialer);

static void attempt_end(struct attempt *attempt, bool keep_fd)
{
	if (attempt->event != NULL)
		event_free(attempt->event);
	attempt->event = NULL;
	if (attempt->fd >= 0 && !keep_fd)
		close(attempt->fd);
	attempt->fd = -1;
}

static void dialer_tell(struct dialer *dialer, int fd)
{
	if (dialer->told)
		return;
	dialer->told = true;
	lookup_bury(&dialer->lookup);
	event_del(dialer->stagger);
	event_del(dialer->deadline);
	for (size_t i = 0; i < dialer->begun; i++)
		attempt_end(&dialer->attempts[i], false);
	dialer->fn(dialer->owner, fd, dialer->text);
}

/* `reason (tried ::1, 127.0.0.1)` */
static void dialer_fail(struct dialer *dialer, const char *reason)
{
	size_t len;

	snprintf(dialer->text, sizeof(dialer->text), "%s port %u: %s", dialer->host, dialer->port,
		 reason);
	for (size_t i = 0; i < dialer->begun && i < 4; i++) {
		char address[LOOKUP_ADDRESS_TEXT_MAX];

		lookup_address_text(&dialer->addresses[i], address);
		len = strlen(dialer->text);
		snprintf(dialer->text + len, sizeof(dialer->text) - len, "%s%s",
			 i == 0 ? " (tried " : ", ", address);
	}
	len = strlen(dialer->text);
	if (dialer->begun > 0)
		snprintf(dialer->text + len, sizeof(dialer->text) - len, ")");
	dialer_tell(dialer, -1);
}

static void attempt_failed(struct attempt *attempt, int error)
{
	struct dialer *dialer = attempt->dialer;

	attempt_end(attempt, false);
	dialer->over++;
	if (dialer->begun < dialer->count)
		dialer_try_next(dialer);
	else if (dialer->over == dialer->count)
		dialer_fail(dialer, strerror(error));
}

static void on_connected(evutil_socket_t fd, short what, void *argument)
{
	struct attempt *attempt = argument;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		attempt_failed(attempt, error);
		return;
	}
	attempt_end(attempt, true);
	dialer_tell(attempt->dialer, fd);
}

static void dialer_try_next(struct dialer *dialer)
{
	struct attempt *attempt = &dialer->attempts[dialer->begun];
	const struct sockaddr_storage *address = &dialer->addresses[dialer->begun];

	dialer->begun++;
	attempt->dialer = dialer;
	attempt->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0) {
		attempt_failed(attempt, errno);
		return;
	}
	if (connect(attempt->fd, (const struct sockaddr *)address, lookup_address_len(address)) !=
		    0 &&
	    errno != EINPROGRESS) {
		attempt_failed(attempt, errno);
		return;
	}
	attempt->event =
		event_new(dialer->loop->base, attempt->fd, EV_WRITE, on_connected, attempt);
	if (attempt->event == NULL || event_add(attempt->event, NULL) != 0) {
		attempt_failed(attempt, ENOMEM);
		return;
	}
	if (dialer->begun < dialer->count)
		loop_arm(dialer->stagger, DIALER_STAGGER_MS);
}

static void on_stagger(evutil_socket_t fd, short what, void *argument)
{
	struct dialer *dialer = argument;

	(void)fd;
	(void)what;
	if (!dialer->told && dialer->begun < dialer->count)
		dialer_try_next(dialer);
}

static void on_deadline(evutil_socket_t fd, short what, void *argument)
{
	struct dialer *dialer = argument;

	(void)fd;
	(void)what;
	dialer_fail(dialer, dialer->lookup != NULL ? "its name is not answered for"
						   : "no answer within 10 seconds");
}

static void on_resolved(void *owner, const struct lookup_answer *answer)
{
	struct dialer *dialer = owner;

	dialer->count = answer->count;
	memcpy(dialer->addresses, answer->addresses, answer->count * sizeof(*answer->addresses));
	lookup_bury(&dialer->lookup);
	if (dialer->count > 0)
		dialer_try_next(dialer);
	else
		dialer_fail(dialer, answer->error != NULL ? answer->error : "it has no address");
}

static void dialer_free(void *argument)
{
	struct dialer *dialer = argument;

	for (size_t i = 0; i < dialer->begun; i++)
		attempt_end(&dialer->attempts[i], false);
	if (dialer->stagger != NULL)
		event_free(dialer->stagger);
	if (dialer->deadline != NULL)
		event_free(dialer->deadline);
	free(dialer);
}

struct dialer *dialer_new(struct loop *loop, struct resolver *resolver, const char *host,
			  unsigned port, enum conf_address_family family, dialer_fn *fn,
			  void *owner)
{
	size_t len = strlen(host);
	struct dialer *dialer = calloc(1, sizeof(*dialer) + len + 1);

	if (dialer == NULL)
		return NULL;
	dialer->loop = loop;
	dialer->port = port;
	dialer->fn = fn;
	dialer->owner = owner;
	memcpy(dialer->host, host, len);
	dialer->stagger = evtimer_new(loop->base, on_stagger, dialer);
	dialer->deadline = evtimer_new(loop->base, on_deadline, dialer);
	if (dialer->stagger != NULL && dialer->deadline != NULL)
		dialer->lookup =
			lookup_new(loop, resolver, host, port, family, on_resolved, dialer);
	if (dialer->lookup == NULL) {
		dialer_free(dialer);
		return NULL;
	}
	loop_arm(dialer->deadline, DIALER_DEADLINE_MS);
	return dialer;
}

void dialer_bury(struct dialer **buried)
{
	struct dialer *dialer = *buried;

	*buried = NULL;
	if (dialer == NULL)
		return;
	dialer->told = true;
	event_del(dialer->stagger);
	event_del(dialer->deadline);
	for (size_t i = 0; i < dialer->begun; i++)
		attempt_end(&dialer->attempts[i], false);
	lookup_bury(&dialer->lookup);
	loop_bury(dialer->loop, &dialer->grave, dialer_free, dialer);
}
