/* SPDX-License-Identifier: ISC */
#include "tests/unit/certificate_file.h"
#include "tls/tls_file.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	char folder[32];
	struct identity first, second;
};

static int set_up(void **state)
{
	struct fixture *all = calloc(1, sizeof(*all));

	assert_non_null(all);
	snprintf(all->folder, sizeof(all->folder), "/tmp/test_file_XXXXXX");
	assert_non_null(mkdtemp(all->folder));
	all->first = identity_make(&(struct identity_spec){ .common_name = "first" }, NULL);
	all->second = identity_make(&(struct identity_spec){ .common_name = "second" }, NULL);
	*state = all;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *all = *state;

	assert_int_equal(rmdir(all->folder), 0); /* whatever a test wrote, it removed */
	identity_free(&all->first);
	identity_free(&all->second);
	free(all);
	return 0;
}

/* Our words go straight behind the file's name, and OpenSSL's queue is empty. */
static void assert_reason(const struct tls_reason *reason, const char *file, const char *words)
{
	char expected[512];

	snprintf(expected, sizeof(expected), "%s: %s", file, words);
	assert_string_equal(reason->text, expected);
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_first_certificate_of_a_file(void **state)
{
	struct fixture *all = *state;
	struct tls_reason reason;
	char path[PATH_LEN];

	write_certificate(path, all->folder, "chain.pem", all->first.certificate);
	FILE *file = fopen(path, "a");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, all->second.certificate), 1);
	fclose(file);
	X509 *read = tls_file_read_certificate(path, &reason);
	assert_non_null(read);
	assert_int_equal(X509_cmp(read, all->first.certificate), 0);
	X509_free(read);
	unlink(path);
}

static void test_files_that_hold_something_else(void **state)
{
	struct fixture *all = *state;
	struct tls_reason reason;
	char path[PATH_LEN];

	write_key(path, all->folder, "key", all->first.key, NULL);
	assert_null(tls_file_read_certificate(path, &reason));
	assert_reason(&reason, path, "holds no certificate");
	unlink(path);
	write_certificate(path, all->folder, "certificate", all->first.certificate);
	assert_null(tls_file_read_key(path, &reason));
	assert_non_null(strstr(reason.text, "holds no private key that can be read"));
	unlink(path);
	assert_null(tls_file_read_certificate(path, &reason));
	assert_reason(&reason, path, "No such file or directory");
	assert_null(tls_file_read_key(all->folder, &reason));
	assert_reason(&reason, all->folder, "Is a directory");
	assert_false(tls_file_is_readable(all->folder, &reason));
}

static void test_keys(void **state)
{
	struct fixture *all = *state;
	struct tls_reason reason;
	char path[PATH_LEN];

	write_key(path, all->folder, "key", all->first.key, NULL);
	EVP_PKEY *key = tls_file_read_key(path, &reason);
	assert_non_null(key);
	assert_int_equal(EVP_PKEY_eq(key, all->first.key), 1);
	EVP_PKEY_free(key);
	assert_int_equal(chmod(path, 0604), 0);
	assert_null(tls_file_read_key(path, &reason));
	assert_reason(&reason, path,
		      "is open to every user (mode 0604); a private key must not be");
	unlink(path);
	write_key(path, all->folder, "key", all->first.key, "passphrase");
	assert_null(tls_file_read_key(path, &reason));
	assert_reason(&reason, path, "is encrypted; only a key without a passphrase can be used");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_certificate_of_a_file),
		cmocka_unit_test(test_files_that_hold_something_else),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
