/* SPDX-License-Identifier: ISC */
#include "conf/conf_table.h"

#include "tests/unit/conf_fixture.h"

enum { HELP_MAX = 76 };

static size_t scope_size(enum conf_scope scope)
{
	switch (scope) {
	case CONF_SCOPE_FILE:
		return sizeof(struct conf);
	case CONF_SCOPE_LISTENER:
		return sizeof(struct conf_listener);
	case CONF_SCOPE_ACCOUNT:
		return sizeof(struct conf_account);
	}
	return 0;
}

static void each_row_is_found_by_its_name_and_is_the_only_one(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		assert_int_equal(conf_table_index(row), count);
		count++;
		if (conf_table_find(row->scope, row->group, row->name) != row)
			fail_msg("%s: another row has its name", row->name);
		if (conf_table_has_group(row->scope, row->name))
			fail_msg("%s: a group has its name", row->name);
	}
	assert_int_equal(conf_table_count(), count);
}

static void rows_of_one_group_are_neighbours(void **state)
{
	const struct conf_row *previous = NULL;

	(void)state;
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     previous = row, row = conf_table_next(row)) {
		if (row->group == NULL ||
		    (previous->scope == row->scope && previous->group != NULL &&
		     strcmp(previous->group, row->group) == 0))
			continue;
		/* A group begins: none of its rows stands before. */
		for (const struct conf_row *before = conf_table_next(NULL); before != row;
		     before = conf_table_next(before)) {
			if (before->scope == row->scope && before->group != NULL &&
			    strcmp(before->group, row->group) == 0)
				fail_msg("%s.%s stands apart", row->group, row->name);
		}
	}
}

static size_t value_size(const struct conf_row *row)
{
	if (row->kind == CONF_BOOLEAN)
		return sizeof(bool);
	return conf_row_is_text(row) || row->kind == CONF_LIST ? sizeof(void *) : sizeof(int);
}

static void no_two_rows_share_a_field(void **state)
{
	(void)state;
	for (const struct conf_row *a = conf_table_next(NULL); a != NULL; a = conf_table_next(a)) {
		assert_true(a->offset + value_size(a) <= scope_size(a->scope));
		for (const struct conf_row *b = conf_table_next(a); b != NULL;
		     b = conf_table_next(b)) {
			if (a->scope == b->scope && a->offset < b->offset + value_size(b) &&
			    b->offset < a->offset + value_size(a))
				fail_msg("%s and %s", a->name, b->name);
		}
	}
}

static void defaults_and_examples_are_values_that_the_row_takes(void **state)
{
	(void)state;
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		bool unset = row->required || row->computed != NULL;
		if (conf_row_is_text(row)) {
			const char *shown = row->example != NULL ? row->example : row->default_text;
			if (shown == NULL || conf_row_check_text(row, shown) != NULL)
				fail_msg("%s: nothing good to show", row->name);
		} else if (row->kind == CONF_WORD) {
			if (conf_row_word(row, row->default_number) == NULL)
				fail_msg("%s: no word for its default", row->name);
		} else if (row->kind == CONF_INTEGER) {
			if (row->min > row->max || row->advised_min > row->max)
				fail_msg("%s: an empty range", row->name);
			if (!unset &&
			    (row->default_number < row->min || row->default_number > row->max ||
			     row->default_number < row->advised_min))
				fail_msg("%s: default out of range", row->name);
			if (unset && row->example == NULL)
				fail_msg("%s: nothing to show", row->name);
		}
		if ((row->advised_min != 0) != (row->advised_by != NULL))
			fail_msg("%s: advice without its author", row->name);
	}
}

static void help_is_one_line(void **state)
{
	(void)state;
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		size_t len = strlen(row->help);
		if (len == 0 || len > HELP_MAX || strchr(row->help, '\n') != NULL ||
		    row->help[len - 1] != '.')
			fail_msg("%s: %s", row->name, row->help);
	}
}

static void a_condition_is_told_in_words(void **state)
{
	(void)state;
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		if ((row->applies != NULL) != (row->applies_with != NULL))
			fail_msg("%s: a condition without words, or words without one", row->name);
		if (row->excused != NULL && !row->required)
			fail_msg("%s: excused from nothing", row->name);
		if (row->check != NULL && row->kind != CONF_TEXT)
			fail_msg("%s: nobody asks its check", row->name);
	}
}

static void names_belong_to_their_scope_and_group(void **state)
{
	(void)state;
	assert_non_null(conf_table_find(CONF_SCOPE_FILE, "limits", "sessions"));
	assert_null(conf_table_find(CONF_SCOPE_FILE, NULL, "sessions"));
	assert_null(conf_table_find(CONF_SCOPE_FILE, "tls", "sessions"));
	assert_null(conf_table_find(CONF_SCOPE_ACCOUNT, "limits", "sessions"));
	assert_null(conf_table_find(CONF_SCOPE_FILE, "limits", "Sessions"));
	assert_null(conf_table_find(CONF_SCOPE_FILE, "limits", ""));
	assert_true(conf_table_has_group(CONF_SCOPE_ACCOUNT, "imap"));
	assert_false(conf_table_has_group(CONF_SCOPE_FILE, "imap"));
	assert_false(conf_table_has_group(CONF_SCOPE_LISTENER, "tls"));
}

static void a_slip_is_recognised(void **state)
{
	static const struct {
		enum conf_scope scope;
		const char *group;
		const char *name;
		const char *expected; /* or NULL */
	} rows[] = {
		{ CONF_SCOPE_FILE, NULL, "listener", "listeners" },
		{ CONF_SCOPE_FILE, NULL, "acounts", "accounts" },
		{ CONF_SCOPE_FILE, NULL, "Limits", "limits" },
		{ CONF_SCOPE_FILE, NULL, "state_dir", NULL },
		{ CONF_SCOPE_FILE, NULL, "state_directry", "state_directory" },
		{ CONF_SCOPE_FILE, "limits", "idle_timeouts", "limits.idle_timeout" },
		{ CONF_SCOPE_FILE, "limits", "login_timout", "limits.login_timeout" },
		{ CONF_SCOPE_FILE, "limits", "cheese", NULL },
		{ CONF_SCOPE_FILE, NULL, "sessions", "limits.sessions" },
		{ CONF_SCOPE_FILE, "limits", "certificate", "tls.certificate" },
		{ CONF_SCOPE_ACCOUNT, NULL, "host", "imap.host" },
		{ CONF_SCOPE_ACCOUNT, "imap", "folder", "folder" },
		{ CONF_SCOPE_ACCOUNT, NULL, "deleted", "delete" },
		{ CONF_SCOPE_ACCOUNT, "imap", "hosts", "imap.host" },
		{ CONF_SCOPE_ACCOUNT, "imap", "prot", NULL },
		{ CONF_SCOPE_ACCOUNT, NULL, "client_id", "oauth.client_id" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "scopes", "oauth.scope" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "redirect_url", "oauth.redirect_uri" },
		{ CONF_SCOPE_ACCOUNT, NULL, "oauth2", "oauth" },
		{ CONF_SCOPE_LISTENER, NULL, "adress", "address" },
		{ CONF_SCOPE_LISTENER, NULL, "a", NULL },
		{ CONF_SCOPE_LISTENER, NULL, "", NULL },
		{ CONF_SCOPE_FILE, NULL,
		  "a_name_that_is_longer_than_any_setting_will_ever_be_and_then_some_more_of_it_"
		  "behind",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char path[CONF_TABLE_NAME_MAX] = "";
		bool found = conf_table_suggest(rows[i].scope, rows[i].group, rows[i].name, path);
		if (found != (rows[i].expected != NULL) ||
		    (found && strcmp(path, rows[i].expected) != 0))
			fail_msg("%s: got: %s", rows[i].name, found ? path : "nothing");
	}
}

static void defaults_fill_the_whole_struct(void **state)
{
	struct conf_account account;
	struct conf conf;

	(void)state;
	memset(&account, 0xff, sizeof(account));
	conf_table_set_defaults(CONF_SCOPE_ACCOUNT, &account);
	assert_null(account.user);
	assert_null(account.password_hash);
	assert_null(account.mailbox);
	assert_string_equal(account.folder, "INBOX");
	assert_string_equal(account.delete_folder, "Deleted Items");
	assert_int_equal(account.provider, CONF_PROVIDER_CUSTOM);
	assert_int_equal(account.imap.port, 0);
	assert_int_equal(account.imap.tls, CONF_TLS_IMPLICIT);
	assert_int_equal(account.imap.address_family, CONF_ADDRESS_AUTO);
	assert_int_equal(account.delete_mode, CONF_DELETE_EXPUNGE);
	assert_int_equal(account.mark_seen, CONF_MARK_SEEN_RETR);
	assert_int_equal(account.sizes, CONF_SIZES_FAST);
	assert_int_equal(account.min_age, 0);
	assert_int_equal(account.broken_messages, CONF_BROKEN_MESSAGES_REFUSE);
	assert_true(account.attention_message);
	assert_null(account.oauth.client_id);
	assert_null(account.oauth.tenant);
	assert_int_equal(account.oauth.flow, CONF_FLOW_USER);
	assert_null(account.oauth.client_secret_file);
	assert_null(account.oauth.certificate);
	assert_null(account.oauth.private_key);
	assert_int_equal(account.oauth.assertion_algorithm, CONF_ASSERTION_PS256);
	assert_null(account.oauth.expires);
	assert_null(account.oauth.authority);
	assert_null(account.oauth.scope);
	assert_null(account.oauth.authorize_endpoint);
	assert_null(account.oauth.token_endpoint);
	assert_null(account.oauth.device_endpoint);
	assert_null(account.oauth.redirect_uri);
	assert_null(account.oauth.ca_file);

	memset(&conf, 0xff, sizeof(conf));
	conf_table_set_defaults(CONF_SCOPE_FILE, &conf);
	assert_null(conf.state_directory);
	assert_null(conf.runtime_directory);
	assert_null(conf.control_group);
	assert_null(conf.token_key_file);
	assert_null(conf.on_attention);
	assert_null(conf.listeners);
	assert_int_equal(conf.listener_count, 0);
	assert_int_equal(conf.account_count, 0);
	assert_false(conf.allow_plaintext);
	assert_int_equal(conf.log_level, CONF_LOG_INFO);
	assert_int_equal(conf.limits.sessions, 10000);
	assert_int_equal(conf.limits.connections_per_address, 100);
	assert_int_equal(conf.limits.logins_per_minute, 60);
	assert_int_equal(conf.limits.login_timeout, 60);
	assert_int_equal(conf.limits.idle_timeout, 600);
	assert_int_equal(conf.limits.login_patience, 10);
	assert_int_equal(conf.limits.takeover_after, 30);
	assert_int_equal(conf.limits.drain, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_found_by_its_name_and_is_the_only_one),
		cmocka_unit_test(rows_of_one_group_are_neighbours),
		cmocka_unit_test(no_two_rows_share_a_field),
		cmocka_unit_test(defaults_and_examples_are_values_that_the_row_takes),
		cmocka_unit_test(help_is_one_line),
		cmocka_unit_test(a_condition_is_told_in_words),
		cmocka_unit_test(names_belong_to_their_scope_and_group),
		cmocka_unit_test(a_slip_is_recognised),
		cmocka_unit_test(defaults_fill_the_whole_struct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
