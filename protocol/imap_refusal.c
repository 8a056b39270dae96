/* SPDX-License-Identifier: ISC */
#include "protocol/imap_refusal.h"

#include <stdio.h>

enum {
	/* "AUTHENTICATIONFAILED" has twenty; the shortest message of AUTHENTICATE PLAIN that is
	 * worth anything has more. */
	BASE64_RUN_MAX = 23,
	/* Links to a provider's help pages are shorter, and tokens are not. */
	WORD_MAX = 120,
};

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

static bool is_base64(unsigned char octet)
{
	unsigned char upper = octet_upper(octet);

	return (upper >= 'A' && upper <= 'Z') || octet_is_digit(octet) || octet == '+' ||
	       octet == '/' || octet == '=';
}

/* How many octets at the front of a text may be base64. */
static size_t base64_len(const char *text)
{
	size_t len = 0;

	while (is_base64((unsigned char)text[len]))
		len++;
	return len;
}

/* How many octets at the front are to be hidden, or else (`kept_r`) are fine. */
static size_t secret_len(const char *text, size_t *kept_r)
{
	size_t word = strcspn(text, " ");
	size_t run = base64_len(text);

	if (word > WORD_MAX)
		return word;
	/* A path may look like base64. */
	if (strncmp(text, "https://", strlen("https://")) == 0) {
		*kept_r = word;
		return 0;
	}
	*kept_r = run > 0 ? run : 1;
	return run > BASE64_RUN_MAX ? run : 0;
}

void imap_refusal_hide(char *text)
{
	static const char hidden[] = "[hidden]";
	char *end = text;

	while (*text != '\0') {
		size_t kept = 0;
		size_t secret = secret_len(text, &kept);
		size_t len = secret > 0 ? strlen(hidden) : kept;

		memmove(end, secret > 0 ? hidden : text, len);
		end += len;
		text += secret > 0 ? secret : kept;
	}
	*end = '\0';
}

void imap_refusal_copy(char text_r[IMAP_REFUSAL_TEXT_MAX], const char *text, const char *otherwise)
{
	(void)snprintf(text_r, IMAP_REFUSAL_TEXT_MAX, "%s", text[0] != '\0' ? text : otherwise);
}
