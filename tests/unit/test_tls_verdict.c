/* SPDX-License-Identifier: ISC */
/* The texts that handshakes bring about are in test_tls_context.c; these are the rest. */
#include "tls/tls_verdict.h"

#include "tests/unit/certificate.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define TEN(x) x x x x x x x x x x

static const struct {
	const char *name;
	struct identity_spec spec;
	int verdict;
	const char *expected;
} rows[] = {
	{ "a verdict without words of ours",
	  { .common_name = "x" },
	  X509_V_ERR_CERT_REVOKED,
	  "certificate of mail.example: certificate revoked" },
	{ "missing link of the chain",
	  { .common_name = "x" },
	  X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
	  "certificate of mail.example is signed by an unknown authority (CN=x)" },
	{ "hostile authority",
	  { .common_name = "a\nb\x1b[2J" },
	  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	  "certificate of mail.example is signed by an unknown authority (CN=a\\0Ab\\1B[2J)" },
	{ "nothing is expired any more",
	  { .common_name = "x" },
	  X509_V_ERR_CERT_HAS_EXPIRED,
	  "certificate of mail.example expired on 2100-01-01" },
	{ "name of another kind",
	  { .common_name = "x", .names = "email:a@b.example,DNS:b.example" },
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  "certificate is for b.example, not mail.example" },
	{ "only names of another kind",
	  { .common_name = "x", .names = "email:a@b.example" },
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  "certificate of mail.example names no host, only its subject CN=x" },
	{ "long names are cut, our host is not",
	  { .common_name = "x",
	    .names = "DNS:" TEN("abcdefghij") ",DNS:" TEN("klmnopqrst") ",DNS:" TEN("uvwxyzabcd") },
	  X509_V_ERR_HOSTNAME_MISMATCH,
	  "certificate is for "
	  "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
	  "abcdefghij..., klmnopqrstklmnopqrstklmnopqrstklmnopqrstklmnopqrstklmnopqrstklmnopqrst"
	  "klmnopqrst..., uvwxyzabcduvwxyzabcduvwxyzabcduvwxyzabcduvwxyzabcduvwxyzabcduvwxyzabcd"
	  "uvwxyzabcd..., not mail.example" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct identity identity = identity_make(&rows[i].spec, NULL);
		STACK_OF(X509) *chain = sk_X509_new_null();
		struct tls_reason reason = { "" };

		assert_int_equal(sk_X509_push(chain, identity.certificate), 1);
		tls_verdict_say(&reason, rows[i].verdict, chain, "mail.example");
		if (strcmp(reason.text, rows[i].expected) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].name, reason.text,
				 rows[i].expected);
		sk_X509_free(chain);
		identity_free(&identity);
	}
}

/* No memory and no reason at all say nothing about the certificate. */
static void test_blame(void **state)
{
	(void)state;
	assert_false(tls_verdict_blames_certificate(X509_V_OK));
	assert_false(tls_verdict_blames_certificate(X509_V_ERR_OUT_OF_MEM));
	assert_false(tls_verdict_blames_certificate(X509_V_ERR_UNSPECIFIED));
	assert_true(tls_verdict_blames_certificate(X509_V_ERR_CERT_HAS_EXPIRED));
	assert_true(tls_verdict_blames_certificate(X509_V_ERR_HOSTNAME_MISMATCH));
}

/* Whatever is appended, the text stays within its space and is ended. */
static void test_full(void **state)
{
	struct tls_reason reason = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(reason.text) + 10; i++)
		tls_reason_say(&reason, "%s", "ab");
	assert_int_equal(strlen(reason.text), sizeof(reason.text) - 1);
	tls_reason_say_foreign(&reason, (const unsigned char *)"x", 1);
	assert_int_equal(strlen(reason.text), sizeof(reason.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_blame),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
