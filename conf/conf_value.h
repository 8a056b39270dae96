/* SPDX-License-Identifier: ISC */
/*
 * conf_value: what a single text may be. Each check returns NULL when the text is fine, and what is
 * wrong with it, in the form "must be ...", when it is not.
 */
#ifndef CONF_CONF_VALUE_H
#define CONF_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of any sort but control characters; at least one. */
const char *conf_value_check_text(const char *text);

/* How many octets the UTF-8 character (RFC 3629 section 4) at the front of a text has; 0: it is
 * none. It looks no further than the end of the text; NUL itself is a character of one. */
size_t conf_value_utf8_len(const char *text);

/* UTF-8 without control characters. */
const char *conf_value_check_utf8(const char *text);

/* A POP3 login name that USER can carry, or a wildcard: "*" and what the name ends in. */
const char *conf_value_check_user(const char *text);

/* A scrypt hash in PHC form with bounded costs, as tls/password_hash.h takes it. */
const char *conf_value_check_hash(const char *text);

/* An IPv4 or IPv6 address. */
const char *conf_value_check_address(const char *text);

/* A host name in ASCII, or an address. */
const char *conf_value_check_host(const char *text);

/* Visible ASCII without spaces: an identifier that somebody else made. */
const char *conf_value_check_name(const char *text);

/* The name of an organisation at the identity provider, which becomes part of a path. */
const char *conf_value_check_tenant(const char *text);

/* Scopes as RFC 6749 section 3.3 has them, with one space between. Those of Microsoft Graph are
 * refused: they look right, but their tokens open no mailbox. */
const char *conf_value_check_scope(const char *text);

/* YYYY-MM-DD, and such a day exists. */
const char *conf_value_check_date(const char *text);

bool conf_value_is_ipv4(const char *text);
bool conf_value_is_ipv6(const char *text);

/* localhost, 127.0.0.0/8 and ::1: what never leaves this machine. */
bool conf_value_is_loopback(const char *host);

/* ASCII letters without case, as RFC 1939 compares nothing else but its verbs; other octets
 * exactly. Like strcmp(). */
int conf_value_compare_nocase(const char *a, const char *b);

#endif
