/* SPDX-License-Identifier: ISC */
/*
 * imap_retrieval: one RETR or TOP, from the UID FETCH to the octets for the POP3 client.
 *
 *   RETR n     UID FETCH uid (BODY.PEEK[])
 *   TOP n 0    UID FETCH uid (BODY.PEEK[HEADER])
 *   TOP n k    the same, and UID FETCH uid (BODY.PEEK[TEXT]<0.m>) behind it; further parts
 *              while k lines are not complete. A server may answer with more or less than m.
 *
 * Cut-through: octets are handed on as they come, byte-stuffed, and nothing is kept. `+OK` is said
 * when the first octet is there, the final dot only behind the tagged OK. OK without data,
 * NIL and an empty body where the size says otherwise are not the message (the guard): before
 * anything was said, one UID FETCH (UID FLAGS) tells a message that is gone from one that cannot be
 * read.
 */
#ifndef PROTOCOL_IMAP_RETRIEVAL_H
#define PROTOCOL_IMAP_RETRIEVAL_H

#include "protocol/byte_stuff.h"
#include "protocol/imap_client.h"

enum imap_retrieval_status {
	/* The event was dealt with, or was none of ours. */
	IMAP_RETRIEVAL_MORE,
	/* The message is there: say +OK. Octets may follow with later events. */
	IMAP_RETRIEVAL_BEGIN,
	/* Call imap_retrieval_piece() until it returns false. */
	IMAP_RETRIEVAL_DATA,
	/* The message is complete: imap_retrieval_piece() until false, then the final dot. If BEGIN
	 * has not been returned (an empty message), say +OK first. */
	IMAP_RETRIEVAL_END,
	/* Nothing was said yet, and: */
	IMAP_RETRIEVAL_GONE,       /* the message is not in the mailbox any more */
	IMAP_RETRIEVAL_UNREADABLE, /* it is there, but the server does not give it */
	IMAP_RETRIEVAL_REFUSED,    /* NO or BAD for another reason, or no command could be sent */
	/* +OK was said, and the message cannot be completed: close without the final dot. */
	IMAP_RETRIEVAL_BROKEN,
};

struct imap_retrieval {
	char text[256]; /* GONE, UNREADABLE, REFUSED, BROKEN: why */
	/* private */
	struct imap_client *client; /* borrowed */
	struct byte_stuff stuff;
	struct span data; /* of the event being dealt with */
	uint32_t uid;
	uint64_t expected_octets;
	uint64_t top_lines;
	uint64_t origin;   /* TOP: where the next part begins */
	uint64_t part;     /* TOP: octets asked for */
	uint64_t received; /* octets of the section under way */
	uint32_t header_id;
	uint32_t text_id;
	uint32_t probe_id;
	unsigned state;
	bool top;
	bool begun;
	bool ended;
};

/* `octets`: the size listed; 0 means that an empty message is to be expected.
 * `top_lines`: BYTE_STUFF_ALL_LINES with `top` false. Returns MORE or REFUSED. */
enum imap_retrieval_status imap_retrieval_start(struct imap_retrieval *retrieval,
						struct imap_client *client, uint32_t uid,
						uint64_t octets, bool top, uint64_t top_lines);
enum imap_retrieval_status imap_retrieval_event(struct imap_retrieval *retrieval,
						const struct imap_event *event);
/* The next piece to send, valid as long as the input of the event; after DATA and END. */
bool imap_retrieval_piece(struct imap_retrieval *retrieval, struct span *piece_r);
/* Octets of the message so far, before byte-stuffing. */
uint64_t imap_retrieval_octets(const struct imap_retrieval *retrieval);

#endif
