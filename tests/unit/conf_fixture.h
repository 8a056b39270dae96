/* SPDX-License-Identifier: ISC */
/*
 * conf_fixture: a configuration file in a folder of its own, for tests of conf/.
 */
#ifndef TESTS_UNIT_CONF_FIXTURE_H
#define TESTS_UNIT_CONF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"

struct conf_fixture {
	char directory[64];
	char file[96];
	struct conf_error error;
	char warnings[4096]; /* a line for each */
};

static inline int conf_fixture_setup(void **state)
{
	struct conf_fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	(void)snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/conf.XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	(void)snprintf(fixture->file, sizeof(fixture->file), "%s/packetboat.conf",
		       fixture->directory);
	(void)unsetenv("STATE_DIRECTORY");
	(void)unsetenv("RUNTIME_DIRECTORY");
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	*state = fixture;
	return 0;
}

static inline int conf_fixture_teardown(void **state)
{
	struct conf_fixture *fixture = *state;

	(void)unlink(fixture->file);
	(void)rmdir(fixture->directory);
	free(fixture);
	return 0;
}

static inline void conf_fixture_warn(void *argument, const char *text)
{
	struct conf_fixture *fixture = argument;
	size_t used = strlen(fixture->warnings);

	(void)snprintf(fixture->warnings + used, sizeof(fixture->warnings) - used, "%s\n", text);
}

static inline void conf_fixture_write(struct conf_fixture *fixture, const void *data, size_t len)
{
	FILE *file = fopen(fixture->file, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(fixture->file, 0600), 0);
}

/* Forgets earlier warnings. */
static inline struct conf *conf_fixture_load(struct conf_fixture *fixture, const char *text)
{
	fixture->warnings[0] = '\0';
	fixture->error.text[0] = '\0';
	conf_fixture_write(fixture, text, strlen(text));
	return conf_load(fixture->file, conf_fixture_warn, fixture, &fixture->error);
}

static inline struct conf *conf_fixture_must_load(struct conf_fixture *fixture, const char *text)
{
	struct conf *conf = conf_fixture_load(fixture, text);

	if (conf == NULL)
		fail_msg("%s\n%s", fixture->error.text, text);
	return conf;
}

/* Messages with the file's name taken off: ":12: limits.drain: ...". */
static inline const char *conf_fixture_message(const struct conf_fixture *fixture, const char *text)
{
	size_t len = strlen(fixture->file);

	return strncmp(text, fixture->file, len) == 0 ? text + len : text;
}

/* Loads `text`, expecting the error `expected` (without the file's name), or NULL for none. */
static inline void conf_fixture_expect(struct conf_fixture *fixture, const char *row,
				       const char *text, const char *expected)
{
	struct conf *conf = conf_fixture_load(fixture, text);
	const char *message = conf_fixture_message(fixture, fixture->error.text);
	bool loaded = conf != NULL;

	conf_unref(&conf);
	if (loaded && expected != NULL)
		fail_msg("%s: loaded, expected: %s", row, expected);
	if (!loaded && expected == NULL)
		fail_msg("%s: %s", row, message);
	if (!loaded && strcmp(message, expected) != 0)
		fail_msg("%s: got: %s\nexpected: %s", row, message, expected);
}

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* An account that needs nothing else. */
#define ACCOUNT_OPEN "accounts = ( { user = \"u\"; auth = \"passthrough\"; "
#define ACCOUNT_IMAP "imap = { host = \"imap.example.org\"; }; "
#define ACCOUNT_CLOSE "} );\n"
#define ACCOUNT ACCOUNT_OPEN ACCOUNT_IMAP ACCOUNT_CLOSE

#define HASH                                            \
	"$scrypt$ln=15,r=8,p=1$c29tZXNhbHRzYWx0c2FsdA$" \
	"cGFja2V0Ym9hdCBwYXNzd2QgbWFrZXMgdGhlc2UuLi4"

#endif
