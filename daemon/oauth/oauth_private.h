/* SPDX-License-Identifier: ISC */
/*
 * oauth_private: what oauth.c (the interface), oauth_grant.c (grants and their states),
 * oauth_waiter.c (who asked), oauth_round.c (attempts at a token), oauth_disk.c (files, on the
 * worker), oauth_refused.c (tokens that a mail server does not take) and oauth_watch.c (what is
 * done unasked) share, and nobody else sees.
 */
#ifndef DAEMON_OAUTH_OAUTH_PRIVATE_H
#define DAEMON_OAUTH_OAUTH_PRIVATE_H

#include "daemon/oauth/oauth.h"
#include "daemon/oauth/oauth_policy.h"
#include "daemon/oauth/oauth_sealed.h"
#include "daemon/oauth/oauth_trouble.h"
#include "daemon/oauth/token_store.h"
#include "daemon/worker.h"

struct oauth {
	struct loop *loop;
	struct log *log;
	struct http *http;
	struct setup *setup;             /* owned reference: the newest */
	struct worker *worker;           /* owned */
	struct token_store store;        /* the worker reads it */
	unsigned char key[SEAL_KEY_LEN]; /* of what lies in memory */
	void *grants;                    /* tsearch(3): by key */
	struct grant *first;             /* the same, newest first */
	void *refused;                   /* tsearch(3): of oauth_refused.c */
	struct round *rounds;            /* under way */
	uint64_t last_round;
	struct event *look; /* owned */
	bool listing;       /* disk_list() is under way */
	oauth_news_fn *news;
	void *news_owner;
	struct oauth_trouble foreign; /* oauth_trouble_other_application() */
	bool closing;                 /* whatever comes back now is thrown away */
};

/* Somebody who asked. */
struct waiter {
	struct waiter *next;
	enum oauth_need need;
	uint64_t first_round; /* this one and those behind it count as made for the question */
	oauth_fn *fn;
	void *owner;
	uint64_t ticket;
	bool give; /* what was decided */
	bool fetched;
};

struct grant {
	struct oauth *oauth; /* borrowed */
	struct grant *next;  /* in oauth->first */
	struct grant *previous;
	char *key; /* owned */
	enum conf_flow flow;
	enum grant_state state;
	struct setup *setup; /* owned reference: what it was asked for with last */
	const struct conf_account *account;
	char *name;             /* owned; POP3 login name */
	char *mailbox;          /* owned; the IMAP user */
	struct waiter *waiters; /* owned; in the order they came */
	struct waiter **waiters_end;
	struct round *round; /* under way; NULL: none */
	unsigned storing;    /* sign-ins and sign-outs that are being written */
	bool saving;         /* tokens that could not be written are being written */
	bool unwanted;       /* no account uses it any more: to be freed when nothing goes on */
	struct grave grave;

	/* What there is. */
	struct oauth_sealed refresh;
	struct oauth_sealed access;
	uint64_t access_until_ms; /* CLOCK_BOOTTIME */
	time_t access_expires;    /* the same by the wall clock, for the disk */
	uint64_t access_round;    /* the round that brought it; 0: it is from disk */
	time_t signed_in;
	time_t refreshed;
	char signed_in_by[16]; /* "browser", ... */
	char *client_id;       /* owned; for whom `refresh` is; NULL without it */
	char *token_endpoint;  /* owned; likewise */
	bool unsaved;          /* what is here is newer than the file */

	/* How it went. */
	uint64_t rounds_begun;
	uint64_t rounds_over;
	unsigned failures; /* in a row */
	uint64_t retry_at_ms;
	bool held; /* HELD, or a try to end that is under way */
	struct oauth_time held_since;
	struct oauth_trouble trouble; /* ABSENT, WAITING, and while it is held */
};

/* One attempt: reading a sign-in's file, or a request of the token endpoint with what belongs to
 * it. */
struct round {
	struct worker_job job; /* first */
	struct oauth *oauth;
	struct grant *grant; /* NULL: its outcome is nobody's any more */
	struct round *next;  /* in oauth->rounds */
	struct round *previous;
	uint64_t id;     /* names it to http */
	uint64_t number; /* of the grant's rounds */
	uint64_t began_ms;
	bool refreshing;     /* not only reading */
	bool on_wire;        /* the request is out */
	struct setup *setup; /* owned reference */
	const struct conf_account *account;
	char *mailbox;                   /* owned */
	struct secret *client_secret;    /* owned, as the next */
	struct secret *client_assertion; /* one of them, or none */
	bool proven;
	struct token_record record; /* what was read, or is to be written */
	uint64_t access_until_ms;
	uint64_t expires_in;
	enum token_store_status status;
	char error[300];
};

/* ---- oauth_time.c ---- */

struct oauth_time oauth_time_now(void);

/* ---- oauth_grant.c ---- */

void grant_set_state(struct grant *grant, enum grant_state state);
/* The grant that a client's tokens come from, made if need be; it belongs to `client` from now on.
 * NULL: no memory. */
struct grant *grant_get(struct oauth *oauth, const struct oauth_client *client);
/* NULL: nobody has asked for it yet. */
struct grant *grant_find(const struct oauth *oauth, const struct oauth_client *client);
/* Whether tokens of `account` come from it, for the mailbox that it is of. */
bool grant_serves(const struct grant *grant, const struct conf_account *account);
/* Whom it belongs to; borrowed. */
struct oauth_client grant_client(const struct grant *grant);
/* Leaves the tables, to be freed, if no account uses it and nothing goes on with it. */
void grant_leave(struct grant *grant);
void grant_free(void *grant);

/* The sign-in was made for another application than the account has now. */
bool grant_is_foreign(const struct grant *grant);
uint64_t grant_left_ms(const struct grant *grant, const struct oauth_time *now);
/* WAITING, HELD: whether it may be tried. */
bool grant_is_due(const struct grant *grant, const struct oauth_time *now);

/* Takes over what a record holds; `access_until_ms` is when its access token ends. False: no
 * memory, and the grant holds no tokens at all. */
bool grant_install(struct grant *grant, const struct token_record *record, uint64_t access_until_ms)
	__attribute__((warn_unused_result));
/* The reverse. False: no memory. */
bool grant_export(const struct grant *grant, struct token_record *record_r)
	__attribute__((warn_unused_result));
void grant_forget_tokens(struct grant *grant);

/* How an attempt ended: temporary trouble; trouble that needs somebody; none, so that it is VALID.
 * Who waits is not told yet. */
void grant_wait(struct grant *grant, const struct oauth_trouble *trouble, uint64_t retry_after_s);
void grant_hold(struct grant *grant, const struct oauth_trouble *trouble);
void grant_recover(struct grant *grant);

/* ---- oauth_waiter.c ---- */

/* `fn` is called now or later. False: no memory. */
bool grant_ask(struct grant *grant, enum oauth_need need, oauth_fn *fn, void *owner,
	       uint64_t ticket) __attribute__((warn_unused_result));
/* Answers whoever can be answered, and begins an attempt where somebody needs one. Lets the grant
 * leave at the end. */
void grant_settle(struct grant *grant);

/* ---- oauth_round.c ---- */

/* Reads the file or asks the endpoint, whatever is next. False: no memory; it counts as a round
 * that failed, and the grant is WAITING. */
bool round_begin(struct grant *grant);
/* The grant has no interest in its round any more. What that brings is dropped. */
void round_detach(struct grant *grant);
/* Of the process's end. */
void round_free(struct round *round);

/* ---- oauth_disk.c ---- */

/* Each answers by the function of oauth_round.c below it, from the loop. */
void disk_read(struct round *round);
void on_round_read(struct round *round);
void disk_prove(struct round *round);
void on_round_proven(struct round *round);
void disk_save(struct round *round);
void on_round_saved(struct round *round);

enum disk_errand { DISK_SIGN_IN, DISK_SIGN_OUT, DISK_SAVE_AGAIN };
/* Writes or removes. `record` (or NULL) moves. False: no memory. */
bool disk_submit(struct grant *grant, enum disk_errand errand, struct token_record *record,
		 uint64_t access_until_ms, oauth_stored_fn *fn, void *owner, uint64_t ticket)
	__attribute__((warn_unused_result));

/* Looks which sign-ins there are. No memory: it is not looked. */
void disk_list(struct oauth *oauth);
/* The answer, for each; of oauth_watch.c. */
void on_disk_found(struct oauth *oauth, const struct token_owner *owner);

/* ---- oauth_refused.c ---- */

/* What keeps a mailbox from being tried, or did before its hour was over; NULL: nothing. */
const struct oauth_trouble *refused_trouble(const struct oauth *oauth,
					    const struct oauth_client *client, bool *hold_r);
void refused_forget(struct oauth *oauth, const struct oauth_client *client);
void refused_forget_all(struct oauth *oauth);

/* ---- oauth_watch.c ---- */

bool watch_start(struct oauth *oauth);
/* Begins to look after the sign-ins of the accounts of `oauth->setup`. */
void watch_adopt(struct oauth *oauth);
/* A grant began to be held, or is not any more (NULL), and nobody was waiting for it. */
void watch_tell(struct grant *grant, const struct oauth_trouble *trouble);
/* What the timer does. */
void watch_look(struct oauth *oauth);
/* Writes what could not be written before. */
void watch_save(struct oauth *oauth);

/* ---- oauth.c ---- */

/* `token-failed` */
void oauth_log_trouble(struct oauth *oauth, enum conf_log_level level,
		       const struct oauth_client *client, const struct oauth_trouble *trouble);

#endif
