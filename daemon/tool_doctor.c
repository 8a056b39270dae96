/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <stdio.h>

#include "daemon/tool_client.h"
#include "daemon/tool_text.h"

static const char help[] =
	"Usage: packetboat doctor ACCOUNT\n"
	"\n"
	"Goes the way of a login step by step, and tells what it finds, what is wrong, and\n"
	"who can mend it. ACCOUNT is a POP3 login name of the configuration. Nothing is\n"
	"changed in the mailbox.\n"
	"\n"
	"A line a step: `ok' or `FAIL', the step, what was found. Behind a FAIL: what to do.\n"
	"Exit status 1 if any step failed.\n"
	"\n"
	"  -h, --help   show this help";

enum {
	/* One step may wait for several addresses, and for a server that is slow. */
	DOCTOR_PATIENCE_S = 180,
	/* Where what was found begins, and how wide what is to be done may be. */
	DOCTOR_INDENT = 5,
	DOCTOR_STEP_WIDTH = 13,
	DOCTOR_WIDTH = 79,
};

static const char name[] = "packetboat doctor";

static void print_step(const json_t *message)
{
	const char *step = tool_client_text(message, "step");
	const char *found = tool_client_text(message, "found");
	bool ok = json_is_true(json_object_get(message, "ok"));

	if (step == NULL || found == NULL)
		return;
	(void)fputs(ok ? "ok   " : "FAIL ", stdout);
	tool_text_print(stdout, step);
	size_t width = tool_text_columns(step);
	(void)printf("%*s ", width < DOCTOR_STEP_WIDTH ? (int)(DOCTOR_STEP_WIDTH - width) : 0, "");
	tool_text_print(stdout, found);
	(void)fputc('\n', stdout);
	tool_text_wrap(stdout, tool_client_text(message, "remedy"), DOCTOR_INDENT, DOCTOR_WIDTH);
	(void)fflush(stdout);
}

/* The last message. */
static enum tool_exit report(const json_t *message)
{
	json_int_t failed = json_integer_value(json_object_get(message, "failed"));
	char text[60];

	if (failed == 0)
		return TOOL_DONE;
	(void)snprintf(text, sizeof(text), "%lld step%s failed", (long long)failed,
		       failed == 1 ? "" : "s");
	tool_complain(name, text, NULL);
	return TOOL_FAILED;
}

static enum tool_exit examine(struct tool_client *client, json_t *account)
{
	enum tool_exit code = TOOL_FAILED;
	bool over = !tool_client_send(
		client, json_pack("{s:s, s:o}", "command", "doctor", "account", account));

	while (!over) {
		json_t *message = tool_client_wait(client, DOCTOR_PATIENCE_S);

		if (message == NULL)
			return TOOL_FAILED;
		over = tool_client_is_last(client, message, &code);
		if (!over)
			print_step(message);
		else if (code == TOOL_DONE)
			code = report(message);
		json_decref(message);
	}
	return code;
}

enum tool_exit tool_doctor(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct tool_client client;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != 'h')
			return TOOL_USAGE;
		puts(help);
		return TOOL_DONE;
	}
	if (argc - optind != 1) {
		tool_complain(name, "one ACCOUNT is needed; see packetboat doctor --help", NULL);
		return TOOL_USAGE;
	}
	json_t *account = json_string(argv[optind]);
	if (account == NULL) {
		tool_complain(name, "the account's name is no UTF-8", NULL);
		return TOOL_FAILED;
	}
	enum tool_exit code = tool_client_open(&client, tool, name);
	if (code != TOOL_DONE) {
		json_decref(account);
		return code;
	}
	code = examine(&client, account);
	tool_client_close(&client);
	return code;
}
