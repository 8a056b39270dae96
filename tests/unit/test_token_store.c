/* SPDX-License-Identifier: ISC */
/*
 * Sign-ins in a folder of the test's own. What the store asks of the system to change the disk goes
 * through functions of this test (-Wl,--wrap), so that it can die, or be refused, at each step.
 */
#include "daemon/oauth/token_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the system, which may fail ---- */

enum trouble { TROUBLE_NONE, TROUBLE_DIE, TROUBLE_ERROR };

static struct {
	enum trouble trouble;
	unsigned at; /* the step that it happens at, from 1 */
	unsigned steps;
} fate;

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
	return strikes() ? -1 : __real_write(fd, octets, len);
}

int __wrap_fsync(int fd)
{
	return strikes() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
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

/* ---- a place ---- */

enum { PATH_LEN = 300 };

struct place {
	char folder[32];
	char key_file[PATH_LEN];
	struct token_store store;
	char error[600];
};

static const struct token_owner anna = { .host = "imap.example.org", .user = "anna@example.org" };
static const struct token_owner ben = { .host = "imap.example.org", .user = "ben@example.org" };

static void open_store(struct place *place)
{
	if (!token_store_open(&place->store, place->folder, place->key_file, true, place->error,
			      sizeof(place->error)))
		fail_msg("%s", place->error);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	snprintf(place->folder, sizeof(place->folder), "/tmp/test_token_store.XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->key_file, sizeof(place->key_file), "%s/token.key", place->folder);
	open_store(place);
	*state = place;
	return 0;
}

/* The names in a folder but `.` and `..`, joined by blanks, in no order; `remove`: they go. */
static unsigned list(const char *folder, char names_r[2000], bool remove)
{
	DIR *names = opendir(folder);
	unsigned count = 0;

	assert_non_null(names);
	names_r[0] = '\0';
	for (struct dirent *entry; (entry = readdir(names)) != NULL;) {
		char path[PATH_LEN * 2];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		size_t len = strlen(names_r);
		snprintf(names_r + len, 2000 - len, "%s ", entry->d_name);
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (remove && unlink(path) != 0)
			rmdir(path);
	}
	closedir(names);
	return count;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char names[2000], tokens[PATH_LEN];

	token_store_close(&place->store);
	assert_null(place->store.folder);
	snprintf(tokens, sizeof(tokens), "%s/tokens", place->folder);
	if (access(tokens, F_OK) == 0)
		list(tokens, names, true);
	list(place->folder, names, true);
	assert_int_equal(rmdir(place->folder), 0);
	free(place);
	return 0;
}

/* The one file in the folder of tokens. */
static void find_file(const struct place *place, char path_r[PATH_LEN])
{
	char names[2000];

	assert_int_equal(list(place->store.folder, names, false), 1);
	assert_int_equal(strlen(names), 64 + 1);
	names[64] = '\0';
	snprintf(path_r, PATH_LEN, "%s/%s", place->store.folder, names);
}

static size_t read_file(const char *path, unsigned char *octets_r, size_t size)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	ssize_t len = read(fd, octets_r, size);
	assert_in_range(len, 0, size - 1);
	close(fd);
	return (size_t)len;
}

static void write_file(const char *path, const void *octets, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct token_record record_of(const char *refresh, const char *access)
{
	struct token_record record = {
		.access_expires = 1700003600,
		.signed_in = 1690000000,
		.refreshed = 1700000000,
		.client_id = "the client",
		.token_endpoint = "https://login.example.org/token",
		.flow = "browser",
	};

	if (refresh != NULL)
		record.refresh = secret_new(span_text(refresh));
	if (access != NULL)
		record.access = secret_new(span_text(access));
	return record;
}

static enum token_store_status save(struct place *place, const struct token_owner *owner,
				    const char *refresh)
{
	struct token_record record = record_of(refresh, "an access token");
	enum token_store_status status =
		token_store_save(&place->store, owner, &record, place->error, sizeof(place->error));

	token_record_deinit(&record);
	return status;
}

/* The status, and the refresh token. */
static enum token_store_status load(struct place *place, const struct token_owner *owner,
				    char refresh_r[64])
{
	struct token_record record;
	enum token_store_status status;

	refresh_r[0] = '\0';
	place->error[0] = '\0';
	status =
		token_store_load(&place->store, owner, &record, place->error, sizeof(place->error));
	if (record.refresh != NULL) {
		struct span token = secret_borrow(record.refresh);
		snprintf(refresh_r, 64, "%.*s", (int)token.len, (const char *)token.data);
	}
	assert_true((status == TOKEN_STORE_OK) == (record.refresh != NULL));
	assert_true((status == TOKEN_STORE_OK || status == TOKEN_STORE_NONE) ==
		    (place->error[0] == '\0'));
	token_record_deinit(&record);
	return status;
}

static void assert_loads(struct place *place, const struct token_owner *owner, const char *refresh)
{
	char found[64];

	assert_int_equal(load(place, owner, found), TOKEN_STORE_OK);
	assert_string_equal(found, refresh);
}

static void assert_fails(struct place *place, enum token_store_status status, const char *why)
{
	char found[64];
	enum token_store_status is = load(place, &anna, found);

	if (is != status || strstr(place->error, why) == NULL)
		fail_msg("%d \"%s\", not %d \"%s\"", (int)is, place->error, (int)status, why);
}

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

static void assert_does_not_open(struct place *place, bool make_key, const char *why)
{
	struct token_store store;

	if (token_store_open(&store, place->folder, place->key_file, make_key, place->error,
			     sizeof(place->error)))
		fail_msg("it opens, in spite of \"%s\"", why);
	if (strstr(place->error, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", place->error, why);
	assert_null(store.folder);
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

/* ---- the key ---- */

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

/* ---- a disk that fails, a process that is killed ---- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(test_keys_that_cannot_be_used),
		TEST(test_a_credential_is_a_key),
		TEST(test_a_key_may_be_a_link_where_somebody_chose_it),
		TEST(test_keys_are_made_once),
		TEST(test_whoever_dies_leaves_the_old_or_the_new),
		TEST(test_a_disk_that_fails_leaves_the_old_or_the_new),
		TEST(test_a_folder_that_went_away_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
