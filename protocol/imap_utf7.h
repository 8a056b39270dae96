/* SPDX-License-Identifier: ISC */
/* imap_utf7: mailbox names, UTF-8 -> modified UTF-7 (RFC 3501 section 5.1.3). */
#ifndef PROTOCOL_IMAP_UTF7_H
#define PROTOCOL_IMAP_UTF7_H

#include "protocol/bytebuf.h"

/* False, with `out` as it was, when `name` is not UTF-8, holds control characters, or `out` is
 * full. */
bool imap_utf7_encode(struct bytebuf *out, struct span name);

#endif
