/* SPDX-License-Identifier: ISC */
#include "conf/conf_verify.h"

#include "tests/unit/conf_fixture.h"

struct row {
	const char *name;
	const char *text;
	const char *expected; /* ":LINE: SETTING: ..."; NULL: it loads */
};

#define CERTIFICATE "tls = { certificate = \"c.pem\"; private_key = \"k.pem\"; };\n"
#define PASSWORD_OPEN "accounts = ( { user = \"u\"; auth = \"password\"; " ACCOUNT_IMAP
#define WILDCARD_OPEN "accounts = ( { user = \"*@example.org\"; auth = \"password\"; " ACCOUNT_IMAP
#define IMAP_HOST(host, more) \
	ACCOUNT_OPEN "imap = { host = \"" host "\"; " more " }; " ACCOUNT_CLOSE

static const struct row rows[] = {
	{ "nothing special", ACCOUNT, NULL },
	{ "certificate and key", CERTIFICATE ACCOUNT, NULL },
	{ "certificate alone", "\ntls = { certificate = \"c.pem\"; };\n" ACCOUNT,
	  ":2: tls.certificate: needs private_key beside it" },
	{ "key alone", "tls = { private_key = \"k.pem\"; };\n" ACCOUNT,
	  ":1: tls.private_key: needs certificate beside it" },

	{ "no listeners", "listeners = ();\n" ACCOUNT, NULL },
	{ "implicit with a certificate",
	  "listeners = ( { address = \"::1\"; port = 1; tls = \"implicit\"; } );\n" CERTIFICATE
		  ACCOUNT,
	  NULL },
	{ "implicit without",
	  "listeners = (\n { address = \"::1\"; port = 1; tls = \"implicit\"; } );\n" ACCOUNT,
	  ":2: listeners[0].tls: implicit needs tls.certificate and tls.private_key" },
	{ "one port twice",
	  "listeners = ( { address = \"::1\"; port = 1; }, { address = \"127.0.0.1\"; port = 1; "
	  "},\n"
	  "{ address = \"::1\"; port = 1; } );\n" ACCOUNT,
	  ":2: listeners[2]: has the address and port of listeners[0]" },
	{ "free ports are as many as one likes",
	  "listeners = ( { address = \"::1\"; port = 0; }, { address = \"::1\"; port = 0; } "
	  ");\n" ACCOUNT,
	  NULL },

	{ "password with hash",
	  PASSWORD_OPEN "password_hash = \"" HASH "\"; imap_password_file = \"f\"; " ACCOUNT_CLOSE,
	  NULL },
	{ "password with file",
	  PASSWORD_OPEN "password_file = \"p\"; imap_password_file = \"f\"; " ACCOUNT_CLOSE, NULL },
	{ "password with both",
	  "\n" PASSWORD_OPEN "password_hash = \"" HASH
	  "\";\n password_file = \"p\"; imap_password_file = \"f\"; " ACCOUNT_CLOSE,
	  ":2: accounts[0]: has both password_hash and password_file; one must go" },
	{ "password with neither", PASSWORD_OPEN "imap_password_file = \"f\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0]: auth = \"password\" needs password_hash or password_file" },
	{ "password without IMAP password", PASSWORD_OPEN "password_file = \"p\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].imap_password_file: is required with auth = \"password\"" },
	{ "wildcard with file",
	  WILDCARD_OPEN "password_file = \"p\"; imap_password_file = \"f\"; " ACCOUNT_CLOSE, NULL },
	{ "wildcard with hash",
	  WILDCARD_OPEN "password_hash = \"" HASH "\"; imap_password_file = \"f\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].password_hash: cannot serve the many names of a wildcard; "
	  "use password_file" },
	{ "wildcard with neither", WILDCARD_OPEN "imap_password_file = \"f\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].password_file: is required for a wildcard, but with auth = "
	  "\"passthrough\"" },
	{ "wildcard with a mailbox",
	  "accounts = ( { user = \"*\"; auth = \"passthrough\"; mailbox = \"m\"; " ACCOUNT_IMAP
	  "} );",
	  ":1: accounts[0].mailbox: has no use for a wildcard, whose mailbox is the login name" },
	{ "passthrough with hash",
	  ACCOUNT_OPEN ACCOUNT_IMAP "password_hash = \"" HASH "\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].password_hash: has no use with auth = \"passthrough\", "
	  "where the client's password is the IMAP password" },
	{ "passthrough with file",
	  ACCOUNT_OPEN ACCOUNT_IMAP "password_file = \"p\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].password_file: has no use with auth = \"passthrough\", "
	  "where the client's password is the IMAP password" },
	{ "passthrough with IMAP password",
	  ACCOUNT_OPEN ACCOUNT_IMAP "imap_password_file = \"f\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].imap_password_file: has no use with auth = \"passthrough\", "
	  "where the client's password is the IMAP password" },
	{ "passthrough to a shared mailbox",
	  ACCOUNT_OPEN ACCOUNT_IMAP "mailbox = \"m\"; " ACCOUNT_CLOSE, NULL },

#define OAUTH_OPEN(user)                \
	"accounts = ( { user = \"" user \
	"\"; provider = \"office365\"; oauth = { client_id = \"x\"; }; "
	{ "oauth2 with hash", OAUTH_OPEN("u") "password_hash = \"" HASH "\"; " ACCOUNT_CLOSE,
	  NULL },
	{ "oauth2 with file", OAUTH_OPEN("u") "password_file = \"p\"; " ACCOUNT_CLOSE, NULL },
	{ "oauth2 with a shared mailbox",
	  OAUTH_OPEN("u") "password_file = \"p\"; mailbox = \"m\"; " ACCOUNT_CLOSE, NULL },
	{ "oauth2 with neither", OAUTH_OPEN("u") ACCOUNT_CLOSE,
	  ":1: accounts[0]: auth = \"oauth2\" needs password_hash or password_file, or any POP3 "
	  "client could log in" },
	{ "oauth2 with both",
	  OAUTH_OPEN("u") "password_hash = \"" HASH "\"; password_file = \"p\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0]: has both password_hash and password_file; one must go" },
	{ "oauth2 with an IMAP password",
	  OAUTH_OPEN("u") "password_file = \"p\"; imap_password_file = \"f\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].imap_password_file: has no use with auth = \"oauth2\"" },
	{ "oauth2 for many", OAUTH_OPEN("*@contoso.com") "password_file = \"p\"; " ACCOUNT_CLOSE,
	  NULL },
	{ "oauth2 for many with neither", OAUTH_OPEN("*") ACCOUNT_CLOSE,
	  ":1: accounts[0].password_file: is required for a wildcard, "
	  "but with auth = \"passthrough\"" },
	{ "oauth2 for many with a hash",
	  OAUTH_OPEN("*") "password_hash = \"" HASH "\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].password_hash: cannot serve the many names of a wildcard; "
	  "use password_file" },
	{ "oauth2 for many with a mailbox",
	  OAUTH_OPEN("*") "password_file = \"p\"; mailbox = \"m\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].mailbox: has no use for a wildcard, whose mailbox is the login name" },
	{ "a password for a provider",
	  "accounts = ( { user = \"u\"; provider = \"outlook\"; auth = \"passthrough\"; } );",
	  ":1: accounts[0].auth: must be \"oauth2\": Microsoft's mail servers take no passwords "
	  "any "
	  "more" },
	{ "a password for a provider elsewhere",
	  "accounts = ( { user = \"u\"; provider = \"outlook\"; auth = \"password\"; " ACCOUNT_IMAP
	  "} );",
	  ":1: accounts[0].auth: must be \"oauth2\": Microsoft's mail servers take no passwords "
	  "any "
	  "more" },
	{ "a password for Microsoft's host", IMAP_HOST("Outlook.office365.com", ""),
	  ":1: accounts[0].auth: must be \"oauth2\": Microsoft's mail servers take no passwords "
	  "any "
	  "more" },

	{ "one name twice",
	  "accounts = (\n"
	  "{ user = \"U@example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
	  "{ user = \"a\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
	  "{ user = \"u@Example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "} );",
	  ":4: accounts[2].user: is the name of accounts[0] in line 2 too" },
	{ "one wildcard twice",
	  "accounts = (\n"
	  "{ user = \"*@Example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
	  "{ user = \"*@example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "} );",
	  ":3: accounts[1].user: is the name of accounts[0] in line 2 too" },
	{ "a name and its wildcard",
	  "accounts = (\n"
	  "{ user = \"*@example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
	  "{ user = \"*\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
	  "{ user = \"u@example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "} );",
	  NULL },

	{ "move", ACCOUNT_OPEN ACCOUNT_IMAP "delete = \"move\"; " ACCOUNT_CLOSE, NULL },
	{ "move to the folder itself",
	  ACCOUNT_OPEN ACCOUNT_IMAP
	  "delete = \"move\"; folder = \"A\"; delete_folder = \"A\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].delete_folder: must not be the folder that is the maildrop" },
	{ "trash to the folder itself, by default",
	  ACCOUNT_OPEN ACCOUNT_IMAP
	  "delete = \"trash\"; folder = \"Deleted Items\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].delete_folder: must not be the folder that is the maildrop" },
	{ "INBOX has no case",
	  ACCOUNT_OPEN ACCOUNT_IMAP "delete = \"move\"; delete_folder = \"Inbox\"; " ACCOUNT_CLOSE,
	  ":1: accounts[0].delete_folder: must not be the folder that is the maildrop" },
	{ "other folders do",
	  ACCOUNT_OPEN ACCOUNT_IMAP
	  "delete = \"move\"; folder = \"A\"; delete_folder = \"a\"; " ACCOUNT_CLOSE,
	  NULL },
	{ "expunge does not look at it",
	  ACCOUNT_OPEN ACCOUNT_IMAP "folder = \"Deleted Items\"; " ACCOUNT_CLOSE, NULL },

	{ "no TLS on loopback", IMAP_HOST("LOCALHOST", "tls = \"none\";"), NULL },
	{ "no TLS on 127.8.8.8", IMAP_HOST("127.8.8.8", "tls = \"none\";"), NULL },
	{ "no TLS on ::1", IMAP_HOST("::1", "tls = \"none\";"), NULL },
	{ "no TLS elsewhere", IMAP_HOST("imap.example.org", "tls = \"none\";"),
	  ":1: accounts[0].imap.tls: none is for loopback hosts only (localhost, 127.0.0.1, ::1)" },
	{ "no TLS to a name that only looks like it",
	  IMAP_HOST("127.0.0.1.example.org", "tls = \"none\";"),
	  ":1: accounts[0].imap.tls: none is for loopback hosts only (localhost, 127.0.0.1, ::1)" },
	{ "family of an address", IMAP_HOST("::1", "address_family = \"ipv6\";"), NULL },
	{ "the other family", IMAP_HOST("::1", "address_family = \"ipv4\";"),
	  ":1: accounts[0].imap.address_family: is not the family of imap.host" },
	{ "the other family again", IMAP_HOST("127.0.0.1", "address_family = \"ipv6\";"),
	  ":1: accounts[0].imap.address_family: is not the family of imap.host" },
};

static void settings_that_contradict_each_other_are_refused(void **state)
{
	for (size_t i = 0; i < ROWS(rows); i++)
		conf_fixture_expect(*state, rows[i].name, rows[i].text, rows[i].expected);
}

static void logins_that_will_be_refused_are_a_warning(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		bool warned;
	} listeners[] = {
		{ "from elsewhere",
		  "listeners = (\n{ address = \"0.0.0.0\"; port = 1; } );\n" ACCOUNT, true },
		{ "from here", "listeners = ( { address = \"127.0.0.2\"; port = 1; } );\n" ACCOUNT,
		  false },
		{ "with STLS",
		  "listeners = ( { address = \"::\"; port = 1; } );\n" CERTIFICATE ACCOUNT, false },
		{ "allowed",
		  "listeners = ( { address = \"::\"; port = 1; } );\nallow_plaintext = "
		  "true;\n" ACCOUNT,
		  false },
	};
	struct conf_fixture *fixture = *state;

	for (size_t i = 0; i < ROWS(listeners); i++) {
		struct conf *conf = conf_fixture_must_load(fixture, listeners[i].text);
		const char *expected =
			":2: listeners[0]: logins from other machines will be refused: "
			"there is no certificate, and allow_plaintext is false\n";
		if (strcmp(conf_fixture_message(fixture, fixture->warnings),
			   listeners[i].warned ? expected : "") != 0)
			fail_msg("%s: %s", listeners[i].name, fixture->warnings);
		conf_unref(&conf);
	}
}

static void hashes_in_a_public_file_are_a_warning(void **state)
{
	static const char text[] = ACCOUNT_OPEN ACCOUNT_IMAP
		"},\n"
		"{ user = \"v\"; auth = \"password\"; password_hash = \"" HASH "\";\n"
		"imap_password_file = \"f\"; " ACCOUNT_IMAP ACCOUNT_CLOSE;
	struct conf_fixture *fixture = *state;
	struct conf *conf = conf_fixture_must_load(fixture, text);

	assert_string_equal(fixture->warnings, "");
	conf_unref(&conf);
	assert_int_equal(chmod(fixture->file, 0644), 0);
	conf = conf_load(fixture->file, conf_fixture_warn, fixture, &fixture->error);
	assert_non_null(conf);
	assert_string_equal(conf_fixture_message(fixture, fixture->warnings),
			    ":2: accounts[1].password_hash: every user of this machine may read "
			    "the file and its hashes; chmod o-r it\n");
	conf_unref(&conf);
	/* Without hashes there is nothing to hide. */
	conf = conf_fixture_must_load(fixture, ACCOUNT);
	conf_unref(&conf);
	assert_int_equal(chmod(fixture->file, 0644), 0);
	conf = conf_load(fixture->file, conf_fixture_warn, fixture, &fixture->error);
	assert_non_null(conf);
	assert_string_equal(fixture->warnings, "");
	conf_unref(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_contradict_each_other_are_refused),
		cmocka_unit_test(logins_that_will_be_refused_are_a_warning),
		cmocka_unit_test(hashes_in_a_public_file_are_a_warning),
	};

	return cmocka_run_group_tests(tests, conf_fixture_setup, conf_fixture_teardown);
}
