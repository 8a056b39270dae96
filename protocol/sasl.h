/* SPDX-License-Identifier: ISC */
/*
 * sasl: the messages of SASL mechanisms, before and after base64.
 *
 * PLAIN (RFC 4616), read as a POP3 server and written as an IMAP client; XOAUTH2 (Google's and
 * Microsoft's) and OAUTHBEARER (RFC 7628), written as an IMAP client.
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

/*
 * The two messages that carry a bearer token (RFC 6750): `user` is the mailbox to open. False when
 * `out` is full, when either is empty, when an octet that frames the message (^A, NUL) is in
 * `user`, or one in `token` that no access token has (RFC 6749 appendix A.12).
 */
bool sasl_xoauth2_write(struct bytebuf *out, struct span user, struct span token);
/* `user` is written as a saslname (RFC 5801 section 4): `,` and `=` as =2C and =3D. */
bool sasl_oauthbearer_write(struct bytebuf *out, struct span user, struct span token);

enum { SASL_BEARER_STATUS_MAX = 40 };
/*
 * Why a token was refused: the "status" of the JSON that a server's error challenge is, decoded
 * (RFC 7628 section 3.2.2; XOAUTH2 likewise): "invalid_token", "insufficient_scope", "401". The
 * span points into `challenge`. False when there is none, or when it is not one short word; nothing
 * else of the challenge is looked at.
 */
bool sasl_bearer_error_read(struct span challenge, struct span *status_r);

#endif
