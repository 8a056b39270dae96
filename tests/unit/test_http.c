/* SPDX-License-Identifier: ISC */
/* Requests go to a small HTTPS server on loopback: a thread for each connection, which answers as
 * the path asks it to. */
#include "daemon/oauth/http.h"
#include "tests/unit/certificate_file.h"
#include "tls/tls_context.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 100,
	REQUEST_MAX = 16384,
	PATIENCE_MS = 60000,
};

struct server {
	int listener;
	unsigned port;
	struct tls_context *context;
	pthread_t thread;
	pthread_t connections[CONNECTIONS_MAX];
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* under the mutex */
	bool closing;
	unsigned count; /* of connections */
	unsigned open;  /* that are asked something and have not answered */
	unsigned open_max;
	char request[REQUEST_MAX]; /* the last */
};

struct fixture {
	char folder[32];
	char ca_file[PATH_LEN];
	char other_ca_file[PATH_LEN];
	char certificate_file[PATH_LEN];
	char key_file[PATH_LEN];
	struct server server;
	struct loop loop;
	struct http *http;
	/* answers */
	unsigned count;
	uint64_t tickets; /* their sum */
	struct http_answer last;
	char body[256];
	char text[600];
};

/* ---- the server ---- */

static bool send_all(SSL *ssl, const char *text, size_t len)
{
	return SSL_write(ssl, text, (int)len) == (int)len;
}

static bool send_text(SSL *ssl, const char *text)
{
	return send_all(ssl, text, strlen(text));
}

static bool read_request(SSL *ssl, char request_r[REQUEST_MAX])
{
	size_t len = 0;

	for (;;) {
		int n = SSL_read(ssl, request_r + len, (int)(REQUEST_MAX - 1 - len));

		if (n <= 0)
			return false;
		len += (size_t)n;
		request_r[len] = '\0';
		const char *end = strstr(request_r, "\r\n\r\n");
		const char *announced = strstr(request_r, "Content-Length: ");
		unsigned long wanted = announced != NULL ? strtoul(announced + 16, NULL, 10) : 0;
		if (end != NULL && strlen(end + 4) >= wanted)
			return true;
	}
}

/* Until the client is gone. */
static void wait_for_end(SSL *ssl)
{
	char octet;

	while (SSL_read(ssl, &octet, 1) > 0)
		continue;
}

static void wait_for_others(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	while (server->open_max < HTTP_REQUESTS_MAX && !server->closing)
		pthread_cond_wait(&server->changed, &server->mutex);
	pthread_mutex_unlock(&server->mutex);
}

static void answer(SSL *ssl, const char *request)
{
	static const char filler[1000] = "0123456789";
	const char *path = strchr(request, ' ') + 1;

	if (strncmp(path, "/token ", 7) == 0) {
		send_text(ssl,
			  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			  "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}");
	} else if (strncmp(path, "/busy ", 6) == 0) {
		send_text(ssl, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\n"
			       "Content-Length: 4\r\n\r\nbusy");
	} else if (strncmp(path, "/redirect ", 10) == 0) {
		send_text(ssl, "HTTP/1.1 302 Found\r\nLocation: /token\r\n"
			       "Content-Length: 0\r\n\r\n");
	} else if (strncmp(path, "/cut ", 5) == 0) {
		send_text(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
	} else if (strncmp(path, "/long ", 6) == 0) {
		send_text(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n");
		while (send_all(ssl, filler, sizeof(filler)))
			continue;
	} else if (strncmp(path, "/endless ", 9) == 0) {
		send_text(ssl, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		while (send_text(ssl, "3e8\r\n") && send_all(ssl, filler, sizeof(filler)) &&
		       send_text(ssl, "\r\n"))
			continue;
	} else if (strncmp(path, "/header ", 8) == 0) {
		send_text(ssl, "HTTP/1.1 200 OK\r\n");
		while (send_text(ssl, "X: Y\r\n"))
			continue;
	} else if (strncmp(path, "/together ", 10) == 0) {
		send_text(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(path, "/silent ", 8) == 0) {
		wait_for_end(ssl);
	}
}

static void count_open(struct server *server, const char *request)
{
	pthread_mutex_lock(&server->mutex);
	snprintf(server->request, sizeof(server->request), "%s", request);
	server->open++;
	if (server->open > server->open_max)
		server->open_max = server->open;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->mutex);
}

struct connection {
	struct server *server;
	SSL *ssl;
	int fd;
};

static void *serve(void *argument)
{
	struct connection *connection = argument;
	struct server *server = connection->server;
	char request[REQUEST_MAX];

	if (SSL_accept(connection->ssl) == 1 && read_request(connection->ssl, request)) {
		count_open(server, request);
		/* Counted as closed before the answer, so that the next one is never early. */
		if (strstr(request, " /together ") != NULL)
			wait_for_others(server);
		pthread_mutex_lock(&server->mutex);
		server->open--;
		pthread_mutex_unlock(&server->mutex);
		answer(connection->ssl, request);
	}
	SSL_free(connection->ssl);
	close(connection->fd);
	free(connection);
	OPENSSL_thread_stop();
	return NULL;
}

static unsigned server_count(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	unsigned count = server->count;
	pthread_mutex_unlock(&server->mutex);
	return count;
}

static void *listen_for(void *argument)
{
	struct server *server = argument;
	int fd;

	while (server_count(server) < CONNECTIONS_MAX &&
	       (fd = accept(server->listener, NULL, NULL)) >= 0) {
		struct connection *connection = malloc(sizeof(*connection));

		*connection = (struct connection){ .server = server,
						   .ssl = tls_context_accept(server->context),
						   .fd = fd };
		SSL_set_fd(connection->ssl, fd);
		if (pthread_create(&server->connections[server->count], NULL, serve, connection) !=
		    0)
			abort();
		pthread_mutex_lock(&server->mutex);
		server->count++;
		pthread_mutex_unlock(&server->mutex);
	}
	return NULL;
}

static int listen_on_loopback(unsigned *port_r)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, CONNECTIONS_MAX), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port_r = ntohs(address.sin_port);
	return fd;
}

static void server_start(struct server *server, const struct fixture *all)
{
	struct tls_reason reason;

	*server = (struct server){ 0 };
	server->context = tls_context_new_server(all->certificate_file, all->key_file, &reason);
	assert_non_null(server->context);
	pthread_mutex_init(&server->mutex, NULL);
	pthread_cond_init(&server->changed, NULL);
	server->listener = listen_on_loopback(&server->port);
	assert_int_equal(pthread_create(&server->thread, NULL, listen_for, server), 0);
}

static void server_stop(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	server->closing = true;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->mutex);
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	for (unsigned i = 0; i < server->count; i++)
		pthread_join(server->connections[i], NULL);
	close(server->listener);
	pthread_mutex_destroy(&server->mutex);
	pthread_cond_destroy(&server->changed);
	tls_context_free(&server->context);
}

/* ---- the tests' common ground ---- */

static int set_up(void **state)
{
	struct fixture *all = calloc(1, sizeof(*all));

	assert_non_null(all);
	snprintf(all->folder, sizeof(all->folder), "/tmp/test_http_XXXXXX");
	assert_non_null(mkdtemp(all->folder));
	struct identity ca = identity_make(
		&(struct identity_spec){ .common_name = "CA", .authority = true }, NULL);
	struct identity other = identity_make(
		&(struct identity_spec){ .common_name = "Other CA", .authority = true }, NULL);
	struct identity server = identity_make(
		&(struct identity_spec){ .common_name = "localhost", .names = "DNS:localhost" },
		&ca);
	write_certificate(all->ca_file, all->folder, "ca.pem", ca.certificate);
	write_certificate(all->other_ca_file, all->folder, "other.pem", other.certificate);
	write_certificate(all->certificate_file, all->folder, "server.pem", server.certificate);
	write_key(all->key_file, all->folder, "server.key", server.key, NULL);
	identity_free(&ca);
	identity_free(&other);
	identity_free(&server);
	server_start(&all->server, all);
	assert_true(loop_init(&all->loop));
	all->http = http_new(&all->loop);
	assert_non_null(all->http);
	*state = all;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *all = *state;

	http_free(&all->http);
	loop_deinit(&all->loop);
	server_stop(&all->server);
	unlink(all->ca_file);
	unlink(all->other_ca_file);
	unlink(all->certificate_file);
	unlink(all->key_file);
	rmdir(all->folder);
	free(all);
	return 0;
}

static void on_answer(void *owner, uint64_t ticket, const struct http_answer *answer)
{
	struct fixture *all = owner;

	all->count++;
	all->tickets += ticket;
	all->last = *answer;
	snprintf(all->body, sizeof(all->body), "%.*s", (int)answer->body.len,
		 answer->body.len > 0 ? (const char *)answer->body.data : "");
	snprintf(all->text, sizeof(all->text), "%s", answer->text != NULL ? answer->text : "");
	/* Somebody who waited is not overtaken by who asks again. */
	if (ticket == 1000)
		assert_true(http_request(all->http, "https://localhost:1/", span_of(NULL, 0), NULL,
					 on_answer, all, 1));
}

static void on_patience_over(evutil_socket_t fd, short what, void *owner)
{
	(void)fd;
	(void)what;
	(void)owner;
	abort();
}

static void wait_for_answers(struct fixture *all, unsigned count)
{
	struct event *patience = evtimer_new(all->loop.base, on_patience_over, NULL);

	assert_non_null(patience);
	loop_arm(patience, PATIENCE_MS);
	while (all->count < count)
		assert_int_equal(event_base_loop(all->loop.base, EVLOOP_ONCE), 0);
	event_free(patience);
}

static void ask(struct fixture *all, const char *host, const char *path, struct span form,
		const char *ca_file, uint64_t ticket)
{
	char url[200];

	snprintf(url, sizeof(url), "https://%s:%u%s", host, all->server.port, path);
	assert_true(http_request(all->http, url, form, ca_file, on_answer, all, ticket));
	memset(url, 'x', sizeof(url));
}

/* Asks and waits. */
static void get(struct fixture *all, const char *path)
{
	all->count = 0;
	ask(all, "localhost", path, span_of(NULL, 0), all->ca_file, 1);
	assert_int_equal(all->count, 0); /* never before http_request() returns */
	wait_for_answers(all, 1);
}

static void assert_unreachable(const struct fixture *all, const char *why)
{
	assert_int_equal(all->last.outcome, HTTP_UNREACHABLE);
	if (strncmp(all->text, "localhost: ", 11) != 0 || strstr(all->text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", all->text, why);
}

/* ---- the tests ---- */

static void test_a_form_is_posted(void **state)
{
	struct fixture *all = *state;
	char form[] = "grant_type=refresh_token&refresh_token=R";
	const char *request = all->server.request;

	ask(all, "localhost", "/token", span_text(form), all->ca_file, 7);
	memset(form, 'x', sizeof(form));
	wait_for_answers(all, 1);
	assert_int_equal(all->last.outcome, HTTP_ANSWERED);
	assert_int_equal(all->last.status, 200);
	assert_int_equal(all->last.date, 784111777);
	assert_int_equal(all->last.retry_after_s, 0);
	assert_string_equal(all->body, "{}");
	assert_int_equal(all->tickets, 7);
	assert_memory_equal(request, "POST /token HTTP/1.1\r\n", 22);
	assert_non_null(strstr(request, "\r\nAccept: application/json\r\n"));
	assert_non_null(strstr(request, "\r\nUser-Agent: Packetboat/" PACKETBOAT_VERSION "\r\n"));
	assert_non_null(strstr(request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	assert_null(strstr(request, "Cookie"));
	assert_null(strstr(request, "Accept-Encoding"));
	assert_string_equal(strstr(request, "\r\n\r\n"),
			    "\r\n\r\ngrant_type=refresh_token&refresh_token=R");
}

static void test_an_empty_form_is_posted(void **state)
{
	struct fixture *all = *state;

	ask(all, "localhost", "/token", span_text(""), all->ca_file, 1);
	wait_for_answers(all, 1);
	assert_memory_equal(all->server.request, "POST ", 5);
	assert_non_null(strstr(all->server.request, "\r\nContent-Length: 0\r\n"));
}

static void test_without_a_form_it_is_fetched(void **state)
{
	struct fixture *all = *state;

	get(all, "/busy");
	assert_memory_equal(all->server.request, "GET /busy HTTP/1.1\r\n", 20);
	assert_int_equal(all->last.outcome, HTTP_ANSWERED);
	assert_int_equal(all->last.status, 429);
	assert_int_equal(all->last.retry_after_s, 17);
	assert_int_equal(all->last.date, 0);
	assert_string_equal(all->body, "busy");
}

static void test_each_request_has_its_connection(void **state)
{
	struct fixture *all = *state;

	get(all, "/token");
	get(all, "/token");
	assert_int_equal(server_count(&all->server), 2);
}

static void test_redirects_are_not_followed(void **state)
{
	struct fixture *all = *state;

	get(all, "/redirect");
	assert_int_equal(all->last.outcome, HTTP_ANSWERED);
	assert_int_equal(all->last.status, 302);
	assert_int_equal(server_count(&all->server), 1);
}

static void test_answers_that_are_none(void **state)
{
	struct fixture *all = *state;

	get(all, "/cut");
	assert_unreachable(all, "");
	get(all, "/long");
	assert_unreachable(all, "the answer is too long");
	get(all, "/endless");
	assert_unreachable(all, "the answer is too long");
	get(all, "/header");
	assert_unreachable(all, "the answer is too long");
	get(all, "/nothing");
	assert_unreachable(all, "");
}

static void test_certificates_are_verified(void **state)
{
	struct fixture *all = *state;

	ask(all, "localhost", "/token", span_of(NULL, 0), all->other_ca_file, 1);
	wait_for_answers(all, 1);
	assert_int_equal(all->last.outcome, HTTP_UNTRUSTED);
	assert_non_null(strstr(all->text, "localhost: "));
	assert_non_null(strstr(all->text, "certificate"));
	ask(all, "localhost", "/token", span_of(NULL, 0), NULL, 1);
	wait_for_answers(all, 2);
	assert_int_equal(all->last.outcome, HTTP_UNTRUSTED);
	/* The certificate has no such name. */
	ask(all, "127.0.0.1", "/token", span_of(NULL, 0), all->ca_file, 1);
	wait_for_answers(all, 3);
	assert_int_equal(all->last.outcome, HTTP_UNTRUSTED);
	ask(all, "localhost", "/token", span_of(NULL, 0), "/nonexistent/ca.pem", 1);
	wait_for_answers(all, 4);
	assert_int_equal(all->last.outcome, HTTP_UNTRUSTED);
	assert_non_null(strstr(all->text, "/nonexistent/ca.pem"));
	assert_string_equal(all->server.request, "");
}

static void test_what_cannot_be_reached(void **state)
{
	static const char *const urls[] = {
		"http://localhost/",  "ftp://localhost/",
		"file:///etc/passwd", "https://user:password@localhost/",
		"nonsense://",        "",
	};
	struct fixture *all = *state;
	unsigned port;
	int fd = listen_on_loopback(&port);
	char url[100];

	close(fd);
	snprintf(url, sizeof(url), "https://localhost:%u/", port);
	assert_true(http_request(all->http, url, span_of(NULL, 0), NULL, on_answer, all, 1));
	wait_for_answers(all, 1);
	assert_unreachable(all, "connect");
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_true(http_request(all->http, urls[i], span_of(NULL, 0), NULL, on_answer, all,
					 1));
		wait_for_answers(all, (unsigned)i + 2);
		if (all->last.outcome != HTTP_UNREACHABLE || all->text[0] == '\0')
			fail_msg("%s: %d %s", urls[i], (int)all->last.outcome, all->text);
	}
}

static void test_a_proxy_is_asked(void **state)
{
	struct fixture *all = *state;
	char proxy[60], request[200] = "";
	unsigned port;
	int listener = listen_on_loopback(&port);

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", port);
	setenv("https_proxy", proxy, 1);
	assert_true(http_request(all->http, "https://login.example.org/token", span_text("a=b"),
				 NULL, on_answer, all, 1));
	while (event_base_loop(all->loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK) == 0) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		/* It is the test's own kernel that has the request when curl has sent it. */
		while (read(fd, request, sizeof(request) - 1) < 0)
			event_base_loop(all->loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		static const char refusal[] = "HTTP/1.1 407 Proxy Authentication Required\r\n"
					      "Content-Length: 0\r\n\r\n";
		assert_int_equal(write(fd, refusal, strlen(refusal)), (ssize_t)strlen(refusal));
		close(fd);
		break;
	}
	wait_for_answers(all, 1);
	unsetenv("https_proxy");
	close(listener);
	assert_memory_equal(request, "CONNECT login.example.org:443 HTTP/1.1\r\n", 40);
	assert_int_equal(all->last.outcome, HTTP_UNREACHABLE);
	assert_non_null(strstr(all->text, "login.example.org: "));
	assert_non_null(strstr(all->text, "407"));
}

static void test_many_wait_for_their_turn(void **state)
{
	enum { COUNT = HTTP_REQUESTS_MAX + 30 };
	struct fixture *all = *state;

	for (unsigned i = 0; i < COUNT; i++)
		ask(all, "localhost", "/together", span_text("a=b"), all->ca_file, i + 1);
	wait_for_answers(all, COUNT);
	assert_int_equal(all->tickets, COUNT * (COUNT + 1) / 2);
	assert_int_equal(all->server.open_max, HTTP_REQUESTS_MAX);
	assert_int_equal(all->last.status, 200);
}

static void test_somebody_asks_from_within_an_answer(void **state)
{
	struct fixture *all = *state;

	ask(all, "localhost", "/token", span_of(NULL, 0), all->ca_file, 1000);
	wait_for_answers(all, 2);
	assert_int_equal(all->tickets, 1001);
	assert_int_equal(all->last.outcome, HTTP_UNREACHABLE);
}

static void test_requests_are_given_up(void **state)
{
	struct fixture *all = *state;

	/* Some wait for an answer, some for their turn. */
	for (unsigned i = 0; i < HTTP_REQUESTS_MAX + 5; i++)
		ask(all, "localhost", "/silent", span_text("a=b"), all->ca_file, i);
	for (unsigned open = 0; open < HTTP_REQUESTS_MAX;) {
		assert_int_equal(event_base_loop(all->loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
		pthread_mutex_lock(&all->server.mutex);
		open = all->server.count;
		pthread_mutex_unlock(&all->server.mutex);
	}
	http_free(&all->http);
	assert_int_equal(event_base_loop(all->loop.base, EVLOOP_NONBLOCK), 1); /* nothing left */
	assert_int_equal(all->count, 0);
	http_free(&all->http);
}

/* A program that is run meanwhile is not to get hold of them. */
static void test_its_sockets_are_closed_on_exec(void **state)
{
	struct fixture *all = *state;
	unsigned found = 0;

	ask(all, "localhost", "/silent", span_text("a=b"), all->ca_file, 1);
	while (server_count(&all->server) == 0)
		assert_int_equal(event_base_loop(all->loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
	for (int fd = 0; fd < 1024; fd++) {
		struct sockaddr_in peer = { .sin_family = AF_UNSPEC };
		socklen_t len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
		    peer.sin_family != AF_INET || ntohs(peer.sin_port) != all->server.port)
			continue;
		found++;
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	assert_int_equal(found, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
					       "all_proxy",  "ALL_PROXY",   "no_proxy",
					       "NO_PROXY" };
	const struct CMUnitTest tests[] = {
		TEST(test_a_form_is_posted),
		TEST(test_an_empty_form_is_posted),
		TEST(test_without_a_form_it_is_fetched),
		TEST(test_each_request_has_its_connection),
		TEST(test_redirects_are_not_followed),
		TEST(test_answers_that_are_none),
		TEST(test_certificates_are_verified),
		TEST(test_what_cannot_be_reached),
		TEST(test_a_proxy_is_asked),
		TEST(test_many_wait_for_their_turn),
		TEST(test_somebody_asks_from_within_an_answer),
		TEST(test_requests_are_given_up),
		TEST(test_its_sockets_are_closed_on_exec),
	};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		unsetenv(proxies[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
