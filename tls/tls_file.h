/* SPDX-License-Identifier: ISC */
/*
 * tls_file: certificates and private keys in PEM files, and what is wrong with them in words.
 *
 * Each of these that fails leaves OpenSSL's error queue empty, and `FILE: reason` behind.
 */
#ifndef TLS_TLS_FILE_H
#define TLS_TLS_FILE_H

#include "tls/tls_context.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* `file` NULL: the text alone. */
void tls_file_fail(struct tls_reason *reason_r, const char *file, const char *text);
/* Says what OpenSSL found wrong with a file that should hold a `what`. */
void tls_file_blame(struct tls_reason *reason_r, const char *file, const char *what);

/* For OpenSSL, whose own would ask on the terminal. `argument`: NULL, or a bool that is told that a
 * passphrase was wanted. */
int tls_file_refuse_passphrase(char *text_r, int size, int writing, void *argument);

bool tls_file_is_readable(const char *file, struct tls_reason *reason_r);

/* A key without a passphrase, in a file that is not open to every user. NULL: `reason_r`. The
 * caller frees it. */
EVP_PKEY *tls_file_read_key(const char *file, struct tls_reason *reason_r);

/* The first certificate. NULL: `reason_r`. The caller frees it. */
X509 *tls_file_read_certificate(const char *file, struct tls_reason *reason_r);

#endif
