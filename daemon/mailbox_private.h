/* SPDX-License-Identifier: ISC */
/*
 * mailbox_private: what mailbox.c (its life and opening), mailbox_message.c (RETR and TOP),
 * mailbox_notice.c (what is shown while it is closed), mailbox_token.c (OAuth), mailboxes.c (the
 * table, the lock, who is let in) and mailbox_update.c (the end of the session) share, and nobody
 * else sees.
 */
#ifndef DAEMON_MAILBOX_PRIVATE_H
#define DAEMON_MAILBOX_PRIVATE_H

#include "daemon/attention.h"
#include "daemon/mailbox.h"
#include "daemon/oauth/oauth.h"
#include "daemon/upstream.h"
#include "protocol/imap_listing.h"
#include "protocol/imap_retrieval.h"
#include "protocol/imap_sizing.h"
#include "protocol/imap_update.h"

enum {
	/* Octets of a folder's name in modified UTF-7. */
	MAILBOX_FOLDER_MAX = 4096,
	/* Octets of the message of an incident. */
	MAILBOX_NOTICE_MAX = 16384,
};

#define MAILBOX_STATES(X) \
	X(TOKEN)          \
	X(CONNECTING)     \
	X(AUTHENTICATING) \
	X(SELECTING)      \
	X(LOADING)        \
	X(LISTING)        \
	X(SIZING)         \
	X(RECALLING)      \
	X(OPEN)           \
	X(RETRIEVING)     \
	X(UPDATING)       \
	X(CLOSING)        \
	X(DEAD)

enum mailbox_state {
#define X(name) MAILBOX_##name,
	MAILBOX_STATES(X)
#undef X
};

struct mailbox {
	struct mailboxes *all; /* borrowed */
	struct mailbox *next;  /* in all->first */
	struct mailbox *previous;
	uint64_t ticket; /* names it to asynchronous answers */
	enum mailbox_state state;
	struct session *session; /* who is attached or waits; NULL: nobody */
	uint64_t session_id;     /* who wanted it first, for the log */
	struct setup *setup;     /* owned reference */
	const struct conf_account *account;
	char *name;                /* owned; POP3 login name */
	char *user;                /* owned */
	char *folder;              /* owned; modified UTF-7 */
	char *key;                 /* owned; what the lock is on */
	char *identity;            /* owned; what it is remembered by */
	struct secret *credential; /* owned; NULL once it was sent, and before a token came */
	unsigned char digest[PASSWORD_DIGEST_LEN];
	bool proven; /* the password is right */
	bool locked;
	bool token_fetched;            /* for this opening: a refusal of it is meant */
	bool noted;                    /* what the session leaves behind is in the store */
	struct mailbox_memory *memory; /* the table's; set with the lock */
	struct upstream *upstream;     /* owned; NULL once it is lost */
	struct failure failure;        /* why it was lost */
	struct event *timer;           /* owned: keep-alive, claim, logout */
	uint64_t unattended_since_ms;  /* while nobody is attached */
	struct imap_listing listing;
	struct imap_sizing sizing;
	struct imap_retrieval retrieval;
	struct imap_update *update; /* owned */
	struct maildrop *maildrop;  /* owned */
	struct bytebuf notice;      /* the message of an incident, or empty */
	char notice_id[ATTENTION_UNIQUE_ID_LEN + 1];
	uint32_t *kept; /* owned; UIDs not to list */
	size_t kept_count;
	uint32_t msgno;                           /* RETRIEVING */
	unsigned recollection;                    /* of what earlier sessions retrieved */
	enum imap_retrieval_status failed_status; /* the session is told behind that, */
	const char *failed_text;                  /* with this text of a member's */
	size_t delete_count;                      /* UPDATING */
	struct grave grave;
};

/* ---- mailbox.c ---- */

void mailbox_set_state(struct mailbox *mailbox, enum mailbox_state state);
bool mailbox_is_opening(const struct mailbox *mailbox);
/* Takes leave of the server, lets the lock go. */
void mailbox_logout(struct mailbox *mailbox);
/* Closes at once. */
void mailbox_die(struct mailbox *mailbox);
/* Ends an opening: the log and the session are told. */
void mailbox_fail(struct mailbox *mailbox, const struct failure *failure);
void mailbox_fail_words(struct mailbox *mailbox, const char *text, const char *words);
/* Its name in the store; borrowed from the mailbox. */
struct store_mailbox mailbox_name(const struct mailbox *mailbox);
/* Gives an open mailbox, or one that is being opened, to a session. */
void mailbox_attach(struct mailbox *mailbox, struct session *session);
/* Connects; the credential is there. */
void mailbox_dial(struct mailbox *mailbox);
/* Its state is OPEN: the session is told. */
void mailbox_opened(struct mailbox *mailbox);

/* ---- mailbox_token.c ---- */

/* Asks for a token, and dials when it has come. */
void mailbox_fetch_token(struct mailbox *mailbox, enum oauth_need need);
/* AUTHENTICATE with a token succeeded. */
void mailbox_token_accepted(struct mailbox *mailbox);
/* The connection is lost because the server does not take the token. */
void mailbox_token_refused(struct mailbox *mailbox, const struct failure *failure);

/* ---- mailbox_notice.c ---- */

/* The end of a session, or of the mailbox: what it saw and retrieved is noted for the time when the
 * mailbox cannot be opened. Once; later calls do nothing. `deleted`: what was marked is gone. */
void mailbox_note_session(struct mailbox *mailbox, bool deleted);
/* The mailbox cannot be opened before somebody did something: the session gets the maildrop as it
 * was last known, and the message of the incident. */
void mailbox_recall(struct mailbox *mailbox, const struct attention_incident *incident);
/* Whether that is what the session has got. */
bool mailbox_is_recalled(const struct mailbox *mailbox);
void mailbox_retrieve_notice(struct mailbox *mailbox, uint64_t top_lines);
/* QUIT, or the end without it. */
void mailbox_update_notice(struct mailbox *mailbox, bool quit);

/* ---- mailbox_message.c ---- */

void mailbox_handle_retrieval(struct mailbox *mailbox, enum imap_retrieval_status status);
/* The server may have numbered the mailbox anew in the middle of the session: then no UID is worth
 * anything any more, and the connection is given up. */
bool mailbox_check_uidvalidity(struct mailbox *mailbox);

/* ---- mailboxes.c ---- */

/* False: no memory. */
bool mailboxes_add(struct mailboxes *mailboxes, struct mailbox *mailbox);
void mailboxes_remove(struct mailboxes *mailboxes, struct mailbox *mailbox);
/* Closes the one that has waited longest for a session, if there are too many of them. */
void mailboxes_limit_unattended(struct mailboxes *mailboxes);
/* NULL: it is gone meanwhile. */
struct mailbox *mailboxes_find(const struct mailboxes *mailboxes, uint64_t ticket);
/* Who holds the lock of `key`, or NULL. */
struct mailbox *mailboxes_holder(const struct mailboxes *mailboxes, const char *key);
void mailbox_unlock(struct mailbox *mailbox);
/* The password is right: takes the lock. False: it bowed out, the session has its answer or another
 * mailbox, and this one is dead or dying. */
bool mailbox_prove(struct mailbox *mailbox, const struct address *address);

/* ---- mailbox_update.c ---- */

/* `quit`: carries the deletions out too; otherwise \Seen only. */
void mailbox_start_update(struct mailbox *mailbox, bool quit);
void mailbox_handle_update(struct mailbox *mailbox, enum imap_update_status status);
/* It is over; NULL: all was done. */
void mailbox_updated(struct mailbox *mailbox, const char *text);

#endif
