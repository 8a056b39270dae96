/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store_private.h"

/* ---- copies ---- */

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static const char *text_move(char **end, const char *text)
{
	size_t size = text_size(text);
	char *copy = *end;

	if (text == NULL)
		return NULL;
	memcpy(copy, text, size);
	*end += size;
	return copy;
}

struct store_incident *store_incident_copy(const struct store_incident *incident)
{
	const struct store_mailbox *mailbox = &incident->mailbox;
	struct store_incident *copy =
		malloc(sizeof(*copy) + text_size(mailbox->host) + text_size(mailbox->user) +
		       text_size(mailbox->folder) + text_size(incident->account) +
		       text_size(incident->detail) + text_size(incident->remedy));

	if (copy == NULL)
		return NULL;
	char *end = (char *)(copy + 1);
	*copy = *incident;
	copy->mailbox.host = text_move(&end, mailbox->host);
	copy->mailbox.user = text_move(&end, mailbox->user);
	copy->mailbox.folder = text_move(&end, mailbox->folder);
	copy->account = text_move(&end, incident->account);
	copy->detail = text_move(&end, incident->detail);
	copy->remedy = text_move(&end, incident->remedy);
	return copy;
}

/* ---- reading ---- */

static const char *column_text(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

static struct store_incident *incident_of_row(sqlite3_stmt *row)
{
	struct store_incident incident = {
		.mailbox = { .host = column_text(row, 0),
			     .user = column_text(row, 1),
			     .folder = column_text(row, 2) },
		.reason = (unsigned)sqlite3_column_int64(row, 3),
		.id = (uint32_t)sqlite3_column_int64(row, 4),
		.began = sqlite3_column_int64(row, 5),
		.account = column_text(row, 6),
		.detail = column_text(row, 7),
		.remedy = column_text(row, 8),
		.dismissed = sqlite3_column_int(row, 9) != 0,
	};

	/* None of these is NULL but where there is no memory. */
	if (incident.mailbox.host == NULL || incident.mailbox.user == NULL ||
	    incident.mailbox.folder == NULL || incident.account == NULL || incident.detail == NULL)
		return NULL;
	return store_incident_copy(&incident);
}

/* Adds one to the array, which has room for a power of two. False: no memory. */
static bool incidents_push(struct store_incident ***incidents, size_t *count,
			   struct store_incident *incident)
{
	if (incident == NULL)
		return false;
	if ((*count & (*count - 1)) == 0) {
		size_t more = *count == 0 ? 1 : *count * 2;
		struct store_incident **array = reallocarray(*incidents, more, sizeof(*array));

		if (array == NULL) {
			free(incident);
			return false;
		}
		*incidents = array;
	}
	(*incidents)[(*count)++] = incident;
	return true;
}

static int read_incidents(sqlite3 *db, struct store_incident ***incidents_r, size_t *count_r)
{
	sqlite3_stmt *row = NULL;
	int result = sqlite3_prepare_v2(
		db,
		"SELECT host, user, folder, reason, incident.id, began, account, detail, remedy,"
		" dismissed FROM incident JOIN mailbox ON mailbox.id = incident.mailbox"
		" ORDER BY host, user, folder, reason",
		-1, &row, NULL);

	while (row != NULL && (result = sqlite3_step(row)) == SQLITE_ROW) {
		if (!incidents_push(incidents_r, count_r, incident_of_row(row))) {
			result = SQLITE_NOMEM;
			break;
		}
	}
	sqlite3_finalize(row);
	return result;
}

bool store_read_incidents(const struct store *store, struct store_incident ***incidents_r,
			  size_t *count_r, char *error_r, size_t error_size)
{
	sqlite3 *db = NULL;

	*incidents_r = NULL;
	*count_r = 0;
	/* A connection of its own: the other one is the thread's. */
	int result = sqlite3_open_v2(store->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				     NULL);
	if (result == SQLITE_OK)
		result = sqlite3_busy_timeout(db, STORE_BUSY_MS);
	if (result == SQLITE_OK)
		result = read_incidents(db, incidents_r, count_r);
	if (result != SQLITE_DONE)
		snprintf(error_r, error_size, "%s: %s", store->path,
			 result == SQLITE_NOMEM ? "no memory" : sqlite3_errmsg(db));
	sqlite3_close(db);
	if (result == SQLITE_DONE)
		return true;
	while (*count_r > 0)
		free((*incidents_r)[--*count_r]);
	free(*incidents_r);
	*incidents_r = NULL;
	return false;
}

/* ---- writing ---- */

static int put_incident_row(struct request *request)
{
	const struct store_incident *incident = request->incident;
	int result = request_add_mailbox(request);
	sqlite3_stmt *row = request_prepare(
		request, "INSERT OR REPLACE INTO incident"
			 " (mailbox, reason, id, began, account, detail, remedy, dismissed)"
			 " SELECT id, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM mailbox"
			 " WHERE host = ?1 AND user = ?2 AND folder = ?3");

	if (row == NULL)
		return SQLITE_ERROR;
	sqlite3_bind_int64(row, 4, incident->reason);
	sqlite3_bind_int64(row, 5, incident->id);
	sqlite3_bind_int64(row, 6, incident->began);
	sqlite3_bind_text(row, 7, incident->account, -1, SQLITE_STATIC);
	sqlite3_bind_text(row, 8, incident->detail, -1, SQLITE_STATIC);
	/* NULL stays NULL. */
	sqlite3_bind_text(row, 9, incident->remedy, -1, SQLITE_STATIC);
	sqlite3_bind_int(row, 10, incident->dismissed);
	if (result == SQLITE_DONE)
		result = sqlite3_step(row);
	sqlite3_finalize(row);
	return result;
}

static void put_incident(struct request *request)
{
	request_transact(request, put_incident_row);
}

static void remove_incident(struct request *request)
{
	sqlite3_stmt *row =
		request_prepare(request, "DELETE FROM incident WHERE reason = ?4 AND mailbox ="
					 " (SELECT id FROM mailbox"
					 " WHERE host = ?1 AND user = ?2 AND folder = ?3)");
	int result = SQLITE_ERROR;

	if (row != NULL) {
		sqlite3_bind_int64(row, 4, request->reason);
		result = sqlite3_step(row);
	}
	request_finish(request, result);
	sqlite3_finalize(row);
}

bool store_put_incident(struct store *store, const struct store_incident *incident, store_fn *fn,
			void *owner, uint64_t ticket)
{
	struct request *request =
		request_new(store, &incident->mailbox, put_incident, fn, owner, ticket);

	if (request == NULL)
		return false;
	request->incident = store_incident_copy(incident);
	if (request->incident == NULL) {
		request_free(request);
		return false;
	}
	request_submit(request);
	return true;
}

bool store_remove_incident(struct store *store, const struct store_mailbox *mailbox,
			   unsigned reason, store_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, remove_incident, fn, owner, ticket);

	if (request == NULL)
		return false;
	request->reason = reason;
	request_submit(request);
	return true;
}
