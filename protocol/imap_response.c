/* SPDX-License-Identifier: ISC */
#include "protocol/imap_response.h"

#include "protocol/imap_date.h"
#include "protocol/limits.h"

/* What the next token is, or belongs to. */
enum response_state {
	START,
	UNTAGGED,
	NUMBERED, /* behind "* n" */
	TAGGED,
	CONTINUATION,
	STATUS,
	CODE,
	CODE_NUMBER,
	CODE_FLAGS,
	CODE_CAPABILITY,
	CODE_REST,
	STATUS_TEXT,
	CAPABILITY,
	SEARCH,
	LIST,
	LIST_ATTRIBUTE,
	LIST_DELIMITER,
	LIST_NAME,
	FETCH,
	ITEM,
	ITEM_UID,
	ITEM_OCTETS,
	ITEM_DATE,
	ITEM_FLAGS,
	ITEM_FLAG,
	ITEM_BODY,
	ITEM_SKIPPED,
	FETCH_END,
	SKIP,
};

/* A name and what it stands for. */
struct word {
	const char *name;
	unsigned value;
};

static const struct word statuses[] = {
	{ "OK", IMAP_OK },           { "NO", IMAP_NO },   { "BAD", IMAP_BAD },
	{ "PREAUTH", IMAP_PREAUTH }, { "BYE", IMAP_BYE }, { NULL, 0 },
};

static const struct word untagged_words[] = {
	{ "CAPABILITY", CAPABILITY },
	{ "SEARCH", SEARCH },
	{ "LIST", LIST },
	{ NULL, 0 },
};

static const struct word item_words[] = {
	{ "UID", ITEM_UID },
	{ "FLAGS", ITEM_FLAGS },
	{ "RFC822.SIZE", ITEM_OCTETS },
	{ "INTERNALDATE", ITEM_DATE },
	{ NULL, 0 },
};

static const struct word section_words[] = {
	{ "", IMAP_SECTION_WHOLE },
	{ "HEADER", IMAP_SECTION_HEADER },
	{ "TEXT", IMAP_SECTION_TEXT },
	{ NULL, 0 },
};

static const struct word flags[] = {
	{ "\\Seen", IMAP_FLAG_SEEN },
	{ "\\Deleted", IMAP_FLAG_DELETED },
	{ NULL, 0 },
};

static const struct word attributes[] = {
	{ "\\Noselect", IMAP_ATTR_NOSELECT },
	{ "\\NonExistent", IMAP_ATTR_NOSELECT },
	{ "\\Trash", IMAP_ATTR_TRASH },
	{ NULL, 0 },
};

static const struct word codes[] = {
	{ "ALERT", IMAP_CODE_ALERT },
	{ "AUTHENTICATIONFAILED", IMAP_CODE_AUTHENTICATIONFAILED },
	{ "AUTHORIZATIONFAILED", IMAP_CODE_AUTHORIZATIONFAILED },
	{ "EXPIRED", IMAP_CODE_EXPIRED },
	{ "UNAVAILABLE", IMAP_CODE_UNAVAILABLE },
	{ "INUSE", IMAP_CODE_INUSE },
	{ "LIMIT", IMAP_CODE_LIMIT },
	{ "NONEXISTENT", IMAP_CODE_NONEXISTENT },
	{ "TRYCREATE", IMAP_CODE_TRYCREATE },
	{ "ALREADYEXISTS", IMAP_CODE_ALREADYEXISTS },
	{ "NOPERM", IMAP_CODE_NOPERM },
	{ "OVERQUOTA", IMAP_CODE_OVERQUOTA },
	{ "EXPUNGEISSUED", IMAP_CODE_EXPUNGEISSUED },
	{ "THROTTLED", IMAP_CODE_THROTTLED },
	{ "READ-ONLY", IMAP_CODE_READ_ONLY },
	{ "READ-WRITE", IMAP_CODE_READ_WRITE },
	{ "COPYUID", IMAP_CODE_COPYUID },
	{ NULL, IMAP_CODE_OTHER },
};

static const struct word notes[] = {
	{ "CAPABILITY", IMAP_NOTE_CAPABILITY },
	{ "UIDVALIDITY", IMAP_NOTE_UIDVALIDITY },
	{ "UIDNEXT", IMAP_NOTE_UIDNEXT },
	{ "PERMANENTFLAGS", IMAP_NOTE_PERMANENT_FLAGS },
	{ NULL, IMAP_NOTE_NONE },
};

/* The row of `name`, or the one that ends the table. */
static const struct word *find_word(const struct word *words, struct span name)
{
	while (words->name != NULL && !span_equal_nocase(name, span_text(words->name)))
		words++;
	return words;
}

void imap_response_init(struct imap_response_parser *parser)
{
	*parser = (struct imap_response_parser){ .state = START };
	imap_token_init(&parser->reader);
}

void imap_response_deinit(struct imap_response_parser *parser)
{
	imap_token_deinit(&parser->reader);
}

static enum imap_response_type violation(struct imap_response_parser *parser, const char *reason)
{
	parser->response.text = reason;
	return IMAP_RESPONSE_VIOLATION;
}

/* On to the next token; nothing to tell yet. */
static enum imap_response_type go_on(struct imap_response_parser *parser, enum response_state state)
{
	parser->state = state;
	return IMAP_RESPONSE_NEED_INPUT;
}

static enum imap_response_type emit(struct imap_response_parser *parser, enum response_state state,
				    enum imap_response_type type)
{
	parser->state = state;
	return type;
}

/* A whole atom that is a number of `min` or more, up to `max`. */
static bool token_number(const struct imap_token *token, uint64_t min, uint64_t max,
			 uint64_t *number_r)
{
	return token->type == IMAP_TOKEN_ATOM && span_number(token->text, max, number_r) &&
	       *number_r >= min;
}

static bool token_is(const struct imap_token *token, const char *atom)
{
	return token->type == IMAP_TOKEN_ATOM && span_equal_nocase(token->text, span_text(atom));
}

static enum imap_response_type take_start(struct imap_response_parser *parser,
					  const struct imap_token *token)
{
	struct imap_response *response = &parser->response;

	*response = (struct imap_response){ .text = "" };
	/* An empty line is no response, and some servers say one between two. */
	if (token->type == IMAP_TOKEN_EOL)
		return go_on(parser, START);
	if (token->type != IMAP_TOKEN_ATOM)
		return violation(parser, "a response begins with neither tag, \"*\" nor \"+\"");
	if (token_is(token, "*"))
		return go_on(parser, UNTAGGED);
	if (token_is(token, "+"))
		return go_on(parser, CONTINUATION);
	/* All tags of ours are shorter. */
	if (token->text.len > sizeof(response->tag))
		return violation(parser, "a tag that no command has");
	memcpy(response->tag, token->text.data, token->text.len);
	response->tag_len = token->text.len;
	return go_on(parser, TAGGED);
}

static enum imap_response_type take_tagged(struct imap_response_parser *parser,
					   const struct imap_token *token)
{
	const struct word *word = find_word(statuses, token->text);

	if (token->type != IMAP_TOKEN_ATOM || word->name == NULL || word->value == IMAP_PREAUTH ||
	    word->value == IMAP_BYE)
		return violation(parser, "a tag is followed by neither OK, NO nor BAD");
	parser->response.status = word->value;
	return go_on(parser, STATUS);
}

static enum imap_response_type take_untagged(struct imap_response_parser *parser,
					     const struct imap_token *token)
{
	struct imap_response *response = &parser->response;
	const struct word *word;
	uint64_t number;

	if (token->type != IMAP_TOKEN_ATOM)
		return violation(parser, "\"*\" is not followed by a word");
	if (octet_is_digit(token->text.data[0])) {
		if (!token_number(token, 0, UINT32_MAX, &number))
			return violation(parser, "\"*\" is followed by no number of 32 bits");
		response->number = (uint32_t)number;
		return go_on(parser, NUMBERED);
	}
	word = find_word(statuses, token->text);
	if (word->name != NULL) {
		response->status = word->value;
		return go_on(parser, STATUS);
	}
	word = find_word(untagged_words, token->text);
	return go_on(parser, word->name != NULL ? word->value : SKIP);
}

static enum imap_response_type take_numbered(struct imap_response_parser *parser,
					     const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_ATOM)
		return violation(parser, "\"*\" and a number are not followed by a word");
	if (token_is(token, "EXISTS"))
		return emit(parser, SKIP, IMAP_RESPONSE_EXISTS);
	if (!token_is(token, "EXPUNGE") && !token_is(token, "FETCH"))
		return go_on(parser, SKIP);
	if (parser->response.number == 0)
		return violation(parser, "a message has the number 0");
	if (token_is(token, "EXPUNGE"))
		return emit(parser, SKIP, IMAP_RESPONSE_EXPUNGE);
	return go_on(parser, FETCH);
}

static enum imap_response_type emit_status(struct imap_response_parser *parser)
{
	bool tagged = parser->response.tag_len > 0;

	return emit(parser, START, tagged ? IMAP_RESPONSE_TAGGED : IMAP_RESPONSE_STATUS);
}

static enum imap_response_type take_text(struct imap_response_parser *parser,
					 const struct imap_token *token)
{
	parser->response.text = (const char *)token->text.data;
	if (parser->state == CONTINUATION)
		return emit(parser, START, IMAP_RESPONSE_CONTINUATION);
	return emit_status(parser);
}

static enum imap_response_type take_status(struct imap_response_parser *parser,
					   const struct imap_token *token)
{
	if (token->type == IMAP_TOKEN_CODE_OPEN)
		return go_on(parser, CODE);
	return take_text(parser, token);
}

/* Behind the name of a code, where "]" or the end of the line (which some forget) may come. */
static enum imap_response_type take_code_end(struct imap_response_parser *parser,
					     const struct imap_token *token)
{
	if (token->type == IMAP_TOKEN_EOL)
		return emit_status(parser);
	return go_on(parser, token->type == IMAP_TOKEN_CODE_CLOSE ? STATUS_TEXT : CODE_REST);
}

static enum imap_response_type take_code(struct imap_response_parser *parser,
					 const struct imap_token *token)
{
	static const enum response_state states[] = {
		[IMAP_NOTE_NONE] = CODE_REST,
		[IMAP_NOTE_CAPABILITY] = CODE_CAPABILITY,
		[IMAP_NOTE_UIDVALIDITY] = CODE_NUMBER,
		[IMAP_NOTE_UIDNEXT] = CODE_NUMBER,
		[IMAP_NOTE_PERMANENT_FLAGS] = CODE_FLAGS,
	};
	struct imap_response *response = &parser->response;

	response->code = IMAP_CODE_OTHER;
	if (token->type != IMAP_TOKEN_ATOM)
		return take_code_end(parser, token);
	response->code = find_word(codes, token->text)->value;
	response->note = find_word(notes, token->text)->value;
	return go_on(parser, states[response->note]);
}

static enum imap_response_type take_code_number(struct imap_response_parser *parser,
						const struct imap_token *token)
{
	uint64_t number;

	if (!token_number(token, 0, UINT32_MAX, &number))
		return violation(parser, "UIDVALIDITY or UIDNEXT is no number of 32 bits");
	parser->response.noted = (uint32_t)number;
	return go_on(parser, CODE_REST);
}

static enum imap_response_type take_code_flag(struct imap_response_parser *parser,
					      const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_ATOM)
		return take_code_end(parser, token);
	parser->response.noted |= find_word(flags, token->text)->value;
	return go_on(parser, CODE_FLAGS);
}

static enum imap_response_type take_code_capability(struct imap_response_parser *parser,
						    const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_ATOM)
		return take_code_end(parser, token);
	parser->response.noted |= imap_capability_bit(token->text);
	return go_on(parser, CODE_CAPABILITY);
}

static enum imap_response_type take_capability(struct imap_response_parser *parser,
					       const struct imap_token *token)
{
	if (token->type == IMAP_TOKEN_EOL)
		return emit(parser, START, IMAP_RESPONSE_CAPABILITY);
	if (token->type != IMAP_TOKEN_ATOM)
		return violation(parser, "a capability is no atom");
	parser->response.noted |= imap_capability_bit(token->text);
	return go_on(parser, CAPABILITY);
}

static enum imap_response_type take_search(struct imap_response_parser *parser,
					   const struct imap_token *token)
{
	uint64_t number;

	if (token->type == IMAP_TOKEN_EOL)
		return go_on(parser, START);
	/* `(MODSEQ n)` of RFC 7162 section 3.1.5 ends it. */
	if (token->type == IMAP_TOKEN_OPEN)
		return go_on(parser, SKIP);
	if (!token_number(token, 1, UINT32_MAX, &number))
		return violation(parser, "a result of SEARCH is no number of 32 bits above 0");
	parser->response.number = (uint32_t)number;
	return emit(parser, SEARCH, IMAP_RESPONSE_FOUND);
}

static enum imap_response_type take_list(struct imap_response_parser *parser,
					 const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_OPEN)
		return violation(parser, "LIST has no list of attributes");
	return go_on(parser, LIST_ATTRIBUTE);
}

static enum imap_response_type take_list_attribute(struct imap_response_parser *parser,
						   const struct imap_token *token)
{
	if (token->type == IMAP_TOKEN_CLOSE)
		return go_on(parser, LIST_DELIMITER);
	if (token->type != IMAP_TOKEN_ATOM)
		return violation(parser, "an attribute of LIST is no atom");
	parser->response.attributes |= find_word(attributes, token->text)->value;
	return go_on(parser, LIST_ATTRIBUTE);
}

static enum imap_response_type take_list_delimiter(struct imap_response_parser *parser,
						   const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_QUOTED && !token_is(token, "NIL"))
		return violation(parser, "LIST has no hierarchy delimiter");
	return go_on(parser, LIST_NAME);
}

static enum imap_response_type take_list_name(struct imap_response_parser *parser,
					      const struct imap_token *token)
{
	if (token->type == IMAP_TOKEN_EOL)
		return violation(parser, "LIST has no mailbox name");
	parser->response.mailbox = token->text;
	return emit(parser, SKIP, IMAP_RESPONSE_MAILBOX);
}

static enum imap_response_type take_fetch(struct imap_response_parser *parser,
					  const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_OPEN)
		return violation(parser, "FETCH has no list of items");
	return go_on(parser, ITEM);
}

/* `BODY[]`, `BODY[HEADER]`, `BODY[TEXT]`, each with or without `<origin>`. */
static bool parse_section(struct span name, struct imap_body *body_r)
{
	const unsigned char *close = memchr(name.data, ']', name.len);
	const struct word *word;
	struct span section;

	*body_r = (struct imap_body){ .is_nil = false };
	if (close == NULL || !span_equal_nocase(span_take(&name, 5), span_text("BODY[")))
		return false;
	section = span_take(&name, (size_t)(close - name.data));
	word = find_word(section_words, section);
	span_take(&name, 1);
	if (word->name == NULL)
		return false;
	body_r->section = word->value;
	if (name.len == 0)
		return true;
	body_r->is_partial = true;
	return name.len > 2 && name.data[0] == '<' && name.data[name.len - 1] == '>' &&
	       span_number(span_of(name.data + 1, name.len - 2), INT64_MAX, &body_r->origin);
}

static enum imap_response_type take_item(struct imap_response_parser *parser,
					 const struct imap_token *token)
{
	const struct word *word = find_word(item_words, token->text);

	if (token->type == IMAP_TOKEN_CLOSE)
		return go_on(parser, FETCH_END);
	if (token->type != IMAP_TOKEN_ATOM)
		return violation(parser, "the name of a FETCH item is no atom");
	if (word->name != NULL)
		return go_on(parser, word->value);
	if (parse_section(token->text, &parser->response.body))
		return go_on(parser, ITEM_BODY);
	parser->value_depth = imap_token_depth(&parser->reader);
	return go_on(parser, ITEM_SKIPPED);
}

static enum imap_response_type take_item_uid(struct imap_response_parser *parser,
					     const struct imap_token *token)
{
	struct imap_message *message = &parser->response.message;
	uint64_t uid;

	if (!token_number(token, 1, UINT32_MAX, &uid))
		return violation(parser, "a UID is no number of 32 bits above 0");
	if (message->uid != 0 && message->uid != uid)
		return violation(parser, "a message has two UIDs");
	message->uid = (uint32_t)uid;
	return go_on(parser, ITEM);
}

static enum imap_response_type take_item_octets(struct imap_response_parser *parser,
						const struct imap_token *token)
{
	struct imap_message *message = &parser->response.message;

	if (!token_number(token, 0, INT64_MAX, &message->octets))
		return violation(parser, "RFC822.SIZE is no number");
	message->has_octets = true;
	return go_on(parser, ITEM);
}

/* A date that cannot be read is none: it decides nothing but how old a message is. */
static enum imap_response_type take_item_date(struct imap_response_parser *parser,
					      const struct imap_token *token)
{
	struct imap_message *message = &parser->response.message;

	if (token->type != IMAP_TOKEN_QUOTED && !token_is(token, "NIL"))
		return violation(parser, "INTERNALDATE is no quoted string");
	message->has_internaldate = imap_date_parse(token->text, &message->internaldate);
	return go_on(parser, ITEM);
}

static enum imap_response_type take_item_flags(struct imap_response_parser *parser,
					       const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_OPEN)
		return violation(parser, "FLAGS is no list");
	parser->response.message.flags = 0;
	parser->response.message.has_flags = true;
	return go_on(parser, ITEM_FLAG);
}

static enum imap_response_type take_item_flag(struct imap_response_parser *parser,
					      const struct imap_token *token)
{
	if (token->type == IMAP_TOKEN_CLOSE)
		return go_on(parser, ITEM);
	/* A keyword in quotes, which is none of ours. */
	if (token->type == IMAP_TOKEN_QUOTED)
		return go_on(parser, ITEM_FLAG);
	if (token->type != IMAP_TOKEN_ATOM)
		return violation(parser, "a flag is no atom");
	parser->response.message.flags |= find_word(flags, token->text)->value;
	return go_on(parser, ITEM_FLAG);
}

static enum imap_response_type take_item_body(struct imap_response_parser *parser,
					      const struct imap_token *token)
{
	struct imap_body *body = &parser->response.body;

	if (token->type == IMAP_TOKEN_LITERAL) {
		body->octets = token->octets;
		parser->in_body = token->octets > 0;
	} else if (token->type == IMAP_TOKEN_QUOTED) {
		body->octets = token->text.len;
		parser->quoted_body = token->text.len > 0;
	} else if (token_is(token, "NIL")) {
		body->is_nil = true;
	} else {
		return violation(parser, "a body is neither NIL nor a string");
	}
	body->left = body->octets;
	return emit(parser, ITEM, IMAP_RESPONSE_BODY);
}

static enum imap_response_type take_item_skipped(struct imap_response_parser *parser,
						 const struct imap_token *token)
{
	/* The parenthesis of the items themselves: there was no value. */
	if (imap_token_depth(&parser->reader) < parser->value_depth ||
	    token->type == IMAP_TOKEN_EOL)
		return violation(parser, "a FETCH item has no value");
	bool complete = imap_token_depth(&parser->reader) == parser->value_depth;
	return go_on(parser, complete ? ITEM : ITEM_SKIPPED);
}

static enum imap_response_type take_fetch_end(struct imap_response_parser *parser,
					      const struct imap_token *token)
{
	if (token->type != IMAP_TOKEN_EOL)
		return violation(parser, "something follows the items of FETCH");
	return emit(parser, START, IMAP_RESPONSE_MESSAGE);
}

static enum imap_response_type take_skip(struct imap_response_parser *parser,
					 const struct imap_token *token)
{
	return go_on(parser, token->type == IMAP_TOKEN_EOL ? START : SKIP);
}

/* How the token of each state is read, and what is done with it. */
static const struct {
	enum imap_token_mode mode;
	enum imap_response_type (*take)(struct imap_response_parser *parser,
					const struct imap_token *token);
} rows[] = {
	[START] = { IMAP_TOKEN_MODE_SYNTAX, take_start },
	[UNTAGGED] = { IMAP_TOKEN_MODE_SYNTAX, take_untagged },
	[NUMBERED] = { IMAP_TOKEN_MODE_SYNTAX, take_numbered },
	[TAGGED] = { IMAP_TOKEN_MODE_SYNTAX, take_tagged },
	[CONTINUATION] = { IMAP_TOKEN_MODE_TEXT, take_text },
	[STATUS] = { IMAP_TOKEN_MODE_STATUS, take_status },
	[CODE] = { IMAP_TOKEN_MODE_CODE, take_code },
	[CODE_NUMBER] = { IMAP_TOKEN_MODE_CODE, take_code_number },
	[CODE_FLAGS] = { IMAP_TOKEN_MODE_CODE, take_code_flag },
	[CODE_CAPABILITY] = { IMAP_TOKEN_MODE_CODE, take_code_capability },
	[CODE_REST] = { IMAP_TOKEN_MODE_CODE_REST, take_code_end },
	[STATUS_TEXT] = { IMAP_TOKEN_MODE_TEXT, take_text },
	[CAPABILITY] = { IMAP_TOKEN_MODE_SYNTAX, take_capability },
	[SEARCH] = { IMAP_TOKEN_MODE_SYNTAX, take_search },
	[LIST] = { IMAP_TOKEN_MODE_SYNTAX, take_list },
	[LIST_ATTRIBUTE] = { IMAP_TOKEN_MODE_SYNTAX, take_list_attribute },
	[LIST_DELIMITER] = { IMAP_TOKEN_MODE_SYNTAX, take_list_delimiter },
	[LIST_NAME] = { IMAP_TOKEN_MODE_MAILBOX, take_list_name },
	[FETCH] = { IMAP_TOKEN_MODE_SYNTAX, take_fetch },
	[ITEM] = { IMAP_TOKEN_MODE_ITEM, take_item },
	[ITEM_UID] = { IMAP_TOKEN_MODE_SYNTAX, take_item_uid },
	[ITEM_OCTETS] = { IMAP_TOKEN_MODE_SYNTAX, take_item_octets },
	[ITEM_DATE] = { IMAP_TOKEN_MODE_SYNTAX, take_item_date },
	[ITEM_FLAGS] = { IMAP_TOKEN_MODE_SYNTAX, take_item_flags },
	[ITEM_FLAG] = { IMAP_TOKEN_MODE_SYNTAX, take_item_flag },
	[ITEM_BODY] = { IMAP_TOKEN_MODE_SYNTAX, take_item_body },
	[ITEM_SKIPPED] = { IMAP_TOKEN_MODE_SYNTAX, take_item_skipped },
	[FETCH_END] = { IMAP_TOKEN_MODE_SYNTAX, take_fetch_end },
	[SKIP] = { IMAP_TOKEN_MODE_SKIP, take_skip },
};

/* The octets of a literal, of which only a body's are anybody's. */
static enum imap_response_type take_literal(struct imap_response_parser *parser, struct span *in)
{
	struct span octets = imap_token_take(&parser->reader, in);

	if (!parser->in_body || octets.len == 0)
		return IMAP_RESPONSE_NEED_INPUT;
	parser->response.data = octets;
	parser->response.body.left = imap_token_left(&parser->reader);
	parser->in_body = parser->response.body.left > 0;
	return IMAP_RESPONSE_BODY_DATA;
}

static enum imap_response_type take_quoted_body(struct imap_response_parser *parser)
{
	parser->quoted_body = false;
	parser->response.data = imap_token_text(&parser->reader);
	parser->response.body.left = 0;
	return IMAP_RESPONSE_BODY_DATA;
}

const struct imap_response *imap_response_next(struct imap_response_parser *parser, struct span *in)
{
	enum imap_response_type type = IMAP_RESPONSE_NEED_INPUT;
	struct imap_token token;

	/* Borrowed from the last call, and void now. */
	parser->response.text = "";
	parser->response.data = span_of(NULL, 0);
	parser->response.mailbox = span_of(NULL, 0);
	if (parser->quoted_body)
		type = take_quoted_body(parser);
	while (type == IMAP_RESPONSE_NEED_INPUT && in->len > 0) {
		if (imap_token_left(&parser->reader) > 0) {
			type = take_literal(parser, in);
			continue;
		}
		switch (imap_token_next(&parser->reader, rows[parser->state].mode, in, &token)) {
		case IMAP_TOKEN_NEED_INPUT:
			break;
		case IMAP_TOKEN_VIOLATION:
			type = violation(parser, token.reason);
			break;
		case IMAP_TOKEN_ATOM:
		case IMAP_TOKEN_QUOTED:
		case IMAP_TOKEN_STRING:
		case IMAP_TOKEN_LITERAL:
		case IMAP_TOKEN_OPEN:
		case IMAP_TOKEN_CLOSE:
		case IMAP_TOKEN_CODE_OPEN:
		case IMAP_TOKEN_CODE_CLOSE:
		case IMAP_TOKEN_TEXT:
		case IMAP_TOKEN_EOL:
			type = rows[parser->state].take(parser, &token);
			break;
		}
	}
	parser->response.type = type;
	return &parser->response;
}
