/* SPDX-License-Identifier: ISC */
/*
 * services: what accounts need besides connections: the store, the token service, and somebody who
 * is told. Each is there from the moment an account needs it until the end.
 */
#ifndef DAEMON_SERVICES_H
#define DAEMON_SERVICES_H

#include "daemon/bridge.h"

/* Starts what the accounts of `setup` need and is not there yet. False: `error_r`; what runs goes
 * on. */
bool services_start(struct bridge *bridge, struct setup *setup, char *error_r, size_t error_size);

/* `setup` is the configuration from now on. `again`: another was before. */
void services_use(struct bridge *bridge, struct setup *setup, bool again);

/* What should be finished before the process ends. */
size_t services_busy(const struct bridge *bridge);
/* Behind mailboxes_deinit(). */
void services_stop(struct bridge *bridge);

#endif
