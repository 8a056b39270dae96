/* SPDX-License-Identifier: ISC */
/*
 * bytebuf: a queue of octets that grows up to the limit it was born with.
 *
 * Octets are appended at the end and consumed at the front. There is no buffer without a
 * ceiling: bytebuf_init() requires one (see protocol/limits.h for all of them), and an append
 * that would pass it changes nothing and says so. A failed append is remembered in `failed`, so
 * that a writer of many small pieces may check once at the end.
 *
 * bytebuf_init() allocates nothing; bytebuf_deinit() wipes what was held, because queues of
 * this program carry passwords.
 */
#ifndef PROTOCOL_BYTEBUF_H
#define PROTOCOL_BYTEBUF_H

#include "protocol/span.h"

struct bytebuf {
	/* private */
	unsigned char *data; /* owned */
	size_t start;        /* first octet not yet consumed */
	size_t end;          /* start <= end <= capacity <= limit */
	size_t capacity;
	size_t limit;
	bool failed;
};

void bytebuf_init(struct bytebuf *buf, size_t limit);

/* Wipes and releases; the buffer may be initialised again. Legal on a zeroed struct. */
void bytebuf_deinit(struct bytebuf *buf);

/* Wipes the octets held and keeps the memory; clears `failed`. */
void bytebuf_reset(struct bytebuf *buf);

/* Appends all of `octets` or nothing. False: over the limit, or no memory; `failed` is set. */
bool bytebuf_append(struct bytebuf *buf, struct span octets);
bool bytebuf_append_text(struct bytebuf *buf, const char *text);
bool bytebuf_append_octet(struct bytebuf *buf, unsigned char octet);

/* Appends decimal digits. */
bool bytebuf_append_number(struct bytebuf *buf, uint64_t number);

/* What is held, in one piece; valid until the next append, consume or reset. */
static inline struct span bytebuf_peek(const struct bytebuf *buf)
{
	/* No arithmetic on a null pointer: nothing is allocated before the first append. */
	return span_of(buf->data != NULL ? buf->data + buf->start : NULL, buf->end - buf->start);
}

static inline size_t bytebuf_len(const struct bytebuf *buf)
{
	return buf->end - buf->start;
}

/* Whether an append was refused since the last init or reset. */
static inline bool bytebuf_failed(const struct bytebuf *buf)
{
	return buf->failed;
}

/* Drops `len` octets (at most bytebuf_len()) from the front, wiping them. */
void bytebuf_consume(struct bytebuf *buf, size_t len);

/* Drops octets from the end, so that `len` remain; wipes what is dropped. */
void bytebuf_truncate(struct bytebuf *buf, size_t len);

#endif
