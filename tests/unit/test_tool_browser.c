/* SPDX-License-Identifier: ISC */
#include "daemon/tool_browser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct tool_browser browser;
static unsigned port;

static int set_up(void **state)
{
	(void)state;
	tool_browser_init(&browser);
	port = tool_browser_open(&browser, 0, "/cb");
	return port == 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	tool_browser_close(&browser);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Lets it do what there is to do. True: the browser brought `query`. */
static bool turn(const char *query)
{
	bool answered = false;

	for (;;) {
		struct pollfd polls[TOOL_BROWSER_POLLS];
		size_t count = tool_browser_prepare(&browser, polls);
		struct span found = span_of("", 0);

		if (poll(polls, (nfds_t)count, 50) <= 0)
			return answered;
		if (tool_browser_handle(&browser, polls, count, &found)) {
			assert_false(answered);
			answered = true;
			assert_true(query != NULL && span_equal(found, span_text(query)));
		}
	}
}

/* What it says, up to the end; `status` is at its beginning. */
static void expect(int fd, const char *status)
{
	char text[8192];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	text[len] = '\0';
	if (strncmp(text, status, strlen(status)) != 0)
		fail_msg("expected %s, got %s", status, text);
	(void)close(fd);
}

static void it_is_on_this_machine_only(void **state)
{
	struct tool_browser second;
	struct sockaddr_in bound = { .sin_family = AF_UNSPEC };
	socklen_t len = sizeof(bound);

	(void)state;
	assert_true(port > 0);
	assert_int_equal(getsockname(browser.listening, (struct sockaddr *)&bound, &len), 0);
	assert_int_equal(bound.sin_family, AF_INET);
	assert_int_equal(ntohl(bound.sin_addr.s_addr), INADDR_LOOPBACK);
	tool_browser_init(&second);
	assert_int_equal(tool_browser_open(&second, port, "/"), 0);
	tool_browser_close(&second);
	tool_browser_close(&second);
}

static void an_answer_is_handed_over_and_its_page_waits(void **state)
{
	int fd = dial(), again = dial();
	char octet;

	(void)state;
	say(fd, "GET /cb?code=1&sta");
	assert_false(turn(NULL));
	say(fd, "te=2 HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(turn("code=1&state=2"));
	assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), -1);
	say(again, "GET /cb?code=3 HTTP/1.1\r\n\r\n");
	assert_false(turn(NULL));
	expect(again, "HTTP/1.1 409 ");
	tool_browser_reply(&browser, true);
	tool_browser_reply(&browser, false);
	expect(fd, "HTTP/1.1 200 ");
	assert_false(turn(NULL));
}

static void the_page_arrives_though_the_tool_ends(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "GET /cb?error=access_denied HTTP/1.1\r\n\r\n");
	assert_true(turn("error=access_denied"));
	tool_browser_reply(&browser, false);
	tool_browser_close(&browser);
	expect(fd, "HTTP/1.1 200 ");
}

static void what_else_browsers_ask_for_is_no_answer(void **state)
{
	static const struct {
		const char *request;
		const char *status;
	} rows[] = {
		{ "GET /favicon.ico HTTP/1.1\r\n\r\n", "HTTP/1.1 404 " },
		{ "GET /cb HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " },
		{ "POST /cb?code=1 HTTP/1.1\r\n\r\n", "HTTP/1.1 405 " },
		{ "\x16\x03\x01\x02\n\n", "HTTP/1.1 400 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = dial();

		say(fd, rows[i].request);
		assert_false(turn(NULL));
		expect(fd, rows[i].status);
	}
	int fd = dial();
	say(fd, "GET /cb?code=1 HTTP/1.1\r\n\r\n");
	assert_true(turn("code=1"));
	(void)close(fd);
	assert_false(turn(NULL));
	/* Nobody waits for the page any more. */
	tool_browser_reply(&browser, true);
}

static void a_head_without_an_end_is_refused(void **state)
{
	static const char line[] =
		"X: 0123456789012345678901234567890123456789012345678901234567\r\n";
	int fd = dial();

	(void)state;
	say(fd, "GET /cb?code=1 HTTP/1.1\r\n");
	for (size_t len = 0; len < TOOL_PAGE_HEAD_MAX; len += sizeof(line) - 1)
		say(fd, line);
	assert_false(turn(NULL));
	expect(fd, "HTTP/1.1 431 ");
}

static void idle_connections_keep_nobody_out(void **state)
{
	int idle[3 * TOOL_BROWSER_CONNECTIONS];

	(void)state;
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		idle[i] = dial();
		assert_false(turn(NULL));
	}
	int fd = dial();
	say(fd, "GET /cb?code=1 HTTP/1.1\r\n\r\n");
	assert_true(turn("code=1"));
	/* Nor does anybody push out the one that waits for its page. */
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		(void)close(idle[i]);
		idle[i] = dial();
		assert_false(turn(NULL));
	}
	tool_browser_reply(&browser, true);
	expect(fd, "HTTP/1.1 200 ");
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		(void)close(idle[i]);
}

static void it_may_be_opened_again(void **state)
{
	unsigned before = port;

	(void)state;
	tool_browser_close(&browser);
	assert_int_equal(tool_browser_open(&browser, before, "/other"), before);
	int fd = dial();
	say(fd, "GET /cb?code=1 HTTP/1.1\r\n\r\n");
	assert_false(turn(NULL));
	expect(fd, "HTTP/1.1 404 ");
	fd = dial();
	say(fd, "GET /other?code=1 HTTP/1.1\r\n\r\n");
	assert_true(turn("code=1"));
	tool_browser_reply(&browser, true);
	expect(fd, "HTTP/1.1 200 ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(it_is_on_this_machine_only),
		TEST(an_answer_is_handed_over_and_its_page_waits),
		TEST(the_page_arrives_though_the_tool_ends),
		TEST(what_else_browsers_ask_for_is_no_answer),
		TEST(a_head_without_an_end_is_refused),
		TEST(idle_connections_keep_nobody_out),
		TEST(it_may_be_opened_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
