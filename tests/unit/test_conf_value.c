/* SPDX-License-Identifier: ISC */
#include "conf/conf_value.h"

#include "tests/unit/conf_fixture.h"

typedef const char *check_function(const char *text);

struct row {
	const char *name;
	check_function *check;
	const char *text;
	const char *expected; /* how the reason begins; NULL: fine */
};

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define A256 A64 A64 A64 A64
/* 11 digits are 8 octets, 86 are 64, 22 are 16. */
#define SALT8 "AAAAAAAAAAA"
#define SALT64 A64 "aaaaaaaaaaaaaaaaaaaaaQ"
#define HASH16 "AAAAAAAAAAAAAAAAAAAAAA"

static const struct row rows[] = {
	{ "text", conf_value_check_text, "a b\xff", NULL },
	{ "text: empty", conf_value_check_text, "", "must not be empty" },
	{ "text: newline", conf_value_check_text, "a\nb", "must not hold control" },
	{ "text: DEL", conf_value_check_text, "a\x7f", "must not hold control" },

	{ "utf8: ascii", conf_value_check_utf8, "INBOX", NULL },
	{ "utf8: two octets", conf_value_check_utf8, "Entw\xc3\xbcrfe", NULL },
	{ "utf8: three octets", conf_value_check_utf8, "\xe2\x82\xac", NULL },
	{ "utf8: four octets", conf_value_check_utf8, "\xf0\x9f\x93\xa8", NULL },
	{ "utf8: last character", conf_value_check_utf8, "\xf4\x8f\xbf\xbf", NULL },
	{ "utf8: empty", conf_value_check_utf8, "", "must not be empty" },
	{ "utf8: latin-1", conf_value_check_utf8, "Entw\xfcrfe", "must be UTF-8" },
	{ "utf8: cut", conf_value_check_utf8, "a\xe2\x82", "must be UTF-8" },
	{ "utf8: only a tail", conf_value_check_utf8, "\x82", "must be UTF-8" },
	{ "utf8: overlong slash", conf_value_check_utf8, "\xc0\xaf", "must be UTF-8" },
	{ "utf8: overlong three", conf_value_check_utf8, "\xe0\x9f\xbf", "must be UTF-8" },
	{ "utf8: overlong four", conf_value_check_utf8, "\xf0\x8f\xbf\xbf", "must be UTF-8" },
	{ "utf8: surrogate", conf_value_check_utf8, "\xed\xa0\x80", "must be UTF-8" },
	{ "utf8: before surrogates", conf_value_check_utf8, "\xed\x9f\xbf", NULL },
	{ "utf8: above the last", conf_value_check_utf8, "\xf4\x90\x80\x80", "must be UTF-8" },
	{ "utf8: C1 control", conf_value_check_utf8, "a\xc2\x85", "must not hold control" },
	{ "utf8: after C1", conf_value_check_utf8, "a\xc2\xa0", NULL },

	{ "user: name", conf_value_check_user, "helpdesk@contoso.com", NULL },
	{ "user: 8-bit", conf_value_check_user, "m\xfcller", NULL },
	{ "user: inner space", conf_value_check_user, "a b", NULL },
	{ "user: all", conf_value_check_user, "*", NULL },
	{ "user: domain", conf_value_check_user, "*@contoso.com", NULL },
	{ "user: suffix", conf_value_check_user, "*-desk", NULL },
	{ "user: star behind", conf_value_check_user, "desk*", "must have no \"*\"" },
	{ "user: two stars", conf_value_check_user, "**", "must have no \"*\"" },
	{ "user: space behind", conf_value_check_user, "desk ", "must not end in a space" },
	{ "user: empty", conf_value_check_user, "", "must not be empty" },
	{ "user: tab", conf_value_check_user, "a\tb", "must not hold control" },
	{ "user: 255", conf_value_check_user, A64 A64 A64 "aaaaaaaaaaaaaaa" A16 A16 A16, NULL },
	{ "user: 256", conf_value_check_user, A256, "must be at most 255" },

	{ "hash: usual", conf_value_check_hash, HASH, NULL },
	{ "hash: shortest", conf_value_check_hash, "$scrypt$ln=1,r=1,p=1$" SALT8 "$" HASH16, NULL },
	{ "hash: longest", conf_value_check_hash, "$scrypt$ln=1,r=1,p=16$" SALT64 "$" SALT64,
	  NULL },
	{ "hash: N of 2^20 with r = 1", conf_value_check_hash,
	  "$scrypt$ln=20,r=1,p=1$" SALT8 "$" HASH16, "must be a hash" },
	{ "hash: N of 2^16 with r = 1", conf_value_check_hash,
	  "$scrypt$ln=16,r=1,p=1$" SALT8 "$" HASH16, "must be a hash" },
	{ "hash: some 240 MB", conf_value_check_hash, "$scrypt$ln=17,r=15,p=1$" SALT8 "$" HASH16,
	  NULL },
	{ "hash: 256 MB and a bit", conf_value_check_hash,
	  "$scrypt$ln=17,r=16,p=1$" SALT8 "$" HASH16, "must not take more than 256 MB" },
	{ "hash: a password", conf_value_check_hash, "secret", "must be a hash" },
	{ "hash: the dump's stars", conf_value_check_hash, "***", "must be a hash" },
	{ "hash: empty", conf_value_check_hash, "", "must be a hash" },
	{ "hash: another method", conf_value_check_hash,
	  "$argon2id$ln=15,r=8,p=1$" SALT8 "$" HASH16, "must be a hash" },
	{ "hash: no salt", conf_value_check_hash, "$scrypt$ln=15,r=8,p=1$" HASH16,
	  "must be a hash" },
	{ "hash: short salt", conf_value_check_hash, "$scrypt$ln=15,r=8,p=1$AAAAAAAAAA$" HASH16,
	  "must be a hash" },
	{ "hash: long salt", conf_value_check_hash, "$scrypt$ln=15,r=8,p=1$" A64 A64 "$" HASH16,
	  "must be a hash" },
	{ "hash: short hash", conf_value_check_hash, "$scrypt$ln=15,r=8,p=1$" SALT8 "$" SALT8,
	  "must be a hash" },
	{ "hash: a digit over", conf_value_check_hash,
	  "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAA$" HASH16, "must be a hash" },
	{ "hash: stray bits", conf_value_check_hash, "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAB$" HASH16,
	  "must be a hash" },
	{ "hash: padded", conf_value_check_hash, "$scrypt$ln=15,r=8,p=1$" SALT8 "=$" HASH16,
	  "must be a hash" },
	{ "hash: more behind", conf_value_check_hash, "$scrypt$ln=15,r=8,p=1$" SALT8 "$" HASH16 "$",
	  "must be a hash" },
	{ "hash: ln 0", conf_value_check_hash, "$scrypt$ln=0,r=8,p=1$" SALT8 "$" HASH16,
	  "must be a hash" },
	{ "hash: ln 21", conf_value_check_hash, "$scrypt$ln=21,r=8,p=1$" SALT8 "$" HASH16,
	  "must be a hash" },
	{ "hash: ln without digits", conf_value_check_hash, "$scrypt$ln=,r=8,p=1$" SALT8 "$" HASH16,
	  "must be a hash" },
	{ "hash: leading zero", conf_value_check_hash, "$scrypt$ln=015,r=8,p=1$" SALT8 "$" HASH16,
	  "must be a hash" },
	{ "hash: ln beyond 32 bits", conf_value_check_hash,
	  "$scrypt$ln=4294967311,r=8,p=1$" SALT8 "$" HASH16, "must be a hash" },
	{ "hash: r 33", conf_value_check_hash, "$scrypt$ln=10,r=33,p=1$" SALT8 "$" HASH16,
	  "must be a hash" },
	{ "hash: p 17", conf_value_check_hash, "$scrypt$ln=10,r=8,p=17$" SALT8 "$" HASH16,
	  "must be a hash" },
	{ "hash: other order", conf_value_check_hash, "$scrypt$r=8,ln=15,p=1$" SALT8 "$" HASH16,
	  "must be a hash" },

	{ "name: an ID", conf_value_check_name, "11112222-bbbb-3333-cccc-4444dddd5555", NULL },
	{ "name: visible", conf_value_check_name, "!~", NULL },
	{ "name: space", conf_value_check_name, "a b", "must be of visible ASCII" },
	{ "name: space behind", conf_value_check_name, "a ", "must be of visible ASCII" },
	{ "name: tab", conf_value_check_name, "a\tb", "must be of visible ASCII" },
	{ "name: DEL", conf_value_check_name, "a\x7f", "must be of visible ASCII" },
	{ "name: UTF-8", conf_value_check_name, "\xc3\xbc", "must be of visible ASCII" },
	{ "name: 256", conf_value_check_name, A256, "must be at most 120 octets" },
	{ "name: empty", conf_value_check_name, "", "must not be empty" },

	{ "tenant: ID", conf_value_check_tenant, "11112222-bbbb-3333-cccc-4444dddd5555", NULL },
	{ "tenant: domain", conf_value_check_tenant, "contoso.onmicrosoft.com", NULL },
	{ "tenant: word", conf_value_check_tenant, "common", NULL },
	{ "tenant: slash", conf_value_check_tenant, "common/v2.0", "must be a tenant ID" },
	{ "tenant: query", conf_value_check_tenant, "common?a", "must be a tenant ID" },
	{ "tenant: up", conf_value_check_tenant, "..", "must be a tenant ID" },
	{ "tenant: up behind", conf_value_check_tenant, "a..", "must be a tenant ID" },
	{ "tenant: escape", conf_value_check_tenant, "a%2fb", "must be a tenant ID" },
	{ "tenant: space", conf_value_check_tenant, "contoso com", "must be a tenant ID" },
	{ "tenant: address", conf_value_check_tenant, "a@contoso.com", "must be a tenant ID" },
	{ "tenant: empty", conf_value_check_tenant, "", "must be a tenant ID" },
	{ "tenant: 256", conf_value_check_tenant, A256, "must be a tenant ID" },

	{ "scope: one", conf_value_check_scope, "mail", NULL },
	{ "scope: two", conf_value_check_scope, "openid https://mail.example.org/", NULL },
	{ "scope: any visible character", conf_value_check_scope, "!#[]~{}:", NULL },
	{ "scope: two spaces", conf_value_check_scope, "a  b", "must have single spaces" },
	{ "scope: space before", conf_value_check_scope, " a", "must have single spaces" },
	{ "scope: space behind", conf_value_check_scope, "a ", "must have single spaces" },
	{ "scope: quote", conf_value_check_scope, "a\"b", "must be of visible ASCII" },
	{ "scope: backslash", conf_value_check_scope, "a\\b", "must be of visible ASCII" },
	{ "scope: LF", conf_value_check_scope, "a\nb", "must be of visible ASCII" },
	{ "scope: UTF-8", conf_value_check_scope, "m\xc3\xbcll", "must be of visible ASCII" },
	{ "scope: Graph", conf_value_check_scope, "https://graph.microsoft.com/.default",
	  "must not ask for permissions of Microsoft Graph" },
	{ "scope: Graph behind others", conf_value_check_scope,
	  "offline_access https://GRAPH.microsoft.com/IMAP.AccessAsUser.All",
	  "must not ask for permissions of Microsoft Graph" },
	{ "scope: Graph of the US", conf_value_check_scope, "https://dod-graph.microsoft.us/Mail",
	  "must not ask for permissions of Microsoft Graph" },
	{ "scope: Graph by its ID", conf_value_check_scope,
	  "00000003-0000-0000-c000-000000000000/IMAP.AccessAsUser.All",
	  "must not ask for permissions of Microsoft Graph" },
	{ "scope: something like Graph", conf_value_check_scope,
	  "https://telegraph.microsoft.com/x", NULL },
	{ "scope: empty", conf_value_check_scope, "", "must not be empty" },

	{ "date: a day", conf_value_check_date, "2027-03-01", NULL },
	{ "date: leap", conf_value_check_date, "2028-02-29", NULL },
	{ "date: leap of a century", conf_value_check_date, "2000-02-29", NULL },
	{ "date: no leap", conf_value_check_date, "2027-02-29", "must be a day that the calendar" },
	{ "date: no leap of a century", conf_value_check_date, "2100-02-29",
	  "must be a day that the calendar" },
	{ "date: 31 April", conf_value_check_date, "2027-04-31",
	  "must be a day that the calendar" },
	{ "date: last of December", conf_value_check_date, "2027-12-31", NULL },
	{ "date: month 0", conf_value_check_date, "2027-00-01", "must be a day that the calendar" },
	{ "date: month 13", conf_value_check_date, "2027-13-01",
	  "must be a day that the calendar" },
	{ "date: day 0", conf_value_check_date, "2027-01-00", "must be a day that the calendar" },
	{ "date: short", conf_value_check_date, "2027-3-1", "must be a day, written" },
	{ "date: American", conf_value_check_date, "03/01/2027", "must be a day, written" },
	{ "date: with time", conf_value_check_date, "2027-03-01T00:00", "must be a day, written" },
	{ "date: letters", conf_value_check_date, "2027-o3-01", "must be a day, written" },
	{ "date: empty", conf_value_check_date, "", "must be a day, written" },

	{ "address: v4", conf_value_check_address, "127.0.0.1", NULL },
	{ "address: v6", conf_value_check_address, "::1", NULL },
	{ "address: any", conf_value_check_address, "::", NULL },
	{ "address: brackets", conf_value_check_address, "[::1]", "must be an IPv4" },
	{ "address: short", conf_value_check_address, "127.1", "must be an IPv4" },
	{ "address: name", conf_value_check_address, "localhost", "must be an IPv4" },
	{ "address: empty", conf_value_check_address, "", "must be an IPv4" },

	{ "host: name", conf_value_check_host, "outlook.office365.com", NULL },
	{ "host: one label", conf_value_check_host, "imap", NULL },
	{ "host: final dot", conf_value_check_host, "imap.example.org.", NULL },
	{ "host: v4", conf_value_check_host, "192.0.2.1", NULL },
	{ "host: v6", conf_value_check_host, "2001:db8::1", NULL },
	{ "host: port", conf_value_check_host, "imap.example.org:993", "must be a host name" },
	{ "host: URL", conf_value_check_host, "imaps://imap.example.org", "must be a host name" },
	{ "host: umlaut", conf_value_check_host, "m\xc3\xbcller.example", "must be a host name" },
	{ "host: space", conf_value_check_host, "imap example", "must be a host name" },
	{ "host: empty", conf_value_check_host, "", "must be a host name" },
	{ "host: leading dot", conf_value_check_host, ".example.org", "must be a host name" },
	{ "host: two dots", conf_value_check_host, "imap..org", "must be a host name" },
	{ "host: leading dash", conf_value_check_host, "-imap", "must be a host name" },
	{ "host: 256", conf_value_check_host, A256, "must be a host name" },
};

static void each_kind_of_text_is_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *reason = rows[i].check(rows[i].text);
		const char *expected = rows[i].expected;
		if ((reason == NULL) != (expected == NULL) ||
		    (reason != NULL && strncmp(reason, expected, strlen(expected)) != 0))
			fail_msg("%s: got: %s, expected: %s", rows[i].name,
				 reason != NULL ? reason : "fine",
				 expected != NULL ? expected : "fine");
	}
}

static void only_this_machine_is_loopback(void **state)
{
	static const struct {
		const char *host;
		bool expected;
	} hosts[] = {
		{ "localhost", true },   { "LocalHost", true },  { "127.0.0.1", true },
		{ "127.255.3.4", true }, { "::1", true },        { "0:0:0:0:0:0:0:1", true },
		{ "126.0.0.1", false },  { "128.0.0.1", false }, { "::", false },
		{ "0.0.0.0", false },    { "::2", false },       { "localhost.example", false },
		{ "127.0.0", false },    { "", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(hosts); i++) {
		if (conf_value_is_loopback(hosts[i].host) != hosts[i].expected)
			fail_msg("%s: expected %d", hosts[i].host, hosts[i].expected);
	}
}

static void names_are_compared_without_the_case_of_ascii_letters_alone(void **state)
{
	(void)state;
	assert_int_equal(conf_value_compare_nocase("Help@Contoso.COM", "help@contoso.com"), 0);
	assert_int_equal(conf_value_compare_nocase("", ""), 0);
	assert_true(conf_value_compare_nocase("a", "B") < 0);
	assert_true(conf_value_compare_nocase("ab", "a") > 0);
	assert_true(conf_value_compare_nocase("a", "ab") < 0);
	/* In Latin-1 these are the two cases of one letter; @ and ` are 0x20 apart too. */
	assert_int_not_equal(conf_value_compare_nocase("\xdc", "\xfc"), 0);
	assert_int_not_equal(conf_value_compare_nocase("@", "`"), 0);
	assert_int_not_equal(conf_value_compare_nocase("[", "{"), 0);
}

/* The texts that check_utf8 refuses are above; here is where each character ends. */
static void each_character_has_its_length(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} lens[] = {
		{ "", 1 },
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\xc3\xbc", 2 },
		{ "\xc2\x80z", 2 },
		{ "\xe2\x82\xac\xff", 3 },
		{ "\xf0\x9f\x93\xa8", 4 },
		{ "\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xc3", 0 },
		{ "\xf0\x9f\x93", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		assert_int_equal(conf_value_utf8_len(lens[i].text), lens[i].len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_text_is_checked),
		cmocka_unit_test(each_character_has_its_length),
		cmocka_unit_test(only_this_machine_is_loopback),
		cmocka_unit_test(names_are_compared_without_the_case_of_ascii_letters_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
