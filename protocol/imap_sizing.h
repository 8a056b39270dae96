/* SPDX-License-Identifier: ISC */
/*
 * imap_sizing: learns the true sizes of messages (`sizes = "exact"`) by fetching them once.
 *
 * The size of a message is what RETR sends, before byte-stuffing and without the final dot: line
 * ends repaired, a missing last CRLF added. There is no other way to know it: RFC822.SIZE is an
 * estimate on Exchange. Messages are fetched in batches and thrown away as they come. Exchange's
 * placeholder (protocol/header_scan.h) is not the message, and has not its size.
 */
#ifndef PROTOCOL_IMAP_SIZING_H
#define PROTOCOL_IMAP_SIZING_H

#include "protocol/byte_stuff.h"
#include "protocol/header_scan.h"
#include "protocol/imap_client.h"
#include "protocol/maildrop.h"

enum imap_sizing_status {
	IMAP_SIZING_MORE,
	/* One size was learnt: `uid`, `octets`; it is in the maildrop already. */
	IMAP_SIZING_LEARNT,
	/* Everything was asked; what could not be read keeps its RFC822.SIZE. */
	IMAP_SIZING_DONE,
	IMAP_SIZING_FAILED, /* `text` */
};

struct imap_sizing {
	uint32_t uid;    /* LEARNT */
	uint64_t octets; /* LEARNT */
	char text[256];  /* FAILED */
	/* private */
	struct imap_client *client; /* borrowed */
	struct maildrop *maildrop;  /* borrowed */
	struct byte_stuff stuff;
	struct header_scan scan;
	uint32_t *uids; /* owned */
	size_t count;
	size_t asked;
	uint32_t ids[2]; /* of the commands under way, or 0 */
	bool scanning;   /* it may be a placeholder that is counted */
	bool counting;
	bool counted;
};

/* `uids`: those whose size is not known, ascending; ownership moves here. */
enum imap_sizing_status imap_sizing_start(struct imap_sizing *sizing, struct imap_client *client,
					  struct maildrop *maildrop, uint32_t *uids, size_t count);
enum imap_sizing_status imap_sizing_event(struct imap_sizing *sizing,
					  const struct imap_event *event);
void imap_sizing_deinit(struct imap_sizing *sizing);

#endif
