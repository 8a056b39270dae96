/* SPDX-License-Identifier: ISC */
#include "daemon/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LISTENER_BACKLOG = 512,
	LISTENER_PAUSE_MS = 500,
	/* sd_listen_fds(3): SD_LISTEN_FDS_START. */
	LISTEN_FDS_START = 3,
};

struct listener {
	struct listeners *all;
	struct evconnlistener *socket; /* owned */
	bool implicit_tls;
};

struct listeners {
	bool implicit; /* one of them is implicit TLS */
	struct loop *loop;
	struct log *log;
	listener_fn *fn;
	void *owner;
	struct event *pause; /* owned */
	size_t count;
	struct listener list[];
};

static void on_accept(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *sockaddr,
		      int len, void *argument)
{
	struct listener *listener = argument;
	struct address address = address_of(sockaddr);

	(void)socket;
	(void)len;
	listener->all->fn(listener->all->owner, fd, &address, listener->implicit_tls);
}

/* Out of descriptors, mostly. What waits in the backlog is taken when some are free again. */
static void on_accept_error(struct evconnlistener *socket, void *argument)
{
	struct listeners *all = argument != NULL ? ((struct listener *)argument)->all : NULL;

	(void)socket;
	if (all == NULL || evtimer_pending(all->pause, NULL))
		return;
	log_event(all->log, CONF_LOG_ERROR, "accept-failed", "reason", strerror(errno));
	for (size_t i = 0; i < all->count; i++)
		evconnlistener_disable(all->list[i].socket);
	loop_arm(all->pause, LISTENER_PAUSE_MS);
}

static void on_pause_over(evutil_socket_t fd, short what, void *argument)
{
	struct listeners *all = argument;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < all->count; i++)
		evconnlistener_enable(all->list[i].socket);
}

static bool listeners_add(struct listeners *all, int fd, bool implicit_tls)
{
	struct listener *listener = &all->list[all->count];
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	char text[ADDRESS_TEXT_MAX];
	struct log_line line;

	*listener = (struct listener){ .all = all, .implicit_tls = implicit_tls };
	/* A backlog of 0 means: it listens already. */
	listener->socket = evconnlistener_new(all->loop->base, on_accept, listener,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (listener->socket == NULL)
		return false;
	evconnlistener_set_error_cb(listener->socket, on_accept_error);
	all->implicit = all->implicit || implicit_tls;
	all->count++;

	memset(&bound, 0, sizeof(bound));
	(void)getsockname(fd, (struct sockaddr *)&bound, &len);
	struct address address = address_of((struct sockaddr *)&bound);
	address_format(&address, text);
	log_begin(&line, all->log, CONF_LOG_INFO, "listening");
	log_text(&line, "address", text);
	log_number(&line, "port", ntohs(((struct sockaddr_in *)&bound)->sin_port));
	log_text(&line, "tls", implicit_tls ? "implicit" : "none");
	log_end(&line);
	return true;
}

/* -1: errno says why. */
static int bind_here(const struct conf_listener *conf)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6,
				     .sin6_port = htons((uint16_t)conf->port) };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)conf->port) };
	bool is_ipv4 = inet_pton(AF_INET, conf->address, &ipv4.sin_addr) == 1;
	const struct sockaddr *address =
		is_ipv4 ? (struct sockaddr *)&ipv4 : (struct sockaddr *)&ipv6;
	socklen_t len = is_ipv4 ? sizeof(ipv4) : sizeof(ipv6);
	int one = 1;

	if (!is_ipv4 && inet_pton(AF_INET6, conf->address, &ipv6.sin6_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* "::" is IPv6 only: IPv4 has a listener of its own, and neither depends on a sysctl. */
	if (!is_ipv4)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address, len) != 0 || listen(fd, LISTENER_BACKLOG) != 0) {
		int saved_errno = errno;

		close(fd);
		errno = saved_errno;
		return -1;
	}
	return fd;
}

/* How many sockets the service manager handed over; its variables are not for our children. */
static size_t inherited_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	unsigned long count = 0;

	if (pid != NULL && fds != NULL && strtoul(pid, NULL, 10) == (unsigned long)getpid())
		count = strtoul(fds, NULL, 10);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	return count <= 64 ? (size_t)count : 0;
}

static bool open_inherited(struct listeners *all, size_t count, const struct conf *conf,
			   char *error_r, size_t error_size)
{
	/* "pop3:pop3s:unknown" */
	const char *names = getenv("LISTEN_FDNAMES");
	bool ok = true;

	for (size_t i = 0; i < count && ok; i++) {
		int fd = LISTEN_FDS_START + (int)i;
		size_t len = names != NULL ? strcspn(names, ":") : 0;
		bool implicit = len > 0 && memmem(names, len, "pop3s", 5) != NULL;

		if (implicit && conf->tls.certificate == NULL) {
			snprintf(error_r, error_size,
				 "%s: a socket for POP3S was handed over, but tls.certificate is "
				 "not set",
				 conf->file);
			return false;
		}
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		ok = fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && listeners_add(all, fd, implicit);
		if (!ok)
			snprintf(error_r, error_size,
				 "descriptor %d, handed over by the service manager, cannot be "
				 "used: %s",
				 fd, strerror(errno));
		if (names != NULL)
			names += len + (names[len] == ':');
	}
	unsetenv("LISTEN_FDNAMES");
	return ok;
}

static bool open_configured(struct listeners *all, const struct conf *conf, char *error_r,
			    size_t error_size)
{
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *wanted = &conf->listeners[i];
		int fd = bind_here(wanted);

		if (fd < 0 || !listeners_add(all, fd, wanted->tls == CONF_TLS_IMPLICIT)) {
			snprintf(error_r, error_size, "%s:%u: cannot listen on %s port %u: %s",
				 conf->file, wanted->line, wanted->address, wanted->port,
				 strerror(errno));
			return false;
		}
	}
	return true;
}

struct listeners *listeners_open(struct loop *loop, struct log *log, const struct conf *conf,
				 listener_fn *fn, void *owner, char *error_r, size_t error_size)
{
	size_t inherited = inherited_count();
	size_t count = inherited > 0 ? inherited : conf->listener_count;
	struct listeners *all = calloc(1, sizeof(*all) + count * sizeof(all->list[0]));
	bool ok = false;

	if (all == NULL) {
		snprintf(error_r, error_size, "no memory");
		return NULL;
	}
	all->loop = loop;
	all->log = log;
	all->fn = fn;
	all->owner = owner;
	all->pause = evtimer_new(loop->base, on_pause_over, all);
	if (all->pause == NULL)
		snprintf(error_r, error_size, "no memory");
	else if (count == 0)
		snprintf(error_r, error_size,
			 "%s: nothing to listen on: listeners is empty, and no socket was handed "
			 "over",
			 conf->file);
	else if (inherited > 0)
		ok = open_inherited(all, inherited, conf, error_r, error_size);
	else
		ok = open_configured(all, conf, error_r, error_size);
	if (!ok)
		listeners_close(&all);
	return all;
}

bool listeners_need_certificate(const struct listeners *listeners)
{
	return listeners->implicit;
}

void listeners_close(struct listeners **listeners)
{
	struct listeners *all = *listeners;

	*listeners = NULL;
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->count; i++)
		evconnlistener_free(all->list[i].socket);
	if (all->pause != NULL)
		event_free(all->pause);
	free(all);
}
