/* SPDX-License-Identifier: ISC */
/*
 * token_advice: what a refusal means in plain words, who can mend it, and how. Pure; texts only.
 */
#ifndef DAEMON_OAUTH_TOKEN_ADVICE_H
#define DAEMON_OAUTH_TOKEN_ADVICE_H

#include "conf/conf.h"
#include "daemon/oauth/token_answer.h"

struct token_advice {
	const char *meaning; /* "The client secret has expired." Static */
	const char
		*remedy; /* "An administrator of the application makes a new secret ..." Static */
};

/* For a refusal of the token endpoint: by its AADSTS number where it is known, else by its error.
 */
struct token_advice token_advice_for(const struct token_answer *refusal,
				     const struct conf_oauth *oauth);

#endif
