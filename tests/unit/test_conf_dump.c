/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"
#include "conf/conf_table.h"
#include "tests/unit/conf_fixture.h"

enum { TEXT_MAX = 65536 };

static void print(bool (*printer)(const struct conf *, FILE *), const struct conf *conf,
		  char text_r[TEXT_MAX])
{
	FILE *file = fmemopen(text_r, TEXT_MAX, "w");

	assert_non_null(file);
	assert_true(printer(conf, file));
	assert_int_equal(fclose(file), 0);
}

static bool print_sample(const struct conf *conf, FILE *file)
{
	(void)conf;
	return conf_sample(file);
}

/* Puts a hash where the dump has none to show, which is what its reader has to do. */
static void fill_in_hashes(const char *dump, char text_r[TEXT_MAX])
{
	size_t used = 0;

	while (*dump != '\0') {
		bool stars = strncmp(dump, "\"***\"", 5) == 0;
		used += (size_t)snprintf(text_r + used, TEXT_MAX - used, "%.*s", stars ? 0 : 1,
					 dump);
		if (stars)
			used += (size_t)snprintf(text_r + used, TEXT_MAX - used, "\"%s\"", HASH);
		dump += stars ? 5 : 1;
	}
}

static const char *const files[] = {
	ACCOUNT,
	"listeners = ();\n" ACCOUNT,
	"tls = { certificate = \"c.pem\"; private_key = \"k.pem\"; };\n"
	"allow_plaintext = true;\n"
	"log = { level = \"debug\"; };\n"
	"limits = { sessions = 7; idle_timeout = 1; };\n"
	"accounts = (\n"
	"  { user = \"\\\"\\\\x00\\\\\"; auth = \"password\"; password_hash = \"" HASH "\";\n"
	"    imap_password_file = \"a\\\\nb\"; folder = \"Entw\xc3\xbcrfe/\\\"q\\\"\";\n"
	"    imap = { host = \"localhost\"; tls = \"none\"; ca_file = \"ca.pem\"; }; },\n"
	"  { user = \"m\xfcller #x\"; mailbox = \"/* @include // \"; auth = \"passthrough\"; "
	"delete = \"keep\";\n"
	"    imap = { host = \"2001:db8::1\"; tls = \"starttls\"; address_family = \"ipv6\"; }; "
	"},\n"
	"  { user = \"*\"; auth = \"password\"; password_file = \"p\"; imap_password_file = "
	"\"f\";\n"
	"    mark_seen = \"never\"; sizes = \"exact\"; min_age = 5;\n"
	"    broken_messages = \"deliver\"; " ACCOUNT_IMAP "} );\n",
	"runtime_directory = \"/r\"; control_group = \"mail\"; token_key_file = \"k\";\n"
	"on_attention = \"tell\";\n"
	"accounts = (\n"
	"  { user = \"a\"; provider = \"outlook\"; password_hash = \"" HASH "\";\n"
	"    attention_message = false; oauth = { client_id = \"x\"; }; },\n"
	"  { user = \"b\"; provider = \"gcc-high\"; password_file = \"p\"; auth = \"oauth2\";\n"
	"    oauth = { client_id = \"x\"; tenant = \"contoso.com\"; flow = \"app\";\n"
	"      certificate = \"c\"; private_key = \"k\"; assertion_algorithm = \"RS256\"; }; },\n"
	"  { user = \"c\"; provider = \"china\"; password_file = \"p\";\n"
	"    oauth = { client_id = \"x\"; authority = \"https://id.example.org/\";\n"
	"      client_secret_file = \"s\"; expires = \"2027-03-01\"; ca_file = \"ca\";\n"
	"      redirect_uri = \"http://localhost:1/\"; }; },\n"
	"  { user = \"*\"; auth = \"oauth2\"; password_file = \"p\"; " ACCOUNT_IMAP "\n"
	"    oauth = { client_id = \"x\"; scope = \"a b\"; token_endpoint = "
	"\"https://id/?t\"; }; } );\n",
};

static void a_dump_is_a_configuration_that_dumps_as_itself(void **state)
{
	static char first[TEXT_MAX], second[TEXT_MAX], filled[TEXT_MAX];

	for (size_t i = 0; i < ROWS(files); i++) {
		struct conf *conf = conf_fixture_must_load(*state, files[i]);
		print(conf_dump, conf, first);
		fill_in_hashes(first, filled);
		struct conf *again = conf_fixture_must_load(*state, filled);
		print(conf_dump, again, second);
		assert_string_equal(first, second);
		/* Also to those who only read the struct. */
		assert_int_equal(again->account_count, conf->account_count);
		for (size_t slot = 0; slot < conf->account_count; slot++) {
			assert_string_equal(again->accounts[slot].user, conf->accounts[slot].user);
			assert_string_equal(again->accounts[slot].folder,
					    conf->accounts[slot].folder);
		}
		assert_null(conf_needs_restart(conf, again));
		conf_unref(&again);
		conf_unref(&conf);
	}
}

static void a_dump_shows_defaults_and_hides_hashes(void **state)
{
	static char text[TEXT_MAX];
	struct conf *conf = conf_fixture_must_load(
		*state, "accounts = ( { user = \"u\"; auth = \"password\"; password_hash = \"" HASH
			"\"; imap_password_file = \"/f\"; " ACCOUNT_IMAP "} );");

	print(conf_dump, conf, text);
	conf_unref(&conf);
	assert_string_equal(text, "state_directory = \"/var/lib/packetboat\";\n"
				  "runtime_directory = \"/run/packetboat\";\n"
				  "token_key_file = \"/var/lib/packetboat/token.key\";\n"
				  "allow_plaintext = false;\n"
				  "listeners = (\n"
				  "    {\n"
				  "        address = \"127.0.0.1\";\n"
				  "        port = 1110;\n"
				  "        tls = \"none\";\n"
				  "    }\n"
				  ");\n"
				  "log = {\n"
				  "    level = \"info\";\n"
				  "};\n"
				  "limits = {\n"
				  "    sessions = 10000;\n"
				  "    connections_per_address = 100;\n"
				  "    logins_per_minute = 60;\n"
				  "    login_timeout = 60;\n"
				  "    idle_timeout = 600;\n"
				  "    login_patience = 10;\n"
				  "    takeover_after = 30;\n"
				  "    drain = 10;\n"
				  "};\n"
				  "accounts = (\n"
				  "    {\n"
				  "        user = \"u\";\n"
				  "        password_hash = \"***\";\n"
				  "        provider = \"custom\";\n"
				  "        folder = \"INBOX\";\n"
				  "        auth = \"password\";\n"
				  "        imap_password_file = \"/f\";\n"
				  "        imap = {\n"
				  "            host = \"imap.example.org\";\n"
				  "            port = 993;\n"
				  "            tls = \"implicit\";\n"
				  "            address_family = \"auto\";\n"
				  "        };\n"
				  "        delete = \"expunge\";\n"
				  "        delete_folder = \"Deleted Items\";\n"
				  "        mark_seen = \"retr\";\n"
				  "        sizes = \"fast\";\n"
				  "        min_age = 0;\n"
				  "        broken_messages = \"refuse\";\n"
				  "    }\n"
				  ");\n");
}

static void a_dump_shows_what_the_provider_settled(void **state)
{
	static char text[TEXT_MAX];
	struct conf *conf = conf_fixture_must_load(
		*state, "accounts = ( { user = \"u\"; provider = \"dod\"; password_file = \"/p\";\n"
			"oauth = { client_id = \"x\"; tenant = \"contoso.com\"; }; } );");

	print(conf_dump, conf, text);
	conf_unref(&conf);
	const char *account = strstr(text, "    {\n        user");
	assert_non_null(account);
	assert_string_equal(
		account,
		"    {\n"
		"        user = \"u\";\n"
		"        password_file = \"/p\";\n"
		"        provider = \"dod\";\n"
		"        folder = \"INBOX\";\n"
		"        auth = \"oauth2\";\n"
		"        attention_message = true;\n"
		"        oauth = {\n"
		"            client_id = \"x\";\n"
		"            tenant = \"contoso.com\";\n"
		"            flow = \"user\";\n"
		"            authority = \"https://login.microsoftonline.us\";\n"
		"            scope = \"https://outlook-dod.office365.us/IMAP.AccessAsUser.All "
		"offline_access\";\n"
		"            authorize_endpoint = "
		"\"https://login.microsoftonline.us/contoso.com/oauth2/v2.0/authorize\";\n"
		"            token_endpoint = "
		"\"https://login.microsoftonline.us/contoso.com/oauth2/v2.0/token\";\n"
		"            device_endpoint = "
		"\"https://login.microsoftonline.us/contoso.com/oauth2/v2.0/devicecode\";\n"
		"        };\n"
		"        imap = {\n"
		"            host = \"outlook-dod.office365.us\";\n"
		"            port = 993;\n"
		"            tls = \"implicit\";\n"
		"            address_family = \"auto\";\n"
		"        };\n"
		"        delete = \"expunge\";\n"
		"        delete_folder = \"Deleted Items\";\n"
		"        mark_seen = \"retr\";\n"
		"        sizes = \"fast\";\n"
		"        min_age = 0;\n"
		"        broken_messages = \"refuse\";\n"
		"    }\n"
		");\n");
}

static void the_sample_loads_and_names_every_setting(void **state)
{
	static char text[TEXT_MAX];
	struct conf_fixture *fixture = *state;

	print(print_sample, NULL, text);
	struct conf *conf = conf_fixture_must_load(fixture, text);
	assert_string_equal(fixture->warnings, "");
	assert_int_equal(conf->account_count, 1);
	assert_int_equal(conf->listener_count, 1);
	conf_unref(&conf);
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		char assignment[CONF_TABLE_NAME_MAX + 4];
		(void)snprintf(assignment, sizeof(assignment), "%s = ", row->name);
		if (strstr(text, row->help) == NULL || strstr(text, assignment) == NULL)
			fail_msg("%s is missing", row->name);
	}
}

/* Reads "NAME = " at a line's beginning, which may be "    # NAME = ". */
static void read_name(const char *line, char name_r[CONF_TABLE_NAME_MAX])
{
	line += strspn(line, " #");
	(void)snprintf(name_r, CONF_TABLE_NAME_MAX, "%.*s", (int)strcspn(line, " \n"), line);
}

static bool line_is(const char *line, const char *text)
{
	size_t len = strlen(text);

	return strncmp(line, text, len) == 0 && line[len] == '\n';
}

/* Which setting stands in a line of the sample. */
static const struct conf_row *row_at(const char *text, const char *line)
{
	enum conf_scope scope = CONF_SCOPE_FILE;
	char group[CONF_TABLE_NAME_MAX] = "";
	char name[CONF_TABLE_NAME_MAX];

	for (const char *at = text; at != line; at = strchr(at, '\n') + 1) {
		size_t len = strcspn(at, "\n");
		if (line_is(at, "listeners = ("))
			scope = CONF_SCOPE_LISTENER;
		else if (line_is(at, "accounts = ("))
			scope = CONF_SCOPE_ACCOUNT;
		else if (line_is(at, ");"))
			scope = CONF_SCOPE_FILE;
		else if (len > 4 && strncmp(at + len - 4, " = {", 4) == 0)
			read_name(at, group);
		else if (len >= 2 && strncmp(at + len - 2, "};", 2) == 0)
			group[0] = '\0';
	}
	read_name(line, name);
	return conf_table_find(scope, *group != '\0' ? group : NULL, name);
}

/* Those that need or exclude another; every other line of the sample loads once its # is gone. */
static const char *expected_of(const struct conf_row *row)
{
	static const struct {
		const char *setting;
		const char *expected;
	} rows[] = {
		{ "tls.certificate", "tls.certificate: needs private_key beside it" },
		{ "tls.private_key", "tls.private_key: needs certificate beside it" },
		{ "password_hash", "has no use with auth = \"passthrough\"" },
		{ "password_file", "has no use with auth = \"passthrough\"" },
		{ "imap_password_file", "has no use with auth = \"passthrough\"" },
		{ "mailbox", "has no use for a wildcard" },
	};
	char path[CONF_TABLE_NAME_MAX];

	for (size_t i = 0; i < ROWS(rows); i++) {
		if (strcmp(conf_table_path(row, path), rows[i].setting) == 0)
			return rows[i].expected;
	}
	return row->applies != NULL ? row->applies_with : NULL;
}

static void every_line_of_the_sample_is_good_without_its_mark(void **state)
{
	static char text[TEXT_MAX];
	struct conf_fixture *fixture = *state;
	size_t tried = 0;

	print(print_sample, NULL, text);
	for (char *mark = strchr(text, '#'); mark != NULL; mark = strchr(mark + 1, '#')) {
		if (mark[1] == ' ')
			continue;
		const char *line = mark;
		while (line > text && line[-1] != '\n')
			line--;
		const struct conf_row *row = row_at(text, line);
		if (row == NULL)
			fail_msg("%.30s: no setting", mark);
		*mark = ' ';
		tried++;
		struct conf *conf = conf_fixture_load(fixture, text);
		const char *expected = expected_of(row);
		if ((conf == NULL) != (expected != NULL) ||
		    (conf == NULL && strstr(fixture->error.text, expected) == NULL))
			fail_msg("%.30s: %s", mark + 1,
				 conf == NULL ? fixture->error.text : "loads");
		conf_unref(&conf);
		*mark = '#';
	}
	assert_true(tried > 40);
}

static void a_full_disk_is_noticed(void **state)
{
	struct conf *conf = conf_fixture_must_load(*state, ACCOUNT);
	FILE *full = fopen("/dev/full", "w");

	if (full != NULL) {
		assert_false(conf_dump(conf, full));
		assert_false(conf_sample(full));
		(void)fclose(full);
	}
	conf_unref(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_is_a_configuration_that_dumps_as_itself),
		cmocka_unit_test(a_dump_shows_defaults_and_hides_hashes),
		cmocka_unit_test(a_dump_shows_what_the_provider_settled),
		cmocka_unit_test(the_sample_loads_and_names_every_setting),
		cmocka_unit_test(every_line_of_the_sample_is_good_without_its_mark),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, conf_fixture_setup, conf_fixture_teardown);
}
