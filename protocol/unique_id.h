/* SPDX-License-Identifier: ISC */
/*
 * unique_id: the text that UIDL shows for a message (RFC 1939 section 7).
 *
 * UID then UIDVALIDITY, eight lower-case hex digits each: `0000002a6553f101`. Both numbers are
 * in it at a fixed width, so no two messages share one, ever; sixteen octets of 0x30-0x66 are well
 * within the 1..70 octets of 0x21-0x7E that clients may be given. It is Dovecot's default form.
 */
#ifndef PROTOCOL_UNIQUE_ID_H
#define PROTOCOL_UNIQUE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/span.h"

enum { UNIQUE_ID_LEN = 16 };

/* Writes the text and a NUL. */
void unique_id_format(uint32_t uidvalidity, uint32_t uid, char text_r[UNIQUE_ID_LEN + 1]);

/* The reverse. False when `text` is not of that form; either case of the digits is accepted. */
bool unique_id_parse(struct span text, uint32_t *uidvalidity_r, uint32_t *uid_r);

#endif
