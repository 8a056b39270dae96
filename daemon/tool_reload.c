/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <stdio.h>

#include "daemon/tool_client.h"
#include "daemon/tool_text.h"

static const char help[] =
	"Usage: packetboat reload\n"
	"\n"
	"Has the daemon read its configuration again. Sessions that are open keep the one\n"
	"they began with. If the new one is wrong, nothing changes.\n"
	"\n"
	"  -h, --help   show this help";

static const char name[] = "packetboat reload";

enum tool_exit tool_reload(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum tool_exit code;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option != 'h')
			return TOOL_USAGE;
		puts(help);
		return TOOL_DONE;
	}
	if (argc != optind) {
		tool_complain(name, "takes no argument", NULL);
		return TOOL_USAGE;
	}
	json_t *answer =
		tool_client_ask(tool, name, json_pack("{s:s}", "command", "reload"), &code);
	const char *warning = tool_client_text(answer, "warning");
	if (warning != NULL)
		tool_complain("packetboat reload: warning", warning, NULL);
	json_decref(answer);
	return code;
}
