/* SPDX-License-Identifier: ISC */
/* digest: SHA-256 (FIPS 180-4) of octets that are in memory. */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum {
	DIGEST_LEN = 32,
	DIGEST_HEX_SIZE = 2 * DIGEST_LEN + 1,
};

/* As lower-case hexadecimal digits and a NUL. False when OpenSSL fails (no memory). */
bool digest_hex(const void *octets, size_t len, char hex_r[DIGEST_HEX_SIZE])
	__attribute__((warn_unused_result));

#endif
