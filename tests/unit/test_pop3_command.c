/* SPDX-License-Identifier: ISC */
#include "protocol/pop3_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/limits.h"

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

static const struct {
	struct span line;
	enum pop3_state state;
	enum pop3_command_status status;
	struct pop3_command command; /* where the status is OK */
} rows[] = {
#define AUTHORIZATION_OK POP3_AUTHORIZATION, POP3_COMMAND_OK
#define TRANSACTION_OK POP3_TRANSACTION, POP3_COMMAND_OK
#define SYNTAX                                       \
	POP3_TRANSACTION, POP3_COMMAND_WRONG_SYNTAX, \
	{                                            \
		.lines = 0                           \
	}
#define UNKNOWN                                 \
	POP3_TRANSACTION, POP3_COMMAND_UNKNOWN, \
	{                                       \
		.lines = 0                      \
	}
	{ OCTETS("STAT"), TRANSACTION_OK, { .verb = POP3_VERB_STAT } },
	{ OCTETS("stat"), TRANSACTION_OK, { .verb = POP3_VERB_STAT } },
	{ OCTETS("StAt   "), TRANSACTION_OK, { .verb = POP3_VERB_STAT } },
	{ OCTETS("STAT 1"), SYNTAX },
	{ OCTETS(""), UNKNOWN },
	{ OCTETS(" "), UNKNOWN },
	{ OCTETS(":"), UNKNOWN },
	{ OCTETS(" STAT"), UNKNOWN },
	{ OCTETS("STA"), UNKNOWN },
	{ OCTETS("STATS"), UNKNOWN },
	{ OCTETS("STAT\t1"), UNKNOWN },
	{ OCTETS("ST\xc1T"), UNKNOWN },
	{ OCTETS("APOP alice c4c9334bac560ecc979e58001b3e22fb"), UNKNOWN },
	{ OCTETS("LANG"), UNKNOWN },
	{ OCTETS("XTND XMIT"), UNKNOWN },

	{ OCTETS("LIST"), TRANSACTION_OK, { .verb = POP3_VERB_LIST } },
	{ OCTETS("LIST  "), TRANSACTION_OK, { .verb = POP3_VERB_LIST } },
	{ OCTETS("LIST 7"),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_LIST, .has_message = true, .message = 7 } },
	{ OCTETS("uidl   0007  "),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_UIDL, .has_message = true, .message = 7 } },
	{ OCTETS("LIST 0"),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_LIST, .has_message = true, .message = 0 } },
	{ OCTETS("LIST 4294967297"),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_LIST, .has_message = true, .message = 4294967297 } },
	{ OCTETS("LIST 18446744073709551617"), SYNTAX },
	{ OCTETS("LIST 1 2"), SYNTAX },
	{ OCTETS("LIST 1\t"), SYNTAX },
	{ OCTETS("LIST x"), SYNTAX },

	{ OCTETS("RETR 1"),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_RETR, .has_message = true, .message = 1 } },
	{ OCTETS("RETR"), SYNTAX },
	{ OCTETS("RETR "), SYNTAX },
	{ OCTETS("RETR -1"), SYNTAX },
	{ OCTETS("RETR +1"), SYNTAX },
	{ OCTETS("RETR 1x"), SYNTAX },
	{ OCTETS("RETR 1 x"), SYNTAX },
	{ OCTETS("RETR 0x1"), SYNTAX },
	{ OCTETS("DELE 3"),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_DELE, .has_message = true, .message = 3 } },
	{ OCTETS("DELE"), SYNTAX },
	{ OCTETS("TOP 1 10"),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_TOP, .has_message = true, .message = 1, .lines = 10 } },
	{ OCTETS("TOP  1   1000000000 "),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_TOP, .has_message = true, .message = 1, .lines = 1000000000 } },
	{ OCTETS("TOP 1 0"),
	  TRANSACTION_OK,
	  { .verb = POP3_VERB_TOP, .has_message = true, .message = 1, .lines = 0 } },
	{ OCTETS("TOP 1"), SYNTAX },
	{ OCTETS("TOP 1 "), SYNTAX },
	{ OCTETS("TOP"), SYNTAX },
	{ OCTETS("TOP 1 -1"), SYNTAX },
	{ OCTETS("TOP 1 1 1"), SYNTAX },
	{ OCTETS("TOP 1 18446744073709551616"), SYNTAX },
	{ OCTETS("RSET"), TRANSACTION_OK, { .verb = POP3_VERB_RSET } },
	{ OCTETS("NOOP"), TRANSACTION_OK, { .verb = POP3_VERB_NOOP } },
	{ OCTETS("NOOP now"), SYNTAX },
	{ OCTETS("QUIT"), TRANSACTION_OK, { .verb = POP3_VERB_QUIT } },
	{ OCTETS("QUIT"), AUTHORIZATION_OK, { .verb = POP3_VERB_QUIT } },
	{ OCTETS("CAPA"), TRANSACTION_OK, { .verb = POP3_VERB_CAPA } },
	{ OCTETS("CAPA"), AUTHORIZATION_OK, { .verb = POP3_VERB_CAPA } },

	{ OCTETS("USER alice"),
	  AUTHORIZATION_OK,
	  { .verb = POP3_VERB_USER, .text = OCTETS("alice") } },
	{ OCTETS("USER  a b\t  "),
	  AUTHORIZATION_OK,
	  { .verb = POP3_VERB_USER, .text = OCTETS(" a b\t") } },
	{ OCTETS("USER"), POP3_AUTHORIZATION, POP3_COMMAND_WRONG_SYNTAX, { .lines = 0 } },
	{ OCTETS("USER   "), POP3_AUTHORIZATION, POP3_COMMAND_WRONG_SYNTAX, { .lines = 0 } },
	{ OCTETS("PASS  two  spaces, \"quotes\" and\t\xc3\xa4  "),
	  AUTHORIZATION_OK,
	  { .verb = POP3_VERB_PASS, .text = OCTETS(" two  spaces, \"quotes\" and\t\xc3\xa4  ") } },
	{ OCTETS("PASS  "), AUTHORIZATION_OK, { .verb = POP3_VERB_PASS, .text = OCTETS(" ") } },
	{ OCTETS("PASS"), POP3_AUTHORIZATION, POP3_COMMAND_WRONG_SYNTAX, { .lines = 0 } },
	{ OCTETS("PASS "), POP3_AUTHORIZATION, POP3_COMMAND_WRONG_SYNTAX, { .lines = 0 } },
	{ OCTETS("AUTH"), AUTHORIZATION_OK, { .verb = POP3_VERB_AUTH } },
	{ OCTETS("AUTH "), AUTHORIZATION_OK, { .verb = POP3_VERB_AUTH } },
	{ OCTETS("AUTH PLAIN"),
	  AUTHORIZATION_OK,
	  { .verb = POP3_VERB_AUTH, .text = OCTETS("PLAIN") } },
	{ OCTETS("auth plain AGEAYg=="),
	  AUTHORIZATION_OK,
	  { .verb = POP3_VERB_AUTH,
	    .text = OCTETS("plain"),
	    .initial_response = OCTETS("AGEAYg==") } },
	{ OCTETS("AUTH LOGIN ="),
	  AUTHORIZATION_OK,
	  { .verb = POP3_VERB_AUTH, .text = OCTETS("LOGIN"), .initial_response = OCTETS("=") } },
	{ OCTETS("AUTH PLAIN a b"), POP3_AUTHORIZATION, POP3_COMMAND_WRONG_SYNTAX, { .lines = 0 } },
	{ OCTETS("STLS"), AUTHORIZATION_OK, { .verb = POP3_VERB_STLS } },
	{ OCTETS("STLS now"), POP3_AUTHORIZATION, POP3_COMMAND_WRONG_SYNTAX, { .lines = 0 } },
	{ OCTETS("UTF8"), AUTHORIZATION_OK, { .verb = POP3_VERB_UTF8 } },
	{ OCTETS("UTF8 x"), POP3_AUTHORIZATION, POP3_COMMAND_WRONG_SYNTAX, { .lines = 0 } },
};

static bool same_command(const struct pop3_command *a, const struct pop3_command *b)
{
	return a->verb == b->verb && span_equal(a->text, b->text) &&
	       span_equal(a->initial_response, b->initial_response) &&
	       a->has_message == b->has_message && a->message == b->message && a->lines == b->lines;
}

static void lines_become_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pop3_command command;
		enum pop3_command_status status =
			pop3_command_parse(rows[i].line, rows[i].state, &command);
		if (status != rows[i].status)
			fail_msg("\"%s\": status %d", (const char *)rows[i].line.data, status);
		if (status == POP3_COMMAND_OK && !same_command(&command, &rows[i].command))
			fail_msg("\"%s\": read otherwise", (const char *)rows[i].line.data);
	}
}

/* RFC 1939: which verb belongs to which state; written out here once more, on purpose. */
static void verbs_are_legal_in_their_states_only(void **state)
{
	static const struct {
		const char *line;
		bool authorization, transaction;
	} verbs[] = {
		{ "USER x", true, false }, { "PASS x", true, false }, { "AUTH", true, false },
		{ "STLS", true, false },   { "UTF8", true, false },   { "CAPA", true, true },
		{ "QUIT", true, true },    { "STAT", false, true },   { "LIST", false, true },
		{ "UIDL", false, true },   { "RETR 1", false, true }, { "TOP 1 1", false, true },
		{ "DELE 1", false, true }, { "RSET", false, true },   { "NOOP", false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct {
			enum pop3_state state;
			bool legal;
		} states[] = { { POP3_AUTHORIZATION, verbs[i].authorization },
			       { POP3_TRANSACTION, verbs[i].transaction },
			       { POP3_UPDATE, false },
			       { POP3_CLOSED, false } };
		for (size_t k = 0; k < 4; k++) {
			struct pop3_command command;
			enum pop3_command_status status = pop3_command_parse(
				span_text(verbs[i].line), states[k].state, &command);
			if (status !=
			    (states[k].legal ? POP3_COMMAND_OK : POP3_COMMAND_WRONG_STATE))
				fail_msg("%s in %s", verbs[i].line,
					 pop3_state_name(states[k].state));
		}
	}
}

static void lengths_are_bounded(void **state)
{
	static const struct {
		const char *name, *verb;
		size_t octets; /* of the whole line, without its terminator */
		enum pop3_command_status status;
	} lengths[] = {
		{ "name of 255", "USER ", 260, POP3_COMMAND_OK },
		{ "name of 256", "USER ", 261, POP3_COMMAND_WRONG_SYNTAX },
		{ "password of 255", "PASS ", 260, POP3_COMMAND_OK },
		{ "password of 256", "PASS ", 261, POP3_COMMAND_WRONG_SYNTAX },
		{ "line of 512 with CRLF", "PASS ", 510, POP3_COMMAND_WRONG_SYNTAX },
		{ "line of 513 with CRLF", "PASS ", 511, POP3_COMMAND_TOO_LONG },
		{ "unknown and too long", "XXXX ", 511, POP3_COMMAND_TOO_LONG },
		{ "AUTH of 511", "AUTH PLAIN ", 511, POP3_COMMAND_OK },
		{ "AUTH of 65536 with CRLF", "auth plain ", 65534, POP3_COMMAND_OK },
	};
	static unsigned char line[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct pop3_command command;
		struct span verb = span_text(lengths[i].verb);
		memset(line, 'x', sizeof(line));
		memcpy(line, verb.data, verb.len);
		enum pop3_command_status status = pop3_command_parse(
			span_of(line, lengths[i].octets), POP3_AUTHORIZATION, &command);
		if (status != lengths[i].status)
			fail_msg("%s: %d", lengths[i].name, status);
	}
}

static void every_verb_can_say_what_it_takes(void **state)
{
	(void)state;
	assert_string_equal(pop3_verb_name(POP3_VERB_RETR), "RETR");
	assert_string_equal(pop3_verb_takes(POP3_VERB_RETR), "a message-number");
	assert_string_equal(pop3_verb_takes(POP3_VERB_STAT), "no argument");
	assert_string_equal(pop3_verb_name(POP3_VERB_UTF8), "UTF8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_commands),
		cmocka_unit_test(verbs_are_legal_in_their_states_only),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(every_verb_can_say_what_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
