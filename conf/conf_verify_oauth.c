/* SPDX-License-Identifier: ISC */
#include "conf/conf_verify_oauth.h"

#include <stdarg.h>
#include <string.h>

#include "conf/conf_provider.h"
#include "conf/conf_url.h"
#include "conf/conf_value.h"

/* One of the words of a scope setting. */
struct scope {
	const char *data;
	size_t len;
};

/* Always false. */
__attribute__((format(printf, 3, 4))) static bool
complain(struct conf_complaint *complaint_r, const char *setting, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(complaint_r->reason, sizeof(complaint_r->reason), format, arguments);
	va_end(arguments);
	complaint_r->setting = setting;
	return false;
}

static bool next_scope(const char **at, struct scope *scope_r)
{
	*at += strspn(*at, " ");
	scope_r->data = *at;
	scope_r->len = strcspn(*at, " ");
	*at += scope_r->len;
	return scope_r->len > 0;
}

static bool scope_is(struct scope scope, const char *text)
{
	return scope.len == strlen(text) && strncmp(scope.data, text, scope.len) == 0;
}

static bool has_scope(const char *scopes, const char *text)
{
	struct scope scope;

	while (next_scope(&scopes, &scope)) {
		if (scope_is(scope, text))
			return true;
	}
	return false;
}

/* Those of OpenID Connect, which go with any resource. */
static bool is_common(struct scope scope)
{
	return scope_is(scope, "openid") || scope_is(scope, "profile") ||
	       scope_is(scope, "email") || scope_is(scope, "offline_access");
}

/* How much of RESOURCE/PERMISSION is the resource; 0: it names none. */
static size_t resource_len(struct scope scope)
{
	size_t len = scope.len;

	while (len > 0 && scope.data[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

/* Whether anything stands behind the resource: in "https://outlook.office.com" that is not so. */
static bool has_permission(struct scope scope)
{
	size_t len = resource_len(scope);

	return len > 0 && len + 1 < scope.len &&
	       !(len >= 2 && scope.data[len - 2] == ':' && scope.data[len - 1] == '/');
}

/* What to write instead: the provider's own. */
static const char *right_scope(const struct conf_account *account)
{
	enum conf_provider provider = account->provider != CONF_PROVIDER_CUSTOM
					      ? account->provider
					      : CONF_PROVIDER_OFFICE365;
	const struct conf_provider_preset *preset = conf_provider_preset(provider);

	return account->oauth.flow == CONF_FLOW_USER ? preset->user_scope : preset->app_scope;
}

static bool verify_user_scope(const struct conf_account *account,
			      struct conf_complaint *complaint_r)
{
	const char *scopes = account->oauth.scope;
	struct scope first = { NULL, 0 };
	struct scope scope;

	for (const char *at = scopes; next_scope(&at, &scope);) {
		if (is_common(scope))
			continue;
		if (resource_len(scope) == 0)
			return complain(complaint_r, "oauth.scope",
					"%.*s does not say of which server, which makes it one of "
					"Microsoft Graph; the scope is \"%s\"",
					(int)scope.len, scope.data, right_scope(account));
		if (!has_permission(scope))
			return complain(complaint_r, "oauth.scope",
					"%.*s names a server and no permission of it; the scope is "
					"\"%s\"",
					(int)scope.len, scope.data, right_scope(account));
		if (first.data == NULL)
			first = scope;
		else if (resource_len(first) != resource_len(scope) ||
			 strncmp(first.data, scope.data, resource_len(scope)) != 0)
			return complain(complaint_r, "oauth.scope",
					"asks for permissions of %.*s and of %.*s, but a token "
					"is good for one alone",
					(int)resource_len(first), first.data,
					(int)resource_len(scope), scope.data);
	}
	if (first.data == NULL)
		return complain(complaint_r, "oauth.scope",
				"names no permission of the mail server; the scope is \"%s\"",
				right_scope(account));
	if (!has_scope(scopes, "offline_access"))
		return complain(complaint_r, "oauth.scope",
				"lacks offline_access, without which a sign-in lasts an hour; "
				"the scope is \"%s\"",
				right_scope(account));
	return true;
}

static bool verify_app_scope(const struct conf_account *account, struct conf_complaint *complaint_r)
{
	static const char end[] = "/.default";
	const char *scope = account->oauth.scope;
	size_t len = strlen(scope);

	if (strchr(scope, ' ') == NULL && len >= sizeof(end) &&
	    strcmp(scope + len - (sizeof(end) - 1), end) == 0)
		return true;
	return complain(complaint_r, "oauth.scope",
			"must be one resource and /.default with flow = \"app\": \"%s\"",
			right_scope(account));
}

/* Tenants that stand for no organisation, or for no one in particular. */
static bool is_nobody(const char *tenant)
{
	static const char *const nobody[] = {
		"common",
		"organizations",
		"consumers",
		/* Where personal accounts are. */
		"9188040d-6c67-4c5b-b112-36a304b66dad",
	};

	for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		if (conf_value_compare_nocase(tenant, nobody[i]) == 0)
			return true;
	}
	return false;
}

static bool verify_microsoft(const struct conf_account *account, struct conf_complaint *complaint_r)
{
	const struct conf_oauth *oauth = &account->oauth;

	switch (oauth->flow) {
	case CONF_FLOW_USER:
		return verify_user_scope(account, complaint_r);
	case CONF_FLOW_APP:
		if (account->provider == CONF_PROVIDER_OUTLOOK)
			return complain(complaint_r, "oauth.flow",
					"app is for organisations: an application cannot be given "
					"access to personal accounts, each person signs in");
		if (oauth->tenant != NULL && is_nobody(oauth->tenant))
			return complain(complaint_r, "oauth.tenant",
					"must be the organisation's tenant ID or a domain of its "
					"own with flow = \"app\": %s is no single organisation",
					oauth->tenant);
		return verify_app_scope(account, complaint_r);
	}
	return true;
}

/* How the application proves itself. */
static bool verify_proof(const struct conf_oauth *oauth, struct conf_complaint *complaint_r)
{
	if (oauth->certificate != NULL && oauth->private_key == NULL)
		return complain(complaint_r, "oauth.certificate", "needs private_key beside it");
	if (oauth->certificate == NULL && oauth->private_key != NULL)
		return complain(complaint_r, "oauth.private_key", "needs certificate beside it");
	if (oauth->certificate != NULL && oauth->client_secret_file != NULL)
		return complain(complaint_r, "oauth.client_secret_file",
				"is there beside certificate; one must go");
	if (oauth->flow == CONF_FLOW_APP && oauth->certificate == NULL &&
	    oauth->client_secret_file == NULL)
		return complain(complaint_r, "oauth.flow",
				"app needs client_secret_file, or certificate and private_key");
	return true;
}

static bool verify_endpoints(const struct conf_account *account, struct conf_complaint *complaint_r)
{
	const struct conf_oauth *oauth = &account->oauth;

	if (oauth->token_endpoint == NULL && oauth->authority != NULL && oauth->tenant == NULL)
		return complain(complaint_r, "oauth.tenant",
				"is required%s: the organisation's tenant ID or one of its domains",
				account->provider != CONF_PROVIDER_CUSTOM ? " with flow = \"app\""
									  : " with authority");
	if (oauth->token_endpoint == NULL)
		return complain(complaint_r, "oauth.token_endpoint",
				"is required with provider = \"custom\", unless there are "
				"authority and tenant");
	if (oauth->tenant != NULL && oauth->authority == NULL)
		return complain(complaint_r, "oauth.tenant", "has no use without authority");
	/* One that was put together may have become too long. */
	const char *reason = conf_url_check_endpoint(oauth->token_endpoint);
	return reason == NULL || complain(complaint_r, "oauth.token_endpoint", "%s", reason);
}

bool conf_verify_oauth(const struct conf_account *account, struct conf_complaint *complaint_r)
{
	const struct conf_oauth *oauth = &account->oauth;

	if (oauth->client_id == NULL)
		return complain(complaint_r, "oauth.client_id",
				"is required with auth = \"oauth2\": the ID that the application "
				"got when it was registered");
	if (oauth->scope == NULL)
		return complain(complaint_r, "oauth.scope",
				"is required with provider = \"custom\"");
	return verify_proof(oauth, complaint_r) && verify_endpoints(account, complaint_r) &&
	       (!conf_provider_is_microsoft(account) || verify_microsoft(account, complaint_r));
}
