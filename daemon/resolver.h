/* SPDX-License-Identifier: ISC */
/*
 * resolver: host names -> addresses, by evdns, which does not block the loop.
 *
 * /etc/resolv.conf and /etc/hosts are followed: both are read again when they have changed.
 * Nothing is remembered from one question to the next: Exchange's answers differ by region and from
 * query to query.
 */
#ifndef DAEMON_RESOLVER_H
#define DAEMON_RESOLVER_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "daemon/loop.h"

struct resolver;

/* NULL: no memory. */
struct resolver *resolver_new(struct loop *loop);
void resolver_free(struct resolver **resolver);

enum {
	LOOKUP_ADDRESSES_MAX = 16,
	LOOKUP_ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN,
};

struct lookup_answer {
	/* With the port that was given; families alternate, IPv6 first (RFC 8305 section 4). */
	const struct sockaddr_storage *addresses;
	size_t count;
	const char *error; /* static; NULL: a name without such addresses, or `count` is more than
			    * 0 */
};
/* The answer is borrowed for the call. */
typedef void lookup_fn(void *owner, const struct lookup_answer *answer);

/*
 * One question. `host` may be an address in text. Life: lookup_new(), then exactly one call of
 * `fn`, from the loop, unless lookup_bury() came first; lookup_bury() in any case. NULL: no memory.
 */
struct lookup;
struct lookup *lookup_new(struct loop *loop, struct resolver *resolver, const char *host,
			  unsigned port, enum conf_address_family family, lookup_fn *fn,
			  void *owner);
void lookup_bury(struct lookup **lookup);

/* How many octets connect() wants of it. */
socklen_t lookup_address_len(const struct sockaddr_storage *address);
void lookup_address_text(const struct sockaddr_storage *address,
			 char text_r[LOOKUP_ADDRESS_TEXT_MAX]);

#endif
