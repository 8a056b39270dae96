/* SPDX-License-Identifier: ISC */
/*
 * control: the socket through which `packetboat` talks to the running daemon.
 *
 * `runtime_directory`/control.sock, a UNIX stream socket of mode 0600, or 0660 for
 * `control_group`. Who connects must be root, the daemon's own user, or in that group
 * (SO_PEERCRED, SO_PEERGROUPS). Both sides send JSON objects, one a line, of 64 kB at most:
 *
 *   > {"command": "status"}
 *   < {"done": true, "status": {"version": ..., "accounts": [...]}}
 *
 *   > {"command": "login", "account": "u", "flow": "browser", "redirect_uri":
 * "http://localhost:1/"} < {"event": "open", "url": "https://..."} > {"answer":
 * "code=...&state=..."} < {"event": "accepted"} < {"event": "check"} < {"done": true, "account":
 * "u"}
 *
 *   > {"command": "login", "account": "u", "flow": "device"}
 *   < {"event": "device", "url": "https://...", "user_code": "ABCD", "expires_in": 900}
 *   < ... as above
 *
 *   > {"command": "logout", "account": "u", "forget": false}
 *   < {"done": true}
 *
 *   > {"command": "doctor", "account": "u"}
 *   < {"event": "step", "ok": true, "step": "DNS", "found": "..."}
 *   < {"event": "step", "ok": false, "step": "SELECT", "found": "...", "remedy": "..."}
 *   < {"done": true, "failed": 1}
 *
 *   > {"command": "reload"}
 *   < {"done": true, "warning": "..."}
 *
 * One command a connection; its last line has `done`, or `error` (one line of text) and perhaps
 * `remedy`. Closing the connection cancels what is under way. A request that is no JSON object, is
 * too long, or asks for something else is answered with `error`.
 */
#ifndef DAEMON_CONTROL_CONTROL_H
#define DAEMON_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

struct bridge;
struct control;

enum {
	CONTROL_LINE_MAX = 65536,
	CONTROL_CONNECTIONS_MAX = 32,
};

/* Listens. NULL: `error_r` says why, with the socket's path. A socket that a daemon left behind is
 * replaced; one behind which a daemon answers is not. */
struct control *control_open(struct bridge *bridge, char *error_r, size_t error_size);

/* Closes all connections; the socket's file is removed. */
void control_close(struct control **control);

/* The group of the configuration, after a reload. False: `error_r`. */
bool control_set_group(struct control *control, const char *control_group, char *error_r,
		       size_t error_size);

#endif
