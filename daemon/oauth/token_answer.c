/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_answer.h"

#include <jansson.h>
#include <stdio.h>

#include "protocol/base64.h"
#include "protocol/bytebuf.h"

enum {
	ANSWER_MAX = 1024 * 1024,
	TOKEN_MAX = 48 * 1024,
	/* Where `expires_in` is missing (RFC 6749 section 5.1): what is usual. */
	EXPIRES_USUALLY = 3600,
	EXPIRES_MAX = 366 * 86400,
	DEVICE_EXPIRES_USUALLY = 900,
	DEVICE_EXPIRES_MAX = 86400,
	DEVICE_INTERVAL_USUALLY = 5, /* RFC 8628 section 3.2 */
	DEVICE_INTERVAL_MAX = 3600,
};

static const struct {
	const char *error;
	enum token_answer_kind kind;
} kinds[] = {
	/* RFC 8628 section 3.5; the second ones of these pairs are Microsoft's. */
	{ "authorization_pending", TOKEN_PENDING },
	{ "slow_down", TOKEN_SLOW_DOWN },
	{ "access_denied", TOKEN_DECLINED },
	{ "authorization_declined", TOKEN_DECLINED },
	{ "expired_token", TOKEN_CODE_EXPIRED },
	{ "bad_verification_code", TOKEN_CODE_EXPIRED },
	/* RFC 6749 section 5.2; OpenID Connect Core 1.0 section 3.1.2.6 */
	{ "invalid_grant", TOKEN_SIGN_IN_NEEDED },
	{ "interaction_required", TOKEN_SIGN_IN_NEEDED },
	{ "login_required", TOKEN_SIGN_IN_NEEDED },
	{ "consent_required", TOKEN_SIGN_IN_NEEDED },
	{ "account_selection_required", TOKEN_SIGN_IN_NEEDED },
	/* RFC 6749 sections 4.1.2.1 and 5.2; RFC 8707 section 2; Microsoft's invalid_resource: the
	 * registration of the application or the configuration here is wrong. */
	{ "invalid_client", TOKEN_ADMINISTRATOR_NEEDED },
	{ "unauthorized_client", TOKEN_ADMINISTRATOR_NEEDED },
	{ "invalid_scope", TOKEN_ADMINISTRATOR_NEEDED },
	{ "invalid_request", TOKEN_ADMINISTRATOR_NEEDED },
	{ "unsupported_grant_type", TOKEN_ADMINISTRATOR_NEEDED },
	{ "unsupported_response_type", TOKEN_ADMINISTRATOR_NEEDED },
	{ "invalid_target", TOKEN_ADMINISTRATOR_NEEDED },
	{ "invalid_resource", TOKEN_ADMINISTRATOR_NEEDED },
	{ "temporarily_unavailable", TOKEN_TEMPORARY },
	{ "server_error", TOKEN_TEMPORARY },
};

static enum token_answer_kind kind_of(const char *error)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(error, kinds[i].error) == 0)
			return kinds[i].kind;
	}
	return TOKEN_TEMPORARY;
}

/*
 * RFC 6749 section 5.2 allows only ASCII in what is for people; anything else becomes one question
 * mark a character, control octets a blank. Ends where it is full and, if `one_line`, at a line
 * end.
 */
static void copy_clean(char *text_r, size_t size, struct span text, bool one_line)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len && len + 1 < size; i++) {
		unsigned char octet = text.data[i];

		if (one_line && (octet == '\r' || octet == '\n'))
			break;
		if (octet >= 0x80 && octet < 0xc0)
			continue; /* the rest of a character of UTF-8 */
		if (octet >= 0x80)
			octet = '?';
		else if (octet < ' ' || octet == 0x7f)
			octet = ' ';
		text_r[len++] = (char)octet;
	}
	while (len > 0 && text_r[len - 1] == ' ')
		len--;
	text_r[len] = '\0';
}

static struct span json_span(const json_t *value)
{
	return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value))
				     : span_of(NULL, 0);
}

static struct span member(const json_t *object, const char *name)
{
	return json_span(json_object_get(object, name));
}

/* NULL: no JSON, no object, or a member that is there twice (jansson: no deeper than 2048). */
static json_t *read_object(struct span text)
{
	json_t *root = text.len > 0 && text.len <= ANSWER_MAX
			       ? json_loadb((const char *)text.data, text.len,
					    JSON_REJECT_DUPLICATES, NULL)
			       : NULL;

	if (root != NULL && !json_is_object(root)) {
		json_decref(root);
		root = NULL;
	}
	return root;
}

/* Seconds, as a number or, where a provider means well, as a text of digits. */
static uint64_t read_seconds(const json_t *object, const char *name, uint64_t usually, uint64_t max)
{
	const json_t *value = json_object_get(object, name);
	uint64_t seconds = usually;

	if (json_is_integer(value) && json_integer_value(value) >= 0)
		seconds = (uint64_t)json_integer_value(value);
	else if (json_is_real(value) && json_real_value(value) >= 0)
		seconds = json_real_value(value) < (double)max ? (uint64_t)json_real_value(value)
							       : max;
	else if (json_is_string(value))
		(void)span_number(json_span(value), UINT64_MAX, &seconds);
	return seconds < max ? seconds : max;
}

/* RFC 6749 appendix A.12 and A.17, but for blanks, which no bearer token has (RFC 6750). */
static bool is_token(struct span token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.data[i] <= ' ' || token.data[i] > '~')
			return false;
	}
	return token.len > 0 && token.len <= TOKEN_MAX;
}

/* "AADSTS700016: Application with ..." */
static unsigned read_aadsts(struct span description)
{
	static const char prefix[] = "AADSTS";
	uint64_t number = 0;
	const unsigned char *found = description.len > 0 ? memmem(description.data, description.len,
								  prefix, strlen(prefix))
							 : NULL;

	if (found == NULL)
		return 0;
	span_take(&description, (size_t)(found - description.data) + strlen(prefix));
	size_t digits = 0;
	while (digits < description.len && octet_is_digit(description.data[digits]))
		digits++;
	return span_number(span_take(&description, digits), 99999999, &number) ? (unsigned)number
									       : 0;
}

/* Microsoft appends "Trace ID: ... Correlation ID: ... Timestamp: ..." to its sentence, on lines of
 * their own or not. */
static struct span without_trace(struct span description)
{
	static const char mark[] = "Trace ID:";
	const unsigned char *found =
		description.len > 0 ? memmem(description.data, description.len, mark, strlen(mark))
				    : NULL;

	return found != NULL ? span_take(&description, (size_t)(found - description.data))
			     : description;
}

void token_answer_refused(struct token_answer *answer, struct span error, struct span description)
{
	*answer = (struct token_answer){ 0 };
	copy_clean(answer->error, sizeof(answer->error), error, true);
	answer->kind = kind_of(answer->error);
	answer->aadsts = read_aadsts(description);
	copy_clean(answer->text, sizeof(answer->text), without_trace(description), true);
	if (answer->text[0] == '\0')
		snprintf(answer->text, sizeof(answer->text), "The identity provider says %s",
			 answer->error);
}

static void read_refusal(struct token_answer *answer, long status, const json_t *object)
{
	const json_t *number = json_array_get(json_object_get(object, "error_codes"), 0);

	token_answer_refused(answer, member(object, "error"), member(object, "error_description"));
	if (answer->aadsts == 0 && json_integer_value(number) > 0 &&
	    json_integer_value(number) <= 99999999)
		answer->aadsts = (unsigned)json_integer_value(number);
	copy_clean(answer->trace_id, sizeof(answer->trace_id), member(object, "trace_id"), true);
	copy_clean(answer->correlation_id, sizeof(answer->correlation_id),
		   member(object, "correlation_id"), true);
	/* A server that is overloaded or broken knows nothing of grants; but some tell a device to
	 * wait with these codes, too. */
	if ((status == 429 || status >= 500) && answer->kind != TOKEN_PENDING &&
	    answer->kind != TOKEN_SLOW_DOWN)
		answer->kind = TOKEN_TEMPORARY;
}

static void set_unreadable(struct token_answer *answer, long status, const char *why)
{
	token_answer_deinit(answer);
	*answer = (struct token_answer){ .kind = TOKEN_TEMPORARY };
	snprintf(answer->text, sizeof(answer->text),
		 "The identity provider's answer makes no sense (HTTP %ld): %s", status, why);
}

/* Its tokens, into `answer`. NULL, or what is wrong with them. */
static const char *read_grant(struct token_answer *answer, const json_t *object)
{
	struct span access = member(object, "access_token");
	struct span refresh = member(object, "refresh_token");
	struct span type = member(object, "token_type");

	if (!is_token(access))
		return "there is no access token in it";
	/* RFC 6749 section 7.1: not to be used unless it is understood. */
	if (type.len > 0 && !span_equal_nocase(type, span_text("Bearer")))
		return "its token is not a bearer token";
	if (refresh.len > 0 && !is_token(refresh))
		return "its refresh token is none";
	answer->access = secret_new(access);
	if (refresh.len > 0)
		answer->refresh = secret_new(refresh);
	if (answer->access == NULL || (refresh.len > 0 && answer->refresh == NULL))
		return "no memory";
	/* Nonsense here is no reason to throw away tokens, of which the old one may be dead. */
	answer->expires_in = read_seconds(object, "expires_in", EXPIRES_USUALLY, EXPIRES_MAX);
	answer->kind = TOKEN_GRANTED;
	return NULL;
}

void token_answer_read(struct token_answer *answer, long status, struct span body)
{
	json_t *object = read_object(body);
	const char *why = NULL;

	*answer = (struct token_answer){ .kind = TOKEN_TEMPORARY };
	if (object == NULL)
		why = "it is no JSON object";
	else if (member(object, "error").len > 0) /* some providers answer so with 200 */
		read_refusal(answer, status, object);
	else if (status != 200)
		why = "it does not name its error";
	else
		why = read_grant(answer, object);
	if (why != NULL)
		set_unreadable(answer, status, why);
	json_decref(object);
}

void token_answer_deinit(struct token_answer *answer)
{
	secret_free(&answer->access);
	secret_free(&answer->refresh);
}

/* Printable ASCII, as long as it fits; `text_r` is "" otherwise. */
static bool copy_exactly(char *text_r, size_t size, struct span text)
{
	bool fits = text.len > 0 && text.len < size;

	for (size_t i = 0; fits && i < text.len; i++)
		fits = text.data[i] >= ' ' && text.data[i] <= '~';
	if (fits)
		memcpy(text_r, text.data, text.len);
	text_r[fits ? text.len : 0] = '\0';
	return fits;
}

/* NULL, or what is wrong with it. */
static const char *read_device(struct device_answer *device, const json_t *object)
{
	static const char scheme[] = "https://";
	struct span code = member(object, "device_code");
	struct span uri = member(object, "verification_uri");

	if (uri.len == 0) /* drafts of RFC 8628, and Google */
		uri = member(object, "verification_url");
	if (!is_token(code))
		return "there is no device code in it";
	if (!copy_exactly(device->user_code, sizeof(device->user_code),
			  member(object, "user_code")))
		return "there is no code for the person in it";
	if (!is_token(uri) || uri.len <= strlen(scheme) ||
	    !span_equal_nocase(span_of(uri.data, strlen(scheme)), span_text(scheme)) ||
	    !copy_exactly(device->verification_uri, sizeof(device->verification_uri), uri))
		return "there is no https: address for the person in it";
	device->expires_in =
		read_seconds(object, "expires_in", DEVICE_EXPIRES_USUALLY, DEVICE_EXPIRES_MAX);
	device->interval =
		read_seconds(object, "interval", DEVICE_INTERVAL_USUALLY, DEVICE_INTERVAL_MAX);
	if (device->interval == 0)
		device->interval = 1;
	device->device_code = secret_new(code);
	return device->device_code != NULL ? NULL : "no memory";
}

bool device_answer_read(struct device_answer *device, long status, struct span body,
			struct token_answer *refusal_r)
{
	json_t *object = read_object(body);
	const char *why = NULL;

	*device = (struct device_answer){ 0 };
	*refusal_r = (struct token_answer){ .kind = TOKEN_TEMPORARY };
	if (object == NULL)
		why = "it is no JSON object";
	else if (member(object, "error").len > 0)
		read_refusal(refusal_r, status, object);
	else if (status != 200)
		why = "it does not name its error";
	else
		why = read_device(device, object);
	if (why != NULL)
		set_unreadable(refusal_r, status, why);
	json_decref(object);
	/* These belong to polling; here they mean no more than "not now". */
	if (refusal_r->kind == TOKEN_PENDING || refusal_r->kind == TOKEN_SLOW_DOWN)
		refusal_r->kind = TOKEN_TEMPORARY;
	return device->device_code != NULL;
}

void device_answer_deinit(struct device_answer *device)
{
	secret_free(&device->device_code);
	explicit_bzero(device, sizeof(*device));
}

/* RFC 7515 section 2: base64url without padding. */
static bool decode_base64url(struct bytebuf *out, struct span text)
{
	struct bytebuf padded;

	bytebuf_init(&padded, text.len + 3);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char octet = text.data[i];

		if (octet == '+' || octet == '/' || octet == '=')
			break; /* too short now, and refused below */
		if (octet == '-')
			octet = '+';
		else if (octet == '_')
			octet = '/';
		bytebuf_append_octet(&padded, octet);
	}
	bool whole = bytebuf_len(&padded) == text.len;
	while (bytebuf_len(&padded) % 4 != 0 && bytebuf_append_octet(&padded, '='))
		continue;
	bool decoded = whole && base64_decode(out, bytebuf_peek(&padded));
	bytebuf_deinit(&padded);
	return decoded;
}

/* The second of three parts between dots. */
static bool find_payload(struct span token, struct span *payload_r)
{
	const unsigned char *first = token.len > 0 ? memchr(token.data, '.', token.len) : NULL;

	if (first == NULL)
		return false;
	span_take(&token, (size_t)(first - token.data) + 1);
	const unsigned char *second = token.len > 0 ? memchr(token.data, '.', token.len) : NULL;
	if (second == NULL)
		return false;
	*payload_r = span_take(&token, (size_t)(second - token.data));
	span_take(&token, 1);
	/* Five parts are an encrypted one (RFC 7516). */
	return token.len == 0 || memchr(token.data, '.', token.len) == NULL;
}

/* A text, or the texts of an array, joined by blanks. */
static void copy_claim(char *text_r, size_t size, const json_t *value)
{
	const json_t *item;
	size_t i;
	size_t len = 0;

	if (!json_is_array(value)) {
		copy_clean(text_r, size, json_span(value), false);
		return;
	}
	text_r[0] = '\0';
	json_array_foreach(value, i, item)
	{
		if (json_string_length(item) == 0 || size - len < 3)
			continue;
		if (len > 0)
			text_r[len++] = ' ';
		copy_clean(text_r + len, size - len, json_span(item), false);
		len += strlen(text_r + len);
	}
}

/* The first of these claims that says something. */
static void copy_first_claim(char *text_r, size_t size, const json_t *object,
			     const char *const names[], size_t count)
{
	text_r[0] = '\0';
	for (size_t i = 0; i < count && text_r[0] == '\0'; i++)
		copy_claim(text_r, size, json_object_get(object, names[i]));
}

bool token_claims_read(struct token_claims *claims_r, struct span token)
{
	static const char *const who[] = { "upn", "preferred_username", "unique_name", "email" };
	static const char *const app[] = { "appid", "azp", "client_id" };
	static const char *const scopes[] = { "scp", "scope" };
	struct bytebuf text;
	struct span payload;
	json_t *object = NULL;

	*claims_r = (struct token_claims){ 0 };
	bytebuf_init(&text, TOKEN_MAX);
	if (find_payload(token, &payload) && payload.len <= TOKEN_MAX &&
	    decode_base64url(&text, payload))
		object = read_object(bytebuf_peek(&text));
	bytebuf_deinit(&text);
	if (object == NULL)
		return false;
	copy_claim(claims_r->audience, sizeof(claims_r->audience), json_object_get(object, "aud"));
	copy_claim(claims_r->tenant, sizeof(claims_r->tenant), json_object_get(object, "tid"));
	copy_claim(claims_r->roles, sizeof(claims_r->roles), json_object_get(object, "roles"));
	copy_first_claim(claims_r->who, sizeof(claims_r->who), object, who,
			 sizeof(who) / sizeof(who[0]));
	copy_first_claim(claims_r->app, sizeof(claims_r->app), object, app,
			 sizeof(app) / sizeof(app[0]));
	copy_first_claim(claims_r->scopes, sizeof(claims_r->scopes), object, scopes,
			 sizeof(scopes) / sizeof(scopes[0]));
	claims_r->expires = json_integer_value(json_object_get(object, "exp"));
	json_decref(object);
	return true;
}
