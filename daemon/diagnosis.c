/* SPDX-License-Identifier: ISC */
#include "daemon/diagnosis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "conf/conf_provider.h"

__attribute__((format(printf, 3, 0))) static void append(char *text, size_t size,
							 const char *format, va_list arguments)
{
	size_t len = strlen(text);

	(void)vsnprintf(text + len, size - len, format, arguments);
}

void diagnosis_found(struct diagnosis *diagnosis, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	append(diagnosis->found, sizeof(diagnosis->found), format, arguments);
	va_end(arguments);
}

void diagnosis_remedy(struct diagnosis *diagnosis, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	append(diagnosis->remedy, sizeof(diagnosis->remedy), format, arguments);
	va_end(arguments);
}

void diagnosis_found_more(struct diagnosis *diagnosis, const char *text)
{
	size_t len = strlen(diagnosis->found);

	while (len > 0 && diagnosis->found[len - 1] == '.')
		len--;
	snprintf(diagnosis->found + len, sizeof(diagnosis->found) - len, "%s", text);
}

const char *diagnosis_span(char text_r[DIAGNOSIS_SPAN_MAX], int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	/* Two of a unit at least: "90 minutes" says more than "1 hour". */
	while (i < 3 && seconds < 2 * units[i].seconds)
		i++;
	int64_t count = seconds / units[i].seconds;
	snprintf(text_r, DIAGNOSIS_SPAN_MAX, "%" PRId64 " %s%s", count, units[i].name,
		 count == 1 ? "" : "s");
	return text_r;
}

/* ---- what a token says of itself ---- */

/* Resources that Exchange Online takes tokens for, by name and by id; and Microsoft Graph, which
 * the portal shows the permissions under, so that many ask for its tokens. */
static const char *const outlook_resources[] = {
	"https://outlook.office.com",           "https://outlook.office365.com",
	"https://outlook.office365.us",         "https://outlook-dod.office365.us",
	"https://partner.outlook.cn",           "https://ps.outlook.com",
	"00000002-0000-0ff1-ce00-000000000000",
};
static const char *const graph_resources[] = {
	"https://graph.microsoft.com",          "https://graph.microsoft.us",
	"https://dod-graph.microsoft.us",       "https://microsoftgraph.chinacloudapi.cn",
	"00000003-0000-0000-c000-000000000000",
};

static const char user_permission[] = "IMAP.AccessAsUser.All";
static const char app_permission[] = "IMAP.AccessAsApp";

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* One of the words of `text` is one of the list, perhaps with a slash behind. */
static bool names_one_of(const char *text, const char *const *list, size_t count)
{
	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		struct span word = span_of(text, len > 0 && text[len - 1] == '/' ? len - 1 : len);

		for (size_t i = 0; i < count; i++) {
			if (span_equal_nocase(word, span_text(list[i])))
				return true;
		}
		text += len + strspn(text + len, " ");
	}
	return false;
}

/* Microsoft writes the permission alone; others, as it is asked for, with the resource and a slash
 * in front. */
static bool has_permission(const char *text, const char *permission)
{
	struct span wanted = span_text(permission);

	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		size_t front = len > wanted.len ? len - wanted.len : 0;

		if (span_equal_nocase(span_of(text + front, len - front), wanted) &&
		    (front == 0 || text[front - 1] == '/'))
			return true;
		text += len + strspn(text + len, " ");
	}
	return false;
}

bool diagnosis_is_microsoft(const struct conf_account *account)
{
	if (account->auth != CONF_AUTH_OAUTH2)
		return conf_provider_is_microsoft_host(account->imap.host);
	if (conf_provider_is_microsoft(account))
		return true;
	for (size_t i = 0; i < COUNT(outlook_resources); i++) {
		if (strncmp(account->oauth.scope, outlook_resources[i],
			    strlen(outlook_resources[i])) == 0)
			return true;
	}
	return false;
}

static bool is_personal(const struct conf_account *account)
{
	return account->provider == CONF_PROVIDER_OUTLOOK ||
	       (account->oauth.tenant != NULL && strcmp(account->oauth.tenant, "consumers") == 0);
}

/* Addresses are compared without case: Exchange does. */
static bool is_another(const struct oauth_client *client, const struct token_claims *claims)
{
	return claims != NULL && claims->who[0] != '\0' &&
	       !span_equal_nocase(span_text(claims->who), span_text(client->mailbox));
}

/* What `scope` would be if it were left out; for custom, as it is worldwide. */
static const char *usual_scope(const struct conf_account *account)
{
	const struct conf_provider_preset *preset = conf_provider_preset(
		account->provider != CONF_PROVIDER_CUSTOM ? account->provider
							  : CONF_PROVIDER_OFFICE365);

	return account->oauth.flow == CONF_FLOW_USER ? preset->user_scope : preset->app_scope;
}

/* A token for something else than the mail server. */
static bool find_wrong_audience(struct diagnosis *diagnosis, const struct oauth_client *client,
				const struct token_claims *claims)
{
	bool user = client->account->oauth.flow == CONF_FLOW_USER;
	bool graph = names_one_of(claims->audience, graph_resources, COUNT(graph_resources));

	if (claims->audience[0] == '\0' ||
	    names_one_of(claims->audience, outlook_resources, COUNT(outlook_resources)))
		return false;
	diagnosis_found(diagnosis, "the token is for %s (%s), and not for the mail server",
			graph ? "Microsoft Graph" : "something else", claims->audience);
	diagnosis_remedy(diagnosis,
			 "Wrong scope: oauth.scope of the account must be \"%s\", which it is if "
			 "the setting is left out. ",
			 usual_scope(client->account));
	if (graph)
		diagnosis_remedy(diagnosis, "(The portal lists the permission under Microsoft "
					    "Graph, which misleads.) ");
	if (user)
		diagnosis_remedy(diagnosis, "Then: `packetboat reload`; `packetboat login %s`",
				 client->name);
	else
		diagnosis_remedy(diagnosis, "Then: `packetboat reload`");
	return true;
}

static bool find_missing_permission(struct diagnosis *diagnosis, const struct oauth_client *client,
				    const struct token_claims *claims)
{
	if (client->account->oauth.flow == CONF_FLOW_APP) {
		if (has_permission(claims->roles, app_permission))
			return false;
		diagnosis_found(diagnosis, "the token lacks the role %s (it has: %s)",
				app_permission, claims->roles[0] != '\0' ? claims->roles : "none");
		diagnosis_remedy(
			diagnosis,
			"An administrator of the organisation opens the application's "
			"registration in the Entra admin center, adds the application permission "
			"%s (API permissions, APIs my organization uses, Office 365 Exchange "
			"Online), and grants admin consent. Then run the doctor again.",
			app_permission);
		return true;
	}
	if (has_permission(claims->scopes, user_permission))
		return false;
	diagnosis_found(diagnosis, "the token does not permit %s (it permits: %s)", user_permission,
			claims->scopes[0] != '\0' ? claims->scopes : "nothing");
	diagnosis_remedy(diagnosis,
			 "Wrong scope: oauth.scope of the account must be \"%s\", which it is if "
			 "the setting is left out, and the application's registration must have "
			 "the delegated permission %s. Then: `packetboat reload`; `packetboat "
			 "login %s`",
			 usual_scope(client->account), user_permission, client->name);
	return true;
}

static void say_age(struct diagnosis *diagnosis, const struct oauth_status *status, time_t now)
{
	char span[DIAGNOSIS_SPAN_MAX];

	if (status->signed_in != 0)
		diagnosis_found(diagnosis, "signed in %s ago",
				diagnosis_span(span, (int64_t)(now - status->signed_in)));
	else
		diagnosis_found(diagnosis, "there is one");
	if (status->flow[0] != '\0')
		diagnosis_found(diagnosis, " (%s)", status->flow);
	if (status->refreshed != 0)
		diagnosis_found(diagnosis, ", refreshed %s ago",
				diagnosis_span(span, (int64_t)(now - status->refreshed)));
	if (status->expires_in >= 0)
		diagnosis_found(diagnosis, ", good for %s",
				diagnosis_span(span, status->expires_in));
}

void diagnosis_of_token(struct diagnosis *diagnosis, const struct oauth_client *client,
			const struct oauth_status *status, const struct token_claims *claims,
			time_t now)
{
	*diagnosis = (struct diagnosis){ .ok = false };
	if (claims != NULL && diagnosis_is_microsoft(client->account) &&
	    (find_wrong_audience(diagnosis, client, claims) ||
	     find_missing_permission(diagnosis, client, claims)))
		return;
	diagnosis->ok = true;
	say_age(diagnosis, status, now);
	if (claims == NULL) {
		diagnosis_found(diagnosis, "; it does not say whose it is");
		return;
	}
	if (claims->who[0] != '\0')
		diagnosis_found(diagnosis, "; it belongs to %s", claims->who);
	if (claims->scopes[0] != '\0')
		diagnosis_found(diagnosis, ", permits %s", claims->scopes);
	if (claims->roles[0] != '\0')
		diagnosis_found(diagnosis, ", has the role %s", claims->roles);
}

/* ---- no token ---- */

static void say_what_to_do(struct diagnosis *diagnosis, const struct oauth_client *client,
			   enum oauth_state state, uint64_t backoff_for)
{
	const char *gap = diagnosis->remedy[0] != '\0' ? " " : "";

	switch (state) {
	case OAUTH_NEVER_SIGNED_IN:
	case OAUTH_SIGN_IN_NEEDED:
		diagnosis_remedy(diagnosis, "%sSign in: `packetboat login %s`", gap, client->name);
		break;
	case OAUTH_ADMINISTRATOR_NEEDED:
		diagnosis_remedy(diagnosis, "%sWhen it is mended, run the doctor again.", gap);
		break;
	case OAUTH_BACKING_OFF:
		diagnosis_remedy(diagnosis, "%sIt is tried again by itself", gap);
		if (backoff_for > 0)
			diagnosis_remedy(diagnosis, ", in %" PRIu64 " s at the earliest",
					 backoff_for);
		diagnosis_remedy(diagnosis, ".");
		break;
	case OAUTH_OK:
		break;
	}
}

/* Its command so that it can be typed; whether there is one. */
static bool say_remedy(struct diagnosis *diagnosis, const struct oauth_client *client,
		       const char *remedy)
{
	static const char general[] = "`packetboat login` for the account";
	const char *found = strstr(remedy, general);

	if (found == NULL)
		diagnosis_remedy(diagnosis, "%s", remedy);
	else
		diagnosis_remedy(diagnosis, "%.*s`packetboat login %s`%s", (int)(found - remedy),
				 remedy, client->name, found + strlen(general));
	return found != NULL;
}

void diagnosis_of_trouble(struct diagnosis *diagnosis, const struct oauth_client *client,
			  const struct oauth_trouble *trouble, uint64_t backoff_for)
{
	const struct token_answer *refusal = &trouble->refusal;

	*diagnosis = (struct diagnosis){ .ok = false };
	diagnosis_found(diagnosis, "%s", trouble->text);
	/* Of the simplest case there is no more to say. */
	if (trouble->meaning != NULL && trouble->state != OAUTH_NEVER_SIGNED_IN &&
	    strstr(trouble->text, trouble->meaning) == NULL) {
		diagnosis_found_more(diagnosis, ". ");
		diagnosis_found(diagnosis, "%s", trouble->meaning);
	}
	/* What Microsoft's support, and the sign-in log of an organisation, find it by. */
	if (refusal->correlation_id[0] != '\0')
		diagnosis_found(diagnosis, " (correlation id %s)", refusal->correlation_id);
	bool has_command = trouble->remedy != NULL && trouble->state != OAUTH_NEVER_SIGNED_IN &&
			   say_remedy(diagnosis, client, trouble->remedy);
	if (!has_command || trouble->state != OAUTH_SIGN_IN_NEEDED)
		say_what_to_do(diagnosis, client, trouble->state, backoff_for);
}

/* ---- the mail server ---- */

static void say_imap_may_be_off(struct diagnosis *diagnosis, const struct oauth_client *client)
{
	if (is_personal(client->account))
		diagnosis_remedy(diagnosis, "IMAP may be off for the mailbox, as it is to begin "
					    "with: on outlook.com, under Settings, Mail, "
					    "Forwarding and IMAP, let devices and apps use IMAP.");
	else
		diagnosis_remedy(diagnosis,
				 "IMAP may be off for the mailbox: an administrator runs, in "
				 "Exchange Online PowerShell, `Set-CASMailbox -Identity %s "
				 "-ImapEnabled $true`.",
				 client->mailbox);
}

static void say_whose(struct diagnosis *diagnosis, const struct oauth_client *client,
		      const struct token_claims *claims)
{
	diagnosis_found_more(diagnosis, "; ");
	diagnosis_found(diagnosis, "the token belongs to %s, the mailbox is %s", claims->who,
			client->mailbox);
}

/* The token is another's than the mailbox is. */
static void say_another(struct diagnosis *diagnosis, const struct oauth_client *client,
			const struct token_claims *claims)
{
	say_whose(diagnosis, client, claims);
	diagnosis_remedy(diagnosis,
			 "%s may not open %s. Sign in as %s: `packetboat login %s`; "
			 "or, if it is a shared mailbox, have an administrator give access: "
			 "`Add-MailboxPermission -Identity %s -User %s -AccessRights FullAccess`. ",
			 claims->who, client->mailbox, client->mailbox, client->name,
			 client->mailbox, claims->who);
}

static void say_refused_app(struct diagnosis *diagnosis, const struct oauth_client *client)
{
	diagnosis_remedy(
		diagnosis,
		"Exchange does not know the application, or knows it by a wrong object id. An "
		"administrator runs, in Exchange Online PowerShell, `Get-ServicePrincipal`; where "
		"the object id there is not that of the ENTERPRISE APPLICATION (the one of the "
		"app registration is wrong), `Remove-ServicePrincipal`; and then "
		"`New-ServicePrincipal -AppId %s -ObjectId OBJECT_ID`. Also see that there is a "
		"mailbox %s in that organisation.",
		client->account->oauth.client_id, client->mailbox);
}

static void say_refused_token(struct diagnosis *diagnosis, const struct oauth_client *client,
			      const struct token_claims *claims)
{
	const struct conf_account *account = client->account;

	if (!diagnosis_is_microsoft(account)) {
		if (is_another(client, claims))
			say_whose(diagnosis, client, claims);
		diagnosis_remedy(diagnosis,
				 "See that the mail server takes tokens of this identity provider "
				 "and of this scope (\"%s\"), and that the mailbox of who signed "
				 "in is %s.",
				 account->oauth.scope, client->mailbox);
	} else if (account->oauth.flow == CONF_FLOW_APP) {
		say_refused_app(diagnosis, client);
	} else {
		if (is_another(client, claims))
			say_another(diagnosis, client, claims);
		else if (claims == NULL)
			diagnosis_remedy(diagnosis,
					 "If somebody else than %s signed in, sign in again as "
					 "%s: `packetboat login %s`. ",
					 client->mailbox, client->mailbox, client->name);
		say_imap_may_be_off(diagnosis, client);
		if (!is_personal(account))
			diagnosis_remedy(diagnosis, " A policy of the organisation (Conditional "
						    "Access) may block IMAP, too.");
	}
}

static void say_later(struct diagnosis *diagnosis)
{
	diagnosis_remedy(diagnosis, "This may pass: try again in a few minutes.");
}

static void say_refused_password(struct diagnosis *diagnosis, const struct oauth_client *client)
{
	diagnosis_remedy(diagnosis,
			 "Put the password of %s into %s (an app password, where the provider "
			 "has such).",
			 client->mailbox,
			 client->account->imap_password_file != NULL
				 ? client->account->imap_password_file
				 : "the POP3 client");
}

void diagnosis_of_login(struct diagnosis *diagnosis, const struct oauth_client *client,
			const struct token_claims *claims, const struct probe_result *result)
{
	bool token = client->account->auth == CONF_AUTH_OAUTH2;

	*diagnosis = (struct diagnosis){ .ok = result->progress >= UPSTREAM_AUTHENTICATED };
	if (diagnosis->ok) {
		diagnosis_found(diagnosis, "the server accepts the %s for %s",
				token ? "token" : "password", client->mailbox);
		return;
	}
	diagnosis_found(diagnosis, "%s", result->failure.text);
	if (result->failure.cause == FAILURE_CAUSE_NO_MECHANISM && token)
		diagnosis_remedy(diagnosis,
				 "%s takes no tokens: see whether imap.host is the right server.",
				 client->account->imap.host);
	else if (result->failure.cause == FAILURE_CAUSE_NO_MECHANISM)
		diagnosis_remedy(diagnosis,
				 "%s takes no passwords: see whether imap.host is the right "
				 "server, and whether it wants TLS.",
				 client->account->imap.host);
	else if (result->failure.cause != FAILURE_CAUSE_REFUSED)
		say_later(diagnosis);
	else if (token)
		say_refused_token(diagnosis, client, claims);
	else
		say_refused_password(diagnosis, client);
}

static void say_not_connected(struct diagnosis *diagnosis, const struct oauth_client *client,
			      const struct token_claims *claims)
{
	if (client->account->auth == CONF_AUTH_OAUTH2 &&
	    client->account->oauth.flow == CONF_FLOW_APP) {
		diagnosis_remedy(
			diagnosis,
			"The application may not open this mailbox. An administrator runs, in "
			"Exchange Online PowerShell, `Add-MailboxPermission -Identity %s -User "
			"OBJECT_ID -AccessRights FullAccess`, with the object id of the service "
			"principal (Get-ServicePrincipal shows it), and waits half an hour. ",
			client->mailbox);
		say_imap_may_be_off(diagnosis, client);
		return;
	}
	if (is_another(client, claims))
		say_another(diagnosis, client, claims);
	else if (claims == NULL && client->account->auth == CONF_AUTH_OAUTH2)
		diagnosis_remedy(diagnosis,
				 "If somebody else than %s signed in, sign in again as %s: "
				 "`packetboat login %s`. ",
				 client->mailbox, client->mailbox, client->name);
	say_imap_may_be_off(diagnosis, client);
	diagnosis_remedy(diagnosis, " If it is on, the server may be busy: try again in a few "
				    "minutes.");
}

void diagnosis_of_select(struct diagnosis *diagnosis, const struct oauth_client *client,
			 const struct token_claims *claims, const struct probe_result *result)
{
	const char *folder = client->account->folder;

	*diagnosis = (struct diagnosis){ .ok = result->progress >= UPSTREAM_SELECTED };
	if (diagnosis->ok) {
		diagnosis_found(diagnosis, "the folder \"%s\" is open", folder);
		return;
	}
	diagnosis_found(diagnosis, "%s", result->failure.text);
	if (result->failure.cause == FAILURE_CAUSE_NOT_CONNECTED)
		say_not_connected(diagnosis, client, claims);
	else if (result->failure.cause == FAILURE_CAUSE_NO_FOLDER)
		diagnosis_remedy(diagnosis,
				 "See that `folder` of the account names a folder of this mailbox, "
				 "as the server spells it; the inbox is INBOX.");
	else
		say_later(diagnosis);
}

void diagnosis_of_check(struct diagnosis *diagnosis, const struct oauth_client *client,
			const struct token_claims *claims, const struct probe_result *result)
{
	struct oauth_status nothing = { .expires_in = -1 };

	/* A token of the wrong kind explains whatever the server says to it. */
	if (claims != NULL && result->progress >= UPSTREAM_GREETED &&
	    result->failure.cause != FAILURE_CAUSE_NO_MECHANISM) {
		diagnosis_of_token(diagnosis, client, &nothing, claims, 0);
		if (!diagnosis->ok)
			return;
	}
	if (result->progress >= UPSTREAM_AUTHENTICATED) {
		diagnosis_of_select(diagnosis, client, claims, result);
	} else if (result->progress >= UPSTREAM_GREETED) {
		diagnosis_of_login(diagnosis, client, claims, result);
	} else {
		*diagnosis = (struct diagnosis){ .ok = false };
		diagnosis_found(diagnosis, "%s", result->failure.text);
		if (result->failure.cause == FAILURE_CAUSE_UNTRUSTED)
			diagnosis_remedy(diagnosis, "`packetboat doctor %s` looks closer.",
					 client->name);
		else
			say_later(diagnosis);
	}
}
