/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/oauth/oauth_private.h"

/* ---- the table ---- */

static const char *client_mailbox(const struct oauth_client *client)
{
	return conf_account_mailbox(client->account, client->mailbox);
}

static const char *text_or_none(const char *text)
{
	return text != NULL ? text : "";
}

/* What the grant hangs on: the caller frees it. */
static char *make_key(const struct oauth_client *client)
{
	const struct conf_account *account = client->account;
	const struct conf_oauth *oauth = &account->oauth;
	char *key = NULL;
	int len = -1;

	switch (oauth->flow) {
	case CONF_FLOW_USER:
		len = asprintf(&key, "user\n%s\n%s", account->imap.host, client_mailbox(client));
		break;
	case CONF_FLOW_APP:
		len = asprintf(&key, "app\n%s\n%s\n%s\n%s\n%s\n%s", oauth->token_endpoint,
			       oauth->client_id, oauth->scope,
			       text_or_none(oauth->client_secret_file),
			       text_or_none(oauth->certificate), text_or_none(oauth->private_key));
		break;
	}
	return len >= 0 ? key : NULL;
}

static int grant_compare(const void *a, const void *b)
{
	return strcmp(((const struct grant *)a)->key, ((const struct grant *)b)->key);
}

static struct grant *grant_find_key(const struct oauth *oauth, const char *key)
{
	struct grant wanted = { .key = (char *)key };
	struct grant **found = tfind(&wanted, &oauth->grants, grant_compare);

	return found != NULL ? *found : NULL;
}

struct grant *grant_find(const struct oauth *oauth, const struct oauth_client *client)
{
	char *key = make_key(client);
	struct grant *grant = key != NULL ? grant_find_key(oauth, key) : NULL;

	free(key);
	return grant;
}

bool grant_serves(const struct grant *grant, const struct conf_account *account)
{
	struct oauth_client client = { .account = account,
				       .name = grant->name,
				       .mailbox = grant->mailbox };

	if (account->auth != CONF_AUTH_OAUTH2 || account->oauth.flow != grant->flow)
		return false;
	char *key = make_key(&client);
	bool same = key != NULL && strcmp(key, grant->key) == 0;
	free(key);
	return same;
}

struct oauth_client grant_client(const struct grant *grant)
{
	return (struct oauth_client){ .setup = grant->setup,
				      .account = grant->account,
				      .name = grant->name,
				      .mailbox = grant->mailbox };
}

/* Makes it belong to another account, or another version of the same. False: no memory. */
static bool grant_assign(struct grant *grant, const struct oauth_client *client)
{
	const char *mailbox = client_mailbox(client);

	if (grant->name == NULL || strcmp(grant->name, client->name) != 0 ||
	    strcmp(grant->mailbox, mailbox) != 0) {
		char *name = strdup(client->name);
		char *copy = strdup(mailbox);

		if (name == NULL || copy == NULL) {
			free(name);
			free(copy);
			return false;
		}
		free(grant->name);
		free(grant->mailbox);
		grant->name = name;
		grant->mailbox = copy;
	}
	struct setup *setup = setup_ref(client->setup);
	setup_unref(&grant->setup);
	grant->setup = setup;
	grant->account = client->account;
	grant->unwanted = false;
	return true;
}

void grant_free(void *argument)
{
	struct grant *grant = argument;

	while (grant->waiters != NULL) {
		struct waiter *waiter = grant->waiters;

		grant->waiters = waiter->next;
		free(waiter);
	}
	grant_forget_tokens(grant);
	setup_unref(&grant->setup);
	free(grant->name);
	free(grant->mailbox);
	free(grant->key);
	free(grant);
}

static struct grant *grant_new(struct oauth *oauth, const struct oauth_client *client, char **key)
{
	struct grant *grant = calloc(1, sizeof(*grant));

	if (grant == NULL)
		return NULL;
	grant->oauth = oauth;
	grant->waiters_end = &grant->waiters;
	grant->key = *key;
	*key = NULL;
	grant->flow = client->account->oauth.flow;
	/* An application needs nobody's sign-in. */
	grant->state = grant->flow == CONF_FLOW_APP ? GRANT_VALID : GRANT_UNREAD;
	if (!grant_assign(grant, client) || tsearch(grant, &oauth->grants, grant_compare) == NULL) {
		grant_free(grant);
		return NULL;
	}
	grant->next = oauth->first;
	if (grant->next != NULL)
		grant->next->previous = grant;
	oauth->first = grant;
	return grant;
}

struct grant *grant_get(struct oauth *oauth, const struct oauth_client *client)
{
	char *key = make_key(client);

	if (key == NULL)
		return NULL;
	struct grant *grant = grant_find_key(oauth, key);
	if (grant == NULL)
		grant = grant_new(oauth, client, &key);
	else if (!grant_assign(grant, client))
		grant = NULL;
	free(key);
	return grant;
}

static bool grant_rests(const struct grant *grant)
{
	return grant->round == NULL && grant->waiters == NULL && grant->storing == 0 &&
	       !grant->saving;
}

void grant_leave(struct grant *grant)
{
	struct oauth *oauth = grant->oauth;

	/* What could not be written yet is kept until it can. */
	if (!grant->unwanted || grant->unsaved || !grant_rests(grant) || grant->grave.buried)
		return;
	tdelete(grant, &oauth->grants, grant_compare);
	if (grant->previous != NULL)
		grant->previous->next = grant->next;
	else
		oauth->first = grant->next;
	if (grant->next != NULL)
		grant->next->previous = grant->previous;
	loop_bury(oauth->loop, &grant->grave, grant_free, grant);
}

/* ---- what it holds ---- */

void grant_forget_tokens(struct grant *grant)
{
	oauth_sealed_clear(&grant->refresh);
	oauth_sealed_clear(&grant->access);
	free(grant->client_id);
	free(grant->token_endpoint);
	grant->client_id = NULL;
	grant->token_endpoint = NULL;
	grant->access_until_ms = 0;
	grant->access_expires = 0;
	grant->access_round = 0;
	grant->signed_in = 0;
	grant->refreshed = 0;
	grant->signed_in_by[0] = '\0';
	grant->unsaved = false;
}

bool grant_install(struct grant *grant, const struct token_record *record, uint64_t access_until_ms)
{
	grant_forget_tokens(grant);
	grant->client_id = strdup(record->client_id);
	grant->token_endpoint = strdup(record->token_endpoint);
	if (grant->client_id == NULL || grant->token_endpoint == NULL ||
	    !oauth_sealed_set(&grant->refresh, grant->oauth->key, record->refresh) ||
	    !oauth_sealed_set(&grant->access, grant->oauth->key, record->access)) {
		grant_forget_tokens(grant);
		return false;
	}
	grant->access_until_ms = access_until_ms;
	grant->access_expires = record->access_expires;
	grant->signed_in = record->signed_in;
	grant->refreshed = record->refreshed;
	snprintf(grant->signed_in_by, sizeof(grant->signed_in_by), "%s", record->flow);
	return true;
}

bool grant_export(const struct grant *grant, struct token_record *record_r)
{
	*record_r = (struct token_record){
		.refresh = oauth_sealed_open(&grant->refresh, grant->oauth->key),
		.access = oauth_sealed_open(&grant->access, grant->oauth->key),
		.access_expires = grant->access_expires,
		.signed_in = grant->signed_in,
		.refreshed = grant->refreshed,
	};
	if (record_r->refresh == NULL) {
		token_record_deinit(record_r);
		return false;
	}
	snprintf(record_r->client_id, sizeof(record_r->client_id), "%s", grant->client_id);
	snprintf(record_r->token_endpoint, sizeof(record_r->token_endpoint), "%s",
		 grant->token_endpoint);
	snprintf(record_r->flow, sizeof(record_r->flow), "%s", grant->signed_in_by);
	return true;
}

bool grant_is_foreign(const struct grant *grant)
{
	const struct conf_oauth *oauth = &grant->account->oauth;

	return oauth_sealed_is_set(&grant->refresh) &&
	       (strcmp(grant->client_id, oauth->client_id) != 0 ||
		strcmp(grant->token_endpoint, oauth->token_endpoint) != 0);
}

uint64_t grant_left_ms(const struct grant *grant, const struct oauth_time *now)
{
	if (!oauth_sealed_is_set(&grant->access) || grant->access_until_ms <= now->ms)
		return 0;
	return grant->access_until_ms - now->ms;
}

bool grant_is_due(const struct grant *grant, const struct oauth_time *now)
{
	return now->ms >= grant->retry_at_ms ||
	       (grant->held && oauth_clock_was_set(&grant->held_since, now));
}

/* ---- its state ---- */

void grant_set_state(struct grant *grant, enum grant_state state)
{
	assert(grant_may_move(grant->state, state));
	grant->state = state;
}

void grant_wait(struct grant *grant, const struct oauth_trouble *trouble, uint64_t retry_after_s)
{
	struct oauth_time now = oauth_time_now();
	struct oauth_client client = grant_client(grant);
	uint32_t chance = 0;

	evutil_secure_rng_get_bytes(&chance, sizeof(chance));
	if (grant->failures < UINT8_MAX)
		grant->failures++;
	grant->retry_at_ms = now.ms + oauth_backoff_ms(grant->failures, retry_after_s, chance);
	/* An outage is logged when it begins. */
	oauth_log_trouble(grant->oauth,
			  grant->failures == 1 && !grant->held ? CONF_LOG_WARNING : CONF_LOG_INFO,
			  &client, trouble);
	if (grant->held) {
		/* It ends with a success, and nothing else. */
		grant->held_since = now;
		grant_set_state(grant, GRANT_HELD);
	} else {
		grant->trouble = *trouble;
		grant_set_state(grant, GRANT_WAITING);
	}
}

void grant_hold(struct grant *grant, const struct oauth_trouble *trouble)
{
	struct oauth_time now = oauth_time_now();
	struct oauth_client client = grant_client(grant);
	bool known = grant->held && oauth_trouble_is_same(&grant->trouble, trouble);

	grant->failures = 0;
	grant->held = true;
	grant->held_since = now;
	grant->retry_at_ms = now.ms + (uint64_t)OAUTH_HOLD_S * 1000;
	grant->trouble = *trouble;
	oauth_sealed_clear(&grant->access);
	grant_set_state(grant, GRANT_HELD);
	if (known)
		return;
	/* The warning is the incident's, which is told once, also over restarts. */
	oauth_log_trouble(grant->oauth, CONF_LOG_INFO, &client, trouble);
	if (grant->waiters == NULL)
		watch_tell(grant, trouble);
}

void grant_recover(struct grant *grant)
{
	bool was_held = grant->held;

	grant->failures = 0;
	grant->held = false;
	grant_set_state(grant, GRANT_VALID);
	if (!was_held)
		return;
	log_event(grant->oauth->log, CONF_LOG_INFO, "token-works-again", "account", grant->name);
	if (grant->waiters == NULL)
		watch_tell(grant, NULL);
}
