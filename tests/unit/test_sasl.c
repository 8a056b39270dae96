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

/* After Microsoft's example and RFC 7628's; and names that must be escaped, or not. */
static void tokens_are_framed(void **state)
{
	static const struct {
		bool (*write)(struct bytebuf *out, struct span user, struct span token);
		const char *user;
		const char *token;
		struct span message;
	} rows[] = {
		{ sasl_xoauth2_write, "test@contoso.onmicrosoft.com", "EwBAAl3BAAUFFpUAo7J3Ve0b",
		  OCTETS("user=test@contoso.onmicrosoft.com\1auth=Bearer "
			 "EwBAAl3BAAUFFpUAo7J3Ve0b\1\1") },
		{ sasl_xoauth2_write, "a=b,c", "t", OCTETS("user=a=b,c\1auth=Bearer t\1\1") },
		{ sasl_xoauth2_write, "j\xc3\xbcrgen", "~ !",
		  OCTETS("user=j\xc3\xbcrgen\1auth=Bearer ~ !\1\1") },
		{ sasl_oauthbearer_write, "user@example.com",
		  "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEu==",
		  OCTETS("n,a=user@example.com,\1auth=Bearer "
			 "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEu==\1\1") },
		{ sasl_oauthbearer_write, "a=b,c=", "t",
		  OCTETS("n,a=a=3Db=2Cc=3D,\1auth=Bearer t\1\1") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf out;

		bytebuf_init(&out, 200);
		assert_true(rows[i].write(&out, span_text(rows[i].user), span_text(rows[i].token)));
		if (!span_equal(bytebuf_peek(&out), rows[i].message))
			fail_msg("row %zu: %.*s", i, (int)bytebuf_len(&out),
				 (const char *)bytebuf_peek(&out).data);
		bytebuf_deinit(&out);
	}
}

static void a_token_of_any_length_is_framed(void **state)
{
	static unsigned char token[60000];
	struct bytebuf out;

	(void)state;
	memset(token, 'x', sizeof(token));
	bytebuf_init(&out, 65536);
	assert_true(sasl_xoauth2_write(&out, span_text("u"), span_of(token, sizeof(token))));
	assert_int_equal(bytebuf_len(&out), strlen("user=u\1auth=Bearer \1\1") + sizeof(token));
	bytebuf_deinit(&out);
}

static void what_would_break_the_frame_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct span user, token;
	} rows[] = {
		{ "^A in the token", OCTETS("u"), OCTETS("t\1auth=Bearer other") },
		{ "^A in the name", OCTETS("u\1auth=Bearer other"), OCTETS("t") },
		{ "NUL in the token", OCTETS("u"), OCTETS("t\0x") },
		{ "NUL in the name", OCTETS("u\0v"), OCTETS("t") },
		{ "a line end in the token", OCTETS("u"), OCTETS("t\r\n") },
		{ "DEL in the token", OCTETS("u"), OCTETS("t\x7f") },
		{ "8-bit in the token", OCTETS("u"), OCTETS("t\xc3\xa4") },
		{ "no token", OCTETS("u"), { NULL, 0 } },
		{ "no name", { NULL, 0 }, OCTETS("t") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf out;

		bytebuf_init(&out, 200);
		assert_true(bytebuf_append_octet(&out, '='));
		if (sasl_xoauth2_write(&out, rows[i].user, rows[i].token) ||
		    sasl_oauthbearer_write(&out, rows[i].user, rows[i].token) ||
		    !span_equal(bytebuf_peek(&out), span_text("=")))
			fail_msg("%s", rows[i].name);
		bytebuf_deinit(&out);
	}
}

static void a_full_buffer_takes_no_part_of_a_token(void **state)
{
	/* Each limit below what is needed, whatever is written when it is reached. */
	static const size_t needed[] = { sizeof("user=a,\1auth=Bearer t\1\1") - 1,
					 sizeof("n,a=a=2C,\1auth=Bearer t\1\1") - 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		bool (*write)(struct bytebuf *, struct span, struct span) =
			i == 0 ? sasl_xoauth2_write : sasl_oauthbearer_write;
		for (size_t limit = 0; limit <= needed[i]; limit++) {
			struct bytebuf out;

			bytebuf_init(&out, limit);
			assert_int_equal(write(&out, span_text("a,"), span_text("t")),
					 limit == needed[i]);
			assert_int_equal(bytebuf_len(&out), limit == needed[i] ? limit : 0);
			bytebuf_deinit(&out);
		}
	}
}

static void errors_are_read_for_one_word(void **state)
{
	static const struct {
		const char *challenge;
		const char *status; /* NULL: none */
	} rows[] = {
		{ "{\"status\":\"invalid_token\",\"scope\":\"example_scope\"}", "invalid_token" },
		{ "{\"schemes\":\"Bearer\",\"scope\":\"https://mail.google.com/\","
		  "\"status\":\"401\"}",
		  "401" },
		{ "{ \"status\" :\r\n\t \"insufficient-scope\" }", "insufficient-scope" },
		{ "{\"status\":\"1234567890123456789012345678901234567890\"}",
		  "1234567890123456789012345678901234567890" },
		{ "{\"status\":\"12345678901234567890123456789012345678901\"}", NULL },
		{ "{\"status\":\"two words\"}", NULL },
		{ "{\"status\":\"\\u0041\"}", NULL },
		{ "{\"status\":\"\"}", NULL },
		{ "{\"status\":401}", NULL },
		{ "{\"status\":\"401", NULL },
		{ "{\"status\":\"", NULL },
		{ "{\"status\":", NULL },
		{ "{\"status\"", NULL },
		{ "{\"status", NULL },
		{ "{\"error\":\"invalid_token\"}", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span status;
		bool ok = sasl_bearer_error_read(span_text(rows[i].challenge), &status);

		if (ok != (rows[i].status != NULL))
			fail_msg("%s: %d", rows[i].challenge, ok);
		if (ok && !span_equal(status, span_text(rows[i].status)))
			fail_msg("%s: %.*s", rows[i].challenge, (int)status.len,
				 (const char *)status.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_is_read_strictly),
		cmocka_unit_test(plain_is_written_as_it_is_read),
		cmocka_unit_test(nul_and_a_full_buffer_change_nothing),
		cmocka_unit_test(tokens_are_framed),
		cmocka_unit_test(a_token_of_any_length_is_framed),
		cmocka_unit_test(what_would_break_the_frame_is_refused),
		cmocka_unit_test(a_full_buffer_takes_no_part_of_a_token),
		cmocka_unit_test(errors_are_read_for_one_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
