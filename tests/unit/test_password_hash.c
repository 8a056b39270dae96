/* SPDX-License-Identifier: ISC */
#include "tls/password_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Salts and hashes for rows that are about something else. */
#define SALT "MTIzNDU2Nzg"
#define HASH "kpUp1i4jeYCrLdlrFPnJTQ"
#define SALT_64 \
	"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMw"

struct vector {
	const char *name;
	const char *password;
	const char *hash;
};

static const struct vector vectors[] = {
	{ "RFC 7914 section 12, the third", "pleaseletmein",
	  "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$"
	  "cCO9yzr9c0hGHAbNgf046/"
	  "2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw" },
	{ "passlib's manual", "password",
	  "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+"
	  "iCs5E" },
	/* Python's hashlib.scrypt. */
	{ "8-bit, spaces, shortest salt and hash, most lanes", "p\xc3\xa4 ss ",
	  "$scrypt$ln=4,r=1,p=16$" SALT "$" HASH },
	{ "empty password, biggest block", "",
	  "$scrypt$ln=10,r=32,p=2$MDEyMzQ1Njc4OWFiY2RlZg$"
	  "/Enaak8f5RK2OT4QvaOzuAwoOBLeJYZynm4NW+"
	  "1mn7b8NJlpajpb8cCKRZAWyrfugXk0pMnQQ3AFvzt1FhST7g" },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *vector = &vectors[i];
		size_t len = strlen(vector->password);
		char longer[32];

		snprintf(longer, sizeof(longer), "%s ", vector->password);
		if (!password_hash_is_valid(vector->hash))
			fail_msg("%s: called invalid", vector->name);
		if (password_hash_verify(vector->hash, vector->password, len) !=
		    PASSWORD_HASH_RIGHT)
			fail_msg("%s: the right password is refused", vector->name);
		if (password_hash_verify(vector->hash, longer, len + 1) != PASSWORD_HASH_WRONG)
			fail_msg("%s: a longer password is accepted", vector->name);
		if (len > 0 && password_hash_verify(vector->hash, vector->password, len - 1) !=
				       PASSWORD_HASH_WRONG)
			fail_msg("%s: a shorter password is accepted", vector->name);
	}
}

/* Every octet of the hash counts, not only a prefix. */
static void test_every_octet_of_the_hash_counts(void **state)
{
	const char *right = vectors[2].hash;
	size_t len = strlen(right);

	(void)state;
	for (size_t i = len - strlen(HASH); i < len; i++) {
		char wrong[PASSWORD_HASH_TEXT_MAX];

		snprintf(wrong, sizeof(wrong), "%s", right);
		wrong[i] = right[i] == 'Q' ? 'g' : 'Q'; /* both end in four zero bits */
		if (!password_hash_is_valid(wrong))
			fail_msg("position %zu: called invalid", i);
		if (password_hash_verify(wrong, vectors[2].password, strlen(vectors[2].password)) !=
		    PASSWORD_HASH_WRONG)
			fail_msg("position %zu: does not count", i);
	}
}

static const struct {
	const char *name;
	const char *text;
	bool valid;
} forms[] = {
	{ "the usual form", "$scrypt$ln=15,r=8,p=1$" SALT "$" HASH, true },
	{ "least costs", "$scrypt$ln=1,r=1,p=1$" SALT "$" HASH, true },
	{ "N near 256 MB", "$scrypt$ln=17,r=15,p=1$" SALT "$" HASH, true },
	{ "longest salt and hash", "$scrypt$ln=1,r=1,p=1$" SALT_64 "$" SALT_64, true },
	{ "256 MB and a bit", "$scrypt$ln=18,r=8,p=1$" SALT "$" HASH, false },
	{ "far too much memory", "$scrypt$ln=20,r=32,p=16$" SALT "$" HASH, false },
	{ "N too big for r (RFC 7914 section 2)", "$scrypt$ln=16,r=1,p=1$" SALT "$" HASH, false },
	{ "ln 0", "$scrypt$ln=0,r=8,p=1$" SALT "$" HASH, false },
	{ "ln 21", "$scrypt$ln=21,r=1,p=1$" SALT "$" HASH, false },
	{ "r 33", "$scrypt$ln=4,r=33,p=1$" SALT "$" HASH, false },
	{ "p 17", "$scrypt$ln=4,r=8,p=17$" SALT "$" HASH, false },
	{ "number that wraps", "$scrypt$ln=4294967300,r=8,p=1$" SALT "$" HASH, false },
	{ "leading zero", "$scrypt$ln=015,r=8,p=1$" SALT "$" HASH, false },
	{ "negative", "$scrypt$ln=-1,r=8,p=1$" SALT "$" HASH, false },
	{ "no number", "$scrypt$ln=,r=8,p=1$" SALT "$" HASH, false },
	{ "other order", "$scrypt$r=8,ln=15,p=1$" SALT "$" HASH, false },
	{ "salt of 7 octets", "$scrypt$ln=15,r=8,p=1$MTIzNDU2Nw$" HASH, false },
	{ "hash of 15 octets", "$scrypt$ln=15,r=8,p=1$" SALT "$kpUp1i4jeYCrLdlrFPnJ", false },
	{ "salt of 65 octets", "$scrypt$ln=15,r=8,p=1$" SALT_64 "A$" HASH, false },
	{ "hash of 65 octets", "$scrypt$ln=15,r=8,p=1$" SALT "$" SALT_64 "A", false },
	{ "padding", "$scrypt$ln=15,r=8,p=1$" SALT "=$" HASH, false },
	{ "stray bits", "$scrypt$ln=15,r=8,p=1$MTIzNDU2Nzh$" HASH, false },
	{ "one character too many", "$scrypt$ln=15,r=8,p=1$" SALT "AA$" HASH, false },
	{ "URL's base64", "$scrypt$ln=15,r=8,p=1$MTIzNDU2Nz-$" HASH, false },
	{ "line end", "$scrypt$ln=15,r=8,p=1$" SALT "$" HASH "\n", false },
	{ "no hash", "$scrypt$ln=15,r=8,p=1$" SALT, false },
	{ "other scheme", "$argon2id$v=19$m=65536,t=3,p=4$" SALT "$" HASH, false },
	{ "crypt(3)'s scrypt", "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn", false },
	{ "a password", "secret", false },
	{ "nothing", "", false },
};

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		if (password_hash_is_valid(forms[i].text) != forms[i].valid)
			fail_msg("%s: called %s", forms[i].name,
				 forms[i].valid ? "invalid" : "valid");
		if (!forms[i].valid &&
		    password_hash_verify(forms[i].text, "secret", 6) != PASSWORD_HASH_FAILED)
			fail_msg("%s: verified", forms[i].name);
	}
}

/* What is_valid() accepts, verify() can compute: the dearest that is allowed. */
static void test_dearest_is_computed(void **state)
{
	/* Python's hashlib.scrypt of "secret". */
	static const char hash[] = "$scrypt$ln=17,r=15,p=1$" SALT "$1aqZYMm8A02LL7Kuu4OXrw";

	(void)state;
	assert_int_equal(password_hash_verify(hash, "secret", 6), PASSWORD_HASH_RIGHT);
}

/* No prefix of a hash is a hash, but for those that only shorten the hash proper. */
static void test_prefixes(void **state)
{
	const char *text = vectors[2].hash;
	char prefix[PASSWORD_HASH_TEXT_MAX];

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)len, text);
		if (password_hash_is_valid(prefix))
			fail_msg("\"%s\" is called valid", prefix);
	}
}

static void test_make(void **state)
{
	static const char password[] = "sec\0ret";
	char first[PASSWORD_HASH_TEXT_MAX], second[PASSWORD_HASH_TEXT_MAX];

	(void)state;
	assert_true(password_hash_make(password, sizeof(password) - 1, first));
	assert_true(password_hash_make(password, sizeof(password) - 1, second));
	assert_int_equal(strncmp(first, "$scrypt$ln=15,r=8,p=1$", 22), 0);
	assert_int_equal(strlen(first), 22 + 22 + 1 + 43);
	assert_true(password_hash_is_valid(first));
	assert_int_equal(password_hash_verify(first, password, sizeof(password) - 1),
			 PASSWORD_HASH_RIGHT);
	assert_int_equal(password_hash_verify(first, password, 3),
			 PASSWORD_HASH_WRONG); /* NUL does not end it */
	assert_int_not_equal(strncmp(first + 22, second + 22, 22), 0);
	assert_string_not_equal(first + 45, second + 45);
}

static void test_nobody(void **state)
{
	char made[PASSWORD_HASH_TEXT_MAX];

	(void)state;
	assert_true(password_hash_is_valid(password_hash_nobody()));
	assert_int_equal(password_hash_verify(password_hash_nobody(), "", 0), PASSWORD_HASH_WRONG);
	/* The same costs as a real one, so that it takes as long. */
	assert_true(password_hash_make("", 0, made));
	assert_int_equal(strncmp(made, password_hash_nobody(), 22), 0);
	assert_int_equal(strlen(made), strlen(password_hash_nobody()));
}

static void test_digest(void **state)
{
	/* Python's hmac.new(key, b"alice\0secret", "sha256"). */
	static const unsigned char expected[PASSWORD_DIGEST_LEN] = {
		0x7b, 0x44, 0xf8, 0x1a, 0xe4, 0x6e, 0xbb, 0x98, 0x20, 0x06, 0xe6,
		0xf7, 0x13, 0x13, 0x04, 0x11, 0xe2, 0xb7, 0xeb, 0x3a, 0x63, 0x8f,
		0x39, 0xc5, 0xe6, 0xc4, 0x2c, 0xd0, 0x27, 0x72, 0x63, 0x8e,
	};
	unsigned char key[PASSWORD_KEY_LEN];
	unsigned char digest[PASSWORD_DIGEST_LEN], other[PASSWORD_DIGEST_LEN];

	(void)state;
	for (unsigned char i = 0; i < PASSWORD_KEY_LEN; i++)
		key[i] = i;
	assert_true(password_digest(key, "alice", 5, "secret", 6, digest));
	assert_memory_equal(digest, expected, PASSWORD_DIGEST_LEN);
	assert_true(password_digest_equal(digest, expected));

	/* Where the name ends and the password begins matters. */
	assert_true(password_digest(key, "alices", 6, "ecret", 5, other));
	assert_false(password_digest_equal(digest, other));
	key[31] ^= 1;
	assert_true(password_digest(key, "alice", 5, "secret", 6, other));
	assert_false(password_digest_equal(digest, other));
	assert_true(password_digest(key, "", 0, "", 0, other));

	memcpy(other, digest, sizeof(other));
	other[PASSWORD_DIGEST_LEN - 1] ^= 0x80;
	assert_false(password_digest_equal(digest, other));
}

static void test_keys_differ(void **state)
{
	unsigned char first[PASSWORD_KEY_LEN], second[PASSWORD_KEY_LEN];

	(void)state;
	assert_true(password_key_make(first));
	assert_true(password_key_make(second));
	assert_memory_not_equal(first, second, PASSWORD_KEY_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_octet_of_the_hash_counts),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_dearest_is_computed),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
