/* SPDX-License-Identifier: ISC */
#include "protocol/maildrop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "protocol/limits.h"

static struct maildrop *maildrop_of(const uint32_t *uids, size_t count)
{
	struct maildrop *drop = maildrop_new(0x6553f101);

	assert_non_null(drop);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(maildrop_add(drop, uids[i], 100 * uids[i]), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	return drop;
}

static void messages_stand_in_order_of_uid(void **state)
{
	static const uint32_t added[] = { 9, 3, 4294967295u, 7, 1 };
	static const uint32_t expected[] = { 1, 3, 7, 9, 4294967295u };
	struct maildrop *drop = maildrop_of(added, 5);

	(void)state;
	assert_int_equal(maildrop_last(drop), 5);
	assert_int_equal(maildrop_uidvalidity(drop), 0x6553f101);
	for (uint32_t msgno = 1; msgno <= 5; msgno++) {
		assert_int_equal(maildrop_uid(drop, msgno), expected[msgno - 1]);
		assert_int_equal(maildrop_find(drop, expected[msgno - 1]), msgno);
	}
	assert_int_equal(maildrop_message_octets(drop, 3), 700);
	assert_int_equal(maildrop_find(drop, 2), 0);
	assert_int_equal(maildrop_find(drop, 10), 0);
	maildrop_free(&drop);
	assert_null(drop);
	maildrop_free(&drop);
}

static void an_empty_maildrop_is_ordinary(void **state)
{
	struct maildrop *drop = maildrop_of(NULL, 0);
	uint32_t untouched;
	uint32_t *uids = &untouched;
	size_t count = 7;

	(void)state;
	assert_int_equal(maildrop_last(drop), 0);
	assert_int_equal(maildrop_count(drop), 0);
	assert_int_equal(maildrop_octets(drop), 0);
	assert_int_equal(maildrop_find(drop, 1), 0);
	maildrop_unmark_all(drop);
	assert_true(maildrop_deleted_uids(drop, &uids, &count));
	assert_int_equal(count, 0);
	assert_null(uids);
	maildrop_free(&drop);
}

static void two_messages_with_one_uid_are_refused(void **state)
{
	static const uint32_t rows[][3] = { { 5, 5, 6 }, { 5, 6, 5 }, { 6, 5, 5 } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct maildrop *drop = maildrop_new(1);
		assert_non_null(drop);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(maildrop_add(drop, rows[i][k], 1), MAILDROP_OK);
		assert_int_equal(maildrop_seal(drop), MAILDROP_TWICE);
		maildrop_free(&drop);
	}
}

static void deleted_still_listed(void **state)
{
	static const uint32_t added[] = { 1, 2, 3 };
	struct maildrop *drop = maildrop_of(added, 3);

	(void)state;
	assert_int_equal(maildrop_octets(drop), 600);
	maildrop_mark_deleted(drop, 2);
	maildrop_mark_deleted(drop, 2);
	assert_true(maildrop_is_deleted(drop, 2));
	assert_false(maildrop_is_deleted(drop, 1));
	assert_int_equal(maildrop_count(drop), 2);
	assert_int_equal(maildrop_octets(drop), 400);
	assert_int_equal(maildrop_last(drop), 3);
	maildrop_free(&drop);
}

static void rset_no_op(void **state)
{
	static const uint32_t added[] = { 1, 2, 3 };
	struct maildrop *drop = maildrop_of(added, 3);
	uint32_t *uids;
	size_t count;

	(void)state;
	maildrop_mark_deleted(drop, 1);
	maildrop_mark_deleted(drop, 3);
	maildrop_mark_retrieved(drop, 3);
	maildrop_mark_unreadable(drop, 1);
	maildrop_unmark_all(drop);
	for (uint32_t msgno = 1; msgno <= 3; msgno++)
		assert_false(maildrop_is_deleted(drop, msgno));
	assert_int_equal(maildrop_count(drop), 3);
	assert_int_equal(maildrop_octets(drop), 600);
	assert_true(maildrop_deleted_uids(drop, &uids, &count));
	assert_int_equal(count, 0);
	assert_true(maildrop_is_retrieved(drop, 3));
	assert_true(maildrop_is_unreadable(drop, 1));
	maildrop_free(&drop);
}

static void marked_uids_come_in_ascending_order(void **state)
{
	static const uint32_t added[] = { 40, 30, 20, 10 };
	struct maildrop *drop = maildrop_of(added, 4);
	uint32_t *uids;
	size_t count;

	(void)state;
	maildrop_mark_deleted(drop, 4);
	maildrop_mark_deleted(drop, 1);
	maildrop_mark_deleted(drop, 3);
	assert_true(maildrop_deleted_uids(drop, &uids, &count));
	assert_int_equal(count, 3);
	assert_int_equal(uids[0], 10);
	assert_int_equal(uids[1], 30);
	assert_int_equal(uids[2], 40);
	free(uids);
	maildrop_mark_retrieved(drop, 2);
	assert_true(maildrop_retrieved_uids(drop, &uids, &count));
	assert_int_equal(count, 1);
	assert_int_equal(uids[0], 20);
	free(uids);
	maildrop_free(&drop);
}

static void stat_32_bit_overflow(void **state)
{
	struct maildrop *drop = maildrop_new(1);

	(void)state;
	assert_non_null(drop);
	assert_int_equal(maildrop_add(drop, 1, 5000000000), MAILDROP_OK);
	assert_int_equal(maildrop_add(drop, 2, 4294967295), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	assert_true(maildrop_octets(drop) == 9294967295);
	maildrop_mark_deleted(drop, 2);
	assert_true(maildrop_octets(drop) == 5000000000);
	maildrop_free(&drop);
}

static void absurd_sizes_cannot_make_the_sum_wrap(void **state)
{
	struct maildrop *drop = maildrop_new(1);

	(void)state;
	assert_non_null(drop);
	assert_int_equal(maildrop_add(drop, 1, UINT64_MAX), MAILDROP_OK);
	assert_int_equal(maildrop_add(drop, 2, UINT64_MAX), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	assert_true(maildrop_octets(drop) > maildrop_message_octets(drop, 1));
	assert_true(maildrop_octets(drop) == 2 * maildrop_message_octets(drop, 1));
	maildrop_free(&drop);
}

static void true_sizes_replace_estimates(void **state)
{
	static const uint32_t added[] = { 1, 2 };
	struct maildrop *drop = maildrop_of(added, 2);

	(void)state;
	maildrop_set_message_octets(drop, 1, 90);
	assert_int_equal(maildrop_message_octets(drop, 1), 90);
	assert_int_equal(maildrop_octets(drop), 290);
	maildrop_mark_deleted(drop, 1);
	maildrop_set_message_octets(drop, 1, 1000);
	assert_int_equal(maildrop_octets(drop), 200);
	maildrop_unmark_all(drop);
	assert_int_equal(maildrop_octets(drop), 1200);
	maildrop_free(&drop);
}

static void marks_are_told_apart(void **state)
{
	static const uint32_t added[] = { 1, 2, 3 };
	struct maildrop *drop = maildrop_of(added, 3);

	(void)state;
	assert_false(maildrop_is_read_only(drop));
	maildrop_set_read_only(drop, true);
	assert_true(maildrop_is_read_only(drop));
	maildrop_mark_retrieved(drop, 1);
	maildrop_mark_unreadable(drop, 2);
	assert_true(maildrop_is_retrieved(drop, 1));
	assert_false(maildrop_is_unreadable(drop, 1));
	assert_false(maildrop_is_retrieved(drop, 2));
	assert_true(maildrop_is_unreadable(drop, 2));
	assert_false(maildrop_is_deleted(drop, 1) || maildrop_is_deleted(drop, 2));
	assert_int_equal(maildrop_count(drop), 3);
	maildrop_free(&drop);
}

/* The guard is for what no session has got. */
static void what_was_retrieved_once_is_not_guarded(void **state)
{
	static const uint32_t added[] = { 10, 20, 30, 40 };
	static const uint32_t earlier[] = { 5, 20, 25, 40, 50 };
	struct maildrop *drop = maildrop_of(added, 4);
	uint32_t *uids;
	size_t count;

	(void)state;
	for (uint32_t msgno = 1; msgno <= 4; msgno++) {
		assert_false(maildrop_is_guarded(drop, msgno));
		maildrop_mark_unreadable(drop, msgno);
		assert_true(maildrop_is_guarded(drop, msgno));
	}
	maildrop_mark_retrieved(drop, 1);
	maildrop_mark_retrieved_earlier(drop, earlier, 5);
	assert_false(maildrop_is_guarded(drop, 1));
	assert_false(maildrop_is_guarded(drop, 2));
	assert_true(maildrop_is_guarded(drop, 3));
	assert_false(maildrop_is_guarded(drop, 4));
	/* Not to be flagged \Seen once more by this session. */
	assert_false(maildrop_is_retrieved(drop, 2));
	assert_true(maildrop_retrieved_uids(drop, &uids, &count));
	assert_int_equal(count, 1);
	free(uids);
	maildrop_mark_retrieved_earlier(drop, NULL, 0);
	assert_false(maildrop_is_guarded(drop, 4));
	maildrop_free(&drop);
}

static void a_hundred_thousand_messages_in_reverse(void **state)
{
	struct maildrop *drop = maildrop_new(1);

	(void)state;
	assert_non_null(drop);
	for (uint32_t uid = 100000; uid > 0; uid--)
		assert_int_equal(maildrop_add(drop, uid, 50000), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	assert_int_equal(maildrop_count(drop), 100000);
	assert_true(maildrop_octets(drop) == 5000000000);
	assert_int_equal(maildrop_uid(drop, 1), 1);
	assert_int_equal(maildrop_find(drop, 77777), 77777);
	maildrop_free(&drop);
}

static void the_notice_comes_last_and_is_no_message_of_the_mailbox(void **state)
{
	static const uint32_t added[] = { 3, 1, 2 };
	struct maildrop *drop = maildrop_of(added, 3);
	char id[MAILDROP_UNIQUE_ID_MAX];

	(void)state;
	assert_int_equal(maildrop_notice(drop), 0);
	for (uint32_t msgno = 1; msgno <= 3; msgno++)
		assert_false(maildrop_is_withheld(drop, msgno));
	assert_int_equal(maildrop_add_notice(drop, "packetboat-0123abcd", 50), MAILDROP_OK);
	assert_int_equal(maildrop_notice(drop), 4);
	assert_int_equal(maildrop_last(drop), 4);
	assert_int_equal(maildrop_count(drop), 4);
	assert_int_equal(maildrop_octets(drop), 650);
	assert_int_equal(maildrop_message_octets(drop, 4), 50);
	assert_int_equal(maildrop_uid(drop, 4), 0);
	for (uint32_t msgno = 1; msgno <= 3; msgno++) {
		assert_int_equal(maildrop_uid(drop, msgno), msgno);
		assert_int_equal(maildrop_find(drop, msgno), msgno);
		assert_true(maildrop_is_withheld(drop, msgno));
	}
	assert_false(maildrop_is_withheld(drop, 4));
	assert_int_equal(maildrop_find(drop, 0), 0);
	assert_int_equal(maildrop_find(drop, 4), 0);
	assert_string_equal(maildrop_unique_id(drop, 4, id), "packetboat-0123abcd");
	assert_string_equal(maildrop_unique_id(drop, 3, id), "000000036553f101");
	maildrop_free(&drop);
}

static void marks_of_the_notice_name_no_uid(void **state)
{
	static const uint32_t added[] = { 1, 2 };
	struct maildrop *drop = maildrop_of(added, 2);
	uint32_t *uids;
	size_t count;

	(void)state;
	maildrop_mark_retrieved(drop, 2);
	assert_int_equal(maildrop_add_notice(drop, "n", 7), MAILDROP_OK);
	maildrop_mark_retrieved(drop, 3);
	maildrop_mark_deleted(drop, 3);
	assert_true(maildrop_is_deleted(drop, 3));
	assert_int_equal(maildrop_count(drop), 2);
	assert_int_equal(maildrop_octets(drop), 300);
	assert_true(maildrop_deleted_uids(drop, &uids, &count));
	assert_int_equal(count, 0);
	assert_null(uids);
	assert_true(maildrop_retrieved_uids(drop, &uids, &count));
	assert_int_equal(count, 1);
	assert_int_equal(uids[0], 2);
	free(uids);
	maildrop_unmark_all(drop);
	assert_false(maildrop_is_deleted(drop, 3));
	assert_int_equal(maildrop_octets(drop), 307);
	maildrop_set_message_octets(drop, 3, 10);
	assert_int_equal(maildrop_octets(drop), 310);
	maildrop_free(&drop);
}

static void the_notice_hides_no_message(void **state)
{
	(void)state;
	for (uint32_t count = 0; count <= 20; count++) {
		struct maildrop *drop = maildrop_new(1);

		assert_non_null(drop);
		for (uint32_t uid = 1; uid <= count; uid++)
			assert_int_equal(maildrop_add(drop, uid, 1), MAILDROP_OK);
		assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
		assert_int_equal(maildrop_add_notice(drop, "n", 1), MAILDROP_OK);
		for (uint32_t uid = 0; uid <= count + 1; uid++)
			assert_int_equal(maildrop_find(drop, uid), uid <= count ? uid : 0);
		maildrop_free(&drop);
	}
}

static void a_notice_may_be_alone(void **state)
{
	static const char longest[] =
		"!~34567890123456789012345678901234567890123456789012345678901234567890";
	struct maildrop *drop = maildrop_of(NULL, 0);
	char id[MAILDROP_UNIQUE_ID_MAX];

	(void)state;
	assert_int_equal(strlen(longest), MAILDROP_UNIQUE_ID_MAX - 1);
	assert_int_equal(maildrop_add_notice(drop, longest, 0), MAILDROP_OK);
	assert_int_equal(maildrop_notice(drop), 1);
	assert_int_equal(maildrop_find(drop, 1), 0);
	assert_string_equal(maildrop_unique_id(drop, 1, id), longest);
	maildrop_free(&drop);
}

static void there_is_a_ceiling(void **state)
{
	struct maildrop *drop = maildrop_new(1);

	(void)state;
	assert_non_null(drop);
	for (uint32_t uid = 1; uid <= MAILDROP_MESSAGES_MAX; uid++) {
		if (maildrop_add(drop, uid, 1) != MAILDROP_OK)
			fail_msg("message %u", uid);
	}
	assert_int_equal(maildrop_add(drop, MAILDROP_MESSAGES_MAX + 1, 1), MAILDROP_TOO_MANY);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	assert_int_equal(maildrop_last(drop), MAILDROP_MESSAGES_MAX);
	assert_int_equal(maildrop_add_notice(drop, "n", 1), MAILDROP_TOO_MANY);
	assert_int_equal(maildrop_notice(drop), 0);
	assert_false(maildrop_is_withheld(drop, 1));
	maildrop_free(&drop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_stand_in_order_of_uid),
		cmocka_unit_test(an_empty_maildrop_is_ordinary),
		cmocka_unit_test(two_messages_with_one_uid_are_refused),
		cmocka_unit_test(deleted_still_listed),
		cmocka_unit_test(rset_no_op),
		cmocka_unit_test(marked_uids_come_in_ascending_order),
		cmocka_unit_test(stat_32_bit_overflow),
		cmocka_unit_test(absurd_sizes_cannot_make_the_sum_wrap),
		cmocka_unit_test(true_sizes_replace_estimates),
		cmocka_unit_test(marks_are_told_apart),
		cmocka_unit_test(what_was_retrieved_once_is_not_guarded),
		cmocka_unit_test(a_hundred_thousand_messages_in_reverse),
		cmocka_unit_test(the_notice_comes_last_and_is_no_message_of_the_mailbox),
		cmocka_unit_test(marks_of_the_notice_name_no_uid),
		cmocka_unit_test(the_notice_hides_no_message),
		cmocka_unit_test(a_notice_may_be_alone),
		cmocka_unit_test(there_is_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
