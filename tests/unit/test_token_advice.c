/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static const struct conf_oauth user = { .flow = CONF_FLOW_USER };
static const struct conf_oauth app = { .flow = CONF_FLOW_APP };

static struct token_advice advise(const char *error, unsigned aadsts,
				  const struct conf_oauth *oauth)
{
	char body[300];
	struct token_answer answer;

	snprintf(body, sizeof(body),
		 "{\"error\":\"%s\",\"error_description\":\"AADSTS%u: Words.\"}", error, aadsts);
	token_answer_read(&answer, 400, span_text(body));
	return token_advice_for(&answer, oauth);
}

/* What is said has to have these words in it. */
static const struct {
	unsigned aadsts;
	const char *error;
	const char *meaning;
	const char *remedy;
	const char *app_remedy; /* NULL: as the other */
} rows[] = {
	{ 700016, "unauthorized_client", "not known in this tenant", "oauth.client_id", NULL },
	{ 7000215, "invalid_client", "secret is wrong", "not its Secret ID", NULL },
	{ 7000222, "invalid_client", "secret has expired", "makes a new secret", NULL },
	{ 700027, "invalid_client", "certificate", "uploads the certificate", NULL },
	{ 700030, "invalid_client", "subject", "uploads the certificate", NULL },
	{ 700024, "invalid_client", "clock", "NTP", NULL },
	{ 7000218, "invalid_client", "prove its identity", "allows public client flows",
	  "Set oauth.client_secret_file" },
	{ 700025, "invalid_client", "public client", "removes oauth.client_secret_file",
	  "turns off" },
	{ 50011, "invalid_request", "redirect address", "http://localhost", "oauth.flow" },
	{ 9002313, "invalid_request", "does not understand", "was pasted",
	  "checks the settings of oauth" },
	{ 50194, "invalid_request", "one organisation", "Set oauth.tenant", NULL },
	{ 90002, "invalid_request", "no such tenant", "spelling of oauth.tenant", NULL },
	{ 65001, "invalid_grant", "consented", "packetboat login", "grants admin consent" },
	{ 90094, "invalid_grant", "only an administrator", "grants admin consent",
	  "grants admin consent" },
	{ 90095, "invalid_grant", "only an administrator", "grants admin consent",
	  "grants admin consent" },
	{ 65004, "access_denied", "did not agree", "packetboat login", "grants admin consent" },
	{ 650057, "invalid_resource", "does not list the permission", "IMAP.AccessAsUser.All",
	  "IMAP.AccessAsApp" },
	{ 70011, "invalid_scope", "scope", "Remove oauth.scope", NULL },
	{ 500011, "invalid_resource", "mail service", "remove oauth.scope", NULL },
	{ 50105, "invalid_grant", "assigned", "assigns the person", "oauth.flow" },
	{ 53003, "invalid_grant", "Conditional Access", "without", "sign-in log" },
	{ 53000, "interaction_required", "device", "without --device", "sign-in log" },
	{ 53001, "interaction_required", "device", "without --device", "sign-in log" },
	{ 50097, "interaction_required", "device", "without --device", "sign-in log" },
	{ 530035, "invalid_grant", "security defaults", "without --device", "sign-in log" },
	{ 50076, "interaction_required", "second factor", "packetboat login", "oauth.flow" },
	{ 50079, "interaction_required", "second factor", "packetboat login", "oauth.flow" },
	{ 50078, "invalid_grant", "second factor", "packetboat login", "oauth.flow" },
	{ 70043, "invalid_grant", "sign-in frequency", "exempts the account", "oauth.flow" },
	{ 50173, "invalid_grant", "revoked", "packetboat login", "oauth.flow" },
	{ 700082, "invalid_grant", "not used for too long", "packetboat login", "oauth.flow" },
	{ 70008, "invalid_grant", "not used for too long", "packetboat login", "oauth.flow" },
	{ 70000, "invalid_grant", "not valid any more", "packetboat login", "oauth.flow" },
	{ 50020, "invalid_grant", "no account in this tenant", "packetboat login", "oauth.flow" },
	{ 50034, "invalid_grant", "no account in this tenant", "packetboat login", "oauth.flow" },
	{ 50126, "invalid_grant", "password was not accepted", "packetboat login", "oauth.flow" },
	{ 50053, "invalid_grant", "locked", "unlock", "oauth.flow" },
	{ 50057, "invalid_grant", "disabled", "enables it", "oauth.flow" },
	{ 54005, "invalid_grant", "used before", "packetboat login", "oauth.flow" },
	{ 70018, "bad_verification_code", "code", "packetboat login", "oauth.flow" },
	{ 70019, "expired_token", "code has expired", "packetboat login", "oauth.flow" },
	{ 70016, "authorization_pending", "Nobody has entered", "Enter it", "oauth.flow" },
	{ 50196, "invalid_grant", "too many equal requests", "packetboat login",
	  "packetboat reload" },
	{ 90033, "temporarily_unavailable", "out of order", "packetboat login",
	  "packetboat reload" },
	{ 50033, "server_error", "out of order", "packetboat login", "packetboat reload" },
	/* by the error alone */
	{ 0, "invalid_grant", "revoked, or has expired", "packetboat login", "oauth.flow" },
	{ 12345678, "invalid_grant", "revoked, or has expired", "packetboat login", "oauth.flow" },
	{ 0, "interaction_required", "see the person", "packetboat login", "oauth.flow" },
	{ 0, "consent_required", "consented", "packetboat login", "permissions" },
	{ 0, "invalid_client", "prove its identity", "oauth.client_id", NULL },
	{ 0, "unauthorized_client", "may not sign in", "registration", NULL },
	{ 0, "invalid_scope", "scope", "oauth.scope", NULL },
	{ 0, "invalid_request", "does not understand", "the log", NULL },
	{ 0, "unsupported_grant_type", "does not offer", "oauth.flow", NULL },
	{ 0, "access_denied", "refused", "packetboat login", "policy" },
	{ 0, "server_error", "out of order", "packetboat login", "packetboat reload" },
	{ 0, "moon_phase", "out of order", "packetboat login", "packetboat reload" },
};

static void expect(size_t row, const struct conf_oauth *oauth, const char *remedy)
{
	struct token_advice advice = advise(rows[row].error, rows[row].aadsts, oauth);

	if (strstr(advice.meaning, rows[row].meaning) == NULL ||
	    strstr(advice.remedy, remedy) == NULL)
		fail_msg("%s %u: %s\n%s", rows[row].error, rows[row].aadsts, advice.meaning,
			 advice.remedy);
}

static void test_words_for_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(i, &user, rows[i].remedy);
		expect(i, &app, rows[i].app_remedy != NULL ? rows[i].app_remedy : rows[i].remedy);
	}
}

/* They are shown in a log, on a terminal and in a message. */
static void assert_is_fit(const char *text, const char *error, unsigned aadsts)
{
	size_t len = strlen(text);

	if (len < 10 || len > 500 || text[len - 1] != '.' || text[0] < 'A' || text[0] > 'Z' ||
	    strstr(text, "  ") != NULL || strstr(text, "..") != NULL)
		fail_msg("%s %u: \"%s\"", error, aadsts, text);
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			fail_msg("%s %u: \"%s\"", error, aadsts, text);
	}
}

static void assert_all_are_fit(unsigned aadsts)
{
	struct token_answer answer = { .kind = TOKEN_SIGN_IN_NEEDED,
				       .error = "invalid_grant",
				       .aadsts = aadsts };
	struct token_advice advice = token_advice_for(&answer, &user);

	assert_is_fit(advice.meaning, answer.error, aadsts);
	assert_is_fit(advice.remedy, answer.error, aadsts);
	advice = token_advice_for(&answer, &app);
	assert_is_fit(advice.remedy, answer.error, aadsts);
	/* Nobody signs an application in. */
	if (strstr(advice.remedy, "packetboat login") != NULL)
		fail_msg("%u: \"%s\"", aadsts, advice.remedy);
}

/* Every number that Microsoft may have given to something. */
static void test_all_words_are_fit(void **state)
{
	static const char *const errors[] = {
		"authorization_pending",
		"slow_down",
		"access_denied",
		"authorization_declined",
		"expired_token",
		"bad_verification_code",
		"invalid_grant",
		"interaction_required",
		"login_required",
		"consent_required",
		"account_selection_required",
		"invalid_client",
		"unauthorized_client",
		"invalid_scope",
		"invalid_request",
		"unsupported_grant_type",
		"unsupported_response_type",
		"invalid_target",
		"invalid_resource",
		"temporarily_unavailable",
		"server_error",
		"",
		"moon_phase",
	};
	static const struct {
		unsigned first, last;
	} ranges[] = {
		{ 1, 999999 }, { 1000000, 1001000 }, { 7000000, 7001000 }, { 9000000, 9003000 }
	};
	const struct conf_oauth *const flows[] = { &user, &app };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		for (size_t j = 0; j < 2; j++) {
			struct token_advice advice = advise(errors[i], 0, flows[j]);

			assert_is_fit(advice.meaning, errors[i], 0);
			assert_is_fit(advice.remedy, errors[i], 0);
		}
	}
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		for (unsigned aadsts = ranges[i].first; aadsts <= ranges[i].last; aadsts++)
			assert_all_are_fit(aadsts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_for_refusals),
		cmocka_unit_test(test_all_words_are_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
