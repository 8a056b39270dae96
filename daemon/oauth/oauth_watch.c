/* SPDX-License-Identifier: ISC */
/*
 * What is done though nobody asks: sign-ins that lie idle are refreshed, holds are tried again, and
 * tokens that could not be written are written.
 */
#include <string.h>

#include "daemon/oauth/oauth_private.h"

enum {
	LOOK_MS = 30 * 1000,
	/* Attempts begun at one look: a thousand accounts that were held together, or signed in on
	 * one day, do not knock together. */
	LOOK_ATTEMPTS = 20,
};

static void on_look(evutil_socket_t fd, short what, void *argument)
{
	struct oauth *oauth = argument;

	(void)fd;
	(void)what;
	watch_look(oauth);
	loop_arm(oauth->look, LOOK_MS);
}

bool watch_start(struct oauth *oauth)
{
	oauth->look = evtimer_new(oauth->loop->base, on_look, oauth);
	if (oauth->look == NULL)
		return false;
	loop_arm(oauth->look, LOOK_MS);
	return true;
}

/* The same number for the same sign-in each time: FNV-1a of its name. */
static uint32_t grant_chance(const struct grant *grant)
{
	uint32_t hash = 2166136261U;

	for (const char *octet = grant->key; *octet != '\0'; octet++)
		hash = (hash ^ (unsigned char)*octet) * 16777619U;
	return hash;
}

static bool grant_is_idle(const struct grant *grant, const struct oauth_time *now)
{
	return grant->flow == CONF_FLOW_USER &&
	       oauth_is_idle(now->wall, grant->refreshed, grant_chance(grant));
}

static bool grant_wants_attempt(const struct grant *grant, const struct oauth_time *now)
{
	if (grant_is_foreign(grant))
		return false;
	switch (grant->state) {
	case GRANT_VALID:
		return grant_is_idle(grant, now);
	case GRANT_WAITING:
		return grant_is_due(grant, now) &&
		       (!oauth_sealed_is_set(&grant->refresh) || grant_is_idle(grant, now));
	case GRANT_HELD:
		return grant_is_due(grant, now);
	case GRANT_UNREAD:
	case GRANT_READING:
	case GRANT_ABSENT:
	case GRANT_REFRESHING:
	case GRANT_STORING:
		return false;
	}
	return false;
}

static void grant_save_again(struct grant *grant)
{
	struct token_record record;

	if (!grant->unsaved || grant->saving || grant->round != NULL || grant->storing > 0 ||
	    !grant_export(grant, &record))
		return;
	(void)!disk_submit(grant, DISK_SAVE_AGAIN, &record, 0, NULL, NULL, 0);
	token_record_deinit(&record);
}

void watch_save(struct oauth *oauth)
{
	for (struct grant *grant = oauth->first; grant != NULL; grant = grant->next)
		grant_save_again(grant);
}

void watch_look(struct oauth *oauth)
{
	struct oauth_time now = oauth_time_now();
	unsigned attempts = 0;

	watch_save(oauth);
	for (struct grant *grant = oauth->first; grant != NULL && attempts < LOOK_ATTEMPTS;
	     grant = grant->next) {
		if (grant_wants_attempt(grant, &now)) {
			attempts++;
			(void)!round_begin(grant);
		}
	}
}

static bool is_wildcard(const struct conf_account *account)
{
	return account->user[0] == '*';
}

void watch_tell(struct grant *grant, const struct oauth_trouble *trouble)
{
	const struct oauth *oauth = grant->oauth;
	const struct conf *conf = oauth->setup->conf;
	bool told = false;

	if (oauth->news == NULL)
		return;
	for (size_t i = 0; i < conf->account_count; i++) {
		const struct conf_account *account = &conf->accounts[i];
		struct oauth_client client = { .setup = oauth->setup,
					       .account = account,
					       .name = account->user };

		/* Who a wildcard stands for is not known, but for the one who asked last. */
		if (is_wildcard(account) || !grant_serves(grant, account))
			continue;
		client.mailbox = conf_account_mailbox(account, account->user);
		oauth->news(oauth->news_owner, &client, trouble);
		told = true;
	}
	if (!told) {
		struct oauth_client client = grant_client(grant);

		oauth->news(oauth->news_owner, &client, trouble);
	}
}

/* ---- whose sign-ins there are ---- */

/* Reads the sign-in, if there is one and nobody has yet. */
static void adopt(struct oauth *oauth, const struct oauth_client *client)
{
	struct grant *grant = grant_get(oauth, client);

	if (grant != NULL && grant->state == GRANT_UNREAD)
		(void)!round_begin(grant);
}

/* Returns whether it stands for mailboxes that only the files of their sign-ins name. */
static bool adopt_account(struct oauth *oauth, const struct conf_account *account)
{
	struct oauth_client client = { .setup = oauth->setup,
				       .account = account,
				       .name = account->user };

	if (account->auth != CONF_AUTH_OAUTH2)
		return false;
	if (is_wildcard(account) && account->mailbox == NULL)
		return account->oauth.flow == CONF_FLOW_USER;
	client.mailbox = conf_account_mailbox(account, account->user);
	if (is_wildcard(account))
		client.name = client.mailbox;
	/* An application's token is fetched when somebody needs it. */
	if (account->oauth.flow == CONF_FLOW_USER || grant_find(oauth, &client) != NULL)
		adopt(oauth, &client);
	return false;
}

/* Whose tokens are of the grant, by the name they log in with. */
static void adopt_by_name(struct oauth *oauth, const struct grant *grant)
{
	struct oauth_client client = { .setup = oauth->setup,
				       .account =
					       conf_find_account(oauth->setup->conf, grant->name),
				       .name = grant->name,
				       .mailbox = grant->mailbox };

	if (client.account != NULL && grant_serves(grant, client.account))
		adopt(oauth, &client);
}

void watch_adopt(struct oauth *oauth)
{
	const struct conf *conf = oauth->setup->conf;
	bool list = false;

	for (size_t i = 0; i < conf->account_count; i++)
		list |= adopt_account(oauth, &conf->accounts[i]);
	for (struct grant *grant = oauth->first; grant != NULL; grant = grant->next) {
		if (grant->unwanted)
			adopt_by_name(oauth, grant);
	}
	if (list)
		disk_list(oauth);
}

void on_disk_found(struct oauth *oauth, const struct token_owner *owner)
{
	struct oauth_client client = { .setup = oauth->setup,
				       .account =
					       conf_find_account(oauth->setup->conf, owner->user),
				       .name = owner->user,
				       .mailbox = owner->user };

	/* Those of other accounts are adopted already, if they still have one. */
	if (client.account == NULL || !is_wildcard(client.account) ||
	    client.account->mailbox != NULL || client.account->auth != CONF_AUTH_OAUTH2 ||
	    client.account->oauth.flow != CONF_FLOW_USER ||
	    strcmp(client.account->imap.host, owner->host) != 0)
		return;
	adopt(oauth, &client);
}
