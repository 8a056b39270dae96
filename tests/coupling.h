/* SPDX-License-Identifier: ISC */
/*
 * coupling: a POP3 session and its IMAP connection, both in memory.
 *
 * The same machines as the daemon's (POP3 server, IMAP client, login, listing, sizing, retrieval,
 * update) and, of its own, only the dispatch between them. There are no sockets, no time and no
 * waiting: octets of either peer are given to it, and what it answers can be read at once.
 */
#ifndef TESTS_COUPLING_H
#define TESTS_COUPLING_H

#include "protocol/bytebuf.h"
#include "protocol/imap_update.h"

enum coupling_mark_seen { MARK_SEEN_RETR, MARK_SEEN_DELETE, MARK_SEEN_NEVER };

/* An account, as far as the two protocols see it. Strings are borrowed. */
struct coupling_options {
	enum imap_update_mode delete_mode;
	enum coupling_mark_seen mark_seen;
	const char *folder;
	const char *delete_folder;
	const char *token; /* for the IMAP server; NULL: the POP3 password is the IMAP password */
	bool exact_sizes;
	bool deliver_placeholders; /* broken_messages = "deliver" */
	bool stls;                 /* there is a certificate for POP3 clients */
	bool plaintext_logins;     /* ... and logins without TLS are allowed */
	bool starttls;             /* the IMAP server is reached by STARTTLS */
	int64_t not_after;         /* INT64_MAX: list messages of any age */
	uint32_t hidden[8];        /* UIDs not to be listed, ascending */
	size_t hidden_count;
	uint32_t earlier; /* a UID that an earlier session retrieved whole; 0: none */
};

struct coupling;

/* Greets the POP3 client. The IMAP server is "connected to" at each login. */
struct coupling *coupling_new(const struct coupling_options *options);
void coupling_free(struct coupling **coupling);

void coupling_client_says(struct coupling *coupling, struct span octets);
void coupling_client_closes(struct coupling *coupling);
/* False: no handshake is due. */
bool coupling_client_starts_tls(struct coupling *coupling);

/* These are false when there is no connection to the server, or no handshake due. */
bool coupling_server_says(struct coupling *coupling, struct span octets);
bool coupling_server_closes(struct coupling *coupling);
bool coupling_server_starts_tls(struct coupling *coupling);

/* What was sent to either peer and not yet taken off (by bytebuf_consume()). */
struct bytebuf *coupling_replies(struct coupling *coupling);
struct bytebuf *coupling_commands(struct coupling *coupling);

/* Why the POP3 session was closed; NULL while it is open. */
const char *coupling_closed(const struct coupling *coupling);

#endif
