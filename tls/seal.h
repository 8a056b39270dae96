/* SPDX-License-Identifier: ISC */
/*
 * seal: secrets at rest: AES-256-GCM (NIST SP 800-38D) under a key that the caller keeps.
 *
 * A sealed text is `version || nonce || ciphertext || tag`: one octet, 12, as many as the text has,
 * and 16. The nonce is random, fresh each time; `context` (what the secret is and whose) is
 * authenticated with it, so that one sealed text cannot be put in the place of another. Safe on any
 * thread.
 */
#ifndef TLS_SEAL_H
#define TLS_SEAL_H

#include <stdbool.h>
#include <stddef.h>

enum {
	SEAL_KEY_LEN = 32,
	SEAL_OVERHEAD = 1 + 12 + 16,
};

/* A fresh key; false when there is no randomness. */
bool seal_key_make(unsigned char key_r[SEAL_KEY_LEN]);

/* Writes `len + SEAL_OVERHEAD` octets. False when OpenSSL fails (no memory, no randomness). */
bool seal_close(const unsigned char key[SEAL_KEY_LEN], const void *context, size_t context_len,
		const void *text, size_t len, unsigned char *sealed_r)
	__attribute__((warn_unused_result));

enum seal_status {
	SEAL_OPENED, /* `sealed_len - SEAL_OVERHEAD` octets were written */
	SEAL_WRONG,  /* another key, another context, or octets that were changed */
	SEAL_FAILED, /* OpenSSL failed: nothing is known */
};

/* `text_r` is wiped unless OPENED. */
enum seal_status seal_open(const unsigned char key[SEAL_KEY_LEN], const void *context,
			   size_t context_len, const void *sealed, size_t sealed_len,
			   unsigned char *text_r) __attribute__((warn_unused_result));

#endif
