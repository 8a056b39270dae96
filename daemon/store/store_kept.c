/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store_private.h"

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

static void load_kept(struct request *request)
{
	sqlite3_stmt *statement = request_prepare(
		request, "SELECT uid FROM kept JOIN mailbox ON mailbox.id = kept.mailbox"
			 " WHERE host = ?1 AND user = ?2 AND folder = ?3"
			 " AND kept.uidvalidity = ?4 ORDER BY uid");
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
	int result = request_add_mailbox(request);
	sqlite3_stmt *row =
		request_prepare(request, "INSERT OR IGNORE INTO kept (mailbox, uidvalidity, uid)"
					 " SELECT id, ?4, ?5 FROM mailbox"
					 " WHERE host = ?1 AND user = ?2 AND folder = ?3");

	if (row == NULL)
		result = SQLITE_ERROR;
	for (size_t i = 0; i < request->count && result == SQLITE_DONE; i++) {
		sqlite3_bind_int64(row, 4, request->uidvalidity);
		sqlite3_bind_int64(row, 5, request->uids[i]);
		result = sqlite3_step(row);
		sqlite3_reset(row);
	}
	sqlite3_finalize(row);
	return result;
}

static void add_kept(struct request *request)
{
	request_transact(request, add_kept_rows);
}

bool store_load_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		     store_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, load_kept, fn, owner, ticket);

	if (request == NULL)
		return false;
	request->uidvalidity = uidvalidity;
	request_submit(request);
	return true;
}

bool store_add_kept(struct store *store, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		    const uint32_t *uids, size_t count, store_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, add_kept, fn, owner, ticket);

	if (request == NULL)
		return false;
	request->uidvalidity = uidvalidity;
	request->uids = reallocarray(NULL, count, sizeof(*uids));
	if (request->uids == NULL) {
		request_free(request);
		return false;
	}
	memcpy(request->uids, uids, count * sizeof(*uids));
	request->count = count;
	request_submit(request);
	return true;
}
