/* SPDX-License-Identifier: ISC */
#include "conf/conf_table.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

static_assert(sizeof(enum conf_tls) == sizeof(int), "words are stored as int");

static const struct conf_word listener_tls[] = {
	{ "none", CONF_TLS_NONE },
	{ "implicit", CONF_TLS_IMPLICIT },
	{ NULL, 0 },
};

static const struct conf_word imap_tls[] = {
	{ "implicit", CONF_TLS_IMPLICIT },
	{ "starttls", CONF_TLS_STARTTLS },
	{ "none", CONF_TLS_NONE },
	{ NULL, 0 },
};

static const struct conf_word log_levels[] = {
	{ "error", CONF_LOG_ERROR },
	{ "warning", CONF_LOG_WARNING },
	{ "info", CONF_LOG_INFO },
	{ "debug", CONF_LOG_DEBUG },
	{ NULL, 0 },
};

static const struct conf_word providers[] = {
	{ "custom", CONF_PROVIDER_CUSTOM },
	{ NULL, 0 },
};

static const struct conf_word auths[] = {
	{ "password", CONF_AUTH_PASSWORD },
	{ "passthrough", CONF_AUTH_PASSTHROUGH },
	{ NULL, 0 },
};

static const struct conf_word address_families[] = {
	{ "auto", CONF_ADDRESS_AUTO },
	{ "ipv4", CONF_ADDRESS_IPV4 },
	{ "ipv6", CONF_ADDRESS_IPV6 },
	{ NULL, 0 },
};

static const struct conf_word deletes[] = {
	{ "expunge", CONF_DELETE_EXPUNGE }, { "trash", CONF_DELETE_TRASH },
	{ "move", CONF_DELETE_MOVE },       { "flag", CONF_DELETE_FLAG },
	{ "keep", CONF_DELETE_KEEP },       { NULL, 0 },
};

static const struct conf_word mark_seens[] = {
	{ "retr", CONF_MARK_SEEN_RETR },
	{ "delete", CONF_MARK_SEEN_DELETE },
	{ "never", CONF_MARK_SEEN_NEVER },
	{ NULL, 0 },
};

static const struct conf_word sizes[] = {
	{ "fast", CONF_SIZES_FAST },
	{ "exact", CONF_SIZES_EXACT },
	{ NULL, 0 },
};

#define FILE_FIELD(field) .scope = CONF_SCOPE_FILE, .offset = offsetof(struct conf, field)
#define LISTENER_FIELD(field) \
	.scope = CONF_SCOPE_LISTENER, .offset = offsetof(struct conf_listener, field)
#define ACCOUNT_FIELD(field) \
	.scope = CONF_SCOPE_ACCOUNT, .offset = offsetof(struct conf_account, field)

enum { SECONDS_A_DAY = 86400, SECONDS_A_YEAR = 365 * SECONDS_A_DAY };

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

	{
		ACCOUNT_FIELD(user),
		.kind = CONF_USER,
		.name = "user",
		.required = true,
		.example = "*",
		.help = "The POP3 login name; *@example.org and * stand for many.",
	},
	{
		ACCOUNT_FIELD(password_hash),
		.kind = CONF_HASH,
		.name = "password_hash",
		.example = "$scrypt$ln=15,r=8,p=1$c29tZXNhbHRzYWx0c2FsdA$"
			   "cGFja2V0Ym9hdCBwYXNzd2QgbWFrZXMgdGhlc2UuLi4",
		.help = "Hash of the POP3 password, from `packetboat passwd`.",
	},
	{
		ACCOUNT_FIELD(password_file),
		.kind = CONF_PATH,
		.name = "password_file",
		.example = "passwords",
		.help = "File of lines NAME:HASH, instead of password_hash.",
	},
	{
		ACCOUNT_FIELD(provider),
		.kind = CONF_WORD,
		.name = "provider",
		.words = providers,
		.default_number = CONF_PROVIDER_CUSTOM,
		.help = "Who runs the IMAP server; custom: what imap says.",
	},
	{
		ACCOUNT_FIELD(mailbox),
		.kind = CONF_TEXT,
		.name = "mailbox",
		.computed = "the POP3 login name",
		.example = "helpdesk@example.org",
		.help = "The IMAP login name.",
	},
	{
		ACCOUNT_FIELD(folder),
		.kind = CONF_UTF8,
		.name = "folder",
		.default_text = "INBOX",
		.help = "The folder that is the maildrop.",
	},
	{
		ACCOUNT_FIELD(auth),
		.kind = CONF_WORD,
		.name = "auth",
		.required = true,
		.words = auths,
		.default_number = CONF_AUTH_PASSTHROUGH,
		.example = "passthrough",
		.help = "The IMAP password: imap_password_file, or what the POP3 client says.",
	},
	{
		ACCOUNT_FIELD(imap_password_file),
		.kind = CONF_PATH,
		.name = "imap_password_file",
		.example = "imap-password",
		.help = "File whose first line is the IMAP password.",
	},
	{
		ACCOUNT_FIELD(imap.host),
		.kind = CONF_HOST,
		.group = "imap",
		.name = "host",
		.required = true,
		.example = "imap.example.org",
		.help = "The IMAP server, as its certificate names it.",
	},
	{
		ACCOUNT_FIELD(imap.port),
		.kind = CONF_INTEGER,
		.group = "imap",
		.name = "port",
		.min = 1,
		.max = 65535,
		.computed = "993 if tls is implicit, else 143",
		.example = "993",
		.help = "Its port.",
	},
	{
		ACCOUNT_FIELD(imap.tls),
		.kind = CONF_WORD,
		.group = "imap",
		.name = "tls",
		.words = imap_tls,
		.default_number = CONF_TLS_IMPLICIT,
		.help = "How the connection is encrypted; none is for loopback only.",
	},
	{
		ACCOUNT_FIELD(imap.ca_file),
		.kind = CONF_PATH,
		.group = "imap",
		.name = "ca_file",
		.computed = "the system's certificates",
		.example = "ca.pem",
		.help = "Authorities to trust for this server alone, in PEM.",
	},
	{
		ACCOUNT_FIELD(imap.address_family),
		.kind = CONF_WORD,
		.group = "imap",
		.name = "address_family",
		.words = address_families,
		.default_number = CONF_ADDRESS_AUTO,
		.help = "Which of its addresses to use.",
	},
	{
		ACCOUNT_FIELD(delete_mode),
		.kind = CONF_WORD,
		.name = "delete",
		.words = deletes,
		.default_number = CONF_DELETE_EXPUNGE,
		.help = "What becomes of messages that the client deleted, at QUIT.",
	},
	{
		ACCOUNT_FIELD(delete_folder),
		.kind = CONF_UTF8,
		.name = "delete_folder",
		.default_text = "Deleted Items",
		.help = "For move, and for trash where the server names no trash folder.",
	},
	{
		ACCOUNT_FIELD(mark_seen),
		.kind = CONF_WORD,
		.name = "mark_seen",
		.words = mark_seens,
		.default_number = CONF_MARK_SEEN_RETR,
		.help = "When messages become read: once retrieved, once deleted, or never.",
	},
	{
		ACCOUNT_FIELD(sizes),
		.kind = CONF_WORD,
		.name = "sizes",
		.words = sizes,
		.default_number = CONF_SIZES_FAST,
		.help = "Sizes in LIST: what the IMAP server says, or counted.",
	},
	{
		ACCOUNT_FIELD(min_age),
		.kind = CONF_INTEGER,
		.name = "min_age",
		.min = 0,
		.max = SECONDS_A_YEAR,
		.default_number = 0,
		.help = "Seconds a message must have been in the mailbox to be listed.",
	},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

const struct conf_row *conf_table_next(const struct conf_row *row)
{
	if (row == NULL)
		return rows;
	return row + 1 < rows + ROW_COUNT ? row + 1 : NULL;
}

size_t conf_table_count(void)
{
	return ROW_COUNT;
}

size_t conf_table_index(const struct conf_row *row)
{
	return (size_t)(row - rows);
}

/* Either may be NULL. */
static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

const struct conf_row *conf_table_find(enum conf_scope scope, const char *group, const char *name)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].scope == scope && same(rows[i].group, group) &&
		    strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

bool conf_table_has_group(enum conf_scope scope, const char *group)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].scope == scope && rows[i].group != NULL &&
		    strcmp(rows[i].group, group) == 0)
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

	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct conf_row *row = &rows[i];
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
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].scope != scope)
			continue;
		if (rows[i].kind == CONF_LIST)
			conf_row_set_list(&rows[i], object, NULL, 0);
		else if (conf_row_is_text(&rows[i]))
			conf_row_set_text(&rows[i], object, rows[i].default_text);
		else
			conf_row_set_number(&rows[i], object, rows[i].default_number);
	}
}
