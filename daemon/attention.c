/* SPDX-License-Identifier: ISC */
#include "daemon/attention.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/hook.h"

struct attention {
	struct loop *loop;   /* borrowed */
	struct log *log;     /* borrowed */
	struct store *store; /* borrowed */
	struct hook *hook;   /* owned */
	char *program;       /* owned; NULL: none */
	/* owned: tsearch(3), struct store_incident: for each mailbox, what keeps it closed, and
	 * what is forecast */
	void *incidents;
};

const char *attention_reason_name(enum attention_reason reason)
{
	switch (reason) {
	case ATTENTION_SIGN_IN_NEEDED:
		return "sign-in-needed";
	case ATTENTION_ADMINISTRATOR_NEEDED:
		return "administrator-needed";
	case ATTENTION_CREDENTIAL_EXPIRING:
		return "credential-expiring";
	}
	return "";
}

/* ---- the table ---- */

static bool is_forecast(const struct store_incident *incident)
{
	return incident->reason == ATTENTION_CREDENTIAL_EXPIRING;
}

static int incident_compare(const void *left, const void *right)
{
	const struct store_incident *a = left;
	const struct store_incident *b = right;
	int order = strcmp(a->mailbox.host, b->mailbox.host);

	if (order == 0)
		order = strcmp(a->mailbox.user, b->mailbox.user);
	if (order == 0)
		order = strcmp(a->mailbox.folder, b->mailbox.folder);
	return order != 0 ? order : is_forecast(a) - is_forecast(b);
}

/* Where the incident of a mailbox stands, or NULL. */
static struct store_incident **attention_slot(const struct attention *attention,
					      const struct store_mailbox *mailbox, bool forecast)
{
	struct store_incident wanted = {
		.mailbox = *mailbox,
		.reason = forecast ? ATTENTION_CREDENTIAL_EXPIRING : ATTENTION_SIGN_IN_NEEDED,
	};

	return tfind(&wanted, &attention->incidents, incident_compare);
}

/* Takes ownership of `incident`, which replaces another of its kind. */
static void attention_keep(struct attention *attention, struct store_incident *incident)
{
	struct store_incident **slot = tsearch(incident, &attention->incidents, incident_compare);

	if (slot == NULL) {
		free(incident);
	} else if (*slot != incident) {
		/* The place in the order is the same. */
		free(*slot);
		*slot = incident;
	}
}

/* ---- the store ---- */

static void on_written(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct attention *attention = owner;

	(void)ticket;
	if (!answer->ok)
		log_event(attention->log, CONF_LOG_WARNING, "store-failed", "reason",
			  answer->error);
}

static void attention_write(struct attention *attention, const struct store_incident *incident)
{
	if (!store_put_incident(attention->store, incident, on_written, attention, 0))
		log_event(attention->log, CONF_LOG_WARNING, "store-failed", "reason", "no memory");
}

static void attention_erase(struct attention *attention, const struct store_mailbox *mailbox,
			    unsigned reason)
{
	if (!store_remove_incident(attention->store, mailbox, reason, on_written, attention, 0))
		log_event(attention->log, CONF_LOG_WARNING, "store-failed", "reason", "no memory");
}

static bool attention_read(struct attention *attention, char *error_r, size_t error_size)
{
	struct store_incident **incidents;
	size_t count;

	if (!store_read_incidents(attention->store, &incidents, &count, error_r, error_size))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (incidents[i]->reason > ATTENTION_CREDENTIAL_EXPIRING) {
			/* Of a newer release. */
			free(incidents[i]);
			continue;
		}
		struct store_incident **slot = attention_slot(attention, &incidents[i]->mailbox,
							      is_forecast(incidents[i]));
		/* Two that keep one mailbox closed: the first was being replaced. */
		if (slot != NULL && (*slot)->began > incidents[i]->began)
			free(incidents[i]);
		else
			attention_keep(attention, incidents[i]);
	}
	free(incidents);
	return true;
}

/* ---- life ---- */

struct attention *attention_new(struct loop *loop, struct log *log, struct store *store,
				char *error_r, size_t error_size)
{
	struct attention *attention = calloc(1, sizeof(*attention));

	snprintf(error_r, error_size, "no memory");
	if (attention == NULL)
		return NULL;
	attention->loop = loop;
	attention->log = log;
	attention->store = store;
	attention->hook = hook_new(loop, log);
	if (attention->hook == NULL || !attention_read(attention, error_r, error_size))
		attention_free(&attention);
	return attention;
}

void attention_free(struct attention **freed)
{
	struct attention *attention = *freed;

	*freed = NULL;
	if (attention == NULL)
		return;
	hook_free(&attention->hook);
	tdestroy(attention->incidents, free);
	free(attention->program);
	free(attention);
}

void attention_set_program(struct attention *attention, const char *on_attention)
{
	free(attention->program);
	attention->program = on_attention != NULL ? strdup(on_attention) : NULL;
	if (on_attention != NULL && attention->program == NULL)
		log_event(attention->log, CONF_LOG_WARNING, "on-attention", "result", "no memory");
}

/* ---- beginning ---- */

static uint32_t make_id(void)
{
	uint32_t id;

	/* Without randomness yet (at boot) the clock is good enough: it has to be another one than
	 * the last. */
	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != (ssize_t)sizeof(id))
		id = (uint32_t)loop_now_ms();
	return id;
}

static void attention_tell(struct attention *attention, const struct attention_report *report)
{
	struct log_line line;

	log_begin(&line, attention->log, CONF_LOG_WARNING, "attention");
	log_text(&line, "account", report->account);
	log_text(&line, "reason", attention_reason_name(report->reason));
	log_text(&line, "detail", report->detail);
	if (report->remedy != NULL)
		log_text(&line, "remedy", report->remedy);
	log_end(&line);
	if (attention->program == NULL)
		return;
	hook_run(attention->hook,
		 &(struct hook_run){ .program = attention->program,
				     .account = report->account,
				     .reason = attention_reason_name(report->reason),
				     .detail = report->detail });
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

void attention_raise(struct attention *attention, const struct attention_report *report)
{
	struct store_incident next = {
		.mailbox = report->mailbox,
		.reason = report->reason,
		.id = make_id(),
		.began = time(NULL),
		.account = report->account,
		.detail = report->detail,
		.remedy = report->remedy,
	};
	struct store_incident **slot =
		attention_slot(attention, &report->mailbox, is_forecast(&next));
	unsigned before = slot != NULL ? (*slot)->reason : next.reason;

	if (slot != NULL && before == next.reason) {
		const struct store_incident *lasting = *slot;

		if (same_text(lasting->detail, next.detail) &&
		    same_text(lasting->remedy, next.remedy))
			return;
		next.id = lasting->id;
		next.began = lasting->began;
		next.account = lasting->account;
		next.dismissed = lasting->dismissed;
	} else {
		attention_tell(attention, report);
	}
	struct store_incident *copy = store_incident_copy(&next);
	if (copy == NULL) {
		log_event(attention->log, CONF_LOG_WARNING, "store-failed", "reason", "no memory");
		return;
	}
	attention_write(attention, copy);
	if (before != next.reason)
		attention_erase(attention, &copy->mailbox, before);
	attention_keep(attention, copy);
}

/* ---- ending ---- */

static void attention_end(struct attention *attention, const struct store_mailbox *mailbox,
			  bool forecast)
{
	struct store_incident **slot = attention_slot(attention, mailbox, forecast);
	struct log_line line;

	if (slot == NULL)
		return;
	struct store_incident *incident = *slot;
	log_begin(&line, attention->log, CONF_LOG_INFO, "attention-over");
	log_text(&line, "account", incident->account);
	log_text(&line, "reason", attention_reason_name((enum attention_reason)incident->reason));
	log_end(&line);
	attention_erase(attention, mailbox, incident->reason);
	tdelete(incident, &attention->incidents, incident_compare);
	free(incident);
}

void attention_clear(struct attention *attention, const struct store_mailbox *mailbox)
{
	attention_end(attention, mailbox, false);
}

void attention_clear_forecast(struct attention *attention, const struct store_mailbox *mailbox)
{
	attention_end(attention, mailbox, true);
}

/* ---- questions ---- */

static void make_unique_id(const struct store_incident *incident,
			   char text_r[ATTENTION_UNIQUE_ID_LEN + 1])
{
	snprintf(text_r, ATTENTION_UNIQUE_ID_LEN + 1, "packetboat-%08x", (unsigned)incident->id);
}

bool attention_find(const struct attention *attention, const struct store_mailbox *mailbox,
		    struct attention_incident *incident_r)
{
	struct store_incident **slot = attention_slot(attention, mailbox, false);

	if (slot == NULL)
		return false;
	*incident_r = (struct attention_incident){
		.reason = (enum attention_reason)(*slot)->reason,
		.began = (time_t)(*slot)->began,
		.account = (*slot)->account,
		.detail = (*slot)->detail,
		.remedy = (*slot)->remedy,
		.dismissed = (*slot)->dismissed,
	};
	make_unique_id(*slot, incident_r->unique_id);
	return true;
}

/* ---- its message was deleted ---- */

struct dismissal {
	struct attention *attention;
	struct store_incident *incident; /* owned: as it is written */
	store_fn *fn;
	void *owner;
	uint64_t ticket;
};

static void dismissal_free(struct dismissal *dismissal)
{
	free(dismissal->incident);
	free(dismissal);
}

static void on_dismissed(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct dismissal *dismissal = owner;
	struct store_incident **slot =
		attention_slot(dismissal->attention, &dismissal->incident->mailbox, false);

	(void)ticket;
	/* It may be over by now, and perhaps another began. */
	if (answer->ok && slot != NULL && (*slot)->id == dismissal->incident->id) {
		(*slot)->dismissed = true;
		/* News that came meanwhile were written behind the dismissal, and without it. */
		if (!same_text((*slot)->detail, dismissal->incident->detail) ||
		    !same_text((*slot)->remedy, dismissal->incident->remedy))
			attention_write(dismissal->attention, *slot);
	}
	dismissal->fn(dismissal->owner, dismissal->ticket, answer);
	dismissal_free(dismissal);
}

bool attention_dismiss(struct attention *attention, const struct store_mailbox *mailbox,
		       const char *unique_id, store_fn *fn, void *owner, uint64_t ticket)
{
	struct store_incident **slot = attention_slot(attention, mailbox, false);
	struct store_answer nothing_to_do = { .ok = true };
	char current[ATTENTION_UNIQUE_ID_LEN + 1];

	if (slot != NULL)
		make_unique_id(*slot, current);
	if (slot == NULL || strcmp(current, unique_id) != 0) {
		fn(owner, ticket, &nothing_to_do);
		return true;
	}
	struct dismissal *dismissal = malloc(sizeof(*dismissal));
	if (dismissal == NULL)
		return false;
	*dismissal = (struct dismissal){ .attention = attention,
					 .incident = store_incident_copy(*slot),
					 .fn = fn,
					 .owner = owner,
					 .ticket = ticket };
	if (dismissal->incident != NULL) {
		dismissal->incident->dismissed = true;
		if (store_put_incident(attention->store, dismissal->incident, on_dismissed,
				       dismissal, 0))
			return true;
	}
	dismissal_free(dismissal);
	return false;
}
