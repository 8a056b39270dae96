/* SPDX-License-Identifier: ISC */
/*
 * tool: what the commands of packetboat(1) share. Each has a file tool_<command>.c and a row in the
 * table of packetboat.c; it gets its own name as argv[0], so that getopt_long() names it in errors.
 */
#ifndef DAEMON_TOOL_H
#define DAEMON_TOOL_H

/* Exit codes of packetboat(1). */
enum tool_exit {
	TOOL_DONE = 0,
	TOOL_FAILED = 1, /* one line on stderr says why */
	TOOL_USAGE = 2,
	TOOL_NO_DAEMON = 3,
};

/* Which daemon is meant. */
struct tool {
	const char *socket; /* --socket; or NULL */
	const char *conf;   /* -c; or NULL; not both */
};

enum tool_exit tool_doctor(const struct tool *tool, int argc, char **argv);
enum tool_exit tool_login(const struct tool *tool, int argc, char **argv);
enum tool_exit tool_logout(const struct tool *tool, int argc, char **argv);
enum tool_exit tool_passwd(const struct tool *tool, int argc, char **argv);
enum tool_exit tool_reload(const struct tool *tool, int argc, char **argv);
enum tool_exit tool_status(const struct tool *tool, int argc, char **argv);

#endif
