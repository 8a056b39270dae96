/* SPDX-License-Identifier: ISC */
/*
 * store_private: what store.c (opening, closing), store_schema.c, store_request.c (what requests
 * share) and one file for each kind of state (store_kept.c, store_retrieved.c, store_incident.c)
 * share, and nobody else sees.
 */
#ifndef DAEMON_STORE_STORE_PRIVATE_H
#define DAEMON_STORE_STORE_PRIVATE_H

#include <sqlite3.h>

#include "daemon/store/store.h"
#include "daemon/worker.h"

/* How long others (sqlite3 on the command line) are waited for. */
enum { STORE_BUSY_MS = 5000 };

struct store {
	struct worker *worker; /* owned */
	sqlite3 *db;           /* owned; the thread's own between open and close */
	char *path;            /* owned */
};

/* ---- store_schema.c ---- */

/* Brings the schema up to date. False: `error_r`. */
bool store_migrate(sqlite3 *db, char *error_r, size_t error_size);

/* ---- store_request.c ---- */

/* One request; which of the fields it uses is its function's affair. */
struct request {
	struct worker_job job; /* first */
	struct store *store;
	void (*work)(struct request *request);
	store_fn *fn;
	void *owner;
	uint64_t ticket;
	char *host; /* owned, like the two that follow */
	char *user;
	char *folder;
	uint32_t uidvalidity;
	uint32_t *uids;   /* owned */
	uint64_t *octets; /* owned */
	size_t count;
	uint32_t *present; /* owned */
	size_t present_count;
	struct store_incident *incident; /* owned */
	unsigned reason;
	bool anew; /* of another UIDVALIDITY than what is on disk */
	bool ok;
	char error[200];
};

/* `work` runs on the thread and ends with request_finish() or request_transact(). NULL: no memory.
 */
struct request *request_new(struct store *store, const struct store_mailbox *mailbox,
			    void (*work)(struct request *request), store_fn *fn, void *owner,
			    uint64_t ticket);
void request_free(struct request *request);
void request_submit(struct request *request);

/* Prepares a statement and binds the mailbox's name to ?1..?3. NULL: SQLite says why. */
sqlite3_stmt *request_prepare(struct request *request, const char *sql);
/* Runs a statement that has no parameters but the mailbox's name. SQLite's result. */
int request_run(struct request *request, const char *sql);
/* Makes the mailbox known, if it is not. SQLite's result. */
int request_add_mailbox(struct request *request);
/* The answer will be what `result` says: SQLITE_DONE and SQLITE_OK are good. */
void request_finish(struct request *request, int result);
/* Does `fn` in a transaction of its own, and finishes. `fn` returns SQLite's result. */
void request_transact(struct request *request, int (*fn)(struct request *request));

#endif
