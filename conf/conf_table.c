/* SPDX-License-Identifier: ISC */
#include "conf/conf_table.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "conf/conf_table_account.h"
#include "conf/conf_value.h"

static_assert(sizeof(enum conf_tls) == sizeof(int), "words are stored as int");

static const struct conf_word listener_tls[] = {
	{ "none", CONF_TLS_NONE },
	{ "implicit", CONF_TLS_IMPLICIT },
	{ NULL, 0 },
};

static const struct conf_word log_levels[] = {
	{ "error", CONF_LOG_ERROR },
	{ "warning", CONF_LOG_WARNING },
	{ "info", CONF_LOG_INFO },
	{ "debug", CONF_LOG_DEBUG },
	{ NULL, 0 },
};

#define FILE_FIELD(field) .scope = CONF_SCOPE_FILE, .offset = offsetof(struct conf, field)
#define LISTENER_FIELD(field) \
	.scope = CONF_SCOPE_LISTENER, .offset = offsetof(struct conf_listener, field)

enum { SECONDS_A_DAY = 86400 };

static const struct conf_row rows[] = {
	{
		FILE_FIELD(state_directory),
		.kind = CONF_PATH,
		.name = "state_directory",
		.computed = "$STATE_DIRECTORY, or /var/lib/packetboat",
		.example = "/var/lib/packetboat",
		.needs_restart = true,
		.help = "What must outlive the daemon is kept here.",
	},
	{
		FILE_FIELD(runtime_directory),
		.kind = CONF_PATH,
		.name = "runtime_directory",
		.computed = "$RUNTIME_DIRECTORY, or /run/packetboat",
		.example = "/run/packetboat",
		.needs_restart = true,
		.help = "The socket that `packetboat` talks to is here: control.sock.",
	},
	{
		FILE_FIELD(control_group),
		.kind = CONF_TEXT,
		.check = conf_value_check_name,
		.name = "control_group",
		.example = "packetboat",
		.help = "Its members may use `packetboat`, like root and the daemon's user.",
	},
	{
		FILE_FIELD(token_key_file),
		.kind = CONF_PATH,
		.name = "token_key_file",
		.computed = "$CREDENTIALS_DIRECTORY/token.key if it is there, "
			    "or token.key in state_directory",
		.example = "/etc/packetboat/token.key",
		.needs_restart = true,
		.help = "The key that seals the tokens which are kept: 32 random octets.",
	},
	{
		FILE_FIELD(on_attention),
		.kind = CONF_PATH,
		.name = "on_attention",
		.example = "/usr/local/bin/packetboat-attention",
		.help = "A program to run when an account needs a person.",
	},
	{
		FILE_FIELD(allow_plaintext),
		.kind = CONF_BOOLEAN,
		.name = "allow_plaintext",
		.help = "Whether to take passwords without TLS from other machines.",
	},
	{
		FILE_FIELD(listeners),
		.kind = CONF_LIST,
		.name = "listeners",
		.computed = "127.0.0.1 port 1110, and port 1995 with TLS if there is a certificate",
		.count_offset = offsetof(struct conf, listener_count),
		.element_scope = CONF_SCOPE_LISTENER,
		.element_size = sizeof(struct conf_listener),
		.needs_restart = true,
		.help = "Where POP3 clients connect; () if all sockets come from systemd.",
	},
	{
		FILE_FIELD(tls.certificate),
		.kind = CONF_PATH,
		.group = "tls",
		.name = "certificate",
		.example = "server.pem",
		.help = "The listeners' certificate and its chain, in PEM.",
	},
	{
		FILE_FIELD(tls.private_key),
		.kind = CONF_PATH,
		.group = "tls",
		.name = "private_key",
		.example = "server.key",
		.help = "The private key of the certificate, in PEM.",
	},
	{
		FILE_FIELD(log_level),
		.kind = CONF_WORD,
		.group = "log",
		.name = "level",
		.words = log_levels,
		.default_number = CONF_LOG_INFO,
		.help = "How much to tell.",
	},
	{
		FILE_FIELD(limits.sessions),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "sessions",
		.min = 1,
		.max = 1000000,
		.default_number = 10000,
		.help = "POP3 sessions at a time.",
	},
	{
		FILE_FIELD(limits.connections_per_address),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "connections_per_address",
		.min = 1,
		.max = 1000000,
		.default_number = 100,
		.help = "POP3 sessions at a time from one client address.",
	},
	{
		FILE_FIELD(limits.logins_per_minute),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "logins_per_minute",
		.min = 1,
		.max = 1000000,
		.default_number = 60,
		.help = "Logins to one mailbox within a minute; more get [LOGIN-DELAY].",
	},
	{
		FILE_FIELD(limits.login_timeout),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "login_timeout",
		.min = 1,
		.max = SECONDS_A_DAY,
		.default_number = 60,
		.help = "Seconds a client has to log in.",
	},
	{
		FILE_FIELD(limits.idle_timeout),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "idle_timeout",
		.min = 1,
		.max = SECONDS_A_DAY,
		.advised_min = 600,
		.advised_by = "RFC 1939 section 3",
		.default_number = 600,
		.help = "Seconds of silence after which a session is closed.",
	},
	{
		FILE_FIELD(limits.login_patience),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "login_patience",
		.min = 1,
		.max = 600,
		.default_number = 10,
		.help = "Seconds until a login is answered, even if the mailbox is still opening.",
	},
	{
		FILE_FIELD(limits.takeover_after),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "takeover_after",
		.min = 0,
		.max = SECONDS_A_DAY,
		.default_number = 30,
		.help = "Seconds of silence after which a new login may take the maildrop over.",
	},
	{
		FILE_FIELD(limits.drain),
		.kind = CONF_INTEGER,
		.group = "limits",
		.name = "drain",
		.min = 0,
		.max = SECONDS_A_DAY,
		.default_number = 10,
		.help = "Seconds that running transfers may take to end when the daemon stops.",
	},
	{
		FILE_FIELD(accounts),
		.kind = CONF_LIST,
		.name = "accounts",
		.required = true,
		.min = 1,
		.count_offset = offsetof(struct conf, account_count),
		.element_scope = CONF_SCOPE_ACCOUNT,
		.element_size = sizeof(struct conf_account),
		.help = "Who may log in, and which mailbox that opens.",
	},

	{
		LISTENER_FIELD(address),
		.kind = CONF_ADDRESS,
		.name = "address",
		.required = true,
		.example = "127.0.0.1",
		.help = "The IPv4 or IPv6 address to listen on.",
	},
	{
		LISTENER_FIELD(port),
		.kind = CONF_INTEGER,
		.name = "port",
		.required = true,
		.min = 0,
		.max = 65535,
		.example = "1110",
		.help = "The port; 0 takes any free one and logs it.",
	},
	{
		LISTENER_FIELD(tls),
		.kind = CONF_WORD,
		.name = "tls",
		.words = listener_tls,
		.default_number = CONF_TLS_NONE,
		.help = "With none, STLS is offered if there is a certificate.",
	},
};

enum { OWN_COUNT = sizeof(rows) / sizeof(rows[0]) };

static const struct conf_row *row_at(size_t index)
{
	return index < OWN_COUNT ? &rows[index] : &conf_table_account[index - OWN_COUNT];
}

size_t conf_table_count(void)
{
	return OWN_COUNT + conf_table_account_count;
}

size_t conf_table_index(const struct conf_row *row)
{
	if (row->scope == CONF_SCOPE_ACCOUNT)
		return OWN_COUNT + (size_t)(row - conf_table_account);
	return (size_t)(row - rows);
}

const struct conf_row *conf_table_next(const struct conf_row *row)
{
	size_t next = row != NULL ? conf_table_index(row) + 1 : 0;

	return next < conf_table_count() ? row_at(next) : NULL;
}

/* Either may be NULL. */
static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

const struct conf_row *conf_table_find(enum conf_scope scope, const char *group, const char *name)
{
	for (size_t i = 0; i < conf_table_count(); i++) {
		const struct conf_row *row = row_at(i);
		if (row->scope == scope && same(row->group, group) && strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

bool conf_table_has_group(enum conf_scope scope, const char *group)
{
	for (size_t i = 0; i < conf_table_count(); i++) {
		const struct conf_row *row = row_at(i);
		if (row->scope == scope && row->group != NULL && strcmp(row->group, group) == 0)
			return true;
	}
	return false;
}

const char *conf_table_path(const struct conf_row *row, char path_r[CONF_TABLE_NAME_MAX])
{
	(void)snprintf(path_r, CONF_TABLE_NAME_MAX, "%s%s%s", row->group != NULL ? row->group : "",
		       row->group != NULL ? "." : "", row->name);
	return path_r;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Levenshtein's; UINT_MAX for names that are longer than any of ours. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[CONF_TABLE_NAME_MAX + 1];
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);

	if (a_len > CONF_TABLE_NAME_MAX || b_len > CONF_TABLE_NAME_MAX)
		return UINT_MAX;
	for (unsigned j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 0; i < a_len; i++) {
		unsigned diagonal = row[0]++;
		for (size_t j = 0; j < b_len; j++) {
			unsigned replaced = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			row[j + 1] = least(replaced, least(row[j], diagonal) + 1);
		}
	}
	return row[b_len];
}

bool conf_table_suggest(enum conf_scope scope, const char *group, const char *name,
			char path_r[CONF_TABLE_NAME_MAX])
{
	size_t len = strlen(name);
	/* More than a letter in three, or than three, is no slip of the fingers. */
	unsigned nearest = 1 + (len < 9 ? (unsigned)len / 3 : 3);
	bool found = false;

	for (size_t i = 0; i < conf_table_count(); i++) {
		const struct conf_row *row = row_at(i);
		if (row->scope != scope)
			continue;
		/* The right name in the wrong group is meant before any slip. */
		if (strcmp(row->name, name) == 0 && !same(row->group, group)) {
			conf_table_path(row, path_r);
			return true;
		}
		if (same(row->group, group) && distance(row->name, name) < nearest) {
			nearest = distance(row->name, name);
			conf_table_path(row, path_r);
			found = true;
		}
		if (group == NULL && row->group != NULL && distance(row->group, name) < nearest) {
			nearest = distance(row->group, name);
			(void)snprintf(path_r, CONF_TABLE_NAME_MAX, "%s", row->group);
			found = true;
		}
	}
	return found;
}

void conf_table_set_defaults(enum conf_scope scope, void *object)
{
	for (size_t i = 0; i < conf_table_count(); i++) {
		const struct conf_row *row = row_at(i);
		if (row->scope != scope)
			continue;
		if (row->kind == CONF_LIST)
			conf_row_set_list(row, object, NULL, 0);
		else if (conf_row_is_text(row))
			conf_row_set_text(row, object, row->default_text);
		else
			conf_row_set_number(row, object, row->default_number);
	}
}
