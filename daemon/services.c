/* SPDX-License-Identifier: ISC */
#include "daemon/services.h"

#include <stdio.h>

#include "daemon/attention.h"
#include "daemon/forecast.h"
#include "daemon/incident.h"
#include "daemon/oauth/http.h"
#include "daemon/oauth/oauth.h"

static bool conf_keeps(const struct conf *conf)
{
	for (size_t i = 0; i < conf->account_count; i++) {
		if (conf->accounts[i].delete_mode == CONF_DELETE_KEEP)
			return true;
	}
	return false;
}

static bool conf_signs_in(const struct conf *conf)
{
	for (size_t i = 0; i < conf->account_count; i++) {
		if (conf->accounts[i].auth == CONF_AUTH_OAUTH2)
			return true;
	}
	return false;
}

/* The store is there when an account needs it, or when one did once. */
static bool start_store(struct bridge *bridge, const struct conf *conf, char *error_r,
			size_t error_size)
{
	if (bridge->store != NULL ||
	    (!conf_keeps(conf) && !conf_signs_in(conf) && !store_exists(conf->state_directory)))
		return true;
	bridge->store = store_open(&bridge->loop, conf->state_directory, error_r, error_size);
	bridge->mailboxes.store = bridge->store;
	return bridge->store != NULL;
}

static bool start_attention(struct bridge *bridge, char *error_r, size_t error_size)
{
	if (bridge->attention == NULL)
		bridge->attention = attention_new(&bridge->loop, &bridge->log, bridge->store,
						  error_r, error_size);
	if (bridge->attention == NULL)
		return false;
	bridge->mailboxes.attention = bridge->attention;
	if (bridge->forecast == NULL)
		bridge->forecast = forecast_new(&bridge->loop, &bridge->log, bridge->attention);
	if (bridge->forecast == NULL)
		snprintf(error_r, error_size, "no memory");
	return bridge->forecast != NULL;
}

/* A sign-in that nobody waits for came to its end, or works again. */
static void on_news(void *owner, const struct oauth_client *client,
		    const struct oauth_trouble *trouble)
{
	struct bridge *bridge = owner;

	if (trouble == NULL)
		incident_clear(bridge->attention, client);
	else if (incident_is_due(trouble))
		incident_raise(bridge->attention, client, trouble);
}

static bool start_oauth(struct bridge *bridge, struct setup *setup, char *error_r,
			size_t error_size)
{
	if (bridge->oauth != NULL)
		return true;
	if (bridge->http == NULL)
		bridge->http = http_new(&bridge->loop);
	if (bridge->http == NULL) {
		snprintf(error_r, error_size, "no memory");
		return false;
	}
	bridge->oauth =
		oauth_new(&bridge->loop, &bridge->log, bridge->http, setup, error_r, error_size);
	if (bridge->oauth == NULL)
		return false;
	bridge->mailboxes.oauth = bridge->oauth;
	oauth_set_news(bridge->oauth, on_news, bridge);
	return true;
}

bool services_start(struct bridge *bridge, struct setup *setup, char *error_r, size_t error_size)
{
	if (!start_store(bridge, setup->conf, error_r, error_size))
		return false;
	return !conf_signs_in(setup->conf) || (start_attention(bridge, error_r, error_size) &&
					       start_oauth(bridge, setup, error_r, error_size));
}

void services_use(struct bridge *bridge, struct setup *setup, bool again)
{
	if (bridge->attention != NULL) {
		attention_set_program(bridge->attention, setup->conf->on_attention);
		forecast_watch(bridge->forecast, setup->conf);
	}
	if (bridge->oauth != NULL && again)
		oauth_reload(bridge->oauth, setup);
}

size_t services_busy(const struct bridge *bridge)
{
	return bridge->oauth != NULL ? oauth_under_way(bridge->oauth) : 0;
}

void services_stop(struct bridge *bridge)
{
	oauth_free(&bridge->oauth);
	http_free(&bridge->http);
	forecast_free(&bridge->forecast);
	/* Its last answers go to the others. */
	store_close(&bridge->store);
	attention_free(&bridge->attention);
}
