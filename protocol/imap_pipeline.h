/* SPDX-License-Identifier: ISC */
/*
 * imap_pipeline: commands on their way to the server, and those it has not answered.
 *
 * Commands go out in the order they were added, as soon as RFC 3501 section 5.5 lets them. What
 * must wait for a continuation (a literal, AUTHENTICATE, the end of IDLE) waits here, and all that
 * is behind it: at no time can the server take octets of one command for octets of another. Nothing
 * can be added behind STARTTLS.
 *
 * Octets are wiped when they were sent or dropped: commands carry passwords.
 */
#ifndef PROTOCOL_IMAP_PIPELINE_H
#define PROTOCOL_IMAP_PIPELINE_H

#include "protocol/imap_command.h"
#include "protocol/limits.h"

struct imap_pending {
	uint32_t id; /* its tag is "A" and this number */
	enum imap_command command;
	/* private */
	size_t parts[IMAP_COMMAND_PARTS_MAX];
	unsigned part_count;
	unsigned released;  /* parts that may be sent, or are */
	const char *answer; /* AUTHENTICATE: to a further challenge; NULL: there may be none */
	bool idling;        /* IDLE: the continuation came */
	bool done_wanted;   /* IDLE: imap_pipeline_idle_done() was called */
	bool done;          /* IDLE: "DONE" may be sent, or is */
};

struct imap_pipeline {
	/* private */
	struct bytebuf out;  /* may be sent */
	struct bytebuf held; /* waits: the parts that are not released, in order */
	struct imap_pending pending[IMAP_PENDING_MAX]; /* oldest first */
	unsigned count;
	uint32_t last_id;
};

void imap_pipeline_init(struct imap_pipeline *pipeline);
void imap_pipeline_deinit(struct imap_pipeline *pipeline);

/* Starts a command; imap_pipeline_add() must follow when it is written. */
void imap_pipeline_begin(struct imap_pipeline *pipeline, struct imap_command_writer *writer,
			 enum imap_command command, enum imap_literals literals);

/* Ends the command and adds it. `answer`: what AUTHENTICATE says to a challenge too many; "*" comes
 * behind that, and then nothing. Returns its id, or 0 when it cannot be written or a ceiling is
 * reached; then nothing has changed. */
uint32_t imap_pipeline_add(struct imap_pipeline *pipeline, struct imap_command_writer *writer,
			   enum imap_command command, const char *answer);

/* "+" came. False when nothing waits for one. */
bool imap_pipeline_continue(struct imap_pipeline *pipeline);

/*
 * The tagged response to `id` came. False when no such command was sent, or when it is OK to one
 * that was not sent whole. Otherwise it is removed, what was not sent of it is dropped, and what
 * waited behind it goes on.
 */
bool imap_pipeline_complete(struct imap_pipeline *pipeline, uint32_t id, bool ok,
			    enum imap_command *command_r);

void imap_pipeline_idle_done(struct imap_pipeline *pipeline);

/* Commands not answered; the oldest of them, or NULL. */
static inline unsigned imap_pipeline_count(const struct imap_pipeline *pipeline)
{
	return pipeline->count;
}

static inline const struct imap_pending *imap_pipeline_oldest(const struct imap_pipeline *pipeline)
{
	return pipeline->count > 0 ? &pipeline->pending[0] : NULL;
}

/* The oldest of its kind that is not answered, or NULL. */
static inline const struct imap_pending *
imap_pipeline_find_command(const struct imap_pipeline *pipeline, enum imap_command command)
{
	for (unsigned slot = 0; slot < pipeline->count; slot++) {
		if (pipeline->pending[slot].command == command)
			return &pipeline->pending[slot];
	}
	return NULL;
}

/* Whether memory ran out, in which case commands are incomplete for ever. */
static inline bool imap_pipeline_failed(const struct imap_pipeline *pipeline)
{
	return bytebuf_failed(&pipeline->out);
}

static inline struct span imap_pipeline_output(const struct imap_pipeline *pipeline)
{
	return bytebuf_peek(&pipeline->out);
}

static inline void imap_pipeline_sent(struct imap_pipeline *pipeline, size_t len)
{
	bytebuf_consume(&pipeline->out, len);
}

#endif
