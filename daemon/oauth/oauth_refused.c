/* SPDX-License-Identifier: ISC */
/*
 * The mailboxes whose server does not take tokens that were fetched for the purpose. They are
 * counted apart from the grants: one mailbox that an application may not open says nothing about
 * the others.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/oauth/oauth_private.h"

struct refused {
	char *key; /* owned */
	struct oauth_refusals refusals;
	struct oauth_trouble trouble;
};

static char *make_key(const struct oauth_client *client)
{
	char *key = NULL;

	return asprintf(&key, "%s\n%s", client->account->imap.host,
			conf_account_mailbox(client->account, client->mailbox)) >= 0
		       ? key
		       : NULL;
}

static int refused_compare(const void *a, const void *b)
{
	return strcmp(((const struct refused *)a)->key, ((const struct refused *)b)->key);
}

static void refused_free(void *node)
{
	struct refused *refused = node;

	free(refused->key);
	free(refused);
}

static struct refused *refused_find(const struct oauth *oauth, const struct oauth_client *client)
{
	struct refused wanted = { .key = make_key(client) };
	struct refused **found = NULL;

	if (wanted.key != NULL)
		found = tfind(&wanted, &oauth->refused, refused_compare);
	free(wanted.key);
	return found != NULL ? *found : NULL;
}

static struct refused *refused_get(struct oauth *oauth, const struct oauth_client *client)
{
	struct refused *refused = refused_find(oauth, client);

	if (refused != NULL)
		return refused;
	refused = calloc(1, sizeof(*refused));
	if (refused == NULL)
		return NULL;
	refused->key = make_key(client);
	if (refused->key == NULL || tsearch(refused, &oauth->refused, refused_compare) == NULL) {
		refused_free(refused);
		return NULL;
	}
	return refused;
}

const struct oauth_trouble *refused_trouble(const struct oauth *oauth,
					    const struct oauth_client *client, bool *hold_r)
{
	const struct refused *refused = refused_find(oauth, client);
	struct oauth_time now = oauth_time_now();

	*hold_r = refused != NULL && oauth_refusals_hold(&refused->refusals, &now);
	return refused != NULL && refused->refusals.held ? &refused->trouble : NULL;
}

void refused_forget(struct oauth *oauth, const struct oauth_client *client)
{
	struct refused *refused = refused_find(oauth, client);

	if (refused == NULL)
		return;
	tdelete(refused, &oauth->refused, refused_compare);
	refused_free(refused);
}

void refused_forget_all(struct oauth *oauth)
{
	tdestroy(oauth->refused, refused_free);
	oauth->refused = NULL;
}

enum oauth_state oauth_refused(struct oauth *oauth, const struct oauth_client *client,
			       const char *text)
{
	struct refused *refused = refused_get(oauth, client);
	struct oauth_time now = oauth_time_now();

	if (refused == NULL)
		return OAUTH_OK;
	bool was_held = refused->refusals.held;
	if (!oauth_refusals_add(&refused->refusals, &now))
		return OAUTH_OK;
	oauth_trouble_token_refused(&refused->trouble, text);
	if (!was_held)
		oauth_log_trouble(oauth, CONF_LOG_INFO, client, &refused->trouble);
	return OAUTH_ADMINISTRATOR_NEEDED;
}

void oauth_accepted(struct oauth *oauth, const struct oauth_client *client)
{
	refused_forget(oauth, client);
}
