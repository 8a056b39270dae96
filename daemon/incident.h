/* SPDX-License-Identifier: ISC */
/*
 * incident: the trouble with somebody's sign-in, as an incident of the mailbox
 * (daemon/attention.h).
 */
#ifndef DAEMON_INCIDENT_H
#define DAEMON_INCIDENT_H

#include "daemon/attention.h"
#include "daemon/oauth/oauth.h"

/* Whether the trouble needs somebody; otherwise it passes, or not, by itself. */
bool incident_is_due(const struct oauth_trouble *trouble);
/* Only where it is due. */
void incident_raise(struct attention *attention, const struct oauth_client *client,
		    const struct oauth_trouble *trouble);
void incident_clear(struct attention *attention, const struct oauth_client *client);

#endif
