/* SPDX-License-Identifier: ISC */
/*
 * client_assertion: the JWT by which an application proves its identity with a certificate (RFC
 * 7523 section 3, RFC 7515; Microsoft's "certificate credentials").
 *
 *   header  { "alg": "PS256", "typ": "JWT", "x5t#S256": base64url(SHA-256 of the DER certificate) }
 *   claims  { "aud", "iss", "sub", "jti", "nbf", "iat", "exp" }
 *
 * Signed with RSASSA-PSS and SHA-256 (PS256), or with RSASSA-PKCS1-v1_5 (RS256). The key is read
 * for each assertion and wiped behind it, so that a renewed certificate counts at once.
 */
#ifndef TLS_CLIENT_ASSERTION_H
#define TLS_CLIENT_ASSERTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "tls/tls_context.h"

enum client_assertion_algorithm { CLIENT_ASSERTION_PS256, CLIENT_ASSERTION_RS256 };

struct client_assertion {
	const char *certificate; /* PEM file; the first certificate in it counts */
	const char *private_key; /* PEM file, not readable by everybody, without a passphrase */
	enum client_assertion_algorithm algorithm;
	const char *audience;  /* the token endpoint */
	const char *client_id; /* iss and sub */
	time_t now;
	unsigned lifetime; /* seconds from `now` to exp; nbf is `now` */
};

/* The assertion as a text that the caller wipes (OPENSSL_cleanse) and frees (free()). NULL:
 * `reason_r` names the file and says why (unreadable, no RSA key, key and certificate do not match,
 * ...). `jti` is random, a UUID. */
char *client_assertion_make(const struct client_assertion *assertion, struct tls_reason *reason_r);

/* When the first certificate of a PEM file ends to be valid. False: `reason_r`. */
bool client_assertion_expiry(const char *certificate, time_t *expiry_r,
			     struct tls_reason *reason_r);

#endif
