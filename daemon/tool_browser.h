/* SPDX-License-Identifier: ISC */
/*
 * tool_browser: waits on 127.0.0.1 for the browser to bring the end of a sign-in.
 *
 * One answer is taken. Browsers open connections that they do not use, and ask for icons, so
 * several are held at a time; one that is slow is closed. It has no loop of its own: the caller
 * polls for it.
 *
 * Life: tool_browser_init(), tool_browser_open(), any number of polls, tool_browser_close(), after
 * which it may be opened again.
 */
#ifndef DAEMON_TOOL_BROWSER_H
#define DAEMON_TOOL_BROWSER_H

#include <poll.h>
#include <time.h>

#include "daemon/tool_page.h"

enum {
	TOOL_BROWSER_CONNECTIONS = 8,
	/* That many entries of poll(2) it may need. */
	TOOL_BROWSER_POLLS = TOOL_BROWSER_CONNECTIONS + 1,
};

struct tool_browser_connection {
	int fd; /* owned; -1: none */
	struct bytebuf in;
	enum {
		TOOL_BROWSER_READING,
		TOOL_BROWSER_WAITING, /* it brought the answer, and gets a page when it is known */
		TOOL_BROWSER_ENDING,  /* everything is said; until it closes */
	} phase;
	time_t deadline; /* CLOCK_MONOTONIC */
};

struct tool_browser {
	/* private */
	int listening; /* owned; -1: none */
	char path[TOOL_PAGE_PATH_MAX];
	bool answered;
	struct tool_browser_connection connections[TOOL_BROWSER_CONNECTIONS];
};

void tool_browser_init(struct tool_browser *browser);
/* Zero `port`: any. `path`: where the answer is to come. Returns the port; 0: errno says why. */
unsigned tool_browser_open(struct tool_browser *browser, unsigned port, const char *path);
/* What was said may still arrive, for a second. Legal after a failed open, or none, and twice. */
void tool_browser_close(struct tool_browser *browser);

/* What to wait for: fills entries and returns how many, at most TOOL_BROWSER_POLLS. */
size_t tool_browser_prepare(const struct tool_browser *browser, struct pollfd *polls);
/* In any case once a second: the time-outs are looked at here. True: the browser has brought the
 * answer, which is in `query_r` until the next call. */
bool tool_browser_handle(struct tool_browser *browser, const struct pollfd *polls, size_t count,
			 struct span *query_r);
/* The page for who brought the answer, if anybody did and waits. */
void tool_browser_reply(struct tool_browser *browser, bool accepted);

#endif
