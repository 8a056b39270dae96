/* SPDX-License-Identifier: ISC */
#include "daemon/tool_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static void places_on_this_machine_are_found(void **state)
{
	static const struct {
		const char *uri;
		unsigned port; /* 0: it is none */
		const char *path;
	} rows[] = {
		{ "http://localhost:8400/", 8400, "/" },
		{ "http://localhost:8400", 8400, "/" },
		{ "http://localhost:8400/cb/x", 8400, "/cb/x" },
		{ "HTTP://LocalHost:1/a", 1, "/a" },
		{ "http://127.0.0.1:65535/a", 65535, "/a" },
		{ "http://localhost", 80, "/" },
		{ "http://localhost/a", 80, "/a" },
		{ "http://localhost:/a", 0, NULL },
		{ "http://localhost:0/", 0, NULL },
		{ "http://localhost:65536/", 0, NULL },
		{ "http://localhost:8400x/", 0, NULL },
		{ "http://localhost.example.org/", 0, NULL },
		{ "http://localhost:8400/a?b=c", 0, NULL },
		{ "http://localhost:8400/a#b", 0, NULL },
		{ "http://127.0.0.10/", 0, NULL },
		{ "https://localhost:8400/", 0, NULL },
		{ "https://example.org/", 0, NULL },
		{ "http://", 0, NULL },
		{ "", 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[TOOL_PAGE_PATH_MAX] = "";
		unsigned port = 0;

		bool found = tool_page_place(rows[i].uri, &port, path);
		if (found != (rows[i].port != 0) || port != rows[i].port ||
		    (found && strcmp(path, rows[i].path) != 0))
			fail_msg("%s: %d, port %u, path %s", rows[i].uri, found, port, path);
	}
}

static void a_path_has_a_ceiling(void **state)
{
	char uri[TOOL_PAGE_PATH_MAX + 40], path[TOOL_PAGE_PATH_MAX];
	unsigned port;

	(void)state;
	for (int len = TOOL_PAGE_PATH_MAX - 2; len <= TOOL_PAGE_PATH_MAX - 1; len++) {
		(void)snprintf(uri, sizeof(uri), "http://localhost:1/%0*d", len, 0);
		assert_int_equal(tool_page_place(uri, &port, path), len + 1 < TOOL_PAGE_PATH_MAX);
	}
}

static void requests_are_told_apart(void **state)
{
	static const struct {
		const char *head;
		enum tool_page page;
		const char *query;
	} rows[] = {
		{ "GET /cb?code=1&state=2 HTTP/1.1\r\nHost: localhost:1\r\n\r\n", TOOL_PAGE_ANSWER,
		  "code=1&state=2" },
		{ "GET /cb?error=access_denied HTTP/1.0\n\n", TOOL_PAGE_ANSWER,
		  "error=access_denied" },
		{ "GET /cb?state=2&code=1?2/3 HTTP/1.1\r\n\r\nmore", TOOL_PAGE_ANSWER,
		  "state=2&code=1?2/3" },
		{ "GET /cb?code=1 HTTP/1.1\r\nHost: x\r\n", TOOL_PAGE_NEED_MORE, NULL },
		{ "GET /cb?code=1 HTTP/1.1\r\n\r", TOOL_PAGE_NEED_MORE, NULL },
		{ "", TOOL_PAGE_NEED_MORE, NULL },
		{ "GET /cb HTTP/1.1\r\n\r\n", TOOL_PAGE_EMPTY, NULL },
		{ "GET /cb? HTTP/1.1\r\n\r\n", TOOL_PAGE_EMPTY, NULL },
		{ "GET /cb?code= HTTP/1.1\r\n\r\n", TOOL_PAGE_EMPTY, NULL },
		{ "GET /cb?code HTTP/1.1\r\n\r\n", TOOL_PAGE_EMPTY, NULL },
		{ "GET /cb?xcode=1&codes=2 HTTP/1.1\r\n\r\n", TOOL_PAGE_EMPTY, NULL },
		{ "GET / HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_FOUND, NULL },
		{ "GET /favicon.ico HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_FOUND, NULL },
		{ "GET /cb/?code=1 HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_FOUND, NULL },
		{ "GET /CB?code=1 HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_FOUND, NULL },
		{ "GET http://x/cb?code=1 HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_FOUND, NULL },
		{ "POST /cb?code=1 HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_GET, NULL },
		{ "HEAD /cb?code=1 HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_GET, NULL },
		{ "get /cb?code=1 HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_GET, NULL },
		{ "GET /cb?code=1\r\n\r\n", TOOL_PAGE_NOT_HTTP, NULL },
		{ "GET  HTTP/1.1\r\n\r\n", TOOL_PAGE_NOT_HTTP, NULL },
		{ "\x16\x03\x01\n\n", TOOL_PAGE_NOT_HTTP, NULL },
		{ "\n\n", TOOL_PAGE_NOT_HTTP, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span query = span_of("", 0);
		enum tool_page page = tool_page_read(span_text(rows[i].head), "/cb", &query);

		if (page != rows[i].page ||
		    (rows[i].query != NULL && !span_equal(query, span_text(rows[i].query))))
			fail_msg("%s: page %d, query %.*s", rows[i].head, (int)page, (int)query.len,
				 (const char *)query.data);
	}
}

static void a_head_has_a_ceiling(void **state)
{
	static unsigned char head[TOOL_PAGE_HEAD_MAX];
	struct span query;

	(void)state;
	memset(head, 'x', sizeof(head));
	assert_int_equal(tool_page_read(span_of(head, sizeof(head) - 1), "/", &query),
			 TOOL_PAGE_NEED_MORE);
	assert_int_equal(tool_page_read(span_of(head, sizeof(head)), "/", &query),
			 TOOL_PAGE_TOO_LONG);
}

static void pages_are_whole(void **state)
{
	static const struct {
		enum tool_page page;
		const char *status;
	} rows[] = {
		{ TOOL_PAGE_TOO_LONG, "HTTP/1.1 431 " }, { TOOL_PAGE_NOT_HTTP, "HTTP/1.1 400 " },
		{ TOOL_PAGE_NOT_GET, "HTTP/1.1 405 " },  { TOOL_PAGE_NOT_FOUND, "HTTP/1.1 404 " },
		{ TOOL_PAGE_EMPTY, "HTTP/1.1 400 " },    { TOOL_PAGE_ACCEPTED, "HTTP/1.1 200 " },
		{ TOOL_PAGE_FAILED, "HTTP/1.1 200 " },   { TOOL_PAGE_AGAIN, "HTTP/1.1 409 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf out;

		bytebuf_init(&out, 2 * TOOL_PAGE_MAX);
		assert_true(tool_page_write(rows[i].page, &out));
		assert_true(bytebuf_append_octet(&out, '\0'));
		const char *text = (const char *)bytebuf_peek(&out).data;
		assert_memory_equal(text, rows[i].status, strlen(rows[i].status));
		const char *length = strstr(text, "Content-Length: ");
		const char *body = strstr(text, "\r\n\r\n");
		assert_non_null(length);
		assert_non_null(body);
		assert_int_equal(strtoul(length + 16, NULL, 10), strlen(body + 4));
		assert_non_null(strstr(text, "Connection: close\r\n"));
		assert_non_null(strstr(text, "</html>"));
		bytebuf_deinit(&out);
	}
}

static void without_memory_there_is_no_page(void **state)
{
	struct bytebuf out;

	(void)state;
	bytebuf_init(&out, 100);
	assert_false(tool_page_write(TOOL_PAGE_ACCEPTED, &out));
	bytebuf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_on_this_machine_are_found),
		cmocka_unit_test(a_path_has_a_ceiling),
		cmocka_unit_test(requests_are_told_apart),
		cmocka_unit_test(a_head_has_a_ceiling),
		cmocka_unit_test(pages_are_whole),
		cmocka_unit_test(without_memory_there_is_no_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
