/* SPDX-License-Identifier: ISC */
/* Signing in and out, disks that fail, and the death of the process at any moment. */
#include "tests/unit/oauth_fixture.h"

static struct asker asker;
static struct person person;

static int alice_setup(void **state)
{
	if (world_setup(state) != 0)
		return -1;
	asker = (struct asker){ 0 };
	person = (struct person){ 0 };
	signed_in("imap.example.org", "alice@example.org", 0);
	start(ACCOUNTS(ALICE));
	return 0;
}

#define alice_test(name) cmocka_unit_test_setup_teardown(name, alice_setup, world_teardown)

static void ask_alice(enum oauth_need need)
{
	ask(&asker, "alice@example.org", need);
}

static void expect_stored(const char *error)
{
	assert_int_equal(person.calls, 1);
	assert_string_equal(person.error, error);
	person = (struct person){ 0 };
}

static void restart(void)
{
	oauth_free(&world.oauth);
	/* What waited for the provider is gone with the process. */
	world.answered = world.request_count;
	start_oauth();
	happen();
}

/* ---- signing in and out ---- */

static void a_sign_in_is_used_once_it_is_on_disk(void **state)
{
	struct oauth_client client = client_of("alice@example.org");
	struct oauth_status status;

	(void)state;
	world.disk_slow = true;
	sign_in_only(&person, "alice@example.org", 5);
	ask_only(&asker, "alice@example.org", OAUTH_ANY);
	turn();
	assert_int_equal(person.calls, 0);
	assert_int_equal(asker.calls, 0);
	disk_let_go();
	happen();
	expect_stored("");
	expect_token(&asker, "access-5", true);
	assert_int_equal(world.request_count, 0);
	assert_string_equal(alice_file()->refresh, "refresh-5");
	assert_string_equal(alice_file()->flow, "device");
	assert_int_equal(alice_file()->signed_in, world.now.wall);
	oauth_describe(world.oauth, &client, &status);
	assert_string_equal(status.flow, "device");
	assert_int_equal(status.expires_in, 3600);
	assert_int_equal(count_logged("info signed-in account=alice@example.org flow=device"), 1);
	restart();
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-5", false);
}

static void the_first_sign_in_ends_never_signed_in(void **state)
{
	(void)state;
	reload(ACCOUNTS(ALICE AND BOB));
	ask(&asker, "bob@example.org", OAUTH_ANY);
	expect_trouble(&asker, OAUTH_NEVER_SIGNED_IN, "");
	sign_in_only(&person, "bob@example.org", 5);
	happen();
	expect_stored("");
	ask(&asker, "bob@example.org", OAUTH_ANY);
	expect_token(&asker, "access-5", false);
}

static void a_sign_in_ends_a_hold(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	reply_error("invalid_grant");
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "");
	sign_in_only(&person, "alice@example.org", 5);
	happen();
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-5", false);
	later(3600);
	ask_alice(OAUTH_ANY);
	assert_non_null(strstr(world.requests[1].form, "refresh_token=refresh-5"));
	/* The next one is an incident of its own. */
	reply_error("invalid_grant");
	assert_int_equal(count_logged("info token-failed"), 2);
}

static void a_sign_in_counts_and_not_the_refresh_under_way(void **state)
{
	struct asker fresh = { 0 };

	(void)state;
	ask_alice(OAUTH_ANY);
	ask(&fresh, "alice@example.org", OAUTH_FRESH);
	assert_int_equal(world.request_count, 1);
	sign_in_only(&person, "alice@example.org", 5);
	happen();
	expect_token(&asker, "access-5", true);
	expect_token(&fresh, "access-5", true);
	/* The provider's answer comes too late. */
	reply_granted(2, 3600);
	assert_string_equal(alice_file()->refresh, "refresh-5");
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-5", false);
	assert_int_equal(world.request_count, 1);
}

static void a_sign_in_counts_and_not_the_refresh_that_is_being_written(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	world.disk_slow = true;
	reply_granted_only(2, 3600);
	sign_in_only(&person, "alice@example.org", 5);
	disk_let_go();
	happen();
	expect_stored("");
	assert_int_equal(world.saves, 2);
	assert_string_equal(alice_file()->refresh, "refresh-5");
	expect_token(&asker, "access-5", true);
}

static void of_two_sign_ins_the_last_one_counts(void **state)
{
	struct person other = { 0 };

	(void)state;
	sign_in_only(&other, "alice@example.org", 5);
	sign_in_only(&person, "alice@example.org", 6);
	ask_alice(OAUTH_ANY);
	happen();
	assert_int_equal(other.calls, 1);
	expect_stored("");
	assert_string_equal(alice_file()->refresh, "refresh-6");
	expect_token(&asker, "access-6", true);
}

static void a_sign_in_that_cannot_be_written_changes_nothing(void **state)
{
	(void)state;
	world.disk_full = true;
	sign_in_only(&person, "alice@example.org", 5);
	ask_alice(OAUTH_ANY);
	happen();
	expect_stored("tokens/0123: No space left on device");
	assert_int_equal(count_logged("warning sign-in-not-saved account=alice@example.org"), 1);
	/* The old one goes on. */
	world.disk_full = false;
	assert_int_equal(world.request_count, 1);
	assert_non_null(strstr(world.requests[0].form, "refresh_token=refresh-1"));
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

static void signing_out_forgets(void **state)
{
	struct oauth_client client = client_of("alice@example.org");
	struct oauth_status status;

	(void)state;
	ask_alice(OAUTH_ANY);
	sign_out_only(&person, "alice@example.org");
	happen();
	expect_stored("");
	expect_trouble(&asker, OAUTH_NEVER_SIGNED_IN, "");
	assert_false(alice_file()->there);
	reply_granted(2, 3600);
	assert_false(alice_file()->there);
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_NEVER_SIGNED_IN, "");
	oauth_describe(world.oauth, &client, &status);
	assert_int_equal(status.state, OAUTH_NEVER_SIGNED_IN);
	assert_int_equal(status.expires_in, -1);
	assert_int_equal(status.signed_in, 0);
	assert_int_equal(count_logged("info signed-out account=alice@example.org"), 1);
	restart();
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_NEVER_SIGNED_IN, "");
}

static void a_sign_out_that_cannot_be_written_is_told(void **state)
{
	(void)state;
	world.disk_full = true;
	sign_out_only(&person, "alice@example.org");
	happen();
	expect_stored("tokens/0123: Input/output error");
	assert_true(alice_file()->there);
}

/* ---- files that cannot be used ---- */

static void a_file_that_is_refused_is_left_alone(void **state)
{
	(void)state;
	oauth_free(&world.oauth);
	alice_file()->status = TOKEN_STORE_REFUSED;
	start_oauth();
	happen();
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "tokens/0123: it is broken");
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_ADMINISTRATOR_NEEDED, "tokens/0123: it is broken");
	assert_int_equal(world.saves, 0);
	assert_int_equal(world.request_count, 0);
	assert_int_equal(count_logged("info token-failed"), 1);
	/* Mended, and told so. */
	alice_file()->status = TOKEN_STORE_OK;
	reload(ACCOUNTS(ALICE));
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

static void a_damaged_file_needs_a_sign_in(void **state)
{
	(void)state;
	oauth_free(&world.oauth);
	alice_file()->status = TOKEN_STORE_DAMAGED;
	start_oauth();
	happen();
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_SIGN_IN_NEEDED, "tokens/0123: it is broken");
	sign_in_only(&person, "alice@example.org", 5);
	happen();
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-5", false);
}

static void a_disk_that_fails_is_temporary(void **state)
{
	(void)state;
	oauth_free(&world.oauth);
	alice_file()->status = TOKEN_STORE_FAILED;
	start_oauth();
	happen();
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_BACKING_OFF, "tokens/0123: it is broken");
	later(2);
	alice_file()->status = TOKEN_STORE_OK;
	ask_alice(OAUTH_ANY);
	assert_int_equal(world.request_count, 1);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
}

static void a_file_without_a_refresh_token_is_none(void **state)
{
	(void)state;
	oauth_free(&world.oauth);
	alice_file()->refresh[0] = '\0';
	start_oauth();
	happen();
	ask_alice(OAUTH_ANY);
	expect_trouble(&asker, OAUTH_NEVER_SIGNED_IN, "");
}

static void without_key_or_folder_there_is_no_service(void **state)
{
	char error[300];

	(void)state;
	world.disk_full = true;
	struct oauth *oauth =
		oauth_new(&world.loop, &world.log, NULL, world.setup, error, sizeof(error));
	assert_null(oauth);
	assert_non_null(strstr(error, "token.key: it is full"));
}

/* ---- a full disk ---- */

static void what_cannot_be_written_is_used_and_written_later(void **state)
{
	(void)state;
	world.disk_full = true;
	for (unsigned number = 2; number < 5; number++) {
		ask_alice(OAUTH_ANY);
		reply_granted(number, 0);
		asker = (struct asker){ 0 };
	}
	ask_alice(OAUTH_ANY);
	reply_granted(5, 3600);
	expect_token(&asker, "access-5", true);
	/* The file is as it was, and it is said once. */
	assert_string_equal(alice_file()->refresh, "refresh-1");
	assert_int_equal(count_logged("warning token-not-saved account=alice@example.org "
				      "reason=\"tokens/0123: No space left on device\""),
			 1);
	later(30);
	watch_look(world.oauth);
	happen();
	assert_int_equal(world.saves, 5);
	assert_int_equal(count_logged("token-not-saved"), 1);
	world.disk_full = false;
	watch_look(world.oauth);
	happen();
	assert_string_equal(alice_file()->refresh, "refresh-5");
	assert_string_equal(alice_file()->access, "access-5");
	assert_int_equal(count_logged("info token-saved account=alice@example.org"), 1);
	watch_look(world.oauth);
	happen();
	assert_int_equal(world.saves, 6);
}

static void a_sign_in_that_cannot_be_written_leaves_what_could_not_be_either(void **state)
{
	(void)state;
	world.disk_full = true;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	sign_in_only(&person, "alice@example.org", 5);
	happen();
	expect_stored("tokens/0123: No space left on device");
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-2", false);
	world.disk_full = false;
	watch_look(world.oauth);
	happen();
	assert_string_equal(alice_file()->refresh, "refresh-2");
}

static void what_could_not_be_written_does_not_overtake_a_sign_in(void **state)
{
	(void)state;
	world.disk_full = true;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	world.disk_full = false;
	world.disk_slow = true;
	watch_look(world.oauth);
	watch_look(world.oauth);
	sign_in_only(&person, "alice@example.org", 5);
	watch_look(world.oauth);
	disk_let_go();
	happen();
	watch_look(world.oauth);
	happen();
	assert_string_equal(alice_file()->refresh, "refresh-5");
	/* The one that failed, the one that did not, and the sign-in. */
	assert_int_equal(world.saves, 3);
}

static void a_sign_in_under_way_is_not_overtaken_either(void **state)
{
	(void)state;
	world.disk_full = true;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	world.disk_full = false;
	world.disk_slow = true;
	sign_in_only(&person, "alice@example.org", 5);
	watch_look(world.oauth);
	disk_let_go();
	happen();
	assert_string_equal(alice_file()->refresh, "refresh-5");
	assert_int_equal(world.saves, 2);
}

static void what_could_not_be_written_is_written_at_the_end(void **state)
{
	(void)state;
	world.disk_full = true;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	expect_token(&asker, "access-2", true);
	world.disk_full = false;
	restart();
	assert_string_equal(alice_file()->refresh, "refresh-2");
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-2", false);
}

static void an_account_that_is_gone_is_kept_until_it_is_written(void **state)
{
	(void)state;
	world.disk_full = true;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 3600);
	reload(ACCOUNTS(BOB));
	world.disk_full = false;
	watch_look(world.oauth);
	happen();
	assert_string_equal(alice_file()->refresh, "refresh-2");
	/* Bob alone is left. */
	assert_null(world.oauth->first->next);
}

static void writing_again_gives_way_to_what_is_newer(void **state)
{
	(void)state;
	world.disk_full = true;
	ask_alice(OAUTH_ANY);
	reply_granted(2, 0);
	expect_token(&asker, "access-2", true);
	world.disk_full = false;
	world.disk_slow = true;
	watch_look(world.oauth);
	/* It is being written, and an answer comes meanwhile. */
	ask_only(&asker, "alice@example.org", OAUTH_ANY);
	reply_granted_only(3, 3600);
	disk_let_go();
	happen();
	expect_token(&asker, "access-3", true);
	assert_string_equal(alice_file()->refresh, "refresh-3");
	watch_look(world.oauth);
	happen();
	assert_int_equal(world.saves, 3);
}

/* ---- the end ---- */

static void the_end_waits_for_what_is_being_written(void **state)
{
	(void)state;
	ask_alice(OAUTH_ANY);
	world.disk_slow = true;
	reply_granted_only(2, 3600);
	disk_let_go();
	restart();
	/* Whoever waited is not called any more, but nothing is lost. */
	assert_int_equal(asker.calls, 0);
	assert_string_equal(alice_file()->refresh, "refresh-2");
	ask_alice(OAUTH_ANY);
	expect_token(&asker, "access-2", false);
}

static void the_end_may_come_while_anything_is_under_way(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		ask_only(&asker, "alice@example.org", OAUTH_FRESH);
		if (i % 2 == 0)
			happen();
		if (i == 3)
			sign_in_only(&person, "alice@example.org", 5);
		if (i == 4)
			sign_out_only(&person, "alice@example.org");
		oauth_free(&world.oauth);
		start_oauth();
	}
	assert_int_equal(asker.calls, 0);
	assert_int_equal(person.calls, 0);
	happen();
}

/* ---- kill -9 ---- */

/* A provider that rotates refresh tokens, and honours the last one it gave and the one before. */
static unsigned provider_number;

static bool provider_honours(const char *refresh)
{
	char last[32], before[32];

	(void)snprintf(last, sizeof(last), "refresh-%u", provider_number);
	(void)snprintf(before, sizeof(before), "refresh-%u", provider_number - 1);
	return strcmp(refresh, last) == 0 || strcmp(refresh, before) == 0;
}

/* Answers the request, if its token is one of those. */
static void provider_grant(bool arrives)
{
	static const char name[] = "refresh_token=refresh-";
	const char *sent = strstr(world.requests[world.answered].form, name);
	char refresh[32];

	assert_non_null(sent);
	sent += strcspn(sent, "=") + 1;
	(void)snprintf(refresh, sizeof(refresh), "%.*s", (int)strcspn(sent, "&"), sent);
	if (!provider_honours(refresh))
		fail_msg("%s was sent, the last one was refresh-%u", refresh, provider_number);
	provider_number++;
	if (arrives)
		reply_granted_only(provider_number, 3600);
	else
		world.answered++;
}

enum { KILL_STEPS = 6 };

/* Dies at a step of a refresh; or at none. */
static void refresh_and_die(unsigned step)
{
	if (step == 0)
		goto dead;
	ask_only(&asker, "alice@example.org", OAUTH_FRESH);
	if (step == 1)
		goto dead; /* before the request */
	happen();
	assert_int_equal(world.request_count - world.answered, 1);
	provider_grant(step != 2);
	if (step == 2)
		goto dead; /* granted, but the answer did not come */
	if (step == 3)
		goto dead; /* it came */
	happen();
	assert_int_equal(asker.calls, 1);
	assert_string_equal(asker.saved + strlen("refresh-"), asker.token + strlen("access-"));
	if (step == 4)
		goto dead; /* it was given out */
	later(3600);
	ask_only(&asker, "alice@example.org", OAUTH_ANY);
dead:
	world.killed = true;
	restart();
	world.killed = false;
	asker = (struct asker){ 0 };
}

static void dying_at_any_moment_loses_no_sign_in(void **state)
{
	unsigned chance = 1;

	(void)state;
	provider_number = 1;
	for (unsigned i = 0; i < 150; i++) {
		/* Each step after each other one. */
		chance = chance * 1103515245U + 12345U;
		refresh_and_die((chance >> 16) % KILL_STEPS);
		assert_true(provider_honours(alice_file()->refresh));
		/* And it works. */
		ask_alice(OAUTH_FRESH);
		provider_grant(true);
		happen();
		assert_int_equal(asker.calls, 1);
		assert_int_equal(asker.trouble.state, OAUTH_OK);
		asker = (struct asker){ 0 };
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		alice_test(a_sign_in_is_used_once_it_is_on_disk),
		alice_test(the_first_sign_in_ends_never_signed_in),
		alice_test(a_sign_in_ends_a_hold),
		alice_test(a_sign_in_counts_and_not_the_refresh_under_way),
		alice_test(a_sign_in_counts_and_not_the_refresh_that_is_being_written),
		alice_test(of_two_sign_ins_the_last_one_counts),
		alice_test(a_sign_in_that_cannot_be_written_changes_nothing),
		alice_test(signing_out_forgets),
		alice_test(a_sign_out_that_cannot_be_written_is_told),
		alice_test(a_file_that_is_refused_is_left_alone),
		alice_test(a_damaged_file_needs_a_sign_in),
		alice_test(a_disk_that_fails_is_temporary),
		alice_test(a_file_without_a_refresh_token_is_none),
		alice_test(without_key_or_folder_there_is_no_service),
		alice_test(what_cannot_be_written_is_used_and_written_later),
		alice_test(a_sign_in_that_cannot_be_written_leaves_what_could_not_be_either),
		alice_test(what_could_not_be_written_does_not_overtake_a_sign_in),
		alice_test(a_sign_in_under_way_is_not_overtaken_either),
		alice_test(what_could_not_be_written_is_written_at_the_end),
		alice_test(an_account_that_is_gone_is_kept_until_it_is_written),
		alice_test(writing_again_gives_way_to_what_is_newer),
		alice_test(the_end_waits_for_what_is_being_written),
		alice_test(the_end_may_come_while_anything_is_under_way),
		alice_test(dying_at_any_moment_loses_no_sign_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
