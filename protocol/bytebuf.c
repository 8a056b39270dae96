/* SPDX-License-Identifier: ISC */
#include "protocol/bytebuf.h"

#include <assert.h>
#include <stdlib.h>

enum { BYTEBUF_FIRST_CAPACITY = 256 };

static void bytebuf_check(const struct bytebuf *buf)
{
	assert(buf->start <= buf->end);
	assert(buf->end <= buf->capacity);
	assert(buf->capacity <= buf->limit);
	(void)buf;
}

void bytebuf_init(struct bytebuf *buf, size_t limit)
{
	*buf = (struct bytebuf){ .limit = limit };
}

void bytebuf_deinit(struct bytebuf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->capacity);
	free(buf->data);
	*buf = (struct bytebuf){ .limit = buf->limit };
}

void bytebuf_reset(struct bytebuf *buf)
{
	bytebuf_consume(buf, bytebuf_len(buf));
	buf->failed = false;
}

/* Moves what is held to memory of `capacity` octets; never realloc(), which would leave a copy. */
static bool bytebuf_move(struct bytebuf *buf, size_t capacity)
{
	size_t len = bytebuf_len(buf);
	unsigned char *data = malloc(capacity);

	if (data == NULL)
		return false;
	if (buf->data != NULL) {
		memcpy(data, buf->data + buf->start, len);
		explicit_bzero(buf->data, buf->end);
		free(buf->data);
	}
	buf->data = data;
	buf->capacity = capacity;
	buf->start = 0;
	buf->end = len;
	return true;
}

/* Makes room for `more` octets behind `end`. */
static bool bytebuf_reserve(struct bytebuf *buf, size_t more)
{
	size_t len = bytebuf_len(buf);

	if (more > buf->limit - len)
		return false;
	if (more <= buf->capacity - buf->end)
		return true;
	if (len + more <= buf->capacity && buf->start >= buf->capacity / 2) {
		memmove(buf->data, buf->data + buf->start, len);
		explicit_bzero(buf->data + len, buf->end - len);
		buf->start = 0;
		buf->end = len;
		return true;
	}
	size_t capacity = buf->capacity > 0 ? buf->capacity : BYTEBUF_FIRST_CAPACITY;
	while (capacity < len + more && capacity <= buf->limit / 2)
		capacity *= 2;
	if (capacity < len + more || capacity > buf->limit)
		capacity = buf->limit;
	return bytebuf_move(buf, capacity);
}

bool bytebuf_append(struct bytebuf *buf, struct span octets)
{
	bytebuf_check(buf);
	if (!bytebuf_reserve(buf, octets.len)) {
		buf->failed = true;
		return false;
	}
	if (octets.len > 0)
		memcpy(buf->data + buf->end, octets.data, octets.len);
	buf->end += octets.len;
	return true;
}

bool bytebuf_append_text(struct bytebuf *buf, const char *text)
{
	return bytebuf_append(buf, span_text(text));
}

bool bytebuf_append_octet(struct bytebuf *buf, unsigned char octet)
{
	return bytebuf_append(buf, span_of(&octet, 1));
}

bool bytebuf_append_number(struct bytebuf *buf, uint64_t number)
{
	unsigned char digits[20]; /* 2^64 has twenty digits */
	size_t first = sizeof(digits);

	do {
		digits[--first] = (unsigned char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return bytebuf_append(buf, span_of(digits + first, sizeof(digits) - first));
}

void bytebuf_consume(struct bytebuf *buf, size_t len)
{
	bytebuf_check(buf);
	assert(len <= bytebuf_len(buf));
	if (len > 0)
		explicit_bzero(buf->data + buf->start, len);
	buf->start += len;
	if (buf->start == buf->end)
		buf->start = buf->end = 0;
}

void bytebuf_truncate(struct bytebuf *buf, size_t len)
{
	bytebuf_check(buf);
	assert(len <= bytebuf_len(buf));
	if (bytebuf_len(buf) > len)
		explicit_bzero(buf->data + buf->start + len, bytebuf_len(buf) - len);
	buf->end = buf->start + len;
	if (buf->start == buf->end)
		buf->start = buf->end = 0;
}
