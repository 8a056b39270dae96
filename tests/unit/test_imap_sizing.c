/* SPDX-License-Identifier: ISC */
#include "protocol/imap_sizing.h"

#include "tests/unit/imap_script.h"

/* Writes down what was learnt: "uid/octets ", and "done" or "failed". */
struct driver {
	struct imap_sizing sizing;
	char learnt[512];
	size_t len;
	unsigned count;
};

static void take_status(struct driver *driver, enum imap_sizing_status status)
{
	size_t size = sizeof(driver->learnt) - driver->len;
	char *end = driver->learnt + driver->len;

	switch (status) {
	case IMAP_SIZING_MORE:
		return;
	case IMAP_SIZING_LEARNT:
		driver->count++;
		if (size < 64)
			return;
		driver->len +=
			(size_t)snprintf(end, size, "%lu/%llu ", (unsigned long)driver->sizing.uid,
					 (unsigned long long)driver->sizing.octets);
		return;
	case IMAP_SIZING_DONE:
		driver->len += (size_t)snprintf(end, size, "done");
		return;
	case IMAP_SIZING_FAILED:
		driver->len += (size_t)snprintf(end, size, "failed: %s", driver->sizing.text);
		return;
	}
}

static void on_event(void *machine, const struct imap_event *event)
{
	struct driver *driver = machine;

	take_status(driver, imap_sizing_event(&driver->sizing, event));
}

static struct maildrop *maildrop_of(const uint32_t *uids, size_t count)
{
	struct maildrop *drop = maildrop_new(1);

	assert_non_null(drop);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(maildrop_add(drop, uids[i], 1000), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	return drop;
}

static uint32_t *copy_uids(const uint32_t *uids, size_t count)
{
	uint32_t *copy = calloc(count > 0 ? count : 1, sizeof(*copy));

	assert_non_null(copy);
	for (size_t i = 0; i < count; i++)
		copy[i] = uids[i];
	return copy;
}

static const struct row {
	const char *name;
	const char *server;
	const char *learnt;
	uint64_t octets; /* of the whole maildrop in the end */
} rows[] = {
	{ "as they are",
	  "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n* 2 FETCH (UID 9 BODY[] {2}\r\n\r\n)\r\n"
	  "$1 OK x\r\n",
	  "7/3 9/2 done", 5 },
	{ "line ends repaired, dots not doubled",
	  "* 1 FETCH (UID 7 BODY[] {8}\r\n.\n..\r\n.x)\r\n$1 OK x\r\n", "7/11 done", 1011 },
	{ "UID behind, other order",
	  "* 2 FETCH (BODY[] \"y\" UID 9)\r\n* 1 FETCH (BODY[] \"xx\" UID 7)\r\n$1 OK x\r\n",
	  "9/3 7/4 done", 7 },
	{ "what cannot be read keeps its figure",
	  "* 1 FETCH (UID 7 BODY[] NIL)\r\n* 2 FETCH (UID 9 BODY[] {0}\r\n)\r\n$1 OK x\r\n", "done",
	  2000 },
	{ "nor is a placeholder the message",
	  "* 1 FETCH (UID 7 BODY[] {107}\r\nFrom: Microsoft Exchange\r\nSubject: Retrieval using "
	  "the IMAP4 protocol failed for the following message\r\n\r\nx)\r\n"
	  "* 2 FETCH (UID 9 BODY[] {29}\r\nFrom: Microsoft Exchange\r\n\r\nx)\r\n$1 OK x\r\n",
	  "9/31 done", 1031 },
	{ "nothing comes", "$1 OK x\r\n", "done", 2000 },
	{ "NO leaves the rest as it is", "* 1 FETCH (UID 7 BODY[] \"x\")\r\n$1 NO x\r\n",
	  "7/3 done", 1003 },
	{ "a part is not the message", "* 1 FETCH (UID 7 BODY[]<0> \"x\")\r\n$1 OK x\r\n", "done",
	  2000 },
	{ "another section is not the message", "* 1 FETCH (UID 7 BODY[TEXT] \"x\")\r\n$1 OK x\r\n",
	  "done", 2000 },
	{ "a message that is not in the maildrop", "* 1 FETCH (UID 8 BODY[] \"x\")\r\n$1 OK x\r\n",
	  "done", 2000 },
	{ "octets of nobody are not the next one's",
	  "* 1 FETCH (BODY[] \"xxxx\")\r\n* 1 FETCH (UID 7 FLAGS ())\r\n$1 OK x\r\n", "done",
	  2000 },
	{ "throttled", "$1 NO Request is throttled.\r\n", "failed: Request is throttled.", 2000 },
	{ "BAD", "$1 BAD x\r\n", "failed: x", 2000 },
	{ "BYE", "* BYE x\r\n", "failed: x", 2000 },
};

static void play_row(const struct row *row, size_t cut)
{
	static const uint32_t uids[] = { 7, 9 };
	static struct imap_script script;
	struct driver driver = { .len = 0 };
	struct maildrop *drop = maildrop_of(uids, 2);

	imap_script_init_selected(&script, "", 2);
	imap_script_begin(&script, on_event, &driver, cut);
	take_status(&driver,
		    imap_sizing_start(&driver.sizing, script.client, drop, copy_uids(uids, 2), 2));
	imap_script_say(&script, row->server);
	if (strcmp(driver.learnt, row->learnt) != 0)
		fail_msg("%s (cut %zu): \"%s\", not \"%s\"", row->name, cut, driver.learnt,
			 row->learnt);
	if (maildrop_octets(drop) != row->octets)
		fail_msg("%s (cut %zu): %llu octets", row->name, cut,
			 (unsigned long long)maildrop_octets(drop));
	imap_sizing_deinit(&driver.sizing);
	maildrop_free(&drop);
	imap_script_deinit(&script);
}

static void sizes_are_learnt_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play_row(&rows[i], IMAP_SCRIPT_WHOLE);
		play_row(&rows[i], IMAP_SCRIPT_OCTETS);
		for (size_t cut = 1; cut < strlen(rows[i].server); cut++)
			play_row(&rows[i], cut);
	}
}

static void nothing_to_learn_asks_nothing(void **state)
{
	static struct imap_script script;
	struct driver driver = { .len = 0 };
	struct maildrop *drop = maildrop_of(NULL, 0);

	(void)state;
	imap_script_init_selected(&script, "", 0);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	take_status(&driver, imap_sizing_start(&driver.sizing, script.client, drop, NULL, 0));
	imap_script_gather(&script);
	assert_string_equal(driver.learnt, "done");
	assert_string_equal(script.sent, "");
	imap_sizing_deinit(&driver.sizing);
	maildrop_free(&drop);
	imap_script_deinit(&script);
}

/* A hundred at a time, and two commands under way. */
static void many_are_asked_for_in_batches(void **state)
{
	static struct imap_script script;
	struct driver driver = { .len = 0 };
	struct maildrop *drop;
	uint32_t uids[250];

	(void)state;
	for (uint32_t i = 0; i < 250; i++)
		uids[i] = i + 1;
	drop = maildrop_of(uids, 250);
	imap_script_init_selected(&script, "", 250);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	take_status(&driver, imap_sizing_start(&driver.sizing, script.client, drop,
					       copy_uids(uids, 250), 250));
	imap_script_gather(&script);
	assert_string_equal(script.sent, "1 UID FETCH 1:100 (UID BODY.PEEK[])\r\n"
					 "2 UID FETCH 101:200 (UID BODY.PEEK[])\r\n");
	for (unsigned uid = 1; uid <= 250; uid++) {
		char line[100];

		(void)snprintf(line, sizeof(line), "* %u FETCH (UID %u BODY[] \"abc\")\r\n", uid,
			       uid);
		imap_script_say(&script, line);
		if (uid % 100 == 0) {
			(void)snprintf(line, sizeof(line), "$%u OK x\r\n", uid / 100);
			imap_script_say(&script, line);
		}
	}
	imap_script_say(&script, "$3 OK x\r\n");
	assert_non_null(strstr(script.sent, "3 UID FETCH 201:250 (UID BODY.PEEK[])\r\n"));
	assert_int_equal(driver.count, 250);
	assert_non_null(strstr(driver.learnt, "done"));
	assert_int_equal(maildrop_octets(drop), 250 * 5);
	imap_sizing_deinit(&driver.sizing);
	maildrop_free(&drop);
	imap_script_deinit(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_learnt_as_written),
		cmocka_unit_test(nothing_to_learn_asks_nothing),
		cmocka_unit_test(many_are_asked_for_in_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
