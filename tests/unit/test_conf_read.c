/* SPDX-License-Identifier: ISC */
#include "conf/conf_read.h"

#include "conf/conf_storage.h"
#include "tests/unit/conf_fixture.h"

struct reading {
	struct conf conf;
	struct conf_error error;
	char warning[256];
	bool fine;
};

static void keep_warning(void *argument, const char *text)
{
	struct reading *reading = argument;

	(void)snprintf(reading->warning, sizeof(reading->warning), "%s", text);
}

/* By libconfig and conf_read() alone: nothing is verified or computed. */
static void read_text(struct reading *reading, const char *text)
{
	struct conf_report report = {
		.file = "p", .warn = keep_warning, .argument = reading, .error = &reading->error
	};
	config_t tree;

	memset(reading, 0, sizeof(*reading));
	reading->conf.storage = conf_storage_new();
	assert_non_null(reading->conf.storage);
	config_init(&tree);
	if (config_read_string(&tree, text) != CONFIG_TRUE)
		fail_msg("%s in %s", config_error_text(&tree), text);
	reading->fine = conf_read(&reading->conf, config_root_setting(&tree), "/etc/boat", &report);
	config_destroy(&tree);
}

static void forget(struct reading *reading)
{
	free(reading->conf.listeners);
	free(reading->conf.accounts);
	conf_storage_free(&reading->conf.storage);
}

static void everything_that_is_set_arrives(void **state)
{
	struct reading reading;

	(void)state;
	read_text(
		&reading,
		"state_directory = \"/srv/boat\"; allow_plaintext = true;"
		"runtime_directory = \"run\"; control_group = \"mail\";"
		"token_key_file = \"/k\"; on_attention = \"tell\";\n"
		"listeners = ( { address = \"::1\"; port = 0; },\n"
		"  { address = \"0.0.0.0\"; port = 995; tls = \"implicit\"; } );\n"
		"tls = { certificate = \"c.pem\"; private_key = \"/etc/k.pem\"; };\n"
		"log = { level = \"debug\"; };\n"
		"limits = { sessions = 1; connections_per_address = 2; logins_per_minute = 3;\n"
		"  login_timeout = 4; idle_timeout = 605; login_patience = 6;\n"
		"  takeover_after = 7; drain = 8; };\n"
		"accounts = (\n"
		"  { user = \"u\"; auth = \"passthrough\"; imap = { host = \"i\"; }; },\n"
		"  { user = \"v\"; password_hash = \"" HASH "\"; password_file = \"pw\";\n"
		"    provider = \"custom\"; mailbox = \"m\"; folder = \"F\\\"\\\\\";\n"
		"    auth = \"password\"; imap_password_file = \"ipw\";\n"
		"    imap = { host = \"::1\"; port = 1143; tls = \"starttls\"; ca_file = \"ca\";\n"
		"      address_family = \"ipv6\"; };\n"
		"    delete = \"move\"; delete_folder = \"Gone\"; mark_seen = \"never\";\n"
		"    sizes = \"exact\"; min_age = 31536000; broken_messages = \"deliver\"; },\n"
		"  { user = \"w\"; provider = \"china\"; attention_message = false;\n"
		"    oauth = { client_id = \"id\"; tenant = \"t\"; flow = \"app\";\n"
		"      certificate = \"c.pem\"; private_key = \"/k.pem\";\n"
		"      assertion_algorithm = \"RS256\"; authority = \"https://id\";\n"
		"      scope = \"a b\"; token_endpoint = \"https://id/t\"; ca_file = \"ca\"; }; "
		"},\n"
		"  { user = \"x\"; auth = \"oauth2\"; imap = { host = \"i\"; };\n"
		"    oauth = { flow = \"user\"; client_secret_file = \"s\"; expires = "
		"\"2027-03-01\";\n"
		"      authorize_endpoint = \"https://id/a\"; device_endpoint = \"https://id/d\";\n"
		"      redirect_uri = \"http://localhost:1\"; }; } );\n");
	const struct conf *conf = &reading.conf;
	if (!reading.fine)
		fail_msg("%s", reading.error.text);
	assert_string_equal(reading.warning, "");
	assert_string_equal(conf->state_directory, "/srv/boat");
	assert_true(conf->allow_plaintext);
	assert_int_equal(conf->listener_count, 2);
	assert_int_equal(conf->listeners[0].line, 2);
	assert_string_equal(conf->listeners[0].address, "::1");
	assert_int_equal(conf->listeners[0].port, 0);
	assert_int_equal(conf->listeners[0].tls, CONF_TLS_NONE);
	assert_int_equal(conf->listeners[1].line, 3);
	assert_string_equal(conf->listeners[1].address, "0.0.0.0");
	assert_int_equal(conf->listeners[1].port, 995);
	assert_int_equal(conf->listeners[1].tls, CONF_TLS_IMPLICIT);
	assert_string_equal(conf->tls.certificate, "/etc/boat/c.pem");
	assert_string_equal(conf->tls.private_key, "/etc/k.pem");
	assert_int_equal(conf->log_level, CONF_LOG_DEBUG);
	assert_int_equal(conf->limits.sessions, 1);
	assert_int_equal(conf->limits.connections_per_address, 2);
	assert_int_equal(conf->limits.logins_per_minute, 3);
	assert_int_equal(conf->limits.login_timeout, 4);
	assert_int_equal(conf->limits.idle_timeout, 605);
	assert_int_equal(conf->limits.login_patience, 6);
	assert_int_equal(conf->limits.takeover_after, 7);
	assert_int_equal(conf->limits.drain, 8);
	assert_string_equal(conf->runtime_directory, "/etc/boat/run");
	assert_string_equal(conf->control_group, "mail");
	assert_string_equal(conf->token_key_file, "/k");
	assert_string_equal(conf->on_attention, "/etc/boat/tell");
	assert_int_equal(conf->account_count, 4);
	const struct conf_account *account = &conf->accounts[0];
	assert_int_equal(account->line, 10);
	assert_string_equal(account->user, "u");
	assert_int_equal(account->auth, CONF_AUTH_PASSTHROUGH);
	assert_string_equal(account->imap.host, "i");
	assert_null(account->mailbox);
	assert_null(account->imap.ca_file);
	account = &conf->accounts[1];
	assert_int_equal(account->line, 11);
	assert_string_equal(account->password_hash, HASH);
	assert_string_equal(account->password_file, "/etc/boat/pw");
	assert_int_equal(account->provider, CONF_PROVIDER_CUSTOM);
	assert_string_equal(account->mailbox, "m");
	assert_string_equal(account->folder, "F\"\\");
	assert_int_equal(account->auth, CONF_AUTH_PASSWORD);
	assert_string_equal(account->imap_password_file, "/etc/boat/ipw");
	assert_string_equal(account->imap.host, "::1");
	assert_int_equal(account->imap.port, 1143);
	assert_int_equal(account->imap.tls, CONF_TLS_STARTTLS);
	assert_string_equal(account->imap.ca_file, "/etc/boat/ca");
	assert_int_equal(account->imap.address_family, CONF_ADDRESS_IPV6);
	assert_int_equal(account->delete_mode, CONF_DELETE_MOVE);
	assert_string_equal(account->delete_folder, "Gone");
	assert_int_equal(account->mark_seen, CONF_MARK_SEEN_NEVER);
	assert_int_equal(account->sizes, CONF_SIZES_EXACT);
	assert_int_equal(account->min_age, 31536000);
	assert_int_equal(account->broken_messages, CONF_BROKEN_MESSAGES_DELIVER);
	account = &conf->accounts[2];
	assert_int_equal(account->provider, CONF_PROVIDER_CHINA);
	assert_int_equal(account->auth, CONF_AUTH_OAUTH2);
	assert_false(account->attention_message);
	assert_null(account->imap.host);
	assert_string_equal(account->oauth.client_id, "id");
	assert_string_equal(account->oauth.tenant, "t");
	assert_int_equal(account->oauth.flow, CONF_FLOW_APP);
	assert_string_equal(account->oauth.certificate, "/etc/boat/c.pem");
	assert_string_equal(account->oauth.private_key, "/k.pem");
	assert_int_equal(account->oauth.assertion_algorithm, CONF_ASSERTION_RS256);
	assert_string_equal(account->oauth.authority, "https://id");
	assert_string_equal(account->oauth.scope, "a b");
	assert_string_equal(account->oauth.token_endpoint, "https://id/t");
	assert_string_equal(account->oauth.ca_file, "/etc/boat/ca");
	account = &conf->accounts[3];
	assert_int_equal(account->auth, CONF_AUTH_OAUTH2);
	assert_true(account->attention_message);
	assert_int_equal(account->oauth.flow, CONF_FLOW_USER);
	assert_string_equal(account->oauth.client_secret_file, "/etc/boat/s");
	assert_string_equal(account->oauth.expires, "2027-03-01");
	assert_string_equal(account->oauth.authorize_endpoint, "https://id/a");
	assert_string_equal(account->oauth.device_endpoint, "https://id/d");
	assert_string_equal(account->oauth.redirect_uri, "http://localhost:1");
	forget(&reading);
}

struct row {
	const char *name;
	const char *text;
	const char *expected; /* NULL: it is fine */
};

#define LIMIT(setting) "\nlimits = {\n" setting "\n};"
#define IMAP(settings) ACCOUNT_OPEN "\n imap = {\n host = \"i\";\n" settings "\n}; " ACCOUNT_CLOSE

static const struct row rows[] = {
	{ "nothing", "", "p:1: accounts: is required" },
	{ "unknown", "\ncheese = 1;", "p:2: cheese: unknown setting" },
	{ "unknown, with an idea", "accuonts = ();",
	  "p:1: accuonts: unknown setting; did you mean accounts?" },
	{ "unknown in a group", LIMIT("cheese = 1;"), "p:3: limits.cheese: unknown setting" },
	{ "misplaced", "\n\ndrain = 1;",
	  "p:3: drain: unknown setting; did you mean limits.drain?" },
	{ "unknown in an account", ACCOUNT_OPEN "\n imap = {\n\n cheese = {}; }; " ACCOUNT_CLOSE,
	  "p:4: accounts[0].imap.cheese: unknown setting" },
	{ "unknown in a listener", "listeners = ( {\n ports = 1; } );",
	  "p:2: listeners[0].ports: unknown setting; did you mean port?" },
	{ "a group of another scope", "imap = { };", "p:1: imap: unknown setting" },
	{ "a case that is not ours", LIMIT("Drain = 1;"),
	  "p:3: limits.Drain: unknown setting; did you mean limits.drain?" },

	{ "group given as a number", "limits = 3;", "p:1: limits: must be a group: { ... }" },
	{ "group given as a list", "limits = ( { drain = 1; } );",
	  "p:1: limits: must be a group: { ... }" },
	{ "list given as a group", "accounts = { user = \"u\"; };",
	  "p:1: accounts: must be a list of groups: ( { ... }, { ... } )" },
	{ "list given as an array", "accounts = [ ];",
	  "p:1: accounts: must be a list of groups: ( { ... }, { ... } )" },
	{ "list given as a string", "listeners = \"127.0.0.1\";",
	  "p:1: listeners: must be a list of groups: ( { ... }, { ... } )" },
	{ "empty accounts", "\naccounts = ();", "p:2: accounts: must have at least 1 element" },
	{ "an element that is no group", "listeners = ( { address = \"::1\"; port = 0; },\n 3 );",
	  "p:2: listeners[1]: must be a group: { ... }" },

	{ "string without quotes", "state_directory = 3;",
	  "p:1: state_directory: must be a string in double quotes" },
	{ "string given as a list", "state_directory = ( \"a\" );",
	  "p:1: state_directory: must be a string in double quotes" },
	{ "empty string", "state_directory = \"\";", "p:1: state_directory: must not be empty" },
	{ "control character", ACCOUNT_OPEN "mailbox = \"a\\nb\"; " ACCOUNT_CLOSE,
	  "p:1: accounts[0].mailbox: must not hold control characters" },
	{ "no UTF-8", ACCOUNT_OPEN "folder = \"\xff\"; " ACCOUNT_CLOSE,
	  "p:1: accounts[0].folder: must be UTF-8" },

	{ "number in quotes", LIMIT("drain = \"10\";"),
	  "p:3: limits.drain: must be a whole number, without quotes" },
	{ "float", LIMIT("drain = 10.0;"), "p:3: limits.drain: must be a whole number" },
	{ "boolean for a number", LIMIT("drain = true;"),
	  "p:3: limits.drain: must be a whole number" },
	{ "array for a number", LIMIT("drain = [ 1 ];"),
	  "p:3: limits.drain: must be a whole number" },
	{ "hexadecimal", LIMIT("drain = 0x100000001;"),
	  "p:3: limits.drain: must be written in decimal" },
	{ "too small", LIMIT("sessions = 0;"),
	  "p:3: limits.sessions: must be between 1 and 1000000, is 0" },
	{ "too large", LIMIT("sessions = 1000001;"),
	  "p:3: limits.sessions: must be between 1 and 1000000, is 1000001" },
	{ "negative", LIMIT("drain = -1;"),
	  "p:3: limits.drain: must be between 0 and 86400, is -1" },
	{ "64 bits", LIMIT("drain = 4294967306L;"),
	  "p:3: limits.drain: must be between 0 and 86400, is 4294967306" },
	{ "port 0", IMAP("port = 0;"),
	  "p:4: accounts[0].imap.port: must be between 1 and 65535, is 0" },
	{ "port 65536", IMAP("port = 65536;"),
	  "p:4: accounts[0].imap.port: must be between 1 and 65535, is 65536" },

	{ "boolean given as a number", "allow_plaintext = 1;",
	  "p:1: allow_plaintext: must be true or false" },
	{ "boolean in quotes", "allow_plaintext = \"yes\";",
	  "p:1: allow_plaintext: must be true or false" },

	{ "no such word", IMAP("tls = \"ssl\";"),
	  "p:4: accounts[0].imap.tls: must be \"implicit\", \"starttls\" or \"none\"" },
	{ "a word in capitals", "log = { level = \"INFO\"; };",
	  "p:1: log.level: must be \"error\", \"warning\", \"info\" or \"debug\"" },
	{ "no word at all", "log = { level = 3; };",
	  "p:1: log.level: must be \"error\", \"warning\", \"info\" or \"debug\"" },
	{ "a word of another row",
	  "listeners = ( { address = \"::1\"; port = 1; tls = \"starttls\"; } );",
	  "p:1: listeners[0].tls: must be \"none\" or \"implicit\"" },
	{ "no such provider", ACCOUNT_OPEN "provider = \"office\"; " ACCOUNT_CLOSE,
	  "p:1: accounts[0].provider: must be \"outlook\", \"office365\", \"gcc-high\", "
	  "\"dod\", \"china\" or \"custom\"" },

	{ "no user", "\naccounts = (\n { auth = \"passthrough\"; " ACCOUNT_IMAP "} );",
	  "p:3: accounts[0].user: is required" },
	{ "no auth", "accounts = ( { user = \"u\"; " ACCOUNT_IMAP "} );",
	  "p:1: accounts[0].auth: is required" },
	{ "no imap", ACCOUNT_OPEN ACCOUNT_CLOSE, "p:1: accounts[0].imap.host: is required" },
	{ "no auth with a provider", "accounts = ( { user = \"u\"; provider = \"outlook\"; } );",
	  NULL },
	{ "no auth with custom said aloud",
	  "accounts = ( { user = \"u\"; provider = \"custom\"; " ACCOUNT_IMAP "} );",
	  "p:1: accounts[0].auth: is required" },
	{ "no user with a provider", "accounts = ( { provider = \"outlook\"; } );",
	  "p:1: accounts[0].user: is required" },
	{ "oauth without a use",
	  ACCOUNT_OPEN ACCOUNT_IMAP "\n oauth = {\n client_id = \"x\"; }; " ACCOUNT_CLOSE,
	  "p:3: accounts[0].oauth.client_id: has no use without auth = \"oauth2\"" },
	{ "oauth without a use, before its account says so",
	  "accounts = ( { oauth = { flow = \"app\"; };\n auth = \"password\"; user = "
	  "\"u\"; " ACCOUNT_IMAP "} );",
	  "p:1: accounts[0].oauth.flow: has no use without auth = \"oauth2\"" },
	{ "an empty oauth", ACCOUNT_OPEN ACCOUNT_IMAP "oauth = { }; " ACCOUNT_CLOSE, NULL },
	{ "a message without a use",
	  ACCOUNT_OPEN ACCOUNT_IMAP "attention_message = true; " ACCOUNT_CLOSE,
	  "p:1: accounts[0].attention_message: has no use without auth = \"oauth2\"" },
	{ "an endpoint without TLS",
	  "accounts = ( { user = \"u\"; provider = \"outlook\";\n oauth = {\n token_endpoint = "
	  "\"http://localhost/t\"; }; } );",
	  "p:3: accounts[0].oauth.token_endpoint: must begin with https://" },
	{ "no such flow",
	  "accounts = ( { user = \"u\"; provider = \"outlook\"; oauth = { flow = \"device\"; "
	  "}; } );",
	  "p:1: accounts[0].oauth.flow: must be \"user\" or \"app\"" },
	{ "no host", ACCOUNT_OPEN "imap = { }; " ACCOUNT_CLOSE,
	  "p:1: accounts[0].imap.host: is required" },
	{ "the second account",
	  "accounts = ( { user = \"u\"; auth = \"passthrough\"; " ACCOUNT_IMAP
	  "},\n\n { user = \"v\"; auth = \"passthrough\"; } );",
	  "p:3: accounts[1].imap.host: is required" },
	{ "no port", "listeners = ( { address = \"::1\"; } );",
	  "p:1: listeners[0].port: is required" },
	{ "no address", "listeners = ( { port = 1; } );",
	  "p:1: listeners[0].address: is required" },
	{ "no credentials", "tls = { certificate = \"$CREDENTIALS_DIRECTORY/c.pem\"; };",
	  "p:1: tls.certificate: $CREDENTIALS_DIRECTORY is not set: the service has no "
	  "credentials" },
};

static void what_is_wrong_is_said_with_line_and_setting(void **state)
{
	struct reading reading;

	(void)state;
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	for (size_t i = 0; i < ROWS(rows); i++) {
		read_text(&reading, rows[i].text);
		const char *got = reading.fine ? "no error" : reading.error.text;
		const char *expected = rows[i].expected != NULL ? rows[i].expected : "no error";
		if (strcmp(got, expected) != 0)
			fail_msg("%s: got: %s\nexpected: %s", rows[i].name, got, expected);
		forget(&reading);
	}
}

static void below_an_rfcs_minimum_is_a_warning(void **state)
{
	struct reading reading;

	(void)state;
	read_text(&reading, "limits = {\n idle_timeout = 599; };\n" ACCOUNT);
	assert_true(reading.fine);
	assert_int_equal(reading.conf.limits.idle_timeout, 599);
	assert_string_equal(
		reading.warning,
		"p:2: limits.idle_timeout: 599 is below 600, the minimum of RFC 1939 section 3");
	forget(&reading);
	read_text(&reading, "limits = { idle_timeout = 600; };\n" ACCOUNT);
	assert_true(reading.fine);
	assert_string_equal(reading.warning, "");
	forget(&reading);
}

static void credentials_are_found_where_systemd_put_them(void **state)
{
	struct reading reading;

	(void)state;
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/run/credentials/boat", 1), 0);
	read_text(&reading, "tls = { certificate = \"$CREDENTIALS_DIRECTORY/c.pem\";\n"
			    "private_key = \"$CREDENTIALS_DIRECTORYX/k.pem\"; };" ACCOUNT);
	assert_true(reading.fine);
	assert_string_equal(reading.conf.tls.certificate, "/run/credentials/boat/c.pem");
	assert_string_equal(reading.conf.tls.private_key,
			    "/etc/boat/$CREDENTIALS_DIRECTORYX/k.pem");
	forget(&reading);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "", 1), 0);
	read_text(&reading, "tls = { certificate = \"$CREDENTIALS_DIRECTORY/c.pem\"; };" ACCOUNT);
	assert_false(reading.fine);
	forget(&reading);
	(void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void the_line_of_a_setting_is_known_even_to_those_without_a_row(void **state)
{
	config_t tree;

	(void)state;
	config_init(&tree);
	assert_int_equal(config_read_string(&tree, "a = 1;\n\ntls = { };"), CONFIG_TRUE);
	assert_int_equal(conf_read_line(config_root_setting(&tree), "tls"), 3);
	assert_int_equal(conf_read_line(config_root_setting(&tree), "log"), 0);
	config_destroy(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_is_set_arrives),
		cmocka_unit_test(what_is_wrong_is_said_with_line_and_setting),
		cmocka_unit_test(below_an_rfcs_minimum_is_a_warning),
		cmocka_unit_test(credentials_are_found_where_systemd_put_them),
		cmocka_unit_test(the_line_of_a_setting_is_known_even_to_those_without_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
