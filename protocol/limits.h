/* SPDX-License-Identifier: ISC */
/*
 * limits: every ceiling of protocol/, with the clause or the reason beside it.
 *
 * Sizes that a peer chooses are compared with these before anything is allocated.
 */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

enum {
	/* RFC 2449 section 4: a command line, CRLF included, is at most 255 octets; RFC 1939 gives
	 * no limit at all. Twice that, for long names and passwords. */
	POP3_LINE_MAX = 512,
	/* RFC 5034 section 4: lines of an authentication exchange; PLAIN needs two kilobytes at
	 * most, tokens more, and 64 kB is where Dovecot stops too. */
	POP3_AUTH_LINE_MAX = 65536,
	/* The password after `PASS `, and the name after `USER `. */
	POP3_NAME_MAX = 255,
	/* Bad commands before the connection is closed. */
	POP3_BAD_COMMANDS_MAX = 10,
	/* Wrong passwords before the connection is closed. */
	POP3_FAILED_LOGINS_MAX = 5,
	/* Listings are produced until this much waits to be sent. */
	POP3_OUTPUT_PAUSE = 16384,
	/* Ceiling of the replies of one POP3 session: what may wait, and the longest single reply.
	 */
	POP3_OUTPUT_MAX = POP3_OUTPUT_PAUSE + 4096,
	/* RFC 2449 section 4: a response line is at most 512 octets, CRLF included. */
	POP3_REPLY_MAX = 512,

	/* Exchange drops a connection whose command is longer than 10,240 octets. */
	IMAP_COMMAND_MAX = 8000,
	/* All commands of one connection that are not sent yet. */
	IMAP_OUTPUT_MAX = 256 * 1024,
	/* Commands sent and not answered. */
	IMAP_PENDING_MAX = 64,
	/* One atom, quoted string or literal that is kept: a mailbox name, a flag, a section. */
	IMAP_TOKEN_MAX = 8192,
	/* Human-readable text of a response; the rest is dropped (RFC 2683 section 3.2.1.5 lets
	 * a line have some 8000 octets). */
	IMAP_TEXT_MAX = 1000,
	/* Parentheses within parentheses. A BODYSTRUCTURE nests deepest; we never ask for one. */
	IMAP_NESTING_MAX = 64,
	/* A response outside literals. UID SEARCH of 100,000 messages takes 1.1 MB; each of its
	 * tokens is forgotten when it is read, so this bounds patience, not memory. */
	IMAP_RESPONSE_MAX = 64 * 1024 * 1024,
	/* A SASL initial response: two names and a password, or a token. */
	IMAP_SASL_MAX = 65536,
	/* The placeholder that Exchange serves for what it cannot convert has some 700 octets. What
	 * is longer than this is none, */
	IMAP_PLACEHOLDER_MAX = 65536,
	/* and what has not shown itself to be one within so many is passed on. */
	IMAP_HELD_MAX = 32768,

	/* Of a header that is looked at: the value of a field, twice the longest line of RFC 5322
	 * section 2.1.1, */
	HEADER_SCAN_VALUE_MAX = 2000,
	/* and all of it. */
	HEADER_SCAN_MAX = 256 * 1024,
};

/* Messages in a maildrop; 16 octets each. */
#define MAILDROP_MESSAGES_MAX 4000000u

#endif
