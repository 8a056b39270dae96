/* SPDX-License-Identifier: ISC */
#include "protocol/imap_pipeline.h"

#include <assert.h>

/* Room for the lines that are no commands: DONE, and answers to challenges. */
enum { ANSWERS_MAX = 64 };

void imap_pipeline_init(struct imap_pipeline *pipeline)
{
	*pipeline = (struct imap_pipeline){ .count = 0 };
	bytebuf_init(&pipeline->out, IMAP_OUTPUT_MAX);
	bytebuf_init(&pipeline->held, IMAP_OUTPUT_MAX);
}

void imap_pipeline_deinit(struct imap_pipeline *pipeline)
{
	bytebuf_deinit(&pipeline->out);
	bytebuf_deinit(&pipeline->held);
}

/* Lets the next part of a command go; it is what `held` begins with. */
static void release_part(struct imap_pipeline *pipeline, struct imap_pending *pending)
{
	size_t len = pending->parts[pending->released++];
	struct span part = bytebuf_peek(&pipeline->held);

	assert(len <= part.len);
	bytebuf_append(&pipeline->out, span_of(part.data, len));
	bytebuf_consume(&pipeline->held, len);
}

static void say(struct imap_pipeline *pipeline, const char *line)
{
	bytebuf_append_text(&pipeline->out, line);
	bytebuf_append_text(&pipeline->out, "\r\n");
}

/* Whether nothing may be sent behind this command yet. */
static bool is_waiting(const struct imap_pending *pending)
{
	return pending->released < pending->part_count ||
	       pending->command == IMAP_COMMAND_AUTHENTICATE ||
	       pending->command == IMAP_COMMAND_STARTTLS ||
	       (pending->command == IMAP_COMMAND_IDLE && !pending->done);
}

/* The command that all others behind it wait for, or NULL. */
static struct imap_pending *find_waiting(struct imap_pipeline *pipeline)
{
	for (unsigned slot = 0; slot < pipeline->count; slot++) {
		if (is_waiting(&pipeline->pending[slot]))
			return &pipeline->pending[slot];
	}
	return NULL;
}

/* Lets go what need not wait any more. */
static void advance(struct imap_pipeline *pipeline)
{
	for (unsigned slot = 0; slot < pipeline->count; slot++) {
		struct imap_pending *pending = &pipeline->pending[slot];

		if (pending->released == 0)
			release_part(pipeline, pending);
		if (is_waiting(pending))
			return;
	}
}

static struct imap_pending *find_id(struct imap_pipeline *pipeline, uint32_t id)
{
	for (unsigned slot = 0; slot < pipeline->count; slot++) {
		if (pipeline->pending[slot].id == id)
			return &pipeline->pending[slot];
	}
	return NULL;
}

void imap_pipeline_begin(struct imap_pipeline *pipeline, struct imap_command_writer *writer,
			 enum imap_command command, enum imap_literals literals)
{
	/* After 2^32 commands numbers come again, but none that is still waited for. */
	do {
		pipeline->last_id++;
	} while (pipeline->last_id == 0 || find_id(pipeline, pipeline->last_id) != NULL);
	imap_command_begin(writer, &pipeline->held, pipeline->last_id, command, literals);
}

/* Whether there is room for one command more, whose octets are in `held` already. */
static bool has_room(const struct imap_pipeline *pipeline)
{
	size_t len = bytebuf_len(&pipeline->out) + bytebuf_len(&pipeline->held);
	unsigned count = pipeline->count;

	if (count > 0 && pipeline->pending[count - 1].command == IMAP_COMMAND_STARTTLS)
		return false;
	return count < IMAP_PENDING_MAX && len <= IMAP_OUTPUT_MAX - ANSWERS_MAX;
}

uint32_t imap_pipeline_add(struct imap_pipeline *pipeline, struct imap_command_writer *writer,
			   enum imap_command command, const char *answer)
{
	struct imap_pending *pending;

	if (!imap_command_end(writer))
		return 0;
	if (!has_room(pipeline)) {
		bytebuf_truncate(&pipeline->held, writer->start);
		return 0;
	}
	pending = &pipeline->pending[pipeline->count++];
	*pending = (struct imap_pending){
		.id = pipeline->last_id,
		.command = command,
		.part_count = writer->part_count,
		.answer = answer,
	};
	memcpy(pending->parts, writer->parts, sizeof(pending->parts));
	advance(pipeline);
	return imap_pipeline_failed(pipeline) ? 0 : pending->id;
}

/* IDLE ends with DONE, but not before the server has said "+" (RFC 2177 section 3). */
static void end_idle(struct imap_pipeline *pipeline, struct imap_pending *pending)
{
	if (!pending->idling || !pending->done_wanted || pending->done)
		return;
	say(pipeline, "DONE");
	pending->done = true;
	advance(pipeline);
}

bool imap_pipeline_continue(struct imap_pipeline *pipeline)
{
	struct imap_pending *pending = find_waiting(pipeline);

	if (pending == NULL)
		return false;
	if (pending->released < pending->part_count) {
		release_part(pipeline, pending);
		advance(pipeline);
		return true;
	}
	if (pending->command == IMAP_COMMAND_IDLE && !pending->idling) {
		pending->idling = true;
		end_idle(pipeline, pending);
		return true;
	}
	if (pending->command == IMAP_COMMAND_AUTHENTICATE && pending->answer != NULL) {
		say(pipeline, pending->answer);
		/* Whoever is not content with that is told that it is over, once. */
		pending->answer = strcmp(pending->answer, "*") != 0 ? "*" : NULL;
		return true;
	}
	return false;
}

bool imap_pipeline_complete(struct imap_pipeline *pipeline, uint32_t id, bool ok,
			    enum imap_command *command_r)
{
	struct imap_pending *pending = find_id(pipeline, id);
	const struct imap_pending *end = pipeline->pending + pipeline->count;

	if (pending == NULL || pending->released == 0)
		return false;
	if (ok && pending->released < pending->part_count)
		return false;
	/* A literal that the server does not want. Whoever has parts left is the first that has,
	 * so these are what `held` begins with. */
	while (pending->released < pending->part_count)
		bytebuf_consume(&pipeline->held, pending->parts[pending->released++]);
	*command_r = pending->command;
	memmove(pending, pending + 1, (size_t)(end - pending - 1) * sizeof(*pending));
	pipeline->count--;
	advance(pipeline);
	return true;
}

void imap_pipeline_idle_done(struct imap_pipeline *pipeline)
{
	for (unsigned slot = 0; slot < pipeline->count; slot++) {
		struct imap_pending *pending = &pipeline->pending[slot];

		if (pending->command == IMAP_COMMAND_IDLE && !pending->done) {
			pending->done_wanted = true;
			end_idle(pipeline, pending);
		}
	}
}
