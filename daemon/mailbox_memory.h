/* SPDX-License-Identifier: ISC */
/*
 * mailbox_memory: what is remembered of a mailbox for the life of the process, session or none.
 *
 * How often it was logged in to lately, how that went, and the true sizes of its messages, which
 * cost a download to learn (`sizes = "exact"`). There is one entry for each mailbox that somebody
 * was let into. Pure: time comes as an argument.
 */
#ifndef DAEMON_MAILBOX_MEMORY_H
#define DAEMON_MAILBOX_MEMORY_H

#include <time.h>

#include "protocol/maildrop.h"

struct mailbox_memories {
	void *root; /* private: tsearch(3) */
};

struct mailbox_memory;

/* The key of a mailbox: host, user and folder, with separators that none of them can imitate:
 * control characters are in no name that gets here. To be freed; NULL when there is no memory. */
char *mailbox_memory_key(const char *host, const char *user, const char *folder);

/* The entry of `key`, made if need be; NULL when there is no memory. Lives as long as the table. */
struct mailbox_memory *mailbox_memory_get(struct mailbox_memories *memories, const char *key);
void mailbox_memories_deinit(struct mailbox_memories *memories);

/* For `packetboat status`: how it went last. */
struct mailbox_record {
	const char *host; /* these three name the mailbox */
	const char *user;
	const char *folder;
	const char *name;       /* POP3 login name it was opened by last */
	time_t last_success;    /* 0: never */
	time_t last_failure;    /* 0: never */
	const char *last_error; /* NULL: never, or a success came behind it */
	bool counted;           /* `messages` is known */
	uint32_t messages;      /* in the maildrop, at the last success */
};
/* Notes; without memory for a text it is left out. */
void mailbox_memory_succeeded(struct mailbox_memory *memory, const char *name, time_t now,
			      uint32_t messages);
void mailbox_memory_failed(struct mailbox_memory *memory, const char *name, time_t now,
			   const char *error);
/* What is known of one; false: nobody has logged in. Borrowed until it changes. */
bool mailbox_memories_find(const struct mailbox_memories *memories, const char *key,
			   struct mailbox_record *record_r);
/* Calls `fn` for each that somebody has logged in to, in the order of keys. */
void mailbox_memories_walk(const struct mailbox_memories *memories,
			   void (*fn)(void *argument, const struct mailbox_record *record),
			   void *argument);

/* A number of the caller's, 0 at first: what the store knows to be retrieved (mailbox_notice.c). */
uint64_t mailbox_memory_retrieved(const struct mailbox_memory *memory);
void mailbox_memory_set_retrieved(struct mailbox_memory *memory, uint64_t fingerprint);

/* Counts a login. False: it is one more than `per_minute` within a minute. */
bool mailbox_memory_login(struct mailbox_memory *memory, uint64_t now_ms, unsigned per_minute);

/*
 * Sets the sizes that are known, and lists the UIDs of all others, ascending, into an array that
 * the caller frees. False when there is no memory.
 */
bool mailbox_memory_sizes(const struct mailbox_memory *memory, struct maildrop *maildrop,
			  uint32_t **unknown_r, size_t *count_r)
	__attribute__((warn_unused_result));

/* Notes one size. What is learnt of another UIDVALIDITY replaces what was known. No memory: it
 * is not noted, and learnt again another time. */
void mailbox_memory_learn(struct mailbox_memory *memory, uint32_t uidvalidity, uint32_t uid,
			  uint64_t octets);

/* Forgets the sizes of messages that are not in the maildrop any more. */
void mailbox_memory_prune(struct mailbox_memory *memory, const struct maildrop *maildrop);

#endif
