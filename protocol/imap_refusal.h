/* SPDX-License-Identifier: ISC */
/*
 * imap_refusal: what a NO, a BAD or a BYE means for the one who waits.
 *
 * A server that is overloaded says NO (or BAD) as one that knows no such user does; the difference
 * is in the response code (RFC 5530) or, where there is none, in words that are known from the
 * field. A NO to a login or to SELECT settles something only where its code allows that; without a
 * code and known words it is meant as it was said.
 */
#ifndef PROTOCOL_IMAP_REFUSAL_H
#define PROTOCOL_IMAP_REFUSAL_H

#include "protocol/imap_client.h"

enum { IMAP_REFUSAL_TEXT_MAX = 256 };

/* Whether the server may do later what it refused now. */
bool imap_refusal_is_temporary(const struct imap_event *event);

/* Whether a NO to AUTHENTICATE or LOGIN means that name or password are wrong. Any other response
 * code tells of a server in trouble; many servers give none, or [ALERT], with a wrong password. */
bool imap_refusal_of_password(const struct imap_event *event);

/* Likewise of a token. Exchange calls one it cannot read a "Command Argument Error", which is BAD.
 */
bool imap_refusal_of_token(const struct imap_event *event);

/* Whether this is Exchange's "Session invalidated - AccessTokenExpired": a NO, a BAD or a BYE, to
 * any command. Another token is needed, and another connection. */
bool imap_refusal_is_token_expired(const struct imap_event *event);

/* Whether this is Exchange's "User is authenticated but not connected". */
bool imap_refusal_is_not_connected(const struct imap_event *event);

/* Whether a NO to SELECT means that there is no such folder, or none for us. */
bool imap_refusal_of_folder(const struct imap_event *event);

/*
 * Takes out of a text, in place, what looks like a credential: the server may have repeated what it
 * did not understand. That is any run of base64 that is longer than words are, and any word that is
 * longer than addresses are, as a token in the clear is.
 */
void imap_refusal_hide(char *text);

/* Keeps a text: the server's, or ours where the server gave none. Cut where it is too long. */
void imap_refusal_copy(char text_r[IMAP_REFUSAL_TEXT_MAX], const char *text, const char *otherwise);

#endif
