/* SPDX-License-Identifier: ISC */
#include "protocol/imap_response.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

/*
 * Responses are shown one after the other: "status code note:noted 'text'" of those that have it, a
 * message as its items, a body as "body section<origin>:octets" and its octets in "<...>".
 * A violation, "! reason", ends a row.
 */
static const struct {
	const char *name;
	struct span input;
	const char *expected;
} rows[] = {
	{ "nothing", OCTETS(""), "" },
	{ "untagged OK", OCTETS("* OK hello there\r\n"), "OK 0 'hello there'|" },
	{ "bare LF", OCTETS("* OK hello\n* NO\n"), "OK 0 'hello'|NO 0 ''|" },
	{ "lower case", OCTETS("* ok [alert] hello\r\n"), "OK 2 'hello'|" },
	{ "Exchange's greeting",
	  OCTETS("* OK The Microsoft Exchange IMAP4 service is ready. "
		 "[TQBSADEAUAAyADYANABDAEEAMAAyADEAMwA=]\r\n"),
	  "OK 0 'The Microsoft Exchange IMAP4 service is ready. "
	  "[TQBSADEAUAAyADYANABDAEEAMAAyADEAMwA=]'|" },
	{ "a bracket that is no code", OCTETS("* OK [TQBSADEAUAAyADYA=] ready\r\n"),
	  "OK 1 'ready'|" },
	{ "an empty bracket", OCTETS("* OK [] ready\r\n"), "OK 1 'ready'|" },
	{ "a code that is not closed", OCTETS("* OK [ALERT\r\n* OK [x y\r\n* OK [UIDNEXT 5\r\n"),
	  "OK 2 ''|OK 1 ''|OK 1 uidnext:5 ''|" },
	{ "text that begins behind the code", OCTETS("* BAD [ALERT][x] y\r\n"), "BAD 2 '[x] y'|" },
	{ "PREAUTH", OCTETS("* PREAUTH hello\r\n"), "PREAUTH 0 'hello'|" },
	{ "BYE", OCTETS("* BYE Session invalidated - AccessTokenExpired\r\n"),
	  "BYE 0 'Session invalidated - AccessTokenExpired'|" },
	{ "BYE of too many errors", OCTETS("* BYE Connection closed. 14\r\n"),
	  "BYE 0 'Connection closed. 14'|" },
	{ "tagged OK", OCTETS("A1 OK LOGIN completed.\r\n"), "A1 OK 0 'LOGIN completed.'|" },
	{ "tagged NO", OCTETS("A1 NO AUTHENTICATE failed.\r\n"),
	  "A1 NO 0 'AUTHENTICATE failed.'|" },
	{ "throttling",
	  OCTETS("A7 BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds\r\n"),
	  "A7 BAD 0 'Request is throttled. Suggested Backoff Time: 89117 milliseconds'|" },
	{ "authenticated but not connected",
	  OCTETS("A3 BAD User is authenticated but not connected.\r\n"),
	  "A3 BAD 0 'User is authenticated but not connected.'|" },
	{ "codes that count",
	  OCTETS("A1 NO [AUTHENTICATIONFAILED] a\r\nA1 NO [UNAVAILABLE] b\r\nA1 NO [inuse] c\r\n"
		 "A1 NO [TRYCREATE] d\r\nA1 NO [NONEXISTENT] e\r\nA1 NO [OVERQUOTA] f\r\n"
		 "A1 OK [READ-ONLY] g\r\nA1 OK [READ-WRITE] h\r\nA1 NO [THROTTLED] i\r\n"
		 "A1 OK [COPYUID 38505 304,319:320 3956:3958] j\r\n"
		 "A1 NO [ALREADYEXISTS] k\r\n"),
	  "A1 NO 3 'a'|A1 NO 6 'b'|A1 NO 7 'c'|A1 NO 10 'd'|A1 NO 9 'e'|A1 NO 13 'f'|"
	  "A1 OK 16 'g'|A1 OK 17 'h'|A1 NO 15 'i'|A1 OK 18 'j'|A1 NO 11 'k'|" },
	{ "a code nobody knows", OCTETS("A1 NO [BADCHARSET (US-ASCII)] The charset.\r\n"),
	  "A1 NO 1 'The charset.'|" },
	{ "a code with a quote and a brace", OCTETS("* OK [X \"y\" {5}] z\r\n"), "OK 1 'z'|" },
	{ "PREAUTH with a tag", OCTETS("A1 PREAUTH x\r\n"),
	  "! a tag is followed by neither OK, NO nor BAD" },
	{ "BYE with a tag", OCTETS("A1 BYE x\r\n"),
	  "! a tag is followed by neither OK, NO nor BAD" },
	{ "a tag alone", OCTETS("A1\r\n"), "! a tag is followed by neither OK, NO nor BAD" },
	{ "a tag too long", OCTETS("A1234567890123456 OK x\r\n"), "! a tag that no command has" },
	{ "POP3", OCTETS("+OK ready\r\n"), "! a tag is followed by neither OK, NO nor BAD" },
	{ "HTTP", OCTETS("HTTP/1.1 400 Bad Request\r\n"),
	  "! a tag is followed by neither OK, NO nor BAD" },
	{ "empty lines", OCTETS("\r\n* 3 EXISTS\r\n\r\n\r\nA1 OK x\r\n\r\n"),
	  "exists 3|A1 OK 0 'x'|" },
	{ "a string", OCTETS("\"a\"\r\n"),
	  "! a response begins with neither tag, \"*\" nor \"+\"" },
	{ "a list", OCTETS("(a)\r\n"), "! a response begins with neither tag, \"*\" nor \"+\"" },
	{ "a star alone", OCTETS("*\r\n"), "! \"*\" is not followed by a word" },
	{ "a star and a list", OCTETS("* (a)\r\n"), "! \"*\" is not followed by a word" },

	{ "continuation", OCTETS("+ go on\r\n+\r\n+ \r\n"), "+ 'go on'|+ ''|+ ''|" },
	{ "continuation with a bracket", OCTETS("+ [x] y\r\n"), "+ '[x] y'|" },

	{ "UIDVALIDITY", OCTETS("* OK [UIDVALIDITY 170535] x\r\n* OK [UIDNEXT 4294967295]\r\n"),
	  "OK 1 uidvalidity:170535 'x'|OK 1 uidnext:4294967295 ''|" },
	{ "UIDVALIDITY that is none", OCTETS("* OK [UIDVALIDITY 0] x\r\n"),
	  "OK 1 uidvalidity:0 'x'|" },
	{ "UIDVALIDITY of 33 bits", OCTETS("* OK [UIDVALIDITY 4294967296]\r\n"),
	  "! UIDVALIDITY or UIDNEXT is no number of 32 bits" },
	{ "UIDVALIDITY of letters", OCTETS("* OK [UIDVALIDITY x]\r\n"),
	  "! UIDVALIDITY or UIDNEXT is no number of 32 bits" },
	{ "UIDVALIDITY of nothing", OCTETS("* OK [UIDVALIDITY] x\r\n"),
	  "! UIDVALIDITY or UIDNEXT is no number of 32 bits" },
	{ "PERMANENTFLAGS",
	  OCTETS("* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft "
		 "$MDNSent)]\r\n* OK [PERMANENTFLAGS ()] none\r\n"
		 "* OK [PERMANENTFLAGS (\\*)]\r\n"),
	  "OK 1 flags:3 ''|OK 1 flags:0 'none'|OK 1 flags:0 ''|" },
	{ "CAPABILITY in a code", OCTETS("A1 OK [CAPABILITY IMAP4rev1 IDLE X-Y] x\r\n"),
	  "A1 OK 1 capability:4097 'x'|" },
	{ "CAPABILITY", OCTETS("* CAPABILITY IMAP4rev1 IDLE X-Y\r\n* capability\r\n"),
	  "capability:4097|capability:0|" },
	{ "Exchange's capabilities before login",
	  OCTETS("* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID "
		 "UNSELECT CHILDREN IDLE NAMESPACE LITERAL+\r\n"),
	  "capability:30121|" },
	{ "Exchange's capabilities after login",
	  OCTETS("* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID "
		 "UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION "
		 "BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+\r\n"),
	  "capability:32169|" },
	{ "CAPABILITY with a list", OCTETS("* CAPABILITY (a)\r\n"), "! a capability is no atom" },

	{ "EXISTS, RECENT, EXPUNGE",
	  OCTETS("* 0 EXISTS\r\n* 4294967295 EXISTS\r\n* 2 RECENT\r\n* 3 EXPUNGE\r\n"),
	  "exists 0|exists 4294967295|expunge 3|" },
	{ "EXISTS with something behind", OCTETS("* 5 exists {3}\r\na\r\n more\r\n* 6 EXISTS\r\n"),
	  "exists 5|exists 6|" },
	{ "EXISTS of 33 bits", OCTETS("* 4294967296 EXISTS\r\n"),
	  "! \"*\" is followed by no number of 32 bits" },
	{ "EXISTS of a number and more", OCTETS("* 1x EXISTS\r\n"),
	  "! \"*\" is followed by no number of 32 bits" },
	{ "EXPUNGE of 0", OCTETS("* 0 EXPUNGE\r\n"), "! a message has the number 0" },
	{ "a number and nothing", OCTETS("* 5\r\n"),
	  "! \"*\" and a number are not followed by a word" },

	{ "SEARCH", OCTETS("* SEARCH 1 4294967295 3\r\n* SEARCH\r\n* SEARCH \r\n"),
	  "found 1|found 4294967295|found 3|" },
	{ "SEARCH with MODSEQ", OCTETS("* SEARCH 2 5 (MODSEQ 917162500)\r\n* 1 EXISTS\r\n"),
	  "found 2|found 5|exists 1|" },
	{ "SEARCH of 0", OCTETS("* SEARCH 0\r\n"),
	  "! a result of SEARCH is no number of 32 bits above 0" },
	{ "SEARCH of 33 bits", OCTETS("* SEARCH 4294967296\r\n"),
	  "! a result of SEARCH is no number of 32 bits above 0" },
	{ "SEARCH of words", OCTETS("* SEARCH x\r\n"),
	  "! a result of SEARCH is no number of 32 bits above 0" },

	{ "LIST",
	  OCTETS("* LIST (\\HasNoChildren \\Trash) \"/\" \"Deleted Items\"\r\n"
		 "* LIST () NIL INBOX\r\n* LIST (\\NoSelect) \"\\\\\" {5}\r\na\"\r\nb\r\n"
		 "* list (\\NonExistent) \".\" \"\"\r\n"),
	  "mailbox 2 Deleted Items|mailbox 0 INBOX|mailbox 1 a\"\r\nb|mailbox 1 |" },
	{ "LIST without the opening quote", OCTETS("* LIST (\\HasNoChildren) \"/\" Calendar\"\r\n"),
	  "mailbox 0 Calendar|" },
	{ "LIST, extended", OCTETS("* LIST () \"/\" \"foo\" (\"CHILDINFO\" (\"x\"))\r\n"),
	  "mailbox 0 foo|" },
	{ "LIST with a literal behind", OCTETS("* LIST () \"/\" \"foo\" {3}\r\na\r\n\r\n"),
	  "mailbox 0 foo|" },
	{ "LIST without attributes", OCTETS("* LIST \"/\" foo\r\n"),
	  "! LIST has no list of attributes" },
	{ "LIST with quoted attributes", OCTETS("* LIST (\"a\") \"/\" foo\r\n"),
	  "! an attribute of LIST is no atom" },
	{ "LIST without delimiter", OCTETS("* LIST () foo\r\n"),
	  "! LIST has no hierarchy delimiter" },
	{ "LIST without name", OCTETS("* LIST () \"/\"\r\n"), "! LIST has no mailbox name" },

	{ "FETCH", OCTETS("* 1 FETCH (UID 5 FLAGS (\\Seen) RFC822.SIZE 44827)\r\n"),
	  "message uid:5 flags:1 octets:44827|" },
	{ "FETCH in another order",
	  OCTETS("* 1 fetch (rfc822.size 44827 flags (\\deleted \\recent $x) uid 5)\r\n"),
	  "message uid:5 flags:2 octets:44827|" },
	{ "FETCH with dates",
	  OCTETS("* 1 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" UID 5)\r\n"
		 "* 1 FETCH (INTERNALDATE \" 1-Jan-1970 00:00:07 +0000\")\r\n"
		 "* 1 FETCH (INTERNALDATE NIL UID 5)\r\n"
		 "* 1 FETCH (INTERNALDATE \"soon\" UID 5)\r\n"),
	  "message uid:5 date:837596665|message date:7|message uid:5|message uid:5|" },
	{ "FETCH of nothing", OCTETS("* 1 FETCH ()\r\n"), "message|" },
	{ "FETCH of flags nobody asked for", OCTETS("* 7 FETCH (FLAGS ())\r\n"),
	  "message flags:0|" },
	{ "FETCH of a big message", OCTETS("* 1 FETCH (RFC822.SIZE 9223372036854775807)\r\n"),
	  "message octets:9223372036854775807|" },
	{ "FETCH of a number beyond EXISTS", OCTETS("* 4294967295 FETCH (UID 1)\r\n"),
	  "message uid:1|" },
	{ "FETCH of items nobody asked for",
	  OCTETS("* 1 FETCH (MODSEQ (12) X-GM-LABELS (\"\\\\Inbox\" {3}\r\na)b (x (y))) UID 5 "
		 "ENVELOPE ((NIL \"a\") {0}\r\n) X {4}\r\n UID Y \"FLAGS\" Z ~{2}\r\n\0) "
		 "BODY[1.MIME] {2}\r\nab BODY (\"TEXT\") FLAGS (\\Seen))\r\n"),
	  "message uid:5 flags:1|" },
	{ "FETCH of 0", OCTETS("* 0 FETCH (UID 5)\r\n"), "! a message has the number 0" },
	{ "FETCH of UID 0", OCTETS("* 1 FETCH (UID 0)\r\n"),
	  "! a UID is no number of 32 bits above 0" },
	{ "FETCH of a UID of 33 bits", OCTETS("* 1 FETCH (UID 4294967296)\r\n"),
	  "! a UID is no number of 32 bits above 0" },
	{ "FETCH of a UID that is no number", OCTETS("* 1 FETCH (UID -1)\r\n"),
	  "! a UID is no number of 32 bits above 0" },
	{ "FETCH of a quoted UID", OCTETS("* 1 FETCH (UID \"5\")\r\n"),
	  "! a UID is no number of 32 bits above 0" },
	{ "FETCH of two UIDs", OCTETS("* 1 FETCH (UID 5 UID 6)\r\n"), "! a message has two UIDs" },
	{ "FETCH of a size of 2^63", OCTETS("* 1 FETCH (RFC822.SIZE 9223372036854775808)\r\n"),
	  "! RFC822.SIZE is no number" },
	{ "FETCH of no size", OCTETS("* 1 FETCH (RFC822.SIZE NIL)\r\n"),
	  "! RFC822.SIZE is no number" },
	{ "FETCH without items", OCTETS("* 1 FETCH\r\n"), "! FETCH has no list of items" },
	{ "FETCH of an atom", OCTETS("* 1 FETCH UID\r\n"), "! FETCH has no list of items" },
	{ "FETCH of a string", OCTETS("* 1 FETCH (\"UID\" 5)\r\n"),
	  "! the name of a FETCH item is no atom" },
	{ "FETCH not closed", OCTETS("* 1 FETCH (UID 5\r\n"), "! a line ends inside parentheses" },
	{ "FETCH with something behind", OCTETS("* 1 FETCH (UID 5) x\r\n"),
	  "! something follows the items of FETCH" },
	{ "FETCH of an item without a value", OCTETS("* 1 FETCH (UID 5 X)\r\n"),
	  "! a FETCH item has no value" },
	{ "FETCH of an item whose value is outside", OCTETS("* 1 FETCH (UID 5 X) (UID 6)\r\n"),
	  "! a FETCH item has no value" },
	{ "FETCH of FLAGS without a list", OCTETS("* 1 FETCH (FLAGS \\Seen)\r\n"),
	  "! FLAGS is no list" },
	{ "FETCH of a keyword in quotes",
	  OCTETS("* 1 FETCH (FLAGS (\"foo\" \\Seen \"\") UID 5)\r\n"), "message uid:5 flags:1|" },
	{ "FETCH of flags in a list", OCTETS("* 1 FETCH (FLAGS ((\\Seen)))\r\n"),
	  "! a flag is no atom" },
	{ "FETCH of a date that is a list", OCTETS("* 1 FETCH (INTERNALDATE (x))\r\n"),
	  "! INTERNALDATE is no quoted string" },

	{ "body", OCTETS("* 1 FETCH (UID 5 BODY[] {5}\r\nhello)\r\n"),
	  "body uid:5 0:5|<hello>|message uid:5|" },
	{ "body before its UID", OCTETS("* 1 FETCH (BODY[] {5}\r\nhello UID 5 FLAGS (\\Seen))\r\n"),
	  "body 0:5|<hello>|message uid:5 flags:1|" },
	{ "body, bare LF", OCTETS("* 1 FETCH (BODY[] {3}\na\nb)\n"), "body 0:3|<a\nb>|message|" },
	{ "body, NIL", OCTETS("* 1 FETCH (BODY[] NIL UID 5)\r\n"), "body nil 0:0|message uid:5|" },
	{ "body, quoted", OCTETS("* 1 FETCH (BODY[] \"a \\\"b\\\"\" UID 5)\r\n"),
	  "body 0:5|<a \"b\">|message uid:5|" },
	{ "body, empty", OCTETS("* 1 FETCH (BODY[] \"\" UID 5)\r\n* 2 FETCH (BODY[] {0}\r\n)\r\n"),
	  "body 0:0|message uid:5|body 0:0|message|" },
	{ "body, empty, and a literal nobody asked for",
	  OCTETS("* 1 FETCH (BODY[] {0}\r\n X {2}\r\nab UID 5)\r\n"), "body 0:0|message uid:5|" },
	{ "body of NUL", OCTETS("* 1 FETCH (BODY[] {3}\r\na\0b)\r\n"), "body 0:3|<a.b>|message|" },
	{ "sections",
	  OCTETS("* 1 FETCH (body[header] {1}\r\na BODY[TEXT]<0> {1}\r\nb "
		 "BODY[TEXT]<9223372036854775807> \"c\" BODY[]<7> NIL)\r\n"),
	  "body 1:1|<a>|body 2<0>:1|<b>|body 2<9223372036854775807>:1|<c>|body nil "
	  "0<7>:0|message|" },
	{ "sections nobody asked for",
	  OCTETS("* 1 FETCH (BODY[HEADER.FIELDS (DATE FROM)] {1}\r\na BODY[1] {1}\r\nb BODY[]<> "
		 "NIL "
		 "BODY[]<9223372036854775808> NIL BODY[]x NIL BODY[]<1 NIL BODY NIL RFC822 {1}\r\n"
		 "c BODY[MIME ()] NIL)\r\n"),
	  "message|" },
	{ "body that looks like responses",
	  OCTETS("* 1 FETCH (BODY[] {46}\r\n* BYE x\r\nA7 OK x\r\n+OK x\r\n-ERR x\r\n)\r\n+ x\r\n"
		 "{5}\r\n UID 5)\r\n"),
	  "body 0:46|<* BYE x\r\nA7 OK x\r\n+OK x\r\n-ERR x\r\n)\r\n+ x\r\n{5}\r\n>|message "
	  "uid:5|" },
	{ "Exchange's placeholder",
	  OCTETS("* 1 FETCH (BODY[] {39}\r\nSubject: Retrieval using the IMAP4 \r\n\r\n UID "
		 "5)\r\n"),
	  "body 0:39|<Subject: Retrieval using the IMAP4 \r\n\r\n>|"
	  "message uid:5|" },
	{ "body that is a list", OCTETS("* 1 FETCH (BODY[] (a))\r\n"),
	  "! a body is neither NIL nor a string" },
	{ "body that is an atom", OCTETS("* 1 FETCH (BODY[] hello)\r\n"),
	  "! a body is neither NIL nor a string" },
	{ "body that is missing", OCTETS("* 1 FETCH (BODY[])\r\n"),
	  "! a body is neither NIL nor a string" },
	{ "body shorter than it said", OCTETS("* 1 FETCH (BODY[] {3}\r\nhello)\r\n"),
	  "body 0:3|<hel>|! a FETCH item has no value" },

	{ "what nobody knows",
	  OCTETS("* FLAGS (\\Seen)\r\n* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"
		 "* X \"unbalanced ( {3}\r\na\r\n {4+}\r\n* NO and more\r\n* 5 XYZ (\r\n"
		 "* ESEARCH (TAG \"A1\") UID ALL 1:3\r\n* ID NIL\r\n* LSUB () \"/\" x\r\n"
		 "* STATUS INBOX (MESSAGES 3)\r\n* 1 EXISTS\r\n"),
	  "exists 1|" },
};

static void put(struct bytebuf *log, const char *text)
{
	assert_true(bytebuf_append_text(log, text));
}

static void put_number(struct bytebuf *log, const char *before, uint64_t number)
{
	put(log, before);
	assert_true(bytebuf_append_number(log, number));
}

static void put_octets(struct bytebuf *log, struct span octets)
{
	for (size_t i = 0; i < octets.len; i++)
		assert_true(
			bytebuf_append_octet(log, octets.data[i] == '\0' ? '.' : octets.data[i]));
}

static void put_status(struct bytebuf *log, const struct imap_response *response)
{
	static const char *const statuses[] = { "OK", "NO", "BAD", "PREAUTH", "BYE" };
	static const char *const notes[] = { "", " capability:", " uidvalidity:", " uidnext:",
					     " flags:" };

	put(log, statuses[response->status]);
	put_number(log, " ", response->code);
	if (response->note != IMAP_NOTE_NONE)
		put_number(log, notes[response->note], response->noted);
	put(log, " '");
	put(log, response->text);
	put(log, "'");
}

static void put_message(struct bytebuf *log, const struct imap_message *message)
{
	put(log, "message");
	if (message->uid != 0)
		put_number(log, " uid:", message->uid);
	if (message->has_flags)
		put_number(log, " flags:", message->flags);
	if (message->has_octets)
		put_number(log, " octets:", message->octets);
	if (message->has_internaldate)
		put_number(log, " date:", (uint64_t)message->internaldate);
}

static void put_body(struct bytebuf *log, const struct imap_response *response)
{
	const struct imap_body *body = &response->body;

	put(log, "body");
	if (response->message.uid != 0)
		put_number(log, " uid:", response->message.uid);
	put(log, body->is_nil ? " nil" : "");
	put_number(log, " ", body->section);
	if (body->is_partial) {
		put_number(log, "<", body->origin);
		put(log, ">");
	}
	put_number(log, ":", body->octets);
	assert_int_equal(body->left, body->octets);
}

/* Data comes in as many spans as the input: they are put together again. */
static void put_data(struct bytebuf *log, const struct imap_response *response, uint64_t *seen)
{
	if (*seen == 0)
		put(log, "<");
	put_octets(log, response->data);
	*seen += response->data.len;
	assert_true(response->data.len > 0);
	assert_int_equal(*seen + response->body.left, response->body.octets);
	if (response->body.left > 0)
		return;
	put(log, ">|");
	*seen = 0;
}

static void put_response(struct bytebuf *log, const struct imap_response *response)
{
	switch (response->type) {
	case IMAP_RESPONSE_CONTINUATION:
		put(log, "+ '");
		put(log, response->text);
		put(log, "'");
		break;
	case IMAP_RESPONSE_TAGGED:
		put_octets(log, span_of(response->tag, response->tag_len));
		put(log, " ");
		put_status(log, response);
		break;
	case IMAP_RESPONSE_STATUS:
		put_status(log, response);
		break;
	case IMAP_RESPONSE_CAPABILITY:
		put_number(log, "capability:", response->noted);
		break;
	case IMAP_RESPONSE_EXISTS:
		put_number(log, "exists ", response->number);
		break;
	case IMAP_RESPONSE_EXPUNGE:
		put_number(log, "expunge ", response->number);
		break;
	case IMAP_RESPONSE_FOUND:
		put_number(log, "found ", response->number);
		break;
	case IMAP_RESPONSE_MAILBOX:
		put_number(log, "mailbox ", response->attributes);
		put(log, " ");
		put_octets(log, response->mailbox);
		break;
	case IMAP_RESPONSE_BODY:
		put_body(log, response);
		break;
	case IMAP_RESPONSE_MESSAGE:
		put_message(log, &response->message);
		break;
	case IMAP_RESPONSE_NEED_INPUT:
	case IMAP_RESPONSE_BODY_DATA:
	case IMAP_RESPONSE_VIOLATION:
		fail_msg("not shown here");
	}
	put(log, "|");
}

/* Reads one piece of the input. False at a violation. */
static bool read_piece(struct imap_response_parser *parser, struct span in, struct bytebuf *log,
		       uint64_t *seen)
{
	for (;;) {
		const struct imap_response *response = imap_response_next(parser, &in);

		if (response->type == IMAP_RESPONSE_NEED_INPUT) {
			assert_int_equal(in.len, 0);
			return true;
		}
		if (response->type == IMAP_RESPONSE_VIOLATION) {
			put(log, "! ");
			put(log, response->text);
			return false;
		}
		if (response->type == IMAP_RESPONSE_BODY_DATA)
			put_data(log, response, seen);
		else
			put_response(log, response);
	}
}

static void check_row(size_t row, size_t first, size_t step)
{
	struct imap_response_parser parser;
	struct span input = rows[row].input;
	struct span piece = span_take(&input, first);
	struct bytebuf log;
	uint64_t seen = 0;

	bytebuf_init(&log, 65536);
	imap_response_init(&parser);
	while (read_piece(&parser, piece, &log, &seen) && input.len > 0)
		piece = span_take(&input, step);
	imap_response_deinit(&parser);
	struct span got = bytebuf_peek(&log);
	if (!span_equal(got, span_text(rows[row].expected)))
		fail_msg("%s (%zu, then %zu at a time): %.*s, not %s", rows[row].name, first, step,
			 (int)got.len, (const char *)got.data, rows[row].expected);
	bytebuf_deinit(&log);
}

static void test_whole(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		check_row(row, SIZE_MAX, 1);
}

static void test_octet_by_octet(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		check_row(row, 1, 1);
}

static void test_every_split(void **state)
{
	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		for (size_t first = 0; first <= rows[row].input.len; first++)
			check_row(row, first, SIZE_MAX);
	}
}

/* The items of FETCH in each of their orders, a body among them. */
static void test_fetch_items_in_every_order(void **state)
{
	static const char *const items[] = {
		"UID 5",
		"FLAGS (\\Seen)",
		"RFC822.SIZE 7",
		"INTERNALDATE \"01-Jan-1970 00:00:09 +0000\"",
		"BODY[] {3}\r\n)\r\n",
	};
	enum { ITEMS = sizeof(items) / sizeof(items[0]) };
	unsigned orders = 0;

	(void)state;
	for (unsigned code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
		struct imap_response_parser parser;
		const struct imap_response *response;
		struct bytebuf line;
		unsigned used = 0;
		unsigned bodies = 0;
		unsigned rest = code;

		bytebuf_init(&line, 4096);
		put(&line, "* 1 FETCH (");
		for (unsigned i = 0; i < ITEMS; i++, rest /= ITEMS) {
			used |= 1u << rest % ITEMS;
			put(&line, i > 0 ? " " : "");
			put(&line, items[rest % ITEMS]);
		}
		put(&line, ")\r\n");
		if (used == (1u << ITEMS) - 1) {
			struct span in = bytebuf_peek(&line);
			orders++;
			imap_response_init(&parser);
			while ((response = imap_response_next(&parser, &in))->type !=
			       IMAP_RESPONSE_MESSAGE) {
				assert_int_not_equal(response->type, IMAP_RESPONSE_NEED_INPUT);
				assert_int_not_equal(response->type, IMAP_RESPONSE_VIOLATION);
				bodies += response->type == IMAP_RESPONSE_BODY_DATA;
			}
			assert_int_equal(bodies, 1);
			assert_int_equal(response->message.uid, 5);
			assert_int_equal(response->message.flags, IMAP_FLAG_SEEN);
			assert_int_equal(response->message.octets, 7);
			assert_true(response->message.has_internaldate);
			assert_int_equal(response->message.internaldate, 9);
			imap_response_deinit(&parser);
		}
		bytebuf_deinit(&line);
	}
	assert_int_equal(orders, 120);
}

/* A body is handed out as slices of the input: nothing is copied, whatever its length. */
static void test_body_is_not_copied(void **state)
{
	static const char head[] = "* 1 FETCH (BODY[] {9223372036854775807}\r\n";
	static const unsigned char chunk[4096];
	struct imap_response_parser parser;
	struct span in = span_of(head, sizeof(head) - 1);

	(void)state;
	imap_response_init(&parser);
	assert_int_equal(imap_response_next(&parser, &in)->type, IMAP_RESPONSE_BODY);
	for (size_t i = 1; i <= 1000; i++) {
		in = span_of(chunk, sizeof(chunk));
		const struct imap_response *response = imap_response_next(&parser, &in);
		assert_int_equal(response->type, IMAP_RESPONSE_BODY_DATA);
		assert_ptr_equal(response->data.data, chunk);
		assert_int_equal(response->data.len, sizeof(chunk));
		assert_int_equal(response->body.left, INT64_MAX - i * sizeof(chunk));
		assert_int_equal(in.len, 0);
	}
	imap_response_deinit(&parser);
}

/* 10 MB of SEARCH results in one line: each is told at once, and nothing grows. */
static void test_long_search(void **state)
{
	static const char results[] = " 4294967295 1 77";
	struct imap_response_parser parser;
	struct span in = span_text("* SEARCH");
	size_t found = 0;

	(void)state;
	imap_response_init(&parser);
	for (size_t i = 0; i <= (10u << 20) / (sizeof(results) - 1); i++) {
		while (imap_response_next(&parser, &in)->type == IMAP_RESPONSE_FOUND)
			found++;
		assert_int_equal(in.len, 0);
		in = span_text(results);
	}
	assert_in_range(found, 3 * 600000, SIZE_MAX);
	assert_in_range(parser.reader.text.capacity, 1, 256);
	imap_response_deinit(&parser);
}

/* 1 MB of a response that nobody knows, and of one text. */
static void test_long_lines(void **state)
{
	static const char *const heads[] = { "* XYZZY ", "* OK ", "* OK [X ", "A1 NO [ALERT] " };

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct imap_response_parser parser;
		struct span in = span_text(heads[i]);
		unsigned responses = 0;

		imap_response_init(&parser);
		for (size_t octets = 0; octets < 1u << 20; octets += 8) {
			assert_int_equal(imap_response_next(&parser, &in)->type,
					 IMAP_RESPONSE_NEED_INPUT);
			in = span_text("(\"abc{d ");
		}
		in = span_text("\r\n* 5 EXISTS\r\n");
		while (imap_response_next(&parser, &in)->type != IMAP_RESPONSE_EXISTS)
			responses++;
		assert_int_equal(responses, i == 0 ? 0 : 1);
		assert_in_range(parser.reader.text.capacity, 1, 4 * IMAP_TEXT_MAX);
		imap_response_deinit(&parser);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_octet_by_octet),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_fetch_items_in_every_order),
		cmocka_unit_test(test_body_is_not_copied),
		cmocka_unit_test(test_long_search),
		cmocka_unit_test(test_long_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
