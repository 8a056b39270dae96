/* SPDX-License-Identifier: ISC */
#include "daemon/tool.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ask_password.h"
#include "daemon/password_edit.h"
#include "tls/password_hash.h"

static const char help[] =
	"Usage: packetboat passwd [--file FILE NAME]\n"
	"\n"
	"Makes the hash of a local POP3 password and prints it, for password_hash in\n"
	"packetboat.conf. The password is asked for twice on a terminal; otherwise it is\n"
	"one line of standard input.\n"
	"\n"
	"  -f, --file FILE   set the line of NAME in a password_file instead\n"
	"  -h, --help        show this help";

static enum tool_exit complain(enum tool_exit code, const char *text)
{
	fprintf(stderr, "packetboat passwd: %s\n", text);
	return code;
}

/* False: it was complained about. */
static bool make_hash(char hash_r[PASSWORD_HASH_TEXT_MAX])
{
	struct password password;
	const char *wrong = ask_password(&password);

	if (wrong == NULL && !password_hash_make(password.octets, password.len, hash_r))
		wrong = "no hash could be made: there is no memory or no randomness";
	explicit_bzero(&password, sizeof(password));
	if (wrong != NULL)
		complain(TOOL_FAILED, wrong);
	return wrong == NULL;
}

enum tool_exit tool_passwd(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "file", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *file = NULL;
	char hash[PASSWORD_HASH_TEXT_MAX];
	char error[512];
	int option;

	(void)tool; /* it needs no daemon */
	while ((option = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			file = optarg;
			break;
		case 'h':
			puts(help);
			return TOOL_DONE;
		default:
			return TOOL_USAGE;
		}
	}
	/* Never the password: other users see the arguments of a process. */
	if (argc - optind != (file != NULL ? 1 : 0))
		return complain(TOOL_USAGE, file != NULL ? "--file FILE needs one NAME"
							 : "takes no argument without --file");
	if (file != NULL && !password_edit_is_name(argv[optind]))
		return complain(TOOL_USAGE,
				"that is no name for a password_file: at most 255 octets, "
				"no ':', no control characters, no '#' or space first");
	if (!make_hash(hash))
		return TOOL_FAILED;
	if (file == NULL) {
		puts(hash);
		return TOOL_DONE;
	}
	if (!password_edit_set(file, argv[optind], hash, error, sizeof(error)))
		return complain(TOOL_FAILED, error);
	return TOOL_DONE;
}
