/* SPDX-License-Identifier: ISC */
#include "daemon/tool_open.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *tool_open_words(const char *browser, const char *url,
			    char memory[TOOL_OPEN_COMMAND_MAX],
			    const char *words_r[TOOL_OPEN_WORDS_MAX + 1])
{
	size_t len = strcspn(browser, ":");
	const char *rest = browser[len] == ':' ? browser + len + 1 : NULL;
	bool placed = false;
	size_t count = 0;

	words_r[0] = NULL;
	if (len >= TOOL_OPEN_COMMAND_MAX)
		return rest;
	memcpy(memory, browser, len);
	memory[len] = '\0';
	for (char *word = memory + strspn(memory, " "); *word != '\0';) {
		char *end = word + strcspn(word, " ");
		char *next = end + strspn(end, " ");

		*end = '\0';
		/* One place is kept for the address. */
		if (count == TOOL_OPEN_WORDS_MAX - 1) {
			words_r[0] = NULL;
			return rest;
		}
		bool is_place = count > 0 && strcmp(word, "%s") == 0;
		placed = placed || is_place;
		words_r[count++] = is_place ? url : word;
		word = next;
	}
	if (count > 0 && !placed)
		words_r[count++] = url;
	words_r[count] = NULL;
	return rest;
}

/* In a session of its own: Ctrl-C is for us. What it has to say is of no use to anybody. */
static bool spawn(const char *const *words)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t child;

	if (posix_spawn_file_actions_init(&files) != 0)
		return false;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return false;
	}
	sigemptyset(&none);
	bool ok = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY,
						   0) == 0 &&
		  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY,
						   0) == 0 &&
		  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO) == 0 &&
		  posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
		  posix_spawnattr_setflags(&attributes,
					   POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK) == 0 &&
		  posix_spawnp(&child, words[0], &files, &attributes, (char *const *)words,
			       environ) == 0;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return ok;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

bool tool_open(const char *url)
{
	/* A browser of root's is nobody's; whoever wants that says so in $BROWSER. */
	bool desktop = (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")) && isatty(STDIN_FILENO) &&
		       geteuid() != 0;
	const char *browser = is_set("BROWSER") ? getenv("BROWSER") : desktop ? "xdg-open" : NULL;
	const char *words[TOOL_OPEN_WORDS_MAX + 1];
	char memory[TOOL_OPEN_COMMAND_MAX];

	/* It goes to a program as an argument, and must not be taken for an option. */
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return false;
	while (browser != NULL) {
		browser = tool_open_words(browser, url, memory, words);
		if (words[0] != NULL && spawn(words))
			return true;
	}
	return false;
}
