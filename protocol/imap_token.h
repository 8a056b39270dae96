/* SPDX-License-Identifier: ISC */
/*
 * imap_token: octets of an IMAP server -> tokens (RFC 3501 section 9).
 *
 * There is no line buffer: octets are taken as they come, and only the one unfinished token is
 * kept (IMAP_TOKEN_MAX), so a response may be of any length up to IMAP_RESPONSE_MAX. What an octet
 * means depends on where it stands; the caller, who knows, says so with a mode for each token.
 *
 * The reader proves what the caller then need not: parentheses are balanced and nested no deeper
 * than IMAP_NESTING_MAX, a line never ends inside of them, a literal has a size below 2^63, there
 * is no NUL outside literals. A bare LF ends a line as CRLF does.
 */
#ifndef PROTOCOL_IMAP_TOKEN_H
#define PROTOCOL_IMAP_TOKEN_H

#include "protocol/bytebuf.h"

enum imap_token_mode {
	/* Atoms, quoted strings, literals, parentheses. */
	IMAP_TOKEN_MODE_SYNTAX,
	/* The name of a FETCH item: the same, but what stands in brackets belongs to the atom,
	 * blanks and parentheses included. */
	IMAP_TOKEN_MODE_ITEM,
	/* The mailbox name that ends a LIST response. Literals are collected; a name without
	 * its opening quote, which Exchange sends, is taken up to its closing one. */
	IMAP_TOKEN_MODE_MAILBOX,
	/* Behind OK, NO, BAD, BYE, PREAUTH: "[" of a response code, or text. */
	IMAP_TOKEN_MODE_STATUS,
	/* Inside a response code: atoms (parentheses count as blanks) up to "]". */
	IMAP_TOKEN_MODE_CODE,
	/* Drops the rest of a response code. */
	IMAP_TOKEN_MODE_CODE_REST,
	/* Text up to the end of the line. */
	IMAP_TOKEN_MODE_TEXT,
	/* Drops everything up to the end of the line or the next literal. */
	IMAP_TOKEN_MODE_SKIP,
};

enum imap_token_type {
	/* All of `in` was taken. */
	IMAP_TOKEN_NEED_INPUT,
	IMAP_TOKEN_ATOM,
	IMAP_TOKEN_QUOTED, /* escapes undone */
	IMAP_TOKEN_STRING, /* a collected literal */
	/* `octets` of it follow; fetch them with imap_token_take() before the next token. */
	IMAP_TOKEN_LITERAL,
	IMAP_TOKEN_OPEN,
	IMAP_TOKEN_CLOSE,
	IMAP_TOKEN_CODE_OPEN,
	IMAP_TOKEN_CODE_CLOSE,
	/* Text and the end of its line: NUL-terminated, at most IMAP_TEXT_MAX octets (the rest is
	 * dropped), control characters made "?". */
	IMAP_TOKEN_TEXT,
	IMAP_TOKEN_EOL,
	/* `reason`. The reader is of no use any more. */
	IMAP_TOKEN_VIOLATION,
};

struct imap_token {
	enum imap_token_type type;
	struct span text; /* ATOM, QUOTED, STRING, TEXT; valid until the next token is asked for */
	uint64_t octets;  /* LITERAL */
	const char *reason; /* VIOLATION; static */
};

struct imap_token_reader {
	/* private */
	struct bytebuf text; /* the unfinished token */
	uint64_t literal;    /* octets of the literal: announced, then still to come */
	uint64_t line_octets;
	unsigned depth;
	unsigned state;
	unsigned announcement;
	enum imap_token_mode mode;
};

void imap_token_init(struct imap_token_reader *reader);
void imap_token_deinit(struct imap_token_reader *reader);

/* Takes octets from the front of `in` up to the end of the next token. `mode` must stay the same
 * until there is one. */
enum imap_token_type imap_token_next(struct imap_token_reader *reader, enum imap_token_mode mode,
				     struct span *in, struct imap_token *token_r);

/* Octets of the announced literal that have not been taken. */
uint64_t imap_token_left(const struct imap_token_reader *reader);

/* Takes what is there of the literal off the front of `in`: a slice of it. */
struct span imap_token_take(struct imap_token_reader *reader, struct span *in);

/* The text of the last token, once more. */
static inline struct span imap_token_text(const struct imap_token_reader *reader)
{
	return bytebuf_peek(&reader->text);
}

/* Parentheses that are open. */
static inline unsigned imap_token_depth(const struct imap_token_reader *reader)
{
	return reader->depth;
}

#endif
