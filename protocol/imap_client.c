/* SPDX-License-Identifier: ISC */
#include "protocol/imap_client.h"

#include <assert.h>
#include <stdlib.h>

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

/*
 * What comes from now on may be the new mailbox's: everything before the SELECT is answered. While
 * no mailbox is selected it can be no other's, whatever else is unanswered. Otherwise it may be the
 * old one's until the commands in front of the SELECT are answered.
 */
static void client_watch_select(struct imap_client *client)
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
	client_watch_select(client);
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

static struct imap_command_writer client_begin(struct imap_client *client,
					       enum imap_command command)
{
	struct imap_command_writer writer;
	enum imap_literals literals =
		imap_client_has(client, IMAP_CAP_LITERAL_PLUS)    ? IMAP_LITERALS_PLUS
		: imap_client_has(client, IMAP_CAP_LITERAL_MINUS) ? IMAP_LITERALS_MINUS
								  : IMAP_LITERALS_NONE;

	imap_pipeline_begin(&client->pipeline, &writer, command, literals);
	/* Nothing more is said to a server that broke the protocol, nor before TLS. */
	writer.failed |= client->violation != NULL || client->upgrade != UPGRADE_NONE;
	return writer;
}

static uint32_t client_end(struct imap_client *client, struct imap_command_writer *writer,
			   enum imap_command command, const char *answer)
{
	uint32_t id = imap_pipeline_add(&client->pipeline, writer, command, answer);

	client_watch_select(client);
	return id;
}

/* A command without arguments, or with such of our own. */
static uint32_t client_say(struct imap_client *client, enum imap_command command,
			   const char *arguments)
{
	struct imap_command_writer writer = client_begin(client, command);

	imap_command_text(&writer, arguments);
	return client_end(client, &writer, command, NULL);
}

/* A command whose only argument is a mailbox. */
static uint32_t client_say_mailbox(struct imap_client *client, enum imap_command command,
				   struct span mailbox)
{
	struct imap_command_writer writer = client_begin(client, command);

	imap_command_astring(&writer, mailbox);
	return client_end(client, &writer, command, NULL);
}

/* A command about some UIDs; `mailbox` NULL, or where they are to go. */
static uint32_t client_say_uids(struct imap_client *client, enum imap_command command,
				const uint32_t *uids, size_t count, const struct span *mailbox,
				const char *arguments, size_t *taken_r)
{
	struct imap_command_writer writer = client_begin(client, command);
	size_t reserve = strlen(arguments);

	assert(count > 0 && uids[0] != 0);
	if (mailbox != NULL)
		reserve += imap_command_string_max(*mailbox);
	*taken_r = imap_command_uids(&writer, uids, count, reserve);
	if (mailbox != NULL)
		imap_command_astring(&writer, *mailbox);
	imap_command_text(&writer, arguments);
	uint32_t id = client_end(client, &writer, command, NULL);
	if (id == 0)
		*taken_r = 0;
	return id;
}

uint32_t imap_client_capability(struct imap_client *client)
{
	return client_say(client, IMAP_COMMAND_CAPABILITY, "");
}

uint32_t imap_client_noop(struct imap_client *client)
{
	return client_say(client, IMAP_COMMAND_NOOP, "");
}

uint32_t imap_client_logout(struct imap_client *client)
{
	return client_say(client, IMAP_COMMAND_LOGOUT, "");
}

uint32_t imap_client_id(struct imap_client *client, const char *name, const char *version)
{
	struct imap_command_writer writer = client_begin(client, IMAP_COMMAND_ID);

	imap_command_text(&writer, " (\"name\"");
	imap_command_string(&writer, span_text(name));
	if (version != NULL) {
		imap_command_text(&writer, " \"version\"");
		imap_command_string(&writer, span_text(version));
	}
	imap_command_text(&writer, ")");
	return client_end(client, &writer, IMAP_COMMAND_ID, NULL);
}

uint32_t imap_client_starttls(struct imap_client *client)
{
	return client_say(client, IMAP_COMMAND_STARTTLS, "");
}

uint32_t imap_client_login(struct imap_client *client, struct span user, struct span password)
{
	struct imap_command_writer writer = client_begin(client, IMAP_COMMAND_LOGIN);

	imap_command_astring(&writer, user);
	imap_command_string(&writer, password);
	return client_end(client, &writer, IMAP_COMMAND_LOGIN, NULL);
}

/* What is said to a challenge behind the initial response. */
static const char *sasl_answer(const char *mechanism)
{
	if (strcmp(mechanism, "XOAUTH2") == 0)
		return "";
	/* RFC 7628 section 3.2.3: a lone 0x01. */
	if (strcmp(mechanism, "OAUTHBEARER") == 0)
		return "AQ==";
	return "*";
}

uint32_t imap_client_authenticate(struct imap_client *client, const char *mechanism,
				  struct span initial)
{
	struct imap_command_writer writer = client_begin(client, IMAP_COMMAND_AUTHENTICATE);

	bytebuf_deinit(&client->challenge);
	bytebuf_init(&client->challenge, IMAP_TEXT_MAX);
	imap_command_text(&writer, " ");
	imap_command_text(&writer, mechanism);
	imap_command_sasl(&writer, initial, imap_client_has(client, IMAP_CAP_SASL_IR));
	return client_end(client, &writer, IMAP_COMMAND_AUTHENTICATE, sasl_answer(mechanism));
}

uint32_t imap_client_select(struct imap_client *client, struct span mailbox)
{
	return client_say_mailbox(client, IMAP_COMMAND_SELECT, mailbox);
}

uint32_t imap_client_unselect(struct imap_client *client)
{
	return client_say(client, IMAP_COMMAND_UNSELECT, "");
}

uint32_t imap_client_list(struct imap_client *client, struct span reference, struct span pattern)
{
	struct imap_command_writer writer = client_begin(client, IMAP_COMMAND_LIST);

	imap_command_astring(&writer, reference);
	imap_command_astring(&writer, pattern);
	return client_end(client, &writer, IMAP_COMMAND_LIST, NULL);
}

uint32_t imap_client_create(struct imap_client *client, struct span mailbox)
{
	return client_say_mailbox(client, IMAP_COMMAND_CREATE, mailbox);
}

uint32_t imap_client_fetch_listing(struct imap_client *client, uint32_t first, uint32_t last,
				   bool internaldate)
{
	struct imap_command_writer writer = client_begin(client, IMAP_COMMAND_UID_FETCH);

	imap_command_text(&writer, " ");
	imap_command_number(&writer, first);
	imap_command_text(&writer, ":");
	if (last == 0)
		imap_command_text(&writer, "*");
	else
		imap_command_number(&writer, last);
	imap_command_text(&writer, internaldate ? " (UID FLAGS RFC822.SIZE INTERNALDATE)"
						: " (UID FLAGS RFC822.SIZE)");
	return client_end(client, &writer, IMAP_COMMAND_UID_FETCH, NULL);
}

uint32_t imap_client_fetch_flags(struct imap_client *client, uint32_t uid)
{
	size_t taken;

	return client_say_uids(client, IMAP_COMMAND_UID_FETCH, &uid, 1, NULL, " (UID FLAGS)",
			       &taken);
}

uint32_t imap_client_fetch_body(struct imap_client *client, uint32_t uid, enum imap_section section,
				uint64_t origin, uint64_t count)
{
	static const char *const items[] = {
		[IMAP_SECTION_WHOLE] = " (BODY.PEEK[]",
		[IMAP_SECTION_HEADER] = " (BODY.PEEK[HEADER]",
		[IMAP_SECTION_TEXT] = " (BODY.PEEK[TEXT]",
	};
	struct imap_command_writer writer = client_begin(client, IMAP_COMMAND_UID_FETCH);

	assert(uid != 0);
	imap_command_text(&writer, " ");
	imap_command_number(&writer, uid);
	imap_command_text(&writer, items[section]);
	if (count > 0) {
		imap_command_text(&writer, "<");
		imap_command_number(&writer, origin);
		imap_command_text(&writer, ".");
		imap_command_number(&writer, count);
		imap_command_text(&writer, ">");
	}
	imap_command_text(&writer, ")");
	return client_end(client, &writer, IMAP_COMMAND_UID_FETCH, NULL);
}

uint32_t imap_client_fetch_bodies(struct imap_client *client, const uint32_t *uids, size_t count,
				  size_t *taken_r)
{
	/* UID first, so that it is known whose body begins, by servers that keep the order. */
	return client_say_uids(client, IMAP_COMMAND_UID_FETCH, uids, count, NULL,
			       " (UID BODY.PEEK[])", taken_r);
}

uint32_t imap_client_search_deleted(struct imap_client *client)
{
	/* Without CHARSET, which Exchange refuses. */
	return client_say(client, IMAP_COMMAND_UID_SEARCH, " DELETED");
}

uint32_t imap_client_store(struct imap_client *client, const uint32_t *uids, size_t count,
			   uint32_t add_flags, size_t *taken_r)
{
	static const char *const lists[] = {
		[IMAP_FLAG_SEEN] = " +FLAGS.SILENT (\\Seen)",
		[IMAP_FLAG_DELETED] = " +FLAGS.SILENT (\\Deleted)",
		[IMAP_FLAG_SEEN | IMAP_FLAG_DELETED] = " +FLAGS.SILENT (\\Seen \\Deleted)",
	};

	assert(add_flags > 0 && add_flags < sizeof(lists) / sizeof(lists[0]));
	return client_say_uids(client, IMAP_COMMAND_UID_STORE, uids, count, NULL, lists[add_flags],
			       taken_r);
}

uint32_t imap_client_copy(struct imap_client *client, const uint32_t *uids, size_t count,
			  struct span mailbox, size_t *taken_r)
{
	return client_say_uids(client, IMAP_COMMAND_UID_COPY, uids, count, &mailbox, "", taken_r);
}

uint32_t imap_client_move(struct imap_client *client, const uint32_t *uids, size_t count,
			  struct span mailbox, size_t *taken_r)
{
	return client_say_uids(client, IMAP_COMMAND_UID_MOVE, uids, count, &mailbox, "", taken_r);
}

uint32_t imap_client_expunge(struct imap_client *client, const uint32_t *uids, size_t count,
			     size_t *taken_r)
{
	return client_say_uids(client, IMAP_COMMAND_UID_EXPUNGE, uids, count, NULL, "", taken_r);
}

uint32_t imap_client_idle(struct imap_client *client)
{
	return client_say(client, IMAP_COMMAND_IDLE, "");
}

void imap_client_idle_done(struct imap_client *client)
{
	imap_pipeline_idle_done(&client->pipeline);
}

struct span imap_client_output(const struct imap_client *client)
{
	return imap_pipeline_output(&client->pipeline);
}

void imap_client_sent(struct imap_client *client, size_t len)
{
	imap_pipeline_sent(&client->pipeline, len);
}
