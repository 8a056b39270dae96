/* SPDX-License-Identifier: ISC */
/*
 * imap_command: one command -> octets (RFC 3501 section 9).
 *
 * What is written as text is our own syntax. What came from outside is written as a string, whose
 * form is chosen by what is in it, so that no octet of it can become syntax: an atom if nothing can
 * be mistaken, else a quoted string, else a literal (RFC 7888: without waiting, where the
 * server takes such). A command that cannot be written, or is longer than IMAP_COMMAND_MAX, leaves
 * nothing behind.
 *
 * A literal the server must agree to cuts the command: each part but the first may be sent only
 * behind a continuation. When, is for protocol/imap_pipeline.h.
 */
#ifndef PROTOCOL_IMAP_COMMAND_H
#define PROTOCOL_IMAP_COMMAND_H

#include "protocol/bytebuf.h"
#include "protocol/imap_client.h"

/* Which literals need no continuation. */
enum imap_literals { IMAP_LITERALS_NONE, IMAP_LITERALS_MINUS, IMAP_LITERALS_PLUS };

/* LOGIN and LIST have two strings, hence two cuts. */
enum { IMAP_COMMAND_PARTS_MAX = 3 };

struct imap_command_writer {
	size_t parts[IMAP_COMMAND_PARTS_MAX]; /* octets of each, when it is complete */
	unsigned part_count;
	/* private */
	struct bytebuf *out; /* borrowed */
	size_t start;        /* octets in `out` before this command */
	size_t part_start;
	size_t sasl_octets; /* not counted against IMAP_COMMAND_MAX */
	enum imap_literals literals;
	bool failed;
};

/* Writes tag and name to the end of `out`, which must not be consumed until the end. */
void imap_command_begin(struct imap_command_writer *writer, struct bytebuf *out, uint32_t id,
			enum imap_command command, enum imap_literals literals);

/* Syntax of ours, as it is. */
void imap_command_text(struct imap_command_writer *writer, const char *text);
void imap_command_number(struct imap_command_writer *writer, uint64_t number);

/* `astring` of RFC 3501, with a blank in front: atom, quoted or literal. */
void imap_command_astring(struct imap_command_writer *writer, struct span octets);

/* `string` of RFC 3501, with a blank in front: quoted or literal. */
void imap_command_string(struct imap_command_writer *writer, struct span octets);

/* A blank and as many UIDs as fit, leaving `reserve` octets for what follows. Returns how many. */
size_t imap_command_uids(struct imap_command_writer *writer, const uint32_t *uids, size_t count,
			 size_t reserve);

/* Octets that a string may take at most. */
size_t imap_command_string_max(struct span octets);

/* The initial response of AUTHENTICATE: with the command if `at_once` and it is not too long,
 * else behind a continuation. */
void imap_command_sasl(struct imap_command_writer *writer, struct span initial, bool at_once);

/* Ends the line. False, with `out` as it was before the command, when it cannot be sent: a ceiling,
 * no memory, or a NUL in a string. */
bool imap_command_end(struct imap_command_writer *writer);

#endif
