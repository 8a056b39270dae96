/* SPDX-License-Identifier: ISC */
#include "conf/conf_verify_oauth.h"

#include "tests/unit/conf_fixture.h"

struct row {
	const char *name;
	const char *text;
	const char *expected; /* NULL: it loads */
};

/* One account; by way of the whole of conf, for that is what is relied on. */
#define OPEN(provider)                                                                        \
	"accounts = (\n{ user = \"u\"; auth = \"oauth2\"; password_file = \"p\"; provider = " \
	"\"" provider "\"; "
#define CLOSE "} );\n"
#define OAUTH(provider, settings) \
	OPEN(provider) "imap = { host = \"imap.example.org\"; }; oauth = { " settings " }; " CLOSE
#define ID "client_id = \"11112222-bbbb-3333-cccc-4444dddd5555\"; "
#define SCOPE(text) "scope = \"" text "\"; "
#define TENANT(text) "tenant = \"" text "\"; "
#define APP "flow = \"app\"; "
#define SECRET "client_secret_file = \"s\"; "
#define CERTIFICATE "certificate = \"c.pem\"; private_key = \"k.pem\"; "
#define TOKEN "token_endpoint = \"https://id.example.org/token\"; "
#define USER_SCOPE "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
#define AT(setting) ":2: accounts[0].oauth." setting ": "

#define A60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A240 A60 A60 A60 A60

static const char no_graph[] =
	AT("scope") "must not ask for permissions of Microsoft Graph, though the portal lists "
		    "IMAP.AccessAsUser.All there: the mail server refuses Graph's tokens; "
		    "the scope is https://outlook.office.com/IMAP.AccessAsUser.All";

static const struct row rows[] = {
	{ "a person", OAUTH("outlook", ID), NULL },
	{ "an organisation", OAUTH("office365", ID TENANT("contoso.com")), NULL },
	{ "an organisation, any", OAUTH("office365", ID), NULL },
	{ "both sorts", OAUTH("office365", ID TENANT("common")), NULL },
	{ "an application with a secret", OAUTH("office365", ID APP TENANT("contoso.com") SECRET),
	  NULL },
	{ "an application with a certificate",
	  OAUTH("office365", ID APP TENANT("11112222-bbbb-3333-cccc-4444dddd5555") CERTIFICATE),
	  NULL },
	{ "another identity provider", OAUTH("custom", ID TOKEN SCOPE("openid mail")), NULL },
	{ "another one laid out like Microsoft's",
	  OAUTH("custom", ID "authority = \"https://id.example.org\"; " TENANT("t") SCOPE("mail")),
	  NULL },
	{ "a confidential client that a person signs in to", OAUTH("office365", ID SECRET), NULL },
	{ "the same with a certificate", OAUTH("office365", ID CERTIFICATE), NULL },

	{ "no client_id", OAUTH("outlook", "tenant = \"common\"; "),
	  AT("client_id") "is required with auth = \"oauth2\": the ID that the application got "
			  "when it was registered" },
	{ "nothing at all", OPEN("outlook") CLOSE,
	  AT("client_id") "is required with auth = \"oauth2\": the ID that the application got "
			  "when it was registered" },

	{ "custom without scope", OAUTH("custom", ID TOKEN),
	  AT("scope") "is required with provider = \"custom\"" },
	{ "custom without endpoint", OAUTH("custom", ID SCOPE("mail")),
	  AT("token_endpoint") "is required with provider = \"custom\", unless there are "
			       "authority and tenant" },
	{ "custom with an authority alone",
	  OAUTH("custom", ID SCOPE("mail") "authority = \"https://id.example.org\"; "),
	  AT("tenant") "is required with authority: the organisation's tenant ID or one of its "
		       "domains" },
	{ "custom with a tenant alone", OAUTH("custom", ID SCOPE("mail") TENANT("t")),
	  AT("token_endpoint") "is required with provider = \"custom\", unless there are "
			       "authority and tenant" },
	{ "custom with a tenant and an endpoint",
	  OAUTH("custom", ID TOKEN SCOPE("mail") TENANT("t")),
	  AT("tenant") "has no use without authority" },

	{ "an endpoint that grows too long",
	  OAUTH("custom", ID SCOPE("mail") TENANT(A240) "authority = \"https://id/" A240 "\"; "),
	  AT("token_endpoint") "must not be longer than 480 octets" },

	/* Scopes. */
	{ "Graph",
	  OAUTH("office365", ID SCOPE("https://graph.microsoft.com/IMAP.AccessAsUser.All "
				      "offline_access")),
	  no_graph },
	{ "Graph for an application",
	  OAUTH("office365",
		ID APP SECRET TENANT("t") SCOPE("https://graph.microsoft.com/.default")),
	  no_graph },
	{ "Graph with any provider",
	  OAUTH("custom", ID TOKEN SCOPE("mail HTTPS://Graph.Microsoft.com/Mail.Read")), no_graph },
	{ "a scope without a server",
	  OAUTH("office365", ID SCOPE("IMAP.AccessAsUser.All offline_access")),
	  AT("scope") "IMAP.AccessAsUser.All does not say of which server, which makes it one of "
		      "Microsoft Graph; the scope is \"" USER_SCOPE "\"" },
	{ "a scope without a server in another cloud",
	  OAUTH("china", ID SCOPE("IMAP.AccessAsUser.All offline_access")),
	  AT("scope") "IMAP.AccessAsUser.All does not say of which server, which makes it one of "
		      "Microsoft Graph; the scope is "
		      "\"https://partner.outlook.cn/IMAP.AccessAsUser.All offline_access\"" },
	{ "a server without a permission",
	  OAUTH("office365", ID SCOPE("https://outlook.office.com offline_access")),
	  AT("scope") "https://outlook.office.com names a server and no permission of it; the "
		      "scope is \"" USER_SCOPE "\"" },
	{ "a server and a slash",
	  OAUTH("office365", ID SCOPE("offline_access https://outlook.office.com/")),
	  AT("scope") "https://outlook.office.com/ names a server and no permission of it; the "
		      "scope is \"" USER_SCOPE "\"" },
	{ "a server by its id",
	  OAUTH("office365", ID SCOPE("00000002-0000-0ff1-ce00-000000000000/.default "
				      "offline_access")),
	  NULL },
	{ "Microsoft by its host",
	  OAUTH("custom",
		ID SCOPE("IMAP.AccessAsUser.All") "token_endpoint = "
						  "\"https://login.microsoftonline.com/common/"
						  "oauth2/v2.0/token\"; "),
	  AT("scope") "IMAP.AccessAsUser.All does not say of which server, which makes it one of "
		      "Microsoft Graph; the scope is \"" USER_SCOPE "\"" },
	{ "such a scope elsewhere", OAUTH("custom", ID TOKEN SCOPE("IMAP.AccessAsUser.All")),
	  NULL },
	{ "two servers",
	  OAUTH("office365", ID SCOPE("https://outlook.office.com/IMAP.AccessAsUser.All "
				      "https://outlook.office365.com/SMTP.Send offline_access")),
	  AT("scope") "asks for permissions of https://outlook.office.com and of "
		      "https://outlook.office365.com, but a token is good for one alone" },
	{ "two servers, one name beginning like the other",
	  OAUTH("office365", ID SCOPE("https://a.example/IMAP https://a.example.org/X "
				      "offline_access")),
	  AT("scope") "asks for permissions of https://a.example and of https://a.example.org, "
		      "but a token is good for one alone" },
	{ "two permissions of one server",
	  OAUTH("office365", ID SCOPE("openid https://outlook.office.com/IMAP.AccessAsUser.All "
				      "https://outlook.office.com/SMTP.Send offline_access")),
	  NULL },
	{ "two servers elsewhere",
	  OAUTH("custom", ID TOKEN SCOPE("https://a.example/mail https://b.example/mail")), NULL },
	{ "no permission at all", OAUTH("office365", ID SCOPE("openid offline_access")),
	  AT("scope") "names no permission of the mail server; the scope is \"" USER_SCOPE "\"" },
	{ "no offline_access",
	  OAUTH("office365", ID SCOPE("https://outlook.office.com/IMAP.AccessAsUser.All")),
	  AT("scope") "lacks offline_access, without which a sign-in lasts an hour; the scope is "
		      "\"" USER_SCOPE "\"" },
	{ "all that the application was granted",
	  OAUTH("office365", ID SCOPE("https://outlook.office365.com/.default offline_access")),
	  NULL },
	{ "a server named by its ID",
	  OAUTH("office365",
		ID SCOPE("00000002-0000-0ff1-ce00-000000000000/.default offline_access")),
	  NULL },
	{ "an application that asks like a person",
	  OAUTH("office365", ID APP SECRET TENANT("contoso.com") SCOPE(USER_SCOPE)),
	  AT("scope") "must be one resource and /.default with flow = \"app\": "
		      "\"https://outlook.office365.com/.default\"" },
	{ "an application that asks for too much",
	  OAUTH("gcc-high", ID APP SECRET TENANT("contoso.com")
				    SCOPE("https://outlook.office365.us/.default offline_access")),
	  AT("scope") "must be one resource and /.default with flow = \"app\": "
		      "\"https://outlook.office365.us/.default\"" },
	{ "an application that names no server",
	  OAUTH("office365", ID APP SECRET TENANT("contoso.com") SCOPE("/.default")),
	  AT("scope") "must be one resource and /.default with flow = \"app\": "
		      "\"https://outlook.office365.com/.default\"" },
	{ "an application elsewhere", OAUTH("custom", ID APP SECRET TOKEN SCOPE("a b")), NULL },

	/* Tenants. */
	{ "an application without a tenant", OAUTH("office365", ID APP SECRET),
	  AT("tenant") "is required with flow = \"app\": the organisation's tenant ID or one of "
		       "its domains" },
	{ "an application of everybody", OAUTH("office365", ID APP SECRET TENANT("Common")),
	  AT("tenant") "must be the organisation's tenant ID or a domain of its own with flow = "
		       "\"app\": Common is no single organisation" },
	{ "an application of all organisations",
	  OAUTH("dod", ID APP SECRET TENANT("organizations")),
	  AT("tenant") "must be the organisation's tenant ID or a domain of its own with flow = "
		       "\"app\": organizations is no single organisation" },
	{ "an application of persons",
	  OAUTH("office365", ID APP SECRET TENANT("9188040d-6c67-4c5b-b112-36a304b66dad")),
	  AT("tenant") "must be the organisation's tenant ID or a domain of its own with flow = "
		       "\"app\": 9188040d-6c67-4c5b-b112-36a304b66dad is no single organisation" },
	{ "an application for Outlook.com", OAUTH("outlook", ID APP SECRET TENANT("contoso.com")),
	  AT("flow") "app is for organisations: an application cannot be given access to personal "
		     "accounts, each person signs in" },
	{ "an application with an endpoint of its own", OAUTH("office365", ID APP SECRET TOKEN),
	  NULL },

	/* How the application proves itself. */
	{ "an application without a proof", OAUTH("office365", ID APP TENANT("contoso.com")),
	  AT("flow") "app needs client_secret_file, or certificate and private_key" },
	{ "two proofs", OAUTH("office365", ID APP TENANT("contoso.com") SECRET CERTIFICATE),
	  AT("client_secret_file") "is there beside certificate; one must go" },
	{ "two proofs for a person", OAUTH("office365", ID SECRET CERTIFICATE),
	  AT("client_secret_file") "is there beside certificate; one must go" },
	{ "a certificate alone", OAUTH("outlook", ID "certificate = \"c.pem\"; "),
	  AT("certificate") "needs private_key beside it" },
	{ "a key alone", OAUTH("outlook", ID "private_key = \"k.pem\"; "),
	  AT("private_key") "needs certificate beside it" },
	{ "RS256", OAUTH("outlook", ID CERTIFICATE "assertion_algorithm = \"RS256\"; "), NULL },
	{ "RS256 for a secret", OAUTH("outlook", ID SECRET "assertion_algorithm = \"RS256\"; "),
	  AT("assertion_algorithm") "has no use without oauth.certificate" },
	{ "the day that a secret expires", OAUTH("outlook", ID SECRET "expires = \"2027-03-01\"; "),
	  NULL },
	{ "the day that a certificate expires",
	  OAUTH("outlook", ID CERTIFICATE "expires = \"2027-03-01\"; "),
	  AT("expires") "has no use without oauth.client_secret_file" },

	/* Browsers are for people. */
	{ "a redirect for an application",
	  OAUTH("office365",
		ID APP SECRET TENANT("contoso.com") "redirect_uri = \"http://localhost\"; "),
	  AT("redirect_uri") "has no use without auth = \"oauth2\" and flow = \"user\"" },
	{ "a device for an application",
	  OAUTH("office365", ID APP SECRET TENANT("contoso.com") "device_endpoint = "
								 "\"https://id/d\"; "),
	  AT("device_endpoint") "has no use without auth = \"oauth2\" and flow = \"user\"" },
	{ "a page for an application",
	  OAUTH("office365", ID APP SECRET TENANT("contoso.com") "authorize_endpoint = "
								 "\"https://id/a\"; "),
	  AT("authorize_endpoint") "has no use without auth = \"oauth2\" and flow = \"user\"" },
};

static void what_microsoft_would_refuse_is_refused_here(void **state)
{
	for (size_t i = 0; i < ROWS(rows); i++)
		conf_fixture_expect(*state, rows[i].name, rows[i].text, rows[i].expected);
}

static void a_long_scope_does_not_overflow_the_reason(void **state)
{
	struct conf_account account = {
		.auth = CONF_AUTH_OAUTH2,
		.provider = CONF_PROVIDER_OFFICE365,
		.oauth = { .client_id = "x",
			   .authority = "https://id",
			   .tenant = "t",
			   .token_endpoint = "https://id/t" },
	};
	struct conf_complaint complaint;
	char scope[2048];

	(void)state;
	memset(scope, 'a', sizeof(scope) - 1);
	scope[sizeof(scope) - 1] = '\0';
	account.oauth.scope = scope;
	assert_false(conf_verify_oauth(&account, &complaint));
	assert_string_equal(complaint.setting, "oauth.scope");
	assert_int_equal(strlen(complaint.reason), sizeof(complaint.reason) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_microsoft_would_refuse_is_refused_here),
		cmocka_unit_test(a_long_scope_does_not_overflow_the_reason),
	};

	return cmocka_run_group_tests(tests, conf_fixture_setup, conf_fixture_teardown);
}
