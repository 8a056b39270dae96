/* SPDX-License-Identifier: ISC */
#include "protocol/imap_listing.h"

#include "tests/unit/imap_script.h"

struct driver {
	struct imap_listing listing;
	enum imap_listing_status status;
};

static void on_event(void *machine, const struct imap_event *event)
{
	struct driver *driver = machine;

	if (driver->status == IMAP_LISTING_MORE)
		driver->status = imap_listing_event(&driver->listing, event);
}

#define LIST "1 UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"
#define LIST_AGAIN "2 UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"
#define SKIPPED "* 2 FETCH (UID 9 FLAGS (\\Deleted) RFC822.SIZE 90)\r\n"
#define UNTOLD UINT32_MAX /* SELECT said nothing of EXISTS */
#define SEVEN "* 1 FETCH (UID 7 FLAGS () RFC822.SIZE 70)\r\n"
#define EIGHT "* 2 FETCH (UID 8 FLAGS () RFC822.SIZE 80)\r\n"
#define DONE "$1 OK listed\r\n"

static const uint32_t hidden[] = { 3, 8, 4000000000u };

static const struct row {
	const char *name;
	unsigned exists;
	const char *server;
	const char *sent;
	const char *listed; /* "uid/octets ...", or NULL: FAILED */
	const char *text;   /* when FAILED; NULL: any */
	bool hides;
	int64_t not_after; /* 0: no limit */
} rows[] = {
	{ "nothing there, nothing asked", 0, "", "", "", NULL, false, 0 },
	{ "in order", 2, SEVEN EIGHT DONE, LIST, "7/70 8/80", NULL, false, 0 },
	{ "out of order", 2, EIGHT SEVEN DONE, LIST, "7/70 8/80", NULL, false, 0 },
	{ "the greatest numbers", 1,
	  "* 1 FETCH (UID 4294967295 FLAGS () RFC822.SIZE 5368709120)\r\n" DONE, LIST,
	  "4294967295/5368709120", NULL, false, 0 },
	{ "fewer than EXISTS, twice", 2, SEVEN DONE SEVEN "$2 OK x\r\n", LIST LIST_AGAIN, NULL,
	  "the server listed fewer messages than it holds", false, 0 },
	{ "fewer than EXISTS, once", 2, SEVEN DONE SEVEN EIGHT "$2 OK x\r\n", LIST LIST_AGAIN,
	  "7/70 8/80", NULL, false, 0 },
	{ "fewer than EXISTS, the others behind", 2, SEVEN DONE EIGHT "$2 OK x\r\n",
	  LIST LIST_AGAIN, "7/70 8/80", NULL, false, 0 },
	{ "fewer than EXISTS, and refused then", 2, SEVEN DONE "$2 NO x\r\n", LIST LIST_AGAIN, NULL,
	  "x", false, 0 },
	{ "fewer than EXISTS, and no size", 3,
	  SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE SEVEN EIGHT
		"* 3 FETCH (UID 9 FLAGS () RFC822.SIZE 90)\r\n$2 OK x\r\n",
	  LIST LIST_AGAIN, "7/70 8/80 9/90", NULL, false, 0 },
	{ "fewer than EXISTS: the same one \\Deleted thrice", 3,
	  SEVEN SKIPPED SKIPPED SKIPPED DONE SEVEN SKIPPED "$2 OK x\r\n", LIST LIST_AGAIN, NULL,
	  "the server listed fewer messages than it holds", false, 0 },
	{ "fewer than EXISTS, expunged before the second command ends", 2,
	  SEVEN DONE "* 2 EXPUNGE\r\n$2 OK x\r\n", LIST LIST_AGAIN, "7/70", NULL, false, 0 },
	{ "expunged meanwhile", 2, SEVEN "* 2 EXPUNGE\r\n" DONE, LIST, "7/70", NULL, false, 0 },
	{ "arrived meanwhile", 1, SEVEN "* 2 EXISTS\r\n" DONE, LIST, "7/70", NULL, false, 0 },
	{ "expunged and arrived meanwhile", 2, SEVEN "* 2 EXPUNGE\r\n* 2 EXISTS\r\n" DONE, LIST,
	  "7/70", NULL, false, 0 },
	{ "EXISTS not told, nothing listed", UNTOLD, DONE, LIST, NULL,
	  "the server neither counts nor lists messages", false, 0 },
	{ "EXISTS not told, some listed", UNTOLD, SEVEN DONE, LIST, "7/70", NULL, false, 0 },
	{ "EXISTS told late", UNTOLD, "* 0 EXISTS\r\n" DONE, LIST, "", NULL, false, 0 },
	{ "EXISTS not told, refused", UNTOLD, "$1 BAD nothing there\r\n", LIST, NULL,
	  "nothing there", false, 0 },
	{ "more than EXISTS", 1, SEVEN EIGHT DONE, LIST, "7/70 8/80", NULL, false, 0 },
	{ "expunged meanwhile, all of it", 1, "* 1 EXPUNGE\r\n" DONE, LIST, "", NULL, false, 0 },
	{ "none, though EXISTS says so", 1, DONE, LIST, NULL, NULL, false, 0 },
	{ "NO", 1, "$1 NO Server Unavailable. 15\r\n", LIST, NULL, "Server Unavailable. 15", false,
	  0 },
	{ "BAD behind some", 2, SEVEN "$1 BAD no\r\n", LIST, NULL, "no", false, 0 },
	{ "BYE", 2, SEVEN "* BYE gone\r\n", LIST, NULL, "gone", false, 0 },
	{ "violation", 2, SEVEN "* 2 FETCH (UID 0)\r\n", LIST, NULL, NULL, false, 0 },
	{ "\\Deleted", 2,
	  "* 1 FETCH (UID 7 FLAGS (\\Deleted \\Seen) RFC822.SIZE 70)\r\n" EIGHT DONE, LIST, "8/80",
	  NULL, false, 0 },
	{ "\\Deleted, all of them", 1,
	  "* 1 FETCH (UID 7 FLAGS (\\Deleted) RFC822.SIZE 70)\r\n" DONE, LIST, "", NULL, false, 0 },
	{ "\\Deleted later", 2, SEVEN EIGHT "* 1 FETCH (UID 7 FLAGS (\\Deleted))\r\n" DONE, LIST,
	  "8/80", NULL, false, 0 },
	{ "\\Deleted earlier", 2, "* 2 FETCH (UID 8 FLAGS (\\Deleted))\r\n" SEVEN EIGHT DONE, LIST,
	  "7/70", NULL, false, 0 },
	{ "\\Deleted without a UID names nobody", 2,
	  SEVEN "* 1 FETCH (FLAGS (\\Deleted))\r\n" EIGHT DONE, LIST, "7/70 8/80", NULL, false, 0 },
	{ "flags of what is listed", 2, "* 2 FETCH (UID 8 FLAGS (\\Seen))\r\n" SEVEN EIGHT DONE,
	  LIST, "7/70 8/80", NULL, false, 0 },
	{ "flags and size apart", 1,
	  "* 1 FETCH (UID 7 RFC822.SIZE 70)\r\n* 1 FETCH (UID 7 FLAGS ())\r\n" DONE, LIST, "7/70",
	  NULL, false, 0 },
	{ "one UID twice, two sizes", 2, SEVEN "* 2 FETCH (UID 7 FLAGS () RFC822.SIZE 71)\r\n" DONE,
	  LIST, NULL, NULL, false, 0 },
	{ "one UID twice, one size", 2, SEVEN EIGHT SEVEN DONE, LIST, NULL, NULL, false, 0 },
	{ "hidden ones", 2, SEVEN EIGHT DONE, LIST, "7/70", NULL, true, 0 },
	{ "hidden ones need no size", 2, SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE, LIST, "7/70",
	  NULL, true, 0 },
	{ "no size at first", 2, SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE EIGHT "$2 OK x\r\n",
	  LIST "2 UID FETCH 8:8 (UID FLAGS RFC822.SIZE)\r\n", "7/70 8/80", NULL, false, 0 },
	{ "no size at first, and news of it later", 2,
	  SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE EIGHT
		"* 2 FETCH (UID 8 FLAGS (\\Seen))\r\n$2 OK x\r\n",
	  LIST "2 UID FETCH 8:8 (UID FLAGS RFC822.SIZE)\r\n", "7/70 8/80", NULL, false, 0 },
	{ "no size at first, and others in the range", 4,
	  SEVEN "* 2 FETCH (UID 9 FLAGS () RFC822.SIZE 90)\r\n* 3 FETCH (UID 8 FLAGS ())\r\n"
		"* 4 FETCH (UID 20 FLAGS ())\r\n" DONE EIGHT
		"* 3 FETCH (UID 9 FLAGS () RFC822.SIZE 91)\r\n"
		"* 4 FETCH (UID 20 FLAGS () RFC822.SIZE 200)\r\n$2 OK x\r\n",
	  LIST "2 UID FETCH 8:20 (UID FLAGS RFC822.SIZE)\r\n", "7/70 8/80 9/90 20/200", NULL, false,
	  0 },
	{ "no size at first, then \\Deleted", 2,
	  SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE EIGHT
		"* 2 FETCH (UID 8 FLAGS (\\Deleted))\r\n"
		"* 1 FETCH (UID 7 FLAGS (\\Deleted))\r\n$2 OK x\r\n",
	  LIST "2 UID FETCH 8:8 (UID FLAGS RFC822.SIZE)\r\n", "", NULL, false, 0 },
	{ "no size at first, then gone", 2,
	  SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE "$2 OK x\r\n",
	  LIST "2 UID FETCH 8:8 (UID FLAGS RFC822.SIZE)\r\n", "7/70", NULL, false, 0 },
	{ "never a size", 2,
	  SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE "* 2 FETCH (UID 8 FLAGS ())\r\n$2 OK x\r\n",
	  LIST "2 UID FETCH 8:8 (UID FLAGS RFC822.SIZE)\r\n", NULL,
	  "the server gives no size for the message with UID 8", false, 0 },
	{ "asking again is refused", 2, SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE "$2 NO x\r\n",
	  LIST "2 UID FETCH 8:8 (UID FLAGS RFC822.SIZE)\r\n", NULL, "x", false, 0 },
	{ "young ones, and one of unknown age", 3,
	  "* 1 FETCH (INTERNALDATE \"01-Jan-1970 00:16:40 +0000\" UID 7 FLAGS () RFC822.SIZE "
	  "70)\r\n"
	  "* 2 FETCH (INTERNALDATE \"01-Jan-1970 00:16:41 +0000\" UID 8 FLAGS () RFC822.SIZE "
	  "80)\r\n"
	  "* 3 FETCH (UID 9 FLAGS () RFC822.SIZE 90)\r\n" DONE,
	  "1 UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)\r\n", "7/70 9/90", NULL, false,
	  1000 },
};

static void write_down(struct maildrop *drop, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t msgno = 1; msgno <= maildrop_last(drop); msgno++)
		len += (size_t)snprintf(text + len, size - len, "%s%lu/%llu", msgno > 1 ? " " : "",
					(unsigned long)maildrop_uid(drop, msgno),
					(unsigned long long)maildrop_message_octets(drop, msgno));
}

/* A mailbox is selected, by a server that does not count. */
static void init_untold(struct imap_script *script)
{
	imap_script_init(script);
	imap_script_say(script, "* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n");
	assert_true(imap_client_select(script->client, span_text("INBOX")) != 0);
	imap_script_say(script, "* OK [UIDVALIDITY 1700000001] valid\r\n"
				"$1 OK [READ-WRITE] selected\r\n");
}

static void play_row(const struct row *row, size_t cut)
{
	struct imap_listing_options options = {
		.not_after = row->not_after > 0 ? row->not_after : INT64_MAX,
		.hidden = row->hides ? hidden : NULL,
		.hidden_count = row->hides ? 3 : 0,
	};
	static struct imap_script script;
	struct driver driver;
	char listed[512];

	if (row->exists == UNTOLD)
		init_untold(&script);
	else
		imap_script_init_selected(&script, "", row->exists);
	imap_script_begin(&script, on_event, &driver, cut);
	driver.status = imap_listing_start(&driver.listing, script.client, &options);
	imap_script_say(&script, row->server);
	if (strcmp(script.sent, row->sent) != 0)
		fail_msg("%s (cut %zu): sent\n%snot\n%s", row->name, cut, script.sent, row->sent);
	if (driver.status != (row->listed != NULL ? IMAP_LISTING_DONE : IMAP_LISTING_FAILED))
		fail_msg("%s (cut %zu): status %d, %s", row->name, cut, (int)driver.status,
			 driver.listing.text);
	if (row->listed != NULL) {
		struct maildrop *drop = imap_listing_take(&driver.listing);

		write_down(drop, listed, sizeof(listed));
		if (strcmp(listed, row->listed) != 0)
			fail_msg("%s (cut %zu): \"%s\", not \"%s\"", row->name, cut, listed,
				 row->listed);
		assert_int_equal(maildrop_uidvalidity(drop), 1700000001);
		assert_false(maildrop_is_read_only(drop));
		maildrop_free(&drop);
	} else if (driver.listing.text[0] == '\0' ||
		   (row->text != NULL && strcmp(driver.listing.text, row->text) != 0)) {
		fail_msg("%s (cut %zu): text \"%s\"", row->name, cut, driver.listing.text);
	}
	imap_listing_deinit(&driver.listing);
	imap_script_deinit(&script);
}

static void listings_are_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play_row(&rows[i], IMAP_SCRIPT_WHOLE);
		play_row(&rows[i], IMAP_SCRIPT_OCTETS);
		for (size_t cut = 1; cut < strlen(rows[i].server); cut++)
			play_row(&rows[i], cut);
	}
}

static void a_hundred_thousand_messages_are_ordinary(void **state)
{
	struct imap_listing_options options = { .not_after = INT64_MAX };
	static struct imap_script script;
	struct driver driver;
	struct maildrop *drop;

	(void)state;
	imap_script_init_selected(&script, "", 100000);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	driver.status = imap_listing_start(&driver.listing, script.client, &options);
	/* Backwards, so that they have to be put in order. */
	for (unsigned uid = 200000; uid > 0; uid -= 2) {
		char line[100];

		(void)snprintf(line, sizeof(line),
			       "* %u FETCH (UID %u FLAGS () RFC822.SIZE 50000)\r\n", uid / 2, uid);
		imap_script_say(&script, line);
	}
	imap_script_say(&script, DONE);
	assert_int_equal(driver.status, IMAP_LISTING_DONE);
	drop = imap_listing_take(&driver.listing);
	assert_int_equal(maildrop_count(drop), 100000);
	assert_true(maildrop_octets(drop) == UINT64_C(5000000000));
	assert_int_equal(maildrop_uid(drop, 1), 2);
	assert_int_equal(maildrop_find(drop, 200000), 100000);
	maildrop_free(&drop);
	imap_listing_deinit(&driver.listing);
	imap_script_deinit(&script);
}

/* A listing that is given up leaves nothing behind, nor does one that never began. */
static void it_can_be_given_up(void **state)
{
	struct imap_listing_options options = { .not_after = INT64_MAX };
	struct imap_listing never = { .id = 0 };
	static struct imap_script script;
	struct driver driver;

	(void)state;
	imap_listing_deinit(&never);
	imap_script_init_selected(&script, "", 2);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	driver.status = imap_listing_start(&driver.listing, script.client, &options);
	imap_script_say(&script, SEVEN "* 2 FETCH (UID 8 FLAGS ())\r\n" DONE);
	assert_int_equal(driver.status, IMAP_LISTING_MORE);
	imap_listing_deinit(&driver.listing);
	imap_script_deinit(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listings_are_as_written),
		cmocka_unit_test(a_hundred_thousand_messages_are_ordinary),
		cmocka_unit_test(it_can_be_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
