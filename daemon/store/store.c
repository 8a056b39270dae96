/* SPDX-License-Identifier: ISC */
#include "daemon/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store_private.h"

static char *store_path(const char *state_directory)
{
	char *path;

	return asprintf(&path, "%s/packetboat.db", state_directory) >= 0 ? path : NULL;
}

bool store_exists(const char *state_directory)
{
	char *path = store_path(state_directory);
	struct stat status;
	bool exists = path != NULL && stat(path, &status) == 0;

	free(path);
	return exists;
}

/* One writer. With a write-ahead log each request decides what it costs: FULL is on disk when it is
 * done (store_note_session() does without), and no power cut breaks anything. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA foreign_keys = ON;";

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
	    sqlite3_exec(db, settings, NULL, NULL, NULL) != SQLITE_OK) {
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
	char why[200] = "no memory";

	if (store != NULL)
		store->path = store_path(state_directory);
	if (store != NULL && store->path != NULL)
		store->db = store_open_db(store->path, why, sizeof(why));
	if (store != NULL && store->db != NULL)
		store->worker = worker_new(loop, "store");
	if (store == NULL || store->worker == NULL) {
		snprintf(error_r, error_size, "%s/packetboat.db: %s", state_directory, why);
		store_close(&store);
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
	free((*store)->path);
	free(*store);
	*store = NULL;
}
