/* SPDX-License-Identifier: ISC */
/*
 * imap_token: the tokens of an input do not depend on how it is cut, none is longer than its
 * ceiling, parentheses balance, and a literal has as many octets as it announced.
 *
 * Input: one octet for the mode, one that says how to cut, what the server says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/imap_token.h"
#include "protocol/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOG_MAX = 1 << 24 };

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

static void check_token(const struct imap_token *token, unsigned depth)
{
	CHECK(token->text.len <= IMAP_TOKEN_MAX);
	CHECK(depth <= IMAP_NESTING_MAX);
	CHECK(token->octets <= INT64_MAX);
	CHECK((token->type == IMAP_TOKEN_VIOLATION) == (token->reason != NULL));
	CHECK(token->type != IMAP_TOKEN_EOL || depth == 0);
	CHECK(token->type != IMAP_TOKEN_ATOM || token->text.data != NULL);
	if (token->type == IMAP_TOKEN_TEXT) {
		CHECK(token->text.len <= IMAP_TEXT_MAX);
		CHECK(memchr(token->text.data, '\0', token->text.len + 1) ==
		      token->text.data + token->text.len);
	}
}

/* Reads one piece into the log. False at a violation. */
static bool read_piece(struct imap_token_reader *reader, enum imap_token_mode mode, struct span in,
		       struct bytebuf *log)
{
	struct imap_token token;

	for (;;) {
		if (imap_token_left(reader) > 0) {
			CHECK(bytebuf_append(log, imap_token_take(reader, &in)));
			if (imap_token_left(reader) > 0) {
				CHECK(in.len == 0);
				return true;
			}
		}
		imap_token_next(reader, mode, &in, &token);
		check_token(&token, imap_token_depth(reader));
		if (token.type == IMAP_TOKEN_NEED_INPUT) {
			CHECK(in.len == 0);
			return true;
		}
		CHECK(bytebuf_append_octet(log, (unsigned char)token.type));
		CHECK(bytebuf_append_number(log, token.octets));
		CHECK(bytebuf_append(log, token.text));
		if (token.type == IMAP_TOKEN_VIOLATION) {
			CHECK(bytebuf_append_text(log, token.reason));
			return false;
		}
	}
}

static void read_all(enum imap_token_mode mode, struct span in, size_t step, struct bytebuf *log)
{
	struct imap_token_reader reader;

	bytebuf_init(log, LOG_MAX);
	imap_token_init(&reader);
	while (in.len > 0 && read_piece(&reader, mode, span_take(&in, step), log))
		continue;
	imap_token_deinit(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytebuf whole;
	struct bytebuf parts;

	if (size < 2)
		return 0;
	enum imap_token_mode mode = (enum imap_token_mode)(data[0] % (IMAP_TOKEN_MODE_SKIP + 1u));
	struct span in = span_of(data + 2, size - 2);
	read_all(mode, in, SIZE_MAX, &whole);
	read_all(mode, in, data[1] % 16 + 1u, &parts);
	CHECK(span_equal(bytebuf_peek(&whole), bytebuf_peek(&parts)));
	bytebuf_deinit(&whole);
	bytebuf_deinit(&parts);
	return 0;
}
