/* SPDX-License-Identifier: ISC */
/*
 * failure: why something failed, in the terms a POP3 client can be told (RFC 2449, RFC 3206).
 *
 * One function maps the trouble of an upstream to it; session.c is the one place that says it.
 */
#ifndef DAEMON_FAILURE_H
#define DAEMON_FAILURE_H

#include "protocol/imap_login.h"
#include "protocol/pop3_reply.h"

enum failure_kind {
	FAILURE_AUTH,        /* name or password are wrong, or the upstream refused ours */
	FAILURE_IN_USE,      /* the maildrop is open */
	FAILURE_LOGIN_DELAY, /* too many logins in too short a time */
	FAILURE_SYS_TEMP,    /* later it may work */
	FAILURE_SYS_PERM,    /* somebody must mend something first */
};

/* What stood in the way, for those who can do something about it: a second try, the doctor. */
enum failure_cause {
	FAILURE_CAUSE_OTHER,
	FAILURE_CAUSE_UNREACHABLE,   /* no connection: the name, the network */
	FAILURE_CAUSE_UNTRUSTED,     /* the certificate */
	FAILURE_CAUSE_TLS,           /* the handshake otherwise */
	FAILURE_CAUSE_NO_MECHANISM,  /* the server takes no tokens, or no passwords */
	FAILURE_CAUSE_REFUSED,       /* AUTHENTICATE was refused */
	FAILURE_CAUSE_NOT_CONNECTED, /* Exchange: authenticated but not connected */
	FAILURE_CAUSE_NO_FOLDER,     /* SELECT was refused */
	FAILURE_CAUSE_TOKEN,         /* there is no token; see daemon/oauth/oauth.h */
};

struct failure {
	enum failure_kind kind;
	enum failure_cause cause;
	bool wrong_password; /* AUTH: by the fault of this client */
	char text[300];      /* one line, for the client and the log */
	char detail[300];    /* for the log only; often "" */
};

enum pop3_code failure_code(enum failure_kind kind);

void failure_set(struct failure *failure, enum failure_kind kind, const char *text);
/* `text: words`, where `words` are the peer's own; NULL or "" for none. */
void failure_set_words(struct failure *failure, enum failure_kind kind, const char *text,
		       const char *words);

/* Why an IMAP login failed. `own_password`: the password was the POP3 client's (passthrough), so a
 * refusal of it is the client's fault; otherwise it is the administrator's. */
void failure_from_login(struct failure *failure, const struct imap_login *login, const char *folder,
			bool own_password);

#endif
