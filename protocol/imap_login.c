/* SPDX-License-Identifier: ISC */
#include "protocol/imap_login.h"

#include <assert.h>
#include <stdio.h>

#include "protocol/base64.h"
#include "protocol/imap_refusal.h"
#include "protocol/limits.h"
#include "protocol/sasl.h"

enum login_state {
	LOGIN_GREETING,
	LOGIN_CAPABILITY,
	LOGIN_STARTTLS,
	LOGIN_HANDSHAKE,
	LOGIN_READY,
	LOGIN_AUTHENTICATING,
	LOGIN_AUTHENTICATED,
	LOGIN_SELECTING,
	LOGIN_SELECTED,
	LOGIN_FAILED,
};

static const char out_of_commands[] = "no IMAP command could be made: out of memory";

/* The only way to change the state. It goes forward; CAPABILITY alone comes twice, before and
 * after the handshake. */
static void login_enter(struct imap_login *login, enum login_state state)
{
	assert(login->state < state ||
	       (login->state == LOGIN_HANDSHAKE && state == LOGIN_CAPABILITY));
	login->state = state;
}

static enum imap_login_step login_fail(struct imap_login *login, enum imap_login_failure failure,
				       const char *text, const char *otherwise)
{
	login_enter(login, LOGIN_FAILED);
	login->failure = failure;
	imap_refusal_copy(login->text, text, otherwise);
	imap_refusal_hide(login->text);
	return IMAP_LOGIN_FAILED;
}

/* Goes on to `state`, in which the answer to `command` is awaited. */
static enum imap_login_step login_await(struct imap_login *login, enum login_state state,
					uint32_t command)
{
	if (command == 0)
		return login_fail(login, IMAP_LOGIN_INTERNAL, out_of_commands, "");
	login_enter(login, state);
	login->waiting_for = command;
	return IMAP_LOGIN_MORE;
}

/* Capabilities are known, before authentication. */
static enum imap_login_step login_look_around(struct imap_login *login)
{
	struct imap_client *client = login->client;

	if (!imap_client_has(client, IMAP_CAP_IMAP4REV1))
		return login_fail(login, IMAP_LOGIN_VIOLATION,
				  "the server does not speak IMAP4rev1", "");
	if (login->starttls && !login->tls_active) {
		if (!imap_client_has(client, IMAP_CAP_STARTTLS))
			return login_fail(login, IMAP_LOGIN_NO_STARTTLS,
					  "the server does not offer STARTTLS", "");
		return login_await(login, LOGIN_STARTTLS, imap_client_starttls(client));
	}
	login->id_listed = imap_client_has(client, IMAP_CAP_ID);
	login_enter(login, LOGIN_READY);
	return IMAP_LOGIN_READY;
}

static enum imap_login_step login_greeted(struct imap_login *login, const struct imap_event *event)
{
	if (event->status == IMAP_PREAUTH)
		return login_fail(login, IMAP_LOGIN_PREAUTH,
				  "the server let us in without a password (PREAUTH)", "");
	if (event->status != IMAP_OK)
		return login_fail(login, IMAP_LOGIN_TEMPORARY, event->text,
				  "the server takes no connections now");
	/* RFC 3501 section 7.1: a [CAPABILITY] in the greeting saves asking. */
	if (imap_client_knows_capabilities(login->client))
		return login_look_around(login);
	return login_await(login, LOGIN_CAPABILITY, imap_client_capability(login->client));
}

/* Some servers say why, but not to people: in an error challenge. */
static enum imap_login_step login_refuse_token(struct imap_login *login,
					       const struct imap_event *event)
{
	enum imap_login_step step = login_fail(login, IMAP_LOGIN_WRONG_TOKEN, event->text,
					       "the server refused the token");
	size_t len = strlen(login->text);
	struct bytebuf challenge;
	struct span status;

	bytebuf_init(&challenge, IMAP_TEXT_MAX);
	if (base64_decode(&challenge, imap_client_challenge(login->client)) &&
	    sasl_bearer_error_read(bytebuf_peek(&challenge), &status))
		(void)snprintf(login->text + len, sizeof(login->text) - len, " (status: %.*s)",
			       (int)status.len, (const char *)status.data);
	bytebuf_deinit(&challenge);
	return step;
}

static enum imap_login_step login_authenticated(struct imap_login *login,
						const struct imap_event *event)
{
	if (event->status == IMAP_OK) {
		login_enter(login, LOGIN_AUTHENTICATED);
		return IMAP_LOGIN_AUTHENTICATED;
	}
	if (login->token && imap_refusal_of_token(event))
		return login_refuse_token(login, event);
	if (imap_refusal_of_password(event))
		return login_fail(login, IMAP_LOGIN_WRONG_PASSWORD, event->text,
				  "the server refused name and password");
	return login_fail(login, IMAP_LOGIN_TEMPORARY, event->text, "the server refused the login");
}

static enum imap_login_step login_selected(struct imap_login *login)
{
	if (imap_client_selected(login->client)->uidvalidity == 0)
		return login_fail(login, IMAP_LOGIN_NO_UIDVALIDITY,
				  "the server gave no UIDVALIDITY for the folder", "");
	login_enter(login, LOGIN_SELECTED);
	return IMAP_LOGIN_SELECTED;
}

/* An answer behind AUTHENTICATED: to CAPABILITY, to ID, or to SELECT. */
static enum imap_login_step login_opened(struct imap_login *login, const struct imap_event *event)
{
	if (event->id == login->capability_id) {
		login->capability_id = 0;
	} else if (event->id == login->waiting_for) {
		login->waiting_for = 0;
		if (imap_refusal_of_folder(event))
			return login_fail(login, IMAP_LOGIN_NO_FOLDER, event->text,
					  "the server does not open the folder");
		if (event->status != IMAP_OK)
			return login_fail(login, IMAP_LOGIN_TEMPORARY, event->text,
					  "the server does not open the folder now");
	}
	/* The answers may come in any order (RFC 3501 section 5.5), and what is done with the
	 * folder depends on both. */
	if (login->waiting_for != 0 || login->capability_id != 0)
		return IMAP_LOGIN_MORE;
	return login_selected(login);
}

/*
 * Whether the server takes back that it let us in. Exchange does so in the answer to whatever
 * command comes first, be it ID, or in its BYE, and need not answer SELECT any more.
 */
static bool login_is_void(struct imap_login *login, const struct imap_event *event)
{
	if (imap_refusal_is_not_connected(event))
		(void)login_fail(login, IMAP_LOGIN_NOT_CONNECTED, event->text, "");
	else if (login->token && imap_refusal_is_token_expired(event))
		(void)login_fail(login, IMAP_LOGIN_WRONG_TOKEN, event->text, "");
	else
		return false;
	return true;
}

static enum imap_login_step login_done(struct imap_login *login, const struct imap_event *event)
{
	enum login_state state = login->state;

	if (login_is_void(login, event))
		return IMAP_LOGIN_FAILED;
	if (state == LOGIN_SELECTING)
		return login_opened(login, event);
	if (event->id != login->waiting_for)
		return IMAP_LOGIN_MORE;
	login->waiting_for = 0;
	if (state == LOGIN_AUTHENTICATING)
		return login_authenticated(login, event);
	if (state == LOGIN_STARTTLS) {
		if (event->status != IMAP_OK)
			return login_fail(login, IMAP_LOGIN_NO_STARTTLS, event->text,
					  "the server refused STARTTLS");
		login_enter(login, LOGIN_HANDSHAKE);
		return IMAP_LOGIN_START_TLS;
	}
	assert(state == LOGIN_CAPABILITY);
	if (event->status != IMAP_OK)
		return login_fail(login, IMAP_LOGIN_TEMPORARY, event->text,
				  "the server refused CAPABILITY");
	return login_look_around(login);
}

void imap_login_init(struct imap_login *login, struct imap_client *client, bool starttls,
		     bool tls_active)
{
	*login = (struct imap_login){
		.client = client,
		.state = LOGIN_GREETING,
		.starttls = starttls,
		.tls_active = tls_active,
	};
}

enum imap_login_step imap_login_event(struct imap_login *login, const struct imap_event *event)
{
	if (login->state == LOGIN_FAILED)
		return IMAP_LOGIN_FAILED;
	switch (event->type) {
	case IMAP_EVENT_GREETING:
		return login_greeted(login, event);
	case IMAP_EVENT_DONE:
		return login_done(login, event);
	case IMAP_EVENT_BYE:
		if (login_is_void(login, event))
			return IMAP_LOGIN_FAILED;
		return login_fail(login, IMAP_LOGIN_TEMPORARY, event->text,
				  "the server closed the session");
	case IMAP_EVENT_VIOLATION:
		return login_fail(login, IMAP_LOGIN_VIOLATION, event->text, "");
	case IMAP_EVENT_NEED_INPUT:
	case IMAP_EVENT_NOTICE:
	case IMAP_EVENT_EXISTS:
	case IMAP_EVENT_EXPUNGE:
	case IMAP_EVENT_MESSAGE:
	case IMAP_EVENT_BODY:
	case IMAP_EVENT_BODY_DATA:
	case IMAP_EVENT_FOUND:
	case IMAP_EVENT_MAILBOX:
		break;
	}
	return IMAP_LOGIN_MORE;
}

enum imap_login_step imap_login_tls_started(struct imap_login *login)
{
	assert(login->state == LOGIN_HANDSHAKE);
	if (!imap_client_tls_started(login->client))
		return login_fail(login, IMAP_LOGIN_VIOLATION,
				  "the server sent more than its answer to STARTTLS", "");
	login->tls_active = true;
	return login_await(login, LOGIN_CAPABILITY, imap_client_capability(login->client));
}

/* What writes the one message of a mechanism (protocol/sasl.h). */
typedef bool (*login_writer)(struct bytebuf *out, struct span user, struct span credential);

static uint32_t login_authenticate(struct imap_login *login, const char *mechanism,
				   login_writer write, struct span user, struct span credential)
{
	struct bytebuf message;
	uint32_t id = 0;

	bytebuf_init(&message, IMAP_SASL_MAX);
	if (write(&message, user, credential))
		id = imap_client_authenticate(login->client, mechanism, bytebuf_peek(&message));
	bytebuf_deinit(&message);
	return id;
}

enum imap_login_step imap_login_password(struct imap_login *login, struct span user,
					 struct span password)
{
	uint32_t id;

	assert(login->state == LOGIN_READY);
	/* PLAIN comes first: it carries any octet but NUL. */
	if (imap_client_has(login->client, IMAP_CAP_AUTH_PLAIN))
		id = login_authenticate(login, "PLAIN", sasl_plain_write, user, password);
	else if (!imap_client_has(login->client, IMAP_CAP_LOGINDISABLED))
		id = imap_client_login(login->client, user, password);
	else
		return login_fail(login, IMAP_LOGIN_NO_MECHANISM,
				  "the server takes no password over this connection", "");
	if (id == 0)
		return login_fail(login, IMAP_LOGIN_INTERNAL,
				  "name or password cannot be sent to an IMAP server", "");
	return login_await(login, LOGIN_AUTHENTICATING, id);
}

enum imap_login_step imap_login_token(struct imap_login *login, struct span user, struct span token)
{
	uint32_t id;

	assert(login->state == LOGIN_READY);
	login->token = true;
	if (imap_client_has(login->client, IMAP_CAP_AUTH_XOAUTH2))
		id = login_authenticate(login, "XOAUTH2", sasl_xoauth2_write, user, token);
	else if (imap_client_has(login->client, IMAP_CAP_AUTH_OAUTHBEARER))
		id = login_authenticate(login, "OAUTHBEARER", sasl_oauthbearer_write, user, token);
	else
		return login_fail(login, IMAP_LOGIN_NO_MECHANISM,
				  "the server takes no tokens (neither XOAUTH2 nor OAUTHBEARER)",
				  "");
	if (id == 0)
		return login_fail(login, IMAP_LOGIN_INTERNAL,
				  "name or token cannot be sent to an IMAP server", "");
	return login_await(login, LOGIN_AUTHENTICATING, id);
}

enum imap_login_step imap_login_select(struct imap_login *login, struct span folder)
{
	struct imap_client *client = login->client;
	uint32_t id;

	assert(login->state == LOGIN_AUTHENTICATED);
	if (!imap_client_knows_capabilities(client)) {
		login->capability_id = imap_client_capability(client);
		if (login->capability_id == 0)
			return login_fail(login, IMAP_LOGIN_INTERNAL, out_of_commands, "");
	}
	/* A courtesy to the server's administrator (RFC 2971): its answer is not waited for. */
	if (login->id_listed || imap_client_has(client, IMAP_CAP_ID))
		(void)imap_client_id(client, "Packetboat", PACKETBOAT_VERSION);
	id = imap_client_select(client, folder);
	if (id == 0)
		return login_fail(login, IMAP_LOGIN_INTERNAL,
				  "the folder's name cannot be sent to an IMAP server", "");
	return login_await(login, LOGIN_SELECTING, id);
}
