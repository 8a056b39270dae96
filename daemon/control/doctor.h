/* SPDX-License-Identifier: ISC */
/*
 * doctor: `packetboat doctor`: goes the way a login goes, step by step, and says what it finds and
 * who can mend it.
 *
 *   Configuration, DNS, TCP, TLS, Endpoint, Clock, Secret or Certificate, Token, XOAUTH2 or Login,
 *   SELECT, Messages
 *
 * A step whose ground is missing is left out (no TLS without TCP); one that is independent is not
 * (a name that does not resolve says nothing about the token). Steps that an account has no use for
 * are left out too. It takes no lock and changes nothing in the mailbox; of the token service it
 * asks one try, also where that would otherwise wait for a human: whoever runs it has mended
 * something and wants to see.
 *
 * Life: doctor_new(), calls of the owner's functions, doctor_bury(), which cancels whatever is
 * under way. After `over` nothing follows.
 */
#ifndef DAEMON_CONTROL_DOCTOR_H
#define DAEMON_CONTROL_DOCTOR_H

#include "daemon/dialer.h"
#include "daemon/oauth/http.h"
#include "daemon/oauth/oauth.h"
#include "daemon/ticket.h"

struct doctor;

/* Borrowed for the call. */
struct doctor_step {
	bool ok;
	const char *step;   /* "DNS", "TCP", ... */
	const char *found;  /* what was done and found, one line */
	const char *remedy; /* what to do and who; NULL if ok. Perhaps several sentences, no line
			     * ends */
};

/* Called from the loop, never from within a call of this interface. */
struct doctor_owner {
	void (*step)(void *owner, const struct doctor_step *step);
	/* That was all. `opened`: the mailbox was opened, so an incident of it is over. */
	void (*over)(void *owner, unsigned failed, bool opened);
};

struct doctor_settings {
	struct loop *loop;
	struct resolver *resolver;
	struct log *log;
	struct ticket_office *tickets;
	struct http *http;          /* may be NULL unless auth is oauth2 */
	struct oauth *oauth;        /* likewise */
	struct oauth_client client; /* any auth; strings are copied, the setup is counted */
};

/* NULL: no memory. */
struct doctor *doctor_new(const struct doctor_settings *settings,
			  const struct doctor_owner *functions, void *owner);
void doctor_bury(struct doctor **doctor);

#endif
