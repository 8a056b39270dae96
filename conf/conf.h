/* SPDX-License-Identifier: ISC */
/*
 * conf: packetboat.conf as a struct: the daemon's whole view of its configuration.
 *
 * conf_load() reads the file (libconfig syntax), checks every setting against the one table in
 * conf_table.c, fills in defaults, resolves paths relative to the file, and verifies what
 * concerns several settings. Nothing is guessed: what is unknown, of the wrong type, out of range
 * or contradictory is an error with file, line and the setting's name. It reads no other file, so
 * no secret is ever in here but the password hashes.
 *
 * A struct conf never changes once it is loaded. It is counted: each session holds on to the one it
 * began with while a reload swaps in the next.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_tls { CONF_TLS_NONE, CONF_TLS_STARTTLS, CONF_TLS_IMPLICIT };
enum conf_log_level { CONF_LOG_ERROR, CONF_LOG_WARNING, CONF_LOG_INFO, CONF_LOG_DEBUG };
enum conf_provider { CONF_PROVIDER_CUSTOM };
enum conf_auth { CONF_AUTH_PASSWORD, CONF_AUTH_PASSTHROUGH };
enum conf_delete {
	CONF_DELETE_EXPUNGE,
	CONF_DELETE_TRASH,
	CONF_DELETE_MOVE,
	CONF_DELETE_FLAG,
	CONF_DELETE_KEEP
};
enum conf_mark_seen { CONF_MARK_SEEN_RETR, CONF_MARK_SEEN_DELETE, CONF_MARK_SEEN_NEVER };
enum conf_sizes { CONF_SIZES_FAST, CONF_SIZES_EXACT };
enum conf_address_family { CONF_ADDRESS_AUTO, CONF_ADDRESS_IPV4, CONF_ADDRESS_IPV6 };

struct conf_listener {
	unsigned line;
	const char *address; /* an IPv4 or IPv6 address in text */
	unsigned port;       /* 0: any free one */
	enum conf_tls tls;   /* IMPLICIT, or NONE: plain, with STLS if there is a certificate */
};

struct conf_imap {
	const char *host;
	unsigned port;
	enum conf_tls tls;
	const char *ca_file; /* NULL: the system's store */
	enum conf_address_family address_family;
};

struct conf_account {
	unsigned line;
	const char *user;          /* POP3 login name, or a wildcard: "*", "*@contoso.com" */
	const char *password_hash; /* or NULL */
	const char *password_file; /* or NULL */
	enum conf_provider provider;
	const char *mailbox; /* or NULL: the login name */
	const char *folder;  /* UTF-8 */
	enum conf_auth auth;
	const char *imap_password_file; /* or NULL */
	struct conf_imap imap;
	enum conf_delete delete_mode;
	const char *delete_folder; /* UTF-8; or NULL */
	enum conf_mark_seen mark_seen;
	enum conf_sizes sizes;
	int min_age; /* seconds */
};

struct conf_limits {
	int sessions;
	int connections_per_address;
	int logins_per_minute; /* per mailbox */
	int login_timeout;     /* seconds, as all that follow */
	int idle_timeout;
	int login_patience;
	int takeover_after;
	int drain;
};

struct conf {
	const char *file;
	const char *state_directory;
	struct {
		const char *certificate; /* both or neither */
		const char *private_key;
	} tls;
	enum conf_log_level log_level;
	bool allow_plaintext;
	struct conf_limits limits;
	struct conf_listener *listeners;
	size_t listener_count;
	struct conf_account *accounts;
	size_t account_count;
	/* private */
	struct conf_storage *storage;
	unsigned references;
};

/* What is wrong, as it is shown: "FILE:LINE: SETTING: what is wrong". */
struct conf_error {
	char text[1024];
};

/* Told of each warning (a value below an RFC's minimum), as text like an error's. */
typedef void conf_warn(void *argument, const char *text);

/* NULL: `error_r` says why. `warn` may be NULL. The caller holds one reference. */
struct conf *conf_load(const char *file, conf_warn *warn, void *argument,
		       struct conf_error *error_r);

struct conf *conf_ref(struct conf *conf);
/* Nulls the pointer; frees with the last reference. */
void conf_unref(struct conf **conf);

/*
 * The account that a POP3 login name belongs to: an exact match first (ASCII letters without case),
 * then the longest wildcard suffix, then "*". NULL: nobody. The account lives as long as `conf`.
 */
const struct conf_account *conf_find_account(const struct conf *conf, const char *user);

/* The name of the first setting that differs and that needs a restart to take effect, or NULL. */
const char *conf_needs_restart(const struct conf *running, const struct conf *next);

/* Writes the effective configuration, defaults resolved, in libconfig syntax, password hashes
 * as "***". Returns false when `out` could not be written. */
bool conf_dump(const struct conf *conf, FILE *out);

/* Writes a commented sample file: every setting with its default and one line of help. */
bool conf_sample(FILE *out);

#endif
