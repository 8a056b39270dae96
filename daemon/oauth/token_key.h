/* SPDX-License-Identifier: ISC */
/* token_key: the file with the key that seals the tokens; see token_store.h. */
#ifndef DAEMON_OAUTH_TOKEN_KEY_H
#define DAEMON_OAUTH_TOKEN_KEY_H

#include "tls/seal.h"

/* `make`: if there is none, it is made, mode 0600. False: `error_r` names the file and says why. */
bool token_key_read(const char *file, bool make, unsigned char key_r[SEAL_KEY_LEN], char *error_r,
		    size_t error_size);

#endif
