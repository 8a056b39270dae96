/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/oauth_policy.h"

#include <stddef.h>

enum {
	/* The first wait is between 1 s and this; each that follows up to twice the last. */
	BACKOFF_FIRST_MS = 1250,
	/* In September of 2020: a clock that is behind it was never set. */
	CLOCK_PLAUSIBLE = 1600000000,
};

#define MOVE(state) (1U << GRANT_##state)

/* A person may sign in or out at any time: hence STORING. */
bool grant_may_move(enum grant_state from, enum grant_state to)
{
	static const unsigned moves[] = {
		[GRANT_UNREAD] = MOVE(READING) | MOVE(WAITING) | MOVE(STORING),
		[GRANT_READING] =
			MOVE(ABSENT) | MOVE(VALID) | MOVE(WAITING) | MOVE(HELD) | MOVE(STORING),
		[GRANT_ABSENT] = MOVE(UNREAD) | MOVE(STORING),
		[GRANT_VALID] = MOVE(REFRESHING) | MOVE(WAITING) | MOVE(STORING),
		[GRANT_REFRESHING] = MOVE(VALID) | MOVE(WAITING) | MOVE(HELD) | MOVE(STORING),
		[GRANT_WAITING] = MOVE(READING) | MOVE(REFRESHING) | MOVE(WAITING) | MOVE(STORING),
		[GRANT_HELD] = MOVE(HELD) | MOVE(UNREAD) | MOVE(READING) | MOVE(VALID) |
			       MOVE(REFRESHING) | MOVE(WAITING) | MOVE(STORING),
		[GRANT_STORING] = MOVE(UNREAD) | MOVE(ABSENT) | MOVE(VALID) | MOVE(STORING),
	};

	return (moves[from] & 1U << to) != 0;
}

static bool is_enough(const struct oauth_question *question)
{
	return question->need != OAUTH_FRESH &&
	       question->left_ms >= (uint64_t)OAUTH_MARGIN_S * 1000;
}

static enum oauth_course choose_waiting(const struct oauth_question *question)
{
	if (is_enough(question))
		return OAUTH_GIVE;
	if (question->due && !question->tried)
		return OAUTH_ATTEMPT;
	/* A token that still works goes on being used. */
	return question->need != OAUTH_FRESH && question->left_ms > 0 ? OAUTH_GIVE : OAUTH_DENY;
}

enum oauth_course oauth_choose(const struct oauth_question *question)
{
	if (question->fetched && question->state != GRANT_STORING)
		return OAUTH_GIVE;
	switch (question->state) {
	case GRANT_UNREAD:
		return OAUTH_ATTEMPT;
	case GRANT_READING:
	case GRANT_STORING:
		return OAUTH_WAIT;
	case GRANT_ABSENT:
		return OAUTH_DENY;
	case GRANT_VALID:
		return is_enough(question) ? OAUTH_GIVE : OAUTH_ATTEMPT;
	case GRANT_REFRESHING:
		/* Somebody else wants a fresh one. */
		return is_enough(question) ? OAUTH_GIVE : OAUTH_WAIT;
	case GRANT_WAITING:
		return choose_waiting(question);
	case GRANT_HELD:
		return (question->due || question->need == OAUTH_TRY) && !question->tried
			       ? OAUTH_ATTEMPT
			       : OAUTH_DENY;
	}
	return OAUTH_DENY;
}

uint64_t oauth_backoff_ms(unsigned failures, uint64_t retry_after_s, uint32_t chance)
{
	uint64_t wait = BACKOFF_FIRST_MS;

	for (unsigned i = 1; i < failures && wait < OAUTH_BACKOFF_MAX_MS; i++)
		wait *= 2;
	if (wait > OAUTH_BACKOFF_MAX_MS)
		wait = OAUTH_BACKOFF_MAX_MS;
	/* Down to four fifths, so that those who failed together do not come back together. */
	wait -= wait / 5 * (chance % 1024) / 1024;
	if (retry_after_s > OAUTH_RETRY_AFTER_MAX_S)
		retry_after_s = OAUTH_RETRY_AFTER_MAX_S;
	uint64_t asked = retry_after_s * 1000;
	/* Not before, and not all in that same second. */
	asked += asked / 20 * (chance % 1024) / 1024;
	if (asked > (uint64_t)OAUTH_RETRY_AFTER_MAX_S * 1000)
		asked = (uint64_t)OAUTH_RETRY_AFTER_MAX_S * 1000;
	return wait > asked ? wait : asked;
}

uint64_t oauth_lifetime_ms(uint64_t expires_in)
{
	return (expires_in < OAUTH_LIFETIME_MAX_S ? expires_in : OAUTH_LIFETIME_MAX_S) * 1000;
}

uint64_t oauth_left_on_disk_ms(time_t now, time_t refreshed, time_t expires)
{
	if (refreshed <= 0 || now < refreshed || expires <= now)
		return 0;
	return oauth_lifetime_ms((uint64_t)(expires - now));
}

bool oauth_is_idle(time_t now, time_t refreshed, uint32_t chance)
{
	if (now < CLOCK_PLAUSIBLE)
		return false;
	/* From the future: written under a wrong clock. It is as good as unknown. */
	if (refreshed > now + OAUTH_IDLE_SPREAD_S)
		return true;
	return now - refreshed >= OAUTH_IDLE_S + (time_t)(chance % OAUTH_IDLE_SPREAD_S);
}

bool oauth_clock_was_set(const struct oauth_time *since, const struct oauth_time *now)
{
	int64_t passed = (int64_t)(now->ms - since->ms) / 1000;
	int64_t moved = (int64_t)(now->wall - since->wall) - passed;

	return moved >= OAUTH_CLOCK_SET_S || moved <= -OAUTH_CLOCK_SET_S;
}

bool oauth_refusals_add(struct oauth_refusals *refusals, const struct oauth_time *now)
{
	if (refusals->count == 0)
		refusals->first_ms = now->ms;
	if (refusals->count < OAUTH_REFUSALS)
		refusals->count++;
	if (refusals->count == OAUTH_REFUSALS &&
	    now->ms - refusals->first_ms >= (uint64_t)OAUTH_REFUSALS_S * 1000) {
		refusals->held = true;
		refusals->held_since = *now;
	}
	return refusals->held;
}

bool oauth_refusals_hold(const struct oauth_refusals *refusals, const struct oauth_time *now)
{
	return refusals->held &&
	       now->ms - refusals->held_since.ms < (uint64_t)OAUTH_HOLD_S * 1000 &&
	       !oauth_clock_was_set(&refusals->held_since, now);
}
