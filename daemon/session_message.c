/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "daemon/session_private.h"
#include "protocol/byte_stuff.h"

void session_retrieve(struct session *session, const struct pop3_event *event)
{
	session->retrieving = true;
	session->begun = false;
	session->top = event->top;
	session->msgno = event->msgno;
	mailbox_retrieve(session->mailbox, event->msgno, event->top, event->top_lines);
}

/* Queues stuffed octets, and stops the upstream when the client does not keep up. */
static bool session_queue_pieces(struct session *session, struct imap_retrieval *retrieval)
{
	struct span piece;

	while (imap_retrieval_piece(retrieval, &piece)) {
		if (!stream_write(session->stream, piece))
			return false;
	}
	if (!session->paused && stream_queued(session->stream) > STREAM_LOW_WATER) {
		stream_flush(session->stream);
		if (stream_is_full(session->stream)) {
			session->paused = true;
			mailbox_pause(session->mailbox);
		}
	}
	return true;
}

/* Event and message; what is said of it goes behind. */
static void session_begin_log(const struct session *session, struct log_line *line,
			      const char *event)
{
	log_begin(line, &session->bridge->log, CONF_LOG_WARNING, event);
	log_session(line, session->id);
	log_text(line, "user", session->user);
	log_number(line, "uid", maildrop_uid(mailbox_maildrop(session->mailbox), session->msgno));
}

/* `broken_messages = "deliver"`: the client cannot tell, but the operator can. */
static void session_note_placeholder(struct session *session)
{
	struct log_line line;

	session->tally.unreadable++;
	session_begin_log(session, &line, "placeholder-delivered");
	log_text(&line, "command", session->top ? "TOP" : "RETR");
	log_end(&line);
}

static void session_count_message(struct session *session, uint64_t octets)
{
	struct maildrop *drop = mailbox_maildrop(session->mailbox);

	if (session->top) {
		session->tally.topped++;
		session->tally.topped_octets += octets;
	} else {
		session->tally.retrieved++;
		session->tally.retrieved_octets += octets;
		maildrop_mark_retrieved(drop, session->msgno);
	}
}

/* The final dot is queued. */
static void session_end_message(struct session *session, uint64_t octets)
{
	session->retrieving = false;
	session->last_command_ms = loop_now_ms();
	session_count_message(session, octets);
	pop3_server_message_end(&session->server);
	if (session->stopping)
		session_end(session, POP3_CODE_SYS_TEMP, "The service is stopping", "stopping");
	else
		session_pump(session);
}

void session_message(struct session *session, enum imap_retrieval_status status,
		     struct imap_retrieval *retrieval)
{
	bool end = status == IMAP_RETRIEVAL_END;

	if (!session->begun) {
		session->begun = true;
		if (!pop3_server_message_begin(&session->server)) {
			session_out_of_memory(session);
			return;
		}
	}
	if (!session_move_output(session) || !session_queue_pieces(session, retrieval) ||
	    (end && !stream_write(session->stream, span_text(".\r\n")))) {
		session_out_of_memory(session);
		return;
	}
	if (!end)
		return;
	if (imap_retrieval_is_placeholder(retrieval))
		session_note_placeholder(session);
	session_end_message(session, imap_retrieval_octets(retrieval));
}

void session_message_made(struct session *session, struct span message, uint64_t top_lines)
{
	struct byte_stuff stuff;
	struct span piece;
	bool ok;

	byte_stuff_init(&stuff, top_lines);
	session->begun = true;
	ok = pop3_server_message_begin(&session->server) && session_move_output(session);
	while (ok && byte_stuff_next(&stuff, &message, &piece))
		ok = stream_write(session->stream, piece);
	if (ok && stream_write(session->stream, byte_stuff_end(&stuff)) &&
	    stream_write(session->stream, span_text(".\r\n")))
		session_end_message(session, byte_stuff_octets(&stuff));
	else
		session_out_of_memory(session);
}

static void session_log_message_failed(struct session *session, const char *text)
{
	struct log_line line;

	session_begin_log(session, &line, "message-failed");
	log_text(&line, "reason", text);
	log_end(&line);
}

void session_message_failed(struct session *session, enum imap_retrieval_status status,
			    const char *text)
{
	char reply[400];

	session->retrieving = false;
	session_log_message_failed(session, text);
	if (status == IMAP_RETRIEVAL_UNREADABLE)
		session->tally.unreadable++;
	if (session->begun || session->stopping) {
		/* Too late to say anything: what the client has is not a message, and without the
		 * final dot it knows. */
		session_close(session, session->stopping ? "stopping" : "upstream-lost");
		return;
	}
	if (status == IMAP_RETRIEVAL_GONE) {
		pop3_server_message_refused(&session->server, POP3_CODE_NONE,
					    "The message is gone from the mailbox");
	} else {
		/* Whoever deletes what they could not read loses it. */
		maildrop_mark_unreadable(mailbox_maildrop(session->mailbox), session->msgno);
		snprintf(reply, sizeof(reply), "The message cannot be read now: %s", text);
		pop3_server_message_refused(&session->server, POP3_CODE_SYS_TEMP, reply);
	}
	session_pump(session);
}

void session_turn_over(struct session *session)
{
	if (!session->closed)
		stream_flush(session->stream);
}
