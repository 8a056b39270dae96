/* SPDX-License-Identifier: ISC */
/*
 * password_edit: changes a password_file (see password_file.h), for the operator's tool.
 *
 * The file is replaced as a whole: whoever reads it, also after a power cut, finds the old one or
 * the new one. Changes made at the same time wait for each other. A symbolic link stays one; the
 * file that it points to is replaced.
 */
#ifndef DAEMON_PASSWORD_EDIT_H
#define DAEMON_PASSWORD_EDIT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a line can have this name: a POP3 login name of 1 to 255 octets without ':', control
 * characters, a space at either end, or a '#' to begin with. */
bool password_edit_is_name(const char *name);

/*
 * Replaces the line of `name` (ASCII letters without case), or adds one. Owner, group and mode are
 * kept, but what others could do with the file is taken away; a new file has mode 0600. False:
 * `error_r` says what failed, and the file is as it was.
 */
bool password_edit_set(const char *file, const char *name, const char *hash, char *error_r,
		       size_t error_size) __attribute__((warn_unused_result));

#endif
