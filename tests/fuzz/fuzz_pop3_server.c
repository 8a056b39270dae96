/* SPDX-License-Identifier: ISC */
/*
 * pop3_server: however the octets of a client are cut into pieces, replies and events are the same;
 * every reply is a line of printable ASCII within its length; the output keeps its ceiling; the
 * maildrop's sums are right; nothing is deleted without UPDATE, and of a maildrop with a notice
 * nothing but that is retrieved or deleted.
 *
 * Input: one octet that says how to cut and what the connection is, then what the client sends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/limits.h"
#include "protocol/pop3_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOG_MAX = 1 << 26 };

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct session {
	struct pop3_server server;
	struct maildrop *drop;
	struct bytebuf log; /* what was sent, and the events */
	size_t line_len;    /* of the line that is being sent */
	unsigned logins;
};

static struct maildrop *make_maildrop(void)
{
	struct maildrop *drop = maildrop_new(7);

	CHECK(drop != NULL);
	for (uint32_t uid = 1; uid <= 40; uid++)
		CHECK(maildrop_add(drop, uid, uid * UINT64_C(3000000000)) == MAILDROP_OK);
	CHECK(maildrop_seal(drop) == MAILDROP_OK);
	return drop;
}

static void note(struct session *session, const char *text, uint64_t number)
{
	CHECK(bytebuf_append_text(&session->log, text));
	CHECK(bytebuf_append_number(&session->log, number));
}

static void send_output(struct session *session)
{
	struct span out = pop3_server_output(&session->server);

	CHECK(out.len <= POP3_OUTPUT_MAX);
	for (size_t i = 0; i < out.len; i++) {
		unsigned char octet = out.data[i];
		session->line_len++;
		CHECK(session->line_len <= POP3_REPLY_MAX);
		CHECK((octet >= ' ' && octet <= '~') || octet == '\r' || octet == '\n');
		CHECK(octet != '\r' || (i + 1 < out.len && out.data[i + 1] == '\n'));
		CHECK(octet != '\n' || (i > 0 && out.data[i - 1] == '\r'));
		if (octet == '\n')
			session->line_len = 0;
	}
	CHECK(session->line_len == 0);
	CHECK(bytebuf_append(&session->log, out));
	pop3_server_sent(&session->server, out.len);
}

static void let_in(struct session *session, bool withheld)
{
	if (withheld)
		CHECK(maildrop_add_notice(session->drop, "packetboat-0123abcd", 500) ==
		      MAILDROP_OK);
	pop3_server_login_ok(&session->server, session->drop);
}

/* The first octet of the password decides. */
static void answer_login(struct session *session, const struct pop3_event *event)
{
	CHECK(event->user.len > 0 && event->password.len > 0 && event->user.len <= POP3_NAME_MAX);
	note(session, event->method, event->user.len);
	CHECK(bytebuf_append(&session->log, event->user));
	CHECK(bytebuf_append(&session->log, event->password));
	session->logins++;
	if (event->password.data[0] == 'w')
		pop3_server_login_refused(&session->server, POP3_CODE_AUTH, "\r\nno", true);
	else if (event->password.data[0] == 'd')
		pop3_server_login_refused(&session->server, POP3_CODE_SYS_TEMP, "down", false);
	else
		let_in(session, event->password.data[0] == 'n');
}

static void answer_retrieve(struct session *session, const struct pop3_event *event)
{
	CHECK(event->msgno >= 1 && event->msgno <= maildrop_last(session->drop));
	CHECK(!maildrop_is_deleted(session->drop, event->msgno));
	CHECK(!maildrop_is_withheld(session->drop, event->msgno));
	note(session, event->top ? "TOP" : "RETR", event->msgno);
	note(session, " ", event->top_lines);
	if (event->msgno % 3 == 0) {
		maildrop_mark_unreadable(session->drop, event->msgno);
		pop3_server_message_refused(&session->server, POP3_CODE_SYS_TEMP, "unreadable");
		return;
	}
	CHECK(pop3_server_message_begin(&session->server));
	send_output(session);
	if (!event->top)
		maildrop_mark_retrieved(session->drop, event->msgno);
	pop3_server_message_end(&session->server);
}

static void answer_update(struct session *session)
{
	CHECK(session->logins > 0 && pop3_server_state(&session->server) == POP3_UPDATE);
	note(session, "UPDATE", maildrop_count(session->drop));
	pop3_server_updated(&session->server,
			    maildrop_count(session->drop) % 2 == 0 ? NULL : "failed");
}

/* False when the session is over. */
static bool feed(struct session *session, struct span in)
{
	struct pop3_event event;

	for (;;) {
		enum pop3_event_type type = pop3_server_next(&session->server, &in, &event);
		send_output(session);
		switch (type) {
		case POP3_EVENT_NEED_INPUT:
		case POP3_EVENT_WAITING: /* for TLS, with nothing behind it */
			CHECK(in.len == 0);
			return true;
		case POP3_EVENT_NEED_OUTPUT:
		case POP3_EVENT_STLS:
			break;
		case POP3_EVENT_LOGIN:
			answer_login(session, &event);
			break;
		case POP3_EVENT_RETRIEVE:
			answer_retrieve(session, &event);
			break;
		case POP3_EVENT_UPDATE:
			answer_update(session);
			break;
		case POP3_EVENT_CLOSE:
			CHECK(in.len == 0 && event.reason != NULL);
			CHECK(bytebuf_append_text(&session->log, event.reason));
			return false;
		}
	}
}

/* What goes upstream names messages of the mailbox, and none that is withheld. */
static void check_uids(const struct maildrop *drop,
		       bool (*list)(const struct maildrop *drop, uint32_t **uids_r,
				    size_t *count_r))
{
	uint32_t *uids;
	size_t count;

	CHECK(list(drop, &uids, &count));
	CHECK(count == 0 || maildrop_notice(drop) == 0);
	for (size_t i = 0; i < count; i++)
		CHECK(maildrop_find(drop, uids[i]) != 0);
	free(uids);
}

static void check_maildrop(const struct maildrop *drop)
{
	uint64_t octets = 0;
	uint32_t count = 0;

	for (uint32_t msgno = 1; msgno <= maildrop_last(drop); msgno++) {
		if (maildrop_is_deleted(drop, msgno)) {
			CHECK(!maildrop_is_withheld(drop, msgno));
			CHECK(!maildrop_is_read_only(drop) || msgno == maildrop_notice(drop));
			continue;
		}
		octets += maildrop_message_octets(drop, msgno);
		count++;
	}
	CHECK(octets == maildrop_octets(drop) && count == maildrop_count(drop));
	check_uids(drop, maildrop_deleted_uids);
	check_uids(drop, maildrop_retrieved_uids);
}

/* Runs a session with the input in chunks of `step` octets, and leaves its log. */
static void run(struct bytebuf *log, struct span input, unsigned how, size_t step)
{
	struct pop3_server_options options = {
		.tls_active = (how & 1) != 0,
		.stls_offered = (how & 2) != 0,
		.login_allowed = (how & 4) != 0,
	};
	struct session session = { .drop = make_maildrop() };

	maildrop_set_read_only(session.drop, (how & 8) != 0);
	bytebuf_init(&session.log, LOG_MAX);
	pop3_server_init(&session.server, &options);
	pop3_server_greet(&session.server);
	while (input.len > 0 && feed(&session, span_take(&input, step)))
		continue;
	check_maildrop(session.drop);
	note(&session, pop3_state_name(pop3_server_state(&session.server)),
	     maildrop_count(session.drop));
	pop3_server_deinit(&session.server);
	maildrop_free(&session.drop);
	*log = session.log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytebuf whole;
	struct bytebuf parts;

	if (size < 1)
		return 0;
	struct span input = span_of(data + 1, size - 1);
	unsigned how = data[0];
	run(&whole, input, how, SIZE_MAX);
	run(&parts, input, how, how / 16 + 1);
	CHECK(span_equal(bytebuf_peek(&whole), bytebuf_peek(&parts)));
	bytebuf_deinit(&whole);
	bytebuf_deinit(&parts);
	return 0;
}
