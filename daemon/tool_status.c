/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/tool_client.h"
#include "daemon/tool_text.h"

static const char help[] =
	"Usage: packetboat status [--json]\n"
	"\n"
	"Shows how the daemon and its accounts are: whether each is signed in, how long its\n"
	"token lasts, when it was opened last, what went wrong, and what to do about it.\n"
	"\n"
	"  -j, --json   for programs: one JSON object, see packetboat(1)\n"
	"  -h, --help   show this help";

static const char name[] = "packetboat status";

enum column { COLUMN_ACCOUNT, COLUMN_STATE, COLUMN_TOKEN, COLUMN_SUCCESS, COLUMN_MESSAGES };
enum {
	COLUMNS = COLUMN_MESSAGES + 1,
	CELL_MAX = 320,
	COLUMN_GAP = 2,
	STATUS_WIDTH = 79,
	NOTE_INDENT = 4,
};

static const char *const titles[COLUMNS] = { "ACCOUNT", "STATE", "TOKEN", "LAST SUCCESS",
					     "MESSAGES" };

struct state {
	const char *name;
	bool is_well;
	const char *remedy;  /* unless it is well */
	const char *command; /* behind it, with the account; NULL: none */
};

/* What each state asks for. */
static const struct state states[] = {
	{ "ok", true, NULL, NULL },
	{ "never-signed-in", false, "sign it in:", "login" },
	{ "sign-in-needed", false, "sign it in again:", "login" },
	{ "administrator-needed", false, "who can mend it is said by:", "doctor" },
	{ "backing-off", false, "nothing yet; it is tried again by itself.", NULL },
	{ "failing", false, "what is wrong is said by:", "doctor" },
};

static const struct state *state_of(const json_t *account)
{
	const char *state = tool_client_text(account, "state");

	for (size_t i = 0; state != NULL && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(states[i].name, state) == 0)
			return &states[i];
	}
	return &states[0];
}

/* ---- cells ---- */

static void duration_cell(const json_t *seconds, char cell[CELL_MAX])
{
	char text[TOOL_DURATION_MAX] = "-";

	if (json_is_integer(seconds) && json_integer_value(seconds) >= 0)
		tool_text_duration((uint64_t)json_integer_value(seconds), text);
	(void)snprintf(cell, CELL_MAX, "%s", text);
}

/* "2026-11-21T10:00:00Z" (RFC 3339) as a time ago. */
static void instant_cell(const char *text, char cell[CELL_MAX])
{
	char duration[TOOL_DURATION_MAX];
	struct tm tm = { 0 };
	const char *end = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	time_t then = end != NULL && *end == '\0' ? timegm(&tm) : -1;
	time_t now = time(NULL);

	if (then < 0) {
		(void)snprintf(cell, CELL_MAX, "-");
		return;
	}
	tool_text_duration(now > then ? (uint64_t)(now - then) : 0, duration);
	(void)snprintf(cell, CELL_MAX, "%s ago", duration);
}

static void fill_cell(const json_t *account, enum column column, char cell[CELL_MAX])
{
	const json_t *messages = json_object_get(account, "messages");
	const char *text = NULL;

	switch (column) {
	case COLUMN_ACCOUNT:
		text = tool_client_text(account, "user");
		break;
	case COLUMN_STATE:
		text = tool_client_text(account, "state");
		break;
	case COLUMN_TOKEN:
		duration_cell(json_object_get(account, "token_expires_in"), cell);
		return;
	case COLUMN_SUCCESS:
		instant_cell(tool_client_text(account, "last_success"), cell);
		return;
	case COLUMN_MESSAGES:
		if (json_is_integer(messages)) {
			(void)snprintf(cell, CELL_MAX, "%lld",
				       (long long)json_integer_value(messages));
			return;
		}
		break;
	}
	(void)snprintf(cell, CELL_MAX, "%s", text != NULL ? text : "-");
}

/* ---- the table ---- */

static void measure(const json_t *accounts, size_t widths[COLUMNS])
{
	char cell[CELL_MAX];
	size_t i;
	const json_t *account;

	for (size_t column = 0; column < COLUMNS; column++)
		widths[column] = tool_text_columns(titles[column]);
	json_array_foreach(accounts, i, account)
	{
		for (size_t column = 0; column < COLUMNS; column++) {
			fill_cell(account, (enum column)column, cell);
			size_t width = tool_text_columns(cell);
			if (width > widths[column])
				widths[column] = width;
		}
	}
}

static void print_cell(const char *cell, size_t width, bool last)
{
	size_t columns = tool_text_columns(cell);

	tool_text_print(stdout, cell);
	if (last)
		(void)putchar('\n');
	else
		(void)printf("%*s", (int)(width - columns + COLUMN_GAP), "");
}

static void print_table(const json_t *accounts)
{
	size_t widths[COLUMNS], i;
	char cell[CELL_MAX];
	const json_t *account;

	measure(accounts, widths);
	for (size_t column = 0; column < COLUMNS; column++)
		print_cell(titles[column], widths[column], column == COLUMNS - 1);
	json_array_foreach(accounts, i, account)
	{
		for (size_t column = 0; column < COLUMNS; column++) {
			fill_cell(account, (enum column)column, cell);
			print_cell(cell, widths[column], column == COLUMNS - 1);
		}
	}
}

/* ---- what to do ---- */

/* "packetboat -c FILE": how this daemon is reached. */
static void print_tool(const struct tool *tool)
{
	(void)fputs("packetboat ", stdout);
	if (tool->conf != NULL || tool->socket != NULL) {
		(void)fputs(tool->conf != NULL ? "-c " : "--socket ", stdout);
		tool_text_print(stdout, tool->conf != NULL ? tool->conf : tool->socket);
		(void)putchar(' ');
	}
}

static void print_note(const struct tool *tool, const json_t *account)
{
	const struct state *state = state_of(account);
	const char *user = tool_client_text(account, "user");
	const char *error = tool_client_text(account, "last_error");
	json_int_t backoff = json_integer_value(json_object_get(account, "backoff_for"));

	if (state->is_well || user == NULL)
		return;
	(void)putchar('\n');
	tool_text_print(stdout, user);
	(void)printf(": %s\n", state->name);
	tool_text_wrap(stdout, error, NOTE_INDENT, STATUS_WIDTH);
	(void)printf("%*sWhat to do: %s", NOTE_INDENT, "", state->remedy);
	if (state->command != NULL) {
		(void)putchar(' ');
		print_tool(tool);
		(void)printf("%s ", state->command);
		tool_text_print(stdout, user);
	} else if (backoff > 0) {
		(void)printf(" (in %lld s)", (long long)backoff);
	}
	(void)putchar('\n');
}

static void print_status(const struct tool *tool, const json_t *status)
{
	const char *version = tool_client_text(status, "version");
	const json_t *accounts = json_object_get(status, "accounts");
	json_int_t sessions = json_integer_value(json_object_get(status, "sessions"));
	json_int_t uptime = json_integer_value(json_object_get(status, "uptime"));
	char duration[TOOL_DURATION_MAX];
	size_t i;
	const json_t *account;

	tool_text_duration(uptime > 0 ? (uint64_t)uptime : 0, duration);
	(void)fputs("packetboatd ", stdout);
	tool_text_print(stdout, version != NULL ? version : "?");
	(void)printf(", process %lld, running for %s, %lld session%s\n\n",
		     (long long)json_integer_value(json_object_get(status, "pid")), duration,
		     (long long)sessions, sessions == 1 ? "" : "s");
	if (json_array_size(accounts) == 0) {
		(void)puts("No mailbox was opened yet.");
		return;
	}
	print_table(accounts);
	json_array_foreach(accounts, i, account) print_note(tool, account);
}

enum tool_exit tool_status(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool as_json = false;
	enum tool_exit code;
	int option;

	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			as_json = true;
			break;
		case 'h':
			puts(help);
			return TOOL_DONE;
		default:
			return TOOL_USAGE;
		}
	}
	if (argc != optind) {
		tool_complain(name, "takes no argument", NULL);
		return TOOL_USAGE;
	}
	json_t *answer =
		tool_client_ask(tool, name, json_pack("{s:s}", "command", "status"), &code);
	const json_t *status = json_object_get(answer, "status");
	if (status == NULL) {
		json_decref(answer);
		return code != TOOL_DONE ? code : TOOL_FAILED;
	}
	if (as_json) {
		(void)json_dumpf(status, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		print_status(tool, status);
	}
	json_decref(answer);
	return code;
}
