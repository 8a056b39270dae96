/* SPDX-License-Identifier: ISC */
#include "protocol/header_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define ABSENT NULL

/* What Exchange serves for a message that it cannot convert, as people have quoted it. */
#define PLACEHOLDER                                                                \
	"MIME-Version: 1.0\r\n"                                                    \
	"Content-Type: text/plain; charset=\"us-ascii\"\r\n"                       \
	"From: Microsoft Exchange Server 2010\r\n"                                 \
	"To: Ada <u@example.org>\r\n"                                              \
	"Subject: Retrieval using the IMAP4 protocol failed for the following\r\n" \
	" message: 20004\r\n"                                                      \
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"                      \
	"The server couldn't retrieve the following message:\r\n"
#define SUBJECT "Subject: Retrieval using the IMAP4 protocol failed for the following message"

static const struct {
	const char *name;
	const char *message;
	const char *message_id, *from, *subject;
	bool over; /* the header ends within the text */
} rows[] = {
	{ "all three", "Message-ID: <a@b>\r\nFrom: x@y\r\nSubject: hello\r\n\r\nbody", "<a@b>",
	  "x@y", "hello", true },
	{ "any order, any case", "SUBJECT: s\r\nfrom: f\r\nmessage-id: <m>\r\n\r\n", "<m>", "f",
	  "s", true },
	{ "bare LF", "Message-ID: <a@b>\nSubject: s\n\nFrom: body", "<a@b>", ABSENT, "s", true },
	{ "folded", "Subject: one\r\n two\r\n\tthree\r\nMessage-ID:\r\n <a@b>\r\n\r\n", "<a@b>",
	  ABSENT, "one two\tthree", true },
	{ "without blanks", "Subject:s\r\nFrom:f\r\n\r\n", ABSENT, "f", "s", true },
	{ "blanks around", "Subject \t: \t s \t\r\n\r\n", ABSENT, ABSENT, "s", true },
	{ "the first counts", "Subject: first\r\nSubject: second\r\n\r\n", ABSENT, ABSENT, "first",
	  true },
	{ "empty value", "Message-ID:\r\nSubject: \r\n\r\n", "", ABSENT, "", true },
	{ "the first counts, be it empty", "Message-ID:\r\nMessage-ID: <m>\r\n\r\n", "", ABSENT,
	  ABSENT, true },
	{ "names that only begin alike",
	  "Subjects: no\r\nMessage-ID-X: no\r\nFro: no\r\nX: From: no\r\n\r\n", ABSENT, ABSENT,
	  ABSENT, true },
	{ "the text is not looked at", "X: y\r\n\r\nSubject: no\r\n\r\n", ABSENT, ABSENT, ABSENT,
	  true },
	{ "nothing but a text", "\r\nSubject: no\r\n", ABSENT, ABSENT, ABSENT, true },
	{ "ends within a field", "Subject: s\r\nMessage-ID: <m", "<m", ABSENT, "s", false },
	{ "ends behind a line", "Subject: s\r\n", ABSENT, ABSENT, "s", false },
	{ "no colon", "Subject\r\nFrom f\r\n\r\n", ABSENT, ABSENT, ABSENT, true },
	{ "a fold in front of everything", " Subject: no\r\nFrom: f\r\n\r\n", ABSENT, "f", ABSENT,
	  true },
	{ "a CR that ends no line", "Subject: a\rb\r\n\r\n", ABSENT, ABSENT, "a\rb", true },
	{ "a line of blanks is a fold", "Subject: s\r\n \r\nFrom: f\r\n\r\n", ABSENT, "f", "s",
	  true },
	{ "empty message", "", ABSENT, ABSENT, ABSENT, false },
};

static void check_value(const char *name, const struct header_scan *scan,
			enum header_scan_field field, const char *expected)
{
	struct span value = header_scan_value(scan, field);

	if (header_scan_has(scan, field) != (expected != ABSENT) ||
	    !span_equal(value, span_text(expected != ABSENT ? expected : "")))
		fail_msg("%s: field %d is \"%.*s\"%s", name, (int)field, (int)value.len,
			 value.len > 0 ? (const char *)value.data : "",
			 header_scan_has(scan, field) ? "" : " (absent)");
}

/* In three pieces that end at these places. */
static void check_row(size_t row, size_t first, size_t second)
{
	struct span text = span_text(rows[row].message);
	struct span front = span_take(&text, first);
	struct span middle = span_take(&text, second - first);
	struct header_scan scan;
	bool over;

	header_scan_init(&scan);
	over = header_scan_feed(&scan, front);
	over |= header_scan_feed(&scan, middle);
	over |= header_scan_feed(&scan, text);
	if (over != rows[row].over)
		fail_msg("%s: over is %d", rows[row].name, over);
	header_scan_finish(&scan);
	check_value(rows[row].name, &scan, HEADER_MESSAGE_ID, rows[row].message_id);
	check_value(rows[row].name, &scan, HEADER_FROM, rows[row].from);
	check_value(rows[row].name, &scan, HEADER_SUBJECT, rows[row].subject);
	header_scan_deinit(&scan);
}

static void fields_are_found_at_every_split(void **state)
{
	(void)state;
	for (size_t row = 0; row < COUNT(rows); row++) {
		size_t len = strlen(rows[row].message);
		for (size_t first = 0; first <= len; first++) {
			for (size_t second = first; second <= len; second++)
				check_row(row, first, second);
		}
	}
}

static void fields_are_found_octet_by_octet(void **state)
{
	(void)state;
	for (size_t row = 0; row < COUNT(rows); row++) {
		struct header_scan scan;

		header_scan_init(&scan);
		for (const char *at = rows[row].message; *at != '\0'; at++)
			(void)header_scan_feed(&scan, span_of(at, 1));
		header_scan_finish(&scan);
		check_value(rows[row].name, &scan, HEADER_MESSAGE_ID, rows[row].message_id);
		check_value(rows[row].name, &scan, HEADER_SUBJECT, rows[row].subject);
		header_scan_deinit(&scan);
	}
}

static void feed_many(struct header_scan *scan, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		(void)header_scan_feed(scan, span_text(text));
}

static void values_that_are_too_long_are_empty(void **state)
{
	struct header_scan scan;

	(void)state;
	header_scan_init(&scan);
	(void)header_scan_feed(&scan, span_text("Subject:"));
	feed_many(&scan, "x", HEADER_SCAN_VALUE_MAX);
	(void)header_scan_feed(&scan, span_text("\r\nFrom:"));
	feed_many(&scan, "xyz", HEADER_SCAN_VALUE_MAX);
	(void)header_scan_feed(&scan, span_text("\r\nX-"));
	feed_many(&scan, "abc", HEADER_SCAN_VALUE_MAX);
	(void)header_scan_feed(&scan, span_text(": y\r\nMessage-ID: <m>\r\n\r\n"));
	assert_int_equal(header_scan_value(&scan, HEADER_SUBJECT).len, HEADER_SCAN_VALUE_MAX);
	assert_true(header_scan_has(&scan, HEADER_FROM));
	assert_int_equal(header_scan_value(&scan, HEADER_FROM).len, 0);
	check_value("behind long ones", &scan, HEADER_MESSAGE_ID, "<m>");
	header_scan_deinit(&scan);
}

static void headers_without_end_are_left(void **state)
{
	struct header_scan scan;
	size_t fed = 0;

	(void)state;
	header_scan_init(&scan);
	while (!header_scan_feed(&scan, span_text("X: y\r\n"))) {
		fed += 6;
		assert_true(fed < 2 * HEADER_SCAN_MAX);
	}
	assert_true(header_scan_feed(&scan, span_text("Subject: late\r\n\r\n")));
	assert_false(header_scan_has(&scan, HEADER_SUBJECT));
	header_scan_deinit(&scan);
}

static void a_field_of_any_length_is_passed_over(void **state)
{
	struct header_scan scan;

	(void)state;
	header_scan_init(&scan);
	(void)header_scan_feed(&scan, span_text("X: y\r\n"));
	feed_many(&scan, " a fold\r\n", 1000);
	feed_many(&scan, "Y: z\r", 3);
	(void)header_scan_feed(&scan, span_text("\nSubject: s\r\n\r\n"));
	check_value("behind it", &scan, HEADER_SUBJECT, "s");
	assert_int_equal(scan.octets, 6 + 9000 + 15 + 1 + 14);
	header_scan_deinit(&scan);
}

static const struct {
	const char *name;
	const char *message;
	const char *undecided; /* the last octets with which it cannot be told yet; NULL: the end */
	enum header_scan_verdict verdict;
} guards[] = {
	{ "Exchange's own", PLACEHOLDER, "20004\r\n", HEADER_SCAN_PLACEHOLDER },
	{ "with an address", "From: \"Microsoft Exchange Server\" <x@y>\r\n" SUBJECT ": 1\r\n\r\n",
	  ": 1\r\n\r", HEADER_SCAN_PLACEHOLDER },
	{ "subject first", SUBJECT ": 1\r\nFrom: Microsoft Exchange Server\r\n\r\n", "Server\r\n\r",
	  HEADER_SCAN_PLACEHOLDER },
	{ "folded elsewhere",
	  "From:\r\n Microsoft\r\n\t Exchange Server\r\nSubject: Retrieval using the\r\n\tIMAP4 "
	  "protocol failed for the following message:\r\n    15541\r\n\r\n",
	  "15541\r\n\r", HEADER_SCAN_PLACEHOLDER },
	{ "ends in its header", "From: Microsoft Exchange Server\r\n" SUBJECT ": 1", NULL,
	  HEADER_SCAN_PLACEHOLDER },
	{ "bare LF", "From: Microsoft Exchange Server\n" SUBJECT ": 1\n\n", ": 1\n",
	  HEADER_SCAN_PLACEHOLDER },
	{ "quoted in a text", "From: a@b\r\nSubject: help\r\n\r\n" PLACEHOLDER, "a@b\r\n",
	  HEADER_SCAN_MESSAGE },
	{ "its subject alone, from somebody who forwards it", SUBJECT ": 1\r\nFrom: a@b\r\n\r\n",
	  "a@b\r\n\r", HEADER_SCAN_MESSAGE },
	{ "its subject and no sender", SUBJECT ": 1\r\n\r\n", "1\r\n\r", HEADER_SCAN_MESSAGE },
	{ "an answer to it",
	  "From: Microsoft Exchange Server <x@y>\r\nSubject: Re: Retrieval using the IMAP4 "
	  "protocol failed for the following message: 1\r\n\r\n",
	  "message: 1\r\n\r", HEADER_SCAN_MESSAGE },
	{ "its sender alone",
	  "From: Microsoft Exchange Server <x@y>\r\nSubject: Undeliverable\r\n\r\n",
	  "Undeliverable\r\n\r", HEADER_SCAN_MESSAGE },
	{ "words run together",
	  "From: Microsoft Exchange Server\r\nSubject: Retrievalusing the IMAP4 protocol failed "
	  "for the following message: 1\r\n\r\n",
	  "1\r\n\r", HEADER_SCAN_MESSAGE },
	{ "fields of an attached message",
	  "Content-Type: message/rfc822\r\nFrom: a@b\r\n\r\n" PLACEHOLDER, "a@b\r\n\r",
	  HEADER_SCAN_MESSAGE },
	{ "a second sender does not count",
	  "From: a@b\r\nFrom: Microsoft Exchange Server\r\n" SUBJECT ": 1\r\n\r\n", "a@b\r\n",
	  HEADER_SCAN_MESSAGE },
	{ "neither field", "To: a@b\r\n\r\nFrom: x\r\n", "a@b\r\n\r", HEADER_SCAN_MESSAGE },
	{ "nothing", "", NULL, HEADER_SCAN_MESSAGE },
};

/* The verdict falls with the first octet from which it can be told, and stays. */
static void a_verdict_falls_with_the_first_octet_that_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(guards); i++) {
		const char *undecided = guards[i].undecided;
		const char *told =
			undecided != NULL ? strstr(guards[i].message, undecided) + strlen(undecided)
					  : guards[i].message + strlen(guards[i].message);
		struct header_scan scan;

		header_scan_init(&scan);
		for (const char *at = guards[i].message; *at != '\0'; at++) {
			(void)header_scan_feed(&scan, span_of(at, 1));
			if (header_scan_verdict(&scan) !=
			    (at < told ? HEADER_SCAN_UNDECIDED : guards[i].verdict))
				fail_msg("%s: verdict %d behind \"%.*s\"", guards[i].name,
					 (int)header_scan_verdict(&scan),
					 (int)(at + 1 - guards[i].message), guards[i].message);
		}
		header_scan_finish(&scan);
		if (header_scan_verdict(&scan) != guards[i].verdict)
			fail_msg("%s: verdict %d", guards[i].name, (int)header_scan_verdict(&scan));
		assert_false(header_scan_failed(&scan));
		header_scan_deinit(&scan);
	}
}

static void a_zeroed_one_can_be_deinitialised(void **state)
{
	struct header_scan scan = { .over = false };

	(void)state;
	header_scan_deinit(&scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found_at_every_split),
		cmocka_unit_test(fields_are_found_octet_by_octet),
		cmocka_unit_test(values_that_are_too_long_are_empty),
		cmocka_unit_test(headers_without_end_are_left),
		cmocka_unit_test(a_field_of_any_length_is_passed_over),
		cmocka_unit_test(a_verdict_falls_with_the_first_octet_that_tells),
		cmocka_unit_test(a_zeroed_one_can_be_deinitialised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
