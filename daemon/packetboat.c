/* SPDX-License-Identifier: ISC */
#include "daemon/tool.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/json_memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct command {
	const char *name;
	const char *arguments;
	const char *help;
	enum tool_exit (*run)(const struct tool *tool, int argc, char **argv);
} commands[] = {
	{ "login", "[--device | --paste] ACCOUNT", "sign an account in", tool_login },
	{ "logout", "[--forget] ACCOUNT", "forget its sign-in", tool_logout },
	{ "status", "[--json]", "show how the accounts are", tool_status },
	{ "doctor", "ACCOUNT", "find out why an account does not work", tool_doctor },
	{ "reload", "", "have the configuration read again", tool_reload },
	{ "passwd", "[--file FILE NAME]", "make the hash of a local POP3 password", tool_passwd },
};

static void print_help(void)
{
	puts("Usage: packetboat [-c FILE | --socket PATH] COMMAND [ARGUMENT ...]\n"
	     "       packetboat --help | --version\n\n"
	     "Commands:");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  %s%s%s\n      %s\n", commands[i].name,
		       commands[i].arguments[0] != '\0' ? " " : "", commands[i].arguments,
		       commands[i].help);
	puts("\npacketboat COMMAND --help tells more about a command.\n\n"
	     "  -c, --config FILE   talk to the daemon that has this configuration\n"
	     "  -s, --socket PATH   talk to the daemon at this socket\n"
	     "                      (default: control.sock in $RUNTIME_DIRECTORY, or in\n"
	     "                      /run/packetboat)");
}

static enum tool_exit run_command(const struct tool *tool, int argc, char **argv)
{
	char name[64];

	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "packetboat %s", commands[i].name);
		argv[0] = name;
		optind = 0; /* begin anew, with the options of the command */
		return commands[i].run(tool, argc, argv);
	}
	fprintf(stderr, "packetboat: there is no command \"%s\"; see packetboat --help\n", argv[0]);
	return TOOL_USAGE;
}

/* Everything but the command. False: `code_r` is what to exit with. */
static bool read_options(struct tool *tool, int argc, char **argv, enum tool_exit *code_r)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*code_r = TOOL_USAGE;
	while ((option = getopt_long(argc, argv, "+c:s:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			tool->conf = optarg;
			break;
		case 's':
			tool->socket = optarg;
			break;
		case 'h':
			print_help();
			*code_r = TOOL_DONE;
			return false;
		case 'V':
			puts("packetboat " PACKETBOAT_VERSION);
			*code_r = TOOL_DONE;
			return false;
		default: /* getopt_long() said what is wrong */
			return false;
		}
	}
	if (tool->conf != NULL && tool->socket != NULL)
		fputs("packetboat: -c and --socket exclude each other\n", stderr);
	else if (optind == argc)
		fputs("packetboat: a command is missing; see packetboat --help\n", stderr);
	else
		return true;
	return false;
}

int main(int argc, char **argv)
{
	struct tool tool = { 0 };
	enum tool_exit code;

	json_memory_init();
	if (read_options(&tool, argc, argv, &code))
		code = run_command(&tool, argc - optind, argv + optind);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("packetboat: standard output");
		return TOOL_FAILED;
	}
	return (int)code;
}
