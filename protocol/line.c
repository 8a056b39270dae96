/* SPDX-License-Identifier: ISC */
#include "protocol/line.h"

void line_init(struct line_reader *reader, size_t octets_max)
{
	*reader = (struct line_reader){ .skipping = false };
	/* One more for a CR whose LF has not come yet. */
	bytebuf_init(&reader->kept, octets_max + 1);
}

void line_deinit(struct line_reader *reader)
{
	bytebuf_deinit(&reader->kept);
}

void line_forget(struct line_reader *reader)
{
	if (reader->handed_out)
		bytebuf_reset(&reader->kept);
	reader->handed_out = false;
}

static bool ends_with_cr(struct span octets)
{
	return octets.len > 0 && octets.data[octets.len - 1] == '\r';
}

/* Whether what is kept would, with `more` behind it, be too long whatever comes next. A CR at the
 * end may be half of the terminator and is not counted. */
static bool line_would_be_too_long(const struct line_reader *reader, struct span more,
				   size_t octets_max)
{
	struct span last = more.len > 0 ? more : bytebuf_peek(&reader->kept);
	size_t len = bytebuf_len(&reader->kept) + more.len;

	return len > octets_max + (ends_with_cr(last) ? 1 : 0);
}

/* The input ends before the line does. */
static enum line_status line_keep(struct line_reader *reader, struct span part, size_t octets_max)
{
	if (reader->skipping)
		return LINE_NEED_MORE;
	if (line_would_be_too_long(reader, part, octets_max)) {
		bytebuf_reset(&reader->kept);
		reader->skipping = true;
		return LINE_NEED_MORE;
	}
	return bytebuf_append(&reader->kept, part) ? LINE_NEED_MORE : LINE_NO_MEMORY;
}

static enum line_status line_check(struct span line)
{
	if (line.len > 0 && memchr(line.data, '\0', line.len) != NULL)
		return LINE_HAS_NUL;
	if (line.len > 0 && memchr(line.data, '\r', line.len) != NULL)
		return LINE_HAS_BARE_CR;
	return LINE_OK;
}

enum line_status line_next(struct line_reader *reader, struct span *in, size_t octets_max,
			   struct span *line_r)
{
	line_forget(reader);
	*line_r = span_of("", 0);

	const unsigned char *lf = in->len > 0 ? memchr(in->data, '\n', in->len) : NULL;
	if (lf == NULL)
		return line_keep(reader, span_take(in, in->len), octets_max);

	struct span line = span_take(in, (size_t)(lf - in->data));
	(void)span_take(in, 1);
	if (reader->skipping) {
		reader->skipping = false;
		return LINE_TOO_LONG;
	}
	if (line_would_be_too_long(reader, line, octets_max)) {
		bytebuf_reset(&reader->kept);
		return LINE_TOO_LONG;
	}
	if (bytebuf_len(&reader->kept) > 0) {
		if (!bytebuf_append(&reader->kept, line))
			return LINE_NO_MEMORY;
		reader->handed_out = true;
		line = bytebuf_peek(&reader->kept);
	}
	if (ends_with_cr(line))
		line.len--;
	enum line_status status = line_check(line);
	if (status == LINE_OK)
		*line_r = line;
	return status;
}
