/* SPDX-License-Identifier: ISC */
/*
 * tls_verdict: why a certificate is not trusted, in words for an operator.
 *
 * A part of tls_context: turns OpenSSL's verdict (an X509_V_ERR_...) and the chain it was passed on
 * into a text that names the host, the date, the names or the authority concerned. What stands in a
 * certificate is somebody else's text: only printable ASCII of it gets through, and not much.
 */
#ifndef TLS_TLS_VERDICT_H
#define TLS_TLS_VERDICT_H

#include "tls/tls_context.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* Each of these appends to what `reason` says already; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) void tls_reason_say(struct tls_reason *reason,
							  const char *format, ...);
void tls_reason_say_foreign(struct tls_reason *reason, const unsigned char *text, size_t len);
void tls_reason_say_date(struct tls_reason *reason, const ASN1_TIME *date);

/* False for a good certificate, and for a verdict that says something about us (no memory). */
bool tls_verdict_blames_certificate(int verdict);

/* `chain`: as far as it was built, the peer's own certificate first; never empty. */
void tls_verdict_say(struct tls_reason *reason, int verdict, STACK_OF(X509) * chain,
		     const char *host);

#endif
