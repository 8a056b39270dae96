/* SPDX-License-Identifier: ISC */
/*
 * imap_login: a login takes the same steps, says the same and ends for the same reason however the
 * server's octets are cut; nothing secret is said before TLS where that is wanted, and no password
 * where a token is meant; a token's login that fails says why in words.
 *
 * Input: one octet that says what kind of login it is, one that says how to cut, what the server
 * says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/imap_login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAID_MAX = 1 << 20, STEPS_MAX = 16 };

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct attempt {
	struct imap_login login;
	struct imap_client *client; /* owned */
	struct bytebuf said;
	bool token;
	bool starttls;
	bool encrypted;
	bool over; /* SELECTED, or FAILED */
	char steps[STEPS_MAX];
	size_t step_count;
};

static void gather(struct attempt *attempt)
{
	struct span output = imap_client_output(attempt->client);

	CHECK(bytebuf_append(&attempt->said, output));
	imap_client_sent(attempt->client, output.len);
}

static void take_step(struct attempt *attempt, enum imap_login_step step);

/* Does what a step asks for. */
static void answer(struct attempt *attempt, enum imap_login_step step)
{
	switch (step) {
	case IMAP_LOGIN_MORE:
		break;
	case IMAP_LOGIN_START_TLS:
		CHECK(attempt->starttls && !attempt->encrypted);
		attempt->encrypted = true;
		take_step(attempt, imap_login_tls_started(&attempt->login));
		break;
	case IMAP_LOGIN_READY:
		CHECK(attempt->encrypted || !attempt->starttls);
		take_step(attempt, attempt->token
					   ? imap_login_token(&attempt->login, span_text("joe"),
							      span_text("ya29.token"))
					   : imap_login_password(&attempt->login, span_text("joe"),
								 span_text("secret")));
		break;
	case IMAP_LOGIN_AUTHENTICATED:
		take_step(attempt, imap_login_select(&attempt->login, span_text("INBOX")));
		break;
	case IMAP_LOGIN_SELECTED:
		CHECK(imap_client_state(attempt->client) == IMAP_SELECTED);
		attempt->over = true;
		break;
	case IMAP_LOGIN_FAILED:
		CHECK(attempt->login.text[0] != '\0');
		CHECK(attempt->token || attempt->login.failure != IMAP_LOGIN_WRONG_TOKEN);
		CHECK(!attempt->token || attempt->login.failure != IMAP_LOGIN_WRONG_PASSWORD);
		attempt->over = true;
		break;
	}
}

static void take_step(struct attempt *attempt, enum imap_login_step step)
{
	if (step == IMAP_LOGIN_MORE)
		return;
	CHECK(!attempt->over && attempt->step_count < STEPS_MAX);
	attempt->steps[attempt->step_count++] = (char)('0' + (int)step);
	answer(attempt, step);
}

static bool contains(struct span text, const char *words)
{
	return text.len > 0 && memmem(text.data, text.len, words, strlen(words)) != NULL;
}

static void check(const struct attempt *attempt)
{
	struct span said = bytebuf_peek(&attempt->said);
	bool authenticates = contains(said, "AUTHENTICATE") || contains(said, " LOGIN ");

	CHECK(!authenticates || attempt->encrypted || !attempt->starttls);
	CHECK(!contains(said, "ya29.token"));
	if (attempt->token)
		CHECK(!contains(said, "PLAIN") && !contains(said, " LOGIN ") &&
		      !contains(said, "secret"));
	else
		CHECK(!contains(said, "XOAUTH2") && !contains(said, "OAUTHBEARER"));
}

static void run(struct attempt *attempt, struct span in, unsigned how, size_t step)
{
	*attempt = (struct attempt){
		.client = imap_client_new(),
		.token = (how & 1) != 0,
		.starttls = (how & 2) != 0,
	};
	CHECK(attempt->client != NULL);
	bytebuf_init(&attempt->said, SAID_MAX);
	imap_login_init(&attempt->login, attempt->client, attempt->starttls, !attempt->starttls);
	while (in.len > 0 && !attempt->over) {
		struct span piece = span_take(&in, step);
		struct imap_event event;

		while (!attempt->over &&
		       imap_client_next(attempt->client, &piece, &event) != IMAP_EVENT_NEED_INPUT) {
			take_step(attempt, imap_login_event(&attempt->login, &event));
			gather(attempt);
		}
		gather(attempt);
	}
	check(attempt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attempt whole;
	struct attempt parts;

	if (size < 2)
		return 0;
	struct span in = span_of(data + 2, size - 2);
	run(&whole, in, data[0], SIZE_MAX);
	run(&parts, in, data[0], data[1] % 16 + 1u);
	/* Octets behind the answer to STARTTLS are an attack only if they come with it. */
	if (!whole.starttls) {
		CHECK(span_equal(bytebuf_peek(&whole.said), bytebuf_peek(&parts.said)));
		CHECK(whole.step_count == parts.step_count);
		CHECK(memcmp(whole.steps, parts.steps, whole.step_count) == 0);
		CHECK(strcmp(whole.login.text, parts.login.text) == 0);
	}
	bytebuf_deinit(&whole.said);
	bytebuf_deinit(&parts.said);
	imap_client_free(&whole.client);
	imap_client_free(&parts.client);
	return 0;
}
