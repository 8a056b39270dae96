/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/oauth_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

enum { STATES = GRANT_STORING + 1 };

static const char *const state_names[] = {
#define X(name) #name,
	GRANT_STATES(X)
#undef X
};

static void a_grant_moves_as_its_life_goes(void **state)
{
	static const struct {
		const char *row;
		enum grant_state from;
		enum grant_state to;
		bool may;
	} rows[] = {
		{ "the file is looked at", GRANT_UNREAD, GRANT_READING, true },
		{ "nobody signed in", GRANT_READING, GRANT_ABSENT, true },
		{ "a sign-in was read", GRANT_READING, GRANT_VALID, true },
		{ "the disk fails", GRANT_READING, GRANT_WAITING, true },
		{ "the file is refused", GRANT_READING, GRANT_HELD, true },
		{ "a refresh", GRANT_VALID, GRANT_REFRESHING, true },
		{ "and its success", GRANT_REFRESHING, GRANT_VALID, true },
		{ "temporary trouble", GRANT_REFRESHING, GRANT_WAITING, true },
		{ "lasting trouble", GRANT_REFRESHING, GRANT_HELD, true },
		{ "another try", GRANT_WAITING, GRANT_REFRESHING, true },
		{ "another try by the hour", GRANT_HELD, GRANT_REFRESHING, true },
		{ "a reload", GRANT_HELD, GRANT_VALID, true },
		{ "a reload after a refused file", GRANT_HELD, GRANT_UNREAD, true },
		{ "a sign-in that was written", GRANT_STORING, GRANT_VALID, true },
		{ "a sign-out that was written", GRANT_STORING, GRANT_ABSENT, true },
		{ "no request without a sign-in", GRANT_ABSENT, GRANT_REFRESHING, false },
		{ "no request before the file was read", GRANT_UNREAD, GRANT_REFRESHING, false },
		{ "no success that nobody asked for", GRANT_WAITING, GRANT_VALID, false },
		{ "no request while a sign-in is written", GRANT_STORING, GRANT_REFRESHING, false },
		{ "one request at a time", GRANT_REFRESHING, GRANT_REFRESHING, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (grant_may_move(rows[i].from, rows[i].to) != rows[i].may)
			fail_msg("%s: %s -> %s", rows[i].row, state_names[rows[i].from],
				 state_names[rows[i].to]);
	}
	/* A person may sign in or out at any time. */
	for (unsigned from = 0; from < STATES; from++)
		assert_true(grant_may_move((enum grant_state)from, GRANT_STORING));
}

enum { MINUTE = 60000 };

static void who_asks_gets_what_there_is(void **state)
{
	static const struct {
		const char *row;
		struct oauth_question question;
		enum oauth_course course;
	} rows[] = {
		{ "a token with time left",
		  { GRANT_VALID, OAUTH_ANY, 10 * MINUTE, false, false, false },
		  OAUTH_GIVE },
		{ "for the doctor as well",
		  { GRANT_VALID, OAUTH_TRY, 10 * MINUTE, false, false, false },
		  OAUTH_GIVE },
		{ "just under ten minutes",
		  { GRANT_VALID, OAUTH_ANY, 10 * MINUTE - 1, false, false, false },
		  OAUTH_ATTEMPT },
		{ "none", { GRANT_VALID, OAUTH_ANY, 0, false, true, false }, OAUTH_ATTEMPT },
		{ "the token was refused",
		  { GRANT_VALID, OAUTH_FRESH, 60 * MINUTE, false, true, false },
		  OAUTH_ATTEMPT },
		{ "a short one that was fetched for it",
		  { GRANT_VALID, OAUTH_ANY, MINUTE, true, true, false },
		  OAUTH_GIVE },
		{ "one that ends as it comes",
		  { GRANT_VALID, OAUTH_FRESH, 0, true, true, false },
		  OAUTH_GIVE },
		{ "not read yet",
		  { GRANT_UNREAD, OAUTH_ANY, 0, false, false, false },
		  OAUTH_ATTEMPT },
		{ "not read again yet",
		  { GRANT_UNREAD, OAUTH_TRY, 0, false, true, false },
		  OAUTH_ATTEMPT },
		{ "being read", { GRANT_READING, OAUTH_ANY, 0, false, false, false }, OAUTH_WAIT },
		{ "never signed in",
		  { GRANT_ABSENT, OAUTH_ANY, 0, false, false, true },
		  OAUTH_DENY },
		{ "nor for the doctor",
		  { GRANT_ABSENT, OAUTH_TRY, 0, false, false, true },
		  OAUTH_DENY },
		{ "being refreshed",
		  { GRANT_REFRESHING, OAUTH_ANY, MINUTE, false, false, false },
		  OAUTH_WAIT },
		{ "being refreshed for another",
		  { GRANT_REFRESHING, OAUTH_ANY, 10 * MINUTE, false, false, false },
		  OAUTH_GIVE },
		{ "being refreshed, and one more wanted",
		  { GRANT_REFRESHING, OAUTH_FRESH, 60 * MINUTE, false, false, false },
		  OAUTH_WAIT },
		{ "somebody signs in once more",
		  { GRANT_STORING, OAUTH_ANY, 60 * MINUTE, true, true, false },
		  OAUTH_WAIT },
		{ "somebody signs in",
		  { GRANT_STORING, OAUTH_ANY, 60 * MINUTE, false, false, false },
		  OAUTH_WAIT },
		{ "backing off, nothing left",
		  { GRANT_WAITING, OAUTH_ANY, 0, false, false, false },
		  OAUTH_DENY },
		{ "backing off, a second left",
		  { GRANT_WAITING, OAUTH_ANY, 1000, false, false, false },
		  OAUTH_GIVE },
		{ "backing off, a fresh one wanted",
		  { GRANT_WAITING, OAUTH_FRESH, 60 * MINUTE, false, false, true },
		  OAUTH_ATTEMPT },
		{ "the same before its time",
		  { GRANT_WAITING, OAUTH_FRESH, 60 * MINUTE, false, false, false },
		  OAUTH_DENY },
		{ "not even for the doctor",
		  { GRANT_WAITING, OAUTH_TRY, 0, false, false, false },
		  OAUTH_DENY },
		{ "the time has come",
		  { GRANT_WAITING, OAUTH_ANY, 1000, false, false, true },
		  OAUTH_ATTEMPT },
		{ "but not needed",
		  { GRANT_WAITING, OAUTH_ANY, 10 * MINUTE, false, false, true },
		  OAUTH_GIVE },
		{ "the try just failed",
		  { GRANT_WAITING, OAUTH_ANY, 0, false, true, true },
		  OAUTH_DENY },
		{ "and left the old one",
		  { GRANT_WAITING, OAUTH_ANY, 1000, false, true, true },
		  OAUTH_GIVE },
		{ "held", { GRANT_HELD, OAUTH_ANY, 0, false, false, false }, OAUTH_DENY },
		{ "held, and a fresh one wanted",
		  { GRANT_HELD, OAUTH_FRESH, 0, false, false, false },
		  OAUTH_DENY },
		{ "held for an hour",
		  { GRANT_HELD, OAUTH_ANY, 0, false, false, true },
		  OAUTH_ATTEMPT },
		{ "held, and somebody mended something",
		  { GRANT_HELD, OAUTH_TRY, 0, false, false, false },
		  OAUTH_ATTEMPT },
		{ "who learns that it is held still",
		  { GRANT_HELD, OAUTH_TRY, 0, false, true, false },
		  OAUTH_DENY },
		{ "no second try for one question",
		  { GRANT_HELD, OAUTH_ANY, 0, false, true, true },
		  OAUTH_DENY },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		enum oauth_course course = oauth_choose(&rows[i].question);

		if (course != rows[i].course)
			fail_msg("%s: got %d, expected %d", rows[i].row, (int)course,
				 (int)rows[i].course);
	}
}

static void pauses_grow_from_a_second_to_five_minutes(void **state)
{
	(void)state;
	for (uint32_t chance = 0; chance < 5000; chance += 7) {
		uint64_t last = 0;

		for (unsigned failures = 1; failures < 300; failures++) {
			uint64_t wait = oauth_backoff_ms(failures, 0, chance);

			assert_in_range(wait, 1000, OAUTH_BACKOFF_MAX_MS);
			assert_true(wait >= last);
			if (failures > 1 && last < 100000)
				assert_true(wait > last * 3 / 2);
			last = wait;
		}
		assert_true(last >= (uint64_t)OAUTH_BACKOFF_MAX_MS * 4 / 5);
		assert_in_range(oauth_backoff_ms(1, 0, chance), 1000, 1250);
	}
	/* Who failed together does not come back together. */
	assert_true(oauth_backoff_ms(9, 0, 0) > oauth_backoff_ms(9, 0, 500));
	assert_true(oauth_backoff_ms(9, 0, 500) > oauth_backoff_ms(9, 0, 1000));
}

static void retry_after_is_obeyed_up_to_ten_minutes(void **state)
{
	(void)state;
	for (uint32_t chance = 0; chance < 5000; chance += 7) {
		assert_in_range(oauth_backoff_ms(1, 7, chance), 7000, 7350);
		assert_in_range(oauth_backoff_ms(1, 400, chance), 400000, 420000);
		assert_int_equal(oauth_backoff_ms(1, 86400, chance), 600000);
		assert_int_equal(oauth_backoff_ms(1, UINT64_MAX, chance), 600000);
		/* A pause of ours that is longer stays. */
		assert_in_range(oauth_backoff_ms(20, 7, chance), 240000, 300000);
	}
}

static void no_token_is_believed_to_last_for_ever(void **state)
{
	(void)state;
	assert_int_equal(oauth_lifetime_ms(0), 0);
	assert_int_equal(oauth_lifetime_ms(3599), 3599000);
	assert_int_equal(oauth_lifetime_ms(28 * 3600), 28 * 3600 * 1000);
	assert_int_equal(oauth_lifetime_ms(UINT64_MAX), 28 * 3600 * 1000);
}

static void tokens_on_disk_last_by_the_wall_clock(void **state)
{
	const time_t then = 1790000000;

	(void)state;
	assert_int_equal(oauth_left_on_disk_ms(then, then, then + 3600), 3600000);
	assert_int_equal(oauth_left_on_disk_ms(then + 600, then, then + 3600), 3000000);
	assert_int_equal(oauth_left_on_disk_ms(then + 3599, then, then + 3600), 1000);
	assert_int_equal(oauth_left_on_disk_ms(then + 3600, then, then + 3600), 0);
	assert_int_equal(oauth_left_on_disk_ms(then + 9000, then, then + 3600), 0);
	/* The clock was put back, or starts at 1970: nobody knows. */
	assert_int_equal(oauth_left_on_disk_ms(then - 7200, then, then + 3600), 0);
	assert_int_equal(oauth_left_on_disk_ms(10, then, then + 3600), 0);
	/* Written by a clock that nobody had set. */
	assert_int_equal(oauth_left_on_disk_ms(20, 0, 3600), 0);
	/* Nonsense in the file is bounded. */
	assert_int_equal(oauth_left_on_disk_ms(then, then, then + 99999999), 28 * 3600 * 1000);
}

static void idle_sign_ins_are_refreshed_after_a_month(void **state)
{
	const time_t now = 1790000000;
	const time_t day = 24 * 3600;
	bool together = true;

	(void)state;
	for (uint32_t chance = 0; chance < 4000000000U; chance += 99999989U) {
		assert_false(oauth_is_idle(now, now, chance));
		assert_false(oauth_is_idle(now, now - 30 * day + 1, chance));
		assert_true(oauth_is_idle(now, now - 31 * day, chance));
		assert_true(oauth_is_idle(now, now - 89 * day, chance));
		assert_true(oauth_is_idle(now, 0, chance));
		together &= oauth_is_idle(now, now - 30 * day - day / 2, chance) ==
			    oauth_is_idle(now, now - 30 * day - day / 2, 0);
		/* It was written by a clock that was wrong, and is as good as unknown. */
		assert_true(oauth_is_idle(now, now + 2 * day, chance));
		assert_false(oauth_is_idle(now, now + day / 2, chance));
		/* Nobody has set the clock: no storm. */
		assert_false(oauth_is_idle(100, now, chance));
		assert_false(oauth_is_idle(100, 0, chance));
	}
	assert_false(together);
}

static void setting_the_clock_is_noticed(void **state)
{
	struct oauth_time since = { .ms = 5000000, .wall = 1000 };

	(void)state;
	struct oauth_time now = { .ms = 5000000 + 3600 * 1000, .wall = 1000 + 3600 };
	assert_false(oauth_clock_was_set(&since, &now));
	now.wall += 119;
	assert_false(oauth_clock_was_set(&since, &now));
	now.wall += 2;
	assert_true(oauth_clock_was_set(&since, &now));
	now.wall = 1000 + 3600 - 121;
	assert_true(oauth_clock_was_set(&since, &now));
	now.wall = 1790000000;
	assert_true(oauth_clock_was_set(&since, &now));
}

static struct oauth_time at(uint64_t seconds)
{
	return (struct oauth_time){ .ms = 77000 + seconds * 1000,
				    .wall = 1790000000 + (time_t)seconds };
}

static void three_refusals_over_five_minutes_make_a_hold(void **state)
{
	struct oauth_refusals refusals = { 0 };
	static const struct {
		uint64_t second;
		bool held;
	} rows[] = {
		{ 0, false }, { 1, false }, { 2, false }, { 299, false }, { 300, true },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct oauth_time now = at(rows[i].second);

		assert_false(oauth_refusals_hold(&refusals, &now));
		assert_int_equal(oauth_refusals_add(&refusals, &now), rows[i].held);
	}
	/* Far between is as good, but two are not enough. */
	struct oauth_time day = at(0);
	refusals = (struct oauth_refusals){ 0 };
	assert_false(oauth_refusals_add(&refusals, &day));
	day = at(86400);
	assert_false(oauth_refusals_add(&refusals, &day));
	day = at(2 * 86400);
	assert_true(oauth_refusals_add(&refusals, &day));
}

static void a_hold_of_refusals_lasts_an_hour(void **state)
{
	struct oauth_refusals refusals = { 0 };

	(void)state;
	for (uint64_t second = 0; second <= 400; second += 200) {
		struct oauth_time now = at(second);

		assert_int_equal(oauth_refusals_add(&refusals, &now), second == 400);
	}
	struct oauth_time now = at(400 + 3599);
	assert_true(oauth_refusals_hold(&refusals, &now));
	now = at(400 + 3600);
	assert_false(oauth_refusals_hold(&refusals, &now));
	/* One more is enough then. */
	assert_true(oauth_refusals_add(&refusals, &now));
	assert_true(oauth_refusals_hold(&refusals, &now));
	now = at(400 + 3600 + 60);
	assert_true(oauth_refusals_hold(&refusals, &now));
	now.wall += 86400;
	assert_false(oauth_refusals_hold(&refusals, &now));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_grant_moves_as_its_life_goes),
		cmocka_unit_test(who_asks_gets_what_there_is),
		cmocka_unit_test(pauses_grow_from_a_second_to_five_minutes),
		cmocka_unit_test(retry_after_is_obeyed_up_to_ten_minutes),
		cmocka_unit_test(no_token_is_believed_to_last_for_ever),
		cmocka_unit_test(tokens_on_disk_last_by_the_wall_clock),
		cmocka_unit_test(idle_sign_ins_are_refreshed_after_a_month),
		cmocka_unit_test(setting_the_clock_is_noticed),
		cmocka_unit_test(three_refusals_over_five_minutes_make_a_hold),
		cmocka_unit_test(a_hold_of_refusals_lasts_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
