/* SPDX-License-Identifier: ISC */
/*
 * token_store: sign-ins on disk: `state_directory`/tokens/HEX, one file for each (IMAP host, IMAP
 * user), HEX being the SHA-256 of the two.
 *
 * A file is one line of clear text, `packetboat-token 1 KEY`, and a sealed (tls/seal.h) JSON
 * object; that line and the file's name are the seal's context. KEY is a mark of the key, so that a
 * file that was sealed under another one is told from a damaged one: it is left alone, for whoever
 * mixed up two keys wants to put the right one back. It is replaced as a whole: written beside,
 * fsync, rename, fsync of the folder; whoever dies in between leaves the old one or the new one. A
 * file of another owner, or that others may read or write, or a symbolic link, is refused; a
 * damaged one is set aside as HEX.damaged-TIME and reported. None is ever overwritten: what could
 * not be read is set aside as HEX.replaced-TIME when somebody signs in again.
 *
 * The key is a file of exactly 32 octets (`head -c 32 /dev/urandom`). It belongs to the daemon's
 * user and is for nobody else; or, as systemd's credentials are, to root, and others may not read
 * it nor the group write it.
 *
 * All of it waits for disks: after token_store_open() it is for a worker thread, and safe on any.
 */
#ifndef DAEMON_OAUTH_TOKEN_STORE_H
#define DAEMON_OAUTH_TOKEN_STORE_H

#include <time.h>

#include "daemon/secret.h"
#include "tls/seal.h"

enum { TOKEN_KEY_MARK_LEN = 16 };

struct token_store {
	char *folder; /* owned: `state_directory`/tokens */
	unsigned char key[SEAL_KEY_LEN];
	char key_mark[TOKEN_KEY_MARK_LEN + 1];
};

/* Makes the folder (0700) and, where `make_key` says so and there is none, the key (0600); removes
 * what a crash left. A key that may be made here may be no symbolic link. False: `error_r` names
 * the file and says why: no key, wrong length, wrong owner or mode, ... */
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
	TOKEN_STORE_REFUSED, /* owner, mode, another key; the file was left alone */
	TOKEN_STORE_DAMAGED, /* and set aside */
	TOKEN_STORE_FAILED,  /* the disk, or memory */
};

/* `error_r` is one line unless OK or NONE. */
enum token_store_status token_store_load(const struct token_store *store,
					 const struct token_owner *owner,
					 struct token_record *record_r, char *error_r,
					 size_t error_size) __attribute__((warn_unused_result));
/* OK: it is on disk. FAILED: the old one is still there; or, if it was the folder that could not be
 * synchronised, the new one, and a power cut may bring the old one back. */
enum token_store_status token_store_save(const struct token_store *store,
					 const struct token_owner *owner,
					 const struct token_record *record, char *error_r,
					 size_t error_size) __attribute__((warn_unused_result));
/* OK also where there was none. What was set aside goes, too. */
enum token_store_status token_store_remove(const struct token_store *store,
					   const struct token_owner *owner, char *error_r,
					   size_t error_size) __attribute__((warn_unused_result));

/* Every sign-in that can be read; others are passed over, and left to token_store_load(). False:
 * the folder cannot be read, or there is no memory. */
typedef void token_store_fn(void *argument, const struct token_owner *owner,
			    const struct token_record *record);
bool token_store_each(const struct token_store *store, token_store_fn *fn, void *argument,
		      char *error_r, size_t error_size) __attribute__((warn_unused_result));

#endif
