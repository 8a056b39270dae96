/* SPDX-License-Identifier: ISC */
/*
 * pop3_reply: +OK and -ERR lines (RFC 1939 section 3), with response codes (RFC 2449 section 8).
 *
 * Text may come from an IMAP server: control characters and 8-bit octets become "?", and a line
 * is cut at POP3_REPLY_MAX. Every function returns false only when `out` is full.
 */
#ifndef PROTOCOL_POP3_REPLY_H
#define PROTOCOL_POP3_REPLY_H

#include "protocol/bytebuf.h"

/* RFC 2449 section 8.1, RFC 3206 section 4. */
enum pop3_code {
	POP3_CODE_NONE,
	POP3_CODE_AUTH,
	POP3_CODE_IN_USE,
	POP3_CODE_LOGIN_DELAY,
	POP3_CODE_SYS_TEMP,
	POP3_CODE_SYS_PERM,
};

/* "SYS/TEMP" and so on; "" for POP3_CODE_NONE. */
const char *pop3_code_name(enum pop3_code code);

/* `+OK text` */
bool pop3_reply_ok(struct bytebuf *out, const char *text);

/* `-ERR [CODE] text` */
bool pop3_reply_err(struct bytebuf *out, enum pop3_code code, const char *text);

/* The line "." that ends a multi-line reply. */
bool pop3_reply_end(struct bytebuf *out);

/* What CAPA depends on. */
struct pop3_capabilities {
	bool stls;  /* STLS would be accepted now */
	bool login; /* a login would be accepted over this connection: USER and SASL are listed */
};

/* The whole multi-line reply to CAPA (RFC 2449 section 5). */
bool pop3_reply_capabilities(struct bytebuf *out, const struct pop3_capabilities *caps);

#endif
