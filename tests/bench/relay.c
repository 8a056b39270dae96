/* SPDX-License-Identifier: ISC */
/*
 * relay: a link of a given delay and bandwidth between a client and a server on one machine.
 *
 *   relay --to HOST:PORT [--delay-ms N] [--rate OCTETS-PER-SECOND]
 *
 * listens on a free port of 127.0.0.1 and prints it. Every octet arrives `delay` after it was sent,
 * in either direction. A new connection costs what it costs over such a link: its first octet
 * reaches the server one round trip and a half after the client began to connect, as the
 * client's own connect() returns at once here. Slow start and loss are not imitated.
 *
 * A lane is one direction of one connection: a ring of octets on their way, and marks that say when
 * which of them arrive. A full ring stops reading, so memory is bounded and a slow reader is felt
 * by the sender.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 256,
	/* A ring begins with this and doubles while it is full: idle connections are small. */
	RING_MIN = 64 * 1024,
	/* The most that is under way in one direction; 1 GB/s over 25 ms is 25 MB. */
	RING_MAX = 64 * 1024 * 1024,
	/* Without delay octets only pass through; a ring that fits a processor's cache is fastest.
	 */
	RING_MAX_DIRECT = 256 * 1024,
	/* Octets of one mark, when a bandwidth is to be kept: small enough to flow evenly. */
	RATED_PIECE = 8192,
	MARKS_MIN = 16,
};

struct mark {
	uint64_t due;  /* when the octets arrive */
	uint64_t upto; /* how many octets of the lane have arrived then, counted from its birth */
};

struct end;

struct lane {
	struct end *from;
	struct end *to;
	unsigned char *ring;
	size_t size;
	uint64_t in;   /* octets read since birth */
	uint64_t due;  /* octets that have arrived: may be written */
	uint64_t out;  /* octets written */
	uint64_t busy; /* until when the link is busy with them (bandwidth) */
	struct mark *marks;
	size_t marks_size;
	uint64_t mark_in;
	uint64_t mark_out;
	bool ended;  /* the sender has ended; nothing more comes in */
	bool closed; /* and the receiver has been told */
};

struct end {
	struct link *link;
	int fd;
	bool watched;      /* by epoll, */
	uint32_t interest; /* for this */
	struct lane *sends;
	struct lane *receives;
};

/* The handshake over the link, seen from the client's connect() at 0, which returns at once here:
 * SHUT until one round trip has passed, when the client could first speak; JOINED until that
 * reaches the server, half a round trip later, and we dial. */
enum link_state { LINK_SHUT, LINK_JOINED, LINK_DIALLING, LINK_OPEN };

/* One connection. */
struct link {
	struct link *next;
	struct link *previous;
	struct end client;
	struct end server;
	struct lane up;
	struct lane down;
	enum link_state state;
	uint64_t turn_at; /* when SHUT or JOINED is over */
	bool dead;
};

struct relay {
	int epoll;
	int listener;
	int timer;
	struct sockaddr_in to;
	uint64_t delay_ns;
	uint64_t rate;
	struct link *links;
	bool somebody_died;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *must_allocate(void *old, size_t size)
{
	void *made = realloc(old, size);

	if (!made)
		die("realloc");
	return made;
}

/* Rings. Positions count octets since birth; the ring's size is a power of two. */

static size_t lane_held(const struct lane *lane)
{
	return (size_t)(lane->in - lane->out);
}

static void lane_grow(struct lane *lane)
{
	size_t size = lane->size == 0 ? RING_MIN : lane->size * 2;
	unsigned char *ring = must_allocate(NULL, size);

	for (uint64_t at = lane->out; at < lane->in;) {
		size_t old = (size_t)(at % lane->size);
		size_t new = (size_t)(at % size);
		size_t count = (size_t)(lane->in - at);

		if (count > lane->size - old)
			count = lane->size - old;
		if (count > size - new)
			count = size - new;
		memcpy(ring + new, lane->ring + old, count);
		at += count;
	}
	free(lane->ring);
	lane->ring = ring;
	lane->size = size;
}

static bool lane_has_room(const struct relay *relay, const struct lane *lane)
{
	size_t max = relay->delay_ns > 0 ? RING_MAX : RING_MAX_DIRECT;

	return lane_held(lane) < lane->size || lane->size < max;
}

/* The part of the ring from position `at` for `count` octets, in at most two pieces. */
static int lane_pieces(const struct lane *lane, uint64_t at, size_t count, struct iovec pieces[2])
{
	size_t start = (size_t)(at % lane->size);
	size_t first = lane->size - start < count ? lane->size - start : count;

	pieces[0] = (struct iovec){ lane->ring + start, first };
	pieces[1] = (struct iovec){ lane->ring, count - first };
	return first < count ? 2 : 1;
}

static void lane_add_mark(struct lane *lane, uint64_t due)
{
	if (lane->mark_in - lane->mark_out == lane->marks_size) {
		size_t size = lane->marks_size == 0 ? MARKS_MIN : lane->marks_size * 2;
		struct mark *marks = must_allocate(NULL, size * sizeof(*marks));

		for (uint64_t i = lane->mark_out; i < lane->mark_in; i++)
			marks[i % size] = lane->marks[i % lane->marks_size];
		free(lane->marks);
		lane->marks = marks;
		lane->marks_size = size;
	}
	lane->marks[lane->mark_in++ % lane->marks_size] = (struct mark){ due, lane->in };
}

/* Octets that have just been read set out; when they arrive is settled here. */
static void lane_set_out(const struct relay *relay, struct lane *lane, size_t count, uint64_t now)
{
	uint64_t leaves = now;

	lane->in += count;
	if (relay->delay_ns == 0 && relay->rate == 0) {
		lane->due = lane->in;
		return;
	}
	if (relay->rate > 0) {
		leaves = lane->busy > now ? lane->busy : now;
		leaves += (uint64_t)count * 1000000000u / relay->rate;
		lane->busy = leaves;
	}
	lane_add_mark(lane, leaves + relay->delay_ns);
}

static void lane_arrive(struct lane *lane, uint64_t now)
{
	while (lane->mark_out < lane->mark_in) {
		const struct mark *mark = &lane->marks[lane->mark_out % lane->marks_size];

		if (mark->due > now)
			break;
		lane->due = mark->upto;
		lane->mark_out++;
	}
}

static bool lane_is_done(const struct lane *lane)
{
	return lane->ended && lane->mark_out == lane->mark_in && lane->out == lane->in;
}

/* Connections. */

/* Events of this turn may still name it: it is freed after the turn. */
static void link_kill(struct relay *relay, struct link *link)
{
	link->dead = true;
	relay->somebody_died = true;
}

static void watch(struct relay *relay, struct end *end, uint32_t interest)
{
	struct epoll_event event = { .events = interest, .data.ptr = end };

	end->interest = interest;
	end->watched = true;
	if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, end->fd, &event) < 0)
		die("epoll_ctl");
}

static void unwatch(struct relay *relay, struct end *end)
{
	end->watched = false;
	epoll_ctl(relay->epoll, EPOLL_CTL_DEL, end->fd, NULL);
}

static uint32_t interest_of(const struct relay *relay, const struct end *end)
{
	const struct link *link = end->link;
	uint32_t interest = 0;

	if (link->state == LINK_SHUT)
		return 0;
	if (link->state == LINK_DIALLING && end == &link->server)
		return EPOLLOUT;
	if (!end->sends->ended && lane_has_room(relay, end->sends))
		interest |= EPOLLIN;
	if (link->state == LINK_OPEN && end->receives->out < end->receives->due)
		interest |= EPOLLOUT;
	return interest;
}

static void update_interest(struct relay *relay, struct end *end)
{
	struct epoll_event event = { .events = interest_of(relay, end), .data.ptr = end };

	if (!end->watched)
		return;
	/* Nothing can come any more but EPOLLHUP, without end. */
	if (end->sends->ended && end->receives->closed) {
		unwatch(relay, end);
		return;
	}
	if (end->interest == event.events)
		return;
	if (epoll_ctl(relay->epoll, EPOLL_CTL_MOD, end->fd, &event) < 0)
		die("epoll_ctl");
	end->interest = event.events;
}

static void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void link_dial(struct relay *relay, struct link *link)
{
	struct end *server = &link->server;

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->fd < 0)
		die("socket");
	no_delay(server->fd);
	link->state = LINK_DIALLING;
	if (connect(server->fd, (struct sockaddr *)&relay->to, sizeof(relay->to)) < 0 &&
	    errno != EINPROGRESS) {
		link_kill(relay, link);
		return;
	}
	watch(relay, server, EPOLLOUT);
	update_interest(relay, &link->client);
}

static void link_free(struct relay *relay, struct link *link)
{
	if (link->previous)
		link->previous->next = link->next;
	else
		relay->links = link->next;
	if (link->next)
		link->next->previous = link->previous;
	close(link->client.fd);
	if (link->server.fd >= 0)
		close(link->server.fd);
	free(link->up.ring);
	free(link->up.marks);
	free(link->down.ring);
	free(link->down.marks);
	free(link);
}

static void link_turn(struct relay *relay, struct link *link)
{
	uint64_t now = now_ns();

	if (link->state == LINK_SHUT && link->turn_at <= now) {
		link->state = LINK_JOINED;
		link->turn_at += relay->delay_ns;
		update_interest(relay, &link->client);
	}
	if (link->state == LINK_JOINED && link->turn_at <= now)
		link_dial(relay, link);
}

static void accept_links(struct relay *relay)
{
	for (;;) {
		int fd = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct link *link;

		if (fd < 0)
			return;
		no_delay(fd);
		link = must_allocate(NULL, sizeof(*link));
		memset(link, 0, sizeof(*link));
		link->client.link = link->server.link = link;
		link->client.fd = fd;
		link->server.fd = -1;
		link->client.sends = link->server.receives = &link->up;
		link->client.receives = link->server.sends = &link->down;
		link->up.from = link->down.to = &link->client;
		link->up.to = link->down.from = &link->server;
		link->next = relay->links;
		if (link->next)
			link->next->previous = link;
		relay->links = link;
		watch(relay, &link->client, 0);
		link->turn_at = now_ns() + 2 * relay->delay_ns;
		link_turn(relay, link);
	}
}

/* Moves what can be moved. */

static void lane_write(struct relay *relay, struct link *link, struct lane *lane)
{
	while (lane->out < lane->due) {
		struct iovec pieces[2];
		int count = lane_pieces(lane, lane->out, (size_t)(lane->due - lane->out), pieces);
		ssize_t written = writev(lane->to->fd, pieces, count);

		if (written < 0) {
			if (errno != EAGAIN && errno != EINTR)
				link_kill(relay, link);
			return;
		}
		lane->out += (uint64_t)written;
	}
	if (lane_is_done(lane) && !lane->closed) {
		lane->closed = true;
		shutdown(lane->to->fd, SHUT_WR);
	}
}

static void lane_read(struct relay *relay, struct link *link, struct lane *lane)
{
	size_t room;
	struct iovec pieces[2];
	ssize_t got;

	if (lane_held(lane) == lane->size) {
		if (!lane_has_room(relay, lane))
			return;
		lane_grow(lane);
	}
	room = lane->size - lane_held(lane);
	if (relay->rate > 0 && room > RATED_PIECE)
		room = RATED_PIECE;
	got = readv(lane->from->fd, pieces, lane_pieces(lane, lane->in, room, pieces));
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			link_kill(relay, link);
		return;
	}
	if (got == 0) {
		/* The end takes as long as an octet does. */
		lane->ended = true;
		lane_set_out(relay, lane, 0, now_ns());
		return;
	}
	lane_set_out(relay, lane, (size_t)got, now_ns());
}

static void settle(struct relay *relay, struct link *link)
{
	if (link->up.closed && link->down.closed)
		link_kill(relay, link);
	if (link->dead)
		return;
	update_interest(relay, &link->client);
	update_interest(relay, &link->server);
}

static void on_end(struct relay *relay, struct end *end, uint32_t events)
{
	struct link *link = end->link;

	if (link->dead)
		return;
	if (link->state == LINK_DIALLING && end == &link->server) {
		int error = 0;
		socklen_t size = sizeof(error);

		getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0)
			link_kill(relay, link);
		else
			link->state = LINK_OPEN;
	} else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !end->sends->ended) {
		lane_read(relay, link, end->sends);
	} else if (events & EPOLLERR) {
		link_kill(relay, link);
	}
	if (!link->dead && link->state == LINK_OPEN) {
		lane_write(relay, link, &link->up);
		lane_write(relay, link, &link->down);
	}
	settle(relay, link);
}

static uint64_t earlier(uint64_t next, uint64_t other)
{
	return next == 0 || other < next ? other : next;
}

/* What time alone brings about. Returns when it is next needed, 0: not at all. */
static uint64_t on_time(struct relay *relay)
{
	uint64_t now = now_ns();
	uint64_t next = 0;

	for (struct link *link = relay->links; link; link = link->next) {
		struct lane *lanes[] = { &link->up, &link->down };

		if (link->dead)
			continue;
		link_turn(relay, link);
		if (link->state == LINK_SHUT || link->state == LINK_JOINED) {
			next = earlier(next, link->turn_at);
			continue;
		}
		for (int i = 0; i < 2 && link->state == LINK_OPEN; i++) {
			struct lane *lane = lanes[i];

			lane_arrive(lane, now);
			lane_write(relay, link, lane);
			if (lane->mark_out < lane->mark_in)
				next = earlier(next,
					       lane->marks[lane->mark_out % lane->marks_size].due);
		}
		settle(relay, link);
	}
	return next;
}

static void bury(struct relay *relay)
{
	struct link *next;

	for (struct link *link = relay->links; link && relay->somebody_died; link = next) {
		next = link->next;
		if (link->dead)
			link_free(relay, link);
	}
	relay->somebody_died = false;
}

static _Noreturn void run(struct relay *relay)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int count = epoll_wait(relay->epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			uint64_t fired;

			if (events[i].data.ptr == &relay->listener)
				accept_links(relay);
			else if (events[i].data.ptr == &relay->timer)
				(void)!read(relay->timer, &fired, sizeof(fired));
			else
				on_end(relay, events[i].data.ptr, events[i].events);
		}
		if (relay->delay_ns > 0 || relay->rate > 0) {
			uint64_t next = on_time(relay);
			struct itimerspec when = {
				.it_value = { (time_t)(next / 1000000000u),
					      (long)(next % 1000000000u) },
			};
			timerfd_settime(relay->timer, TFD_TIMER_ABSTIME, &when, NULL);
		}
		bury(relay);
	}
}

static int listen_on_loopback(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		die("listen");
	printf("%u\n", (unsigned)ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static bool parse_address(const char *text, struct sockaddr_in *address_r)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	address_r->sin_family = AF_INET;
	address_r->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return inet_pton(AF_INET, host, &address_r->sin_addr) == 1;
}

static void add(struct relay *relay, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (fd < 0 || epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ "delay-ms", required_argument, NULL, 'd' },
		{ "rate", required_argument, NULL, 'r' },
		{ 0 },
	};
	struct relay relay = { 0 };
	bool has_to = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't')
			has_to = parse_address(optarg, &relay.to);
		else if (option == 'd')
			relay.delay_ns = (uint64_t)(strtod(optarg, NULL) * 1e6);
		else if (option == 'r')
			relay.rate = strtoull(optarg, NULL, 10);
		else
			has_to = false;
	}
	if (!has_to || optind != argc) {
		fputs("usage: relay --to ADDRESS:PORT [--delay-ms N] [--rate OCTETS-PER-SECOND]\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	relay.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	relay.listener = listen_on_loopback();
	add(&relay, relay.listener, &relay.listener);
	add(&relay, relay.timer, &relay.timer);
	run(&relay);
}
