/* SPDX-License-Identifier: ISC */
/* imap_hear: cmocka tests of the IMAP client machine, one imap_talk for each. */
#ifndef TESTS_UNIT_IMAP_HEAR_H
#define TESTS_UNIT_IMAP_HEAR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/imap_talk.h"

static inline int set_up(void **state)
{
	struct imap_talk *talk = malloc(sizeof(*talk));

	assert_non_null(talk);
	imap_talk_begin(talk);
	*state = talk;
	return 0;
}

static inline int tear_down(void **state)
{
	imap_talk_end(*state);
	free(*state);
	return 0;
}

static inline void hear(struct imap_talk *talk, const char *text)
{
	imap_talk_hear(talk, span_text(text));
	assert_false(talk->violated);
}

/* What the client has to send, which is sent. */
static inline void expect_sent(struct imap_talk *talk, const char *expected)
{
	struct span sent = imap_client_output(talk->client);

	if (!span_equal(sent, span_text(expected)))
		fail_msg("sent %.*s, not %s", (int)sent.len, (const char *)sent.data, expected);
	imap_client_sent(talk->client, sent.len);
}

#define TALK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
