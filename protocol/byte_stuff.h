/* SPDX-License-Identifier: ISC */
/*
 * byte_stuff: a message on its way to a POP3 client (RFC 1939 section 3).
 *
 * Message octets go in, in chunks of any size; pieces come out that are to be sent as they are, one
 * after the other. Most pieces are slices of the input, nothing is copied and nothing is kept but a
 * few bits of state.
 *
 *   - a line that begins with "." gets a second one (byte-stuffing);
 *   - a bare LF becomes CRLF; a bare CR, NUL and 8-bit octets stay as they are;
 *   - a missing last CRLF is added (an empty message stays empty);
 *   - for TOP, everything behind the n-th line of the body is dropped. The header and the blank
 *     line that ends it are not counted (RFC 1939 section 7).
 *
 * It knows nothing of where the octets come from. The final ".CRLF" is not part of it: that must
 * only be sent when the upstream has confirmed the message.
 */
#ifndef PROTOCOL_BYTE_STUFF_H
#define PROTOCOL_BYTE_STUFF_H

#include "protocol/span.h"

#define BYTE_STUFF_ALL_LINES UINT64_MAX

struct byte_stuff {
	/* private */
	uint64_t lines_left;
	uint64_t octets;
	unsigned state;
	bool in_body;
	bool limited;
};

/* `top_lines`: how many lines of the body to let through; BYTE_STUFF_ALL_LINES for RETR. */
void byte_stuff_init(struct byte_stuff *stuff, uint64_t top_lines);

/*
 * Takes octets from the front of `in`, and sets `piece_r` to what is to be sent for them: either
 * a slice of `in` or static text; it may be empty. Call again until `in` is empty.
 * Returns false when `in` is empty and nothing is left to send for it.
 */
bool byte_stuff_next(struct byte_stuff *stuff, struct span *in, struct span *piece_r);

/* The message has ended: what must still be sent before the final dot, "" or CRLF. */
struct span byte_stuff_end(struct byte_stuff *stuff);

/* Whether TOP has all its lines: the rest of the message changes nothing any more. */
bool byte_stuff_is_satisfied(const struct byte_stuff *stuff);

/* Octets let through so far, CRLF repairs counted, stuffing not: what `sizes = "exact"` lists.
 * After byte_stuff_end() it is the true size of the message as RETR sends it. */
uint64_t byte_stuff_octets(const struct byte_stuff *stuff);

#endif
