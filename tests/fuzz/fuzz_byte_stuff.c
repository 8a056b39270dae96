/* SPDX-License-Identifier: ISC */
/*
 * byte_stuff: what a client unstuffs is the message with its line ends repaired, however the
 * message is cut into chunks; TOP is a prefix of it that has the right number of lines.
 *
 * Input: one octet that says how to cut, one for the lines of TOP, the message.
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/byte_stuff.h"
#include "protocol/bytebuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 24 };

#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* Sends `message` through in chunks of `step` octets. Returns what byte_stuff counted. */
static uint64_t stuff(struct bytebuf *out, struct span message, uint64_t top_lines, size_t step)
{
	struct byte_stuff machine;
	struct span piece;

	bytebuf_init(out, OUT_MAX);
	byte_stuff_init(&machine, top_lines);
	while (message.len > 0) {
		struct span chunk = span_take(&message, step);
		bool satisfied = byte_stuff_is_satisfied(&machine);
		while (byte_stuff_next(&machine, &chunk, &piece)) {
			CHECK(!satisfied || piece.len == 0);
			CHECK(bytebuf_append(out, piece));
		}
		CHECK(chunk.len == 0);
	}
	CHECK(bytebuf_append(out, byte_stuff_end(&machine)));
	return byte_stuff_octets(&machine);
}

static void unstuff(struct bytebuf *out, struct span sent)
{
	bytebuf_init(out, OUT_MAX);
	for (size_t i = 0; i < sent.len; i++) {
		bool at_start = i == 0 || sent.data[i - 1] == '\n';
		CHECK(sent.data[i] != '\n' || (i > 0 && sent.data[i - 1] == '\r'));
		if (!at_start || sent.data[i] != '.') {
			CHECK(bytebuf_append_octet(out, sent.data[i]));
			continue;
		}
		/* No line may end the message early. */
		CHECK(i + 1 < sent.len && sent.data[i + 1] == '.');
		CHECK(bytebuf_append_octet(out, sent.data[++i]));
	}
}

static void normalise(struct bytebuf *out, struct span message)
{
	unsigned char last = '\n';

	bytebuf_init(out, OUT_MAX);
	for (size_t i = 0; i < message.len; i++) {
		if (message.data[i] == '\n' && (i == 0 || last != '\r'))
			CHECK(bytebuf_append_octet(out, '\r'));
		last = message.data[i];
		CHECK(bytebuf_append_octet(out, last));
	}
	if (last != '\n')
		CHECK(bytebuf_append_text(out, "\r\n"));
}

/* How much of a normalised message TOP shows: up to the blank line, and `lines` more. */
static size_t top_len(struct span message, uint64_t lines)
{
	bool in_body = false;
	size_t start = 0;

	for (size_t i = 0; i < message.len && !(in_body && lines == 0); i++) {
		if (message.data[i] != '\n')
			continue;
		if (in_body)
			lines--;
		else
			in_body = i - start == 1 && message.data[start] == '\r';
		start = i + 1;
	}
	return in_body && lines == 0 ? start : message.len;
}

static void check(struct span message, struct span normal, uint64_t top_lines, size_t step)
{
	struct bytebuf whole;
	struct bytebuf parts;
	struct bytebuf back;
	uint64_t octets = stuff(&whole, message, top_lines, SIZE_MAX);

	CHECK(octets == stuff(&parts, message, top_lines, step));
	CHECK(span_equal(bytebuf_peek(&whole), bytebuf_peek(&parts)));
	unstuff(&back, bytebuf_peek(&whole));
	CHECK(span_equal(bytebuf_peek(&back), normal));
	CHECK(octets == normal.len);
	bytebuf_deinit(&whole);
	bytebuf_deinit(&parts);
	bytebuf_deinit(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytebuf normal;

	if (size < 2)
		return 0;
	struct span message = span_of(data + 2, size - 2);
	size_t step = data[0] % 16 + 1u;
	uint64_t top_lines = data[1];
	normalise(&normal, message);
	struct span all = bytebuf_peek(&normal);
	check(message, all, BYTE_STUFF_ALL_LINES, step);
	check(message, span_of(all.data, top_len(all, top_lines)), top_lines, step);
	bytebuf_deinit(&normal);
	return 0;
}
