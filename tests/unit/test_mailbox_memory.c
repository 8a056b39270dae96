/* SPDX-License-Identifier: ISC */
#include "daemon/mailbox_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct maildrop *maildrop_of(uint32_t uidvalidity, const uint32_t *uids, size_t count)
{
	struct maildrop *drop = maildrop_new(uidvalidity);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(maildrop_add(drop, uids[i], 1), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	return drop;
}

static void one_key_is_one_entry(void **state)
{
	struct mailbox_memories memories = { 0 };
	struct mailbox_memory *a = mailbox_memory_get(&memories, "a");

	(void)state;
	assert_non_null(a);
	assert_ptr_not_equal(mailbox_memory_get(&memories, "b"), a);
	assert_ptr_equal(mailbox_memory_get(&memories, "a"), a);
	mailbox_memories_deinit(&memories);
}

static void logins_are_counted_by_the_minute(void **state)
{
	struct mailbox_memories memories = { 0 };
	struct mailbox_memory *memory = mailbox_memory_get(&memories, "a");

	(void)state;
	assert_true(mailbox_memory_login(memory, 1000, 2));
	assert_true(mailbox_memory_login(memory, 2000, 2));
	assert_false(mailbox_memory_login(memory, 3000, 2));
	assert_false(mailbox_memory_login(memory, 60999, 2));
	assert_true(mailbox_memory_login(memory, 61000, 2));
	mailbox_memories_deinit(&memories);
}

static void sizes_are_remembered_and_the_others_listed(void **state)
{
	static const uint32_t uids[] = { 2, 4, 6, 8 };
	struct mailbox_memories memories = { 0 };
	struct mailbox_memory *memory = mailbox_memory_get(&memories, "a");
	struct maildrop *drop = maildrop_of(7, uids, 4);
	uint32_t *unknown;
	size_t count;

	(void)state;
	/* In no order, one of them twice, and some that are not there. */
	mailbox_memory_learn(memory, 7, 8, 800);
	mailbox_memory_learn(memory, 7, 3, 300);
	mailbox_memory_learn(memory, 7, 4, 1);
	mailbox_memory_learn(memory, 7, 4, 5000000000);
	assert_true(mailbox_memory_sizes(memory, drop, &unknown, &count));
	assert_int_equal(count, 2);
	assert_int_equal(unknown[0], 2);
	assert_int_equal(unknown[1], 6);
	free(unknown);
	assert_int_equal(maildrop_message_octets(drop, 2), 5000000000);
	assert_int_equal(maildrop_message_octets(drop, 4), 800);
	assert_int_equal(maildrop_octets(drop), 5000000802);
	maildrop_free(&drop);
	mailbox_memories_deinit(&memories);
}

static void sizes_of_another_uidvalidity_are_not_believed(void **state)
{
	static const uint32_t uids[] = { 4 };
	struct mailbox_memories memories = { 0 };
	struct mailbox_memory *memory = mailbox_memory_get(&memories, "a");
	struct maildrop *drop = maildrop_of(8, uids, 1);
	uint32_t *unknown;
	size_t count;

	(void)state;
	mailbox_memory_learn(memory, 7, 4, 400);
	assert_true(mailbox_memory_sizes(memory, drop, &unknown, &count));
	assert_int_equal(count, 1);
	assert_int_equal(maildrop_message_octets(drop, 1), 1);
	free(unknown);
	maildrop_free(&drop);
	mailbox_memories_deinit(&memories);
}

static void sizes_of_messages_that_are_gone_are_forgotten(void **state)
{
	static const uint32_t left[] = { 2, 9999 };
	static const uint32_t both[] = { 2, 3, 9999 };
	struct mailbox_memories memories = { 0 };
	struct mailbox_memory *memory = mailbox_memory_get(&memories, "a");
	struct maildrop *drop = maildrop_of(7, left, 2);
	uint32_t *unknown;
	size_t count;

	(void)state;
	for (uint32_t uid = 1; uid < 10000; uid++)
		mailbox_memory_learn(memory, 7, uid, uid);
	mailbox_memory_prune(memory, drop);
	maildrop_free(&drop);
	drop = maildrop_of(7, both, 3);
	assert_true(mailbox_memory_sizes(memory, drop, &unknown, &count));
	assert_int_equal(count, 1);
	assert_int_equal(unknown[0], 3);
	free(unknown);
	maildrop_free(&drop);
	mailbox_memories_deinit(&memories);
}

static void a_key_has_three_parts(void **state)
{
	static const struct {
		const char *host;
		const char *user;
		const char *folder;
	} rows[] = {
		{ "imap.example.org", "ada@example.org", "INBOX" },
		{ "127.0.0.1", "EXAMPLE\\ada", "Entw\xc3\xbcrfe/alt" },
		{ "h", "u", "" },
		{ "", "", "" },
	};
	struct mailbox_memories memories = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *key = mailbox_memory_key(rows[i].host, rows[i].user, rows[i].folder);
		struct mailbox_record record;

		assert_non_null(key);
		assert_false(mailbox_memories_find(&memories, key, &record));
		struct mailbox_memory *memory = mailbox_memory_get(&memories, key);
		/* Somebody was let in, and nothing came of it yet. */
		assert_false(mailbox_memories_find(&memories, key, &record));
		mailbox_memory_succeeded(memory, "ada", 1, 0);
		assert_true(mailbox_memories_find(&memories, key, &record));
		assert_string_equal(record.host, rows[i].host);
		assert_string_equal(record.user, rows[i].user);
		assert_string_equal(record.folder, rows[i].folder);
		free(key);
	}
	mailbox_memories_deinit(&memories);
}

static void it_is_remembered_how_logins_went(void **state)
{
	struct mailbox_memories memories = { 0 };
	struct mailbox_memory *memory = mailbox_memory_get(&memories, "h\nu\nf");
	struct mailbox_record record;

	(void)state;
	mailbox_memory_failed(memory, "ada", 1000, "The mail server cannot be reached");
	assert_true(mailbox_memories_find(&memories, "h\nu\nf", &record));
	assert_string_equal(record.name, "ada");
	assert_int_equal(record.last_success, 0);
	assert_int_equal(record.last_failure, 1000);
	assert_string_equal(record.last_error, "The mail server cannot be reached");
	assert_false(record.counted);

	mailbox_memory_failed(memory, "Ada", 1060, "The mail server does not answer");
	assert_true(mailbox_memories_find(&memories, "h\nu\nf", &record));
	assert_string_equal(record.name, "Ada");
	assert_int_equal(record.last_failure, 1060);
	assert_string_equal(record.last_error, "The mail server does not answer");

	mailbox_memory_succeeded(memory, "ada", 1120, 42);
	assert_true(mailbox_memories_find(&memories, "h\nu\nf", &record));
	assert_int_equal(record.last_success, 1120);
	assert_int_equal(record.last_failure, 1060);
	assert_null(record.last_error);
	assert_true(record.counted);
	assert_int_equal(record.messages, 42);

	/* How many there were when it worked last is known all the same. */
	mailbox_memory_failed(memory, "ada", 1180, "No memory");
	assert_true(mailbox_memories_find(&memories, "h\nu\nf", &record));
	assert_int_equal(record.last_success, 1120);
	assert_string_equal(record.last_error, "No memory");
	assert_true(record.counted);
	assert_int_equal(record.messages, 42);
	mailbox_memories_deinit(&memories);
}

struct names {
	char text[64];
};

static void note_name(void *argument, const struct mailbox_record *record)
{
	struct names *names = argument;
	size_t len = strlen(names->text);

	snprintf(names->text + len, sizeof(names->text) - len, "%s ", record->name);
}

static void records_are_walked_in_the_order_of_keys(void **state)
{
	static const char *const keys[] = { "d\n\n", "b\n\n", "f\n\n", "a\n\n",
					    "c\n\n", "e\n\n", "g\n\n" };
	struct mailbox_memories memories = { 0 };
	struct names names = { "" };

	(void)state;
	mailbox_memories_walk(&memories, note_name, &names);
	assert_string_equal(names.text, "");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct mailbox_memory *memory = mailbox_memory_get(&memories, keys[i]);

		/* Nobody has logged in to this one. */
		if (keys[i][0] != 'f')
			mailbox_memory_succeeded(memory, (char[]){ keys[i][0], '\0' }, 1, 0);
	}
	mailbox_memories_walk(&memories, note_name, &names);
	assert_string_equal(names.text, "a b c d e g ");
	mailbox_memories_deinit(&memories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_is_one_entry),
		cmocka_unit_test(a_key_has_three_parts),
		cmocka_unit_test(it_is_remembered_how_logins_went),
		cmocka_unit_test(records_are_walked_in_the_order_of_keys),
		cmocka_unit_test(logins_are_counted_by_the_minute),
		cmocka_unit_test(sizes_are_remembered_and_the_others_listed),
		cmocka_unit_test(sizes_of_another_uidvalidity_are_not_believed),
		cmocka_unit_test(sizes_of_messages_that_are_gone_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
