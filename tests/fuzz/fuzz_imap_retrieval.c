/* SPDX-License-Identifier: ISC */
/*
 * imap_retrieval: RETR or TOP gives the client the same octets, says the same to the server and
 * ends in the same way however the server's octets are cut; nothing is said of a message that is
 * refused; and what Exchange sends in the place of a message does not reach a client that is not to
 * have it.
 *
 * Input: one octet that says what is asked for, one that says how to cut, what the server says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/imap_retrieval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAID_MAX = 1 << 20, OUT_MAX = 1 << 24 };

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct attempt {
	struct imap_retrieval retrieval;
	struct imap_client *client; /* owned */
	struct bytebuf said;        /* to the server */
	struct bytebuf out;         /* to the client */
	enum imap_retrieval_status outcome;
};

static void gather(struct attempt *attempt)
{
	struct span output = imap_client_output(attempt->client);

	CHECK(bytebuf_append(&attempt->said, output));
	imap_client_sent(attempt->client, output.len);
}

static void take_status(struct attempt *attempt, enum imap_retrieval_status status)
{
	struct span piece;

	if (status == IMAP_RETRIEVAL_MORE)
		return;
	CHECK(attempt->outcome == IMAP_RETRIEVAL_MORE);
	if (status == IMAP_RETRIEVAL_DATA || status == IMAP_RETRIEVAL_END) {
		while (imap_retrieval_piece(&attempt->retrieval, &piece))
			CHECK(bytebuf_append(&attempt->out, piece));
	}
	if (status != IMAP_RETRIEVAL_DATA)
		attempt->outcome = status;
}

/* Whether what the client got is a placeholder; byte-stuffing changes nothing in such a header. */
static bool got_placeholder(const struct attempt *attempt)
{
	struct header_scan scan;
	bool is_placeholder;

	header_scan_init(&scan);
	(void)header_scan_feed(&scan, bytebuf_peek(&attempt->out));
	header_scan_finish(&scan);
	is_placeholder = header_scan_verdict(&scan) == HEADER_SCAN_PLACEHOLDER;
	header_scan_deinit(&scan);
	return is_placeholder;
}

static void check(const struct attempt *attempt, const struct imap_retrieval_request *request)
{
	bool placeholder = imap_retrieval_is_placeholder(&attempt->retrieval);
	size_t len = bytebuf_len(&attempt->out);
	/* It came in one piece, it was looked at, and no octet was added to it. */
	bool entire = request->top_lines > 1 && len <= IMAP_HELD_MAX &&
		      len == imap_retrieval_octets(&attempt->retrieval);

	switch (attempt->outcome) {
	case IMAP_RETRIEVAL_MORE:
	case IMAP_RETRIEVAL_DATA:
		break;
	case IMAP_RETRIEVAL_END:
		CHECK(!placeholder || request->deliver_placeholder);
		CHECK(request->deliver_placeholder || !entire || !got_placeholder(attempt));
		break;
	case IMAP_RETRIEVAL_BROKEN:
		CHECK(len > 0);
		break;
	case IMAP_RETRIEVAL_GONE:
	case IMAP_RETRIEVAL_UNREADABLE:
	case IMAP_RETRIEVAL_REFUSED:
		CHECK(len == 0);
		break;
	}
}

static void run(struct attempt *attempt, struct span in,
		const struct imap_retrieval_request *request, size_t step)
{
	struct imap_event event;
	struct span greeting = span_text("* PREAUTH hello\r\n");

	*attempt = (struct attempt){ .client = imap_client_new(), .outcome = IMAP_RETRIEVAL_MORE };
	CHECK(attempt->client != NULL);
	bytebuf_init(&attempt->said, SAID_MAX);
	bytebuf_init(&attempt->out, OUT_MAX);
	while (imap_client_next(attempt->client, &greeting, &event) != IMAP_EVENT_NEED_INPUT)
		continue;
	take_status(attempt, imap_retrieval_start(&attempt->retrieval, attempt->client, request));
	gather(attempt);
	while (in.len > 0 && attempt->outcome == IMAP_RETRIEVAL_MORE) {
		struct span piece = span_take(&in, step);

		while (attempt->outcome == IMAP_RETRIEVAL_MORE &&
		       imap_client_next(attempt->client, &piece, &event) != IMAP_EVENT_NEED_INPUT) {
			take_status(attempt, imap_retrieval_event(&attempt->retrieval, &event));
			gather(attempt);
		}
	}
	check(attempt, request);
}

static void end(struct attempt *attempt)
{
	imap_retrieval_deinit(&attempt->retrieval);
	imap_client_free(&attempt->client);
	bytebuf_deinit(&attempt->said);
	bytebuf_deinit(&attempt->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t lines[] = { BYTE_STUFF_ALL_LINES, 0, 1, 99999999 };
	struct imap_retrieval_request request = { .uid = 7 };
	struct attempt whole;
	struct attempt parts;

	if (size < 2)
		return 0;
	request.top_lines = lines[data[0] % 4];
	request.top = request.top_lines != BYTE_STUFF_ALL_LINES;
	request.octets = (data[0] & 4) != 0 ? 0 : 100;
	request.deliver_placeholder = (data[0] & 8) != 0;
	struct span in = span_of(data + 2, size - 2);
	run(&whole, in, &request, SIZE_MAX);
	run(&parts, in, &request, data[1] % 16 + 1u);
	CHECK(whole.outcome == parts.outcome);
	CHECK(span_equal(bytebuf_peek(&whole.said), bytebuf_peek(&parts.said)));
	CHECK(span_equal(bytebuf_peek(&whole.out), bytebuf_peek(&parts.out)));
	CHECK(strcmp(whole.retrieval.text, parts.retrieval.text) == 0);
	end(&whole);
	end(&parts);
	return 0;
}
