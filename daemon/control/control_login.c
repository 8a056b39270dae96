/* SPDX-License-Identifier: ISC */
/* `packetboat login`: passes on what a sign-in says and asks. */
#include "daemon/attention.h"
#include "daemon/control/control_private.h"

/* Whether the account opens this mailbox, for one of the names it stands for. */
static bool opens(const struct conf *conf, const struct conf_account *account, const char *mailbox)
{
	/* A name without a mailbox of its own is the mailbox. */
	if (account->mailbox == NULL && account->user[0] == '*')
		return conf_find_account(conf, mailbox) == account;
	return strcmp(conf_account_mailbox(account, account->user), mailbox) == 0;
}

void control_clear_incidents(struct bridge *bridge, const struct oauth_client *client)
{
	const struct conf *conf = client->setup->conf;

	if (bridge->attention == NULL)
		return;
	for (size_t i = 0; i < conf->account_count; i++) {
		const struct conf_account *account = &conf->accounts[i];

		if (account == client->account ||
		    (strcmp(account->imap.host, client->account->imap.host) == 0 &&
		     opens(conf, account, client->mailbox)))
			attention_clear(bridge->attention,
					&(struct store_mailbox){ .host = account->imap.host,
								 .user = client->mailbox,
								 .folder = account->folder });
	}
}

bool control_has_tokens(struct control_connection *connection)
{
	const struct bridge *bridge = connection->control->bridge;

	if (connection->client.account->auth != CONF_AUTH_OAUTH2 ||
	    (bridge->http != NULL && bridge->oauth != NULL))
		return true;
	control_error(connection, "the token service does not run",
		      "The log of packetboatd says why.");
	return false;
}

static void on_event(void *owner, const struct sign_in_event *event)
{
	struct control_connection *connection = owner;

	switch (event->type) {
	case SIGN_IN_OPEN:
		control_send(connection, json_pack("{s:s, s:o, s:o}", "event", "open", "url",
						   control_text(event->url), "redirect_uri",
						   control_text(event->redirect_uri)));
		break;
	case SIGN_IN_DEVICE_CODE:
		control_send(connection, json_pack("{s:s, s:o, s:o, s:I}", "event", "device", "url",
						   control_text(event->url), "user_code",
						   control_text(event->user_code), "expires_in",
						   (json_int_t)event->expires_in));
		break;
	case SIGN_IN_ACCEPTED:
		control_send(connection, json_pack("{s:s}", "event", "accepted"));
		break;
	case SIGN_IN_CHECK:
		control_send(connection, json_pack("{s:s}", "event", "check"));
		break;
	case SIGN_IN_DONE:
		control_clear_incidents(connection->control->bridge, &connection->client);
		control_done(connection,
			     json_pack("{s:o}", "account", control_text(connection->client.name)));
		break;
	case SIGN_IN_FAILED:
		control_error(connection, event->text, event->remedy);
		break;
	}
}

static void begin(struct control_connection *connection)
{
	struct bridge *bridge = connection->control->bridge;
	const struct control_request *request = &connection->request;
	const struct sign_in_settings settings = {
		.loop = &bridge->loop,
		.resolver = bridge->resolver,
		.log = &bridge->log,
		.tickets = &bridge->tickets,
		.http = bridge->http,
		.oauth = bridge->oauth,
		.client = connection->client,
	};

	if (connection->client.account->auth != CONF_AUTH_OAUTH2) {
		control_error(connection, "this account signs in with a password, not with OAuth",
			      "Set auth = \"oauth2\" in its configuration if it should not.");
		return;
	}
	connection->sign_in =
		sign_in_new(&settings, request->flow,
			    request->redirect_uri[0] != '\0' ? request->redirect_uri : NULL,
			    on_event, connection);
	if (connection->sign_in == NULL)
		control_error(connection, "no memory", NULL);
}

static void answer(struct control_connection *connection, struct span line)
{
	char error[200];
	struct secret *text = control_request_read_answer(line, error, sizeof(error));

	if (text == NULL) {
		control_error(connection, error, NULL);
		return;
	}
	sign_in_answer(connection->sign_in, secret_borrow(text));
	secret_free(&text);
}

static void cancel(struct control_connection *connection)
{
	sign_in_bury(&connection->sign_in);
}

const struct control_verb control_login_verb = {
	.command = CONTROL_LOGIN,
	.needs_account = true,
	.ends_with_peer = true,
	.is_logged = true,
	.begin = begin,
	.answer = answer,
	.cancel = cancel,
};
