/* SPDX-License-Identifier: ISC */
/*
 * setup: one loaded configuration with the TLS contexts that belong to it.
 *
 * Counted: a reload makes a new one, and whoever began with the old keeps it until they end.
 */
#ifndef DAEMON_SETUP_H
#define DAEMON_SETUP_H

#include "conf/conf.h"
#include "tls/tls_context.h"

struct setup {
	struct conf *conf;          /* owned reference */
	struct tls_context *server; /* owned; NULL without a certificate */
	/* private */
	struct tls_context **clients; /* owned: one for each account; those that share a ca_file
				       * share the context */
	unsigned references;
};

/* NULL: `error_r` holds one line. `warn` as in conf_load(). */
struct setup *setup_load(const char *file, conf_warn *warn, void *argument,
			 struct conf_error *error_r);

struct setup *setup_ref(struct setup *setup);
/* Nulls. */
void setup_unref(struct setup **setup);

/* The context for the upstream of an account of `setup->conf`. */
struct tls_context *setup_client(const struct setup *setup, const struct conf_account *account);

#endif
