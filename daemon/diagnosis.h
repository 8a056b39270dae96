/* SPDX-License-Identifier: ISC */
/*
 * diagnosis: what the state of a token, and the end of an attempt to open a mailbox, mean in plain
 * words: the likely cause, who can mend it, and how. Pure.
 *
 * The servers give no reasons: Exchange says "AUTHENTICATE failed." whether the scope, the object
 * id, or the person is wrong. What tells them apart is what the account is meant to be, and what
 * its token says of itself. For `packetboat doctor`, and for the check at the end of `packetboat
 * login`.
 */
#ifndef DAEMON_DIAGNOSIS_H
#define DAEMON_DIAGNOSIS_H

#include "daemon/oauth/oauth.h"
#include "daemon/probe.h"

struct diagnosis {
	bool ok;
	char found[1200];  /* what was found, one line */
	char remedy[2400]; /* what to do and who; "" if ok */
};

/* Each appends to `found` or `remedy`; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) void diagnosis_found(struct diagnosis *diagnosis,
							   const char *format, ...);
__attribute__((format(printf, 2, 3))) void diagnosis_remedy(struct diagnosis *diagnosis,
							    const char *format, ...);

/* Appends to `found`, whose last words are somebody else's and may or may not end in a full stop,
 * which goes. */
void diagnosis_found_more(struct diagnosis *diagnosis, const char *text);

/* "3 minutes", "12 days". */
enum { DIAGNOSIS_SPAN_MAX = 32 };
const char *diagnosis_span(char text_r[DIAGNOSIS_SPAN_MAX], int64_t seconds);

/* The account's tokens and mail server are Microsoft's, or take after them. */
bool diagnosis_is_microsoft(const struct conf_account *account);

/* There is no token: why. */
void diagnosis_of_trouble(struct diagnosis *diagnosis, const struct oauth_client *client,
			  const struct oauth_trouble *trouble, uint64_t backoff_for);

/* There is a token. `claims` NULL: it is opaque. Not ok: it is not the kind of token that the mail
 * server takes, by what it says of itself. */
void diagnosis_of_token(struct diagnosis *diagnosis, const struct oauth_client *client,
			const struct oauth_status *status, const struct token_claims *claims,
			time_t now);

/* How far the attempt came: AUTHENTICATE (or LOGIN), and SELECT. `claims` NULL: the token is
 * opaque, or there is none. */
void diagnosis_of_login(struct diagnosis *diagnosis, const struct oauth_client *client,
			const struct token_claims *claims, const struct probe_result *result);
void diagnosis_of_select(struct diagnosis *diagnosis, const struct oauth_client *client,
			 const struct token_claims *claims, const struct probe_result *result);

/* All three at once, for an attempt that failed with a token that is fresh. */
void diagnosis_of_check(struct diagnosis *diagnosis, const struct oauth_client *client,
			const struct token_claims *claims, const struct probe_result *result);

#endif
