/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "daemon/mailbox_private.h"
#include "daemon/session.h"
#include "protocol/imap_utf7.h"

enum {
	/* How long the rest of an abandoned message is read, to flag others \Seen behind it. */
	MAILBOX_DISCARD_MS = 60000,
};

static void mailbox_log_update(struct mailbox *mailbox, const char *text)
{
	bool flagged = mailbox->update != NULL && imap_update_left_flagged(mailbox->update);
	struct log_line line;

	if (mailbox->delete_count == 0 && text == NULL)
		return;
	log_begin(&line, mailbox->all->log,
		  text != NULL || flagged ? CONF_LOG_WARNING : CONF_LOG_INFO,
		  text != NULL ? "update-failed" : "update");
	log_session(&line, mailbox->session_id);
	log_text(&line, "user", mailbox->user);
	log_number(&line, "deletions", mailbox->delete_count);
	if (text != NULL) {
		log_text(&line, "step",
			 mailbox->update != NULL ? imap_update_step(mailbox->update) : "begin");
		log_text(&line, "reason", text);
	} else if (flagged) {
		log_text(&line, "note",
			 "the server lacks UIDPLUS: messages stay flagged \\Deleted");
	}
	log_end(&line);
}

void mailbox_updated(struct mailbox *mailbox, const char *text)
{
	struct session *session = mailbox->session;

	mailbox_log_update(mailbox, text);
	mailbox_note_session(mailbox, text == NULL && mailbox->delete_count > 0);
	mailbox->session = NULL;
	mailbox_logout(mailbox);
	if (session != NULL)
		session_updated(session, text);
}

void mailbox_handle_update(struct mailbox *mailbox, enum imap_update_status status)
{
	switch (status) {
	case IMAP_UPDATE_MORE:
		break;
	case IMAP_UPDATE_DONE:
		mailbox_updated(mailbox, NULL);
		break;
	case IMAP_UPDATE_FAILED:
		mailbox_updated(mailbox, imap_update_text(mailbox->update));
		break;
	}
}

static enum imap_update_mode update_mode(enum conf_delete mode)
{
	switch (mode) {
	case CONF_DELETE_EXPUNGE:
		return IMAP_UPDATE_EXPUNGE;
	case CONF_DELETE_TRASH:
		return IMAP_UPDATE_TRASH;
	case CONF_DELETE_MOVE:
		return IMAP_UPDATE_MOVE;
	case CONF_DELETE_FLAG:
		return IMAP_UPDATE_FLAG;
	case CONF_DELETE_KEEP:
		break;
	}
	return IMAP_UPDATE_KEEP;
}

/* Takes out of `uids` what is in `others`; both ascending. Returns the new count. */
static size_t uids_without(uint32_t *uids, size_t count, const uint32_t *others, size_t other_count)
{
	size_t kept = 0;
	size_t other = 0;

	for (size_t i = 0; i < count; i++) {
		while (other < other_count && others[other] < uids[i])
			other++;
		if (other == other_count || others[other] != uids[i])
			uids[kept++] = uids[i];
	}
	return kept;
}

/* Sends the plan; its arrays are given away. */
static void mailbox_send_update(struct mailbox *mailbox, struct imap_update_plan *plan)
{
	struct bytebuf folder;

	bytebuf_init(&folder, MAILBOX_FOLDER_MAX);
	if (mailbox->account->delete_folder != NULL &&
	    !imap_utf7_encode(&folder, span_text(mailbox->account->delete_folder))) {
		free(plan->deleted);
		free(plan->seen);
		bytebuf_deinit(&folder);
		mailbox_updated(mailbox, "no memory");
		return;
	}
	plan->folder = bytebuf_peek(&folder);
	plan->selected = span_text(mailbox->folder);
	mailbox->update = imap_update_new(upstream_client(mailbox->upstream), plan);
	bytebuf_deinit(&folder);
	if (mailbox->update == NULL) {
		mailbox_updated(mailbox, "no memory");
		return;
	}
	mailbox_handle_update(mailbox, imap_update_status(mailbox->update));
	if (mailbox->upstream != NULL)
		upstream_flush(mailbox->upstream);
}

/* The part of an update that goes upstream. `quit`: deletions too. */
static void mailbox_update_upstream(struct mailbox *mailbox, bool quit)
{
	const struct conf_account *account = mailbox->account;
	struct imap_update_plan plan = { .mode = update_mode(account->delete_mode),
					 .deleted_seen =
						 account->mark_seen != CONF_MARK_SEEN_NEVER };
	bool seen = account->mark_seen == CONF_MARK_SEEN_RETR &&
		    !maildrop_is_read_only(mailbox->maildrop);

	if ((quit && plan.mode != IMAP_UPDATE_KEEP &&
	     !maildrop_deleted_uids(mailbox->maildrop, &plan.deleted, &plan.deleted_count)) ||
	    (seen && !maildrop_retrieved_uids(mailbox->maildrop, &plan.seen, &plan.seen_count))) {
		free(plan.deleted);
		mailbox_updated(mailbox, "no memory");
		return;
	}
	plan.seen_count =
		uids_without(plan.seen, plan.seen_count, plan.deleted, plan.deleted_count);
	if (plan.deleted_count == 0 && plan.seen_count == 0) {
		free(plan.deleted);
		free(plan.seen);
		mailbox_updated(mailbox, NULL);
	} else if (mailbox->upstream == NULL) {
		free(plan.deleted);
		free(plan.seen);
		mailbox_updated(mailbox, plan.deleted_count > 0 ? mailbox->failure.text : NULL);
	} else {
		mailbox_send_update(mailbox, &plan);
	}
}

static void on_kept_added(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct mailbox *mailbox = mailboxes_find(owner, ticket);

	if (mailbox == NULL || mailbox->state != MAILBOX_UPDATING)
		return;
	if (answer->ok)
		mailbox_update_upstream(mailbox, true);
	else
		mailbox_updated(mailbox, answer->error);
}

/* `delete = "keep"`: what was deleted is written down before anything else is done. */
static void mailbox_keep(struct mailbox *mailbox)
{
	struct store_mailbox name = mailbox_name(mailbox);
	uint32_t *uids = NULL;
	size_t count = 0;
	bool asked =
		mailbox->all->store != NULL &&
		maildrop_deleted_uids(mailbox->maildrop, &uids, &count) &&
		store_add_kept(mailbox->all->store, &name, maildrop_uidvalidity(mailbox->maildrop),
			       uids, count, on_kept_added, mailbox->all, mailbox->ticket);

	free(uids);
	if (!asked)
		mailbox_updated(mailbox, "the state of this mailbox cannot be written");
}

void mailbox_start_update(struct mailbox *mailbox, bool quit)
{
	mailbox_set_state(mailbox, MAILBOX_UPDATING);
	if (mailbox_is_recalled(mailbox)) {
		mailbox_update_notice(mailbox, quit);
		return;
	}
	/* Gone upstream: nothing is stored by UIDs that may name other messages now. */
	(void)mailbox_check_uidvalidity(mailbox);
	mailbox->delete_count =
		quit ? maildrop_last(mailbox->maildrop) - maildrop_count(mailbox->maildrop) : 0;
	if (mailbox->account->delete_mode == CONF_DELETE_KEEP && mailbox->delete_count > 0)
		mailbox_keep(mailbox);
	else
		mailbox_update_upstream(mailbox, quit);
}

void mailbox_update(struct mailbox *mailbox)
{
	mailbox_start_update(mailbox, true);
}

/* ---- the end without QUIT ---- */

/* Whether messages are to be flagged \Seen when the session has ended without QUIT. */
static bool mailbox_owes_seen(const struct mailbox *mailbox)
{
	uint32_t *uids = NULL;
	size_t count = 0;
	bool owes = mailbox->upstream != NULL &&
		    mailbox->account->mark_seen == CONF_MARK_SEEN_RETR &&
		    maildrop_retrieved_uids(mailbox->maildrop, &uids, &count) && count > 0;

	free(uids);
	return owes;
}

void mailbox_leave_opening(struct mailbox **left)
{
	struct mailbox *mailbox = *left;

	*left = NULL;
	if (mailbox == NULL)
		return;
	mailbox->session = NULL;
	mailbox->unattended_since_ms = loop_now_ms();
	mailboxes_limit_unattended(mailbox->all);
}

void mailbox_detach(struct mailbox **detached)
{
	struct mailbox *mailbox = *detached;

	if (mailbox == NULL)
		return;
	if (mailbox_is_opening(mailbox)) {
		/* Nobody makes connections here by trying passwords and walking off. */
		if (mailbox->proven) {
			mailbox_leave_opening(detached);
			return;
		}
		mailbox->session = NULL;
		mailbox_die(mailbox);
	}
	*detached = NULL;
	mailbox->session = NULL;
	mailbox_resume(mailbox);
	if (mailbox->state != MAILBOX_OPEN && mailbox->state != MAILBOX_RETRIEVING)
		return;
	/* Nothing is deleted any more, so the next session need not wait for what is left to do. */
	mailbox_unlock(mailbox);
	if (mailbox->state == MAILBOX_OPEN)
		mailbox_start_update(mailbox, false);
	else if (mailbox_owes_seen(mailbox))
		loop_arm(mailbox->timer, MAILBOX_DISCARD_MS);
	else
		mailbox_die(mailbox);
}
