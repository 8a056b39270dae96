/* SPDX-License-Identifier: ISC */
/*
 * pop3_talk: whole conversations with the POP3 server machine, as tables.
 *
 * A row is what a client sends and what comes of it: replies, and in braces the events, which
 * are answered here as a small mail server would. It runs whole, octet by octet and at every
 * split, and once more with each LF sent as CRLF, and must come out the same each time.
 *
 * In the input, "\x01" stands for a TLS handshake. In the transcript, CRLF is shown as LF, and
 * every LF must have been CRLF.
 */
#ifndef TESTS_UNIT_POP3_TALK_H
#define TESTS_UNIT_POP3_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/pop3_server.h"

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

struct talk_row {
	const char *name;
	struct span input;
	const char *expected;
	bool raw; /* LF stays what it is: the row is about octets */
};

struct talk {
	struct pop3_server server;
	struct maildrop *drop;
	struct bytebuf transcript;
};

/* Four messages; the third does not fit into 32 bits, the fourth cannot be read. */
static inline struct maildrop *talk_maildrop(void)
{
	struct maildrop *drop = maildrop_new(0x6553f101);

	assert_non_null(drop);
	assert_int_equal(maildrop_add(drop, 42, 120), MAILDROP_OK);
	assert_int_equal(maildrop_add(drop, 43, 200), MAILDROP_OK);
	assert_int_equal(maildrop_add(drop, 50, 5000000000), MAILDROP_OK);
	assert_int_equal(maildrop_add(drop, 51, 7), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	return drop;
}

static inline void talk_note(struct talk *talk, const char *text)
{
	assert_true(bytebuf_append_text(&talk->transcript, text));
}

static inline void talk_note_number(struct talk *talk, uint64_t number)
{
	assert_true(bytebuf_append_number(&talk->transcript, number));
}

/* Sends the output: CRLF becomes LF. */
static inline void talk_flush(struct talk *talk)
{
	struct span out = pop3_server_output(&talk->server);

	for (size_t i = 0; i < out.len; i++) {
		if (out.data[i] == '\r') {
			assert_true(i + 1 < out.len && out.data[i + 1] == '\n');
			continue;
		}
		assert_true(out.data[i] != '\n' || (i > 0 && out.data[i - 1] == '\r'));
		assert_true(bytebuf_append_octet(&talk->transcript, out.data[i]));
	}
	pop3_server_sent(&talk->server, out.len);
}

static inline void talk_login(struct talk *talk, const struct pop3_event *event)
{
	talk_note(talk, "{");
	talk_note(talk, event->method);
	talk_note(talk, " ");
	assert_true(bytebuf_append(&talk->transcript, event->user));
	talk_note(talk, "/");
	assert_true(bytebuf_append(&talk->transcript, event->password));
	talk_note(talk, "}\n");
	if (span_equal(event->password, span_text("wrong")))
		pop3_server_login_refused(&talk->server, POP3_CODE_AUTH, "Wrong", true);
	else if (span_equal(event->password, span_text("down")))
		pop3_server_login_refused(&talk->server, POP3_CODE_SYS_TEMP, "Down", false);
	else
		pop3_server_login_ok(&talk->server, talk->drop);
}

static inline void talk_retrieve(struct talk *talk, const struct pop3_event *event)
{
	talk_note(talk, event->top ? "{TOP " : "{RETR ");
	talk_note_number(talk, event->msgno);
	if (event->top) {
		talk_note(talk, " ");
		talk_note_number(talk, event->top_lines);
	}
	talk_note(talk, "}\n");
	if (event->msgno == 4) {
		maildrop_mark_unreadable(talk->drop, 4);
		pop3_server_message_refused(&talk->server, POP3_CODE_SYS_TEMP, "Unreadable");
		return;
	}
	assert_true(pop3_server_message_begin(&talk->server));
	talk_flush(talk);
	talk_note(talk, "(message)\n.\n");
	if (!event->top)
		maildrop_mark_retrieved(talk->drop, event->msgno);
	pop3_server_message_end(&talk->server);
}

static inline void talk_update(struct talk *talk)
{
	uint32_t *uids;
	size_t count;

	talk_note(talk, "{UPDATE");
	assert_true(maildrop_deleted_uids(talk->drop, &uids, &count));
	for (size_t i = 0; i < count; i++) {
		talk_note(talk, " ");
		talk_note_number(talk, uids[i]);
	}
	free(uids);
	talk_note(talk, "}\n");
	pop3_server_updated(&talk->server, NULL);
}

/* Feeds octets that come in one piece. False when the session is over. */
static inline bool talk_feed(struct talk *talk, struct span in)
{
	struct pop3_event event;

	for (;;) {
		enum pop3_event_type type = pop3_server_next(&talk->server, &in, &event);
		talk_flush(talk);
		switch (type) {
		case POP3_EVENT_NEED_INPUT:
			assert_int_equal(in.len, 0);
			return true;
		case POP3_EVENT_NEED_OUTPUT:
			break;
		case POP3_EVENT_WAITING: /* for the handshake */
			assert_int_equal(in.len, 0);
			return true;
		case POP3_EVENT_STLS:
			break;
		case POP3_EVENT_LOGIN:
			talk_login(talk, &event);
			break;
		case POP3_EVENT_RETRIEVE:
			talk_retrieve(talk, &event);
			break;
		case POP3_EVENT_UPDATE:
			talk_update(talk);
			break;
		case POP3_EVENT_CLOSE:
			assert_int_equal(pop3_server_state(&talk->server), POP3_CLOSED);
			assert_int_equal(in.len, 0);
			return false;
		}
	}
}

static inline void talk_init(struct talk *talk, const struct pop3_server_options *options)
{
	pop3_server_init(&talk->server, options);
	talk->drop = talk_maildrop();
	bytebuf_init(&talk->transcript, 1 << 20);
	pop3_server_greet(&talk->server);
}

static inline void talk_deinit(struct talk *talk)
{
	pop3_server_deinit(&talk->server);
	maildrop_free(&talk->drop);
	bytebuf_deinit(&talk->transcript);
}

/* What comes first of: the end of `in`, a handshake, `octets`. */
static inline struct span talk_chunk(struct span *in, size_t octets)
{
	const unsigned char *handshake = memchr(in->data, '\x01', in->len);

	if (handshake != NULL && (size_t)(handshake - in->data) < octets)
		octets = (size_t)(handshake - in->data);
	return span_take(in, octets);
}

static inline void talk_run(struct talk *talk, struct span in, size_t split, size_t step)
{
	const char *reason = NULL;
	size_t octets = split;
	struct pop3_event event;

	while (in.len > 0) {
		bool open;
		if (in.data[0] == '\x01') {
			(void)span_take(&in, 1);
			assert_true(pop3_server_is_busy(&talk->server));
			pop3_server_tls_started(&talk->server);
			talk_note(talk, "{TLS}\n");
			open = true;
		} else {
			open = talk_feed(talk, talk_chunk(&in, octets));
			octets = step;
		}
		if (!open) {
			struct span more = span_text("NOOP\r\n");
			assert_int_equal(pop3_server_next(&talk->server, &more, &event),
					 POP3_EVENT_CLOSE);
			assert_int_equal(more.len, 0);
			assert_int_equal(pop3_server_output(&talk->server).len, 0);
			reason = event.reason;
			break;
		}
	}
	if (reason != NULL) {
		talk_note(talk, "{CLOSE ");
		talk_note(talk, reason);
		talk_note(talk, "}\n");
	}
}

static inline void talk_check(const struct talk_row *row, const struct pop3_server_options *options,
			      struct span input, size_t split, size_t step)
{
	static const char greeting[] = "+OK Packetboat ready\n";
	struct talk talk;

	talk_init(&talk, options);
	talk_run(&talk, input, split, step);
	struct span seen = bytebuf_peek(&talk.transcript);
	assert_true(span_equal(span_take(&seen, sizeof(greeting) - 1), span_text(greeting)));
	if (!span_equal(seen, span_text(row->expected)))
		fail_msg("%s, split at %zu and every %zu:\n%.*s--- expected:\n%s", row->name, split,
			 step, (int)seen.len, (const char *)seen.data, row->expected);
	talk_deinit(&talk);
}

static inline void talk_check_splits(const struct talk_row *row,
				     const struct pop3_server_options *options, struct span input)
{
	talk_check(row, options, input, SIZE_MAX, SIZE_MAX);
	talk_check(row, options, input, 1, 1);
	for (size_t split = 1; split < input.len; split++)
		talk_check(row, options, input, split, SIZE_MAX);
}

static inline void talk_check_rows(const struct talk_row *rows, size_t count,
				   const struct pop3_server_options *options)
{
	for (size_t i = 0; i < count; i++) {
		struct bytebuf crlf;
		talk_check_splits(&rows[i], options, rows[i].input);
		if (rows[i].raw)
			continue;
		bytebuf_init(&crlf, 1 << 20);
		for (size_t k = 0; k < rows[i].input.len; k++) {
			if (rows[i].input.data[k] == '\n')
				assert_true(bytebuf_append_octet(&crlf, '\r'));
			assert_true(bytebuf_append_octet(&crlf, rows[i].input.data[k]));
		}
		talk_check_splits(&rows[i], options, bytebuf_peek(&crlf));
		bytebuf_deinit(&crlf);
	}
}

#define TALK_CHECK(rows, options) talk_check_rows(rows, sizeof(rows) / sizeof((rows)[0]), options)

#endif
