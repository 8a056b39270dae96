/* SPDX-License-Identifier: ISC */
#include "daemon/failure.h"

#include <stdio.h>

enum pop3_code failure_code(enum failure_kind kind)
{
	switch (kind) {
	case FAILURE_AUTH:
		return POP3_CODE_AUTH;
	case FAILURE_IN_USE:
		return POP3_CODE_IN_USE;
	case FAILURE_LOGIN_DELAY:
		return POP3_CODE_LOGIN_DELAY;
	case FAILURE_SYS_TEMP:
		return POP3_CODE_SYS_TEMP;
	case FAILURE_SYS_PERM:
		return POP3_CODE_SYS_PERM;
	}
	return POP3_CODE_SYS_TEMP;
}

void failure_set(struct failure *failure, enum failure_kind kind, const char *text)
{
	*failure = (struct failure){ .kind = kind };
	snprintf(failure->text, sizeof(failure->text), "%s", text);
}

void failure_set_words(struct failure *failure, enum failure_kind kind, const char *text,
		       const char *words)
{
	failure_set(failure, kind, text);
	if (words != NULL && words[0] != '\0') {
		size_t len = strlen(failure->text);

		snprintf(failure->text + len, sizeof(failure->text) - len, ": %s", words);
	}
}

void failure_from_login(struct failure *failure, const struct imap_login *login, const char *folder,
			bool own_password)
{
	char text[200];

	switch (login->failure) {
	case IMAP_LOGIN_WRONG_TOKEN:
		failure_set_words(failure, FAILURE_AUTH, "The mail server refused the token",
				  login->text);
		failure->cause = FAILURE_CAUSE_REFUSED;
		return;
	case IMAP_LOGIN_NOT_CONNECTED:
		failure_set_words(failure, FAILURE_SYS_TEMP,
				  "The mail server accepts the sign-in but opens no mailbox",
				  login->text);
		snprintf(failure->detail, sizeof(failure->detail),
			 "either who signed in may not open this mailbox, or IMAP is off for it, "
			 "or the server is overloaded; `packetboat doctor` looks closer");
		failure->cause = FAILURE_CAUSE_NOT_CONNECTED;
		return;
	case IMAP_LOGIN_WRONG_PASSWORD:
		if (own_password) {
			/* The same words that an unknown name gets. */
			failure_set(failure, FAILURE_AUTH, "Wrong user name or password");
			failure->wrong_password = true;
			snprintf(failure->detail, sizeof(failure->detail),
				 "refused by the mail server: %s", login->text);
		} else {
			failure_set_words(failure, FAILURE_AUTH,
					  "The mail server refused the login", login->text);
		}
		failure->cause = FAILURE_CAUSE_REFUSED;
		return;
	case IMAP_LOGIN_NO_FOLDER:
		snprintf(text, sizeof(text), "The folder \"%s\" cannot be opened", folder);
		failure_set_words(failure, FAILURE_SYS_PERM, text, login->text);
		failure->cause = FAILURE_CAUSE_NO_FOLDER;
		return;
	case IMAP_LOGIN_PREAUTH:
	case IMAP_LOGIN_NO_STARTTLS:
	case IMAP_LOGIN_NO_MECHANISM:
	case IMAP_LOGIN_NO_UIDVALIDITY:
		failure_set_words(failure, FAILURE_SYS_PERM, "The mail server cannot be used",
				  login->text);
		if (login->failure == IMAP_LOGIN_NO_MECHANISM)
			failure->cause = FAILURE_CAUSE_NO_MECHANISM;
		return;
	case IMAP_LOGIN_VIOLATION:
		failure_set_words(failure, FAILURE_SYS_TEMP, "The mail server is not understood",
				  login->text);
		return;
	case IMAP_LOGIN_TEMPORARY:
	case IMAP_LOGIN_INTERNAL:
		break;
	}
	failure_set_words(failure, FAILURE_SYS_TEMP, "The mail server is not available now",
			  login->text);
}
