/* SPDX-License-Identifier: ISC */
/* By way of a device code (RFC 8628): the person enters it somewhere, and the token endpoint is
 * asked until it has been. */
#include "daemon/oauth/sign_in_private.h"

enum {
	/* RFC 8628 section 3.5. */
	SLOW_DOWN_MS = 5000,
	/* Polls while the network, or the provider, is in trouble: every minute at least. */
	POLL_TROUBLE_MAX_MS = 60000,
	/* Longer than any code lives. */
	RETRY_AFTER_MAX_S = 86400,
};

static bool fill_device(struct sign_in *sign_in, struct bytebuf *form,
			const struct token_form_proof *proof)
{
	return token_form_device(form, &sign_in->client.account->oauth, proof);
}

void sign_in_request_code(struct sign_in *sign_in)
{
	const struct conf_oauth *oauth = &sign_in->client.account->oauth;

	if (oauth->device_endpoint == NULL) {
		sign_in_fail(sign_in, "this identity provider gives no codes for devices",
			     "Sign in with a browser: `packetboat login`, or "
			     "`packetboat login --paste`");
		return;
	}
	sign_in_enter(sign_in, SIGN_IN_REQUESTING);
	sign_in_ask(sign_in, oauth->device_endpoint, fill_device);
}

void sign_in_handle_code(struct sign_in *sign_in, const struct http_answer *answer)
{
	struct sign_in_event event = { .type = SIGN_IN_DEVICE_CODE };
	struct device_answer *device = &sign_in->device;
	struct token_answer refusal = { 0 };

	if (answer->outcome != HTTP_ANSWERED) {
		sign_in_fail_unanswered(sign_in, answer);
		return;
	}
	if (!device_answer_read(device, answer->status, answer->body, &refusal)) {
		sign_in_fail_refused(sign_in, &refusal);
		token_answer_deinit(&refusal);
		return;
	}
	sign_in_enter(sign_in, SIGN_IN_POLLING);
	sign_in->device_until_ms = loop_now_ms() + device->expires_in * 1000;
	sign_in->interval_ms = device->interval * 1000;
	loop_arm(sign_in->timer, sign_in->interval_ms);
	event.url = device->verification_uri;
	event.user_code = device->user_code;
	event.expires_in = device->expires_in;
	sign_in_tell(sign_in, &event);
}

static bool fill_device_code(struct sign_in *sign_in, struct bytebuf *form,
			     const struct token_form_proof *proof)
{
	return token_form_device_code(form, &sign_in->client.account->oauth, proof,
				      secret_borrow(sign_in->device.device_code));
}

static void sign_in_code_expired(struct sign_in *sign_in)
{
	sign_in_fail(sign_in, "the code is no longer good: nobody entered it in time",
		     "Start again: `packetboat login --device`");
}

void sign_in_poll(struct sign_in *sign_in)
{
	if (loop_now_ms() >= sign_in->device_until_ms)
		sign_in_code_expired(sign_in);
	else
		sign_in_ask(sign_in, sign_in->client.account->oauth.token_endpoint,
			    fill_device_code);
}

/* The next poll: no later than the code's end, which must be told. */
static void sign_in_wait(struct sign_in *sign_in, uint64_t ms)
{
	uint64_t now = loop_now_ms();
	uint64_t left = sign_in->device_until_ms > now ? sign_in->device_until_ms - now : 0;

	loop_arm(sign_in->timer, ms < left ? ms : left);
}

/* RFC 8628 section 3.5: who gets no answer asks less often. */
static void sign_in_poll_trouble(struct sign_in *sign_in, uint64_t retry_after_s)
{
	uint64_t wait = sign_in->trouble_ms == 0 ? sign_in->interval_ms : sign_in->trouble_ms * 2;

	if (wait > POLL_TROUBLE_MAX_MS && wait > sign_in->interval_ms)
		wait = POLL_TROUBLE_MAX_MS > sign_in->interval_ms ? POLL_TROUBLE_MAX_MS
								  : sign_in->interval_ms;
	sign_in->trouble_ms = wait;
	if (retry_after_s > RETRY_AFTER_MAX_S)
		retry_after_s = RETRY_AFTER_MAX_S;
	if (retry_after_s * 1000 > wait)
		wait = retry_after_s * 1000;
	sign_in_wait(sign_in, wait);
}

void sign_in_handle_poll(struct sign_in *sign_in, const struct http_answer *answer)
{
	if (answer->outcome == HTTP_UNTRUSTED) {
		sign_in_fail_unanswered(sign_in, answer);
		return;
	}
	if (answer->outcome == HTTP_UNREACHABLE) {
		sign_in_poll_trouble(sign_in, 0);
		return;
	}
	token_answer_deinit(&sign_in->tokens);
	token_answer_read(&sign_in->tokens, answer->status, answer->body);
	if (sign_in->tokens.kind != TOKEN_TEMPORARY)
		sign_in->trouble_ms = 0;
	switch (sign_in->tokens.kind) {
	case TOKEN_GRANTED:
		sign_in_check(sign_in);
		break;
	case TOKEN_SLOW_DOWN:
		sign_in->interval_ms += SLOW_DOWN_MS;
		sign_in_wait(sign_in, sign_in->interval_ms);
		break;
	case TOKEN_PENDING:
		sign_in_wait(sign_in, sign_in->interval_ms);
		break;
	case TOKEN_TEMPORARY:
		sign_in_poll_trouble(sign_in, answer->retry_after_s);
		break;
	case TOKEN_CODE_EXPIRED:
		sign_in_code_expired(sign_in);
		break;
	case TOKEN_DECLINED:
	case TOKEN_SIGN_IN_NEEDED:
	case TOKEN_ADMINISTRATOR_NEEDED:
		sign_in_fail_refused(sign_in, &sign_in->tokens);
		break;
	}
}
