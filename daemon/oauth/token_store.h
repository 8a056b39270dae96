/* SPDX-License-Identifier: ISC */
/*
 * token_store: sign-ins on disk: `state_directory`/tokens/HEX, one file for each (IMAP host, IMAP
 * user), HEX being the SHA-256 of the two.
 *
 * A file is one line of clear text, `packetboat-token 1`, and a sealed (tls/seal.h) JSON object;
 * host and user are the seal's context. It is replaced as a whole: written beside, fsync, rename,
 * fsync of the folder; whoever dies in between leaves the old one or the new one. A file of another
 * owner, or that others may read or write, or a symbolic link, is refused; a damaged one is set
 * aside as HEX.damaged-TIME and reported, never overwritten.
 *
 * Writing and reading are the caller's thread's business: see token_store_save() in oauth.c's
 * worker.
 */
#ifndef DAEMON_OAUTH_TOKEN_STORE_H
#define DAEMON_OAUTH_TOKEN_STORE_H

#include <time.h>

#include "daemon/secret.h"
#include "tls/seal.h"

struct token_store {
	char *folder; /* owned: `state_directory`/tokens */
	unsigned char key[SEAL_KEY_LEN];
};

/* Makes the folder (0700) and, where `make_key` says so and there is none, the key (0600). False:
 * `error_r` names the file and says why: no key, wrong length, wrong owner or mode, ... */
bool token_store_open(struct token_store *store, const char *state_directory, const char *key_file,
		      bool make_key, char *error_r, size_t error_size);
void token_store_close(struct token_store *store);

/* Whose sign-in. Borrowed. */
struct token_owner {
	const char *host; /* the IMAP server */
	const char *user; /* the mailbox */
};

/* A sign-in. */
struct token_record {
	struct secret *refresh; /* owned; NULL: there is none */
	struct secret *access;  /* owned */
	time_t access_expires;  /* wall clock */
	time_t signed_in;       /* when a person did */
	time_t refreshed;       /* when the last answer came */
	char client_id[128];    /* for whom the tokens are */
	char token_endpoint[512];
	char flow[16]; /* "browser", "device", "paste" */
};
void token_record_deinit(struct token_record *record);

enum token_store_status {
	TOKEN_STORE_OK,
	TOKEN_STORE_NONE,    /* nobody has signed in */
	TOKEN_STORE_REFUSED, /* owner or mode; the file was left alone */
	TOKEN_STORE_DAMAGED, /* was set aside */
	TOKEN_STORE_FAILED,  /* the disk, or memory */
};

/* `error_r` is one line unless OK or NONE. */
enum token_store_status token_store_load(const struct token_store *store,
					 const struct token_owner *owner,
					 struct token_record *record_r, char *error_r,
					 size_t error_size) __attribute__((warn_unused_result));
/* OK: it is on disk. Otherwise the old one is still there. */
enum token_store_status token_store_save(const struct token_store *store,
					 const struct token_owner *owner,
					 const struct token_record *record, char *error_r,
					 size_t error_size) __attribute__((warn_unused_result));
/* OK also where there was none. */
enum token_store_status token_store_remove(const struct token_store *store,
					   const struct token_owner *owner, char *error_r,
					   size_t error_size) __attribute__((warn_unused_result));

#endif
