/* SPDX-License-Identifier: ISC */
/* `packetboat status`: the accounts of the configuration, and the mailboxes that were opened by way
 * of an account that stands for many. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf_table.h"
#include "daemon/control/control_private.h"

enum {
	/* There may be thousands of accounts, and the loop has other things to do. */
	STATUS_TURN_MS = 2,
};

struct control_status {
	struct event *more; /* owned: goes on in the next turn of the loop */
	size_t slot;        /* of the next account of the configuration */
	char **keys;        /* owned: mailboxes under wildcards, see mailbox_memory_key() */
	size_t key_count;
	size_t key_capacity;
	size_t key;     /* the next */
	bool no_memory; /* for one of them */
	bool told;      /* at least one account */
	struct grave grave;
};

/* ---- one account ---- */

/* An account by one of its names, and what is known of it. */
struct subject {
	const struct conf_account *account;
	struct oauth_client client;
	bool has_record;
	struct mailbox_record record;
	bool has_oauth;
	struct oauth_status oauth;
};

static const char *word_of(const char *setting, int value)
{
	return conf_row_word(conf_table_find(CONF_SCOPE_ACCOUNT, NULL, setting), value);
}

/* As RFC 3339 has it; or null. */
static json_t *instant(time_t time)
{
	char text[40];
	struct tm tm;

	if (time == 0 || gmtime_r(&time, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return json_string(text);
}

static const char *state_of(const struct subject *subject)
{
	bool failed = subject->has_record && subject->record.last_error != NULL;

	if (subject->has_oauth) {
		switch (subject->oauth.state) {
		case OAUTH_NEVER_SIGNED_IN:
			return "never-signed-in";
		case OAUTH_SIGN_IN_NEEDED:
			return "sign-in-needed";
		case OAUTH_ADMINISTRATOR_NEEDED:
			return "administrator-needed";
		case OAUTH_BACKING_OFF:
			return "backing-off";
		case OAUTH_OK:
			if (!subject->oauth.known && !failed)
				return NULL;
			break;
		}
	}
	return failed ? "failing" : "ok";
}

static const char *last_error_of(const struct subject *subject)
{
	if (subject->has_oauth && subject->oauth.trouble != NULL)
		return subject->oauth.trouble->text;
	return subject->has_record ? subject->record.last_error : NULL;
}

static json_t *subject_to_json(const struct subject *subject)
{
	const struct mailbox_record *record = subject->has_record ? &subject->record : NULL;
	const struct oauth_status *oauth = subject->has_oauth ? &subject->oauth : NULL;
	json_t *expires = oauth != NULL && oauth->expires_in >= 0 ? json_integer(oauth->expires_in)
								  : json_null();
	json_t *messages =
		record != NULL && record->counted ? json_integer(record->messages) : json_null();
	json_int_t backoff = oauth != NULL ? (json_int_t)oauth->backoff_for : 0;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:i, s:b, s:o}", "user",
			 control_text(subject->client.name), "provider",
			 control_text(word_of("provider", (int)subject->account->provider)), "auth",
			 control_text(word_of("auth", (int)subject->account->auth)), "state",
			 control_text(state_of(subject)), "token_expires_in", expires,
			 "last_success", instant(record != NULL ? record->last_success : 0),
			 "last_error", control_text(last_error_of(subject)), "backoff_for", backoff,
			 "pending_deletions", 0, "warm", 0, "messages", messages);
}

/* ---- the walk ---- */

static bool send_subject(struct control_connection *connection, struct subject *subject)
{
	struct bridge *bridge = connection->control->bridge;
	struct control_status *status = connection->status;

	subject->has_oauth = subject->account->auth == CONF_AUTH_OAUTH2 && bridge->oauth != NULL;
	if (subject->has_oauth)
		oauth_describe(bridge->oauth, &subject->client, &subject->oauth);
	json_t *json = subject_to_json(subject);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	bool ok = text != NULL &&
		  (!status->told || stream_write(connection->stream, span_text(","))) &&
		  stream_write(connection->stream, span_text(text));

	status->told = true;
	json_decref(json);
	free(text);
	return ok;
}

static struct subject subject_of(const struct control_connection *connection,
				 const struct conf_account *account, const char *name)
{
	return (struct subject){
		.account = account,
		.client = { .setup = connection->setup,
			    .account = account,
			    .name = name,
			    .mailbox = conf_account_mailbox(account, name) },
	};
}

static bool send_account(struct control_connection *connection, const struct conf_account *account)
{
	struct subject subject = subject_of(connection, account, account->user);
	char *key;

	if (account->user[0] == '*')
		return true;
	key = mailbox_memory_key(account->imap.host, subject.client.mailbox, account->folder);
	if (key == NULL)
		return false;
	subject.has_record = mailbox_memories_find(&connection->control->bridge->mailboxes.memories,
						   key, &subject.record);
	free(key);
	return send_subject(connection, &subject);
}

/* A mailbox that was opened by the name of an account that stands for many. Others are told under
 * their account; or there is none any more. */
static bool send_mailbox(struct control_connection *connection, const char *key)
{
	struct mailbox_record record;

	if (!mailbox_memories_find(&connection->control->bridge->mailboxes.memories, key, &record))
		return true;
	const struct conf_account *account =
		conf_find_account(connection->setup->conf, record.name);
	if (account == NULL || account->user[0] != '*')
		return true;
	struct subject subject = subject_of(connection, account, record.name);
	subject.has_record = true;
	subject.record = record;
	return send_subject(connection, &subject);
}

static void note_mailbox(void *argument, const struct mailbox_record *record)
{
	struct control_status *status = argument;

	if (status->no_memory)
		return;
	if (status->key_count == status->key_capacity) {
		size_t capacity = status->key_capacity == 0 ? 64 : status->key_capacity * 2;
		char **keys = reallocarray(status->keys, capacity, sizeof(*keys));

		if (keys == NULL) {
			status->no_memory = true;
			return;
		}
		status->keys = keys;
		status->key_capacity = capacity;
	}
	status->keys[status->key_count] =
		mailbox_memory_key(record->host, record->user, record->folder);
	if (status->keys[status->key_count] == NULL)
		status->no_memory = true;
	else
		status->key_count++;
}

/* The next of all. False: there is no memory. */
static bool status_step(struct control_connection *connection, bool *end_r)
{
	struct control_status *status = connection->status;
	const struct conf *conf = connection->setup->conf;

	*end_r = false;
	if (status->slot < conf->account_count)
		return send_account(connection, &conf->accounts[status->slot++]);
	if (status->key < status->key_count)
		return send_mailbox(connection, status->keys[status->key++]);
	*end_r = true;
	return true;
}

/* As many as the peer takes and the time allows. */
static void status_go_on(struct control_connection *connection)
{
	uint64_t until = loop_now_ms() + STATUS_TURN_MS;
	bool end = false;

	while (!end && !stream_is_full(connection->stream)) {
		if (!status_step(connection, &end)) {
			/* Half an answer is none, and there is no other way to say so. */
			control_connection_bury(connection);
			return;
		}
		if (!end && loop_now_ms() >= until) {
			event_active(connection->status->more, EV_TIMEOUT, 0);
			break;
		}
	}
	if (end && !stream_write(connection->stream, span_text("]}}\n")))
		control_connection_bury(connection);
	else if (end)
		control_finish(connection, NULL);
	else
		stream_flush(connection->stream);
}

static void on_more(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	status_go_on(argument);
}

static bool conf_has_wildcard(const struct conf *conf)
{
	for (size_t i = 0; i < conf->account_count; i++) {
		if (conf->accounts[i].user[0] == '*')
			return true;
	}
	return false;
}

static bool status_send_head(struct control_connection *connection)
{
	const struct bridge *bridge = connection->control->bridge;
	char head[200];
	int len = snprintf(head, sizeof(head),
			   "{\"done\":true,\"status\":{\"version\":\"%s\",\"pid\":%ld,"
			   "\"uptime\":%llu,\"sessions\":%zu,\"accounts\":[",
			   PACKETBOAT_VERSION, (long)getpid(),
			   (unsigned long long)(loop_now_ms() - bridge->started_ms) / 1000,
			   bridge->session_count - bridge->refused_count);

	return stream_write(connection->stream, span_of(head, (size_t)len));
}

static void begin(struct control_connection *connection)
{
	struct bridge *bridge = connection->control->bridge;
	struct control_status *status = calloc(1, sizeof(*status));

	connection->status = status;
	if (status != NULL) {
		status->more = event_new(bridge->loop.base, -1, 0, on_more, connection);
		if (conf_has_wildcard(connection->setup->conf))
			mailbox_memories_walk(&bridge->mailboxes.memories, note_mailbox, status);
	}
	if (status == NULL || status->more == NULL || status->no_memory)
		control_error(connection, "no memory", NULL);
	else if (status_send_head(connection))
		status_go_on(connection);
	else
		control_connection_bury(connection);
}

static void status_free(void *argument)
{
	struct control_status *status = argument;

	if (status->more != NULL)
		event_free(status->more);
	for (size_t i = 0; i < status->key_count; i++)
		free(status->keys[i]);
	free(status->keys);
	free(status);
}

static void cancel(struct control_connection *connection)
{
	struct control_status *status = connection->status;

	connection->status = NULL;
	if (status == NULL)
		return;
	if (status->more != NULL)
		event_del(status->more);
	loop_bury(&connection->control->bridge->loop, &status->grave, status_free, status);
}

const struct control_verb control_status_verb = {
	.command = CONTROL_STATUS,
	.begin = begin,
	.drained = status_go_on,
	.cancel = cancel,
};
