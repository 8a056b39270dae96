/* SPDX-License-Identifier: ISC */
/*
 * oauth: the token service: whoever opens a mailbox asks it for an access token.
 *
 * A sign-in (`flow = "user"`) belongs to one mailbox of one server; an application's own token
 * (`flow = "app"`) is shared by all accounts with the same client_id, endpoint and scope, and lives
 * in memory only. Both are a `grant` here, with these states:
 *
 *   ABSENT -> VALID            a sign-in (user), a first request (app)
 *   VALID -> REFRESHING -> VALID    under ten minutes left, or a fresh one was asked for
 *   REFRESHING -> WAITING      temporary: back-off from 1 s to 5 min with jitter, or Retry-After;
 *                              a token that is still good goes on being given out
 *   REFRESHING -> HELD         a person or an administrator is needed: the endpoint is left alone
 *   HELD -> REFRESHING         a sign-in, oauth_reload(), OAUTH_TRY, a restart, or an hour
 *
 * One request at a time for each grant, however many wait for it. A rotated refresh token is on
 * disk before anybody gets the access token that came with it; if it cannot be written, it is used
 * all the same, and written later. Sign-ins that nobody uses are refreshed every 30 days, so that
 * they outlive the 90 days after which Microsoft forgets them. Tokens in memory are sealed, and
 * opened for the moment of their use.
 *
 * After an hour a HELD grant is tried again quietly, whether somebody asks or not; a clock that was
 * set counts as an hour, and temporary trouble on the way does not end the hold.
 *
 * Files are read and written on a worker thread; all functions are for the loop, and answers come
 * from the loop; whoever is called may call anything here but oauth_free(). Log: `token-refreshed`;
 * `token-failed`, a warning when an outage begins, and `token-works-again`; `token-not-saved` and
 * `token-saved`; `signed-in` and `signed-out`. That somebody is needed is an incident
 * (daemon/attention.h), of which whoever asked or hears the news warns.
 */
#ifndef DAEMON_OAUTH_OAUTH_H
#define DAEMON_OAUTH_OAUTH_H

#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/oauth/token_answer.h"
#include "daemon/secret.h"
#include "daemon/setup.h"

struct http;
struct oauth;

enum {
	/* A token with less time left is not begun with. */
	OAUTH_MARGIN_S = 600,
};

/* Whose token. */
struct oauth_client {
	struct setup *setup;                /* borrowed; a reference is taken where it must last */
	const struct conf_account *account; /* of `setup`; auth is oauth2 */
	const char *name;                   /* POP3 login name: for people */
	const char *mailbox;                /* the IMAP user */
};

enum oauth_state {
	OAUTH_OK,
	OAUTH_NEVER_SIGNED_IN,
	OAUTH_SIGN_IN_NEEDED,
	OAUTH_ADMINISTRATOR_NEEDED,
	OAUTH_BACKING_OFF, /* temporary */
};

/* The trouble with a grant, for the log, for `packetboat status`, and for the person. */
struct oauth_trouble {
	enum oauth_state state;      /* not OK */
	bool untrusted;              /* ADMINISTRATOR_NEEDED: the endpoint's certificate */
	struct token_answer refusal; /* `error` is "" where it was no refusal; holds no tokens */
	char text[300];              /* one line: what happened */
	const char *meaning;         /* static: the same in plain words */
	const char *remedy;          /* static: what to do and who */
};

struct oauth_result {
	const struct secret *token;          /* borrowed for the call; NULL: `trouble` */
	bool fetched;                        /* it was fetched for this, not found here */
	const struct oauth_trouble *trouble; /* borrowed for the call */
};
typedef void oauth_fn(void *owner, uint64_t ticket, const struct oauth_result *result);

/* The sign-ins of `setup`'s accounts are read in the background, so that idle ones are looked after
 * from the start. NULL: `error_r` says why the key or the folder of tokens cannot be used. */
struct oauth *oauth_new(struct loop *loop, struct log *log, struct http *http, struct setup *setup,
			char *error_r, size_t error_size);
/* Waits for what is being written. Nobody is called any more; `http` must not be given another turn
 * of the loop behind it. */
void oauth_free(struct oauth **oauth);
/* Sign-ins that are being refreshed at this moment. An identity provider that allows each refresh
 * token one use only has perhaps spent the one on disk already: who stops in good order waits a
 * little for this to be 0. */
size_t oauth_under_way(const struct oauth *oauth);

/* Told when a grant nobody waited for (an idle one, refreshed) is HELD, or works again (NULL): once
 * for each account whose tokens are of it. */
typedef void oauth_news_fn(void *owner, const struct oauth_client *client,
			   const struct oauth_trouble *trouble);
void oauth_set_news(struct oauth *oauth, oauth_news_fn *fn, void *owner);

/* The configuration was read again: holds end, and what no account uses any more is forgotten, but
 * not on disk. Who began with the old one may still ask. */
void oauth_reload(struct oauth *oauth, struct setup *setup);

enum oauth_need {
	OAUTH_ANY,   /* a token with OAUTH_MARGIN_S left, or less while no other is to be had */
	OAUTH_FRESH, /* the one that is here was refused: a new one */
	OAUTH_TRY,   /* as ANY; and a grant that is HELD is tried once all the same, for somebody
		      * says it has been mended. Back-off is obeyed even so */
};
/* `fn` is called once, from the loop, or before this returns when the token is here. False: no
 * memory, and no answer comes. */
bool oauth_get(struct oauth *oauth, const struct oauth_client *client, enum oauth_need need,
	       oauth_fn *fn, void *owner, uint64_t ticket) __attribute__((warn_unused_result));

/* AUTHENTICATE with a token that was just fetched was refused, or worked. After three refusals over
 * five minutes this mailbox (no other that shares the application's token) is held. Returns what is
 * so now: OAUTH_OK, or OAUTH_ADMINISTRATOR_NEEDED once it is held. */
enum oauth_state oauth_refused(struct oauth *oauth, const struct oauth_client *client,
			       const char *text);
void oauth_accepted(struct oauth *oauth, const struct oauth_client *client);

/* A person has signed in: `answer` is GRANTED, with a refresh token; its secrets move here. When it
 * is on disk, or cannot be, `fn` is told (`error` NULL: it is). */
typedef void oauth_stored_fn(void *owner, uint64_t ticket, const char *error);
bool oauth_sign_in(struct oauth *oauth, const struct oauth_client *client,
		   struct token_answer *answer, const char *flow, oauth_stored_fn *fn, void *owner,
		   uint64_t ticket) __attribute__((warn_unused_result));
/* Forgets tokens, in memory and on disk. */
bool oauth_sign_out(struct oauth *oauth, const struct oauth_client *client, oauth_stored_fn *fn,
		    void *owner, uint64_t ticket) __attribute__((warn_unused_result));

/* For `packetboat status` and the doctor: what is known now; asks nobody. */
struct oauth_status {
	enum oauth_state state;
	bool known;                          /* false: its file has not been read yet */
	int64_t expires_in;                  /* seconds; -1: no access token */
	uint64_t backoff_for;                /* seconds until the next try; 0: none */
	time_t signed_in;                    /* 0: unknown */
	time_t refreshed;                    /* 0: never */
	char flow[16];                       /* "browser", "device", "paste", "app", or "" */
	const struct oauth_trouble *trouble; /* or NULL; valid until the next turn of the loop */
};
void oauth_describe(struct oauth *oauth, const struct oauth_client *client,
		    struct oauth_status *status_r);

/* How the account's application proves itself, read from its files. False: `error_r` names the
 * file. The proof's secret is to be freed. */
bool oauth_proof(const struct conf_oauth *oauth, struct secret **client_secret_r,
		 struct secret **client_assertion_r, char *error_r, size_t error_size);

#endif
