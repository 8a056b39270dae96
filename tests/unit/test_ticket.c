/* SPDX-License-Identifier: ISC */
#include "daemon/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_ticket_finds_its_holder(void **state)
{
	struct ticket_office office = { 0 };
	uint64_t a, b;
	int holder_a, holder_b;

	(void)state;
	assert_true(ticket_draw(&office, &holder_a, &a));
	assert_true(ticket_draw(&office, &holder_b, &b));
	assert_true(a != b && a != 0 && b != 0);
	assert_ptr_equal(ticket_find(&office, a), &holder_a);
	assert_ptr_equal(ticket_find(&office, b), &holder_b);
	ticket_return(&office, a);
	ticket_return(&office, b);
}

static void a_holder_that_is_gone_is_found_by_nobody(void **state)
{
	struct ticket_office office = { 0 };
	uint64_t first, second;
	int holder;

	(void)state;
	assert_null(ticket_find(&office, 1));
	assert_true(ticket_draw(&office, &holder, &first));
	ticket_return(&office, first);
	ticket_return(&office, first);
	ticket_return(&office, 0);
	assert_null(ticket_find(&office, first));
	/* The answer to the first must not reach the second. */
	assert_true(ticket_draw(&office, &holder, &second));
	assert_true(second != first);
	assert_null(ticket_find(&office, first));
	ticket_return(&office, second);
	assert_null(office.holders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_finds_its_holder),
		cmocka_unit_test(a_holder_that_is_gone_is_found_by_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
