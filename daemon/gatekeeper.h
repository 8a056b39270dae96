/* SPDX-License-Identifier: ISC */
/*
 * gatekeeper: checks local POP3 passwords.
 *
 * scrypt takes tens of milliseconds, so it runs on a worker thread; and a client that polls every
 * minute pays for it once: a password that was right is remembered as a keyed hash, in memory,
 * together with the hash it was right for. Unknown users cost what known ones cost and get the same
 * answer.
 */
#ifndef DAEMON_GATEKEEPER_H
#define DAEMON_GATEKEEPER_H

#include "conf/conf.h"
#include "daemon/address_book.h"
#include "daemon/failure.h"
#include "daemon/loop.h"
#include "protocol/span.h"
#include "tls/password_hash.h"

struct gatekeeper;

/* NULL: no memory, no thread, no randomness. */
struct gatekeeper *gatekeeper_new(struct loop *loop);
void gatekeeper_free(struct gatekeeper **gatekeeper);

/* NULL `failure`: let in. `address` is the one that asked: it is told even when the session is
 * gone. */
typedef void gatekeeper_fn(void *owner, uint64_t ticket, const struct address *address,
			   const struct failure *failure);

/*
 * Checks `user`'s password against `account` (NULL: nobody of that name). `fn(owner, ticket, ...)`
 * is called from the loop, or before this returns when the answer is known at once. Spans and
 * address are copied.
 */
void gatekeeper_check(struct gatekeeper *gatekeeper, const struct conf_account *account,
		      const struct address *address, struct span user, struct span password,
		      gatekeeper_fn *fn, void *owner, uint64_t ticket);

/* The keyed hash of an upstream login, to recognise the same password later. False: OpenSSL failed.
 */
bool gatekeeper_digest(const struct gatekeeper *gatekeeper, struct span user, struct span password,
		       unsigned char digest_r[PASSWORD_DIGEST_LEN]);

#endif
