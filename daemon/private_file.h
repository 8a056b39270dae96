/* SPDX-License-Identifier: ISC */
/* private_file: opens files that hold secrets, and none that everybody may read. */
#ifndef DAEMON_PRIVATE_FILE_H
#define DAEMON_PRIVATE_FILE_H

/* A descriptor for reading a regular file; -1: `why_r` is static text or strerror()'s. */
int private_file_open(const char *file, const char **why_r);

#endif
