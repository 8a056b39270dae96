/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "daemon/incident.h"
#include "daemon/mailbox_private.h"

static struct oauth_client mailbox_client(const struct mailbox *mailbox)
{
	return (struct oauth_client){ .setup = mailbox->setup,
				      .account = mailbox->account,
				      .name = mailbox->name,
				      .mailbox = mailbox->user };
}

/* ---- what is in the way ---- */

static enum failure_kind kind_of(enum oauth_state state)
{
	switch (state) {
	case OAUTH_NEVER_SIGNED_IN:
	case OAUTH_SIGN_IN_NEEDED:
		return FAILURE_AUTH;
	case OAUTH_ADMINISTRATOR_NEEDED:
		return FAILURE_SYS_PERM;
	case OAUTH_OK:
	case OAUTH_BACKING_OFF:
		break;
	}
	return FAILURE_SYS_TEMP;
}

static void failure_from_trouble(struct failure *failure, const struct oauth_trouble *trouble)
{
	enum failure_kind kind = kind_of(trouble->state);

	failure_set(failure, kind, trouble->meaning);
	failure->cause = FAILURE_CAUSE_TOKEN;
	snprintf(failure->detail, sizeof(failure->detail), "%s", trouble->text);
	if (kind == FAILURE_SYS_TEMP || trouble->remedy == NULL)
		return;
	/* Who reads it may be able to do it; but half a remedy is none. */
	size_t len = strlen(failure->text);
	if (len + 1 + strlen(trouble->remedy) < sizeof(failure->text))
		snprintf(failure->text + len, sizeof(failure->text) - len, " %s", trouble->remedy);
}

/* There is no token to be had. */
static void mailbox_take_trouble(struct mailbox *mailbox, const struct oauth_trouble *trouble)
{
	struct oauth_client client = mailbox_client(mailbox);
	struct store_mailbox name = mailbox_name(mailbox);
	struct attention_incident incident;
	struct failure failure;

	failure_from_trouble(&failure, trouble);
	if (!incident_is_due(trouble)) {
		mailbox_fail(mailbox, &failure);
		return;
	}
	incident_raise(mailbox->all->attention, &client, trouble);
	if (mailbox->account->attention_message && mailbox->session != NULL &&
	    attention_find(mailbox->all->attention, &name, &incident) && !incident.dismissed)
		mailbox_recall(mailbox, &incident);
	else
		mailbox_fail(mailbox, &failure);
}

/* ---- the token ---- */

static void on_token(void *owner, uint64_t ticket, const struct oauth_result *result)
{
	struct mailbox *mailbox = mailboxes_find(owner, ticket);

	if (mailbox == NULL || mailbox->state != MAILBOX_TOKEN)
		return;
	if (result->token == NULL) {
		mailbox_take_trouble(mailbox, result->trouble);
		return;
	}
	mailbox->credential = secret_new(secret_borrow(result->token));
	if (mailbox->credential == NULL) {
		mailbox_fail_words(mailbox, "No memory", NULL);
		return;
	}
	if (result->fetched)
		mailbox->token_fetched = true;
	mailbox_dial(mailbox);
}

void mailbox_fetch_token(struct mailbox *mailbox, enum oauth_need need)
{
	struct oauth_client client = mailbox_client(mailbox);

	if (!oauth_get(mailbox->all->oauth, &client, need, on_token, mailbox->all, mailbox->ticket))
		mailbox_fail_words(mailbox, "No memory", NULL);
}

void mailbox_token_accepted(struct mailbox *mailbox)
{
	struct oauth_client client = mailbox_client(mailbox);

	oauth_accepted(mailbox->all->oauth, &client);
}

static void mailbox_log_refusal(struct mailbox *mailbox, const struct failure *failure)
{
	struct log_line line;

	log_begin(&line, mailbox->all->log, CONF_LOG_INFO, "token-refused");
	log_session(&line, mailbox->session_id);
	log_text(&line, "user", mailbox->user);
	log_text(&line, "reason", failure->text);
	log_end(&line);
}

void mailbox_token_refused(struct mailbox *mailbox, const struct failure *failure)
{
	struct oauth_client client = mailbox_client(mailbox);
	struct oauth_status status;

	if (!mailbox->token_fetched) {
		/* It was revoked, or ended earlier than it was to. */
		mailbox_log_refusal(mailbox, failure);
		mailbox->token_fetched = true;
		mailbox_set_state(mailbox, MAILBOX_TOKEN);
		mailbox_fetch_token(mailbox, OAUTH_FRESH);
		return;
	}
	if (oauth_refused(mailbox->all->oauth, &client, failure->text) ==
	    OAUTH_ADMINISTRATOR_NEEDED) {
		oauth_describe(mailbox->all->oauth, &client, &status);
		if (status.trouble != NULL) {
			mailbox_take_trouble(mailbox, status.trouble);
			return;
		}
	}
	mailbox_fail(mailbox, failure);
}
