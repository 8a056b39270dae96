/* SPDX-License-Identifier: ISC */
/*
 * conf_provider: what is known of each provider: its mail server, its identity provider, and what
 * to ask for there. Whatever an account sets itself comes before this.
 *
 * For custom nothing is known; there only the layout of Microsoft's endpoints is of use, where an
 * account gives an authority and a tenant.
 */
#ifndef CONF_CONF_PROVIDER_H
#define CONF_CONF_PROVIDER_H

#include "conf/conf.h"

struct conf_storage;

/* All of it NULL for custom. */
struct conf_provider_preset {
	const char *imap_host;
	const char *authority;
	const char *tenant;     /* where people sign in; an application must name its own */
	const char *user_scope; /* for flow user */
	const char *app_scope;  /* for flow app */
};

const struct conf_provider_preset *conf_provider_preset(enum conf_provider provider);

/* Fills in what the account left out. What cannot be known stays NULL, for conf_verify_oauth() to
 * complain of. False: no memory. */
bool conf_provider_resolve(struct conf_account *account, struct conf_storage *storage);

/* A mail server of Microsoft's, for which no password is good any more. */
bool conf_provider_is_microsoft_host(const char *host);

/* An account whose tokens come from Microsoft, with its own rules for scopes and tenants. */
bool conf_provider_is_microsoft(const struct conf_account *account);

#endif
