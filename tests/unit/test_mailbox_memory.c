/* SPDX-License-Identifier: ISC */
#include "daemon/mailbox_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_is_one_entry),
		cmocka_unit_test(logins_are_counted_by_the_minute),
		cmocka_unit_test(sizes_are_remembered_and_the_others_listed),
		cmocka_unit_test(sizes_of_another_uidvalidity_are_not_believed),
		cmocka_unit_test(sizes_of_messages_that_are_gone_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
