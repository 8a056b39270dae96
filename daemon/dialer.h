/* SPDX-License-Identifier: ISC */
/*
 * dialer: a host name and a port -> a connected socket.
 *
 * Names are resolved afresh for each connection (daemon/resolver.h). Addresses are tried in turn,
 * IPv6 and IPv4 alternating: the next one as soon as one fails, or beside it when it has not
 * answered within 300 ms (RFC 8305); the first that connects wins. All of it takes 10 seconds at
 * most.
 *
 * Life: dialer_new(), then exactly one call of the owner's function unless dialer_bury() came
 * first; dialer_bury() in any case.
 */
#ifndef DAEMON_DIALER_H
#define DAEMON_DIALER_H

#include "conf/conf.h"
#include "daemon/loop.h"
#include "daemon/resolver.h"

struct dialer;

/* `fd` is the owner's; -1: `text` says why ("connection refused (tried ::1, 127.0.0.1)"), and lives
 * as long as the dialer. */
typedef void dialer_fn(void *owner, int fd, const char *text);

/* NULL: no memory. `host` is copied. */
struct dialer *dialer_new(struct loop *loop, struct resolver *resolver, const char *host,
			  unsigned port, enum conf_address_family family, dialer_fn *fn,
			  void *owner);
void dialer_bury(struct dialer **dialer);

#endif
