/* SPDX-License-Identifier: ISC */
#include "protocol/imap_token.h"

#include <assert.h>

#include "protocol/limits.h"

enum reader_state {
	BETWEEN, /* no token has begun */
	LINE_CR,
	ATOM,
	SECTION, /* in the brackets of an item's name */
	QUOTED,
	ESCAPE,
	ANNOUNCED, /* behind the "{" of a literal */
	LITERAL,   /* its octets are the caller's to take */
	COLLECTING,
	MAILBOX,
	TEXT,
	TEXT_CR,
	SKIPPING,
};

/* How much of "{n}" or "{n+}" CRLF there is. */
enum announcement {
	ANNOUNCEMENT_NONE,
	ANNOUNCEMENT_OPEN,
	ANNOUNCEMENT_DIGITS,
	ANNOUNCEMENT_PLUS,
	ANNOUNCEMENT_CLOSED,
	ANNOUNCEMENT_CR,
	ANNOUNCEMENT_DONE,
};

void imap_token_init(struct imap_token_reader *reader)
{
	*reader = (struct imap_token_reader){ .state = BETWEEN };
	/* One more for the NUL behind a text. */
	bytebuf_init(&reader->text, IMAP_TOKEN_MAX + 1);
}

void imap_token_deinit(struct imap_token_reader *reader)
{
	bytebuf_deinit(&reader->text);
}

static enum imap_token_type violation(struct imap_token *token, const char *reason)
{
	token->reason = reason;
	return IMAP_TOKEN_VIOLATION;
}

static enum imap_token_type need_input(struct imap_token_reader *reader, enum reader_state state)
{
	reader->state = state;
	return IMAP_TOKEN_NEED_INPUT;
}

static enum imap_token_type finish(struct imap_token_reader *reader, enum imap_token_type type,
				   struct imap_token *token)
{
	reader->state = BETWEEN;
	token->text = bytebuf_peek(&reader->text);
	return type;
}

/* Adds to the unfinished token. */
static bool keep(struct imap_token_reader *reader, struct span octets)
{
	return octets.len <= IMAP_TOKEN_MAX - bytebuf_len(&reader->text) &&
	       bytebuf_append(&reader->text, octets);
}

static enum imap_token_type too_long(struct imap_token *token)
{
	return violation(token, "a token is too long, or memory is short");
}

static enum imap_token_type finish_line(struct imap_token_reader *reader, struct imap_token *token)
{
	if (reader->depth > 0)
		return violation(token, "a line ends inside parentheses");
	return finish(reader, IMAP_TOKEN_EOL, token);
}

static enum imap_token_type finish_text(struct imap_token_reader *reader, struct imap_token *token)
{
	if (!bytebuf_append_octet(&reader->text, '\0'))
		return too_long(token);
	finish(reader, IMAP_TOKEN_TEXT, token);
	token->text.len--;
	return IMAP_TOKEN_TEXT;
}

/*
 * One octet more of what may be the announcement of a literal. A size that is too big stays
 * too big, and shows when the announcement is DONE.
 */
static enum announcement announce(enum announcement before, unsigned char octet, uint64_t *size)
{
	switch (before) {
	case ANNOUNCEMENT_OPEN:
	case ANNOUNCEMENT_DIGITS:
		if (octet_is_digit(octet)) {
			uint64_t digit = (uint64_t)(octet - '0');
			bool fits = *size <= (INT64_MAX - digit) / 10;
			*size = fits ? *size * 10 + digit : UINT64_MAX;
			return ANNOUNCEMENT_DIGITS;
		}
		if (before == ANNOUNCEMENT_DIGITS && octet == '+')
			return ANNOUNCEMENT_PLUS;
		if (before == ANNOUNCEMENT_DIGITS && octet == '}')
			return ANNOUNCEMENT_CLOSED;
		break;
	case ANNOUNCEMENT_PLUS:
		if (octet == '}')
			return ANNOUNCEMENT_CLOSED;
		break;
	case ANNOUNCEMENT_CLOSED:
		if (octet == '\r')
			return ANNOUNCEMENT_CR;
		if (octet == '\n')
			return ANNOUNCEMENT_DONE;
		break;
	case ANNOUNCEMENT_CR:
		if (octet == '\n')
			return ANNOUNCEMENT_DONE;
		break;
	case ANNOUNCEMENT_NONE:
	case ANNOUNCEMENT_DONE:
		break;
	}
	*size = 0;
	return octet == '{' ? ANNOUNCEMENT_OPEN : ANNOUNCEMENT_NONE;
}

static enum imap_token_type begin_literal(struct imap_token_reader *reader,
					  struct imap_token *token)
{
	if (reader->literal > INT64_MAX)
		return violation(token, "a literal's size is out of range");
	if (reader->mode == IMAP_TOKEN_MODE_MAILBOX) {
		if (reader->literal > IMAP_TOKEN_MAX)
			return too_long(token);
		if (reader->literal == 0)
			return finish(reader, IMAP_TOKEN_STRING, token);
		return need_input(reader, COLLECTING);
	}
	reader->state = reader->literal > 0 ? LITERAL : BETWEEN;
	token->octets = reader->literal;
	return IMAP_TOKEN_LITERAL;
}

static enum imap_token_type step_announced(struct imap_token_reader *reader, struct span *in,
					   struct imap_token *token)
{
	unsigned char octet = span_take(in, 1).data[0];

	reader->announcement = announce(reader->announcement, octet, &reader->literal);
	if (reader->announcement == ANNOUNCEMENT_NONE || octet == '{')
		return violation(token, "a literal is announced wrongly");
	if (reader->announcement == ANNOUNCEMENT_DONE)
		return begin_literal(reader, token);
	return IMAP_TOKEN_NEED_INPUT;
}

/* At a "{". */
static enum imap_token_type step_open_literal(struct imap_token_reader *reader, struct span *in)
{
	span_take(in, 1);
	reader->literal = 0;
	reader->announcement = ANNOUNCEMENT_OPEN;
	return need_input(reader, ANNOUNCED);
}

static enum imap_token_type step_collecting(struct imap_token_reader *reader, struct span *in,
					    struct imap_token *token)
{
	struct span octets = span_take(in, (size_t)reader->literal);

	if (!keep(reader, octets))
		return too_long(token);
	reader->literal -= octets.len;
	return reader->literal > 0 ? IMAP_TOKEN_NEED_INPUT
				   : finish(reader, IMAP_TOKEN_STRING, token);
}

static enum imap_token_type step_skipping(struct imap_token_reader *reader, struct span *in,
					  struct imap_token *token)
{
	while (in->len > 0) {
		unsigned char octet = span_take(in, 1).data[0];

		if (octet == '\0')
			return violation(token, "NUL outside a literal");
		reader->announcement = announce(reader->announcement, octet, &reader->literal);
		if (reader->announcement == ANNOUNCEMENT_DONE)
			return begin_literal(reader, token);
		if (octet == '\n') {
			/* Parentheses are not looked at here. */
			reader->depth = 0;
			return finish_line(reader, token);
		}
	}
	return IMAP_TOKEN_NEED_INPUT;
}

static enum imap_token_type step_text(struct imap_token_reader *reader, struct span *in,
				      struct imap_token *token)
{
	while (in->len > 0) {
		unsigned char octet = span_take(in, 1).data[0];

		if (octet == '\0')
			return violation(token, "NUL outside a literal");
		if (octet == '\n')
			return finish_text(reader, token);
		if (octet == '\r')
			return need_input(reader, TEXT_CR);
		if (octet < 0x20 || octet == 0x7f)
			octet = '?';
		if (bytebuf_len(&reader->text) < IMAP_TEXT_MAX && !keep(reader, span_of(&octet, 1)))
			return too_long(token);
	}
	return IMAP_TOKEN_NEED_INPUT;
}

static enum imap_token_type step_text_cr(struct imap_token_reader *reader, struct span *in,
					 struct imap_token *token)
{
	if (in->data[0] == '\n') {
		span_take(in, 1);
		return finish_text(reader, token);
	}
	if (bytebuf_len(&reader->text) < IMAP_TEXT_MAX && !keep(reader, span_text("?")))
		return too_long(token);
	return need_input(reader, TEXT);
}

static enum imap_token_type step_quoted(struct imap_token_reader *reader, struct span *in,
					struct imap_token *token)
{
	size_t len = 0;

	while (len < in->len && in->data[len] != '"' && in->data[len] != '\\' &&
	       in->data[len] != '\r' && in->data[len] != '\n' && in->data[len] != '\0')
		len++;
	if (!keep(reader, span_take(in, len)))
		return too_long(token);
	if (in->len == 0)
		return IMAP_TOKEN_NEED_INPUT;
	switch (span_take(in, 1).data[0]) {
	case '"':
		return finish(reader, IMAP_TOKEN_QUOTED, token);
	case '\\':
		return need_input(reader, ESCAPE);
	default:
		return violation(token, "a quoted string is not closed");
	}
}

static enum imap_token_type step_escape(struct imap_token_reader *reader, struct span *in,
					struct imap_token *token)
{
	struct span octet = span_take(in, 1);

	/* Only `"` and `\` need it; some servers escape more. */
	if (octet.data[0] == '\r' || octet.data[0] == '\n' || octet.data[0] == '\0')
		return violation(token, "a quoted string is not closed");
	if (!keep(reader, octet))
		return too_long(token);
	return need_input(reader, QUOTED);
}

static bool stops_atom(enum imap_token_mode mode, unsigned char octet)
{
	switch (octet) {
	case ' ':
	case '(':
	case ')':
	case '\r':
	case '\n':
	case '\0':
		return true;
	case ']':
		return mode == IMAP_TOKEN_MODE_CODE;
	case '[':
		return mode == IMAP_TOKEN_MODE_ITEM;
	case '{':
	case '"':
		return mode != IMAP_TOKEN_MODE_CODE;
	default:
		return mode != IMAP_TOKEN_MODE_CODE && (octet < 0x20 || octet == 0x7f);
	}
}

static enum imap_token_type step_atom(struct imap_token_reader *reader, struct span *in,
				      struct imap_token *token)
{
	size_t len = 0;

	while (len < in->len && !stops_atom(reader->mode, in->data[len]))
		len++;
	if (!keep(reader, span_take(in, len)))
		return too_long(token);
	if (in->len == 0)
		return IMAP_TOKEN_NEED_INPUT;
	switch (in->data[0]) {
	case ' ':
	case '(':
	case ')':
	case '\r':
	case '\n':
	case ']':
		return finish(reader, IMAP_TOKEN_ATOM, token);
	case '[':
		return need_input(reader, SECTION);
	case '{':
		/* literal8 (RFC 3516): nobody asked for one, yet its octets must not be syntax. */
		assert(bytebuf_peek(&reader->text).data != NULL);
		if (span_equal(bytebuf_peek(&reader->text), span_text("~"))) {
			bytebuf_reset(&reader->text);
			return step_open_literal(reader, in);
		}
		return violation(token, "a literal begins inside an atom");
	default:
		return violation(token, "an octet that no atom has");
	}
}

static enum imap_token_type step_section(struct imap_token_reader *reader, struct span *in,
					 struct imap_token *token)
{
	size_t len = 0;

	while (len < in->len && in->data[len] != ']' && in->data[len] != '\r' &&
	       in->data[len] != '\n' && in->data[len] != '\0')
		len++;
	if (len < in->len && in->data[len] != ']')
		return violation(token, "a section is not closed");
	if (len < in->len) {
		len++;
		reader->state = ATOM;
	}
	return keep(reader, span_take(in, len)) ? IMAP_TOKEN_NEED_INPUT : too_long(token);
}

/* What was read of an unquoted mailbox name, up to the end of the line, is the name. */
static enum imap_token_type finish_mailbox(struct imap_token_reader *reader,
					   struct imap_token *token)
{
	const unsigned char *blank;

	finish(reader, IMAP_TOKEN_ATOM, token);
	assert(token->text.data != NULL && token->text.len > 0);
	if (token->text.data[token->text.len - 1] == '"') {
		token->text.len--;
		return IMAP_TOKEN_ATOM;
	}
	blank = memchr(token->text.data, ' ', token->text.len);
	if (blank != NULL)
		token->text.len = (size_t)(blank - token->text.data);
	return IMAP_TOKEN_ATOM;
}

static enum imap_token_type step_mailbox(struct imap_token_reader *reader, struct span *in,
					 struct imap_token *token)
{
	size_t len = 0;

	while (len < in->len && in->data[len] != '\r' && in->data[len] != '\n') {
		/* No list-mailbox has a "{": what looks like a literal must not be passed over. */
		if (in->data[len] == '\0' || in->data[len] == '{')
			return violation(token, "an octet that no mailbox name has");
		len++;
	}
	if (!keep(reader, span_take(in, len)))
		return too_long(token);
	return in->len == 0 ? IMAP_TOKEN_NEED_INPUT : finish_mailbox(reader, token);
}

/* At an octet that is no blank: CR and LF, the same in every mode that has tokens. */
static enum imap_token_type step_line_end(struct imap_token_reader *reader, struct span *in,
					  struct imap_token *token)
{
	if (span_take(in, 1).data[0] == '\n')
		return finish_line(reader, token);
	return need_input(reader, LINE_CR);
}

static enum imap_token_type step_line_cr(struct imap_token_reader *reader, struct span *in,
					 struct imap_token *token)
{
	if (span_take(in, 1).data[0] != '\n')
		return violation(token, "CR without LF");
	return finish_line(reader, token);
}

static enum imap_token_type begin_syntax(struct imap_token_reader *reader, struct span *in,
					 struct imap_token *token)
{
	switch (in->data[0]) {
	case '\r':
	case '\n':
		return step_line_end(reader, in, token);
	case '"':
		span_take(in, 1);
		return need_input(reader, QUOTED);
	case '{':
		return step_open_literal(reader, in);
	case '(':
		span_take(in, 1);
		if (reader->depth == IMAP_NESTING_MAX)
			return violation(token, "parentheses are nested too deep");
		reader->depth++;
		return finish(reader, IMAP_TOKEN_OPEN, token);
	case ')':
		span_take(in, 1);
		if (reader->depth == 0)
			return violation(token, "a parenthesis closes nothing");
		reader->depth--;
		return finish(reader, IMAP_TOKEN_CLOSE, token);
	default:
		return need_input(reader, ATOM);
	}
}

static enum imap_token_type begin_mailbox(struct imap_token_reader *reader, struct span *in,
					  struct imap_token *token)
{
	switch (in->data[0]) {
	case '\r':
	case '\n':
	case '"':
	case '{':
		return begin_syntax(reader, in, token);
	default:
		return need_input(reader, MAILBOX);
	}
}

static enum imap_token_type begin_code(struct imap_token_reader *reader, struct span *in,
				       struct imap_token *token)
{
	switch (in->data[0]) {
	case '\r':
	case '\n':
		return step_line_end(reader, in, token);
	case '(':
	case ')':
		span_take(in, 1);
		return IMAP_TOKEN_NEED_INPUT;
	case ']':
		span_take(in, 1);
		return finish(reader, IMAP_TOKEN_CODE_CLOSE, token);
	default:
		return need_input(reader, ATOM);
	}
}

static enum imap_token_type begin_code_rest(struct imap_token_reader *reader, struct span *in,
					    struct imap_token *token)
{
	switch (in->data[0]) {
	case '\0':
		return violation(token, "NUL outside a literal");
	case '\r':
	case '\n':
		return step_line_end(reader, in, token);
	case ']':
		span_take(in, 1);
		return finish(reader, IMAP_TOKEN_CODE_CLOSE, token);
	default:
		span_take(in, 1);
		return IMAP_TOKEN_NEED_INPUT;
	}
}

static enum imap_token_type step_between(struct imap_token_reader *reader, struct span *in,
					 struct imap_token *token)
{
	if (reader->mode != IMAP_TOKEN_MODE_SKIP) {
		while (in->len > 0 && in->data[0] == ' ')
			span_take(in, 1);
		if (in->len == 0)
			return IMAP_TOKEN_NEED_INPUT;
	}
	switch (reader->mode) {
	case IMAP_TOKEN_MODE_SYNTAX:
	case IMAP_TOKEN_MODE_ITEM:
		return begin_syntax(reader, in, token);
	case IMAP_TOKEN_MODE_MAILBOX:
		return begin_mailbox(reader, in, token);
	case IMAP_TOKEN_MODE_STATUS:
		if (in->data[0] != '[')
			return need_input(reader, TEXT);
		span_take(in, 1);
		return finish(reader, IMAP_TOKEN_CODE_OPEN, token);
	case IMAP_TOKEN_MODE_CODE:
		return begin_code(reader, in, token);
	case IMAP_TOKEN_MODE_CODE_REST:
		return begin_code_rest(reader, in, token);
	case IMAP_TOKEN_MODE_TEXT:
		return need_input(reader, TEXT);
	case IMAP_TOKEN_MODE_SKIP:
		reader->announcement = ANNOUNCEMENT_NONE;
		return need_input(reader, SKIPPING);
	}
	return violation(token, "no such mode");
}

static enum imap_token_type step(struct imap_token_reader *reader, struct span *in,
				 struct imap_token *token)
{
	switch ((enum reader_state)reader->state) {
	case BETWEEN:
		return step_between(reader, in, token);
	case LINE_CR:
		return step_line_cr(reader, in, token);
	case ATOM:
		return step_atom(reader, in, token);
	case SECTION:
		return step_section(reader, in, token);
	case QUOTED:
		return step_quoted(reader, in, token);
	case ESCAPE:
		return step_escape(reader, in, token);
	case ANNOUNCED:
		return step_announced(reader, in, token);
	case COLLECTING:
		return step_collecting(reader, in, token);
	case MAILBOX:
		return step_mailbox(reader, in, token);
	case TEXT:
		return step_text(reader, in, token);
	case TEXT_CR:
		return step_text_cr(reader, in, token);
	case SKIPPING:
		return step_skipping(reader, in, token);
	case LITERAL:
		break;
	}
	return violation(token, "a literal was not taken");
}

enum imap_token_type imap_token_next(struct imap_token_reader *reader, enum imap_token_mode mode,
				     struct span *in, struct imap_token *token_r)
{
	size_t len = in->len;

	assert(reader->state == BETWEEN || reader->mode == mode);
	*token_r = (struct imap_token){ .type = IMAP_TOKEN_NEED_INPUT };
	reader->mode = mode;
	if (reader->state == BETWEEN)
		bytebuf_reset(&reader->text);
	while (in->len > 0 && token_r->type == IMAP_TOKEN_NEED_INPUT)
		token_r->type = step(reader, in, token_r);

	reader->line_octets += len - in->len;
	if (reader->line_octets > IMAP_RESPONSE_MAX)
		token_r->type = violation(token_r, "a response is too long");
	if (token_r->type == IMAP_TOKEN_EOL || token_r->type == IMAP_TOKEN_TEXT)
		reader->line_octets = 0;
	return token_r->type;
}

uint64_t imap_token_left(const struct imap_token_reader *reader)
{
	return reader->state == LITERAL ? reader->literal : 0;
}

struct span imap_token_take(struct imap_token_reader *reader, struct span *in)
{
	size_t left = reader->literal < SIZE_MAX ? (size_t)reader->literal : SIZE_MAX;

	assert(reader->state == LITERAL);
	struct span octets = span_take(in, left);
	reader->literal -= octets.len;
	if (reader->literal == 0)
		reader->state = BETWEEN;
	return octets;
}
