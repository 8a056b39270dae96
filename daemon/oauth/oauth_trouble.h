/* SPDX-License-Identifier: ISC */
/*
 * oauth_trouble: what is wrong with a grant, in words. Pure.
 */
#ifndef DAEMON_OAUTH_OAUTH_TROUBLE_H
#define DAEMON_OAUTH_OAUTH_TROUBLE_H

#include "daemon/oauth/oauth.h"
#include "daemon/oauth/token_store.h"

/* An answer of the token endpoint that is not GRANTED. An application cannot sign in by hand: what
 * needs a person needs its administrator then. */
void oauth_trouble_from_answer(struct oauth_trouble *trouble, const struct token_answer *answer,
			       const struct conf_oauth *oauth);

void oauth_trouble_never_signed_in(struct oauth_trouble *trouble);
/* The sign-in here was made for another client_id or token endpoint than the account has now. */
void oauth_trouble_other_application(struct oauth_trouble *trouble);
/* The token endpoint: `text` of http.h. */
void oauth_trouble_unreachable(struct oauth_trouble *trouble, const char *text);
void oauth_trouble_untrusted(struct oauth_trouble *trouble, const char *text);
/* The files by which the application proves itself: `text` of oauth_proof(). */
void oauth_trouble_no_proof(struct oauth_trouble *trouble, const char *text);
/* The file of a sign-in: REFUSED, DAMAGED or FAILED. */
void oauth_trouble_from_store(struct oauth_trouble *trouble, enum token_store_status status,
			      const char *text);
/* The mail server does not take the tokens. `text`: its words, or "". */
void oauth_trouble_token_refused(struct oauth_trouble *trouble, const char *text);
void oauth_trouble_no_memory(struct oauth_trouble *trouble);

/* Whether it is the same as before, so that nobody needs to be told again. */
bool oauth_trouble_is_same(const struct oauth_trouble *a, const struct oauth_trouble *b);

#endif
