/* SPDX-License-Identifier: ISC */
/* The token service while memory runs out: each allocation of a life is refused in turn, and then
 * that one and all that follow. */
#include "tests/unit/oauth_fixture.h"

#include <stdatomic.h>

static atomic_int allocations_left = -1; /* before the first that is refused; -1: none is */
static atomic_bool refuse_all;
static atomic_int refused;

static bool refuse(void)
{
	int left = atomic_load(&allocations_left);

	if (left < 0)
		return false;
	if (left > 0) {
		atomic_fetch_sub(&allocations_left, 1);
		return false;
	}
	if (!atomic_load(&refuse_all))
		atomic_store(&allocations_left, -1);
	atomic_fetch_add(&refused, 1);
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return refuse() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
	return refuse() ? NULL : __real_realloc(memory, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return refuse() ? NULL : __real_strdup(text);
}

int __wrap_asprintf(char **text_r, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **text_r, const char *format, ...)
{
	va_list arguments;

	if (refuse())
		return -1;
	va_start(arguments, format);
	int len = vasprintf(text_r, format, arguments);
	va_end(arguments);
	return len;
}

/* ---- a life ---- */

static void on_any_result(void *owner, uint64_t ticket, const struct oauth_result *result)
{
	unsigned *calls = owner;

	(void)ticket;
	assert_true((result->token == NULL) == (result->trouble != NULL));
	++*calls;
}

/* Asks, and sees that an answer comes if it was promised. */
static void ask_for_life(const char *name, enum oauth_need need, unsigned number)
{
	struct oauth_client client = client_of(name);
	unsigned calls = 0;
	bool promised = oauth_get(world.oauth, &client, need, on_any_result, &calls, 0);

	happen();
	while (world.answered < world.request_count)
		reply_granted(number, 3600);
	assert_int_equal(calls, promised);
}

static void on_any_stored(void *owner, uint64_t ticket, const char *error)
{
	unsigned *calls = owner;

	(void)ticket;
	(void)error;
	++*calls;
}

static void sign_in_for_life(void)
{
	struct oauth_client client = client_of("alice@example.org");
	struct token_answer answer = { .kind = TOKEN_GRANTED, .expires_in = 3600 };
	unsigned calls = 0;

	answer.access = secret_of("access-7");
	answer.refresh = secret_of("refresh-7");
	bool promised =
		answer.access != NULL && answer.refresh != NULL &&
		oauth_sign_in(world.oauth, &client, &answer, "paste", on_any_stored, &calls, 0);
	happen();
	assert_int_equal(calls, promised);
	secret_free(&answer.access);
	secret_free(&answer.refresh);
}

static void sign_out_for_life(void)
{
	struct oauth_client client = client_of("bob@example.org");
	unsigned calls = 0;
	bool promised = oauth_sign_out(world.oauth, &client, on_any_stored, &calls, 0);

	happen();
	assert_int_equal(calls, promised);
}

/* A hold, and somebody who says it has been mended. */
static void be_refused_for_life(void)
{
	struct oauth_client client = client_of("u@wild.example");
	unsigned calls = 0;
	bool promised = oauth_get(world.oauth, &client, OAUTH_FRESH, on_any_result, &calls, 0);

	happen();
	while (world.answered < world.request_count)
		reply_error("invalid_grant");
	assert_int_equal(calls, promised);
	ask_for_life("u@wild.example", OAUTH_TRY, 4);
}

static void live(void)
{
	ask_for_life("alice@example.org", OAUTH_ANY, 2);
	ask_for_life("one@app.example", OAUTH_ANY, 2);
	ask_for_life("u@wild.example", OAUTH_ANY, 2);
	be_refused_for_life();
	ask_for_life("alice@example.org", OAUTH_FRESH, 3);
	sign_in_for_life();
	later(3600);
	ask_for_life("alice@example.org", OAUTH_ANY, 8);
	sign_out_for_life();
	struct oauth_client client = client_of("alice@example.org");
	(void)oauth_refused(world.oauth, &client, "no");
	oauth_reload(world.oauth, world.setup);
	happen();
	watch_look(world.oauth);
	happen();
}

/* Whatever happened: what is on disk is a sign-in, and it works. */
static void live_on(void)
{
	struct asker asker = { 0 };

	atomic_store(&allocations_left, -1);
	assert_true(alice_file()->there);
	later(3600);
	ask(&asker, "alice@example.org", OAUTH_ANY);
	while (world.answered < world.request_count)
		reply_granted(9, 3600);
	expect_token(&asker, "access-9", true);
	assert_string_equal(alice_file()->refresh, "refresh-9");
}

static int memory_setup(void **state)
{
	if (world_setup(state) != 0)
		return -1;
	world.setup = load(ACCOUNTS(ALICE AND BOB AND WILD AND APP1));
	return 0;
}

static void live_without(int first_refused, bool all)
{
	char error[300];

	world_begin();
	signed_in("imap.example.org", "alice@example.org", 0);
	signed_in("imap.example.org", "bob@example.org", 3000);
	signed_in("imap.example.org", "u@wild.example", 0);
	atomic_store(&refuse_all, all);
	atomic_store(&refused, 0);
	atomic_store(&allocations_left, first_refused);
	world.oauth = oauth_new(&world.loop, &world.log, NULL, world.setup, error, sizeof(error));
	if (world.oauth != NULL) {
		happen();
		live();
		live_on();
		oauth_free(&world.oauth);
	}
	atomic_store(&allocations_left, -1);
}

static void one_allocation_that_fails_does_little_harm(void **state)
{
	int i = 0;

	(void)state;
	do
		live_without(i++, false);
	while (atomic_load(&refused) > 0);
	assert_in_range(i, 100, 10000);
}

static void all_allocations_that_fail_lose_no_sign_in(void **state)
{
	int i = 0;

	(void)state;
	do
		live_without(i++, true);
	while (atomic_load(&refused) > 0);
	assert_in_range(i, 100, 10000);
}

#define memory_test(name) cmocka_unit_test_setup_teardown(name, memory_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		memory_test(one_allocation_that_fails_does_little_harm),
		memory_test(all_allocations_that_fail_lose_no_sign_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
