/* SPDX-License-Identifier: ISC */
#include "daemon/attention.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/stderr_capture.h"

static const struct store_mailbox ada = { "imap.example.org", "ada@example.org", "INBOX" };
static const struct store_mailbox bob = { "imap.example.org", "bob@example.org", "INBOX" };
static const struct store_mailbox other = { "imap.example.org", "ada@example.org", "Other" };

struct place {
	char folder[64];
	struct loop loop;
	struct log log;
	struct store *store;
	struct attention *attention;
	struct stderr_capture capture;
};

static void place_open(struct place *place)
{
	char error[300] = "";

	place->store = store_open(&place->loop, place->folder, error, sizeof(error));
	assert_non_null(place->store);
	place->attention =
		attention_new(&place->loop, &place->log, place->store, error, sizeof(error));
	assert_non_null(place->attention);
}

static void place_close(struct place *place)
{
	store_close(&place->store);
	attention_free(&place->attention);
}

/* As a restart does; what was asked of the store is done before. */
static void place_reopen(struct place *place)
{
	place_close(place);
	place_open(place);
}

static void place_init(struct place *place)
{
	*place = (struct place){ .folder = "/tmp/packetboat-attention-XXXXXX" };
	assert_non_null(mkdtemp(place->folder));
	stderr_capture_start(&place->capture);
	log_init(&place->log, CONF_LOG_INFO);
	assert_true(loop_init(&place->loop));
	place_open(place);
}

/* Returns the log. */
static const char *place_deinit(struct place *place)
{
	char path[128];

	place_close(place);
	loop_deinit(&place->loop);
	snprintf(path, sizeof(path), "%s/packetboat.db", place->folder);
	unlink(path);
	assert_int_equal(rmdir(place->folder), 0);
	return stderr_capture_end(&place->capture);
}

static void raise_it(struct place *place, const struct store_mailbox *mailbox, const char *account,
		     enum attention_reason reason, const char *detail)
{
	attention_raise(place->attention, &(struct attention_report){ .mailbox = *mailbox,
								      .account = account,
								      .reason = reason,
								      .detail = detail,
								      .remedy = "Sign in." });
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
		count++;
	return count;
}

static void an_incident_lasts_and_is_told_of_once(void **state)
{
	struct attention_incident incident;
	struct place place;
	char unique_id[ATTENTION_UNIQUE_ID_LEN + 1];

	(void)state;
	place_init(&place);
	assert_false(attention_find(place.attention, &ada, &incident));
	time_t before = time(NULL);
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_find(place.attention, &ada, &incident));
	assert_int_equal(incident.reason, ATTENTION_SIGN_IN_NEEDED);
	assert_string_equal(incident.account, "ada");
	assert_string_equal(incident.detail, "It expired");
	assert_string_equal(incident.remedy, "Sign in.");
	assert_in_range(incident.began, before, time(NULL));
	assert_false(incident.dismissed);
	assert_int_equal(strlen(incident.unique_id), ATTENTION_UNIQUE_ID_LEN);
	assert_memory_equal(incident.unique_id, "packetboat-", 11);
	memcpy(unique_id, incident.unique_id, sizeof(unique_id));
	before = incident.began;
	/* Nobody else's. */
	assert_false(attention_find(place.attention, &bob, &incident));
	assert_false(attention_find(place.attention, &other, &incident));
	/* Again, by another name of the same mailbox, and behind a restart. */
	raise_it(&place, &ada, "Ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	place_reopen(&place);
	raise_it(&place, &ada, "ADA", ATTENTION_SIGN_IN_NEEDED, "It was revoked");
	place_reopen(&place);
	assert_true(attention_find(place.attention, &ada, &incident));
	assert_string_equal(incident.unique_id, unique_id);
	assert_string_equal(incident.account, "ada");
	assert_string_equal(incident.detail, "It was revoked");
	assert_int_equal(incident.began, before);
	assert_string_equal(place_deinit(&place),
			    "warning attention account=ada reason=sign-in-needed "
			    "detail=\"It expired\" remedy=\"Sign in.\"\n");
}

static void a_success_ends_it(void **state)
{
	struct attention_incident incident;
	struct place place;
	char unique_id[ATTENTION_UNIQUE_ID_LEN + 1];

	(void)state;
	place_init(&place);
	/* Where there is none, nothing happens. */
	attention_clear(place.attention, &ada);
	raise_it(&place, &ada, "ada", ATTENTION_ADMINISTRATOR_NEEDED, "The secret expired");
	raise_it(&place, &bob, "bob", ATTENTION_SIGN_IN_NEEDED, "Nobody signed in");
	assert_true(attention_find(place.attention, &ada, &incident));
	memcpy(unique_id, incident.unique_id, sizeof(unique_id));
	attention_clear(place.attention, &ada);
	attention_clear(place.attention, &ada);
	assert_false(attention_find(place.attention, &ada, &incident));
	assert_true(attention_find(place.attention, &bob, &incident));
	place_reopen(&place);
	assert_false(attention_find(place.attention, &ada, &incident));
	assert_true(attention_find(place.attention, &bob, &incident));
	/* The next one is another. */
	raise_it(&place, &ada, "ada", ATTENTION_ADMINISTRATOR_NEEDED, "The secret expired");
	assert_true(attention_find(place.attention, &ada, &incident));
	assert_string_not_equal(incident.unique_id, unique_id);
	const char *log = place_deinit(&place);
	assert_int_equal(count_of(log, "warning attention account=ada "), 2);
	assert_int_equal(count_of(log, "warning attention account=bob "), 1);
	assert_int_equal(
		count_of(log, "info attention-over account=ada reason=administrator-needed\n"), 1);
	assert_int_equal(count_of(log, "\n"), 4);
}

static void another_reason_is_another_incident(void **state)
{
	struct attention_incident incident;
	struct place place;
	char unique_id[ATTENTION_UNIQUE_ID_LEN + 1];

	(void)state;
	place_init(&place);
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_find(place.attention, &ada, &incident));
	memcpy(unique_id, incident.unique_id, sizeof(unique_id));
	raise_it(&place, &ada, "ada", ATTENTION_ADMINISTRATOR_NEEDED, "The secret expired");
	for (int i = 0; i < 2; i++) {
		assert_true(attention_find(place.attention, &ada, &incident));
		assert_int_equal(incident.reason, ATTENTION_ADMINISTRATOR_NEEDED);
		assert_string_not_equal(incident.unique_id, unique_id);
		place_reopen(&place);
	}
	attention_clear(place.attention, &ada);
	place_reopen(&place);
	assert_false(attention_find(place.attention, &ada, &incident));
	assert_int_equal(count_of(place_deinit(&place), "warning attention "), 2);
}

static void a_forecast_keeps_no_mailbox_closed(void **state)
{
	struct attention_incident incident;
	struct place place;

	(void)state;
	place_init(&place);
	raise_it(&place, &ada, "ada", ATTENTION_CREDENTIAL_EXPIRING, "The secret expires");
	assert_false(attention_find(place.attention, &ada, &incident));
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	/* A login that works says nothing about the days to come. */
	attention_clear(place.attention, &ada);
	place_reopen(&place);
	raise_it(&place, &ada, "ada", ATTENTION_CREDENTIAL_EXPIRING, "The secret expires");
	attention_clear_forecast(place.attention, &ada);
	attention_clear_forecast(place.attention, &bob);
	place_reopen(&place);
	raise_it(&place, &ada, "ada", ATTENTION_CREDENTIAL_EXPIRING, "The secret expires");
	const char *log = place_deinit(&place);
	assert_int_equal(count_of(log, "warning attention account=ada reason=credential-expiring"),
			 2);
	assert_int_equal(count_of(log, "attention-over account=ada reason=credential-expiring"), 1);
	assert_int_equal(count_of(log, "attention-over account=ada reason=sign-in-needed"), 1);
}

/* ---- dismissal ---- */

struct answer {
	struct loop *loop;
	unsigned came;
	bool ok;
	uint64_t ticket;
};

static void on_answer(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct answer *got = owner;

	got->came++;
	got->ok = answer->ok;
	got->ticket = ticket;
	loop_stop(got->loop);
}

static void its_message_is_deleted_once_and_for_all(void **state)
{
	struct attention_incident incident;
	struct place place;

	(void)state;
	place_init(&place);
	struct answer got = { .loop = &place.loop };
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_find(place.attention, &ada, &incident));
	assert_true(
		attention_dismiss(place.attention, &ada, incident.unique_id, on_answer, &got, 42));
	assert_int_equal(got.came, 0);
	while (got.came == 0)
		assert_true(loop_run(&place.loop));
	assert_true(got.ok);
	assert_int_equal(got.ticket, 42);
	for (int i = 0; i < 2; i++) {
		assert_true(attention_find(place.attention, &ada, &incident));
		assert_true(incident.dismissed);
		/* News of the same incident do not bring it back. */
		raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It was revoked");
		place_reopen(&place);
	}
	attention_clear(place.attention, &ada);
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_find(place.attention, &ada, &incident));
	assert_false(incident.dismissed);
	place_deinit(&place);
}

static void what_is_over_needs_no_dismissal(void **state)
{
	struct attention_incident first;
	struct attention_incident second;
	struct place place;

	(void)state;
	place_init(&place);
	struct answer got = { .loop = &place.loop };
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_find(place.attention, &ada, &first));
	attention_clear(place.attention, &ada);
	assert_true(attention_dismiss(place.attention, &ada, first.unique_id, on_answer, &got, 1));
	assert_int_equal(got.came, 1);
	assert_true(got.ok);
	/* Another began meanwhile, and nobody has seen its message yet. */
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_dismiss(place.attention, &ada, first.unique_id, on_answer, &got, 2));
	assert_int_equal(got.came, 2);
	assert_true(got.ok);
	place_reopen(&place);
	assert_true(attention_find(place.attention, &ada, &second));
	assert_false(second.dismissed);
	/* It ends while its dismissal is being written. */
	assert_true(attention_dismiss(place.attention, &ada, second.unique_id, on_answer, &got, 3));
	attention_clear(place.attention, &ada);
	place_reopen(&place);
	assert_int_equal(got.came, 3);
	assert_true(got.ok);
	assert_false(attention_find(place.attention, &ada, &second));
	/* And another begins before that has been done: its message was not seen. */
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_find(place.attention, &ada, &second));
	assert_true(attention_dismiss(place.attention, &ada, second.unique_id, on_answer, &got, 4));
	attention_clear(place.attention, &ada);
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	place.loop.stopped = false;
	while (got.came == 3)
		assert_true(loop_run(&place.loop));
	for (int i = 0; i < 2; i++) {
		assert_true(attention_find(place.attention, &ada, &second));
		assert_false(second.dismissed);
		place_reopen(&place);
	}
	place_deinit(&place);
}

static void news_while_its_dismissal_is_written_do_not_bring_it_back(void **state)
{
	struct attention_incident incident;
	struct place place;

	(void)state;
	place_init(&place);
	struct answer got = { .loop = &place.loop };
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_true(attention_find(place.attention, &ada, &incident));
	assert_true(
		attention_dismiss(place.attention, &ada, incident.unique_id, on_answer, &got, 1));
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It was revoked");
	while (got.came == 0)
		assert_true(loop_run(&place.loop));
	for (int i = 0; i < 2; i++) {
		assert_true(attention_find(place.attention, &ada, &incident));
		assert_true(incident.dismissed);
		assert_string_equal(incident.detail, "It was revoked");
		place_reopen(&place);
	}
	place_deinit(&place);
}

static void of_two_on_disk_the_later_one_counts(void **state)
{
	struct store_incident one = { .mailbox = ada, .account = "ada", .detail = "one" };
	struct attention_incident incident;
	struct place place;

	(void)state;
	place_init(&place);
	/* As they are when somebody dies while the second takes the place of the first. */
	for (unsigned later = 0; later < 2; later++) {
		struct answer got = { .loop = &place.loop };

		for (unsigned reason = 0; reason < 2; reason++) {
			one.reason = reason;
			one.began = reason == later ? 2000 : 1000;
			assert_true(store_put_incident(place.store, &one, on_answer, &got, 1));
		}
		place_reopen(&place);
		assert_true(attention_find(place.attention, &ada, &incident));
		assert_int_equal(incident.reason, later);
	}
	place_deinit(&place);
}

/* ---- the program ---- */

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	loop_stop(argument);
}

static void the_program_runs_once_for_each_incident(void **state)
{
	char program[96];
	char result[96];
	char text[512] = "";
	struct place place;
	struct timeval often = { .tv_usec = 5000 };
	size_t len = 0;

	(void)state;
	place_init(&place);
	snprintf(program, sizeof(program), "%s/program", place.folder);
	snprintf(result, sizeof(result), "%s/result", place.folder);
	FILE *file = fopen(program, "w");
	assert_non_null(file);
	fprintf(file,
		"#!/bin/sh\n"
		"echo \"$PACKETBOAT_ACCOUNT|$PACKETBOAT_REASON|$PACKETBOAT_DETAIL\" >>%s\n",
		result);
	fclose(file);
	assert_int_equal(chmod(program, 0700), 0);
	/* Nobody is to be run yet. */
	raise_it(&place, &other, "other", ATTENTION_SIGN_IN_NEEDED, "It expired");
	attention_set_program(place.attention, program);
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It expired");
	raise_it(&place, &ada, "ada", ATTENTION_SIGN_IN_NEEDED, "It was revoked");
	raise_it(&place, &bob, "bob", ATTENTION_CREDENTIAL_EXPIRING, "The secret expires");
	struct event *tick = event_new(place.loop.base, -1, EV_PERSIST, on_tick, &place.loop);
	event_add(tick, &often);
	while (count_of(text, "\n") < 2) {
		place.loop.stopped = false;
		assert_true(loop_run(&place.loop));
		file = fopen(result, "r");
		len = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
		text[len] = '\0';
		if (file != NULL)
			fclose(file);
	}
	event_free(tick);
	attention_set_program(place.attention, NULL);
	raise_it(&place, &bob, "bob", ATTENTION_SIGN_IN_NEEDED, "It expired");
	assert_string_equal(text, "ada|sign-in-needed|It expired\n"
				  "bob|credential-expiring|The secret expires\n");
	unlink(program);
	unlink(result);
	place_deinit(&place);
}

/* ---- the message ---- */

static const char *message_of(const struct attention_incident *incident, char text_r[8192])
{
	struct bytebuf out;

	bytebuf_init(&out, 8192 - 1);
	assert_true(attention_message(incident, &out));
	struct span octets = bytebuf_peek(&out);
	memcpy(text_r, octets.data, octets.len);
	text_r[octets.len] = '\0';
	bytebuf_deinit(&out);
	return text_r;
}

static void the_message_says_what_happened_and_what_to_do(void **state)
{
	static const struct attention_incident incident = {
		.reason = ATTENTION_SIGN_IN_NEEDED,
		.unique_id = "packetboat-0123abcd",
		.began = 1795237445,
		.account = "ada@example.org",
		.detail = "The sign-in is no longer valid: the password was changed, or an "
			  "administrator ended all sessions (AADSTS50173)",
		.remedy = "The person signs in again.",
	};
	char text[8192];

	(void)state;
	assert_string_equal(
		message_of(&incident, text),
		"From: Packetboat <packetboat@packetboat.invalid>\r\n"
		"To: ada@example.org\r\n"
		"Date: Sat, 21 Nov 2026 05:04:05 +0000\r\n"
		"Subject: Mail cannot be fetched: somebody has to sign in\r\n"
		"Message-ID: <packetboat-0123abcd.1795237445@packetboat.invalid>\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n"
		"\r\n"
		"Packetboat cannot fetch the mail of ada@example.org now: somebody has to\r\n"
		"sign in first.\r\n"
		"\r\n"
		"What happened, on 2026-11-21 at 05:04 UTC:\r\n"
		"\r\n"
		"    The sign-in is no longer valid: the password was changed, or an\r\n"
		"    administrator ended all sessions (AADSTS50173)\r\n"
		"\r\n"
		"What to do:\r\n"
		"\r\n"
		"    The person signs in again.\r\n"
		"\r\n"
		"    This is the command, on the computer where Packetboat runs:\r\n"
		"\r\n"
		"        packetboat login ada@example.org\r\n"
		"\r\n"
		"No mail is lost. New messages wait in the mailbox on the mail server.\r\n"
		"The old ones are listed here all the same, so that your mail program\r\n"
		"does not forget that it has them; but they cannot be fetched again or\r\n"
		"deleted now.\r\n"
		"\r\n"
		"This message is not in the mailbox: Packetboat made it. It goes away by\r\n"
		"itself as soon as mail can be fetched again. If you delete it, it does\r\n"
		"not come back, and logins are refused until then.\r\n");
}

/* Every line is short, ends in CRLF, and holds neither control characters nor broken UTF-8. */
static void assert_sound(const char *text)
{
	size_t column = 0;

	for (const char *octet = text; *octet != '\0'; octet++) {
		if (octet[0] == '\r' && octet[1] == '\n') {
			assert_in_range(column, 0, 998);
			column = 0;
			octet++;
			continue;
		}
		assert_true((unsigned char)*octet >= ' ' && *octet != 0x7f);
		column++;
	}
	assert_int_equal(column, 0);
}

static void hostile_texts_are_tamed(void **state)
{
	char word[2001];
	char text[8192];
	struct attention_incident incident = {
		.reason = ATTENTION_ADMINISTRATOR_NEEDED,
		.unique_id = "packetboat-ffffffff",
		.account = "x\r\nBcc: all@example.org",
		.detail = "line\r\n.\r\n\x1b[2J nul \xff\xfe gr\xc3\xbc\xc3\x9f \xe2\x82 "
			  "\xed\xa0\x80 "
			  "\xc0\x80 \xf0\x9f\x93\xae\xf4\x90\x80\x80",
	};

	(void)state;
	message_of(&incident, text);
	assert_sound(text);
	assert_non_null(strstr(text, "\r\nTo: undisclosed-recipients:;\r\n"));
	assert_null(strstr(text, "\r\nBcc"));
	assert_non_null(strstr(text, "    line . [2J nul ?? gr\xc3\xbc\xc3\x9f ?? ??? ?? "
				     "\xf0\x9f\x93\xae????\r\n"));
	assert_non_null(strstr(text, "        packetboat doctor ACCOUNT\r\n"));

	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	memcpy(word + 699, "\xc3\xbc", 2);
	incident.account = word;
	incident.detail = word;
	incident.remedy = word;
	message_of(&incident, text);
	assert_sound(text);
	assert_null(strchr(text, '?'));
}

static void accounts_become_arguments(void **state)
{
	static const struct {
		const char *account;
		const char *to;
		const char *argument;
	} rows[] = {
		{ "ada", "undisclosed-recipients:;", "ada" },
		{ "a.b+c@example.org", "a.b+c@example.org", "a.b+c@example.org" },
		{ "o'neil@example.org", "o'neil@example.org", "ACCOUNT" },
		{ "EXAMPLE\\ada", "undisclosed-recipients:;", "'EXAMPLE\\ada'" },
		{ "ada; reboot", "undisclosed-recipients:;", "'ada; reboot'" },
		{ "-x@example.org", "-x@example.org", "'-x@example.org'" },
		{ "gr\xc3\xbcn@example.org", "undisclosed-recipients:;",
		  "'gr\xc3\xbcn@example.org'" },
		{ "a@b@c", "undisclosed-recipients:;", "a@b@c" },
		{ "a..b@example.org", "undisclosed-recipients:;", "a..b@example.org" },
		{ "@", "undisclosed-recipients:;", "@" },
	};
	char wanted[300];
	char text[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct attention_incident incident = { .account = rows[i].account,
						       .detail = "It expired" };

		message_of(&incident, text);
		assert_sound(text);
		snprintf(wanted, sizeof(wanted), "\r\nTo: %s\r\n", rows[i].to);
		if (strstr(text, wanted) == NULL)
			fail_msg("%s: no %s in\n%s", rows[i].account, wanted, text);
		snprintf(wanted, sizeof(wanted), "\r\n        packetboat login %s\r\n",
			 rows[i].argument);
		if (strstr(text, wanted) == NULL)
			fail_msg("%s: no %s in\n%s", rows[i].account, wanted, text);
	}
}

static void a_message_too_long_is_no_message(void **state)
{
	struct attention_incident incident = { .account = "ada", .detail = "It expired" };
	struct bytebuf out;

	(void)state;
	for (size_t limit = 64; limit < 1024; limit += 64) {
		bytebuf_init(&out, limit);
		assert_false(attention_message(&incident, &out));
		bytebuf_deinit(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_incident_lasts_and_is_told_of_once),
		cmocka_unit_test(a_success_ends_it),
		cmocka_unit_test(another_reason_is_another_incident),
		cmocka_unit_test(a_forecast_keeps_no_mailbox_closed),
		cmocka_unit_test(its_message_is_deleted_once_and_for_all),
		cmocka_unit_test(what_is_over_needs_no_dismissal),
		cmocka_unit_test(news_while_its_dismissal_is_written_do_not_bring_it_back),
		cmocka_unit_test(of_two_on_disk_the_later_one_counts),
		cmocka_unit_test(the_program_runs_once_for_each_incident),
		cmocka_unit_test(the_message_says_what_happened_and_what_to_do),
		cmocka_unit_test(hostile_texts_are_tamed),
		cmocka_unit_test(accounts_become_arguments),
		cmocka_unit_test(a_message_too_long_is_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
