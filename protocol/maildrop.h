/* SPDX-License-Identifier: ISC */
/*
 * maildrop: the snapshot of a mailbox that one POP3 session sees (RFC 1939 section 4).
 *
 * Three numbers name one message, and they are never mixed up:
 *
 *   message-number  msgno   POP3's, 1-based, a position in this snapshot
 *   UID             uid     IMAP's (RFC 3501 section 2.3.1.1), what every IMAP command uses
 *   unique-id       text    POP3's UIDL, made of UID and UIDVALIDITY (protocol/unique_id.h)
 *
 * (IMAP's own message sequence numbers are used nowhere.) Messages stand in ascending order of UID.
 * Behind them all there may be one that is in no mailbox: the notice, which has no UID.
 * Deletions are marks, in memory only, until UPDATE. Sums are 64 bits wide.
 *
 * Life: maildrop_new(), maildrop_add() in any order, maildrop_seal() once, maildrop_add_notice() if
 * there is one, then the questions and marks; maildrop_free(). It knows nothing of connections.
 */
#ifndef PROTOCOL_MAILDROP_H
#define PROTOCOL_MAILDROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct maildrop;

/* NULL when there is no memory. */
struct maildrop *maildrop_new(uint32_t uidvalidity);
void maildrop_free(struct maildrop **drop);

enum maildrop_status {
	MAILDROP_OK,
	MAILDROP_NO_MEMORY,
	MAILDROP_TOO_MANY, /* MAILDROP_MESSAGES_MAX are there already */
	MAILDROP_TWICE,    /* two messages have one UID: the server cannot be trusted */
};

/* `uid` is not 0. */
enum maildrop_status maildrop_add(struct maildrop *drop, uint32_t uid, uint64_t octets)
	__attribute__((warn_unused_result));

/* Puts messages in order and numbers them. No message of the mailbox is added afterwards. */
enum maildrop_status maildrop_seal(struct maildrop *drop) __attribute__((warn_unused_result));

/*
 * A message that is not in the mailbox but made here, to tell the client something: it comes behind
 * all others, has no UID, and a unique-id of its own (copied; 1 to 70 octets of 0x21 to 0x7E).
 * Called once, behind maildrop_seal(). A maildrop with a notice is withheld: no other message can
 * be retrieved or deleted (RETR, TOP and DELE of them are [AUTH]). What is not OK changes nothing.
 */
enum maildrop_status maildrop_add_notice(struct maildrop *drop, const char *unique_id,
					 uint64_t octets) __attribute__((warn_unused_result));
/* The message-number of the notice, 0: there is none. */
uint32_t maildrop_notice(const struct maildrop *drop);
bool maildrop_is_withheld(const struct maildrop *drop, uint32_t msgno);

enum { MAILDROP_UNIQUE_ID_MAX = 71 };
/* The unique-id of a message, as text. Returns `text_r`. */
const char *maildrop_unique_id(const struct maildrop *drop, uint32_t msgno,
			       char text_r[MAILDROP_UNIQUE_ID_MAX]);

uint32_t maildrop_uidvalidity(const struct maildrop *drop);

/* DELE is refused in a mailbox that was selected read-only. */
void maildrop_set_read_only(struct maildrop *drop, bool read_only);
bool maildrop_is_read_only(const struct maildrop *drop);

/* Message-numbers go from 1 to maildrop_last(). */
uint32_t maildrop_last(const struct maildrop *drop);

/* What STAT says: messages not marked deleted, and their octets. */
uint32_t maildrop_count(const struct maildrop *drop);
uint64_t maildrop_octets(const struct maildrop *drop);

/* Questions about one message; `msgno` must be in 1..maildrop_last(). The UID of the notice is 0,
 * which no IMAP command may name. */
uint32_t maildrop_uid(const struct maildrop *drop, uint32_t msgno);
uint64_t maildrop_message_octets(const struct maildrop *drop, uint32_t msgno);
bool maildrop_is_deleted(const struct maildrop *drop, uint32_t msgno);

/* The true size, once it is known (`sizes = "exact"`). */
void maildrop_set_message_octets(struct maildrop *drop, uint32_t msgno, uint64_t octets);

/* The message-number of a UID, or 0; the notice is never found. */
uint32_t maildrop_find(const struct maildrop *drop, uint32_t uid);

/* DELE and RSET. Marking twice is harmless; a message that is withheld is not marked. */
void maildrop_mark_deleted(struct maildrop *drop, uint32_t msgno);
void maildrop_unmark_all(struct maildrop *drop);

/* RETR sent the message whole. Survives RSET. */
void maildrop_mark_retrieved(struct maildrop *drop, uint32_t msgno);
bool maildrop_is_retrieved(const struct maildrop *drop, uint32_t msgno);

/* Messages that sessions before this one retrieved whole: UIDs, ascending; some may be gone. */
void maildrop_mark_retrieved_earlier(struct maildrop *drop, const uint32_t *uids, size_t count);

/* RETR or TOP found no readable message. */
void maildrop_mark_unreadable(struct maildrop *drop, uint32_t msgno);
bool maildrop_is_unreadable(const struct maildrop *drop, uint32_t msgno);
/* The guard: whether DELE is refused, since the message is unreadable and was never retrieved
 * whole, in this session or an earlier one. */
bool maildrop_is_guarded(const struct maildrop *drop, uint32_t msgno);

/*
 * UIDs of all messages that are marked deleted, or retrieved, in ascending order, into
 * an array that the caller frees. The notice is not among them: ask maildrop_is_deleted(). Returns
 * false when there is no memory. `count_r` may become 0, and `*uids_r` NULL with it.
 */
bool maildrop_deleted_uids(const struct maildrop *drop, uint32_t **uids_r, size_t *count_r)
	__attribute__((warn_unused_result));
bool maildrop_retrieved_uids(const struct maildrop *drop, uint32_t **uids_r, size_t *count_r)
	__attribute__((warn_unused_result));

#endif
