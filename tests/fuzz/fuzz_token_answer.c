/* SPDX-License-Identifier: ISC */
/*
 * fuzz_token_answer: any octets as what an identity provider or a browser brings.
 *
 * Whatever comes, texts for people are printable ASCII on one line, tokens are what may stand in a
 * header, and there are tokens exactly where they were granted. What was read and is written down
 * again is read as the same.
 *
 * Input: one octet for the reader, one for HTTP's status, what came.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/oauth/token_advice.h"
#include "daemon/oauth/token_answer.h"
#include "daemon/oauth/token_form.h"
#include "protocol/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORAGE_MAX = 65536 };

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

static bool is_printable(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\0')
			return true;
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return false;
}

#define CHECK_TEXT(array) CHECK(is_printable(array, sizeof(array)))

static bool is_visible(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	}
	return true;
}

static void check_token(const struct secret *token)
{
	struct span octets = secret_borrow(token);

	CHECK(octets.len > 0 && octets.len <= 48 * 1024 && is_visible(octets));
}

static void check_answer(const struct token_answer *answer, long status)
{
	static const struct conf_oauth flows[] = { { .flow = CONF_FLOW_USER },
						   { .flow = CONF_FLOW_APP } };
	bool granted = answer->kind == TOKEN_GRANTED;

	CHECK_TEXT(answer->error);
	CHECK_TEXT(answer->text);
	CHECK_TEXT(answer->trace_id);
	CHECK_TEXT(answer->correlation_id);
	CHECK(granted == (answer->access != NULL));
	CHECK(granted == (answer->text[0] == '\0'));
	CHECK(granted || answer->refresh == NULL);
	CHECK(!granted || (status == 200 && answer->error[0] == '\0'));
	CHECK(status < 500 || answer->kind == TOKEN_TEMPORARY || answer->kind == TOKEN_PENDING ||
	      answer->kind == TOKEN_SLOW_DOWN);
	CHECK(answer->error[0] != '\0' || granted || answer->kind == TOKEN_TEMPORARY);
	if (granted)
		check_token(answer->access);
	if (answer->refresh != NULL)
		check_token(answer->refresh);
	for (size_t i = 0; i < 2; i++) {
		struct token_advice advice = token_advice_for(answer, &flows[i]);

		CHECK(advice.meaning != NULL && advice.remedy != NULL);
	}
}

static bool is_same(const struct secret *a, const struct secret *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return span_equal(secret_borrow(a), secret_borrow(b));
}

static void add_secret(json_t *object, const char *name, const struct secret *secret)
{
	if (secret == NULL)
		return;
	struct span octets = secret_borrow(secret);

	json_object_set_new(object, name, json_stringn((const char *)octets.data, octets.len));
}

static void check_again(const struct token_answer *answer)
{
	struct token_answer again;
	json_t *object = json_pack("{s:I}", "expires_in", (json_int_t)answer->expires_in);

	add_secret(object, "access_token", answer->access);
	add_secret(object, "refresh_token", answer->refresh);
	char *text = json_dumps(object, 0);
	CHECK(text != NULL);
	token_answer_read(&again, 200, span_text(text));
	CHECK(again.kind == TOKEN_GRANTED && is_same(again.access, answer->access) &&
	      is_same(again.refresh, answer->refresh) && again.expires_in == answer->expires_in);
	token_answer_deinit(&again);
	free(text);
	json_decref(object);
}

static void try_token(long status, struct span body)
{
	struct token_answer answer;

	token_answer_read(&answer, status, body);
	check_answer(&answer, status);
	if (answer.kind == TOKEN_GRANTED)
		check_again(&answer);
	token_answer_deinit(&answer);
}

static void try_device(long status, struct span body)
{
	struct device_answer device;
	struct token_answer refusal;
	bool read = device_answer_read(&device, status, body, &refusal);

	CHECK(read == (device.device_code != NULL));
	CHECK(refusal.kind != TOKEN_GRANTED && refusal.kind != TOKEN_PENDING &&
	      refusal.kind != TOKEN_SLOW_DOWN);
	CHECK(refusal.access == NULL && refusal.refresh == NULL);
	if (read) {
		check_token(device.device_code);
		CHECK_TEXT(device.user_code);
		CHECK_TEXT(device.verification_uri);
		CHECK(device.user_code[0] != '\0' && strlen(device.verification_uri) > 8);
		CHECK(device.interval >= 1 && device.interval <= 3600);
		CHECK(device.expires_in <= 86400);
	} else {
		check_answer(&refusal, status);
	}
	device_answer_deinit(&device);
}

static bool try_claims(struct span token)
{
	struct token_claims claims;
	bool read = token_claims_read(&claims, token);

	CHECK_TEXT(claims.audience);
	CHECK_TEXT(claims.who);
	CHECK_TEXT(claims.app);
	CHECK_TEXT(claims.tenant);
	CHECK_TEXT(claims.scopes);
	CHECK_TEXT(claims.roles);
	return read;
}

/* What would be hidden behind base64, otherwise. */
static void try_payload(struct span payload)
{
	struct bytebuf token;

	bytebuf_init(&token, STORAGE_MAX);
	if (payload.len < 30000) {
		CHECK(base64_encode(&token, payload));
		size_t len = bytebuf_len(&token);
		char *jwt = malloc(len + 4);
		CHECK(jwt != NULL);
		memcpy(jwt, "e.", 2);
		size_t end = 2;
		for (size_t i = 0; i < len && bytebuf_peek(&token).data[i] != '='; i++) {
			char octet = (char)bytebuf_peek(&token).data[i];
			jwt[end++] = (char)(octet == '+' ? '-' : octet == '/' ? '_' : octet);
		}
		jwt[end++] = '.';
		json_t *object = json_loadb((const char *)payload.data, payload.len,
					    JSON_REJECT_DUPLICATES, NULL);
		CHECK(try_claims(span_of(jwt, end)) == json_is_object(object));
		json_decref(object);
		free(jwt);
	}
	bytebuf_deinit(&token);
}

static void check_redirect(const struct redirect_answer *answer)
{
	struct redirect_answer again;
	struct bytebuf query;
	struct bytebuf storage;

	CHECK((answer->code.len > 0) != (answer->error.len > 0));
	CHECK(is_visible(answer->code) && is_visible(answer->state) && is_visible(answer->error));
	bytebuf_init(&query, 4 * STORAGE_MAX);
	bytebuf_init(&storage, STORAGE_MAX);
	if (answer->code.len > 0)
		CHECK(token_form_add(&query, "code", answer->code));
	else
		CHECK(token_form_add(&query, "error", answer->error));
	CHECK(token_form_add(&query, "state", answer->state));
	CHECK(token_form_add(&query, "error_description", answer->error_description));
	CHECK(redirect_answer_read(bytebuf_peek(&query), &storage, &again));
	CHECK(span_equal(again.code, answer->code) && span_equal(again.state, answer->state) &&
	      span_equal(again.error, answer->error) &&
	      span_equal(again.error_description, answer->error_description));
	bytebuf_deinit(&query);
	bytebuf_deinit(&storage);
}

static void try_redirect(struct span text)
{
	struct redirect_answer answer;
	struct token_answer refusal;
	struct bytebuf storage;

	bytebuf_init(&storage, STORAGE_MAX);
	if (redirect_answer_read(text, &storage, &answer)) {
		check_redirect(&answer);
		if (answer.error.len > 0) {
			token_answer_refused(&refusal, answer.error, answer.error_description);
			CHECK(refusal.kind != TOKEN_GRANTED);
			check_answer(&refusal, 400);
		}
	} else {
		CHECK(answer.code.len == 0 && answer.state.len == 0 && answer.error.len == 0);
	}
	bytebuf_deinit(&storage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = { 200, 400, 401, 403, 429, 500, 503, 0 };

	if (size < 2)
		return 0;
	struct span came = span_of(data + 2, size - 2);
	long status = statuses[data[1] % (sizeof(statuses) / sizeof(statuses[0]))];
	switch (data[0] % 5) {
	case 0:
		try_token(status, came);
		break;
	case 1:
		try_device(status, came);
		break;
	case 2:
		(void)try_claims(came);
		break;
	case 3:
		try_payload(came);
		break;
	case 4:
		try_redirect(came);
		break;
	}
	return 0;
}
