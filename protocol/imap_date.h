/* SPDX-License-Identifier: ISC */
/*
 * imap_date: the date-time of INTERNALDATE -> seconds since 1970 (RFC 3501 section 9).
 *
 *   "17-Jul-1996 02:44:25 -0700", and " 7-Jul-1996 ..." for days of one digit
 *
 * It knows no locale, no time zone but the one that stands there, and nothing of libc's calendar.
 */
#ifndef PROTOCOL_IMAP_DATE_H
#define PROTOCOL_IMAP_DATE_H

#include "protocol/span.h"

/* `text` is without its quotes. False when it is no date-time, or a day that never was. */
bool imap_date_parse(struct span text, int64_t *seconds_r);

#endif
