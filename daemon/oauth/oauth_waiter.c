/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "daemon/oauth/oauth_private.h"

static enum oauth_course waiter_choose(const struct grant *grant, struct waiter *waiter,
				       const struct oauth_time *now)
{
	struct oauth_question question = {
		.state = grant->state,
		.need = waiter->need,
		.left_ms = grant_left_ms(grant, now),
		.fetched = oauth_sealed_is_set(&grant->access) &&
			   grant->access_round >= waiter->first_round,
		.tried = grant->rounds_over >= waiter->first_round,
		.due = grant_is_due(grant, now),
	};

	waiter->fetched = question.fetched;
	if (grant_is_foreign(grant) && grant->round == NULL && grant->storing == 0)
		return OAUTH_DENY;
	return oauth_choose(&question);
}

/* Moves those who can be answered to the end of `answered`. Returns whether anybody needs an
 * attempt. */
static bool grant_sort(struct grant *grant, struct waiter **answered)
{
	struct oauth_time now = oauth_time_now();
	struct waiter **place = &grant->waiters;
	bool attempt = false;

	while (*answered != NULL)
		answered = &(*answered)->next;
	while (*place != NULL) {
		struct waiter *waiter = *place;
		enum oauth_course course = waiter_choose(grant, waiter, &now);

		if (course == OAUTH_GIVE || course == OAUTH_DENY) {
			*place = waiter->next;
			waiter->next = NULL;
			waiter->give = course == OAUTH_GIVE;
			*answered = waiter;
			answered = &waiter->next;
		} else {
			attempt |= course == OAUTH_ATTEMPT;
			place = &waiter->next;
		}
	}
	grant->waiters_end = place;
	return attempt;
}

static void waiter_answer(const struct waiter *waiter, const struct secret *token,
			  const struct oauth_trouble *trouble)
{
	struct oauth_result result = { 0 };

	if (waiter->give && token != NULL) {
		result.token = token;
		result.fetched = waiter->fetched;
	} else {
		result.trouble = trouble;
	}
	waiter->fn(waiter->owner, waiter->ticket, &result);
}

/* Whoever is called may ask again at once, sign out, anything: what they are told is a copy. */
static void grant_answer(struct grant *grant, struct waiter *answered)
{
	struct oauth_trouble trouble = grant->trouble;
	struct secret *token = NULL;
	bool give = false;

	for (const struct waiter *waiter = answered; waiter != NULL; waiter = waiter->next)
		give |= waiter->give;
	if (give)
		token = oauth_sealed_open(&grant->access, grant->oauth->key);
	if (give && token == NULL)
		oauth_trouble_no_memory(&trouble);
	else if (grant_is_foreign(grant))
		oauth_trouble_other_application(&trouble);
	while (answered != NULL) {
		struct waiter *waiter = answered;

		answered = waiter->next;
		waiter_answer(waiter, token, &trouble);
		free(waiter);
	}
	secret_free(&token);
}

void grant_settle(struct grant *grant)
{
	struct waiter *answered = NULL;

	/* An attempt that cannot even begin is a failed one, and the next sorting answers those who
	 * needed it. */
	while (grant_sort(grant, &answered) && !round_begin(grant))
		;
	if (answered != NULL)
		grant_answer(grant, answered);
	grant_leave(grant);
}

bool grant_ask(struct grant *grant, enum oauth_need need, oauth_fn *fn, void *owner,
	       uint64_t ticket)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	struct oauth_time now = oauth_time_now();

	if (waiter == NULL)
		return false;
	*waiter = (struct waiter){ .need = need, .fn = fn, .owner = owner, .ticket = ticket };
	/* A refresh that began before does for everybody, but for who saw its result refused or
	 * has mended something since. */
	waiter->first_round = grant->rounds_begun + 1;
	if (need == OAUTH_ANY && grant->round != NULL)
		waiter->first_round = grant->round->number;
	*grant->waiters_end = waiter;
	grant->waiters_end = &waiter->next;
	/* What is under way will settle it for all of them. */
	if (waiter_choose(grant, waiter, &now) != OAUTH_WAIT)
		grant_settle(grant);
	return true;
}
