/* SPDX-License-Identifier: ISC */
#include "protocol/byte_stuff.h"

#include <assert.h>

/* Where in a line the next octet stands. */
enum byte_stuff_state {
	LINE_START,
	LINE_START_CR, /* behind a CR that is the whole line so far */
	LINE_MIDDLE,
	LINE_MIDDLE_CR, /* behind any other CR */
};

void byte_stuff_init(struct byte_stuff *stuff, uint64_t top_lines)
{
	*stuff = (struct byte_stuff){
		.state = LINE_START,
		.lines_left = top_lines,
		.limited = top_lines != BYTE_STUFF_ALL_LINES,
	};
}

bool byte_stuff_is_satisfied(const struct byte_stuff *stuff)
{
	return stuff->limited && stuff->in_body && stuff->lines_left == 0;
}

uint64_t byte_stuff_octets(const struct byte_stuff *stuff)
{
	return stuff->octets;
}

/* A line is complete; the header ends with the first `blank` one, which nobody counts. */
static void byte_stuff_end_line(struct byte_stuff *stuff, bool blank)
{
	stuff->state = LINE_START;
	if (!stuff->limited)
		return;
	if (stuff->in_body)
		stuff->lines_left--;
	else
		stuff->in_body = blank;
}

/* The octets of `rest` hold no LF: they are somewhere within one line. */
static void byte_stuff_stay_in_line(struct byte_stuff *stuff, struct span rest)
{
	if (rest.data[rest.len - 1] != '\r')
		stuff->state = LINE_MIDDLE;
	else if (stuff->state == LINE_START && rest.len == 1)
		stuff->state = LINE_START_CR;
	else
		stuff->state = LINE_MIDDLE_CR;
}

/*
 * How many octets of `in` can be sent just as they are: up to a "." at the start of a line, a bare
 * LF, or the last line that TOP asked for. Goes from line to line, and leaves the state as it is
 * behind those octets.
 */
static size_t byte_stuff_run(struct byte_stuff *stuff, struct span in)
{
	const unsigned char *pos = in.data;
	const unsigned char *end = in.data + in.len;

	while (pos < end && !byte_stuff_is_satisfied(stuff)) {
		if (stuff->state == LINE_START && *pos == '.')
			break;

		struct span rest = span_of(pos, (size_t)(end - pos));
		const unsigned char *lf = memchr(pos, '\n', rest.len);
		if (lf == NULL) {
			byte_stuff_stay_in_line(stuff, rest);
			pos = end;
			break;
		}
		if (lf > pos ? lf[-1] != '\r'
			     : stuff->state == LINE_START || stuff->state == LINE_MIDDLE) {
			if (lf > pos)
				stuff->state = LINE_MIDDLE;
			pos = lf;
			break;
		}
		byte_stuff_end_line(stuff, (stuff->state == LINE_START && lf - pos == 1) ||
						   (stuff->state == LINE_START_CR && lf == pos));
		pos = lf + 1;
	}
	return (size_t)(pos - in.data);
}

bool byte_stuff_next(struct byte_stuff *stuff, struct span *in, struct span *piece_r)
{
	*piece_r = span_of("", 0);
	if (in->len == 0)
		return false;
	if (byte_stuff_is_satisfied(stuff)) {
		(void)span_take(in, in->len);
		return true;
	}
	size_t len = byte_stuff_run(stuff, *in);
	if (len > 0) {
		*piece_r = span_take(in, len);
		stuff->octets += len;
	} else if (*in->data == '.') {
		/* The one to be added; the message's own goes with what follows it. */
		*piece_r = span_text(".");
		stuff->state = LINE_MIDDLE;
	} else {
		assert(*in->data == '\n');
		(void)span_take(in, 1);
		*piece_r = span_text("\r\n");
		stuff->octets += piece_r->len;
		byte_stuff_end_line(stuff, stuff->state == LINE_START);
	}
	return true;
}

struct span byte_stuff_end(struct byte_stuff *stuff)
{
	struct span rest = span_text(stuff->state == LINE_START ? "" : "\r\n");

	stuff->octets += rest.len;
	stuff->state = LINE_START;
	return rest;
}
