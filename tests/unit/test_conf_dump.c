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
	"    mark_seen = \"never\"; sizes = \"exact\"; min_age = 5; " ACCOUNT_IMAP "} );\n",
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

/* Those that need or exclude another; every other line of the sample loads once its # is gone. */
static const char *expected_of(const char *line)
{
	static const struct {
		const char *setting;
		const char *expected;
	} rows[] = {
		{ "certificate", "tls.certificate: needs private_key beside it" },
		{ "private_key", "tls.private_key: needs certificate beside it" },
		{ "password_hash", "has no use with auth = \"passthrough\"" },
		{ "password_file", "has no use with auth = \"passthrough\"" },
		{ "imap_password_file", "has no use with auth = \"passthrough\"" },
		{ "mailbox", "has no use for a wildcard" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		if (strncmp(line, rows[i].setting, strlen(rows[i].setting)) == 0)
			return rows[i].expected;
	}
	return NULL;
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
		*mark = ' ';
		tried++;
		struct conf *conf = conf_fixture_load(fixture, text);
		const char *expected = expected_of(mark + 1);
		if ((conf == NULL) != (expected != NULL) ||
		    (conf == NULL && strstr(fixture->error.text, expected) == NULL))
			fail_msg("%.30s: %s", mark + 1,
				 conf == NULL ? fixture->error.text : "loads");
		conf_unref(&conf);
		*mark = '#';
	}
	assert_true(tried > 20);
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
		cmocka_unit_test(the_sample_loads_and_names_every_setting),
		cmocka_unit_test(every_line_of_the_sample_is_good_without_its_mark),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, conf_fixture_setup, conf_fixture_teardown);
}
