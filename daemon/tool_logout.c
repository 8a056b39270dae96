/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <stdio.h>

#include "daemon/tool_client.h"
#include "daemon/tool_text.h"

static const char help[] =
	"Usage: packetboat logout [--forget] ACCOUNT\n"
	"\n"
	"Forgets the sign-in of ACCOUNT, in memory and on disk. Sessions that are open go\n"
	"on until they end.\n"
	"\n"
	"  -f, --forget   forget everything that is kept of its mailbox, too\n"
	"  -h, --help     show this help";

static const char name[] = "packetboat logout";

enum tool_exit tool_logout(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "forget", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int forget = 0, option;
	enum tool_exit code;

	while ((option = getopt_long(argc, argv, "fh", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			forget = 1;
			break;
		case 'h':
			puts(help);
			return TOOL_DONE;
		default:
			return TOOL_USAGE;
		}
	}
	if (argc - optind != 1) {
		tool_complain(name, "one ACCOUNT is needed; see packetboat logout --help", NULL);
		return TOOL_USAGE;
	}
	json_t *account = json_string(argv[optind]);
	if (account == NULL) {
		tool_complain(name, "the account's name is no UTF-8", NULL);
		return TOOL_FAILED;
	}
	json_t *answer = tool_client_ask(tool, name,
					 json_pack("{s:s, s:o, s:b}", "command", "logout",
						   "account", account, "forget", forget),
					 &code);
	if (answer != NULL) {
		(void)fputs(forget ? "forgotten: " : "signed out: ", stdout);
		tool_text_print(stdout, argv[optind]);
		(void)fputc('\n', stdout);
	}
	json_decref(answer);
	return code;
}
