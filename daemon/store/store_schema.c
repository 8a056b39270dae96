/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "daemon/store/store_private.h"

enum { STORE_SCHEMA = 2 };

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

	/* mailbox.uidvalidity is that of the last session; 0: none was noted. */
	"ALTER TABLE mailbox ADD COLUMN uidvalidity INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE message ("
	"  mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,"
	"  uidvalidity INTEGER NOT NULL,"
	"  uid INTEGER NOT NULL,"
	"  octets INTEGER NOT NULL,"
	"  retrieved INTEGER NOT NULL,"
	"  PRIMARY KEY (mailbox, uidvalidity, uid)) WITHOUT ROWID;"
	"CREATE TABLE incident ("
	"  mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,"
	"  reason INTEGER NOT NULL,"
	"  id INTEGER NOT NULL,"
	"  began INTEGER NOT NULL,"
	"  account TEXT NOT NULL,"
	"  detail TEXT NOT NULL,"
	"  remedy TEXT,"
	"  dismissed INTEGER NOT NULL,"
	"  PRIMARY KEY (mailbox, reason)) WITHOUT ROWID;",
};

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

bool store_migrate(sqlite3 *db, char *error_r, size_t error_size)
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
