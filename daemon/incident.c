/* SPDX-License-Identifier: ISC */
#include "daemon/incident.h"

#include <stdio.h>

static struct store_mailbox mailbox_of(const struct oauth_client *client)
{
	return (struct store_mailbox){ .host = client->account->imap.host,
				       .user = client->mailbox,
				       .folder = client->account->folder };
}

bool incident_is_due(const struct oauth_trouble *trouble)
{
	switch (trouble->state) {
	case OAUTH_NEVER_SIGNED_IN:
	case OAUTH_SIGN_IN_NEEDED:
	case OAUTH_ADMINISTRATOR_NEEDED:
		return true;
	case OAUTH_OK:
	case OAUTH_BACKING_OFF:
		break;
	}
	return false;
}

void incident_raise(struct attention *attention, const struct oauth_client *client,
		    const struct oauth_trouble *trouble)
{
	char detail[700];

	/* Where nobody has signed in there is nothing more to say. */
	if (trouble->state != OAUTH_NEVER_SIGNED_IN && trouble->text[0] != '\0')
		snprintf(detail, sizeof(detail), "%s (%s)", trouble->meaning, trouble->text);
	else
		snprintf(detail, sizeof(detail), "%s", trouble->meaning);
	attention_raise(attention, &(struct attention_report){
					   .mailbox = mailbox_of(client),
					   .account = client->name,
					   .reason = trouble->state == OAUTH_ADMINISTRATOR_NEEDED
							     ? ATTENTION_ADMINISTRATOR_NEEDED
							     : ATTENTION_SIGN_IN_NEEDED,
					   .detail = detail,
					   .remedy = trouble->remedy,
				   });
}

void incident_clear(struct attention *attention, const struct oauth_client *client)
{
	struct store_mailbox mailbox = mailbox_of(client);

	attention_clear(attention, &mailbox);
}
