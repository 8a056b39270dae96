/* SPDX-License-Identifier: ISC */
/*
 * uid_set: many UIDs as IMAP wants them, `3,7:9,12` (RFC 3501 section 9, sequence-set).
 *
 * Only UIDs that follow one another without a gap become a range: a range over a gap could name a
 * message that nobody asked about. Long sets are cut, so that every command stays short.
 */
#ifndef PROTOCOL_UID_SET_H
#define PROTOCOL_UID_SET_H

#include "protocol/bytebuf.h"

/*
 * Appends as many of `uids` (ascending, no duplicates, `count` > 0) as fit into `octets_max` octets
 * (at least 21, which one range needs) to `out`. Returns how many were taken; 0 only if `out` is
 * full.
 */
size_t uid_set_append(struct bytebuf *out, const uint32_t *uids, size_t count, size_t octets_max);

#endif
