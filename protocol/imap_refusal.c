/* SPDX-License-Identifier: ISC */
#include "protocol/imap_refusal.h"

#include <stdio.h>

static const char not_connected_words[] = "authenticated but not connected";
static const char token_expired_words[] = "AccessTokenExpired";
static const char bad_argument_words[] = "Command Argument Error";

/* Words of servers that send no response code. */
static const char *const temporary_words[] = {
	"Request is throttled",              /* Exchange, as NO and as BAD */
	"Suggested Backoff Time",            /* likewise */
	"Server Unavailable",                /* Exchange: a store that does not answer */
	not_connected_words,                 /* Exchange: a mailbox that cannot be reached */
	"Too many simultaneous connections", /* Gmail */
	"Internal error occurred",           /* Dovecot, which means its log */
	"Temporary authentication failure",  /* Dovecot, Courier */
};

static bool contains_nocase(const char *text, const char *words)
{
	struct span wanted = span_text(words);
	struct span rest = span_text(text);

	for (; rest.len >= wanted.len; span_take(&rest, 1)) {
		if (span_equal_nocase(span_of(rest.data, wanted.len), wanted))
			return true;
	}
	return false;
}

bool imap_refusal_is_temporary(const struct imap_event *event)
{
	if (event->code == IMAP_CODE_UNAVAILABLE || event->code == IMAP_CODE_INUSE ||
	    event->code == IMAP_CODE_LIMIT || event->code == IMAP_CODE_THROTTLED)
		return true;
	for (size_t i = 0; i < sizeof(temporary_words) / sizeof(temporary_words[0]); i++) {
		if (contains_nocase(event->text, temporary_words[i]))
			return true;
	}
	return false;
}

bool imap_refusal_of_password(const struct imap_event *event)
{
	return event->status == IMAP_NO && !imap_refusal_is_temporary(event) &&
	       (event->code == IMAP_CODE_NONE || event->code == IMAP_CODE_ALERT ||
		event->code == IMAP_CODE_AUTHENTICATIONFAILED ||
		event->code == IMAP_CODE_AUTHORIZATIONFAILED || event->code == IMAP_CODE_EXPIRED ||
		event->code == IMAP_CODE_NOPERM);
}

bool imap_refusal_of_token(const struct imap_event *event)
{
	return imap_refusal_of_password(event) ||
	       (event->status == IMAP_BAD && !imap_refusal_is_temporary(event) &&
		contains_nocase(event->text, bad_argument_words));
}

bool imap_refusal_is_token_expired(const struct imap_event *event)
{
	return event->status != IMAP_OK && contains_nocase(event->text, token_expired_words);
}

bool imap_refusal_is_not_connected(const struct imap_event *event)
{
	return event->status != IMAP_OK && contains_nocase(event->text, not_connected_words);
}

bool imap_refusal_of_folder(const struct imap_event *event)
{
	return event->status == IMAP_NO && !imap_refusal_is_temporary(event) &&
	       (event->code == IMAP_CODE_NONE || event->code == IMAP_CODE_NONEXISTENT ||
		event->code == IMAP_CODE_TRYCREATE || event->code == IMAP_CODE_NOPERM);
}

void imap_refusal_copy(char text_r[IMAP_REFUSAL_TEXT_MAX], const char *text, const char *otherwise)
{
	(void)snprintf(text_r, IMAP_REFUSAL_TEXT_MAX, "%s", text[0] != '\0' ? text : otherwise);
}
