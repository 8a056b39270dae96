/* SPDX-License-Identifier: ISC */
#include "protocol/base64.h"

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

/* RFC 4648 section 10, and the octets of AUTH PLAIN. */
static const struct {
	struct span octets, text;
} pairs[] = {
	{ OCTETS(""), OCTETS("") },
	{ OCTETS("f"), OCTETS("Zg==") },
	{ OCTETS("fo"), OCTETS("Zm8=") },
	{ OCTETS("foo"), OCTETS("Zm9v") },
	{ OCTETS("foob"), OCTETS("Zm9vYg==") },
	{ OCTETS("fooba"), OCTETS("Zm9vYmE=") },
	{ OCTETS("foobar"), OCTETS("Zm9vYmFy") },
	{ OCTETS("\0al\0pw"), OCTETS("AGFsAHB3") },
	{ OCTETS("\xff\xfe\xfd\xfb"), OCTETS("//79+w==") },
	{ OCTETS("Username:"), OCTETS("VXNlcm5hbWU6") },
	{ OCTETS("Password:"), OCTETS("UGFzc3dvcmQ6") },
};

static void pairs_agree_in_both_directions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct bytebuf out;
		bytebuf_init(&out, 100);
		assert_true(base64_encode(&out, pairs[i].octets));
		if (!span_equal(bytebuf_peek(&out), pairs[i].text))
			fail_msg("encoding to %s", (const char *)pairs[i].text.data);
		bytebuf_reset(&out);
		assert_true(base64_decode(&out, pairs[i].text));
		if (!span_equal(bytebuf_peek(&out), pairs[i].octets))
			fail_msg("decoding %s", (const char *)pairs[i].text.data);
		bytebuf_deinit(&out);
	}
}

static void every_octet_survives_at_every_length(void **state)
{
	unsigned char octets[256];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)(i * 167 + 13);
	for (size_t len = 0; len <= sizeof(octets); len++) {
		struct bytebuf text;
		struct bytebuf back;
		bytebuf_init(&text, 400);
		bytebuf_init(&back, 256);
		assert_true(base64_encode(&text, span_of(octets, len)));
		assert_int_equal(bytebuf_len(&text), (len + 2) / 3 * 4);
		assert_true(base64_decode(&back, bytebuf_peek(&text)));
		assert_true(span_equal(bytebuf_peek(&back), span_of(octets, len)));
		bytebuf_deinit(&text);
		bytebuf_deinit(&back);
	}
}

static void what_is_not_base64_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct span text;
	} rows[] = {
		{ "no padding", OCTETS("Zg") },
		{ "half the padding", OCTETS("Zg=") },
		{ "one digit", OCTETS("Z") },
		{ "padding only", OCTETS("====") },
		{ "three of padding", OCTETS("Z===") },
		{ "padding first", OCTETS("=Zg=") },
		{ "padding within", OCTETS("Zg==Zg==") },
		{ "digit behind padding", OCTETS("Zg=v") },
		{ "stray bits behind one octet", OCTETS("Zh==") },
		{ "stray bits behind two octets", OCTETS("Zm9=") },
		{ "space", OCTETS("Zm9 ") },
		{ "line end", OCTETS("Zm9v\r\n") },
		{ "NUL", OCTETS("Zm9\0") },
		{ "URL alphabet", OCTETS("__-_") },
		{ "8-bit", OCTETS("Zm9\xc3") },
		{ "error in the second group", OCTETS("Zm9vZ!9v") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytebuf out;
		bytebuf_init(&out, 100);
		assert_true(bytebuf_append_text(&out, "before"));
		if (base64_decode(&out, rows[i].text))
			fail_msg("%s: accepted", rows[i].name);
		if (!span_equal(bytebuf_peek(&out), span_text("before")))
			fail_msg("%s: the buffer changed", rows[i].name);
		assert_false(bytebuf_failed(&out));
		bytebuf_deinit(&out);
	}
}

static void a_full_buffer_stays_as_it_was(void **state)
{
	struct bytebuf out;

	(void)state;
	bytebuf_init(&out, 7);
	assert_false(base64_encode(&out, span_text("fooba")));
	assert_int_equal(bytebuf_len(&out), 0);
	assert_true(bytebuf_failed(&out));
	assert_true(base64_encode(&out, span_text("foo")));
	assert_false(base64_decode(&out, span_text("Zm9vYmFy")));
	assert_true(span_equal(bytebuf_peek(&out), span_text("Zm9v")));
	bytebuf_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_agree_in_both_directions),
		cmocka_unit_test(every_octet_survives_at_every_length),
		cmocka_unit_test(what_is_not_base64_is_refused),
		cmocka_unit_test(a_full_buffer_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
