/* SPDX-License-Identifier: ISC */
#include "protocol/imap_update.h"

#include "tests/unit/imap_script.h"

struct driver {
	struct imap_update *update;
	enum imap_update_status status;
};

static void on_event(void *machine, const struct imap_event *event)
{
	struct driver *driver = machine;

	if (driver->status == IMAP_UPDATE_MORE)
		driver->status = imap_update_event(driver->update, event);
}

#define STORE "1 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n"
#define EXPUNGE "2 UID EXPUNGE 7,9\r\n"
#define NOOP "2 NOOP\r\n"
#define SEEN "1 UID STORE 8 +FLAGS.SILENT (\\Seen)\r\n"
#define MOVE "1 UID MOVE 7,9 Bin\r\n"
#define COPY "1 UID COPY 7,9 Bin\r\n"

static const struct row {
	const char *name;
	const char *capabilities;
	enum imap_update_mode mode;
	const char *folder;
	const char *deleted; /* UIDs, a digit each */
	const char *seen;
	const char *server;
	const char *sent;
	const char *text; /* NULL: DONE */
	const char *step; /* when FAILED */
	bool deleted_seen;
	bool left_flagged;
} rows[] = {
	{ "nothing to do", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "", "", "", "", NULL, NULL, true,
	  false },
	{ "keep", "UIDPLUS", IMAP_UPDATE_KEEP, "", "79", "", "", "", NULL, NULL, true, false },
	{ "keep, and seen", "UIDPLUS", IMAP_UPDATE_KEEP, "", "79", "8", "$1 OK x\r\n",
	  "1 UID STORE 8 +FLAGS.SILENT (\\Seen)\r\n", NULL, NULL, true, false },
	{ "seen only, and refused", "", IMAP_UPDATE_EXPUNGE, "", "", "8", "$1 NO x\r\n",
	  "1 UID STORE 8 +FLAGS.SILENT (\\Seen)\r\n", NULL, NULL, true, false },
	{ "expunge", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 OK x\r\n* 1 EXPUNGE\r\n$2 OK x\r\n", STORE EXPUNGE, NULL, NULL, false, false },
	{ "expunge with \\Seen", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 OK x\r\n$2 OK x\r\n", "1 UID STORE 7,9 +FLAGS.SILENT (\\Seen \\Deleted)\r\n" EXPUNGE,
	  NULL, NULL, true, false },
	{ "expunge, and others seen", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "7", "9",
	  "$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n",
	  "1 UID STORE 9 +FLAGS.SILENT (\\Seen)\r\n2 UID STORE 7 +FLAGS.SILENT (\\Deleted)\r\n"
	  "3 UID EXPUNGE 7\r\n",
	  NULL, NULL, false, false },
	{ "expunge without UIDPLUS", "", IMAP_UPDATE_EXPUNGE, "", "79", "", "$1 OK x\r\n", STORE,
	  NULL, NULL, false, true },
	{ "flag", "UIDPLUS", IMAP_UPDATE_FLAG, "", "79", "", "$1 OK x\r\n", STORE, NULL, NULL,
	  false, false },
	{ "flag without UIDPLUS is as it should be", "", IMAP_UPDATE_FLAG, "", "79", "",
	  "$1 OK x\r\n", STORE, NULL, NULL, false, false },
	{ "STORE refused", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "", "$1 NO no\r\n", STORE,
	  "no", "store", false, false },
	{ "EXPUNGE refused", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 OK x\r\n$2 BAD no\r\n", STORE EXPUNGE, "no", "expunge", false, false },
	{ "STORE of a message that is gone", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n* 1 EXPUNGE\r\n$2 OK x\r\n$3 OK x\r\n$4 OK x\r\n",
	  STORE NOOP "3 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n4 UID EXPUNGE 7,9\r\n", NULL,
	  NULL, false, false },
	{ "and STORE says so again", "UIDPLUS", IMAP_UPDATE_FLAG, "", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n$2 OK x\r\n$3 NO [EXPUNGEISSUED] x\r\n",
	  STORE NOOP "3 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n", NULL, NULL, false, false },
	{ "the repeated STORE is refused", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n$2 OK x\r\n$3 NO no\r\n",
	  STORE NOOP "3 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n", "no", "store", false, false },
	{ "EXPUNGE of a message that is gone", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 OK x\r\n$2 NO [EXPUNGEISSUED] x\r\n$3 OK x\r\n$4 OK x\r\n",
	  STORE EXPUNGE "3 NOOP\r\n4 UID EXPUNGE 7,9\r\n", NULL, NULL, false, false },
	{ "and EXPUNGE says so again", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 OK x\r\n$2 NO [EXPUNGEISSUED] x\r\n$3 NO x\r\n$4 NO [EXPUNGEISSUED] x\r\n",
	  STORE EXPUNGE "3 NOOP\r\n4 UID EXPUNGE 7,9\r\n", NULL, NULL, false, false },
	{ "BYE to the NOOP", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n* BYE no\r\n", STORE NOOP, "no", "store", false, false },
	{ "MOVE of a message that is gone", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n$2 OK x\r\n$3 OK x\r\n", MOVE NOOP "3 UID MOVE 7,9 Bin\r\n",
	  NULL, NULL, false, false },
	{ "and MOVE says so again", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n$2 OK x\r\n$3 NO [EXPUNGEISSUED] no\r\n",
	  MOVE NOOP "3 UID MOVE 7,9 Bin\r\n", "no", "move", false, false },
	{ "the repeated MOVE wants a folder", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n$2 OK x\r\n$3 NO [TRYCREATE] x\r\n$4 OK x\r\n$5 OK x\r\n",
	  MOVE NOOP "3 UID MOVE 7,9 Bin\r\n4 CREATE Bin\r\n5 UID MOVE 7,9 Bin\r\n", NULL, NULL,
	  false, false },
	{ "COPY of a message that is gone", "UIDPLUS", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n$2 OK x\r\n$3 OK x\r\n$4 OK x\r\n$5 OK x\r\n",
	  COPY NOOP "3 UID COPY 7,9 Bin\r\n4 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n5 UID "
		    "EXPUNGE 7,9\r\n",
	  NULL, NULL, false, false },
	{ "and COPY says so again", "UIDPLUS", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [EXPUNGEISSUED] x\r\n$2 OK x\r\n$3 NO [EXPUNGEISSUED] no\r\n",
	  COPY NOOP "3 UID COPY 7,9 Bin\r\n", "no", "copy", false, false },
	{ "BYE", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "", "* BYE no\r\n", STORE, "no", "store",
	  false, false },
	{ "BYE while flagging \\Seen", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "7", "9", "* BYE no\r\n",
	  "1 UID STORE 9 +FLAGS.SILENT (\\Seen)\r\n", "no", "store", false, false },
	{ "violation", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79", "", "* 1 FETCH (UID 0)\r\n", STORE,
	  "", "store", false, false },
	{ "move", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "", "* 1 EXPUNGE\r\n$1 OK x\r\n", MOVE,
	  NULL, NULL, false, false },
	{ "move with \\Seen, which is refused", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO x\r\n$2 OK x\r\n",
	  "1 UID STORE 7,9 +FLAGS.SILENT (\\Seen)\r\n2 UID MOVE 7,9 Bin\r\n", NULL, NULL, true,
	  false },
	{ "move to where it is", "UIDPLUS MOVE", IMAP_UPDATE_MOVE, "inbox", "79", "",
	  "$1 OK x\r\n$2 OK x\r\n", STORE EXPUNGE, NULL, NULL, false, false },
	{ "move to nowhere", "UIDPLUS MOVE", IMAP_UPDATE_MOVE, "", "79", "", "", "",
	  "there is no folder to move deleted messages to", NULL, false, false },
	{ "move without MOVE", "UIDPLUS", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n",
	  COPY "2 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n3 UID EXPUNGE 7,9\r\n", NULL, NULL,
	  false, false },
	{ "move without MOVE and UIDPLUS", "", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 OK x\r\n$2 OK x\r\n", COPY "2 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n", NULL,
	  NULL, false, true },
	{ "COPY over quota", "UIDPLUS", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [OVERQUOTA] full\r\n", COPY, "full", "copy", false, false },
	{ "MOVE throttled", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO Request is throttled.\r\n", MOVE, "Request is throttled.", "move", false, false },
	{ "MOVE is BAD", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "", "$1 BAD no\r\n", MOVE, "no",
	  "move", false, false },
	{ "[TRYCREATE]", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [TRYCREATE] x\r\n$2 OK x\r\n$3 OK x\r\n",
	  MOVE "2 CREATE Bin\r\n3 UID MOVE 7,9 Bin\r\n", NULL, NULL, false, false },
	{ "[NONEXISTENT], and there by then", "UIDPLUS", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [NONEXISTENT] x\r\n$2 NO [ALREADYEXISTS] x\r\n$3 OK x\r\n$4 OK x\r\n$5 OK x\r\n",
	  COPY "2 CREATE Bin\r\n3 UID COPY 7,9 Bin\r\n"
	       "4 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n5 UID EXPUNGE 7,9\r\n",
	  NULL, NULL, false, false },
	{ "NO without a code", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO none\r\n$2 NO denied\r\n", MOVE "2 CREATE Bin\r\n", "none", "create", false,
	  false },
	{ "created, and refused again", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "",
	  "$1 NO [TRYCREATE] x\r\n$2 OK x\r\n$3 NO [TRYCREATE] y\r\n",
	  MOVE "2 CREATE Bin\r\n3 UID MOVE 7,9 Bin\r\n", "y", "move", false, false },
	{ "trash by attribute", "MOVE", IMAP_UPDATE_TRASH, "Bin", "79", "",
	  "* LIST () \"/\" Bin\r\n* LIST (\\Trash \\Noselect) \"/\" A\r\n"
	  "* LIST (\\trash) \"/\" \"B C\"\r\n* LIST (\\Trash) \"/\" D\r\n$1 OK x\r\n$2 OK x\r\n",
	  "1 LIST \"\" \"*\"\r\n2 UID MOVE 7,9 \"B C\"\r\n", NULL, NULL, false, false },
	{ "trash by name", "MOVE", IMAP_UPDATE_TRASH, "Bin", "79", "",
	  "* LIST () \"/\" Bin\r\n$1 OK x\r\n$2 OK x\r\n",
	  "1 LIST \"\" \"*\"\r\n2 UID MOVE 7,9 Bin\r\n", NULL, NULL, false, false },
	{ "trash where LIST is refused", "MOVE", IMAP_UPDATE_TRASH, "Bin", "79", "",
	  "$1 BAD x\r\n$2 OK x\r\n", "1 LIST \"\" \"*\"\r\n2 UID MOVE 7,9 Bin\r\n", NULL, NULL,
	  false, false },
	{ "in the trash already", "UIDPLUS MOVE", IMAP_UPDATE_TRASH, "Bin", "79", "",
	  "* LIST (\\Trash) \"/\" INBOX\r\n$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n",
	  "1 LIST \"\" \"*\"\r\n2 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n"
	  "3 UID EXPUNGE 7,9\r\n",
	  NULL, NULL, false, false },
};

static uint32_t *uids_of(const char *digits, size_t *count_r)
{
	size_t count = strlen(digits);
	uint32_t *uids = count > 0 ? calloc(count, sizeof(*uids)) : NULL;

	for (size_t i = 0; i < count; i++)
		uids[i] = (uint32_t)(digits[i] - '0');
	*count_r = count;
	return uids;
}

static void start(struct driver *driver, struct imap_script *script,
		  const struct imap_update_plan *plan)
{
	driver->update = imap_update_new(script->client, plan);
	assert_non_null(driver->update);
	driver->status = imap_update_status(driver->update);
	imap_script_gather(script);
}

static void check_row(const struct row *row, size_t cut, const struct driver *driver,
		      const struct imap_script *script)
{
	const char *text = imap_update_text(driver->update);

	if (strcmp(script->sent, row->sent) != 0)
		fail_msg("%s (cut %zu): sent\n%snot\n%s", row->name, cut, script->sent, row->sent);
	if (driver->status != (row->text == NULL ? IMAP_UPDATE_DONE : IMAP_UPDATE_FAILED))
		fail_msg("%s (cut %zu): status %d, %s", row->name, cut, (int)driver->status, text);
	if (imap_update_status(driver->update) != driver->status)
		fail_msg("%s (cut %zu): the status is another one afterwards", row->name, cut);
	/* An empty row text means any but none. */
	if (row->text != NULL &&
	    (row->text[0] == '\0' ? text[0] == '\0' : strcmp(text, row->text) != 0))
		fail_msg("%s (cut %zu): text \"%s\"", row->name, cut, text);
	if (row->text == NULL && text[0] != '\0')
		fail_msg("%s (cut %zu): text \"%s\" though done", row->name, cut, text);
	if (row->step != NULL && strcmp(imap_update_step(driver->update), row->step) != 0)
		fail_msg("%s (cut %zu): failed in %s, not %s", row->name, cut,
			 imap_update_step(driver->update), row->step);
	if (imap_update_left_flagged(driver->update) != row->left_flagged)
		fail_msg("%s (cut %zu): left flagged or not", row->name, cut);
}

static void play_row(const struct row *row, size_t cut)
{
	struct imap_update_plan plan = {
		.mode = row->mode,
		.folder = span_text(row->folder),
		.selected = span_text("INBOX"),
		.deleted_seen = row->deleted_seen,
	};
	static struct imap_script script;
	struct driver driver;

	plan.deleted = uids_of(row->deleted, &plan.deleted_count);
	plan.seen = uids_of(row->seen, &plan.seen_count);
	imap_script_init_selected(&script, row->capabilities, 9);
	imap_script_begin(&script, on_event, &driver, cut);
	start(&driver, &script, &plan);
	imap_script_say(&script, row->server);
	check_row(row, cut, &driver, &script);
	imap_update_free(&driver.update);
	assert_null(driver.update);
	imap_script_deinit(&script);
}

static void updates_are_done_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play_row(&rows[i], IMAP_SCRIPT_WHOLE);
		play_row(&rows[i], IMAP_SCRIPT_OCTETS);
		for (size_t cut = 1; cut < strlen(rows[i].server); cut++)
			play_row(&rows[i], cut);
	}
}

/* So scattered that no two of them make a range. */
static struct imap_update_plan plan_of_many(enum imap_update_mode mode, size_t count)
{
	struct imap_update_plan plan = {
		.mode = mode,
		.folder = span_text("Bin"),
		.selected = span_text("INBOX"),
		.deleted = calloc(count, sizeof(uint32_t)),
		.deleted_count = count,
	};

	assert_non_null(plan.deleted);
	for (size_t i = 0; i < count; i++)
		plan.deleted[i] = (uint32_t)(1000000000 + 2 * i);
	return plan;
}

/* Answers commands `first` to `last` with OK, but `refused`, which gets a NO; 0 for none. */
static void answer(struct imap_script *script, unsigned first, unsigned last, unsigned refused)
{
	for (unsigned id = first; id <= last; id++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "$%u %s %u\r\n", id,
			       id == refused ? "NO [NOPERM]" : "OK", id);
		imap_script_say(script, line);
	}
}

/* How often `uid` is named in what was sent since `from`. */
static unsigned times_named(const char *from, uint32_t uid)
{
	char text[16];
	unsigned times = 0;

	(void)snprintf(text, sizeof(text), "%lu", (unsigned long)uid);
	for (const char *at = strstr(from, text); at != NULL; at = strstr(at + 1, text))
		times++;
	return times;
}

static void check_lengths(const struct imap_script *script)
{
	for (const char *line = script->sent; *line != '\0';) {
		size_t len = strcspn(line, "\n") + 1;

		assert_true(len <= 8000);
		line += len;
	}
}

/* Five thousand messages take some eight commands for each step, all of a step at once. */
static void many_deletions_are_cut_into_short_commands(void **state)
{
	static struct imap_script script;
	struct imap_update_plan plan = plan_of_many(IMAP_UPDATE_EXPUNGE, 5000);
	struct driver driver;
	unsigned stores;
	size_t stored;

	(void)state;
	imap_script_init_selected(&script, "UIDPLUS", 5000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &plan);
	stores = script.commands;
	stored = script.sent_len;
	assert_true(stores > 5 && stores < 10);
	check_lengths(&script);
	for (size_t i = 0; i < 5000; i += 7)
		assert_int_equal(times_named(script.sent, (uint32_t)(1000000000 + 2 * i)), 1);
	answer(&script, 1, stores - 1, 0);
	/* Not one EXPUNGE before the last STORE is OK. */
	assert_int_equal(script.commands, stores);
	answer(&script, stores, stores, 0);
	assert_int_equal(script.commands, 2 * stores);
	assert_null(strstr(script.sent + stored, "STORE"));
	answer(&script, stores + 1, 2 * stores, 0);
	assert_int_equal(driver.status, IMAP_UPDATE_DONE);
	imap_update_free(&driver.update);
	imap_script_deinit(&script);
}

/* A hundred thousand: no more commands are under way than may be, and none is forgotten. */
static void a_great_many_wait_for_their_turn(void **state)
{
	static struct imap_script script;
	struct imap_update_plan plan = plan_of_many(IMAP_UPDATE_FLAG, 20000);
	struct driver driver;
	unsigned answered = 0;

	(void)state;
	imap_script_init_selected(&script, "UIDPLUS", 20000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &plan);
	while (driver.status == IMAP_UPDATE_MORE) {
		assert_true(script.commands > answered);
		assert_true(script.commands - answered <= 8);
		answer(&script, answered + 1, answered + 1, 0);
		answered++;
	}
	assert_int_equal(driver.status, IMAP_UPDATE_DONE);
	check_lengths(&script);
	for (size_t i = 0; i < 20000; i += 501)
		assert_int_equal(times_named(script.sent, (uint32_t)(1000000000 + 2 * i)), 1);
	imap_update_free(&driver.update);
	imap_script_deinit(&script);
}

static void one_refused_store_of_many_sends_no_expunge(void **state)
{
	static struct imap_script script;
	struct imap_update_plan plan = plan_of_many(IMAP_UPDATE_EXPUNGE, 5000);
	struct driver driver;
	unsigned stores;

	(void)state;
	imap_script_init_selected(&script, "UIDPLUS", 5000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &plan);
	stores = script.commands;
	answer(&script, 1, stores - 1, 3);
	/* What is under way is waited for. */
	assert_int_equal(driver.status, IMAP_UPDATE_MORE);
	answer(&script, stores, stores, 0);
	assert_int_equal(driver.status, IMAP_UPDATE_FAILED);
	assert_string_equal(imap_update_text(driver.update), "3");
	assert_null(strstr(script.sent, "EXPUNGE"));
	imap_update_free(&driver.update);
	imap_script_deinit(&script);
}

static void behind_a_refusal_nothing_more_is_sent(void **state)
{
	static struct imap_script script;
	struct imap_update_plan plan = plan_of_many(IMAP_UPDATE_EXPUNGE, 20000);
	struct driver driver;

	(void)state;
	imap_script_init_selected(&script, "UIDPLUS", 20000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &plan);
	assert_int_equal(script.commands, 8);
	answer(&script, 1, 8, 1);
	assert_int_equal(driver.status, IMAP_UPDATE_FAILED);
	assert_int_equal(script.commands, 8);
	imap_update_free(&driver.update);
	imap_script_deinit(&script);
}

/* It was there a moment ago: [TRYCREATE] in the middle is a failure like any other. */
static void a_folder_that_vanishes_is_not_created(void **state)
{
	static struct imap_script script;
	struct imap_update_plan plan = plan_of_many(IMAP_UPDATE_MOVE, 1000);
	struct driver driver;

	(void)state;
	imap_script_init_selected(&script, "MOVE", 1000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &plan);
	imap_script_say(&script, "$1 OK moved\r\n$2 NO [TRYCREATE] gone\r\n");
	assert_int_equal(driver.status, IMAP_UPDATE_FAILED);
	assert_string_equal(imap_update_text(driver.update), "gone");
	assert_null(strstr(script.sent, "CREATE"));
	imap_update_free(&driver.update);
	imap_script_deinit(&script);
}

/* The first MOVE goes alone, since the folder may not be there; the others follow together. */
static void the_first_move_finds_out_about_the_folder(void **state)
{
	static struct imap_script script;
	struct imap_update_plan plan = plan_of_many(IMAP_UPDATE_MOVE, 3000);
	struct driver driver;

	(void)state;
	imap_script_init_selected(&script, "MOVE", 3000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &plan);
	assert_int_equal(script.commands, 1);
	imap_script_say(&script, "$1 NO [TRYCREATE] none\r\n$2 OK created\r\n");
	assert_int_equal(script.commands, 3);
	/* It is the same one again. */
	assert_int_equal(times_named(script.sent, 1000000000), 2);
	answer(&script, 3, 3, 0);
	assert_true(script.commands > 4);
	answer(&script, 4, script.commands, 0);
	assert_int_equal(driver.status, IMAP_UPDATE_DONE);
	assert_int_equal(times_named(script.sent, 1000000000 + 2 * 2999), 1);
	imap_update_free(&driver.update);
	imap_script_deinit(&script);
}

/* Messages whose COPY was refused keep their place; the others are not copied a second time. */
static void only_what_was_copied_is_removed(void **state)
{
	static struct imap_script script;
	struct imap_update_plan plan = plan_of_many(IMAP_UPDATE_MOVE, 3000);
	struct driver driver;
	unsigned copies;
	const char *later;

	(void)state;
	imap_script_init_selected(&script, "UIDPLUS", 3000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &plan);
	answer(&script, 1, 1, 0);
	copies = script.commands;
	assert_true(copies > 3);
	answer(&script, 2, copies, 2);
	later = strstr(script.sent, "UID STORE");
	assert_non_null(later);
	for (unsigned id = copies + 1; driver.status == IMAP_UPDATE_MORE; id++)
		answer(&script, id, id, 0);
	assert_int_equal(driver.status, IMAP_UPDATE_FAILED);
	assert_string_equal(imap_update_text(driver.update), "2");
	assert_string_equal(imap_update_step(driver.update), "copy");
	/* Named by STORE and by EXPUNGE if it was copied, by neither if it was not. */
	for (uint32_t uid = 1000000000; uid < 1000006000; uid += 2) {
		const char *refused = strstr(script.sent, "\r\n2 UID COPY");
		const char *end = strstr(refused, "\r\n3 UID COPY");
		char text[16];
		const char *in_second;

		(void)snprintf(text, sizeof(text), "%lu", (unsigned long)uid);
		in_second = strstr(refused, text);
		if (uid % 100 == 0 &&
		    times_named(later, uid) != (in_second != NULL && in_second < end ? 0u : 2u))
			fail_msg("UID %lu is named %u times", (unsigned long)uid,
				 times_named(later, uid));
	}
	imap_update_free(&driver.update);
	imap_script_deinit(&script);
}

/* The server keeps \Seen alone: what is left flagged \Deleted would come back. */
static void deletions_that_would_be_forgotten_fail(void **state)
{
	static const struct {
		const char *name;
		const char *capabilities;
		enum imap_update_mode mode;
		const char *folder;
		const char *deleted;
		const char *server;
		const char *sent;
		enum imap_update_status status;
	} cases[] = {
		{ "flag", "UIDPLUS MOVE", IMAP_UPDATE_FLAG, "", "79", "", "", IMAP_UPDATE_FAILED },
		{ "expunge", "MOVE", IMAP_UPDATE_EXPUNGE, "", "79", "", "", IMAP_UPDATE_FAILED },
		{ "copy", "", IMAP_UPDATE_MOVE, "Bin", "79", "", "", IMAP_UPDATE_FAILED },
		{ "trash by copying", "", IMAP_UPDATE_TRASH, "Bin", "79", "", "",
		  IMAP_UPDATE_FAILED },
		{ "move to where it is", "MOVE", IMAP_UPDATE_MOVE, "inbox", "79", "", "",
		  IMAP_UPDATE_FAILED },
		{ "in the trash already", "MOVE", IMAP_UPDATE_TRASH, "inbox", "79",
		  "$1 OK x\r\n$2 OK x\r\n", SEEN "2 LIST \"\" \"*\"\r\n", IMAP_UPDATE_FAILED },
		{ "move", "MOVE", IMAP_UPDATE_MOVE, "Bin", "79", "$1 OK x\r\n$2 OK x\r\n",
		  SEEN "2 UID MOVE 7,9 Bin\r\n", IMAP_UPDATE_DONE },
		{ "expunge with UIDPLUS", "UIDPLUS", IMAP_UPDATE_EXPUNGE, "", "79",
		  "$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n",
		  SEEN "2 UID STORE 7,9 +FLAGS.SILENT (\\Deleted)\r\n3 UID EXPUNGE 7,9\r\n",
		  IMAP_UPDATE_DONE },
		{ "keep", "", IMAP_UPDATE_KEEP, "", "79", "$1 OK x\r\n", SEEN, IMAP_UPDATE_DONE },
		{ "nothing deleted", "", IMAP_UPDATE_FLAG, "", "", "$1 OK x\r\n", SEEN,
		  IMAP_UPDATE_DONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct imap_script script;
		struct imap_update_plan plan = { .mode = cases[i].mode,
						 .folder = span_text(cases[i].folder),
						 .selected = span_text("INBOX") };
		struct driver driver;

		plan.deleted = uids_of(cases[i].deleted, &plan.deleted_count);
		plan.seen = uids_of("8", &plan.seen_count);
		imap_script_init_selected(&script, cases[i].capabilities, 9);
		imap_script_say(&script, "* OK [PERMANENTFLAGS (\\Seen)] limited\r\n");
		imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
		start(&driver, &script, &plan);
		imap_script_say(&script, cases[i].server);
		if (strcmp(script.sent, cases[i].sent) != 0 || driver.status != cases[i].status)
			fail_msg("%s: status %d, sent\n%s", cases[i].name, (int)driver.status,
				 script.sent);
		if (driver.status == IMAP_UPDATE_FAILED) {
			assert_non_null(strstr(imap_update_text(driver.update), "PERMANENTFLAGS"));
			assert_string_equal(imap_update_step(driver.update), "store");
		}
		imap_update_free(&driver.update);
		imap_script_deinit(&script);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(updates_are_done_as_written),
		cmocka_unit_test(deletions_that_would_be_forgotten_fail),
		cmocka_unit_test(many_deletions_are_cut_into_short_commands),
		cmocka_unit_test(a_great_many_wait_for_their_turn),
		cmocka_unit_test(one_refused_store_of_many_sends_no_expunge),
		cmocka_unit_test(behind_a_refusal_nothing_more_is_sent),
		cmocka_unit_test(a_folder_that_vanishes_is_not_created),
		cmocka_unit_test(the_first_move_finds_out_about_the_folder),
		cmocka_unit_test(only_what_was_copied_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
