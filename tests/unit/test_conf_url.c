/* SPDX-License-Identifier: ISC */
#include "conf/conf_url.h"

#include "tests/unit/conf_fixture.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A256 A64 A64 A64 A64

static const char no_host[] = "must name a host behind its //, by name or address";
static const char no_port[] = "must have a port between 1 and 65535, or none";
static const char no_https[] = "must begin with https://";
static const char no_url[] = "must be a URL: ASCII, without spaces";
static const char no_query[] = "must not have a query (?)";
static const char no_fragment[] = "must not have a fragment (#)";
static const char no_redirect[] = "must begin with http://localhost, http://127.0.0.1 or https://";

struct row {
	const char *text;
	const char *expected; /* NULL: it is fine */
};

static void check_rows(const char *(*check)(const char *text), const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *reason = check(rows[i].text);
		const char *got = reason != NULL ? reason : "fine";
		const char *expected = rows[i].expected != NULL ? rows[i].expected : "fine";
		if (strcmp(got, expected) != 0)
			fail_msg("%s: got: %s, expected: %s", rows[i].text, got, expected);
	}
}

static void endpoints_are_https_addresses(void **state)
{
	static const struct row rows[] = {
		{ "https://login.microsoftonline.com/common/oauth2/v2.0/token", NULL },
		{ "https://id", NULL },
		{ "https://id/", NULL },
		{ "https://127.0.0.1:8443/token", NULL },
		{ "https://[::1]:8443/token", NULL },
		{ "https://[2001:db8::1]", NULL },
		{ "https://id.example.org:65535/a(b)!'*%20;c=d@e", NULL },
		{ "https://id.example.org/token?policy=p&x=https://y", NULL },
		{ "https://id.example.org?policy=p", NULL },
		{ "http://id.example.org/token", no_https },
		{ "http://127.0.0.1/token", no_https },
		{ "HTTPS://id.example.org/token", no_https },
		{ "id.example.org/token", no_https },
		{ "https:/id.example.org", no_https },
		{ "", no_https },
		{ "https://", no_host },
		{ "https:///token", no_host },
		{ "https://:443/", no_host },
		{ "https://?a", no_host },
		{ "https://user@id.example.org/", no_host },
		{ "https://user:secret@id.example.org/", no_port },
		{ "https://id..example.org/", no_host },
		{ "https://" A256 "/", no_host },
		{ "https://[::1/token", no_host },
		{ "https://[::1]x/token", no_host },
		{ "https://[id.example.org]/", no_host },
		{ "https://[127.0.0.1]/", no_host },
		{ "https://[]/", no_host },
		{ "https://::1/", no_host },
		{ "https://id:0/", no_port },
		{ "https://id:65536/", no_port },
		{ "https://id:4294967297/", no_port },
		{ "https://id:/", no_port },
		{ "https://id:x/", no_port },
		{ "https://id:80x/", no_host },
		{ "https://id/token#top", no_fragment },
		{ "https://id#top", no_fragment },
		{ "https://id/a b", no_url },
		{ "https://id/\n", no_url },
		{ "https://id/\"", no_url },
		{ "https://id\\@evil/", no_url },
		{ "https://m\xc3\xbcller.example/", no_url },
		{ "https://id/<TENANT>/token", no_url },
		{ "https://id/{tenant}/token", no_url },
		{ "https://id/" A256 A256, "must not be longer than 480 octets" },
	};

	(void)state;
	check_rows(conf_url_check_endpoint, rows, ROWS(rows));
}

static void a_page_may_be_one_of_this_machine(void **state)
{
	static const char not_here[] = "must be http://localhost or http://127.0.0.1, or https";
	static const struct row rows[] = {
		{ "https://id.example.org/authorize?policy=p", NULL },
		{ "http://localhost:8765/authorize", NULL },
		{ "http://127.0.0.1:8765/common/authorize?a=b", NULL },
		{ "http://id.example.org/authorize", not_here },
		{ "http://127.0.0.2/authorize", not_here },
		{ "http://localhost.example.org/", not_here },
		{ "http://localhost:x/", no_port },
		{ "http://localhost/#top", no_fragment },
		{ "http://", no_host },
		{ "ftp://localhost/", no_https },
		{ "http://localhost/a b", no_url },
		{ "", no_https },
	};

	(void)state;
	check_rows(conf_url_check_page, rows, ROWS(rows));
}

static void an_authority_is_one_that_paths_can_be_added_to(void **state)
{
	static const struct row rows[] = {
		{ "https://login.microsoftonline.com", NULL },
		{ "https://login.microsoftonline.com/", NULL },
		{ "https://id.example.org:8443/realms", NULL },
		{ "https://id.example.org/?a=b", no_query },
		{ "https://id.example.org#", no_fragment },
		{ "http://login.microsoftonline.com", no_https },
		{ "login.microsoftonline.com", no_https },
	};

	(void)state;
	check_rows(conf_url_check_authority, rows, ROWS(rows));
}

static void a_redirect_leads_to_this_machine_or_to_a_page_to_copy_from(void **state)
{
	static const struct row rows[] = {
		{ "http://localhost", NULL },
		{ "http://localhost/", NULL },
		{ "http://localhost:8765", NULL },
		{ "http://localhost:8765/packetboat/back", NULL },
		{ "http://127.0.0.1:1/", NULL },
		{ "https://login.microsoftonline.com/common/oauth2/nativeclient", NULL },
		{ "http://localhost.example.org/",
		  "must be http://localhost or http://127.0.0.1, or https" },
		{ "http://127.0.0.2/", "must be http://localhost or http://127.0.0.1, or https" },
		/* Microsoft knows none, and nobody listens there. */
		{ "http://[::1]:8765/", "must be http://localhost or http://127.0.0.1, or https" },
		{ "http://example.org/", "must be http://localhost or http://127.0.0.1, or https" },
		{ "http://localhost:0/", no_port },
		{ "http://localhost:99999/", no_port },
		{ "http://localhost/?a", no_query },
		{ "https://example.org/?a", no_query },
		{ "http://localhost/#a", no_fragment },
		{ "http://", no_host },
		{ "localhost:8765", no_redirect },
		{ "urn:ietf:wg:oauth:2.0:oob", no_redirect },
		{ "packetboat://back", no_redirect },
		{ "http://local host/", no_url },
		{ "", no_redirect },
	};

	(void)state;
	check_rows(conf_url_check_redirect, rows, ROWS(rows));
}

static void the_host_of_an_address_is_recognised(void **state)
{
	static const struct {
		const char *url;
		const char *host;
		bool expected;
	} rows[] = {
		{ "https://login.microsoftonline.com", "login.microsoftonline.com", true },
		{ "https://Login.MicrosoftOnline.com:443/x", "login.microsoftonline.com", true },
		{ "https://[::1]:8443/x", "::1", true },
		{ "https://login.microsoftonline.com.example.org/", "login.microsoftonline.com",
		  false },
		{ "https://example.org/login.microsoftonline.com", "login.microsoftonline.com",
		  false },
		{ "https://example.org//login.microsoftonline.com", "login.microsoftonline.com",
		  false },
		{ "login.microsoftonline.com", "login.microsoftonline.com", false },
		{ "https://", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (conf_url_has_host(rows[i].url, rows[i].host) != rows[i].expected)
			fail_msg("%s, %s: expected %d", rows[i].url, rows[i].host,
				 rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_are_https_addresses),
		cmocka_unit_test(a_page_may_be_one_of_this_machine),
		cmocka_unit_test(an_authority_is_one_that_paths_can_be_added_to),
		cmocka_unit_test(a_redirect_leads_to_this_machine_or_to_a_page_to_copy_from),
		cmocka_unit_test(the_host_of_an_address_is_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
