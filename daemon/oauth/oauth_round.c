/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/oauth/http.h"
#include "daemon/oauth/oauth_private.h"
#include "daemon/oauth/token_form.h"

/* ---- birth and end ---- */

static struct round *round_new(struct grant *grant)
{
	struct oauth *oauth = grant->oauth;
	struct round *round = calloc(1, sizeof(*round));

	if (round == NULL)
		return NULL;
	round->mailbox = strdup(grant->mailbox);
	if (round->mailbox == NULL) {
		free(round);
		return NULL;
	}
	round->oauth = oauth;
	round->grant = grant;
	round->id = ++oauth->last_round;
	round->number = grant->rounds_begun;
	round->began_ms = oauth_time_now().ms;
	round->setup = setup_ref(grant->setup);
	round->account = grant->account;
	round->next = oauth->rounds;
	if (round->next != NULL)
		round->next->previous = round;
	oauth->rounds = round;
	return round;
}

void round_free(struct round *round)
{
	secret_free(&round->client_secret);
	secret_free(&round->client_assertion);
	token_record_deinit(&round->record);
	setup_unref(&round->setup);
	free(round->mailbox);
	free(round);
}

/* It is over but for its grant's new state. */
static void round_end(struct round **ended)
{
	struct round *round = *ended;

	*ended = NULL;
	if (round->grant != NULL) {
		round->grant->rounds_over = round->number;
		round->grant->round = NULL;
	}
	if (round->previous != NULL)
		round->previous->next = round->next;
	else
		round->oauth->rounds = round->next;
	if (round->next != NULL)
		round->next->previous = round->previous;
	round_free(round);
}

void round_detach(struct grant *grant)
{
	if (grant->round == NULL)
		return;
	grant->round->grant = NULL;
	grant->round = NULL;
}

/* The outcome of a detached round is nobody's. */
static bool round_is_detached(struct round **round)
{
	if ((*round)->grant != NULL)
		return false;
	round_end(round);
	return true;
}

static void round_fail(struct round **round, const struct oauth_trouble *trouble,
		       uint64_t retry_after_s)
{
	struct grant *grant = (*round)->grant;

	round_end(round);
	if (trouble->state == OAUTH_BACKING_OFF)
		grant_wait(grant, trouble, retry_after_s);
	else
		grant_hold(grant, trouble);
	grant_settle(grant);
}

static void round_fail_no_memory(struct round **round)
{
	struct oauth_trouble trouble;

	oauth_trouble_no_memory(&trouble);
	round_fail(round, &trouble, 0);
}

/* ---- reading ---- */

static void round_found(struct round **round)
{
	struct grant *grant = (*round)->grant;
	const struct token_record *record = &(*round)->record;
	struct oauth_time now = oauth_time_now();
	uint64_t left = oauth_left_on_disk_ms(now.wall, record->refreshed, record->access_expires);

	if (!grant_install(grant, record, now.ms + left)) {
		round_fail_no_memory(round);
		return;
	}
	round_end(round);
	grant_recover(grant);
	grant_settle(grant);
}

void on_round_read(struct round *round)
{
	struct oauth_trouble trouble;

	if (round_is_detached(&round))
		return;
	struct grant *grant = round->grant;
	/* Nothing to get tokens by is as good as no file. */
	if (round->status == TOKEN_STORE_OK && round->record.refresh == NULL)
		round->status = TOKEN_STORE_NONE;
	switch (round->status) {
	case TOKEN_STORE_OK:
		round_found(&round);
		return;
	case TOKEN_STORE_NONE:
		round_end(&round);
		grant->held = false;
		oauth_trouble_never_signed_in(&grant->trouble);
		grant_set_state(grant, GRANT_ABSENT);
		grant_settle(grant);
		return;
	case TOKEN_STORE_REFUSED:
	case TOKEN_STORE_DAMAGED:
	case TOKEN_STORE_FAILED:
		break;
	}
	oauth_trouble_from_store(&trouble, round->status, round->error);
	round_fail(&round, &trouble, 0);
}

/* ---- the answer ---- */

static void log_refreshed(const struct round *round)
{
	struct log_line line;

	log_begin(&line, round->oauth->log, CONF_LOG_INFO, "token-refreshed");
	log_text(&line, "account", round->grant->name);
	if (round->grant->flow == CONF_FLOW_APP)
		log_text(&line, "application", round->record.client_id);
	log_seconds(&line, "seconds", oauth_time_now().ms - round->began_ms);
	log_number(&line, "expires_in", round->expires_in);
	log_end(&line);
}

static void log_unsaved(const struct round *round)
{
	struct log_line line;

	log_begin(&line, round->oauth->log, CONF_LOG_WARNING, "token-not-saved");
	log_text(&line, "account", round->grant->name);
	log_text(&line, "reason", round->error);
	log_end(&line);
}

/* The tokens are on disk, or cannot be, and go to work. */
static void round_install(struct round **round)
{
	struct grant *grant = (*round)->grant;
	bool unsaved = grant->flow == CONF_FLOW_USER && (*round)->status != TOKEN_STORE_OK;

	if (unsaved && !grant->unsaved)
		log_unsaved(*round);
	if (!grant_install(grant, &(*round)->record, (*round)->access_until_ms)) {
		/* The file is read again at the next attempt. */
		round_fail_no_memory(round);
		return;
	}
	grant->unsaved = unsaved;
	grant->access_round = (*round)->number;
	log_refreshed(*round);
	round_end(round);
	grant_recover(grant);
	grant_settle(grant);
}

void on_round_saved(struct round *round)
{
	if (!round_is_detached(&round))
		round_install(&round);
}

/* What was granted, as it is to be written: `answer`'s secrets move. False: no memory. */
static bool round_record(struct round *round, struct token_answer *answer)
{
	const struct grant *grant = round->grant;
	const struct conf_oauth *oauth = &round->account->oauth;
	struct token_record *record = &round->record;
	struct oauth_time now = oauth_time_now();
	uint64_t lifetime = oauth_lifetime_ms(answer->expires_in);

	record->access = answer->access;
	record->refresh = answer->refresh;
	answer->access = NULL;
	answer->refresh = NULL;
	round->expires_in = answer->expires_in;
	round->access_until_ms = now.ms + lifetime;
	record->access_expires = now.wall + (time_t)(lifetime / 1000);
	record->refreshed = now.wall;
	record->signed_in = grant->signed_in;
	snprintf(record->client_id, sizeof(record->client_id), "%s", oauth->client_id);
	snprintf(record->token_endpoint, sizeof(record->token_endpoint), "%s",
		 oauth->token_endpoint);
	snprintf(record->flow, sizeof(record->flow), "%s", grant->signed_in_by);
	/* No rotation: the one that was used goes on (RFC 6749 section 6). */
	if (record->refresh == NULL && grant->flow == CONF_FLOW_USER) {
		record->refresh = oauth_sealed_open(&grant->refresh, grant->oauth->key);
		return record->refresh != NULL;
	}
	return true;
}

static void round_take_answer(struct round *round, struct token_answer *answer,
			      uint64_t retry_after_s)
{
	struct oauth_trouble trouble;

	if (answer->kind != TOKEN_GRANTED) {
		oauth_trouble_from_answer(&trouble, answer, &round->account->oauth);
		round_fail(&round, &trouble, retry_after_s);
		return;
	}
	if (!round_record(round, answer)) {
		round_fail_no_memory(&round);
		return;
	}
	/* The refresh token that is on disk may be spent: nothing comes before the writing. */
	if (round->grant->flow == CONF_FLOW_USER)
		disk_save(round);
	else
		round_install(&round);
}

static void on_answer(void *owner, uint64_t ticket, const struct http_answer *http)
{
	struct oauth *oauth = owner;
	struct round *round = oauth->rounds;
	struct oauth_trouble trouble;
	struct token_answer answer;

	while (round != NULL && round->id != ticket)
		round = round->next;
	if (round == NULL)
		return;
	round->on_wire = false;
	if (round_is_detached(&round))
		return;
	switch (http->outcome) {
	case HTTP_ANSWERED:
		token_answer_read(&answer, http->status, http->body);
		round_take_answer(round, &answer, http->retry_after_s);
		token_answer_deinit(&answer);
		return;
	case HTTP_UNREACHABLE:
		oauth_trouble_unreachable(&trouble, http->text);
		break;
	case HTTP_UNTRUSTED:
		oauth_trouble_untrusted(&trouble, http->text);
		break;
	}
	round_fail(&round, &trouble, http->retry_after_s);
}

/* ---- the question ---- */

static struct span borrow_or_none(const struct secret *secret)
{
	return secret != NULL ? secret_borrow(secret) : span_of(NULL, 0);
}

static bool round_form(const struct round *round, struct bytebuf *form)
{
	const struct grant *grant = round->grant;
	const struct conf_oauth *oauth = &round->account->oauth;
	struct token_form_proof proof = {
		.client_secret = borrow_or_none(round->client_secret),
		.client_assertion = borrow_or_none(round->client_assertion),
	};

	if (grant->flow == CONF_FLOW_APP)
		return token_form_app(form, oauth, &proof);
	struct secret *refresh = oauth_sealed_open(&grant->refresh, grant->oauth->key);
	bool made =
		refresh != NULL && token_form_refresh(form, oauth, &proof, secret_borrow(refresh));
	secret_free(&refresh);
	return made;
}

/* False: no memory. */
static bool round_send(struct round *round)
{
	const struct conf_oauth *oauth = &round->account->oauth;
	struct bytebuf form;

	bytebuf_init(&form, TOKEN_FORM_MAX);
	round->on_wire =
		round_form(round, &form) &&
		http_request(round->oauth->http, oauth->token_endpoint, bytebuf_peek(&form),
			     oauth->ca_file, on_answer, round->oauth, round->id);
	bytebuf_deinit(&form);
	secret_free(&round->client_secret);
	secret_free(&round->client_assertion);
	return round->on_wire;
}

void on_round_proven(struct round *round)
{
	struct oauth_trouble trouble;

	if (round_is_detached(&round))
		return;
	if (!round->proven) {
		oauth_trouble_no_proof(&trouble, round->error);
		round_fail(&round, &trouble, 0);
	} else if (!round_send(round)) {
		round_fail_no_memory(&round);
	}
}

static bool round_start(struct round *round)
{
	const struct conf_oauth *oauth = &round->account->oauth;

	if (!round->refreshing) {
		grant_set_state(round->grant, GRANT_READING);
		disk_read(round);
		return true;
	}
	grant_set_state(round->grant, GRANT_REFRESHING);
	if (oauth->client_secret_file == NULL && oauth->certificate == NULL)
		return round_send(round);
	disk_prove(round);
	return true;
}

bool round_begin(struct grant *grant)
{
	struct oauth_trouble trouble;

	grant->rounds_begun++;
	grant->round = round_new(grant);
	if (grant->round != NULL) {
		/* Without a refresh token there may be one in the file. */
		grant->round->refreshing =
			grant->flow == CONF_FLOW_APP || oauth_sealed_is_set(&grant->refresh);
		if (round_start(grant->round))
			return true;
		struct round *round = grant->round;
		round_end(&round);
	}
	grant->rounds_over = grant->rounds_begun;
	oauth_trouble_no_memory(&trouble);
	grant_wait(grant, &trouble, 0);
	return false;
}
