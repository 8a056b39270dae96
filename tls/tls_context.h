/* SPDX-License-Identifier: ISC */
/*
 * tls_context: what a listener or an upstream needs to start TLS.
 *
 * TLS 1.2 and later only. An upstream is verified always: the chain against the system's store or
 * a CA file, and the name that was dialled (SNI for names; IP addresses are compared with the
 * certificate's IP names). There is no way to turn that off. Sessions of upstreams are resumed:
 * each context keeps the newest session for each name.
 *
 * A context lives until the last connection made from it is freed (OpenSSL counts references).
 * Reloading means making a new one. Nothing here knows a socket: the caller gives the SSL object
 * its descriptor. Contexts are not for several threads.
 */
#ifndef TLS_TLS_CONTEXT_H
#define TLS_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_context;

/* Text of one line, for the log and the start-up error. */
struct tls_reason {
	char text[512];
};

/* For listeners: PEM files, the certificate followed by its chain. NULL: `reason_r` says which
 * file and why (unreadable, key does not match, expired, ...). */
struct tls_context *tls_context_new_server(const char *certificate, const char *private_key,
					   struct tls_reason *reason_r);

/* For upstreams. `ca_file` NULL: the system's store. NULL: `reason_r` says why. */
struct tls_context *tls_context_new_client(const char *ca_file, struct tls_reason *reason_r);

void tls_context_free(struct tls_context **context);

/* A connection for a listener; NULL when there is no memory. */
SSL *tls_context_accept(struct tls_context *context);

/* A connection to `name` (a host name or an IP address in text), prepared for verification, SNI
 * and resumption; `port` keeps sessions of different servers apart. NULL: `reason_r`. */
SSL *tls_context_connect(struct tls_context *context, const char *name, unsigned port,
			 struct tls_reason *reason_r);

/*
 * Why a handshake failed, to be called right after SSL_do_handshake() (or SSL_read()) did and
 * before any other call of OpenSSL; empties the error queue. Verification errors name the host and
 * the reason: "certificate of imap.example.org expired on 2026-03-01", "... is for other.org, not
 * imap.example.org", "... is signed by an unknown authority (CN=...)". `untrusted_r`: the
 * certificate is to blame, which retrying will not mend.
 */
void tls_context_failure(SSL *ssl, struct tls_reason *reason_r, bool *untrusted_r);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", for the log; "resumed" is added for a resumed session. */
void tls_context_describe(const SSL *ssl, char *text_r, size_t size);

#endif
