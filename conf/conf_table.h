/* SPDX-License-Identifier: ISC */
/*
 * conf_table: the settings, one row for each.
 *
 * A row is all there is to a setting: reading, range, default, the sample file, the dump and the
 * comparison at a reload come from it, and a test proves that packetboat.conf(5) describes it. What
 * concerns several settings at once is in conf_verify.c.
 */
#ifndef CONF_CONF_TABLE_H
#define CONF_CONF_TABLE_H

#include "conf/conf_row.h"

/* The row behind `row` (NULL: the first), or NULL. Rows of one group are neighbours. */
const struct conf_row *conf_table_next(const struct conf_row *row);

/* How many there are; and which this one is. */
size_t conf_table_count(void);
size_t conf_table_index(const struct conf_row *row);

/* `group` may be NULL. NULL: there is no such setting. */
const struct conf_row *conf_table_find(enum conf_scope scope, const char *group, const char *name);
bool conf_table_has_group(enum conf_scope scope, const char *group);

enum { CONF_TABLE_NAME_MAX = 80 };

/* What somebody may have meant who wrote `name` there, as a path within the scope; false: no idea.
 */
bool conf_table_suggest(enum conf_scope scope, const char *group, const char *name,
			char path_r[CONF_TABLE_NAME_MAX]);

/* The setting's path from its scope's beginning, "limits.sessions". Returns `path_r`. */
const char *conf_table_path(const struct conf_row *row, char path_r[CONF_TABLE_NAME_MAX]);

/* Sets all of `object` to defaults; computed ones are left zero. */
void conf_table_set_defaults(enum conf_scope scope, void *object);

#endif
