/* SPDX-License-Identifier: ISC */
/* The message that a maildrop shows while its mailbox cannot be opened: RFC 5322, and RFC 3834, so
 * that no ticket system answers it. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf_value.h"
#include "daemon/attention.h"
#include "protocol/span.h"

enum {
	MESSAGE_COLUMNS = 72,
	/* A line has at most 998 octets (RFC 5322 section 2.1.1): a word is cut before. */
	MESSAGE_WORD_MAX = 700,
};

struct wording {
	const char *subject;
	const char *cannot; /* behind "Packetboat cannot fetch the mail of ACCOUNT: " */
	const char *remedy; /* where the incident has none */
	const char *hint;   /* what the command is for */
	const char *command;
};

static const struct wording *wording_of(enum attention_reason reason)
{
	static const struct wording sign_in = {
		.subject = "Mail cannot be fetched: somebody has to sign in",
		.cannot = "somebody has to sign in first.",
		.remedy = "Sign in.",
		.hint = "This is the command, on the computer where Packetboat runs:",
		.command = "login",
	};
	static const struct wording administrator = {
		.subject = "Mail cannot be fetched: an administrator is needed",
		.cannot = "an administrator has to mend something first.",
		.remedy = "Find out what it is.",
		.hint = "This command, on the computer where Packetboat runs, looks closer:",
		.command = "doctor",
	};

	assert(reason != ATTENTION_CREDENTIAL_EXPIRING);
	return reason == ATTENTION_SIGN_IN_NEEDED ? &sign_in : &administrator;
}

/* ---- text ---- */

/* A text of anybody's on its way into the message. */
struct paragraph {
	struct bytebuf *out;
	const char *indent;
	unsigned column; /* 0: the line is empty */
};

static bool paragraph_end_line(struct paragraph *paragraph)
{
	paragraph->column = 0;
	return bytebuf_append_text(paragraph->out, "\r\n");
}

/* `word` holds no blanks, and is valid UTF-8 without control characters. */
static bool paragraph_word(struct paragraph *paragraph, struct span word, unsigned columns)
{
	bool ok = true;

	if (paragraph->column > 0 && paragraph->column + 1 + columns > MESSAGE_COLUMNS)
		ok = paragraph_end_line(paragraph);
	if (paragraph->column == 0) {
		ok = ok && bytebuf_append_text(paragraph->out, paragraph->indent);
		paragraph->column = (unsigned)strlen(paragraph->indent);
	} else {
		ok = ok && bytebuf_append_text(paragraph->out, " ");
		paragraph->column++;
	}
	paragraph->column += columns;
	return ok && bytebuf_append(paragraph->out, word);
}

/* Adds words, wrapped; what is no UTF-8 becomes a question mark, control characters blanks. */
static bool paragraph_text(struct paragraph *paragraph, const char *text)
{
	char word[MESSAGE_WORD_MAX + 4];
	size_t len = 0;
	unsigned columns = 0;
	bool ok = true;

	while (*text != '\0' && ok) {
		size_t octets = conf_value_utf8_len(text);
		bool blank = (unsigned char)*text <= ' ' || *text == 0x7f;

		if (!blank) {
			memcpy(word + len, octets > 0 ? text : "?", octets > 0 ? octets : 1);
			len += octets > 0 ? octets : 1;
			columns++;
		}
		text += octets > 0 ? octets : 1;
		if ((blank || *text == '\0' || len >= MESSAGE_WORD_MAX) && len > 0) {
			ok = paragraph_word(paragraph, span_of(word, len), columns);
			len = 0;
			columns = 0;
		}
	}
	return ok;
}

/* A paragraph of its own, behind an empty line. */
static bool put_paragraph(struct bytebuf *out, const char *indent, const char *text)
{
	struct paragraph paragraph = { .out = out, .indent = indent };

	return bytebuf_append_text(out, "\r\n") && paragraph_text(&paragraph, text) &&
	       paragraph_end_line(&paragraph);
}

/* ---- the account's name ---- */

/* Letters, digits, and what stands in `besides`. */
static bool is_plain(const char *text, const char *besides)
{
	for (; *text != '\0'; text++) {
		unsigned char upper = octet_upper((unsigned char)*text);

		if ((upper < 'A' || upper > 'Z') && !octet_is_digit(upper) &&
		    strchr(besides, *text) == NULL)
			return false;
	}
	return true;
}

/* Whether it can stand in `To:` as it is: something@something, without anything special (RFC 5322
 * section 3.4.1). */
static bool is_address(const char *account)
{
	const char *at = strchr(account, '@');

	return strlen(account) <= MESSAGE_WORD_MAX && at != NULL && at != account &&
	       at[1] != '\0' && strchr(at + 1, '@') == NULL && at[-1] != '.' && at[1] != '.' &&
	       account[0] != '.' && strstr(account, "..") == NULL && at[strlen(at) - 1] != '.' &&
	       is_plain(account, "@.!#$%&'*+-/=?^_`{|}~");
}

/* The account as the argument of a command. */
static bool put_argument(struct bytebuf *out, const char *account)
{
	/* Nobody types control characters, and a quote within quotes is beyond most people. */
	if (strlen(account) > MESSAGE_WORD_MAX)
		return bytebuf_append_text(out, "ACCOUNT");
	for (const char *octet = account; *octet != '\0'; octet++) {
		if ((unsigned char)*octet < ' ' || *octet == 0x7f || *octet == '\'')
			return bytebuf_append_text(out, "ACCOUNT");
	}
	if (account[0] != '-' && is_plain(account, "@._+-"))
		return bytebuf_append_text(out, account);
	return bytebuf_append_text(out, "'") && bytebuf_append_text(out, account) &&
	       bytebuf_append_text(out, "'");
}

/* ---- the message ---- */

static bool put_header(struct bytebuf *out, const struct attention_incident *incident,
		       const char *subject)
{
	bool address = is_address(incident->account);
	char fields[512];
	char date[64];
	struct tm began = { 0 };

	gmtime_r(&incident->began, &began);
	/* No locale was ever set, so the names are English. */
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &began);
	snprintf(fields, sizeof(fields),
		 "Date: %s\r\n"
		 "Subject: %s\r\n"
		 "Message-ID: <%s.%lld@packetboat.invalid>\r\n"
		 "Auto-Submitted: auto-generated\r\n"
		 "MIME-Version: 1.0\r\n"
		 "Content-Type: text/plain; charset=utf-8\r\n"
		 "Content-Transfer-Encoding: 8bit\r\n",
		 date, subject, incident->unique_id, (long long)incident->began);
	return bytebuf_append_text(out,
				   "From: Packetboat <packetboat@packetboat.invalid>\r\nTo: ") &&
	       bytebuf_append_text(out, address ? incident->account : "undisclosed-recipients:;") &&
	       bytebuf_append_text(out, "\r\n") && bytebuf_append_text(out, fields);
}

static bool put_what(struct bytebuf *out, const struct attention_incident *incident,
		     const struct wording *wording)
{
	struct paragraph paragraph = { .out = out, .indent = "" };
	char since[64];
	struct tm began = { 0 };

	gmtime_r(&incident->began, &began);
	strftime(since, sizeof(since), "What happened, on %Y-%m-%d at %H:%M UTC:", &began);
	return bytebuf_append_text(out, "\r\n") &&
	       paragraph_text(&paragraph, "Packetboat cannot fetch the mail of") &&
	       paragraph_text(&paragraph, incident->account) &&
	       paragraph_text(&paragraph, "now:") && paragraph_text(&paragraph, wording->cannot) &&
	       paragraph_end_line(&paragraph) && put_paragraph(out, "", since) &&
	       put_paragraph(out, "    ", incident->detail);
}

static bool put_remedy(struct bytebuf *out, const struct attention_incident *incident,
		       const struct wording *wording)
{
	return put_paragraph(out, "", "What to do:") &&
	       put_paragraph(out, "    ",
			     incident->remedy != NULL ? incident->remedy : wording->remedy) &&
	       put_paragraph(out, "    ", wording->hint) &&
	       bytebuf_append_text(out, "\r\n        packetboat ") &&
	       bytebuf_append_text(out, wording->command) && bytebuf_append_text(out, " ") &&
	       put_argument(out, incident->account) && bytebuf_append_text(out, "\r\n");
}

bool attention_message(const struct attention_incident *incident, struct bytebuf *out)
{
	const struct wording *wording = wording_of(incident->reason);

	return put_header(out, incident, wording->subject) && put_what(out, incident, wording) &&
	       put_remedy(out, incident, wording) &&
	       put_paragraph(out, "",
			     "No mail is lost. New messages wait in the mailbox on the mail "
			     "server. The old ones are listed here all the same, so that your mail "
			     "program does not forget that it has them; but they cannot be "
			     "fetched again or deleted now.") &&
	       put_paragraph(out, "",
			     "This message is not in the mailbox: Packetboat made it. It goes "
			     "away by itself as soon as mail can be fetched again. If you delete "
			     "it, it does not come back, and logins are refused until then.");
}
