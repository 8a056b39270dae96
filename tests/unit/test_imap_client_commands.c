/* SPDX-License-Identifier: ISC */
#include "protocol/imap_client.h"

#include "protocol/limits.h"
#include "tests/unit/imap_hear.h"

static void expect_challenge(const struct imap_talk *talk, const char *expected)
{
	assert_true(span_equal(imap_client_challenge(talk->client), span_text(expected)));
}

static void test_authenticate(void **state)
{
	struct imap_talk *talk = *state;

	hear(talk, "* OK [CAPABILITY IMAP4rev1 SASL-IR] hello\r\n");
	imap_client_authenticate(talk->client, "XOAUTH2", span_text("user"));
	imap_client_select(talk->client, span_text("INBOX"));
	expect_sent(talk, "A1 AUTHENTICATE XOAUTH2 dXNlcg==\r\n");
	/* Google's error challenge is answered with an empty line. */
	expect_challenge(talk, "");
	hear(talk, "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n");
	expect_sent(talk, "\r\n");
	expect_challenge(talk, "eyJzdGF0dXMiOiI0MDAifQ==");
	hear(talk, "A1 NO AUTHENTICATE failed.\r\n");
	expect_sent(talk, "A2 SELECT INBOX\r\n");
	hear(talk, "A2 BAD Command received in Invalid state.\r\n");

	imap_client_authenticate(talk->client, "OAUTHBEARER", span_text("user"));
	expect_challenge(talk, "");
	hear(talk, "+ eyJzdGF0dXMiOiI0MDAifQ==\r\nA3 NO failed\r\n");
	expect_sent(talk, "A3 AUTHENTICATE OAUTHBEARER dXNlcg==\r\nAQ==\r\n");
	expect_challenge(talk, "eyJzdGF0dXMiOiI0MDAifQ==");
	imap_client_authenticate(talk->client, "PLAIN", span_text(""));
	hear(talk, "+ more\r\nA4 BAD cancelled\r\n");
	expect_sent(talk, "A4 AUTHENTICATE PLAIN =\r\n*\r\n");

	hear(talk, "* CAPABILITY IMAP4rev1\r\n");
	imap_client_authenticate(talk->client, "PLAIN", span_of("\0u\0p", 4));
	expect_sent(talk, "A5 AUTHENTICATE PLAIN\r\n");
	hear(talk, "+ bmFtZT8=\r\n");
	expect_sent(talk, "AHUAcA==\r\n");
	expect_challenge(talk, "bmFtZT8=");
	hear(talk, "+ bW9yZT8=\r\n");
	expect_sent(talk, "*\r\n");
	expect_challenge(talk, "bW9yZT8=");
	hear(talk, "A5 OK AUTHENTICATE completed.\r\n");
	assert_int_equal(imap_client_state(talk->client), IMAP_AUTHENTICATED);
}

static void test_literals_by_capability(void **state)
{
	static char name[5000];
	struct imap_talk *talk = *state;

	memset(name, 0xff, sizeof(name));
	hear(talk, "* OK [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n");
	imap_client_create(talk->client, span_of(name, 1));
	expect_sent(talk, "A1 CREATE {1+}\r\n\xff\r\n");
	hear(talk, "A1 OK\r\n* CAPABILITY IMAP4rev1 LITERAL-\r\n");
	imap_client_create(talk->client, span_of(name, 1));
	expect_sent(talk, "A2 CREATE {1+}\r\n\xff\r\n");
	imap_client_create(talk->client, span_of(name, 5000));
	expect_sent(talk, "A3 CREATE {5000}\r\n");
	hear(talk, "A2 OK\r\nA3 NO [ALREADYEXISTS] it does\r\n* CAPABILITY IMAP4rev1\r\n");
	imap_client_create(talk->client, span_of(name, 1));
	expect_sent(talk, "A4 CREATE {1}\r\n");
}

static void test_what_is_sent(void **state)
{
	static const uint32_t uids[] = { 3, 4, 5, 9, 4294967295u };
	struct imap_talk *talk = *state;
	struct imap_client *client = talk->client;
	struct span trash = span_text("Deleted Items");
	size_t taken[7];

	imap_client_id(client, "packetboat", "1 \"x\"");
	imap_client_list(client, span_text(""), span_text("%"));
	imap_client_create(client, trash);
	imap_client_fetch_listing(client, 7, 0, false);
	imap_client_fetch_listing(client, 7, 9, true);
	imap_client_fetch_flags(client, 7);
	imap_client_fetch_body(client, 7, IMAP_SECTION_WHOLE, 10, 20);
	imap_client_fetch_body(client, 7, IMAP_SECTION_HEADER, 0, 0);
	imap_client_fetch_bodies(client, uids, 5, &taken[0]);
	imap_client_store(client, uids, 5, IMAP_FLAG_SEEN | IMAP_FLAG_DELETED, &taken[1]);
	imap_client_store(client, uids, 1, IMAP_FLAG_SEEN, &taken[2]);
	imap_client_store(client, uids, 2, IMAP_FLAG_DELETED, &taken[3]);
	imap_client_copy(client, uids, 3, trash, &taken[4]);
	imap_client_move(client, uids + 3, 2, trash, &taken[5]);
	imap_client_expunge(client, uids + 4, 1, &taken[6]);
	imap_client_noop(client);
	imap_client_unselect(client);
	imap_client_logout(client);
	expect_sent(talk,
		    "A1 ID (\"name\" \"packetboat\" \"version\" \"1 \\\"x\\\"\")\r\n"
		    "A2 LIST \"\" \"%\"\r\nA3 CREATE \"Deleted Items\"\r\n"
		    "A4 UID FETCH 7:* (UID FLAGS RFC822.SIZE)\r\n"
		    "A5 UID FETCH 7:9 (UID FLAGS RFC822.SIZE INTERNALDATE)\r\n"
		    "A6 UID FETCH 7 (UID FLAGS)\r\n"
		    "A7 UID FETCH 7 (BODY.PEEK[]<10.20>)\r\n"
		    "A8 UID FETCH 7 (BODY.PEEK[HEADER])\r\n"
		    "A9 UID FETCH 3:5,9,4294967295 (UID BODY.PEEK[])\r\n"
		    "A10 UID STORE 3:5,9,4294967295 +FLAGS.SILENT (\\Seen \\Deleted)\r\n"
		    "A11 UID STORE 3 +FLAGS.SILENT (\\Seen)\r\n"
		    "A12 UID STORE 3:4 +FLAGS.SILENT (\\Deleted)\r\n"
		    "A13 UID COPY 3:5 \"Deleted Items\"\r\n"
		    "A14 UID MOVE 9,4294967295 \"Deleted Items\"\r\n"
		    "A15 UID EXPUNGE 4294967295\r\nA16 NOOP\r\nA17 UNSELECT\r\nA18 LOGOUT\r\n");
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		assert_int_equal(taken[i], ((const size_t[]){ 5, 5, 1, 2, 3, 2, 1 })[i]);
}

/* For messages that are not given to a peek. */
static void test_a_message_is_fetched_without_peek(void **state)
{
	struct imap_talk *talk = *state;

	imap_client_fetch_message(talk->client, 7);
	imap_client_clear_seen(talk->client, 4294967295u);
	expect_sent(talk, "A1 UID FETCH 7 (BODY[])\r\n"
			  "A2 UID STORE 4294967295 -FLAGS.SILENT (\\Seen)\r\n");
}

/* 5000 deletions in a bad order for ranges: cut into commands, each below the ceiling. */
static void test_long_sets_are_cut(void **state)
{
	enum { COUNT = 5000 };
	struct imap_talk *talk = *state;
	uint32_t *uids = malloc(COUNT * sizeof(*uids));
	size_t done = 0;

	assert_non_null(uids);
	for (uint32_t i = 0; i < COUNT; i++)
		uids[i] = 3000000000u + 2 * i;
	while (done < COUNT) {
		size_t taken;
		size_t before = imap_client_output(talk->client).len;
		assert_int_not_equal(imap_client_move(talk->client, uids + done, COUNT - done,
						      span_text("Deleted Items"), &taken),
				     0);
		assert_in_range(taken, 1, COUNT - done);
		assert_in_range(imap_client_output(talk->client).len - before, 1, IMAP_COMMAND_MAX);
		done += taken;
	}
	assert_int_equal(imap_client_pending(talk->client), 7);
	free(uids);
}

static void test_refused_arguments(void **state)
{
	static char name[IMAP_COMMAND_MAX];
	struct imap_talk *talk = *state;
	struct imap_client *client = talk->client;
	uint32_t uid = 1;
	size_t taken = 7;

	memset(name, 'a', sizeof(name));
	assert_int_equal(imap_client_login(client, span_of("a\0b", 3), span_text("p")), 0);
	assert_int_equal(imap_client_login(client, span_text("u"), span_of("a\0b", 3)), 0);
	assert_int_equal(imap_client_select(client, span_of("\0", 1)), 0);
	assert_int_equal(imap_client_select(client, span_of(name, sizeof(name))), 0);
	assert_int_equal(imap_client_move(client, &uid, 1, span_of(name, sizeof(name)), &taken), 0);
	assert_int_equal(taken, 0);
	assert_int_equal(imap_client_pending(client), 0);
	expect_sent(talk, "");
	/* And nothing is out of step. */
	imap_client_select(client, span_text("INBOX"));
	assert_int_equal(imap_client_pending(client), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TALK_TEST(test_authenticate),
		TALK_TEST(test_literals_by_capability),
		TALK_TEST(test_what_is_sent),
		TALK_TEST(test_long_sets_are_cut),
		TALK_TEST(test_refused_arguments),
		TALK_TEST(test_a_message_is_fetched_without_peek),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
