/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/control/control_private.h"

enum { CONTROL_PAUSE_MS = 500 };

/* There is no connection for it: one line, if it takes it, and good-bye. */
static void turn_away(struct control *control, int fd, uid_t uid, const char *why)
{
	char line[200];
	struct log_line log;
	int len = snprintf(line, sizeof(line), "{\"error\": \"%s\"}\n", why);

	(void)!send(fd, line, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
	log_begin(&log, &control->bridge->log, CONF_LOG_WARNING, "control-refused");
	log_number(&log, "uid", uid);
	log_text(&log, "reason", why);
	log_end(&log);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		      int len, void *argument)
{
	struct control *control = argument;
	uid_t uid;

	(void)listener;
	(void)address;
	(void)len;
	if (!control_socket_admits(&control->socket, fd, &uid))
		turn_away(control, fd, uid,
			  "you may not do this: be root, the daemon's user, or in control_group");
	else if (control->count >= CONTROL_CONNECTIONS_MAX)
		turn_away(control, fd, uid, "too many commands at a time; try again later");
	else if (!control_connection_new(control, fd, uid))
		log_event(&control->bridge->log, CONF_LOG_WARNING, "control", "reason",
			  "no memory");
}

/* Out of descriptors, mostly. */
static void on_accept_error(struct evconnlistener *listener, void *argument)
{
	struct control *control = argument;

	log_event(&control->bridge->log, CONF_LOG_ERROR, "control", "reason", strerror(errno));
	evconnlistener_disable(listener);
	loop_arm(control->pause, CONTROL_PAUSE_MS);
}

static void on_pause_over(evutil_socket_t fd, short what, void *argument)
{
	struct control *control = argument;

	(void)fd;
	(void)what;
	evconnlistener_enable(control->listener);
}

static bool control_listen(struct control *control)
{
	struct event_base *base = control->bridge->loop.base;

	control->pause = evtimer_new(base, on_pause_over, control);
	/* A backlog of 0 means: it listens already. */
	control->listener = evconnlistener_new(base, on_accept, control, LEV_OPT_CLOSE_ON_EXEC, 0,
					       control->socket.fd);
	if (control->pause == NULL || control->listener == NULL)
		return false;
	evconnlistener_set_error_cb(control->listener, on_accept_error);
	return true;
}

struct control *control_open(struct bridge *bridge, char *error_r, size_t error_size)
{
	const struct conf *conf = bridge->setup->conf;
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL) {
		snprintf(error_r, error_size, "no memory");
		return NULL;
	}
	control->bridge = bridge;
	control->socket.fd = -1;
	if (!control_socket_open(&control->socket, conf->runtime_directory, conf->control_group,
				 error_r, error_size)) {
		control_close(&control);
	} else if (!control_listen(control)) {
		snprintf(error_r, error_size, "no memory");
		control_close(&control);
	} else {
		log_event(&bridge->log, CONF_LOG_INFO, "control", "socket", control->socket.path);
	}
	return control;
}

void control_close(struct control **closed)
{
	struct control *control = *closed;

	*closed = NULL;
	if (control == NULL)
		return;
	while (control->first != NULL)
		control_connection_bury(control->first);
	if (control->listener != NULL)
		evconnlistener_free(control->listener);
	if (control->pause != NULL)
		event_free(control->pause);
	control_socket_close(&control->socket);
	free(control);
}

bool control_set_group(struct control *control, const char *control_group, char *error_r,
		       size_t error_size)
{
	return control_socket_set_group(&control->socket, control_group, error_r, error_size);
}
