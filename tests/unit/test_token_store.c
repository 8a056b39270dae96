/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_store.h"
#include "tests/unit/token_place.h"

/* ---- what is kept ---- */

static void test_a_sign_in_comes_back(void **state)
{
	struct place *place = *state;
	struct token_record record = record_of("R\"\\~", "A"), found;

	assert_int_equal(
		token_store_save(&place->store, &anna, &record, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	token_record_deinit(&record);
	assert_int_equal(
		token_store_load(&place->store, &anna, &found, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	assert_true(span_equal(secret_borrow(found.refresh), span_text("R\"\\~")));
	assert_true(span_equal(secret_borrow(found.access), span_text("A")));
	assert_int_equal(found.access_expires, 1700003600);
	assert_int_equal(found.signed_in, 1690000000);
	assert_int_equal(found.refreshed, 1700000000);
	assert_string_equal(found.client_id, "the client");
	assert_string_equal(found.token_endpoint, "https://login.example.org/token");
	assert_string_equal(found.flow, "browser");
	token_record_deinit(&found);
	assert_null(found.access);
}

static void test_tokens_may_be_missing(void **state)
{
	struct place *place = *state;
	struct token_record record = record_of(NULL, NULL), found;

	assert_int_equal(
		token_store_save(&place->store, &anna, &record, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	assert_int_equal(
		token_store_load(&place->store, &anna, &found, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	assert_null(found.refresh);
	assert_null(found.access);
}

static void test_everybody_has_a_file(void **state)
{
	static const struct token_owner elsewhere = { .host = "imap.example.net",
						      .user = "anna@example.org" };
	struct place *place = *state;
	char found[64], names[2000];

	assert_int_equal(load(place, &anna, found), TOKEN_STORE_NONE);
	assert_int_equal(save(place, &anna, "of anna"), TOKEN_STORE_OK);
	assert_int_equal(save(place, &ben, "of ben"), TOKEN_STORE_OK);
	assert_int_equal(load(place, &elsewhere, found), TOKEN_STORE_NONE);
	assert_int_equal(save(place, &anna, "of anna again"), TOKEN_STORE_OK);
	assert_loads(place, &anna, "of anna again");
	assert_loads(place, &ben, "of ben");
	assert_int_equal(list(place->store.folder, names, false), 2);
	/* SHA-256 of "imap.example.org\nanna@example.org" */
	assert_non_null(
		strstr(names, "2794c728aaa0cc30c1bca26390260a1da2881aa790d1b0044943b83be8fbdf6a"));
}

static void test_nobody_else_can_read_it(void **state)
{
	struct place *place = *state;
	unsigned char octets[4096];
	struct stat status;
	char path[PATH_LEN];

	assert_int_equal(save(place, &anna, "a refresh token"), TOKEN_STORE_OK);
	find_file(place, path);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	size_t len = read_file(path, octets, sizeof(octets));
	assert_memory_equal(octets, "packetboat-token 1 ", 19);
	assert_null(memmem(octets, len, "refresh", 7));
	assert_null(memmem(octets, len, "access", 6));
	assert_null(memmem(octets, len, "anna", 4));
	assert_int_equal(stat(place->store.folder, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(place->key_file, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, SEAL_KEY_LEN);
}

static void test_it_outlives_the_process(void **state)
{
	struct place *place = *state;

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	token_store_close(&place->store);
	open_store(place);
	assert_loads(place, &anna, "R");
}

static void test_long_tokens_fit(void **state)
{
	enum { LEN = 48 * 1024 };
	struct place *place = *state;
	struct token_record record = record_of(NULL, NULL), found;
	char *token = malloc(LEN);

	assert_non_null(token);
	memset(token, '"', LEN);
	record.refresh = secret_new(span_of(token, LEN));
	record.access = secret_new(span_of(token, LEN));
	assert_int_equal(
		token_store_save(&place->store, &anna, &record, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	assert_int_equal(
		token_store_load(&place->store, &anna, &found, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	assert_true(span_equal(secret_borrow(found.access), span_of(token, LEN)));
	token_record_deinit(&record);
	token_record_deinit(&found);
	free(token);
}

static void test_names_that_cannot_be_kept(void **state)
{
	struct place *place = *state;
	char name[1100], found[64];
	struct token_owner owner = { .host = "h", .user = name };

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(save(place, &owner, "R"), TOKEN_STORE_FAILED);
	assert_non_null(strstr(place->error, "too long"));
	name[1023] = '\0';
	assert_int_equal(save(place, &owner, "R"), TOKEN_STORE_OK);
	assert_loads(place, &owner, "R");
	snprintf(name, sizeof(name), "m\xfcller");
	assert_int_equal(save(place, &owner, "R"), TOKEN_STORE_FAILED);
	assert_non_null(strstr(place->error, "UTF-8"));
	assert_int_equal(load(place, &owner, found), TOKEN_STORE_NONE);
}

/* ---- what is refused, and left alone ---- */

static void test_loose_modes_are_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0620, 0604, 0602, 0610, 0601 };
	struct place *place = *state;
	char path[PATH_LEN];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_fails(place, TOKEN_STORE_REFUSED, "chmod 600");
	}
	assert_int_equal(chmod(path, 0600), 0);
	assert_loads(place, &anna, "R");
}

static void test_what_is_no_file_is_refused(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN], target[PATH_LEN];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	snprintf(target, sizeof(target), "%s/moved", place->folder);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_fails(place, TOKEN_STORE_REFUSED, "symbolic link");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails(place, TOKEN_STORE_REFUSED, "not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_fails(place, TOKEN_STORE_REFUSED, "not a file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rename(target, path), 0);
	assert_loads(place, &anna, "R");
}

static void test_other_owners_are_refused(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN];

	if (geteuid() != 0)
		skip();
	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
	assert_fails(place, TOKEN_STORE_REFUSED, "another user");
	assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	assert_loads(place, &anna, "R");
}

static void test_another_key_is_told_from_damage(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN], aside[PATH_LEN], names[2000];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	snprintf(aside, sizeof(aside), "%s/mixed-up.key", place->folder);
	assert_int_equal(rename(place->key_file, aside), 0);
	token_store_close(&place->store);
	open_store(place);
	assert_fails(place, TOKEN_STORE_REFUSED, "another key");
	find_file(place, path); /* still there, and alone */
	/* Whoever finds the right key has the sign-in back. */
	assert_int_equal(rename(aside, place->key_file), 0);
	token_store_close(&place->store);
	open_store(place);
	assert_loads(place, &anna, "R");
	/* And whoever does not signs in again. */
	assert_int_equal(unlink(place->key_file), 0);
	token_store_close(&place->store);
	open_store(place);
	assert_int_equal(save(place, &anna, "new"), TOKEN_STORE_OK);
	assert_loads(place, &anna, "new");
	assert_int_equal(list(place->store.folder, names, false), 2);
	assert_non_null(strstr(names, ".replaced-"));
}

static void test_other_versions_are_left_alone(void **state)
{
	static const char text[] = "packetboat-token 22 something else\nwhatever";
	struct place *place = *state;
	char path[PATH_LEN], names[2000];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	write_file(path, text, strlen(text), 0600);
	assert_fails(place, TOKEN_STORE_REFUSED, "another version");
	find_file(place, path);
	assert_int_equal(save(place, &anna, "new"), TOKEN_STORE_OK);
	assert_loads(place, &anna, "new");
	assert_int_equal(list(place->store.folder, names, false), 2);
}

static void test_what_was_refused_is_set_aside_by_a_sign_in(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN], names[2000];

	assert_int_equal(save(place, &anna, "old"), TOKEN_STORE_OK);
	find_file(place, path);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(save(place, &anna, "new"), TOKEN_STORE_OK);
	assert_loads(place, &anna, "new");
	assert_int_equal(list(place->store.folder, names, false), 2);
	assert_non_null(strstr(names, ".replaced-"));
}

/* ---- what is damaged ---- */

static void test_damage_is_noticed_and_set_aside(void **state)
{
	struct place *place = *state;
	unsigned char octets[4096], changed[4096];
	char path[PATH_LEN], names[2000];
	const char mark_end = '\n';

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	size_t len = read_file(path, octets, sizeof(octets));
	size_t header = (size_t)((unsigned char *)memchr(octets, mark_end, len) - octets) + 1;
	for (size_t i = 0; i < len; i++) {
		char found[64];

		memcpy(changed, octets, len);
		changed[i] ^= 0x01;
		write_file(path, changed, len, 0600);
		enum token_store_status status = load(place, &anna, found);
		/* The version and the mark of the key say something else then. */
		bool refused = i >= 17 && i < header - 1;
		if (status != (refused ? TOKEN_STORE_REFUSED : TOKEN_STORE_DAMAGED) &&
		    !(i == 18 && status == TOKEN_STORE_DAMAGED))
			fail_msg("octet %zu: %d %s", i, (int)status, place->error);
		if (status == TOKEN_STORE_DAMAGED)
			assert_int_equal(access(path, F_OK), -1);
		if (i % 16 == 0)
			list(place->store.folder, names, true);
	}
}

static void test_cut_files_are_damaged(void **state)
{
	struct place *place = *state;
	unsigned char octets[4096];
	char path[PATH_LEN], names[2000];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	size_t len = read_file(path, octets, sizeof(octets));
	for (size_t i = 0; i <= len + 1; i++) {
		if (i == len)
			continue;
		octets[len] = 'x';
		write_file(path, octets, i, 0600);
		assert_fails(place, TOKEN_STORE_DAMAGED, "set aside");
		list(place->store.folder, names, true);
		assert_non_null(strstr(names, ".damaged-1"));
	}
}

static void test_nothing_that_was_set_aside_is_overwritten(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN], names[2000];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	for (unsigned i = 1; i <= 3; i++) {
		write_file(path, "nonsense", 8, 0600);
		assert_fails(place, TOKEN_STORE_DAMAGED, "begin");
		assert_int_equal(list(place->store.folder, names, false), i);
	}
}

static void test_a_long_file_is_damaged(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	assert_int_equal(truncate(path, (off_t)1 << 40), 0);
	assert_fails(place, TOKEN_STORE_DAMAGED, "too long");
}

static void test_a_file_of_somebody_else_is_damaged(void **state)
{
	struct place *place = *state;
	char of_ben[PATH_LEN], of_anna[PATH_LEN];

	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, of_anna);
	assert_int_equal(unlink(of_anna), 0);
	assert_int_equal(save(place, &ben, "R"), TOKEN_STORE_OK);
	find_file(place, of_ben);
	assert_int_equal(rename(of_ben, of_anna), 0);
	assert_fails(place, TOKEN_STORE_DAMAGED, "changed");
}

/* ---- the folder ---- */

struct seen {
	unsigned count;
	bool anna, ben;
};

static void on_sign_in(void *argument, const struct token_owner *owner,
		       const struct token_record *record)
{
	struct seen *seen = argument;

	seen->count++;
	assert_string_equal(owner->host, "imap.example.org");
	assert_non_null(record->refresh);
	seen->anna = seen->anna || strcmp(owner->user, anna.user) == 0;
	seen->ben = seen->ben || strcmp(owner->user, ben.user) == 0;
}

static void test_all_are_listed(void **state)
{
	struct place *place = *state;
	struct seen seen = { 0 };
	char path[PATH_LEN];

	assert_int_equal(save(place, &anna, "of anna"), TOKEN_STORE_OK);
	assert_int_equal(save(place, &ben, "of ben"), TOKEN_STORE_OK);
	snprintf(path, sizeof(path), "%s/%064d", place->store.folder, 0);
	write_file(path, "nonsense", 8, 0600);
	snprintf(path, sizeof(path), "%s/%064d.damaged-1", place->store.folder, 0);
	write_file(path, "nonsense", 8, 0600);
	assert_true(token_store_each(&place->store, on_sign_in, &seen, place->error,
				     sizeof(place->error)));
	assert_int_equal(seen.count, 2);
	assert_true(seen.anna && seen.ben);
}

static void test_everything_of_somebody_is_removed(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN], found[64];

	assert_int_equal(
		token_store_remove(&place->store, &anna, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	find_file(place, path);
	write_file(path, "nonsense", 8, 0600);
	assert_fails(place, TOKEN_STORE_DAMAGED, "set aside");
	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_OK);
	assert_int_equal(save(place, &ben, "of ben"), TOKEN_STORE_OK);
	assert_int_equal(
		token_store_remove(&place->store, &anna, place->error, sizeof(place->error)),
		TOKEN_STORE_OK);
	assert_int_equal(load(place, &anna, found), TOKEN_STORE_NONE);
	find_file(place, path);
	assert_loads(place, &ben, "of ben");
}

static void test_what_a_crash_left_is_removed(void **state)
{
	struct place *place = *state;
	char path[PATH_LEN], names[2000];

	snprintf(path, sizeof(path), "%s/%064d.new", place->store.folder, 0);
	write_file(path, "nonsense", 8, 0600);
	token_store_close(&place->store);
	open_store(place);
	assert_int_equal(list(place->store.folder, names, false), 0);
}

static void test_folders_that_cannot_be_used(void **state)
{
	struct place *place = *state;
	char moved[PATH_LEN];

	assert_int_equal(chmod(place->store.folder, 0750), 0);
	assert_does_not_open(place, true, "chmod 700");
	assert_int_equal(chmod(place->store.folder, 0701), 0);
	assert_does_not_open(place, true, "chmod 700");
	assert_int_equal(chmod(place->store.folder, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(place->store.folder, 65534, (gid_t)-1), 0);
		assert_does_not_open(place, true, "another user");
		assert_int_equal(chown(place->store.folder, 0, (gid_t)-1), 0);
	}
	snprintf(moved, sizeof(moved), "%s/moved", place->folder);
	assert_int_equal(rename(place->store.folder, moved), 0);
	assert_int_equal(symlink(moved, place->store.folder), 0);
	assert_does_not_open(place, true, "not a folder");
	assert_int_equal(unlink(place->store.folder), 0);
	write_file(place->store.folder, "", 0, 0600);
	assert_does_not_open(place, true, "not a folder");
	assert_int_equal(unlink(place->store.folder), 0);
	assert_int_equal(rename(moved, place->store.folder), 0);
	snprintf(moved, sizeof(moved), "%s", place->folder);
	snprintf(place->folder, sizeof(place->folder), "/nonexistent");
	assert_does_not_open(place, true, "No such file");
	snprintf(place->folder, sizeof(place->folder), "%.31s", moved);
}

static void test_a_folder_that_went_away_is_told(void **state)
{
	struct place *place = *state;
	char found[64];

	assert_int_equal(rmdir(place->store.folder), 0);
	assert_int_equal(save(place, &anna, "R"), TOKEN_STORE_FAILED);
	assert_non_null(strstr(place->error, "No such file"));
	assert_int_equal(load(place, &anna, found), TOKEN_STORE_FAILED);
	assert_int_equal(
		token_store_remove(&place->store, &anna, place->error, sizeof(place->error)),
		TOKEN_STORE_FAILED);
	assert_false(token_store_each(&place->store, on_sign_in, NULL, place->error,
				      sizeof(place->error)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_sign_in_comes_back),
		TEST(test_tokens_may_be_missing),
		TEST(test_everybody_has_a_file),
		TEST(test_nobody_else_can_read_it),
		TEST(test_it_outlives_the_process),
		TEST(test_long_tokens_fit),
		TEST(test_names_that_cannot_be_kept),
		TEST(test_loose_modes_are_refused),
		TEST(test_what_is_no_file_is_refused),
		TEST(test_other_owners_are_refused),
		TEST(test_another_key_is_told_from_damage),
		TEST(test_other_versions_are_left_alone),
		TEST(test_what_was_refused_is_set_aside_by_a_sign_in),
		TEST(test_damage_is_noticed_and_set_aside),
		TEST(test_cut_files_are_damaged),
		TEST(test_nothing_that_was_set_aside_is_overwritten),
		TEST(test_a_long_file_is_damaged),
		TEST(test_a_file_of_somebody_else_is_damaged),
		TEST(test_all_are_listed),
		TEST(test_everything_of_somebody_is_removed),
		TEST(test_what_a_crash_left_is_removed),
		TEST(test_folders_that_cannot_be_used),
		TEST(test_a_folder_that_went_away_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
