/* SPDX-License-Identifier: ISC */
/*
 * tool_page: the little of HTTP that the end of a sign-in needs (RFC 9112, RFC 8252 section 7.3):
 * what a browser asks for, and the pages it gets. Pure.
 *
 * Nothing that a browser sent is shown to it again.
 */
#ifndef DAEMON_TOOL_PAGE_H
#define DAEMON_TOOL_PAGE_H

#include "protocol/bytebuf.h"
#include "protocol/span.h"

enum {
	TOOL_PAGE_HEAD_MAX = 16384,
	TOOL_PAGE_PATH_MAX = 256,
	TOOL_PAGE_MAX = 4096, /* of an answer */
};

/* Where a redirect URI on this machine points to. False: it is none, or has a query. */
bool tool_page_place(const char *uri, unsigned *port_r, char path_r[TOOL_PAGE_PATH_MAX]);

enum tool_page {
	TOOL_PAGE_NEED_MORE, /* the head is not whole */
	TOOL_PAGE_ANSWER,    /* the browser brings a code, or an error: `query_r` */
	/* Otherwise: a page that says */
	TOOL_PAGE_TOO_LONG,
	TOOL_PAGE_NOT_HTTP,
	TOOL_PAGE_NOT_GET,
	TOOL_PAGE_NOT_FOUND, /* another path: /favicon.ico */
	TOOL_PAGE_EMPTY,     /* the right path, with neither */
	/* The answers to ANSWER. */
	TOOL_PAGE_ACCEPTED,
	TOOL_PAGE_FAILED,
	TOOL_PAGE_AGAIN, /* there was one already */
};

/* What the beginning of a request asks for. `query_r` borrows from `head`; on ANSWER only. */
enum tool_page tool_page_read(struct span head, const char *path, struct span *query_r);

/* The whole response. False: no memory. Not for NEED_MORE and ANSWER. */
bool tool_page_write(enum tool_page page, struct bytebuf *out);

#endif
