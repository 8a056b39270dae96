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
 * Cut-through: octets are handed on as they come, byte-stuffed. `+OK` is said when there are such,
 * the final dot only behind the tagged OK.
 *
 * The guard: what is not the message is not passed off as it.
 *
 * - OK without data, NIL and an empty body where the size says otherwise: one UID FETCH (UID FLAGS)
 *   tells a message that is gone from one that is not given. The latter is asked for once more with
 *   BODY[], which Exchange answers where it does not answer a peek. That sets \Seen; a message that
 *   did not have it loses it again before the outcome is told.
 * - Exchange's placeholder (protocol/header_scan.h): as long as it may be one, octets are held back
 *   (IMAP_HELD_MAX), unless the section is longer than a placeholder can be (IMAP_PLACEHOLDER_MAX).
 */
#ifndef PROTOCOL_IMAP_RETRIEVAL_H
#define PROTOCOL_IMAP_RETRIEVAL_H

#include "protocol/byte_stuff.h"
#include "protocol/header_scan.h"
#include "protocol/imap_client.h"

enum imap_retrieval_status {
	/* The event was dealt with, or was none of ours. */
	IMAP_RETRIEVAL_MORE,
	/* Say +OK if it has not been said, then call imap_retrieval_piece() until it returns false.
	 */
	IMAP_RETRIEVAL_DATA,
	/* The message is complete: the same, then the final dot. */
	IMAP_RETRIEVAL_END,
	/* Nothing was said yet, and: */
	IMAP_RETRIEVAL_GONE,       /* the message is not in the mailbox any more */
	IMAP_RETRIEVAL_UNREADABLE, /* it is there, but the server does not give it */
	IMAP_RETRIEVAL_REFUSED,    /* NO or BAD for another reason, or the connection is lost */
	/* +OK was said, and the message cannot be completed: close without the final dot. */
	IMAP_RETRIEVAL_BROKEN,
};

struct imap_retrieval_request {
	uint32_t uid;
	uint64_t octets; /* the size listed; 0: an empty message is to be expected */
	bool top;
	uint64_t top_lines;       /* BYTE_STUFF_ALL_LINES with `top` false */
	bool deliver_placeholder; /* hand it on like a message */
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
	bool taken;        /* ... with octets, which went through the guard */
	bool whole;        /* the server sent the whole section where a part was asked for */
	bool complete;     /* its last octet is here, or it has none */
	bool too_early;    /* it came before the part in front of it, and was dropped */
};

struct imap_retrieval {
	char text[256]; /* GONE, UNREADABLE, REFUSED, BROKEN: why */
	/* private */
	struct imap_client *client; /* borrowed */
	struct imap_retrieval_request request;
	struct byte_stuff stuff;
	struct span front;               /* of `held`: what is handed on before `data` */
	struct span data;                /* of the event being dealt with */
	struct imap_retrieval_part head; /* all of it, or the header */
	struct imap_retrieval_part body; /* TOP n k: a part of the text */
	struct header_scan scan;
	struct bytebuf held;
	unsigned state;
	unsigned flowing; /* whose octets come next: nobody's, `head`'s or `body`'s */
	unsigned guard;
	unsigned outcome;    /* what is told when \Seen has been taken off */
	uint32_t command_id; /* of the probe, then of the STORE that takes \Seen off */
	bool begun;          /* octets were handed on */
	bool ended;
	bool placeholder;
	bool unverified; /* octets were taken before the UID of their response was known */
	bool failed;     /* a command was answered NO or BAD, */
	bool refused;    /* for a reason that says nothing of the message */
	bool found;      /* the probe met the message, */
	bool flagged;    /* with its flags, */
	bool seen;       /* and \Seen among them */
};

/* `retrieval` is zeroed, or was used before. Returns MORE or REFUSED. */
enum imap_retrieval_status imap_retrieval_start(struct imap_retrieval *retrieval,
						struct imap_client *client,
						const struct imap_retrieval_request *request);
/* Legal on a zeroed struct. */
void imap_retrieval_deinit(struct imap_retrieval *retrieval);

enum imap_retrieval_status imap_retrieval_event(struct imap_retrieval *retrieval,
						const struct imap_event *event);
/* The connection is lost, and the client with it: how the retrieval ends, if it has not ended. */
enum imap_retrieval_status imap_retrieval_lost(struct imap_retrieval *retrieval, const char *text);

/* The next piece to send, valid as long as the input of the event; after DATA and END. */
bool imap_retrieval_piece(struct imap_retrieval *retrieval, struct span *piece_r);
/* Octets of the message so far, before byte-stuffing. */
uint64_t imap_retrieval_octets(const struct imap_retrieval *retrieval);
/* What came is Exchange's placeholder: UNREADABLE, or it was handed on because that was asked. */
bool imap_retrieval_is_placeholder(const struct imap_retrieval *retrieval);

#endif
