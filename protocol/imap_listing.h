/* SPDX-License-Identifier: ISC */
/*
 * imap_listing: takes the snapshot: UIDs, sizes and flags of a selected mailbox -> maildrop.
 *
 * What others flagged \Deleted is not in it, nor what is younger than `min_age`, nor what the
 * caller hides. Messages are known by UID alone; FETCH items may come in any order, and unsolicited
 * ones, for messages already listed, change nothing. Fewer messages than EXISTS promised are asked
 * for once more, and then the listing fails; more are fine.
 */
#ifndef PROTOCOL_IMAP_LISTING_H
#define PROTOCOL_IMAP_LISTING_H

#include "protocol/bytebuf.h"
#include "protocol/imap_client.h"
#include "protocol/maildrop.h"

enum imap_listing_status {
	IMAP_LISTING_MORE,
	IMAP_LISTING_DONE,   /* imap_listing_take() */
	IMAP_LISTING_FAILED, /* the server said NO or BAD, or `text` says what it did */
};

struct imap_listing_options {
	/* Messages whose INTERNALDATE is after this are not listed; INT64_MAX: no such limit. */
	int64_t not_after;
	/* UIDs not to list, ascending; borrowed until imap_listing_deinit(). */
	const uint32_t *hidden;
	size_t hidden_count;
};

struct imap_listing {
	char text[256]; /* when FAILED */
	/* private */
	struct imap_client *client; /* borrowed */
	struct imap_listing_options options;
	struct maildrop *maildrop; /* owned, until taken */
	struct maildrop *again;    /* owned: answers to the second command, if there is one */
	struct bytebuf deleted;    /* UIDs that came with \Deleted and no size */
	struct bytebuf sizeless;   /* UIDs that came with flags and no size */
	struct bytebuf unlisted;   /* UIDs that came and were not put into a maildrop */
	uint32_t id;
	uint32_t expected; /* EXISTS when the command was sent, less what was expunged since */
	bool heard;        /* at least one message was listed, if only to be skipped */
};

/* Sends the command. */
enum imap_listing_status imap_listing_start(struct imap_listing *listing,
					    struct imap_client *client,
					    const struct imap_listing_options *options);
enum imap_listing_status imap_listing_event(struct imap_listing *listing,
					    const struct imap_event *event);
/* The maildrop, sealed; the caller's to free. */
struct maildrop *imap_listing_take(struct imap_listing *listing);
/* Legal at any time after start, and on a zeroed struct. */
void imap_listing_deinit(struct imap_listing *listing);

#endif
