/* SPDX-License-Identifier: ISC */
/*
 * Jobs of the worker. What runs there touches its own job, the configuration that the job holds a
 * reference of, and the store, which does not change; everything else happens in `done`, on the
 * loop. They are done in the order they were given, so that what is written last is newest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/oauth/oauth_private.h"

/* ---- for rounds ---- */

static struct token_owner round_owner(const struct round *round)
{
	return (struct token_owner){ .host = round->account->imap.host, .user = round->mailbox };
}

static void round_submit(struct round *round, void (*work)(struct worker_job *),
			 void (*done)(struct worker_job *))
{
	round->job.work = work;
	round->job.done = done;
	worker_submit(round->oauth->worker, &round->job);
}

static void read_work(struct worker_job *job)
{
	struct round *round = (struct round *)job;
	struct token_owner owner = round_owner(round);

	round->status = token_store_load(&round->oauth->store, &owner, &round->record, round->error,
					 sizeof(round->error));
}

/* At the end oauth_free() frees all rounds. */
static void read_done(struct worker_job *job)
{
	struct round *round = (struct round *)job;

	if (!round->oauth->closing)
		on_round_read(round);
}

void disk_read(struct round *round)
{
	round_submit(round, read_work, read_done);
}

static void prove_work(struct worker_job *job)
{
	struct round *round = (struct round *)job;

	round->proven = oauth_proof(&round->account->oauth, &round->client_secret,
				    &round->client_assertion, round->error, sizeof(round->error));
}

static void prove_done(struct worker_job *job)
{
	struct round *round = (struct round *)job;

	if (!round->oauth->closing)
		on_round_proven(round);
}

void disk_prove(struct round *round)
{
	round_submit(round, prove_work, prove_done);
}

static void save_work(struct worker_job *job)
{
	struct round *round = (struct round *)job;
	struct token_owner owner = round_owner(round);

	round->status = token_store_save(&round->oauth->store, &owner, &round->record, round->error,
					 sizeof(round->error));
}

static void save_done(struct worker_job *job)
{
	struct round *round = (struct round *)job;

	if (!round->oauth->closing)
		on_round_saved(round);
}

void disk_save(struct round *round)
{
	round_submit(round, save_work, save_done);
}

/* ---- errands ---- */

struct errand {
	struct worker_job job; /* first */
	struct oauth *oauth;
	struct grant *grant; /* stays while it counts this */
	enum disk_errand kind;
	char *host; /* owned, as the next */
	char *mailbox;
	struct token_record record;
	uint64_t access_until_ms;
	oauth_stored_fn *fn; /* or NULL */
	void *owner;
	uint64_t ticket;
	enum token_store_status status;
	char error[300];
};

static void errand_free(struct errand *errand)
{
	token_record_deinit(&errand->record);
	free(errand->host);
	free(errand->mailbox);
	free(errand);
}

static void errand_work(struct worker_job *job)
{
	struct errand *errand = (struct errand *)job;
	const struct token_store *store = &errand->oauth->store;
	struct token_owner owner = { .host = errand->host, .user = errand->mailbox };

	switch (errand->kind) {
	case DISK_SIGN_IN:
	case DISK_SAVE_AGAIN:
		errand->status = token_store_save(store, &owner, &errand->record, errand->error,
						  sizeof(errand->error));
		break;
	case DISK_SIGN_OUT:
		errand->status =
			token_store_remove(store, &owner, errand->error, sizeof(errand->error));
		break;
	}
}

/* A person's sign-in counts as a round: those who wait want nothing newer. */
static enum grant_state errand_sign_in(struct errand *errand)
{
	struct grant *grant = errand->grant;

	if (!grant_install(grant, &errand->record, errand->access_until_ms))
		return GRANT_UNREAD;
	grant->rounds_over = ++grant->rounds_begun;
	grant->access_round = grant->rounds_over;
	return GRANT_VALID;
}

static enum grant_state errand_apply(struct errand *errand)
{
	struct grant *grant = errand->grant;

	grant->held = false;
	grant->failures = 0;
	if (errand->status != TOKEN_STORE_OK) {
		/* The file is read again: a round that was detached may have brought it a newer
		 * refresh token. */
		if (grant->unsaved)
			return GRANT_VALID;
		grant_forget_tokens(grant);
		return GRANT_UNREAD;
	}
	if (errand->kind == DISK_SIGN_IN)
		return errand_sign_in(errand);
	grant_forget_tokens(grant);
	if (grant->flow == CONF_FLOW_APP)
		return GRANT_VALID; /* It signs in by itself, with the next request. */
	oauth_trouble_never_signed_in(&grant->trouble);
	return GRANT_ABSENT;
}

static void errand_log(const struct errand *errand)
{
	struct log_line line;
	bool ok = errand->status == TOKEN_STORE_OK;
	const char *event = "token-saved";

	if (errand->kind == DISK_SIGN_IN)
		event = ok ? "signed-in" : "sign-in-not-saved";
	else if (errand->kind == DISK_SIGN_OUT)
		event = ok ? "signed-out" : "sign-out-failed";
	else if (!ok)
		return; /* It was said when it began. */
	log_begin(&line, errand->oauth->log, ok ? CONF_LOG_INFO : CONF_LOG_WARNING, event);
	log_text(&line, "account", errand->grant->name);
	if (ok && errand->kind == DISK_SIGN_IN)
		log_text(&line, "flow", errand->record.flow);
	if (!ok)
		log_text(&line, "reason", errand->error);
	log_end(&line);
}

static void errand_done(struct worker_job *job)
{
	struct errand *errand = (struct errand *)job;
	struct grant *grant = errand->grant;
	bool ok = errand->status == TOKEN_STORE_OK;

	if (errand->oauth->closing) {
		errand_free(errand);
		return;
	}
	errand_log(errand);
	if (errand->kind == DISK_SAVE_AGAIN) {
		grant->saving = false;
		/* What is newer would stand behind this in the queue. */
		if (ok)
			grant->unsaved = false;
	} else {
		enum grant_state state = errand_apply(errand);

		grant->storing--;
		grant_set_state(grant, grant->storing > 0 ? GRANT_STORING : state);
	}
	if (errand->fn != NULL)
		errand->fn(errand->owner, errand->ticket, ok ? NULL : errand->error);
	errand_free(errand);
	grant_settle(grant);
}

bool disk_submit(struct grant *grant, enum disk_errand kind, struct token_record *record,
		 uint64_t access_until_ms, oauth_stored_fn *fn, void *owner, uint64_t ticket)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (errand == NULL)
		return false;
	errand->host = strdup(grant->account->imap.host);
	errand->mailbox = strdup(grant->mailbox);
	if (errand->host == NULL || errand->mailbox == NULL) {
		errand_free(errand);
		return false;
	}
	errand->job.work = errand_work;
	errand->job.done = errand_done;
	errand->oauth = grant->oauth;
	errand->grant = grant;
	errand->kind = kind;
	if (record != NULL) {
		errand->record = *record;
		*record = (struct token_record){ 0 };
	}
	errand->access_until_ms = access_until_ms;
	errand->fn = fn;
	errand->owner = owner;
	errand->ticket = ticket;
	if (kind == DISK_SAVE_AGAIN) {
		grant->saving = true;
	} else {
		/* What is under way belongs to the sign-in that ends here. */
		round_detach(grant);
		grant->storing++;
		grant_set_state(grant, GRANT_STORING);
	}
	worker_submit(errand->oauth->worker, &errand->job);
	return true;
}

/* ---- what there is ---- */

struct found {
	struct found *next;
	char *host; /* owned, as the next */
	char *user;
};

struct listing {
	struct worker_job job; /* first */
	struct oauth *oauth;
	struct found *found; /* owned */
	char error[300];     /* "": none */
};

static void found_free(struct found *found)
{
	free(found->host);
	free(found->user);
	free(found);
}

static void listing_add(void *argument, const struct token_owner *owner,
			const struct token_record *record)
{
	struct listing *listing = argument;
	struct found *found = calloc(1, sizeof(*found));

	(void)record;
	if (found == NULL)
		return;
	found->host = strdup(owner->host);
	found->user = strdup(owner->user);
	if (found->host == NULL || found->user == NULL) {
		found_free(found);
		return;
	}
	found->next = listing->found;
	listing->found = found;
}

static void listing_work(struct worker_job *job)
{
	struct listing *listing = (struct listing *)job;

	if (token_store_each(&listing->oauth->store, listing_add, listing, listing->error,
			     sizeof(listing->error)))
		listing->error[0] = '\0';
}

static void listing_done(struct worker_job *job)
{
	struct listing *listing = (struct listing *)job;
	struct oauth *oauth = listing->oauth;

	oauth->listing = false;
	if (listing->error[0] != '\0' && !oauth->closing)
		log_event(oauth->log, CONF_LOG_WARNING, "tokens-unreadable", "reason",
			  listing->error);
	while (listing->found != NULL) {
		struct found *found = listing->found;
		struct token_owner owner = { .host = found->host, .user = found->user };

		listing->found = found->next;
		if (!oauth->closing)
			on_disk_found(oauth, &owner);
		found_free(found);
	}
	free(listing);
}

void disk_list(struct oauth *oauth)
{
	/* What it finds is held against the newest configuration: one serves many reloads, and
	 * saving does not wait behind all of them. */
	struct listing *listing = oauth->listing ? NULL : calloc(1, sizeof(*listing));

	if (listing == NULL)
		return;
	oauth->listing = true;
	listing->job.work = listing_work;
	listing->job.done = listing_done;
	listing->oauth = oauth;
	worker_submit(oauth->worker, &listing->job);
}
