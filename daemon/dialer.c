/* SPDX-License-Identifier: ISC */
#include "daemon/dialer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DIALER_DEADLINE_MS = 10000,
	/* RFC 8305 section 5 recommends 250 ms; the contract says 300. */
	DIALER_STAGGER_MS = 300,
	DIALER_ADDRESSES_MAX = 16,
};

/* ---- names ---- */

static const char *const resolver_files[] = { "/etc/resolv.conf", "/etc/hosts" };

enum { RESOLVER_FILES = sizeof(resolver_files) / sizeof(resolver_files[0]) };

struct resolver {
	struct loop *loop;
	struct evdns_base *dns; /* owned */
	struct timespec changed[RESOLVER_FILES];
	unsigned dialing; /* dialers that have a question out */
};

static void resolver_stat(struct timespec changed_r[RESOLVER_FILES])
{
	for (size_t i = 0; i < RESOLVER_FILES; i++) {
		struct stat status;

		changed_r[i] = stat(resolver_files[i], &status) == 0 ? status.st_mtim
								     : (struct timespec){ 0 };
	}
}

static bool resolver_read(struct resolver *resolver)
{
	struct evdns_base *dns =
		evdns_base_new(resolver->loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);

	if (dns == NULL)
		return false;
	/* Without the file, or a name server in it, evdns asks 127.0.0.1, as resolv.conf(5) says.
	 */
	evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, resolver_files[0]);
	resolver_stat(resolver->changed);
	if (resolver->dns != NULL)
		evdns_base_free(resolver->dns, 1);
	resolver->dns = dns;
	return true;
}

struct resolver *resolver_new(struct loop *loop)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		return NULL;
	resolver->loop = loop;
	if (!resolver_read(resolver)) {
		free(resolver);
		return NULL;
	}
	return resolver;
}

void resolver_free(struct resolver **resolver)
{
	if (*resolver == NULL)
		return;
	evdns_base_free((*resolver)->dns, 0);
	free(*resolver);
	*resolver = NULL;
}

/* A laptop moves, a VPN comes up: read the files again, unless a question is out just now. */
static void resolver_refresh(struct resolver *resolver)
{
	struct timespec now[RESOLVER_FILES];

	resolver_stat(now);
	if (resolver->dialing == 0 && memcmp(now, resolver->changed, sizeof(now)) != 0)
		resolver_read(resolver);
}

/* ---- connections ---- */

struct attempt {
	struct dialer *dialer;
	int fd;              /* -1: not begun, or over */
	struct event *event; /* owned */
};

struct dialer {
	struct loop *loop;
	struct resolver *resolver;
	dialer_fn *fn;
	void *owner;
	unsigned port;
	enum conf_address_family family;
	struct evdns_getaddrinfo_request *question;
	struct sockaddr_storage addresses[DIALER_ADDRESSES_MAX];
	struct attempt attempts[DIALER_ADDRESSES_MAX];
	size_t count;
	size_t begun;
	size_t over;
	struct event *stagger;  /* owned */
	struct event *deadline; /* owned */
	struct event *start;    /* owned: nothing happens inside dialer_new() */
	bool told;
	bool given_up; /* buried while the question is out */
	struct grave grave;
	char text[256];
	char host[];
};

static void dialer_try_next(struct dialer *dialer);
static void dialer_free(void *argument);

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
	event_del(dialer->stagger);
	event_del(dialer->deadline);
	for (size_t i = 0; i < dialer->begun; i++)
		attempt_end(&dialer->attempts[i], false);
	dialer->fn(dialer->owner, fd, dialer->text);
}

static void address_text(const struct sockaddr_storage *address, char text_r[INET6_ADDRSTRLEN])
{
	const void *octets =
		address->ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
			: (const void *)&((const struct sockaddr_in *)address)->sin_addr;

	if (inet_ntop(address->ss_family, octets, text_r, INET6_ADDRSTRLEN) == NULL)
		text_r[0] = '\0';
}

/* `reason (tried ::1, 127.0.0.1)` */
static void dialer_fail(struct dialer *dialer, const char *reason)
{
	size_t len;

	snprintf(dialer->text, sizeof(dialer->text), "%s port %u: %s", dialer->host, dialer->port,
		 reason);
	for (size_t i = 0; i < dialer->begun && i < 4; i++) {
		char address[INET6_ADDRSTRLEN];

		address_text(&dialer->addresses[i], address);
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
	socklen_t len = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);

	dialer->begun++;
	attempt->dialer = dialer;
	attempt->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempt->fd < 0) {
		attempt_failed(attempt, errno);
		return;
	}
	if (connect(attempt->fd, (const struct sockaddr *)address, len) != 0 &&
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
	dialer_fail(dialer, dialer->question != NULL ? "its name is not answered for"
						     : "no answer within 10 seconds");
}

/* Takes the next address of a family from the resolver's list. */
static const struct evutil_addrinfo *next_of(const struct evutil_addrinfo *info, int family)
{
	while (info != NULL && info->ai_family != family)
		info = info->ai_next;
	return info;
}

/* RFC 8305 section 4: families alternate, IPv6 first. */
static void dialer_sort(struct dialer *dialer, const struct evutil_addrinfo *all)
{
	const struct evutil_addrinfo *next[2] = { next_of(all, AF_INET6), next_of(all, AF_INET) };
	static const int families[2] = { AF_INET6, AF_INET };

	for (size_t turn = 0; dialer->count < DIALER_ADDRESSES_MAX; turn++) {
		size_t i = turn % 2;

		if (next[0] == NULL && next[1] == NULL)
			break;
		if (next[i] == NULL)
			continue;
		memcpy(&dialer->addresses[dialer->count++], next[i]->ai_addr,
		       (size_t)next[i]->ai_addrlen);
		next[i] = next_of(next[i]->ai_next, families[i]);
	}
}

static void on_resolved(int error, struct evutil_addrinfo *all, void *argument)
{
	struct dialer *dialer = argument;

	dialer->question = NULL;
	dialer->resolver->dialing--;
	if (!dialer->told) {
		if (error == 0)
			dialer_sort(dialer, all);
		if (dialer->count > 0)
			dialer_try_next(dialer);
		else if (error != 0)
			dialer_fail(dialer, evutil_gai_strerror(error));
		else
			dialer_fail(dialer, "it has no address");
	}
	if (all != NULL)
		evutil_freeaddrinfo(all);
	/* A question that was given up is answered once more, with EVUTIL_EAI_CANCEL. */
	if (dialer->given_up)
		loop_bury(dialer->loop, &dialer->grave, dialer_free, dialer);
}

static void on_start(evutil_socket_t fd, short what, void *argument)
{
	struct dialer *dialer = argument;
	struct evutil_addrinfo hints = { .ai_socktype = SOCK_STREAM,
					 .ai_protocol = IPPROTO_TCP,
					 .ai_family = AF_UNSPEC };
	char port[8];

	(void)fd;
	(void)what;
	if (dialer->family == CONF_ADDRESS_IPV4)
		hints.ai_family = AF_INET;
	else if (dialer->family == CONF_ADDRESS_IPV6)
		hints.ai_family = AF_INET6;
	snprintf(port, sizeof(port), "%u", dialer->port);
	resolver_refresh(dialer->resolver);
	dialer->resolver->dialing++;
	/* NULL: on_resolved() has been called already. */
	struct evdns_getaddrinfo_request *question = evdns_getaddrinfo(
		dialer->resolver->dns, dialer->host, port, &hints, on_resolved, dialer);
	if (question != NULL)
		dialer->question = question;
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
	if (dialer->start != NULL)
		event_free(dialer->start);
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
	dialer->resolver = resolver;
	dialer->port = port;
	dialer->family = family;
	dialer->fn = fn;
	dialer->owner = owner;
	memcpy(dialer->host, host, len);
	dialer->stagger = evtimer_new(loop->base, on_stagger, dialer);
	dialer->deadline = evtimer_new(loop->base, on_deadline, dialer);
	dialer->start = evtimer_new(loop->base, on_start, dialer);
	if (dialer->stagger == NULL || dialer->deadline == NULL || dialer->start == NULL) {
		dialer_free(dialer);
		return NULL;
	}
	loop_arm(dialer->deadline, DIALER_DEADLINE_MS);
	event_active(dialer->start, EV_TIMEOUT, 0);
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
	event_del(dialer->start);
	for (size_t i = 0; i < dialer->begun; i++)
		attempt_end(&dialer->attempts[i], false);
	if (dialer->question == NULL) {
		loop_bury(dialer->loop, &dialer->grave, dialer_free, dialer);
		return;
	}
	/* evdns answers with a cancellation from the loop; on_resolved() buries then. */
	dialer->given_up = true;
	evdns_getaddrinfo_cancel(dialer->question);
}
