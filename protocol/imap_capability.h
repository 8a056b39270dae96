/* SPDX-License-Identifier: ISC */
/*
 * imap_capability: names of capabilities <-> bits (RFC 3501 section 7.2.1). One table.
 *
 * Only what changes our behaviour has a bit; every other name is skipped.
 */
#ifndef PROTOCOL_IMAP_CAPABILITY_H
#define PROTOCOL_IMAP_CAPABILITY_H

#include "protocol/span.h"

enum imap_capability {
	IMAP_CAP_IMAP4REV1 = 1u << 0,
	IMAP_CAP_STARTTLS = 1u << 1,
	IMAP_CAP_LOGINDISABLED = 1u << 2,
	IMAP_CAP_AUTH_PLAIN = 1u << 3,
	IMAP_CAP_AUTH_LOGIN = 1u << 4,
	IMAP_CAP_AUTH_XOAUTH2 = 1u << 5,
	IMAP_CAP_AUTH_OAUTHBEARER = 1u << 6,
	IMAP_CAP_SASL_IR = 1u << 7,       /* RFC 4959 */
	IMAP_CAP_LITERAL_PLUS = 1u << 8,  /* RFC 7888: literals of any size without waiting */
	IMAP_CAP_LITERAL_MINUS = 1u << 9, /* RFC 7888: up to 4096 octets */
	IMAP_CAP_UIDPLUS = 1u << 10,      /* RFC 4315: UID EXPUNGE */
	IMAP_CAP_MOVE = 1u << 11,         /* RFC 6851: UID MOVE */
	IMAP_CAP_IDLE = 1u << 12,         /* RFC 2177 */
	IMAP_CAP_ID = 1u << 13,           /* RFC 2971 */
	IMAP_CAP_UNSELECT = 1u << 14,     /* RFC 3691 */
	IMAP_CAP_SPECIAL_USE = 1u << 15,  /* RFC 6154 */
};

/* The bit of a name, or 0 for one we do not use. Case does not matter. */
uint32_t imap_capability_bit(struct span name);

#endif
