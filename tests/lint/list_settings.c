/* SPDX-License-Identifier: ISC */
/*
 * list_settings: the table of settings as lines for settings.py, fields apart by tabs:
 * scope, path, kind, required (2: unless the provider has it), restart, default, min, max, words.
 * Behind them, providers: "PROVIDER", word, IMAP host, authority.
 */
#include <stdio.h>

#include "conf/conf_provider.h"
#include "conf/conf_table.h"

static const char *scope_name(enum conf_scope scope)
{
	switch (scope) {
	case CONF_SCOPE_FILE:
		return "THE FILE";
	case CONF_SCOPE_LISTENER:
		return "LISTENERS";
	case CONF_SCOPE_ACCOUNT:
		return "ACCOUNTS";
	}
	return "";
}

static const char *kind_name(enum conf_kind kind)
{
	switch (kind) {
	case CONF_TEXT:
	case CONF_UTF8:
	case CONF_USER:
	case CONF_HASH:
	case CONF_ADDRESS:
	case CONF_HOST:
		return "string";
	case CONF_PATH:
		return "path";
	case CONF_INTEGER:
		return "number";
	case CONF_BOOLEAN:
		return "boolean";
	case CONF_WORD:
		return "word";
	case CONF_LIST:
		return "list";
	}
	return "";
}

/* The default as the manual has it; "" if it has its own words for it. */
static void print_default(const struct conf_row *row)
{
	if (row->required || row->computed != NULL)
		return;
	if (row->kind == CONF_INTEGER)
		printf("%d", row->default_number);
	else if (row->kind == CONF_BOOLEAN)
		printf("%s", row->default_number != 0 ? "true" : "false");
	else if (row->kind == CONF_WORD)
		printf("%s", conf_row_word(row, row->default_number));
	else
		printf("%s", row->default_text != NULL ? row->default_text : "none");
}

static void print_providers(void)
{
	const struct conf_row *row = conf_table_find(CONF_SCOPE_ACCOUNT, NULL, "provider");

	for (const struct conf_word *word = row->words; word->text != NULL; word++) {
		const struct conf_provider_preset *preset =
			conf_provider_preset((enum conf_provider)word->value);
		if (preset->imap_host != NULL)
			printf("PROVIDER\t%s\t%s\t%s\n", word->text, preset->imap_host,
			       preset->authority);
	}
}

int main(void)
{
	char path[CONF_TABLE_NAME_MAX];

	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		printf("%s\t%s\t%s\t%d\t%d\t", scope_name(row->scope), conf_table_path(row, path),
		       kind_name(row->kind), row->required + (row->excused != NULL),
		       row->needs_restart);
		print_default(row);
		printf("\t%d\t%d\t", row->min, row->max);
		for (const struct conf_word *word = row->words; word != NULL && word->text != NULL;
		     word++)
			printf("%s%s", word == row->words ? "" : " ", word->text);
		printf("\n");
	}
	print_providers();
	return 0;
}
