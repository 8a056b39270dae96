/* SPDX-License-Identifier: ISC */
#include "conf/conf_provider.h"

#include <string.h>

#include "conf/conf_storage.h"
#include "conf/conf_url.h"
#include "conf/conf_value.h"

/* National clouds have servers, identity providers and resources of their own. */
static const struct conf_provider_preset presets[] = {
	[CONF_PROVIDER_CUSTOM] = { NULL, NULL, NULL, NULL, NULL },
	[CONF_PROVIDER_OUTLOOK] = {
		.imap_host = "outlook.office365.com",
		.authority = "https://login.microsoftonline.com",
		.tenant = "consumers",
		.user_scope = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
		.app_scope = "https://outlook.office365.com/.default",
	},
	[CONF_PROVIDER_OFFICE365] = {
		.imap_host = "outlook.office365.com",
		.authority = "https://login.microsoftonline.com",
		.tenant = "organizations",
		.user_scope = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
		.app_scope = "https://outlook.office365.com/.default",
	},
	[CONF_PROVIDER_GCC_HIGH] = {
		.imap_host = "outlook.office365.us",
		.authority = "https://login.microsoftonline.us",
		.tenant = "organizations",
		.user_scope = "https://outlook.office365.us/IMAP.AccessAsUser.All offline_access",
		.app_scope = "https://outlook.office365.us/.default",
	},
	[CONF_PROVIDER_DOD] = {
		.imap_host = "outlook-dod.office365.us",
		.authority = "https://login.microsoftonline.us",
		.tenant = "organizations",
		.user_scope = "https://outlook-dod.office365.us/IMAP.AccessAsUser.All "
			      "offline_access",
		.app_scope = "https://outlook-dod.office365.us/.default",
	},
	[CONF_PROVIDER_CHINA] = {
		.imap_host = "partner.outlook.cn",
		.authority = "https://login.partner.microsoftonline.cn",
		.tenant = "organizations",
		.user_scope = "https://partner.outlook.cn/IMAP.AccessAsUser.All offline_access",
		.app_scope = "https://partner.outlook.cn/.default",
	},
};

enum { PRESET_COUNT = sizeof(presets) / sizeof(presets[0]) };

/* Other names of the same servers. */
static const char *const more_mail_hosts[] = {
	"imap-mail.outlook.com",
	"outlook.office.com",
	"webmail.apps.mil",
};
static const char *const more_login_hosts[] = {
	"login.microsoft.com",
	"login.windows.net",
	"login.chinacloudapi.cn",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct conf_provider_preset *conf_provider_preset(enum conf_provider provider)
{
	return &presets[provider];
}

bool conf_provider_is_microsoft_host(const char *host)
{
	for (size_t i = 0; i < PRESET_COUNT; i++) {
		if (presets[i].imap_host != NULL &&
		    conf_value_compare_nocase(host, presets[i].imap_host) == 0)
			return true;
	}
	for (size_t i = 0; i < COUNT(more_mail_hosts); i++) {
		if (conf_value_compare_nocase(host, more_mail_hosts[i]) == 0)
			return true;
	}
	return false;
}

static bool is_microsoft_login(const char *url)
{
	for (size_t i = 0; i < PRESET_COUNT; i++) {
		if (presets[i].authority != NULL &&
		    conf_url_has_host(url, presets[i].authority + sizeof("https://") - 1))
			return true;
	}
	for (size_t i = 0; i < COUNT(more_login_hosts); i++) {
		if (conf_url_has_host(url, more_login_hosts[i]))
			return true;
	}
	return false;
}

bool conf_provider_is_microsoft(const struct conf_account *account)
{
	return account->provider != CONF_PROVIDER_CUSTOM ||
	       (account->oauth.token_endpoint != NULL &&
		is_microsoft_login(account->oauth.token_endpoint));
}

static bool resolve_endpoint(const struct conf_oauth *oauth, struct conf_storage *storage,
			     const char *name, const char **endpoint)
{
	if (*endpoint != NULL || oauth->authority == NULL || oauth->tenant == NULL)
		return true;
	/* "https://login.example.org/" is meant without its last slash. */
	size_t len = strlen(oauth->authority);
	while (len > 0 && oauth->authority[len - 1] == '/')
		len--;
	*endpoint = conf_storage_print(storage, "%.*s/%s/oauth2/v2.0/%s", (int)len,
				       oauth->authority, oauth->tenant, name);
	return *endpoint != NULL;
}

bool conf_provider_resolve(struct conf_account *account, struct conf_storage *storage)
{
	const struct conf_provider_preset *preset = conf_provider_preset(account->provider);
	struct conf_oauth *oauth = &account->oauth;
	bool is_user = oauth->flow == CONF_FLOW_USER;

	if (account->imap.host == NULL)
		account->imap.host = preset->imap_host;
	if (account->auth != CONF_AUTH_OAUTH2)
		return true;
	if (oauth->authority == NULL)
		oauth->authority = preset->authority;
	if (oauth->tenant == NULL && is_user)
		oauth->tenant = preset->tenant;
	if (oauth->scope == NULL)
		oauth->scope = is_user ? preset->user_scope : preset->app_scope;
	if (!resolve_endpoint(oauth, storage, "token", &oauth->token_endpoint))
		return false;
	return !is_user ||
	       (resolve_endpoint(oauth, storage, "authorize", &oauth->authorize_endpoint) &&
		resolve_endpoint(oauth, storage, "devicecode", &oauth->device_endpoint));
}
