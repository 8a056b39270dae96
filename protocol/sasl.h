/* SPDX-License-Identifier: ISC */
/*
 * sasl: the messages of SASL mechanisms, before and after base64.
 *
 * PLAIN (RFC 4616), read as a POP3 server and written as an IMAP client.
 */
#ifndef PROTOCOL_SASL_H
#define PROTOCOL_SASL_H

#include "protocol/bytebuf.h"

/* Appends `NUL user NUL password`. False when `out` is full or a NUL is in either. */
bool sasl_plain_write(struct bytebuf *out, struct span user, struct span password);

/*
 * Splits `[authzid] NUL authcid NUL password`. The spans point into `message`. False when it is
 * not of that form, when a part that must be there is empty, or when an authzid differs from the
 * authcid (nobody acts for somebody else here).
 */
bool sasl_plain_read(struct span message, struct span *user_r, struct span *password_r);

#endif
