/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/oauth_sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static const char token[] = "eyJ0eXAiOiJKV1QiLCJub25jZSI6";

static void expect_opened(const struct oauth_sealed *sealed, const unsigned char *key,
			  const char *text)
{
	struct secret *opened = oauth_sealed_open(sealed, key);

	assert_non_null(opened);
	assert_true(span_equal(secret_borrow(opened), span_text(text)));
	secret_free(&opened);
}

static void what_is_sealed_is_opened_and_not_read(void **state)
{
	unsigned char key[SEAL_KEY_LEN], other[SEAL_KEY_LEN];
	struct oauth_sealed sealed = { 0 };
	struct secret *secret = secret_new(span_text(token));

	(void)state;
	assert_true(seal_key_make(key) && seal_key_make(other));
	assert_false(oauth_sealed_is_set(&sealed));
	assert_null(oauth_sealed_open(&sealed, key));
	assert_true(oauth_sealed_set(&sealed, key, secret));
	secret_free(&secret);
	assert_true(oauth_sealed_is_set(&sealed));
	assert_null(memmem(sealed.octets, sealed.len, token, 4));
	expect_opened(&sealed, key, token);
	expect_opened(&sealed, key, token);
	assert_null(oauth_sealed_open(&sealed, other));
	sealed.octets[sealed.len - 1] ^= 1;
	assert_null(oauth_sealed_open(&sealed, key));
	oauth_sealed_clear(&sealed);
	assert_false(oauth_sealed_is_set(&sealed));
	oauth_sealed_clear(&sealed);
}

static void the_next_takes_the_place_of_the_last(void **state)
{
	unsigned char key[SEAL_KEY_LEN];
	struct oauth_sealed sealed = { 0 };
	struct secret *first = secret_new(span_text(token));
	struct secret *second = secret_new(span_text("second"));
	struct secret *empty = secret_new(span_text(""));

	(void)state;
	assert_true(seal_key_make(key));
	assert_true(oauth_sealed_set(&sealed, key, first));
	assert_true(oauth_sealed_set(&sealed, key, second));
	expect_opened(&sealed, key, "second");
	assert_true(oauth_sealed_set(&sealed, key, empty));
	expect_opened(&sealed, key, "");
	assert_true(oauth_sealed_set(&sealed, key, first));
	assert_true(oauth_sealed_set(&sealed, key, NULL));
	assert_false(oauth_sealed_is_set(&sealed));
	secret_free(&first);
	secret_free(&second);
	secret_free(&empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_is_opened_and_not_read),
		cmocka_unit_test(the_next_takes_the_place_of_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
