/* SPDX-License-Identifier: ISC */
#include "daemon/diagnosis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static const struct conf_account person = {
	.provider = CONF_PROVIDER_OUTLOOK,
	.auth = CONF_AUTH_OAUTH2,
	.folder = "INBOX",
	.imap.host = "outlook.office365.com",
	.oauth = { .client_id = "app-id",
		   .tenant = "consumers",
		   .flow = CONF_FLOW_USER,
		   .scope = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
		   .token_endpoint =
			   "https://login.microsoftonline.com/consumers/oauth2/v2.0/token" },
};

static const struct conf_account employee = {
	.provider = CONF_PROVIDER_OFFICE365,
	.auth = CONF_AUTH_OAUTH2,
	.folder = "INBOX",
	.imap.host = "outlook.office365.com",
	.oauth = { .client_id = "app-id",
		   .tenant = "contoso.com",
		   .flow = CONF_FLOW_USER,
		   .scope = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
		   .token_endpoint =
			   "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token" },
};

static const struct conf_account application = {
	.provider = CONF_PROVIDER_OFFICE365,
	.auth = CONF_AUTH_OAUTH2,
	.folder = "INBOX",
	.imap.host = "outlook.office365.com",
	.oauth = { .client_id = "app-id",
		   .tenant = "contoso.com",
		   .flow = CONF_FLOW_APP,
		   .scope = "https://outlook.office365.com/.default",
		   .token_endpoint =
			   "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token" },
};

static const struct conf_account elsewhere = {
	.provider = CONF_PROVIDER_CUSTOM,
	.auth = CONF_AUTH_OAUTH2,
	.folder = "INBOX",
	.imap.host = "imap.example.org",
	.oauth = { .client_id = "app-id",
		   .flow = CONF_FLOW_USER,
		   .scope = "mail",
		   .token_endpoint = "https://id.example.org/token" },
};

static const struct conf_account password = {
	.provider = CONF_PROVIDER_CUSTOM,
	.auth = CONF_AUTH_PASSWORD,
	.folder = "Archive",
	.imap.host = "imap.example.org",
	.imap_password_file = "/etc/packetboat/secret",
};

static const struct token_claims good_user = {
	.audience = "https://outlook.office.com",
	.who = "helpdesk@contoso.com",
	.scopes = "SMTP.Send IMAP.AccessAsUser.All",
};
static const struct token_claims other_user = {
	.audience = "https://outlook.office.com",
	.who = "admin@contoso.com",
	.scopes = "IMAP.AccessAsUser.All",
};
static const struct token_claims good_app = {
	.audience = "https://outlook.office365.com/",
	.roles = "IMAP.AccessAsApp",
};

static struct oauth_client client_of(const struct conf_account *account)
{
	return (struct oauth_client){ .account = account,
				      .name = "helpdesk",
				      .mailbox = "Helpdesk@contoso.com" };
}

/* One line, within its bounds, and a remedy exactly where there is something to mend. */
static void assert_sane(const char *name, const struct diagnosis *diagnosis)
{
	if (diagnosis->found[0] == '\0' || strchr(diagnosis->found, '\n') != NULL ||
	    strlen(diagnosis->found) > sizeof(diagnosis->found) - 2)
		fail_msg("%s: found: %s", name, diagnosis->found);
	if (diagnosis->ok != (diagnosis->remedy[0] == '\0') ||
	    strchr(diagnosis->remedy, '\n') != NULL ||
	    strlen(diagnosis->remedy) > sizeof(diagnosis->remedy) - 2)
		fail_msg("%s: remedy: %s", name, diagnosis->remedy);
}

static void assert_says(const char *name, const char *text, const char *words)
{
	if (words != NULL && strstr(text, words) == NULL)
		fail_msg("%s: \"%s\" is not in: %s", name, words, text);
}

static void a_token_that_the_mail_server_will_not_take_is_known(void **state)
{
	static const struct token_claims graph = { .audience = "https://graph.microsoft.com",
						   .scopes = "IMAP.AccessAsUser.All" };
	static const struct token_claims graph_id = {
		.audience = "00000003-0000-0000-c000-000000000000",
		.scopes = "IMAP.AccessAsUser.All"
	};
	static const struct token_claims outlook_id = {
		.audience = "00000002-0000-0ff1-ce00-000000000000",
		.scopes = "imap.accessasuser.all"
	};
	static const struct token_claims in_full = {
		.audience = "https://outlook.office.com",
		.scopes = "openid https://outlook.office.com/IMAP.AccessAsUser.All"
	};
	static const struct token_claims longer = { .audience = "https://outlook.office.com",
						    .scopes = "NoIMAP.AccessAsUser.All" };
	static const struct token_claims similar = { .audience = "https://outlook.office.com.evil",
						     .scopes = "IMAP.AccessAsUser.All" };
	static const struct token_claims smtp = { .audience = "https://outlook.office.com",
						  .scopes = "SMTP.Send IMAP.AccessAsUser.Allx" };
	static const struct token_claims no_role = { .audience = "https://outlook.office365.com",
						     .roles = "POP.AccessAsApp" };
	static const struct token_claims anything = { .audience = "whatever" };
	static const struct {
		const char *name;
		const struct conf_account *account;
		const struct token_claims *claims;
		bool ok;
		const char *found;
		const char *remedy;
	} rows[] = {
		{ "good", &employee, &good_user, true, "belongs to helpdesk@contoso.com", NULL },
		{ "good app", &application, &good_app, true, "IMAP.AccessAsApp", NULL },
		{ "opaque", &person, NULL, true, "does not say whose", NULL },
		{ "by id", &employee, &outlook_id, true, "", NULL },
		{ "graph", &employee, &graph, false, "Microsoft Graph", "Wrong scope" },
		{ "graph by id", &employee, &graph_id, false, "Microsoft Graph",
		  "https://outlook.office.com/IMAP.AccessAsUser.All" },
		{ "graph, app", &application, &graph, false, "Microsoft Graph",
		  "https://outlook.office365.com/.default" },
		{ "similar", &employee, &similar, false, "something else", "Wrong scope" },
		{ "other permission", &employee, &smtp, false,
		  "does not permit IMAP.AccessAsUser.All (it permits: SMTP.Send",
		  "packetboat login helpdesk" },
		{ "permission in full", &employee, &in_full, true, "", NULL },
		{ "longer permission", &employee, &longer, false, "does not permit", NULL },
		{ "no role", &application, &no_role, false,
		  "lacks the role IMAP.AccessAsApp (it has: POP.AccessAsApp)",
		  "grants admin consent" },
		{ "user's token in an app", &application, &good_user, false,
		  "lacks the role IMAP.AccessAsApp (it has: none)", NULL },
		{ "not Microsoft's", &elsewhere, &anything, true, "", NULL },
	};
	struct oauth_status status = { .expires_in = 3000, .flow = "browser" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oauth_client client = client_of(rows[i].account);
		struct diagnosis diagnosis;

		diagnosis_of_token(&diagnosis, &client, &status, rows[i].claims, 1000000);
		assert_sane(rows[i].name, &diagnosis);
		if (diagnosis.ok != rows[i].ok)
			fail_msg("%s: ok is %d", rows[i].name, diagnosis.ok);
		assert_says(rows[i].name, diagnosis.found, rows[i].found);
		assert_says(rows[i].name, diagnosis.remedy, rows[i].remedy);
	}
}

static void the_age_of_a_sign_in_is_told(void **state)
{
	struct oauth_client client = client_of(&employee);
	struct oauth_status status = { .expires_in = 3599,
				       .signed_in = 1000000,
				       .refreshed = 1000000 + 12 * 86400 - 90,
				       .flow = "device" };
	struct diagnosis diagnosis;

	(void)state;
	diagnosis_of_token(&diagnosis, &client, &status, NULL, 1000000 + 12 * 86400);
	assert_string_equal(diagnosis.found, "signed in 12 days ago (device), refreshed 90 seconds "
					     "ago, good for 59 minutes; it does not say whose it "
					     "is");
}

static void spans_of_time_are_readable(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ -5, "0 seconds" },         { 0, "0 seconds" },     { 1, "1 second" },
		{ 119, "119 seconds" },      { 120, "2 minutes" },   { 7199, "119 minutes" },
		{ 7200, "2 hours" },         { 172799, "47 hours" }, { 172800, "2 days" },
		{ 86400 * 100, "100 days" },
	};
	char text[DIAGNOSIS_SPAN_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(diagnosis_span(text, rows[i].seconds), rows[i].text);
}

static void trouble_with_a_token_comes_with_what_to_do(void **state)
{
	static const struct {
		const char *name;
		struct oauth_trouble trouble;
		uint64_t backoff_for;
		const char *found;
		const char *remedy;
	} rows[] = {
		{ "never",
		  { .state = OAUTH_NEVER_SIGNED_IN, .text = "nobody has signed in" },
		  0,
		  "nobody has signed in",
		  "Sign in: `packetboat login helpdesk`" },
		{ "never, with advice",
		  { .state = OAUTH_NEVER_SIGNED_IN,
		    .text = "nobody has signed in",
		    .remedy = "Sign in." },
		  0,
		  "nobody",
		  "packetboat login helpdesk" },
		{ "revoked",
		  { .state = OAUTH_SIGN_IN_NEEDED,
		    .text = "invalid_grant: AADSTS50173",
		    .refusal = { .correlation_id = "c-1" },
		    .meaning = "The password was changed.",
		    .remedy = "The person signs in again." },
		  0,
		  "invalid_grant: AADSTS50173. The password was changed. (correlation id c-1)",
		  "The person signs in again. Sign in: `packetboat login helpdesk`" },
		{ "revoked, and the advice has the command",
		  { .state = OAUTH_SIGN_IN_NEEDED,
		    .text = "invalid_grant",
		    .remedy = "Run `packetboat login` for the account again." },
		  0,
		  "invalid_grant",
		  "Run `packetboat login helpdesk` again." },
		{ "secret",
		  { .state = OAUTH_ADMINISTRATOR_NEEDED,
		    .text = "The client secret has expired.",
		    .meaning = "The client secret has expired.",
		    .remedy = "Make a new one." },
		  0,
		  "The client secret has expired.",
		  "Make a new one. When it is mended, run the doctor again." },
		{ "busy",
		  { .state = OAUTH_BACKING_OFF, .text = "429" },
		  17,
		  "429",
		  "in 17 s at the earliest" },
	};
	struct oauth_client client = client_of(&employee);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diagnosis diagnosis;

		diagnosis_of_trouble(&diagnosis, &client, &rows[i].trouble, rows[i].backoff_for);
		assert_false(diagnosis.ok);
		assert_sane(rows[i].name, &diagnosis);
		assert_says(rows[i].name, diagnosis.found, rows[i].found);
		assert_says(rows[i].name, diagnosis.remedy, rows[i].remedy);
		/* The command is not said twice. */
		const char *command = strstr(diagnosis.remedy, "packetboat login");
		assert_true(command == NULL || strstr(command + 1, "packetboat login") == NULL);
	}
}

#define REFUSED(words)                                                      \
	{                                                                   \
		.progress = UPSTREAM_GREETED, .failure = {                  \
			.cause = FAILURE_CAUSE_REFUSED,                     \
			.text = "The mail server refused the token: " words \
		}                                                           \
	}
#define NOT_CONNECTED                                            \
	{                                                        \
		.progress = UPSTREAM_AUTHENTICATED, .failure = { \
			.cause = FAILURE_CAUSE_NOT_CONNECTED,    \
			.text = "it opens no mailbox"            \
		}                                                \
	}

static void a_refusal_is_explained_by_what_is_known(void **state)
{
	static const struct token_claims graph = { .audience = "https://graph.microsoft.com" };
	static const struct {
		const char *name;
		const struct conf_account *account;
		const struct token_claims *claims;
		struct probe_result result;
		const char *found;
		const char *remedy;
		const char *not_remedy; /* what it must not say */
	} rows[] = {
		{ "wrong object id", &application, &good_app, REFUSED("AUTHENTICATE failed."),
		  "AUTHENTICATE failed.", "New-ServicePrincipal -AppId app-id -ObjectId",
		  "Add-MailboxPermission" },
		{ "no permission", &application, &good_app, NOT_CONNECTED, "opens no mailbox",
		  "Add-MailboxPermission -Identity Helpdesk@contoso.com -User OBJECT_ID",
		  "New-ServicePrincipal" },
		{ "another person", &employee, &other_user, NOT_CONNECTED,
		  "belongs to admin@contoso.com, the mailbox is Helpdesk@contoso.com",
		  "Add-MailboxPermission -Identity Helpdesk@contoso.com -User admin@contoso.com",
		  NULL },
		{ "another person, refused", &employee, &other_user, REFUSED(""),
		  "belongs to admin@contoso.com", "packetboat login helpdesk", NULL },
		{ "IMAP is off", &employee, &good_user, NOT_CONNECTED, NULL,
		  "Set-CASMailbox -Identity Helpdesk@contoso.com -ImapEnabled $true",
		  "Add-MailboxPermission" },
		{ "IMAP is off, refused", &employee, &good_user, REFUSED(""), NULL,
		  "Conditional Access", "packetboat login" },
		{ "a person's IMAP is off", &person, NULL, NOT_CONNECTED, NULL,
		  "Forwarding and IMAP", "Set-CASMailbox" },
		{ "a person, another", &person, NULL, REFUSED(""), NULL,
		  "If somebody else than Helpdesk@contoso.com signed in", "Conditional Access" },
		{ "wrong scope", &employee, &graph, REFUSED(""), "Microsoft Graph", "Wrong scope",
		  "Set-CASMailbox" },
		{ "wrong scope, late", &employee, &graph, NOT_CONNECTED, "Microsoft Graph",
		  "Wrong scope", NULL },
		{ "another provider", &elsewhere, &other_user, REFUSED(""),
		  "belongs to admin@contoso.com", "\"mail\"", "Set-CASMailbox" },
		{ "password", &password, NULL, REFUSED(""), NULL, "/etc/packetboat/secret", NULL },
		{ "no tokens",
		  &employee,
		  NULL,
		  { .progress = UPSTREAM_GREETED,
		    .failure = { .cause = FAILURE_CAUSE_NO_MECHANISM, .text = "x" } },
		  NULL,
		  "imap.host",
		  "Forwarding" },
		{ "no folder",
		  &employee,
		  &good_user,
		  { .progress = UPSTREAM_AUTHENTICATED,
		    .failure = { .cause = FAILURE_CAUSE_NO_FOLDER, .text = "x" } },
		  NULL,
		  "`folder`",
		  "later" },
		{ "throttled",
		  &employee,
		  &good_user,
		  { .progress = UPSTREAM_AUTHENTICATED,
		    .failure = { .cause = FAILURE_CAUSE_OTHER, .text = "throttled" } },
		  "throttled",
		  "try again",
		  "Set-CASMailbox" },
		{ "unreachable",
		  &employee,
		  &good_user,
		  { .progress = UPSTREAM_NOT_CONNECTED,
		    .failure = { .cause = FAILURE_CAUSE_UNREACHABLE, .text = "refused" } },
		  "refused",
		  "try again",
		  NULL },
		{ "untrusted",
		  &employee,
		  &graph,
		  { .progress = UPSTREAM_CONNECTED,
		    .failure = { .cause = FAILURE_CAUSE_UNTRUSTED, .text = "expired" } },
		  "expired",
		  "packetboat doctor helpdesk",
		  "scope" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct oauth_client client = client_of(rows[i].account);
		struct diagnosis diagnosis;

		diagnosis_of_check(&diagnosis, &client, rows[i].claims, &rows[i].result);
		assert_false(diagnosis.ok);
		assert_sane(rows[i].name, &diagnosis);
		assert_says(rows[i].name, diagnosis.found, rows[i].found);
		assert_says(rows[i].name, diagnosis.remedy, rows[i].remedy);
		if (rows[i].not_remedy != NULL &&
		    strstr(diagnosis.remedy, rows[i].not_remedy) != NULL)
			fail_msg("%s: says %s: %s", rows[i].name, rows[i].not_remedy,
				 diagnosis.remedy);
	}
}

static void an_open_mailbox_needs_no_remedy(void **state)
{
	static const struct probe_result opened = { .progress = UPSTREAM_SELECTED, .done = true };
	struct oauth_client client = client_of(&password);
	struct diagnosis diagnosis;

	(void)state;
	diagnosis_of_login(&diagnosis, &client, NULL, &opened);
	assert_true(diagnosis.ok);
	assert_sane("login", &diagnosis);
	diagnosis_of_select(&diagnosis, &client, NULL, &opened);
	assert_true(diagnosis.ok);
	assert_sane("select", &diagnosis);
	assert_non_null(strstr(diagnosis.found, "\"Archive\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_that_the_mail_server_will_not_take_is_known),
		cmocka_unit_test(the_age_of_a_sign_in_is_told),
		cmocka_unit_test(spans_of_time_are_readable),
		cmocka_unit_test(trouble_with_a_token_comes_with_what_to_do),
		cmocka_unit_test(a_refusal_is_explained_by_what_is_known),
		cmocka_unit_test(an_open_mailbox_needs_no_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
