/* SPDX-License-Identifier: ISC */
/*
 * dialogue: a transcript of a whole session, read from a file and played to both machines.
 *
 * tests/dialogues/README says how transcripts are written. A dialogue is played once as it stands,
 * then octet by octet, then cut in two at each octet of what either peer says; every time, each
 * machine must say exactly what the transcript says it does, no more, no less and no later.
 */
#ifndef TESTS_DIALOGUE_H
#define TESTS_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/bytebuf.h"
#include "tests/coupling.h"

enum dialogue_step_type {
	DIALOGUE_CLIENT,  /* "C:" and */
	DIALOGUE_SERVER,  /* "<": octets of a peer */
	DIALOGUE_REPLY,   /* "S:" and */
	DIALOGUE_COMMAND, /* ">": what must have been answered */
	DIALOGUE_CLIENT_CLOSES,
	DIALOGUE_SERVER_CLOSES,
	DIALOGUE_CLIENT_STARTS_TLS,
	DIALOGUE_SERVER_STARTS_TLS,
	DIALOGUE_CLOSED, /* we have closed the POP3 session, for the reason `octets` */
};

struct dialogue_step {
	enum dialogue_step_type type;
	const char *path; /* the file it stands in: the dialogue's, or a part included there */
	unsigned line;
	struct bytebuf octets; /* line end included */
	bool literal;          /* SERVER: octets of a literal, in which no tag is one */
	bool any_text;         /* REPLY, COMMAND: "...": what follows may be anything */
	size_t count_at;       /* SERVER: where the literal's size is to be put in, or SIZE_MAX */
};

struct dialogue {
	struct coupling_options options;
	char texts[8][512]; /* paths, and texts of the options */
	size_t text_count;
	struct dialogue_step *steps; /* owned */
	size_t count;
};

/* What went wrong: "file:line: ...". */
struct dialogue_error {
	char text[8192];
};

/* How what the peers say is cut. */
struct dialogue_cut {
	bool octets;                  /* each octet by itself */
	enum dialogue_step_type peer; /* else once: CLIENT or SERVER, */
	size_t at;                    /* behind so many octets of all it says; 0 for no cut */
};

bool dialogue_read(struct dialogue *dialogue, const char *path, struct dialogue_error *error_r);
void dialogue_deinit(struct dialogue *dialogue);

/* Octets that a peer (CLIENT or SERVER) says in all; at least, since tags differ in length. */
size_t dialogue_octets(const struct dialogue *dialogue, enum dialogue_step_type peer);

/* Plays it. What the machines said is appended to `said`. */
bool dialogue_play(const struct dialogue *dialogue, const struct dialogue_cut *cut,
		   struct bytebuf *said, struct dialogue_error *error_r);

#endif
