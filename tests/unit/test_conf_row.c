/* SPDX-License-Identifier: ISC */
#include "conf/conf_row.h"

#include "conf/conf_table.h"
#include "tests/unit/conf_fixture.h"

static const struct conf_row *row_of(enum conf_scope scope, const char *group, const char *name)
{
	const struct conf_row *row = conf_table_find(scope, group, name);

	if (row == NULL)
		fail_msg("no row %s", name);
	return row;
}

static void values_land_in_their_fields(void **state)
{
	struct conf conf;
	struct conf_account account;
	const struct conf_row *row;

	(void)state;
	memset(&conf, 0, sizeof(conf));
	memset(&account, 0, sizeof(account));

	row = row_of(CONF_SCOPE_FILE, NULL, "allow_plaintext");
	conf_row_set_number(row, &conf, 1);
	assert_true(conf.allow_plaintext);
	assert_int_equal(conf_row_number(row, &conf), 1);

	row = row_of(CONF_SCOPE_FILE, "limits", "drain");
	conf_row_set_number(row, &conf, 17);
	assert_int_equal(conf.limits.drain, 17);
	assert_int_equal(conf_row_number(row, &conf), 17);

	row = row_of(CONF_SCOPE_ACCOUNT, "imap", "port");
	conf_row_set_number(row, &account, 65535);
	assert_int_equal(account.imap.port, 65535);

	row = row_of(CONF_SCOPE_ACCOUNT, NULL, "delete");
	conf_row_set_number(row, &account, CONF_DELETE_MOVE);
	assert_int_equal(account.delete_mode, CONF_DELETE_MOVE);
	assert_int_equal(conf_row_number(row, &account), CONF_DELETE_MOVE);

	row = row_of(CONF_SCOPE_ACCOUNT, "imap", "host");
	assert_null(conf_row_text(row, &account));
	conf_row_set_text(row, &account, "imap.example.org");
	assert_string_equal(account.imap.host, "imap.example.org");
	assert_ptr_equal(conf_row_text(row, &account), account.imap.host);

	row = row_of(CONF_SCOPE_FILE, NULL, "accounts");
	const void *elements;
	conf_row_set_list(row, &conf, &account, 1);
	assert_ptr_equal(conf.accounts, &account);
	assert_int_equal(conf.account_count, 1);
	assert_int_equal(conf_row_list(row, &conf, &elements), 1);
	assert_ptr_equal(elements, &account);
}

static void words_are_found_by_their_value(void **state)
{
	const struct conf_row *row = row_of(CONF_SCOPE_ACCOUNT, NULL, "mark_seen");

	(void)state;
	assert_string_equal(conf_row_word(row, CONF_MARK_SEEN_NEVER), "never");
	assert_null(conf_row_word(row, 99));
}

static void a_text_is_checked_by_the_kind_of_its_row(void **state)
{
	static const struct {
		enum conf_scope scope;
		const char *group;
		const char *name;
		const char *good;
		const char *bad;
	} rows[] = {
		{ CONF_SCOPE_ACCOUNT, NULL, "mailbox", "m\xfcller", "" },
		{ CONF_SCOPE_ACCOUNT, NULL, "folder", "INBOX", "m\xfcller" },
		{ CONF_SCOPE_ACCOUNT, NULL, "user", "*@contoso.com", "a*" },
		{ CONF_SCOPE_ACCOUNT, NULL, "password_hash", HASH, "secret" },
		{ CONF_SCOPE_ACCOUNT, NULL, "password_file", "a\xff", "a\n" },
		{ CONF_SCOPE_LISTENER, NULL, "address", "::1", "localhost" },
		{ CONF_SCOPE_ACCOUNT, "imap", "host", "localhost", "a b" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "client_id", "x", "a b" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "tenant", "common", "a/b" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "scope", "a b", "a  b" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "expires", "2027-03-01", "soon" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "authority", "https://id", "https://id/?a" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "token_endpoint", "https://id/?a", "http://id/" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "authorize_endpoint", "https://id/", "http://id/" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "device_endpoint", "https://id/", "http://id/" },
		{ CONF_SCOPE_ACCOUNT, "oauth", "redirect_uri", "http://localhost", "http://id" },
		{ CONF_SCOPE_FILE, NULL, "control_group", "mail", "mail users" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct conf_row *row = row_of(rows[i].scope, rows[i].group, rows[i].name);
		assert_true(conf_row_is_text(row));
		if (conf_row_check_text(row, rows[i].good) != NULL)
			fail_msg("%s: refused %s", rows[i].name, rows[i].good);
		if (conf_row_check_text(row, rows[i].bad) == NULL)
			fail_msg("%s: took %s", rows[i].name, rows[i].bad);
	}
	assert_false(conf_row_is_text(row_of(CONF_SCOPE_FILE, NULL, "allow_plaintext")));
	assert_false(conf_row_is_text(row_of(CONF_SCOPE_FILE, NULL, "accounts")));
	assert_false(conf_row_is_text(row_of(CONF_SCOPE_FILE, "log", "level")));
	assert_false(conf_row_is_text(row_of(CONF_SCOPE_FILE, "limits", "drain")));
}

static bool is_never(const void *object)
{
	(void)object;
	return false;
}

static void a_row_without_a_condition_applies_everywhere(void **state)
{
	static const struct conf_row always = { .name = "a" };
	static const struct conf_row never = { .name = "b", .applies = is_never };

	(void)state;
	assert_true(conf_row_applies(&always, NULL));
	assert_false(conf_row_applies(&never, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_land_in_their_fields),
		cmocka_unit_test(words_are_found_by_their_value),
		cmocka_unit_test(a_text_is_checked_by_the_kind_of_its_row),
		cmocka_unit_test(a_row_without_a_condition_applies_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
