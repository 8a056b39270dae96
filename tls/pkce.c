/* SPDX-License-Identifier: ISC */
#include "tls/pkce.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { OCTETS = 32 };

/* RFC 4648 section 5, without padding. */
static void write_base64url(char text_r[PKCE_TEXT_SIZE], const unsigned char octets[OCTETS])
{
	char padded[PKCE_TEXT_LEN + 2]; /* one `=`, and NUL */

	EVP_EncodeBlock((unsigned char *)padded, octets, OCTETS);
	for (size_t i = 0; i < PKCE_TEXT_LEN; i++)
		text_r[i] = (char)(padded[i] == '+' ? '-' : padded[i] == '/' ? '_' : padded[i]);
	text_r[PKCE_TEXT_LEN] = '\0';
	OPENSSL_cleanse(padded, sizeof(padded));
}

bool pkce_random(char text_r[PKCE_TEXT_SIZE])
{
	unsigned char octets[OCTETS];

	if (RAND_priv_bytes(octets, sizeof(octets)) != 1) {
		ERR_clear_error();
		return false;
	}
	write_base64url(text_r, octets);
	OPENSSL_cleanse(octets, sizeof(octets));
	return true;
}

bool pkce_challenge(const char verifier[PKCE_TEXT_SIZE], char challenge_r[PKCE_TEXT_SIZE])
{
	unsigned char digest[OCTETS];

	if (EVP_Digest(verifier, PKCE_TEXT_LEN, digest, NULL, EVP_sha256(), NULL) != 1) {
		ERR_clear_error();
		return false;
	}
	write_base64url(challenge_r, digest);
	return true;
}

bool pkce_equal(const char text[PKCE_TEXT_SIZE], const void *octets, size_t len)
{
	return len == PKCE_TEXT_LEN && CRYPTO_memcmp(text, octets, PKCE_TEXT_LEN) == 0;
}
