/* SPDX-License-Identifier: ISC */
#include "tls/tls_error.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *name;
	struct {
		int library, reason;
	} raised[2]; /* in this order */
	size_t size;
	const char *expected;
};

static const struct row rows[] = {
	{ "nothing raised", { { 0, 0 } }, 64, "fallback" },
	{ "one reason",
	  { { ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER } },
	  64,
	  "wrong version number" },
	{ "the first is the root",
	  { { ERR_LIB_SSL, SSL_R_BAD_SIGNATURE }, { ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER } },
	  64,
	  "bad signature" },
	{ "system error",
	  { { ERR_LIB_SYS, ENOENT }, { ERR_LIB_BIO, ERR_R_SYS_LIB } },
	  64,
	  "No such file or directory" },
	{ "reason without a text", { { ERR_LIB_USER, 77 } }, 64, "error:4000004D:" },
	{ "cut to the space there is",
	  { { ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER } },
	  6,
	  "wrong" },
	{ "fallback is cut too", { { 0, 0 } }, 5, "fall" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		char text[65];

		memset(text, '!', sizeof(text));
		for (size_t j = 0; j < 2 && row->raised[j].library != 0; j++)
			ERR_raise(row->raised[j].library, row->raised[j].reason);
		if (tls_error(text, row->size, "fallback") != text)
			fail_msg("%s: another pointer came back", row->name);
		if (strncmp(text, row->expected, strlen(row->expected)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", row->name, text, row->expected);
		if (text[row->size] != '!')
			fail_msg("%s: written beyond the space", row->name);
		if (ERR_peek_error() != 0)
			fail_msg("%s: the queue is not empty", row->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	/* As SSL_CTX_new() does. */
	OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
