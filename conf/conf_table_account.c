/* SPDX-License-Identifier: ISC */
#include "conf/conf_table_account.h"

#include "conf/conf_url.h"
#include "conf/conf_value.h"

static const struct conf_word imap_tls[] = {
	{ "implicit", CONF_TLS_IMPLICIT },
	{ "starttls", CONF_TLS_STARTTLS },
	{ "none", CONF_TLS_NONE },
	{ NULL, 0 },
};

static const struct conf_word providers[] = {
	{ "outlook", CONF_PROVIDER_OUTLOOK },
	{ "office365", CONF_PROVIDER_OFFICE365 },
	{ "gcc-high", CONF_PROVIDER_GCC_HIGH },
	{ "dod", CONF_PROVIDER_DOD },
	{ "china", CONF_PROVIDER_CHINA },
	{ "custom", CONF_PROVIDER_CUSTOM },
	{ NULL, 0 },
};

static const struct conf_word auths[] = {
	{ "oauth2", CONF_AUTH_OAUTH2 },
	{ "password", CONF_AUTH_PASSWORD },
	{ "passthrough", CONF_AUTH_PASSTHROUGH },
	{ NULL, 0 },
};

static const struct conf_word flows[] = {
	{ "user", CONF_FLOW_USER },
	{ "app", CONF_FLOW_APP },
	{ NULL, 0 },
};

static const struct conf_word assertions[] = {
	{ "PS256", CONF_ASSERTION_PS256 },
	{ "RS256", CONF_ASSERTION_RS256 },
	{ NULL, 0 },
};

static const struct conf_word address_families[] = {
	{ "auto", CONF_ADDRESS_AUTO },
	{ "ipv4", CONF_ADDRESS_IPV4 },
	{ "ipv6", CONF_ADDRESS_IPV6 },
	{ NULL, 0 },
};

static const struct conf_word deletes[] = {
	{ "expunge", CONF_DELETE_EXPUNGE }, { "trash", CONF_DELETE_TRASH },
	{ "move", CONF_DELETE_MOVE },       { "flag", CONF_DELETE_FLAG },
	{ "keep", CONF_DELETE_KEEP },       { NULL, 0 },
};

static const struct conf_word mark_seens[] = {
	{ "retr", CONF_MARK_SEEN_RETR },
	{ "delete", CONF_MARK_SEEN_DELETE },
	{ "never", CONF_MARK_SEEN_NEVER },
	{ NULL, 0 },
};

static const struct conf_word sizes[] = {
	{ "fast", CONF_SIZES_FAST },
	{ "exact", CONF_SIZES_EXACT },
	{ NULL, 0 },
};

static const struct conf_word broken_messages[] = {
	{ "refuse", CONF_BROKEN_MESSAGES_REFUSE },
	{ "deliver", CONF_BROKEN_MESSAGES_DELIVER },
	{ NULL, 0 },
};

#define ACCOUNT_FIELD(field) \
	.scope = CONF_SCOPE_ACCOUNT, .offset = offsetof(struct conf_account, field)

/* Conditions of rows. */

static bool has_preset(const void *object)
{
	const struct conf_account *account = object;

	return account->provider != CONF_PROVIDER_CUSTOM;
}

static bool uses_oauth(const void *object)
{
	const struct conf_account *account = object;

	return account->auth == CONF_AUTH_OAUTH2;
}

static bool is_signed_in_by_people(const void *object)
{
	const struct conf_account *account = object;

	return uses_oauth(object) && account->oauth.flow == CONF_FLOW_USER;
}

static bool has_client_secret(const void *object)
{
	const struct conf_account *account = object;

	return account->oauth.client_secret_file != NULL;
}

static bool has_client_certificate(const void *object)
{
	const struct conf_account *account = object;

	return account->oauth.certificate != NULL;
}

#define OAUTH_FIELD(field)                                                   \
	ACCOUNT_FIELD(oauth.field), .group = "oauth", .applies = uses_oauth, \
				    .applies_with = "auth = \"oauth2\""
#define OAUTH_USER_FIELD(field)                                                          \
	ACCOUNT_FIELD(oauth.field), .group = "oauth", .applies = is_signed_in_by_people, \
				    .applies_with = "auth = \"oauth2\" and flow = \"user\""

enum { SECONDS_A_YEAR = 365 * 86400 };

const struct conf_row conf_table_account[] = {
	{
		ACCOUNT_FIELD(user),
		.kind = CONF_USER,
		.name = "user",
		.required = true,
		.example = "*",
		.help = "The POP3 login name; *@example.org and * stand for many.",
	},
	{
		ACCOUNT_FIELD(password_hash),
		.kind = CONF_HASH,
		.name = "password_hash",
		.example = "$scrypt$ln=15,r=8,p=1$c29tZXNhbHRzYWx0c2FsdA$"
			   "cGFja2V0Ym9hdCBwYXNzd2QgbWFrZXMgdGhlc2UuLi4",
		.help = "Hash of the POP3 password, from `packetboat passwd`.",
	},
	{
		ACCOUNT_FIELD(password_file),
		.kind = CONF_PATH,
		.name = "password_file",
		.example = "passwords",
		.help = "File of lines NAME:HASH, instead of password_hash.",
	},
	{
		ACCOUNT_FIELD(provider),
		.kind = CONF_WORD,
		.name = "provider",
		.words = providers,
		.default_number = CONF_PROVIDER_CUSTOM,
		.help = "Who runs the IMAP server; custom: what imap and oauth say.",
	},
	{
		ACCOUNT_FIELD(mailbox),
		.kind = CONF_TEXT,
		.name = "mailbox",
		.computed = "the POP3 login name",
		.example = "helpdesk@example.org",
		.help = "The mailbox to open: the IMAP login name.",
	},
	{
		ACCOUNT_FIELD(folder),
		.kind = CONF_UTF8,
		.name = "folder",
		.default_text = "INBOX",
		.help = "The folder that is the maildrop.",
	},
	{
		ACCOUNT_FIELD(auth),
		.kind = CONF_WORD,
		.name = "auth",
		.required = true,
		.excused = has_preset,
		.words = auths,
		.default_number = CONF_AUTH_OAUTH2,
		.example = "passthrough",
		.help = "A token, the password in a file, or what the POP3 client says.",
	},
	{
		ACCOUNT_FIELD(imap_password_file),
		.kind = CONF_PATH,
		.name = "imap_password_file",
		.example = "imap-password",
		.help = "File whose first line is the IMAP password.",
	},
	{
		ACCOUNT_FIELD(attention_message),
		.kind = CONF_BOOLEAN,
		.name = "attention_message",
		.applies = uses_oauth,
		.applies_with = "auth = \"oauth2\"",
		.default_number = true,
		.help = "Whether a message in the maildrop says that somebody has to sign in.",
	},
	{
		OAUTH_FIELD(client_id),
		.kind = CONF_TEXT,
		.check = conf_value_check_name,
		.name = "client_id",
		.example = "11112222-bbbb-3333-cccc-4444dddd5555",
		.help = "The registered application's ID; required with auth = \"oauth2\".",
	},
	{
		OAUTH_FIELD(tenant),
		.kind = CONF_TEXT,
		.check = conf_value_check_tenant,
		.name = "tenant",
		.computed = "consumers for outlook; for the others organizations, or none with "
			    "flow app",
		.example = "contoso.com",
		.help = "The organisation: its tenant ID or a domain; or who may sign in.",
	},
	{
		OAUTH_FIELD(flow),
		.kind = CONF_WORD,
		.name = "flow",
		.words = flows,
		.default_number = CONF_FLOW_USER,
		.help = "A person signs in once, or the application has access of its own.",
	},
	{
		OAUTH_FIELD(client_secret_file),
		.kind = CONF_PATH,
		.name = "client_secret_file",
		.example = "client-secret",
		.help = "File whose first line is the application's secret.",
	},
	{
		OAUTH_FIELD(certificate),
		.kind = CONF_PATH,
		.name = "certificate",
		.example = "app.pem",
		.help = "The certificate the application proves itself with, in PEM.",
	},
	{
		OAUTH_FIELD(private_key),
		.kind = CONF_PATH,
		.name = "private_key",
		.example = "app.key",
		.help = "The private key of that certificate, in PEM.",
	},
	{
		ACCOUNT_FIELD(oauth.assertion_algorithm),
		.kind = CONF_WORD,
		.group = "oauth",
		.name = "assertion_algorithm",
		.applies = has_client_certificate,
		.applies_with = "oauth.certificate",
		.words = assertions,
		.default_number = CONF_ASSERTION_PS256,
		.help = "How to sign with it.",
	},
	{
		ACCOUNT_FIELD(oauth.expires),
		.kind = CONF_TEXT,
		.check = conf_value_check_date,
		.group = "oauth",
		.name = "expires",
		.applies = has_client_secret,
		.applies_with = "oauth.client_secret_file",
		.example = "2027-03-01",
		.help = "The day on which the client secret expires, to be warned before.",
	},
	{
		OAUTH_FIELD(authority),
		.kind = CONF_TEXT,
		.check = conf_url_check_authority,
		.name = "authority",
		.computed = "the provider's",
		.example = "https://login.microsoftonline.com",
		.help = "The identity provider, where it is laid out like Microsoft's.",
	},
	{
		OAUTH_FIELD(scope),
		.kind = CONF_TEXT,
		.check = conf_value_check_scope,
		.name = "scope",
		.computed = "the provider's, for the flow",
		.example = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
		.help = "What is asked for, with spaces between.",
	},
	{
		OAUTH_USER_FIELD(authorize_endpoint),
		.kind = CONF_TEXT,
		.check = conf_url_check_page,
		.name = "authorize_endpoint",
		.computed = "AUTHORITY/TENANT/oauth2/v2.0/authorize",
		.example = "https://id.example.org/authorize",
		.help = "Where the browser is sent.",
	},
	{
		OAUTH_FIELD(token_endpoint),
		.kind = CONF_TEXT,
		.check = conf_url_check_endpoint,
		.name = "token_endpoint",
		.computed = "AUTHORITY/TENANT/oauth2/v2.0/token",
		.example = "https://id.example.org/token",
		.help = "Where tokens come from.",
	},
	{
		OAUTH_USER_FIELD(device_endpoint),
		.kind = CONF_TEXT,
		.check = conf_url_check_endpoint,
		.name = "device_endpoint",
		.computed = "AUTHORITY/TENANT/oauth2/v2.0/devicecode",
		.example = "https://id.example.org/device",
		.help = "Where device codes come from.",
	},
	{
		OAUTH_USER_FIELD(redirect_uri),
		.kind = CONF_TEXT,
		.check = conf_url_check_redirect,
		.name = "redirect_uri",
		.computed = "http://localhost and a port that is free at the time",
		.example = "http://localhost:8765/",
		.help = "Where the browser is sent back to, as it was registered.",
	},
	{
		OAUTH_FIELD(ca_file),
		.kind = CONF_PATH,
		.name = "ca_file",
		.computed = "the system's certificates",
		.example = "ca.pem",
		.help = "Authorities to trust for the identity provider alone, in PEM.",
	},
	{
		ACCOUNT_FIELD(imap.host),
		.kind = CONF_HOST,
		.group = "imap",
		.name = "host",
		.required = true,
		.excused = has_preset,
		.example = "imap.example.org",
		.help = "The IMAP server, as its certificate names it.",
	},
	{
		ACCOUNT_FIELD(imap.port),
		.kind = CONF_INTEGER,
		.group = "imap",
		.name = "port",
		.min = 1,
		.max = 65535,
		.computed = "993 if tls is implicit, else 143",
		.example = "993",
		.help = "Its port.",
	},
	{
		ACCOUNT_FIELD(imap.tls),
		.kind = CONF_WORD,
		.group = "imap",
		.name = "tls",
		.words = imap_tls,
		.default_number = CONF_TLS_IMPLICIT,
		.help = "How the connection is encrypted; none is for loopback only.",
	},
	{
		ACCOUNT_FIELD(imap.ca_file),
		.kind = CONF_PATH,
		.group = "imap",
		.name = "ca_file",
		.computed = "the system's certificates",
		.example = "ca.pem",
		.help = "Authorities to trust for this server alone, in PEM.",
	},
	{
		ACCOUNT_FIELD(imap.address_family),
		.kind = CONF_WORD,
		.group = "imap",
		.name = "address_family",
		.words = address_families,
		.default_number = CONF_ADDRESS_AUTO,
		.help = "Which of its addresses to use.",
	},
	{
		ACCOUNT_FIELD(delete_mode),
		.kind = CONF_WORD,
		.name = "delete",
		.words = deletes,
		.default_number = CONF_DELETE_EXPUNGE,
		.help = "What becomes of messages that the client deleted, at QUIT.",
	},
	{
		ACCOUNT_FIELD(delete_folder),
		.kind = CONF_UTF8,
		.name = "delete_folder",
		.default_text = "Deleted Items",
		.help = "For move, and for trash where the server names no trash folder.",
	},
	{
		ACCOUNT_FIELD(mark_seen),
		.kind = CONF_WORD,
		.name = "mark_seen",
		.words = mark_seens,
		.default_number = CONF_MARK_SEEN_RETR,
		.help = "When messages become read: once retrieved, once deleted, or never.",
	},
	{
		ACCOUNT_FIELD(sizes),
		.kind = CONF_WORD,
		.name = "sizes",
		.words = sizes,
		.default_number = CONF_SIZES_FAST,
		.help = "Sizes in LIST: what the IMAP server says, or counted.",
	},
	{
		ACCOUNT_FIELD(min_age),
		.kind = CONF_INTEGER,
		.name = "min_age",
		.min = 0,
		.max = SECONDS_A_YEAR,
		.default_number = 0,
		.help = "Seconds a message must have been in the mailbox to be listed.",
	},
	{
		ACCOUNT_FIELD(broken_messages),
		.kind = CONF_WORD,
		.name = "broken_messages",
		.words = broken_messages,
		.default_number = CONF_BROKEN_MESSAGES_REFUSE,
		.help = "For what Exchange cannot convert: an error, or its placeholder.",
	},
};

const size_t conf_table_account_count = sizeof(conf_table_account) / sizeof(conf_table_account[0]);
