/* SPDX-License-Identifier: ISC */
#include "protocol/imap_login.h"

#include "protocol/base64.h"
#include "protocol/limits.h"
#include "protocol/sasl.h"
#include "tests/unit/imap_script.h"

/* Drives one login as its owner would, and writes down how it goes: "R" READY, "A" AUTHENTICATED,
 * "T" START_TLS, "S" SELECTED, "F" FAILED. */
struct driver {
	struct imap_login login;
	const struct imap_client *client;
	struct span user;
	struct span password; /* or the token */
	bool token;
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
	else if (step == IMAP_LOGIN_READY && driver->token)
		take_step(driver, imap_login_token(&driver->login, driver->user, driver->password));
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

struct row {
	const char *name;
	bool starttls;
	const char *server;
	const char *sent;
	const char *steps;
	enum imap_login_failure failure;
	const char *text; /* NULL: any */
};

static const struct row rows[] = {
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

/* The name is "u", the token "t". */
#define XOAUTH2_IR "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] hello\r\n"
#define SAY_XOAUTH2 "1 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\r\n"
#define BEARER_IR "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER AUTH=PLAIN] hello\r\n"
#define SAY_BEARER "1 AUTHENTICATE OAUTHBEARER bixhPXUsAWF1dGg9QmVhcmVyIHQBAQ==\r\n"
/* {"status":"invalid_token","scope":"mail"} */
#define CHALLENGE "+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIn0=\r\n"
#define EXCHANGE                                                                            \
	"* OK The Microsoft Exchange IMAP4 service is ready. [TQBSADEA]\r\n"                \
	"* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT " \
	"CHILDREN IDLE NAMESPACE LITERAL+\r\n$1 OK CAPABILITY completed.\r\n"
#define EXCHANGE_IN                                                                              \
	EXCHANGE "$2 OK AUTHENTICATE completed.\r\n"                                             \
		 "* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE\r\n" \
		 "$3 OK CAPABILITY completed.\r\n"
#define SAY_EXCHANGE "1 CAPABILITY\r\n2 AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\r\n"
#define SAY_EXCHANGE_IN                                                           \
	SAY_EXCHANGE "3 CAPABILITY\r\n4 ID (\"name\" \"Packetboat\" \"version\" " \
		     "\"" PACKETBOAT_VERSION "\")\r\n5 SELECT INBOX\r\n"
#define NOT_CONNECTED "User is authenticated but not connected."
#define THROTTLED "Request is throttled. Suggested Backoff Time: 299609 milliseconds"
#define EXPIRED "Session invalidated - AccessTokenExpired"

static const struct row token_rows[] = {
	{ "XOAUTH2 with SASL-IR", false,
	  XOAUTH2_IR AUTHENTICATED VALID "$2 OK [READ-WRITE] open\r\n", SAY_XOAUTH2 SELECT, "RAS",
	  0, NULL },
	{ "XOAUTH2 without SASL-IR", false,
	  "* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hello\r\n+ \r\n" AUTHENTICATED VALID
	  "$2 OK [READ-WRITE] open\r\n",
	  "1 AUTHENTICATE XOAUTH2\r\ndXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\r\n" SELECT, "RAS", 0, NULL },
	{ "XOAUTH2 under another case of its name", false,
	  "* OK [CAPABILITY imap4rev1 sasl-ir auth=xoauth2] hello\r\n" AUTHENTICATED VALID
	  "$2 OK [READ-WRITE] open\r\n",
	  SAY_XOAUTH2 SELECT, "RAS", 0, NULL },
	{ "OAUTHBEARER where only that is offered", false,
	  BEARER_IR AUTHENTICATED VALID "$2 OK [READ-WRITE] open\r\n", SAY_BEARER SELECT, "RAS", 0,
	  NULL },
	{ "OAUTHBEARER without SASL-IR", false,
	  "* OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] hello\r\n+\r\n" AUTHENTICATED VALID
	  "$2 OK [READ-WRITE] open\r\n",
	  "1 AUTHENTICATE OAUTHBEARER\r\nbixhPXUsAWF1dGg9QmVhcmVyIHQBAQ==\r\n" SELECT, "RAS", 0,
	  NULL },
	{ "XOAUTH2 rather than OAUTHBEARER", false,
	  "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER AUTH=XOAUTH2] x\r\n$1 NO no\r\n",
	  SAY_XOAUTH2, "RF", IMAP_LOGIN_WRONG_TOKEN, "no" },
	{ "neither: a token is no password", false, GREETING, "", "RF", IMAP_LOGIN_NO_MECHANISM,
	  NULL },
	{ "neither, and LOGIN", false, "* OK [CAPABILITY IMAP4rev1] hello\r\n", "", "RF",
	  IMAP_LOGIN_NO_MECHANISM, NULL },
	{ "only listed in the clear", true,
	  "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=XOAUTH2] hello\r\n$1 OK go\r\n"
	  "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n$2 OK listed\r\n",
	  "1 STARTTLS\r\n2 CAPABILITY\r\n", "TRF", IMAP_LOGIN_NO_MECHANISM, NULL },
	{ "nothing before TLS", true,
	  "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=XOAUTH2 SASL-IR] hello\r\n$1 NO no\r\n",
	  "1 STARTTLS\r\n", "F", IMAP_LOGIN_NO_STARTTLS, "no" },

	{ "refused", false, XOAUTH2_IR "$1 NO AUTHENTICATE failed.\r\n", SAY_XOAUTH2, "RF",
	  IMAP_LOGIN_WRONG_TOKEN, "AUTHENTICATE failed." },
	{ "refused without a word", false, XOAUTH2_IR "$1 NO [AUTHENTICATIONFAILED]\r\n",
	  SAY_XOAUTH2, "RF", IMAP_LOGIN_WRONG_TOKEN, "the server refused the token" },
	{ "not this mailbox", false, XOAUTH2_IR "$1 NO [AUTHORIZATIONFAILED] not yours\r\n",
	  SAY_XOAUTH2, "RF", IMAP_LOGIN_WRONG_TOKEN, "not yours" },
	{ "an argument it cannot read", false,
	  XOAUTH2_IR "$1 BAD Command Argument Error. 12\r\n* BYE Connection closed. 14\r\n",
	  SAY_XOAUTH2, "RF", IMAP_LOGIN_WRONG_TOKEN, "Command Argument Error. 12" },
	{ "an error challenge", false, XOAUTH2_IR CHALLENGE "$1 NO [AUTHENTICATIONFAILED] Who?\r\n",
	  SAY_XOAUTH2 "\r\n", "RF", IMAP_LOGIN_WRONG_TOKEN, "Who? (status: invalid_token)" },
	{ "an error challenge without SASL-IR", false,
	  "* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hello\r\n+ \r\n" CHALLENGE "$1 NO no\r\n",
	  "1 AUTHENTICATE XOAUTH2\r\ndXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\r\n\r\n", "RF",
	  IMAP_LOGIN_WRONG_TOKEN, "no (status: invalid_token)" },
	{ "an error challenge of OAUTHBEARER", false,
	  BEARER_IR CHALLENGE "$1 NO [AUTHENTICATIONFAILED]\r\n", SAY_BEARER "AQ==\r\n", "RF",
	  IMAP_LOGIN_WRONG_TOKEN, "the server refused the token (status: invalid_token)" },
	{ "an error challenge that is not base64", false,
	  XOAUTH2_IR "+ {\"status\":\"401\"}\r\n$1 NO no\r\n", SAY_XOAUTH2 "\r\n", "RF",
	  IMAP_LOGIN_WRONG_TOKEN, "no" },
	{ "an error challenge that is empty", false, XOAUTH2_IR "+ \r\n$1 NO no\r\n",
	  SAY_XOAUTH2 "\r\n", "RF", IMAP_LOGIN_WRONG_TOKEN, "no" },
	{ "challenges without end", false, XOAUTH2_IR CHALLENGE CHALLENGE CHALLENGE,
	  SAY_XOAUTH2 "\r\n*\r\n", "RF", IMAP_LOGIN_VIOLATION, NULL },
	{ "an error challenge, and then trouble", false,
	  XOAUTH2_IR CHALLENGE "$1 NO [UNAVAILABLE] down\r\n", SAY_XOAUTH2 "\r\n", "RF",
	  IMAP_LOGIN_TEMPORARY, "down" },
	{ "an error challenge, and then OK", false,
	  XOAUTH2_IR CHALLENGE AUTHENTICATED VALID "$2 OK [READ-WRITE] open\r\n",
	  SAY_XOAUTH2 "\r\n" SELECT, "RAS", 0, NULL },

	{ "[UNAVAILABLE]", false, XOAUTH2_IR "$1 NO [UNAVAILABLE] down\r\n", SAY_XOAUTH2, "RF",
	  IMAP_LOGIN_TEMPORARY, "down" },
	{ "[LIMIT]", false, XOAUTH2_IR "$1 NO [LIMIT] x\r\n", SAY_XOAUTH2, "RF",
	  IMAP_LOGIN_TEMPORARY, "x" },
	{ "[SERVERBUG]", false, XOAUTH2_IR "$1 NO [SERVERBUG] x\r\n", SAY_XOAUTH2, "RF",
	  IMAP_LOGIN_TEMPORARY, "x" },
	{ "BAD without known words", false, XOAUTH2_IR "$1 BAD what?\r\n", SAY_XOAUTH2, "RF",
	  IMAP_LOGIN_TEMPORARY, "what?" },
	{ "throttled by NO", false, EXCHANGE "$2 NO " THROTTLED "\r\n", SAY_EXCHANGE, "RF",
	  IMAP_LOGIN_TEMPORARY, THROTTLED },
	{ "throttled by BAD", false,
	  EXCHANGE "$2 BAD " THROTTLED "\r\n* BYE Connection closed. 14\r\n", SAY_EXCHANGE, "RF",
	  IMAP_LOGIN_TEMPORARY, THROTTLED },
	{ "a store that does not answer", false, EXCHANGE "$2 NO Server Unavailable. 15\r\n",
	  SAY_EXCHANGE, "RF", IMAP_LOGIN_TEMPORARY, "Server Unavailable. 15" },
	{ "a session in disorder", false, EXCHANGE "$2 BAD Command received in Invalid state.\r\n",
	  SAY_EXCHANGE, "RF", IMAP_LOGIN_TEMPORARY, "Command received in Invalid state." },
	{ "an idle connection", false, EXCHANGE "* BYE Connection is closed. 13\r\n", SAY_EXCHANGE,
	  "RF", IMAP_LOGIN_TEMPORARY, "Connection is closed. 13" },
	{ "expired, instead of an answer", false, EXCHANGE "* BYE " EXPIRED "\r\n", SAY_EXCHANGE,
	  "RF", IMAP_LOGIN_WRONG_TOKEN, EXPIRED },
	{ "expired, as an answer", false, EXCHANGE "$2 BAD " EXPIRED "\r\n", SAY_EXCHANGE, "RF",
	  IMAP_LOGIN_WRONG_TOKEN, EXPIRED },

	{ "Exchange opens the mailbox", false,
	  EXCHANGE_IN "$4 OK ID completed\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 170535] valid\r\n"
		      "$5 OK [READ-WRITE] SELECT completed.\r\n",
	  SAY_EXCHANGE_IN, "RAS", 0, NULL },
	{ "not connected", false, EXCHANGE_IN "$4 OK ID completed\r\n$5 BAD " NOT_CONNECTED "\r\n",
	  SAY_EXCHANGE_IN, "RAF", IMAP_LOGIN_NOT_CONNECTED, NOT_CONNECTED },
	{ "not connected, by NO", false,
	  EXCHANGE_IN "$4 OK ID completed\r\n$5 NO " NOT_CONNECTED "\r\n", SAY_EXCHANGE_IN, "RAF",
	  IMAP_LOGIN_NOT_CONNECTED, NOT_CONNECTED },
	{ "not connected, in the answer to ID", false,
	  EXCHANGE_IN "$4 BAD " NOT_CONNECTED "\r\n* BYE Connection closed. 14\r\n",
	  SAY_EXCHANGE_IN, "RAF", IMAP_LOGIN_NOT_CONNECTED, NOT_CONNECTED },
	{ "not connected, in the answer to AUTHENTICATE", false,
	  EXCHANGE "$2 NO " NOT_CONNECTED "\r\n", SAY_EXCHANGE, "RF", IMAP_LOGIN_NOT_CONNECTED,
	  NOT_CONNECTED },
	{ "not connected, as BYE", false, EXCHANGE_IN "* BYE " NOT_CONNECTED "\r\n",
	  SAY_EXCHANGE_IN, "RAF", IMAP_LOGIN_NOT_CONNECTED, NOT_CONNECTED },
	{ "expired before SELECT is answered", false, EXCHANGE_IN "* BYE " EXPIRED "\r\n",
	  SAY_EXCHANGE_IN, "RAF", IMAP_LOGIN_WRONG_TOKEN, EXPIRED },
	{ "expired, in the answer to SELECT", false, EXCHANGE_IN "$5 NO " EXPIRED "\r\n",
	  SAY_EXCHANGE_IN, "RAF", IMAP_LOGIN_WRONG_TOKEN, EXPIRED },
	{ "throttled at SELECT", false, EXCHANGE_IN "$5 BAD " THROTTLED "\r\n", SAY_EXCHANGE_IN,
	  "RAF", IMAP_LOGIN_TEMPORARY, THROTTLED },
	{ "Server Unavailable at SELECT", false, EXCHANGE_IN "$5 NO Server Unavailable. 15\r\n",
	  SAY_EXCHANGE_IN, "RAF", IMAP_LOGIN_TEMPORARY, "Server Unavailable. 15" },
	{ "closed at SELECT", false, EXCHANGE_IN "* BYE Connection closed. 14\r\n", SAY_EXCHANGE_IN,
	  "RAF", IMAP_LOGIN_TEMPORARY, "Connection closed. 14" },
	{ "no such folder", false, EXCHANGE_IN "$5 NO INBOX doesn't exist.\r\n", SAY_EXCHANGE_IN,
	  "RAF", IMAP_LOGIN_NO_FOLDER, "INBOX doesn't exist." },
};

static void play_row(const struct row *row, bool token, size_t cut)
{
	struct driver driver = {
		.user = span_text("u"),
		.password = span_text(token ? "t" : "p"),
		.token = token,
	};
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

static void play_rows(const struct row *table, size_t count, bool token)
{
	for (size_t i = 0; i < count; i++) {
		play_row(&table[i], token, IMAP_SCRIPT_WHOLE);
		play_row(&table[i], token, IMAP_SCRIPT_OCTETS);
		for (size_t cut = 1; cut < strlen(table[i].server); cut++)
			play_row(&table[i], token, cut);
	}
}

static void logins_go_as_written(void **state)
{
	(void)state;
	play_rows(rows, sizeof(rows) / sizeof(rows[0]), false);
}

static void logins_with_a_token_go_as_written(void **state)
{
	(void)state;
	play_rows(token_rows, sizeof(token_rows) / sizeof(token_rows[0]), true);
}

/* A password that is called expired is no token: it may work again, and is not fetched anew. */
static void only_tokens_expire(void **state)
{
	static const struct row row = { "not a token", false, GREETING "* BYE " EXPIRED "\r\n",
					AUTHENTICATE,  "RF",  IMAP_LOGIN_TEMPORARY,
					EXPIRED };

	(void)state;
	play_row(&row, false, IMAP_SCRIPT_WHOLE);
}

/* Exchange closes on lines of more than 10,240 octets: a token that would make one comes behind the
 * continuation, SASL-IR or not. */
static void long_tokens_are_sent_whole(void **state)
{
	static const struct {
		size_t octets;
		bool at_once;
	} cases[] = { { 4000, true }, { 5900, true }, { 6144, false }, { 40000, false } };
	static char token[40000];
	static struct imap_script script;

	(void)state;
	memset(token, 't', sizeof(token));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct driver driver = { .user = span_text("joe@example.com"), .token = true };
		struct bytebuf message;
		struct bytebuf base64;
		struct bytebuf expected;

		driver.password = span_of(token, cases[i].octets);
		driver.folder = "INBOX";
		bytebuf_init(&message, IMAP_SASL_MAX);
		bytebuf_init(&base64, 2 * IMAP_SASL_MAX);
		bytebuf_init(&expected, 2 * IMAP_SASL_MAX);
		assert_true(sasl_xoauth2_write(&message, driver.user, driver.password));
		assert_true(base64_encode(&base64, bytebuf_peek(&message)));
		bytebuf_append_text(&expected, "1 AUTHENTICATE XOAUTH2");
		bytebuf_append_text(&expected, cases[i].at_once ? " " : "\r\n");
		bytebuf_append(&expected, bytebuf_peek(&base64));
		bytebuf_append_text(&expected, "\r\n" SELECT);
		assert_false(bytebuf_failed(&expected));

		imap_script_init(&script);
		driver.client = script.client;
		imap_login_init(&driver.login, script.client, false, true);
		imap_script_begin(&script, on_event, &driver, IMAP_SCRIPT_WHOLE);
		imap_script_say(&script, XOAUTH2_IR);
		if (!cases[i].at_once)
			imap_script_say(&script, "+ \r\n");
		imap_script_say(&script, AUTHENTICATED VALID "$2 OK [READ-WRITE] open\r\n");
		assert_string_equal(driver.steps, "RAS");
		assert_int_equal(script.sent_len, bytebuf_len(&expected));
		assert_memory_equal(script.sent, bytebuf_peek(&expected).data, script.sent_len);
		imap_script_deinit(&script);
		bytebuf_deinit(&message);
		bytebuf_deinit(&base64);
		bytebuf_deinit(&expected);
	}
}

/* What IMAP cannot carry ends the login before anything of it is sent. */
static void what_imap_cannot_carry_is_not_sent(void **state)
{
	static const struct {
		const char *greeting;
		struct span user;
		struct span password;
		bool token;
	} cases[] = {
		{ GREETING,
		  { (const unsigned char *)"u\0v", 3 },
		  { (const unsigned char *)"p", 1 },
		  .token = false },
		{ GREETING,
		  { (const unsigned char *)"u", 1 },
		  { (const unsigned char *)"p\0q", 3 },
		  .token = false },
		{ "* OK [CAPABILITY IMAP4rev1] hello\r\n",
		  { (const unsigned char *)"u", 1 },
		  { (const unsigned char *)"p\0q", 3 },
		  .token = false },
		{ XOAUTH2_IR,
		  { (const unsigned char *)"u", 1 },
		  { (const unsigned char *)"t\1auth=Bearer x", 15 },
		  .token = true },
		{ BEARER_IR,
		  { (const unsigned char *)"u\1v", 3 },
		  { (const unsigned char *)"t", 1 },
		  .token = true },
		{ XOAUTH2_IR,
		  { (const unsigned char *)"u", 1 },
		  { (const unsigned char *)"", 0 },
		  .token = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct driver driver = {
			.user = cases[i].user,
			.password = cases[i].password,
			.token = cases[i].token,
		};
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
		cmocka_unit_test(logins_with_a_token_go_as_written),
		cmocka_unit_test(only_tokens_expire),
		cmocka_unit_test(long_tokens_are_sent_whole),
		cmocka_unit_test(what_imap_cannot_carry_is_not_sent),
		cmocka_unit_test(id_is_a_courtesy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
