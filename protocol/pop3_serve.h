/* SPDX-License-Identifier: ISC */
/*
 * pop3_serve: what the files of the POP3 server machine share, and nobody else includes.
 *
 *   pop3_server.c       the machine: lines in, events out, answers, the door between states
 *   pop3_login.c        the commands of AUTHORIZATION
 *   pop3_transaction.c  the commands of TRANSACTION
 *
 * CAPA and QUIT, which belong to both, are in pop3_server.c.
 */
#ifndef PROTOCOL_POP3_SERVE_H
#define PROTOCOL_POP3_SERVE_H

#include "protocol/pop3_command.h"
#include "protocol/pop3_server.h"

/* What somebody else has to do before the next command is looked at. */
enum pop3_pending {
	PENDING_NOTHING,
	PENDING_TLS,
	PENDING_LOGIN,
	PENDING_MESSAGE, /* the answer to RETRIEVE */
	PENDING_MESSAGE_END,
	PENDING_UPDATE,
};

enum pop3_exchange {
	EXCHANGE_NONE,
	EXCHANGE_PLAIN,
	EXCHANGE_LOGIN_USER,
	EXCHANGE_LOGIN_PASSWORD,
};

/* pop3_serve_auth() and so on, one for each verb: serves one command. True: `event_r` says what is
 * to be done now; false: the command is answered. */
#define X(verb, function, states, arguments)                                                       \
	bool pop3_serve_##function(struct pop3_server *server, const struct pop3_command *command, \
				   struct pop3_event *event_r);
POP3_VERBS(X)
#undef X

/* `+OK` with text made of our own words and numbers. */
void pop3_server_ok(struct pop3_server *server, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* `-ERR` to a correct command. */
void pop3_server_err(struct pop3_server *server, enum pop3_code code, const char *text);
/* `-ERR` to what a correct client would not have sent; the last one ends the session. */
void pop3_server_bad(struct pop3_server *server, const char *text);

/* Ends the session. */
void pop3_server_out_of_memory(struct pop3_server *server);

/* pop3_login.c */
bool pop3_server_may_login(const struct pop3_server *server);
bool pop3_server_may_start_tls(const struct pop3_server *server);
/* What was said about a login is wiped, and its memory given back. */
void pop3_server_forget_login(struct pop3_server *server);
/* A line of the client in an AUTH exchange; like a serve function. */
bool pop3_server_take_response(struct pop3_server *server, struct span line,
			       struct pop3_event *event_r);
/* Ends the exchange with `-ERR`. */
void pop3_server_fail_exchange(struct pop3_server *server, const char *text);

/* pop3_transaction.c */
/* `+OK` with what there is in the maildrop. */
void pop3_server_ok_maildrop(struct pop3_server *server);
/* Goes on with a listing until it is complete or enough of it waits to be sent. */
void pop3_server_list_more(struct pop3_server *server);

#endif
