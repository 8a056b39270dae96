/* SPDX-License-Identifier: ISC */
/*
 * hook: runs the operator's program, `on_attention`.
 *
 * Without arguments, with an environment that is made for it: of ours no more than PATH, HOME, TZ
 * and the language. It reads nothing, and what it writes goes to our stderr, where the log goes.
 * One runs at a time, in the order of events; those that wait have a ceiling, and what takes longer
 * than a minute is killed. A run that fails is a warning in the log, for whoever was to be told was
 * not.
 */
#ifndef DAEMON_HOOK_H
#define DAEMON_HOOK_H

#include "daemon/log.h"
#include "daemon/loop.h"

enum {
	HOOK_TIMEOUT_MS = 60000,
	HOOK_WAITING_MAX = 200,
};

struct hook;

/* NULL: no memory. */
struct hook *hook_new(struct loop *loop, struct log *log);
/* What waits is not run any more; a program that runs is left to itself. */
void hook_free(struct hook **hook);

/* For tests: HOOK_TIMEOUT_MS otherwise. */
void hook_set_timeout(struct hook *hook, uint64_t ms);

struct hook_run {
	const char *program;
	const char *account; /* PACKETBOAT_ACCOUNT; for the log too */
	const char *reason;  /* PACKETBOAT_REASON */
	const char *detail;  /* PACKETBOAT_DETAIL */
};
/* Runs it, now or when it is its turn. Texts are copied. */
void hook_run(struct hook *hook, const struct hook_run *run);

#endif
