/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/diagnosis.h"
#include "daemon/oauth/sign_in_private.h"
#include "daemon/oauth/token_advice.h"

#define MOVE(state) (1u << SIGN_IN_##state)

/* Where each state leads to; OVER besides, from everywhere. */
static const unsigned legal_moves[] = {
	[SIGN_IN_STARTED] = MOVE(ASKED) | MOVE(REQUESTING),
	[SIGN_IN_ASKED] = MOVE(REDEEMING),
	[SIGN_IN_REQUESTING] = MOVE(POLLING),
	[SIGN_IN_POLLING] = MOVE(CHECKING),
	[SIGN_IN_REDEEMING] = MOVE(CHECKING),
	[SIGN_IN_CHECKING] = MOVE(STORING),
	[SIGN_IN_STORING] = 0,
	[SIGN_IN_OVER] = 0,
};

void sign_in_enter(struct sign_in *sign_in, enum sign_in_state state)
{
	static const char *const names[] = {
#define X(name) #name,
		SIGN_IN_STATES(X)
#undef X
	};
	struct log_line line;

	(void)legal_moves;
	assert(state == SIGN_IN_OVER || (legal_moves[sign_in->state] & 1u << state) != 0);
	log_begin(&line, sign_in->log, CONF_LOG_DEBUG, "sign-in-state");
	log_text(&line, "account", sign_in->name);
	log_text(&line, "from", names[sign_in->state]);
	log_text(&line, "to", names[state]);
	log_end(&line);
	sign_in->state = state;
}

/* ---- its end ---- */

static void sign_in_free(void *argument)
{
	struct sign_in *sign_in = argument;

	if (sign_in->timer != NULL)
		event_free(sign_in->timer);
	bytebuf_deinit(&sign_in->brought);
	device_answer_deinit(&sign_in->device);
	token_answer_deinit(&sign_in->tokens);
	explicit_bzero(sign_in->verifier, sizeof(sign_in->verifier));
	explicit_bzero(sign_in->secret_state, sizeof(sign_in->secret_state));
	free(sign_in->offered);
	free(sign_in->mailbox);
	free(sign_in->name);
	setup_unref(&sign_in->setup);
	free(sign_in);
}

void sign_in_bury(struct sign_in **buried)
{
	struct sign_in *sign_in = *buried;

	*buried = NULL;
	if (sign_in == NULL || sign_in->buried)
		return;
	sign_in->buried = true;
	ticket_return(sign_in->tickets, sign_in->ticket);
	probe_bury(&sign_in->probe);
	event_del(sign_in->timer);
	loop_bury(sign_in->loop, &sign_in->grave, sign_in_free, sign_in);
}

void sign_in_tell(struct sign_in *sign_in, const struct sign_in_event *event)
{
	if (!sign_in->buried)
		sign_in->fn(sign_in->owner, event);
}

/* What a sign-in is called where it is kept. */
static const char *flow_name(enum sign_in_flow flow)
{
	switch (flow) {
	case SIGN_IN_BROWSER:
		return "browser";
	case SIGN_IN_DEVICE:
		return "device";
	case SIGN_IN_PASTE:
		return "paste";
	}
	return "";
}

/* `refusal` NULL: the identity provider is not to blame. */
static void sign_in_log_failure(struct sign_in *sign_in, const char *text,
				const struct token_answer *refusal)
{
	struct log_line line;

	log_begin(&line, sign_in->log, CONF_LOG_WARNING, "sign-in-failed");
	log_text(&line, "account", sign_in->name);
	log_text(&line, "mailbox", sign_in->mailbox);
	log_text(&line, "flow", flow_name(sign_in->flow));
	if (refusal != NULL) {
		log_text(&line, "error", refusal->error);
		if (refusal->aadsts != 0)
			log_number(&line, "aadsts", refusal->aadsts);
		if (refusal->trace_id[0] != '\0')
			log_text(&line, "trace_id", refusal->trace_id);
		if (refusal->correlation_id[0] != '\0')
			log_text(&line, "correlation_id", refusal->correlation_id);
	}
	log_text(&line, "reason", text);
	log_end(&line);
}

static void sign_in_end(struct sign_in *sign_in, const char *text, const char *remedy,
			const struct token_answer *refusal)
{
	struct sign_in_event event = { .type = SIGN_IN_FAILED, .text = text, .remedy = remedy };

	sign_in_enter(sign_in, SIGN_IN_OVER);
	event_del(sign_in->timer);
	sign_in_log_failure(sign_in, text, refusal);
	sign_in_tell(sign_in, &event);
}

void sign_in_fail(struct sign_in *sign_in, const char *text, const char *remedy)
{
	sign_in_end(sign_in, text, remedy, NULL);
}

void sign_in_fail_memory(struct sign_in *sign_in)
{
	sign_in_fail(sign_in, "the service is out of memory", NULL);
}

void sign_in_fail_unanswered(struct sign_in *sign_in, const struct http_answer *answer)
{
	sign_in_fail(sign_in, answer->text,
		     answer->outcome == HTTP_UNTRUSTED
			     ? "`packetboat doctor` for the account says what may be done about it."
			     : "See that this machine reaches the sign-in server, then run "
			       "`packetboat login` for the account again. `packetboat doctor` "
			       "for it says more.");
}

/* The identity provider said no: what that means, and its words. */
void sign_in_fail_refused(struct sign_in *sign_in, const struct token_answer *refusal)
{
	struct token_advice advice = token_advice_for(refusal, &sign_in->client.account->oauth);
	char text[800];
	size_t len;

	snprintf(text, sizeof(text), "%s (%s%s%s", advice.meaning, refusal->error,
		 refusal->error[0] != '\0' && refusal->text[0] != '\0' ? ": " : "", refusal->text);
	len = strlen(text);
	if (refusal->correlation_id[0] != '\0')
		snprintf(text + len, sizeof(text) - len, "; correlation id %s)",
			 refusal->correlation_id);
	else
		snprintf(text + len, sizeof(text) - len, ")");
	sign_in_end(sign_in, text, advice.remedy, refusal);
}

/* ---- requests ---- */

static void on_http(void *owner, uint64_t ticket, const struct http_answer *answer);

void sign_in_ask(struct sign_in *sign_in, const char *endpoint, sign_in_fill_fn *fill)
{
	const struct conf_oauth *oauth = &sign_in->client.account->oauth;
	struct secret *client_secret = NULL;
	struct secret *client_assertion = NULL;
	struct token_form_proof proof = { 0 };
	struct bytebuf form;
	char error[300];

	if (!oauth_proof(oauth, &client_secret, &client_assertion, error, sizeof(error))) {
		sign_in_fail(sign_in, error, "An administrator of this service sees to that file.");
		return;
	}
	if (client_secret != NULL)
		proof.client_secret = secret_borrow(client_secret);
	if (client_assertion != NULL)
		proof.client_assertion = secret_borrow(client_assertion);
	bytebuf_init(&form, TOKEN_FORM_MAX);
	if (!fill(sign_in, &form, &proof) ||
	    !http_request(sign_in->http, endpoint, bytebuf_peek(&form), oauth->ca_file, on_http,
			  sign_in->tickets, sign_in->ticket))
		sign_in_fail_memory(sign_in);
	bytebuf_deinit(&form);
	secret_free(&client_secret);
	secret_free(&client_assertion);
}

/* ---- the check, and the store ---- */

static void on_stored(void *owner, uint64_t ticket, const char *error)
{
	struct sign_in *sign_in = ticket_find(owner, ticket);
	struct sign_in_event event = { .type = SIGN_IN_DONE };

	if (sign_in == NULL)
		return;
	if (error != NULL) {
		sign_in_fail(sign_in, error,
			     "The sign-in is good, and cannot be kept: see to the "
			     "state directory, and sign in again.");
		return;
	}
	/* The token service has written a line about it. */
	sign_in_enter(sign_in, SIGN_IN_OVER);
	sign_in_tell(sign_in, &event);
}

static void sign_in_explain(struct sign_in *sign_in, const struct probe_result *result)
{
	struct token_claims claims;
	bool readable = token_claims_read(&claims, secret_borrow(sign_in->tokens.access));
	struct diagnosis diagnosis;

	diagnosis_of_check(&diagnosis, &sign_in->client, readable ? &claims : NULL, result);
	diagnosis_found_more(&diagnosis, ". Nothing was stored");
	sign_in_fail(sign_in, diagnosis.found, diagnosis.remedy);
}

static bool sign_in_probe(struct sign_in *sign_in);

/* Over IPv6 Outlook.com is known to accept tokens and open nothing. */
static bool sign_in_may_try_ipv4(const struct sign_in *sign_in, const struct probe_result *result)
{
	return !sign_in->ipv4_only && result->ipv6 &&
	       result->failure.cause == FAILURE_CAUSE_NOT_CONNECTED &&
	       sign_in->client.account->imap.address_family == CONF_ADDRESS_AUTO;
}

static void on_probe(void *owner, const struct probe_result *result)
{
	struct sign_in *sign_in = owner;

	probe_bury(&sign_in->probe);
	if (sign_in_may_try_ipv4(sign_in, result)) {
		sign_in->over_ipv6 = *result;
		sign_in->ipv4_only = true;
		if (!sign_in_probe(sign_in))
			sign_in_fail_memory(sign_in);
		return;
	}
	if (result->progress < UPSTREAM_SELECTED) {
		sign_in_explain(sign_in, sign_in->ipv4_only ? &sign_in->over_ipv6 : result);
		return;
	}
	sign_in_enter(sign_in, SIGN_IN_STORING);
	if (!oauth_sign_in(sign_in->oauth, &sign_in->client, &sign_in->tokens,
			   flow_name(sign_in->flow), on_stored, sign_in->tickets, sign_in->ticket))
		sign_in_fail_memory(sign_in);
}

static bool sign_in_probe(struct sign_in *sign_in)
{
	struct probe_settings settings = {
		.loop = sign_in->loop,
		.resolver = sign_in->resolver,
		.log = sign_in->log,
		.setup = sign_in->setup,
		.account = sign_in->client.account,
		.user = sign_in->mailbox,
		.credential = sign_in->tokens.access,
		.ipv4_only = sign_in->ipv4_only,
	};

	sign_in->probe = probe_new(&settings, on_probe, sign_in);
	return sign_in->probe != NULL;
}

void sign_in_check(struct sign_in *sign_in)
{
	struct sign_in_event event = { .type = SIGN_IN_CHECK };

	if (sign_in->tokens.refresh == NULL) {
		sign_in_fail(sign_in,
			     "the identity provider gave no refresh token, so the sign-in would "
			     "last an hour. Nothing was stored",
			     "oauth.scope of the account must ask for offline_access (or what this "
			     "provider calls it), and the application's registration must permit "
			     "it.");
		return;
	}
	sign_in_enter(sign_in, SIGN_IN_CHECKING);
	event_del(sign_in->timer);
	if (sign_in_probe(sign_in))
		sign_in_tell(sign_in, &event);
	else
		sign_in_fail_memory(sign_in);
}

/* ---- the loop ---- */

static void on_http(void *owner, uint64_t ticket, const struct http_answer *answer)
{
	struct sign_in *sign_in = ticket_find(owner, ticket);

	if (sign_in == NULL)
		return;
	switch (sign_in->state) {
	case SIGN_IN_REQUESTING:
		sign_in_handle_code(sign_in, answer);
		break;
	case SIGN_IN_POLLING:
		sign_in_handle_poll(sign_in, answer);
		break;
	case SIGN_IN_REDEEMING:
		sign_in_handle_tokens(sign_in, answer);
		break;
	case SIGN_IN_STARTED:
	case SIGN_IN_ASKED:
	case SIGN_IN_CHECKING:
	case SIGN_IN_STORING:
	case SIGN_IN_OVER:
		break;
	}
}

static void sign_in_begin(struct sign_in *sign_in)
{
	if (sign_in->client.account->oauth.flow == CONF_FLOW_APP)
		sign_in_fail(sign_in,
			     "nobody needs to sign in: this account's application signs in by "
			     "itself",
			     "`packetboat doctor` tells whether that works.");
	else if (sign_in->flow == SIGN_IN_DEVICE)
		sign_in_request_code(sign_in);
	else
		sign_in_open(sign_in);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct sign_in *sign_in = argument;

	(void)fd;
	(void)what;
	switch (sign_in->state) {
	case SIGN_IN_STARTED:
		sign_in_begin(sign_in);
		break;
	case SIGN_IN_ASKED:
		if (bytebuf_len(&sign_in->brought) > 0 || sign_in->brought_too_much)
			sign_in_take_answer(sign_in);
		else
			sign_in_fail(sign_in, "nobody has signed in within half an hour",
				     "Start again: `packetboat login`");
		break;
	case SIGN_IN_POLLING:
		sign_in_poll(sign_in);
		break;
	case SIGN_IN_REQUESTING:
	case SIGN_IN_REDEEMING:
	case SIGN_IN_CHECKING:
	case SIGN_IN_STORING:
	case SIGN_IN_OVER:
		break;
	}
}

static bool sign_in_copy(struct sign_in *sign_in, const struct sign_in_settings *settings,
			 const char *redirect_uri)
{
	sign_in->setup = setup_ref(settings->client.setup);
	sign_in->name = strdup(settings->client.name);
	sign_in->mailbox = strdup(settings->client.mailbox);
	if (redirect_uri != NULL)
		sign_in->offered = strdup(redirect_uri);
	sign_in->timer = evtimer_new(settings->loop->base, on_timer, sign_in);
	sign_in->client = (struct oauth_client){ .setup = sign_in->setup,
						 .account = settings->client.account,
						 .name = sign_in->name,
						 .mailbox = sign_in->mailbox };
	return sign_in->name != NULL && sign_in->mailbox != NULL && sign_in->timer != NULL &&
	       (redirect_uri == NULL || sign_in->offered != NULL) &&
	       ticket_draw(sign_in->tickets, sign_in, &sign_in->ticket);
}

struct sign_in *sign_in_new(const struct sign_in_settings *settings, enum sign_in_flow flow,
			    const char *redirect_uri, sign_in_fn *fn, void *owner)
{
	struct sign_in *sign_in = calloc(1, sizeof(*sign_in));

	if (sign_in == NULL)
		return NULL;
	sign_in->loop = settings->loop;
	sign_in->resolver = settings->resolver;
	sign_in->log = settings->log;
	sign_in->tickets = settings->tickets;
	sign_in->http = settings->http;
	sign_in->oauth = settings->oauth;
	sign_in->flow = flow;
	sign_in->fn = fn;
	sign_in->owner = owner;
	bytebuf_init(&sign_in->brought, SIGN_IN_ANSWER_MAX);
	if (!sign_in_copy(sign_in, settings, redirect_uri)) {
		sign_in_free(sign_in);
		return NULL;
	}
	event_active(sign_in->timer, EV_TIMEOUT, 0);
	return sign_in;
}
