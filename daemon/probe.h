/* SPDX-License-Identifier: ISC */
/*
 * probe: one attempt to open a mailbox, watched step by step, for those who want to know why:
 * `packetboat login` (does the new token open it?) and `packetboat doctor`.
 *
 * It takes no lock, changes nothing, and says LOGOUT. Life: probe_new(), one call of the owner's
 * function, probe_bury().
 */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H

#include "daemon/dialer.h"
#include "daemon/secret.h"
#include "daemon/setup.h"
#include "daemon/upstream.h"

struct probe;

struct probe_result {
	enum upstream_progress progress; /* how far it came; SELECTED: all is well */
	struct failure failure;          /* unless SELECTED */
	char tls[128];
	uint32_t messages; /* SELECTED: EXISTS */
	uint64_t seconds_ms;
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
};

/* NULL: no memory. `fn` is called from the loop. */
struct probe *probe_new(const struct probe_settings *settings, probe_fn *fn, void *owner);
void probe_bury(struct probe **probe);

#endif
