/* SPDX-License-Identifier: ISC */
/*
 * span: borrowed octets.
 *
 * A span points into somebody else's memory and is valid until that somebody says otherwise;
 * it is never stored in a struct that outlives the call. Octets are octets: nothing here knows a
 * locale, and NUL is one of them.
 */
#ifndef PROTOCOL_SPAN_H
#define PROTOCOL_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const unsigned char *data;
	size_t len;
};

static inline struct span span_of(const void *data, size_t len)
{
	return (struct span){ .data = data, .len = len };
}

/* A NUL-terminated string of our own; never the peer's. */
static inline struct span span_text(const char *text)
{
	return span_of(text, strlen(text));
}

static inline unsigned char octet_upper(unsigned char octet)
{
	return octet >= 'a' && octet <= 'z' ? (unsigned char)(octet - 'a' + 'A') : octet;
}

static inline bool octet_is_digit(unsigned char octet)
{
	return octet >= '0' && octet <= '9';
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Compares as the RFCs do: ASCII letters without case, every other octet exactly. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (octet_upper(a.data[i]) != octet_upper(b.data[i]))
			return false;
	}
	return true;
}

/* Takes up to `len` octets off the front of `span` and returns them. */
static inline struct span span_take(struct span *span, size_t len)
{
	struct span front = span_of(span->data, len < span->len ? len : span->len);

	if (front.len > 0) {
		span->data += front.len;
		span->len -= front.len;
	}
	return front;
}

/*
 * Reads a whole span of digits as a number of at most `max`. Returns false, and leaves
 * `number_r` alone, when it is empty, holds anything but digits, or is greater. Leading zeroes
 * are allowed, as in the `number` of RFC 3501 section 9.
 */
static inline bool span_number(struct span span, uint64_t max, uint64_t *number_r)
{
	uint64_t number = 0;

	if (span.len == 0)
		return false;
	for (size_t i = 0; i < span.len; i++) {
		if (!octet_is_digit(span.data[i]))
			return false;
		uint64_t digit = (uint64_t)(span.data[i] - '0');
		if (number > max / 10 || (number == max / 10 && digit > max % 10))
			return false;
		number = number * 10 + digit;
	}
	*number_r = number;
	return true;
}

#endif
