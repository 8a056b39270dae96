/* SPDX-License-Identifier: ISC */
#include "daemon/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct store_mailbox ada = { "imap.example.org", "ada@example.org", "INBOX" };
static const struct store_mailbox bob = { "imap.example.org", "bob@example.org", "INBOX" };

/* ---- a store in a folder of its own ---- */

struct place {
	char folder[64];
	char path[96];
	struct loop loop;
	struct store *store;
};

static void place_open(struct place *place)
{
	char error[300] = "";

	place->store = store_open(&place->loop, place->folder, error, sizeof(error));
	assert_string_equal(error, "");
	assert_non_null(place->store);
}

static void place_init(struct place *place)
{
	*place = (struct place){ .folder = "/tmp/packetboat-store-XXXXXX" };
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/packetboat.db", place->folder);
	assert_true(loop_init(&place->loop));
}

static void place_deinit(struct place *place)
{
	store_close(&place->store);
	loop_deinit(&place->loop);
	unlink(place->path);
	assert_int_equal(rmdir(place->folder), 0);
}

/* The last answer. */
struct answer {
	struct loop *loop;
	unsigned came;
	uint64_t ticket;
	bool ok;
	char error[200];
	uint32_t uidvalidity;
	uint32_t *uids;
	uint64_t *octets;
	size_t count;
};

static void on_answer(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct answer *got = owner;

	free(got->uids);
	free(got->octets);
	got->came++;
	got->ticket = ticket;
	got->ok = answer->ok;
	snprintf(got->error, sizeof(got->error), "%s", answer->ok ? "" : answer->error);
	got->uidvalidity = answer->uidvalidity;
	got->uids = answer->uids;
	got->octets = answer->octets;
	got->count = answer->count;
	answer->uids = NULL;
	answer->octets = NULL;
	loop_stop(got->loop);
}

static void wait_for(struct place *place, struct answer *got)
{
	unsigned before = got->came;

	while (got->came == before) {
		place->loop.stopped = false;
		assert_true(loop_run(&place->loop));
	}
}

static void answer_free(struct answer *got)
{
	free(got->uids);
	free(got->octets);
}

/* ---- short words for requests that must succeed ---- */

static uint32_t *copy_of(const uint32_t *uids, size_t count)
{
	uint32_t *copy = calloc(count + 1, sizeof(*copy));

	memcpy(copy, uids, count * sizeof(*copy));
	return copy;
}

#define UIDS(...) (const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4
#define NO_UIDS (const uint32_t[]){ 0 }, 0

/* A session of `present` messages that retrieved `uids`, of a hundred octets times their UID. */
static void note(struct place *place, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		 const uint32_t *present, size_t present_count, const uint32_t *uids, size_t count)
{
	struct answer got = { .loop = &place->loop };
	struct store_session session = { .uidvalidity = uidvalidity,
					 .present = copy_of(present, present_count),
					 .present_count = present_count,
					 .uids = copy_of(uids, count),
					 .octets = calloc(count + 1, sizeof(uint64_t)),
					 .count = count };

	for (size_t i = 0; i < count; i++)
		session.octets[i] = (uint64_t)uids[i] * 100;
	assert_true(store_note_session(place->store, mailbox, &session, on_answer, &got, 7));
	assert_null(session.uids);
	wait_for(place, &got);
	assert_string_equal(got.error, "");
	assert_int_equal(got.ticket, 7);
	answer_free(&got);
}

static void assert_retrieved(struct place *place, const struct store_mailbox *mailbox,
			     uint32_t uidvalidity, const uint32_t *uids, size_t count)
{
	struct answer got = { .loop = &place->loop };

	assert_true(store_load_retrieved(place->store, mailbox, on_answer, &got, 8));
	wait_for(place, &got);
	assert_string_equal(got.error, "");
	assert_int_equal(got.uidvalidity, uidvalidity);
	assert_int_equal(got.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(got.uids[i], uids[i]);
		assert_int_equal(got.octets[i], (uint64_t)uids[i] * 100);
	}
	answer_free(&got);
}

static void keep(struct place *place, const struct store_mailbox *mailbox, uint32_t uidvalidity,
		 const uint32_t *uids, size_t count)
{
	struct answer got = { .loop = &place->loop };

	assert_true(store_add_kept(place->store, mailbox, uidvalidity, uids, count, on_answer, &got,
				   1));
	wait_for(place, &got);
	assert_string_equal(got.error, "");
	answer_free(&got);
}

static void assert_kept(struct place *place, const struct store_mailbox *mailbox,
			uint32_t uidvalidity, const uint32_t *uids, size_t count)
{
	struct answer got = { .loop = &place->loop };

	assert_true(store_load_kept(place->store, mailbox, uidvalidity, on_answer, &got, 2));
	wait_for(place, &got);
	assert_string_equal(got.error, "");
	assert_int_equal(got.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(got.uids[i], uids[i]);
	answer_free(&got);
}

static void put(struct place *place, const struct store_incident *incident)
{
	struct answer got = { .loop = &place->loop };

	assert_true(store_put_incident(place->store, incident, on_answer, &got, 3));
	wait_for(place, &got);
	assert_string_equal(got.error, "");
	answer_free(&got);
}

static void assert_incidents(struct place *place, const struct store_incident *const *wanted,
			     size_t count)
{
	struct store_incident **incidents;
	size_t there;
	char error[300] = "";

	assert_true(store_read_incidents(place->store, &incidents, &there, error, sizeof(error)));
	assert_string_equal(error, "");
	assert_int_equal(there, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(incidents[i]->mailbox.host, wanted[i]->mailbox.host);
		assert_string_equal(incidents[i]->mailbox.user, wanted[i]->mailbox.user);
		assert_string_equal(incidents[i]->mailbox.folder, wanted[i]->mailbox.folder);
		assert_int_equal(incidents[i]->reason, wanted[i]->reason);
		assert_int_equal(incidents[i]->id, wanted[i]->id);
		assert_int_equal(incidents[i]->began, wanted[i]->began);
		assert_string_equal(incidents[i]->account, wanted[i]->account);
		assert_string_equal(incidents[i]->detail, wanted[i]->detail);
		if (wanted[i]->remedy == NULL)
			assert_null(incidents[i]->remedy);
		else
			assert_string_equal(incidents[i]->remedy, wanted[i]->remedy);
		assert_int_equal(incidents[i]->dismissed, wanted[i]->dismissed);
		free(incidents[i]);
	}
	free(incidents);
}

/* ---- tests ---- */

static void state_lasts_in_a_file_that_is_nobody_elses(void **state)
{
	struct place place;
	struct stat status;

	(void)state;
	place_init(&place);
	assert_false(store_exists(place.folder));
	umask(0);
	place_open(&place);
	umask(022);
	assert_true(store_exists(place.folder));
	assert_int_equal(stat(place.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	keep(&place, &ada, 7, UIDS(3, 1, 3, UINT32_MAX));
	note(&place, &ada, 7, UIDS(1, 2), UIDS(2));
	store_close(&place.store);
	place_open(&place);
	assert_kept(&place, &ada, 7, UIDS(1, 3, UINT32_MAX));
	assert_kept(&place, &ada, 8, NO_UIDS);
	assert_kept(&place, &bob, 7, NO_UIDS);
	assert_retrieved(&place, &ada, 7, UIDS(2));
	place_deinit(&place);
}

static void sessions_add_to_what_was_retrieved(void **state)
{
	struct place place;

	(void)state;
	place_init(&place);
	place_open(&place);
	assert_retrieved(&place, &ada, 0, NO_UIDS);
	/* Kept state is no knowledge of what was retrieved. */
	keep(&place, &ada, 7, UIDS(99));
	assert_retrieved(&place, &ada, 0, NO_UIDS);
	note(&place, &ada, 7, UIDS(1, 2, 3, 4, 5), UIDS(2, 4));
	assert_retrieved(&place, &ada, 7, UIDS(2, 4));
	/* 4 is gone; 3 and 6 come. 1 is there, and nobody retrieved it. */
	note(&place, &ada, 7, UIDS(1, 2, 3, 5, 6), UIDS(2, 3, 6));
	assert_retrieved(&place, &ada, 7, UIDS(2, 3, 6));
	note(&place, &ada, 7, UIDS(1, 2, 3, 5, 6), NO_UIDS);
	assert_retrieved(&place, &ada, 7, UIDS(2, 3, 6));
	assert_retrieved(&place, &bob, 0, NO_UIDS);
	/* An empty mailbox is known to be empty. */
	note(&place, &ada, 7, NO_UIDS, NO_UIDS);
	assert_retrieved(&place, &ada, 7, NO_UIDS);
	place_deinit(&place);
}

static void another_uidvalidity_begins_anew(void **state)
{
	struct place place;

	(void)state;
	place_init(&place);
	place_open(&place);
	note(&place, &ada, 7, UIDS(1, 2, 3), UIDS(1, 2, 3));
	note(&place, &bob, 7, UIDS(1, 2, 3), UIDS(1, 2, 3));
	note(&place, &ada, 9, UIDS(1, 2, 3), UIDS(2));
	assert_retrieved(&place, &ada, 9, UIDS(2));
	/* And back: what was known then is not. */
	note(&place, &ada, 7, UIDS(1, 2, 3), UIDS(3));
	assert_retrieved(&place, &ada, 7, UIDS(3));
	assert_retrieved(&place, &bob, 7, UIDS(1, 2, 3));
	place_deinit(&place);
}

/* What others see change when something was written. */
static int data_version(sqlite3 *db)
{
	sqlite3_stmt *statement;

	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA data_version", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return version;
}

static void what_is_known_already_is_not_written(void **state)
{
	struct place place;
	sqlite3 *other;

	(void)state;
	place_init(&place);
	place_open(&place);
	assert_int_equal(sqlite3_open(place.path, &other), SQLITE_OK);
	note(&place, &ada, 7, UIDS(1, 2, 3), UIDS(1, 3));
	int before = data_version(other);
	note(&place, &ada, 7, UIDS(1, 2, 3), NO_UIDS);
	note(&place, &ada, 7, UIDS(1, 2, 3, 4), UIDS(1, 3));
	assert_int_equal(data_version(other), before);
	note(&place, &ada, 7, UIDS(1, 2, 3, 4), UIDS(4));
	assert_int_not_equal(data_version(other), before);
	sqlite3_close(other);
	place_deinit(&place);
}

static void a_hundred_thousand_messages_are_no_trouble(void **state)
{
	enum { MANY = 100000 };
	uint32_t *uids = calloc(MANY, sizeof(*uids));
	struct place place;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		uids[i] = i * 3 + 1;
	place_init(&place);
	place_open(&place);
	note(&place, &ada, 7, uids, MANY, uids, MANY);
	assert_retrieved(&place, &ada, 7, uids, MANY);
	note(&place, &ada, 7, uids + 1, MANY - 1, uids + 5, 1);
	assert_retrieved(&place, &ada, 7, uids + 1, MANY - 1);
	place_deinit(&place);
	free(uids);
}

static void a_mailbox_is_forgotten_with_everything(void **state)
{
	struct store_incident incident = { .mailbox = ada, .account = "ada", .detail = "d" };
	struct store_incident others = { .mailbox = bob, .account = "bob", .detail = "d" };
	struct place place;

	(void)state;
	place_init(&place);
	place_open(&place);
	for (const struct store_mailbox *one = &ada; one != NULL; one = one == &ada ? &bob : NULL) {
		keep(&place, one, 7, UIDS(1, 2));
		note(&place, one, 7, UIDS(3, 4), UIDS(3));
	}
	put(&place, &incident);
	put(&place, &others);
	struct answer got = { .loop = &place.loop };
	assert_true(store_forget(place.store, &ada, on_answer, &got, 5));
	wait_for(&place, &got);
	assert_true(got.ok);
	assert_int_equal(got.ticket, 5);
	assert_kept(&place, &ada, 7, NO_UIDS);
	assert_retrieved(&place, &ada, 0, NO_UIDS);
	assert_kept(&place, &bob, 7, UIDS(1, 2));
	assert_retrieved(&place, &bob, 7, UIDS(3));
	assert_incidents(&place, (const struct store_incident *[]){ &others }, 1);
	/* Nor does it come back with the mailbox, which may get the number of the one before. */
	assert_true(store_forget(place.store, &bob, on_answer, &got, 5));
	wait_for(&place, &got);
	keep(&place, &bob, 7, UIDS(9));
	note(&place, &bob, 7, UIDS(8), UIDS(8));
	assert_kept(&place, &bob, 7, UIDS(9));
	assert_retrieved(&place, &bob, 7, UIDS(8));
	assert_incidents(&place, NULL, 0);
	/* Of what is not there nothing remains either. */
	assert_true(store_forget(place.store, &ada, on_answer, &got, 6));
	wait_for(&place, &got);
	assert_true(got.ok);
	place_deinit(&place);
}

static void incidents_last(void **state)
{
	struct store_incident first = { .mailbox = ada,
					.reason = 1,
					.id = UINT32_MAX,
					.began = 5000000000,
					.account = "ADA",
					.detail = "it's \"said\"; DROP TABLE incident",
					.remedy = "Gr\xc3\xbc\xc3\x9f Gott" };
	struct store_incident second = { .mailbox = ada,
					 .reason = 2,
					 .id = 0,
					 .account = "ada",
					 .detail = "",
					 .dismissed = true };
	struct store_incident third = { .mailbox = bob, .account = "b", .detail = "d" };
	struct place place;

	(void)state;
	place_init(&place);
	place_open(&place);
	assert_incidents(&place, NULL, 0);
	put(&place, &third);
	put(&place, &second);
	put(&place, &first);
	assert_incidents(&place, (const struct store_incident *[]){ &first, &second, &third }, 3);
	store_close(&place.store);
	place_open(&place);
	assert_incidents(&place, (const struct store_incident *[]){ &first, &second, &third }, 3);

	first.detail = "another";
	first.dismissed = true;
	put(&place, &first);
	struct answer got = { .loop = &place.loop };
	assert_true(store_remove_incident(place.store, &ada, 2, on_answer, &got, 4));
	wait_for(&place, &got);
	assert_true(got.ok);
	assert_incidents(&place, (const struct store_incident *[]){ &first, &third }, 2);
	/* One that is not there. */
	assert_true(store_remove_incident(place.store, &ada, 2, on_answer, &got, 4));
	wait_for(&place, &got);
	assert_true(got.ok);
	place_deinit(&place);
}

static void a_copy_needs_nothing_of_what_it_was_made_from(void **state)
{
	char text[8] = "detail";
	struct store_incident incident = { .mailbox = ada, .account = "a", .detail = text };
	struct store_incident *copy = store_incident_copy(&incident);

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_string_equal(copy->detail, "detail");
	assert_string_equal(copy->mailbox.folder, "INBOX");
	assert_ptr_not_equal(copy->mailbox.folder, ada.folder);
	assert_null(copy->remedy);
	free(copy);
}

/* The file as the first release made it. */
static const char schema_1[] = "CREATE TABLE mailbox ("
			       "  id INTEGER PRIMARY KEY,"
			       "  host TEXT NOT NULL,"
			       "  user TEXT NOT NULL,"
			       "  folder TEXT NOT NULL,"
			       "  UNIQUE (host, user, folder));"
			       "CREATE TABLE kept ("
			       "  mailbox INTEGER NOT NULL REFERENCES mailbox (id)"
			       "  ON DELETE CASCADE,"
			       "  uidvalidity INTEGER NOT NULL,"
			       "  uid INTEGER NOT NULL,"
			       "  PRIMARY KEY (mailbox, uidvalidity, uid)) WITHOUT ROWID;"
			       "INSERT INTO mailbox VALUES"
			       "  (1, 'imap.example.org', 'ada@example.org', 'INBOX');"
			       "INSERT INTO kept VALUES (1, 7, 11), (1, 7, 12);"
			       "PRAGMA user_version = 1;";

static void make_file(const struct place *place, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void an_old_file_is_brought_up_to_date(void **state)
{
	struct place place;

	(void)state;
	place_init(&place);
	make_file(&place, schema_1);
	place_open(&place);
	assert_kept(&place, &ada, 7, UIDS(11, 12));
	assert_retrieved(&place, &ada, 0, NO_UIDS);
	note(&place, &ada, 7, UIDS(11, 12, 13), UIDS(13));
	assert_retrieved(&place, &ada, 7, UIDS(13));
	assert_incidents(&place, NULL, 0);
	place_deinit(&place);
}

static void a_file_of_a_newer_release_is_left_alone(void **state)
{
	struct place place;
	char error[300] = "";
	char wanted[200];

	(void)state;
	place_init(&place);
	make_file(&place, "CREATE TABLE x (y); PRAGMA user_version = 3;");
	assert_null(store_open(&place.loop, place.folder, error, sizeof(error)));
	snprintf(wanted, sizeof(wanted), "%s: it was made by a newer Packetboat (version 3)",
		 place.path);
	assert_string_equal(error, wanted);
	place_deinit(&place);
}

static void what_is_no_database_is_an_error(void **state)
{
	struct place place;
	char error[300] = "";
	FILE *file;

	(void)state;
	place_init(&place);
	file = fopen(place.path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", file);
	fclose(file);
	assert_null(store_open(&place.loop, place.folder, error, sizeof(error)));
	assert_non_null(strstr(error, place.path));
	assert_non_null(strstr(error, "not a database"));
	unlink(place.path);
	/* Somebody else's file behind a link is not touched. */
	assert_int_equal(symlink("/dev/null", place.path), 0);
	assert_null(store_open(&place.loop, place.folder, error, sizeof(error)));
	place_deinit(&place);
}

static void a_full_disk_is_told(void **state)
{
	struct rlimit before;
	struct place place;
	struct answer got = { .loop = &place.loop };
	uint32_t *uids = calloc(20000, sizeof(*uids));

	(void)state;
	for (uint32_t i = 0; i < 20000; i++)
		uids[i] = i + 1;
	place_init(&place);
	place_open(&place);
	keep(&place, &ada, 7, UIDS(4));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit small = { .rlim_cur = 65536, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(store_add_kept(place.store, &ada, 7, uids, 20000, on_answer, &got, 1));
	wait_for(&place, &got);
	assert_false(got.ok);
	assert_string_not_equal(got.error, "");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	/* Nothing of it was done, and everything can be done again. */
	assert_kept(&place, &ada, 7, UIDS(4));
	keep(&place, &ada, 7, UIDS(5));
	assert_kept(&place, &ada, 7, UIDS(4, 5));
	answer_free(&got);
	free(uids);
	place_deinit(&place);
}

static void closing_finishes_what_was_asked(void **state)
{
	struct place place;
	struct answer got = { .loop = &place.loop };
	struct store_session session = { .uidvalidity = 7 };

	(void)state;
	place_init(&place);
	place_open(&place);
	assert_true(store_note_session(place.store, &ada, &session, on_answer, &got, 1));
	assert_true(store_add_kept(place.store, &bob, 7, UIDS(1), on_answer, &got, 2));
	store_close(&place.store);
	assert_int_equal(got.came, 2);
	assert_true(got.ok);
	place_open(&place);
	assert_retrieved(&place, &ada, 7, NO_UIDS);
	assert_kept(&place, &bob, 7, UIDS(1));
	answer_free(&got);
	place_deinit(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_lasts_in_a_file_that_is_nobody_elses),
		cmocka_unit_test(sessions_add_to_what_was_retrieved),
		cmocka_unit_test(another_uidvalidity_begins_anew),
		cmocka_unit_test(what_is_known_already_is_not_written),
		cmocka_unit_test(a_hundred_thousand_messages_are_no_trouble),
		cmocka_unit_test(a_mailbox_is_forgotten_with_everything),
		cmocka_unit_test(incidents_last),
		cmocka_unit_test(a_copy_needs_nothing_of_what_it_was_made_from),
		cmocka_unit_test(an_old_file_is_brought_up_to_date),
		cmocka_unit_test(a_file_of_a_newer_release_is_left_alone),
		cmocka_unit_test(what_is_no_database_is_an_error),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(closing_finishes_what_was_asked),
	};

	/* A file that grows too long is an error to be told, not the end. */
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
