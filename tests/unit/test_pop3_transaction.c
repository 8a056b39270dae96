/* SPDX-License-Identifier: ISC */
#include "tests/unit/pop3_talk.h"

#include <stdio.h>

#include "protocol/byte_stuff.h"
#include "protocol/limits.h"

/* Every row begins with this login. */
#define LOGIN "AUTH PLAIN AGEAYg==\n"
#define IN "{PLAIN a/b}\n+OK 4 messages (5000000327 octets)\n"

static const struct pop3_server_options plain = { .login_allowed = true };

static void listings(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "STAT 32-bit overflow",
		  .input = OCTETS(LOGIN "STAT\n"),
		  .expected = IN "+OK 4 5000000327\n" },
		{ .name = "LIST",
		  .input = OCTETS(LOGIN "LIST\n"),
		  .expected = IN "+OK 4 messages (5000000327 octets)\n"
				 "1 120\n2 200\n3 5000000000\n4 7\n.\n" },
		{ .name = "multi-line reply to LIST n",
		  .input = OCTETS(LOGIN "LIST 2\nLIST  0002 \nUIDL 2\nNOOP\n"),
		  .expected = IN "+OK 2 200\n+OK 2 200\n+OK 2 0000002b6553f101\n+OK Still here\n" },
		{ .name = "UIDL",
		  .input = OCTETS(LOGIN "UIDL\n"),
		  .expected =
			  IN "+OK 4 messages (5000000327 octets)\n1 0000002a6553f101\n"
			     "2 0000002b6553f101\n3 000000326553f101\n4 000000336553f101\n.\n" },
		{ .name = "deleted still listed",
		  .input = OCTETS(LOGIN "DELE 1\nDELE 3\nLIST\nUIDL\nSTAT\nLIST 1\nUIDL 3\n"),
		  .expected =
			  IN "+OK Message 1 deleted\n+OK Message 3 deleted\n"
			     "+OK 2 messages (207 octets)\n2 200\n4 7\n.\n"
			     "+OK 2 messages (207 octets)\n"
			     "2 0000002b6553f101\n4 000000336553f101\n.\n"
			     "+OK 2 207\n-ERR Message 1 is deleted\n-ERR Message 3 is deleted\n" },
		{ .name = "all deleted",
		  .input = OCTETS(LOGIN "DELE 1\nDELE 2\nDELE 3\nDELE 4\nLIST\nUIDL\nSTAT\n"),
		  .expected = IN "+OK Message 1 deleted\n+OK Message 2 deleted\n"
				 "+OK Message 3 deleted\n+OK Message 4 deleted\n"
				 "+OK 0 messages (0 octets)\n.\n+OK 0 messages (0 octets)\n.\n"
				 "+OK 0 0\n" },
		{ .name = "numbers that are none of a message",
		  .input = OCTETS(LOGIN "LIST 0\nLIST 5\nLIST 4294967297\nRETR 0\nRETR 4294967298\n"
					"TOP 5 1\nDELE 18446744073709551615\nUIDL 00\nRETR 5\n"
					"DELE 0\nDELE 99\nSTAT\n"),
		  .expected = IN "-ERR No such message\n-ERR No such message\n"
				 "-ERR No such message\n-ERR No such message\n"
				 "-ERR No such message\n-ERR No such message\n"
				 "-ERR No such message\n-ERR No such message\n"
				 "-ERR No such message\n-ERR No such message\n"
				 "-ERR No such message\n+OK 4 5000000327\n" },
		{ .name = "wrong syntax",
		  .input = OCTETS(LOGIN "RETR -1\nRETR 1 x\nTOP 1\nDELE\nLIST 1 2\nSTAT 1\n"),
		  .expected = IN "-ERR RETR takes a message-number\n"
				 "-ERR RETR takes a message-number\n"
				 "-ERR TOP takes a message-number and a number of body lines\n"
				 "-ERR DELE takes a message-number\n"
				 "-ERR LIST takes a message-number or nothing\n"
				 "-ERR STAT takes no argument\n" },
	};

	(void)state;
	TALK_CHECK(rows, &plain);
}

static void messages(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "RETR and TOP",
		  .input = OCTETS(LOGIN "RETR 1\nTOP 2 0\nTOP 3 1000000000\nRETR 003\n"),
		  .expected = IN "{RETR 1}\n+OK Message follows\n(message)\n.\n"
				 "{TOP 2 0}\n+OK Message follows\n(message)\n.\n"
				 "{TOP 3 1000000000}\n+OK Message follows\n(message)\n.\n"
				 "{RETR 3}\n+OK Message follows\n(message)\n.\n" },
		{ .name = "of a deleted message",
		  .input = OCTETS(LOGIN "DELE 1\nRETR 1\nTOP 1 0\nDELE 1\n"),
		  .expected = IN "+OK Message 1 deleted\n-ERR Message 1 is deleted\n"
				 "-ERR Message 1 is deleted\n-ERR Message 1 is deleted\n" },
		{ .name = "a refused message ends nothing",
		  .input = OCTETS(LOGIN "RETR 4\nRETR 1\n"),
		  .expected = IN "{RETR 4}\n-ERR [SYS/TEMP] Unreadable\n"
				 "{RETR 1}\n+OK Message follows\n(message)\n.\n" },
	};

	(void)state;
	TALK_CHECK(rows, &plain);
}

static void deletions(void **state)
{
	static const struct talk_row rows[] = {
		{ .name = "only UPDATE deletes, and what was marked",
		  .input = OCTETS(LOGIN "DELE 3\nDELE 1\nQUIT\n"),
		  .expected = IN "+OK Message 3 deleted\n+OK Message 1 deleted\n"
				 "{UPDATE 42 50}\n+OK Goodbye\n{CLOSE quit}\n" },
		{ .name = "RSET no-op: DELE applied immediately",
		  .input = OCTETS(LOGIN "DELE 1\nDELE 2\nRSET\nSTAT\nQUIT\n"),
		  .expected = IN "+OK Message 1 deleted\n+OK Message 2 deleted\n"
				 "+OK 4 messages (5000000327 octets)\n+OK 4 5000000327\n"
				 "{UPDATE}\n+OK Goodbye\n{CLOSE quit}\n" },
		{ .name = "a lost connection deletes nothing",
		  .input = OCTETS(LOGIN "DELE 1\n"),
		  .expected = IN "+OK Message 1 deleted\n" },
		{ .name = "DELE of what could not be read",
		  .input = OCTETS(LOGIN "RETR 4\nDELE 4\nRSET\nDELE 4\nQUIT\n"),
		  .expected = IN "{RETR 4}\n-ERR [SYS/TEMP] Unreadable\n"
				 "-ERR [SYS/TEMP] This message could not be read: it is kept\n"
				 "+OK 4 messages (5000000327 octets)\n"
				 "-ERR [SYS/TEMP] This message could not be read: it is kept\n"
				 "{UPDATE}\n+OK Goodbye\n{CLOSE quit}\n" },
		{ .name = "DELE of what nobody asked for",
		  .input = OCTETS(LOGIN "DELE 4\nQUIT\n"),
		  .expected =
			  IN "+OK Message 4 deleted\n{UPDATE 51}\n+OK Goodbye\n{CLOSE quit}\n" },
	};

	(void)state;
	TALK_CHECK(rows, &plain);
}

static void expect_output(struct talk *talk, const char *input, const char *expected)
{
	bytebuf_reset(&talk->transcript);
	assert_true(talk_feed(talk, span_text(input)));
	if (!span_equal(bytebuf_peek(&talk->transcript), span_text(expected)))
		fail_msg("%s: %.*s", input, (int)bytebuf_len(&talk->transcript),
			 (const char *)bytebuf_peek(&talk->transcript).data);
}

static void the_guard_is_lifted_by_a_whole_message(void **state)
{
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	talk_flush(&talk);
	expect_output(&talk, LOGIN, IN);
	expect_output(&talk, "RETR 4\nDELE 4\n",
		      "{RETR 4}\n-ERR [SYS/TEMP] Unreadable\n"
		      "-ERR [SYS/TEMP] This message could not be read: it is kept\n");
	maildrop_mark_retrieved(talk.drop, 4);
	expect_output(&talk, "DELE 4\n", "+OK Message 4 deleted\n");
	talk_deinit(&talk);
}

static void nothing_is_deleted_in_a_read_only_maildrop(void **state)
{
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	maildrop_set_read_only(talk.drop, true);
	talk_flush(&talk);
	expect_output(&talk, LOGIN, IN);
	expect_output(&talk, "DELE 1\nDELE 9\nSTAT\n",
		      "-ERR [SYS/PERM] This mailbox is read-only\n-ERR No such message\n"
		      "+OK 4 5000000327\n");
	talk_deinit(&talk);
}

#define CLOSED                                                                                  \
	"-ERR [AUTH] The sign-in to the mail server does not work now; message 5 says what to " \
	"do\n"

/* Clients keep their memory of what is listed; nothing else can be done with it. */
static void a_withheld_maildrop_shows_all_and_gives_one(void **state)
{
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	assert_int_equal(maildrop_add_notice(talk.drop, "packetboat-0123abcd", 73), MAILDROP_OK);
	talk_flush(&talk);
	expect_output(&talk, LOGIN, "{PLAIN a/b}\n+OK 5 messages (5000000400 octets)\n");
	expect_output(&talk, "STAT\nLIST\nUIDL\n",
		      "+OK 5 5000000400\n+OK 5 messages (5000000400 octets)\n"
		      "1 120\n2 200\n3 5000000000\n4 7\n5 73\n.\n"
		      "+OK 5 messages (5000000400 octets)\n1 0000002a6553f101\n"
		      "2 0000002b6553f101\n3 000000326553f101\n4 000000336553f101\n"
		      "5 packetboat-0123abcd\n.\n");
	expect_output(&talk, "LIST 4\nUIDL 1\nLIST 5\nUIDL 5\n",
		      "+OK 4 7\n+OK 1 0000002a6553f101\n+OK 5 73\n+OK 5 packetboat-0123abcd\n");
	expect_output(&talk, "RETR 1\nTOP 2 0\nDELE 3\nRETR 6\nSTAT\n",
		      CLOSED CLOSED CLOSED "-ERR No such message\n+OK 5 5000000400\n");
	expect_output(&talk, "RETR 5\nTOP 5 2\n",
		      "{RETR 5}\n+OK Message follows\n(message)\n.\n"
		      "{TOP 5 2}\n+OK Message follows\n(message)\n.\n");
	expect_output(&talk, "DELE 5\nSTAT\nUIDL 5\nRETR 5\nRETR 1\n",
		      "+OK Message 5 deleted\n+OK 4 5000000327\n-ERR Message 5 is deleted\n"
		      "-ERR Message 5 is deleted\n" CLOSED);
	expect_output(&talk, "RSET\nDELE 5\n",
		      "+OK 5 messages (5000000400 octets)\n+OK Message 5 deleted\n");
	/* That the notice was deleted is seen in the maildrop; nothing of it goes upstream. */
	talk_feed(&talk, span_text("QUIT\n"));
	assert_true(maildrop_is_deleted(talk.drop, maildrop_notice(talk.drop)));
	assert_true(span_equal(bytebuf_peek(&talk.transcript),
			       span_text("+OK 5 messages (5000000400 octets)\n"
					 "+OK Message 5 deleted\n{UPDATE}\n+OK Goodbye\n")));
	talk_deinit(&talk);
}

/* The notice is not the mailbox's: it may go. */
static void the_notice_of_a_read_only_maildrop_can_be_deleted(void **state)
{
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	maildrop_set_read_only(talk.drop, true);
	assert_int_equal(maildrop_add_notice(talk.drop, "packetboat-0123abcd", 73), MAILDROP_OK);
	talk_flush(&talk);
	expect_output(&talk, LOGIN "DELE 5\nDELE 1\n",
		      "{PLAIN a/b}\n+OK 5 messages (5000000400 octets)\n"
		      "+OK Message 5 deleted\n" CLOSED);
	talk_deinit(&talk);
}

static void the_longest_unique_id_is_listed_whole(void **state)
{
	static const char longest[] =
		"!~34567890123456789012345678901234567890123456789012345678901234567890";
	char expected[200];
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	assert_int_equal(maildrop_add_notice(talk.drop, longest, 73), MAILDROP_OK);
	talk_flush(&talk);
	expect_output(&talk, LOGIN, "{PLAIN a/b}\n+OK 5 messages (5000000400 octets)\n");
	(void)snprintf(expected, sizeof(expected), "+OK 5 %s\n", longest);
	expect_output(&talk, "UIDL 5\n", expected);
	talk_deinit(&talk);
}

/* A listing of 100,000 messages needs no more memory than one of a thousand. */
static void long_listings_come_bit_by_bit(void **state)
{
	static const char *const commands[] = { "LIST\r\nNOOP\r\n", "UIDL\r\nNOOP\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct span in = span_text("AUTH PLAIN AGEAYg==\r\n");
		struct maildrop *drop = maildrop_new(1);
		struct pop3_server server;
		struct pop3_event event;
		enum pop3_event_type type;
		size_t lines = 0;

		assert_non_null(drop);
		for (uint32_t uid = 1; uid <= 100000; uid++)
			assert_int_equal(maildrop_add(drop, uid, 1000), MAILDROP_OK);
		assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
		maildrop_mark_deleted(drop, 50000);
		pop3_server_init(&server, &plain);
		assert_int_equal(pop3_server_next(&server, &in, &event), POP3_EVENT_LOGIN);
		pop3_server_login_ok(&server, drop);
		pop3_server_sent(&server, pop3_server_output(&server).len);
		in = span_text(commands[i]);
		do {
			type = pop3_server_next(&server, &in, &event);
			struct span out = pop3_server_output(&server);
			assert_true(out.len < POP3_OUTPUT_MAX);
			assert_true(type == POP3_EVENT_NEED_INPUT || out.len >= POP3_OUTPUT_PAUSE);
			/* A slow client takes little at a time. */
			if (type == POP3_EVENT_NEED_OUTPUT)
				out.len /= 2;
			for (size_t k = 0; k < out.len; k++)
				lines += out.data[k] == '\n' ? 1 : 0;
			pop3_server_sent(&server, out.len);
		} while (type == POP3_EVENT_NEED_OUTPUT);
		assert_int_equal(type, POP3_EVENT_NEED_INPUT);
		assert_int_equal(lines, 1 + 99999 + 1 + 1);
		pop3_server_deinit(&server);
		maildrop_free(&drop);
	}
}

static void retr_asks_for_all_lines(void **state)
{
	struct span in = span_text("AUTH PLAIN AGEAYg==\r\n");
	struct pop3_event event;
	struct talk talk;

	(void)state;
	talk_init(&talk, &plain);
	assert_true(talk_feed(&talk, in));
	in = span_text("RETR 3\r\n");
	assert_int_equal(pop3_server_next(&talk.server, &in, &event), POP3_EVENT_RETRIEVE);
	assert_int_equal(event.msgno, 3);
	assert_false(event.top);
	assert_true(event.top_lines == BYTE_STUFF_ALL_LINES);
	talk_deinit(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listings),
		cmocka_unit_test(messages),
		cmocka_unit_test(deletions),
		cmocka_unit_test(the_guard_is_lifted_by_a_whole_message),
		cmocka_unit_test(nothing_is_deleted_in_a_read_only_maildrop),
		cmocka_unit_test(a_withheld_maildrop_shows_all_and_gives_one),
		cmocka_unit_test(the_notice_of_a_read_only_maildrop_can_be_deleted),
		cmocka_unit_test(the_longest_unique_id_is_listed_whole),
		cmocka_unit_test(long_listings_come_bit_by_bit),
		cmocka_unit_test(retr_asks_for_all_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
