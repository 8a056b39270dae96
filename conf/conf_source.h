/* SPDX-License-Identifier: ISC */
/*
 * conf_source: the configuration file as text, made safe for libconfig's scanner.
 *
 * libconfig lets some things pass that nobody means, so they are refused here, with their line:
 *
 *   - @include, which would read any file: one file is the configuration;
 *   - a comment or a string that is never closed, which hides what stands behind it;
 *   - NUL, as an octet or as \x00, at which its strings would end unnoticed;
 *   - nesting deeper than CONF_SOURCE_NESTING_MAX, which its parser pays for with the stack.
 *
 * Up to version 1.5 it also takes integers of more than 32 bits modulo 2^32; the long ones are
 * marked with its own suffix L, so that the range check sees what the file says.
 */
#ifndef CONF_CONF_SOURCE_H
#define CONF_CONF_SOURCE_H

#include "conf/conf_report.h"

enum {
	/* Some ten thousand accounts that sign in; and what one reload may cost. */
	CONF_SOURCE_MAX = 4 * 1024 * 1024,
	CONF_SOURCE_NESTING_MAX = 16,
};

/* Returns text for the caller to free, or NULL with the error set. `public_r`: whether every
 * user of the machine may read the file. */
char *conf_source_read(const struct conf_report *report, bool *public_r);

/* The same for octets in memory. */
char *conf_source_prepare(const struct conf_report *report, const char *data, size_t len);

#endif
