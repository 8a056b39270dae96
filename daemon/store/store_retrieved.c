/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "daemon/store/store_private.h"

/* ---- what is on disk ---- */

struct known {
	uint32_t uidvalidity; /* 0: nothing is known of the mailbox */
	uint32_t *uids;       /* owned; ascending */
	uint64_t *octets;     /* owned */
	size_t count;
	size_t capacity;
};

static bool known_push(struct known *known, uint32_t uid, uint64_t octets)
{
	if (known->count == known->capacity) {
		size_t more = known->capacity == 0 ? 64 : known->capacity * 2;
		uint32_t *uids = reallocarray(known->uids, more, sizeof(*uids));

		if (uids == NULL)
			return false;
		known->uids = uids;
		uint64_t *sizes = reallocarray(known->octets, more, sizeof(*sizes));
		if (sizes == NULL)
			return false;
		known->octets = sizes;
		known->capacity = more;
	}
	known->uids[known->count] = uid;
	known->octets[known->count++] = octets;
	return true;
}

static int known_load(struct request *request, struct known *known)
{
	/* A mailbox without messages is one row without a UID. */
	sqlite3_stmt *statement = request_prepare(
		request, "SELECT mailbox.uidvalidity, uid, octets FROM mailbox"
			 " LEFT JOIN message ON message.mailbox = mailbox.id"
			 " AND message.uidvalidity = mailbox.uidvalidity AND retrieved <> 0"
			 " WHERE host = ?1 AND user = ?2 AND folder = ?3 ORDER BY uid");
	int result = SQLITE_ERROR;

	while (statement != NULL && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		known->uidvalidity = (uint32_t)sqlite3_column_int64(statement, 0);
		if (sqlite3_column_type(statement, 1) != SQLITE_NULL &&
		    !known_push(known, (uint32_t)sqlite3_column_int64(statement, 1),
				(uint64_t)sqlite3_column_int64(statement, 2))) {
			result = SQLITE_NOMEM;
			break;
		}
	}
	sqlite3_finalize(statement);
	return result;
}

static void load_retrieved(struct request *request)
{
	struct known known = { 0 };
	int result = known_load(request, &known);

	request->uidvalidity = known.uidvalidity;
	request->uids = known.uids;
	request->octets = known.octets;
	request->count = known.count;
	request_finish(request, result);
}

bool store_load_retrieved(struct store *store, const struct store_mailbox *mailbox, store_fn *fn,
			  void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, load_retrieved, fn, owner, ticket);

	if (request == NULL)
		return false;
	request_submit(request);
	return true;
}

/* ---- what a session leaves behind ---- */

/* Takes out of `uids` (and `octets`, if there are any) what is among `others`, or what is not:
 * `among` says which goes. All ascending. Returns the new count. */
static size_t uids_reduce(uint32_t *uids, uint64_t *octets, size_t count, const uint32_t *others,
			  size_t other_count, bool among)
{
	size_t kept = 0;
	size_t other = 0;

	for (size_t i = 0; i < count; i++) {
		while (other < other_count && others[other] < uids[i])
			other++;
		bool found = other < other_count && others[other] == uids[i];
		if (found == among)
			continue;
		uids[kept] = uids[i];
		if (octets != NULL)
			octets[kept] = octets[i];
		kept++;
	}
	return kept;
}

/* Runs `sql` for each UID of an array: ?4 is the UIDVALIDITY, ?5 the UID, ?6 its octets. */
static int each_uid(struct request *request, const char *sql, const uint32_t *uids,
		    const uint64_t *octets, size_t count)
{
	sqlite3_stmt *row = request_prepare(request, sql);
	int result = row != NULL ? SQLITE_DONE : SQLITE_ERROR;

	for (size_t i = 0; i < count && result == SQLITE_DONE; i++) {
		sqlite3_bind_int64(row, 4, request->uidvalidity);
		sqlite3_bind_int64(row, 5, uids[i]);
		if (octets != NULL)
			sqlite3_bind_int64(row, 6, (sqlite3_int64)octets[i]);
		result = sqlite3_step(row);
		sqlite3_reset(row);
	}
	sqlite3_finalize(row);
	return result;
}

/* Another UIDVALIDITY than last time, or none then. */
static int begin_anew(struct request *request)
{
	static const char *const steps[] = {
		"UPDATE mailbox SET uidvalidity = ?4"
		" WHERE host = ?1 AND user = ?2 AND folder = ?3",
		"DELETE FROM message WHERE uidvalidity <> ?4 AND mailbox ="
		" (SELECT id FROM mailbox WHERE host = ?1 AND user = ?2 AND folder = ?3)",
	};
	int result = request_add_mailbox(request);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result == SQLITE_DONE; i++) {
		sqlite3_stmt *statement = request_prepare(request, steps[i]);

		if (statement == NULL)
			return SQLITE_ERROR;
		sqlite3_bind_int64(statement, 4, request->uidvalidity);
		result = sqlite3_step(statement);
		sqlite3_finalize(statement);
	}
	return result;
}

/* `present` is what is to go by now, and `uids` what is to come. */
static int write_differences(struct request *request)
{
	int result = request->anew ? begin_anew(request) : SQLITE_DONE;

	if (result == SQLITE_DONE)
		result = each_uid(request,
				  "DELETE FROM message WHERE uidvalidity = ?4 AND uid = ?5"
				  " AND mailbox = (SELECT id FROM mailbox"
				  " WHERE host = ?1 AND user = ?2 AND folder = ?3)",
				  request->present, NULL, request->present_count);
	if (result == SQLITE_DONE)
		result = each_uid(request,
				  "INSERT OR REPLACE INTO message"
				  " (mailbox, uidvalidity, uid, octets, retrieved)"
				  " SELECT id, ?4, ?5, ?6, 1 FROM mailbox"
				  " WHERE host = ?1 AND user = ?2 AND folder = ?3",
				  request->uids, request->octets, request->count);
	return result;
}

static void note_session(struct request *request)
{
	sqlite3 *db = request->store->db;
	struct known known = { 0 };
	int result = known_load(request, &known);

	request->anew = known.uidvalidity != request->uidvalidity;
	if (request->anew)
		known.count = 0;
	request->count = uids_reduce(request->uids, request->octets, request->count, known.uids,
				     known.count, true);
	/* What was known and is not present any more takes the place of what is present. */
	known.count = uids_reduce(known.uids, NULL, known.count, request->present,
				  request->present_count, true);
	free(request->present);
	request->present = known.uids;
	request->present_count = known.count;
	free(known.octets);
	if (result != SQLITE_DONE ||
	    (!request->anew && request->count == 0 && request->present_count == 0)) {
		request_finish(request, result);
		return;
	}
	sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	request_transact(request, write_differences);
	sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
}

bool store_note_session(struct store *store, const struct store_mailbox *mailbox,
			struct store_session *session, store_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, note_session, fn, owner, ticket);

	if (request == NULL) {
		free(session->present);
		free(session->uids);
		free(session->octets);
		*session = (struct store_session){ 0 };
		return false;
	}
	request->uidvalidity = session->uidvalidity;
	request->present = session->present;
	request->present_count = session->present_count;
	request->uids = session->uids;
	request->octets = session->octets;
	request->count = session->count;
	*session = (struct store_session){ 0 };
	request_submit(request);
	return true;
}
