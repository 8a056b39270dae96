/* SPDX-License-Identifier: ISC */
#include "daemon/address_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static struct address address_from(const char *text)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
		return address_of((struct sockaddr *)&ipv4);
	assert_int_equal(inet_pton(AF_INET6, text, &ipv6.sin6_addr), 1);
	return address_of((struct sockaddr *)&ipv6);
}

static void loopback_is_told_from_the_rest(void **state)
{
	static const struct {
		const char *text;
		bool loopback;
		const char *formatted;
	} rows[] = {
		{ "127.0.0.1", true, "127.0.0.1" },        { "127.255.0.9", true, "127.255.0.9" },
		{ "128.0.0.1", false, "128.0.0.1" },       { "::1", true, "::1" },
		{ "::ffff:127.0.0.1", true, "127.0.0.1" }, { "::ffff:10.0.0.1", false, "10.0.0.1" },
		{ "2001:db8::1", false, "2001:db8::1" },   { "::", false, "::" },
	};
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct address unix_socket = address_of((struct sockaddr *)&local);
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address = address_from(rows[i].text);

		address_format(&address, text);
		if (address_is_loopback(&address) != rows[i].loopback ||
		    strcmp(text, rows[i].formatted) != 0)
			fail_msg("%s: loopback %d, formatted %s", rows[i].text,
				 address_is_loopback(&address), text);
	}
	assert_true(address_is_loopback(&unix_socket));
}

static void connections_are_counted_for_each_address(void **state)
{
	struct address_book book = { 0 };
	struct address one = address_from("192.0.2.1");
	struct address two = address_from("192.0.2.2");

	(void)state;
	assert_true(address_book_connect(&book, &one, 2, 0));
	assert_true(address_book_connect(&book, &one, 2, 0));
	assert_false(address_book_connect(&book, &one, 2, 0));
	assert_true(address_book_connect(&book, &two, 2, 0));
	address_book_disconnect(&book, &one);
	assert_true(address_book_connect(&book, &one, 2, 0));
	address_book_disconnect(&book, &one);
	address_book_disconnect(&book, &one);
	address_book_disconnect(&book, &two);
	assert_int_equal(book.entries, 0);
	address_book_deinit(&book);
}

static void an_ipv6_subscriber_is_one_address(void **state)
{
	struct address_book book = { 0 };
	struct address one = address_from("2001:db8:1:2::1");
	struct address same = address_from("2001:db8:1:2:ffff::9");
	struct address other = address_from("2001:db8:1:3::1");

	(void)state;
	assert_int_equal(address_book_failure(&book, &one, 0), 1000);
	assert_int_equal(address_book_failure(&book, &same, 0), 2000);
	assert_int_equal(address_book_failure(&book, &other, 0), 1000);
	address_book_deinit(&book);
}

static void the_delay_doubles_up_to_sixteen_seconds(void **state)
{
	static const uint64_t expected[] = { 1000, 2000, 4000, 8000, 16000, 16000, 16000 };
	struct address_book book = { 0 };
	struct address address = address_from("192.0.2.1");

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(address_book_failure(&book, &address, i), expected[i]);
	address_book_success(&book, &address);
	assert_int_equal(address_book_failure(&book, &address, 10), 1000);
	/* Ten quiet minutes. */
	assert_int_equal(address_book_failure(&book, &address, 600009), 2000);
	assert_int_equal(address_book_failure(&book, &address, 1200009), 1000);
	address_book_deinit(&book);
}

static void a_success_does_not_forget_connections(void **state)
{
	struct address_book book = { 0 };
	struct address address = address_from("192.0.2.1");

	(void)state;
	assert_true(address_book_connect(&book, &address, 1, 0));
	(void)address_book_failure(&book, &address, 0);
	address_book_success(&book, &address);
	assert_false(address_book_connect(&book, &address, 1, 0));
	address_book_deinit(&book);
}

static void checks_are_counted_for_each_address(void **state)
{
	struct address_book book = { 0 };
	struct address one = address_from("192.0.2.1");
	struct address two = address_from("192.0.2.2");

	(void)state;
	assert_true(address_book_begin_check(&book, &one, 1, 0));
	assert_false(address_book_begin_check(&book, &one, 1, 0));
	assert_true(address_book_begin_check(&book, &two, 1, 0));
	address_book_success(&book, &one);
	assert_false(address_book_begin_check(&book, &one, 1, 0));
	address_book_end_check(&book, &one);
	assert_true(address_book_begin_check(&book, &one, 1, 0));
	address_book_end_check(&book, &one);
	address_book_end_check(&book, &two);
	address_book_end_check(&book, &two);
	assert_int_equal(book.entries, 0);
	address_book_deinit(&book);
}

static void there_is_an_end_to_what_is_remembered(void **state)
{
	struct address_book book = { 0 };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct address connected = address_from("192.0.2.1");

	(void)state;
	assert_true(address_book_connect(&book, &connected, 1, 0));
	/* All at one moment: nothing is old. */
	for (uint32_t i = 0; i < 70000; i++) {
		ipv4.sin_addr.s_addr = htonl(i);
		struct address address = address_of((struct sockaddr *)&ipv4);

		(void)address_book_failure(&book, &address, 0);
	}
	assert_in_range(book.entries, 60000, 65536);
	assert_false(address_book_connect(&book, &connected, 1, 0));
	address_book_deinit(&book);
}

static void what_many_addresses_did_is_forgotten_in_time(void **state)
{
	struct address_book book = { 0 };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	size_t most = 0;

	(void)state;
	/* A failure from a new address each 20 ms: 30,000 are younger than ten minutes. */
	for (uint32_t i = 0; i < 200000; i++) {
		ipv4.sin_addr.s_addr = htonl(i);
		struct address address = address_of((struct sockaddr *)&ipv4);

		(void)address_book_failure(&book, &address, (uint64_t)i * 20);
		if (book.entries > most)
			most = book.entries;
	}
	assert_in_range(most, 30000, 35000);
	address_book_deinit(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_is_told_from_the_rest),
		cmocka_unit_test(connections_are_counted_for_each_address),
		cmocka_unit_test(an_ipv6_subscriber_is_one_address),
		cmocka_unit_test(the_delay_doubles_up_to_sixteen_seconds),
		cmocka_unit_test(a_success_does_not_forget_connections),
		cmocka_unit_test(checks_are_counted_for_each_address),
		cmocka_unit_test(there_is_an_end_to_what_is_remembered),
		cmocka_unit_test(what_many_addresses_did_is_forgotten_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
