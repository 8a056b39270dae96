/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store_private.h"

void request_free(struct request *request)
{
	free(request->host);
	free(request->user);
	free(request->folder);
	free(request->uids);
	free(request->octets);
	free(request->present);
	free(request->incident);
	free(request);
}

static void on_done(struct worker_job *job)
{
	struct request *request = (struct request *)job;
	struct store_answer answer = { .ok = request->ok,
				       .error = request->error,
				       .uids = request->uids,
				       .octets = request->octets,
				       .uidvalidity = request->uidvalidity,
				       .count = request->count };

	request->fn(request->owner, request->ticket, &answer);
	request->uids = answer.uids;
	request->octets = answer.octets;
	request_free(request);
}

static void on_work(struct worker_job *job)
{
	struct request *request = (struct request *)job;

	request->work(request);
}

struct request *request_new(struct store *store, const struct store_mailbox *mailbox,
			    void (*work)(struct request *request), store_fn *fn, void *owner,
			    uint64_t ticket)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->job.work = on_work;
	request->job.done = on_done;
	request->store = store;
	request->work = work;
	request->fn = fn;
	request->owner = owner;
	request->ticket = ticket;
	request->host = strdup(mailbox->host);
	request->user = strdup(mailbox->user);
	request->folder = strdup(mailbox->folder);
	if (request->host == NULL || request->user == NULL || request->folder == NULL) {
		request_free(request);
		return NULL;
	}
	return request;
}

void request_submit(struct request *request)
{
	worker_submit(request->store->worker, &request->job);
}

sqlite3_stmt *request_prepare(struct request *request, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(request->store->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_text(statement, 1, request->host, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, request->user, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, request->folder, -1, SQLITE_STATIC);
	return statement;
}

int request_run(struct request *request, const char *sql)
{
	sqlite3_stmt *statement = request_prepare(request, sql);
	int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;

	sqlite3_finalize(statement);
	return result;
}

int request_add_mailbox(struct request *request)
{
	return request_run(request, "INSERT OR IGNORE INTO mailbox (host, user, folder)"
				    " VALUES (?1, ?2, ?3)");
}

void request_finish(struct request *request, int result)
{
	request->ok = result == SQLITE_DONE || result == SQLITE_OK;
	if (!request->ok)
		snprintf(request->error, sizeof(request->error), "%s",
			 result == SQLITE_NOMEM ? "no memory" : sqlite3_errmsg(request->store->db));
}

void request_transact(struct request *request, int (*fn)(struct request *request))
{
	sqlite3 *db = request->store->db;
	int result = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (result == SQLITE_OK) {
		result = fn(request);
		if (result == SQLITE_DONE)
			result = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	request_finish(request, result);
	if (!request->ok && sqlite3_get_autocommit(db) == 0)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

/* What hangs on the mailbox goes with it. */
static void forget(struct request *request)
{
	request_finish(request, request_run(request, "DELETE FROM mailbox WHERE host = ?1"
						     " AND user = ?2 AND folder = ?3"));
}

bool store_forget(struct store *store, const struct store_mailbox *mailbox, store_fn *fn,
		  void *owner, uint64_t ticket)
{
	struct request *request = request_new(store, mailbox, forget, fn, owner, ticket);

	if (request == NULL)
		return false;
	request_submit(request);
	return true;
}
