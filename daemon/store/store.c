/* SPDX-License-Identifier: ISC */
#include "daemon/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/worker.h"

enum {
	STORE_SCHEMA = 1,
	STORE_BUSY_MS = 5000,
};

struct store {
	struct worker *worker; /* owned */
	sqlite3 *db;           /* owned; the thread's own between open and close */
};

/* A migration for each version of the schema: the first makes version 1 of nothing. */
static const char *const migrations[STORE_SCHEMA] = {
	"CREATE TABLE mailbox ("
	"  id INTEGER PRIMARY KEY,"
	"  host TEXT NOT NULL,"
	"  user TEXT NOT NULL,"
	"  folder TEXT NOT NULL,"
	"  UNIQUE (host, user, folder));"
	"CREATE TABLE kept ("
	"  mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,"
	"  uidvalidity INTEGER NOT NULL,"
	"  uid INTEGER NOT NULL,"
	"  PRIMARY KEY (mailbox, uidvalidity, uid)) WITHOUT ROWID;",
};

static void store_path(char *path_r, size_t size, const char *state_directory)
{
	snprintf(path_r, size, "%s/packetboat.db", state_directory);
}

bool store_exists(const char *state_directory)
{
	char path[4096];
	struct stat status;

	store_path(path, sizeof(path), state_directory);
	return stat(path, &status) == 0;
}

static int store_version(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return version;
}

static bool store_migrate(sqlite3 *db, char *error_r, size_t error_size)
{
	int version = store_version(db);

	if (version > STORE_SCHEMA) {
		snprintf(error_r, error_size, "it was made by a newer Packetboat (version %d)",
			 version);
		return false;
	}
	for (; version >= 0 && version < STORE_SCHEMA; version++) {
		char stamp[64];

		snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %d; COMMIT", version + 1);
		if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
		    sqlite3_exec(db, migrations[version], NULL, NULL, NULL) != SQLITE_OK ||
		    sqlite3_exec(db, stamp, NULL, NULL, NULL) != SQLITE_OK)
			break;
	}
	if (version == STORE_SCHEMA)
		return true;
	snprintf(error_r, error_size, "%s", sqlite3_errmsg(db));
	return false;
}

static sqlite3 *store_open_db(const char *path, char *error_r, size_t error_size)
{
	sqlite3 *db = NULL;
	/* Made by us, so that it is nobody else's to read from the first moment on. */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		snprintf(error_r, error_size, "%s", strerror(errno));
		return NULL;
	}
	close(fd);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		    SQLITE_OK ||
	    sqlite3_busy_timeout(db, STORE_BUSY_MS) != SQLITE_OK ||
	    /* One writer, so a plain rollback journal is enough; FULL is what survives a power cut.
	     */
	    sqlite3_exec(db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", NULL, NULL,
			 NULL) != SQLITE_OK) {
		snprintf(error_r, error_size, "%s", db != NULL ? sqlite3_errmsg(db) : "no memory");
		sqlite3_close(db);
		return NULL;
	}
	if (!store_migrate(db, error_r, error_size)) {
		sqlite3_close(db);
		return NULL;
	}
	return db;
}

struct store *store_open(struct loop *loop, const char *state_directory, char *error_r,
			 size_t error_size)
{
	struct store *store = calloc(1, sizeof(*store));
	char path[4096];
	char why[200] = "no memory";

	store_path(path, sizeof(path), state_directory);
	if (store != NULL)
		store->db = store_open_db(path, why, sizeof(why));
	if (store != NULL && store->db != NULL)
		store->worker = worker_new(loop, "store");
	if (store == NULL || store->worker == NULL) {
		snprintf(error_r, error_size, "%s: %s", path, why);
		if (store != NULL)
			sqlite3_close(store->db);
		free(store);
		return NULL;
	}
	return store;
}

void store_close(struct store **store)
{
	if (*store == NULL)
		return;
	worker_free(&(*store)->worker);
	sqlite3_close((*store)->db);
	free(*store);
	*store = NULL;
}

/* ---- requests ---- */

struct request {
	struct worker_job job; /* first */
	struct store *store;
	store_fn *fn;
	void *owner;
	uint64_t ticket;
	char *host; /* owned, like the two that follow */
	char *user;
	char *folder;
	uint32_t uidvalidity;
	uint32_t *uids; /* owned */
	size_t count;
	bool ok;
	char error[200];
};

static void request_free(struct request *request)
{
	free(request->host);
	free(request->user);
	free(request->folder);
	free(request->uids);
	free(request);
}

static void on_done(struct worker_job *job)
{
	struct request *request = (struct request *)job;
	struct store_answer answer = { .ok = request->ok,
				       .error = request->error,
				       .uids = request->uids,
				       .count = request->count };

	request->fn(request->owner, request->ticket, &answer);
	request->uids = answer.uids;
	request_free(request);
}

static struct request *request_new(struct store *store, const struct store_mailbox *mailbox,
				   uint32_t uidvalidity, store_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->job.done = on_done;
	request->store = store;
	request->fn = fn;
	request->owner = owner;
	request->ticket = ticket;
	request->uidvalidity = uidvalidity;
	request->host = strdup(mailbox->host);
	request->user = strdup(mailbox->user);
	request->folder = strdup(mailbox->folder);
	if (request->host == NULL || request->user == NULL || request->folder == NULL) {
		request_free(request);
		return NULL;
	}
	return request;
}

/* Prepares a statement and binds the mailbox's name to ?1..?3. */
static sqlite3_stmt *request_prepare(struct request *request, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(request->store->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_text(statement, 1, request->host, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, request->user, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, request->folder, -1, SQLITE_STATIC);
	return statement;
}

static void request_finish(struct request *request, int result)
{
	request->ok = result == SQLITE_DONE || result == SQLITE_OK;
	if (!request->ok)
		snprintf(request->error, sizeof(request->error), "%s",
			 sqlite3_errmsg(request->store->db));
}

static bool request_push(struct request *request, size_t *capacity, uint32_t uid)
{
	if (request->count == *capacity) {
		size_t more = *capacity == 0 ? 64 : *capacity * 2;
		uint32_t *uids = reallocarray(request->uids, more, sizeof(*uids));

		if (uids == NULL)
			return false;
		request->uids = uids;
		*capacity = more;
	}
	request->uids[request->count++] = uid;
	return true;
}

static void load_kept(struct worker_job *job)
{
	struct request *request = (struct request *)job;
	sqlite3_stmt *statement = request_prepare(
		request, "SELECT uid FROM kept JOIN mailbox ON mailbox.id = kept.mailbox"
			 " WHERE host = ?1 AND user = ?2 AND folder = ?3 AND uidvalidity = ?4"
			 " ORDER BY uid");
	size_t capacity = 0;
	int result = SQLITE_ERROR;

	if (statement != NULL) {
		sqlite3_bind_int64(statement, 4, request->uidvalidity);
		while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
			if (!request_push(request, &capacity,
					  (uint32_t)sqlite3_column_int64(statement, 0))) {
				result = SQLITE_NOMEM;
				break;
			}
		}
	}
	request_finish(request, result);
	sqlite3_finalize(statement);
}

static int add_kept_rows(struct request *request)
{
	sqlite3_stmt *mailbox = request_prepare(
		request, "INSERT OR IGNORE INTO mailbox (host, user, folder) VALUES (?1, ?2, ?3)");
	sqlite3_stmt *row =
		request_prepare(request, "INSERT OR IGNORE INTO kept (mailbox, uidvalidity, uid)"
					 " SELECT id, ?4, ?5 FROM mailbox"
					 " WHERE host = ?1 AND user = ?2 AND folder = ?3");
	int result = SQLITE_ERROR;

	if (mailbox != NULL && row != NULL)
		result = sqlite3_step(mailbox);
	for (size_t i = 0; i < request->count && result == SQLITE_DONE; i++) {
		sqlite3_bind_int64(row, 4, request->uidvalidity);
		sqlite3_bind_int64(row, 5, request->uids[i]);
		result = sqlite3_step(row);
		sqlite3_reset(row);
	}
	sqlite3_finalize(mailbox);
	sqlite3_finalize(row);
	return result;
}

static void add_kept(struct worker_job *job)
{
	struct request *request = (struct request *)job;
	sqlite3 *db = request->store->db;
	int result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (result == SQLITE_OK) {
		result = add_kept_rows(request);
		if (result == SQLITE_DONE)
			result = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	request_finish(request, result);
	if (!request->ok && sqlite3_get_autocommit(db) == 0)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

bool store_load_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		     store_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, uidvalidity, fn, owner, ticket);

	if (request == NULL)
		return false;
	request->job.work = load_kept;
	worker_submit(store->worker, &request->job);
	return true;
}

bool store_add_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		    const uint32_t *uids, size_t count, store_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, uidvalidity, fn, owner, ticket);

	if (request == NULL)
		return false;
	request->job.work = add_kept;
	request->uids = reallocarray(NULL, count, sizeof(*uids));
	if (request->uids == NULL) {
		request_free(request);
		return false;
	}
	memcpy(request->uids, uids, count * sizeof(*uids));
	request->count = count;
	worker_submit(store->worker, &request->job);
	return true;
}
