/* SPDX-License-Identifier: ISC */
#include "tls/digest.h"

#include <openssl/err.h>
#include <openssl/evp.h>

bool digest_hex(const void *octets, size_t len, char hex_r[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[DIGEST_LEN];

	if (EVP_Digest(octets, len, digest, NULL, EVP_sha256(), NULL) != 1) {
		ERR_clear_error();
		return false;
	}
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		hex_r[2 * i] = digits[digest[i] >> 4];
		hex_r[2 * i + 1] = digits[digest[i] & 0xf];
	}
	hex_r[2 * DIGEST_LEN] = '\0';
	return true;
}
