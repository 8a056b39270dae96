/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_key.h"
#include "tests/unit/token_place.h"

#include <sys/wait.h>

static void test_keys_that_cannot_be_used(void **state)
{
	struct place *place = *state;
	unsigned char key[SEAL_KEY_LEN + 1] = { 0 };
	char elsewhere[PATH_LEN];

	write_file(place->key_file, key, SEAL_KEY_LEN - 1, 0600);
	assert_does_not_open(place, true, "exactly 32 octets");
	write_file(place->key_file, key, SEAL_KEY_LEN + 1, 0600);
	assert_does_not_open(place, true, "exactly 32 octets");
	write_file(place->key_file, key, 0, 0600);
	assert_does_not_open(place, true, "exactly 32 octets");
	write_file(place->key_file, key, SEAL_KEY_LEN, 0640);
	assert_does_not_open(place, true, "others may read");
	write_file(place->key_file, key, SEAL_KEY_LEN, 0604);
	assert_does_not_open(place, false, "others may read");
	assert_int_equal(unlink(place->key_file), 0);
	assert_does_not_open(place, false, "No such file");
	assert_int_equal(mkdir(place->key_file, 0700), 0);
	assert_does_not_open(place, false, "not a file");
	assert_int_equal(rmdir(place->key_file), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", place->folder);
	assert_int_equal(symlink(elsewhere, place->key_file), 0);
	assert_does_not_open(place, true, "symbolic link");
	if (geteuid() == 0) {
		assert_int_equal(unlink(place->key_file), 0);
		write_file(place->key_file, key, SEAL_KEY_LEN, 0600);
		assert_int_equal(chown(place->key_file, 65534, (gid_t)-1), 0);
		assert_does_not_open(place, true, "another user");
	}
}

static bool opens_as_nobody(const struct place *place)
{
	struct token_store store;
	char error[600];
	char folder[PATH_LEN];

	/* A folder of nobody's own. */
	snprintf(folder, sizeof(folder), "%s/state", place->folder);
	return setegid(65534) == 0 && seteuid(65534) == 0 &&
	       token_store_open(&store, folder, place->key_file, false, error, sizeof(error));
}

/* As systemd shows a credential to a service that is not root: root's, and readable by a list. */
static void test_a_credential_is_a_key(void **state)
{
	static const struct {
		mode_t mode;
		bool opens;
	} rows[] = { { 0440, true }, { 0460, false }, { 0450, false }, { 0444, false } };
	struct place *place = *state;
	char folder[PATH_LEN], names[2000];

	if (geteuid() != 0)
		skip();
	snprintf(folder, sizeof(folder), "%s/state", place->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chown(folder, 65534, 65534), 0);
	assert_int_equal(chmod(place->folder, 0711), 0);
	assert_int_equal(chown(place->key_file, 0, 65534), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status;

		assert_int_equal(chmod(place->key_file, rows[i].mode), 0);
		pid_t child = fork();
		if (child == 0)
			_exit(opens_as_nobody(place) ? 0 : 1);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(WEXITSTATUS(status), rows[i].opens ? 0 : 1);
	}
	list(folder, names, true);
}

static void test_a_key_may_be_a_link_where_somebody_chose_it(void **state)
{
	struct place *place = *state;
	char elsewhere[PATH_LEN];
	struct token_store store;

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", place->folder);
	assert_int_equal(rename(place->key_file, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, place->key_file), 0);
	assert_true(token_store_open(&store, place->folder, place->key_file, false, place->error,
				     sizeof(place->error)));
	assert_memory_equal(store.key, place->store.key, SEAL_KEY_LEN);
	assert_string_equal(store.key_mark, place->store.key_mark);
	token_store_close(&store);
}

static void test_keys_are_made_once(void **state)
{
	struct place *place = *state;
	unsigned char key[SEAL_KEY_LEN];
	char names[2000];

	memcpy(key, place->store.key, sizeof(key));
	token_store_close(&place->store);
	open_store(place);
	assert_memory_equal(place->store.key, key, sizeof(key));
	token_store_close(&place->store);
	assert_int_equal(unlink(place->key_file), 0);
	open_store(place);
	assert_memory_not_equal(place->store.key, key, sizeof(key));
	assert_int_equal(list(place->folder, names, false), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys_that_cannot_be_used),
		TEST(test_a_credential_is_a_key),
		TEST(test_a_key_may_be_a_link_where_somebody_chose_it),
		TEST(test_keys_are_made_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
