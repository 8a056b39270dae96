/* SPDX-License-Identifier: ISC */
/*
 * imap_talk: what an IMAP server says -> what the client machine makes of it, as text.
 *
 * Each event is a line; the octets of a body, in however many spans they come, are one line, so
 * that the text does not depend on how the input was cut. For tests and for the fuzzer.
 */
#ifndef TESTS_UNIT_IMAP_TALK_H
#define TESTS_UNIT_IMAP_TALK_H

#include <stdio.h>
#include <stdlib.h>

#include "protocol/imap_client.h"

struct imap_talk {
	struct imap_client *client; /* owned */
	FILE *log;                  /* into `text` */
	char *text;                 /* owned */
	size_t len;
	bool in_body;
	bool violated;
};

static inline void imap_talk_check(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "imap_talk: %s\n", what);
	abort();
}

static inline void imap_talk_begin(struct imap_talk *talk)
{
	*talk = (struct imap_talk){ .client = imap_client_new() };
	imap_talk_check(talk->client != NULL, "no memory");
	talk->log = open_memstream(&talk->text, &talk->len);
	imap_talk_check(talk->log != NULL, "no memory");
}

/* Everything that was said, valid until imap_talk_end(). */
static inline const char *imap_talk_text(struct imap_talk *talk)
{
	fflush(talk->log);
	return talk->text;
}

static inline void imap_talk_end(struct imap_talk *talk)
{
	imap_client_free(&talk->client);
	fclose(talk->log);
	free(talk->text);
}

static inline void imap_talk_octets(struct imap_talk *talk, struct span octets)
{
	for (size_t i = 0; i < octets.len; i++) {
		if (octets.data[i] == '\r')
			fputs("\\r", talk->log);
		else if (octets.data[i] == '\n')
			fputs("\\n", talk->log);
		else if (octets.data[i] == '\0')
			fputs("\\0", talk->log);
		else
			fputc(octets.data[i], talk->log);
	}
}

static inline void imap_talk_status(struct imap_talk *talk, const char *what,
				    const struct imap_event *event)
{
	static const char *const statuses[] = { "OK", "NO", "BAD", "PREAUTH", "BYE" };

	fprintf(talk->log, "%s %s", what, statuses[event->status]);
	if (event->code != IMAP_CODE_NONE)
		fprintf(talk->log, " [%d]", (int)event->code);
	if (event->text[0] != '\0')
		fprintf(talk->log, " %s", event->text);
	fputc('\n', talk->log);
}

static inline void imap_talk_message(struct imap_talk *talk, const struct imap_message *message)
{
	fprintf(talk->log, "message uid=%u", message->uid);
	if (message->has_flags)
		fprintf(talk->log, " flags=%u", message->flags);
	if (message->has_octets)
		fprintf(talk->log, " octets=%ju", (uintmax_t)message->octets);
	if (message->has_internaldate)
		fprintf(talk->log, " date=%jd", (intmax_t)message->internaldate);
	fputc('\n', talk->log);
}

static inline void imap_talk_body(struct imap_talk *talk, const struct imap_event *event)
{
	static const char *const sections[] = { "whole", "header", "text" };

	imap_talk_check(event->body.left == event->body.octets, "a body begins in its middle");
	fprintf(talk->log, "body %s uid=%u octets=%ju", sections[event->body.section],
		event->message.uid, (uintmax_t)event->body.octets);
	if (event->body.is_partial)
		fprintf(talk->log, " origin=%ju", (uintmax_t)event->body.origin);
	fputs(event->body.is_nil ? " nil\n" : "\n", talk->log);
}

static inline void imap_talk_data(struct imap_talk *talk, const struct imap_event *event)
{
	imap_talk_check(event->data.len > 0, "an empty span of a body");
	if (!talk->in_body)
		fputs("data ", talk->log);
	imap_talk_octets(talk, event->data);
	talk->in_body = event->body.left > 0;
	if (!talk->in_body)
		fputc('\n', talk->log);
}

static inline void imap_talk_event(struct imap_talk *talk, const struct imap_event *event)
{
	imap_talk_check(!talk->in_body || event->type == IMAP_EVENT_BODY_DATA ||
				event->type == IMAP_EVENT_VIOLATION,
			"something inside a body");
	switch (event->type) {
	case IMAP_EVENT_NEED_INPUT:
		break;
	case IMAP_EVENT_GREETING:
		imap_talk_status(talk, "greeting", event);
		break;
	case IMAP_EVENT_BYE:
		imap_talk_status(talk, "bye", event);
		break;
	case IMAP_EVENT_NOTICE:
		imap_talk_status(talk, "notice", event);
		break;
	case IMAP_EVENT_EXISTS:
		fprintf(talk->log, "exists %u\n", event->number);
		break;
	case IMAP_EVENT_EXPUNGE:
		fputs("expunge\n", talk->log);
		break;
	case IMAP_EVENT_MESSAGE:
		imap_talk_message(talk, &event->message);
		break;
	case IMAP_EVENT_BODY:
		imap_talk_body(talk, event);
		break;
	case IMAP_EVENT_BODY_DATA:
		imap_talk_data(talk, event);
		break;
	case IMAP_EVENT_FOUND:
		fprintf(talk->log, "found %u\n", event->number);
		break;
	case IMAP_EVENT_MAILBOX:
		fprintf(talk->log, "mailbox %u ", event->mailbox.attributes);
		imap_talk_octets(talk, event->mailbox.name);
		fputc('\n', talk->log);
		break;
	case IMAP_EVENT_DONE:
		fprintf(talk->log, "done %u %s: ", event->id, imap_command_name(event->command));
		imap_talk_status(talk, "", event);
		break;
	case IMAP_EVENT_VIOLATION:
		fprintf(talk->log, "%sviolation: %s\n", talk->in_body ? "\n" : "", event->text);
		talk->violated = true;
		break;
	}
}

/* The server says `in`, all at once. */
static inline void imap_talk_hear(struct imap_talk *talk, struct span in)
{
	struct imap_event event;

	while (!talk->violated &&
	       imap_client_next(talk->client, &in, &event) != IMAP_EVENT_NEED_INPUT)
		imap_talk_event(talk, &event);
	imap_talk_check(talk->violated || in.len == 0, "octets were left");
	/* There is no way back. */
	if (talk->violated)
		imap_talk_check(imap_client_next(talk->client, &in, &event) ==
						IMAP_EVENT_VIOLATION &&
					imap_client_noop(talk->client) == 0,
				"a violation was forgotten");
}

/* In pieces of `step` octets, the first of them `first` octets long. */
static inline void imap_talk_hear_pieces(struct imap_talk *talk, struct span in, size_t first,
					 size_t step)
{
	imap_talk_hear(talk, span_take(&in, first));
	while (in.len > 0)
		imap_talk_hear(talk, span_take(&in, step));
}

#endif
