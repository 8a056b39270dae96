/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/redirect_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void loopback_is_this_machine_only(void **state)
{
	static const struct {
		const char *uri;
		bool loopback;
	} rows[] = {
		{ "http://localhost", true },
		{ "http://localhost/", true },
		{ "http://localhost:8400/cb", true },
		{ "http://127.0.0.1:1/", true },
		{ "http://localhost.example.org/", false },
		{ "http://127.0.0.12/", false },
		{ "https://localhost/", false },
		{ "http://[::1]:1/", false },
		{ "https://login.microsoftonline.com/common/oauth2/nativeclient", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (redirect_uri_is_loopback(rows[i].uri) != rows[i].loopback)
			fail_msg("%s", rows[i].uri);
	}
}

static void a_browser_ends_where_the_account_says_and_the_tool_listens(void **state)
{
	static const struct {
		const char *own;
		const char *offered;
		const char *expected; /* NULL: refused */
	} rows[] = {
		{ NULL, "http://localhost:33001/", "http://localhost:33001/" },
		{ NULL, "http://127.0.0.1:1/", "http://127.0.0.1:1/" },
		{ "http://localhost", "http://localhost:33001/", "http://localhost:33001" },
		{ "http://localhost/cb", "http://localhost:33001/", "http://localhost:33001/cb" },
		{ "http://127.0.0.1/cb", "http://localhost:33001/", "http://127.0.0.1:33001/cb" },
		{ "http://localhost:8400/cb", "http://localhost:33001/",
		  "http://localhost:8400/cb" },
		{ "http://localhost:8400/cb", NULL, "http://localhost:8400/cb" },
		{ "https://login.example.org/nativeclient", "http://localhost:33001/",
		  "https://login.example.org/nativeclient" },
		{ NULL, NULL, NULL },
		{ "http://localhost/cb", NULL, NULL },
		{ NULL, "http://localhost/", NULL },
		{ NULL, "http://localhost:/", NULL },
		{ NULL, "http://localhost:0/", NULL },
		{ NULL, "http://localhost:65536/", NULL },
		{ NULL, "http://localhost:33001", NULL },
		{ NULL, "http://localhost:33001/x", NULL },
		{ NULL, "http://localhost:33001@evil.example/", NULL },
		{ NULL, "http://evil.example:33001/", NULL },
		{ NULL, "https://localhost:33001/", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_account account = { .oauth.redirect_uri = rows[i].own };
		char uri[REDIRECT_URI_MAX] = "";
		bool ok = redirect_uri_for_browser(&account, rows[i].offered, uri);

		if (ok != (rows[i].expected != NULL) || (ok && strcmp(uri, rows[i].expected) != 0))
			fail_msg("row %zu: %s", i, uri);
	}
}

static void what_is_copied_comes_from_a_page_of_the_provider(void **state)
{
	static const struct {
		struct conf_account account;
		const char *expected;
	} rows[] = {
		{ { .provider = CONF_PROVIDER_OFFICE365,
		    .oauth.authority = "https://login.microsoftonline.com" },
		  "https://login.microsoftonline.com/common/oauth2/nativeclient" },
		{ { .provider = CONF_PROVIDER_GCC_HIGH,
		    .oauth.authority = "https://login.microsoftonline.us/" },
		  "https://login.microsoftonline.us/common/oauth2/nativeclient" },
		{ { .provider = CONF_PROVIDER_OFFICE365,
		    .oauth = { .authority = "https://login.microsoftonline.com",
			       .redirect_uri = "http://localhost/cb" } },
		  "http://localhost/cb" },
		{ { .provider = CONF_PROVIDER_CUSTOM,
		    .oauth.token_endpoint = "https://id.example.org/token" },
		  "http://localhost/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char uri[REDIRECT_URI_MAX] = "";

		assert_true(redirect_uri_for_paste(&rows[i].account, uri));
		assert_string_equal(uri, rows[i].expected);
	}
}

static void an_address_that_is_too_long_is_refused(void **state)
{
	char own[REDIRECT_URI_MAX + 20];
	char uri[REDIRECT_URI_MAX];
	struct conf_account account = { .oauth.redirect_uri = own };

	(void)state;
	memset(own, 'x', sizeof(own));
	own[sizeof(own) - 1] = '\0';
	assert_false(redirect_uri_for_paste(&account, uri));
	assert_false(redirect_uri_for_browser(&account, "http://localhost:1/", uri));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_this_machine_only),
		cmocka_unit_test(a_browser_ends_where_the_account_says_and_the_tool_listens),
		cmocka_unit_test(what_is_copied_comes_from_a_page_of_the_provider),
		cmocka_unit_test(an_address_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
