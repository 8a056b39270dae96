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
 * an answer always comes. What was acknowledged is on disk.
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
	uint32_t *uids;       /* store_load_kept(): ascending; the owner may take the array by
			       * setting this to NULL, and frees it then */
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

/* What lasts of an incident (daemon/attention.h). */
struct store_incident {
	struct store_mailbox mailbox; /* these point into one allocation with the texts below */
	unsigned reason;
	uint32_t id;
	int64_t began; /* seconds since 1970 */
	const char *account;
	const char *detail;
	const char *remedy; /* or NULL */
	bool dismissed;
};
/* All of them, at the start, before there are requests; the caller frees each and the array. False:
 * `error_r`. */
bool store_read_incidents(struct store *store, struct store_incident ***incidents_r,
			  size_t *count_r, char *error_r, size_t error_size);

/* Finishes what was asked, answers it, closes. */
void store_close(struct store **store);

/*
 * The requests. `fn(owner, ticket, ...)` is called later, from the loop; `ticket` is the caller's,
 * to find out whether it still wants the answer. False: no memory, and no answer comes.
 */
bool store_load_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		     store_fn *fn, void *owner, uint64_t ticket);
/* `answer->uids` and `answer->octets`, of the UIDVALIDITY that is told in the answer; without one
 * (0) nothing is known of the mailbox. */
bool store_load_retrieved(struct store *store, const struct store_mailbox *mailbox, store_fn *fn,
			  void *owner, uint64_t ticket);
/* Replaces them. Cheap: a power cut may undo it. */
bool store_save_retrieved(struct store *store, const struct store_mailbox *mailbox,
			  uint32_t uidvalidity, const uint32_t *uids, const uint64_t *octets,
			  size_t count, store_fn *fn, void *owner, uint64_t ticket);
/* Writes an incident, or removes it: `incident` says which by mailbox and reason. */
bool store_put_incident(struct store *store, const struct store_incident *incident, store_fn *fn,
			void *owner, uint64_t ticket);
bool store_remove_incident(struct store *store, const struct store_mailbox *mailbox,
			   unsigned reason, store_fn *fn, void *owner, uint64_t ticket);
/* Everything that is kept of a mailbox. */
bool store_forget(struct store *store, const struct store_mailbox *mailbox, store_fn *fn,
		  void *owner, uint64_t ticket);
bool store_add_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		    const uint32_t *uids, size_t count, store_fn *fn, void *owner, uint64_t ticket);

#endif
