/* SPDX-License-Identifier: ISC */
#include "daemon/mailbox_private.h"
#include "daemon/session.h"

/* The message is over, one way or the other. */
static void mailbox_retrieved(struct mailbox *mailbox)
{
	mailbox_set_state(mailbox, MAILBOX_OPEN);
	if (mailbox->session == NULL)
		mailbox_start_update(mailbox, false);
}

/* The message goes to nobody any more. */
static void mailbox_discard(struct mailbox *mailbox)
{
	struct span piece;

	while (imap_retrieval_piece(&mailbox->retrieval, &piece))
		continue;
}

/* Whether it is known what earlier sessions retrieved whole, which may be deleted though it cannot
 * be read now. Nobody needs to know before that happens. */
enum recollection { RECOLLECTION_NONE, RECOLLECTION_UNDER_WAY, RECOLLECTION_THERE };

static void on_recollected(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct mailbox *mailbox = mailboxes_find(owner, ticket);

	if (mailbox == NULL || mailbox->recollection != RECOLLECTION_UNDER_WAY)
		return;
	mailbox->recollection = answer->ok ? RECOLLECTION_THERE : RECOLLECTION_NONE;
	if (answer->ok && answer->uidvalidity == maildrop_uidvalidity(mailbox->maildrop))
		maildrop_mark_retrieved_earlier(mailbox->maildrop, answer->uids, answer->count);
	if (mailbox->session != NULL)
		session_message_failed(mailbox->session, mailbox->failed_status,
				       mailbox->failed_text);
}

static void mailbox_message_failed(struct mailbox *mailbox, enum imap_retrieval_status status,
				   const char *text)
{
	struct store_mailbox name = mailbox_name(mailbox);
	bool guarded = status == IMAP_RETRIEVAL_UNREADABLE || status == IMAP_RETRIEVAL_REFUSED;

	mailbox->failed_status = status;
	mailbox->failed_text = text;
	if (guarded && mailbox->all->store != NULL && mailbox->recollection == RECOLLECTION_NONE &&
	    store_load_retrieved(mailbox->all->store, &name, on_recollected, mailbox->all,
				 mailbox->ticket))
		mailbox->recollection = RECOLLECTION_UNDER_WAY;
	else
		session_message_failed(mailbox->session, status, text);
}

void mailbox_handle_retrieval(struct mailbox *mailbox, enum imap_retrieval_status status)
{
	struct session *session = mailbox->session;

	switch (status) {
	case IMAP_RETRIEVAL_MORE:
		break;
	case IMAP_RETRIEVAL_DATA:
		if (session != NULL)
			session_message(session, status, &mailbox->retrieval);
		else
			mailbox_discard(mailbox);
		break;
	case IMAP_RETRIEVAL_END:
		mailbox_retrieved(mailbox);
		if (session != NULL)
			session_message(session, status, &mailbox->retrieval);
		break;
	case IMAP_RETRIEVAL_GONE:
	case IMAP_RETRIEVAL_UNREADABLE:
	case IMAP_RETRIEVAL_REFUSED:
	case IMAP_RETRIEVAL_BROKEN:
		mailbox_retrieved(mailbox);
		if (session != NULL)
			mailbox_message_failed(mailbox, status, mailbox->retrieval.text);
		break;
	}
}

bool mailbox_check_uidvalidity(struct mailbox *mailbox)
{
	if (mailbox->upstream == NULL ||
	    imap_client_selected(upstream_client(mailbox->upstream))->uidvalidity ==
		    maildrop_uidvalidity(mailbox->maildrop))
		return true;
	failure_set(&mailbox->failure, FAILURE_SYS_TEMP,
		    "The mail server has numbered the mailbox anew (UIDVALIDITY); log in again");
	upstream_bury(&mailbox->upstream);
	return false;
}

struct maildrop *mailbox_maildrop(struct mailbox *mailbox)
{
	return mailbox->maildrop;
}

void mailbox_retrieve(struct mailbox *mailbox, uint32_t msgno, bool top, uint64_t top_lines)
{
	const struct maildrop *drop = mailbox->maildrop;
	struct imap_retrieval_request request = {
		.uid = maildrop_uid(drop, msgno),
		.octets = maildrop_message_octets(drop, msgno),
		.top = top,
		.top_lines = top_lines,
		.deliver_placeholder =
			mailbox->account->broken_messages == CONF_BROKEN_MESSAGES_DELIVER,
	};

	if (mailbox_is_recalled(mailbox)) {
		mailbox_retrieve_notice(mailbox, top_lines);
		return;
	}
	if (!mailbox_check_uidvalidity(mailbox)) {
		session_end(mailbox->session, POP3_CODE_SYS_TEMP, mailbox->failure.text,
			    "uidvalidity-changed");
		return;
	}
	if (mailbox->upstream == NULL) {
		mailbox_message_failed(mailbox, IMAP_RETRIEVAL_REFUSED, mailbox->failure.text);
		return;
	}
	mailbox->msgno = msgno;
	mailbox_set_state(mailbox, MAILBOX_RETRIEVING);
	mailbox_handle_retrieval(mailbox, imap_retrieval_start(&mailbox->retrieval,
							       upstream_client(mailbox->upstream),
							       &request));
	if (mailbox->upstream != NULL)
		upstream_flush(mailbox->upstream);
}

void mailbox_pause(struct mailbox *mailbox)
{
	if (mailbox->upstream != NULL)
		upstream_pause(mailbox->upstream);
}

void mailbox_resume(struct mailbox *mailbox)
{
	if (mailbox->upstream != NULL)
		upstream_resume(mailbox->upstream);
}
