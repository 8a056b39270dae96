/* SPDX-License-Identifier: ISC */
/*
 * pop3_server: one POP3 session as the server sees it.
 *
 * RFC 1939, CAPA and response codes (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034), UTF8 (RFC 6856).
 * Octets of the client go in, replies gather in the machine's output, and what needs somebody
 * else (a login, a message, the update) comes out as an event, returned as a value. Commands may be
 * pipelined without limit: none is looked at before the one in front of it is answered.
 *
 * The machine knows neither sockets nor time nor IMAP. It holds the client's password only until
 * the next call of pop3_server_next(), which wipes it.
 *
 * Life: pop3_server_init(), pop3_server_greet(), then pop3_server_next() whenever there is input or
 * the output has been drained, an answer to each event, pop3_server_deinit(). Whatever the machine
 * says is in pop3_server_output(); the owner sends it and calls pop3_server_sent().
 */
#ifndef PROTOCOL_POP3_SERVER_H
#define PROTOCOL_POP3_SERVER_H

#include "protocol/bytebuf.h"
#include "protocol/line.h"
#include "protocol/maildrop.h"
#include "protocol/pop3_reply.h"

#define POP3_STATES(X)        \
	X(POP3_AUTHORIZATION) \
	X(POP3_TRANSACTION)   \
	X(POP3_UPDATE)        \
	X(POP3_CLOSED)

enum pop3_state {
#define X(name) name,
	POP3_STATES(X)
#undef X
};

/* "AUTHORIZATION" and so on, for logs. */
const char *pop3_state_name(enum pop3_state state);

enum pop3_event_type {
	/* All of `in` was taken and more is needed. */
	POP3_EVENT_NEED_INPUT,
	/* POP3_OUTPUT_PAUSE octets of a listing, or of replies to pipelined commands, wait: send
	 * them, then call again. */
	POP3_EVENT_NEED_OUTPUT,
	/* An earlier event is not answered yet; input waits. */
	POP3_EVENT_WAITING,
	/* `+OK` to STLS is in the output. Send it, start TLS, call pop3_server_tls_started().
	 * Octets of `in` that stand behind STLS are an attack: the machine checks `in` and whatever
	 * more it is given before pop3_server_tls_started(), and then closes. */
	POP3_EVENT_STLS,
	/* Somebody wants in: `user`, `password`. Answer with pop3_server_login_ok() or
	 * pop3_server_login_refused(). */
	POP3_EVENT_LOGIN,
	/* RETR or TOP of a message that is there, not deleted and not withheld, or of the notice
	 * (protocol/maildrop.h): `msgno`, `top`, `top_lines`.
	 * Answer with pop3_server_message_begin() and, behind the message,
	 * pop3_server_message_end(); or with pop3_server_message_refused(). */
	POP3_EVENT_RETRIEVE,
	/* QUIT in TRANSACTION: commit the marks of the maildrop, then pop3_server_updated(). */
	POP3_EVENT_UPDATE,
	/* The conversation is over: send the output, then close. `reason` says why, for the log.
	 * Returned again for every further call. */
	POP3_EVENT_CLOSE,
};

struct pop3_event {
	enum pop3_event_type type;
	struct span user;     /* LOGIN; valid until the next call of pop3_server_next() */
	struct span password; /* LOGIN; likewise */
	const char *method;   /* LOGIN: "USER", "PLAIN" or "LOGIN" */
	uint32_t msgno;       /* RETRIEVE */
	bool top;             /* RETRIEVE: TOP rather than RETR */
	uint64_t top_lines;   /* RETRIEVE: lines of the body; BYTE_STUFF_ALL_LINES for RETR */
	const char *reason;   /* CLOSE: static: "quit", "too-many-bad-commands", ... */
};

struct pop3_server_options {
	bool tls_active;    /* the connection is TLS already */
	bool stls_offered;  /* there is a certificate, so STLS can be had */
	bool login_allowed; /* without TLS too: loopback, or the administrator said so */
};

struct pop3_server {
	/* private */
	struct line_reader line;
	struct bytebuf secret; /* user name, then password, of the login that is under way */
	struct bytebuf out;
	struct maildrop *maildrop; /* borrowed from login_ok until the end */
	struct pop3_server_options options;
	enum pop3_state state;
	unsigned pending;  /* which event waits for its answer */
	unsigned exchange; /* which line of an AUTH exchange comes next */
	unsigned bad_commands;
	unsigned failed_logins;
	uint32_t listing; /* next message-number of an unfinished LIST or UIDL, else 0 */
	bool listing_unique_ids;
	bool utf8;
	bool login_told; /* the spans of a LOGIN event point into `secret` until the next call */
	size_t user_len; /* the user name's part of `secret` */
	const char *reason;
};

void pop3_server_init(struct pop3_server *server, const struct pop3_server_options *options);
void pop3_server_deinit(struct pop3_server *server);

/* The greeting: `+OK`, or the refusal of a connection that cannot be served now, behind which
 * the session is closed. */
void pop3_server_greet(struct pop3_server *server);
void pop3_server_greet_refused(struct pop3_server *server, enum pop3_code code, const char *text);

/* Takes octets from the front of `in` and says what to do next. */
enum pop3_event_type pop3_server_next(struct pop3_server *server, struct span *in,
				      struct pop3_event *event_r);

/* The answers. Each is legal only while its event waits (asserted). */
void pop3_server_tls_started(struct pop3_server *server);
/* `maildrop` is borrowed until pop3_server_deinit(). */
void pop3_server_login_ok(struct pop3_server *server, struct maildrop *maildrop);
/* `wrong_password`: counts towards POP3_FAILED_LOGINS_MAX. */
void pop3_server_login_refused(struct pop3_server *server, enum pop3_code code, const char *text,
			       bool wrong_password);
/* `+OK`; the caller then sends the output, the message, and ".CRLF" itself. False: no memory for
 * the `+OK`; the session is over and nothing of the message may be sent. */
bool pop3_server_message_begin(struct pop3_server *server);
void pop3_server_message_end(struct pop3_server *server);
void pop3_server_message_refused(struct pop3_server *server, enum pop3_code code, const char *text);
/* NULL `text`: all was done. Otherwise `-ERR [SYS/TEMP] text`. Closes. */
void pop3_server_updated(struct pop3_server *server, const char *text);

/* Ends the session from outside, in whatever state: `-ERR` (unless in the middle of a message or
 * a listing, or before a TLS handshake, when nothing can be said any more), then CLOSE with
 * `reason`, a static string. Does nothing when the session is over already. */
void pop3_server_end(struct pop3_server *server, enum pop3_code code, const char *text,
		     const char *reason);

enum pop3_state pop3_server_state(const struct pop3_server *server);

/* Whether an event waits for its answer. */
bool pop3_server_is_busy(const struct pop3_server *server);

/* Replies to send; valid until the next call of any function but this. */
static inline struct span pop3_server_output(const struct pop3_server *server)
{
	return bytebuf_peek(&server->out);
}

static inline void pop3_server_sent(struct pop3_server *server, size_t len)
{
	bytebuf_consume(&server->out, len);
}

#endif
