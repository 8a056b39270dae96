/* SPDX-License-Identifier: ISC */
/*
 * imap_update: POP3's UPDATE as IMAP commands: what QUIT does upstream.
 *
 *   expunge  UID STORE +FLAGS.SILENT (\Seen \Deleted), all OK, then UID EXPUNGE of those UIDs
 *   trash    like move, to the mailbox with the \Trash attribute, or `folder`
 *   move     UID MOVE; without MOVE: UID COPY, and only what was copied is then expunged as above
 *   flag     UID STORE +FLAGS.SILENT (\Seen \Deleted)
 *   keep     nothing
 *
 * Without UIDPLUS messages stay flagged \Deleted: a plain EXPUNGE, which would sweep away
 * what others flagged, is never sent. A target folder that does not exist is created once. Before
 * all this, `seen` messages get \Seen (best effort: its failure is not the session's). Sets are cut
 * so that each command is short; commands of one step are pipelined, steps are not.
 *
 * A command that is answered NO [EXPUNGEISSUED] (some of the messages are gone) is repeated once
 * behind a NOOP; a second such answer is good enough for STORE and EXPUNGE.
 *
 * Where messages would stay flagged \Deleted and the server would forget it (PERMANENTFLAGS), the
 * update fails before anything is sent; before the STORE, if only LIST tells.
 */
#ifndef PROTOCOL_IMAP_UPDATE_H
#define PROTOCOL_IMAP_UPDATE_H

#include "protocol/imap_client.h"

enum imap_update_mode {
	IMAP_UPDATE_EXPUNGE,
	IMAP_UPDATE_TRASH,
	IMAP_UPDATE_MOVE,
	IMAP_UPDATE_FLAG,
	IMAP_UPDATE_KEEP,
};

enum imap_update_status {
	IMAP_UPDATE_MORE,
	IMAP_UPDATE_DONE,
	IMAP_UPDATE_FAILED, /* not everything was done; `text` */
};

struct imap_update_plan {
	enum imap_update_mode mode;
	struct span folder;   /* target of trash and move, modified UTF-7; copied */
	struct span selected; /* the selected mailbox: what is in the trash already is expunged;
				 copied */
	/* Ascending; ownership of both arrays moves to the update, which frees them. NULL if 0. */
	uint32_t *deleted;
	size_t deleted_count;
	uint32_t *seen; /* to be flagged \Seen although not deleted */
	size_t seen_count;
	bool deleted_seen; /* deletions set \Seen too */
};

struct imap_update;

/* Sends the first commands. NULL when there is no memory (the arrays are freed then too). */
struct imap_update *imap_update_new(struct imap_client *client,
				    const struct imap_update_plan *plan);
/* What imap_update_new() came to: MORE, DONE when there was nothing to do, or FAILED. */
enum imap_update_status imap_update_status(const struct imap_update *update);
enum imap_update_status imap_update_event(struct imap_update *update,
					  const struct imap_event *event);
/* Why it FAILED, or "". */
const char *imap_update_text(const struct imap_update *update);
/* The step it is in, for the log: "store", "expunge", "move", "copy", "list", "create", "done". */
const char *imap_update_step(const struct imap_update *update);
/* Whether messages were left flagged \Deleted because the server lacks UIDPLUS. */
bool imap_update_left_flagged(const struct imap_update *update);
void imap_update_free(struct imap_update **update);

#endif
