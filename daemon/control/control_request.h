/* SPDX-License-Identifier: ISC */
/*
 * control_request: what comes in by the control socket, checked. Pure.
 *
 * A request is a JSON object with `command` and what belongs to that command, and nothing else: a
 * member that is unknown, is there twice, or is of the wrong type is refused, with the reason. The
 * members of each command are rows of one table. control.h shows the lines.
 */
#ifndef DAEMON_CONTROL_CONTROL_REQUEST_H
#define DAEMON_CONTROL_CONTROL_REQUEST_H

#include "daemon/oauth/sign_in.h"
#include "daemon/secret.h"
#include "protocol/span.h"

enum {
	/* As long as a POP3 login name may be. */
	CONTROL_ACCOUNT_LEN_MAX = 255,
	CONTROL_REDIRECT_URI_LEN_MAX = 255,
};

enum control_command {
	CONTROL_STATUS,
	CONTROL_LOGIN,
	CONTROL_LOGOUT,
	CONTROL_DOCTOR,
	CONTROL_RELOAD,
};

/* What a command does not have is "", false or the first. */
struct control_request {
	enum control_command command;
	char account[CONTROL_ACCOUNT_LEN_MAX + 1]; /* without control characters */
	enum sign_in_flow flow;
	char redirect_uri[CONTROL_REDIRECT_URI_LEN_MAX + 1]; /* with the flow BROWSER only */
	bool forget;
};

/* "status", ... */
const char *control_command_name(enum control_command command);

/* The first line, without its end. False: `error_r` is one line. */
bool control_request_read(struct control_request *request_r, struct span line, char *error_r,
			  size_t error_size);

/* A further line of a login: what the browser brought, or the person pasted. NULL: `error_r`. */
struct secret *control_request_read_answer(struct span line, char *error_r, size_t error_size);

#endif
