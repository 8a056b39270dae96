/* SPDX-License-Identifier: ISC */
#include "protocol/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OCTETS(text)                                            \
	{                                                       \
		(const unsigned char *)(text), sizeof(text) - 1 \
	}

static void plain_is_read_strictly(void **state)
{
	static const struct {
		const char *name;
		struct span message;
		const char *user, *password; /* NULL: refused */
	} rows[] = {
		{ "no authzid", OCTETS("\0alice\0secret"), "alice", "secret" },
		{ "authzid is authcid", OCTETS("alice\0alice\0secret"), "alice", "secret" },
		{ "spaces, quotes and 8-bit", OCTETS("\0a l\0 \"p\xc3\xa4\\ "), "a l",
		  " \"p\xc3\xa4\\ " },
		{ "authzid is somebody else", OCTETS("root\0alice\0secret"), NULL, NULL },
		{ "authzid differs by case", OCTETS("Alice\0alice\0secret"), NULL, NULL },
		{ "no authcid", OCTETS("\0\0secret"), NULL, NULL },
		{ "authzid only", OCTETS("alice\0\0secret"), NULL, NULL },
		{ "no password", OCTETS("\0alice\0"), NULL, NULL },
		{ "one NUL", OCTETS("alice\0secret"), NULL, NULL },
		{ "no NUL", OCTETS("alice"), NULL, NULL },
		{ "three NULs", OCTETS("\0alice\0sec\0ret"), NULL, NULL },
		{ "trailing NUL", OCTETS("\0alice\0secret\0"), NULL, NULL },
		{ "NULs only", OCTETS("\0\0"), NULL, NULL },
		{ "empty", { NULL, 0 }, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span user = span_text("untouched");
		struct span password = user;
		bool ok = sasl_plain_read(rows[i].message, &user, &password);
		if (ok != (rows[i].user != NULL))
			fail_msg("%s: %d", rows[i].name, ok);
		if (!span_equal(user, span_text(ok ? rows[i].user : "untouched")) ||
		    !span_equal(password, span_text(ok ? rows[i].password : "untouched")))
			fail_msg("%s: user %.*s, password %.*s", rows[i].name, (int)user.len,
				 (const char *)user.data, (int)password.len,
				 (const char *)password.data);
	}
}

static void plain_is_written_as_it_is_read(void **state)
{
	struct bytebuf out;
	struct span user;
	struct span password;

	(void)state;
	bytebuf_init(&out, 100);
	assert_true(sasl_plain_write(&out, span_text("alice"), span_text(" pass \"word\" ")));
	assert_true(span_equal(bytebuf_peek(&out), span_of("\0alice\0 pass \"word\" ", 20)));
	assert_true(sasl_plain_read(bytebuf_peek(&out), &user, &password));
	assert_true(span_equal(user, span_text("alice")));
	assert_true(span_equal(password, span_text(" pass \"word\" ")));
	bytebuf_deinit(&out);
}

static void nul_and_a_full_buffer_change_nothing(void **state)
{
	struct bytebuf out;

	(void)state;
	bytebuf_init(&out, 10);
	assert_true(bytebuf_append_octet(&out, '='));
	assert_false(sasl_plain_write(&out, span_of("a\0b", 3), span_text("x")));
	assert_false(sasl_plain_write(&out, span_text("a"), span_of("\0", 1)));
	assert_false(bytebuf_failed(&out));
	assert_false(sasl_plain_write(&out, span_text("abcd"), span_text("efgh")));
	assert_true(bytebuf_failed(&out));
	assert_true(span_equal(bytebuf_peek(&out), span_text("=")));
	assert_true(sasl_plain_write(&out, span_text("abc"), span_text("efgh")));
	bytebuf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_is_read_strictly),
		cmocka_unit_test(plain_is_written_as_it_is_read),
		cmocka_unit_test(nul_and_a_full_buffer_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
