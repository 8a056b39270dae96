/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include "tests/unit/conf_fixture.h"

static void the_shortest_file_has_defaults_for_all_the_rest(void **state)
{
	struct conf_fixture *fixture = *state;
	struct conf *conf = conf_fixture_must_load(fixture, ACCOUNT);

	assert_string_equal(conf->file, fixture->file);
	assert_string_equal(conf->state_directory, "/var/lib/packetboat");
	assert_string_equal(conf->runtime_directory, "/run/packetboat");
	assert_true(conf->runtime_directory_is_default);
	assert_string_equal(conf->token_key_file, "/var/lib/packetboat/token.key");
	assert_true(conf->token_key_is_default);
	assert_null(conf->control_group);
	assert_null(conf->on_attention);
	assert_int_equal(conf->listener_count, 1);
	assert_string_equal(conf->listeners[0].address, "127.0.0.1");
	assert_int_equal(conf->listeners[0].port, 1110);
	assert_int_equal(conf->listeners[0].tls, CONF_TLS_NONE);
	assert_int_equal(conf->account_count, 1);
	assert_int_equal(conf->accounts[0].imap.port, 993);
	assert_string_equal(fixture->warnings, "");
	conf_unref(&conf);
	assert_null(conf);
}

static void a_certificate_brings_a_second_default_listener(void **state)
{
	struct conf *conf = conf_fixture_must_load(
		*state, "tls = { certificate = \"c.pem\"; private_key = \"k.pem\"; };\n" ACCOUNT);

	assert_int_equal(conf->listener_count, 2);
	assert_int_equal(conf->listeners[0].port, 1110);
	assert_string_equal(conf->listeners[1].address, "127.0.0.1");
	assert_int_equal(conf->listeners[1].port, 1995);
	assert_int_equal(conf->listeners[1].tls, CONF_TLS_IMPLICIT);
	conf_unref(&conf);
}

static void an_empty_list_of_listeners_stays_empty(void **state)
{
	struct conf *conf = conf_fixture_must_load(*state, "listeners = ();\n" ACCOUNT);

	assert_int_equal(conf->listener_count, 0);
	conf_unref(&conf);
}

static void the_port_follows_the_way_of_tls_unless_it_is_given(void **state)
{
	static const struct {
		const char *text;
		unsigned expected;
	} rows[] = {
		{ "tls = \"implicit\";", 993 },
		{ "tls = \"starttls\";", 143 },
		{ "tls = \"none\";", 143 },
		{ "tls = \"starttls\"; port = 993;", 993 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text),
			       ACCOUNT_OPEN "imap = { host = \"localhost\"; %s }; " ACCOUNT_CLOSE,
			       rows[i].text);
		struct conf *conf = conf_fixture_must_load(*state, text);
		if (conf->accounts[0].imap.port != rows[i].expected)
			fail_msg("%s: %u", rows[i].text, conf->accounts[0].imap.port);
		conf_unref(&conf);
	}
}

static void state_is_kept_where_systemd_says(void **state)
{
	struct conf_fixture *fixture = *state;

	assert_int_equal(setenv("STATE_DIRECTORY", "/var/lib/boat:/var/lib/other", 1), 0);
	struct conf *conf = conf_fixture_must_load(fixture, ACCOUNT);
	assert_string_equal(conf->state_directory, "/var/lib/boat");
	conf_unref(&conf);
	conf = conf_fixture_must_load(fixture, "state_directory = \"/srv/boat\";\n" ACCOUNT);
	assert_string_equal(conf->state_directory, "/srv/boat");
	conf_unref(&conf);
	assert_int_equal(setenv("STATE_DIRECTORY", "", 1), 0);
	conf = conf_fixture_must_load(fixture, ACCOUNT);
	assert_string_equal(conf->state_directory, "/var/lib/packetboat");
	conf_unref(&conf);
	(void)unsetenv("STATE_DIRECTORY");
}

static void the_control_socket_is_where_systemd_says(void **state)
{
	struct conf_fixture *fixture = *state;

	assert_int_equal(setenv("RUNTIME_DIRECTORY", "/run/boat:/run/other", 1), 0);
	struct conf *conf = conf_fixture_must_load(fixture, ACCOUNT);
	assert_string_equal(conf->runtime_directory, "/run/boat");
	assert_false(conf->runtime_directory_is_default);
	conf_unref(&conf);
	conf = conf_fixture_must_load(fixture, "runtime_directory = \"/srv/boat\";\n" ACCOUNT);
	assert_string_equal(conf->runtime_directory, "/srv/boat");
	assert_false(conf->runtime_directory_is_default);
	conf_unref(&conf);
	assert_int_equal(setenv("RUNTIME_DIRECTORY", "", 1), 0);
	conf = conf_fixture_must_load(fixture, ACCOUNT);
	assert_string_equal(conf->runtime_directory, "/run/packetboat");
	assert_true(conf->runtime_directory_is_default);
	conf_unref(&conf);
	(void)unsetenv("RUNTIME_DIRECTORY");
}

static void the_key_of_tokens_is_a_credential_or_is_kept_with_the_state(void **state)
{
	struct conf_fixture *fixture = *state;
	char key[96];

	/* Other credentials do not make it one. */
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fixture->directory, 1), 0);
	struct conf *conf = conf_fixture_must_load(fixture, "state_directory = \"/s\";\n" ACCOUNT);
	assert_string_equal(conf->token_key_file, "/s/token.key");
	assert_true(conf->token_key_is_default);
	conf_unref(&conf);

	(void)snprintf(key, sizeof(key), "%s/token.key", fixture->directory);
	FILE *file = fopen(key, "w");
	assert_non_null(file);
	(void)fclose(file);
	conf = conf_fixture_must_load(fixture, ACCOUNT);
	assert_string_equal(conf->token_key_file, key);
	assert_false(conf->token_key_is_default);
	conf_unref(&conf);

	conf = conf_fixture_must_load(fixture, "token_key_file = \"k\";\n" ACCOUNT);
	(void)snprintf(key, sizeof(key), "%s/k", fixture->directory);
	assert_string_equal(conf->token_key_file, key);
	assert_false(conf->token_key_is_default);
	conf_unref(&conf);
	(void)snprintf(key, sizeof(key), "%s/token.key", fixture->directory);
	(void)unlink(key);
	(void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_provider_leaves_little_to_say(void **state)
{
	struct conf *conf = conf_fixture_must_load(
		*state, "accounts = ( { user = \"*@contoso.com\"; provider = \"office365\";\n"
			"password_file = \"p\"; oauth = { client_id = \"x\"; }; } );\n");
	const struct conf_account *account = &conf->accounts[0];

	assert_int_equal(account->auth, CONF_AUTH_OAUTH2);
	assert_true(account->attention_message);
	assert_string_equal(account->imap.host, "outlook.office365.com");
	assert_int_equal(account->imap.port, 993);
	assert_int_equal(account->imap.tls, CONF_TLS_IMPLICIT);
	assert_int_equal(account->oauth.flow, CONF_FLOW_USER);
	assert_string_equal(account->oauth.tenant, "organizations");
	assert_string_equal(
		account->oauth.device_endpoint,
		"https://login.microsoftonline.com/organizations/oauth2/v2.0/devicecode");
	conf_unref(&conf);
}

static void relative_paths_begin_at_the_file(void **state)
{
	static const char text[] =
		"tls = { certificate = \"tls/c.pem\"; private_key = \"/k.pem\"; };\n"
		"state_directory = \"../state\";\n" ACCOUNT;
	struct conf_fixture *fixture = *state;
	char expected[160];
	char working[4096];

	struct conf *conf = conf_fixture_must_load(fixture, text);
	(void)snprintf(expected, sizeof(expected), "%s/tls/c.pem", fixture->directory);
	assert_string_equal(conf->tls.certificate, expected);
	assert_string_equal(conf->tls.private_key, "/k.pem");
	(void)snprintf(expected, sizeof(expected), "%s/../state", fixture->directory);
	assert_string_equal(conf->state_directory, expected);
	conf_unref(&conf);

	/* A file that is itself named by a relative path: what it names is absolute all the same.
	 */
	assert_non_null(getcwd(working, sizeof(working)));
	assert_int_equal(chdir(fixture->directory), 0);
	conf = conf_load("packetboat.conf", NULL, NULL, &fixture->error);
	assert_non_null(conf);
	(void)snprintf(expected, sizeof(expected), "%s/tls/c.pem", fixture->directory);
	assert_string_equal(conf->tls.certificate, expected);
	conf_unref(&conf);
	conf = conf_load("./packetboat.conf", NULL, NULL, &fixture->error);
	assert_non_null(conf);
	(void)snprintf(expected, sizeof(expected), "%s/./tls/c.pem", fixture->directory);
	assert_string_equal(conf->tls.certificate, expected);
	conf_unref(&conf);
	assert_int_equal(chdir(working), 0);
}

static void what_is_wrong_with_the_syntax_has_its_line(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		const char *expected;
	} rows[] = {
		{ "empty", "", ":1: accounts: is required" },
		{ "comments alone", "# nothing\n/* at\nall */\n", ":1: accounts: is required" },
		{ "garbage", "\n\n?\n", ":3: syntax error" },
		{ "a brace too few", ACCOUNT "limits = {\n", ":3: syntax error" },
		{ "a setting twice", "allow_plaintext = true;\nallow_plaintext = false;\n" ACCOUNT,
		  ":2: duplicate setting name" },
		{ "a group twice", "log = { };\nlog = { };\n" ACCOUNT,
		  ":2: duplicate setting name" },
		{ "include", "@include \"other.conf\"\n" ACCOUNT,
		  ":1: @include is not supported: the configuration is one file" },
		{ "a comment that swallows the rest", "/*\n" ACCOUNT,
		  ":1: the comment that begins here is never closed" },
		/* libconfig 1.5 reads this as 1. */
		{ "a number modulo 2^32", "limits = { sessions = 4294967297; };\n" ACCOUNT,
		  ":1: limits.sessions: must be between 1 and 1000000, is 4294967297" },
		{ "a number beyond 64 bits",
		  "limits = { sessions = 18446744073709551617; };\n" ACCOUNT,
		  ":1: limits.sessions: must be between 1 and 1000000, is 9223372036854775807" },
		{ "no LF at the end", "listeners = (); " ACCOUNT "# the end", NULL },
		{ "CRLF", "listeners = ();\r\n" ACCOUNT "\r\n", NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		conf_fixture_expect(*state, rows[i].name, rows[i].text, rows[i].expected);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	struct conf_fixture *fixture = *state;

	assert_null(conf_load("/nonexistent/packetboat.conf", NULL, NULL, &fixture->error));
	assert_string_equal(fixture->error.text,
			    "/nonexistent/packetboat.conf: No such file or directory");
}

static void nobody_has_to_listen_to_warnings(void **state)
{
	struct conf_fixture *fixture = *state;
	struct conf *conf =
		conf_fixture_must_load(fixture, "limits = { idle_timeout = 1; };\n" ACCOUNT);

	assert_non_null(strstr(fixture->warnings, "limits.idle_timeout"));
	conf_unref(&conf);
	conf = conf_load(fixture->file, NULL, NULL, &fixture->error);
	assert_non_null(conf);
	conf_unref(&conf);
}

static void the_last_reference_frees(void **state)
{
	struct conf *first = conf_fixture_must_load(*state, ACCOUNT);
	struct conf *second = conf_ref(first);

	assert_ptr_equal(first, second);
	conf_unref(&first);
	assert_null(first);
	assert_string_equal(second->accounts[0].user, "u");
	conf_unref(&second);
	assert_null(second);
	conf_unref(&second);
}

static void the_narrowest_name_wins(void **state)
{
	static const char text[] =
		"accounts = (\n"
		"{ user = \"*\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
		"{ user = \"*.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
		"{ user = \"*@example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
		"{ user = \"Help@Example.org\"; auth = \"passthrough\"; " ACCOUNT_IMAP "} );\n";
	static const struct {
		const char *user;
		const char *expected;
	} rows[] = {
		{ "help@example.org", "Help@Example.org" },
		{ "HELP@EXAMPLE.ORG", "Help@Example.org" },
		{ "desk@example.org", "*@example.org" },
		{ "desk@EXAMPLE.org", "*@example.org" },
		{ "help@other.org", "*.org" },
		{ "help@example.com", "*" },
		{ "help", "*" },
		/* A wildcard stands for something. */
		{ "@example.org", "*.org" },
		{ ".org", "*" },
		{ "*", "*" },
		{ "*@example.org", "*@example.org" },
		{ "", NULL },
	};
	struct conf *conf = conf_fixture_must_load(*state, text);

	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct conf_account *account = conf_find_account(conf, rows[i].user);
		const char *got = account != NULL ? account->user : "nobody";
		const char *expected = rows[i].expected != NULL ? rows[i].expected : "nobody";
		if (strcmp(got, expected) != 0)
			fail_msg("%s: got %s, expected %s", rows[i].user, got, expected);
	}
	conf_unref(&conf);
}

static void without_a_wildcard_a_stranger_is_nobody(void **state)
{
	struct conf *conf = conf_fixture_must_load(*state, ACCOUNT);

	assert_non_null(conf_find_account(conf, "u"));
	assert_non_null(conf_find_account(conf, "U"));
	assert_null(conf_find_account(conf, "v"));
	assert_null(conf_find_account(conf, "uu"));
	assert_null(conf_find_account(conf, ""));
	conf_unref(&conf);
}

static void a_name_opens_the_mailbox_of_its_account(void **state)
{
	static const char text[] =
		"accounts = (\n"
		"{ user = \"*\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
		"{ user = \"Help\"; auth = \"passthrough\"; " ACCOUNT_IMAP "},\n"
		"{ user = \"Desk\"; mailbox = \"Box\"; auth = \"passthrough\"; " ACCOUNT_IMAP
		"} );\n";
	static const struct {
		const char *user;
		const char *expected;
	} rows[] = {
		{ "Ada", "Ada" },
		{ "HELP", "Help" },
		{ "desk", "Box" },
	};
	struct conf *conf = conf_fixture_must_load(*state, text);

	for (size_t i = 0; i < ROWS(rows); i++)
		assert_string_equal(
			conf_account_mailbox(conf_find_account(conf, rows[i].user), rows[i].user),
			rows[i].expected);
	conf_unref(&conf);
}

static void a_reload_knows_what_needs_a_restart(void **state)
{
#define LISTENERS(port) "listeners = ( { address = \"::1\"; port = " port "; } );\n"
	static const struct {
		const char *name;
		const char *running;
		const char *next;
		const char *expected; /* NULL: nothing does */
	} rows[] = {
		{ "the same", ACCOUNT, ACCOUNT, NULL },
		{ "other lines", LISTENERS("1") ACCOUNT, "\n\n" LISTENERS("1") "\n" ACCOUNT, NULL },
		{ "a limit", ACCOUNT, "limits = { drain = 1; };\n" ACCOUNT, NULL },
		{ "an account", ACCOUNT, ACCOUNT_OPEN ACCOUNT_IMAP "min_age = 1; " ACCOUNT_CLOSE,
		  NULL },
		{ "state", ACCOUNT, "state_directory = \"/s\";\n" ACCOUNT, "state_directory" },
		{ "the socket", ACCOUNT, "runtime_directory = \"/r\";\n" ACCOUNT,
		  "runtime_directory" },
		{ "its group", ACCOUNT, "control_group = \"g\";\n" ACCOUNT, NULL },
		{ "the key", ACCOUNT, "token_key_file = \"/k\";\n" ACCOUNT, "token_key_file" },
		{ "who is told", ACCOUNT, "on_attention = \"/bin/true\";\n" ACCOUNT, NULL },
		{ "the default said aloud", ACCOUNT,
		  "state_directory = \"/var/lib/packetboat\";\n" ACCOUNT, NULL },
		{ "a port", LISTENERS("1") ACCOUNT, LISTENERS("2") ACCOUNT, "listeners" },
		{ "an address", LISTENERS("1") ACCOUNT,
		  "listeners = ( { address = \"127.0.0.1\"; port = 1; } );\n" ACCOUNT,
		  "listeners" },
		{ "a listener less", LISTENERS("1") ACCOUNT, "listeners = ();\n" ACCOUNT,
		  "listeners" },
	};
#undef LISTENERS

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf *running = conf_fixture_must_load(*state, rows[i].running);
		struct conf *next = conf_fixture_must_load(*state, rows[i].next);
		const char *got = conf_needs_restart(running, next);
		const char *expected = rows[i].expected;
		if ((got == NULL) != (expected == NULL) ||
		    (got != NULL && strcmp(got, expected) != 0))
			fail_msg("%s: got %s", rows[i].name, got != NULL ? got : "nothing");
		conf_unref(&running);
		conf_unref(&next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shortest_file_has_defaults_for_all_the_rest),
		cmocka_unit_test(a_certificate_brings_a_second_default_listener),
		cmocka_unit_test(an_empty_list_of_listeners_stays_empty),
		cmocka_unit_test(the_port_follows_the_way_of_tls_unless_it_is_given),
		cmocka_unit_test(state_is_kept_where_systemd_says),
		cmocka_unit_test(the_control_socket_is_where_systemd_says),
		cmocka_unit_test(the_key_of_tokens_is_a_credential_or_is_kept_with_the_state),
		cmocka_unit_test(a_provider_leaves_little_to_say),
		cmocka_unit_test(relative_paths_begin_at_the_file),
		cmocka_unit_test(what_is_wrong_with_the_syntax_has_its_line),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
		cmocka_unit_test(nobody_has_to_listen_to_warnings),
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(the_narrowest_name_wins),
		cmocka_unit_test(without_a_wildcard_a_stranger_is_nobody),
		cmocka_unit_test(a_name_opens_the_mailbox_of_its_account),
		cmocka_unit_test(a_reload_knows_what_needs_a_restart),
	};

	return cmocka_run_group_tests(tests, conf_fixture_setup, conf_fixture_teardown);
}
