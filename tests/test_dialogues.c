/* SPDX-License-Identifier: ISC */
/* Plays all dialogues of a folder, whole and cut; says how it went in TAP. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/dialogue.h"

/* Dialogues of ordinary length are cut at each octet. In those that carry great numbers of octets,
 * every octet at either end is a cut, and every so many in between. */
enum { CUTS_MAX = 6000, SAID_MAX = 256 * 1024 * 1024 };

static size_t next_cut(size_t at, size_t octets)
{
	if (octets <= CUTS_MAX || at < CUTS_MAX / 3 || octets - at <= CUTS_MAX / 3)
		return at + 1;
	/* Not a multiple of anything that the octets may repeat at. */
	return at + octets / (CUTS_MAX / 3) + (octets / (CUTS_MAX / 3) % 2 == 0);
}

/* Plays it once more; what is said must be what was said when nothing was cut. */
static bool play_cut(const struct dialogue *dialogue, const struct dialogue_cut *cut,
		     const struct bytebuf *whole, struct dialogue_error *error)
{
	struct bytebuf said;
	bool ok;

	bytebuf_init(&said, SAID_MAX);
	ok = dialogue_play(dialogue, cut, &said, error);
	if (ok && !span_equal(bytebuf_peek(&said), bytebuf_peek(whole))) {
		(void)snprintf(error->text, sizeof(error->text),
			       "%s:1: what is said depends on how the input is cut (at %zu)",
			       dialogue->steps[0].path, cut->at);
		ok = false;
	}
	bytebuf_deinit(&said);
	return ok;
}

static bool play_all(const struct dialogue *dialogue, size_t *plays_r, struct dialogue_error *error)
{
	static const enum dialogue_step_type peers[] = { DIALOGUE_CLIENT, DIALOGUE_SERVER };
	struct dialogue_cut cut = { .octets = false };
	struct bytebuf whole;
	bool ok;

	bytebuf_init(&whole, SAID_MAX);
	ok = dialogue_play(dialogue, &cut, &whole, error);
	cut.octets = true;
	ok = ok && play_cut(dialogue, &cut, &whole, error);
	cut.octets = false;
	*plays_r = 2;
	for (unsigned i = 0; i < 2; i++) {
		size_t octets = dialogue_octets(dialogue, peers[i]);

		cut.peer = peers[i];
		for (cut.at = 1; ok && cut.at < octets; cut.at = next_cut(cut.at, octets)) {
			ok = play_cut(dialogue, &cut, &whole, error);
			++*plays_r;
		}
	}
	bytebuf_deinit(&whole);
	return ok;
}

static bool test_file(unsigned number, const char *folder, const char *name)
{
	struct dialogue_error error = { .text = "" };
	struct dialogue dialogue;
	char path[512];
	size_t plays = 0;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	ok = dialogue_read(&dialogue, path, &error) && play_all(&dialogue, &plays, &error);
	dialogue_deinit(&dialogue);
	(void)printf("%s %u - %s (played %zu times)\n", ok ? "ok" : "not ok", number, name, plays);
	for (char *line = error.text; !ok && *line != '\0';) {
		size_t len = strcspn(line, "\n");

		(void)printf("# %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	(void)fflush(stdout);
	return ok;
}

static int is_transcript(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

/* Usage: test_dialogues FOLDER [FILE...] */
int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	unsigned failed = 0;
	int count;

	if (argc < 2) {
		(void)fprintf(stderr, "usage: %s FOLDER [FILE...]\n", argv[0]);
		return 2;
	}
	if (argc > 2) {
		for (int i = 2; i < argc; i++)
			failed += !test_file((unsigned)i - 1, argv[1], argv[i]);
		(void)printf("1..%d\n", argc - 2);
		return failed > 0;
	}
	count = scandir(argv[1], &entries, is_transcript, alphasort);
	if (count <= 0) {
		(void)printf("Bail out! there are no dialogues in %s\n", argv[1]);
		return 2;
	}
	for (int i = 0; i < count; i++) {
		failed += !test_file((unsigned)i + 1, argv[1], entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	(void)printf("1..%d\n", count);
	return failed > 0;
}
