/* SPDX-License-Identifier: ISC */
#include "tls/client_assertion.h"

#include "tls/tls_error.h"
#include "tls/tls_file.h"
#include "tls/tls_verdict.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RSA_BITS_MAX = 16384,
	ASSERTION_MAX = 16 * 1024,
	UUID_LEN = 36,
	THUMBPRINT_TEXT_LEN = 43, /* 32 octets in base64url */
};

/* A JWT while it is written; what does not fit is remembered. */
struct jwt {
	char text[ASSERTION_MAX];
	size_t len;
	bool failed;
};

/* base64url without padding (RFC 7515 section 2), made of OpenSSL's base64. */
static void jwt_append_encoded(struct jwt *jwt, const void *octets, size_t len)
{
	if (jwt->failed || len > ASSERTION_MAX ||
	    jwt->len + (len + 2) / 3 * 4 + 1 > ASSERTION_MAX) {
		jwt->failed = true;
		return;
	}
	char *at = jwt->text + jwt->len;
	int encoded = EVP_EncodeBlock((unsigned char *)at, octets, (int)len);
	while (encoded > 0 && at[encoded - 1] == '=')
		encoded--;
	for (int i = 0; i < encoded; i++)
		at[i] = at[i] == '+' ? '-' : at[i] == '/' ? '_' : at[i];
	jwt->len += (size_t)encoded;
}

static void jwt_append_dot(struct jwt *jwt)
{
	if (jwt->len < ASSERTION_MAX)
		jwt->text[jwt->len++] = '.';
	else
		jwt->failed = true;
}

/* A string of JSON (RFC 8259 section 7); control characters are in no configuration. False: it does
 * not fit. */
static bool quote(char *text_r, size_t size, const char *value)
{
	size_t len = 0;

	for (; *value != '\0'; value++) {
		bool escape = *value == '"' || *value == '\\';
		if (len + (escape ? 2 : 1) >= size || (unsigned char)*value < ' ')
			return false;
		if (escape)
			text_r[len++] = '\\';
		text_r[len++] = *value;
	}
	text_r[len] = '\0';
	return true;
}

/* RFC 4122 section 4.4. */
static bool make_uuid(char text_r[UUID_LEN + 1])
{
	unsigned char octets[16];

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return false;
	octets[6] = (unsigned char)((octets[6] & 0x0f) | 0x40);
	octets[8] = (unsigned char)((octets[8] & 0x3f) | 0x80);
	for (size_t i = 0, at = 0; i < sizeof(octets); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text_r[at++] = '-';
		snprintf(text_r + at, 3, "%02x", octets[i]);
		at += 2;
	}
	return true;
}

static void append_header(struct jwt *jwt, const struct client_assertion *assertion,
			  const X509 *certificate)
{
	struct jwt thumbprint = { .len = 0 };
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char header[256];

	if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1) {
		jwt->failed = true;
		return;
	}
	jwt_append_encoded(&thumbprint, digest, len);
	snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"%.*s\"}",
		 assertion->algorithm == CLIENT_ASSERTION_PS256 ? "PS256" : "RS256",
		 THUMBPRINT_TEXT_LEN, thumbprint.text);
	jwt_append_encoded(jwt, header, strlen(header));
}

static void append_claims(struct jwt *jwt, const struct client_assertion *assertion)
{
	char audience[2048], client_id[1024], uuid[UUID_LEN + 1];
	char claims[8192];
	long long now = (long long)assertion->now;

	if (!quote(audience, sizeof(audience), assertion->audience) ||
	    !quote(client_id, sizeof(client_id), assertion->client_id) || !make_uuid(uuid)) {
		jwt->failed = true;
		return;
	}
	snprintf(claims, sizeof(claims),
		 "{\"aud\":\"%s\",\"iss\":\"%s\",\"sub\":\"%s\",\"jti\":\"%s\","
		 "\"nbf\":%lld,\"iat\":%lld,\"exp\":%lld}",
		 audience, client_id, client_id, uuid, now, now, now + assertion->lifetime);
	jwt_append_encoded(jwt, claims, strlen(claims));
}

static bool sign(const struct jwt *jwt, enum client_assertion_algorithm algorithm, EVP_PKEY *key,
		 unsigned char signature_r[RSA_BITS_MAX / 8], size_t *len_r)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL; /* the digest's */
	bool done =
		digest != NULL && EVP_DigestSignInit(digest, &how, EVP_sha256(), NULL, key) == 1;

	/* RFC 7518 section 3.5: the salt is as long as the digest. */
	if (done && algorithm == CLIENT_ASSERTION_PS256)
		done = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
	*len_r = RSA_BITS_MAX / 8;
	done = done && EVP_DigestSign(digest, signature_r, len_r, (const unsigned char *)jwt->text,
				      jwt->len) == 1;
	EVP_MD_CTX_free(digest);
	return done;
}

/* Whether the two go together and can sign what we need. */
static bool check_pair(const struct client_assertion *assertion, X509 *certificate, EVP_PKEY *key,
		       struct tls_reason *reason_r)
{
	if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) > RSA_BITS_MAX) {
		tls_file_fail(
			reason_r, assertion->private_key,
			"is no RSA key of a usual size, which the assertion's algorithm needs");
		return false;
	}
	if (X509_check_private_key(certificate, key) != 1) {
		tls_file_fail(reason_r, assertion->private_key,
			      "is not the key of the certificate in ");
		tls_reason_say(reason_r, "%s", assertion->certificate);
		return false;
	}
	return true;
}

static char *make(const struct client_assertion *assertion, X509 *certificate, EVP_PKEY *key,
		  struct tls_reason *reason_r)
{
	unsigned char signature[RSA_BITS_MAX / 8];
	struct jwt jwt = { .len = 0 };
	size_t len = 0;
	char *text = NULL;

	append_header(&jwt, assertion, certificate);
	jwt_append_dot(&jwt);
	append_claims(&jwt, assertion);
	if (!jwt.failed && !sign(&jwt, assertion->algorithm, key, signature, &len)) {
		tls_file_blame(reason_r, assertion->private_key, "private key that can sign");
		goto out;
	}
	jwt_append_dot(&jwt);
	jwt_append_encoded(&jwt, signature, len);
	if (jwt.failed) {
		tls_file_fail(reason_r, NULL, "the client assertion cannot be written");
		goto out;
	}
	text = strndup(jwt.text, jwt.len);
	if (text == NULL)
		tls_file_fail(reason_r, NULL, "no memory");
out:
	OPENSSL_cleanse(&jwt, sizeof(jwt));
	OPENSSL_cleanse(signature, sizeof(signature));
	return text;
}

char *client_assertion_make(const struct client_assertion *assertion, struct tls_reason *reason_r)
{
	X509 *certificate = tls_file_read_certificate(assertion->certificate, reason_r);
	EVP_PKEY *key =
		certificate != NULL ? tls_file_read_key(assertion->private_key, reason_r) : NULL;
	char *text = NULL;

	if (key != NULL && check_pair(assertion, certificate, key, reason_r))
		text = make(assertion, certificate, key, reason_r);
	EVP_PKEY_free(key);
	X509_free(certificate);
	ERR_clear_error();
	return text;
}

bool client_assertion_expiry(const char *certificate, time_t *expiry_r, struct tls_reason *reason_r)
{
	X509 *read = tls_file_read_certificate(certificate, reason_r);
	struct tm utc;
	bool known = read != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(read), &utc) == 1;

	if (known)
		*expiry_r = timegm(&utc);
	else if (read != NULL)
		tls_file_fail(reason_r, certificate, "has an end that is no date");
	X509_free(read);
	ERR_clear_error();
	return known;
}
