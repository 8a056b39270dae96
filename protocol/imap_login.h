/* SPDX-License-Identifier: ISC */
/*
 * imap_login: a connection on its way from the greeting to a selected mailbox.
 *
 *   greeting -> [CAPABILITY] -> [STARTTLS -> CAPABILITY] -> READY
 *   READY -> AUTHENTICATE (PLAIN, XOAUTH2, OAUTHBEARER) or LOGIN -> AUTHENTICATED
 *   AUTHENTICATED -> [CAPABILITY] [ID] SELECT, pipelined -> SELECTED
 *
 * It stops at READY, so that nothing secret is needed before there is somebody to tell it to, and
 * at AUTHENTICATED, so that a lock can be taken between a right password and an open mailbox. Only
 * SELECTED is a successful login: Exchange says OK to tokens that open nothing.
 *
 * A PREAUTH greeting is refused: nobody's password would be checked. It drives an imap_client
 * that the caller feeds; it knows neither sockets nor time.
 */
#ifndef PROTOCOL_IMAP_LOGIN_H
#define PROTOCOL_IMAP_LOGIN_H

#include "protocol/imap_client.h"

enum imap_login_step {
	/* The event was dealt with; go on. */
	IMAP_LOGIN_MORE,
	/* Do the TLS handshake, then call imap_login_tls_started(). */
	IMAP_LOGIN_START_TLS,
	/* Call imap_login_password() or imap_login_token(). */
	IMAP_LOGIN_READY,
	/* Call imap_login_select(). */
	IMAP_LOGIN_AUTHENTICATED,
	IMAP_LOGIN_SELECTED,
	/* `failure` and `text` of the struct say why. */
	IMAP_LOGIN_FAILED,
};

enum imap_login_failure {
	/* The server broke the protocol or does not speak IMAP4rev1. */
	IMAP_LOGIN_VIOLATION,
	/* It greeted with PREAUTH. */
	IMAP_LOGIN_PREAUTH,
	/* STARTTLS was asked for and is not to be had, or was answered NO. */
	IMAP_LOGIN_NO_STARTTLS,
	/* It takes no password over this connection (LOGINDISABLED and no AUTH=PLAIN), or no
	 * token (neither AUTH=XOAUTH2 nor AUTH=OAUTHBEARER). */
	IMAP_LOGIN_NO_MECHANISM,
	/* Name or password are wrong. */
	IMAP_LOGIN_WRONG_PASSWORD,
	/* The token is not good for this mailbox, or for any; or not any more: then it may come
	 * behind AUTHENTICATED too ("BYE Session invalidated - AccessTokenExpired"). */
	IMAP_LOGIN_WRONG_TOKEN,
	/* Exchange: OK to AUTHENTICATE, and then "BAD User is authenticated but not connected" to
	 * the next command: the token is good, and opens no mailbox now, or never. */
	IMAP_LOGIN_NOT_CONNECTED,
	/* NO to SELECT: the folder does not exist or may not be opened. */
	IMAP_LOGIN_NO_FOLDER,
	/* The server gave no UIDVALIDITY, without which there are no unique-ids. */
	IMAP_LOGIN_NO_UIDVALIDITY,
	/* BYE, BAD, [UNAVAILABLE], [INUSE], [LIMIT], throttling: later it may work. */
	IMAP_LOGIN_TEMPORARY,
	/* A command could not be made: no memory, or a name that IMAP cannot carry. */
	IMAP_LOGIN_INTERNAL,
};

struct imap_login {
	enum imap_login_failure failure; /* when FAILED */
	char text[256];                  /* when FAILED: the server's words, or ours */
	/* private */
	struct imap_client *client; /* borrowed */
	unsigned state;
	uint32_t waiting_for; /* id of the command whose DONE is the next step; 0: it has come */
	uint32_t capability_id;
	bool starttls;
	bool tls_active;
	bool id_listed;
	bool token; /* the credential is a token */
};

/* `starttls`: the connection starts in the clear and must be upgraded; `tls_active`: it is TLS
 * from its first octet. Neither: loopback. */
void imap_login_init(struct imap_login *login, struct imap_client *client, bool starttls,
		     bool tls_active);

/* Every event of the client until SELECTED or FAILED goes here. */
enum imap_login_step imap_login_event(struct imap_login *login, const struct imap_event *event);

enum imap_login_step imap_login_tls_started(struct imap_login *login);
enum imap_login_step imap_login_password(struct imap_login *login, struct span user,
					 struct span password);
/* XOAUTH2 where it is listed, else OAUTHBEARER; never a password, whatever the server lists. */
enum imap_login_step imap_login_token(struct imap_login *login, struct span user,
				      struct span token);
/* `folder` in modified UTF-7 (protocol/imap_utf7.h). */
enum imap_login_step imap_login_select(struct imap_login *login, struct span folder);

#endif
