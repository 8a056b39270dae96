/* SPDX-License-Identifier: ISC */
/*
 * token_place: sign-ins in a folder of the test's own.
 */
#ifndef TESTS_UNIT_TOKEN_PLACE_H
#define TESTS_UNIT_TOKEN_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/oauth/token_store.h"

enum { PATH_LEN = 300 };

struct place {
	char folder[32];
	char key_file[PATH_LEN];
	struct token_store store;
	char error[600];
};

static const struct token_owner anna = { .host = "imap.example.org", .user = "anna@example.org" };
static const struct token_owner ben = { .host = "imap.example.org", .user = "ben@example.org" };

static inline void open_store(struct place *place)
{
	if (!token_store_open(&place->store, place->folder, place->key_file, true, place->error,
			      sizeof(place->error)))
		fail_msg("%s", place->error);
}

static inline int set_up(void **state)
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
static inline unsigned list(const char *folder, char names_r[2000], bool remove)
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

static inline int tear_down(void **state)
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
static inline void find_file(const struct place *place, char path_r[PATH_LEN])
{
	char names[2000];

	assert_int_equal(list(place->store.folder, names, false), 1);
	assert_int_equal(strlen(names), 64 + 1);
	names[64] = '\0';
	snprintf(path_r, PATH_LEN, "%s/%s", place->store.folder, names);
}

static inline size_t read_file(const char *path, unsigned char *octets_r, size_t size)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	ssize_t len = read(fd, octets_r, size);
	assert_in_range(len, 0, size - 1);
	close(fd);
	return (size_t)len;
}

static inline void write_file(const char *path, const void *octets, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static inline struct token_record record_of(const char *refresh, const char *access)
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

static inline enum token_store_status save(struct place *place, const struct token_owner *owner,
					   const char *refresh)
{
	struct token_record record = record_of(refresh, "an access token");
	enum token_store_status status =
		token_store_save(&place->store, owner, &record, place->error, sizeof(place->error));

	token_record_deinit(&record);
	return status;
}

/* The status, and the refresh token. */
static inline enum token_store_status load(struct place *place, const struct token_owner *owner,
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

static inline void assert_loads(struct place *place, const struct token_owner *owner,
				const char *refresh)
{
	char found[64];

	assert_int_equal(load(place, owner, found), TOKEN_STORE_OK);
	assert_string_equal(found, refresh);
}

static inline void assert_fails(struct place *place, enum token_store_status status,
				const char *why)
{
	char found[64];
	enum token_store_status is = load(place, &anna, found);

	if (is != status || strstr(place->error, why) == NULL)
		fail_msg("%d \"%s\", not %d \"%s\"", (int)is, place->error, (int)status, why);
}

static inline void assert_does_not_open(struct place *place, bool make_key, const char *why)
{
	struct token_store store;

	if (token_store_open(&store, place->folder, place->key_file, make_key, place->error,
			     sizeof(place->error)))
		fail_msg("it opens, in spite of \"%s\"", why);
	if (strstr(place->error, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", place->error, why);
	assert_null(store.folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
