/* SPDX-License-Identifier: ISC */
/*
 * doctor_private: what doctor.c (its life, and what lies between here and the servers) and
 * doctor_mailbox.c (the token, and what it opens) share, and nobody else sees.
 */
#ifndef DAEMON_CONTROL_DOCTOR_PRIVATE_H
#define DAEMON_CONTROL_DOCTOR_PRIVATE_H

#include "daemon/control/doctor.h"
#include "daemon/control/doctor_network.h"

/* One family of addresses. */
struct doctor_road {
	struct doctor *doctor;
	struct lookup *lookup; /* owned */
	struct dialer *dialer; /* owned */
	uint64_t began_ms;
};

struct doctor {
	struct doctor_settings settings;
	const struct doctor_owner *functions;
	void *owner;
	struct setup *setup; /* owned reference */
	char *name;          /* owned */
	char *mailbox;       /* owned */
	struct oauth_client client;
	uint64_t ticket;
	size_t stage;           /* the one that is next */
	struct event *turn;     /* owned: goes on to it */
	struct event *deadline; /* owned: of the lookups */
	unsigned failed;
	/* What has been found. */
	struct doctor_route routes[DOCTOR_FAMILIES];
	struct doctor_road roads[DOCTOR_FAMILIES];
	bool greeted; /* the server speaks IMAP with us, over TLS where that is wanted */
	bool opened;
	struct probe *probe; /* owned */
	/* The token. */
	struct secret *token; /* owned; or the password */
	bool fetched;
	bool fresh; /* a second one was asked for */
	bool has_claims;
	struct token_claims claims;
	struct diagnosis of_token; /* told when it is known whether it is right */
	bool ipv4_only;
	bool buried;
	struct grave grave;
};

static inline bool doctor_is_oauth(const struct doctor *doctor)
{
	return doctor->client.account->auth == CONF_AUTH_OAUTH2;
}

/* ---- doctor.c ---- */

/* The next stage, in a turn of its own. */
void doctor_go_on(struct doctor *doctor);
/* The owner may have buried the doctor behind this. */
void doctor_report(struct doctor *doctor, const char *name, const struct diagnosis *diagnosis);
void doctor_report_memory(struct doctor *doctor, const char *name);
/* One attempt; `fn` gets the doctor. False: no memory. */
bool doctor_probe(struct doctor *doctor, const struct secret *credential, probe_fn *fn);

/* ---- doctor_mailbox.c ---- */

void doctor_stage_token(struct doctor *doctor);
void doctor_stage_login(struct doctor *doctor);

#endif
