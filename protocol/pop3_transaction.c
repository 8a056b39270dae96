/* SPDX-License-Identifier: ISC */
#include "protocol/pop3_serve.h"

#include <inttypes.h>
#include <stdio.h>

#include "protocol/byte_stuff.h"
#include "protocol/limits.h"

/* A line of a listing: a message-number, and a unique-id or a size. */
enum { LISTING_LINE_MAX = sizeof("4294967295 ") + MAILDROP_UNIQUE_ID_MAX };

void pop3_server_ok_maildrop(struct pop3_server *server)
{
	pop3_server_ok(server, "%" PRIu32 " messages (%" PRIu64 " octets)",
		       maildrop_count(server->maildrop), maildrop_octets(server->maildrop));
}

/* The message a command names; answers the command itself where there is none. */
static bool pop3_server_find_message(struct pop3_server *server, const struct pop3_command *command,
				     uint32_t *msgno_r)
{
	char text[64];

	if (command->message == 0 || command->message > maildrop_last(server->maildrop)) {
		pop3_server_err(server, POP3_CODE_NONE, "No such message");
		return false;
	}
	*msgno_r = (uint32_t)command->message;
	if (maildrop_is_deleted(server->maildrop, *msgno_r)) {
		(void)snprintf(text, sizeof(text), "Message %" PRIu32 " is deleted", *msgno_r);
		pop3_server_err(server, POP3_CODE_NONE, text);
		return false;
	}
	return true;
}

bool pop3_serve_stat(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)command;
	(void)event_r;
	pop3_server_ok(server, "%" PRIu32 " %" PRIu64, maildrop_count(server->maildrop),
		       maildrop_octets(server->maildrop));
	return false;
}

/* What LIST or UIDL says of one message. */
static void pop3_server_describe(const struct pop3_server *server, uint32_t msgno, bool unique_id,
				 char *text_r, size_t size)
{
	char id[MAILDROP_UNIQUE_ID_MAX];

	if (unique_id) {
		(void)snprintf(text_r, size, "%" PRIu32 " %s", msgno,
			       maildrop_unique_id(server->maildrop, msgno, id));
	} else {
		(void)snprintf(text_r, size, "%" PRIu32 " %" PRIu64, msgno,
			       maildrop_message_octets(server->maildrop, msgno));
	}
}

void pop3_server_list_more(struct pop3_server *server)
{
	uint32_t last = maildrop_last(server->maildrop);
	char text[LISTING_LINE_MAX];

	while (server->listing <= last && bytebuf_len(&server->out) < POP3_OUTPUT_PAUSE) {
		uint32_t msgno = server->listing++;
		if (maildrop_is_deleted(server->maildrop, msgno))
			continue;
		pop3_server_describe(server, msgno, server->listing_unique_ids, text, sizeof(text));
		if (!bytebuf_append_text(&server->out, text) ||
		    !bytebuf_append_text(&server->out, "\r\n"))
			return;
	}
	if (server->listing > last) {
		(void)pop3_reply_end(&server->out);
		server->listing = 0;
	}
}

static void pop3_server_list(struct pop3_server *server, const struct pop3_command *command,
			     bool unique_ids)
{
	uint32_t msgno;
	char text[LISTING_LINE_MAX];

	if (!command->has_message) {
		pop3_server_ok_maildrop(server);
		server->listing = 1;
		server->listing_unique_ids = unique_ids;
	} else if (pop3_server_find_message(server, command, &msgno)) {
		pop3_server_describe(server, msgno, unique_ids, text, sizeof(text));
		pop3_server_ok(server, "%s", text);
	}
}

bool pop3_serve_list(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)event_r;
	pop3_server_list(server, command, false);
	return false;
}

bool pop3_serve_uidl(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)event_r;
	pop3_server_list(server, command, true);
	return false;
}

/* The same, of a message that is to be retrieved or deleted. */
static bool pop3_server_find_open_message(struct pop3_server *server,
					  const struct pop3_command *command, uint32_t *msgno_r)
{
	char text[128];

	if (!pop3_server_find_message(server, command, msgno_r))
		return false;
	if (!maildrop_is_withheld(server->maildrop, *msgno_r))
		return true;
	(void)snprintf(text, sizeof(text),
		       "The sign-in to the mail server does not work now; message %" PRIu32
		       " says what to do",
		       maildrop_notice(server->maildrop));
	pop3_server_err(server, POP3_CODE_AUTH, text);
	return false;
}

static bool pop3_server_ask_message(struct pop3_server *server, const struct pop3_command *command,
				    bool top, uint64_t top_lines, struct pop3_event *event_r)
{
	if (!pop3_server_find_open_message(server, command, &event_r->msgno))
		return false;
	server->pending = PENDING_MESSAGE;
	event_r->type = POP3_EVENT_RETRIEVE;
	event_r->top = top;
	event_r->top_lines = top_lines;
	return true;
}

bool pop3_serve_retr(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	return pop3_server_ask_message(server, command, false, BYTE_STUFF_ALL_LINES, event_r);
}

bool pop3_serve_top(struct pop3_server *server, const struct pop3_command *command,
		    struct pop3_event *event_r)
{
	return pop3_server_ask_message(server, command, true, command->lines, event_r);
}

bool pop3_serve_dele(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	struct maildrop *drop = server->maildrop;
	uint32_t msgno;

	(void)event_r;
	if (!pop3_server_find_open_message(server, command, &msgno))
		return false;
	if (maildrop_is_read_only(drop) && msgno != maildrop_notice(drop)) {
		pop3_server_err(server, POP3_CODE_SYS_PERM, "This mailbox is read-only");
	} else if (maildrop_is_guarded(drop, msgno)) {
		/* Some clients delete what they failed to get, and it would be lost. */
		pop3_server_err(server, POP3_CODE_SYS_TEMP,
				"This message could not be read: it is kept");
	} else {
		maildrop_mark_deleted(drop, msgno);
		pop3_server_ok(server, "Message %" PRIu32 " deleted", msgno);
	}
	return false;
}

bool pop3_serve_rset(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)command;
	(void)event_r;
	maildrop_unmark_all(server->maildrop);
	pop3_server_ok_maildrop(server);
	return false;
}

bool pop3_serve_noop(struct pop3_server *server, const struct pop3_command *command,
		     struct pop3_event *event_r)
{
	(void)command;
	(void)event_r;
	pop3_server_ok(server, "Still here");
	return false;
}
