/* SPDX-License-Identifier: ISC */
/*
 * control: the socket through which `packetboat` talks to the running daemon.
 *
 * `runtime_directory`/control.sock, a UNIX stream socket of mode 0600, or 0660 for
 * `control_group`. Who connects must be root, the daemon's own user, or in that group
 * (SO_PEERCRED, SO_PEERGROUPS). Both sides send JSON objects, one a line (">" is the tool's):
 *
 *   > {"command": "status"}
 *   < {"done": true, "status": {"version": ..., "accounts": [...]}}
 *
 *   > {"command": "login", "account": "u", "flow": "browser",
 *      "redirect_uri": "http://localhost:1/"}
 *   < {"event": "open", "url": "https://...", "redirect_uri": "http://localhost:1/"}
 *   > {"answer": "code=...&state=..."}
 *   < {"event": "accepted"}
 *   < {"event": "check"}
 *   < {"done": true, "account": "u"}
 *
 *   > {"command": "login", "account": "u", "flow": "paste"}
 *   < ... as above
 *
 *   > {"command": "login", "account": "u", "flow": "device"}
 *   < {"event": "device", "url": "https://...", "user_code": "ABCD", "expires_in": 900}
 *   < {"event": "check"}
 *   < {"done": true, "account": "u"}
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
 * The `redirect_uri` of `open` is where the browser will end: an account may have one of its own,
 * and then the tool listens there instead of where it proposed, or asks the person for the address
 * if that is no place on this machine.
 *
 * One command a connection; its last line has `done`, or else `error` (one line of text) and
 * perhaps `remedy`. Closing the connection cancels a login or a doctor that is under way. A request
 * is a line of CONTROL_LINE_MAX octets at most; one that is longer, is no JSON object, or asks for
 * something else is answered with `error`. Answers are as long as they must: that of `status` grows
 * with the number of accounts, and is made while the peer reads it.
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

/* The socket's file, in `runtime_directory`. */
#define CONTROL_SOCKET_NAME "control.sock"

/* Listens. NULL: `error_r` says why, with the socket's path. The folder is made if it is missing. A
 * socket that a daemon left behind is replaced; one behind which a daemon answers is not. */
struct control *control_open(struct bridge *bridge, char *error_r, size_t error_size);

/* Closes all connections; the socket's file is removed. */
void control_close(struct control **control);

/* The group of the configuration, after a reload. False: `error_r`; the socket is the daemon's
 * user's alone then. */
bool control_set_group(struct control *control, const char *control_group, char *error_r,
		       size_t error_size);

#endif
