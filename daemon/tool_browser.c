/* SPDX-License-Identifier: ISC */
#include "daemon/tool_browser.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* How long a browser may take to ask, and to close when it was answered. */
	TOOL_BROWSER_READ_S = 20,
	TOOL_BROWSER_END_S = 5,
	/* How long the page may take to arrive when the tool ends. */
	TOOL_BROWSER_LINGER_MS = 1000,
};

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* ---- the place ---- */

/* -1: errno says why. */
static int listen_on(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, TOOL_BROWSER_CONNECTIONS) == 0)
		return fd;
	int why = errno;
	(void)close(fd);
	errno = why;
	return -1;
}

void tool_browser_init(struct tool_browser *browser)
{
	*browser = (struct tool_browser){ .listening = -1 };
	for (size_t i = 0; i < TOOL_BROWSER_CONNECTIONS; i++)
		browser->connections[i].fd = -1;
}

unsigned tool_browser_open(struct tool_browser *browser, unsigned port, const char *path)
{
	struct sockaddr_in bound = { 0 };
	socklen_t len = sizeof(bound);

	browser->answered = false;
	browser->listening = listen_on(port);
	(void)snprintf(browser->path, sizeof(browser->path), "%s", path);
	if (browser->listening < 0 ||
	    getsockname(browser->listening, (struct sockaddr *)&bound, &len) != 0)
		return 0;
	return ntohs(bound.sin_port);
}

/* ---- connections ---- */

static void connection_close(struct tool_browser_connection *connection)
{
	if (connection->fd >= 0)
		(void)close(connection->fd);
	bytebuf_deinit(&connection->in);
	*connection = (struct tool_browser_connection){ .fd = -1 };
}

/* A page is smaller than what a socket takes at once, so nothing is left to be sent later. */
static void connection_answer(struct tool_browser_connection *connection, enum tool_page page)
{
	struct bytebuf out;

	bytebuf_init(&out, 2 * TOOL_PAGE_MAX);
	bool ok = tool_page_write(page, &out);
	struct span octets = bytebuf_peek(&out);
	if (ok && send(connection->fd, octets.data, octets.len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
			  (ssize_t)octets.len) {
		(void)shutdown(connection->fd, SHUT_WR);
		connection->phase = TOOL_BROWSER_ENDING;
		connection->deadline = now() + TOOL_BROWSER_END_S;
	} else {
		connection_close(connection);
	}
	bytebuf_deinit(&out);
}

/* Whoever has been silent longest makes room. */
static struct tool_browser_connection *find_room(struct tool_browser *browser)
{
	struct tool_browser_connection *oldest = NULL;

	for (size_t i = 0; i < TOOL_BROWSER_CONNECTIONS; i++) {
		struct tool_browser_connection *connection = &browser->connections[i];

		if (connection->fd < 0)
			return connection;
		if (connection->phase != TOOL_BROWSER_WAITING &&
		    (oldest == NULL || connection->deadline < oldest->deadline))
			oldest = connection;
	}
	connection_close(oldest);
	return oldest;
}

static void accept_one(struct tool_browser *browser)
{
	int fd = accept4(browser->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	struct tool_browser_connection *connection = find_room(browser);
	connection->fd = fd;
	connection->phase = TOOL_BROWSER_READING;
	connection->deadline = now() + TOOL_BROWSER_READ_S;
	bytebuf_init(&connection->in, TOOL_PAGE_HEAD_MAX);
}

/* Reads what is there. False: there is nothing more to come. */
static bool connection_fill(struct tool_browser_connection *connection)
{
	unsigned char octets[TOOL_PAGE_HEAD_MAX];
	size_t room = TOOL_PAGE_HEAD_MAX - bytebuf_len(&connection->in);
	ssize_t n = recv(connection->fd, octets,
			 connection->phase == TOOL_BROWSER_READING ? room : sizeof(octets), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	bool more = n > 0;
	if (connection->phase == TOOL_BROWSER_READING)
		more = more && bytebuf_append(&connection->in, span_of(octets, (size_t)n));
	explicit_bzero(octets, (size_t)n);
	return more;
}

/* True: it brought the answer. */
static bool connection_handle(struct tool_browser *browser,
			      struct tool_browser_connection *connection, struct span *query_r)
{
	if (!connection_fill(connection)) {
		connection_close(connection);
		return false;
	}
	if (connection->phase != TOOL_BROWSER_READING)
		return false;
	enum tool_page page = tool_page_read(bytebuf_peek(&connection->in), browser->path, query_r);
	if (page == TOOL_PAGE_NEED_MORE)
		return false;
	if (page != TOOL_PAGE_ANSWER) {
		connection_answer(connection, page);
	} else if (browser->answered) {
		connection_answer(connection, TOOL_PAGE_AGAIN);
	} else {
		browser->answered = true;
		connection->phase = TOOL_BROWSER_WAITING;
		return true;
	}
	return false;
}

/* ---- polling ---- */

size_t tool_browser_prepare(const struct tool_browser *browser, struct pollfd *polls)
{
	size_t count = 0;

	if (browser->listening >= 0)
		polls[count++] = (struct pollfd){ .fd = browser->listening, .events = POLLIN };
	for (size_t i = 0; i < TOOL_BROWSER_CONNECTIONS; i++) {
		if (browser->connections[i].fd >= 0)
			polls[count++] = (struct pollfd){ .fd = browser->connections[i].fd,
							  .events = POLLIN };
	}
	return count;
}

static bool is_ready(const struct pollfd *polls, size_t count, int fd)
{
	for (size_t i = 0; i < count; i++) {
		if (polls[i].fd == fd)
			return polls[i].revents != 0;
	}
	return false;
}

bool tool_browser_handle(struct tool_browser *browser, const struct pollfd *polls, size_t count,
			 struct span *query_r)
{
	bool answered = false;

	for (size_t i = 0; i < TOOL_BROWSER_CONNECTIONS; i++) {
		struct tool_browser_connection *connection = &browser->connections[i];

		if (connection->fd < 0)
			continue;
		if (is_ready(polls, count, connection->fd))
			answered = connection_handle(browser, connection, query_r) || answered;
		else if (connection->phase != TOOL_BROWSER_WAITING && now() > connection->deadline)
			connection_close(connection);
	}
	/* Behind the others: a new connection is in none of the entries. */
	if (browser->listening >= 0 && is_ready(polls, count, browser->listening))
		accept_one(browser);
	return answered;
}

void tool_browser_reply(struct tool_browser *browser, bool accepted)
{
	for (size_t i = 0; i < TOOL_BROWSER_CONNECTIONS; i++) {
		if (browser->connections[i].fd >= 0 &&
		    browser->connections[i].phase == TOOL_BROWSER_WAITING)
			connection_answer(&browser->connections[i],
					  accepted ? TOOL_PAGE_ACCEPTED : TOOL_PAGE_FAILED);
	}
}

/* A socket that is closed before the other side has read everything takes it back. */
static void connection_linger(struct tool_browser_connection *connection, int *left_ms)
{
	while (connection->fd >= 0 && *left_ms > 0) {
		struct pollfd one = { .fd = connection->fd, .events = POLLIN };
		struct timespec before, after;

		clock_gettime(CLOCK_MONOTONIC, &before);
		int ready = poll(&one, 1, *left_ms);
		clock_gettime(CLOCK_MONOTONIC, &after);
		*left_ms -= (int)((after.tv_sec - before.tv_sec) * 1000 +
				  (after.tv_nsec - before.tv_nsec) / 1000000);
		if (ready < 0 || (ready > 0 && !connection_fill(connection)))
			break;
	}
	connection_close(connection);
}

void tool_browser_close(struct tool_browser *browser)
{
	int left_ms = TOOL_BROWSER_LINGER_MS;

	if (browser->listening >= 0)
		(void)close(browser->listening);
	browser->listening = -1;
	for (size_t i = 0; i < TOOL_BROWSER_CONNECTIONS; i++) {
		if (browser->connections[i].phase == TOOL_BROWSER_ENDING)
			connection_linger(&browser->connections[i], &left_ms);
		else
			connection_close(&browser->connections[i]);
	}
}
