/* SPDX-License-Identifier: ISC */
/*
 * pkce: what a sign-in by way of a browser must know and nobody may guess: the code verifier, with
 * the challenge that is made of it (RFC 7636, method S256), and `state` (RFC 6749 section 10.12).
 *
 * All are base64url without padding (RFC 7636 appendix A), and NUL-terminated here.
 */
#ifndef TLS_PKCE_H
#define TLS_PKCE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	PKCE_TEXT_LEN = 43, /* of 32 octets */
	PKCE_TEXT_SIZE = PKCE_TEXT_LEN + 1,
};

/* 32 random octets: a verifier, a state. False when there is no randomness. */
bool pkce_random(char text_r[PKCE_TEXT_SIZE]) __attribute__((warn_unused_result));

/* SHA-256 of the verifier. False when OpenSSL fails (no memory). */
bool pkce_challenge(const char verifier[PKCE_TEXT_SIZE], char challenge_r[PKCE_TEXT_SIZE])
	__attribute__((warn_unused_result));

/* Whether `len` octets are this text; takes as long wherever they differ. */
bool pkce_equal(const char text[PKCE_TEXT_SIZE], const void *octets, size_t len);

#endif
