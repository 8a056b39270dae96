/* SPDX-License-Identifier: ISC */
#include "protocol/imap_login.h"

#include "tests/unit/imap_script.h"

/* Drives one login as its owner would, and writes down how it goes: "R" READY, "A" AUTHENTICATED,
 * "T" START_TLS, "S" SELECTED, "F" FAILED. */
struct driver {
	struct imap_login login;
	const struct imap_client *client;
	struct span user;
	struct span password;
	const char *folder;
	char steps[16];
};

static void take_step(struct driver *driver, enum imap_login_step step)
{
	static const char letters[] = {
		[IMAP_LOGIN_START_TLS] = 'T',     [IMAP_LOGIN_READY] = 'R',
		[IMAP_LOGIN_AUTHENTICATED] = 'A', [IMAP_LOGIN_SELECTED] = 'S',
		[IMAP_LOGIN_FAILED] = 'F',
	};
	size_t len = strlen(driver->steps);

	if (step == IMAP_LOGIN_MORE)
		return;
	assert_true(len + 1 < sizeof(driver->steps));
	driver->steps[len] = letters[step];
	driver->steps[len + 1] = '\0';
	/* What the server can do is known by then. */
	if (step == IMAP_LOGIN_SELECTED)
		assert_int_equal(imap_client_pending(driver->client), 0);
	if (step == IMAP_LOGIN_START_TLS)
		take_step(driver, imap_login_tls_started(&driver->login));
	else if (step == IMAP_LOGIN_READY)
		take_step(driver,
			  imap_login_password(&driver->login, driver->user, driver->password));
	else if (step == IMAP_LOGIN_AUTHENTICATED)
		take_step(driver, imap_login_select(&driver->login, span_text(driver->folder)));
}

static void on_event(void *machine, const struct imap_event *event)
{
	struct driver *driver = machine;
	size_t len = strlen(driver->steps);

	/* An owner stops where it ends. */
	if (len == 0 || (driver->steps[len - 1] != 'F' && driver->steps[len - 1] != 'S'))
		take_step(driver, imap_login_event(&driver->login, event));
}

#define GREETING "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n"
#define AUTHENTICATED "$1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n"
#define AUTHENTICATE "1 AUTHENTICATE PLAIN AHUAcA==\r\n"
#define SELECT "2 SELECT INBOX\r\n"
#define VALID "* OK [UIDVALIDITY 9] valid\r\n"

static const struct row {
	const char *name;
	bool starttls;
	const char *server;
	const char *sent;
	const char *steps;
	enum imap_login_failure failure;
	const char *text; /* NULL: any */
} rows[] = {
	{ "all known in advance", false, GREETING AUTHENTICATED VALID "$2 OK [READ-WRITE] open\r\n",
	  AUTHENTICATE SELECT, "RAS", 0, NULL },
	{ "nothing known in advance", false,
	  "* OK hello\r\n"
	  "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n$1 OK listed\r\n"
	  "$2 OK in\r\n"
	  "* CAPABILITY IMAP4rev1\r\n$3 OK listed\r\n" VALID "$4 OK [READ-WRITE] open\r\n",
	  "1 CAPABILITY\r\n2 AUTHENTICATE PLAIN AHUAcA==\r\n3 CAPABILITY\r\n4 SELECT INBOX\r\n",
	  "RAS", 0, NULL },
	{ "SELECT is answered before CAPABILITY", false,
	  GREETING "$1 OK in\r\n" VALID "$3 OK [READ-WRITE] open\r\n"
		   "* CAPABILITY IMAP4rev1\r\n$2 OK listed\r\n",
	  AUTHENTICATE "2 CAPABILITY\r\n3 SELECT INBOX\r\n", "RAS", 0, NULL },
	{ "CAPABILITY behind the login is refused", false,
	  GREETING "$1 OK in\r\n$2 BAD what?\r\n" VALID "$3 OK [READ-WRITE] open\r\n",
	  AUTHENTICATE "2 CAPABILITY\r\n3 SELECT INBOX\r\n", "RAS", 0, NULL },
	{ "LOGIN where there is no PLAIN", false,
	  "* OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5] hello\r\n" AUTHENTICATED VALID
	  "$2 OK [READ-WRITE] open\r\n",
	  "1 LOGIN u \"p\"\r\n" SELECT, "RAS", 0, NULL },
	{ "PLAIN although LOGIN is disabled", false,
	  "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED SASL-IR AUTH=PLAIN] hello\r\n$1 NO no\r\n",
	  AUTHENTICATE, "RF", IMAP_LOGIN_WRONG_PASSWORD, "no" },
	{ "STARTTLS", true,
	  "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hello\r\n$1 OK go\r\n"
	  "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n$2 OK listed\r\n$3 NO no\r\n",
	  "1 STARTTLS\r\n2 CAPABILITY\r\n3 AUTHENTICATE PLAIN AHUAcA==\r\n", "TRF",
	  IMAP_LOGIN_WRONG_PASSWORD, "no" },
	{ "PLAIN was only listed in the clear", true,
	  "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hello\r\n$1 OK go\r\n"
	  "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n$2 OK listed\r\n",
	  "1 STARTTLS\r\n2 CAPABILITY\r\n", "TRF", IMAP_LOGIN_NO_MECHANISM, NULL },
	{ "no STARTTLS", true, GREETING, "", "F", IMAP_LOGIN_NO_STARTTLS, NULL },
	{ "STARTTLS refused", true, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n$1 BAD no\r\n",
	  "1 STARTTLS\r\n", "F", IMAP_LOGIN_NO_STARTTLS, "no" },
	{ "BYE greeting", false, "* BYE busy\r\n", "", "F", IMAP_LOGIN_TEMPORARY, "busy" },
	{ "PREAUTH greeting", false, "* PREAUTH hello\r\n", "", "F", IMAP_LOGIN_PREAUTH, NULL },
	{ "PREAUTH does not excuse TLS", true, "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] x\r\n",
	  "", "F", IMAP_LOGIN_PREAUTH, NULL },
	{ "no IMAP", false, "+OK POP3 ready\r\n", "", "F", IMAP_LOGIN_VIOLATION, NULL },
	{ "not revision 1", false, "* OK [CAPABILITY IMAP4] old\r\n", "", "F", IMAP_LOGIN_VIOLATION,
	  NULL },
	{ "CAPABILITY refused", false, "* OK hello\r\n$1 BAD what?\r\n", "1 CAPABILITY\r\n", "F",
	  IMAP_LOGIN_TEMPORARY, "what?" },
	{ "CAPABILITY says nothing", false, "* OK hello\r\n$1 OK listed\r\n", "1 CAPABILITY\r\n",
	  "F", IMAP_LOGIN_VIOLATION, NULL },
	{ "wrong password", false, GREETING "$1 NO [AUTHENTICATIONFAILED] Who?\r\n", AUTHENTICATE,
	  "RF", IMAP_LOGIN_WRONG_PASSWORD, "Who?" },
	{ "wrong password, no text", false, GREETING "$1 NO [AUTHENTICATIONFAILED]\r\n",
	  AUTHENTICATE, "RF", IMAP_LOGIN_WRONG_PASSWORD, NULL },
	{ "[UNAVAILABLE]", false, GREETING "$1 NO [UNAVAILABLE] down\r\n", AUTHENTICATE, "RF",
	  IMAP_LOGIN_TEMPORARY, "down" },
	{ "[INUSE]", false, GREETING "$1 NO [INUSE] x\r\n", AUTHENTICATE, "RF",
	  IMAP_LOGIN_TEMPORARY, "x" },
	{ "[LIMIT]", false, GREETING "$1 NO [LIMIT] x\r\n", AUTHENTICATE, "RF",
	  IMAP_LOGIN_TEMPORARY, "x" },
	{ "[THROTTLED]", false, GREETING "$1 NO [THROTTLED] x\r\n", AUTHENTICATE, "RF",
	  IMAP_LOGIN_TEMPORARY, "x" },
	{ "[SERVERBUG] to the login", false, GREETING "$1 NO [SERVERBUG] x\r\n", AUTHENTICATE, "RF",
	  IMAP_LOGIN_TEMPORARY, "x" },
	{ "[CORRUPTION] to the login", false, GREETING "$1 NO [CORRUPTION] x\r\n", AUTHENTICATE,
	  "RF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[CONTACTADMIN] to the login", false, GREETING "$1 NO [CONTACTADMIN] x\r\n", AUTHENTICATE,
	  "RF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[OVERQUOTA] to the login", false, GREETING "$1 NO [OVERQUOTA] x\r\n", AUTHENTICATE, "RF",
	  IMAP_LOGIN_TEMPORARY, "x" },
	{ "[EXPUNGEISSUED] to the login", false, GREETING "$1 NO [EXPUNGEISSUED] x\r\n",
	  AUTHENTICATE, "RF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[SERVERBUG] to LOGIN", false,
	  "* OK [CAPABILITY IMAP4rev1] hello\r\n$1 NO [SERVERBUG] x\r\n", "1 LOGIN u \"p\"\r\n",
	  "RF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[ALERT] with a wrong password", false, GREETING "$1 NO [ALERT] x\r\n", AUTHENTICATE,
	  "RF", IMAP_LOGIN_WRONG_PASSWORD, "x" },
	{ "login is BAD", false, GREETING "$1 BAD x\r\n", AUTHENTICATE, "RF", IMAP_LOGIN_TEMPORARY,
	  "x" },
	{ "BYE instead of an answer", false, GREETING "* BYE gone\r\n", AUTHENTICATE, "RF",
	  IMAP_LOGIN_TEMPORARY, "gone" },
	{ "no such folder", false, GREETING AUTHENTICATED "$2 NO [NONEXISTENT] none\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_NO_FOLDER, "none" },
	{ "folder in use", false, GREETING AUTHENTICATED "$2 NO [INUSE] x\r\n", AUTHENTICATE SELECT,
	  "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[SERVERBUG] to SELECT", false, GREETING AUTHENTICATED "$2 NO [SERVERBUG] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[CORRUPTION] to SELECT", false, GREETING AUTHENTICATED "$2 NO [CORRUPTION] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[CONTACTADMIN] to SELECT", false, GREETING AUTHENTICATED "$2 NO [CONTACTADMIN] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[OVERQUOTA] to SELECT", false, GREETING AUTHENTICATED "$2 NO [OVERQUOTA] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[LIMIT] to SELECT", false, GREETING AUTHENTICATED "$2 NO [LIMIT] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[UNAVAILABLE] to SELECT", false, GREETING AUTHENTICATED "$2 NO [UNAVAILABLE] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[EXPUNGEISSUED] to SELECT", false, GREETING AUTHENTICATED "$2 NO [EXPUNGEISSUED] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[THROTTLED] to SELECT", false, GREETING AUTHENTICATED "$2 NO [THROTTLED] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_TEMPORARY, "x" },
	{ "[NOPERM] to SELECT", false, GREETING AUTHENTICATED "$2 NO [NOPERM] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_NO_FOLDER, "x" },
	{ "[TRYCREATE] to SELECT", false, GREETING AUTHENTICATED "$2 NO [TRYCREATE] x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_NO_FOLDER, "x" },
	{ "no such folder, no code", false, GREETING AUTHENTICATED "$2 NO x\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_NO_FOLDER, "x" },
	{ "authenticated but not connected", false,
	  GREETING AUTHENTICATED "$2 BAD User is authenticated but not connected.\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_NOT_CONNECTED,
	  "User is authenticated but not connected." },
	{ "no UIDVALIDITY", false, GREETING AUTHENTICATED "* 1 EXISTS\r\n$2 OK open\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_NO_UIDVALIDITY, NULL },
	{ "violation at the end", false, GREETING AUTHENTICATED "* 1 FETCH (UID 0)\r\n",
	  AUTHENTICATE SELECT, "RAF", IMAP_LOGIN_VIOLATION, NULL },
};

static void play_row(const struct row *row, size_t cut)
{
	struct driver driver = { .user = span_text("u"), .password = span_text("p") };
	static struct imap_script script;

	driver.folder = "INBOX";
	imap_script_init(&script);
	driver.client = script.client;
	imap_login_init(&driver.login, script.client, row->starttls, !row->starttls);
	imap_script_begin(&script, on_event, &driver, cut);
	imap_script_say(&script, row->server);
	if (strcmp(driver.steps, row->steps) != 0)
		fail_msg("%s (cut %zu): %s, not %s; %s", row->name, cut, driver.steps, row->steps,
			 driver.login.text);
	if (strcmp(script.sent, row->sent) != 0)
		fail_msg("%s (cut %zu): sent\n%snot\n%s", row->name, cut, script.sent, row->sent);
	if (strchr(row->steps, 'F') != NULL) {
		if (driver.login.failure != row->failure)
			fail_msg("%s (cut %zu): failure %d, not %d", row->name, cut,
				 (int)driver.login.failure, (int)row->failure);
		if (driver.login.text[0] == '\0' ||
		    (row->text != NULL && strcmp(driver.login.text, row->text) != 0))
			fail_msg("%s (cut %zu): text \"%s\"", row->name, cut, driver.login.text);
	}
	imap_script_deinit(&script);
}

static void logins_go_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play_row(&rows[i], IMAP_SCRIPT_WHOLE);
		play_row(&rows[i], IMAP_SCRIPT_OCTETS);
		for (size_t cut = 1; cut < strlen(rows[i].server); cut++)
			play_row(&rows[i], cut);
	}
}

/* What IMAP cannot carry ends the login before anything of it is sent. */
static void a_nul_is_not_sent(void **state)
{
	static const struct {
		const char *greeting;
		struct span user;
		struct span password;
	} cases[] = {
		{ GREETING,
		  { (const unsigned char *)"u\0v", 3 },
		  { (const unsigned char *)"p", 1 } },
		{ GREETING,
		  { (const unsigned char *)"u", 1 },
		  { (const unsigned char *)"p\0q", 3 } },
		{ "* OK [CAPABILITY IMAP4rev1] hello\r\n",
		  { (const unsigned char *)"u", 1 },
		  { (const unsigned char *)"p\0q", 3 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct driver driver = { .user = cases[i].user, .password = cases[i].password };
		static struct imap_script script;

		imap_script_init(&script);
		imap_login_init(&driver.login, script.client, false, true);
		imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
		imap_script_say(&script, cases[i].greeting);
		if (strcmp(driver.steps, "RF") != 0 || script.sent[0] != '\0' ||
		    driver.login.failure != IMAP_LOGIN_INTERNAL)
			fail_msg("case %zu: %s, sent %s", i, driver.steps, script.sent);
		imap_script_deinit(&script);
	}
}

/* ID is sent where it is listed, before the login or behind it; its answer is nobody's business. */
static void id_is_a_courtesy(void **state)
{
	struct driver driver = { .user = span_text("u"), .password = span_text("p") };
	static struct imap_script script;

	(void)state;
	driver.folder = "INBOX";
	imap_script_init(&script);
	driver.client = script.client;
	imap_login_init(&driver.login, script.client, false, true);
	imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
	imap_script_say(&script, "* OK [CAPABILITY IMAP4rev1 ID SASL-IR AUTH=PLAIN] hello\r\n"
				 "$1 OK in\r\n");
	assert_non_null(strstr(script.sent, "\r\n3 ID (\"name\" \"Packetboat\" "));
	assert_non_null(strstr(script.sent, "\r\n4 SELECT INBOX\r\n"));
	imap_script_say(&script, "* CAPABILITY IMAP4rev1\r\n$2 OK listed\r\n$3 NO x\r\n" VALID
				 "$4 OK [READ-WRITE] open\r\n");
	assert_string_equal(driver.steps, "RAS");
	imap_script_deinit(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins_go_as_written),
		cmocka_unit_test(a_nul_is_not_sent),
		cmocka_unit_test(id_is_a_courtesy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
