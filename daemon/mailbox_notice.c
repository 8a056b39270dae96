/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "daemon/mailbox_private.h"
#include "daemon/session.h"
#include "protocol/byte_stuff.h"

/* ---- what sessions leave behind ---- */

/* Whether a message is, as far as is known, in the mailbox when the session has ended. */
static bool is_present(const struct maildrop *drop, uint32_t msgno, bool deleted)
{
	return !deleted || !maildrop_is_deleted(drop, msgno);
}

/* A number that is another one if anything is: FNV-1a. Notes that failed count too, so that they
 * are made up for. Never 0. */
static uint64_t fingerprint(const struct mailbox *mailbox, bool deleted)
{
	const struct maildrop *drop = mailbox->maildrop;
	uint64_t hash = UINT64_C(14695981039346656037);
	const uint64_t prime = UINT64_C(1099511628211);

	hash = (hash ^ maildrop_uidvalidity(drop)) * prime;
	hash = (hash ^ mailbox->all->failed_notes) * prime;
	for (uint32_t msgno = 1; msgno <= maildrop_last(drop); msgno++) {
		if (is_present(drop, msgno, deleted))
			hash = (hash ^ maildrop_uid(drop, msgno)) * prime;
	}
	return hash | 1;
}

static bool anything_retrieved(const struct maildrop *drop)
{
	for (uint32_t msgno = 1; msgno <= maildrop_last(drop); msgno++) {
		if (maildrop_is_retrieved(drop, msgno))
			return true;
	}
	return false;
}

/* False: no memory. */
static bool session_describe(const struct maildrop *drop, bool deleted,
			     struct store_session *session_r)
{
	size_t last = maildrop_last(drop);

	*session_r = (struct store_session){
		.uidvalidity = maildrop_uidvalidity(drop),
		.present = calloc(last + 1, sizeof(*session_r->present)),
		.uids = calloc(last + 1, sizeof(*session_r->uids)),
		.octets = calloc(last + 1, sizeof(*session_r->octets)),
	};
	if (session_r->present == NULL || session_r->uids == NULL || session_r->octets == NULL) {
		free(session_r->present);
		free(session_r->uids);
		free(session_r->octets);
		return false;
	}
	for (uint32_t msgno = 1; msgno <= last; msgno++) {
		if (!is_present(drop, msgno, deleted))
			continue;
		session_r->present[session_r->present_count++] = maildrop_uid(drop, msgno);
		if (!maildrop_is_retrieved(drop, msgno))
			continue;
		session_r->uids[session_r->count] = maildrop_uid(drop, msgno);
		session_r->octets[session_r->count++] = maildrop_message_octets(drop, msgno);
	}
	return true;
}

static void note_failed(struct mailboxes *mailboxes, const char *error)
{
	mailboxes->failed_notes++;
	log_event(mailboxes->log, CONF_LOG_WARNING, "store-failed", "reason", error);
}

static void on_noted(void *owner, uint64_t ticket, struct store_answer *answer)
{
	(void)ticket;
	if (!answer->ok)
		note_failed(owner, answer->error);
}

void mailbox_note_session(struct mailbox *mailbox, bool deleted)
{
	struct mailboxes *all = mailbox->all;
	struct store_mailbox name = mailbox_name(mailbox);
	struct store_session session;

	if (mailbox->noted || mailbox->maildrop == NULL || mailbox_is_recalled(mailbox) ||
	    mailbox->account->auth != CONF_AUTH_OAUTH2 || !mailbox->account->attention_message)
		return;
	mailbox->noted = true;
	uint64_t now = fingerprint(mailbox, deleted);
	if (now == mailbox_memory_retrieved(mailbox->memory) &&
	    !anything_retrieved(mailbox->maildrop))
		return;
	mailbox_memory_set_retrieved(mailbox->memory, now);
	if (!session_describe(mailbox->maildrop, deleted, &session) ||
	    !store_note_session(all->store, &name, &session, on_noted, all, 0))
		note_failed(all, "no memory");
}

/* ---- the maildrop as it was last known ---- */

bool mailbox_is_recalled(const struct mailbox *mailbox)
{
	return mailbox->maildrop != NULL && maildrop_notice(mailbox->maildrop) != 0;
}

/* What the message has when it has been through byte-stuffing: as `exact` counts. */
static uint64_t notice_octets(const struct mailbox *mailbox)
{
	struct span message = bytebuf_peek(&mailbox->notice);
	struct byte_stuff stuff;
	struct span piece;

	byte_stuff_init(&stuff, BYTE_STUFF_ALL_LINES);
	while (byte_stuff_next(&stuff, &message, &piece))
		continue;
	(void)byte_stuff_end(&stuff);
	return byte_stuff_octets(&stuff);
}

static bool mailbox_build_recalled(struct mailbox *mailbox, const struct store_answer *answer)
{
	enum maildrop_status status = MAILDROP_OK;

	mailbox->maildrop = maildrop_new(answer->uidvalidity);
	if (mailbox->maildrop == NULL)
		return false;
	for (size_t i = 0; i < answer->count && status == MAILDROP_OK; i++)
		status = maildrop_add(mailbox->maildrop, answer->uids[i], answer->octets[i]);
	return status == MAILDROP_OK && maildrop_seal(mailbox->maildrop) == MAILDROP_OK &&
	       maildrop_add_notice(mailbox->maildrop, mailbox->notice_id, notice_octets(mailbox)) ==
		       MAILDROP_OK;
}

static void mailbox_log_recalled(struct mailbox *mailbox)
{
	struct log_line line;

	log_begin(&line, mailbox->all->log, CONF_LOG_INFO, "attention-message");
	log_session(&line, mailbox->session_id);
	log_text(&line, "account", mailbox->name);
	log_text(&line, "unique_id", mailbox->notice_id);
	log_number(&line, "others", maildrop_last(mailbox->maildrop) - 1);
	log_end(&line);
}

static void on_recalled(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct mailbox *mailbox = mailboxes_find(owner, ticket);

	if (mailbox == NULL || mailbox->state != MAILBOX_RECALLING)
		return;
	if (!answer->ok) {
		mailbox_fail_words(mailbox, "The state of this mailbox cannot be read",
				   answer->error);
	} else if (mailbox->session == NULL) {
		/* Not to be found by a login that comes when the incident is over. */
		mailbox_die(mailbox);
	} else if (!mailbox_build_recalled(mailbox, answer)) {
		maildrop_free(&mailbox->maildrop);
		mailbox_fail_words(mailbox, "No memory", NULL);
	} else {
		mailbox_log_recalled(mailbox);
		mailbox_opened(mailbox);
	}
}

void mailbox_recall(struct mailbox *mailbox, const struct attention_incident *incident)
{
	struct store_mailbox name = mailbox_name(mailbox);

	mailbox_set_state(mailbox, MAILBOX_RECALLING);
	memcpy(mailbox->notice_id, incident->unique_id, sizeof(mailbox->notice_id));
	if (!attention_message(incident, &mailbox->notice) ||
	    !store_load_retrieved(mailbox->all->store, &name, on_recalled, mailbox->all,
				  mailbox->ticket))
		mailbox_fail_words(mailbox, "No memory", NULL);
}

/* ---- the session ---- */

void mailbox_retrieve_notice(struct mailbox *mailbox, uint64_t top_lines)
{
	session_message_made(mailbox->session, bytebuf_peek(&mailbox->notice), top_lines);
}

static void on_dismissed(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct mailbox *mailbox = mailboxes_find(owner, ticket);

	if (mailbox != NULL && mailbox->state == MAILBOX_UPDATING)
		mailbox_updated(mailbox, answer->ok ? NULL : answer->error);
}

void mailbox_update_notice(struct mailbox *mailbox, bool quit)
{
	const struct maildrop *drop = mailbox->maildrop;
	struct store_mailbox name = mailbox_name(mailbox);

	if (!quit || !maildrop_is_deleted(drop, maildrop_notice(drop)))
		mailbox_updated(mailbox, NULL);
	else if (!attention_dismiss(mailbox->all->attention, &name, mailbox->notice_id,
				    on_dismissed, mailbox->all, mailbox->ticket))
		mailbox_updated(mailbox, "no memory");
}
