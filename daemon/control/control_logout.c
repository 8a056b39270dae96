/* SPDX-License-Identifier: ISC */
/* `packetboat logout`: forgets tokens, and with `forget` what is kept of the mailbox. */
#include "daemon/attention.h"
#include "daemon/control/control_private.h"

static struct control_connection *connection_of(struct ticket_office *tickets, uint64_t ticket)
{
	struct control_connection *connection = ticket_find(tickets, ticket);

	/* NULL: the connection is gone; what was asked is done all the same. */
	if (connection != NULL) {
		ticket_return(tickets, connection->ticket);
		connection->ticket = 0;
	}
	return connection;
}

static void on_forgotten(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct control_connection *connection = connection_of(owner, ticket);

	if (connection == NULL)
		return;
	if (answer->ok)
		control_done(connection, NULL);
	else
		control_error(connection, answer->error, NULL);
}

/* Sessions that are open stay; what they learn is kept anew when they end. */
static void forget(struct control_connection *connection)
{
	struct bridge *bridge = connection->control->bridge;
	const struct oauth_client *client = &connection->client;
	const struct store_mailbox mailbox = { .host = client->account->imap.host,
					       .user = client->mailbox,
					       .folder = client->account->folder };

	if (bridge->attention != NULL) {
		attention_clear(bridge->attention, &mailbox);
		attention_clear_forecast(bridge->attention, &mailbox);
	}
	if (bridge->store == NULL)
		control_done(connection, NULL);
	else if (!ticket_draw(&bridge->tickets, connection, &connection->ticket) ||
		 !store_forget(bridge->store, &mailbox, on_forgotten, &bridge->tickets,
			       connection->ticket))
		control_error(connection, "no memory", NULL);
}

static void on_signed_out(void *owner, uint64_t ticket, const char *error)
{
	struct control_connection *connection = connection_of(owner, ticket);

	if (connection == NULL)
		return;
	if (error != NULL)
		control_error(connection, error, NULL);
	else if (connection->request.forget)
		forget(connection);
	else
		control_done(connection, NULL);
}

static void begin(struct control_connection *connection)
{
	struct bridge *bridge = connection->control->bridge;
	const struct conf_account *account = connection->client.account;
	bool has_sign_in = account->auth == CONF_AUTH_OAUTH2 &&
			   account->oauth.flow == CONF_FLOW_USER && bridge->oauth != NULL;

	if (has_sign_in) {
		if (!ticket_draw(&bridge->tickets, connection, &connection->ticket) ||
		    !oauth_sign_out(bridge->oauth, &connection->client, on_signed_out,
				    &bridge->tickets, connection->ticket))
			control_error(connection, "no memory", NULL);
	} else if (connection->request.forget) {
		forget(connection);
	} else if (account->auth == CONF_AUTH_OAUTH2) {
		control_error(connection,
			      "this account signs in by itself, as an application; nobody is "
			      "signed in",
			      "To stop it, take the account out of the configuration and reload.");
	} else {
		control_error(connection,
			      "this account signs in with a password; nobody is signed in", NULL);
	}
}

const struct control_verb control_logout_verb = {
	.command = CONTROL_LOGOUT,
	.needs_account = true,
	.is_logged = true,
	.begin = begin,
};
