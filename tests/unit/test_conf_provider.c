/* SPDX-License-Identifier: ISC */
#include "conf/conf_provider.h"

#include "conf/conf_storage.h"
#include "conf/conf_table.h"
#include "conf/conf_url.h"
#include "conf/conf_value.h"
#include "tests/unit/conf_fixture.h"

static void each_provider_has_a_preset_that_its_settings_would_take(void **state)
{
	const struct conf_row *row = conf_table_find(CONF_SCOPE_ACCOUNT, NULL, "provider");

	(void)state;
	for (const struct conf_word *word = row->words; word->text != NULL; word++) {
		const struct conf_provider_preset *preset =
			conf_provider_preset((enum conf_provider)word->value);
		if (word->value == CONF_PROVIDER_CUSTOM) {
			assert_null(preset->imap_host);
			assert_null(preset->authority);
			assert_null(preset->tenant);
			assert_null(preset->user_scope);
			assert_null(preset->app_scope);
			continue;
		}
		if (conf_value_check_host(preset->imap_host) != NULL ||
		    conf_url_check_authority(preset->authority) != NULL ||
		    conf_value_check_tenant(preset->tenant) != NULL ||
		    conf_value_check_scope(preset->user_scope) != NULL ||
		    conf_value_check_scope(preset->app_scope) != NULL)
			fail_msg("%s has a preset that cannot be set", word->text);
	}
}

static void each_cloud_has_its_own_hosts(void **state)
{
	static const struct {
		enum conf_provider provider;
		const char *imap_host;
		const char *token_endpoint; /* for flow user */
		const char *scope;
		const char *app_scope;
	} rows[] = {
		{ CONF_PROVIDER_OUTLOOK, "outlook.office365.com",
		  "https://login.microsoftonline.com/consumers/oauth2/v2.0/token",
		  "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
		  "https://outlook.office365.com/.default" },
		{ CONF_PROVIDER_OFFICE365, "outlook.office365.com",
		  "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
		  "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
		  "https://outlook.office365.com/.default" },
		{ CONF_PROVIDER_GCC_HIGH, "outlook.office365.us",
		  "https://login.microsoftonline.us/organizations/oauth2/v2.0/token",
		  "https://outlook.office365.us/IMAP.AccessAsUser.All offline_access",
		  "https://outlook.office365.us/.default" },
		{ CONF_PROVIDER_DOD, "outlook-dod.office365.us",
		  "https://login.microsoftonline.us/organizations/oauth2/v2.0/token",
		  "https://outlook-dod.office365.us/IMAP.AccessAsUser.All offline_access",
		  "https://outlook-dod.office365.us/.default" },
		{ CONF_PROVIDER_CHINA, "partner.outlook.cn",
		  "https://login.partner.microsoftonline.cn/organizations/oauth2/v2.0/token",
		  "https://partner.outlook.cn/IMAP.AccessAsUser.All offline_access",
		  "https://partner.outlook.cn/.default" },
	};
	struct conf_storage *storage = conf_storage_new();

	(void)state;
	assert_non_null(storage);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf_account account = { .provider = rows[i].provider,
						.auth = CONF_AUTH_OAUTH2 };
		assert_true(conf_provider_resolve(&account, storage));
		assert_string_equal(account.imap.host, rows[i].imap_host);
		assert_string_equal(account.oauth.token_endpoint, rows[i].token_endpoint);
		assert_string_equal(account.oauth.scope, rows[i].scope);
		assert_true(conf_provider_is_microsoft(&account));
		assert_true(conf_provider_is_microsoft_host(account.imap.host));

		struct conf_account app = { .provider = rows[i].provider,
					    .auth = CONF_AUTH_OAUTH2,
					    .oauth.flow = CONF_FLOW_APP };
		assert_true(conf_provider_resolve(&app, storage));
		assert_string_equal(app.oauth.scope, rows[i].app_scope);
		/* No tenant can be guessed for it. */
		assert_null(app.oauth.tenant);
		assert_null(app.oauth.token_endpoint);
	}
	conf_storage_free(&storage);
}

static void endpoints_follow_authority_and_tenant(void **state)
{
	static const char *const authorities[] = { "https://id.example.org:8443/realm",
						   "https://id.example.org:8443/realm/",
						   "https://id.example.org:8443/realm//" };
	struct conf_storage *storage = conf_storage_new();

	(void)state;
	assert_non_null(storage);
	for (size_t i = 0; i < ROWS(authorities); i++) {
		struct conf_account account = {
			.provider = CONF_PROVIDER_CUSTOM,
			.auth = CONF_AUTH_OAUTH2,
			.oauth = { .authority = authorities[i], .tenant = "contoso.com" },
		};
		assert_true(conf_provider_resolve(&account, storage));
		assert_string_equal(account.oauth.token_endpoint,
				    "https://id.example.org:8443/realm/contoso.com/oauth2/v2.0/"
				    "token");
		assert_string_equal(account.oauth.authorize_endpoint,
				    "https://id.example.org:8443/realm/contoso.com/oauth2/v2.0/"
				    "authorize");
		assert_string_equal(account.oauth.device_endpoint,
				    "https://id.example.org:8443/realm/contoso.com/oauth2/v2.0/"
				    "devicecode");
		assert_null(account.oauth.redirect_uri);
		assert_false(conf_provider_is_microsoft(&account));
	}
	conf_storage_free(&storage);
}

static void an_application_sends_no_browser_anywhere(void **state)
{
	struct conf_storage *storage = conf_storage_new();
	struct conf_account account = {
		.provider = CONF_PROVIDER_OFFICE365,
		.auth = CONF_AUTH_OAUTH2,
		.oauth = { .flow = CONF_FLOW_APP, .tenant = "contoso.com" },
	};

	(void)state;
	assert_non_null(storage);
	assert_true(conf_provider_resolve(&account, storage));
	assert_string_equal(account.oauth.token_endpoint,
			    "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token");
	assert_null(account.oauth.authorize_endpoint);
	assert_null(account.oauth.device_endpoint);
	conf_storage_free(&storage);
}

static void what_the_account_says_comes_first(void **state)
{
	struct conf_storage *storage = conf_storage_new();
	struct conf_account account = {
		.provider = CONF_PROVIDER_OFFICE365,
		.auth = CONF_AUTH_OAUTH2,
		.imap.host = "127.0.0.1",
		.oauth = {
			.authority = "https://127.0.0.1:8443",
			.tenant = "contoso.com",
			.scope = "https://outlook.office365.com/.default offline_access",
			.token_endpoint = "https://127.0.0.1:8444/token",
		},
	};

	(void)state;
	assert_non_null(storage);
	assert_true(conf_provider_resolve(&account, storage));
	assert_string_equal(account.imap.host, "127.0.0.1");
	assert_string_equal(account.oauth.authority, "https://127.0.0.1:8443");
	assert_string_equal(account.oauth.tenant, "contoso.com");
	assert_string_equal(account.oauth.scope,
			    "https://outlook.office365.com/.default offline_access");
	assert_string_equal(account.oauth.token_endpoint, "https://127.0.0.1:8444/token");
	assert_string_equal(account.oauth.authorize_endpoint,
			    "https://127.0.0.1:8443/contoso.com/oauth2/v2.0/authorize");
	conf_storage_free(&storage);
}

static void accounts_with_passwords_have_nothing_of_it(void **state)
{
	static const struct conf_oauth none;
	struct conf_storage *storage = conf_storage_new();
	struct conf_account account = { .provider = CONF_PROVIDER_OFFICE365,
					.auth = CONF_AUTH_PASSWORD };

	(void)state;
	assert_non_null(storage);
	assert_true(conf_provider_resolve(&account, storage));
	assert_memory_equal(&account.oauth, &none, sizeof(none));
	conf_storage_free(&storage);
}

static void microsoft_is_recognised_by_its_hosts_too(void **state)
{
	static const struct {
		const char *endpoint;
		bool expected;
	} rows[] = {
		{ "https://login.microsoftonline.com/common/oauth2/v2.0/token", true },
		{ "https://LOGIN.microsoftonline.us/common/oauth2/v2.0/token", true },
		{ "https://login.partner.microsoftonline.cn/x/oauth2/v2.0/token", true },
		{ "https://login.windows.net/common/oauth2/token", true },
		{ "https://login.microsoftonline.com.example.org/token", false },
		{ "https://id.example.org/login.microsoftonline.com/token", false },
		{ NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf_account account = { .oauth.token_endpoint = rows[i].endpoint };
		if (conf_provider_is_microsoft(&account) != rows[i].expected)
			fail_msg("row %zu: expected %d", i, rows[i].expected);
	}
	assert_true(conf_provider_is_microsoft_host("Outlook.Office365.com"));
	assert_true(conf_provider_is_microsoft_host("imap-mail.outlook.com"));
	assert_false(conf_provider_is_microsoft_host("outlook.office365.com.example.org"));
	assert_false(conf_provider_is_microsoft_host("imap.example.org"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_provider_has_a_preset_that_its_settings_would_take),
		cmocka_unit_test(each_cloud_has_its_own_hosts),
		cmocka_unit_test(endpoints_follow_authority_and_tenant),
		cmocka_unit_test(an_application_sends_no_browser_anywhere),
		cmocka_unit_test(what_the_account_says_comes_first),
		cmocka_unit_test(accounts_with_passwords_have_nothing_of_it),
		cmocka_unit_test(microsoft_is_recognised_by_its_hosts_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
