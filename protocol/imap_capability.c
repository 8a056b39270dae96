/* SPDX-License-Identifier: ISC */
#include "protocol/imap_capability.h"

static const struct {
	const char *name;
	enum imap_capability bit;
} capabilities[] = {
	{ "IMAP4rev1", IMAP_CAP_IMAP4REV1 },
	{ "STARTTLS", IMAP_CAP_STARTTLS },
	{ "LOGINDISABLED", IMAP_CAP_LOGINDISABLED },
	{ "AUTH=PLAIN", IMAP_CAP_AUTH_PLAIN },
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
};

uint32_t imap_capability_bit(struct span name)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (span_equal_nocase(name, span_text(capabilities[i].name)))
			return capabilities[i].bit;
	}
	return 0;
}
