/* SPDX-License-Identifier: ISC */
/*
 * password_file: local POP3 users and the hashes of their passwords, `name:hash`, one a line.
 *
 * Empty lines and lines that begin with `#` are skipped. Names are compared as POP3 login names
 * are: ASCII letters without case. The file is read for each question, so a change counts at once;
 * only a file that others cannot read is taken.
 */
#ifndef DAEMON_PASSWORD_FILE_H
#define DAEMON_PASSWORD_FILE_H

#include "protocol/span.h"
#include "tls/password_hash.h"

enum password_file_status {
	PASSWORD_FILE_FOUND,
	PASSWORD_FILE_UNKNOWN,
	PASSWORD_FILE_BROKEN, /* `error_r` */
};

enum password_file_status password_file_find(const char *file, struct span name,
					     char hash_r[PASSWORD_HASH_TEXT_MAX], char *error_r,
					     size_t error_size) __attribute__((warn_unused_result));

#endif
