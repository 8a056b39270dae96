/* SPDX-License-Identifier: ISC */
#include "daemon/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a run is told, NAME=VALUE, and what goes into its environment besides. */
enum { HOOK_TOLD = 3 };
static const char *const passed_on[] = { "PATH", "HOME", "TZ", "LANG", "LC_ALL", "LC_MESSAGES" };
enum { HOOK_PASSED_ON = sizeof(passed_on) / sizeof(passed_on[0]) };

struct run {
	struct run *next;
	char *program;         /* owned, like all that follow */
	char *account;         /* for the log */
	char *told[HOOK_TOLD]; /* PACKETBOAT_... */
};

struct hook {
	struct loop *loop; /* borrowed */
	struct log *log;   /* borrowed */
	uint64_t timeout_ms;
	struct run *running; /* owned; NULL: none */
	pid_t pid;           /* of it, and of its process group */
	bool killed;
	struct run *first; /* owned: those that wait */
	struct run **end;
	unsigned waiting;
	struct event *child;   /* owned: SIGCHLD */
	struct event *timeout; /* owned */
};

static void hook_next(struct hook *hook);

/* ---- runs ---- */

static void run_free(struct run *run)
{
	if (run == NULL)
		return;
	for (size_t i = 0; i < HOOK_TOLD; i++)
		free(run->told[i]);
	free(run->program);
	free(run->account);
	free(run);
}

static char *assignment(const char *name, const char *value)
{
	char *text;

	return asprintf(&text, "%s=%s", name, value) >= 0 ? text : NULL;
}

static struct run *run_new(const struct hook_run *from)
{
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return NULL;
	run->program = strdup(from->program);
	run->account = strdup(from->account);
	run->told[0] = assignment("PACKETBOAT_ACCOUNT", from->account);
	run->told[1] = assignment("PACKETBOAT_REASON", from->reason);
	run->told[2] = assignment("PACKETBOAT_DETAIL", from->detail);
	if (run->program == NULL || run->account == NULL || run->told[0] == NULL ||
	    run->told[1] == NULL || run->told[2] == NULL) {
		run_free(run);
		return NULL;
	}
	return run;
}

static void hook_log(struct hook *hook, enum conf_log_level level, const char *program,
		     const char *account, const char *reason)
{
	struct log_line line;

	log_begin(&line, hook->log, level, "on-attention");
	log_text(&line, "program", program);
	log_text(&line, "account", account);
	log_text(&line, "result", reason);
	log_end(&line);
}

/* ---- starting ---- */

static int set_files(posix_spawn_file_actions_t *files)
{
	int failure =
		posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (failure == 0)
		failure = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
#ifdef PACKETBOAT_HAS_CLOSEFROM
	/* Ours are all closed on exec; a library's may not be. */
	if (failure == 0)
		failure = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
#endif
	return failure;
}

/* A process group of its own, so that all it starts can be killed; and no signal that we ignore.
 */
static int set_attributes(posix_spawnattr_t *attributes)
{
	short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t none;
	sigset_t all;
	int failure = posix_spawnattr_setflags(attributes, flags);

	sigemptyset(&none);
	sigfillset(&all);
	if (failure == 0)
		failure = posix_spawnattr_setsigmask(attributes, &none);
	if (failure == 0)
		failure = posix_spawnattr_setsigdefault(attributes, &all);
	return failure;
}

static int spawn_with(const struct run *run, char **environment, pid_t *pid_r)
{
	char *arguments[] = { run->program, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int failure = posix_spawn_file_actions_init(&files);

	if (failure != 0)
		return failure;
	failure = posix_spawnattr_init(&attributes);
	if (failure == 0) {
		failure = set_files(&files);
		if (failure == 0)
			failure = set_attributes(&attributes);
		if (failure == 0)
			failure = posix_spawn(pid_r, run->program, &files, &attributes, arguments,
					      environment);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	return failure;
}

/* 0, or errno's value. */
static int spawn(const struct run *run, pid_t *pid_r)
{
	char *environment[HOOK_PASSED_ON + HOOK_TOLD + 1] = { NULL };
	size_t count = 0;
	int failure = 0;

	for (size_t i = 0; i < HOOK_PASSED_ON && failure == 0; i++) {
		const char *value = getenv(passed_on[i]);

		if (value == NULL)
			continue;
		environment[count] = assignment(passed_on[i], value);
		if (environment[count++] == NULL)
			failure = ENOMEM;
	}
	size_t own = count;
	for (size_t i = 0; i < HOOK_TOLD; i++)
		environment[count++] = run->told[i];
	if (failure == 0)
		failure = spawn_with(run, environment, pid_r);
	while (own > 0)
		free(environment[--own]);
	return failure;
}

/* Starts those that wait until one runs. */
static void hook_next(struct hook *hook)
{
	while (hook->running == NULL && hook->first != NULL) {
		struct run *run = hook->first;

		hook->first = run->next;
		if (hook->first == NULL)
			hook->end = &hook->first;
		hook->waiting--;
		int failure = spawn(run, &hook->pid);
		if (failure != 0) {
			hook_log(hook, CONF_LOG_WARNING, run->program, run->account,
				 strerror(failure));
			run_free(run);
			continue;
		}
		hook->running = run;
		hook->killed = false;
		loop_arm(hook->timeout, hook->timeout_ms);
	}
}

/* ---- ending ---- */

static void hook_ended(struct hook *hook, int status)
{
	struct run *run = hook->running;
	char result[64];
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (hook->killed)
		snprintf(result, sizeof(result), "it took too long and was killed");
	else if (WIFEXITED(status))
		snprintf(result, sizeof(result), "exit status %d", WEXITSTATUS(status));
	else
		snprintf(result, sizeof(result), "it was ended by signal %d", WTERMSIG(status));
	hook_log(hook, ok && !hook->killed ? CONF_LOG_INFO : CONF_LOG_WARNING, run->program,
		 run->account, result);
	event_del(hook->timeout);
	hook->running = NULL;
	run_free(run);
	hook_next(hook);
}

static void on_child(evutil_socket_t signal_number, short what, void *argument)
{
	struct hook *hook = argument;
	int status;

	(void)signal_number;
	(void)what;
	if (hook->running != NULL && waitpid(hook->pid, &status, WNOHANG) == hook->pid)
		hook_ended(hook, status);
}

static void on_timeout(evutil_socket_t fd, short what, void *argument)
{
	struct hook *hook = argument;

	(void)fd;
	(void)what;
	if (hook->running == NULL)
		return;
	hook->killed = true;
	/* SIGCHLD follows. */
	kill(-hook->pid, SIGKILL);
}

/* ---- for others ---- */

struct hook *hook_new(struct loop *loop, struct log *log)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	if (hook == NULL)
		return NULL;
	hook->loop = loop;
	hook->log = log;
	hook->timeout_ms = HOOK_TIMEOUT_MS;
	hook->end = &hook->first;
	hook->child = evsignal_new(loop->base, SIGCHLD, on_child, hook);
	hook->timeout = evtimer_new(loop->base, on_timeout, hook);
	if (hook->child == NULL || hook->timeout == NULL || event_add(hook->child, NULL) != 0)
		hook_free(&hook);
	return hook;
}

void hook_free(struct hook **freed)
{
	struct hook *hook = *freed;

	*freed = NULL;
	if (hook == NULL)
		return;
	if (hook->child != NULL)
		event_free(hook->child);
	if (hook->timeout != NULL)
		event_free(hook->timeout);
	run_free(hook->running);
	while (hook->first != NULL) {
		struct run *run = hook->first;

		hook->first = run->next;
		run_free(run);
	}
	free(hook);
}

void hook_set_timeout(struct hook *hook, uint64_t ms)
{
	hook->timeout_ms = ms;
}

void hook_run(struct hook *hook, const struct hook_run *from)
{
	struct run *run = hook->waiting < HOOK_WAITING_MAX ? run_new(from) : NULL;

	if (run == NULL) {
		hook_log(hook, CONF_LOG_WARNING, from->program, from->account,
			 hook->waiting < HOOK_WAITING_MAX ? "no memory" : "too many wait already");
		return;
	}
	run->next = NULL;
	*hook->end = run;
	hook->end = &run->next;
	hook->waiting++;
	hook_next(hook);
}
