/* SPDX-License-Identifier: ISC */
/*
 * tool_text: text of others on a terminal.
 *
 * What the daemon tells holds words of servers and names of accounts. A terminal obeys control
 * characters, so none of them gets there.
 */
#ifndef DAEMON_TOOL_TEXT_H
#define DAEMON_TOOL_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* With '?' for each control character (C0, DEL, C1), line ends among them. */
void tool_text_print(FILE *out, const char *text);

/* How many columns it takes: one for each character. */
size_t tool_text_columns(const char *text);

/* In lines of at most `columns`, where words allow, each behind `indent` blanks; NULL: nothing. */
void tool_text_wrap(FILE *out, const char *text, unsigned indent, unsigned columns);

/* "packetboat login: what is wrong" on stderr, one line; `remedy` (or NULL) goes behind it. */
void tool_complain(const char *name, const char *text, const char *remedy);

enum { TOOL_DURATION_MAX = 32 };
/* "40 s", "5 min", "3 h", "2 days": as exact as people want it. */
void tool_text_duration(uint64_t seconds, char text_r[TOOL_DURATION_MAX]);

#endif
