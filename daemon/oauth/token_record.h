/* SPDX-License-Identifier: ISC */
/*
 * token_record: a sign-in as the JSON text that token_store.c seals. Pure.
 */
#ifndef DAEMON_OAUTH_TOKEN_RECORD_H
#define DAEMON_OAUTH_TOKEN_RECORD_H

#include "daemon/oauth/token_store.h"
#include "protocol/bytebuf.h"

enum {
	/* Two tokens of 48 kB each, of which each octet may need a backslash, and the rest. */
	TOKEN_RECORD_MAX = 256 * 1024,
	TOKEN_OWNER_MAX = 1024,
};

/* NULL, or what is wrong: no memory, a name that is not UTF-8, something too long. */
const char *token_record_write(struct bytebuf *out, const struct token_owner *owner,
			       const struct token_record *record);

/* Whose it is, as it stands in the text. */
struct token_record_owner {
	char host[TOKEN_OWNER_MAX];
	char user[TOKEN_OWNER_MAX];
};
/* False: it is no such text, or there is no memory. */
bool token_record_read(struct span text, struct token_record_owner *owner_r,
		       struct token_record *record_r) __attribute__((warn_unused_result));

#endif
