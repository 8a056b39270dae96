/* SPDX-License-Identifier: ISC */
#include "conf/conf_table_account.h"

#include "conf/conf_table.h"
#include "tests/unit/conf_fixture.h"

static void all_rows_are_of_accounts_and_stand_in_the_table(void **state)
{
	(void)state;
	assert_true(conf_table_account_count > 20);
	for (size_t i = 0; i < conf_table_account_count; i++) {
		const struct conf_row *row = &conf_table_account[i];
		assert_int_equal(row->scope, CONF_SCOPE_ACCOUNT);
		assert_ptr_equal(conf_table_find(CONF_SCOPE_ACCOUNT, row->group, row->name), row);
	}
	assert_ptr_equal(conf_table_find(CONF_SCOPE_ACCOUNT, NULL, "broken_messages"),
			 &conf_table_account[conf_table_account_count - 1]);
}

/* For each account, which settings have a use in it. */
static void settings_apply_where_they_have_a_use(void **state)
{
	static const struct conf_account passthrough = { .auth = CONF_AUTH_PASSTHROUGH };
	static const struct conf_account person = { .auth = CONF_AUTH_OAUTH2,
						    .oauth.client_secret_file = "/s" };
	static const struct conf_account app = { .auth = CONF_AUTH_OAUTH2,
						 .oauth.flow = CONF_FLOW_APP,
						 .oauth.certificate = "/c" };
	static const struct {
		const char *group;
		const char *name;
		bool expected[3]; /* passthrough, person, app */
	} rows[] = {
		{ NULL, "user", { true, true, true } },
		{ NULL, "attention_message", { false, true, true } },
		{ "oauth", "client_id", { false, true, true } },
		{ "oauth", "tenant", { false, true, true } },
		{ "oauth", "flow", { false, true, true } },
		{ "oauth", "client_secret_file", { false, true, true } },
		{ "oauth", "certificate", { false, true, true } },
		{ "oauth", "private_key", { false, true, true } },
		{ "oauth", "assertion_algorithm", { false, false, true } },
		{ "oauth", "expires", { false, true, false } },
		{ "oauth", "authority", { false, true, true } },
		{ "oauth", "scope", { false, true, true } },
		{ "oauth", "token_endpoint", { false, true, true } },
		{ "oauth", "authorize_endpoint", { false, true, false } },
		{ "oauth", "device_endpoint", { false, true, false } },
		{ "oauth", "redirect_uri", { false, true, false } },
		{ "oauth", "ca_file", { false, true, true } },
		{ "imap", "ca_file", { true, true, true } },
	};
	const struct conf_account *accounts[] = { &passthrough, &person, &app };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct conf_row *row =
			conf_table_find(CONF_SCOPE_ACCOUNT, rows[i].group, rows[i].name);
		assert_non_null(row);
		for (size_t j = 0; j < ROWS(accounts); j++) {
			if (conf_row_applies(row, accounts[j]) != rows[i].expected[j])
				fail_msg("%s in account %zu", rows[i].name, j);
		}
	}
}

static void a_provider_excuses_what_it_knows(void **state)
{
	static const struct conf_account custom = { .provider = CONF_PROVIDER_CUSTOM };
	static const struct conf_account china = { .provider = CONF_PROVIDER_CHINA };
	const struct conf_row *host = conf_table_find(CONF_SCOPE_ACCOUNT, "imap", "host");
	const struct conf_row *auth = conf_table_find(CONF_SCOPE_ACCOUNT, NULL, "auth");

	(void)state;
	assert_false(host->excused(&custom));
	assert_true(host->excused(&china));
	assert_false(auth->excused(&custom));
	assert_true(auth->excused(&china));
	/* Which is then what it is. */
	assert_int_equal(auth->default_number, CONF_AUTH_OAUTH2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_rows_are_of_accounts_and_stand_in_the_table),
		cmocka_unit_test(settings_apply_where_they_have_a_use),
		cmocka_unit_test(a_provider_excuses_what_it_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
