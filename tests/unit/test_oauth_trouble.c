/* SPDX-License-Identifier: ISC */
/* What goes wrong at the identity provider and at the mail server, and who is told what. */
#include "tests/unit/oauth_fixture.h"

static struct asker asker;

static int alice_setup(void **state)
{
	if (world_setup(state) != 0)
		return -1;
	asker = (struct asker){ 0 };
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	return 0;
}

#define alice_test(name) cmocka_unit_test_setup_teardown(name, alice_setup, world_teardown)

static void ask_alice(enum oauth_need need)
{
	ask(&asker, "alice@example.org", need);
}

static struct oauth_status alice_status(void)
{
	struct oauth_client client = client_of("alice@example.org");
	struct oauth_status status;

	oauth_describe(world.oauth, &client, &status);
	return status;
}

/* ---- temporary trouble ---- */

static void play_unreachable(void)
{
	reply_failed(HTTP_UNREACHABLE);
}

static void play_unavailable(void)
{
	reply_body(503, 0, "<html>Our services aren't available right now</html>");
}

static void play_too_many(void)
{
	reply_body(429, 0, "{\"error\":\"invalid_grant\"}");
}

static void play_nonsense(void)
{
	reply_body(200, 0, "{\"access_token\":");
}

static void play_temporarily_unavailable(void)
{
	reply_error("temporarily_unavailable");
}

static void play_pending(void)
{
	reply_error("authorization_pending");
}

static void temporary_trouble_is_told_and_tried_again(void **state)
{
	static void (*const plays[])(void) = { play_unreachable, play_unavailable,
					       play_too_many,    play_nonsense,
					       play_pending,     play_temporarily_unavailable };

	(void)state;
	for (size_t i = 0; i < ROWS(plays); i++) {
		ask_alice(OAUTH_ANY);
		assert_int_equal(world.request_count, 2 * i + 1);
		plays[i]();
		expect_trouble(&asker, OAUTH_BACKING_OFF, "");
		/* Nobody asks the provider again at once, whatever is wanted. */
		ask_alice(OAUTH_ANY);
		expect_trouble(&asker, OAUTH_BACKING_OFF, "");
		ask_alice(OAUTH_FRESH);
		expect_trouble(&asker, OAUTH_BACKING_OFF, "");
		ask_alice(OAUTH_TRY);
		expect_trouble(&asker, OAUTH_BACKING_OFF, "");
		assert_int_equal(world.request_count, 2 * i + 1);
		later(2);
		ask_alice(OAUTH_ANY);
		assert_int_equal(world.request_count, 2 * i + 2);
		reply_granted(2, 0);
		expect_token(&asker, "access-2", true);
	}
	assert_int_equal(count_logged("warning token-failed"), ROWS(plays));
}

static void an_outage_is_logged_once_and_ends_with_a_pause_of_five_minutes(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		ask_alice(OAUTH_ANY);
		assert_int_equal(world.request_count, i + 1);
		reply_failed(HTTP_UNREACHABLE);
		expect_trouble(&asker, OAUTH_BACKING_OFF, "id.example.org: it is away");
		uint64_t pause = alice_status().backoff_for;
		assert_in_range(pause, 1, 300);
		assert_true(i > 8 || pause >= last);
		last = pause;
		later(pause - 1);
		ask_alice(OAUTH_ANY);
		expect_trouble(&asker, OAUTH_BACKING_OFF, "id.example.org: it is away");
		assert_int_equal(world.request_count, i + 1);
		later(1);
	}
	assert_in_range(last, 240, 300);
	assert_int_equal(count_logged("warning token-failed"), 1);
	assert_int_equal(count_logged("info token-failed"), 19);
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	assert_int_equal(alice_status().state, OAUTH_OK);
	/* The next outage begins with a short pause. */
	later(3600);
	ask_alice(OAUTH_ANY);
	reply_failed(HTTP_UNREACHABLE);
	assert_in_range(alice_status().backoff_for, 1, 2);
}

static void retry_after_is_obeyed(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_body(429, 120, "");
	expect_trouble(&asker, OAUTH_BACKING_OFF, "");
	later(119);
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_BACKING_OFF, "");
	assert_int_equal(world.request_count, 1);
	later(8);
	ask_alice(OAUTH_ANY);
	assert_int_equal(world.request_count, 2);
}

static void a_token_that_still_works_goes_on_being_used(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 599);
	expect_token(&asker, "access-2", true);
	ask_alice(OAUTH_ANY);
	reply_failed(HTTP_UNREACHABLE);
	expect_token(&asker, "access-2", false);
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-2", false);
	assert_int_equal(world.request_count, 2);
	/* But not where it was refused. */
	ask_alice(OAUTH_FRESH);
	expect_trouble(&asker, OAUTH_BACKING_OFF, "it is away");
	later(598);
	ask_alice(OAUTH_ANY);
	reply_failed(HTTP_UNREACHABLE);
	expect_token(&asker, "access-2", false);
	later(1);
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_BACKING_OFF, "it is away");
	assert_int_equal(world.request_count, 3);
}

static void no_memory_is_temporary(void **state)
{
	(void)state;
	world.no_memory = true;
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_BACKING_OFF, "No memory");
	world.no_memory = false;
	later(2);
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

/* ---- holds ---- */

static void a_refusal_holds_until_somebody_does_something(void **state)
{
	static const struct {
		const char *error;
		enum oauth_state state;
	} rows[] = {
		{ "invalid_grant", OAUTH_SIGN_IN_NEEDED },
		{ "interaction_required", OAUTH_SIGN_IN_NEEDED },
		{ "consent_required", OAUTH_SIGN_IN_NEEDED },
		{ "login_required", OAUTH_SIGN_IN_NEEDED },
		{ "invalid_client", OAUTH_ADMINISTRATOR_NEEDED },
		{ "unauthorized_client", OAUTH_ADMINISTRATOR_NEEDED },
		{ "invalid_scope", OAUTH_ADMINISTRATOR_NEEDED },
	};

	(void)state;
	for (unsigned i = 0; i < ROWS(rows); i++) {
		ask_alice(OAUTH_ANY);
		reply_error(rows[i].error);
		expect_trouble(&asker, rows[i].state, "What went wrong");
		for (unsigned minute = 0; minute < 59; minute++) {
			ask_alice(minute % 2 == 0 ? OAUTH_ANY : OAUTH_FRESH);
			expect_trouble(&asker, rows[i].state, "What went wrong");
			later(60);
		}
		assert_int_equal(world.request_count, 2 * i + 1);
		assert_int_equal(alice_status().state, rows[i].state);
		assert_int_equal(alice_status().backoff_for, 0);
		assert_int_equal(count_logged("info token-failed"), i + 1);
		/* For next time. */
		ask_alice(OAUTH_TRY);
		reply_granted(2, 0);
		expect_token(&asker, "access-2", true);
		assert_int_equal(count_logged("info token-works-again"), i + 1);
	}
	assert_int_equal(count_logged("trace_id=trace-7 correlation_id=correlation-8"), ROWS(rows));
}

static void a_certificate_that_is_not_trusted_is_the_administrators(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_failed(HTTP_UNTRUSTED);
	assert_true(asker.trouble.untrusted);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "it is away");
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "it is away");
	assert_int_equal(world.request_count, 1);
}

static void after_an_hour_it_is_tried_again(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	for (unsigned hour = 1; hour < 5; hour++) {
		later(3599);
		ask_alice(OAUTH_ANY);
		expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
		later(1);
		ask_alice(OAUTH_ANY);
		assert_int_equal(world.request_count, hour + 1);
		reply_error("invalid_grant");
		expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	}
	/* It is one hold, and nobody is told again; but another reason is news. */
	assert_int_equal(count_logged("info token-failed"), 1);
	later(3600);
	ask_alice(OAUTH_ANY);
	reply_error("invalid_client");
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "What went wrong");
	assert_int_equal(count_logged("info token-failed"), 2);
}

static void temporary_trouble_does_not_end_a_hold(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	later(3600);
	ask_alice(OAUTH_ANY);
	reply_failed(HTTP_UNREACHABLE);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	assert_int_equal(world.request_count, 2);
	/* The try it was meant to be follows soon. */
	later(2);
	ask_alice(OAUTH_ANY);
	assert_int_equal(world.request_count, 3);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	assert_int_equal(count_logged("warning token-failed"), 0);
	assert_int_equal(count_logged("info token-failed"), 2);
	later(3599);
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	assert_int_equal(world.request_count, 3);
}

static void setting_the_clock_ends_a_hold(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	world.now.wall = 1000; /* The machine has no battery for its clock. */
	reply_failed(HTTP_UNTRUSTED);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "it is away");
	later(10);
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "it is away");
	world.now.wall = NOW;
	ask_alice(OAUTH_ANY);
	assert_int_equal(world.request_count, 2);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

static void setting_the_clock_is_good_for_one_try(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_failed(HTTP_UNTRUSTED);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "it is away");
	world.now.wall += 3600;
	for (unsigned i = 0; i < 5; i++) {
		ask_alice(OAUTH_ANY);
		assert_int_equal(world.request_count, 2);
		if (i == 0)
			reply_failed(HTTP_UNREACHABLE);
		expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "it is away");
	}
	/* Nothing of it is left behind a reload. */
	reload(ACCOUNTS(ALICE));
	assert_int_equal(alice_status().state, OAUTH_OK);
}

static void who_mended_something_gets_one_try(void **state)
{
	struct asker other = { 0 };

	(void)state;
	ask_alice(OAUTH_ANY);
	reply_error("invalid_client");
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "What went wrong");
	ask_alice(OAUTH_TRY);
	assert_int_equal(world.request_count, 2);
	/* Others wait for its outcome. */
	ask(&other, "alice@example.org", OAUTH_ANY);
	assert_int_equal(other.calls, 0);
	reply_error("invalid_client");
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "What went wrong");
	expect_trouble(&other, OAUTH_ADMINISTRATOR_NEEDED, "What went wrong");
	assert_int_equal(world.request_count, 2);
	assert_int_equal(count_logged("info token-failed"), 1);
	ask_alice(OAUTH_TRY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

static void a_try_is_not_answered_by_one_that_began_before(void **state)
{
	struct asker first = { 0 };

	(void)state;
	ask(&first, "alice@example.org", OAUTH_ANY);
	ask_alice(OAUTH_TRY);
	reply_error("invalid_client");
	expect_trouble(&first, OAUTH_ADMINISTRATOR_NEEDED, "What went wrong");
	assert_int_equal(asker.calls, 0);
	assert_int_equal(world.request_count, 2);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

static void a_held_grant_gives_no_old_token(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	ask_alice(OAUTH_FRESH);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	assert_int_equal(alice_status().expires_in, -1);
}

static void nobody_has_signed_in(void **state)
{
	struct asker bob = { 0 };
	unsigned loads;

	(void)state;
	reload(ACCOUNTS(ALICE AND BOB));
	ask(&bob, "bob@example.org", OAUTH_ANY);
	expect_trouble(&bob, OAUTH_NEVER_SIGNED_IN, "Nobody has signed in");
	loads = world.loads;
	ask(&bob, "bob@example.org", OAUTH_TRY);
	expect_trouble(&bob, OAUTH_NEVER_SIGNED_IN, "Nobody has signed in");
	assert_int_equal(world.loads, loads);
	assert_int_equal(world.request_count, 0);
}

/* ---- the mail server refuses ---- */

static enum oauth_state refuse(const char *name)
{
	struct oauth_client client = client_of(name);

	return oauth_refused(world.oauth, &client, "AUTHENTICATE failed.");
}

static void three_refused_tokens_hold_the_mailbox(void **state)
{
	struct oauth_client client = client_of("alice@example.org");

	(void)state;
	assert_int_equal(refuse("alice@example.org"), OAUTH_OK);
	later(150);
	assert_int_equal(refuse("alice@example.org"), OAUTH_OK);
	assert_int_equal(alice_status().state, OAUTH_OK);
	later(150);
	assert_int_equal(refuse("alice@example.org"), OAUTH_ADMINISTRATOR_NEEDED);
	assert_int_equal(alice_status().state, OAUTH_ADMINISTRATOR_NEEDED);
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED,
		       "refuses the token: AUTHENTICATE failed.");
	ask_alice(OAUTH_FRESH);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "AUTHENTICATE failed.");
	assert_int_equal(world.request_count, 0);
	/* By the hour, or for who mended something. */
	ask_alice(OAUTH_TRY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	assert_int_equal(refuse("alice@example.org"), OAUTH_ADMINISTRATOR_NEEDED);
	later(3600);
	ask_alice(OAUTH_ANY);
	reply_granted(3, 3600);
	expect_token(&asker, "access-3", true);
	assert_int_equal(count_logged("info token-failed account=alice@example.org"), 1);
	oauth_accepted(world.oauth, &client);
	assert_int_equal(alice_status().state, OAUTH_OK);
	later(3600);
	assert_int_equal(refuse("alice@example.org"), OAUTH_OK);
}

static void a_success_between_refusals_counts(void **state)
{
	struct oauth_client client = client_of("alice@example.org");

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(refuse("alice@example.org"), OAUTH_OK);
		later(200);
		assert_int_equal(refuse("alice@example.org"), OAUTH_OK);
		later(200);
		oauth_accepted(world.oauth, &client);
	}
}

static void one_mailbox_that_is_refused_does_not_hold_the_application(void **state)
{
	struct asker one = { 0 }, two = { 0 };

	(void)state;
	reload(ACCOUNTS(APP1 AND APP2));
	for (unsigned i = 0; i < 3; i++) {
		(void)refuse("one@app.example");
		later(150);
	}
	ask(&one, "one@app.example", OAUTH_ANY);
	expect_trouble(&one, OAUTH_ADMINISTRATOR_NEEDED, "refuses the token");
	ask(&two, "two@app.example", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&two, "access-2", true);
}

static void a_reload_or_a_sign_in_ends_it(void **state)
{
	struct person person = { 0 };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		for (unsigned refusal = 0; refusal < 3; refusal++) {
			later(150);
			(void)refuse("alice@example.org");
		}
		assert_int_equal(alice_status().state, OAUTH_ADMINISTRATOR_NEEDED);
		if (i % 2 == 0) {
			reload(ACCOUNTS(ALICE));
		} else {
			sign_in_only(&person, "alice@example.org", 5);
			happen();
		}
		assert_int_equal(alice_status().state, OAUTH_OK);
	}
}

/* ---- words ---- */

static void every_trouble_has_its_words(void **state)
{
	struct oauth_trouble troubles[12];
	struct token_answer answer = { .kind = TOKEN_TEMPORARY };
	size_t count = 0;

	(void)state;
	oauth_trouble_never_signed_in(&troubles[count++]);
	oauth_trouble_other_application(&troubles[count++]);
	oauth_trouble_unreachable(&troubles[count++], "it is away");
	oauth_trouble_untrusted(&troubles[count++], "it is another's");
	oauth_trouble_no_proof(&troubles[count++], "secret: no such file");
	oauth_trouble_from_store(&troubles[count++], TOKEN_STORE_REFUSED, "tokens/01: mode");
	oauth_trouble_from_store(&troubles[count++], TOKEN_STORE_DAMAGED, "tokens/01: cut");
	oauth_trouble_from_store(&troubles[count++], TOKEN_STORE_FAILED, "tokens/01: EIO");
	oauth_trouble_token_refused(&troubles[count++], "");
	oauth_trouble_no_memory(&troubles[count++]);
	oauth_trouble_from_answer(&troubles[count++], &answer,
				  &world.setup->conf->accounts[0].oauth);
	/* A description longer than there is room for. */
	answer.kind = TOKEN_SIGN_IN_NEEDED;
	memset(answer.text, 'x', sizeof(answer.text) - 1);
	oauth_trouble_from_answer(&troubles[count++], &answer,
				  &world.setup->conf->accounts[0].oauth);
	for (size_t i = 0; i < count; i++) {
		assert_int_not_equal(troubles[i].state, OAUTH_OK);
		assert_true(strlen(troubles[i].text) > 0);
		assert_null(strchr(troubles[i].text, '\n'));
		assert_true(strlen(troubles[i].meaning) > 0);
		assert_true(strlen(troubles[i].remedy) > 0);
		assert_true(oauth_trouble_is_same(&troubles[i], &troubles[i]));
		for (size_t j = 0; j < i; j++)
			assert_false(oauth_trouble_is_same(&troubles[i], &troubles[j]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		alice_test(temporary_trouble_is_told_and_tried_again),
		alice_test(an_outage_is_logged_once_and_ends_with_a_pause_of_five_minutes),
		alice_test(retry_after_is_obeyed),
		alice_test(a_token_that_still_works_goes_on_being_used),
		alice_test(no_memory_is_temporary),
		alice_test(a_refusal_holds_until_somebody_does_something),
		alice_test(a_certificate_that_is_not_trusted_is_the_administrators),
		alice_test(after_an_hour_it_is_tried_again),
		alice_test(temporary_trouble_does_not_end_a_hold),
		alice_test(setting_the_clock_ends_a_hold),
		alice_test(setting_the_clock_is_good_for_one_try),
		alice_test(who_mended_something_gets_one_try),
		alice_test(a_try_is_not_answered_by_one_that_began_before),
		alice_test(a_held_grant_gives_no_old_token),
		alice_test(nobody_has_signed_in),
		alice_test(three_refused_tokens_hold_the_mailbox),
		alice_test(a_success_between_refusals_counts),
		alice_test(one_mailbox_that_is_refused_does_not_hold_the_application),
		alice_test(a_reload_or_a_sign_in_ends_it),
		alice_test(every_trouble_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
