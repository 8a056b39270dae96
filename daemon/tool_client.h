/* SPDX-License-Identifier: ISC */
/*
 * tool_client: the tool's end of the control socket (daemon/control/control.h).
 *
 * Life: tool_client_open(), tool_client_send(), messages until the last one, tool_client_close(),
 * which also cancels what is under way.
 */
#ifndef DAEMON_TOOL_CLIENT_H
#define DAEMON_TOOL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/tool.h"
#include "protocol/bytebuf.h"

struct tool_client {
	const char *name; /* "packetboat login", for complaints; the caller's */
	int fd;           /* owned; -1: none; does not block */
	/* private */
	struct bytebuf in;
	size_t searched; /* octets of `in` without a line end */
};

/* DONE: connected. Otherwise it was complained about, and there is nothing to close. */
enum tool_exit tool_client_open(struct tool_client *client, const struct tool *tool,
				const char *name);
void tool_client_close(struct tool_client *client);

/* Takes over the reference to `object` (NULL: no memory). False: it was complained about. */
bool tool_client_send(struct tool_client *client, json_t *object);

enum tool_client_status {
	TOOL_CLIENT_MESSAGE, /* `message_r` is the caller's */
	TOOL_CLIENT_WAIT,    /* until `fd` can be read */
	TOOL_CLIENT_ENDED,   /* the daemon is gone, or talks nonsense; it was complained about */
};
enum tool_client_status tool_client_receive(struct tool_client *client, json_t **message_r);
/* The same, and waits up to `seconds` for it. NULL: it was complained about. */
json_t *tool_client_wait(struct tool_client *client, int seconds);

/* Whether it is the last message: `done`, or an `error`, which is complained about. */
bool tool_client_is_last(const struct tool_client *client, const json_t *message,
			 enum tool_exit *exit_r);

/* A member that is a text; otherwise NULL. */
const char *tool_client_text(const json_t *object, const char *member);

/* One command, one answer: connects, sends `request` (as tool_client_send() does), waits for the
 * last message, closes. NULL: complained, and `exit_r` says what to exit with. */
json_t *tool_client_ask(const struct tool *tool, const char *name, json_t *request,
			enum tool_exit *exit_r);

#endif
