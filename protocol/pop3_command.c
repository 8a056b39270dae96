/* SPDX-License-Identifier: ISC */
#include "protocol/pop3_command.h"

#include "protocol/limits.h"

struct pop3_verb_row {
	const char *name;
	unsigned states;
	enum pop3_arguments arguments;
};

static const struct pop3_verb_row pop3_verbs[] = {
#define X(verb, function, states, arguments) [POP3_VERB_##verb] = { #verb, states, arguments },
	POP3_VERBS(X)
#undef X
};

enum { POP3_VERBS_COUNT = sizeof(pop3_verbs) / sizeof(pop3_verbs[0]) };

const char *pop3_verb_name(enum pop3_verb verb)
{
	return pop3_verbs[verb].name;
}

const char *pop3_verb_takes(enum pop3_verb verb)
{
	static const char *const words[] = {
#define X(name, text) [name] = (text),
		POP3_ARGUMENTS(X)
#undef X
	};

	return words[pop3_verbs[verb].arguments];
}

static bool pop3_verb_find(struct span name, enum pop3_verb *verb_r)
{
	for (unsigned verb = 0; verb < POP3_VERBS_COUNT; verb++) {
		if (span_equal_nocase(name, span_text(pop3_verbs[verb].name))) {
			*verb_r = (enum pop3_verb)verb;
			return true;
		}
	}
	return false;
}

/* Takes what stands before the next space, or all there is. */
static struct span take_word(struct span *rest)
{
	size_t len = 0;

	while (len < rest->len && rest->data[len] != ' ')
		len++;
	return span_take(rest, len);
}

static void skip_spaces(struct span *rest)
{
	while (rest->len > 0 && rest->data[0] == ' ')
		(void)span_take(rest, 1);
}

static void drop_trailing_spaces(struct span *text)
{
	while (text->len > 0 && text->data[text->len - 1] == ' ')
		text->len--;
}

static bool take_number(struct span *rest, uint64_t *number_r)
{
	skip_spaces(rest);
	return span_number(take_word(rest), UINT64_MAX, number_r);
}

static bool has_nothing_left(struct span *rest)
{
	skip_spaces(rest);
	return rest->len == 0;
}

static bool read_name(struct span rest, struct span *name_r)
{
	*name_r = rest;
	return rest.len >= 1 && rest.len <= POP3_NAME_MAX;
}

/* RFC 5034 section 4: a mechanism, then an initial response that has no spaces in it. */
static bool read_mechanism(struct span rest, struct pop3_command *command)
{
	skip_spaces(&rest);
	command->text = take_word(&rest);
	skip_spaces(&rest);
	command->initial_response = take_word(&rest);
	return has_nothing_left(&rest);
}

static bool read_message(struct span *rest, struct pop3_command *command)
{
	command->has_message = take_number(rest, &command->message);
	return command->has_message;
}

/* `rest` is what stands behind the verb and one space. */
static bool read_arguments(struct span rest, enum pop3_arguments arguments,
			   struct pop3_command *command)
{
	switch (arguments) {
	case POP3_TAKES_NOTHING:
		return has_nothing_left(&rest);
	case POP3_TAKES_NAME:
		drop_trailing_spaces(&rest);
		return read_name(rest, &command->text);
	case POP3_TAKES_PASSWORD:
		return read_name(rest, &command->text);
	case POP3_TAKES_MECHANISM:
		return read_mechanism(rest, command);
	case POP3_TAKES_MESSAGE:
		return read_message(&rest, command) && has_nothing_left(&rest);
	case POP3_TAKES_MESSAGE_OR_NOTHING:
		return has_nothing_left(&rest) ||
		       (read_message(&rest, command) && has_nothing_left(&rest));
	case POP3_TAKES_MESSAGE_AND_LINES:
		return read_message(&rest, command) && take_number(&rest, &command->lines) &&
		       has_nothing_left(&rest);
	}
	return false;
}

enum pop3_command_status pop3_command_parse(struct span line, enum pop3_state state,
					    struct pop3_command *command_r)
{
	struct span rest = line;
	struct span name = take_word(&rest);
	bool known;

	*command_r = (struct pop3_command){ .text = span_of("", 0) };
	command_r->initial_response = span_of("", 0);
	(void)span_take(&rest, 1);

	known = pop3_verb_find(name, &command_r->verb);
	if (line.len > POP3_LINE_MAX - 2 && !(known && command_r->verb == POP3_VERB_AUTH))
		return POP3_COMMAND_TOO_LONG;
	if (!known)
		return POP3_COMMAND_UNKNOWN;

	const struct pop3_verb_row *row = &pop3_verbs[command_r->verb];
	if ((row->states & 1u << state) == 0)
		return POP3_COMMAND_WRONG_STATE;
	if (!read_arguments(rest, row->arguments, command_r))
		return POP3_COMMAND_WRONG_SYNTAX;
	return POP3_COMMAND_OK;
}
