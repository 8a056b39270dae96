/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_record.h"

#include <jansson.h>

void token_record_deinit(struct token_record *record)
{
	secret_free(&record->refresh);
	secret_free(&record->access);
}

#define MEMBER_SIZE(member) sizeof(((struct token_record *)NULL)->member)

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} texts[] = {
	{ "client_id", offsetof(struct token_record, client_id), MEMBER_SIZE(client_id) },
	{ "token_endpoint", offsetof(struct token_record, token_endpoint),
	  MEMBER_SIZE(token_endpoint) },
	{ "flow", offsetof(struct token_record, flow), MEMBER_SIZE(flow) },
};

static const struct {
	const char *name;
	size_t offset;
} times[] = {
	{ "access_expires", offsetof(struct token_record, access_expires) },
	{ "signed_in", offsetof(struct token_record, signed_in) },
	{ "refreshed", offsetof(struct token_record, refreshed) },
};

enum {
	TEXT_COUNT = sizeof(texts) / sizeof(texts[0]),
	TIME_COUNT = sizeof(times) / sizeof(times[0]),
};

static bool set_span(json_t *object, const char *name, struct span text)
{
	return json_object_set_new(object, name, json_stringn((const char *)text.data, text.len)) ==
	       0;
}

static bool set_secret(json_t *object, const char *name, const struct secret *secret)
{
	return secret == NULL || set_span(object, name, secret_borrow(secret));
}

/* json_dump_callback() */
static int append(const char *octets, size_t len, void *out)
{
	return bytebuf_append(out, span_of(octets, len)) ? 0 : -1;
}

const char *token_record_write(struct bytebuf *out, const struct token_owner *owner,
			       const struct token_record *record)
{
	const char *why = NULL;
	json_t *object = json_object();
	bool set = object != NULL && set_span(object, "host", span_text(owner->host)) &&
		   set_span(object, "user", span_text(owner->user)) &&
		   set_secret(object, "refresh", record->refresh) &&
		   set_secret(object, "access", record->access);

	for (size_t i = 0; set && i < TEXT_COUNT; i++)
		set = set_span(object, texts[i].name,
			       span_text((const char *)record + texts[i].offset));
	for (size_t i = 0; set && i < TIME_COUNT; i++) {
		time_t time;

		memcpy(&time, (const char *)record + times[i].offset, sizeof(time));
		set = json_object_set_new(object, times[i].name, json_integer(time)) == 0;
	}
	if (strlen(owner->host) >= TOKEN_OWNER_MAX || strlen(owner->user) >= TOKEN_OWNER_MAX)
		why = "the name of the mailbox is too long";
	else if (!set)
		why = "there is no memory, or the name of the mailbox is not UTF-8";
	else if (json_dump_callback(object, append, out, JSON_COMPACT) != 0)
		why = "there is no memory, or its tokens are too long";
	json_decref(object);
	return why;
}

static bool get_text(const json_t *object, const char *name, char *text_r, size_t size)
{
	const json_t *value = json_object_get(object, name);
	size_t len = json_string_length(value);

	if (!json_is_string(value) || len >= size)
		return false;
	memcpy(text_r, json_string_value(value), len + 1);
	return true;
}

/* False: it is no text, or there is no memory. */
static bool get_secret(const json_t *object, const char *name, struct secret **secret_r)
{
	const json_t *value = json_object_get(object, name);

	*secret_r = NULL;
	if (value == NULL)
		return true;
	if (json_string_length(value) == 0)
		return false;
	*secret_r = secret_new(span_of(json_string_value(value), json_string_length(value)));
	return *secret_r != NULL;
}

bool token_record_read(struct span text, struct token_record_owner *owner_r,
		       struct token_record *record_r)
{
	json_t *object = text.len > 0 ? json_loadb((const char *)text.data, text.len,
						   JSON_REJECT_DUPLICATES, NULL)
				      : NULL;
	bool read = get_text(object, "host", owner_r->host, sizeof(owner_r->host)) &&
		    get_text(object, "user", owner_r->user, sizeof(owner_r->user));

	*record_r = (struct token_record){ 0 };
	for (size_t i = 0; read && i < TEXT_COUNT; i++)
		read = get_text(object, texts[i].name, (char *)record_r + texts[i].offset,
				texts[i].size);
	for (size_t i = 0; read && i < TIME_COUNT; i++) {
		const json_t *value = json_object_get(object, times[i].name);
		time_t time = (time_t)json_integer_value(value);

		read = json_is_integer(value);
		memcpy((char *)record_r + times[i].offset, &time, sizeof(time));
	}
	read = read && get_secret(object, "refresh", &record_r->refresh) &&
	       get_secret(object, "access", &record_r->access);
	if (!read)
		token_record_deinit(record_r);
	json_decref(object);
	return read;
}
