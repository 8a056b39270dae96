/* SPDX-License-Identifier: ISC */
/*
 * bridge: what the process has one of: loop, configuration, listeners, mailboxes, live sessions.
 *
 * Everything else gets a pointer to it, or to the part it needs; nothing is global.
 */
#ifndef DAEMON_BRIDGE_H
#define DAEMON_BRIDGE_H

#include "daemon/address_book.h"
#include "daemon/dialer.h"
#include "daemon/gatekeeper.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/mailbox.h"
#include "daemon/setup.h"
#include "daemon/store/store.h"
#include "daemon/ticket.h"

struct attention;
struct control;
struct forecast;
struct http;
struct listeners;
struct live;
struct oauth;
struct session;

struct bridge {
	struct loop loop;
	struct log log;
	const char *file;              /* the configuration; the caller's */
	struct setup *setup;           /* owned reference: what new sessions begin with */
	struct setup *first_setup;     /* owned reference: what this process was started with */
	struct resolver *resolver;     /* owned */
	struct gatekeeper *gatekeeper; /* owned */
	struct store *store;           /* owned; NULL: no account keeps anything */
	struct listeners *listeners;   /* owned */
	struct http *http;             /* owned; NULL, like the next, while no account needs them */
	struct oauth *oauth;           /* owned */
	struct attention *attention;   /* owned */
	struct forecast *forecast;     /* owned */
	struct control *control;       /* owned; NULL: there is no socket */
	struct ticket_office tickets;  /* of those who wait for http and oauth */
	uint64_t started_ms;           /* loop_now_ms() */
	struct mailboxes mailboxes;
	struct address_book addresses;
	void *sessions;          /* tsearch(3): live sessions by id */
	struct live *first_live; /* the same, newest first */
	size_t session_count;
	size_t refused_count;     /* of these: greeted with a refusal, and about to go */
	size_t sessions_possible; /* limits.sessions, or what the descriptors allow */
	uint64_t last_session_id;
	bool stopping;
	uint64_t drain_until_ms;
	struct event *signals[3]; /* owned */
	struct event *drain;      /* owned */
};

/* Starts everything, and serves until a signal says stop. Returns the exit status; when
 * something cannot be started one line was written to stderr. `file` is the configuration. */
int bridge_run(const char *file);

/* Reads the configuration again: SIGHUP, and `packetboat reload`. False: `text_r` is the error, and
 * nothing changed; otherwise it says in one line what could not be changed, or is "". */
bool bridge_reload(struct bridge *bridge, char *text_r, size_t size);

/* Where listener.c delivers a connection. Takes ownership of `fd`. */
void bridge_accept(struct bridge *bridge, int fd, const struct address *address, bool implicit_tls);

/* Sessions register themselves; a vanished one is a normal outcome: NULL. */
bool bridge_add_session(struct bridge *bridge, struct session *session);
void bridge_remove_session(struct bridge *bridge, struct session *session);
struct session *bridge_find_session(const struct bridge *bridge, uint64_t id);

#endif
