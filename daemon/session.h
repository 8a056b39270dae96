/* SPDX-License-Identifier: ISC */
/*
 * session: one POP3 connection: carries events between the POP3 machine, the gatekeeper and a
 * mailbox.
 *
 * It owns the stream, the machine and its side of the mailbox, and decides about time:
 * login_timeout, idle_timeout, login_patience, how long QUIT may take, how long a wrong password
 * waits. A session that ended is buried, and asynchronous answers find sessions by id: a vanished
 * one is a normal outcome.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include "daemon/bridge.h"
#include "protocol/imap_retrieval.h"

struct session;

/* Takes ownership of `fd`. `refusal`: NULL, or why this connection cannot be served: it is greeted
 * with that and closed. NULL: no memory. */
struct session *session_new(struct bridge *bridge, int fd, const struct address *address,
			    bool implicit_tls, const char *refusal);

uint64_t session_id(const struct session *session);

/* What mailbox.c tells. */
/* The password is right, whatever becomes of the login. */
void session_proven(struct session *session);
/* This is the mailbox that is being opened for the session. */
void session_mailbox_opening(struct session *session, struct mailbox *mailbox);
void session_mailbox_open(struct session *session, struct mailbox *mailbox);
void session_mailbox_failed(struct session *session, const struct failure *failure);
/* DATA or END; octets are taken with imap_retrieval_piece(). */
void session_message(struct session *session, enum imap_retrieval_status status,
		     struct imap_retrieval *retrieval);
/* A message that was made here, all of it. */
void session_message_made(struct session *session, struct span message, uint64_t top_lines);
/* GONE, UNREADABLE, REFUSED or BROKEN. */
void session_message_failed(struct session *session, enum imap_retrieval_status status,
			    const char *text);
/* What came from upstream in one turn has been handed over. */
void session_turn_over(struct session *session);
/* NULL: all was done; else why not. */
void session_updated(struct session *session, const char *text);

/* Whether the client was silent for `ms`: it said nothing, and took nothing of what is sent to it.
 */
bool session_is_silent(struct session *session, uint64_t ms);
const struct address *session_address(const struct session *session);

/* Ends it: `-ERR` where one can be said, no UPDATE. `reason` is static, for the log. */
void session_end(struct session *session, enum pop3_code code, const char *text,
		 const char *reason);

/* The service is stopping: sessions that are not in the middle of a message or of QUIT end now. */
void session_stop(struct session *session);
/* Closes at once. */
void session_kill(struct session *session, const char *reason);

#endif
