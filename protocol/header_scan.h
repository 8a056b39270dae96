/* SPDX-License-Identifier: ISC */
/*
 * header_scan: three fields of a message's header (RFC 5322), picked up as its octets pass by:
 * Message-ID, From and Subject.
 *
 * Octets come in pieces of any size; line ends may be CRLF or LF. Folded lines are unfolded: the
 * line end goes, the white space stays; what surrounds a value goes too. Of a field that is there
 * twice the first counts; fields of attached messages are in the text, which is not looked at. A
 * value longer than HEADER_SCAN_VALUE_MAX counts as empty, and what is behind HEADER_SCAN_MAX
 * octets as absent.
 *
 * From From and Subject it tells what Exchange serves in the place of a message that it cannot
 * convert: the placeholder, of some 700 octets,
 *
 *   From: Microsoft Exchange Server 2010
 *   Subject: Retrieval using the IMAP4 protocol failed for the following
 *    message: 20004
 *
 * whose sender has been seen with and without the year, and with and without an address. Both must
 * be the message's own fields, so that a message which quotes one, forwards one or answers one is
 * not taken for it.
 *
 * Life: header_scan_init(), header_scan_feed() until it is true or the message has ended, the
 * questions at any time, header_scan_deinit().
 */
#ifndef PROTOCOL_HEADER_SCAN_H
#define PROTOCOL_HEADER_SCAN_H

#include "protocol/bytebuf.h"
#include "protocol/limits.h"

enum header_scan_field { HEADER_MESSAGE_ID, HEADER_FROM, HEADER_SUBJECT };

enum { HEADER_SCAN_FIELDS = 3 };

enum header_scan_verdict {
	HEADER_SCAN_UNDECIDED, /* it may be a placeholder: more is needed */
	HEADER_SCAN_MESSAGE,
	HEADER_SCAN_PLACEHOLDER,
};

struct header_scan {
	/* private */
	struct bytebuf values[HEADER_SCAN_FIELDS]; /* unfolded */
	bool found[HEADER_SCAN_FIELDS];            /* complete */
	unsigned char name[sizeof("Message-ID") - 1];
	size_t name_len;
	size_t field;  /* the one under way, if it is one of ours */
	size_t octets; /* seen so far */
	unsigned part;
	bool line_started; /* there was an octet behind the last line end */
	bool cr;           /* a CR is held back: it may belong to a line end */
	bool no_memory;
	bool over;
};

void header_scan_init(struct header_scan *scan);
/* Legal on a zeroed struct. */
void header_scan_deinit(struct header_scan *scan);

/* True: the header is over (or too long); nothing more is looked at. */
bool header_scan_feed(struct header_scan *scan, struct span octets);

/* The message has ended, perhaps within its header. */
void header_scan_finish(struct header_scan *scan);

/* There was no memory for a field: what is said of the header may be wrong. */
bool header_scan_failed(const struct header_scan *scan);

/* Whether the field has come; an empty value counts as one. */
bool header_scan_has(const struct header_scan *scan, enum header_scan_field field);
/* Its value, empty if it has not come; valid until the next call but these. */
struct span header_scan_value(const struct header_scan *scan, enum header_scan_field field);

/* As soon as it can be told, often long before the header is over; once told it stays. */
enum header_scan_verdict header_scan_verdict(const struct header_scan *scan);

#endif
