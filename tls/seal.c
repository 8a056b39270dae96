/* SPDX-License-Identifier: ISC */
#include "tls/seal.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum {
	SEAL_VERSION = 1,
	NONCE_LEN = 12,
	TAG_LEN = 16,
};

_Static_assert(SEAL_OVERHEAD == 1 + NONCE_LEN + TAG_LEN, "as seal.h says");

bool seal_key_make(unsigned char key_r[SEAL_KEY_LEN])
{
	bool made = RAND_priv_bytes(key_r, SEAL_KEY_LEN) == 1;

	ERR_clear_error();
	return made;
}

/* OpenSSL counts in int. */
static bool fits(size_t len)
{
	return len <= INT_MAX - SEAL_OVERHEAD;
}

bool seal_close(const unsigned char key[SEAL_KEY_LEN], const void *context, size_t context_len,
		const void *text, size_t len, unsigned char *sealed_r)
{
	unsigned char *nonce = sealed_r + 1;
	unsigned char *octets = nonce + NONCE_LEN;
	unsigned char *tag = octets + len;
	int done = 0;
	EVP_CIPHER_CTX *cipher = fits(len) && fits(context_len) ? EVP_CIPHER_CTX_new() : NULL;
	bool closed = cipher != NULL && RAND_bytes(nonce, NONCE_LEN) == 1 &&
		      EVP_EncryptInit_ex2(cipher, EVP_aes_256_gcm(), key, nonce, NULL) == 1 &&
		      EVP_EncryptUpdate(cipher, NULL, &done, context, (int)context_len) == 1 &&
		      EVP_EncryptUpdate(cipher, octets, &done, text, (int)len) == 1 &&
		      (size_t)done == len && EVP_EncryptFinal_ex(cipher, tag, &done) == 1 &&
		      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) == 1;

	EVP_CIPHER_CTX_free(cipher);
	ERR_clear_error();
	sealed_r[0] = SEAL_VERSION;
	return closed;
}

enum seal_status seal_open(const unsigned char key[SEAL_KEY_LEN], const void *context,
			   size_t context_len, const void *sealed, size_t sealed_len,
			   unsigned char *text_r)
{
	const unsigned char *from = sealed;

	if (sealed_len < SEAL_OVERHEAD || from[0] != SEAL_VERSION)
		return SEAL_WRONG;
	size_t len = sealed_len - SEAL_OVERHEAD;
	const unsigned char *nonce = from + 1;
	const unsigned char *octets = nonce + NONCE_LEN;
	int done = 0;
	EVP_CIPHER_CTX *cipher = fits(len) && fits(context_len) ? EVP_CIPHER_CTX_new() : NULL;
	enum seal_status status = SEAL_FAILED;

	if (cipher != NULL &&
	    EVP_DecryptInit_ex2(cipher, EVP_aes_256_gcm(), key, nonce, NULL) == 1 &&
	    EVP_DecryptUpdate(cipher, NULL, &done, context, (int)context_len) == 1 &&
	    EVP_DecryptUpdate(cipher, text_r, &done, octets, (int)len) == 1 &&
	    (size_t)done == len &&
	    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
				(unsigned char *)octets + len) == 1)
		status = EVP_DecryptFinal_ex(cipher, text_r + len, &done) == 1 ? SEAL_OPENED
									       : SEAL_WRONG;
	if (status != SEAL_OPENED)
		OPENSSL_cleanse(text_r, len);
	EVP_CIPHER_CTX_free(cipher);
	ERR_clear_error();
	return status;
}
