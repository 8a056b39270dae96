/* SPDX-License-Identifier: ISC */
#include "protocol/imap_retrieval.h"

#include "protocol/limits.h"
#include "tests/unit/imap_script.h"

/* Takes what a retrieval hands out: "+" where +OK is to be said, then the octets, then "." or how
 * else it ended: "gone", "unreadable", "refused", "broken". */
struct driver {
	struct imap_retrieval retrieval;
	char out[4096];
	size_t len;
	bool begun;
	bool over;
	bool discard; /* octets are too many to be kept */
};

static void put(struct driver *driver, struct span octets)
{
	if (driver->discard)
		return;
	assert_true(driver->len + octets.len < sizeof(driver->out));
	if (octets.len > 0)
		memcpy(driver->out + driver->len, octets.data, octets.len);
	driver->len += octets.len;
	driver->out[driver->len] = '\0';
}

static void put_pieces(struct driver *driver)
{
	struct span piece;

	assert_true(driver->begun);
	while (imap_retrieval_piece(&driver->retrieval, &piece))
		put(driver, piece);
}

static void begin(struct driver *driver)
{
	assert_false(driver->begun);
	driver->begun = true;
	put(driver, span_text("+"));
}

static void take_status(struct driver *driver, enum imap_retrieval_status status)
{
	assert_true(status == IMAP_RETRIEVAL_MORE || !driver->over);
	switch (status) {
	case IMAP_RETRIEVAL_MORE:
		return;
	case IMAP_RETRIEVAL_DATA:
		if (!driver->begun)
			begin(driver);
		put_pieces(driver);
		return;
	case IMAP_RETRIEVAL_END:
		if (!driver->begun)
			begin(driver);
		put_pieces(driver);
		put(driver, span_text("."));
		break;
	case IMAP_RETRIEVAL_GONE:
		put(driver, span_text("gone"));
		break;
	case IMAP_RETRIEVAL_UNREADABLE:
		put(driver, span_text("unreadable"));
		break;
	case IMAP_RETRIEVAL_REFUSED:
		put(driver, span_text("refused"));
		break;
	case IMAP_RETRIEVAL_BROKEN:
		put(driver, span_text("broken"));
		break;
	}
	driver->over = true;
}

static void on_event(void *machine, const struct imap_event *event)
{
	struct driver *driver = machine;

	take_status(driver, imap_retrieval_event(&driver->retrieval, event));
}

#define WHOLE "1 UID FETCH 7 (BODY.PEEK[])\r\n"
#define PROBE "2 UID FETCH 7 (UID FLAGS)\r\n"
#define THERE "* 1 FETCH (UID 7 FLAGS ())\r\n$2 OK x\r\n"
#define SEEN_THERE "* 1 FETCH (UID 7 FLAGS (\\Answered \\Seen))\r\n$2 OK x\r\n"
#define INSIST "3 UID FETCH 7 (BODY[])\r\n"
#define UNSEE "4 UID STORE 7 -FLAGS.SILENT (\\Seen)\r\n"
#define OK "$1 OK x\r\n"
#define HEAD "1 UID FETCH 7 (BODY.PEEK[HEADER])\r\n"
#define TEXT "2 UID FETCH 7 (BODY.PEEK[TEXT]<0.4096>)\r\n"
#define HEADER "* 1 FETCH (UID 7 BODY[HEADER] {8}\r\na: b\r\n\r\n)\r\n$1 OK x\r\n"

#define PLACEHOLDER_HEADER                                                         \
	"From: Microsoft Exchange Server 2010\r\n"                                 \
	"Subject: Retrieval using the IMAP4 protocol failed for the following\r\n" \
	" message: 7\r\n\r\n"
#define PLACEHOLDER PLACEHOLDER_HEADER "no\r\n"
/* Their lengths, for literals. */
#define LEN_HEADER "123"
#define LEN "127"

static const struct row {
	const char *name;
	uint64_t octets;
	int top_lines; /* -1: RETR */
	const char *server;
	const char *sent;
	const char *out;
	const char *text; /* NULL: any */
} rows[] = {
	{ "a message", 3, -1, "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n" OK, WHOLE, "+x\r\n.",
	  NULL },
	{ "dots, LF, no CRLF at the end", 9, -1,
	  "* 1 FETCH (UID 7 BODY[] {8}\r\n.\r\n..\n.x)\r\n" OK, WHOLE, "+..\r\n...\r\n..x\r\n.",
	  NULL },
	{ "quoted", 3, -1, "* 1 FETCH (UID 7 BODY[] \"a \\\"b\\\"\")\r\n" OK, WHOLE,
	  "+a \"b\"\r\n.", NULL },
	{ "UID behind", 3, -1, "* 1 FETCH (BODY[] {3}\r\nx\r\n UID 7)\r\n" OK, WHOLE, "+x\r\n.",
	  NULL },
	{ "wrong UID behind", 3, -1, "* 1 FETCH (BODY[] {3}\r\nx\r\n UID 8)\r\n" OK, WHOLE,
	  "+x\r\nbroken", NULL },
	{ "no UID at all", 3, -1, "* 1 FETCH (BODY[] {3}\r\nx\r\n)\r\n" OK, WHOLE, "+x\r\nbroken",
	  NULL },
	{ "another UID in front", 3, -1,
	  "* 1 FETCH (UID 8 BODY[] {3}\r\ny\r\n)\r\n* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n" OK,
	  WHOLE, "+x\r\n.", NULL },
	{ "twice", 3, -1,
	  "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n" OK,
	  WHOLE, "+x\r\n.", NULL },
	{ "another section", 3, -1,
	  "* 1 FETCH (UID 7 BODY[TEXT] {3}\r\nx\r\n)\r\n" OK THERE "$3 OK x\r\n$4 OK x\r\n",
	  WHOLE PROBE INSIST UNSEE, "unreadable", NULL },
	{ "only a part", 3, -1,
	  "* 1 FETCH (UID 7 BODY[]<0> {3}\r\nx\r\n)\r\n" OK THERE "$3 OK x\r\n$4 OK x\r\n",
	  WHOLE PROBE INSIST UNSEE, "unreadable", NULL },
	{ "empty as listed", 0, -1, "* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n" OK, WHOLE, "+.", NULL },
	{ "NIL where empty is listed", 0, -1, "* 1 FETCH (UID 7 BODY[] NIL)\r\n" OK, WHOLE, "+.",
	  NULL },
	{ "not empty though listed so", 0, -1, "* 1 FETCH (UID 7 BODY[] {1}\r\nx)\r\n" OK, WHOLE,
	  "+x\r\n.", NULL },
	{ "listed empty and nothing comes", 0, -1, OK "$2 OK x\r\n", WHOLE PROBE, "gone", NULL },
	{ "empty", 3, -1, "* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n" OK THERE "$3 OK x\r\n$4 OK x\r\n",
	  WHOLE PROBE INSIST UNSEE, "unreadable", "the server does not give this message" },
	{ "NIL", 3, -1, "* 1 FETCH (UID 7 BODY[] NIL)\r\n" OK THERE "$3 OK x\r\n$4 OK x\r\n",
	  WHOLE PROBE INSIST UNSEE, "unreadable", NULL },
	{ "NIL, and then it comes", 3, -1,
	  "* 1 FETCH (UID 7 BODY[] NIL)\r\n* 1 FETCH (UID 7 BODY[] {1}\r\nx)\r\n" OK, WHOLE,
	  "+x\r\n.", NULL },
	{ "nothing, and there", 3, -1, OK THERE "$3 OK x\r\n$4 OK x\r\n", WHOLE PROBE INSIST UNSEE,
	  "unreadable", NULL },
	{ "nothing, and the message without a peek", 3, -1,
	  OK THERE "* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] {3}\r\nx\r\n)\r\n$3 OK x\r\n"
		   "* 1 FETCH (UID 7 FLAGS ())\r\n$4 OK x\r\n",
	  WHOLE PROBE INSIST UNSEE, "+x\r\n.", NULL },
	{ "nothing, and it was \\Seen before", 3, -1,
	  OK SEEN_THERE "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n$3 OK x\r\n", WHOLE PROBE INSIST,
	  "+x\r\n.", NULL },
	{ "nothing, and flags told twice: the last count", 3, -1,
	  OK "* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n" THERE
	     "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n$3 OK x\r\n$4 OK x\r\n",
	  WHOLE PROBE INSIST UNSEE, "+x\r\n.", NULL },
	{ "nothing, and its flags are not told", 3, -1, OK "* 1 FETCH (UID 7)\r\n$2 OK x\r\n",
	  WHOLE PROBE, "unreadable", NULL },
	{ "nothing without a peek, and \\Seen stays", 3, -1, OK THERE "$3 OK x\r\n$4 NO x\r\n",
	  WHOLE PROBE INSIST UNSEE, "unreadable", "the server does not give this message" },
	{ "another message without a peek", 3, -1,
	  OK SEEN_THERE "* 1 FETCH (UID 8 BODY[] {3}\r\nx\r\n)\r\n$3 OK x\r\n", WHOLE PROBE INSIST,
	  "unreadable", NULL },
	{ "NO without a peek", 3, -1, OK THERE "$3 NO cannot convert\r\n", WHOLE PROBE INSIST,
	  "unreadable", "cannot convert" },
	{ "throttled without a peek", 3, -1, OK THERE "$3 NO Request is throttled.\r\n",
	  WHOLE PROBE INSIST, "refused", "Request is throttled." },
	{ "BYE without a peek", 3, -1, OK THERE "* BYE x\r\n", WHOLE PROBE INSIST, "refused", "x" },
	{ "BYE behind the octets without a peek", 3, -1,
	  OK THERE "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n* BYE x\r\n", WHOLE PROBE INSIST,
	  "+x\r\nbroken", "x" },
	{ "NO behind the octets without a peek", 3, -1,
	  OK THERE "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n$3 NO x\r\n", WHOLE PROBE INSIST,
	  "+x\r\nbroken", "x" },
	{ "BYE when all that is missing is to take \\Seen off", 3, -1,
	  OK THERE "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n$3 OK x\r\n* BYE x\r\n",
	  WHOLE PROBE INSIST UNSEE, "+x\r\n.", NULL },
	{ "listed empty, not given to a peek, and empty", 0, -1,
	  OK THERE "* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n$3 OK x\r\n$4 OK x\r\n",
	  WHOLE PROBE INSIST UNSEE, "+.", NULL },
	{ "nothing, and gone", 3, -1, OK "$2 OK x\r\n", WHOLE PROBE, "gone", NULL },
	{ "nothing, and another one is there", 3, -1,
	  OK "* 1 FETCH (UID 8 FLAGS ())\r\n$2 OK x\r\n", WHOLE PROBE, "gone", NULL },
	{ "flags of it in front do not make it there", 3, -1,
	  "* 1 FETCH (UID 7 FLAGS ())\r\n" OK "$2 OK x\r\n", WHOLE PROBE, "gone", NULL },
	{ "NO, and there", 3, -1, "$1 NO cannot convert\r\n" THERE, WHOLE PROBE, "unreadable",
	  "cannot convert" },
	{ "NO, and gone", 3, -1, "$1 NO cannot\r\n$2 OK x\r\n", WHOLE PROBE, "gone", NULL },
	{ "[EXPUNGEISSUED] twice", 3, -1, "$1 NO [EXPUNGEISSUED] x\r\n$2 NO [EXPUNGEISSUED] x\r\n",
	  WHOLE PROBE, "gone", NULL },
	{ "the probe is refused", 3, -1, OK "$2 NO x\r\n", WHOLE PROBE, "refused", "x" },
	{ "the probe is BAD", 3, -1, OK "$2 BAD x\r\n", WHOLE PROBE, "refused", "x" },
	{ "throttled", 3, -1, "$1 NO Request is throttled.\r\n", WHOLE, "refused",
	  "Request is throttled." },
	{ "BAD", 3, -1, "$1 BAD x\r\n", WHOLE, "refused", "x" },
	{ "BYE", 3, -1, "* BYE x\r\n", WHOLE, "refused", "x" },
	{ "BYE in the probe", 3, -1, OK "* BYE x\r\n", WHOLE PROBE, "refused", "x" },
	{ "BYE behind the octets", 3, -1, "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n* BYE x\r\n",
	  WHOLE, "+x\r\nbroken", "x" },
	{ "NO behind the octets", 3, -1, "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n$1 NO x\r\n",
	  WHOLE, "+x\r\nbroken", "x" },
	{ "violation behind the octets", 3, -1, "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n\r\n", WHOLE,
	  "+x\r\nbroken", NULL },
	{ "another message's placeholder, and nothing else", 3, -1,
	  "* 1 FETCH (BODY[] {" LEN "}\r\n" PLACEHOLDER " UID 8)\r\n" OK "$2 OK x\r\n", WHOLE PROBE,
	  "gone", NULL },
	{ "TOP 0", 9, 0, HEADER, HEAD, "+a: b\r\n\r\n.", NULL },
	{ "TOP 1", 9, 1,
	  HEADER "* 1 FETCH (UID 7 BODY[TEXT]<0> {8}\r\n.1\r\n22\r\n)\r\n$2 OK x\r\n", HEAD TEXT,
	  "+a: b\r\n\r\n..1\r\n.", NULL },
	{ "TOP of more than there is", 9, 40,
	  HEADER "* 1 FETCH (UID 7 BODY[TEXT]<0> {7}\r\n1\r\n22\r\n)\r\n$2 OK x\r\n", HEAD TEXT,
	  "+a: b\r\n\r\n1\r\n22\r\n.", NULL },
	{ "TOP 41 asks for a hundred octets a line", 9, 41,
	  HEADER "* 1 FETCH (UID 7 BODY[TEXT]<0> NIL)\r\n$2 OK x\r\n",
	  HEAD "2 UID FETCH 7 (BODY.PEEK[TEXT]<0.4100>)\r\n", "+a: b\r\n\r\n.", NULL },
	{ "TOP asks for a megabyte at most", 8, 10484, HEADER "$2 OK x\r\n",
	  HEAD "2 UID FETCH 7 (BODY.PEEK[TEXT]<0.1048400>)\r\n", "+a: b\r\n\r\n.", NULL },
	{ "TOP of all lines is fetched as RETR is", 9, 99999999,
	  "* 1 FETCH (UID 7 BODY[] {14}\r\na: b\r\n\r\n1\r\n2\r\n)\r\n$1 OK x\r\n", WHOLE,
	  "+a: b\r\n\r\n1\r\n2\r\n.", NULL },
	{ "TOP of all lines without data is no message", 9, 99999999,
	  OK THERE "$3 OK x\r\n$4 OK x\r\n", WHOLE PROBE INSIST UNSEE, "unreadable", NULL },
	{ "TOP 0 without data, and the message without a peek", 9, 0,
	  OK THERE "* 1 FETCH (UID 7 BODY[] {14}\r\na: b\r\n\r\n1\r\n2\r\n)\r\n$3 OK x\r\n"
		   "$4 OK x\r\n",
	  HEAD PROBE INSIST UNSEE, "+a: b\r\n\r\n.", NULL },
	{ "TOP 1 without data, and the message without a peek", 9, 1,
	  "$1 OK x\r\n$2 OK x\r\n* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n$3 OK x\r\n"
	  "* 1 FETCH (UID 7 BODY[] {14}\r\na: b\r\n\r\n1\r\n2\r\n)\r\n$4 OK x\r\n",
	  HEAD TEXT "3 UID FETCH 7 (UID FLAGS)\r\n4 UID FETCH 7 (BODY[])\r\n",
	  "+a: b\r\n\r\n1\r\n.", NULL },
	{ "TOP 1 without a header, and the message without a peek", 9, 1,
	  "$1 OK x\r\n* 1 FETCH (UID 7 BODY[TEXT]<0> {3}\r\n1\r\n)\r\n$2 OK x\r\n"
	  "* 1 FETCH (UID 7 FLAGS (\\Seen))\r\n$3 OK x\r\n"
	  "* 1 FETCH (UID 7 BODY[] {14}\r\na: b\r\n\r\n1\r\n2\r\n)\r\n$4 OK x\r\n",
	  HEAD TEXT "3 UID FETCH 7 (UID FLAGS)\r\n4 UID FETCH 7 (BODY[])\r\n",
	  "+a: b\r\n\r\n1\r\n.", NULL },
	{ "TOP without the text is a cut message", 9, 1, HEADER "$2 OK x\r\n", HEAD TEXT,
	  "+a: b\r\n\r\nbroken", "the server gave no more of the text" },
	{ "TOP without a text that is there", 8, 1, HEADER "$2 OK x\r\n", HEAD TEXT,
	  "+a: b\r\n\r\n.", NULL },
	{ "a short part is the end whatever the size says", 99, 3,
	  HEADER "* 1 FETCH (UID 7 BODY[TEXT]<0> {3}\r\n1\r\n)\r\n$2 OK x\r\n", HEAD TEXT,
	  "+a: b\r\n\r\n1\r\n.", NULL },
	{ "an empty header before a text", 3, 1,
	  "* 1 FETCH (UID 7 BODY[HEADER] {0}\r\n)\r\n$1 OK x\r\n"
	  "* 1 FETCH (UID 7 BODY[TEXT]<0> {3}\r\n1\r\n)\r\n$2 OK x\r\n",
	  HEAD TEXT, "+1\r\n.", NULL },
	{ "both in one response", 9, 1,
	  "* 1 FETCH (BODY[HEADER] {8}\r\na: b\r\n\r\n BODY[TEXT]<0> {3}\r\n1\r\n UID 7)\r\n"
	  "$1 OK x\r\n$2 OK x\r\n",
	  HEAD TEXT, "+a: b\r\n\r\n1\r\n.", NULL },
	{ "text in front of the header", 9, 1,
	  "* 1 FETCH (UID 7 BODY[TEXT]<0> {3}\r\n1\r\n)\r\n$2 OK x\r\n" HEADER
	  "* 1 FETCH (UID 7 BODY[TEXT]<0> {3}\r\n1\r\n)\r\n$3 OK x\r\n",
	  HEAD TEXT "3 UID FETCH 7 (BODY.PEEK[TEXT]<0.4096>)\r\n", "+a: b\r\n\r\n1\r\n.", NULL },
	{ "empty header as listed", 0, 1,
	  "* 1 FETCH (UID 7 BODY[HEADER] \"\")\r\n$1 OK x\r\n$2 OK x\r\n", HEAD TEXT, "+.", NULL },
	{ "no header", 9, 1, "$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n",
	  HEAD TEXT "3 UID FETCH 7 (UID FLAGS)\r\n", "gone", NULL },
	{ "text refused", 9, 1, HEADER "$2 NO x\r\n", HEAD TEXT, "+a: b\r\n\r\nbroken", "x" },
	{ "header throttled, text not", 9, 1,
	  "$1 NO [THROTTLED] x\r\n* 1 FETCH (UID 7 BODY[TEXT]<0> {3}\r\n1\r\n)\r\n$2 OK y\r\n",
	  HEAD TEXT, "refused", "x" },
};

/* The guard: what stands in for a message, and what only looks like that. */
static const struct {
	struct row row;
	const char *delivered; /* what the client gets where it is to have placeholders */
	bool is_placeholder;   /* where it is not */
} guards[] = {
	{ { "a placeholder", 3, -1, "* 1 FETCH (UID 7 BODY[] {" LEN "}\r\n" PLACEHOLDER ")\r\n" OK,
	    WHOLE, "unreadable",
	    "the server cannot convert it, and sent a placeholder; Outlook may show the message" },
	  "+" PLACEHOLDER ".",
	  true },
	{ { "UID behind", 3, -1,
	    "* 1 FETCH (BODY[] {" LEN "}\r\n" PLACEHOLDER " UID 7 FLAGS (\\Seen))\r\n" OK, WHOLE,
	    "unreadable", NULL },
	  "+" PLACEHOLDER ".",
	  true },
	{ { "without a peek", 3, -1,
	    OK THERE "* 1 FETCH (UID 7 BODY[] {" LEN "}\r\n" PLACEHOLDER ")\r\n$3 OK x\r\n"
		     "$4 OK x\r\n",
	    WHOLE PROBE INSIST UNSEE, "unreadable", NULL },
	  "+" PLACEHOLDER ".",
	  true },
	{ { "TOP 0", 3, 0,
	    "* 1 FETCH (UID 7 BODY[HEADER] {" LEN_HEADER "}\r\n" PLACEHOLDER_HEADER ")\r\n" OK,
	    HEAD, "unreadable", NULL },
	  "+" PLACEHOLDER_HEADER ".",
	  true },
	{ { "TOP 1", 3, 1,
	    "* 1 FETCH (UID 7 BODY[HEADER] {" LEN_HEADER "}\r\n" PLACEHOLDER_HEADER ")\r\n" OK
	    "* 1 FETCH (UID 7 BODY[TEXT]<0> {4}\r\nno\r\n)\r\n$2 OK x\r\n",
	    HEAD TEXT, "unreadable", NULL },
	  "+" PLACEHOLDER ".",
	  true },
	{ { "TOP of all lines", 3, 99999999,
	    "* 1 FETCH (UID 7 BODY[] {" LEN "}\r\n" PLACEHOLDER ")\r\n" OK, WHOLE, "unreadable",
	    NULL },
	  "+" PLACEHOLDER ".",
	  true },
	{ { "TOP 1, and no text", 3, 1,
	    "* 1 FETCH (UID 7 BODY[HEADER] {" LEN_HEADER "}\r\n" PLACEHOLDER_HEADER ")\r\n" OK
	    "$2 NO cannot convert\r\n",
	    HEAD TEXT, "unreadable",
	    "the server cannot convert it, and sent a placeholder; Outlook may show the message" },
	  "+" PLACEHOLDER_HEADER "broken",
	  true },
	{ { "throttled behind it", 3, -1,
	    "* 1 FETCH (UID 7 BODY[] {" LEN "}\r\n" PLACEHOLDER ")\r\n"
	    "$1 NO Request is throttled.\r\n",
	    WHOLE, "refused", "Request is throttled." },
	  "+" PLACEHOLDER "broken",
	  true },
	{ { "BYE behind it", 3, -1,
	    "* 1 FETCH (UID 7 BODY[] {" LEN "}\r\n" PLACEHOLDER ")\r\n* BYE x\r\n", WHOLE,
	    "refused", "x" },
	  "+" PLACEHOLDER "broken",
	  true },
	{ { "another message's, its UID behind", 3, -1,
	    "* 1 FETCH (BODY[] {" LEN "}\r\n" PLACEHOLDER " UID 8)\r\n"
	    "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n" OK,
	    WHOLE, "+x\r\n.", NULL },
	  "+" PLACEHOLDER "broken",
	  false },
	{ { "another message's with its text, its UID behind", 3, 1,
	    "* 1 FETCH (BODY[HEADER] {" LEN_HEADER "}\r\n" PLACEHOLDER_HEADER
	    " BODY[TEXT]<0> {4}\r\nno\r\n UID 8)\r\n" HEADER
	    "* 1 FETCH (UID 7 BODY[TEXT]<0> {3}\r\n1\r\n)\r\n$2 OK x\r\n",
	    HEAD TEXT, "+a: b\r\n\r\n1\r\n.", NULL },
	  "+" PLACEHOLDER "broken",
	  false },
	{ { "a message that begins alike", 3, -1,
	    "* 1 FETCH (UID 7 BODY[] {42}\r\nFrom: Microsoft Exchange "
	    "Server\r\n\r\n.\r\nno\r\n)\r\n" OK,
	    WHOLE, "+From: Microsoft Exchange Server\r\n\r\n..\r\nno\r\n.", NULL },
	  "+From: Microsoft Exchange Server\r\n\r\n..\r\nno\r\n.",
	  false },
	{ { "a message that ends in a header that begins alike", 3, -1,
	    "* 1 FETCH (UID 7 BODY[] {35}\r\n.\nFrom: Microsoft Exchange Server\r\n)\r\n" OK, WHOLE,
	    "+..\r\nFrom: Microsoft Exchange Server\r\n.", NULL },
	  "+..\r\nFrom: Microsoft Exchange Server\r\n.",
	  false },
	{ { "a quoted one", 3, -1, "* 1 FETCH (UID 7 BODY[] \"From: Microsoft Exchange\")\r\n" OK,
	    WHOLE, "+From: Microsoft Exchange\r\n.", NULL },
	  "+From: Microsoft Exchange\r\n.",
	  false },
};

static void start(struct driver *driver, struct imap_script *script, const struct row *row,
		  bool deliver)
{
	struct imap_retrieval_request request = {
		.uid = 7,
		.octets = row->octets,
		.top = row->top_lines >= 0,
		.top_lines = row->top_lines >= 0 ? (uint64_t)row->top_lines : BYTE_STUFF_ALL_LINES,
		.deliver_placeholder = deliver,
	};

	take_status(driver, imap_retrieval_start(&driver->retrieval, script->client, &request));
}

static void play(const struct row *row, bool deliver, const char *out, size_t cut,
		 bool *placeholder_r)
{
	static struct imap_script script;
	static struct driver driver;

	driver = (struct driver){ .len = 0 };
	imap_script_init_selected(&script, "", 1);
	imap_script_begin(&script, on_event, &driver, cut);
	start(&driver, &script, row, deliver);
	imap_script_say(&script, row->server);
	if (strcmp(driver.out, out) != 0)
		fail_msg("%s (cut %zu): \"%s\", not \"%s\"; %s", row->name, cut, driver.out, out,
			 driver.retrieval.text);
	if (strcmp(script.sent, row->sent) != 0)
		fail_msg("%s (cut %zu): sent\n%snot\n%s", row->name, cut, script.sent, row->sent);
	*placeholder_r = imap_retrieval_is_placeholder(&driver.retrieval);
	if (row->text != NULL && !deliver && strcmp(driver.retrieval.text, row->text) != 0)
		fail_msg("%s (cut %zu): text \"%s\"", row->name, cut, driver.retrieval.text);
	imap_retrieval_deinit(&driver.retrieval);
	imap_script_deinit(&script);
}

static void play_at_every_cut(const struct row *row, bool deliver, const char *out,
			      bool is_placeholder)
{
	for (size_t cut = 0; cut <= strlen(row->server); cut++) {
		bool placeholder;

		play(row, deliver, out, cut < strlen(row->server) ? cut : IMAP_SCRIPT_OCTETS,
		     &placeholder);
		if (placeholder != is_placeholder)
			fail_msg("%s (cut %zu): placeholder %d", row->name, cut, placeholder);
	}
}

static void messages_are_retrieved_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		play_at_every_cut(&rows[i], false, rows[i].out, false);
}

static void placeholders_are_told_from_messages(void **state)
{
	(void)state;
	assert_int_equal(strlen(PLACEHOLDER_HEADER), strtoul(LEN_HEADER, NULL, 10));
	assert_int_equal(strlen(PLACEHOLDER), strtoul(LEN, NULL, 10));
	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
		play_at_every_cut(&guards[i].row, false, guards[i].row.out,
				  guards[i].is_placeholder);
		play_at_every_cut(&guards[i].row, true, guards[i].delivered,
				  strstr(guards[i].delivered, PLACEHOLDER_HEADER) != NULL);
	}
}

static void say_literal(struct imap_script *script, const char *before, char octet, size_t count,
			const char *behind)
{
	char piece[1024];

	imap_script_say(script, before);
	memset(piece, octet, sizeof(piece));
	for (size_t left = count; left > 0;) {
		size_t len = left < sizeof(piece) ? left : sizeof(piece);

		imap_script_feed(script, span_of(piece, len));
		left -= len;
	}
	imap_script_say(script, behind);
}

/* One line longer than any part: parts double up to a megabyte, none is asked for twice, and a
 * part shorter than asked is the last. */
static void parts_of_a_long_line_double(void **state)
{
	static struct imap_script script;
	static struct driver driver;
	static const struct {
		size_t origin;
		size_t asked;
	} parts[] = { { 0, 4096 },        { 4096, 8192 },     { 12288, 16384 },
		      { 28672, 32768 },   { 61440, 65536 },   { 126976, 131072 },
		      { 258048, 262144 }, { 520192, 524288 }, { 1044480, 1048576 } };

	(void)state;
	driver = (struct driver){ .discard = true };
	imap_script_init_selected(&script, "", 1);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &(const struct row){ .octets = 9, .top_lines = 1 }, false);
	imap_script_say(&script, HEADER);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		bool last = i + 1 == sizeof(parts) / sizeof(parts[0]);
		size_t octets = last ? 10 : parts[i].asked;
		char wanted[100];
		char before[100];
		char behind[20];

		(void)snprintf(wanted, sizeof(wanted),
			       "%zu UID FETCH 7 (BODY.PEEK[TEXT]<%zu.%zu>)\r\n", i + 2,
			       parts[i].origin, parts[i].asked);
		assert_non_null(strstr(script.sent, wanted));
		(void)snprintf(before, sizeof(before), "* 1 FETCH (UID 7 BODY[TEXT]<%zu> {%zu}\r\n",
			       parts[i].origin, octets);
		(void)snprintf(behind, sizeof(behind), ")\r\n$%zu OK x\r\n", i + 2);
		say_literal(&script, before, 'x', octets, behind);
		assert_int_equal(driver.over, last);
	}
	assert_int_equal(script.commands, 10);
	assert_true(imap_retrieval_octets(&driver.retrieval) == 8 + 1044480 + 10 + 2);
	imap_script_deinit(&script);
}

/* A message is told by its UID, whatever comes when it is over. */
static void nothing_more_is_handed_out_behind_the_end(void **state)
{
	static struct imap_script script;
	static struct driver driver;

	(void)state;
	driver = (struct driver){ .len = 0 };
	imap_script_init_selected(&script, "", 1);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &(const struct row){ .octets = 3, .top_lines = -1 }, false);
	imap_script_say(&script, "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n" OK
				 "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n* BYE x\r\n");
	assert_string_equal(driver.out, "+x\r\n.");
	imap_script_deinit(&script);
}

/* Begins a retrieval of which the server announces `octets`, and says `text` of them. */
static void begin_literal(struct driver *driver, struct imap_script *script, size_t octets,
			  const char *text)
{
	char announcement[100];

	*driver = (struct driver){ .discard = true };
	imap_script_init_selected(script, "", 1);
	imap_script_begin(script, on_event, driver, IMAP_SCRIPT_WHOLE);
	start(driver, script, &(const struct row){ .octets = octets, .top_lines = -1 }, false);
	(void)snprintf(announcement, sizeof(announcement), "* 1 FETCH (UID 7 BODY[] {%zu}\r\n",
		       octets);
	imap_script_say(script, announcement);
	imap_script_feed(script, span_text(text));
}

static void end_literal(struct driver *driver, struct imap_script *script)
{
	imap_retrieval_deinit(&driver->retrieval);
	imap_script_deinit(script);
}

/* What is longer than any placeholder goes through from its first octet on. */
static void large_messages_are_not_held_back(void **state)
{
	static struct imap_script script;
	static struct driver driver;

	(void)state;
	begin_literal(&driver, &script, IMAP_PLACEHOLDER_MAX + 1, "F");
	assert_true(driver.begun);
	end_literal(&driver, &script);
	begin_literal(&driver, &script, IMAP_PLACEHOLDER_MAX, "F");
	assert_false(driver.begun);
	end_literal(&driver, &script);
}

static void nothing_is_held_back_behind_the_first_field_that_tells(void **state)
{
	static struct imap_script script;
	static struct driver driver;

	(void)state;
	begin_literal(&driver, &script, 1000, "To: x\r\nSubject: hello\r\n");
	assert_false(driver.begun);
	imap_script_feed(&script, span_text("F"));
	assert_true(driver.begun);
	assert_int_equal(imap_retrieval_octets(&driver.retrieval), 24);
	end_literal(&driver, &script);
}

static void a_header_is_held_back_up_to_a_ceiling(void **state)
{
	static struct imap_script script;
	static struct driver driver;
	static const char field[] = "X: 0123456789012345678901234567\r\n";
	size_t said = 0;

	(void)state;
	begin_literal(&driver, &script, IMAP_PLACEHOLDER_MAX, "");
	while (!driver.begun) {
		assert_true(said <= IMAP_HELD_MAX);
		imap_script_feed(&script, span_text(field));
		said += strlen(field);
	}
	assert_true(said > IMAP_HELD_MAX);
	assert_int_equal(imap_retrieval_octets(&driver.retrieval), said);
	/* From here on it goes through as it comes. */
	imap_script_feed(&script, span_text("x"));
	assert_int_equal(imap_retrieval_octets(&driver.retrieval), said + 1);
	end_literal(&driver, &script);
}

static void a_lost_connection_ends_it(void **state)
{
	static const struct {
		const char *said;
		enum imap_retrieval_status status;
	} losses[] = {
		{ "From: Microsoft Exchange Server\r\n", IMAP_RETRIEVAL_REFUSED },
		{ "From: x\r\nX", IMAP_RETRIEVAL_BROKEN },
	};
	static struct imap_script script;
	static struct driver driver;

	(void)state;
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		begin_literal(&driver, &script, 1000, losses[i].said);
		assert_int_equal(imap_retrieval_lost(&driver.retrieval, "gone"), losses[i].status);
		assert_string_equal(driver.retrieval.text, "gone");
		assert_int_equal(imap_retrieval_lost(&driver.retrieval, "gone"),
				 IMAP_RETRIEVAL_MORE);
		end_literal(&driver, &script);
	}
}

/* Nothing is flagged \Seen where nothing can be. */
static void a_read_only_mailbox_is_left_as_it_is(void **state)
{
	static const struct row row = { .octets = 3, .top_lines = -1 };
	static struct imap_script script;
	static struct driver driver;

	(void)state;
	driver = (struct driver){ .len = 0 };
	imap_script_init_selected(&script, "", 1);
	imap_script_say(&script, "* OK [READ-ONLY] now\r\n");
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	start(&driver, &script, &row, false);
	imap_script_say(&script, OK THERE "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n$3 OK x\r\n");
	assert_string_equal(script.sent, WHOLE PROBE INSIST);
	assert_string_equal(driver.out, "+x\r\n.");
	end_literal(&driver, &script);
}

static void a_retrieval_may_follow_one_that_was_left(void **state)
{
	static const struct row row = { .octets = 3, .top_lines = -1 };
	static struct imap_script script;
	static struct driver driver;

	(void)state;
	begin_literal(&driver, &script, 10, "From: Mi");
	driver.discard = false;
	start(&driver, &script, &row, false);
	imap_script_say(&script,
			"cr)\r\n" OK "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n$2 OK x\r\n");
	assert_string_equal(driver.out, "+x\r\n.");
	end_literal(&driver, &script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_retrieved_as_written),
		cmocka_unit_test(placeholders_are_told_from_messages),
		cmocka_unit_test(parts_of_a_long_line_double),
		cmocka_unit_test(nothing_more_is_handed_out_behind_the_end),
		cmocka_unit_test(large_messages_are_not_held_back),
		cmocka_unit_test(nothing_is_held_back_behind_the_first_field_that_tells),
		cmocka_unit_test(a_header_is_held_back_up_to_a_ceiling),
		cmocka_unit_test(a_lost_connection_ends_it),
		cmocka_unit_test(a_read_only_mailbox_is_left_as_it_is),
		cmocka_unit_test(a_retrieval_may_follow_one_that_was_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
