/* SPDX-License-Identifier: ISC */
/*
 * upstream: one connection to an IMAP server, from its name to its last octet.
 *
 * It dials, does the TLS, runs imap_login up to READY and AUTHENTICATED, where the owner says how
 * to go on, and then hands every IMAP event to the owner. A server that owes an answer and is
 * silent for 30 seconds is given up. Credentials are only ever sent behind a verified TLS handshake
 * (or over loopback, where the configuration says `tls = "none"`).
 *
 * Life: upstream_new(), calls of the owner's functions, upstream_bury(). After `lost` nothing
 * follows.
 */
#ifndef DAEMON_UPSTREAM_H
#define DAEMON_UPSTREAM_H

#include "daemon/dialer.h"
#include "daemon/failure.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "protocol/imap_client.h"
#include "protocol/imap_login.h"
#include "tls/tls_context.h"

struct upstream;

struct upstream_owner {
	/* IMAP_LOGIN_READY: call upstream_password() or upstream_token(); AUTHENTICATED: call
	 * upstream_select(); IMAP_LOGIN_SELECTED: events follow. No other step. */
	void (*step)(void *owner, enum imap_login_step step);
	/* An event behind SELECTED. */
	void (*event)(void *owner, const struct imap_event *event);
	/* What came in this turn has been dealt with. */
	void (*turn_over)(void *owner);
	/* The connection is of no use any more. */
	void (*lost)(void *owner, const struct failure *failure);
};

struct upstream_settings {
	struct loop *loop;
	struct resolver *resolver;
	struct log *log;
	const struct conf_imap *imap; /* borrowed for the life of the upstream */
	struct tls_context *tls;      /* likewise */
	const char *folder;           /* likewise; for people */
	uint64_t session;             /* for the log: who wanted it first */
	bool own_password;            /* see failure_from_login() */
	bool full_handshake;          /* resume no TLS session: the certificate is to be seen */
};

/* NULL: no memory. */
struct upstream *upstream_new(const struct upstream_settings *settings,
			      const struct upstream_owner *functions, void *owner);
/* Closes at once. */
void upstream_bury(struct upstream **upstream);

void upstream_password(struct upstream *upstream, struct span user, struct span password);
void upstream_token(struct upstream *upstream, struct span user, struct span token);
/* `folder` in modified UTF-7. */
void upstream_select(struct upstream *upstream, struct span folder);

/* How far it came, whether or not it is lost by now. */
enum upstream_progress {
	UPSTREAM_NOT_CONNECTED,
	UPSTREAM_CONNECTED,
	UPSTREAM_ENCRYPTED, /* the handshake is done, the certificate is verified */
	UPSTREAM_GREETED,   /* READY was told */
	UPSTREAM_AUTHENTICATED,
	UPSTREAM_SELECTED,
};
enum upstream_progress upstream_progress(const struct upstream *upstream);
/* Whether it went over IPv6, likewise. */
bool upstream_is_ipv6(const struct upstream *upstream);

/* "TLSv1.3 ...", or "none"; for people. */
void upstream_describe_tls(const struct upstream *upstream, char *text_r, size_t size);

/* Says LOGOUT; the server's BYE is no loss then. False: it cannot be said. */
bool upstream_logout(struct upstream *upstream);

/* For commands; upstream_flush() sends them. */
struct imap_client *upstream_client(struct upstream *upstream);
void upstream_flush(struct upstream *upstream);

/* Back-pressure. While paused the server's silence is not held against it. */
void upstream_pause(struct upstream *upstream);
void upstream_resume(struct upstream *upstream);

#endif
