/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct conf_oauth oauth = {
	.client_id = "11111111-2222-3333-4444-555555555555",
	.scope = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
	.authorize_endpoint = "https://login.example.org/authorize",
	.token_endpoint = "https://login.example.org/token",
};

#define CLIENT "client_id=11111111-2222-3333-4444-555555555555"
#define SCOPE "scope=https%3A%2F%2Foutlook.office.com%2FIMAP.AccessAsUser.All%20offline_access"
#define REDIRECT "redirect_uri=http%3A%2F%2Flocalhost%3A8400%2F"

static const struct token_form_proof nothing;

static void assert_holds(struct bytebuf *form, const char *expected)
{
	struct span held = bytebuf_peek(form);

	if (!span_equal(held, span_text(expected)))
		fail_msg("\n%.*s, not\n%s", (int)held.len, (const char *)held.data, expected);
	bytebuf_deinit(form);
	bytebuf_init(form, TOKEN_FORM_MAX);
}

static void test_values_are_percent_encoded(void **state)
{
	struct bytebuf form;

	(void)state;
	bytebuf_init(&form, TOKEN_FORM_MAX);
	assert_true(token_form_add(&form, "a", span_text("azAZ09-._~")));
	assert_true(token_form_add(&form, "b", span_text("&=+ %/\\\"\r\n")));
	assert_true(token_form_add(&form, "c", span_of("\0\x7f\x80\xff", 4)));
	assert_true(token_form_add(&form, "d", span_of(NULL, 0)));
	assert_holds(&form, "a=azAZ09-._~&b=%26%3D%2B%20%25%2F%5C%22%0D%0A&c=%00%7F%80%FF&d=");
}

static void test_refresh(void **state)
{
	static const struct token_form_proof secret = {
		.client_secret = { (const unsigned char *)"s&cr=t+", 7 },
	};
	static const struct token_form_proof assertion = {
		.client_assertion = { (const unsigned char *)"e30.e30.AA", 10 },
	};
	struct bytebuf form;

	(void)state;
	bytebuf_init(&form, TOKEN_FORM_MAX);
	assert_true(token_form_refresh(&form, &oauth, &nothing, span_text("M.R3_B+")));
	assert_holds(&form, "grant_type=refresh_token&" CLIENT "&refresh_token=M.R3_B%2B&" SCOPE);
	assert_true(token_form_refresh(&form, &oauth, &secret, span_text("r")));
	assert_holds(&form, "grant_type=refresh_token&" CLIENT
			    "&client_secret=s%26cr%3Dt%2B&refresh_token=r&" SCOPE);
	assert_true(token_form_refresh(&form, &oauth, &assertion, span_text("r")));
	assert_holds(&form, "grant_type=refresh_token&" CLIENT "&client_assertion_type="
			    "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
			    "&client_assertion=e30.e30.AA&refresh_token=r&" SCOPE);
}

static void test_code_device_and_app(void **state)
{
	const struct token_form_proof secret = { .client_secret = span_text("s&cr=t+") };
	struct bytebuf form;

	(void)state;
	bytebuf_init(&form, TOKEN_FORM_MAX);
	assert_true(token_form_code(&form, &oauth, &nothing, span_text("0.AX/b"),
				    "http://localhost:8400/", span_text("verifier")));
	assert_holds(&form, "grant_type=authorization_code&" CLIENT "&code=0.AX%2Fb&" REDIRECT
			    "&code_verifier=verifier&" SCOPE);
	assert_true(token_form_device(&form, &oauth, &nothing));
	assert_holds(&form, CLIENT "&" SCOPE);
	assert_true(token_form_device(&form, &oauth, &secret));
	assert_holds(&form, CLIENT "&client_secret=s%26cr%3Dt%2B&" SCOPE);
	assert_true(token_form_device_code(&form, &oauth, &nothing, span_text("D")));
	assert_holds(&form,
		     "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&" CLIENT
		     "&device_code=D");
	assert_true(token_form_app(&form, &oauth, &nothing));
	assert_holds(&form, "grant_type=client_credentials&" CLIENT "&" SCOPE);
}

static void test_authorize(void **state)
{
	static const char rest[] =
		CLIENT "&response_type=code&" REDIRECT "&response_mode=query&" SCOPE
		       "&state=S&code_challenge=C&code_challenge_method=S256";
	struct conf_oauth other = oauth;
	struct bytebuf url;
	char expected[1024];

	(void)state;
	bytebuf_init(&url, TOKEN_FORM_MAX);
	assert_true(token_form_authorize(&url, &oauth, "http://localhost:8400/", span_text("S"),
					 span_text("C"), NULL));
	snprintf(expected, sizeof(expected), "https://login.example.org/authorize?%s", rest);
	assert_holds(&url, expected);
	other.authorize_endpoint = "https://login.example.org/authorize?p=b2c";
	assert_true(token_form_authorize(&url, &other, "http://localhost:8400/", span_text("S"),
					 span_text("C"), "anna+b@example.org"));
	snprintf(expected, sizeof(expected),
		 "https://login.example.org/authorize?p=b2c&%s&login_hint=anna%%2Bb%%40example.org",
		 rest);
	assert_holds(&url, expected);
}

static void test_what_does_not_fit_is_told(void **state)
{
	struct bytebuf form;

	(void)state;
	for (size_t limit = 0; limit < 60; limit++) {
		bytebuf_init(&form, limit);
		assert_false(token_form_refresh(&form, &oauth, &nothing, span_text("r")));
		assert_false(token_form_authorize(&form, &oauth, "http://localhost/",
						  span_text("S"), span_text("C"), NULL));
		bytebuf_deinit(&form);
	}
}

static const struct {
	const char *name;
	const char *text;
	bool read;
	const char *code, *state, *error, *description;
} redirects[] = {
	{ "query", "code=C&state=S", true, "C", "S", "", "" },
	{ "with its mark", "?code=C&state=S&session_state=x", true, "C", "S", "", "" },
	{ "path", "/?state=S&code=C", true, "C", "S", "", "" },
	{ "address", "http://localhost:8400/?code=0.AX%2Fb&state=S#x", true, "0.AX/b", "S", "",
	  "" },
	{ "nativeclient",
	  " https://login.microsoftonline.com/common/oauth2/nativeclient?code=C\r\n", true, "C", "",
	  "", "" },
	{ "in quotes", "\"http://localhost/?code=C&state=S\"", true, "C", "S", "", "" },
	{ "in angle brackets", "<http://localhost/?code=C&state=S>\n", true, "C", "S", "", "" },
	{ "fragment", "http://localhost/#code=C&state=S", true, "C", "S", "", "" },
	{ "query before fragment", "http://localhost/?code=C#code=D", true, "C", "", "", "" },
	{ "Firefox's empty fragment", "http://localhost/?code=C#_=_", true, "C", "", "", "" },
	{ "bare code", "M.C507_BAY.2.U.8a*b!c$$", true, "M.C507_BAY.2.U.8a*b!c$$", "", "", "" },
	{ "bare code, encoded", "4%2F0AX+4\n", true, "4/0AX+4", "", "", "" },
	{ "bare code, padded", "YWJj==", true, "YWJj==", "", "", "" },
	{ "a name in a name", "xcode=C&code=D", true, "D", "", "", "" },
	{ "plus is a blank", "error=access_denied&error_description=No+such%20luck%0d%0aX", true,
	  "", "", "access_denied", "No such luck  X" },
	{ "a percent sign", "code=C&error_description=100%&state=%4", true, "C", "%4", "", "100%" },
	{ "error with state", "/?error=server_error&state=S", true, "", "S", "server_error", "" },
	{ "nothing", "", false, "", "", "", "" },
	{ "blanks", " \r\n", false, "", "", "", "" },
	{ "address alone", "https://login.microsoftonline.com/common/oauth2/nativeclient", false,
	  "", "", "", "" },
	{ "no code", "http://localhost/?state=S", false, "", "", "", "" },
	{ "state alone", "state=S", false, "", "", "", "" },
	{ "empty code", "code=&state=S", false, "", "", "", "" },
	{ "empty error", "error=&state=S", false, "", "", "", "" },
	{ "code and error", "code=C&error=access_denied", false, "", "", "", "" },
	{ "code twice", "code=C&code=C", false, "", "", "", "" },
	{ "state twice", "code=C&state=S&state=T", false, "", "", "", "" },
	{ "empty state twice", "code=C&state=&state=T", false, "", "", "", "" },
	{ "NUL in code", "code=C%00D", false, "", "", "", "" },
	{ "line end in state", "code=C&state=S%0A", false, "", "", "", "" },
	{ "8 bit in error", "error=%e9", false, "", "", "", "" },
	{ "words", "this is no code", false, "", "", "", "" },
};

static bool is(struct span found, const char *expected)
{
	return span_equal(found, span_text(expected));
}

static void test_redirects(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(redirects) / sizeof(redirects[0]); i++) {
		struct redirect_answer answer;
		struct bytebuf storage;

		bytebuf_init(&storage, 4096);
		bool read = redirect_answer_read(span_text(redirects[i].text), &storage, &answer);
		if (read != redirects[i].read || !is(answer.code, redirects[i].code) ||
		    !is(answer.state, redirects[i].state) ||
		    !is(answer.error, redirects[i].error) ||
		    !is(answer.error_description, redirects[i].description))
			fail_msg("%s: %d code=%.*s state=%.*s error=%.*s description=%.*s",
				 redirects[i].name, read, (int)answer.code.len,
				 (const char *)answer.code.data, (int)answer.state.len,
				 (const char *)answer.state.data, (int)answer.error.len,
				 (const char *)answer.error.data, (int)answer.error_description.len,
				 (const char *)answer.error_description.data);
		bytebuf_deinit(&storage);
	}
}

static void test_a_redirect_is_bounded(void **state)
{
	static const char text[] = "http://localhost/?code=0123456789&state=S";
	struct redirect_answer answer;
	struct bytebuf storage;

	(void)state;
	bytebuf_init(&storage, 10);
	assert_false(redirect_answer_read(span_text(text), &storage, &answer));
	assert_null(answer.code.data);
	assert_false(redirect_answer_read(span_text("0123456789a"), &storage, &answer));
	assert_true(redirect_answer_read(span_text("0123456789"), &storage, &answer));
	bytebuf_deinit(&storage);
	bytebuf_init(&storage, 11);
	assert_true(redirect_answer_read(span_text(text), &storage, &answer));
	bytebuf_deinit(&storage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_percent_encoded), cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_code_device_and_app),        cmocka_unit_test(test_authorize),
		cmocka_unit_test(test_what_does_not_fit_is_told),  cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_a_redirect_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
