/* SPDX-License-Identifier: ISC */
/*
 * A disk that fails, and a process that is killed. What the store asks of the system to change the
 * disk goes through functions of this test (-Wl,--wrap), so that it can die, or be refused, at each
 * step.
 */
#include "daemon/oauth/token_store.h"
#include "tests/unit/token_place.h"

#include <errno.h>
#include <sys/wait.h>

enum trouble { TROUBLE_NONE, TROUBLE_DIE, TROUBLE_ERROR };

static struct {
	enum trouble trouble;
	unsigned at; /* the step that it happens at, from 1 */
	unsigned steps;
} fate;

/* What was done, in order: a letter for each. */
static char done[64];

static void note(char letter)
{
	size_t len = strlen(done);

	if (len + 1 < sizeof(done))
		done[len] = letter;
}

static bool strikes(void)
{
	if (fate.trouble == TROUBLE_NONE || ++fate.steps != fate.at)
		return false;
	if (fate.trouble == TROUBLE_DIE)
		_exit(0);
	errno = EIO;
	return true;
}

ssize_t __real_write(int fd, const void *octets, size_t len);
ssize_t __wrap_write(int fd, const void *octets, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __real_close(int fd);
int __wrap_close(int fd);

ssize_t __wrap_write(int fd, const void *octets, size_t len)
{
	/* It may end in the middle, too. */
	if (fate.trouble != TROUBLE_NONE && fate.steps + 1 == fate.at)
		(void)!__real_write(fd, octets, len / 2);
	note('w');
	return strikes() ? -1 : __real_write(fd, octets, len);
}

int __wrap_fsync(int fd)
{
	note('s');
	return strikes() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	note('r');
	return strikes() ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	return strikes() ? -1 : __real_unlinkat(fd, name, flags);
}

int __wrap_close(int fd)
{
	bool struck = strikes();
	int result = __real_close(fd);

	return struck ? -1 : result;
}

enum { STEPS_MAX = 40 };

/* Saves "new" in a child that dies at a step. False: it came to the end first. */
static bool dies_at(struct place *place, unsigned step)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		fate.trouble = TROUBLE_DIE;
		fate.at = step;
		_exit(save(place, &anna, "new") == TOKEN_STORE_OK ? 1 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 2);
	return WEXITSTATUS(status) == 0;
}

static void die_at_each_step(struct place *place, const char *old)
{
	bool died = true;
	unsigned step = 1;
	unsigned with_new = 0;

	for (; died; step++) {
		char found[64] = "";

		assert_in_range(step, 1, STEPS_MAX);
		if (old != NULL)
			assert_int_equal(save(place, &anna, old), TOKEN_STORE_OK);
		else
			assert_int_equal(token_store_remove(&place->store, &anna, place->error,
							    sizeof(place->error)),
					 TOKEN_STORE_OK);
		died = dies_at(place, step);
		token_store_close(&place->store);
		open_store(place);
		enum token_store_status status = load(place, &anna, found);
		bool is_new = status == TOKEN_STORE_OK && strcmp(found, "new") == 0;
		bool is_old = old != NULL ? status == TOKEN_STORE_OK && strcmp(found, old) == 0
					  : status == TOKEN_STORE_NONE;
		if (!is_new && !is_old)
			fail_msg("step %u: %d %s", step, (int)status, place->error);
		assert_true(died || is_new);
		with_new += is_new;
	}
	/* write, fsync, close, rename, fsync, close: on both sides of the rename. */
	assert_in_range(step, 6, STEPS_MAX);
	assert_in_range(with_new, 2, step - 3);
}

static void test_whoever_dies_leaves_the_old_or_the_new(void **state)
{
	die_at_each_step(*state, "old");
	die_at_each_step(*state, NULL);
}

static void test_a_disk_that_fails_leaves_the_old_or_the_new(void **state)
{
	struct place *place = *state;
	enum token_store_status status = TOKEN_STORE_FAILED;
	unsigned failures = 0;
	char path[PATH_LEN];

	for (unsigned step = 1; step <= STEPS_MAX; step++) {
		char found[64];

		assert_int_equal(save(place, &anna, "old"), TOKEN_STORE_OK);
		place->error[0] = '\0';
		fate.trouble = TROUBLE_ERROR;
		fate.at = step;
		fate.steps = 0;
		status = save(place, &anna, "new");
		fate.trouble = TROUBLE_NONE;
		failures += status != TOKEN_STORE_OK;
		if (status != TOKEN_STORE_OK)
			assert_non_null(strstr(place->error, strerror(EIO)));
		assert_int_equal(load(place, &anna, found), TOKEN_STORE_OK);
		if (status == TOKEN_STORE_OK)
			assert_string_equal(found, "new");
		else if (strcmp(found, "new") != 0)
			assert_string_equal(found, "old");
		find_file(place, path); /* nothing lies beside it */
	}
	assert_int_equal(status, TOKEN_STORE_OK);
	assert_in_range(failures, 5, 10);
}

/* What a process that is killed cannot show: a power cut takes with it what was not synchronised.
 */
static void test_the_new_one_is_on_disk_before_it_takes_the_place(void **state)
{
	struct place *place = *state;

	assert_int_equal(save(place, &anna, "old"), TOKEN_STORE_OK);
	memset(done, 0, sizeof(done));
	assert_int_equal(save(place, &anna, "new"), TOKEN_STORE_OK);
	/* write, fsync of the file, rename, fsync of the folder */
	assert_string_equal(done, "wsrs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whoever_dies_leaves_the_old_or_the_new),
		TEST(test_a_disk_that_fails_leaves_the_old_or_the_new),
		TEST(test_the_new_one_is_on_disk_before_it_takes_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
