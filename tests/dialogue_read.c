/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/dialogue.h"

enum { STEP_OCTETS_MAX = 64 * 1024 * 1024, LINE_MAX_OCTETS = 8192 };

/* Where in which file we are. */
struct place {
	const char *path;
	unsigned line;
	bool included; /* a part, which has no options and includes nothing */
};

static bool read_file(struct dialogue *dialogue, const struct place *place, FILE *file,
		      struct dialogue_error *error);

static bool fail(const struct place *place, struct dialogue_error *error, const char *what,
		 const char *text)
{
	(void)snprintf(error->text, sizeof(error->text), "%s:%u: %s: %.1000s", place->path,
		       place->line, what, text);
	return false;
}

/* ---- options ---- */

static bool read_mode(const char *value, enum imap_update_mode *mode_r)
{
	static const char *const names[] = {
		[IMAP_UPDATE_EXPUNGE] = "expunge", [IMAP_UPDATE_TRASH] = "trash",
		[IMAP_UPDATE_MOVE] = "move",       [IMAP_UPDATE_FLAG] = "flag",
		[IMAP_UPDATE_KEEP] = "keep",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			*mode_r = (enum imap_update_mode)i;
			return true;
		}
	}
	return false;
}

static bool read_mark_seen(const char *value, enum coupling_mark_seen *mark_r)
{
	static const char *const names[] = {
		[MARK_SEEN_RETR] = "retr",
		[MARK_SEEN_DELETE] = "delete",
		[MARK_SEEN_NEVER] = "never",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			*mark_r = (enum coupling_mark_seen)i;
			return true;
		}
	}
	return false;
}

static bool read_text(struct dialogue *dialogue, const char *value, const char **text_r)
{
	size_t slot = dialogue->text_count;

	if (slot == sizeof(dialogue->texts) / sizeof(dialogue->texts[0]) ||
	    strlen(value) >= sizeof(dialogue->texts[slot]))
		return false;
	dialogue->text_count++;
	memcpy(dialogue->texts[slot], value, strlen(value) + 1);
	*text_r = dialogue->texts[slot];
	return true;
}

static bool read_bool(const char *value, bool *flag_r)
{
	*flag_r = strcmp(value, "true") == 0;
	return *flag_r || strcmp(value, "false") == 0;
}

static bool read_number(const char *value, int64_t *number_r)
{
	uint64_t number;

	if (!span_number(span_text(value), INT64_MAX, &number))
		return false;
	*number_r = (int64_t)number;
	return true;
}

static bool read_uid(const char *value, uint32_t *uid_r)
{
	int64_t uid;

	if (!read_number(value, &uid))
		return false;
	*uid_r = (uint32_t)uid;
	return true;
}

static bool read_hidden(const char *value, struct coupling_options *options)
{
	return options->hidden_count < sizeof(options->hidden) / sizeof(options->hidden[0]) &&
	       read_uid(value, &options->hidden[options->hidden_count++]);
}

static bool read_option(struct dialogue *dialogue, const char *name, const char *value)
{
	struct coupling_options *options = &dialogue->options;

	if (strcmp(name, "delete") == 0)
		return read_mode(value, &options->delete_mode);
	if (strcmp(name, "mark_seen") == 0)
		return read_mark_seen(value, &options->mark_seen);
	if (strcmp(name, "folder") == 0)
		return read_text(dialogue, value, &options->folder);
	if (strcmp(name, "delete_folder") == 0)
		return read_text(dialogue, value, &options->delete_folder);
	if (strcmp(name, "token") == 0)
		return read_text(dialogue, value, &options->token);
	if (strcmp(name, "sizes") == 0) {
		options->exact_sizes = strcmp(value, "exact") == 0;
		return options->exact_sizes || strcmp(value, "fast") == 0;
	}
	if (strcmp(name, "broken_messages") == 0) {
		options->deliver_placeholders = strcmp(value, "deliver") == 0;
		return options->deliver_placeholders || strcmp(value, "refuse") == 0;
	}
	if (strcmp(name, "not_after") == 0)
		return read_number(value, &options->not_after);
	if (strcmp(name, "earlier") == 0)
		return read_uid(value, &options->earlier);
	if (strcmp(name, "hidden") == 0)
		return read_hidden(value, options);
	if (strcmp(name, "stls") == 0)
		return read_bool(value, &options->stls);
	if (strcmp(name, "plaintext_logins") == 0)
		return read_bool(value, &options->plaintext_logins);
	if (strcmp(name, "starttls") == 0)
		return read_bool(value, &options->starttls);
	return false;
}

/* ---- octets ---- */

/* Reads what stands for itself between "<" and ">": an octet's name, `x4f`, or `1000*text`. */
static bool read_named(struct bytebuf *out, struct span name)
{
	static const struct {
		const char *name;
		unsigned char octet;
	} octets[] = {
		{ "NUL", 0 }, { "CR", '\r' }, { "LF", '\n' }, { "TAB", '\t' }, { "SP", ' ' }
	};
	const unsigned char *star;
	uint64_t times;

	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
		if (span_equal(name, span_text(octets[i].name)))
			return bytebuf_append_octet(out, octets[i].octet);
	}
	if (name.len == 3 && name.data[0] == 'x') {
		char digits[3] = { (char)name.data[1], (char)name.data[2], '\0' };
		char *end;
		unsigned long octet = strtoul(digits, &end, 16);

		return *end == '\0' && bytebuf_append_octet(out, (unsigned char)octet);
	}
	star = name.len > 0 ? memchr(name.data, '*', name.len) : NULL;
	if (star == NULL ||
	    !span_number(span_of(name.data, (size_t)(star - name.data)), 1000000, &times))
		return false;
	span_take(&name, (size_t)(star + 1 - name.data));
	while (times-- > 0) {
		if (!bytebuf_append(out, name))
			return false;
	}
	return true;
}

/* Copies a line's text with its names resolved; `<no CRLF>` at the end leaves the line open. */
static bool read_octets(struct dialogue_step *step, struct span text)
{
	bool says = step->type == DIALOGUE_REPLY || step->type == DIALOGUE_COMMAND;
	bool open = false;

	while (text.len > 0) {
		const unsigned char *end =
			*text.data == '<' ? memchr(text.data, '>', text.len) : NULL;

		if (end != NULL) {
			struct span name = span_of(text.data + 1, (size_t)(end - text.data - 1));

			open = span_equal(name, span_text("no CRLF"));
			if (open || read_named(&step->octets, name)) {
				span_take(&text, name.len + 2);
				continue;
			}
		}
		if (text.len >= 3 && memcmp(text.data, "{#}", 3) == 0) {
			step->count_at = bytebuf_len(&step->octets) + 1;
			span_take(&text, 2);
			bytebuf_append_octet(&step->octets, '{');
		} else if (says && span_equal(text, span_text("..."))) {
			step->any_text = true;
			return true;
		} else if (!bytebuf_append(&step->octets, span_take(&text, 1))) {
			return false;
		}
	}
	return open || bytebuf_append_text(&step->octets, "\r\n");
}

/* ---- lines ---- */

struct line_form {
	const char *prefix;
	enum dialogue_step_type type;
	bool literal;
	bool has_text;
};

/* Longer prefixes first. */
static const struct line_form forms[] = {
	{ "C:", DIALOGUE_CLIENT, false, true },
	{ "S:", DIALOGUE_REPLY, false, true },
	{ ">", DIALOGUE_COMMAND, false, true },
	{ "<|", DIALOGUE_SERVER, true, true },
	{ "<", DIALOGUE_SERVER, false, true },
	{ "client closes", DIALOGUE_CLIENT_CLOSES, false, false },
	{ "server closes", DIALOGUE_SERVER_CLOSES, false, false },
	{ "client starts TLS", DIALOGUE_CLIENT_STARTS_TLS, false, false },
	{ "server starts TLS", DIALOGUE_SERVER_STARTS_TLS, false, false },
	{ "closed:", DIALOGUE_CLOSED, false, true },
};

static struct dialogue_step *add_step(struct dialogue *dialogue, const struct line_form *form,
				      const struct place *place)
{
	struct dialogue_step *step;
	struct dialogue_step *steps =
		realloc(dialogue->steps, (dialogue->count + 1) * sizeof(*dialogue->steps));

	if (steps == NULL)
		return NULL;
	dialogue->steps = steps;
	step = &steps[dialogue->count++];
	*step = (struct dialogue_step){
		.type = form->type,
		.path = place->path,
		.line = place->line,
		.literal = form->literal,
		.count_at = SIZE_MAX,
	};
	bytebuf_init(&step->octets, STEP_OCTETS_MAX);
	return step;
}

/* A line of the transcript proper. False: it is none. */
static bool read_step(struct dialogue *dialogue, const struct place *place, struct span text)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct span prefix = span_text(forms[i].prefix);
		struct span front = text;
		struct dialogue_step *step;

		if (!span_equal(span_take(&front, prefix.len), prefix))
			continue;
		if (front.len > 0 && (!forms[i].has_text || *front.data != ' '))
			return false;
		step = add_step(dialogue, &forms[i], place);
		if (step == NULL)
			return false;
		(void)span_take(&front, 1);
		if (forms[i].type == DIALOGUE_CLOSED)
			return bytebuf_append(&step->octets, front);
		return !forms[i].has_text || read_octets(step, front);
	}
	return false;
}

/* Reads a part of a transcript that stands in the same folder. */
static bool include(struct dialogue *dialogue, const struct place *place, const char *name,
		    struct dialogue_error *error)
{
	const char *slash = strrchr(place->path, '/');
	struct place part = { .included = true };
	char path[512];
	FILE *file;
	bool ok;

	(void)snprintf(path, sizeof(path), "%.*s%.200s",
		       slash == NULL ? 0 : (int)(slash + 1 - place->path), place->path, name);
	file = fopen(path, "re");
	if (file == NULL || !read_text(dialogue, path, &part.path)) {
		if (file != NULL)
			(void)fclose(file);
		return fail(place, error, "cannot be included", path);
	}
	ok = read_file(dialogue, &part, file, error);
	(void)fclose(file);
	return ok;
}

static bool read_line(struct dialogue *dialogue, const struct place *place, char *text,
		      struct dialogue_error *error)
{
	static const char include_word[] = "include ";
	size_t len = strcspn(text, "\n");
	char *equals;

	text[len] = '\0';
	if (len == 0 || text[0] == '#')
		return true;
	if (read_step(dialogue, place, span_of(text, len)))
		return true;
	if (place->included)
		return fail(place, error, "not understood", text);
	if (strncmp(text, include_word, sizeof(include_word) - 1) == 0)
		return include(dialogue, place, text + sizeof(include_word) - 1, error);
	equals = strstr(text, " = ");
	if (equals == NULL || dialogue->count > 0)
		return fail(place, error, "not understood", text);
	*equals = '\0';
	if (!read_option(dialogue, text, equals + 3))
		return fail(place, error, "unknown option or value", text);
	return true;
}

static bool read_file(struct dialogue *dialogue, const struct place *place, FILE *file,
		      struct dialogue_error *error)
{
	struct place here = *place;
	char text[LINE_MAX_OCTETS];

	while (fgets(text, sizeof(text), file) != NULL) {
		here.line++;
		if (!read_line(dialogue, &here, text, error))
			return false;
	}
	return true;
}

/* Octets of the literal that begins behind step `slot`: its lines, whatever is said in between. */
static uint64_t literal_octets(const struct dialogue *dialogue, size_t slot)
{
	uint64_t octets = 0;

	for (size_t i = slot + 1; i < dialogue->count; i++) {
		const struct dialogue_step *step = &dialogue->steps[i];

		if (step->type == DIALOGUE_SERVER && !step->literal)
			break;
		if (step->literal)
			octets += bytebuf_len(&step->octets);
	}
	return octets;
}

/* Puts the sizes of literals in, where `{#}` stands for them. */
static bool count_literals(struct dialogue *dialogue)
{
	bool ok = true;

	for (size_t i = 0; i < dialogue->count; i++) {
		struct dialogue_step *step = &dialogue->steps[i];
		struct bytebuf octets;
		struct span text;

		if (step->count_at == SIZE_MAX)
			continue;
		bytebuf_init(&octets, STEP_OCTETS_MAX);
		text = bytebuf_peek(&step->octets);
		bytebuf_append(&octets, span_take(&text, step->count_at));
		bytebuf_append_number(&octets, literal_octets(dialogue, i));
		bytebuf_append(&octets, text);
		ok = ok && !bytebuf_failed(&octets);
		bytebuf_deinit(&step->octets);
		step->octets = octets;
	}
	return ok;
}

bool dialogue_read(struct dialogue *dialogue, const char *path, struct dialogue_error *error_r)
{
	struct place place = { .path = path };
	FILE *file = fopen(path, "re");
	bool ok;

	*dialogue = (struct dialogue){
		.options = {
			.delete_mode = IMAP_UPDATE_EXPUNGE,
			.mark_seen = MARK_SEEN_RETR,
			.folder = "INBOX",
			.delete_folder = "Deleted Items",
			.plaintext_logins = true,
			.not_after = INT64_MAX,
		},
	};
	if (file == NULL)
		return fail(&place, error_r, "cannot be opened", strerror(errno));
	ok = read_text(dialogue, path, &place.path) && read_file(dialogue, &place, file, error_r);
	(void)fclose(file);
	if (ok && (dialogue->count == 0 || !count_literals(dialogue)))
		return fail(&place, error_r, "there is no dialogue in it", "");
	return ok;
}

void dialogue_deinit(struct dialogue *dialogue)
{
	for (size_t i = 0; i < dialogue->count; i++)
		bytebuf_deinit(&dialogue->steps[i].octets);
	free(dialogue->steps);
	dialogue->steps = NULL;
	dialogue->count = 0;
}

size_t dialogue_octets(const struct dialogue *dialogue, enum dialogue_step_type peer)
{
	size_t octets = 0;

	for (size_t i = 0; i < dialogue->count; i++) {
		if (dialogue->steps[i].type == peer)
			octets += bytebuf_len(&dialogue->steps[i].octets);
	}
	return octets;
}
