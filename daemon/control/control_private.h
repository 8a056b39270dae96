/* SPDX-License-Identifier: ISC */
/*
 * control_private: what control.c (the socket and who comes), control_connection.c (one connection)
 * and control_<command>.c share, and nobody else sees.
 *
 * A connection ends like this: its command calls control_done() or control_error(), from within
 * begin() or later; then what is queued is sent, and the connection buried. A connection that is
 * lost before is buried after cancel().
 */
#ifndef DAEMON_CONTROL_CONTROL_PRIVATE_H
#define DAEMON_CONTROL_CONTROL_PRIVATE_H

#include <jansson.h>
#include <sys/types.h>

#include "daemon/bridge.h"
#include "daemon/control/control.h"
#include "daemon/control/control_request.h"
#include "daemon/control/control_socket.h"
#include "daemon/control/control_text.h"
#include "daemon/stream.h"
#include "protocol/line.h"

struct control_connection;
struct control_status;
struct doctor;
struct sign_in;

/* A command: what control_connection.c calls. What it does not need is NULL. */
struct control_verb {
	enum control_command command;
	/* It is for one account, which is in `setup` and `client` by then. */
	bool needs_account;
	/* It is of no use to anybody once the peer is gone. */
	bool ends_with_peer;
	/* It changes something, so the log tells who did. */
	bool is_logged;
	void (*begin)(struct control_connection *connection);
	/* A further line. */
	void (*answer)(struct control_connection *connection, struct span line);
	/* stream_is_full() was true, and there is room again. */
	void (*drained)(struct control_connection *connection);
	/* Lets go of what is under way, if anything is. */
	void (*cancel)(struct control_connection *connection);
};

struct control_connection {
	struct control *control; /* borrowed */
	struct control_connection *next;
	struct control_connection *previous;
	struct stream *stream; /* owned; NULL once buried */
	struct line_reader lines;
	struct event *timer; /* owned: the deadline of what it is doing */
	uid_t uid;           /* the peer's */
	struct control_request request;
	const struct control_verb *verb; /* NULL: the request has not come */
	struct setup *setup;             /* owned reference: of the command; or NULL */
	struct oauth_client client;      /* the account; borrows from `setup` and `request` */
	uint64_t ticket;                 /* 0: nobody owes it an answer */
	struct sign_in *sign_in;         /* owned by control_login.c, and so on */
	struct doctor *doctor;
	struct control_status *status;
	bool over; /* the last line was queued */
	bool buried;
	struct grave grave;
};

struct control {
	struct bridge *bridge; /* borrowed */
	struct control_socket socket;
	struct evconnlistener *listener; /* owned; closes nothing */
	struct event *pause; /* owned: accepting pauses while there are no descriptors */
	struct control_connection *first;
	size_t count;
};

/* ---- control_connection.c ---- */

/* Takes ownership of `fd`. False: no memory. */
bool control_connection_new(struct control *control, int fd, uid_t uid);
/* Cancels what is under way and closes at once. */
void control_connection_bury(struct control_connection *connection);

/* One line; takes over the reference to `object`. NULL, or no memory, ends the connection. */
void control_send(struct control_connection *connection, json_t *object);
/* The last line: `object` with `done` in it (NULL: nothing else), or an error. `remedy` may be
 * NULL. */
void control_done(struct control_connection *connection, json_t *object);
void control_error(struct control_connection *connection, const char *text, const char *remedy);
/* The last line was queued otherwise. */
void control_finish(struct control_connection *connection, const char *error);

/* ---- the commands ---- */

/* The mailbox opens, or somebody has signed in: incidents of it end, under every account. */
void control_clear_incidents(struct bridge *bridge, const struct oauth_client *client);
/* Whether the account can have tokens, if it needs any. False: that was answered. */
bool control_has_tokens(struct control_connection *connection);

extern const struct control_verb control_status_verb;
extern const struct control_verb control_login_verb;
extern const struct control_verb control_logout_verb;
extern const struct control_verb control_doctor_verb;
extern const struct control_verb control_reload_verb;

#endif
