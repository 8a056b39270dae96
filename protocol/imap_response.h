/* SPDX-License-Identifier: ISC */
/*
 * imap_response: tokens of an IMAP server -> responses (RFC 3501 section 7).
 *
 * A response comes out as soon as it can be used: each number of a SEARCH and each octet of a body
 * by itself, a FETCH when its items are complete. What nobody needs (unknown responses, codes,
 * items, with their lists and literals) is skipped and never collected. What is neither is a
 * violation.
 *
 * It has no idea of commands: which tags are known and what may come when is for
 * protocol/imap_client.h, whose vocabulary it uses.
 */
#ifndef PROTOCOL_IMAP_RESPONSE_H
#define PROTOCOL_IMAP_RESPONSE_H

#include "protocol/imap_client.h"
#include "protocol/imap_token.h"

enum imap_response_type {
	IMAP_RESPONSE_NEED_INPUT,
	IMAP_RESPONSE_CONTINUATION, /* "+" */
	IMAP_RESPONSE_TAGGED,       /* `tag`, and as STATUS */
	IMAP_RESPONSE_STATUS,       /* untagged; `status`, `code`, `note`, `text` */
	IMAP_RESPONSE_CAPABILITY,   /* `noted`: bits */
	IMAP_RESPONSE_EXISTS,       /* `number` */
	IMAP_RESPONSE_EXPUNGE,      /* `number` */
	IMAP_RESPONSE_FOUND,        /* `number`, one of SEARCH */
	IMAP_RESPONSE_MAILBOX,      /* `mailbox` */
	IMAP_RESPONSE_BODY,         /* `body`, `message` as far as it is known */
	IMAP_RESPONSE_BODY_DATA,    /* `data` */
	IMAP_RESPONSE_MESSAGE,      /* `message` */
	IMAP_RESPONSE_VIOLATION,    /* `text` */
};

/* Response codes that carry something to be noted. */
enum imap_note {
	IMAP_NOTE_NONE,
	IMAP_NOTE_CAPABILITY, /* bits of enum imap_capability */
	IMAP_NOTE_UIDVALIDITY,
	IMAP_NOTE_UIDNEXT,
	IMAP_NOTE_PERMANENT_FLAGS, /* bits of enum imap_flag */
};

enum { IMAP_RESPONSE_TAG_MAX = 16 };

struct imap_response {
	enum imap_response_type type;
	unsigned char tag[IMAP_RESPONSE_TAG_MAX];
	size_t tag_len;
	enum imap_status status;
	enum imap_code code;
	enum imap_note note;
	uint32_t noted;
	uint32_t number;
	struct imap_message message;
	struct imap_body body;
	struct span data;
	struct span mailbox;
	uint32_t attributes; /* of the mailbox */
	const char *text;    /* never NULL */
};

struct imap_response_parser {
	/* private */
	struct imap_token_reader reader;
	struct imap_response response; /* grows until it is complete */
	unsigned state;
	unsigned value_depth; /* parentheses around the item whose value is skipped */
	bool in_body;         /* the literal under way is a body's */
	bool quoted_body;     /* the last token is a body whose octets were not handed out */
};

void imap_response_init(struct imap_response_parser *parser);
void imap_response_deinit(struct imap_response_parser *parser);

/* Takes octets from the front of `in`. What is returned is valid until the next call. Behind a
 * VIOLATION the parser is of no use any more. */
const struct imap_response *imap_response_next(struct imap_response_parser *parser,
					       struct span *in);

#endif
