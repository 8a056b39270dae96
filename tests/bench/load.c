/* SPDX-License-Identifier: ISC */
/*
 * load: what a client does, as fast as one can, and what it saw, as one JSON object a line.
 *
 *   load pop3 PORT USER PASSWORD [--retrieve COUNT] [--pipeline] [--top LINES]
 *             [--rate OCTETS-PER-SECOND] [--seconds N]
 *   load imap PORT USER PASSWORD --ca FILE          the same mailbox over IMAP and TLS: the
 * yardstick load hold PORT PREFIX PASSWORD COUNT            sessions of PREFIX0000 and so on, until
 * stdin ends load commands PORT USER PASSWORD COUNT          pipelined in one write, answered in
 * order?
 *
 * Everything is on 127.0.0.1. Times are seconds: "stat" from before connect() to STAT's answer,
 * "first" and "retrieve" from the (first) RETR. It does nothing with a message but find its end, so
 * that it costs less than any server it measures.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BUFFER_SIZE = 256 * 1024,
	LINE_SIZE = 1024,
	/* One read, when reading slowly: a small part of what arrives in a second. */
	SLOW_READ = 32 * 1024,
	/* Commands that are under way at most while pipelining: their text and the answers' status
	 * lines stay far below any socket's buffer, so that neither side waits for the other. */
	PIPELINE_MAX = 1000,
	DEADLINE_SECONDS = 300,
};

struct options {
	const char *port;
	const char *user;
	const char *password;
	const char *ca;
	long count; /* messages to retrieve, sessions to hold, commands to send; -1: all */
	long top;   /* lines; -1: RETR */
	double rate;
	double seconds;
	bool pipeline;
};

struct connection {
	int fd;
	SSL *ssl;
	unsigned char *buffer;
	size_t at;
	size_t end;
	double rate;
	double slow_since;
	uint64_t slow_octets;
	double stop_at; /* reading ends then, whatever comes; 0: never */
};

static _Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void wait_until(double when)
{
	double left = when - now();
	struct timespec time;

	if (left <= 0)
		return;
	time.tv_sec = (time_t)left;
	time.tv_nsec = (long)((left - (double)time.tv_sec) * 1e9);
	nanosleep(&time, NULL);
}

static long number(const char *text)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0)
		die("not a number: %s", text);
	return value;
}

/* Connections. */

static struct connection connect_to(const char *port)
{
	struct connection connection = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = DEADLINE_SECONDS };
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)number(port));
	if (connection.fd < 0 ||
	    connect(connection.fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("cannot connect to port %s: %s", port, strerror(errno));
	setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(connection.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return connection;
}

static void start_tls(struct connection *connection, const char *ca)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (!ca || SSL_CTX_load_verify_locations(context, ca, NULL) != 1)
		die("no authority in %s", ca ? ca : "(--ca is missing)");
	connection->ssl = SSL_new(context);
	SSL_CTX_free(context);
	if (!connection->ssl || SSL_set1_host(connection->ssl, "localhost") != 1 ||
	    SSL_set_fd(connection->ssl, connection->fd) != 1 || SSL_connect(connection->ssl) != 1)
		die("TLS: %s", ERR_error_string(ERR_get_error(), NULL));
}

static void disconnect(struct connection *connection)
{
	SSL_free(connection->ssl);
	close(connection->fd);
	free(connection->buffer);
}

static void send_all(struct connection *connection, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = connection->ssl ? SSL_write(connection->ssl, data, (int)len)
					       : send(connection->fd, data, len, MSG_NOSIGNAL);
		if (sent <= 0)
			die("cannot send: %s", strerror(errno));
		data += sent;
		len -= (size_t)sent;
	}
}

static __attribute__((format(printf, 2, 3))) void say(struct connection *connection,
						      const char *format, ...)
{
	char line[LINE_SIZE];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (len < 0 || (size_t)len >= sizeof(line))
		die("a line too long to say");
	send_all(connection, line, (size_t)len);
}

/* Reads more behind what is unread; false when the time is over. */
static bool fill(struct connection *connection)
{
	size_t room;
	ssize_t got;

	if (!connection->buffer && !(connection->buffer = malloc(BUFFER_SIZE)))
		die("no memory");
	if (connection->stop_at > 0 && now() >= connection->stop_at)
		return false;
	memmove(connection->buffer, connection->buffer + connection->at,
		connection->end - connection->at);
	connection->end -= connection->at;
	connection->at = 0;
	room = BUFFER_SIZE - connection->end;
	if (connection->rate > 0) {
		wait_until(connection->slow_since +
			   (double)connection->slow_octets / connection->rate);
		room = room > SLOW_READ ? SLOW_READ : room;
	}
	got = connection->ssl
		      ? SSL_read(connection->ssl, connection->buffer + connection->end, (int)room)
		      : recv(connection->fd, connection->buffer + connection->end, room, 0);
	if (got <= 0)
		die("the server %s", got < 0 ? "does not answer" : "has closed the connection");
	connection->end += (size_t)got;
	connection->slow_octets += (uint64_t)got;
	return true;
}

/* The next line without its CRLF; it stays valid until the next fill(). */
static const char *read_line(struct connection *connection)
{
	for (;;) {
		unsigned char *start = connection->buffer + connection->at;
		size_t len = connection->end - connection->at;
		unsigned char *newline = len > 0 ? memchr(start, '\n', len) : NULL;

		if (newline) {
			connection->at += (size_t)(newline - start) + 1;
			*newline = '\0';
			if (newline > start && newline[-1] == '\r')
				newline[-1] = '\0';
			return (const char *)start;
		}
		if (len == BUFFER_SIZE || !fill(connection))
			die("no line");
	}
}

static const char *expect_ok(struct connection *connection, const char *what)
{
	const char *line = read_line(connection);

	if (strncmp(line, "+OK", 3) != 0)
		die("%s: %s", what, line);
	return line;
}

/*
 * Reads a message up to its final dot and returns its octets, stuffing undone. `first_r`, if it is
 * still 0, becomes the time when the first octet was there. Returns UINT64_MAX when the time is
 * over.
 */
static uint64_t read_message(struct connection *connection, double *first_r)
{
	uint64_t octets = 0;
	bool at_line_start = true;

	for (;;) {
		unsigned char *start = connection->buffer + connection->at;
		size_t len = connection->end - connection->at;
		unsigned char *newline;

		if (len > 0 && *first_r <= 0)
			*first_r = now();
		if (len < 3 && (at_line_start || len == 0)) {
			/* "." LF and the like are no end: three octets decide, and any line that
			 * is shorter is followed by more. */
			if (!fill(connection))
				return UINT64_MAX;
			continue;
		}
		if (at_line_start && start[0] == '.') {
			if (memcmp(start, ".\r\n", 3) == 0) {
				connection->at += 3;
				return octets;
			}
			connection->at++;
			at_line_start = false;
			continue;
		}
		newline = memchr(start, '\n', len);
		at_line_start = newline != NULL;
		len = newline ? (size_t)(newline - start) + 1 : len;
		connection->at += len;
		octets += len;
	}
}

/* POP3. */

static void log_in(struct connection *connection, const char *user, const char *password)
{
	expect_ok(connection, "greeting");
	say(connection, "USER %s\r\n", user);
	expect_ok(connection, "USER");
	say(connection, "PASS %s\r\n", password);
	expect_ok(connection, "PASS");
}

static void ask_for(struct connection *connection, const struct options *options, long msgno)
{
	if (options->top >= 0)
		say(connection, "TOP %ld %ld\r\n", msgno, options->top);
	else
		say(connection, "RETR %ld\r\n", msgno);
}

static void retrieve(struct connection *connection, const struct options *options, long count)
{
	uint64_t total = 0;
	double began = now();
	double first = 0;
	long asked = 0;

	if (options->rate > 0) {
		connection->rate = options->rate;
		connection->slow_since = began;
	}
	if (options->seconds > 0)
		connection->stop_at = began + options->seconds;
	for (long msgno = 1; msgno <= count; msgno++) {
		long ahead = options->pipeline ? PIPELINE_MAX : 1;
		uint64_t octets;

		while (asked < count && asked < msgno + ahead - 1)
			ask_for(connection, options, ++asked);
		expect_ok(connection, "RETR");
		octets = read_message(connection, &first);
		if (octets == UINT64_MAX) {
			printf("{\"event\": \"stopped\", \"first\": %.6f, \"octets\": %" PRIu64
			       "}\n",
			       first - began, connection->slow_octets);
			exit(0);
		}
		total += octets;
		if (msgno == 1 && count > 0)
			connection->stop_at = 0;
	}
	printf("{\"event\": \"retrieved\", \"messages\": %ld, \"first\": %.6f, \"retrieve\": %.6f, "
	       "\"octets\": %" PRIu64 "}\n",
	       count, first - began, now() - began, total);
	fflush(stdout);
}

static int run_pop3(const struct options *options)
{
	double began = now();
	struct connection connection = connect_to(options->port);
	const char *line;
	char *end;
	long messages;

	log_in(&connection, options->user, options->password);
	say(&connection, "STAT\r\n");
	line = expect_ok(&connection, "STAT");
	messages = strtol(line + 3, &end, 10);
	printf("{\"event\": \"stat\", \"stat\": %.6f, \"messages\": %ld, \"octets\": %" PRIu64
	       "}\n",
	       now() - began, messages, (uint64_t)strtoull(end, NULL, 10));
	fflush(stdout);
	if (options->count != 0)
		retrieve(&connection, options,
			 options->count < 0 || options->count > messages ? messages
									 : options->count);
	say(&connection, "QUIT\r\n");
	expect_ok(&connection, "QUIT");
	disconnect(&connection);
	return 0;
}

static int run_hold(const struct options *options)
{
	struct connection *connections = calloc((size_t)options->count, sizeof(*connections));
	double began = now();
	char user[LINE_SIZE];
	char octet;

	if (!connections)
		die("no memory");
	for (long i = 0; i < options->count; i++) {
		snprintf(user, sizeof(user), "%s%04ld", options->user, i);
		connections[i] = connect_to(options->port);
		log_in(&connections[i], user, options->password);
		free(connections[i].buffer);
		connections[i].buffer = NULL;
	}
	printf("{\"event\": \"held\", \"sessions\": %ld, \"seconds\": %.3f}\n", options->count,
	       now() - began);
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		continue;
	for (long i = 0; i < options->count; i++)
		disconnect(&connections[i]);
	free(connections);
	return 0;
}

/* A mixture of commands with one-line answers; those of UIDL tell which they belong to. */
static int run_commands(const struct options *options)
{
	struct connection connection = connect_to(options->port);
	size_t room = (size_t)options->count * 32;
	char *commands = malloc(room);
	size_t len = 0;
	double began;
	bool in_order = true;

	if (!commands)
		die("no memory");
	log_in(&connection, options->user, options->password);
	for (long i = 1; i <= options->count; i++)
		len += (size_t)snprintf(commands + len, room - len,
					i % 10 == 0 ? "LIST %ld\r\n" : "UIDL %ld\r\n", i);
	began = now();
	send_all(&connection, commands, len);
	for (long i = 1; i <= options->count; i++) {
		const char *line = expect_ok(&connection, "UIDL");

		if (strtol(line + 3, NULL, 10) != i)
			in_order = false;
	}
	printf("{\"event\": \"commands\", \"commands\": %ld, \"seconds\": %.6f, \"in_order\": "
	       "%s}\n",
	       options->count, now() - began, in_order ? "true" : "false");
	free(commands);
	disconnect(&connection);
	return 0;
}

/* IMAP, as little of it as there is. */

/* Skips octets of a literal. */
static void skip(struct connection *connection, uint64_t octets)
{
	while (octets > 0) {
		size_t len = connection->end - connection->at;

		if (len == 0 && !fill(connection))
			die("no octets");
		len = connection->end - connection->at;
		len = len > octets ? (size_t)octets : len;
		connection->at += len;
		octets -= len;
	}
}

/* Reads up to the tagged OK; returns the octets of all literals, and how many there were. */
static uint64_t read_responses(struct connection *connection, const char *tag, long *literals_r,
			       double *first_r)
{
	uint64_t octets = 0;

	for (;;) {
		const char *line = read_line(connection);
		const char *brace = strrchr(line, '{');

		if (strncmp(line, tag, strlen(tag)) == 0) {
			if (strncmp(line + strlen(tag), " OK", 3) != 0)
				die("%s", line);
			return octets;
		}
		if (line[0] == '*' && brace && line[strlen(line) - 1] == '}') {
			uint64_t size = strtoull(brace + 1, NULL, 10);

			if (*first_r <= 0)
				*first_r = now();
			skip(connection, size);
			octets += size;
			*literals_r += 1;
		}
	}
}

static int run_imap(const struct options *options)
{
	double began = now();
	struct connection connection = connect_to(options->port);
	uint64_t octets;
	double first = 0;
	double asked;
	long messages = 0;

	start_tls(&connection, options->ca);
	read_line(&connection);
	say(&connection, "a LOGIN \"%s\" \"%s\"\r\n", options->user, options->password);
	read_responses(&connection, "a", &messages, &first);
	/* What a POP3 server must know before STAT, asked for in one go. */
	say(&connection, "b EXAMINE INBOX\r\nc UID FETCH 1:* (FLAGS RFC822.SIZE)\r\n");
	read_responses(&connection, "b", &messages, &first);
	read_responses(&connection, "c", &messages, &first);
	printf("{\"event\": \"stat\", \"stat\": %.6f}\n", now() - began);
	fflush(stdout);
	asked = now();
	say(&connection, "d UID FETCH 1:* (BODY.PEEK[])\r\n");
	octets = read_responses(&connection, "d", &messages, &first);
	printf("{\"event\": \"retrieved\", \"messages\": %ld, \"first\": %.6f, \"retrieve\": %.6f, "
	       "\"octets\": %" PRIu64 "}\n",
	       messages, first - asked, now() - asked, octets);
	disconnect(&connection);
	return 0;
}

static _Noreturn void usage(void)
{
	fputs("usage: load pop3 PORT USER PASSWORD [--retrieve COUNT] [--pipeline] [--top LINES]\n"
	      "                 [--rate OCTETS-PER-SECOND] [--seconds N]\n"
	      "       load imap PORT USER PASSWORD --ca FILE\n"
	      "       load hold PORT PREFIX PASSWORD COUNT\n"
	      "       load commands PORT USER PASSWORD COUNT\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "retrieve", required_argument, NULL, 'r' },
		{ "pipeline", no_argument, NULL, 'p' },
		{ "top", required_argument, NULL, 't' },
		{ "rate", required_argument, NULL, 'R' },
		{ "seconds", required_argument, NULL, 's' },
		{ "ca", required_argument, NULL, 'c' },
		{ 0 },
	};
	struct options options = { .count = -1, .top = -1 };
	const char *mode;
	int option;
	int words;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'r')
			options.count = number(optarg);
		else if (option == 'p')
			options.pipeline = true;
		else if (option == 't')
			options.top = number(optarg);
		else if (option == 'R')
			options.rate = strtod(optarg, NULL);
		else if (option == 's')
			options.seconds = strtod(optarg, NULL);
		else if (option == 'c')
			options.ca = optarg;
		else
			usage();
	}
	words = argc - optind;
	if (words < 4)
		usage();
	mode = argv[optind];
	options.port = argv[optind + 1];
	options.user = argv[optind + 2];
	options.password = argv[optind + 3];
	if (words == 5)
		options.count = number(argv[optind + 4]);
	if (strcmp(mode, "pop3") == 0 && words == 4)
		return run_pop3(&options);
	if (strcmp(mode, "imap") == 0 && words == 4)
		return run_imap(&options);
	if (strcmp(mode, "hold") == 0 && words == 5)
		return run_hold(&options);
	if (strcmp(mode, "commands") == 0 && words == 5)
		return run_commands(&options);
	usage();
}
