/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "protocol/base64.h"

static bool is(const struct secret *secret, const char *expected)
{
	if (secret == NULL)
		return expected == NULL;
	return expected != NULL && span_equal(secret_borrow(secret), span_text(expected));
}

/* What is told of tokens. */
static const struct {
	const char *name;
	const char *body;
	const char *access;
	const char *refresh;
	uint64_t expires_in;
} grants[] = {
	{ "as in RFC 6749 section 5.1",
	  "{\"access_token\":\"2YotnFZFEjr1zCsicMWpAA\",\"token_type\":\"example\","
	  "\"expires_in\":3600,\"refresh_token\":\"tGzv3JOkF0XG5Qx2TlKWIA\"}",
	  NULL, NULL, 0 },
	{ "Microsoft's",
	  "{\"token_type\":\"Bearer\",\"scope\":\"https://outlook.office.com/IMAP.AccessAsUser."
	  "All\",\"expires_in\":4799,\"ext_expires_in\":4799,\"access_token\":\"EwB4A8l6BAAU\","
	  "\"refresh_token\":\"M.C507_BAY.0.U.-Cm*!q$$\",\"id_token\":\"e30.e30.\"}",
	  "EwB4A8l6BAAU", "M.C507_BAY.0.U.-Cm*!q$$", 4799 },
	{ "of an application",
	  "{\"token_type\":\"bearer\",\"expires_in\":3599,\"access_token\":\"a\"}", "a", NULL,
	  3599 },
	{ "no type", "{\"access_token\":\"a\",\"expires_in\":1}", "a", NULL, 1 },
	{ "seconds as text", "{\"access_token\":\"a\",\"expires_in\":\"3599\"}", "a", NULL, 3599 },
	{ "seconds as a real", "{\"access_token\":\"a\",\"expires_in\":3599.9}", "a", NULL, 3599 },
	{ "no seconds", "{\"access_token\":\"a\"}", "a", NULL, 3600 },
	{ "null seconds", "{\"access_token\":\"a\",\"expires_in\":null}", "a", NULL, 3600 },
	{ "negative seconds", "{\"access_token\":\"a\",\"expires_in\":-1}", "a", NULL, 3600 },
	{ "negative real", "{\"access_token\":\"a\",\"expires_in\":-1.5}", "a", NULL, 3600 },
	{ "odd seconds", "{\"access_token\":\"a\",\"expires_in\":\"an hour\"}", "a", NULL, 3600 },
	{ "zero seconds", "{\"access_token\":\"a\",\"expires_in\":0}", "a", NULL, 0 },
	{ "an age", "{\"access_token\":\"a\",\"expires_in\":9223372036854775807}", "a", NULL,
	  366 * 86400 },
	{ "a real age", "{\"access_token\":\"a\",\"expires_in\":1e300}", "a", NULL, 366 * 86400 },
	{ "null refresh token", "{\"access_token\":\"a\",\"refresh_token\":null}", "a", NULL,
	  3600 },
	{ "empty refresh token", "{\"access_token\":\"a\",\"refresh_token\":\"\"}", "a", NULL,
	  3600 },
	{ "empty error", "{\"access_token\":\"a\",\"error\":\"\"}", "a", NULL, 3600 },
	/* and what is none */
	{ "no token", "{\"token_type\":\"Bearer\",\"expires_in\":3599}", NULL, NULL, 0 },
	{ "empty token", "{\"access_token\":\"\"}", NULL, NULL, 0 },
	{ "token as a number", "{\"access_token\":5}", NULL, NULL, 0 },
	{ "a blank in it", "{\"access_token\":\"a b\"}", NULL, NULL, 0 },
	{ "a line end in it", "{\"access_token\":\"a\\r\\nX: y\"}", NULL, NULL, 0 },
	{ "SOH in it", "{\"access_token\":\"a\\u0001b\"}", NULL, NULL, 0 },
	{ "NUL in it", "{\"access_token\":\"a\\u0000b\"}", NULL, NULL, 0 },
	{ "8 bit in it", "{\"access_token\":\"\\u00e9\"}", NULL, NULL, 0 },
	{ "DEL in the refresh token", "{\"access_token\":\"a\",\"refresh_token\":\"\\u007f\"}",
	  NULL, NULL, 0 },
	{ "another type", "{\"access_token\":\"a\",\"token_type\":\"DPoP\"}", NULL, NULL, 0 },
	{ "a member twice", "{\"access_token\":\"a\",\"access_token\":\"b\"}", NULL, NULL, 0 },
	{ "an array", "[{\"access_token\":\"a\"}]", NULL, NULL, 0 },
	{ "a text", "\"a\"", NULL, NULL, 0 },
	{ "more behind it", "{\"access_token\":\"a\"}{}", NULL, NULL, 0 },
	{ "cut", "{\"access_token\":\"a\"", NULL, NULL, 0 },
	{ "HTML", "<html><body>Sign in to the hotel's network</body></html>", NULL, NULL, 0 },
	{ "nothing", "", NULL, NULL, 0 },
};

static void test_grants(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
		struct token_answer answer;

		token_answer_read(&answer, 200, span_text(grants[i].body));
		if (answer.kind != (grants[i].access != NULL ? TOKEN_GRANTED : TOKEN_TEMPORARY) ||
		    !is(answer.access, grants[i].access) ||
		    !is(answer.refresh, grants[i].refresh) ||
		    answer.expires_in != grants[i].expires_in || answer.error[0] != '\0' ||
		    (answer.text[0] == '\0') != (grants[i].access != NULL))
			fail_msg("%s: kind %d, %llu s, %s", grants[i].name, (int)answer.kind,
				 (unsigned long long)answer.expires_in, answer.text);
		token_answer_deinit(&answer);
	}
}

#define TRACE                                                                  \
	"Trace ID: 255d1aef-8c98-452f-ac51-23d051240864\\r\\nCorrelation ID: " \
	"fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7\\r\\nTimestamp: 2016-01-09 02:02:12Z"

static const struct {
	const char *name;
	long status;
	const char *body;
	enum token_answer_kind kind;
	const char *error;
	const char *text;
	unsigned aadsts;
} refusals[] = {
	{ "lines behind it", 400,
	  "{\"error\":\"invalid_scope\",\"error_description\":\"AADSTS70011: The provided value "
	  "for the input parameter 'scope' isn't valid.\\r\\n" TRACE "\",\"error_codes\":[70011],"
	  "\"timestamp\":\"2016-01-09 02:02:12Z\"}",
	  TOKEN_ADMINISTRATOR_NEEDED, "invalid_scope",
	  "AADSTS70011: The provided value for the input parameter 'scope' isn't valid.", 70011 },
	{ "the same line", 400,
	  "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS50173: The provided grant "
	  "has "
	  "expired. " TRACE "\"}",
	  TOKEN_SIGN_IN_NEEDED, "invalid_grant", "AADSTS50173: The provided grant has expired.",
	  50173 },
	{ "number in error_codes", 401,
	  "{\"error\":\"invalid_client\",\"error_description\":\"No.\",\"error_codes\":[7000222,1]"
	  "}",
	  TOKEN_ADMINISTRATOR_NEEDED, "invalid_client", "No.", 7000222 },
	{ "odd error_codes", 401,
	  "{\"error\":\"invalid_client\",\"error_description\":\"No.\",\"error_codes\":[\"x\"]}",
	  TOKEN_ADMINISTRATOR_NEEDED, "invalid_client", "No.", 0 },
	{ "huge error_codes", 401,
	  "{\"error\":\"invalid_client\",\"error_description\":\"No.\",\"error_codes\":[1e20,-5]}",
	  TOKEN_ADMINISTRATOR_NEEDED, "invalid_client", "No.", 0 },
	{ "huge AADSTS", 401,
	  "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS99999999999999999999\"}",
	  TOKEN_ADMINISTRATOR_NEEDED, "invalid_client", "AADSTS99999999999999999999", 0 },
	{ "no description", 400, "{\"error\":\"invalid_grant\"}", TOKEN_SIGN_IN_NEEDED,
	  "invalid_grant", "The identity provider says invalid_grant", 0 },
	{ "control octets", 400,
	  "{\"error\":\"invalid_grant\",\"error_description\":\"\\u001b[2Ja\\tb\\u007f\\u0000\"}",
	  TOKEN_TEMPORARY, "", NULL, 0 },
	{ "control octets but NUL", 400,
	  "{\"error\":\"invalid_grant\",\"error_description\":\"\\u001b[2Ja\\tb\\u007f.\"}",
	  TOKEN_SIGN_IN_NEEDED, "invalid_grant", " [2Ja b .", 0 },
	{ "8 bit", 400,
	  "{\"error\":\"invalid_grant\",\"error_description\":\"ung\\u00fcltig \\ud83d\\ude00\"}",
	  TOKEN_SIGN_IN_NEEDED, "invalid_grant", "ung?ltig ?", 0 },
	{ "number as description", 400, "{\"error\":\"invalid_grant\",\"error_description\":5}",
	  TOKEN_SIGN_IN_NEEDED, "invalid_grant", "The identity provider says invalid_grant", 0 },
	{ "200 with an error", 200, "{\"error\":\"invalid_grant\",\"access_token\":\"a\"}",
	  TOKEN_SIGN_IN_NEEDED, "invalid_grant", "The identity provider says invalid_grant", 0 },
	{ "unknown", 400, "{\"error\":\"moon_phase\",\"error_description\":\"Full\"}",
	  TOKEN_TEMPORARY, "moon_phase", "Full", 0 },
	{ "prefix of a known one", 400, "{\"error\":\"invalid_grant_\"}", TOKEN_TEMPORARY,
	  "invalid_grant_", "The identity provider says invalid_grant_", 0 },
	{ "429", 429, "{\"error\":\"invalid_grant\"}", TOKEN_TEMPORARY, "invalid_grant", NULL, 0 },
	{ "500", 500, "{\"error\":\"invalid_client\"}", TOKEN_TEMPORARY, "invalid_client", NULL,
	  0 },
	{ "503", 503, "{\"error\":\"server_error\"}", TOKEN_TEMPORARY, "server_error", NULL, 0 },
	{ "slow_down with 429", 429, "{\"error\":\"slow_down\"}", TOKEN_SLOW_DOWN, "slow_down",
	  NULL, 0 },
	{ "503 in HTML", 503, "<html>Service Unavailable</html>", TOKEN_TEMPORARY, "", NULL, 0 },
	{ "400 in HTML", 400, "<html>Bad Request</html>", TOKEN_TEMPORARY, "", NULL, 0 },
	{ "400 without error", 400, "{\"access_token\":\"a\"}", TOKEN_TEMPORARY, "", NULL, 0 },
	{ "error as a number", 400, "{\"error\":5}", TOKEN_TEMPORARY, "", NULL, 0 },
	{ "error of blanks", 400, "{\"error\":\"  \"}", TOKEN_TEMPORARY, "", NULL, 0 },
	{ "error twice", 400, "{\"error\":\"invalid_grant\",\"error\":\"invalid_grant\"}",
	  TOKEN_TEMPORARY, "", NULL, 0 },
	{ "302", 302, "", TOKEN_TEMPORARY, "", NULL, 0 },
	{ "204", 204, "", TOKEN_TEMPORARY, "", NULL, 0 },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct token_answer answer;

		token_answer_read(&answer, refusals[i].status, span_text(refusals[i].body));
		if (answer.kind != refusals[i].kind || answer.access != NULL ||
		    strcmp(answer.error, refusals[i].error) != 0 || answer.text[0] == '\0' ||
		    (refusals[i].text != NULL && strcmp(answer.text, refusals[i].text) != 0) ||
		    answer.aadsts != refusals[i].aadsts)
			fail_msg("%s: kind %d, error \"%s\", text \"%s\", AADSTS%u",
				 refusals[i].name, (int)answer.kind, answer.error, answer.text,
				 answer.aadsts);
		token_answer_deinit(&answer);
	}
}

static void test_every_error_has_its_consequence(void **state)
{
	static const struct {
		enum token_answer_kind kind;
		const char *errors[10];
	} rows[] = {
		{ TOKEN_PENDING, { "authorization_pending" } },
		{ TOKEN_SLOW_DOWN, { "slow_down" } },
		{ TOKEN_DECLINED, { "access_denied", "authorization_declined" } },
		{ TOKEN_CODE_EXPIRED, { "expired_token", "bad_verification_code" } },
		{ TOKEN_SIGN_IN_NEEDED,
		  { "invalid_grant", "interaction_required", "consent_required", "login_required",
		    "account_selection_required" } },
		{ TOKEN_ADMINISTRATOR_NEEDED,
		  { "invalid_client", "unauthorized_client", "invalid_scope", "invalid_request",
		    "unsupported_grant_type", "unsupported_response_type", "invalid_target",
		    "invalid_resource" } },
		{ TOKEN_TEMPORARY, { "temporarily_unavailable", "server_error" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; rows[i].errors[j] != NULL; j++) {
			struct token_answer answer;
			char body[100];

			snprintf(body, sizeof(body), "{\"error\":\"%s\"}", rows[i].errors[j]);
			token_answer_read(&answer, 400, span_text(body));
			if (answer.kind != rows[i].kind)
				fail_msg("%s: %d", rows[i].errors[j], (int)answer.kind);
		}
	}
}

static void test_ids_are_kept_and_bounded(void **state)
{
	static const char body[] = "{\"error\":\"invalid_grant\",\"trace_id\":\"255d1aef-8c98-452f-"
				   "ac51-23d051240864\","
				   "\"correlation_id\":\"a\\r\\nb\"}";
	struct token_answer answer;
	char longer[400];

	(void)state;
	token_answer_read(&answer, 400, span_text(body));
	assert_string_equal(answer.trace_id, "255d1aef-8c98-452f-ac51-23d051240864");
	assert_string_equal(answer.correlation_id, "a");
	snprintf(longer, sizeof(longer), "{\"error\":\"%0100d\",\"trace_id\":\"%0100d\"}", 0, 0);
	token_answer_read(&answer, 400, span_text(longer));
	assert_int_equal(strlen(answer.error), sizeof(answer.error) - 1);
	assert_int_equal(strlen(answer.trace_id), sizeof(answer.trace_id) - 1);
}

/* A body of `len` octets in `access`, and its answer. */
static enum token_answer_kind kind_of_long_token(size_t len)
{
	static const char before[] = "{\"access_token\":\"";
	struct token_answer answer;
	char *body = malloc(len + 100);

	assert_non_null(body);
	memcpy(body, before, strlen(before));
	memset(body + strlen(before), 'a', len);
	memcpy(body + strlen(before) + len, "\"}", 2);
	token_answer_read(&answer, 200, span_of(body, strlen(before) + len + 2));
	if (answer.kind == TOKEN_GRANTED)
		assert_int_equal(secret_borrow(answer.access).len, len);
	token_answer_deinit(&answer);
	free(body);
	return answer.kind;
}

static void test_length_and_depth_are_bounded(void **state)
{
	struct token_answer answer;
	char *deep = malloc(1024 * 1024);

	(void)state;
	assert_int_equal(kind_of_long_token(6000), TOKEN_GRANTED);
	assert_int_equal(kind_of_long_token(48 * 1024), TOKEN_GRANTED);
	assert_int_equal(kind_of_long_token(48 * 1024 + 1), TOKEN_TEMPORARY);
	assert_int_equal(kind_of_long_token(1024 * 1024), TOKEN_TEMPORARY);
	assert_non_null(deep);
	memset(deep, '[', 1024 * 1024);
	token_answer_read(&answer, 200, span_of(deep, 1024 * 1024));
	assert_int_equal(answer.kind, TOKEN_TEMPORARY);
	for (size_t i = 0; i + 5 <= 1024 * 1024; i += 5)
		memcpy(deep + i, "{\"a\":", 5);
	token_answer_read(&answer, 200, span_of(deep, 1024 * 1024));
	assert_int_equal(answer.kind, TOKEN_TEMPORARY);
	free(deep);
}

static void test_refused_by_way_of_the_browser(void **state)
{
	struct token_answer answer;

	(void)state;
	token_answer_refused(&answer, span_text("access_denied"),
			     span_text("AADSTS65004: User declined to consent.  Trace ID: 1"));
	assert_int_equal(answer.kind, TOKEN_DECLINED);
	assert_int_equal(answer.aadsts, 65004);
	assert_string_equal(answer.text, "AADSTS65004: User declined to consent.");
	token_answer_refused(&answer, span_text("login_required"), span_of(NULL, 0));
	assert_int_equal(answer.kind, TOKEN_SIGN_IN_NEEDED);
	assert_string_equal(answer.text, "The identity provider says login_required");
}

static const struct {
	const char *name;
	long status;
	const char *body;
	const char *user_code; /* NULL: refused */
	const char *uri;
	uint64_t expires_in, interval;
	enum token_answer_kind kind;
	const char *error;
} devices[] = {
	{ "RFC 8628 section 3.2", 200,
	  "{\"device_code\":\"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS\",\"user_code\":\"WDJB-"
	  "MJHT\",\"verification_uri\":\"https://example.com/"
	  "device\",\"verification_uri_complete\":"
	  "\"https://example.com/device?user_code=WDJB-MJHT\",\"expires_in\":1800,\"interval\":5}",
	  "WDJB-MJHT", "https://example.com/device", 1800, 5, TOKEN_TEMPORARY, "" },
	{ "Google's spelling", 200,
	  "{\"device_code\":\"D\",\"user_code\":\"U\",\"verification_url\":\"HTTPS://x/\"}", "U",
	  "HTTPS://x/", 900, 5, TOKEN_TEMPORARY, "" },
	{ "odd times", 200,
	  "{\"device_code\":\"D\",\"user_code\":\"U\",\"verification_uri\":\"https://x/\","
	  "\"expires_in\":\"1e9\",\"interval\":0}",
	  "U", "https://x/", 900, 1, TOKEN_TEMPORARY, "" },
	{ "long times", 200,
	  "{\"device_code\":\"D\",\"user_code\":\"U\",\"verification_uri\":\"https://x/\","
	  "\"expires_in\":999999999,\"interval\":\"999999999\"}",
	  "U", "https://x/", 86400, 3600, TOKEN_TEMPORARY, "" },
	{ "no device code", 200, "{\"user_code\":\"U\",\"verification_uri\":\"https://x/\"}", NULL,
	  NULL, 0, 0, TOKEN_TEMPORARY, "" },
	{ "no user code", 200, "{\"device_code\":\"D\",\"verification_uri\":\"https://x/\"}", NULL,
	  NULL, 0, 0, TOKEN_TEMPORARY, "" },
	{ "a user code of control octets", 200,
	  "{\"device_code\":\"D\",\"user_code\":\"\\u001b[1m\",\"verification_uri\":\"https://x/"
	  "\"}",
	  NULL, NULL, 0, 0, TOKEN_TEMPORARY, "" },
	{ "no address", 200, "{\"device_code\":\"D\",\"user_code\":\"U\"}", NULL, NULL, 0, 0,
	  TOKEN_TEMPORARY, "" },
	{ "another scheme", 200,
	  "{\"device_code\":\"D\",\"user_code\":\"U\",\"verification_uri\":\"javascript:alert(1)"
	  "\"}",
	  NULL, NULL, 0, 0, TOKEN_TEMPORARY, "" },
	{ "no host", 200,
	  "{\"device_code\":\"D\",\"user_code\":\"U\",\"verification_uri\":\"https://\"}", NULL,
	  NULL, 0, 0, TOKEN_TEMPORARY, "" },
	{ "a line end in the address", 200,
	  "{\"device_code\":\"D\",\"user_code\":\"U\",\"verification_uri\":\"https://x/\\ny\"}",
	  NULL, NULL, 0, 0, TOKEN_TEMPORARY, "" },
	{ "refused", 400,
	  "{\"error\":\"unauthorized_client\",\"error_description\":\"AADSTS700016: no\"}", NULL,
	  NULL, 0, 0, TOKEN_ADMINISTRATOR_NEEDED, "unauthorized_client" },
	{ "slow_down", 400, "{\"error\":\"slow_down\"}", NULL, NULL, 0, 0, TOKEN_TEMPORARY,
	  "slow_down" },
	{ "pending", 200, "{\"error\":\"authorization_pending\"}", NULL, NULL, 0, 0,
	  TOKEN_TEMPORARY, "authorization_pending" },
	{ "HTML", 404, "<html>", NULL, NULL, 0, 0, TOKEN_TEMPORARY, "" },
};

static void test_device_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		struct device_answer device;
		struct token_answer refusal;
		bool read = device_answer_read(&device, devices[i].status,
					       span_text(devices[i].body), &refusal);

		if (read != (devices[i].user_code != NULL) || refusal.access != NULL ||
		    refusal.kind != devices[i].kind ||
		    strcmp(refusal.error, devices[i].error) != 0 ||
		    read != (refusal.text[0] == '\0'))
			fail_msg("%s: %d, kind %d, %s, %s", devices[i].name, read,
				 (int)refusal.kind, refusal.error, refusal.text);
		if (read &&
		    (strcmp(device.user_code, devices[i].user_code) != 0 ||
		     strcmp(device.verification_uri, devices[i].uri) != 0 ||
		     device.device_code == NULL || device.expires_in != devices[i].expires_in ||
		     device.interval != devices[i].interval))
			fail_msg("%s: %s %s %llu %llu", devices[i].name, device.user_code,
				 device.verification_uri, (unsigned long long)device.expires_in,
				 (unsigned long long)device.interval);
		device_answer_deinit(&device);
	}
}

/* `payload` as the second part of a JWT. */
static bool read_claims(struct token_claims *claims_r, const char *payload)
{
	struct bytebuf token;

	bytebuf_init(&token, 65536);
	assert_true(base64_encode(&token, span_text(payload)));
	struct span text = bytebuf_peek(&token);
	char *jwt = malloc(text.len + 20);
	size_t len = 4;
	assert_non_null(jwt);
	memcpy(jwt, "e30.", 4);
	for (size_t i = 0; i < text.len && text.data[i] != '='; i++) {
		char octet = (char)text.data[i];
		jwt[len++] = octet == '+' ? '-' : octet == '/' ? '_' : octet;
	}
	memcpy(jwt + len, ".c2ln", 5);
	bool read = token_claims_read(claims_r, span_of(jwt, len + 5));
	free(jwt);
	bytebuf_deinit(&token);
	return read;
}

static void test_claims(void **state)
{
	struct token_claims claims;

	(void)state;
	assert_true(read_claims(
		&claims, "{\"aud\":\"https://outlook.office.com\",\"exp\":1700000000,"
			 "\"upn\":\"anna@contoso.com\",\"unique_name\":\"x\",\"appid\":\"A\","
			 "\"tid\":\"T\",\"scp\":\"IMAP.AccessAsUser.All\"}"));
	assert_string_equal(claims.audience, "https://outlook.office.com");
	assert_string_equal(claims.who, "anna@contoso.com");
	assert_string_equal(claims.app, "A");
	assert_string_equal(claims.tenant, "T");
	assert_string_equal(claims.scopes, "IMAP.AccessAsUser.All");
	assert_string_equal(claims.roles, "");
	assert_int_equal(claims.expires, 1700000000);
	assert_true(read_claims(&claims,
				"{\"aud\":[\"a\",5,\"\",\"b\"],\"azp\":\"B\",\"upn\":null,"
				"\"preferred_username\":\"\\u00fc\\n~?>\",\"scope\":[\"s\"],"
				"\"roles\":[\"IMAP.AccessAsApp\",\"POP.AccessAsApp\"]}"));
	assert_string_equal(claims.audience, "a b");
	assert_string_equal(claims.who, "? ~?>");
	assert_string_equal(claims.app, "B");
	assert_string_equal(claims.scopes, "s");
	assert_string_equal(claims.roles, "IMAP.AccessAsApp POP.AccessAsApp");
	assert_int_equal(claims.expires, 0);
}

static void test_many_claims_are_cut(void **state)
{
	struct token_claims claims;
	char payload[8192] = "{\"roles\":[";

	(void)state;
	for (int i = 0; i < 600; i++)
		snprintf(payload + strlen(payload), 20, "\"r%d\",", i);
	snprintf(payload + strlen(payload), 20, "\"last\"]}");
	assert_true(read_claims(&claims, payload));
	assert_true(strlen(claims.roles) > 500);
	assert_memory_equal(claims.roles, "r0 r1 r2 ", 9);
}

static void test_what_is_no_jwt_says_nothing(void **state)
{
	static const char *const tokens[] = {
		"",
		"EwB4A8l6BAAU",
		".",
		"..",
		"e30.e30",
		"e30.e30.e30.e30",
		"e30.e30.e30.e30.e30",
		"e30.W10.c2ln",  /* [] */
		"e30.bm8.c2ln",  /* no */
		"e30.e30=.c2ln", /* padded */
		"e30.e+/.c2ln",
		"e30.e.c2ln",
	};
	struct token_claims claims;

	(void)state;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		if (token_claims_read(&claims, span_text(tokens[i])))
			fail_msg("\"%s\" was read", tokens[i]);
	}
	assert_true(token_claims_read(&claims, span_text("e30.e30.c2ln")));
	assert_true(token_claims_read(&claims, span_text("e30.e30.")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_every_error_has_its_consequence),
		cmocka_unit_test(test_ids_are_kept_and_bounded),
		cmocka_unit_test(test_length_and_depth_are_bounded),
		cmocka_unit_test(test_refused_by_way_of_the_browser),
		cmocka_unit_test(test_device_codes),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_many_claims_are_cut),
		cmocka_unit_test(test_what_is_no_jwt_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
