/* SPDX-License-Identifier: ISC */
/*
 * token_answer: what a token endpoint or a device authorization endpoint said (RFC 6749 section 5,
 * RFC 8628 sections 3.2 and 3.5). Pure.
 *
 * What follows from a refusal depends on its `error` alone, as RFC 6749 has it and Microsoft asks
 * for; its description and AADSTS number are for people. Nesting, length and the number of members
 * are bounded; a member that is there twice makes the answer unreadable, which is temporary, as
 * everything is that is no answer of an identity provider at all.
 *
 * An `error` that no RFC and nobody's documentation knows is temporary, too: asking again every few
 * minutes does little harm, while to give up would stop somebody's mail over a word.
 */
#ifndef DAEMON_OAUTH_TOKEN_ANSWER_H
#define DAEMON_OAUTH_TOKEN_ANSWER_H

#include "daemon/secret.h"

enum token_answer_kind {
	TOKEN_GRANTED,
	TOKEN_PENDING,              /* device: authorization_pending */
	TOKEN_SLOW_DOWN,            /* device: and wait five seconds more from now on */
	TOKEN_DECLINED,             /* access_denied, authorization_declined: a person said no, or a
				     * policy did; in the answer to a refresh as SIGN_IN_NEEDED */
	TOKEN_CODE_EXPIRED,         /* device: expired_token */
	TOKEN_SIGN_IN_NEEDED,       /* invalid_grant, interaction_required, ... : a person must */
	TOKEN_ADMINISTRATOR_NEEDED, /* invalid_client, unauthorized_client, invalid_scope, ... */
	TOKEN_TEMPORARY,            /* temporarily_unavailable, server_error, 429, 5xx, nonsense */
};

struct token_answer {
	enum token_answer_kind kind;
	struct secret *access;  /* GRANTED; owned */
	struct secret *refresh; /* GRANTED, and NULL where none was given; owned */
	uint64_t expires_in;    /* seconds; GRANTED without it, or with nonsense: 3600 */
	char error[64];         /* the `error` of a refusal; "": it is no refusal */
	/* For people, in ASCII, "" only where GRANTED: error_description without what follows its
	 * first line, or what is wrong with the answer. */
	char text[400];
	unsigned aadsts; /* Microsoft's number in it; 0: none */
	char trace_id[64];
	char correlation_id[64];
};

/* The answer to a token request: `status` is HTTP's. No allocation that fails goes unnoticed: it is
 * TEMPORARY then. */
void token_answer_read(struct token_answer *answer, long status, struct span body);
/* A refusal that came by way of the browser (RFC 6749 section 4.1.2.1), in the same words. */
void token_answer_refused(struct token_answer *answer, struct span error, struct span description);
/* Wipes and releases. */
void token_answer_deinit(struct token_answer *answer);

struct device_answer {
	struct secret *device_code; /* owned */
	char user_code[64];
	char verification_uri[512]; /* https: */
	uint64_t expires_in;        /* seconds, 900 if it says nothing; at most a day */
	uint64_t interval;          /* seconds between polls, 5 if it says nothing; 1 at least */
};

/* False: it is a refusal, or no such answer; `refusal_r` is filled in (its kind is never GRANTED,
 * PENDING or SLOW_DOWN, and it holds no tokens). */
bool device_answer_read(struct device_answer *device, long status, struct span body,
			struct token_answer *refusal_r);
void device_answer_deinit(struct device_answer *device);

/*
 * What an access token says of itself, where it is a JWT; nobody verifies it here, and nothing but
 * words for people depends on it. All texts are ASCII. False: it is opaque, as consumers' tokens
 * are.
 */
struct token_claims {
	char audience[128]; /* joined by blanks where there are several */
	char who[256];      /* upn, preferred_username, unique_name or email */
	char app[64];       /* appid or azp */
	char tenant[64];    /* tid */
	char scopes[512];   /* scp or scope; "" for an application */
	char roles[512];    /* joined by blanks */
	int64_t expires;    /* exp; 0: none */
};
bool token_claims_read(struct token_claims *claims_r, struct span token);

#endif
