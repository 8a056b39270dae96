/* SPDX-License-Identifier: ISC */
/*
 * password_hash: hashes of local POP3 passwords: scrypt (RFC 7914) in PHC form,
 *
 *   $scrypt$ln=15,r=8,p=1$SALT$HASH
 *
 * unpadded standard base64, 16 octets of salt, 32 of hash. Making or verifying one takes tens of
 * milliseconds and 32 MB on purpose: not for the event loop. Both are safe on any thread.
 * Also keyed hashes, with which a process remembers for its own life that a password was right.
 */
#ifndef TLS_PASSWORD_HASH_H
#define TLS_PASSWORD_HASH_H

#include <stdbool.h>
#include <stddef.h>

enum {
	PASSWORD_HASH_TEXT_MAX = 256, /* with the NUL */
	PASSWORD_KEY_LEN = 32,
	PASSWORD_DIGEST_LEN = 32,
};

/* False when OpenSSL fails (no memory, no randomness). */
bool password_hash_make(const void *password, size_t len, char text_r[PASSWORD_HASH_TEXT_MAX]);

/* Whether `text` is a hash that password_hash_verify() takes: ln 1..20, r 1..32, p 1..16, and
 * memory of at most 256 MB; salt of 8..64 octets; hash of 16..64. */
bool password_hash_is_valid(const char *text);

enum password_hash_status {
	PASSWORD_HASH_RIGHT,
	PASSWORD_HASH_WRONG,
	PASSWORD_HASH_FAILED, /* `text` is no hash, or OpenSSL failed (no memory): nothing is known
			       */
};

/* Compares in constant time. */
enum password_hash_status password_hash_verify(const char *text, const void *password, size_t len)
	__attribute__((warn_unused_result));

/* A hash that no password has, with the default costs: verified for unknown users, so that they
 * take as long as known ones. */
const char *password_hash_nobody(void);

/* A fresh key; false when there is no randomness. */
bool password_key_make(unsigned char key_r[PASSWORD_KEY_LEN]);

/* HMAC-SHA-256 over name, NUL and password. False when OpenSSL fails. */
bool password_digest(const unsigned char key[PASSWORD_KEY_LEN], const void *name, size_t name_len,
		     const void *password, size_t password_len,
		     unsigned char digest_r[PASSWORD_DIGEST_LEN]);

/* Constant-time. */
bool password_digest_equal(const unsigned char a[PASSWORD_DIGEST_LEN],
			   const unsigned char b[PASSWORD_DIGEST_LEN]);

#endif
