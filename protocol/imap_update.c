/* SPDX-License-Identifier: ISC */
#include "protocol/imap_update.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/imap_refusal.h"
#include "protocol/limits.h"

/* Steps follow one another from top to bottom; not every update has all of them, and only CREATE
 * goes back, to the step that wanted the folder. */
enum update_step {
	STEP_START,
	STEP_SEEN, /* \Seen on what was retrieved and stays: best effort */
	STEP_LIST, /* where is \Trash? */
	STEP_READ, /* \Seen on what is about to move: best effort */
	STEP_MOVE,
	STEP_COPY,
	STEP_CREATE,
	STEP_STORE,
	STEP_EXPUNGE,
	STEP_OVER,
};

static const char *const step_names[] = {
	[STEP_START] = "done",  [STEP_SEEN] = "store",      [STEP_LIST] = "list",
	[STEP_READ] = "store",  [STEP_MOVE] = "move",       [STEP_COPY] = "copy",
	[STEP_STORE] = "store", [STEP_EXPUNGE] = "expunge", [STEP_CREATE] = "create",
	[STEP_OVER] = "done",
};

/* Commands of one step that may be unanswered; each names some 700 scattered messages. */
enum { UPDATE_COMMANDS = 8 };

/* One command of a step: the UIDs uids[from] to uids[from + count - 1]. */
struct update_command {
	uint32_t id; /* 0: free */
	size_t from;
	size_t count;
	bool in_noop;  /* `id` is the NOOP behind EXPUNGEISSUED */
	bool repeated; /* behind that NOOP, which is done once */
};

struct imap_update {
	struct imap_client *client; /* borrowed */
	enum imap_update_mode mode;
	enum imap_update_status status;
	enum update_step step;
	struct bytebuf target;   /* the mailbox that deletions go to */
	struct bytebuf selected; /* the mailbox they come from */
	uint32_t *deleted;       /* owned */
	size_t deleted_count;
	uint32_t *seen; /* owned */
	size_t seen_count;
	bool deleted_seen;

	/* of the step under way */
	struct update_command commands[UPDATE_COMMANDS];
	uint32_t single; /* id of LIST or CREATE, or 0 */
	size_t asked;    /* how many of the step's UIDs were named in commands */
	bool refused;    /* a command was answered NO or BAD: no more are sent */

	bool trash_found;
	bool target_exists;          /* a MOVE or COPY was answered OK */
	bool target_created;         /* CREATE was tried, which is done once */
	enum update_step after_that; /* the step that CREATE goes back to */
	bool left_flagged;
	bool failed;
	enum update_step failed_step;
	char text[IMAP_REFUSAL_TEXT_MAX];
};

/* The only way to change the step: forward, and back from CREATE. */
static void update_enter(struct imap_update *update, enum update_step step)
{
	assert(step > update->step || (update->step == STEP_CREATE && step == update->after_that));
	update->step = step;
	update->single = 0;
	update->asked = 0;
	update->refused = false;
}

static bool step_is_best_effort(enum update_step step)
{
	return step == STEP_SEEN || step == STEP_READ;
}

/* The first trouble is the one to be told about. */
static void update_note_failure(struct imap_update *update, const char *text, const char *otherwise)
{
	if (update->failed)
		return;
	update->failed = true;
	update->failed_step = update->step;
	imap_refusal_copy(update->text, text, otherwise);
}

/* A command of the step was refused, or could not be made. */
static void update_fail(struct imap_update *update, const char *text, const char *otherwise)
{
	update->refused = true;
	if (!step_is_best_effort(update->step))
		update_note_failure(update, text, otherwise);
}

/* RFC 3501 section 5.1: INBOX, and nothing else, is the same in any case. */
static bool is_same_mailbox(struct span a, struct span b)
{
	struct span inbox = span_text("INBOX");

	return span_equal(a, b) || (span_equal_nocase(a, inbox) && span_equal_nocase(b, inbox));
}

static bool step_needs_target(enum update_step step)
{
	return step == STEP_MOVE || step == STEP_COPY;
}

static size_t update_uids(const struct imap_update *update, const uint32_t **uids_r)
{
	bool seen = update->step == STEP_SEEN;

	*uids_r = seen ? update->seen : update->deleted;
	return seen ? update->seen_count : update->deleted_count;
}

/* Sends the step's command for as many of `uids` as fit. */
static uint32_t update_command(struct imap_update *update, const uint32_t *uids, size_t count,
			       size_t *taken_r)
{
	struct imap_client *client = update->client;
	struct span target = bytebuf_peek(&update->target);
	uint32_t seen = IMAP_FLAG_SEEN;

	switch (update->step) {
	case STEP_SEEN:
	case STEP_READ:
		return imap_client_store(client, uids, count, seen, taken_r);
	case STEP_MOVE:
		return imap_client_move(client, uids, count, target, taken_r);
	case STEP_COPY:
		return imap_client_copy(client, uids, count, target, taken_r);
	case STEP_STORE:
		return imap_client_store(client, uids, count,
					 IMAP_FLAG_DELETED | (update->deleted_seen ? seen : 0),
					 taken_r);
	case STEP_EXPUNGE:
		return imap_client_expunge(client, uids, count, taken_r);
	case STEP_START:
	case STEP_LIST:
	case STEP_CREATE:
	case STEP_OVER:
		break;
	}
	assert(false);
	return 0;
}

static unsigned update_under_way(const struct imap_update *update)
{
	unsigned under_way = update->single != 0;

	for (unsigned i = 0; i < UPDATE_COMMANDS; i++)
		under_way += update->commands[i].id != 0;
	return under_way;
}

/* Sends the step's commands, as many at a time as may be. */
static void update_send(struct imap_update *update)
{
	const uint32_t *uids;
	size_t count = update_uids(update, &uids);

	for (unsigned i = 0; i < UPDATE_COMMANDS; i++) {
		struct update_command *command = &update->commands[i];

		if (update->refused || update->asked == count)
			return;
		/* The first one finds out whether the folder exists. */
		if (step_needs_target(update->step) && !update->target_exists &&
		    update_under_way(update) > 0)
			return;
		if (command->id != 0)
			continue;
		command->from = update->asked;
		command->in_noop = false;
		command->repeated = false;
		command->id = update_command(update, uids + update->asked, count - update->asked,
					     &command->count);
		if (command->id != 0)
			update->asked += command->count;
		else if (update_under_way(update) == 0)
			update_fail(update, "no IMAP command could be made", "");
		if (command->id == 0)
			return;
	}
}

/* LIST and CREATE are one command each. */
static void update_send_single(struct imap_update *update)
{
	update->single =
		update->step == STEP_LIST
			? imap_client_list(update->client, span_text(""), span_text("*"))
			: imap_client_create(update->client, bytebuf_peek(&update->target));
	if (update->single == 0)
		update_fail(update, "no IMAP command could be made", "");
}

/* Whether the server would forget that messages are \Deleted (RFC 3501 section 7.1,
 * PERMANENTFLAGS), so that they were listed again the next time. */
static bool update_forgets_deleted(const struct imap_update *update)
{
	const struct imap_selected *selected = imap_client_selected(update->client);

	return (selected->permanent_flags & IMAP_FLAG_DELETED) == 0 &&
	       (update->mode == IMAP_UPDATE_FLAG ||
		!imap_client_has(update->client, IMAP_CAP_UIDPLUS));
}

/* Before any deletion: whether its last step is a STORE that would be forgotten. Where the trash
 * is, and so whether messages are in it already, is not known yet. */
static bool update_comes_to_nothing(const struct imap_update *update)
{
	bool moves =
		update->mode == IMAP_UPDATE_TRASH ||
		(update->mode == IMAP_UPDATE_MOVE &&
		 !is_same_mailbox(bytebuf_peek(&update->target), bytebuf_peek(&update->selected)));

	if (update->deleted_count == 0 || update->mode == IMAP_UPDATE_KEEP)
		return false;
	return update_forgets_deleted(update) &&
	       !(moves && imap_client_has(update->client, IMAP_CAP_MOVE));
}

static void update_fail_forgotten(struct imap_update *update)
{
	update_fail(update, "the server does not keep \\Deleted (PERMANENTFLAGS)", "");
	update->failed_step = STEP_STORE;
}

/* Drops from `deleted` what was not copied: it is 0, or was not asked for any more. */
static void update_keep_copied(struct imap_update *update)
{
	size_t kept = 0;

	for (size_t i = 0; i < update->asked; i++) {
		if (update->deleted[i] != 0)
			update->deleted[kept++] = update->deleted[i];
	}
	update->deleted_count = kept;
}

/* The way of trash and move, once the target is known. */
static enum update_step update_way_to_target(struct imap_update *update)
{
	struct span target = bytebuf_peek(&update->target);

	if (is_same_mailbox(target, bytebuf_peek(&update->selected))) {
		update->mode = IMAP_UPDATE_EXPUNGE;
		if (!update_forgets_deleted(update))
			return STEP_STORE;
		update_fail_forgotten(update);
		return STEP_OVER;
	}
	if (target.len == 0) {
		update_fail(update, "there is no folder to move deleted messages to", "");
		return STEP_OVER;
	}
	if (update->deleted_seen && update->step < STEP_READ)
		return STEP_READ;
	return imap_client_has(update->client, IMAP_CAP_MOVE) ? STEP_MOVE : STEP_COPY;
}

static enum update_step update_first_for_deleted(struct imap_update *update)
{
	if (update->deleted_count == 0)
		return STEP_OVER;
	switch (update->mode) {
	case IMAP_UPDATE_EXPUNGE:
	case IMAP_UPDATE_FLAG:
		return STEP_STORE;
	case IMAP_UPDATE_TRASH:
		return STEP_LIST;
	case IMAP_UPDATE_MOVE:
		return update_way_to_target(update);
	case IMAP_UPDATE_KEEP:
		break;
	}
	return STEP_OVER;
}

/* All commands of the step are answered: which one comes next? */
static enum update_step update_following(struct imap_update *update)
{
	switch (update->step) {
	case STEP_START:
		if (update_comes_to_nothing(update)) {
			update_fail_forgotten(update);
			return STEP_OVER;
		}
		return update->seen_count > 0 ? STEP_SEEN : update_first_for_deleted(update);
	case STEP_SEEN:
		return update_first_for_deleted(update);
	case STEP_LIST:
	case STEP_READ:
		return update_way_to_target(update);
	case STEP_COPY:
		/* What was copied goes, even if other messages could not be: else they would be
		 * copied once more the next time. */
		update_keep_copied(update);
		return update->deleted_count > 0 ? STEP_STORE : STEP_OVER;
	case STEP_CREATE:
		return update->after_that;
	case STEP_STORE:
		if (update->mode == IMAP_UPDATE_FLAG)
			return STEP_OVER;
		if (imap_client_has(update->client, IMAP_CAP_UIDPLUS))
			return STEP_EXPUNGE;
		update->left_flagged = true;
		return STEP_OVER;
	case STEP_MOVE:
	case STEP_EXPUNGE:
	case STEP_OVER:
		break;
	}
	return STEP_OVER;
}

static enum imap_update_status update_finish(struct imap_update *update)
{
	if (update->step != STEP_OVER)
		update_enter(update, STEP_OVER);
	update->status = update->failed ? IMAP_UPDATE_FAILED : IMAP_UPDATE_DONE;
	return update->status;
}

/* Goes on as far as possible without an answer. */
static enum imap_update_status update_advance(struct imap_update *update)
{
	while (update_under_way(update) == 0) {
		bool stop = update->refused && update->step != STEP_COPY &&
			    !step_is_best_effort(update->step);
		enum update_step next = stop ? STEP_OVER : update_following(update);

		if (next == STEP_OVER)
			return update_finish(update);
		update_enter(update, next);
		if (next == STEP_LIST || next == STEP_CREATE)
			update_send_single(update);
		else
			update_send(update);
	}
	return IMAP_UPDATE_MORE;
}

/* Whether a NO to the first MOVE or COPY may mean that the folder is not there. Not every server
 * says TRYCREATE (RFC 3501 section 6.4.7), so anything that says nothing else will do. */
static bool update_may_lack_target(const struct imap_update *update, const struct imap_event *event)
{
	if (!step_needs_target(update->step) || update->target_exists || update->target_created ||
	    event->status != IMAP_NO)
		return false;
	if (event->code == IMAP_CODE_TRYCREATE || event->code == IMAP_CODE_NONEXISTENT)
		return true;
	return (event->code == IMAP_CODE_NONE || event->code == IMAP_CODE_OTHER ||
		event->code == IMAP_CODE_ALERT) &&
	       !imap_refusal_is_temporary(event);
}

/* A message that was not copied must not be removed. */
static void update_drop_uncopied(struct imap_update *update, size_t from, size_t count)
{
	if (update->step == STEP_COPY)
		memset(&update->deleted[from], 0, count * sizeof(*update->deleted));
}

static void update_refused(struct imap_update *update, struct update_command *command,
			   const struct imap_event *event)
{
	if (update_may_lack_target(update, event)) {
		imap_refusal_copy(update->text, event->text, "the server does not move messages");
		update->after_that = update->step;
		update_enter(update, STEP_CREATE);
		update_send_single(update);
		return;
	}
	update_drop_uncopied(update, command->from, command->count);
	update_fail(update, event->text, "the server refused");
}

/* Some of the command's messages are gone, which the server may not tell in its answer (RFC 2180
 * section 4, RFC 5530): NOOP lets it, and then the others have their turn. */
static bool update_pause(struct imap_update *update, struct update_command *command,
			 const struct imap_event *event)
{
	if (event->status != IMAP_NO || event->code != IMAP_CODE_EXPUNGEISSUED ||
	    command->repeated || update->refused)
		return false;
	command->id = imap_client_noop(update->client);
	command->in_noop = command->id != 0;
	return command->in_noop;
}

/* The same once more. Its tag may have grown, and the set with it beyond what a command holds. */
static void update_repeat(struct imap_update *update, struct update_command *command)
{
	const uint32_t *uids;
	size_t taken = 0;

	(void)update_uids(update, &uids);
	command->in_noop = false;
	command->repeated = true;
	if (!update->refused)
		command->id = update_command(update, uids + command->from, command->count, &taken);
	if (command->id == 0)
		taken = 0;
	if (taken == command->count)
		return;
	update_drop_uncopied(update, command->from + taken, command->count - taken);
	command->count = taken;
	update_fail(update, "the IMAP command could not be repeated", "");
}

/* A message that is gone needs neither flag nor removal. */
static bool update_is_done_anyway(const struct imap_update *update, const struct imap_event *event)
{
	return (update->step == STEP_STORE || update->step == STEP_EXPUNGE) &&
	       event->status == IMAP_NO && event->code == IMAP_CODE_EXPUNGEISSUED;
}

static void update_answered(struct imap_update *update, struct update_command *command,
			    const struct imap_event *event)
{
	command->id = 0;
	if (command->in_noop) {
		update_repeat(update, command);
		return;
	}
	if (event->status == IMAP_OK) {
		update->target_exists |= step_needs_target(update->step);
		return;
	}
	if (update_pause(update, command, event))
		return;
	if (!command->repeated || !update_is_done_anyway(update, event))
		update_refused(update, command, event);
}

/* LIST may fail: then the trash is where the configuration says. So may CREATE, if somebody else
 * was faster; otherwise what the server said to MOVE or COPY is more to the point. */
static void update_single_done(struct imap_update *update, const struct imap_event *event)
{
	update->single = 0;
	if (update->step != STEP_CREATE)
		return;
	update->target_created = true;
	if (event->status == IMAP_OK || event->code == IMAP_CODE_ALREADYEXISTS)
		return;
	update->refused = true;
	update->failed = true;
	update->failed_step = STEP_CREATE;
}

static enum imap_update_status update_done(struct imap_update *update,
					   const struct imap_event *event)
{
	if (event->id == update->single) {
		update_single_done(update, event);
		return update_advance(update);
	}
	for (unsigned i = 0; i < UPDATE_COMMANDS; i++) {
		struct update_command *command = &update->commands[i];

		if (command->id != event->id)
			continue;
		update_answered(update, command, event);
		if (update->single == 0)
			update_send(update);
		return update_advance(update);
	}
	return IMAP_UPDATE_MORE;
}

static void update_mailbox(struct imap_update *update, const struct imap_event *event)
{
	if (update->step != STEP_LIST || update->trash_found ||
	    (event->mailbox.attributes & IMAP_ATTR_TRASH) == 0 ||
	    (event->mailbox.attributes & IMAP_ATTR_NOSELECT) != 0)
		return;
	update->trash_found = true;
	bytebuf_reset(&update->target);
	if (!bytebuf_append(&update->target, event->mailbox.name))
		update_fail(update, "out of memory", "");
}

enum imap_update_status imap_update_event(struct imap_update *update,
					  const struct imap_event *event)
{
	if (update->status != IMAP_UPDATE_MORE)
		return update->status;
	switch (event->type) {
	case IMAP_EVENT_DONE:
		return update_done(update, event);
	case IMAP_EVENT_MAILBOX:
		update_mailbox(update, event);
		break;
	case IMAP_EVENT_BYE:
	case IMAP_EVENT_VIOLATION:
		update_note_failure(update, event->text, "the server closed the session");
		return update_finish(update);
	case IMAP_EVENT_NEED_INPUT:
	case IMAP_EVENT_GREETING:
	case IMAP_EVENT_NOTICE:
	case IMAP_EVENT_EXISTS:
	case IMAP_EVENT_EXPUNGE:
	case IMAP_EVENT_MESSAGE:
	case IMAP_EVENT_BODY:
	case IMAP_EVENT_BODY_DATA:
	case IMAP_EVENT_FOUND:
		break;
	}
	return IMAP_UPDATE_MORE;
}

struct imap_update *imap_update_new(struct imap_client *client, const struct imap_update_plan *plan)
{
	struct imap_update *update = calloc(1, sizeof(*update));

	if (update == NULL) {
		free(plan->deleted);
		free(plan->seen);
		return NULL;
	}
	update->client = client;
	update->mode = plan->mode;
	update->deleted = plan->deleted;
	update->deleted_count = plan->deleted_count;
	update->seen = plan->seen;
	update->seen_count = plan->seen_count;
	update->deleted_seen = plan->deleted_seen;
	bytebuf_init(&update->target, IMAP_TOKEN_MAX);
	bytebuf_init(&update->selected, IMAP_TOKEN_MAX);
	if (!bytebuf_append(&update->target, plan->folder) ||
	    !bytebuf_append(&update->selected, plan->selected)) {
		imap_update_free(&update);
		return NULL;
	}
	update->status = update_advance(update);
	return update;
}

enum imap_update_status imap_update_status(const struct imap_update *update)
{
	return update->status;
}

const char *imap_update_text(const struct imap_update *update)
{
	return update->failed ? update->text : "";
}

const char *imap_update_step(const struct imap_update *update)
{
	return step_names[update->failed ? update->failed_step : update->step];
}

bool imap_update_left_flagged(const struct imap_update *update)
{
	return update->left_flagged;
}

void imap_update_free(struct imap_update **update)
{
	if (*update == NULL)
		return;
	bytebuf_deinit(&(*update)->target);
	bytebuf_deinit(&(*update)->selected);
	free((*update)->deleted);
	free((*update)->seen);
	free(*update);
	*update = NULL;
}
