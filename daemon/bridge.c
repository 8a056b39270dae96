/* SPDX-License-Identifier: ISC */
#include "daemon/bridge.h"

#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/control/control.h"
#include "daemon/json_memory.h"
#include "daemon/listener.h"
#include "daemon/notify.h"
#include "daemon/secret.h"
#include "daemon/services.h"
#include "daemon/session.h"

enum {
	/* Connections beyond `sessions` that are told so; those beyond them are just closed. */
	BRIDGE_REFUSALS_MAX = 100,
	/* Descriptors that are no connections. */
	BRIDGE_OTHER_FILES = 64,
	/* While stopping: how often to look whether everything is done. */
	BRIDGE_STOP_TICK_MS = 20,
};

/* ---- sessions ---- */

/* Sessions are found by id, so that whoever has an answer for one need not know whether it lives.
 */
struct live {
	uint64_t id;
	struct session *session;
	struct live *next; /* in bridge->first_live */
	struct live *previous;
};

static int live_compare(const void *a, const void *b)
{
	uint64_t id_a = ((const struct live *)a)->id;
	uint64_t id_b = ((const struct live *)b)->id;

	return id_a < id_b ? -1 : id_a > id_b;
}

bool bridge_add_session(struct bridge *bridge, struct session *session)
{
	struct live *live = malloc(sizeof(*live));

	if (live == NULL)
		return false;
	*live = (struct live){ .id = session_id(session), .session = session };
	if (tsearch(live, &bridge->sessions, live_compare) == NULL) {
		free(live);
		return false;
	}
	live->next = bridge->first_live;
	if (live->next != NULL)
		live->next->previous = live;
	bridge->first_live = live;
	bridge->session_count++;
	return true;
}

void bridge_remove_session(struct bridge *bridge, struct session *session)
{
	struct live wanted = { .id = session_id(session) };
	struct live **found = tfind(&wanted, &bridge->sessions, live_compare);

	if (found == NULL)
		return;
	struct live *live = *found;
	tdelete(live, &bridge->sessions, live_compare);
	if (live->previous != NULL)
		live->previous->next = live->next;
	else
		bridge->first_live = live->next;
	if (live->next != NULL)
		live->next->previous = live->previous;
	free(live);
	bridge->session_count--;
}

struct session *bridge_find_session(const struct bridge *bridge, uint64_t id)
{
	struct live wanted = { .id = id };
	struct live **found = tfind(&wanted, &bridge->sessions, live_compare);

	return found != NULL ? (*found)->session : NULL;
}

/* Calls `fn` for each session that lives; it may end that session, and no other. */
static void bridge_each_session(struct bridge *bridge, void (*fn)(struct session *))
{
	struct live *next;

	for (struct live *live = bridge->first_live; live != NULL; live = next) {
		next = live->next;
		fn(live->session);
	}
}

void bridge_accept(struct bridge *bridge, int fd, const struct address *address, bool implicit_tls)
{
	const struct conf_limits *limits = &bridge->setup->conf->limits;
	size_t max = bridge->sessions_possible;
	const char *refusal = NULL;

	if (bridge->refused_count >= BRIDGE_REFUSALS_MAX) {
		close(fd);
		return;
	}
	if (bridge->session_count - bridge->refused_count >= max)
		refusal = "Too many sessions; try again later";
	else if (!address_book_connect(&bridge->addresses, address,
				       (unsigned)limits->connections_per_address, loop_now_ms()))
		refusal = "Too many connections from your address";
	if (refusal != NULL) {
		char text[ADDRESS_TEXT_MAX];
		struct log_line line;

		address_format(address, text);
		log_begin(&line, &bridge->log, CONF_LOG_WARNING, "connection-refused");
		log_text(&line, "address", text);
		log_text(&line, "reason", refusal);
		log_end(&line);
	}
	if (session_new(bridge, fd, address, implicit_tls, refusal) == NULL && refusal == NULL)
		address_book_disconnect(&bridge->addresses, address);
}

static void on_accept(void *owner, int fd, const struct address *address, bool implicit_tls)
{
	bridge_accept(owner, fd, address, implicit_tls);
}

/* ---- stopping ---- */

static void kill_session(struct session *session)
{
	session_kill(session, "stopped");
}

static void on_drain(evutil_socket_t fd, short what, void *argument)
{
	struct bridge *bridge = argument;

	(void)fd;
	(void)what;
	if (loop_now_ms() >= bridge->drain_until_ms)
		bridge_each_session(bridge, kill_session);
	else if (bridge->session_count > 0 || mailboxes_busy(&bridge->mailboxes) > 0 ||
		 services_busy(bridge) > 0) {
		loop_arm(bridge->drain, BRIDGE_STOP_TICK_MS);
		return;
	}
	loop_stop(&bridge->loop);
}

static void on_stop(evutil_socket_t signal_number, short what, void *argument)
{
	struct bridge *bridge = argument;

	(void)what;
	if (bridge->stopping) {
		bridge_each_session(bridge, kill_session);
		loop_stop(&bridge->loop);
		return;
	}
	bridge->stopping = true;
	notify_send("STOPPING=1");
	log_event(&bridge->log, CONF_LOG_INFO, "stopping", "signal",
		  signal_number == SIGTERM ? "TERM" : "INT");
	listeners_close(&bridge->listeners);
	bridge_each_session(bridge, session_stop);
	mailboxes_stop(&bridge->mailboxes);
	bridge->drain_until_ms = loop_now_ms() + (uint64_t)bridge->setup->conf->limits.drain * 1000;
	loop_arm(bridge->drain, 0);
}

/* ---- configuration ---- */

static void on_warning(void *argument, const char *text)
{
	struct bridge *bridge = argument;

	log_event(&bridge->log, CONF_LOG_WARNING, "configuration", "warning", text);
}

/* A session takes two descriptors, its client's and its upstream's; and there is an eighth of a
 * mailbox more for each, that was opened for a session that did not wait. */
static void bridge_count_descriptors(struct bridge *bridge)
{
	struct rlimit limit;
	size_t wanted = (size_t)bridge->setup->conf->limits.sessions;
	size_t possible = SIZE_MAX;
	struct log_line line;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
		size_t spare = limit.rlim_cur > BRIDGE_OTHER_FILES
				       ? (size_t)limit.rlim_cur - BRIDGE_OTHER_FILES
				       : 0;
		possible = spare / 17 * 8 + spare % 17 / 2;
		if (possible == 0)
			possible = 1;
	}
	bridge->sessions_possible = wanted < possible ? wanted : possible;
	bridge->mailboxes.unattended_max = bridge->sessions_possible / 8 + 1;
	if (wanted <= possible)
		return;
	log_begin(&line, &bridge->log, CONF_LOG_INFO, "limit");
	log_text(&line, "reason",
		 "the limit of open files allows fewer sessions than limits.sessions");
	log_number(&line, "sessions", bridge->sessions_possible);
	log_end(&line);
}

/* Whether a configuration goes with what is running already. */
static bool bridge_can_use(struct bridge *bridge, struct setup *setup, struct conf_error *error_r)
{
	if (setup->server == NULL && listeners_need_certificate(bridge->listeners)) {
		snprintf(error_r->text, sizeof(error_r->text),
			 "%s: tls.certificate: it is needed as long as a POP3S listener is open",
			 bridge->file);
		return false;
	}
	return services_start(bridge, setup, error_r->text, sizeof(error_r->text));
}

/* What a reload could not change: one line, or "". */
static void bridge_find_unchanged(struct bridge *bridge, char *text_r, size_t size)
{
	const struct conf *conf = bridge->setup->conf;
	const char *restart = conf_needs_restart(bridge->first_setup->conf, conf);
	char error[512];

	text_r[0] = '\0';
	if (restart != NULL) {
		log_event(&bridge->log, CONF_LOG_WARNING, "reload", "needs-restart", restart);
		snprintf(text_r, size, "%s: the change needs a restart", restart);
	}
	if (bridge->control != NULL &&
	    !control_set_group(bridge->control, conf->control_group, error, sizeof(error))) {
		log_event(&bridge->log, CONF_LOG_WARNING, "control", "reason", error);
		size_t len = strlen(text_r);
		snprintf(text_r + len, size - len, "%s%s", len > 0 ? "; " : "", error);
	}
}

bool bridge_reload(struct bridge *bridge, char *text_r, size_t size)
{
	struct conf_error error;

	if (bridge->stopping) {
		snprintf(text_r, size, "the service is stopping");
		return false;
	}
	notify_reloading();
	struct setup *setup = setup_load(bridge->file, on_warning, bridge, &error);
	if (setup != NULL && !bridge_can_use(bridge, setup, &error))
		setup_unref(&setup);
	if (setup == NULL) {
		log_event(&bridge->log, CONF_LOG_ERROR, "reload-failed", "reason", error.text);
		snprintf(text_r, size, "%s", error.text);
	} else {
		setup_unref(&bridge->setup);
		bridge->setup = setup;
		bridge->log.level = setup->conf->log_level;
		services_use(bridge, setup, true);
		bridge_count_descriptors(bridge);
		bridge_find_unchanged(bridge, text_r, size);
		log_event(&bridge->log, CONF_LOG_INFO, "reloaded", "file", bridge->file);
	}
	notify_send("READY=1");
	return setup != NULL;
}

static void on_reload(evutil_socket_t signal_number, short what, void *argument)
{
	struct bridge *bridge = argument;
	char text[sizeof(((struct conf_error *)0)->text)];

	(void)signal_number;
	(void)what;
	(void)bridge_reload(bridge, text, sizeof(text));
}

/* ---- the process ---- */

/* Passwords are in this memory: no core file of it, and no debugger of the same user. */
static void forbid_core_files(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool bridge_watch_signals(struct bridge *bridge)
{
	static const struct {
		int number;
		event_callback_fn fn;
	} signals[] = { { SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGHUP, on_reload } };

	/* These are errors of write(), to be told by whoever wrote. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		bridge->signals[i] =
			evsignal_new(bridge->loop.base, signals[i].number, signals[i].fn, bridge);
		if (bridge->signals[i] == NULL || event_add(bridge->signals[i], NULL) != 0)
			return false;
	}
	bridge->drain = evtimer_new(bridge->loop.base, on_drain, bridge);
	return bridge->drain != NULL;
}

static void bridge_deinit(struct bridge *bridge)
{
	control_close(&bridge->control);
	listeners_close(&bridge->listeners);
	bridge_each_session(bridge, kill_session);
	mailboxes_deinit(&bridge->mailboxes);
	gatekeeper_free(&bridge->gatekeeper);
	services_stop(bridge);
	resolver_free(&bridge->resolver);
	for (size_t i = 0; i < sizeof(bridge->signals) / sizeof(bridge->signals[0]); i++) {
		if (bridge->signals[i] != NULL)
			event_free(bridge->signals[i]);
	}
	if (bridge->drain != NULL)
		event_free(bridge->drain);
	loop_deinit(&bridge->loop);
	address_book_deinit(&bridge->addresses);
	setup_unref(&bridge->setup);
	setup_unref(&bridge->first_setup);
}

/* Everything but the listeners. False: `error_r`. */
static bool bridge_init(struct bridge *bridge, const char *file, struct conf_error *error_r)
{
	*bridge = (struct bridge){ .file = file, .started_ms = loop_now_ms() };
	log_init(&bridge->log, CONF_LOG_WARNING);
	json_memory_init();
	bridge->setup = setup_load(file, on_warning, bridge, error_r);
	if (bridge->setup == NULL)
		return false;
	bridge->first_setup = setup_ref(bridge->setup);
	bridge->log.level = bridge->setup->conf->log_level;
	snprintf(error_r->text, sizeof(error_r->text), "cannot start: no memory");
	if (!loop_init(&bridge->loop))
		return false;
	bridge->resolver = resolver_new(&bridge->loop);
	bridge->gatekeeper = gatekeeper_new(&bridge->loop);
	if (bridge->resolver == NULL || bridge->gatekeeper == NULL || !bridge_watch_signals(bridge))
		return false;
	mailboxes_init(&bridge->mailboxes, &bridge->loop, bridge->resolver, &bridge->log, NULL);
	if (!services_start(bridge, bridge->setup, error_r->text, sizeof(error_r->text)))
		return false;
	services_use(bridge, bridge->setup, false);
	return true;
}

/* Where nobody said where the socket is to be, there need not be a place for it: the daemon does
 * its work without. */
static bool bridge_open_control(struct bridge *bridge, struct conf_error *error_r)
{
	bridge->control = control_open(bridge, error_r->text, sizeof(error_r->text));
	if (bridge->control != NULL)
		return true;
	if (!bridge->setup->conf->runtime_directory_is_default ||
	    bridge->setup->conf->control_group != NULL)
		return false;
	log_event(&bridge->log, CONF_LOG_WARNING, "control", "reason", error_r->text);
	return true;
}

static bool bridge_open(struct bridge *bridge, struct conf_error *error_r)
{
	bridge->listeners = listeners_open(&bridge->loop, &bridge->log, bridge->setup->conf,
					   on_accept, bridge, error_r->text, sizeof(error_r->text));
	return bridge->listeners != NULL && bridge_open_control(bridge, error_r);
}

int bridge_run(const char *file)
{
	struct bridge bridge;
	struct conf_error error;
	int status = EXIT_FAILURE;
	bool open = false;

	forbid_core_files();
	secret_heap_init();
	if (bridge_init(&bridge, file, &error)) {
		raise_file_limit();
		bridge_count_descriptors(&bridge);
		open = bridge_open(&bridge, &error);
	}
	if (!open) {
		fprintf(stderr, "packetboatd: %s\n", error.text);
	} else {
		log_event(&bridge.log, CONF_LOG_INFO, "ready", "version", PACKETBOAT_VERSION);
		notify_send("READY=1");
		if (loop_run(&bridge.loop)) {
			log_event(&bridge.log, CONF_LOG_INFO, "stopped", "version",
				  PACKETBOAT_VERSION);
			status = EXIT_SUCCESS;
		} else {
			log_event(&bridge.log, CONF_LOG_ERROR, "stopped", "reason",
				  "the event loop failed");
		}
	}
	bridge_deinit(&bridge);
	return status;
}
