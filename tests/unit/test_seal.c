/* SPDX-License-Identifier: ISC */
#include "tls/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CONTEXT "imap.example.org\nu"

static const unsigned char key[SEAL_KEY_LEN] = { 1, 2, 3 };
static const char text[] = "a refresh token";

enum { LEN = sizeof(text), SEALED_LEN = LEN + SEAL_OVERHEAD };

static void seal(unsigned char sealed_r[SEALED_LEN])
{
	assert_true(seal_close(key, CONTEXT, strlen(CONTEXT), text, LEN, sealed_r));
}

static void test_what_was_sealed_comes_back(void **state)
{
	unsigned char sealed[SEALED_LEN], opened[LEN];

	(void)state;
	seal(sealed);
	assert_int_equal(seal_open(key, CONTEXT, strlen(CONTEXT), sealed, SEALED_LEN, opened),
			 SEAL_OPENED);
	assert_memory_equal(opened, text, LEN);
	assert_null(memmem(sealed, SEALED_LEN, text, 4));
}

static void test_nothing_can_be_sealed(void **state)
{
	unsigned char sealed[SEAL_OVERHEAD], opened[1] = { 'x' };

	(void)state;
	assert_true(seal_close(key, "", 0, "", 0, sealed));
	assert_int_equal(seal_open(key, "", 0, sealed, sizeof(sealed), opened), SEAL_OPENED);
	assert_int_equal(opened[0], 'x');
}

/* Vector: AES-256-GCM, Test Case 16 of the GCM specification (McGrew and Viega), in our frame. */
static void test_it_is_aes_256_gcm(void **state)
{
	static const unsigned char its_key[SEAL_KEY_LEN] = {
		0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f,
		0x94, 0x67, 0x30, 0x83, 0x08, 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65,
		0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08
	};
	static const unsigned char context[] = { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe,
						 0xef, 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad,
						 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2 };
	static const unsigned char plain[] = { 0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5,
					       0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7,
					       0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30,
					       0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
					       0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
					       0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d,
					       0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39 };
	static const unsigned char sealed[] = {
		1, /* version */
		0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88, /* nonce */
		0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a,
		0x84, 0x42, 0x7d, 0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98,
		0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa, 0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb,
		0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38, 0xc5, 0xf6, 0x1e, 0x63,
		0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62, 0x76, 0xfc, 0x6e, 0xce, 0x0f,
		0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b /* tag */
	};
	unsigned char opened[sizeof(plain)];

	(void)state;
	assert_int_equal(sizeof(sealed) - SEAL_OVERHEAD, 60);
	assert_int_equal(
		seal_open(its_key, context, sizeof(context), sealed, sizeof(sealed), opened),
		SEAL_OPENED);
	assert_memory_equal(opened, plain, sizeof(plain));
}

static void test_every_octet_counts(void **state)
{
	unsigned char sealed[SEALED_LEN], opened[LEN];

	(void)state;
	seal(sealed);
	for (size_t i = 0; i < SEALED_LEN; i++) {
		memset(opened, 'x', sizeof(opened));
		sealed[i] ^= 0x20;
		if (seal_open(key, CONTEXT, strlen(CONTEXT), sealed, SEALED_LEN, opened) !=
		    SEAL_WRONG)
			fail_msg("a change of octet %zu went unnoticed", i);
		assert_null(memmem(opened, LEN, text, 4));
		sealed[i] ^= 0x20;
	}
}

static void test_cut_or_longer_is_wrong(void **state)
{
	unsigned char sealed[SEALED_LEN + 1] = { 0 }, opened[LEN + 1];

	(void)state;
	seal(sealed);
	for (size_t len = 0; len <= SEALED_LEN + 1; len++) {
		if (len != SEALED_LEN)
			assert_int_equal(
				seal_open(key, CONTEXT, strlen(CONTEXT), sealed, len, opened),
				SEAL_WRONG);
	}
}

static void test_another_key_or_context_is_wrong(void **state)
{
	unsigned char sealed[SEALED_LEN], opened[LEN], other[SEAL_KEY_LEN];

	(void)state;
	seal(sealed);
	assert_true(seal_key_make(other));
	assert_int_equal(seal_open(other, CONTEXT, strlen(CONTEXT), sealed, SEALED_LEN, opened),
			 SEAL_WRONG);
	assert_int_equal(seal_open(key, CONTEXT, strlen(CONTEXT) - 1, sealed, SEALED_LEN, opened),
			 SEAL_WRONG);
	assert_int_equal(seal_open(key, "", 0, sealed, SEALED_LEN, opened), SEAL_WRONG);
}

static void test_nothing_repeats(void **state)
{
	unsigned char first[SEALED_LEN], second[SEALED_LEN];
	unsigned char other[SEAL_KEY_LEN], another[SEAL_KEY_LEN];

	(void)state;
	seal(first);
	seal(second);
	assert_memory_not_equal(first + 1, second + 1, SEALED_LEN - 1);
	assert_true(seal_key_make(other));
	assert_true(seal_key_make(another));
	assert_memory_not_equal(other, another, SEAL_KEY_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_sealed_comes_back),
		cmocka_unit_test(test_nothing_can_be_sealed),
		cmocka_unit_test(test_it_is_aes_256_gcm),
		cmocka_unit_test(test_every_octet_counts),
		cmocka_unit_test(test_cut_or_longer_is_wrong),
		cmocka_unit_test(test_another_key_or_context_is_wrong),
		cmocka_unit_test(test_nothing_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
