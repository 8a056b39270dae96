/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/tool_browser.h"
#include "daemon/tool_client.h"
#include "daemon/tool_open.h"
#include "daemon/tool_text.h"

static const char help[] =
	"Usage: packetboat login [--device | --paste] ACCOUNT\n"
	"\n"
	"Signs ACCOUNT in, a POP3 login name of the configuration. The daemon keeps the\n"
	"sign-in once it has opened the mailbox with it.\n"
	"\n"
	"Without an option: shows an address, opens it in a browser if there is one, and\n"
	"waits on this machine for the browser to come back.\n"
	"\n"
	"  -d, --device   show an address and a code, to be entered on any device\n"
	"  -p, --paste    show an address, to be opened anywhere; then read one line: the\n"
	"                 address at which the browser ended\n"
	"  -h, --help     show this help\n"
	"\n"
	"Addresses and codes stand alone on a line of standard output. Ctrl-C cancels.";

enum {
	/* The browser's time-outs are looked at that often. */
	LOGIN_TICK_MS = 1000,
	/* What a terminal gives as one line; the rest of a longer one is lost (termios(3)). */
	TERMINAL_LINE_MAX = 4094,
	LOGIN_LINE_MAX = 60000,
	LOGIN_POLLS = TOOL_BROWSER_POLLS + 3,
};

enum login_flow { LOGIN_BROWSER, LOGIN_DEVICE, LOGIN_PASTE };

struct login {
	const char *account;
	enum login_flow flow;
	struct tool_client client;
	struct tool_browser browser;
	int signals;      /* owned: a descriptor that tells of those that end it */
	char offered[64]; /* the redirect_uri that was proposed */
	bool asking;      /* a line of standard input may be the answer */
	bool must_ask;    /* nothing else can be */
	bool answered;
	struct bytebuf line; /* of standard input, as far as it goes */
	bool over;
	enum tool_exit code;
};

static const char name[] = "packetboat login";

static void login_fail(struct login *login, const char *text)
{
	if (text != NULL)
		tool_complain(name, text, NULL);
	login->over = true;
	login->code = TOOL_FAILED;
}

/* Alone on a line of standard output, at once: a script may be waiting for it. */
static void show(const char *text)
{
	tool_text_print(stdout, text);
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
}

static void hint(const char *text)
{
	tool_text_wrap(stderr, text, 0, 79);
}

/* ---- the answer ---- */

static void login_answer(struct login *login, struct span text)
{
	json_t *answer = json_stringn((const char *)text.data, text.len);

	login->asking = false;
	login->answered = true;
	if (answer == NULL)
		login_fail(login, "that is no address, and no code");
	else if (!tool_client_send(&login->client, json_pack("{s:o}", "answer", answer)))
		login_fail(login, NULL);
}

static struct span trim(struct span line)
{
	while (line.len > 0 && line.data[0] <= ' ')
		(void)span_take(&line, 1);
	while (line.len > 0 && line.data[line.len - 1] <= ' ')
		line.len--;
	return line;
}

/* A line of standard input, or what there is of it at its end. */
static void login_take_line(struct login *login, struct span line)
{
	bool cut = isatty(STDIN_FILENO) && line.len >= TERMINAL_LINE_MAX;

	line = trim(line);
	if (cut)
		login_fail(login, "that is longer than a line of a terminal may be, so its end is "
				  "missing; give it by way of a file or a pipe");
	else if (line.len > 0)
		login_answer(login, line);
	else
		hint("Please paste the address at which the browser ended.");
}

/* Lines that are there. */
static void login_take_lines(struct login *login)
{
	while (login->asking && !login->over) {
		struct span rest = bytebuf_peek(&login->line);
		const unsigned char *end = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;

		if (end == NULL)
			return;
		size_t len = (size_t)(end - rest.data);
		login_take_line(login, span_of(rest.data, len));
		bytebuf_consume(&login->line, len + 1);
	}
}

static void login_read(struct login *login)
{
	unsigned char octets[4096];
	ssize_t n = read(STDIN_FILENO, octets, sizeof(octets));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		bool kept = bytebuf_append(&login->line, span_of(octets, (size_t)n));

		explicit_bzero(octets, sizeof(octets));
		if (kept)
			login_take_lines(login);
		else
			login_fail(login, "that is too long for an address");
		return;
	}
	/* The end: what there is may be the last line. */
	struct span last = bytebuf_peek(&login->line);
	login->asking = false;
	if (trim(last).len > 0)
		login_take_line(login, last);
	else if (login->must_ask)
		login_fail(login, "no address was given; nothing was changed");
}

/* ---- what the daemon says ---- */

/* It may want the browser to end elsewhere: the account has a redirect_uri of its own. */
static bool login_listen_at(struct login *login, const char *redirect_uri)
{
	char path[TOOL_PAGE_PATH_MAX], text[300];
	unsigned port;

	if (redirect_uri == NULL || strcmp(redirect_uri, login->offered) == 0)
		return true;
	bool here = tool_page_place(redirect_uri, &port, path);
	struct tool_browser *browser = &login->browser;
	/* The same port, but another path or name: it is ours already. */
	tool_browser_close(browser);
	if (!here) {
		login->must_ask = true;
	} else if (tool_browser_open(browser, port, path) == 0) {
		(void)snprintf(text, sizeof(text),
			       "cannot listen on port %u of 127.0.0.1, where the account's "
			       "redirect_uri says: %s",
			       port, strerror(errno));
		login_fail(login, text);
		return false;
	}
	return true;
}

static void login_ask_for_address(struct login *login)
{
	login->asking = true;
	login->must_ask = true;
	hint("When you have signed in, the browser ends at an address that may show nothing. Copy "
	     "that address from the browser, paste it here and press Return:");
}

static void login_open(struct login *login, const json_t *message)
{
	const char *url = tool_client_text(message, "url");
	char text[600];

	if (url == NULL || (login->flow == LOGIN_BROWSER &&
			    !login_listen_at(login, tool_client_text(message, "redirect_uri")))) {
		login_fail(login, url == NULL ? "the daemon gave no address" : NULL);
		return;
	}
	(void)snprintf(
		text, sizeof(text),
		"Please open this address in a browser and sign in there for %s:", login->account);
	hint(text);
	show(url);
	if (login->flow == LOGIN_PASTE) {
		login_ask_for_address(login);
		return;
	}
	if (tool_open(url))
		hint("(A browser was told to open it.)");
	if (login->must_ask) {
		login_ask_for_address(login);
	} else if (isatty(STDIN_FILENO)) {
		login->asking = true;
		hint("Waiting for the browser to come back to this machine. If it is on another "
		     "one, copy the address at which it ends, paste it here and press Return. "
		     "Ctrl-C cancels.");
	}
}

static void login_show_code(struct login *login, const json_t *message)
{
	const char *url = tool_client_text(message, "url");
	const char *code = tool_client_text(message, "user_code");
	json_int_t seconds = json_integer_value(json_object_get(message, "expires_in"));
	char duration[TOOL_DURATION_MAX], text[600];

	if (url == NULL || code == NULL) {
		login_fail(login, "the daemon gave no code");
		return;
	}
	(void)snprintf(
		text, sizeof(text),
		"Please open this address on any device and sign in there for %s:", login->account);
	hint(text);
	show(url);
	tool_text_duration(seconds > 0 ? (uint64_t)seconds : 0, duration);
	(void)snprintf(text, sizeof(text),
		       "It will ask for this code, which is good for %s:", duration);
	hint(text);
	show(code);
	hint("Waiting. Ctrl-C cancels.");
}

static void login_handle(struct login *login, const json_t *message)
{
	const char *event = tool_client_text(message, "event");

	if (tool_client_is_last(&login->client, message, &login->code)) {
		login->over = true;
		if (login->code == TOOL_DONE) {
			(void)fputs("signed in: ", stdout);
			show(login->account);
		}
	} else if (event != NULL && strcmp(event, "open") == 0) {
		login_open(login, message);
	} else if (event != NULL && strcmp(event, "device") == 0) {
		login_show_code(login, message);
	} else if (event != NULL && strcmp(event, "accepted") == 0) {
		tool_browser_reply(&login->browser, true);
	} else if (event != NULL && strcmp(event, "check") == 0) {
		hint("Signed in; seeing whether the mailbox opens.");
	}
	/* Other events are those of a newer daemon, and can be missed. */
}

static void login_receive(struct login *login)
{
	json_t *message;

	while (!login->over) {
		switch (tool_client_receive(&login->client, &message)) {
		case TOOL_CLIENT_MESSAGE:
			login_handle(login, message);
			json_decref(message);
			break;
		case TOOL_CLIENT_WAIT:
			return;
		case TOOL_CLIENT_ENDED:
			login_fail(login, NULL);
			break;
		}
	}
}

/* ---- waiting ---- */

/* Signals that end it, as a descriptor; -1: errno says why. The programs that are started do not
 * inherit this (daemon/tool_open.c). */
static int catch_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
		return -1;
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static void login_turn(struct login *login)
{
	struct pollfd polls[LOGIN_POLLS] = {
		{ .fd = login->client.fd, .events = POLLIN },
		{ .fd = login->signals, .events = POLLIN },
		{ .fd = login->asking ? STDIN_FILENO : -1, .events = POLLIN },
	};
	size_t browsers = tool_browser_prepare(&login->browser, polls + 3);
	struct span query;

	if (poll(polls, (nfds_t)browsers + 3, LOGIN_TICK_MS) < 0) {
		if (errno != EINTR)
			login_fail(login, strerror(errno));
		return;
	}
	if (polls[0].revents != 0)
		login_receive(login);
	if (!login->over && polls[1].revents != 0)
		login_fail(login, "cancelled; nothing was changed");
	if (!login->over && login->asking && polls[2].revents != 0)
		login_read(login);
	if (!login->over && tool_browser_handle(&login->browser, polls + 3, browsers, &query) &&
	    !login->answered)
		login_answer(login, query);
}

/* ---- the command ---- */

static bool login_begin(struct login *login)
{
	static const char *const flows[] = {
		[LOGIN_BROWSER] = "browser",
		[LOGIN_DEVICE] = "device",
		[LOGIN_PASTE] = "paste",
	};
	json_t *account = json_string(login->account);

	if (account == NULL) {
		tool_complain(name, "the account's name is no UTF-8", NULL);
		return false;
	}
	json_t *request = json_pack("{s:s, s:o, s:s}", "command", "login", "account", account,
				    "flow", flows[login->flow]);
	if (login->flow == LOGIN_BROWSER) {
		unsigned port = tool_browser_open(&login->browser, 0, "/");

		if (port == 0) {
			tool_complain(name, "cannot listen on 127.0.0.1",
				      "Try --device or --paste.");
			json_decref(request);
			return false;
		}
		(void)snprintf(login->offered, sizeof(login->offered), "http://localhost:%u/",
			       port);
		if (request != NULL)
			json_object_set_new(request, "redirect_uri", json_string(login->offered));
	}
	return tool_client_send(&login->client, request);
}

static enum tool_exit login_run(const struct tool *tool, struct login *login)
{
	enum tool_exit code = tool_client_open(&login->client, tool, name);
	if (code != TOOL_DONE)
		return code;
	tool_browser_init(&login->browser);
	bytebuf_init(&login->line, LOGIN_LINE_MAX);
	login->signals = catch_signals();
	if (login->signals < 0)
		login_fail(login, strerror(errno));
	else if (!login_begin(login))
		login_fail(login, NULL);
	while (!login->over)
		login_turn(login);
	/* Whoever still waits gets the page for what came of it. */
	tool_browser_reply(&login->browser, login->code == TOOL_DONE);
	tool_client_close(&login->client);
	tool_browser_close(&login->browser);
	bytebuf_deinit(&login->line);
	if (login->signals >= 0)
		(void)close(login->signals);
	return login->code;
}

static enum tool_exit wrong_usage(const char *text)
{
	tool_complain(name, text, NULL);
	return TOOL_USAGE;
}

enum tool_exit tool_login(const struct tool *tool, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", no_argument, NULL, 'd' },
		{ "paste", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct login login = { .flow = LOGIN_BROWSER };
	enum login_flow flow;
	int option;

	while ((option = getopt_long(argc, argv, "dph", options, NULL)) != -1) {
		switch (option) {
		case 'd':
		case 'p':
			flow = option == 'd' ? LOGIN_DEVICE : LOGIN_PASTE;
			if (login.flow != LOGIN_BROWSER && login.flow != flow)
				return wrong_usage("--device and --paste exclude each other");
			login.flow = flow;
			break;
		case 'h':
			puts(help);
			return TOOL_DONE;
		default:
			return TOOL_USAGE;
		}
	}
	if (argc - optind != 1)
		return wrong_usage("one ACCOUNT is needed; see packetboat login --help");
	login.account = argv[optind];
	return login_run(tool, &login);
}
