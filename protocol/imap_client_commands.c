/* SPDX-License-Identifier: ISC */
#include "protocol/imap_client_private.h"

#include <assert.h>

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

	imap_client_watch_select(client);
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

uint32_t imap_client_fetch_message(struct imap_client *client, uint32_t uid)
{
	size_t taken;

	return client_say_uids(client, IMAP_COMMAND_UID_FETCH, &uid, 1, NULL, " (BODY[])", &taken);
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

uint32_t imap_client_clear_seen(struct imap_client *client, uint32_t uid)
{
	size_t taken;

	return client_say_uids(client, IMAP_COMMAND_UID_STORE, &uid, 1, NULL,
			       " -FLAGS.SILENT (\\Seen)", &taken);
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
