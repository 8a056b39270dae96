/* SPDX-License-Identifier: ISC */
/*
 * oauth_policy: what the token service decides, and when. Pure: time and chance are arguments.
 *
 * Two clocks are told apart. CLOCK_BOOTTIME measures how long ago something was, and goes on while
 * the machine sleeps; every deadline is on it. The wall clock is right only if somebody set it, and
 * serves where a restart lies between: for what stands on disk.
 */
#ifndef DAEMON_OAUTH_OAUTH_POLICY_H
#define DAEMON_OAUTH_OAUTH_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "daemon/oauth/oauth.h"

enum {
	OAUTH_BACKOFF_MAX_MS = 300 * 1000,
	OAUTH_RETRY_AFTER_MAX_S = 600,
	/* A hold is tried again after so long. */
	OAUTH_HOLD_S = 3600,
	/* The clock was set when it moved so far against the time that went by. */
	OAUTH_CLOCK_SET_S = 120,
	/* No access token is believed to last longer: 28 hours is the most that Microsoft gives. */
	OAUTH_LIFETIME_MAX_S = 28 * 3600,
	/* A sign-in that was not refreshed for so long is, in the background: Microsoft forgets it
	 * after 90 days. */
	OAUTH_IDLE_S = 30 * 24 * 3600,
	/* Idle sign-ins of one day are spread over so long. */
	OAUTH_IDLE_SPREAD_S = 24 * 3600,
	/* Refusals of fresh tokens that make a hold, over at least so long. */
	OAUTH_REFUSALS = 3,
	OAUTH_REFUSALS_S = 300,
};

struct oauth_time {
	uint64_t ms; /* CLOCK_BOOTTIME */
	time_t wall;
};

/* ---- the states of a grant ---- */

#define GRANT_STATES(X) \
	X(UNREAD)       \
	X(READING)      \
	X(ABSENT)       \
	X(VALID)        \
	X(REFRESHING)   \
	X(WAITING)      \
	X(HELD)         \
	X(STORING)

/*
 * UNREAD      its file has not been looked at, or has to be again
 * READING     that is being done
 * ABSENT      nobody has signed in
 * VALID       there is something to get tokens by, and perhaps a token
 * REFRESHING  a token is being fetched
 * WAITING     temporary trouble, until its time has come
 * HELD        somebody is needed
 * STORING     a person's signing in or out is being written
 */
enum grant_state {
#define X(name) GRANT_##name,
	GRANT_STATES(X)
#undef X
};

/* Whether the one may follow the other. */
bool grant_may_move(enum grant_state from, enum grant_state to);

/* ---- what somebody who asks gets ---- */

struct oauth_question {
	enum grant_state state;
	enum oauth_need need;
	uint64_t left_ms; /* how long the access token lasts; 0: there is none */
	bool fetched;     /* it came by a request that counts as made for this question */
	bool tried;       /* such a request is over */
	bool due;         /* WAITING, HELD: the time has come to try again */
};

enum oauth_course {
	OAUTH_GIVE,    /* the token */
	OAUTH_DENY,    /* the trouble */
	OAUTH_WAIT,    /* what is under way will tell */
	OAUTH_ATTEMPT, /* read the file, or make a request */
};

enum oauth_course oauth_choose(const struct oauth_question *question);

/* ---- times ---- */

/* How long to wait after so many failures in a row (1 for the first): 1 s, doubling up to 5 min,
 * spread by `chance` (any number); never shorter than Retry-After, which is believed up to 10
 * minutes. */
uint64_t oauth_backoff_ms(unsigned failures, uint64_t retry_after_s, uint32_t chance);

/* Milliseconds that a token which was just granted for `expires_in` seconds lasts. */
uint64_t oauth_lifetime_ms(uint64_t expires_in);
/* The same of a token from disk. 0, which costs one request, where the wall clock must have jumped:
 * then nobody knows. */
uint64_t oauth_left_on_disk_ms(time_t now, time_t refreshed, time_t expires);

/* Whether a sign-in has to be refreshed to stay alive. `chance`: the same number each time for the
 * same sign-in. A clock that was never set makes nothing idle. */
bool oauth_is_idle(time_t now, time_t refreshed, uint32_t chance);

/* Whether somebody set the clock meanwhile. That mends what a wrong clock broke: certificates that
 * are not valid yet, assertions from the past. */
bool oauth_clock_was_set(const struct oauth_time *since, const struct oauth_time *now);

/* ---- fresh tokens that the mail server refuses ---- */

/* All zero: none. */
struct oauth_refusals {
	unsigned count;
	uint64_t first_ms;
	bool held;
	struct oauth_time held_since;
};
/* One more. True: they make a hold, which begins (again) now. */
bool oauth_refusals_add(struct oauth_refusals *refusals, const struct oauth_time *now);
/* Whether they forbid a try. */
bool oauth_refusals_hold(const struct oauth_refusals *refusals, const struct oauth_time *now);

#endif
