/* SPDX-License-Identifier: ISC */
/*
 * conf_verify_oauth: what the settings of an account with auth = "oauth2" need of each other, and
 * which of them Microsoft is known to refuse. What can be known now need not fail at a sign-in.
 *
 * For accounts that conf_provider_resolve() has been through. Pure.
 */
#ifndef CONF_CONF_VERIFY_OAUTH_H
#define CONF_CONF_VERIFY_OAUTH_H

#include "conf/conf.h"

struct conf_complaint {
	const char *setting; /* from the account on: "oauth.scope" */
	char reason[512];
};

/* False: the complaint is set. */
bool conf_verify_oauth(const struct conf_account *account, struct conf_complaint *complaint_r);

#endif
