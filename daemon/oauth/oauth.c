/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/oauth.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/oauth/oauth_private.h"

struct oauth *oauth_new(struct loop *loop, struct log *log, struct http *http, struct setup *setup,
			char *error_r, size_t error_size)
{
	const struct conf *conf = setup->conf;
	struct oauth *oauth = calloc(1, sizeof(*oauth));

	snprintf(error_r, error_size, "no memory");
	if (oauth == NULL)
		return NULL;
	oauth->loop = loop;
	oauth->log = log;
	oauth->http = http;
	oauth->setup = setup_ref(setup);
	oauth_trouble_other_application(&oauth->foreign);
	if (!token_store_open(&oauth->store, conf->state_directory, conf->token_key_file,
			      conf->token_key_is_default, error_r, error_size))
		goto out;
	if (!seal_key_make(oauth->key)) {
		snprintf(error_r, error_size, "no randomness");
		goto out;
	}
	oauth->worker = worker_new(loop, "tokens");
	if (oauth->worker == NULL || !watch_start(oauth)) {
		snprintf(error_r, error_size, "no memory, or no thread");
		goto out;
	}
	watch_adopt(oauth);
	return oauth;
out:
	oauth_free(&oauth);
	return NULL;
}

void oauth_free(struct oauth **freed)
{
	struct oauth *oauth = *freed;

	*freed = NULL;
	if (oauth == NULL)
		return;
	oauth->closing = true;
	if (oauth->look != NULL)
		event_free(oauth->look);
	watch_save(oauth);
	worker_free(&oauth->worker);
	while (oauth->rounds != NULL) {
		struct round *round = oauth->rounds;

		oauth->rounds = round->next;
		round_free(round);
	}
	tdestroy(oauth->grants, grant_free);
	refused_forget_all(oauth);
	token_store_close(&oauth->store);
	setup_unref(&oauth->setup);
	explicit_bzero(oauth->key, sizeof(oauth->key));
	free(oauth);
}

size_t oauth_under_way(const struct oauth *oauth)
{
	size_t count = 0;

	for (const struct round *round = oauth->rounds; round != NULL; round = round->next)
		count += round->refreshing && round->grant != NULL &&
			 round->grant->flow == CONF_FLOW_USER;
	return count;
}

void oauth_set_news(struct oauth *oauth, oauth_news_fn *fn, void *owner)
{
	oauth->news = fn;
	oauth->news_owner = owner;
}

static const char *state_name(enum oauth_state state)
{
	switch (state) {
	case OAUTH_OK:
		return "ok";
	case OAUTH_NEVER_SIGNED_IN:
		return "never-signed-in";
	case OAUTH_SIGN_IN_NEEDED:
		return "sign-in-needed";
	case OAUTH_ADMINISTRATOR_NEEDED:
		return "administrator-needed";
	case OAUTH_BACKING_OFF:
		return "backing-off";
	}
	return "";
}

void oauth_log_trouble(struct oauth *oauth, enum conf_log_level level,
		       const struct oauth_client *client, const struct oauth_trouble *trouble)
{
	const struct token_answer *refusal = &trouble->refusal;
	struct log_line line;

	log_begin(&line, oauth->log, level, "token-failed");
	log_text(&line, "account", client->name);
	log_text(&line, "state", state_name(trouble->state));
	if (refusal->error[0] != '\0')
		log_text(&line, "error", refusal->error);
	if (refusal->aadsts != 0)
		log_number(&line, "aadsts", refusal->aadsts);
	if (refusal->trace_id[0] != '\0')
		log_text(&line, "trace_id", refusal->trace_id);
	if (refusal->correlation_id[0] != '\0')
		log_text(&line, "correlation_id", refusal->correlation_id);
	log_text(&line, "reason", trouble->text);
	log_end(&line);
}

/* A hold is over: what it was about may be mended. */
static void grant_end_hold(struct grant *grant)
{
	if (grant->held)
		grant->failures = 0;
	grant->held = false;
	if (grant->state == GRANT_HELD)
		grant_set_state(grant,
				grant->flow == CONF_FLOW_APP || oauth_sealed_is_set(&grant->refresh)
					? GRANT_VALID
					: GRANT_UNREAD);
	else if (grant->state == GRANT_ABSENT)
		grant_set_state(grant, GRANT_UNREAD);
}

void oauth_reload(struct oauth *oauth, struct setup *setup)
{
	struct grant *next;

	setup_ref(setup);
	setup_unref(&oauth->setup);
	oauth->setup = setup;
	refused_forget_all(oauth);
	for (struct grant *grant = oauth->first; grant != NULL; grant = grant->next) {
		grant->unwanted = true;
		grant_end_hold(grant);
	}
	watch_adopt(oauth);
	for (struct grant *grant = oauth->first; grant != NULL; grant = next) {
		next = grant->next;
		grant_leave(grant);
	}
}

bool oauth_get(struct oauth *oauth, const struct oauth_client *client, enum oauth_need need,
	       oauth_fn *fn, void *owner, uint64_t ticket)
{
	bool hold;
	const struct oauth_trouble *trouble = refused_trouble(oauth, client, &hold);

	if (hold && need != OAUTH_TRY) {
		struct oauth_trouble copy = *trouble;
		struct oauth_result result = { .trouble = &copy };

		fn(owner, ticket, &result);
		return true;
	}
	struct grant *grant = grant_get(oauth, client);
	return grant != NULL && grant_ask(grant, need, fn, owner, ticket);
}

bool oauth_sign_in(struct oauth *oauth, const struct oauth_client *client,
		   struct token_answer *answer, const char *flow, oauth_stored_fn *fn, void *owner,
		   uint64_t ticket)
{
	const struct conf_oauth *settings = &client->account->oauth;
	struct grant *grant = grant_get(oauth, client);
	struct oauth_time now = oauth_time_now();
	uint64_t lifetime = oauth_lifetime_ms(answer->expires_in);
	struct token_record record = {
		.refresh = answer->refresh,
		.access = answer->access,
		.access_expires = now.wall + (time_t)(lifetime / 1000),
		.signed_in = now.wall,
		.refreshed = now.wall,
	};

	if (grant == NULL)
		return false;
	snprintf(record.client_id, sizeof(record.client_id), "%s", settings->client_id);
	snprintf(record.token_endpoint, sizeof(record.token_endpoint), "%s",
		 settings->token_endpoint);
	snprintf(record.flow, sizeof(record.flow), "%s", flow);
	if (!disk_submit(grant, DISK_SIGN_IN, &record, now.ms + lifetime, fn, owner, ticket))
		return false;
	answer->refresh = NULL;
	answer->access = NULL;
	refused_forget(oauth, client);
	return true;
}

bool oauth_sign_out(struct oauth *oauth, const struct oauth_client *client, oauth_stored_fn *fn,
		    void *owner, uint64_t ticket)
{
	struct grant *grant = grant_get(oauth, client);

	if (grant == NULL || !disk_submit(grant, DISK_SIGN_OUT, NULL, 0, fn, owner, ticket))
		return false;
	refused_forget(oauth, client);
	return true;
}

/* The trouble that a grant is in; NULL: none. */
static const struct oauth_trouble *grant_trouble(const struct grant *grant)
{
	if (grant_is_foreign(grant))
		return &grant->oauth->foreign;
	if (grant->held || grant->failures > 0 || grant->state == GRANT_ABSENT)
		return &grant->trouble;
	return NULL;
}

static void grant_describe(const struct grant *grant, struct oauth_status *status_r)
{
	struct oauth_time now = oauth_time_now();

	status_r->known = (grant->state != GRANT_UNREAD && grant->state != GRANT_READING) ||
			  grant->held || grant->failures > 0;
	status_r->trouble = grant_trouble(grant);
	if (oauth_sealed_is_set(&grant->access))
		status_r->expires_in = (int64_t)(grant_left_ms(grant, &now) / 1000);
	if (grant->state == GRANT_WAITING && grant->retry_at_ms > now.ms)
		status_r->backoff_for = (grant->retry_at_ms - now.ms + 999) / 1000;
	status_r->signed_in = grant->signed_in;
	status_r->refreshed = grant->refreshed;
	snprintf(status_r->flow, sizeof(status_r->flow), "%s",
		 grant->flow == CONF_FLOW_APP ? "app" : grant->signed_in_by);
}

void oauth_describe(struct oauth *oauth, const struct oauth_client *client,
		    struct oauth_status *status_r)
{
	const struct grant *grant = grant_find(oauth, client);
	bool hold;
	const struct oauth_trouble *refused = refused_trouble(oauth, client, &hold);

	*status_r = (struct oauth_status){
		.state = OAUTH_OK,
		.known = client->account->oauth.flow == CONF_FLOW_APP,
		.expires_in = -1,
	};
	if (status_r->known)
		snprintf(status_r->flow, sizeof(status_r->flow), "app");
	if (grant != NULL)
		grant_describe(grant, status_r);
	if (refused != NULL)
		status_r->trouble = refused;
	if (status_r->trouble != NULL)
		status_r->state = status_r->trouble->state;
}
