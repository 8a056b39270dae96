/* SPDX-License-Identifier: ISC */
/*
 * line: the next line of a stream of octets.
 *
 * A line ends with CRLF; a bare LF ends one just as well. A line that is whole in the input is
 * handed out as a slice of it, nothing is copied; an unfinished one is kept until the rest comes.
 * A line beyond the limit is skipped to its end, without being kept, and reported once.
 *
 * It knows nothing of what lines say. Command lines carry passwords: line_forget() and
 * line_deinit() wipe what was kept.
 */
#ifndef PROTOCOL_LINE_H
#define PROTOCOL_LINE_H

#include "protocol/bytebuf.h"

enum line_status {
	LINE_OK,
	LINE_NEED_MORE,   /* all of the input was taken */
	LINE_TOO_LONG,    /* the end of it was found; the line itself is gone */
	LINE_HAS_NUL,     /* a NUL is in the line */
	LINE_HAS_BARE_CR, /* a CR that is not part of CRLF is in the line */
	LINE_NO_MEMORY,
};

struct line_reader {
	/* private */
	struct bytebuf kept; /* the beginning of a line, or a line that was put together */
	bool handed_out;     /* `kept` is a line that was handed out already */
	bool skipping;       /* in a line that is too long */
};

/* `octets_max`: the highest limit that line_next() will be given. */
void line_init(struct line_reader *reader, size_t octets_max);
void line_deinit(struct line_reader *reader);

/* Wipes the line handed out last, which line_next() does by itself. */
void line_forget(struct line_reader *reader);

/*
 * Takes a line, or what there is of it, off the front of `in`. `octets_max` is the limit for a line
 * without its terminator, and may differ from line to line. On LINE_OK `line_r` is the line
 * without its terminator, valid as long as `in` and until the next call.
 */
enum line_status line_next(struct line_reader *reader, struct span *in, size_t octets_max,
			   struct span *line_r) __attribute__((warn_unused_result));

#endif
