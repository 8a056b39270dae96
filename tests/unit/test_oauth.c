/* SPDX-License-Identifier: ISC */
/* Who asks for a token, and what they get. */
#include "tests/unit/oauth_fixture.h"

/* ---- tokens that are here ---- */

static void a_token_on_hand_costs_no_request(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3000);
	start(ACCOUNTS(ALICE));
	/* Answered before oauth_get() returns. */
	ask_only(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
	/* Whatever letters the POP3 client writes. */
	ask_only(&asker, "ALICE@Example.org", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
	later(2400);
	ask_only(&asker, "alice@example.org", OAUTH_TRY);
	expect_token(&asker, "access-1", false);
	assert_int_equal(world.request_count, 0);
	assert_int_equal(world.loads, 1);
	assert_int_equal(world.saves, 0);
}

static void who_comes_before_the_file_was_read_waits_for_it(void **state)
{
	struct asker askers[3] = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3000);
	world.setup = load(ACCOUNTS(ALICE));
	start_oauth();
	for (size_t i = 0; i < ROWS(askers); i++) {
		ask_only(&askers[i], "alice@example.org", OAUTH_ANY);
		assert_int_equal(askers[i].calls, 0);
	}
	happen();
	for (size_t i = 0; i < ROWS(askers); i++)
		expect_token(&askers[i], "access-1", false);
	assert_int_equal(world.loads, 1);
}

static void under_ten_minutes_left_a_new_one_is_fetched(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 600);
	start(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
	later(1);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	assert_int_equal(asker.calls, 0);
	assert_int_equal(world.request_count, 1);
	assert_string_equal(world.requests[0].url, "https://id.example.org/token");
	assert_non_null(strstr(world.requests[0].form, "grant_type=refresh_token"));
	assert_non_null(strstr(world.requests[0].form, "refresh_token=refresh-1"));
	assert_non_null(strstr(world.requests[0].form, "client_id=app-1"));
	reply_granted(2, 3600);
	assert_string_equal(asker.saved, "refresh-2");
	expect_token(&asker, "access-2", true);
	ask_only(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-2", false);
	assert_int_equal(world.request_count, 1);
	assert_string_equal(alice_file()->access, "access-2");
	assert_int_equal(alice_file()->refreshed, world.now.wall);
	assert_int_equal(alice_file()->expires, world.now.wall + 3600);
	assert_int_equal(alice_file()->signed_in, NOW - 86400);
	assert_string_equal(alice_file()->flow, "browser");
	assert_int_equal(count_logged("info token-refreshed account=alice@example.org"), 1);
	assert_int_equal(count_logged("expires_in=3600"), 1);
}

static void the_next_refresh_uses_the_rotated_token(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	for (unsigned number = 2; number < 6; number++) {
		char form[64];

		ask(&asker, "alice@example.org", OAUTH_ANY);
		(void)snprintf(form, sizeof(form), "refresh_token=refresh-%u", number - 1);
		assert_non_null(strstr(world.requests[number - 2].form, form));
		reply_granted(number, 3600);
		asker = (struct asker){ 0 };
		later(3600);
	}
	/* Nor is it another one behind a restart. */
	oauth_free(&world.oauth);
	start_oauth();
	happen();
	ask(&asker, "alice@example.org", OAUTH_ANY);
	assert_non_null(strstr(world.requests[4].form, "refresh_token=refresh-5"));
}

static void a_refresh_token_that_is_not_rotated_stays(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_body(200, 0,
		   "{\"token_type\":\"Bearer\",\"access_token\":\"access-2\",\"expires_in\":60}");
	expect_token(&asker, "access-2", true);
	assert_string_equal(alice_file()->refresh, "refresh-1");
	assert_string_equal(alice_file()->access, "access-2");
	ask(&asker, "alice@example.org", OAUTH_ANY);
	assert_non_null(strstr(world.requests[1].form, "refresh_token=refresh-1"));
}

static void a_token_that_ends_at_once_is_given_to_who_it_was_fetched_for(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_granted(2, 0);
	expect_token(&asker, "access-2", true);
	assert_int_equal(world.request_count, 1);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	assert_int_equal(world.request_count, 2);
}

/* ---- one request at a time ---- */

static void a_hundred_who_wait_make_one_request(void **state)
{
	static struct asker askers[100];

	(void)state;
	memset(askers, 0, sizeof(askers));
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	for (size_t i = 0; i < ROWS(askers); i++)
		ask_only(&askers[i], "alice@example.org", OAUTH_ANY);
	happen();
	assert_int_equal(world.request_count, 1);
	reply_granted(2, 3600);
	for (size_t i = 0; i < ROWS(askers); i++)
		expect_token(&askers[i], "access-2", true);
	assert_int_equal(world.request_count, 1);
	assert_int_equal(world.saves, 1);
}

static void nobody_gets_a_token_before_it_is_on_disk(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	world.disk_slow = true;
	reply_granted_only(2, 3600);
	turn();
	assert_int_equal(asker.calls, 0);
	assert_int_equal(oauth_under_way(world.oauth), 1);
	disk_let_go();
	happen();
	assert_string_equal(asker.saved, "refresh-2");
	expect_token(&asker, "access-2", true);
	assert_int_equal(oauth_under_way(world.oauth), 0);
}

static void a_fresh_token_is_not_from_a_refresh_that_began_before(void **state)
{
	struct asker any = { 0 }, fresh[50] = { 0 }, late = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask(&any, "alice@example.org", OAUTH_ANY);
	for (size_t i = 0; i < ROWS(fresh); i++)
		ask(&fresh[i], "alice@example.org", OAUTH_FRESH);
	ask(&late, "alice@example.org", OAUTH_ANY);
	assert_int_equal(world.request_count, 1);
	reply_granted(2, 3600);
	expect_token(&any, "access-2", true);
	expect_token(&late, "access-2", true);
	assert_int_equal(fresh[0].calls, 0);
	/* All of them make one more. */
	assert_int_equal(world.request_count, 2);
	reply_granted(3, 3600);
	for (size_t i = 0; i < ROWS(fresh); i++)
		expect_token(&fresh[i], "access-3", true);
	assert_int_equal(world.request_count, 2);
}

static void while_one_fetches_a_fresh_token_others_use_the_old_one(void **state)
{
	struct asker any = { 0 }, fresh = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3000);
	start(ACCOUNTS(ALICE));
	ask(&fresh, "alice@example.org", OAUTH_FRESH);
	assert_int_equal(world.request_count, 1);
	ask(&any, "alice@example.org", OAUTH_ANY);
	expect_token(&any, "access-1", false);
	reply_granted(2, 3600);
	expect_token(&fresh, "access-2", true);
}

static void who_can_be_answered_is_even_if_no_other_request_can_be_made(void **state)
{
	struct asker any = { 0 }, fresh = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask(&any, "alice@example.org", OAUTH_ANY);
	ask(&fresh, "alice@example.org", OAUTH_FRESH);
	world.no_memory = true;
	reply_granted(2, 3600);
	expect_token(&any, "access-2", true);
	expect_trouble(&fresh, OAUTH_BACKING_OFF, "No memory");
}

static void accounts_do_not_wait_for_each_other(void **state)
{
	struct asker alice = { 0 }, bob = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	signed_in("imap.example.org", "bob@example.org", 0);
	start(ACCOUNTS(ALICE AND BOB));
	ask(&alice, "alice@example.org", OAUTH_ANY);
	ask(&bob, "bob@example.org", OAUTH_ANY);
	assert_int_equal(world.request_count, 2);
	reply_error("invalid_grant");
	expect_trouble(&alice, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	assert_int_equal(bob.calls, 0);
	reply_granted(2, 3600);
	expect_token(&bob, "access-2", true);
}

/* ---- those who are called call back ---- */

static struct asker again;

static void ask_again(struct asker *asker)
{
	(void)asker;
	ask_only(&again, "alice@example.org", OAUTH_ANY);
}

static void ask_again_fresh(struct asker *asker)
{
	(void)asker;
	ask_only(&again, "alice@example.org", OAUTH_FRESH);
}

static struct person leaver;

static void leave(struct asker *asker)
{
	(void)asker;
	sign_out_only(&leaver, "alice@example.org");
}

static void forget_everything(struct asker *asker)
{
	(void)asker;
	setup_unref(&world.setup);
	world.setup = load(ACCOUNTS(BOB));
	oauth_reload(world.oauth, world.setup);
}

static void who_is_called_may_ask_again(void **state)
{
	struct asker first = { .then = ask_again }, second = { .then = ask_again_fresh };

	(void)state;
	again = (struct asker){ 0 };
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask_only(&first, "alice@example.org", OAUTH_ANY);
	happen();
	reply_granted(2, 3600);
	expect_token(&first, "access-2", true);
	expect_token(&again, "access-2", false);
	ask(&second, "alice@example.org", OAUTH_ANY);
	expect_token(&second, "access-2", false);
	assert_int_equal(world.request_count, 2);
	reply_granted(3, 3600);
	expect_token(&again, "access-3", true);
}

static void who_is_called_may_sign_out(void **state)
{
	struct asker first = { .then = leave }, second = { 0 }, third = { 0 };

	(void)state;
	leaver = (struct person){ 0 };
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask_only(&first, "alice@example.org", OAUTH_ANY);
	ask(&second, "alice@example.org", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&first, "access-2", true);
	expect_token(&second, "access-2", true);
	assert_int_equal(leaver.calls, 1);
	ask(&third, "alice@example.org", OAUTH_ANY);
	expect_trouble(&third, OAUTH_NEVER_SIGNED_IN, "");
}

static void who_is_called_may_reload(void **state)
{
	struct asker first = { .then = forget_everything }, second = { 0 };

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	ask_only(&first, "alice@example.org", OAUTH_ANY);
	ask(&second, "alice@example.org", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&first, "access-2", true);
	expect_token(&second, "access-2", true);
	assert_null(world.oauth->first->next);
}

/* ---- applications ---- */

static void accounts_of_one_application_share_its_token(void **state)
{
	struct asker one = { 0 }, two = { 0 };

	(void)state;
	start(ACCOUNTS(APP1 AND APP2));
	assert_int_equal(world.request_count, 0);
	ask(&one, "one@app.example", OAUTH_ANY);
	ask(&two, "two@app.example", OAUTH_ANY);
	assert_int_equal(world.request_count, 1);
	/* Nothing is lost with its answer. */
	assert_int_equal(oauth_under_way(world.oauth), 0);
	assert_non_null(strstr(world.requests[0].form, "grant_type=client_credentials"));
	assert_non_null(strstr(world.requests[0].form, "client_id=app-2"));
	assert_non_null(
		strstr(world.requests[0].form, "client_secret=the%20application%27s%20secret"));
	reply_body(200, 0,
		   "{\"token_type\":\"Bearer\",\"access_token\":\"access-1\",\"expires_in\":3599}");
	expect_token(&one, "access-1", true);
	expect_token(&two, "access-1", true);
	ask_only(&one, "one@app.example", OAUTH_ANY);
	expect_token(&one, "access-1", false);
	/* In memory only. */
	assert_int_equal(world.saves, 0);
	assert_int_equal(world.loads, 0);
}

static void a_secret_that_cannot_be_read_is_the_administrators(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	write_file("secret", "");
	start(ACCOUNTS(APP1));
	ask(&asker, "one@app.example", OAUTH_ANY);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "secret cannot be used: it is empty");
	assert_int_equal(world.request_count, 0);
	ask_only(&asker, "one@app.example", OAUTH_ANY);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "it is empty");
	assert_int_equal(count_logged("info token-failed account=one@app.example"), 1);
	/* It was mended. */
	write_file("secret", "another\n");
	reload(ACCOUNTS(APP1));
	ask(&asker, "one@app.example", OAUTH_ANY);
	assert_non_null(strstr(world.requests[0].form, "client_secret=another"));
	reply_granted(1, 3600);
	expect_token(&asker, "access-1", true);
}

static void an_application_does_not_sign_in_by_hand(void **state)
{
	struct asker asker = { 0 };

	(void)state;
	start(ACCOUNTS(APP1));
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "What went wrong");
}

static void forgetting_an_applications_token_makes_it_fetch_another(void **state)
{
	struct asker asker = { 0 };
	struct person person = { 0 };

	(void)state;
	start(ACCOUNTS(APP1));
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_granted(1, 3600);
	expect_token(&asker, "access-1", true);
	sign_out_only(&person, "one@app.example");
	happen();
	assert_int_equal(person.calls, 1);
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

/* ---- two applications, one mailbox ---- */

static void a_sign_in_for_another_application_is_not_used(void **state)
{
	struct asker asker = { 0 };
	struct oauth_status status;

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3000);
	start(ACCOUNTS(ACCOUNT_OF("alice@example.org", OAUTH_OF("app-9", SCOPE))));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "signed in for another application");
	ask(&asker, "alice@example.org", OAUTH_TRY);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "signed in for another application");
	struct oauth_client client = client_of("alice@example.org");
	oauth_describe(world.oauth, &client, &status);
	assert_int_equal(status.state, OAUTH_SIGN_IN_NEEDED);
	later(40 * 86400);
	watch_look(world.oauth);
	assert_int_equal(world.request_count, 0);
	/* The setting is put back. */
	reload(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	assert_int_equal(world.request_count, 1);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

/* ---- what there is to tell ---- */

static void what_is_known_is_told(void **state)
{
	struct asker asker = { 0 };
	struct oauth_status status;

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3000);
	world.setup = load(ACCOUNTS(ALICE AND BOB AND APP1));
	start_oauth();
	struct oauth_client alice = client_of("alice@example.org");
	struct oauth_client bob = client_of("bob@example.org");
	struct oauth_client app = client_of("one@app.example");
	oauth_describe(world.oauth, &alice, &status);
	assert_false(status.known);
	assert_int_equal(status.expires_in, -1);
	happen();
	oauth_describe(world.oauth, &alice, &status);
	assert_true(status.known);
	assert_int_equal(status.state, OAUTH_OK);
	assert_null(status.trouble);
	assert_int_equal(status.expires_in, 3000);
	assert_int_equal(status.signed_in, NOW - 86400);
	assert_int_equal(status.refreshed, NOW - 600);
	assert_string_equal(status.flow, "browser");
	oauth_describe(world.oauth, &bob, &status);
	assert_true(status.known);
	assert_int_equal(status.state, OAUTH_NEVER_SIGNED_IN);
	assert_non_null(status.trouble->remedy);
	oauth_describe(world.oauth, &app, &status);
	assert_true(status.known);
	assert_int_equal(status.state, OAUTH_OK);
	assert_string_equal(status.flow, "app");
	later(2900);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_body(429, 90, "");
	expect_token(&asker, "access-1", false);
	oauth_describe(world.oauth, &alice, &status);
	assert_int_equal(status.state, OAUTH_BACKING_OFF);
	assert_in_range(status.backoff_for, 90, 95);
	assert_int_equal(status.expires_in, 100);
	later(200);
	oauth_describe(world.oauth, &alice, &status);
	assert_int_equal(status.expires_in, 0);
	assert_int_equal(status.backoff_for, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		oauth_test(a_token_on_hand_costs_no_request),
		oauth_test(who_comes_before_the_file_was_read_waits_for_it),
		oauth_test(under_ten_minutes_left_a_new_one_is_fetched),
		oauth_test(the_next_refresh_uses_the_rotated_token),
		oauth_test(a_refresh_token_that_is_not_rotated_stays),
		oauth_test(a_token_that_ends_at_once_is_given_to_who_it_was_fetched_for),
		oauth_test(a_hundred_who_wait_make_one_request),
		oauth_test(nobody_gets_a_token_before_it_is_on_disk),
		oauth_test(a_fresh_token_is_not_from_a_refresh_that_began_before),
		oauth_test(while_one_fetches_a_fresh_token_others_use_the_old_one),
		oauth_test(who_can_be_answered_is_even_if_no_other_request_can_be_made),
		oauth_test(accounts_do_not_wait_for_each_other),
		oauth_test(who_is_called_may_ask_again),
		oauth_test(who_is_called_may_sign_out),
		oauth_test(who_is_called_may_reload),
		oauth_test(accounts_of_one_application_share_its_token),
		oauth_test(a_secret_that_cannot_be_read_is_the_administrators),
		oauth_test(an_application_does_not_sign_in_by_hand),
		oauth_test(forgetting_an_applications_token_makes_it_fetch_another),
		oauth_test(a_sign_in_for_another_application_is_not_used),
		oauth_test(what_is_known_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
