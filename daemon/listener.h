/* SPDX-License-Identifier: ISC */
/*
 * listener: sockets that POP3 clients come to: from the service manager or bound here.
 *
 * Sockets handed over by systemd (LISTEN_FDS, sd_listen_fds(3)) take the place of the configured
 * ones; one whose name contains "pop3s" is implicit TLS. When no descriptor is left, accepting
 * pauses for a moment instead of spinning.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include "conf/conf.h"
#include "daemon/address_book.h"
#include "daemon/log.h"
#include "daemon/loop.h"

struct listeners;

/* Takes ownership of `fd`, a non-blocking socket. */
typedef void listener_fn(void *owner, int fd, const struct address *address, bool implicit_tls);

/* Opens all of them and logs each with its port. NULL: `error_r`. */
struct listeners *listeners_open(struct loop *loop, struct log *log, const struct conf *conf,
				 listener_fn *fn, void *owner, char *error_r, size_t error_size);
/* Whether one of them is implicit TLS. */
bool listeners_need_certificate(const struct listeners *listeners);
void listeners_close(struct listeners **listeners);

#endif
