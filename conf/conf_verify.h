/* SPDX-License-Identifier: ISC */
/*
 * conf_verify: what concerns several settings at once: which of them need or exclude each other.
 *
 * Each single value has been checked by its row before.
 */
#ifndef CONF_CONF_VERIFY_H
#define CONF_CONF_VERIFY_H

#include "conf/conf_report.h"

/* Where the settings stand that have no line in struct conf. */
struct conf_verify_source {
	unsigned tls_line;
	bool is_public; /* every user of the machine may read the file */
};

/* False: the error is set. */
bool conf_verify(const struct conf *conf, const struct conf_verify_source *source,
		 const struct conf_report *report);

#endif
