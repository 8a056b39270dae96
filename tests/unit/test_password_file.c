/* SPDX-License-Identifier: ISC */
#include "daemon/password_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(char path_r[64], const char *text, mode_t mode)
{
	snprintf(path_r, 64, "/tmp/test_password_file.XXXXXX");
	int fd = mkstemp(path_r);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char users[] = "# people\n"
			    "\n"
			    "anna:hash-of-anna\n"
			    "no colon here\n"
			    "ben@example.org:hash:of:ben\r\n"
			    "anna:second line of anna\n"
			    ":hash-of-nobody\n"
			    "last:hash-of-last";

static void names_are_found_as_login_names_are(void **state)
{
	static const struct {
		const char *name;
		enum password_file_status status;
		const char *hash;
	} rows[] = {
		{ "anna", PASSWORD_FILE_FOUND, "hash-of-anna" },
		{ "ANNA", PASSWORD_FILE_FOUND, "hash-of-anna" },
		{ "Ben@Example.ORG", PASSWORD_FILE_FOUND, "hash:of:ben" },
		{ "last", PASSWORD_FILE_FOUND, "hash-of-last" },
		{ "ann", PASSWORD_FILE_UNKNOWN, NULL },
		{ "annaa", PASSWORD_FILE_UNKNOWN, NULL },
		{ "# people", PASSWORD_FILE_UNKNOWN, NULL },
		{ "no colon here", PASSWORD_FILE_UNKNOWN, NULL },
	};
	char path[64];
	char error[200];

	(void)state;
	write_file(path, users, 0640);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char hash[PASSWORD_HASH_TEXT_MAX] = "";
		enum password_file_status status = password_file_find(path, span_text(rows[i].name),
								      hash, error, sizeof(error));

		if (status != rows[i].status ||
		    (rows[i].hash != NULL && strcmp(hash, rows[i].hash) != 0))
			fail_msg("%s: status %d, hash %s", rows[i].name, (int)status, hash);
	}
	unlink(path);
}

static void a_file_that_everybody_can_read_is_refused(void **state)
{
	char hash[PASSWORD_HASH_TEXT_MAX];
	char path[64];
	char error[200] = "";

	(void)state;
	write_file(path, users, 0644);
	assert_int_equal(password_file_find(path, span_text("anna"), hash, error, sizeof(error)),
			 PASSWORD_FILE_BROKEN);
	assert_non_null(strstr(error, "everybody can read it"));
	unlink(path);
	assert_int_equal(password_file_find(path, span_text("anna"), hash, error, sizeof(error)),
			 PASSWORD_FILE_BROKEN);
	assert_non_null(strstr(error, "No such file"));
	assert_int_equal(password_file_find("/tmp", span_text("anna"), hash, error, sizeof(error)),
			 PASSWORD_FILE_BROKEN);
}

static void a_hash_that_is_too_long_is_refused(void **state)
{
	char hash[PASSWORD_HASH_TEXT_MAX];
	char text[400];
	char path[64];
	char error[200] = "";

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "anna:", 5);
	text[sizeof(text) - 1] = '\0';
	write_file(path, text, 0600);
	assert_int_equal(password_file_find(path, span_text("anna"), hash, error, sizeof(error)),
			 PASSWORD_FILE_BROKEN);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_as_login_names_are),
		cmocka_unit_test(a_file_that_everybody_can_read_is_refused),
		cmocka_unit_test(a_hash_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
