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
enum conf_provider {
	CONF_PROVIDER_CUSTOM,
	CONF_PROVIDER_OUTLOOK,   /* Outlook.com: personal accounts */
	CONF_PROVIDER_OFFICE365, /* Microsoft 365, worldwide */
	CONF_PROVIDER_GCC_HIGH,
	CONF_PROVIDER_DOD,
	CONF_PROVIDER_CHINA, /* 21Vianet */
};
enum conf_auth { CONF_AUTH_PASSWORD, CONF_AUTH_PASSTHROUGH, CONF_AUTH_OAUTH2 };
enum conf_flow {
	CONF_FLOW_USER, /* a person signs in, once */
	CONF_FLOW_APP,  /* client credentials (RFC 6749 section 4.4) */
};
/* Of client assertions: RFC 7518 section 3.1. */
enum conf_assertion { CONF_ASSERTION_PS256, CONF_ASSERTION_RS256 };
enum conf_delete {
	CONF_DELETE_EXPUNGE,
	CONF_DELETE_TRASH,
	CONF_DELETE_MOVE,
	CONF_DELETE_FLAG,
	CONF_DELETE_KEEP
};
enum conf_mark_seen { CONF_MARK_SEEN_RETR, CONF_MARK_SEEN_DELETE, CONF_MARK_SEEN_NEVER };
enum conf_sizes { CONF_SIZES_FAST, CONF_SIZES_EXACT };
/* What RETR gives for a message that Exchange cannot convert: an error, or its placeholder. */
enum conf_broken_messages { CONF_BROKEN_MESSAGES_REFUSE, CONF_BROKEN_MESSAGES_DELIVER };
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

/* All of it NULL or 0 unless `auth` is oauth2; then endpoints and scope are always there. */
struct conf_oauth {
	const char *client_id;
	const char *tenant; /* NULL for identity providers that have none */
	enum conf_flow flow;
	const char *client_secret_file; /* or NULL */
	const char *certificate;        /* PEM; or NULL */
	const char *private_key;        /* PEM; with the certificate */
	enum conf_assertion assertion_algorithm;
	const char *expires;            /* "2027-03-01": when the client secret does; or NULL */
	const char *authority;          /* "https://login.microsoftonline.com"; or NULL */
	const char *scope;              /* as it is asked for */
	const char *authorize_endpoint; /* or NULL: no sign-in with a browser */
	const char *token_endpoint;
	const char *device_endpoint; /* or NULL: no sign-in with a device code */
	const char *redirect_uri;    /* or NULL: http://localhost:PORT/ of the tool */
	const char *ca_file;         /* NULL: the system's store */
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
	struct conf_oauth oauth;
	bool attention_message; /* the maildrop says so when somebody has to sign in */
	struct conf_imap imap;
	enum conf_delete delete_mode;
	const char *delete_folder; /* UTF-8; or NULL */
	enum conf_mark_seen mark_seen;
	enum conf_sizes sizes;
	int min_age; /* seconds */
	enum conf_broken_messages broken_messages;
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
	const char *runtime_directory;     /* where the control socket is */
	bool runtime_directory_is_default; /* nobody set it, so it may be missing */
	const char *control_group;         /* or NULL: may use the control socket too */
	const char *token_key_file; /* the key that seals tokens; made if it is the default */
	bool token_key_is_default;
	const char *on_attention; /* a program; or NULL */
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

/*
 * The mailbox that a POP3 login name opens by way of its account: `mailbox`, or else the name: in
 * the letters of the configuration, or of whoever logs in where the account stands for many.
 */
const char *conf_account_mailbox(const struct conf_account *account, const char *user);

/* The name of the first setting that differs and that needs a restart to take effect, or NULL. */
const char *conf_needs_restart(const struct conf *running, const struct conf *next);

/* Writes the effective configuration, defaults resolved, in libconfig syntax, password hashes
 * as "***". Returns false when `out` could not be written. */
bool conf_dump(const struct conf *conf, FILE *out);

/* Writes a commented sample file: every setting with its default and one line of help. */
bool conf_sample(FILE *out);

#endif
