/* SPDX-License-Identifier: ISC */
/* base64: RFC 4648 section 4, with padding, on one line. */
#ifndef PROTOCOL_BASE64_H
#define PROTOCOL_BASE64_H

#include "protocol/bytebuf.h"

/* False when `out` is full. */
bool base64_encode(struct bytebuf *out, struct span octets);

/* Strict: no white space, right padding, no stray bits. False, with `out` as it was, when
 * `text` is not base64 or `out` is full. */
bool base64_decode(struct bytebuf *out, struct span text);

#endif
