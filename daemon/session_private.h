/* SPDX-License-Identifier: ISC */
/*
 * session_private: what session.c (its life, the POP3 machine, QUIT, time-outs), session_login.c
 * and session_message.c share, and nobody else sees.
 */
#ifndef DAEMON_SESSION_PRIVATE_H
#define DAEMON_SESSION_PRIVATE_H

#include "daemon/session.h"
#include "daemon/stream.h"
#include "protocol/limits.h"
#include "protocol/pop3_server.h"

/* What a session waits for with a clock. */
enum deadline {
	DEADLINE_LOGIN,    /* login_timeout, from the connection on */
	DEADLINE_IDLE,     /* idle_timeout */
	DEADLINE_PATIENCE, /* login_patience, from PASS or AUTH on */
	DEADLINE_PENALTY,  /* a wrong password is answered */
	DEADLINE_QUIT,     /* QUIT is answered */
	DEADLINE_LINGER,   /* the connection is closed */
	DEADLINES
};

enum login_wait { LOGIN_NOT_WAITING, LOGIN_AT_GATE, LOGIN_AT_MAILBOX, LOGIN_IN_PENALTY };

struct tally {
	uint32_t retrieved;
	uint64_t retrieved_octets;
	uint32_t topped;
	uint64_t topped_octets;
	uint32_t unreadable; /* RETR and TOP that the server had no message for */
	uint32_t deleted;
	uint32_t left;
};

struct session {
	struct bridge *bridge; /* borrowed */
	uint64_t id;
	struct setup *setup; /* owned reference */
	struct address address;
	struct stream *stream; /* owned; NULL once it is closed */
	struct pop3_server server;
	const struct conf_account *account; /* of the login under way, then of the session */
	struct mailbox *mailbox;            /* attached, or awaited */
	char user[POP3_NAME_MAX + 1];
	enum login_wait wait;
	uint16_t login_serial;
	struct failure failure;        /* LOGIN_IN_PENALTY: what will be answered */
	uint64_t deadlines[DEADLINES]; /* loop_now_ms(); 0: none */
	struct event *timer;           /* owned */
	uint64_t started_ms;
	uint64_t login_began_ms;
	uint64_t last_command_ms;
	size_t unconfirmed; /* octets, when session_is_silent() last looked */
	uint64_t unconfirmed_since_ms;
	bool greeted;
	bool refused;      /* greeted with a refusal */
	bool starting_tls; /* STLS was answered */
	bool tls_started;  /* the handshake was begun */
	bool pumping;
	bool client_eof;
	bool closed;   /* logged; only the last octets are still to be sent */
	bool stopping; /* ends when what is under way is done */
	bool paused;   /* the mailbox is: the client does not keep up */
	bool retrieving;
	bool begun; /* +OK to RETR or TOP was said */
	bool top;
	bool holds_address; /* counted in the address book */
	uint32_t msgno;
	struct tally tally;
	struct grave grave;
};

/* ---- session.c ---- */

/* Feeds the POP3 machine as long as it can go on. Legal at any time. */
void session_pump(struct session *session);
/* Queues what the machine said. False: no memory. */
bool session_move_output(struct session *session);
/* Says nothing more, lets the mailbox go, and sends what is queued. */
void session_close(struct session *session, const char *reason);
void session_out_of_memory(struct session *session);
void session_set_deadline(struct session *session, enum deadline deadline, uint64_t ms);
void session_clear_deadline(struct session *session, enum deadline deadline);

/* ---- session_login.c ---- */

void session_login(struct session *session, const struct pop3_event *event);
/* DEADLINE_PENALTY: the wrong password has waited long enough. */
void session_answer_refusal(struct session *session);
/* DEADLINE_PATIENCE */
void session_out_of_patience(struct session *session);

/* ---- session_message.c ---- */

void session_retrieve(struct session *session, const struct pop3_event *event);

#endif
