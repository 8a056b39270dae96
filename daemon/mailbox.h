/* SPDX-License-Identifier: ISC */
/*
 * mailbox: one IMAP mailbox on behalf of one POP3 session.
 *
 *   [TOKEN] -> CONNECTING -> AUTHENTICATING -> SELECTING -> LOADING -> LISTING -> [SIZING] -> OPEN
 *   OPEN -> RETRIEVING -> OPEN      one RETR or TOP
 *   OPEN -> UPDATING -> CLOSING     QUIT, or \Seen at the end of any other session
 *
 * With OAuth the token comes first. If it was not fetched for the purpose and the server refuses
 * it, that is done once more with a new one; and where there is none to be had before somebody has
 * done something, the maildrop may be a notice that says so: TOKEN -> RECALLING -> OPEN, without a
 * connection.
 *
 * It owns the upstream connection, the snapshot and the lock: one session for each (host, mailbox,
 * folder), whatever name it came by. The lock is taken when the password is known to be right: at
 * once where it was checked here, behind AUTHENTICATE where the IMAP server is the judge, so that
 * nobody can keep others out by trying passwords.
 *
 * A mailbox outlives its session where that is useful: an opening that takes longer than
 * `login_patience` goes on, and is there for the next login of the same user; an update that was
 * begun is finished. How many there may be without a session has a ceiling. What happens is told to
 * the session by the session_*() functions of daemon/session.h, from the loop or within a call of
 * this interface.
 */
#ifndef DAEMON_MAILBOX_H
#define DAEMON_MAILBOX_H

#include "daemon/address_book.h"
#include "daemon/dialer.h"
#include "daemon/failure.h"
#include "daemon/gatekeeper.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/mailbox_memory.h"
#include "daemon/secret.h"
#include "daemon/setup.h"
#include "daemon/store/store.h"
#include "daemon/ticket.h"
#include "protocol/maildrop.h"

struct attention;
struct mailbox;
struct oauth;
struct session;

/* All mailboxes of the process. */
struct mailboxes {
	struct loop *loop; /* borrowed, like all that follow */
	struct resolver *resolver;
	struct log *log;
	struct store *store; /* NULL, like the next two: no account needs it */
	struct oauth *oauth;
	struct attention *attention;
	/* private */
	struct mailbox *first; /* every one that lives */
	void *locked;          /* tsearch(3): those that hold their lock */
	struct mailbox_memories memories;
	struct ticket_office tickets;
	size_t unattended_max; /* mailboxes that are open, or being opened, for nobody */
	uint64_t failed_notes; /* of sessions, in the store */
};

void mailboxes_init(struct mailboxes *mailboxes, struct loop *loop, struct resolver *resolver,
		    struct log *log, struct store *store);
/* Closes all of them at once. */
void mailboxes_deinit(struct mailboxes *mailboxes);
/* The service stops: those that nobody is attached to are closed, but for updates, which go on. */
void mailboxes_stop(struct mailboxes *mailboxes);
/* How many are in the middle of an update, or of saying good-bye. */
size_t mailboxes_busy(const struct mailboxes *mailboxes);

struct mailbox_login {
	struct session *session;
	uint64_t session_id;
	struct address address; /* of the client: it may take over a silent session of its own */
	struct setup *setup;    /* borrowed; a reference is taken */
	const struct conf_account *account;
	const char *name;                          /* POP3 login name; copied */
	const char *user;                          /* the IMAP user; copied */
	struct secret *password;                   /* the IMAP password; ownership moves here. NULL
						    * with OAuth */
	bool proven;                               /* the POP3 password was checked here already */
	unsigned char digest[PASSWORD_DIGEST_LEN]; /* of user and password */
};

/* Opens the mailbox, or attaches to the one that an earlier login left opening.
 * session_mailbox_open() or session_mailbox_failed() follows. */
void mailbox_login(struct mailboxes *mailboxes, struct mailbox_login *login);

/* The session's messages; valid while it is attached. */
struct maildrop *mailbox_maildrop(struct mailbox *mailbox);

/* Asks for a message; session_message() follows, the last time with END, or
 * session_message_failed(). */
void mailbox_retrieve(struct mailbox *mailbox, uint32_t msgno, bool top, uint64_t top_lines);

/* Back-pressure: the client does not keep up. */
void mailbox_pause(struct mailbox *mailbox);
void mailbox_resume(struct mailbox *mailbox);

/* QUIT: carries out the marks of the maildrop; session_updated() follows. */
void mailbox_update(struct mailbox *mailbox);

/* The session does not wait any longer; the opening goes on, for the next login. Nulls. */
void mailbox_leave_opening(struct mailbox **mailbox);

/* The session ends. An update is finished, and so is an opening, if the password is known to be
 * right; otherwise retrieved messages are flagged \Seen if the account says so, and the mailbox is
 * closed. Nulls. */
void mailbox_detach(struct mailbox **mailbox);

#endif
