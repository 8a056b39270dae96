/* SPDX-License-Identifier: ISC */
/*
 * probe: one attempt to open a mailbox, watched step by step, for those who want to know why:
 * `packetboat login` (does the new token open it?) and `packetboat doctor`.
 *
 * It takes no lock, changes nothing, says LOGOUT, and is over after two minutes at most. Life:
 * probe_new(), one call of the owner's function, probe_bury().
 */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H

#include "daemon/dialer.h"
#include "daemon/secret.h"
#include "daemon/setup.h"
#include "daemon/upstream.h"

struct probe;

struct probe_result {
	enum upstream_progress progress; /* how far it came */
	bool done; /* as far as it was to go: SELECTED, or GREETED without a credential */
	struct failure failure; /* unless done */
	bool ipv6;              /* it went over IPv6 */
	char tls[128];          /* what was negotiated; "none" */
	uint32_t messages;      /* SELECTED: EXISTS */
	uint64_t took_ms;
};
typedef void probe_fn(void *owner, const struct probe_result *result);

struct probe_settings {
	struct loop *loop;
	struct resolver *resolver;
	struct log *log;
	struct setup *setup; /* a reference is taken */
	const struct conf_account *account;
	const char *user;                /* the IMAP user; copied */
	const struct secret *credential; /* a token if auth is oauth2, else a password; copied;
					  * NULL: goes as far as UPSTREAM_GREETED */
	bool ipv4_only;                  /* whatever imap.address_family says */
};

/* NULL: no memory. `fn` is called from the loop, never from within probe_new(). */
struct probe *probe_new(const struct probe_settings *settings, probe_fn *fn, void *owner);
void probe_bury(struct probe **probe);

#endif
