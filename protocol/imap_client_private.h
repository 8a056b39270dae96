/* SPDX-License-Identifier: ISC */
/*
 * imap_client_private: what the files of the IMAP client machine share, and nobody else includes.
 *
 *   imap_client.c           the machine: what the server says, the door between states
 *   imap_client_commands.c  what is said to it
 */
#ifndef PROTOCOL_IMAP_CLIENT_PRIVATE_H
#define PROTOCOL_IMAP_CLIENT_PRIVATE_H

#include "protocol/imap_client.h"
#include "protocol/imap_pipeline.h"
#include "protocol/imap_response.h"

/* Where a connection stands that goes from the clear to TLS. */
enum upgrade {
	UPGRADE_NONE,
	UPGRADE_DUE,      /* STARTTLS was answered OK; not one octet may come before TLS */
	UPGRADE_INJECTED, /* one did */
};

struct imap_client {
	struct imap_response_parser parser;
	struct imap_pipeline pipeline;
	struct imap_selected selected;
	uint32_t selecting; /* id of the SELECT that `selected` is being filled for, or 0 */
	uint32_t capabilities;
	bool knows_capabilities;
	enum imap_state state;
	enum upgrade upgrade;
	const char *violation;    /* static; NULL as long as there was none */
	struct bytebuf challenge; /* the last one of the AUTHENTICATE that is, or was, under way */
};

/*
 * What comes from now on may be the new mailbox's: everything before the SELECT is answered. While
 * no mailbox is selected it can be no other's, whatever else is unanswered. Otherwise it may be the
 * old one's until the commands in front of the SELECT are answered.
 */
void imap_client_watch_select(struct imap_client *client);

#endif
