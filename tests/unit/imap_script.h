/* SPDX-License-Identifier: ISC */
/*
 * imap_script: a real imap_client and a server of a few written lines, for tests of what drives it.
 *
 * In what the server says, `$1` stands for the tag of the first command since the script began,
 * `$2` for the second, and so on; what the client said is gathered with the same numbers for tags,
 * and lines that are no commands (of AUTHENTICATE: they have no blank) as they are.
 * Lines are said whole, octet by octet, or cut in two at one place, as `cut` says.
 */
#ifndef TESTS_UNIT_IMAP_SCRIPT_H
#define TESTS_UNIT_IMAP_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/imap_client.h"

#define IMAP_SCRIPT_WHOLE 0u
#define IMAP_SCRIPT_OCTETS SIZE_MAX

struct imap_script {
	struct imap_client *client;
	void (*event)(void *machine, const struct imap_event *event);
	void *machine;
	size_t cut;  /* WHOLE, OCTETS, or behind how many octets */
	size_t said; /* octets, by the server */
	unsigned commands;
	char tags[256][16];
	char sent[262144]; /* "1 NOOP\r\n" ... */
	size_t sent_len;
};

static inline void imap_script_gather_line(struct imap_script *script, struct span line)
{
	const unsigned char *space = memchr(line.data, ' ', line.len);
	char number[16] = "";

	if (space != NULL) {
		struct span tag = span_take(&line, (size_t)(space - line.data));

		assert_true(script->commands < 256 && tag.len < 16);
		memcpy(script->tags[script->commands], tag.data, tag.len);
		script->tags[script->commands++][tag.len] = '\0';
		(void)snprintf(number, sizeof(number), "%u", script->commands);
	}
	script->sent_len += (size_t)snprintf(script->sent + script->sent_len,
					     sizeof(script->sent) - script->sent_len, "%s%.*s",
					     number, (int)line.len, (const char *)line.data);
	assert_true(script->sent_len < sizeof(script->sent));
}

/* Gathers what the client said. */
static inline void imap_script_gather(struct imap_script *script)
{
	struct span output = imap_client_output(script->client);
	size_t len = output.len;

	while (output.len > 0) {
		const unsigned char *end = memchr(output.data, '\n', output.len);

		assert_non_null(end);
		imap_script_gather_line(script,
					span_take(&output, (size_t)(end + 1 - output.data)));
	}
	imap_client_sent(script->client, len);
}

static inline void imap_script_feed(struct imap_script *script, struct span in)
{
	struct imap_event event;

	while (imap_client_next(script->client, &in, &event) != IMAP_EVENT_NEED_INPUT) {
		if (script->event != NULL)
			script->event(script->machine, &event);
		if (event.type == IMAP_EVENT_VIOLATION)
			return;
	}
	assert_int_equal(in.len, 0);
}

static inline void imap_script_say_line(struct imap_script *script, struct span line)
{
	size_t before = script->said;

	script->said += line.len;
	while (script->cut == IMAP_SCRIPT_OCTETS && line.len > 1)
		imap_script_feed(script, span_take(&line, 1));
	if (script->cut > before && script->cut < script->said)
		imap_script_feed(script, span_take(&line, script->cut - before));
	imap_script_feed(script, line);
}

/* Copies the next line of `text` to `line`, with the tags put in. */
static inline size_t imap_script_line(const struct imap_script *script, const char **text,
				      char *line, size_t size)
{
	size_t len = 0;
	char octet = '\0';

	while (**text != '\0' && octet != '\n') {
		assert_true(len + sizeof(script->tags[0]) < size);
		octet = *(*text)++;
		if (octet == '$' && octet_is_digit((unsigned char)**text)) {
			unsigned tag = (unsigned)strtoul(*text, (char **)text, 10);

			if (tag == 0 || tag > script->commands)
				fail_msg("$%u stands for no command yet", tag);
			len += (size_t)snprintf(line + len, size - len, "%s",
						script->tags[tag - 1]);
		} else {
			line[len++] = octet;
		}
	}
	return len;
}

/* The server says `text`, line by line. */
static inline void imap_script_say(struct imap_script *script, const char *text)
{
	char line[16384];

	imap_script_gather(script);
	while (*text != '\0') {
		imap_script_say_line(
			script, span_of(line, imap_script_line(script, &text, line, sizeof(line))));
		imap_script_gather(script);
	}
}

/* From now on tags are counted anew, and so are octets. */
static inline void imap_script_begin(struct imap_script *script,
				     void (*event)(void *machine, const struct imap_event *event),
				     void *machine, size_t cut)
{
	script->event = event;
	script->machine = machine;
	script->cut = cut;
	script->said = 0;
	script->commands = 0;
	script->sent_len = 0;
	script->sent[0] = '\0';
}

static inline void imap_script_init(struct imap_script *script)
{
	script->client = imap_client_new();
	assert_non_null(script->client);
	imap_script_begin(script, NULL, NULL, IMAP_SCRIPT_WHOLE);
}

/* A mailbox of `exists` messages is selected, on a server that has `capabilities` besides. */
static inline void imap_script_init_selected(struct imap_script *script, const char *capabilities,
					     unsigned exists)
{
	char text[512];

	imap_script_init(script);
	(void)snprintf(text, sizeof(text), "* PREAUTH [CAPABILITY IMAP4rev1 %s] hello\r\n",
		       capabilities);
	imap_script_say(script, text);
	assert_true(imap_client_select(script->client, span_text("INBOX")) != 0);
	(void)snprintf(text, sizeof(text),
		       "* %u EXISTS\r\n* OK [UIDVALIDITY 1700000001] valid\r\n"
		       "$1 OK [READ-WRITE] selected\r\n",
		       exists);
	imap_script_say(script, text);
	assert_int_equal(imap_client_state(script->client), IMAP_SELECTED);
}

static inline void imap_script_deinit(struct imap_script *script)
{
	imap_client_free(&script->client);
}

#endif
