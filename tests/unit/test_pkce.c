/* SPDX-License-Identifier: ISC */
#include "tls/pkce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void the_challenge_is_that_of_rfc_7636(void **state)
{
	/* Appendix B. */
	static const char verifier[PKCE_TEXT_SIZE] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	char challenge[PKCE_TEXT_SIZE];

	(void)state;
	assert_true(pkce_challenge(verifier, challenge));
	assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void random_texts_differ_and_are_base64url(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char last[PKCE_TEXT_SIZE] = "";

	(void)state;
	/* Among so many, both octets that base64 writes otherwise are bound to turn up. */
	for (int i = 0; i < 200; i++) {
		char text[PKCE_TEXT_SIZE];

		assert_true(pkce_random(text));
		assert_int_equal(strlen(text), PKCE_TEXT_LEN);
		assert_int_equal(strspn(text, alphabet), PKCE_TEXT_LEN);
		assert_string_not_equal(text, last);
		memcpy(last, text, sizeof(last));
	}
}

static void only_the_same_text_is_equal(void **state)
{
	static const char text[PKCE_TEXT_SIZE] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	static const struct {
		const char *name;
		const char *other;
		bool equal;
	} rows[] = {
		{ "the same", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true },
		{ "first differs", "eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", false },
		{ "last differs", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", false },
		{ "shorter", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX", false },
		{ "longer", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXkk", false },
		{ "empty", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (pkce_equal(text, rows[i].other, strlen(rows[i].other)) != rows[i].equal)
			fail_msg("%s", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_challenge_is_that_of_rfc_7636),
		cmocka_unit_test(random_texts_differ_and_are_base64url),
		cmocka_unit_test(only_the_same_text_is_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
