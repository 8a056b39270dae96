/* SPDX-License-Identifier: ISC */
#include "protocol/imap_sizing.h"

#include <stdlib.h>

#include "protocol/imap_refusal.h"
#include "protocol/limits.h"

/* Small enough that the first sizes are known soon; two commands are under way at a time, so that
 * the server has work while the answer travels. */
enum {
	SIZING_BATCH = 100,
	SIZING_COMMANDS = sizeof(((struct imap_sizing *)NULL)->ids) / sizeof(uint32_t),
};

static enum imap_sizing_status sizing_fail(struct imap_sizing *sizing, const char *text,
					   const char *otherwise)
{
	imap_refusal_copy(sizing->text, text, otherwise);
	return IMAP_SIZING_FAILED;
}

/* Sends what may be sent; says DONE when all is asked and answered. */
static enum imap_sizing_status sizing_ask(struct imap_sizing *sizing)
{
	bool waiting = false;

	for (unsigned i = 0; i < SIZING_COMMANDS; i++) {
		size_t left = sizing->count - sizing->asked;
		size_t taken = 0;

		if (sizing->ids[i] == 0 && left > 0) {
			sizing->ids[i] = imap_client_fetch_bodies(
				sizing->client, sizing->uids + sizing->asked,
				left < SIZING_BATCH ? left : SIZING_BATCH, &taken);
			if (sizing->ids[i] == 0)
				return sizing_fail(sizing, "no IMAP command could be made", "");
			sizing->asked += taken;
		}
		waiting = waiting || sizing->ids[i] != 0;
	}
	return waiting ? IMAP_SIZING_MORE : IMAP_SIZING_DONE;
}

static void sizing_section(struct imap_sizing *sizing, const struct imap_body *body)
{
	/* Nothing, or a part of something, is not the message. */
	sizing->counting = body->section == IMAP_SECTION_WHOLE && !body->is_partial &&
			   !body->is_nil && body->octets > 0 && !sizing->counted;
	if (!sizing->counting)
		return;
	byte_stuff_init(&sizing->stuff, BYTE_STUFF_ALL_LINES);
	sizing->scanning = body->octets <= IMAP_PLACEHOLDER_MAX;
	header_scan_deinit(&sizing->scan);
	header_scan_init(&sizing->scan);
}

/* Whether it is still the message that is counted, as far as can be told. */
static bool sizing_scan(struct imap_sizing *sizing, struct span data, bool complete)
{
	enum header_scan_verdict verdict;

	if (!sizing->scanning)
		return true;
	(void)header_scan_feed(&sizing->scan, data);
	if (complete)
		header_scan_finish(&sizing->scan);
	verdict = header_scan_failed(&sizing->scan) ? HEADER_SCAN_PLACEHOLDER
						    : header_scan_verdict(&sizing->scan);
	sizing->scanning = verdict == HEADER_SCAN_UNDECIDED;
	return verdict != HEADER_SCAN_PLACEHOLDER;
}

static void sizing_data(struct imap_sizing *sizing, const struct imap_event *event)
{
	struct span data = event->data;
	struct span piece;

	if (!sizing->counting)
		return;
	sizing->counting = sizing_scan(sizing, data, event->body.left == 0);
	if (!sizing->counting)
		return;
	while (byte_stuff_next(&sizing->stuff, &data, &piece))
		;
	if (event->body.left == 0) {
		(void)byte_stuff_end(&sizing->stuff);
		sizing->counting = false;
		sizing->counted = true;
	}
}

/* A FETCH response is complete: now it is known whose octets were counted. */
static enum imap_sizing_status sizing_message(struct imap_sizing *sizing, uint32_t uid)
{
	uint32_t msgno = uid != 0 && sizing->counted ? maildrop_find(sizing->maildrop, uid) : 0;

	sizing->counted = false;
	if (msgno == 0)
		return IMAP_SIZING_MORE;
	sizing->uid = uid;
	sizing->octets = byte_stuff_octets(&sizing->stuff);
	maildrop_set_message_octets(sizing->maildrop, msgno, sizing->octets);
	return IMAP_SIZING_LEARNT;
}

static enum imap_sizing_status sizing_done(struct imap_sizing *sizing,
					   const struct imap_event *event)
{
	for (unsigned i = 0; i < SIZING_COMMANDS; i++) {
		if (sizing->ids[i] != event->id)
			continue;
		sizing->ids[i] = 0;
		/* A NO is about messages that cannot be read; those keep the server's figure. */
		if (event->status == IMAP_BAD ||
		    (event->status == IMAP_NO && imap_refusal_is_temporary(event)))
			return sizing_fail(sizing, event->text, "the server refused a FETCH");
		return sizing_ask(sizing);
	}
	return IMAP_SIZING_MORE;
}

enum imap_sizing_status imap_sizing_start(struct imap_sizing *sizing, struct imap_client *client,
					  struct maildrop *maildrop, uint32_t *uids, size_t count)
{
	*sizing = (struct imap_sizing){
		.client = client,
		.maildrop = maildrop,
		.uids = uids,
		.count = count,
	};
	return sizing_ask(sizing);
}

enum imap_sizing_status imap_sizing_event(struct imap_sizing *sizing,
					  const struct imap_event *event)
{
	switch (event->type) {
	case IMAP_EVENT_BODY:
		sizing_section(sizing, &event->body);
		break;
	case IMAP_EVENT_BODY_DATA:
		sizing_data(sizing, event);
		break;
	case IMAP_EVENT_MESSAGE:
		return sizing_message(sizing, event->message.uid);
	case IMAP_EVENT_DONE:
		return sizing_done(sizing, event);
	case IMAP_EVENT_BYE:
	case IMAP_EVENT_VIOLATION:
		return sizing_fail(sizing, event->text, "the server closed the session");
	case IMAP_EVENT_NEED_INPUT:
	case IMAP_EVENT_GREETING:
	case IMAP_EVENT_NOTICE:
	case IMAP_EVENT_EXISTS:
	case IMAP_EVENT_EXPUNGE:
	case IMAP_EVENT_FOUND:
	case IMAP_EVENT_MAILBOX:
		break;
	}
	return IMAP_SIZING_MORE;
}

void imap_sizing_deinit(struct imap_sizing *sizing)
{
	header_scan_deinit(&sizing->scan);
	free(sizing->uids);
	sizing->uids = NULL;
	sizing->count = 0;
}
