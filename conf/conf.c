/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_provider.h"
#include "conf/conf_read.h"
#include "conf/conf_report.h"
#include "conf/conf_source.h"
#include "conf/conf_storage.h"
#include "conf/conf_table.h"
#include "conf/conf_value.h"
#include "conf/conf_verify.h"

static void conf_free(struct conf *conf)
{
	free(conf->listeners);
	free(conf->accounts);
	conf_storage_free(&conf->storage);
	free(conf);
}

static struct conf *conf_new(const char *file)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (conf == NULL)
		return NULL;
	conf->references = 1;
	conf->storage = conf_storage_new();
	if (conf->storage != NULL)
		conf->file = conf_storage_print(conf->storage, "%s", file);
	if (conf->file == NULL) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

/* The file's folder, absolute, so that paths keep their meaning in a dump. NULL: error set. */
static const char *conf_directory(struct conf *conf, const struct conf_report *report)
{
	const char *slash = strrchr(conf->file, '/');
	int len = slash != NULL ? (int)(slash - conf->file) : 0;
	char working[PATH_MAX];
	const char *directory;

	if (conf->file[0] == '/') {
		directory = conf_storage_print(conf->storage, "%.*s", len, conf->file);
	} else {
		if (getcwd(working, sizeof(working)) == NULL) {
			conf_report_error(report, 0, NULL, "working directory: %s",
					  strerror(errno));
			return NULL;
		}
		directory = conf_storage_print(conf->storage, "%s%s%.*s", working,
					       len > 0 ? "/" : "", len, conf->file);
	}
	if (directory == NULL)
		conf_report_error(report, 0, NULL, "out of memory");
	return directory;
}

/* Clients of this machine alone, and POP3S as soon as there is a certificate. */
static bool conf_set_default_listeners(struct conf *conf)
{
	static const struct conf_listener defaults[] = {
		{ .address = "127.0.0.1", .port = 1110, .tls = CONF_TLS_NONE },
		{ .address = "127.0.0.1", .port = 1995, .tls = CONF_TLS_IMPLICIT },
	};

	conf->listeners = malloc(sizeof(defaults));
	if (conf->listeners == NULL)
		return false;
	memcpy(conf->listeners, defaults, sizeof(defaults));
	conf->listener_count = conf->tls.certificate != NULL ? 2 : 1;
	return true;
}

/* The first folder that systemd names in a variable, which separates several by colons; NULL if it
 * names none. False: no memory. */
static bool conf_take_directory(struct conf *conf, const char *variable, const char **directory_r)
{
	const char *value = getenv(variable);
	size_t len = value != NULL ? strcspn(value, ":") : 0;

	*directory_r = NULL;
	if (len > 0)
		*directory_r = conf_storage_print(conf->storage, "%.*s", (int)len, value);
	return len == 0 || *directory_r != NULL;
}

/* A key among the credentials is there before the first start; another is made. */
static void conf_set_default_token_key(struct conf *conf)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");

	if (credentials != NULL && *credentials != '\0') {
		conf->token_key_file =
			conf_storage_print(conf->storage, "%s/token.key", credentials);
		if (conf->token_key_file == NULL || access(conf->token_key_file, F_OK) == 0)
			return;
	}
	conf->token_key_file =
		conf_storage_print(conf->storage, "%s/token.key", conf->state_directory);
	conf->token_key_is_default = true;
}

static bool conf_compute_paths(struct conf *conf)
{
	if (conf->state_directory == NULL &&
	    !conf_take_directory(conf, "STATE_DIRECTORY", &conf->state_directory))
		return false;
	if (conf->state_directory == NULL)
		conf->state_directory = "/var/lib/packetboat";
	if (conf->runtime_directory == NULL &&
	    !conf_take_directory(conf, "RUNTIME_DIRECTORY", &conf->runtime_directory))
		return false;
	if (conf->runtime_directory == NULL) {
		conf->runtime_directory = "/run/packetboat";
		conf->runtime_directory_is_default = true;
	}
	if (conf->token_key_file == NULL)
		conf_set_default_token_key(conf);
	return conf->token_key_file != NULL;
}

/* Defaults that depend on the environment or on other settings. */
static bool conf_compute_defaults(struct conf *conf, const struct conf_report *report)
{
	bool fine = conf_compute_paths(conf) &&
		    (conf->listeners != NULL || conf_set_default_listeners(conf));

	for (size_t i = 0; i < conf->account_count && fine; i++) {
		struct conf_imap *imap = &conf->accounts[i].imap;
		if (imap->port == 0)
			imap->port = imap->tls == CONF_TLS_IMPLICIT ? 993 : 143;
		fine = conf_provider_resolve(&conf->accounts[i], conf->storage);
	}
	return fine || conf_report_error(report, 0, NULL, "out of memory");
}

static bool conf_fill(struct conf *conf, const config_t *tree, bool is_public,
		      const struct conf_report *report)
{
	config_setting_t *root = config_root_setting(tree);
	struct conf_verify_source source = {
		.tls_line = conf_read_line(root, "tls"),
		.is_public = is_public,
	};
	const char *directory = conf_directory(conf, report);

	return directory != NULL && conf_read(conf, root, directory, report) &&
	       conf_compute_defaults(conf, report) && conf_verify(conf, &source, report);
}

struct conf *conf_load(const char *file, conf_warn *warn, void *argument,
		       struct conf_error *error_r)
{
	struct conf_report report = {
		.file = file, .warn = warn, .argument = argument, .error = error_r
	};
	struct conf *conf = NULL;
	bool is_public = false;
	bool fine = false;
	config_t tree;

	char *text = conf_source_read(&report, &is_public);
	if (text == NULL)
		return NULL;
	config_init(&tree);
	if (config_read_string(&tree, text) != CONFIG_TRUE) {
		int line = config_error_line(&tree);
		conf_report_error(&report, line > 0 ? (unsigned)line : 1, NULL, "%s",
				  config_error_text(&tree));
		goto out;
	}
	conf = conf_new(file);
	if (conf == NULL) {
		conf_report_error(&report, 0, NULL, "out of memory");
		goto out;
	}
	fine = conf_fill(conf, &tree, is_public, &report);
out:
	if (!fine)
		conf_unref(&conf);
	config_destroy(&tree);
	free(text);
	return conf;
}

struct conf *conf_ref(struct conf *conf)
{
	conf->references++;
	return conf;
}

void conf_unref(struct conf **conf)
{
	if (*conf != NULL && --(*conf)->references == 0)
		conf_free(*conf);
	*conf = NULL;
}

/* How many octets of `user` a wildcard names; false if it is no match. */
static bool conf_matches_wildcard(const char *wildcard, const char *user, size_t *fixed_r)
{
	size_t suffix = strlen(wildcard) - 1;
	size_t len = strlen(user);

	*fixed_r = suffix;
	return len > suffix && conf_value_compare_nocase(user + len - suffix, wildcard + 1) == 0;
}

const struct conf_account *conf_find_account(const struct conf *conf, const char *user)
{
	const struct conf_account *best = NULL;
	size_t best_fixed = 0;

	for (size_t i = 0; i < conf->account_count; i++) {
		const struct conf_account *account = &conf->accounts[i];
		size_t fixed;
		if (account->user[0] != '*') {
			if (conf_value_compare_nocase(account->user, user) == 0)
				return account;
		} else if (conf_matches_wildcard(account->user, user, &fixed) &&
			   (best == NULL || fixed > best_fixed)) {
			best = account;
			best_fixed = fixed;
		}
	}
	return best;
}

const char *conf_account_mailbox(const struct conf_account *account, const char *user)
{
	if (account->mailbox != NULL)
		return account->mailbox;
	return account->user[0] == '*' ? user : account->user;
}

static bool conf_row_differs(const struct conf_row *row, const void *a, const void *b);

static bool conf_lists_differ(const struct conf_row *row, const void *a, const void *b)
{
	const void *a_elements, *b_elements;
	size_t count = conf_row_list(row, a, &a_elements);

	if (conf_row_list(row, b, &b_elements) != count)
		return true;
	for (size_t i = 0; i < count * row->element_size; i += row->element_size) {
		for (const struct conf_row *member = conf_table_next(NULL); member != NULL;
		     member = conf_table_next(member)) {
			if (member->scope == row->element_scope &&
			    conf_row_differs(member, (const char *)a_elements + i,
					     (const char *)b_elements + i))
				return true;
		}
	}
	return false;
}

static bool conf_row_differs(const struct conf_row *row, const void *a, const void *b)
{
	if (row->kind == CONF_LIST)
		return conf_lists_differ(row, a, b);
	if (!conf_row_is_text(row))
		return conf_row_number(row, a) != conf_row_number(row, b);
	const char *a_text = conf_row_text(row, a);
	const char *b_text = conf_row_text(row, b);
	return a_text != b_text &&
	       (a_text == NULL || b_text == NULL || strcmp(a_text, b_text) != 0);
}

const char *conf_needs_restart(const struct conf *running, const struct conf *next)
{
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		if (row->scope == CONF_SCOPE_FILE && row->needs_restart &&
		    conf_row_differs(row, running, next))
			return row->name;
	}
	return NULL;
}
