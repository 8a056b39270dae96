/* SPDX-License-Identifier: ISC */
/* notify: state datagrams to the service manager, as sd_notify(3) has them; nothing without one. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/* "READY=1", "STOPPING=1", ... to $NOTIFY_SOCKET. Best effort. */
void notify_send(const char *state);

/* RELOADING=1 with the monotonic stamp that Type=notify-reload wants. */
void notify_reloading(void);

#endif
