/* SPDX-License-Identifier: ISC */
/*
 * tool_open: shows an address in a browser, where there is one.
 *
 * $BROWSER names it: one or more commands with colons between, each a program and arguments with
 * blanks between; `%s` stands for the address, which is otherwise the last argument. Without it
 * that is xdg-open's business, on a desktop. No shell is asked, and nothing is waited for.
 */
#ifndef DAEMON_TOOL_OPEN_H
#define DAEMON_TOOL_OPEN_H

#include <stdbool.h>

enum {
	TOOL_OPEN_WORDS_MAX = 16,
	TOOL_OPEN_COMMAND_MAX = 512,
};

/* The words of the first command of `browser`, in `memory` and `words_r` (with a NULL behind the
 * last). Returns what is left behind it; NULL: there is none any more. A command that is empty or
 * too long has no words. */
const char *tool_open_words(const char *browser, const char *url,
			    char memory[TOOL_OPEN_COMMAND_MAX],
			    const char *words_r[TOOL_OPEN_WORDS_MAX + 1]);

/* Whether a program was started with it. */
bool tool_open(const char *url);

#endif
