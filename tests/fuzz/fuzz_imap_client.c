/* SPDX-License-Identifier: ISC */
/*
 * imap_client: what a server says makes the same events, the same output and the same state however
 * it is cut; a violation is final; nothing is sent that no command says.
 *
 * Input: one octet that picks the commands, one that says how to cut, what the server says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/limits.h"
#include "tests/unit/imap_talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* The conversations whose other half is the input; commands are numbered from 1. */
static void ask(struct imap_client *client, unsigned script)
{
	static const uint32_t uids[] = { 5, 6, 9 };
	size_t taken;

	switch (script % 8) {
	case 0:
		imap_client_login(client, span_text("u"), span_text("p"));
		imap_client_select(client, span_text("INBOX"));
		imap_client_fetch_listing(client, 1, 0, true);
		imap_client_search_deleted(client);
		imap_client_fetch_bodies(client, uids, 3, &taken);
		imap_client_logout(client);
		break;
	case 1:
		imap_client_login(client, span_text("\xc3\xa4"), span_text("\xff"));
		imap_client_list(client, span_text(""), span_text("*"));
		imap_client_move(client, uids, 3, span_text("\xe2"), &taken);
		break;
	case 2:
		imap_client_authenticate(client, "XOAUTH2", span_text("user"));
		imap_client_noop(client);
		break;
	case 3:
		imap_client_starttls(client);
		break;
	case 4:
		imap_client_select(client, span_text("INBOX"));
		imap_client_idle(client);
		imap_client_idle_done(client);
		imap_client_unselect(client);
		break;
	case 6:
		imap_client_authenticate(client, "OAUTHBEARER",
					 span_text("n,a=u,\1auth=Bearer t\1\1"));
		imap_client_id(client, "Packetboat", NULL);
		imap_client_select(client, span_text("INBOX"));
		break;
	default:
		break;
	}
}

static void check_limits(const struct imap_talk *talk)
{
	CHECK(imap_client_pending(talk->client) <= 6);
	CHECK(imap_client_output(talk->client).len <= 1024);
	CHECK(imap_client_state(talk->client) <= IMAP_LOGOUT);
	CHECK(imap_client_challenge(talk->client).len <= IMAP_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_talk whole;
	struct imap_talk parts;

	if (size < 2)
		return 0;
	struct span in = span_of(data + 2, size - 2);
	size_t step = data[1] % 16 + 1u;
	imap_talk_begin(&whole);
	imap_talk_begin(&parts);
	ask(whole.client, data[0]);
	ask(parts.client, data[0]);
	imap_talk_hear(&whole, in);
	imap_talk_hear_pieces(&parts, in, step, step);
	check_limits(&whole);
	CHECK(strcmp(imap_talk_text(&whole), imap_talk_text(&parts)) == 0);
	CHECK(span_equal(imap_client_output(whole.client), imap_client_output(parts.client)));
	CHECK(imap_client_state(whole.client) == imap_client_state(parts.client));
	CHECK(span_equal(imap_client_challenge(whole.client), imap_client_challenge(parts.client)));
	imap_talk_end(&whole);
	imap_talk_end(&parts);
	return 0;
}
