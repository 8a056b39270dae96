/* SPDX-License-Identifier: ISC */
/*
 * conf_read: libconfig's tree of settings -> struct conf, by the table.
 *
 * Each setting is looked up, checked by its row and stored; what is not there keeps its default.
 * Computed defaults, and what concerns several settings, come afterwards.
 */
#ifndef CONF_CONF_READ_H
#define CONF_CONF_READ_H

#include <libconfig.h>

#include "conf/conf_report.h"

/* `directory`: where relative paths begin. False: the error is set; `conf` is still to be freed. */
bool conf_read(struct conf *conf, config_setting_t *root, const char *directory,
	       const struct conf_report *report);

/* The line of a group or setting of the file itself, 0 if it is not there. */
unsigned conf_read_line(const config_setting_t *root, const char *name);

#endif
