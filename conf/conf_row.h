/* SPDX-License-Identifier: ISC */
/*
 * conf_row: one setting: what it may be, where its value is, and what it is by default.
 *
 * Rows belong to a scope: the file itself, one listener, or one account. Within its scope a row
 * stands alone or in a named group, as in `limits = { sessions = 100; };`.
 */
#ifndef CONF_CONF_ROW_H
#define CONF_CONF_ROW_H

#include "conf/conf.h"

enum conf_scope { CONF_SCOPE_FILE, CONF_SCOPE_LISTENER, CONF_SCOPE_ACCOUNT };

enum conf_kind {
	/* `const char *` in the struct; NULL when not set */
	CONF_TEXT,
	CONF_UTF8,
	CONF_USER,
	CONF_HASH, /* never shown */
	CONF_PATH, /* made absolute */
	CONF_ADDRESS,
	CONF_HOST,
	/* `int` or `unsigned` */
	CONF_INTEGER,
	/* bool */
	CONF_BOOLEAN,
	/* an enum, chosen by a word */
	CONF_WORD,
	/* a pointer to structs and their count: ( { ... }, { ... } ) */
	CONF_LIST,
};

struct conf_word {
	const char *text; /* NULL: the end of the words */
	int value;
};

/* Something about a whole struct, whose settings have all been read. */
typedef bool conf_condition(const void *object);

struct conf_row {
	enum conf_scope scope;
	enum conf_kind kind;
	const char *group; /* or NULL */
	const char *name;
	size_t offset; /* in the struct of the scope */
	bool required;
	conf_condition *excused;  /* or NULL: where it holds, a required setting may be missing */
	conf_condition *applies;  /* or NULL: where it does not hold, the setting has no use, and is
				   * refused; it is not dumped either */
	const char *applies_with; /* what is missing then, in words */
	bool needs_restart;       /* a reload does not change it */

	int min; /* integers; lists: how many elements */
	int max;
	int advised_min; /* a smaller value is a warning, which cites `advised_by` */
	const char *advised_by;
	const struct conf_word *words;
	const char *(*check)(const char *text); /* or NULL: what else a CONF_TEXT must be */

	int default_number;       /* integers, booleans, words */
	const char *default_text; /* the rest */
	const char *computed;     /* where the default depends on other things: on what */
	const char *example;      /* for the sample, where there is no default to show */

	size_t count_offset; /* lists */
	enum conf_scope element_scope;
	size_t element_size;

	const char *help; /* one line */
};

/* Whether its value is text. */
bool conf_row_is_text(const struct conf_row *row);

/* Whether the setting has a use in `object`. */
bool conf_row_applies(const struct conf_row *row, const void *object);

/* NULL: the text may be its value; otherwise what is wrong with it. */
const char *conf_row_check_text(const struct conf_row *row, const char *text);

/* The word for a value, NULL if there is none. */
const char *conf_row_word(const struct conf_row *row, int value);

/* Values in `object`, the struct of the row's scope. */
const char *conf_row_text(const struct conf_row *row, const void *object);
void conf_row_set_text(const struct conf_row *row, void *object, const char *text);
int conf_row_number(const struct conf_row *row, const void *object);
void conf_row_set_number(const struct conf_row *row, void *object, int number);
size_t conf_row_list(const struct conf_row *row, const void *object, const void **elements_r);
void conf_row_set_list(const struct conf_row *row, void *object, void *elements, size_t count);

#endif
