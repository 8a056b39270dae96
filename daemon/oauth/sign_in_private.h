/* SPDX-License-Identifier: ISC */
/*
 * sign_in_private: what sign_in.c (its life, the check, the store), sign_in_browser.c and
 * sign_in_device.c share, and nobody else sees.
 */
#ifndef DAEMON_OAUTH_SIGN_IN_PRIVATE_H
#define DAEMON_OAUTH_SIGN_IN_PRIVATE_H

#include "daemon/oauth/redirect_uri.h"
#include "daemon/oauth/sign_in.h"
#include "daemon/oauth/token_form.h"
#include "daemon/probe.h"
#include "tls/pkce.h"

enum {
	/* An address that a browser ends at; codes have some 1 to 2 kB. */
	SIGN_IN_ANSWER_MAX = 64 * 1024,
};

#define SIGN_IN_STATES(X) \
	X(STARTED)        \
	X(ASKED)          \
	X(REQUESTING)     \
	X(POLLING)        \
	X(REDEEMING)      \
	X(CHECKING)       \
	X(STORING)        \
	X(OVER)

enum sign_in_state {
#define X(name) SIGN_IN_##name,
	SIGN_IN_STATES(X)
#undef X
};

struct sign_in {
	struct loop *loop;
	struct resolver *resolver;
	struct log *log;
	struct ticket_office *tickets;
	struct http *http;
	struct oauth *oauth;
	struct setup *setup; /* owned reference */
	char *name;          /* owned */
	char *mailbox;       /* owned */
	struct oauth_client client;
	enum sign_in_flow flow;
	enum sign_in_state state;
	sign_in_fn *fn;
	void *owner;
	uint64_t ticket;
	struct event *timer; /* owned: what `state` waits for */
	/* By way of a browser. */
	char *offered; /* owned: where the tool listens; or NULL */
	char redirect_uri[REDIRECT_URI_MAX];
	char verifier[PKCE_TEXT_SIZE];
	char secret_state[PKCE_TEXT_SIZE];
	struct bytebuf brought;
	bool brought_too_much;
	/* By way of a device code. */
	struct device_answer device;
	uint64_t device_until_ms;
	uint64_t interval_ms;
	uint64_t trouble_ms; /* the wait behind the last poll that got no answer; 0: it got one */
	struct token_answer tokens;
	struct probe *probe;           /* owned */
	bool ipv4_only;                /* the mailbox is tried once more, over IPv4; */
	struct probe_result over_ipv6; /* what came of it before */
	bool buried;
	struct grave grave;
};

/* ---- sign_in.c ---- */

/* The only way to change the state. */
void sign_in_enter(struct sign_in *sign_in, enum sign_in_state state);
/* The owner may have buried it behind this. */
void sign_in_tell(struct sign_in *sign_in, const struct sign_in_event *event);

/* The end. `text` is for the person and the log; `remedy` may be NULL. */
void sign_in_fail(struct sign_in *sign_in, const char *text, const char *remedy);
void sign_in_fail_memory(struct sign_in *sign_in);
/* The identity provider did not answer, or is not to be trusted. */
void sign_in_fail_unanswered(struct sign_in *sign_in, const struct http_answer *answer);
/* The identity provider said no. */
void sign_in_fail_refused(struct sign_in *sign_in, const struct token_answer *refusal);

/* POSTs a form that `fill` writes, with the application's proof in it; the answer goes to what
 * `state` is then. */
typedef bool sign_in_fill_fn(struct sign_in *sign_in, struct bytebuf *form,
			     const struct token_form_proof *proof);
void sign_in_ask(struct sign_in *sign_in, const char *endpoint, sign_in_fill_fn *fill);

/* Tokens came; they are in `tokens`. */
void sign_in_check(struct sign_in *sign_in);

/* ---- sign_in_browser.c ---- */

void sign_in_open(struct sign_in *sign_in);
/* What was brought is in `brought`. */
void sign_in_take_answer(struct sign_in *sign_in);
void sign_in_handle_tokens(struct sign_in *sign_in, const struct http_answer *answer);

/* ---- sign_in_device.c ---- */

void sign_in_request_code(struct sign_in *sign_in);
void sign_in_handle_code(struct sign_in *sign_in, const struct http_answer *answer);
void sign_in_poll(struct sign_in *sign_in);
void sign_in_handle_poll(struct sign_in *sign_in, const struct http_answer *answer);

#endif
