/* SPDX-License-Identifier: ISC */
/*
 * imap_retrieval: one RETR or TOP, from the UID FETCH to the octets for the POP3 client.
 *
 *   RETR n     UID FETCH uid (BODY.PEEK[])
 *   TOP n 0    UID FETCH uid (BODY.PEEK[HEADER])
 *   TOP n k    the same, and UID FETCH uid (BODY.PEEK[TEXT]<0.m>) behind it; further parts
 *              while k lines are not complete. A server may answer with more or less than m.
 *              From some ten thousand lines on, as RETR: that is how fetchmail retrieves.
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

/* One UID FETCH of a section, and what has come of it. */
struct imap_retrieval_part {
	/* private */
	enum imap_section section;
	uint32_t id;       /* of the command under way, or 0 */
	uint64_t origin;   /* where it begins in the section */
	uint64_t asked;    /* octets asked for, 0 for all of them */
	uint64_t skip;     /* octets still to drop: the server began before `origin` */
	uint64_t received; /* octets from `origin` on */
	bool present;      /* the section came, be it empty */
	bool taken;        /* ... with octets, which were handed on */
	bool whole;        /* the server sent the whole section where a part was asked for */
	bool complete;     /* its last octet is here, or it has none */
	bool too_early;    /* it came before the part in front of it, and was dropped */
};

struct imap_retrieval {
	char text[256]; /* GONE, UNREADABLE, REFUSED, BROKEN: why */
	/* private */
	struct imap_client *client; /* borrowed */
	struct byte_stuff stuff;
	struct span data;                /* of the event being dealt with */
	struct imap_retrieval_part head; /* all of it, or the header */
	struct imap_retrieval_part body; /* TOP n k: a part of the text */
	unsigned state;
	unsigned flowing; /* whose octets come next: nobody's, `head`'s or `body`'s */
	uint32_t uid;
	uint32_t probe_id;
	uint64_t expected_octets;
	uint64_t top_lines;
	bool top;
	bool begun;
	bool ended;
	bool unverified; /* octets were taken before the UID of their response was known */
	bool failed;     /* a command was answered NO or BAD, */
	bool refused;    /* for a reason that says nothing of the message */
	bool found;      /* the probe met the message */
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
