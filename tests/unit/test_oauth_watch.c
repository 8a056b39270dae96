/* SPDX-License-Identifier: ISC */
/* What is done though nobody asks, and what a reload and a clock do to it. */
#include "tests/unit/oauth_fixture.h"

enum { DAY = 86400 };

static struct asker asker;

/* ---- news ---- */

static char news[4096];

static void on_news(void *owner, const struct oauth_client *client,
		    const struct oauth_trouble *trouble)
{
	size_t len = strlen(news);

	assert_ptr_equal(owner, &world);
	assert_ptr_equal(client->setup, world.setup);
	assert_true(client->account >= world.setup->conf->accounts &&
		    client->account <
			    world.setup->conf->accounts + world.setup->conf->account_count);
	(void)snprintf(news + len, sizeof(news) - len, "%s %s %s\n", client->name, client->mailbox,
		       trouble == NULL                          ? "works"
		       : trouble->state == OAUTH_SIGN_IN_NEEDED ? "sign-in"
								: "administrator");
}

static void expect_news(const char *text)
{
	assert_string_equal(news, text);
	news[0] = '\0';
}

static int watch_setup(void **state)
{
	asker = (struct asker){ 0 };
	news[0] = '\0';
	return world_setup(state);
}

#define watch_test(name) cmocka_unit_test_setup_teardown(name, watch_setup, world_teardown)

static void start_with_news(const char *accounts)
{
	world.setup = load(accounts);
	start_oauth();
	oauth_set_news(world.oauth, on_news, &world);
	happen();
}

static void look(void)
{
	watch_look(world.oauth);
	happen();
}

static void sign_in_long_ago(const char *user, unsigned days)
{
	struct file *file = signed_in("imap.example.org", user, 0);

	file->refreshed = world.now.wall - (time_t)days * DAY;
	file->expires = file->refreshed + 3600;
}

/* ---- idle sign-ins ---- */

static void an_idle_sign_in_is_refreshed(void **state)
{
	(void)state;
	sign_in_long_ago("alice@example.org", 29);
	start_with_news(ACCOUNTS(ALICE AND BOB));
	assert_true(evtimer_pending(world.oauth->look, NULL));
	look();
	assert_int_equal(world.request_count, 0);
	later(2 * DAY);
	look();
	look();
	assert_int_equal(world.request_count, 1);
	reply_granted(2, 3600);
	assert_string_equal(alice_file()->refresh, "refresh-2");
	assert_int_equal(alice_file()->refreshed, world.now.wall);
	later(29 * DAY);
	look();
	assert_int_equal(world.request_count, 1);
	later(2 * DAY);
	look();
	assert_int_equal(world.request_count, 2);
	expect_news("");
}

static void sign_ins_below_a_wildcard_are_found_and_refreshed_in_turn(void **state)
{
	char name[32];
	struct oauth_status status;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "u%u@wild.example", i);
		sign_in_long_ago(name, 40);
	}
	/* These are of no account: another server, another domain. */
	signed_in("imap.example.com", "x@wild.example", 0);
	sign_in_long_ago("u1@example.com", 40);
	start_with_news(ACCOUNTS(WILD AND ALICE));
	assert_int_equal(world.loads, 51);
	struct oauth_client client = client_of("u7@wild.example");
	oauth_describe(world.oauth, &client, &status);
	assert_true(status.known);
	assert_int_equal(status.signed_in, NOW - DAY);
	/* Not all at once. */
	for (unsigned i = 1; i <= 4; i++) {
		look();
		assert_int_equal(world.request_count, i < 3 ? i * 20 : 50);
	}
	for (unsigned i = 0; i < 50; i++)
		reply_granted(2, 3600);
	look();
	assert_int_equal(world.request_count, 50);
	expect_news("");
}

static void who_needs_a_human_is_told_of_once(void **state)
{
	(void)state;
	sign_in_long_ago("alice@example.org", 40);
	start_with_news(ACCOUNTS(ALICE));
	look();
	reply_error("invalid_grant");
	expect_news("alice@example.org alice@example.org sign-in\n");
	assert_int_equal(count_logged("info token-failed"), 1);
	/* By the hour, quietly. */
	for (unsigned hour = 0; hour < 3; hour++) {
		later(3599);
		look();
		assert_int_equal(world.request_count, hour + 1);
		later(1);
		look();
		assert_int_equal(world.request_count, hour + 2);
		reply_error("invalid_grant");
	}
	expect_news("");
	assert_int_equal(count_logged("info token-failed"), 1);
	/* For another reason. */
	later(3600);
	look();
	reply_failed(HTTP_UNTRUSTED);
	expect_news("alice@example.org alice@example.org administrator\n");
	later(3600);
	look();
	reply_granted(2, 3600);
	expect_news("alice@example.org alice@example.org works\n");
	assert_int_equal(count_logged("info token-works-again account=alice@example.org"), 1);
}

static void who_waited_is_told_and_nobody_else(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start_with_news(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	expect_news("");
	later(3600);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_granted(2, 0);
	expect_token(&asker, "access-2", true);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "What went wrong");
	expect_news("");
	/* But a success that nobody waited for ends it. */
	later(3600);
	look();
	reply_granted(2, 3600);
	expect_news("alice@example.org alice@example.org works\n");
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-2", false);
}

static void temporary_trouble_of_an_idle_one_is_no_news(void **state)
{
	(void)state;
	sign_in_long_ago("alice@example.org", 40);
	start_with_news(ACCOUNTS(ALICE));
	for (unsigned i = 1; i < 5; i++) {
		look();
		assert_int_equal(world.request_count, i);
		reply_failed(HTTP_UNREACHABLE);
		look();
		assert_int_equal(world.request_count, i);
		later(300);
	}
	look();
	reply_granted(2, 3600);
	expect_news("");
}

static void temporary_trouble_is_not_tried_again_for_nobody(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start_with_news(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_failed(HTTP_UNREACHABLE);
	later(3600);
	look();
	assert_int_equal(world.request_count, 1);
}

static void a_file_that_cannot_be_used_is_news(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0)->status = TOKEN_STORE_DAMAGED;
	signed_in("imap.example.org", "bob@example.org", 0)->status = TOKEN_STORE_REFUSED;
	start_with_news(ACCOUNTS(ALICE AND BOB));
	expect_news("alice@example.org alice@example.org sign-in\n"
		    "bob@example.org bob@example.org administrator\n");
	file_of("imap.example.org", "bob@example.org")->status = TOKEN_STORE_OK;
	later(3600);
	look();
	expect_news("bob@example.org bob@example.org works\n");
}

static void news_of_an_application_is_for_each_of_its_accounts(void **state)
{
	(void)state;
	start_with_news(ACCOUNTS(ALICE AND APP1 AND APP2));
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_error("invalid_client");
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "What went wrong");
	later(3600);
	look();
	assert_int_equal(world.request_count, 2);
	reply_granted(1, 3600);
	expect_news("one@app.example one@app.example works\n"
		    "two@app.example two@app.example works\n");
}

static void names_of_one_mailbox_share_its_sign_in_and_its_news(void **state)
{
	(void)state;
	sign_in_long_ago("shared@example.org", 40);
	start_with_news(ACCOUNTS(
		SHARED_OF("ann@example.org", "shared@example.org", OAUTH_OF("app-1", SCOPE))
			AND SHARED_OF("ben@example.org", "shared@example.org",
				      OAUTH_OF("app-1", SCOPE))));
	look();
	reply_error("invalid_grant");
	expect_news("ann@example.org shared@example.org sign-in\n"
		    "ben@example.org shared@example.org sign-in\n");
	ask(&asker, "ben@example.org", OAUTH_ANY);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "");
	assert_int_equal(world.request_count, 1);
}

/* ---- reloading ---- */

static size_t count_grants(void)
{
	size_t count = 0;

	for (const struct grant *grant = world.oauth->first; grant != NULL; grant = grant->next)
		count++;
	return count;
}

static void a_reload_ends_holds(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start_with_news(ACCOUNTS(ALICE AND APP1));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_error("invalid_client");
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "");
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_error("invalid_client");
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "");
	reload(ACCOUNTS(ALICE AND APP1));
	/* Nothing is asked for without need. */
	look();
	assert_int_equal(world.request_count, 2);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_granted(3, 3600);
	expect_token(&asker, "access-3", true);
}

static void a_reload_does_not_end_a_pause(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start_with_news(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_body(429, 60, "");
	expect_trouble(&asker, OAUTH_BACKING_OFF, "");
	reload(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_trouble(&asker, OAUTH_BACKING_OFF, "");
	assert_int_equal(world.request_count, 1);
}

static void a_reload_looks_for_sign_ins_again(void **state)
{
	(void)state;
	start_with_news(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_trouble(&asker, OAUTH_NEVER_SIGNED_IN, "");
	/* Somebody brought the files from another machine. */
	signed_in("imap.example.org", "alice@example.org", 3000);
	reload(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
}

static void accounts_that_are_gone_are_forgotten_and_their_files_stay(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3000);
	signed_in("imap.example.org", "bob@example.org", 3000);
	signed_in("imap.example.org", "u@wild.example", 3000);
	start_with_news(ACCOUNTS(ALICE AND BOB AND WILD AND APP1));
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	assert_int_equal(count_grants(), 4);
	reload(ACCOUNTS(BOB));
	assert_int_equal(count_grants(), 1);
	assert_true(alice_file()->there);
	reload(ACCOUNTS(ALICE AND BOB AND WILD AND APP1));
	assert_int_equal(count_grants(), 3);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
	ask(&asker, "u@wild.example", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
	assert_int_equal(world.request_count, 1);
}

static void accounts_that_stay_keep_what_they_have(void **state)
{
	unsigned loads;

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3000);
	signed_in("imap.example.org", "u@wild.example", 3000);
	start_with_news(ACCOUNTS(ALICE AND WILD AND APP1));
	ask(&asker, "one@app.example", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	loads = world.loads;
	reload(ACCOUNTS(BOB AND APP2 AND WILD AND ALICE AND APP1));
	/* Bob's file alone is looked for. */
	assert_int_equal(world.loads, loads + 1);
	ask_only(&asker, "one@app.example", OAUTH_ANY);
	expect_token(&asker, "access-2", false);
	ask_only(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
	ask_only(&asker, "u@wild.example", OAUTH_ANY);
	expect_token(&asker, "access-1", false);
}

static void a_refresh_under_way_is_finished_for_an_account_that_is_gone(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start_with_news(ACCOUNTS(ALICE));
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reload(ACCOUNTS(BOB));
	assert_int_equal(count_grants(), 2);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	assert_string_equal(alice_file()->refresh, "refresh-2");
	assert_int_equal(count_grants(), 1);
}

static void a_session_of_the_old_configuration_may_still_ask(void **state)
{
	struct setup *old;

	(void)state;
	signed_in("imap.example.org", "alice@example.org", 0);
	start_with_news(ACCOUNTS(ALICE));
	struct oauth_client client = client_of("alice@example.org");
	old = setup_ref(world.setup);
	reload(ACCOUNTS(BOB));
	assert_true(oauth_get(world.oauth, &client, OAUTH_ANY, on_result, &asker, 4711));
	setup_unref(&old);
	happen();
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	reload(ACCOUNTS(BOB));
	assert_int_equal(count_grants(), 1);
}

/* ---- clocks ---- */

static void the_wall_clock_ends_no_token(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3600);
	start_with_news(ACCOUNTS(ALICE));
	static const time_t walls[] = { NOW + 7200, NOW - 7200, 0, NOW + 365 * DAY };
	for (size_t i = 0; i < ROWS(walls); i++) {
		world.now.wall = walls[i];
		ask(&asker, "alice@example.org", OAUTH_ANY);
		expect_token(&asker, "access-1", false);
	}
	assert_int_equal(world.request_count, 0);
}

static void sleep_of_the_machine_does(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3600);
	start_with_news(ACCOUNTS(ALICE));
	/* And a wall clock that stands still keeps none alive. */
	world.now.ms += 3600 * 1000;
	ask(&asker, "alice@example.org", OAUTH_ANY);
	assert_int_equal(world.request_count, 1);
}

static void a_clock_that_starts_at_1970_makes_no_storm(void **state)
{
	(void)state;
	signed_in("imap.example.org", "alice@example.org", 3600);
	signed_in("imap.example.org", "bob@example.org", 3600);
	world.now.wall = 5;
	start_with_news(ACCOUNTS(ALICE AND BOB));
	look();
	assert_int_equal(world.request_count, 0);
	/* Who asks gets a token of which somebody knows how long it lasts. */
	ask(&asker, "alice@example.org", OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	world.now.wall = NOW;
	later(3000);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	expect_token(&asker, "access-2", false);
	/* What was written then has a date that cannot be: it is refreshed, once. */
	look();
	assert_int_equal(world.request_count, 2);
	reply_granted(3, 3600);
	look();
	assert_int_equal(world.request_count, 2);
}

static void many_reloads_look_through_the_folder_once(void **state)
{
	(void)state;
	start_with_news(ACCOUNTS(WILD));
	unsigned before = world.listings;
	for (unsigned i = 0; i < 5; i++) {
		setup_unref(&world.setup);
		world.setup = load(ACCOUNTS(WILD));
		oauth_reload(world.oauth, world.setup);
	}
	happen();
	assert_int_equal(world.listings, before + 1);
	reload(ACCOUNTS(WILD));
	assert_int_equal(world.listings, before + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		watch_test(an_idle_sign_in_is_refreshed),
		watch_test(sign_ins_below_a_wildcard_are_found_and_refreshed_in_turn),
		watch_test(who_needs_a_human_is_told_of_once),
		watch_test(who_waited_is_told_and_nobody_else),
		watch_test(temporary_trouble_of_an_idle_one_is_no_news),
		watch_test(temporary_trouble_is_not_tried_again_for_nobody),
		watch_test(a_file_that_cannot_be_used_is_news),
		watch_test(news_of_an_application_is_for_each_of_its_accounts),
		watch_test(names_of_one_mailbox_share_its_sign_in_and_its_news),
		watch_test(a_reload_ends_holds),
		watch_test(a_reload_does_not_end_a_pause),
		watch_test(a_reload_looks_for_sign_ins_again),
		watch_test(many_reloads_look_through_the_folder_once),
		watch_test(accounts_that_are_gone_are_forgotten_and_their_files_stay),
		watch_test(accounts_that_stay_keep_what_they_have),
		watch_test(a_refresh_under_way_is_finished_for_an_account_that_is_gone),
		watch_test(a_session_of_the_old_configuration_may_still_ask),
		watch_test(the_wall_clock_ends_no_token),
		watch_test(sleep_of_the_machine_does),
		watch_test(a_clock_that_starts_at_1970_makes_no_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
