/* SPDX-License-Identifier: ISC */
#include "daemon/ask_password.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* Standard input while it does not echo. Signals come as input, so that no handler is needed. */
struct terminal {
	struct termios settings; /* those to go back to */
	sigset_t mask;           /* likewise */
	int signals;             /* signalfd */
};

static bool terminal_hide(const struct terminal *terminal)
{
	struct termios silent = terminal->settings;

	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ICANON | ECHONL;
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
}

static void terminal_restore(const struct terminal *terminal)
{
	/* What is left of a line that was too long must not reach the shell. */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal->settings);
}

static void last_words(sigset_t *signals_r)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };

	sigemptyset(signals_r);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(signals_r, signals[i]);
}

static bool terminal_init(struct terminal *terminal)
{
	sigset_t signals;

	if (tcgetattr(STDIN_FILENO, &terminal->settings) != 0)
		return false;
	last_words(&signals);
	terminal->signals = signalfd(-1, &signals, SFD_CLOEXEC);
	if (terminal->signals < 0)
		return false;
	sigprocmask(SIG_BLOCK, &signals, &terminal->mask);
	if (terminal_hide(terminal))
		return true;
	sigprocmask(SIG_SETMASK, &terminal->mask, NULL);
	close(terminal->signals);
	return false;
}

static void terminal_deinit(struct terminal *terminal)
{
	terminal_restore(terminal);
	sigprocmask(SIG_SETMASK, &terminal->mask, NULL);
	close(terminal->signals);
}

/* Does what the signal would have done; returns when the program was only stopped. */
static void terminal_obey(struct terminal *terminal, const char *prompt)
{
	struct signalfd_siginfo signal;
	sigset_t blocked;

	if (read(terminal->signals, &signal, sizeof(signal)) != sizeof(signal))
		return;
	terminal_restore(terminal);
	sigprocmask(SIG_SETMASK, &terminal->mask, &blocked);
	raise((int)signal.ssi_signo);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	terminal_hide(terminal);
	fputs(prompt, stderr);
}

/* `terminal` NULL: it is none. As read(). */
static ssize_t read_octet(struct terminal *terminal, const char *prompt, unsigned char *octet_r)
{
	for (;;) {
		struct pollfd watched[] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = terminal != NULL ? terminal->signals : -1, .events = POLLIN },
		};

		if (poll(watched, 2, -1) < 0) {
			if (errno != EINTR)
				return -1;
		} else if (terminal != NULL && watched[1].revents != 0) {
			terminal_obey(terminal, prompt);
		} else {
			ssize_t result = read(STDIN_FILENO, octet_r, 1);
			if (result >= 0 || (errno != EINTR && errno != EAGAIN))
				return result;
		}
	}
}

/* One octet at a time: what follows the line belongs to whoever reads next. */
static const char *read_line(struct terminal *terminal, const char *prompt,
			     struct password *password_r)
{
	unsigned char octet;
	ssize_t result;
	bool too_long = false;

	password_r->len = 0;
	fputs(prompt, stderr);
	while ((result = read_octet(terminal, prompt, &octet)) == 1 && octet != '\n') {
		if (octet == '\0')
			return "a password cannot hold the octet NUL";
		too_long = password_r->len == sizeof(password_r->octets);
		if (too_long)
			break;
		password_r->octets[password_r->len++] = octet;
	}
	/* The CR of a CRLF is not counted. */
	if (too_long && octet == '\r')
		too_long = read_octet(terminal, prompt, &octet) == 1 && octet != '\n';
	else if (password_r->len > 0 && password_r->octets[password_r->len - 1] == '\r')
		password_r->len--;
	octet = 0;
	if (result < 0)
		return strerror(errno);
	if (too_long)
		return "a password has at most 255 octets";
	return password_r->len > 0 ? NULL : "no password was given";
}

static const char *ask_terminal(struct password *password_r)
{
	struct terminal terminal;
	struct password again;

	if (!terminal_init(&terminal))
		return "the terminal does not let its echo be switched off";
	const char *wrong = read_line(&terminal, "Password: ", password_r);
	if (wrong == NULL)
		wrong = read_line(&terminal, "The same again: ", &again);
	if (wrong == NULL && (again.len != password_r->len ||
			      memcmp(again.octets, password_r->octets, again.len) != 0))
		wrong = "the two passwords differ";
	terminal_deinit(&terminal);
	explicit_bzero(&again, sizeof(again));
	return wrong;
}

const char *ask_password(struct password *password_r)
{
	return isatty(STDIN_FILENO) ? ask_terminal(password_r) : read_line(NULL, "", password_r);
}
