/* SPDX-License-Identifier: ISC */
#include "tests/dialogue.h"

#include <stdarg.h>
#include <stdio.h>

enum { TAGS_MAX = 256, TAG_LEN_MAX = 16, SHOWN_MAX = 400, SAID_MAX = 64 * 1024 * 1024 };

/* A command's tag as the transcript has it, and as the machine chose it. */
struct tag {
	char written[TAG_LEN_MAX];
	char real[TAG_LEN_MAX];
};

struct player {
	const struct dialogue *dialogue;
	const struct dialogue_cut *cut;
	struct coupling *coupling;
	struct bytebuf *said;
	struct dialogue_error *error;
	struct tag tags[TAGS_MAX];
	size_t tag_count;
	size_t client_octets; /* said so far */
	size_t server_octets;
};

/* ---- failures ---- */

static void show(char *text, size_t size, struct span octets)
{
	size_t len = 0;

	for (size_t i = 0; i < octets.len && i < SHOWN_MAX && len + 8 < size; i++) {
		unsigned char octet = octets.data[i];

		if (octet == '\n')
			len += (size_t)snprintf(text + len, size - len, "<LF>");
		else if (octet == '\r')
			len += (size_t)snprintf(text + len, size - len, "<CR>");
		else if (octet < ' ' || octet > '~')
			len += (size_t)snprintf(text + len, size - len, "<x%02x>", octet);
		else
			text[len++] = (char)octet;
	}
	text[len] = '\0';
}

static bool fail_at(struct player *player, const struct dialogue_step *step, struct span expected,
		    struct span actual, const char *what)
{
	char left[SHOWN_MAX * 5];
	char right[SHOWN_MAX * 5];
	char how[80] = "whole";

	show(left, sizeof(left), expected);
	show(right, sizeof(right), actual);
	if (player->cut->octets)
		(void)snprintf(how, sizeof(how), "octet by octet");
	else if (player->cut->at > 0)
		(void)snprintf(how, sizeof(how), "cut behind octet %zu of the %s", player->cut->at,
			       player->cut->peer == DIALOGUE_CLIENT ? "client" : "server");
	(void)snprintf(player->error->text, sizeof(player->error->text),
		       "%s:%u: %s (played %s)\n  expected: %s\n  actual:   %s", step->path,
		       step->line, what, how, left, right);
	return false;
}

static bool fail_step(struct player *player, const struct dialogue_step *step, const char *what)
{
	return fail_at(player, step, bytebuf_peek(&step->octets), span_of("", 0), what);
}

/* ---- tags ---- */

/* Tags of a transcript are a capital and digits: A1, A2, ... */
static bool is_written_tag(struct span word)
{
	if (word.len < 2 || word.len >= TAG_LEN_MAX || word.data[0] < 'A' || word.data[0] > 'Z')
		return false;
	for (size_t i = 1; i < word.len; i++) {
		if (!octet_is_digit(word.data[i]))
			return false;
	}
	return true;
}

static struct span first_word(struct span text)
{
	const unsigned char *space = text.len > 0 ? memchr(text.data, ' ', text.len) : NULL;

	return space == NULL ? span_of(text.data, 0)
			     : span_of(text.data, (size_t)(space - text.data));
}

static struct tag *find_tag(struct player *player, struct span written)
{
	for (size_t i = 0; i < player->tag_count; i++) {
		if (span_equal(span_text(player->tags[i].written), written))
			return &player->tags[i];
	}
	return NULL;
}

static void keep_word(char word_r[TAG_LEN_MAX], struct span word)
{
	size_t len = word.len < TAG_LEN_MAX ? word.len : TAG_LEN_MAX - 1;

	memcpy(word_r, word.data, len);
	word_r[len] = '\0';
}

static bool bind_tag(struct player *player, struct span written, struct span real)
{
	struct tag *tag = find_tag(player, written);

	if (tag == NULL) {
		if (player->tag_count == TAGS_MAX)
			return false;
		tag = &player->tags[player->tag_count++];
		keep_word(tag->written, written);
	}
	keep_word(tag->real, real);
	return true;
}

/* ---- what the machines say ---- */

static void take_said(struct player *player, struct bytebuf *from, size_t len)
{
	struct span octets = bytebuf_peek(from);

	bytebuf_append(player->said, span_take(&octets, len));
	bytebuf_consume(from, len);
}

/* Matches `expected` with what was said, from its front. */
static bool expect(struct player *player, const struct dialogue_step *step, struct bytebuf *from,
		   struct span expected)
{
	struct span actual = bytebuf_peek(from);
	const unsigned char *end = actual.len > 0 ? memchr(actual.data, '\n', actual.len) : NULL;
	struct span shown =
		span_of(actual.data, end == NULL ? actual.len : (size_t)(end + 1 - actual.data));
	struct span front = actual;

	if (!span_equal(span_take(&front, expected.len), expected))
		return fail_at(player, step, expected, shown,
			       step->type == DIALOGUE_REPLY ? "to the POP3 client"
							    : "to the IMAP server");
	if (step->any_text && (end == NULL || shown.len < expected.len))
		return fail_at(player, step, expected, shown, "not a whole line");
	take_said(player, from, step->any_text ? shown.len : expected.len);
	return true;
}

/* An IMAP command: whatever tag it has is the one that the transcript means. */
static bool expect_command(struct player *player, const struct dialogue_step *step)
{
	struct bytebuf *commands = coupling_commands(player->coupling);
	struct span expected = bytebuf_peek(&step->octets);
	struct span actual = bytebuf_peek(commands);
	struct span written = first_word(expected);
	struct span real = first_word(actual);

	if (is_written_tag(written) && real.len > 0) {
		if (!bind_tag(player, written, real))
			return fail_step(player, step, "more tags than can be kept");
		take_said(player, commands, real.len);
		(void)span_take(&expected, written.len);
	}
	return expect(player, step, commands, expected);
}

static bool expect_silence(struct player *player, const struct dialogue_step *step)
{
	struct span replies = bytebuf_peek(coupling_replies(player->coupling));
	struct span commands = bytebuf_peek(coupling_commands(player->coupling));

	if (replies.len > 0)
		return fail_at(player, step, span_of("", 0), replies,
			       "more to the POP3 client than is written");
	if (commands.len > 0)
		return fail_at(player, step, span_of("", 0), commands,
			       "more to the IMAP server than is written");
	return true;
}

static bool expect_closed(struct player *player, const struct dialogue_step *step)
{
	const char *reason = coupling_closed(player->coupling);

	if (reason == NULL)
		return fail_step(player, step, "the POP3 session is not closed");
	if (!span_equal(bytebuf_peek(&step->octets), span_text(reason)))
		return fail_at(player, step, bytebuf_peek(&step->octets), span_text(reason),
			       "closed for another reason");
	return true;
}

/* ---- what the peers say ---- */

static bool say_piece(struct player *player, bool client, struct span octets)
{
	if (client) {
		coupling_client_says(player->coupling, octets);
		return true;
	}
	return coupling_server_says(player->coupling, octets);
}

/* Says it as the cut wants. Where the first half of it ends the connection, the second one finds
 * nobody; that is as it should be. */
static bool say(struct player *player, bool client, struct span octets)
{
	size_t *said = client ? &player->client_octets : &player->server_octets;
	size_t before = *said;
	bool mine = (player->cut->peer == DIALOGUE_CLIENT) == client;

	*said += octets.len;
	if (player->cut->octets) {
		bool heard = say_piece(player, client, span_take(&octets, 1));

		while (octets.len > 0)
			(void)say_piece(player, client, span_take(&octets, 1));
		return heard;
	}
	if (mine && player->cut->at > before && player->cut->at < *said) {
		bool heard =
			say_piece(player, client, span_take(&octets, player->cut->at - before));

		(void)say_piece(player, client, octets);
		return heard;
	}
	return say_piece(player, client, octets);
}

static void gather(struct player *player, const struct dialogue_step *step, struct bytebuf *octets)
{
	struct span text = bytebuf_peek(&step->octets);
	const struct tag *tag = step->type == DIALOGUE_SERVER && !step->literal
					? find_tag(player, first_word(text))
					: NULL;

	if (tag != NULL) {
		bytebuf_append_text(octets, tag->real);
		span_take(&text, strlen(tag->written));
	}
	bytebuf_append(octets, text);
}

/* All lines that one peer says in a row are one piece. Returns how many lines they were; 0: nobody
 * is there to hear them. */
static size_t play_peer(struct player *player, size_t first)
{
	const struct dialogue *dialogue = player->dialogue;
	enum dialogue_step_type type = dialogue->steps[first].type;
	struct bytebuf octets;
	size_t steps = 0;
	bool heard;

	bytebuf_init(&octets, SAID_MAX);
	while (first + steps < dialogue->count && dialogue->steps[first + steps].type == type)
		gather(player, &dialogue->steps[first + steps++], &octets);
	heard = say(player, type == DIALOGUE_CLIENT, bytebuf_peek(&octets));
	bytebuf_deinit(&octets);
	return heard ? steps : 0;
}

/* Plays from step `slot` on; returns how many steps were played, 0 on failure. */
static size_t play_step(struct player *player, size_t slot)
{
	const struct dialogue_step *step = &player->dialogue->steps[slot];
	struct coupling *coupling = player->coupling;
	size_t steps;

	switch (step->type) {
	case DIALOGUE_REPLY:
		return expect(player, step, coupling_replies(coupling),
			      bytebuf_peek(&step->octets));
	case DIALOGUE_COMMAND:
		return expect_command(player, step);
	case DIALOGUE_CLOSED:
		return expect_closed(player, step);
	case DIALOGUE_CLIENT:
	case DIALOGUE_SERVER:
	case DIALOGUE_CLIENT_CLOSES:
	case DIALOGUE_SERVER_CLOSES:
	case DIALOGUE_CLIENT_STARTS_TLS:
	case DIALOGUE_SERVER_STARTS_TLS:
		break;
	}
	if (!expect_silence(player, step))
		return 0;
	if (step->type == DIALOGUE_CLIENT || step->type == DIALOGUE_SERVER) {
		steps = play_peer(player, slot);
		if (steps == 0)
			(void)fail_step(player, step, "there is no connection to the IMAP server");
		return steps;
	}
	if (step->type == DIALOGUE_CLIENT_CLOSES)
		coupling_client_closes(coupling);
	else if (step->type == DIALOGUE_SERVER_CLOSES && !coupling_server_closes(coupling))
		return fail_step(player, step, "there is no connection to the IMAP server");
	else if (step->type == DIALOGUE_CLIENT_STARTS_TLS && !coupling_client_starts_tls(coupling))
		return fail_step(player, step, "nobody waits for TLS");
	else if (step->type == DIALOGUE_SERVER_STARTS_TLS && !coupling_server_starts_tls(coupling))
		return fail_step(player, step, "nobody waits for TLS");
	return 1;
}

static bool play(struct player *player)
{
	const struct dialogue *dialogue = player->dialogue;
	const struct dialogue_step *last = &dialogue->steps[dialogue->count - 1];
	size_t slot = 0;

	while (slot < dialogue->count) {
		size_t steps = play_step(player, slot);

		if (steps == 0)
			return false;
		slot += steps;
	}
	if (!expect_silence(player, last))
		return false;
	if (coupling_closed(player->coupling) == NULL)
		return fail_at(player, last, span_text("the end of the session"), span_of("", 0),
			       "the POP3 session is still open");
	return true;
}

bool dialogue_play(const struct dialogue *dialogue, const struct dialogue_cut *cut,
		   struct bytebuf *said, struct dialogue_error *error_r)
{
	struct player player = {
		.dialogue = dialogue,
		.cut = cut,
		.coupling = coupling_new(&dialogue->options),
		.said = said,
		.error = error_r,
	};
	bool ok = play(&player);

	coupling_free(&player.coupling);
	return ok;
}
