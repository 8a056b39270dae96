/* SPDX-License-Identifier: ISC */
/*
 * oauth_sealed: a secret that lies in memory for weeks, sealed (tls/seal.h) under a key of the
 * process's own, so that neither a core dump's strings nor a stray read shows it.
 */
#ifndef DAEMON_OAUTH_OAUTH_SEALED_H
#define DAEMON_OAUTH_OAUTH_SEALED_H

#include "daemon/secret.h"
#include "tls/seal.h"

/* All zero: none. */
struct oauth_sealed {
	unsigned char *octets; /* owned */
	size_t len;
};

/* Replaces what was there. NULL: nothing. False: no memory, and what was there stays. */
bool oauth_sealed_set(struct oauth_sealed *sealed, const unsigned char key[SEAL_KEY_LEN],
		      const struct secret *secret) __attribute__((warn_unused_result));
/* NULL: there is none, or no memory. */
struct secret *oauth_sealed_open(const struct oauth_sealed *sealed,
				 const unsigned char key[SEAL_KEY_LEN]);
static inline bool oauth_sealed_is_set(const struct oauth_sealed *sealed)
{
	return sealed->len > 0;
}
void oauth_sealed_clear(struct oauth_sealed *sealed);

#endif
