/* SPDX-License-Identifier: ISC */
/* packetboatd: the daemon's arguments and exit status; everything else is in bridge.c. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/bridge.h"
#include "daemon/setup.h"

enum { EXIT_USAGE = 2 };

static const char help[] =
	"usage: packetboatd [-c FILE] [--check-config | --dump-config] [--allow-root]\n"
	"       packetboatd --sample-config | --version | --help\n"
	"\n"
	"Accepts POP3 and carries the mail over from IMAP servers. Stays in the foreground and\n"
	"logs to stderr.\n"
	"\n"
	"  -c, --config FILE   the configuration (default " PACKETBOAT_CONF ")\n"
	"      --check-config  say whether it is right, and exit\n"
	"      --dump-config   print it with all defaults, and exit\n"
	"      --sample-config print a commented sample, and exit\n"
	"      --allow-root    run although the user is root\n"
	"      --version       print the version, and exit\n"
	"  -h, --help          print this, and exit\n"
	"\n"
	"SIGHUP reads the configuration again. SIGTERM stops: messages under way are finished.\n"
	"See packetboatd(8) and packetboat.conf(5).\n";

enum task { TASK_RUN, TASK_CHECK, TASK_DUMP, TASK_SAMPLE };

static void print_warning(void *argument, const char *text)
{
	(void)argument;
	fprintf(stderr, "packetboatd: warning: %s\n", text);
}

static int check_or_dump(const char *file, bool dump)
{
	struct conf_error error;
	struct setup *setup = setup_load(file, print_warning, NULL, &error);
	bool ok = setup != NULL;

	if (setup == NULL)
		fprintf(stderr, "packetboatd: %s\n", error.text);
	else if (dump)
		ok = conf_dump(setup->conf, stdout);
	else
		ok = printf("%s: the configuration is right\n", file) > 0;
	if (fflush(stdout) != 0)
		ok = false;
	setup_unref(&setup);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(void)
{
	fprintf(stderr, "packetboatd: wrong usage; see packetboatd --help\n");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "dump-config", no_argument, NULL, 'D' },
		{ "sample-config", no_argument, NULL, 'S' },
		{ "allow-root", no_argument, NULL, 'R' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *file = PACKETBOAT_CONF;
	enum task task = TASK_RUN;
	bool allow_root = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 'C':
			task = TASK_CHECK;
			break;
		case 'D':
			task = TASK_DUMP;
			break;
		case 'S':
			task = TASK_SAMPLE;
			break;
		case 'R':
			allow_root = true;
			break;
		case 'V':
			return printf("packetboatd %s\n", PACKETBOAT_VERSION) > 0 ? EXIT_SUCCESS
										  : EXIT_FAILURE;
		case 'h':
			return fputs(help, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		default:
			return usage();
		}
	}
	if (optind != argc)
		return usage();
	if (task == TASK_SAMPLE)
		return conf_sample(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (task != TASK_RUN)
		return check_or_dump(file, task == TASK_DUMP);
	if (geteuid() == 0 && !allow_root) {
		fprintf(stderr, "packetboatd: refusing to run as root; it needs no privilege "
				"(--allow-root if you must)\n");
		return EXIT_FAILURE;
	}
	return bridge_run(file);
}
