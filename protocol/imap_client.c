/* SPDX-License-Identifier: ISC */
#include "protocol/imap_client_private.h"

#include <stdlib.h>

#include "protocol/limits.h"

static const char unasked_octets[] = "octets behind STARTTLS, in the clear";
static const char renumbered[] = "the server numbered the mailbox anew";

const char *imap_state_name(enum imap_state state)
{
	static const char *const names[] = {
#define X(name) #name,
		IMAP_STATES(X)
#undef X
	};
	return names[state] + strlen("IMAP_");
}

struct imap_client *imap_client_new(void)
{
	struct imap_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	imap_response_init(&client->parser);
	imap_pipeline_init(&client->pipeline);
	bytebuf_init(&client->challenge, IMAP_TEXT_MAX);
	return client;
}

void imap_client_free(struct imap_client **client)
{
	if (*client == NULL)
		return;
	imap_response_deinit(&(*client)->parser);
	imap_pipeline_deinit(&(*client)->pipeline);
	bytebuf_deinit(&(*client)->challenge);
	free(*client);
	*client = NULL;
}

/* The one door between states (RFC 3501 section 3). False for a move that is not legal. */
static bool client_enter(struct imap_client *client, enum imap_state state)
{
	static const unsigned moves[] = {
		[IMAP_GREETING] =
			1u << IMAP_NOT_AUTHENTICATED | 1u << IMAP_AUTHENTICATED | 1u << IMAP_LOGOUT,
		[IMAP_NOT_AUTHENTICATED] = 1u << IMAP_AUTHENTICATED | 1u << IMAP_LOGOUT,
		[IMAP_AUTHENTICATED] = 1u << IMAP_SELECTED | 1u << IMAP_LOGOUT,
		/* Another SELECT; UNSELECT, or a SELECT that failed. */
		[IMAP_SELECTED] =
			1u << IMAP_SELECTED | 1u << IMAP_AUTHENTICATED | 1u << IMAP_LOGOUT,
		[IMAP_LOGOUT] = 1u << IMAP_LOGOUT,
	};

	if ((moves[client->state] & 1u << state) == 0)
		return false;
	client->state = state;
	return true;
}

static void client_forget_capabilities(struct imap_client *client)
{
	client->capabilities = 0;
	client->knows_capabilities = false;
}

static void client_forget_mailbox(struct imap_client *client)
{
	/* RFC 3501 section 7.1: without PERMANENTFLAGS all flags are permanent. */
	client->selected = (struct imap_selected){
		.permanent_flags = IMAP_FLAG_SEEN | IMAP_FLAG_DELETED,
	};
}

void imap_client_watch_select(struct imap_client *client)
{
	const struct imap_pending *pending =
		imap_pipeline_find_command(&client->pipeline, IMAP_COMMAND_SELECT);

	if (pending == NULL || pending->id == client->selecting)
		return;
	if (client->state == IMAP_SELECTED && pending != imap_pipeline_oldest(&client->pipeline))
		return;
	client->selecting = pending->id;
	client_forget_mailbox(client);
}

static enum imap_event_type client_violation(struct imap_client *client, struct imap_event *event,
					     const char *reason)
{
	client->violation = reason;
	*event = (struct imap_event){ .type = IMAP_EVENT_VIOLATION, .text = reason };
	return IMAP_EVENT_VIOLATION;
}

static void client_note(struct imap_client *client, const struct imap_response *response)
{
	switch (response->note) {
	case IMAP_NOTE_NONE:
		break;
	case IMAP_NOTE_CAPABILITY:
		client->capabilities = response->noted;
		client->knows_capabilities = true;
		break;
	case IMAP_NOTE_UIDVALIDITY:
		client->selected.uidvalidity = response->noted;
		break;
	case IMAP_NOTE_UIDNEXT:
		client->selected.uidnext = response->noted;
		break;
	case IMAP_NOTE_PERMANENT_FLAGS:
		client->selected.permanent_flags = response->noted;
		break;
	}
	if (response->code == IMAP_CODE_READ_ONLY)
		client->selected.read_only = true;
	if (response->code == IMAP_CODE_READ_WRITE)
		client->selected.read_only = false;
}

/* UIDs of the mailbox at hand stand for other messages from now on (RFC 3501 section 2.3.1.1):
 * nothing that was listed can be named any more. */
static bool client_is_renumbered(const struct imap_client *client,
				 const struct imap_response *response)
{
	return response->note == IMAP_NOTE_UIDVALIDITY && client->state == IMAP_SELECTED &&
	       client->selected.uidvalidity != 0 &&
	       client->selected.uidvalidity != response->noted &&
	       imap_pipeline_find_command(&client->pipeline, IMAP_COMMAND_SELECT) == NULL;
}

/* An untagged OK, NO, BAD, PREAUTH or BYE. */
static enum imap_event_type client_status(struct imap_client *client,
					  const struct imap_response *response,
					  struct imap_event *event)
{
	if (client->state == IMAP_GREETING) {
		enum imap_state state = response->status == IMAP_OK        ? IMAP_NOT_AUTHENTICATED
					: response->status == IMAP_PREAUTH ? IMAP_AUTHENTICATED
									   : IMAP_LOGOUT;
		if (response->status == IMAP_NO || response->status == IMAP_BAD)
			return client_violation(client, event, "the greeting is NO or BAD");
		client_note(client, response);
		client_enter(client, state);
		return IMAP_EVENT_GREETING;
	}
	if (response->status == IMAP_PREAUTH)
		return client_violation(client, event, "PREAUTH is not the greeting");
	if (client_is_renumbered(client, response))
		return client_violation(client, event, renumbered);
	client_note(client, response);
	if (response->status != IMAP_BYE)
		return IMAP_EVENT_NOTICE;
	client_enter(client, IMAP_LOGOUT);
	return IMAP_EVENT_BYE;
}

/* Where OK to a command leads. False where it leads nowhere from here. */
static bool client_succeed(struct imap_client *client, enum imap_command command,
			   const struct imap_response *response)
{
	/* All that is not here changes nothing. */
	if (command == IMAP_COMMAND_STARTTLS) {
		client->upgrade = UPGRADE_DUE;
		client_forget_capabilities(client);
		return client->state == IMAP_NOT_AUTHENTICATED;
	}
	if (command == IMAP_COMMAND_LOGIN || command == IMAP_COMMAND_AUTHENTICATE) {
		if (response->note != IMAP_NOTE_CAPABILITY)
			client_forget_capabilities(client);
		/* No SELECT was heeded before; what came is no mailbox's. */
		client_forget_mailbox(client);
		return client_enter(client, IMAP_AUTHENTICATED);
	}
	if (command == IMAP_COMMAND_SELECT)
		return client_enter(client, IMAP_SELECTED);
	if (command == IMAP_COMMAND_UNSELECT)
		return client_enter(client, IMAP_AUTHENTICATED);
	if (command == IMAP_COMMAND_LOGOUT)
		return client_enter(client, IMAP_LOGOUT);
	return true;
}

/* A SELECT that fails leaves no mailbox selected (RFC 3501 section 6.3.1). */
static void client_fail(struct imap_client *client, enum imap_command command)
{
	if (command != IMAP_COMMAND_SELECT)
		return;
	client_forget_mailbox(client);
	if (client->state == IMAP_SELECTED)
		client_enter(client, IMAP_AUTHENTICATED);
}

/* The number of one of our tags, or 0. */
static uint32_t tag_id(const struct imap_response *response)
{
	struct span tag = span_of(response->tag, response->tag_len);
	struct span letter = span_take(&tag, 1);
	uint64_t id;

	/* A leading zero is not ours. */
	if (!span_equal(letter, span_text("A")) || tag.len == 0 || tag.data[0] == '0' ||
	    !span_number(tag, UINT32_MAX, &id))
		return 0;
	return (uint32_t)id;
}

static enum imap_event_type client_tagged(struct imap_client *client,
					  const struct imap_response *response,
					  struct imap_event *event)
{
	if (client_is_renumbered(client, response))
		return client_violation(client, event, renumbered);
	event->id = tag_id(response);
	if (event->id == 0 || !imap_pipeline_complete(&client->pipeline, event->id,
						      response->status == IMAP_OK, &event->command))
		return client_violation(client, event, "a tagged response that nothing asked for");
	client_note(client, response);
	/* Behind BYE there is no state but the last. */
	if (client->state != IMAP_LOGOUT) {
		if (response->status != IMAP_OK)
			client_fail(client, event->command);
		else if (!client_succeed(client, event->command, response))
			return client_violation(client, event, "OK to a command that is not legal");
	}
	imap_client_watch_select(client);
	return IMAP_EVENT_DONE;
}

static bool client_continue(struct imap_client *client, const struct imap_response *response)
{
	if (!imap_pipeline_continue(&client->pipeline))
		return false;
	if (imap_pipeline_find_command(&client->pipeline, IMAP_COMMAND_AUTHENTICATE) != NULL) {
		bytebuf_reset(&client->challenge);
		/* Without memory it is not known; it is for people only. */
		(void)bytebuf_append_text(&client->challenge, response->text);
	}
	return true;
}

/* What the event says, as far as the response knows it. */
static void event_fill(struct imap_event *event, const struct imap_response *response)
{
	*event = (struct imap_event){
		.status = response->status,
		.code = response->code,
		.number = response->number,
		.message = response->message,
		.body = response->body,
		.data = response->data,
		.mailbox = { response->mailbox, response->attributes },
		.text = response->text,
	};
}

/* One response; NEED_INPUT when it makes no event. */
static enum imap_event_type client_dispatch(struct imap_client *client,
					    const struct imap_response *response,
					    struct imap_event *event)
{
	switch (response->type) {
	case IMAP_RESPONSE_NEED_INPUT:
		break;
	case IMAP_RESPONSE_CONTINUATION:
		/* Whoever says "+" unasked believes that a literal or a secret comes next, and
		 * would take our next command for it: the two sides do not agree on what they say.
		 */
		if (!client_continue(client, response))
			return client_violation(client, event, "a continuation nobody asked for");
		break;
	case IMAP_RESPONSE_TAGGED:
		return client_tagged(client, response, event);
	case IMAP_RESPONSE_STATUS:
		return client_status(client, response, event);
	case IMAP_RESPONSE_CAPABILITY:
		client->capabilities = response->noted;
		client->knows_capabilities = true;
		break;
	case IMAP_RESPONSE_EXISTS:
		client->selected.exists = response->number;
		client->selected.exists_told = true;
		return IMAP_EVENT_EXISTS;
	case IMAP_RESPONSE_EXPUNGE:
		if (client->selected.exists > 0)
			client->selected.exists--;
		return IMAP_EVENT_EXPUNGE;
	case IMAP_RESPONSE_FOUND:
		return IMAP_EVENT_FOUND;
	case IMAP_RESPONSE_MAILBOX:
		return IMAP_EVENT_MAILBOX;
	case IMAP_RESPONSE_BODY:
		return IMAP_EVENT_BODY;
	case IMAP_RESPONSE_BODY_DATA:
		return IMAP_EVENT_BODY_DATA;
	case IMAP_RESPONSE_MESSAGE:
		return IMAP_EVENT_MESSAGE;
	case IMAP_RESPONSE_VIOLATION:
		return client_violation(client, event, response->text);
	}
	return IMAP_EVENT_NEED_INPUT;
}

/* Octets between the OK to STARTTLS and the handshake were put there by somebody else (the
 * command injection of CVE-2021-33515, the other way round). */
static void client_check_upgrade(struct imap_client *client, struct span in)
{
	if (client->upgrade != UPGRADE_NONE && in.len > 0)
		client->upgrade = UPGRADE_INJECTED;
}

enum imap_event_type imap_client_next(struct imap_client *client, struct span *in,
				      struct imap_event *event_r)
{
	const struct imap_response *response;

	client_check_upgrade(client, *in);
	if (client->violation == NULL && client->upgrade == UPGRADE_INJECTED)
		client->violation = unasked_octets;
	if (client->violation == NULL && imap_pipeline_failed(&client->pipeline))
		client->violation = "memory is short";
	if (client->violation != NULL)
		return client_violation(client, event_r, client->violation);

	do {
		response = imap_response_next(&client->parser, in);
		event_fill(event_r, response);
		if (client->state == IMAP_GREETING && response->type != IMAP_RESPONSE_NEED_INPUT &&
		    response->type != IMAP_RESPONSE_VIOLATION &&
		    response->type != IMAP_RESPONSE_STATUS)
			event_r->type =
				client_violation(client, event_r, "something before the greeting");
		else
			event_r->type = client_dispatch(client, response, event_r);
	} while (event_r->type == IMAP_EVENT_NEED_INPUT &&
		 response->type != IMAP_RESPONSE_NEED_INPUT);
	client_check_upgrade(client, *in);
	return event_r->type;
}

enum imap_state imap_client_state(const struct imap_client *client)
{
	return client->state;
}

bool imap_client_has(const struct imap_client *client, enum imap_capability capability)
{
	return (client->capabilities & capability) != 0;
}

bool imap_client_knows_capabilities(const struct imap_client *client)
{
	return client->knows_capabilities;
}

const struct imap_selected *imap_client_selected(const struct imap_client *client)
{
	return &client->selected;
}

struct span imap_client_challenge(const struct imap_client *client)
{
	return bytebuf_peek(&client->challenge);
}

unsigned imap_client_pending(const struct imap_client *client)
{
	return imap_pipeline_count(&client->pipeline);
}

bool imap_client_tls_started(struct imap_client *client)
{
	/* An answer that comes later than STARTTLS's might be from before the handshake. */
	if (client->upgrade != UPGRADE_DUE || imap_client_pending(client) > 0)
		return false;
	client->upgrade = UPGRADE_NONE;
	client_forget_capabilities(client);
	return true;
}
