/* SPDX-License-Identifier: ISC */
#include "tls/password_hash.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	DEFAULT_LN = 15,
	DEFAULT_R = 8,
	DEFAULT_P = 1,
	DEFAULT_SALT_LEN = 16,
	DEFAULT_HASH_LEN = 32,
	SALT_LEN_MIN = 8,
	SALT_LEN_MAX = 64,
	HASH_LEN_MIN = 16,
	HASH_LEN_MAX = 64,
	MEMORY_MAX = 256 * 1024 * 1024,
};

/* A hash taken apart. */
struct scrypt {
	unsigned ln, r, p;
	unsigned char salt[SALT_LEN_MAX];
	size_t salt_len;
	unsigned char hash[HASH_LEN_MAX];
	size_t hash_len;
};

static const char nobody[] =
	"$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* What is skipped when the text goes on with `expected`. */
static bool take_text(const char **text, const char *expected)
{
	size_t len = strlen(expected);

	if (strncmp(*text, expected, len) != 0)
		return false;
	*text += len;
	return true;
}

/* A decimal of 1..max, without leading zeroes. */
static bool take_number(const char **text, unsigned max, unsigned *number_r)
{
	unsigned number = 0;
	const char *at = *text;

	if (*at == '0')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		number = number * 10 + (unsigned)(*at - '0');
		if (number > max)
			return false;
	}
	if (at == *text)
		return false;
	*text = at;
	*number_r = number;
	return true;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 (RFC 4648 section 4) without padding, up to the first other octet. The bits that are left
 * over must be zero, so that no two texts mean the same. */
static bool take_base64(const char **text, unsigned char *octets_r, size_t min, size_t max,
			size_t *len_r)
{
	uint32_t bits = 0;
	unsigned bit_count = 0;
	size_t len = 0;
	int value;

	for (; (value = base64_value(**text)) >= 0; (*text)++) {
		bits = (bits << 6 | (uint32_t)value) & 0xffff;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		if (len == max)
			return false;
		bit_count -= 8;
		octets_r[len++] = (unsigned char)(bits >> bit_count);
	}
	if (bit_count >= 6 || (bits & ((1U << bit_count) - 1)) != 0 || len < min)
		return false;
	*len_r = len;
	return true;
}

static void put_base64(char *text_r, const unsigned char *octets, size_t len)
{
	/* EVP_EncodeBlock() pads and ends with NUL. */
	int text_len = EVP_EncodeBlock((unsigned char *)text_r, octets, (int)len);

	while (text_len > 0 && text_r[text_len - 1] == '=')
		text_r[--text_len] = '\0';
}

static bool scrypt_parse(struct scrypt *scrypt_r, const char *text)
{
	if (!take_text(&text, "$scrypt$ln=") || !take_number(&text, 20, &scrypt_r->ln) ||
	    !take_text(&text, ",r=") || !take_number(&text, 32, &scrypt_r->r) ||
	    !take_text(&text, ",p=") || !take_number(&text, 16, &scrypt_r->p) ||
	    !take_text(&text, "$") ||
	    !take_base64(&text, scrypt_r->salt, SALT_LEN_MIN, SALT_LEN_MAX, &scrypt_r->salt_len) ||
	    !take_text(&text, "$") ||
	    !take_base64(&text, scrypt_r->hash, HASH_LEN_MIN, HASH_LEN_MAX, &scrypt_r->hash_len) ||
	    *text != '\0')
		return false;

	/* RFC 7914 section 2: N is less than 2^(128 * r / 8). */
	if (scrypt_r->ln >= 16 * scrypt_r->r)
		return false;
	/* V, B and two blocks of work space; OpenSSL counts the same. */
	uint64_t n = (uint64_t)1 << scrypt_r->ln;
	return (n + 2 + scrypt_r->p) * 128 * scrypt_r->r <= MEMORY_MAX;
}

/* Runs scrypt with the costs and the salt in `scrypt`, for scrypt->hash_len octets. */
static bool scrypt_run(const struct scrypt *scrypt, const void *password, size_t len,
		       unsigned char *hash_r)
{
	if (EVP_PBE_scrypt(password, len, scrypt->salt, scrypt->salt_len, (uint64_t)1 << scrypt->ln,
			   scrypt->r, scrypt->p, MEMORY_MAX, hash_r, scrypt->hash_len) == 1)
		return true;
	ERR_clear_error();
	return false;
}

bool password_hash_make(const void *password, size_t len, char text_r[PASSWORD_HASH_TEXT_MAX])
{
	struct scrypt scrypt = {
		.ln = DEFAULT_LN,
		.r = DEFAULT_R,
		.p = DEFAULT_P,
		.salt_len = DEFAULT_SALT_LEN,
		.hash_len = DEFAULT_HASH_LEN,
	};
	char salt[(DEFAULT_SALT_LEN + 2) / 3 * 4 + 1];
	char hash[(DEFAULT_HASH_LEN + 2) / 3 * 4 + 1];
	bool made = RAND_bytes(scrypt.salt, DEFAULT_SALT_LEN) == 1 &&
		    scrypt_run(&scrypt, password, len, scrypt.hash);

	if (made) {
		put_base64(salt, scrypt.salt, scrypt.salt_len);
		put_base64(hash, scrypt.hash, scrypt.hash_len);
		snprintf(text_r, PASSWORD_HASH_TEXT_MAX, "$scrypt$ln=%u,r=%u,p=%u$%s$%s", scrypt.ln,
			 scrypt.r, scrypt.p, salt, hash);
		OPENSSL_cleanse(hash, sizeof(hash));
	}
	OPENSSL_cleanse(&scrypt, sizeof(scrypt));
	return made;
}

bool password_hash_is_valid(const char *text)
{
	struct scrypt scrypt;
	bool valid = scrypt_parse(&scrypt, text);

	OPENSSL_cleanse(&scrypt, sizeof(scrypt));
	return valid;
}

enum password_hash_status password_hash_verify(const char *text, const void *password, size_t len)
{
	struct scrypt scrypt;
	unsigned char hash[HASH_LEN_MAX];
	enum password_hash_status status = PASSWORD_HASH_FAILED;

	if (scrypt_parse(&scrypt, text) && scrypt_run(&scrypt, password, len, hash))
		status = CRYPTO_memcmp(hash, scrypt.hash, scrypt.hash_len) == 0
				 ? PASSWORD_HASH_RIGHT
				 : PASSWORD_HASH_WRONG;
	OPENSSL_cleanse(hash, sizeof(hash));
	OPENSSL_cleanse(&scrypt, sizeof(scrypt));
	return status;
}

const char *password_hash_nobody(void)
{
	return nobody;
}

bool password_key_make(unsigned char key_r[PASSWORD_KEY_LEN])
{
	return RAND_priv_bytes(key_r, PASSWORD_KEY_LEN) == 1;
}

bool password_digest(const unsigned char key[PASSWORD_KEY_LEN], const void *name, size_t name_len,
		     const void *password, size_t password_len,
		     unsigned char digest_r[PASSWORD_DIGEST_LEN])
{
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	bool done = ctx != NULL && EVP_MAC_init(ctx, key, PASSWORD_KEY_LEN, parameters) == 1 &&
		    EVP_MAC_update(ctx, name, name_len) == 1 &&
		    EVP_MAC_update(ctx, (const unsigned char *)"", 1) == 1 &&
		    EVP_MAC_update(ctx, password, password_len) == 1 &&
		    EVP_MAC_final(ctx, digest_r, NULL, PASSWORD_DIGEST_LEN) == 1;

	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	if (!done)
		ERR_clear_error();
	return done;
}

bool password_digest_equal(const unsigned char a[PASSWORD_DIGEST_LEN],
			   const unsigned char b[PASSWORD_DIGEST_LEN])
{
	return CRYPTO_memcmp(a, b, PASSWORD_DIGEST_LEN) == 0;
}
