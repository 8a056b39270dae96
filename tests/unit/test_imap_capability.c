/* SPDX-License-Identifier: ISC */
#include "protocol/imap_capability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name;
	uint32_t bit;
} rows[] = {
	{ "IMAP4rev1", IMAP_CAP_IMAP4REV1 },
	{ "imap4REV1", IMAP_CAP_IMAP4REV1 },
	{ "STARTTLS", IMAP_CAP_STARTTLS },
	{ "LOGINDISABLED", IMAP_CAP_LOGINDISABLED },
	{ "AUTH=PLAIN", IMAP_CAP_AUTH_PLAIN },
	{ "auth=plain", IMAP_CAP_AUTH_PLAIN },
	{ "AUTH=LOGIN", IMAP_CAP_AUTH_LOGIN },
	{ "AUTH=XOAUTH2", IMAP_CAP_AUTH_XOAUTH2 },
	{ "AUTH=OAUTHBEARER", IMAP_CAP_AUTH_OAUTHBEARER },
	{ "SASL-IR", IMAP_CAP_SASL_IR },
	{ "LITERAL+", IMAP_CAP_LITERAL_PLUS },
	{ "LITERAL-", IMAP_CAP_LITERAL_MINUS },
	{ "UIDPLUS", IMAP_CAP_UIDPLUS },
	{ "MOVE", IMAP_CAP_MOVE },
	{ "IDLE", IMAP_CAP_IDLE },
	{ "ID", IMAP_CAP_ID },
	{ "UNSELECT", IMAP_CAP_UNSELECT },
	{ "SPECIAL-USE", IMAP_CAP_SPECIAL_USE },
	/* Near misses, and names that stand in the lists of real servers. */
	{ "", 0 },
	{ "I", 0 },
	{ "IDL", 0 },
	{ "IDLE ", 0 },
	{ "IMAP4", 0 },
	{ "IMAP4rev2", 0 },
	{ "AUTH=", 0 },
	{ "AUTH=PLAIN2", 0 },
	{ "LITERAL", 0 },
	{ "CLIENTACCESSRULES", 0 },
	{ "NAMESPACE", 0 },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t bit = imap_capability_bit(span_text(rows[i].name));
		if (bit != rows[i].bit)
			fail_msg("%s: %#x, not %#x", rows[i].name, bit, rows[i].bit);
	}
}

/* A name may hold a NUL and still not be its first half. */
static void test_nul(void **state)
{
	(void)state;
	assert_int_equal(imap_capability_bit(span_of("IDLE\0X", 6)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
