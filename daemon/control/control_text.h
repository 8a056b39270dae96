/* SPDX-License-Identifier: ISC */
/*
 * control_text: text of others in answers of the control socket. Pure.
 *
 * JSON is UTF-8 (RFC 8259 section 8.1), and what servers say need not be.
 */
#ifndef DAEMON_CONTROL_CONTROL_TEXT_H
#define DAEMON_CONTROL_CONTROL_TEXT_H

#include <jansson.h>

/* A JSON text, in which each octet that is no UTF-8 became U+FFFD; for NULL, null. NULL: no memory.
 */
json_t *control_text(const char *text);

#endif
