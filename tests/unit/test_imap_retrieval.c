/* SPDX-License-Identifier: ISC */
#include "protocol/imap_retrieval.h"

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
	case IMAP_RETRIEVAL_BEGIN:
		begin(driver);
		return;
	case IMAP_RETRIEVAL_DATA:
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
#define OK "$1 OK x\r\n"
#define HEAD "1 UID FETCH 7 (BODY.PEEK[HEADER])\r\n"
#define TEXT "2 UID FETCH 7 (BODY.PEEK[TEXT]<0.4096>)\r\n"
#define HEADER "* 1 FETCH (UID 7 BODY[HEADER] {8}\r\na: b\r\n\r\n)\r\n$1 OK x\r\n"

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
	{ "another section", 3, -1, "* 1 FETCH (UID 7 BODY[TEXT] {3}\r\nx\r\n)\r\n" OK THERE,
	  WHOLE PROBE, "unreadable", NULL },
	{ "only a part", 3, -1, "* 1 FETCH (UID 7 BODY[]<0> {3}\r\nx\r\n)\r\n" OK THERE,
	  WHOLE PROBE, "unreadable", NULL },
	{ "empty as listed", 0, -1, "* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n" OK, WHOLE, "+.", NULL },
	{ "NIL where empty is listed", 0, -1, "* 1 FETCH (UID 7 BODY[] NIL)\r\n" OK, WHOLE, "+.",
	  NULL },
	{ "not empty though listed so", 0, -1, "* 1 FETCH (UID 7 BODY[] {1}\r\nx)\r\n" OK, WHOLE,
	  "+x\r\n.", NULL },
	{ "listed empty and nothing comes", 0, -1, OK "$2 OK x\r\n", WHOLE PROBE, "gone", NULL },
	{ "empty", 3, -1, "* 1 FETCH (UID 7 BODY[] {0}\r\n)\r\n" OK THERE, WHOLE PROBE,
	  "unreadable", "the server does not give this message" },
	{ "NIL", 3, -1, "* 1 FETCH (UID 7 BODY[] NIL)\r\n" OK THERE, WHOLE PROBE, "unreadable",
	  NULL },
	{ "NIL, and then it comes", 3, -1,
	  "* 1 FETCH (UID 7 BODY[] NIL)\r\n* 1 FETCH (UID 7 BODY[] {1}\r\nx)\r\n" OK, WHOLE,
	  "+x\r\n.", NULL },
	{ "nothing, and there", 3, -1, OK THERE, WHOLE PROBE, "unreadable", NULL },
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
	{ "TOP of all lines without data is no message", 9, 99999999, OK THERE, WHOLE PROBE,
	  "unreadable", NULL },
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

static void play_row(const struct row *row, size_t cut)
{
	static struct imap_script script;
	static struct driver driver;

	driver = (struct driver){ .len = 0 };
	imap_script_init_selected(&script, "", 1);
	imap_script_begin(&script, on_event, &driver, cut);
	take_status(&driver, imap_retrieval_start(&driver.retrieval, script.client, 7, row->octets,
						  row->top_lines >= 0,
						  row->top_lines >= 0 ? (uint64_t)row->top_lines
								      : BYTE_STUFF_ALL_LINES));
	imap_script_say(&script, row->server);
	if (strcmp(driver.out, row->out) != 0)
		fail_msg("%s (cut %zu): \"%s\", not \"%s\"; %s", row->name, cut, driver.out,
			 row->out, driver.retrieval.text);
	if (strcmp(script.sent, row->sent) != 0)
		fail_msg("%s (cut %zu): sent\n%snot\n%s", row->name, cut, script.sent, row->sent);
	if (row->text != NULL && strcmp(driver.retrieval.text, row->text) != 0)
		fail_msg("%s (cut %zu): text \"%s\"", row->name, cut, driver.retrieval.text);
	imap_script_deinit(&script);
}

static void messages_are_retrieved_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play_row(&rows[i], IMAP_SCRIPT_WHOLE);
		play_row(&rows[i], IMAP_SCRIPT_OCTETS);
		for (size_t cut = 1; cut < strlen(rows[i].server); cut++)
			play_row(&rows[i], cut);
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
	take_status(&driver, imap_retrieval_start(&driver.retrieval, script.client, 7, 9, true, 1));
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
	take_status(&driver, imap_retrieval_start(&driver.retrieval, script.client, 7, 3, false,
						  BYTE_STUFF_ALL_LINES));
	imap_script_say(&script, "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n" OK
				 "* 1 FETCH (UID 7 BODY[] {3}\r\nx\r\n)\r\n* BYE x\r\n");
	assert_string_equal(driver.out, "+x\r\n.");
	imap_script_deinit(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_retrieved_as_written),
		cmocka_unit_test(parts_of_a_long_line_double),
		cmocka_unit_test(nothing_more_is_handed_out_behind_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
