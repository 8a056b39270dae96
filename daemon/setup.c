/* SPDX-License-Identifier: ISC */
#include "daemon/setup.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The context of an earlier account with the same CA file, or NULL. */
static struct tls_context *setup_shared(const struct setup *setup, size_t slot)
{
	const struct conf_account *accounts = setup->conf->accounts;

	for (size_t i = 0; i < slot; i++) {
		if (same_text(accounts[i].imap.ca_file, accounts[slot].imap.ca_file))
			return setup->clients[i];
	}
	return NULL;
}

static bool setup_make_contexts(struct setup *setup, struct tls_reason *reason_r)
{
	const struct conf *conf = setup->conf;

	setup->clients = calloc(conf->account_count, sizeof(*setup->clients));
	if (setup->clients == NULL) {
		snprintf(reason_r->text, sizeof(reason_r->text), "no memory");
		return false;
	}
	if (conf->tls.certificate != NULL) {
		setup->server = tls_context_new_server(conf->tls.certificate, conf->tls.private_key,
						       reason_r);
		if (setup->server == NULL)
			return false;
	}
	for (size_t i = 0; i < conf->account_count; i++) {
		setup->clients[i] = setup_shared(setup, i);
		if (setup->clients[i] == NULL)
			setup->clients[i] =
				tls_context_new_client(conf->accounts[i].imap.ca_file, reason_r);
		if (setup->clients[i] == NULL)
			return false;
	}
	return true;
}

/* Those of the identity providers are read anew for each request; whether they can be is told now.
 */
static bool check_authorities(const struct conf *conf, struct tls_reason *reason_r)
{
	const char *last = NULL;

	for (size_t i = 0; i < conf->account_count; i++) {
		const char *file = conf->accounts[i].oauth.ca_file;

		if (file == NULL || same_text(file, last))
			continue;
		struct tls_context *context = tls_context_new_client(file, reason_r);
		if (context == NULL)
			return false;
		tls_context_free(&context);
		last = file;
	}
	return true;
}

struct setup *setup_load(const char *file, conf_warn *warn, void *argument,
			 struct conf_error *error_r)
{
	struct setup *setup = calloc(1, sizeof(*setup));
	struct tls_reason reason;

	if (setup == NULL) {
		snprintf(error_r->text, sizeof(error_r->text), "%s: no memory", file);
		return NULL;
	}
	setup->references = 1;
	setup->conf = conf_load(file, warn, argument, error_r);
	if (setup->conf == NULL) {
		free(setup);
		return NULL;
	}
	if (!setup_make_contexts(setup, &reason) || !check_authorities(setup->conf, &reason)) {
		snprintf(error_r->text, sizeof(error_r->text), "%s: %s", file, reason.text);
		setup_unref(&setup);
	}
	return setup;
}

struct setup *setup_ref(struct setup *setup)
{
	setup->references++;
	return setup;
}

void setup_unref(struct setup **unreferenced)
{
	struct setup *setup = *unreferenced;

	*unreferenced = NULL;
	if (setup == NULL || --setup->references > 0)
		return;
	/* The first account of those that share a context owns it; from the end, so that it is
	 * freed last. */
	for (size_t i = setup->clients != NULL ? setup->conf->account_count : 0; i-- > 0;) {
		if (setup->clients[i] != NULL && setup_shared(setup, i) == NULL)
			tls_context_free(&setup->clients[i]);
	}
	free(setup->clients);
	if (setup->server != NULL)
		tls_context_free(&setup->server);
	conf_unref(&setup->conf);
	free(setup);
}

struct tls_context *setup_client(const struct setup *setup, const struct conf_account *account)
{
	return setup->clients[account - setup->conf->accounts];
}
