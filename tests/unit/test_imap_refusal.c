/* SPDX-License-Identifier: ISC */
#include "protocol/imap_refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

static const struct {
	enum imap_code code;
	const char *text;
	bool temporary;
} rows[] = {
	{ IMAP_CODE_UNAVAILABLE, "", true },
	{ IMAP_CODE_INUSE, "", true },
	{ IMAP_CODE_LIMIT, "", true },
	{ IMAP_CODE_THROTTLED, "", true },
	{ IMAP_CODE_NONE, "Request is throttled. Suggested Backoff Time: 299609 milliseconds",
	  true },
	{ IMAP_CODE_NONE, "suggested backoff time: 1", true },
	{ IMAP_CODE_NONE, "Server Unavailable. 15", true },
	{ IMAP_CODE_NONE, "User is authenticated but not connected.", true },
	{ IMAP_CODE_ALERT, "Too many simultaneous connections. (Failure)", true },
	{ IMAP_CODE_OTHER, "Internal error occurred. Refer to server log", true },
	{ IMAP_CODE_NONE, "Temporary authentication failure", true },
	{ IMAP_CODE_AUTHENTICATIONFAILED, "Authentication failed.", false },
	{ IMAP_CODE_EXPIRED, "Password expired", false },
	{ IMAP_CODE_NONE, "AUTHENTICATE failed.", false },
	{ IMAP_CODE_NONE, "LOGIN failed: your temporary password is wrong", false },
	{ IMAP_CODE_NONE, "", false },
	{ IMAP_CODE_NONE, "Server Unavailabl", false },
	{ IMAP_CODE_NONEXISTENT, "Mailbox doesn't exist", false },
	{ IMAP_CODE_NONE, "Session invalidated - AccessTokenExpired", false },
	{ IMAP_CODE_NONE, "Command Argument Error. 12", false },
	{ IMAP_CODE_NONE, "Basic authentication is disabled.", false },
	{ IMAP_CODE_OVERQUOTA, "Full", false },
};

static void what_passes_is_told_from_what_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imap_event event = { .code = rows[i].code, .text = rows[i].text };

		if (imap_refusal_is_temporary(&event) != rows[i].temporary)
			fail_msg("row %zu, \"%s\": not %s", i, rows[i].text,
				 rows[i].temporary ? "temporary" : "for good");
	}
}

/* What a NO says of the password and of the folder, by its code. */
static const struct {
	enum imap_status status;
	enum imap_code code;
	const char *text;
	bool password;
	bool folder;
} blames[] = {
	{ IMAP_NO, IMAP_CODE_NONE, "no", true, true },
	{ IMAP_NO, IMAP_CODE_NONE, "Server Unavailable. 15", false, false },
	{ IMAP_NO, IMAP_CODE_ALERT, "Invalid credentials (Failure)", true, false },
	{ IMAP_NO, IMAP_CODE_ALERT, "Too many simultaneous connections. (Failure)", false, false },
	{ IMAP_NO, IMAP_CODE_AUTHENTICATIONFAILED, "", true, false },
	{ IMAP_NO, IMAP_CODE_AUTHORIZATIONFAILED, "", true, false },
	{ IMAP_NO, IMAP_CODE_EXPIRED, "", true, false },
	{ IMAP_NO, IMAP_CODE_NOPERM, "", true, true },
	{ IMAP_NO, IMAP_CODE_NONEXISTENT, "", false, true },
	{ IMAP_NO, IMAP_CODE_TRYCREATE, "", false, true },
	{ IMAP_NO, IMAP_CODE_OTHER, "", false, false },
	{ IMAP_NO, IMAP_CODE_UNAVAILABLE, "", false, false },
	{ IMAP_NO, IMAP_CODE_INUSE, "", false, false },
	{ IMAP_NO, IMAP_CODE_LIMIT, "", false, false },
	{ IMAP_NO, IMAP_CODE_OVERQUOTA, "", false, false },
	{ IMAP_NO, IMAP_CODE_EXPUNGEISSUED, "", false, false },
	{ IMAP_NO, IMAP_CODE_THROTTLED, "", false, false },
	{ IMAP_BAD, IMAP_CODE_NONE, "", false, false },
	{ IMAP_OK, IMAP_CODE_NONE, "", false, false },
};

static void trouble_blames_neither_password_nor_folder(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(blames) / sizeof(blames[0]); i++) {
		struct imap_event event = { .status = blames[i].status,
					    .code = blames[i].code,
					    .text = blames[i].text };

		if (imap_refusal_of_password(&event) != blames[i].password)
			fail_msg("row %zu: the password is blamed, or not", i);
		if (imap_refusal_of_folder(&event) != blames[i].folder)
			fail_msg("row %zu: the folder is blamed, or not", i);
	}
}

/* What Exchange says of tokens, in words that have no code. */
static const struct {
	enum imap_status status;
	enum imap_code code;
	const char *text;
	bool token; /* it is not the right one */
	bool expired;
	bool not_connected;
} token_rows[] = {
	{ IMAP_NO, IMAP_CODE_NONE, "AUTHENTICATE failed.", true, false, false },
	{ IMAP_NO, IMAP_CODE_AUTHENTICATIONFAILED, "", true, false, false },
	{ IMAP_NO, IMAP_CODE_AUTHORIZATIONFAILED, "", true, false, false },
	{ IMAP_NO, IMAP_CODE_UNAVAILABLE, "AUTHENTICATE failed.", false, false, false },
	{ IMAP_BAD, IMAP_CODE_NONE, "Command Argument Error. 12", true, false, false },
	{ IMAP_BAD, IMAP_CODE_NONE, "Command Argument Error. 11", true, false, false },
	{ IMAP_BAD, IMAP_CODE_UNAVAILABLE, "Command Argument Error. 12", false, false, false },
	{ IMAP_OK, IMAP_CODE_NONE, "Command Argument Error. 12", false, false, false },
	{ IMAP_BAD, IMAP_CODE_NONE, "Command Error. 12", false, false, false },
	{ IMAP_BAD, IMAP_CODE_NONE,
	  "Request is throttled. Suggested Backoff Time: 89117 milliseconds", false, false, false },
	{ IMAP_NO, IMAP_CODE_NONE, "Server Unavailable. 15", false, false, false },
	{ IMAP_BYE, IMAP_CODE_NONE, "Session invalidated - AccessTokenExpired", false, true,
	  false },
	{ IMAP_BAD, IMAP_CODE_NONE, "session invalidated - accesstokenexpired.", false, true,
	  false },
	{ IMAP_OK, IMAP_CODE_NONE, "AccessTokenExpired", false, false, false },
	{ IMAP_BYE, IMAP_CODE_NONE, "Connection closed. 14", false, false, false },
	{ IMAP_BAD, IMAP_CODE_NONE, "User is authenticated but not connected.", false, false,
	  true },
	{ IMAP_NO, IMAP_CODE_NONE, "User is authenticated but not connected.", false, false, true },
	{ IMAP_BYE, IMAP_CODE_NONE, "User is Authenticated but not Connected", false, false, true },
	{ IMAP_OK, IMAP_CODE_NONE, "authenticated but not connected", false, false, false },
	{ IMAP_NO, IMAP_CODE_NONE, "not connected", true, false, false },
};

static void tokens_are_blamed_for_what_is_theirs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(token_rows) / sizeof(token_rows[0]); i++) {
		struct imap_event event = { .status = token_rows[i].status,
					    .code = token_rows[i].code,
					    .text = token_rows[i].text };

		if (imap_refusal_of_token(&event) != token_rows[i].token)
			fail_msg("row %zu: the token is blamed, or not", i);
		if (imap_refusal_is_token_expired(&event) != token_rows[i].expired)
			fail_msg("row %zu: the token is called expired, or not", i);
		if (imap_refusal_is_not_connected(&event) != token_rows[i].not_connected)
			fail_msg("row %zu: called not connected, or not", i);
	}
}

static void texts_are_kept_and_cut(void **state)
{
	char text[IMAP_REFUSAL_TEXT_MAX];
	char longer[IMAP_REFUSAL_TEXT_MAX + 100];

	(void)state;
	imap_refusal_copy(text, "theirs", "ours");
	assert_string_equal(text, "theirs");
	imap_refusal_copy(text, "", "ours");
	assert_string_equal(text, "ours");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	imap_refusal_copy(text, longer, "");
	assert_int_equal(strlen(text), IMAP_REFUSAL_TEXT_MAX - 1);
}

static void what_looks_like_a_credential_is_hidden(void **state)
{
	static const char word[] =
		"abcdefghij.abcdefghij.abcdefghij.abcdefghij.abcdefghij.abcdefghij."
		"abcdefghij.abcdefghij.abcdefghij.abcdefghij.";
	static const struct {
		const char *text;
		const char *expected;
	} lines[] = {
		{ "", "" },
		{ "AUTHENTICATE failed.", "AUTHENTICATE failed." },
		{ "[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
		  "[AUTHENTICATIONFAILED] Invalid credentials (Failure)" },
		{ "see https://support.google.com/mail/accounts/answer/78754 (Failure)",
		  "see https://support.google.com/mail/accounts/answer/78754 (Failure)" },
		{ "0123456789ABCDEFGHIJabc", "0123456789ABCDEFGHIJabc" },
		{ "0123456789ABCDEFGHIJabc=", "[hidden]" },
		{ "what is \"AHVzZXIAcGFzc3dvcmQxMjM0NQ==\"?", "what is \"[hidden]\"?" },
		{ "XOAUTH2 dXNlcj1qb2UBYXV0aD1CZWFyZXIgeWEyOS50b2tlbgEB", "XOAUTH2 [hidden]" },
		{ "dXNlcj1qb2UBYXV0aD1CZWFyZXIgeWEy OS50b2tlbgEBdXNlcj1qb2UBYX",
		  "[hidden] [hidden]" },
		{ "  two  blanks  ", "  two  blanks  " },
	};
	char text[IMAP_REFUSAL_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s", lines[i].text);
		imap_refusal_hide(text);
		assert_string_equal(text, lines[i].expected);
	}
	/* A token in the clear, of whatever it is made. */
	(void)snprintf(text, sizeof(text), "no: %s here", word);
	imap_refusal_hide(text);
	assert_non_null(strstr(text, word));
	(void)snprintf(text, sizeof(text), "no: %s0123456789.x here", word);
	imap_refusal_hide(text);
	assert_string_equal(text, "no: [hidden] here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_is_told_from_what_stays),
		cmocka_unit_test(trouble_blames_neither_password_nor_folder),
		cmocka_unit_test(tokens_are_blamed_for_what_is_theirs),
		cmocka_unit_test(texts_are_kept_and_cut),
		cmocka_unit_test(what_looks_like_a_credential_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
