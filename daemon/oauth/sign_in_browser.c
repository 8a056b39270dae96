/* SPDX-License-Identifier: ISC */
/* By way of a browser: the address is shown, and the person, or the tool, brings what it led to. */
#include <stdlib.h>
#include <string.h>

#include "daemon/oauth/sign_in_private.h"

enum {
	/* How long somebody may take in front of the browser. */
	SIGN_IN_PATIENCE_MS = 30 * 60 * 1000,
	SIGN_IN_URL_MAX = 16 * 1024,
};

static const char *login_hint(const struct sign_in *sign_in)
{
	/* Of a shared mailbox the login name is more likely to be that of a person. */
	if (strchr(sign_in->name, '@') != NULL)
		return sign_in->name;
	return strchr(sign_in->mailbox, '@') != NULL ? sign_in->mailbox : NULL;
}

static bool sign_in_choose_redirect(struct sign_in *sign_in)
{
	const struct conf_account *account = sign_in->client.account;

	if (sign_in->flow == SIGN_IN_PASTE)
		return redirect_uri_for_paste(account, sign_in->redirect_uri);
	return redirect_uri_for_browser(account, sign_in->offered, sign_in->redirect_uri);
}

void sign_in_open(struct sign_in *sign_in)
{
	const struct conf_oauth *oauth = &sign_in->client.account->oauth;
	struct sign_in_event event = { .type = SIGN_IN_OPEN,
				       .redirect_uri = sign_in->redirect_uri };
	char challenge[PKCE_TEXT_SIZE];
	struct bytebuf url;

	if (oauth->authorize_endpoint == NULL) {
		sign_in_fail(sign_in, "this identity provider has no page to sign in at",
			     oauth->device_endpoint != NULL
				     ? "Sign in with a code: `packetboat login --device`"
				     : "The account's settings must name authorize_endpoint or "
				       "device_endpoint.");
		return;
	}
	if (!sign_in_choose_redirect(sign_in)) {
		sign_in_fail(sign_in, "there is no address for the browser to come back to", NULL);
		return;
	}
	bytebuf_init(&url, SIGN_IN_URL_MAX);
	if (!pkce_random(sign_in->verifier) || !pkce_challenge(sign_in->verifier, challenge) ||
	    !pkce_random(sign_in->secret_state) ||
	    !token_form_authorize(&url, oauth, sign_in->redirect_uri,
				  span_text(sign_in->secret_state), span_text(challenge),
				  login_hint(sign_in)) ||
	    !bytebuf_append_octet(&url, '\0')) {
		sign_in_fail_memory(sign_in);
	} else {
		sign_in_enter(sign_in, SIGN_IN_ASKED);
		loop_arm(sign_in->timer, SIGN_IN_PATIENCE_MS);
		event.url = (const char *)bytebuf_peek(&url).data;
		sign_in_tell(sign_in, &event);
	}
	bytebuf_deinit(&url);
}

void sign_in_answer(struct sign_in *sign_in, struct span text)
{
	if (sign_in->state != SIGN_IN_ASKED || bytebuf_len(&sign_in->brought) > 0 || text.len == 0)
		return;
	sign_in->brought_too_much = !bytebuf_append(&sign_in->brought, text);
	event_active(sign_in->timer, EV_TIMEOUT, 0);
}

/* The state must be ours. A code that somebody pastes may come without: then PKCE alone proves that
 * it belongs to this sign-in (RFC 9700 section 2.1.1). */
static bool state_is_ours(const struct sign_in *sign_in, struct span state)
{
	if (state.len == 0)
		return sign_in->flow == SIGN_IN_PASTE ||
		       !redirect_uri_is_loopback(sign_in->redirect_uri);
	return pkce_equal(sign_in->secret_state, state.data, state.len);
}

static bool fill_code(struct sign_in *sign_in, struct bytebuf *form,
		      const struct token_form_proof *proof)
{
	/* The code was put here by sign_in_take_answer(). */
	return token_form_code(form, &sign_in->client.account->oauth, proof,
			       bytebuf_peek(&sign_in->brought), sign_in->redirect_uri,
			       span_text(sign_in->verifier));
}

static void sign_in_redeem(struct sign_in *sign_in, struct span code)
{
	struct sign_in_event event = { .type = SIGN_IN_ACCEPTED };

	bytebuf_reset(&sign_in->brought);
	if (!bytebuf_append(&sign_in->brought, code)) {
		sign_in_fail_memory(sign_in);
		return;
	}
	sign_in_enter(sign_in, SIGN_IN_REDEEMING);
	sign_in_tell(sign_in, &event);
	if (!sign_in->buried)
		sign_in_ask(sign_in, sign_in->client.account->oauth.token_endpoint, fill_code);
	bytebuf_reset(&sign_in->brought);
}

void sign_in_take_answer(struct sign_in *sign_in)
{
	struct redirect_answer answer;
	struct bytebuf storage;

	bytebuf_init(&storage, SIGN_IN_ANSWER_MAX);
	if (sign_in->brought_too_much ||
	    !redirect_answer_read(bytebuf_peek(&sign_in->brought), &storage, &answer)) {
		sign_in_fail(sign_in, "that is not what the sign-in page leads to",
			     "Wanted is the whole address that the browser ends at, with code= in "
			     "it, or that code alone. Start again: `packetboat login`");
	} else if (!state_is_ours(sign_in, answer.state)) {
		sign_in_fail(
			sign_in, "that is the end of another sign-in, not of this one",
			"Start again, and use the address of this attempt: `packetboat login`");
	} else if (answer.error.len > 0) {
		struct token_answer refusal;

		token_answer_refused(&refusal, answer.error, answer.error_description);
		sign_in_fail_refused(sign_in, &refusal);
		token_answer_deinit(&refusal);
	} else {
		sign_in_redeem(sign_in, answer.code);
	}
	bytebuf_deinit(&storage);
}

void sign_in_handle_tokens(struct sign_in *sign_in, const struct http_answer *answer)
{
	if (answer->outcome != HTTP_ANSWERED) {
		sign_in_fail_unanswered(sign_in, answer);
		return;
	}
	token_answer_read(&sign_in->tokens, answer->status, answer->body);
	if (sign_in->tokens.kind == TOKEN_GRANTED)
		sign_in_check(sign_in);
	else
		sign_in_fail_refused(sign_in, &sign_in->tokens);
}
