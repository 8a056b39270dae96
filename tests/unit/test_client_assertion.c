/* SPDX-License-Identifier: ISC */
/* Assertions are taken apart and verified as an identity provider does it. */
#include "tests/unit/certificate_file.h"
#include "tls/client_assertion.h"

#include <stdlib.h>
#include <unistd.h>

#define AUDIENCE "https://login.example.org/tenant/oauth2/v2.0/token"
#define NOW 1795000000

enum { LIFETIME = 300, PART_MAX = 4096 };

struct fixture {
	char folder[32];
	char certificate[PATH_LEN], key[PATH_LEN];
	char other_key[PATH_LEN], ec_certificate[PATH_LEN], ec_key[PATH_LEN];
	struct identity rsa, other, ec;
};

static int set_up(void **state)
{
	struct fixture *all = calloc(1, sizeof(*all));

	assert_non_null(all);
	snprintf(all->folder, sizeof(all->folder), "/tmp/test_jwt_XXXXXX");
	assert_non_null(mkdtemp(all->folder));
	all->rsa = identity_make(&(struct identity_spec){ .common_name = "app",
							  .rsa_bits = 2048,
							  .not_after = "20300102030405Z" },
				 NULL);
	all->other = identity_make(
		&(struct identity_spec){ .common_name = "other", .rsa_bits = 2048 }, NULL);
	all->ec = identity_make(&(struct identity_spec){ .common_name = "ec" }, NULL);
	write_certificate(all->certificate, all->folder, "app.pem", all->rsa.certificate);
	write_key(all->key, all->folder, "app.key", all->rsa.key, NULL);
	write_key(all->other_key, all->folder, "other.key", all->other.key, NULL);
	write_certificate(all->ec_certificate, all->folder, "ec.pem", all->ec.certificate);
	write_key(all->ec_key, all->folder, "ec.key", all->ec.key, NULL);
	*state = all;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *all = *state;

	unlink(all->certificate);
	unlink(all->key);
	unlink(all->other_key);
	unlink(all->ec_certificate);
	unlink(all->ec_key);
	assert_int_equal(rmdir(all->folder), 0);
	identity_free(&all->rsa);
	identity_free(&all->other);
	identity_free(&all->ec);
	free(all);
	return 0;
}

static struct client_assertion assertion_of(const struct fixture *all,
					    enum client_assertion_algorithm algorithm)
{
	return (struct client_assertion){ .certificate = all->certificate,
					  .private_key = all->key,
					  .algorithm = algorithm,
					  .audience = AUDIENCE,
					  .client_id = "11111111-2222-3333-4444-555555555555",
					  .now = NOW,
					  .lifetime = LIFETIME };
}

/* base64url without padding -> octets and a NUL; the length. */
static size_t decode(const char *text, size_t len, unsigned char octets_r[PART_MAX])
{
	char padded[PART_MAX];
	size_t padded_len = (len + 3) / 4 * 4;

	assert_true(padded_len < PART_MAX && len % 4 != 1);
	for (size_t i = 0; i < padded_len; i++) {
		char c = i < len ? text[i] : '=';
		assert_null(i < len ? strchr("+/=", c) : NULL);
		padded[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
	}
	int decoded = EVP_DecodeBlock(octets_r, (unsigned char *)padded, (int)padded_len);
	assert_true(decoded >= 0);
	size_t octets = (size_t)decoded - (padded_len - len);
	octets_r[octets] = '\0';
	return octets;
}

struct parts {
	char header[PART_MAX];
	char claims[PART_MAX];
	unsigned char signature[PART_MAX];
	size_t signature_len;
	size_t signed_len;
};

static struct parts take_apart(const char *text)
{
	struct parts parts;
	const char *first = strchr(text, '.');
	const char *second = first != NULL ? strchr(first + 1, '.') : NULL;

	assert_non_null(second);
	assert_null(strchr(second + 1, '.'));
	decode(text, (size_t)(first - text), (unsigned char *)parts.header);
	decode(first + 1, (size_t)(second - first - 1), (unsigned char *)parts.claims);
	parts.signature_len = decode(second + 1, strlen(second + 1), parts.signature);
	parts.signed_len = (size_t)(second - text);
	return parts;
}

static void assert_signed(const char *text, const struct parts *parts, EVP_PKEY *key, bool pss)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;

	assert_non_null(digest);
	assert_int_equal(EVP_DigestVerifyInit(digest, &how, EVP_sha256(), NULL, key), 1);
	if (pss) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, 32), 1);
	}
	assert_int_equal(EVP_DigestVerify(digest, parts->signature, parts->signature_len,
					  (const unsigned char *)text, parts->signed_len),
			 1);
	EVP_MD_CTX_free(digest);
}

static void assert_header(const struct parts *parts, const char *algorithm, X509 *certificate)
{
	unsigned char digest[EVP_MAX_MD_SIZE], claimed[PART_MAX];
	unsigned len = 0;
	char expected[128];

	snprintf(expected, sizeof(expected), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"",
		 algorithm);
	assert_memory_equal(parts->header, expected, strlen(expected));
	assert_string_equal(parts->header + strlen(expected) + 43, "\"}");
	assert_int_equal(decode(parts->header + strlen(expected), 43, claimed), 32);
	assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &len), 1);
	assert_memory_equal(claimed, digest, 32);
}

static void test_algorithms(void **state)
{
	struct fixture *all = *state;

	for (int pss = 0; pss <= 1; pss++) {
		struct client_assertion assertion =
			assertion_of(all, pss ? CLIENT_ASSERTION_PS256 : CLIENT_ASSERTION_RS256);
		struct tls_reason reason;
		char *text = client_assertion_make(&assertion, &reason);

		assert_non_null(text);
		struct parts parts = take_apart(text);
		assert_header(&parts, pss ? "PS256" : "RS256", all->rsa.certificate);
		assert_signed(text, &parts, all->rsa.key, pss);
		free(text);
	}
}

static void test_claims(void **state)
{
	struct client_assertion assertion = assertion_of(*state, CLIENT_ASSERTION_PS256);
	struct tls_reason reason;
	char expected[512], jti[37], again[37];
	char *text = client_assertion_make(&assertion, &reason);

	assert_non_null(text);
	struct parts parts = take_apart(text);
	const char *at = strstr(parts.claims, "\"jti\":\"");
	assert_non_null(at);
	snprintf(jti, sizeof(jti), "%.36s", at + 7);
	snprintf(expected, sizeof(expected),
		 "{\"aud\":\"" AUDIENCE "\",\"iss\":\"%s\",\"sub\":\"%s\",\"jti\":\"%s\","
		 "\"nbf\":%d,\"iat\":%d,\"exp\":%d}",
		 assertion.client_id, assertion.client_id, jti, NOW, NOW, NOW + LIFETIME);
	assert_string_equal(parts.claims, expected);
	assert_int_equal(jti[14], '4');
	free(text);
	text = client_assertion_make(&assertion, &reason);
	parts = take_apart(text);
	snprintf(again, sizeof(again), "%.36s", strstr(parts.claims, "\"jti\":\"") + 7);
	assert_string_not_equal(jti, again);
	free(text);
}

static void test_quotes_stay_in_their_string(void **state)
{
	struct client_assertion assertion = assertion_of(*state, CLIENT_ASSERTION_RS256);
	struct tls_reason reason;

	assertion.client_id = "a\",\"sub\":\"b\\";
	char *text = client_assertion_make(&assertion, &reason);
	assert_non_null(text);
	struct parts parts = take_apart(text);
	assert_non_null(strstr(parts.claims, "\"iss\":\"a\\\",\\\"sub\\\":\\\"b\\\\\","));
	free(text);
}

static void test_what_cannot_sign(void **state)
{
	struct fixture *all = *state;
	struct client_assertion assertion = assertion_of(all, CLIENT_ASSERTION_PS256);
	struct tls_reason reason;

	assertion.private_key = all->other_key;
	assert_null(client_assertion_make(&assertion, &reason));
	assert_non_null(strstr(reason.text, "other.key: is not the key of the certificate in "));
	assertion.certificate = all->ec_certificate;
	assertion.private_key = all->ec_key;
	assert_null(client_assertion_make(&assertion, &reason));
	assert_non_null(strstr(reason.text, "ec.key: is no RSA key"));
	assertion.certificate = all->key;
	assert_null(client_assertion_make(&assertion, &reason));
	assert_non_null(strstr(reason.text, "app.key: holds no certificate"));
	assertion = assertion_of(all, CLIENT_ASSERTION_PS256);
	assertion.client_id = "a\nb";
	assert_null(client_assertion_make(&assertion, &reason));
	assert_string_equal(reason.text, "the client assertion cannot be written");
}

static void test_expiry(void **state)
{
	struct fixture *all = *state;
	struct tls_reason reason;
	time_t expiry = 0;

	assert_true(client_assertion_expiry(all->certificate, &expiry, &reason));
	assert_int_equal(expiry, 1893553445); /* 2030-01-02 03:04:05 UTC */
	assert_false(client_assertion_expiry(all->key, &expiry, &reason));
	assert_non_null(strstr(reason.text, "holds no certificate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_quotes_stay_in_their_string),
		cmocka_unit_test(test_what_cannot_sign),
		cmocka_unit_test(test_expiry),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
