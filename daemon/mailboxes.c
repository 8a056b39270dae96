/* SPDX-License-Identifier: ISC */
#include <search.h>

#include "daemon/mailbox_private.h"
#include "daemon/session.h"

/* ---- the table ---- */

void mailboxes_init(struct mailboxes *mailboxes, struct loop *loop, struct resolver *resolver,
		    struct log *log, struct store *store)
{
	*mailboxes = (struct mailboxes){
		.loop = loop, .resolver = resolver, .log = log, .store = store
	};
}

size_t mailboxes_busy(const struct mailboxes *mailboxes)
{
	size_t count = 0;

	for (const struct mailbox *mailbox = mailboxes->first; mailbox != NULL;
	     mailbox = mailbox->next)
		count += mailbox->state == MAILBOX_UPDATING || mailbox->state == MAILBOX_CLOSING ||
			 (mailbox->state == MAILBOX_RETRIEVING && mailbox->session == NULL);
	return count;
}

struct mailbox *mailboxes_find(const struct mailboxes *mailboxes, uint64_t ticket)
{
	return ticket_find(&mailboxes->tickets, ticket);
}

static int key_compare(const void *a, const void *b)
{
	return strcmp(((const struct mailbox *)a)->key, ((const struct mailbox *)b)->key);
}

struct mailbox *mailboxes_holder(const struct mailboxes *mailboxes, const char *key)
{
	struct mailbox wanted = { .key = (char *)key };
	struct mailbox **found = tfind(&wanted, &mailboxes->locked, key_compare);

	return found != NULL ? *found : NULL;
}

static bool mailbox_lock(struct mailbox *mailbox)
{
	struct mailbox **found = tsearch(mailbox, &mailbox->all->locked, key_compare);

	mailbox->locked = found != NULL && *found == mailbox;
	return mailbox->locked;
}

void mailbox_unlock(struct mailbox *mailbox)
{
	if (!mailbox->locked)
		return;
	tdelete(mailbox, &mailbox->all->locked, key_compare);
	mailbox->locked = false;
}

bool mailboxes_add(struct mailboxes *mailboxes, struct mailbox *mailbox)
{
	if (!ticket_draw(&mailboxes->tickets, mailbox, &mailbox->ticket))
		return false;
	mailbox->next = mailboxes->first;
	if (mailbox->next != NULL)
		mailbox->next->previous = mailbox;
	mailboxes->first = mailbox;
	return true;
}

void mailboxes_remove(struct mailboxes *mailboxes, struct mailbox *mailbox)
{
	ticket_return(&mailboxes->tickets, mailbox->ticket);
	if (mailbox->previous != NULL)
		mailbox->previous->next = mailbox->next;
	else
		mailboxes->first = mailbox->next;
	if (mailbox->next != NULL)
		mailbox->next->previous = mailbox->previous;
}

void mailboxes_deinit(struct mailboxes *mailboxes)
{
	while (mailboxes->first != NULL)
		mailbox_die(mailboxes->first);
	mailbox_memories_deinit(&mailboxes->memories);
}

/* Guesses go first, then what has waited longest. */
static bool goes_before(const struct mailbox *a, const struct mailbox *b)
{
	if (a->proven != b->proven)
		return !a->proven;
	return a->unattended_since_ms < b->unattended_since_ms;
}

void mailboxes_limit_unattended(struct mailboxes *mailboxes)
{
	struct mailbox *oldest = NULL;
	size_t count = 0;

	for (struct mailbox *mailbox = mailboxes->first; mailbox != NULL; mailbox = mailbox->next) {
		if (mailbox->session != NULL || mailbox->state > MAILBOX_OPEN)
			continue;
		count++;
		if (oldest == NULL || goes_before(mailbox, oldest))
			oldest = mailbox;
	}
	if (count > mailboxes->unattended_max)
		mailbox_die(oldest);
}

void mailboxes_stop(struct mailboxes *mailboxes)
{
	struct mailbox *next;

	for (struct mailbox *mailbox = mailboxes->first; mailbox != NULL; mailbox = next) {
		next = mailbox->next;
		if (mailbox->session == NULL && mailbox->state == MAILBOX_OPEN)
			mailbox_logout(mailbox);
		else if (mailbox->session == NULL && mailbox_is_opening(mailbox))
			mailbox_die(mailbox);
	}
}

/* ---- who may have it ---- */

enum admission {
	ADMISSION_FREE,     /* nobody has it */
	ADMISSION_ATTACHED, /* the session got the one that was opening or open */
	ADMISSION_REFUSED,  /* `failure_r` */
};

/* Whether a session that asked for `mailbox` may have `holder`, which is open or being opened and
 * which nobody attends, instead. It must be the same user by every letter, and the same settings.
 */
static bool mailbox_may_inherit(const struct mailbox *mailbox, const struct mailbox *holder)
{
	return mailbox->session != NULL && holder->account == mailbox->account &&
	       strcmp(holder->identity, mailbox->identity) == 0;
}

/* Somebody else holds the lock. */
static enum admission mailbox_contend(struct mailbox *mailbox, struct mailbox *holder,
				      const struct address *address, struct failure *failure_r)
{
	uint64_t patience = (uint64_t)holder->setup->conf->limits.takeover_after * 1000;

	if (holder->session == NULL && holder->state <= MAILBOX_OPEN) {
		if (!mailbox_may_inherit(mailbox, holder)) {
			mailbox_die(holder);
			return ADMISSION_FREE;
		}
		mailbox_attach(holder, mailbox->session);
		return ADMISSION_ATTACHED;
	}
	if (holder->session != NULL &&
	    (holder->state == MAILBOX_OPEN || holder->state == MAILBOX_RETRIEVING) &&
	    address_equal(session_address(holder->session), address) &&
	    session_is_silent(holder->session, patience)) {
		mailbox_unlock(holder);
		session_end(holder->session, POP3_CODE_IN_USE, "A newer session took over",
			    "taken-over");
		return ADMISSION_FREE;
	}
	failure_set(failure_r, FAILURE_IN_USE, "The maildrop is open in another session");
	return ADMISSION_REFUSED;
}

/* A right password: is there anything against opening the mailbox? */
static enum admission mailbox_admit(struct mailbox *mailbox, const struct address *address,
				    struct failure *failure_r)
{
	const struct conf_limits *limits = &mailbox->setup->conf->limits;
	struct mailbox *holder = mailboxes_holder(mailbox->all, mailbox->key);

	mailbox->memory = mailbox_memory_get(&mailbox->all->memories, mailbox->identity);
	if (mailbox->memory == NULL) {
		failure_set(failure_r, FAILURE_SYS_TEMP, "No memory");
		return ADMISSION_REFUSED;
	}
	if (!mailbox_memory_login(mailbox->memory, loop_now_ms(),
				  (unsigned)limits->logins_per_minute)) {
		failure_set(failure_r, FAILURE_LOGIN_DELAY, "Too many logins within a minute");
		return ADMISSION_REFUSED;
	}
	if (holder == NULL)
		return ADMISSION_FREE;
	return mailbox_contend(mailbox, holder, address, failure_r);
}

/* The password of this mailbox is right: take the lock, or bow out. False: bowed out. */
bool mailbox_prove(struct mailbox *mailbox, const struct address *address)
{
	struct failure failure;

	mailbox->proven = true;
	if (mailbox->session != NULL)
		session_proven(mailbox->session);
	switch (mailbox_admit(mailbox, address, &failure)) {
	case ADMISSION_FREE:
		if (mailbox_lock(mailbox))
			return true;
		failure_set(&failure, FAILURE_SYS_TEMP, "No memory");
		break;
	case ADMISSION_ATTACHED:
		mailbox->session = NULL;
		mailbox_logout(mailbox);
		return false;
	case ADMISSION_REFUSED:
		break;
	}
	mailbox_fail(mailbox, &failure);
	return false;
}
