/* SPDX-License-Identifier: ISC */
#include "daemon/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct command {
	const char *name;
	const char *arguments;
	const char *help;
	enum tool_exit (*run)(int argc, char **argv);
} commands[] = {
	{ "passwd", "[--file FILE NAME]", "make the hash of a local POP3 password", tool_passwd },
};

static void print_help(void)
{
	puts("Usage: packetboat COMMAND [ARGUMENT ...]\n"
	     "       packetboat --help | --version\n\n"
	     "Commands:");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  %s %s\n      %s\n", commands[i].name, commands[i].arguments,
		       commands[i].help);
	puts("\npacketboat COMMAND --help tells more about a command.");
}

static enum tool_exit run_command(int argc, char **argv)
{
	char name[64];

	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "packetboat %s", commands[i].name);
		argv[0] = name;
		optind = 0; /* begin anew, with the options of the command */
		return commands[i].run(argc, argv);
	}
	fprintf(stderr, "packetboat: there is no command \"%s\"; see packetboat --help\n", argv[0]);
	return TOOL_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	enum tool_exit code = TOOL_DONE;
	int option = getopt_long(argc, argv, "+hV", options, NULL);

	switch (option) {
	case 'h':
		print_help();
		break;
	case 'V':
		puts("packetboat " PACKETBOAT_VERSION);
		break;
	case -1:
		if (optind < argc) {
			code = run_command(argc - optind, argv + optind);
		} else {
			fputs("packetboat: a command is missing; see packetboat --help\n", stderr);
			code = TOOL_USAGE;
		}
		break;
	default: /* getopt_long() said what is wrong */
		return TOOL_USAGE;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("packetboat: standard output");
		return TOOL_FAILED;
	}
	return (int)code;
}
