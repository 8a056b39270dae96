/* SPDX-License-Identifier: ISC */
/*
 * tls_error: OpenSSL's error queue -> one line of text for people; the queue is left empty.
 */
#ifndef TLS_TLS_ERROR_H
#define TLS_TLS_ERROR_H

#include <stddef.h>

/* Writes the first (that is, the root) error and a NUL, e.g. "wrong version number", or
 * `fallback` when the queue is empty. Returns `text_r`. */
const char *tls_error(char *text_r, size_t size, const char *fallback);

#endif
