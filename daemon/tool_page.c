/* SPDX-License-Identifier: ISC */
#include "daemon/tool_page.h"

/* ---- where ---- */

static bool take_text(struct span *span, const char *text)
{
	struct span wanted = span_text(text);

	if (span->len < wanted.len || !span_equal_nocase(span_of(span->data, wanted.len), wanted))
		return false;
	(void)span_take(span, wanted.len);
	return true;
}

bool tool_page_place(const char *uri, unsigned *port_r, char path_r[TOOL_PAGE_PATH_MAX])
{
	struct span rest = span_text(uri);
	uint64_t port = 80;

	if (!take_text(&rest, "http://") ||
	    (!take_text(&rest, "localhost") && !take_text(&rest, "127.0.0.1")))
		return false;
	if (take_text(&rest, ":")) {
		size_t len = 0;

		while (len < rest.len && octet_is_digit(rest.data[len]))
			len++;
		if (!span_number(span_take(&rest, len), 65535, &port) || port == 0)
			return false;
	}
	if (rest.len == 0)
		rest = span_text("/");
	if (rest.data[0] != '/' || rest.len >= TOOL_PAGE_PATH_MAX ||
	    memchr(rest.data, '?', rest.len) != NULL || memchr(rest.data, '#', rest.len) != NULL)
		return false;
	memcpy(path_r, rest.data, rest.len);
	path_r[rest.len] = '\0';
	*port_r = (unsigned)port;
	return true;
}

/* ---- what is asked ---- */

static bool head_is_whole(struct span head)
{
	return head.len > 0 && (memmem(head.data, head.len, "\r\n\r\n", 4) != NULL ||
				memmem(head.data, head.len, "\n\n", 2) != NULL);
}

/* Up to `end` or the end of all; `end` goes too. */
static struct span take_until(struct span *span, unsigned char end)
{
	const unsigned char *found = span->len > 0 ? memchr(span->data, end, span->len) : NULL;
	struct span taken =
		span_take(span, found != NULL ? (size_t)(found - span->data) : span->len);

	(void)span_take(span, 1);
	return taken;
}

static bool has_parameter(struct span query, const char *name)
{
	while (query.len > 0) {
		struct span one = take_until(&query, '&');

		if (span_equal(take_until(&one, '='), span_text(name)) && one.len > 0)
			return true;
	}
	return false;
}

enum tool_page tool_page_read(struct span head, const char *path, struct span *query_r)
{
	if (!head_is_whole(head))
		return head.len >= TOOL_PAGE_HEAD_MAX ? TOOL_PAGE_TOO_LONG : TOOL_PAGE_NEED_MORE;
	/* method SP request-target SP HTTP-version (RFC 9112 section 3) */
	struct span line = take_until(&head, '\n');
	struct span method = take_until(&line, ' ');
	struct span target = take_until(&line, ' ');
	if (!take_text(&line, "HTTP/1.") || target.len == 0)
		return TOOL_PAGE_NOT_HTTP;
	if (!span_equal(method, span_text("GET")))
		return TOOL_PAGE_NOT_GET;
	if (!span_equal(take_until(&target, '?'), span_text(path)))
		return TOOL_PAGE_NOT_FOUND;
	if (!has_parameter(target, "code") && !has_parameter(target, "error"))
		return TOOL_PAGE_EMPTY;
	*query_r = target;
	return TOOL_PAGE_ANSWER;
}

/* ---- what is answered ---- */

struct row {
	const char *status;
	const char *title;
	const char *text;
};

static const struct row *row_of(enum tool_page page)
{
	static const struct row too_long = { "431 Request Header Fields Too Large", "Too long",
					     "That is more than a browser says." };
	static const struct row not_http = { "400 Bad Request", "Not understood",
					     "That is no request of a browser." };
	static const struct row not_get = { "405 Method Not Allowed", "Not here",
					    "This is only the place where a sign-in ends." };
	static const struct row not_found = { "404 Not Found", "Not here",
					      "This is only the place where a sign-in ends." };
	static const struct row empty = { "400 Bad Request", "Not signed in yet",
					  "The sign-in has not come to its end. Please open the "
					  "address that packetboat shows." };
	static const struct row accepted = { "200 OK", "Done here",
					     "You may close this window. Please go back to where "
					     "you started packetboat: it says whether the mailbox "
					     "opens." };
	static const struct row failed = { "200 OK", "That did not work",
					   "You may close this window. Please go back to where you "
					   "started packetboat: it says what went wrong." };
	static const struct row again = { "409 Conflict", "Once is enough",
					  "This sign-in has come to its end already." };

	switch (page) {
	case TOOL_PAGE_TOO_LONG:
		return &too_long;
	case TOOL_PAGE_NOT_HTTP:
		return &not_http;
	case TOOL_PAGE_NOT_GET:
		return &not_get;
	case TOOL_PAGE_NEED_MORE:
	case TOOL_PAGE_ANSWER:
	case TOOL_PAGE_NOT_FOUND:
		return &not_found;
	case TOOL_PAGE_EMPTY:
		return &empty;
	case TOOL_PAGE_ACCEPTED:
		return &accepted;
	case TOOL_PAGE_FAILED:
		return &failed;
	case TOOL_PAGE_AGAIN:
		return &again;
	}
	return &not_found;
}

static void write_body(const struct row *row, struct bytebuf *out)
{
	static const char before[] =
		"<!DOCTYPE html>\n"
		"<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n"
		"<style>body{font:1.2em/1.5 sans-serif;max-width:30em;margin:4em auto;"
		"padding:0 1em;color:#222;background:#fff}"
		"@media(prefers-color-scheme:dark){body{color:#ddd;background:#222}}</style>\n"
		"<title>Packetboat: ";

	(void)bytebuf_append_text(out, before);
	(void)bytebuf_append_text(out, row->title);
	(void)bytebuf_append_text(out, "</title></head>\n<body><h1>");
	(void)bytebuf_append_text(out, row->title);
	(void)bytebuf_append_text(out, "</h1>\n<p>");
	(void)bytebuf_append_text(out, row->text);
	(void)bytebuf_append_text(out, "</p></body></html>\n");
}

bool tool_page_write(enum tool_page page, struct bytebuf *out)
{
	/* The address of the page holds the code: it is not to be passed on, nor kept. */
	static const char head[] = "Content-Type: text/html; charset=utf-8\r\n"
				   "Cache-Control: no-store\r\n"
				   "Referrer-Policy: no-referrer\r\n"
				   "X-Content-Type-Options: nosniff\r\n"
				   "Content-Security-Policy: default-src 'none'; "
				   "style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
				   "Connection: close\r\n"
				   "Content-Length: ";
	const struct row *row = row_of(page);
	struct bytebuf body;

	bytebuf_init(&body, TOOL_PAGE_MAX);
	write_body(row, &body);
	bool ok = !bytebuf_failed(&body);
	(void)bytebuf_append_text(out, "HTTP/1.1 ");
	(void)bytebuf_append_text(out, row->status);
	(void)bytebuf_append_text(out, "\r\n");
	if (page == TOOL_PAGE_NOT_GET)
		(void)bytebuf_append_text(out, "Allow: GET\r\n");
	(void)bytebuf_append_text(out, head);
	(void)bytebuf_append_number(out, bytebuf_len(&body));
	(void)bytebuf_append_text(out, "\r\n\r\n");
	(void)bytebuf_append(out, bytebuf_peek(&body));
	bytebuf_deinit(&body);
	return ok && !bytebuf_failed(out);
}
