/* SPDX-License-Identifier: ISC */
/*
 * pop3_command: one command line of a POP3 client.
 *
 * POP3_VERBS is the table of verbs: in which states each is legal (RFC 1939 sections 4 to 6, RFC
 * 2449, RFC 2595, RFC 5034, RFC 6856), what arguments it takes, and by which function of
 * pop3_server it is served. A verb is a row here and that function, and nothing else anywhere.
 *
 * Verbs are known in any case. Spaces beyond the one that separates are tolerated around numbers
 * and behind a verb that stands alone. USER and PASS take the rest of the line behind one space as
 * it is, PASS to the last octet.
 */
#ifndef PROTOCOL_POP3_COMMAND_H
#define PROTOCOL_POP3_COMMAND_H

#include "protocol/pop3_server.h"

enum pop3_legal {
	POP3_BEFORE_LOGIN = 1u << POP3_AUTHORIZATION,
	POP3_AFTER_LOGIN = 1u << POP3_TRANSACTION,
	POP3_ANY_TIME = POP3_BEFORE_LOGIN | POP3_AFTER_LOGIN,
};

/* Kinds of arguments: how they are read, and how a reply names them. */
#define POP3_ARGUMENTS(X)                                                      \
	X(POP3_TAKES_NOTHING, "no argument")                                   \
	X(POP3_TAKES_NAME, "a name of 1 to 255 octets")                        \
	X(POP3_TAKES_PASSWORD, "a password of 1 to 255 octets")                \
	X(POP3_TAKES_MECHANISM, "a mechanism and perhaps an initial response") \
	X(POP3_TAKES_MESSAGE, "a message-number")                              \
	X(POP3_TAKES_MESSAGE_OR_NOTHING, "a message-number or nothing")        \
	X(POP3_TAKES_MESSAGE_AND_LINES, "a message-number and a number of body lines")

enum pop3_arguments {
#define X(name, words) name,
	POP3_ARGUMENTS(X)
#undef X
};

/* Verb, function, states, arguments. */
#define POP3_VERBS(X)                                                  \
	X(AUTH, auth, POP3_BEFORE_LOGIN, POP3_TAKES_MECHANISM)         \
	X(CAPA, capa, POP3_ANY_TIME, POP3_TAKES_NOTHING)               \
	X(DELE, dele, POP3_AFTER_LOGIN, POP3_TAKES_MESSAGE)            \
	X(LIST, list, POP3_AFTER_LOGIN, POP3_TAKES_MESSAGE_OR_NOTHING) \
	X(NOOP, noop, POP3_AFTER_LOGIN, POP3_TAKES_NOTHING)            \
	X(PASS, pass, POP3_BEFORE_LOGIN, POP3_TAKES_PASSWORD)          \
	X(QUIT, quit, POP3_ANY_TIME, POP3_TAKES_NOTHING)               \
	X(RETR, retr, POP3_AFTER_LOGIN, POP3_TAKES_MESSAGE)            \
	X(RSET, rset, POP3_AFTER_LOGIN, POP3_TAKES_NOTHING)            \
	X(STAT, stat, POP3_AFTER_LOGIN, POP3_TAKES_NOTHING)            \
	X(STLS, stls, POP3_BEFORE_LOGIN, POP3_TAKES_NOTHING)           \
	X(TOP, top, POP3_AFTER_LOGIN, POP3_TAKES_MESSAGE_AND_LINES)    \
	X(UIDL, uidl, POP3_AFTER_LOGIN, POP3_TAKES_MESSAGE_OR_NOTHING) \
	X(USER, user, POP3_BEFORE_LOGIN, POP3_TAKES_NAME)              \
	X(UTF8, utf8, POP3_BEFORE_LOGIN, POP3_TAKES_NOTHING)

enum pop3_verb {
#define X(verb, function, states, arguments) POP3_VERB_##verb,
	POP3_VERBS(X)
#undef X
};

struct pop3_command {
	enum pop3_verb verb;
	struct span text; /* USER: name; PASS: password; AUTH: mechanism, may be empty */
	struct span initial_response; /* AUTH, if there is one; "=" stands for an empty one */
	bool has_message;             /* LIST, UIDL: a number was given */
	uint64_t message;             /* as it was given: nobody has looked for such a message */
	uint64_t lines;               /* TOP */
};

enum pop3_command_status {
	POP3_COMMAND_OK,
	POP3_COMMAND_UNKNOWN,
	POP3_COMMAND_TOO_LONG,    /* beyond POP3_LINE_MAX, and not AUTH */
	POP3_COMMAND_WRONG_STATE, /* `verb` is set */
	POP3_COMMAND_WRONG_SYNTAX /* `verb` is set */
};

/* `line` is a line without its terminator; spans of `command_r` point into it. */
enum pop3_command_status pop3_command_parse(struct span line, enum pop3_state state,
					    struct pop3_command *command_r)
	__attribute__((warn_unused_result));

/* "RETR", and "a message-number": what to tell whoever got it wrong. */
const char *pop3_verb_name(enum pop3_verb verb);
const char *pop3_verb_takes(enum pop3_verb verb);

#endif
