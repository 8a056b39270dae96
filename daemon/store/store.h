/* SPDX-License-Identifier: ISC */
/*
 * store: durable state behind one small interface. No SQL outside this folder.
 *
 * State is kept for each mailbox, which is named by IMAP host, IMAP user and folder:
 *
 * - kept: the messages that were deleted by POP3 clients of an account with `delete = "keep"`; they
 *   stay in the mailbox and are never listed again here;
 * - retrieved: the messages that clients have retrieved whole and that were there at the end of the
 *   last session, with their sizes: what a maildrop shows while its mailbox cannot be opened;
 * - incidents: see daemon/attention.h.
 *
 * Every request is done by a thread of the store's own, in order, and answered from the loop;
 * an answer always comes. What was acknowledged is on disk, unless its function says otherwise.
 */
#ifndef DAEMON_STORE_STORE_H
#define DAEMON_STORE_STORE_H

#include "daemon/loop.h"

struct store;

/* Names a mailbox; copied by every request. */
struct store_mailbox {
	const char *host;
	const char *user;
	const char *folder;
};

struct store_answer {
	bool ok;
	const char *error;    /* when not ok: one line */
	uint32_t *uids;       /* of the store_load functions: ascending; the owner may take the
			       * array by setting this to NULL, and frees it then */
	uint64_t *octets;     /* store_load_retrieved(): of each; taken likewise */
	uint32_t uidvalidity; /* store_load_retrieved() */
	size_t count;
};

typedef void store_fn(void *owner, uint64_t ticket, struct store_answer *answer);

/* Whether there is state in this folder already. */
bool store_exists(const char *state_directory);

/* Opens or creates `state_directory`/packetboat.db, mode 0600, and brings its schema up to date.
 * NULL: `error_r` says why. */
struct store *store_open(struct loop *loop, const char *state_directory, char *error_r,
			 size_t error_size);

/* Finishes what was asked, answers it, closes. */
void store_close(struct store **store);

/*
 * The requests. `fn(owner, ticket, ...)` is called later, from the loop; `ticket` is the caller's,
 * to find out whether it still wants the answer. False: no memory, and no answer comes.
 */

/* `answer->uids`. */
bool store_load_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		     store_fn *fn, void *owner, uint64_t ticket);
bool store_add_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		    const uint32_t *uids, size_t count, store_fn *fn, void *owner, uint64_t ticket);

/* `answer->uids` and `answer->octets`, of the UIDVALIDITY that is told in the answer; without one
 * (0) nothing is known of the mailbox. */
bool store_load_retrieved(struct store *store, const struct store_mailbox *mailbox, store_fn *fn,
			  void *owner, uint64_t ticket);

/* What a session leaves behind. Arrays are ascending. */
struct store_session {
	uint32_t uidvalidity;
	uint32_t *present; /* messages that are in the mailbox */
	size_t present_count;
	uint32_t *uids;   /* of these, what this session retrieved whole, */
	uint64_t *octets; /* and their sizes */
	size_t count;
};
/* What was retrieved is added to what earlier sessions retrieved; what is not present any more, or
 * was of another UIDVALIDITY, is forgotten. The arrays move to the store, whatever is returned.
 * Only what differs is written, and cheaply: a power cut may undo it. */
bool store_note_session(struct store *store, const struct store_mailbox *mailbox,
			struct store_session *session, store_fn *fn, void *owner, uint64_t ticket);

/* What lasts of an incident (daemon/attention.h). */
struct store_incident {
	struct store_mailbox mailbox;
	unsigned reason;
	uint32_t id;
	int64_t began; /* seconds since 1970 */
	const char *account;
	const char *detail;
	const char *remedy; /* or NULL */
	bool dismissed;
};
/* A copy in one allocation, texts and all, that is given back to free(); NULL: no memory. */
struct store_incident *store_incident_copy(const struct store_incident *incident);

/* All that last, each to be freed, and the array too. Reads the disk at once: for the start. False:
 * `error_r`. */
bool store_read_incidents(const struct store *store, struct store_incident ***incidents_r,
			  size_t *count_r, char *error_r, size_t error_size);
/* Writes an incident, in the place of another of the same mailbox and reason. Copied. */
bool store_put_incident(struct store *store, const struct store_incident *incident, store_fn *fn,
			void *owner, uint64_t ticket);
bool store_remove_incident(struct store *store, const struct store_mailbox *mailbox,
			   unsigned reason, store_fn *fn, void *owner, uint64_t ticket);

/* Everything that is known of a mailbox. */
bool store_forget(struct store *store, const struct store_mailbox *mailbox, store_fn *fn,
		  void *owner, uint64_t ticket);

#endif
