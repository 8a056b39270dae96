/* SPDX-License-Identifier: ISC */
/*
 * conf_report: how a mistake in the configuration reaches a person:
 *
 *   packetboat.conf:12: accounts[1].imap.port: must be between 1 and 65535, is 0
 *
 * Errors go to the caller of conf_load() as text, warnings to its function. Nothing is printed.
 */
#ifndef CONF_CONF_REPORT_H
#define CONF_CONF_REPORT_H

#include "conf/conf.h"

struct conf_report {
	const char *file; /* as the caller named it */
	conf_warn *warn;  /* or NULL */
	void *argument;
	struct conf_error *error;
};

/* `line` 0 and `setting` NULL: neither is known. Always false, so that it can be returned. */
__attribute__((format(printf, 4, 5))) bool conf_report_error(const struct conf_report *report,
							     unsigned line, const char *setting,
							     const char *format, ...);

__attribute__((format(printf, 4, 5))) void conf_report_warning(const struct conf_report *report,
							       unsigned line, const char *setting,
							       const char *format, ...);

#endif
