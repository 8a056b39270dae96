/* SPDX-License-Identifier: ISC */
#include "protocol/imap_client.h"

#include "tests/unit/imap_hear.h"

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

#define GREETED "* OK hello\r\n"
#define LOGGED_IN GREETED "A1 OK in\r\n"

/* What is asked before the server says a word; its commands are numbered from 1. */
static void ask_nothing(struct imap_client *client)
{
	(void)client;
}

static void ask_capability(struct imap_client *client)
{
	assert_int_equal(imap_client_capability(client), 1);
}

static void ask_login(struct imap_client *client)
{
	assert_int_equal(imap_client_login(client, span_text("u"), span_text("p")), 1);
}

static void ask_starttls(struct imap_client *client)
{
	assert_int_equal(imap_client_starttls(client), 1);
}

static void ask_select(struct imap_client *client)
{
	ask_login(client);
	assert_int_equal(imap_client_select(client, span_text("INBOX")), 2);
}

static void ask_listing(struct imap_client *client)
{
	ask_select(client);
	assert_int_equal(imap_client_fetch_listing(client, 1, 0, true), 3);
	assert_int_equal(imap_client_search_deleted(client), 4);
}

static void ask_body(struct imap_client *client)
{
	ask_select(client);
	assert_int_equal(imap_client_fetch_body(client, 5, IMAP_SECTION_WHOLE, 0, 0), 3);
}

static void ask_bodies(struct imap_client *client)
{
	ask_select(client);
	assert_int_equal(imap_client_fetch_body(client, 5, IMAP_SECTION_HEADER, 0, 0), 3);
	assert_int_equal(imap_client_fetch_body(client, 5, IMAP_SECTION_TEXT, 0, 100), 4);
}

static void ask_list(struct imap_client *client)
{
	ask_login(client);
	assert_int_equal(imap_client_list(client, span_text(""), span_text("*")), 2);
}

static void ask_logout(struct imap_client *client)
{
	assert_int_equal(imap_client_logout(client), 1);
}

static void ask_unselect(struct imap_client *client)
{
	ask_select(client);
	assert_int_equal(imap_client_unselect(client), 3);
}

static void ask_literal(struct imap_client *client)
{
	assert_int_equal(imap_client_login(client, span_text("\xc3\xa4"), span_text("\xff")), 1);
	assert_int_equal(imap_client_noop(client), 2);
}

static void ask_idle(struct imap_client *client)
{
	ask_select(client);
	assert_int_equal(imap_client_idle(client), 3);
	imap_client_idle_done(client);
	assert_int_equal(imap_client_noop(client), 4);
}

static const struct {
	const char *name;
	void (*ask)(struct imap_client *client);
	struct span input;
	const char *events;
	const char *sent;
	enum imap_state state;
} rows[] = {
	{ "greeting", ask_nothing, OCTETS(GREETED), "greeting OK hello\n", "",
	  IMAP_NOT_AUTHENTICATED },
	{ "greeting of PREAUTH", ask_nothing, OCTETS("* PREAUTH hello\r\n"),
	  "greeting PREAUTH hello\n", "", IMAP_AUTHENTICATED },
	{ "greeting of BYE", ask_nothing, OCTETS("* BYE [UNAVAILABLE] too many\r\n"),
	  "greeting BYE [6] too many\n", "", IMAP_LOGOUT },
	{ "Exchange's greeting", ask_nothing,
	  OCTETS("* OK The Microsoft Exchange IMAP4 service is ready. [TQBSADEA]\r\n"),
	  "greeting OK The Microsoft Exchange IMAP4 service is ready. [TQBSADEA]\n", "",
	  IMAP_NOT_AUTHENTICATED },
	{ "greeting of NO", ask_nothing, OCTETS("* NO go away\r\n"),
	  "violation: the greeting is NO or BAD\n", "", IMAP_GREETING },
	{ "no greeting but capabilities", ask_nothing, OCTETS("* CAPABILITY IMAP4rev1\r\n"),
	  "violation: something before the greeting\n", "", IMAP_GREETING },
	{ "no greeting but an answer", ask_capability, OCTETS("A1 OK done\r\n"),
	  "violation: something before the greeting\n", "A1 CAPABILITY\r\n", IMAP_GREETING },
	{ "no greeting but a continuation", ask_literal, OCTETS("+ go on\r\n"),
	  "violation: something before the greeting\n", "A1 LOGIN {2}\r\n", IMAP_GREETING },
	{ "POP3", ask_nothing, OCTETS("+OK ready\r\n"),
	  "violation: a tag is followed by neither OK, NO nor BAD\n", "", IMAP_GREETING },
	{ "PREAUTH later on", ask_nothing, OCTETS(GREETED "* PREAUTH you are in\r\n"),
	  "greeting OK hello\nviolation: PREAUTH is not the greeting\n", "",
	  IMAP_NOT_AUTHENTICATED },

	{ "login", ask_login, OCTETS(LOGGED_IN), "greeting OK hello\ndone 1 LOGIN:  OK in\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_AUTHENTICATED },
	{ "login refused", ask_login,
	  OCTETS(GREETED "A1 NO [AUTHENTICATIONFAILED] LOGIN failed.\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  NO [3] LOGIN failed.\n", "A1 LOGIN u \"p\"\r\n",
	  IMAP_NOT_AUTHENTICATED },
	{ "throttled", ask_login,
	  OCTETS(GREETED "A1 BAD Request is throttled. Suggested Backoff Time: 89117 "
			 "milliseconds\r\n* BYE Connection closed. 14\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  BAD Request is throttled. Suggested Backoff Time: "
	  "89117 milliseconds\nbye BYE Connection closed. 14\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_LOGOUT },
	{ "an answer to another tag", ask_login, OCTETS(GREETED "A2 OK in\r\n"),
	  "greeting OK hello\nviolation: a tagged response that nothing asked for\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_NOT_AUTHENTICATED },
	{ "a tag that only looks like ours", ask_login, OCTETS(GREETED "A01 OK in\r\n"),
	  "greeting OK hello\nviolation: a tagged response that nothing asked for\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_NOT_AUTHENTICATED },
	{ "a tag of 33 bits", ask_login, OCTETS(GREETED "A4294967297 OK in\r\n"),
	  "greeting OK hello\nviolation: a tagged response that nothing asked for\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_NOT_AUTHENTICATED },
	{ "a tag of another letter", ask_login, OCTETS(GREETED "a1 OK in\r\n"),
	  "greeting OK hello\nviolation: a tagged response that nothing asked for\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_NOT_AUTHENTICATED },
	{ "an answer given twice", ask_login, OCTETS(LOGGED_IN "A1 OK in\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\n"
	  "violation: a tagged response that nothing asked for\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_AUTHENTICATED },
	{ "a continuation nobody asked for", ask_login, OCTETS(GREETED "+ password?\r\n"),
	  "greeting OK hello\nviolation: a continuation nobody asked for\n", "A1 LOGIN u \"p\"\r\n",
	  IMAP_NOT_AUTHENTICATED },
	{ "OK to LOGIN after PREAUTH", ask_login, OCTETS("* PREAUTH hello\r\nA1 OK in\r\n"),
	  "greeting PREAUTH hello\nviolation: OK to a command that is not legal\n",
	  "A1 LOGIN u \"p\"\r\n", IMAP_AUTHENTICATED },

	{ "Exchange's SELECT", ask_select,
	  OCTETS(LOGGED_IN
		 "* 3 EXISTS\r\n* 0 RECENT\r\n"
		 "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)\r\n"
		 "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft "
		 "$MDNSent)] Permanent flags\r\n* OK [UNSEEN 1] Is the first unseen message\r\n"
		 "* OK [UIDVALIDITY 170535] UIDVALIDITY value\r\n"
		 "* OK [UIDNEXT 23072] The next unique identifier value\r\n"
		 "A2 OK [READ-WRITE] SELECT completed.\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\nexists 3\nnotice OK [1] Permanent flags\n"
	  "notice OK [1] Is the first unseen message\nnotice OK [1] UIDVALIDITY value\n"
	  "notice OK [1] The next unique identifier value\n"
	  "done 2 SELECT:  OK [17] SELECT completed.\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\n", IMAP_SELECTED },
	{ "authenticated but not connected", ask_select,
	  OCTETS(LOGGED_IN "A2 BAD User is authenticated but not connected.\r\n"
			   "* BYE Connection closed. 14\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\n"
	  "done 2 SELECT:  BAD User is authenticated but not connected.\n"
	  "bye BYE Connection closed. 14\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\n", IMAP_LOGOUT },
	{ "SELECT of no such folder", ask_select,
	  OCTETS(LOGGED_IN "A2 NO [NONEXISTENT] no such folder\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  NO [9] no such folder\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\n", IMAP_AUTHENTICATED },
	{ "OK to SELECT before LOGIN was", ask_select, OCTETS(GREETED "A2 OK selected\r\n"),
	  "greeting OK hello\nviolation: OK to a command that is not legal\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\n", IMAP_NOT_AUTHENTICATED },
	{ "answers in another order", ask_listing,
	  OCTETS(LOGGED_IN "A2 OK selected\r\nA4 OK found\r\nA3 OK fetched\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK selected\n"
	  "done 4 UID SEARCH:  OK found\ndone 3 UID FETCH:  OK fetched\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\n"
	  "A3 UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)\r\nA4 UID SEARCH DELETED\r\n",
	  IMAP_SELECTED },
	{ "unsolicited data between everything", ask_listing,
	  OCTETS("* OK hello\r\n* 9 EXISTS\r\n* OK still here\r\nA1 OK in\r\n* 1 RECENT\r\n"
		 "* 2 EXISTS\r\n* LIST () \"/\" x\r\nA2 OK selected\r\n"
		 "* 1 FETCH (UID 7 FLAGS ())\r\n* 1 EXPUNGE\r\n* BAD odd\r\n"
		 "* 1 FETCH (FLAGS (\\Deleted))\r\n* 1 FETCH (RFC822.SIZE 12 UID 8 "
		 "INTERNALDATE \"01-Jan-1970 00:00:01 +0000\" FLAGS (\\Seen \\Deleted))\r\n"
		 "* XYZZY {3}\r\nA3 \r\nA3 OK fetched\r\n* 3 EXISTS\r\n* SEARCH 8 9\r\n"
		 "* NO [ALERT] disk\r\n* SEARCH\r\nA4 OK found\r\n* CAPABILITY IMAP4rev1\r\n"),
	  "greeting OK hello\nexists 9\nnotice OK still here\ndone 1 LOGIN:  OK in\nexists 2\n"
	  "mailbox 0 x\ndone 2 SELECT:  OK selected\nmessage uid=7 flags=0\nexpunge\n"
	  "notice BAD odd\nmessage uid=0 flags=2\nmessage uid=8 flags=3 octets=12 date=1\n"
	  "done 3 UID FETCH:  OK fetched\nexists 3\nfound 8\nfound 9\nnotice NO [2] disk\n"
	  "done 4 UID SEARCH:  OK found\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\n"
	  "A3 UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)\r\nA4 UID SEARCH DELETED\r\n",
	  IMAP_SELECTED },
	{ "UNSELECT", ask_unselect, OCTETS(LOGGED_IN "A2 OK\r\nA3 OK\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK\ndone 3 UNSELECT:  OK\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\nA3 UNSELECT\r\n", IMAP_AUTHENTICATED },

	{ "body", ask_body,
	  OCTETS(LOGGED_IN
		 "A2 OK\r\n* 1 FETCH (UID 5 BODY[] {46}\r\n* BYE x\r\nA7 OK x\r\n+OK x\r\n"
		 "-ERR x\r\n)\r\n+ x\r\n{5}\r\n FLAGS (\\Seen))\r\nA3 OK fetched\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK\n"
	  "body whole uid=5 octets=46\n"
	  "data * BYE x\\r\\nA7 OK x\\r\\n+OK x\\r\\n-ERR x\\r\\n)\\r\\n+ x\\r\\n{5}\\r\\n\n"
	  "message uid=5 flags=1\ndone 3 UID FETCH:  OK fetched\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\nA3 UID FETCH 5 (BODY.PEEK[])\r\n",
	  IMAP_SELECTED },
	{ "OK without data", ask_body, OCTETS(LOGGED_IN "A2 OK\r\nA3 OK FETCH completed.\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK\n"
	  "done 3 UID FETCH:  OK FETCH completed.\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\nA3 UID FETCH 5 (BODY.PEEK[])\r\n",
	  IMAP_SELECTED },
	{ "bodies of NIL, quoted, and of another message", ask_bodies,
	  OCTETS(LOGGED_IN "A2 OK\r\n* 1 FETCH (BODY[HEADER] NIL UID 5)\r\nA3 OK\r\n"
			   "* 2 FETCH (UID 6 BODY[TEXT]<0> \"a \\\\ b\")\r\n"
			   "* 1 FETCH (UID 5 BODY[TEXT]<0> {0}\r\n)\r\nA4 OK\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK\n"
	  "body header uid=0 octets=0 nil\nmessage uid=5\ndone 3 UID FETCH:  OK\n"
	  "body text uid=6 octets=5 origin=0\ndata a \\ b\nmessage uid=6\n"
	  "body text uid=5 octets=0 origin=0\nmessage uid=5\ndone 4 UID FETCH:  OK\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\nA3 UID FETCH 5 (BODY.PEEK[HEADER])\r\n"
	  "A4 UID FETCH 5 (BODY.PEEK[TEXT]<0.100>)\r\n",
	  IMAP_SELECTED },
	{ "the token expires in a download", ask_body,
	  OCTETS(LOGGED_IN "A2 OK\r\n* BYE Session invalidated - AccessTokenExpired\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK\n"
	  "bye BYE Session invalidated - AccessTokenExpired\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\nA3 UID FETCH 5 (BODY.PEEK[])\r\n", IMAP_LOGOUT },
	{ "literal of -1", ask_body, OCTETS(LOGGED_IN "* 1 FETCH (UID 5 BODY[] {-1}\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\n"
	  "violation: a literal is announced wrongly\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\nA3 UID FETCH 5 (BODY.PEEK[])\r\n",
	  IMAP_AUTHENTICATED },
	{ "UID 0", ask_listing, OCTETS(LOGGED_IN "A2 OK\r\n* 1 FETCH (UID 0)\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK\n"
	  "violation: a UID is no number of 32 bits above 0\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\n"
	  "A3 UID FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE)\r\nA4 UID SEARCH DELETED\r\n",
	  IMAP_SELECTED },

	{ "LIST", ask_list,
	  OCTETS(LOGGED_IN
		 "* LIST (\\Trash) \"/\" \"Deleted Items\"\r\n"
		 "* LIST (\\Noselect) \"/\" {4}\r\na\r\nb\r\n* LIST () \"/\" Calendar\"\r\n"
		 "A2 OK\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\nmailbox 2 Deleted Items\n"
	  "mailbox 1 a\\r\\nb\nmailbox 0 Calendar\ndone 2 LIST:  OK\n",
	  "A1 LOGIN u \"p\"\r\nA2 LIST \"\" \"*\"\r\n", IMAP_AUTHENTICATED },
	{ "LOGOUT", ask_logout, OCTETS(GREETED "* BYE see you\r\nA1 OK LOGOUT completed.\r\n"),
	  "greeting OK hello\nbye BYE see you\ndone 1 LOGOUT:  OK LOGOUT completed.\n",
	  "A1 LOGOUT\r\n", IMAP_LOGOUT },
	{ "LOGOUT without BYE", ask_logout, OCTETS(GREETED "A1 OK\r\n"),
	  "greeting OK hello\ndone 1 LOGOUT:  OK\n", "A1 LOGOUT\r\n", IMAP_LOGOUT },
	{ "BYE before the answer to LOGIN", ask_login,
	  OCTETS(GREETED "* BYE overloaded\r\nA1 OK in\r\n"),
	  "greeting OK hello\nbye BYE overloaded\ndone 1 LOGIN:  OK in\n", "A1 LOGIN u \"p\"\r\n",
	  IMAP_LOGOUT },

	{ "literals that wait", ask_literal, OCTETS(GREETED "+\r\n+ go on\r\nA1 OK\r\nA2 OK\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK\ndone 2 NOOP:  OK\n",
	  "A1 LOGIN {2}\r\n\xc3\xa4 {1}\r\n\xff\r\nA2 NOOP\r\n", IMAP_AUTHENTICATED },
	{ "a literal that is refused", ask_literal,
	  OCTETS(GREETED "A1 BAD Command Argument Error. 11\r\nA2 OK\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  BAD Command Argument Error. 11\n"
	  "done 2 NOOP:  OK\n",
	  "A1 LOGIN {2}\r\nA2 NOOP\r\n", IMAP_NOT_AUTHENTICATED },
	{ "OK to a LOGIN that was not sent whole", ask_literal, OCTETS(GREETED "A1 OK in\r\n"),
	  "greeting OK hello\nviolation: a tagged response that nothing asked for\n",
	  "A1 LOGIN {2}\r\n", IMAP_NOT_AUTHENTICATED },
	{ "an answer to what was not sent", ask_literal, OCTETS(GREETED "A2 OK\r\n"),
	  "greeting OK hello\nviolation: a tagged response that nothing asked for\n",
	  "A1 LOGIN {2}\r\n", IMAP_NOT_AUTHENTICATED },
	{ "IDLE", ask_idle,
	  OCTETS(LOGGED_IN "A2 OK\r\n* 1 EXISTS\r\n+ IDLE accepted, awaiting DONE command.\r\n"
			   "* 2 EXISTS\r\nA3 OK IDLE completed.\r\nA4 OK\r\n"),
	  "greeting OK hello\ndone 1 LOGIN:  OK in\ndone 2 SELECT:  OK\nexists 1\nexists 2\n"
	  "done 3 IDLE:  OK IDLE completed.\ndone 4 NOOP:  OK\n",
	  "A1 LOGIN u \"p\"\r\nA2 SELECT INBOX\r\nA3 IDLE\r\nDONE\r\nA4 NOOP\r\n", IMAP_SELECTED },

	{ "STARTTLS", ask_starttls, OCTETS(GREETED "A1 OK begin\r\n"),
	  "greeting OK hello\ndone 1 STARTTLS:  OK begin\n", "A1 STARTTLS\r\n",
	  IMAP_NOT_AUTHENTICATED },
	{ "STARTTLS refused", ask_starttls, OCTETS(GREETED "A1 NO not now\r\n* OK more\r\n"),
	  "greeting OK hello\ndone 1 STARTTLS:  NO not now\nnotice OK more\n", "A1 STARTTLS\r\n",
	  IMAP_NOT_AUTHENTICATED },
	{ "an answer injected behind STARTTLS", ask_starttls,
	  OCTETS(GREETED "A1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"),
	  "greeting OK hello\ndone 1 STARTTLS:  OK begin\n"
	  "violation: octets behind STARTTLS, in the clear\n",
	  "A1 STARTTLS\r\n", IMAP_NOT_AUTHENTICATED },
	{ "one octet injected behind STARTTLS", ask_starttls, OCTETS(GREETED "A1 OK begin\r\n*"),
	  "greeting OK hello\ndone 1 STARTTLS:  OK begin\n"
	  "violation: octets behind STARTTLS, in the clear\n",
	  "A1 STARTTLS\r\n", IMAP_NOT_AUTHENTICATED },
	{ "STARTTLS after PREAUTH", ask_starttls, OCTETS("* PREAUTH hello\r\nA1 OK begin\r\n"),
	  "greeting PREAUTH hello\nviolation: OK to a command that is not legal\n",
	  "A1 STARTTLS\r\n", IMAP_AUTHENTICATED },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void check_row(size_t row, size_t first, size_t step)
{
	struct imap_talk talk;

	imap_talk_begin(&talk);
	rows[row].ask(talk.client);
	imap_talk_hear_pieces(&talk, rows[row].input, first, step);
	if (strcmp(imap_talk_text(&talk), rows[row].events) != 0)
		fail_msg("%s (%zu, then %zu at a time):\n%s--- not\n%s", rows[row].name, first,
			 step, talk.text, rows[row].events);
	struct span sent = imap_client_output(talk.client);
	if (!span_equal(sent, span_text(rows[row].sent)))
		fail_msg("%s (%zu, then %zu at a time): sent\n%.*s--- not\n%s", rows[row].name,
			 first, step, (int)sent.len, (const char *)sent.data, rows[row].sent);
	if (imap_client_state(talk.client) != rows[row].state)
		fail_msg("%s (%zu, then %zu at a time): state %s, not %s", rows[row].name, first,
			 step, imap_state_name(imap_client_state(talk.client)),
			 imap_state_name(rows[row].state));
	imap_talk_end(&talk);
}

static void test_whole(void **state)
{
	(void)state;
	for (size_t row = 0; row < ROWS; row++)
		check_row(row, SIZE_MAX, 1);
}

static void test_octet_by_octet(void **state)
{
	(void)state;
	for (size_t row = 0; row < ROWS; row++)
		check_row(row, 1, 1);
}

static void test_every_split(void **state)
{
	(void)state;
	for (size_t row = 0; row < ROWS; row++) {
		for (size_t first = 0; first <= rows[row].input.len; first++)
			check_row(row, first, SIZE_MAX);
	}
}

/* BYE may come between any two responses, and nothing is lost of what came before. */
static void test_bye_at_any_moment(void **state)
{
	static const char *const lines[] = {
		"* OK hello\r\n", "A1 OK in\r\n",   "* 3 EXISTS\r\n",
		"A2 OK\r\n",      "* SEARCH 8\r\n", "* 1 FETCH (UID 5 BODY[] {2}\r\nab)\r\n",
		"A3 OK\r\n",      "A4 OK\r\n",
	};
	enum { LINES = sizeof(lines) / sizeof(lines[0]) };

	(void)state;
	for (size_t before = 1; before <= LINES; before++) {
		struct imap_talk talk;

		imap_talk_begin(&talk);
		ask_listing(talk.client);
		for (size_t i = 0; i < before; i++)
			imap_talk_hear(&talk, span_text(lines[i]));
		imap_talk_hear(&talk, span_text("* BYE now\r\n"));
		assert_int_equal(imap_client_state(talk.client), IMAP_LOGOUT);
		for (size_t i = before; i < LINES; i++)
			imap_talk_hear(&talk, span_text(lines[i]));
		assert_false(talk.violated);
		assert_int_equal(imap_client_state(talk.client), IMAP_LOGOUT);
		assert_int_equal(imap_client_pending(talk.client), 0);
		imap_talk_end(&talk);
	}
}

static void test_capabilities_are_forgotten(void **state)
{
	struct imap_talk *talk = *state;
	struct imap_client *client = talk->client;

	assert_false(imap_client_knows_capabilities(client));
	hear(talk, "* OK [CAPABILITY IMAP4rev1 STARTTLS IDLE] hello\r\n");
	assert_true(imap_client_knows_capabilities(client));
	assert_true(imap_client_has(client, IMAP_CAP_STARTTLS));
	assert_false(imap_client_has(client, IMAP_CAP_MOVE));
	/* A new list replaces the old one. */
	hear(talk, "* CAPABILITY IMAP4rev1 MOVE\r\n");
	assert_true(imap_client_has(client, IMAP_CAP_MOVE));
	assert_false(imap_client_has(client, IMAP_CAP_IDLE));

	imap_client_starttls(client);
	hear(talk, "A1 OK [CAPABILITY IMAP4rev1 IDLE] begin\r\n");
	assert_false(imap_client_knows_capabilities(client));
	/* Nothing is said before the handshake. */
	assert_int_equal(imap_client_noop(client), 0);
	assert_true(imap_client_tls_started(client));
	assert_false(imap_client_knows_capabilities(client));
	assert_false(imap_client_has(client, IMAP_CAP_IDLE));
	assert_false(imap_client_tls_started(client));

	imap_client_capability(client);
	hear(talk, "* CAPABILITY IMAP4rev1 IDLE\r\nA3 OK\r\n");
	assert_true(imap_client_has(client, IMAP_CAP_IDLE));
	imap_client_login(client, span_text("u"), span_text("p"));
	hear(talk, "A4 NO wrong\r\n");
	assert_true(imap_client_knows_capabilities(client));
	imap_client_login(client, span_text("u"), span_text("p"));
	hear(talk, "A5 OK in\r\n");
	assert_false(imap_client_knows_capabilities(client));
	assert_false(imap_client_has(client, IMAP_CAP_IDLE));
}

static void test_capabilities_with_the_login(void **state)
{
	struct imap_talk *talk = *state;

	hear(talk, "* OK [CAPABILITY IMAP4rev1 SASL-IR] hello\r\n");
	imap_client_authenticate(talk->client, "PLAIN", span_of("\0u\0p", 4));
	hear(talk, "A1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n");
	assert_true(imap_client_knows_capabilities(talk->client));
	assert_true(imap_client_has(talk->client, IMAP_CAP_MOVE));
	assert_false(imap_client_has(talk->client, IMAP_CAP_SASL_IR));
}

/* Octets that stand behind the OK in the same input: the handshake must not begin. */
static void test_starttls_injection(void **state)
{
	struct imap_talk *talk = *state;
	struct imap_event event;
	struct span in = span_text("A1 OK begin\r\n* OK injected\r\n");

	hear(talk, "* OK hello\r\n");
	imap_client_starttls(talk->client);
	assert_int_equal(imap_client_next(talk->client, &in, &event), IMAP_EVENT_DONE);
	assert_false(imap_client_tls_started(talk->client));
	assert_int_equal(imap_client_next(talk->client, &in, &event), IMAP_EVENT_VIOLATION);
}

/* An answer that is still owed could have been forged before the handshake. */
static void test_starttls_with_commands_unanswered(void **state)
{
	struct imap_talk *talk = *state;

	hear(talk, "* OK hello\r\n");
	imap_client_capability(talk->client);
	imap_client_starttls(talk->client);
	hear(talk, "A2 OK begin\r\n");
	assert_false(imap_client_tls_started(talk->client));
}

static void test_selected(void **state)
{
	struct imap_talk *talk = *state;
	const struct imap_selected *selected = imap_client_selected(talk->client);

	hear(talk, "* OK hello\r\n");
	ask_select(talk->client);
	hear(talk, "* 99 EXISTS\r\nA1 OK in\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 170535]\r\n"
		   "* OK [UIDNEXT 23072]\r\n* OK [PERMANENTFLAGS (\\Seen)]\r\n"
		   "A2 OK [READ-ONLY] done\r\n");
	assert_int_equal(selected->uidvalidity, 170535);
	assert_int_equal(selected->uidnext, 23072);
	assert_int_equal(selected->exists, 3);
	assert_true(selected->read_only);
	assert_int_equal(selected->permanent_flags, IMAP_FLAG_SEEN);
	hear(talk, "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n");
	assert_int_equal(selected->exists, 0);
	hear(talk, "* 7 EXISTS\r\n");
	assert_int_equal(selected->exists, 7);

	/* While an older command is unanswered, what comes is about the old mailbox. */
	imap_client_noop(talk->client);
	imap_client_select(talk->client, span_text("other"));
	assert_int_equal(selected->exists, 7);
	hear(talk, "* 8 EXISTS\r\nA3 OK\r\n");
	assert_int_equal(selected->exists, 0);
	assert_int_equal(selected->uidvalidity, 0);
	assert_int_equal(selected->uidnext, 0);
	assert_false(selected->read_only);
	assert_int_equal(selected->permanent_flags, IMAP_FLAG_SEEN | IMAP_FLAG_DELETED);
	hear(talk, "* 1 EXISTS\r\n");
	imap_client_noop(talk->client);
	assert_int_equal(selected->exists, 1);
	hear(talk, "A4 OK [READ-WRITE] done\r\n* OK [READ-ONLY] no more\r\n");
	assert_int_equal(selected->exists, 1);
	assert_true(selected->read_only);
	assert_int_equal(imap_client_state(talk->client), IMAP_SELECTED);

	imap_client_select(talk->client, span_text("third"));
	hear(talk, "A5 OK\r\n* 5 EXISTS\r\nA6 NO no such folder\r\n");
	assert_int_equal(imap_client_state(talk->client), IMAP_AUTHENTICATED);
	assert_int_equal(selected->exists, 0);
}

/* What comes behind SELECT is SELECT's, though an older command is answered in between. */
static void test_selected_behind_another(void **state)
{
	struct imap_talk *talk = *state;
	const struct imap_selected *selected = imap_client_selected(talk->client);

	hear(talk, "* PREAUTH hello\r\n");
	imap_client_id(talk->client, "x", NULL);
	imap_client_select(talk->client, span_text("INBOX"));
	assert_false(selected->exists_told);
	hear(talk, "* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\nA1 OK\r\nA2 OK\r\n");
	assert_true(selected->exists_told);
	assert_int_equal(selected->exists, 3);
	assert_int_equal(selected->uidvalidity, 7);

	/* SELECT that says nothing of EXISTS. */
	imap_client_select(talk->client, span_text("other"));
	assert_false(selected->exists_told);
	hear(talk, "* OK [UIDVALIDITY 8]\r\nA3 OK\r\n");
	assert_false(selected->exists_told);
	assert_int_equal(selected->uidvalidity, 8);
}

/* What is said before LOGIN is answered is about no mailbox. */
static void test_exists_before_login(void **state)
{
	struct imap_talk *talk = *state;

	hear(talk, "* OK hello\r\n");
	ask_select(talk->client);
	hear(talk, "* 0 EXISTS\r\nA1 OK in\r\nA2 OK\r\n");
	assert_false(imap_client_selected(talk->client)->exists_told);
}

static void test_numbered_anew(void **state)
{
	struct imap_talk *talk = *state;

	hear(talk, "* PREAUTH hello\r\n");
	imap_client_select(talk->client, span_text("INBOX"));
	hear(talk, "* OK [UIDVALIDITY 6]\r\n* OK [UIDVALIDITY 7]\r\nA1 OK\r\n"
		   "* OK [UIDVALIDITY 7]\r\n");
	imap_client_select(talk->client, span_text("other"));
	hear(talk, "A2 OK [UIDVALIDITY 8] selected\r\n");
	assert_int_equal(imap_client_selected(talk->client)->uidvalidity, 8);
	imap_client_noop(talk->client);
	imap_talk_hear(talk, span_text("* OK [UIDVALIDITY 9]\r\n"));
	assert_true(talk->violated);
	assert_int_equal(imap_client_noop(talk->client), 0);
	assert_int_equal(imap_client_selected(talk->client)->uidvalidity, 8);
}

static void test_free_twice(void **state)
{
	struct imap_client *client = imap_client_new();

	(void)state;
	assert_non_null(client);
	imap_client_free(&client);
	assert_null(client);
	imap_client_free(&client);
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(imap_state_name(IMAP_NOT_AUTHENTICATED), "NOT_AUTHENTICATED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_octet_by_octet),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_bye_at_any_moment),
		TALK_TEST(test_capabilities_are_forgotten),
		TALK_TEST(test_capabilities_with_the_login),
		TALK_TEST(test_starttls_injection),
		TALK_TEST(test_starttls_with_commands_unanswered),
		TALK_TEST(test_selected),
		TALK_TEST(test_selected_behind_another),
		TALK_TEST(test_exists_before_login),
		TALK_TEST(test_numbered_anew),
		cmocka_unit_test(test_free_twice),
		cmocka_unit_test(test_state_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
