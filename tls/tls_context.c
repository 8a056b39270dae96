/* SPDX-License-Identifier: ISC */
#include "tls/tls_context.h"

#include "tls/tls_error.h"
#include "tls/tls_file.h"
#include "tls/tls_verdict.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SESSION_MAX = 64,   /* upstream servers with a session kept; a handful is usual */
	HOST_LEN_MAX = 255, /* RFC 1035 section 2.3.4 */
	SECURITY_LEVEL = 2, /* no SHA-1 signatures, no RSA keys below 2048 bits */
	IMAPS_PORT = 993,
};

/* The upstream server of a connection. */
struct peer {
	char host[HOST_LEN_MAX + 1];
	unsigned port;
};

struct kept_session {
	struct peer peer;
	SSL_SESSION *session; /* owned */
};

struct tls_context {
	SSL_CTX *ctx;                              /* each connection holds a reference too */
	struct kept_session sessions[SESSION_MAX]; /* one for each peer, the oldest first */
	size_t session_count;
};

/*
 * Nothing of ours hangs on a connection, which OpenSSL frees in its own time: the host is kept in
 * its verification parameters, and the port is its session-id context, which is just what sets
 * sessions apart that must not be exchanged.
 */
static void peer_host(SSL *ssl, char host_r[HOST_LEN_MAX + 1])
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	const char *name = X509_VERIFY_PARAM_get0_host(param, 0);
	char *address = name == NULL ? X509_VERIFY_PARAM_get1_ip_asc(param) : NULL;
	unsigned char octets[16];

	snprintf(host_r, HOST_LEN_MAX + 1, "%s",
		 name != NULL      ? name
		 : address != NULL ? address
				   : "server");
	/* OpenSSL writes an IPv6 address at its full length. */
	if (address != NULL && inet_pton(AF_INET6, address, octets) == 1)
		inet_ntop(AF_INET6, octets, host_r, HOST_LEN_MAX + 1);
	OPENSSL_free(address);
}

static unsigned peer_port(const SSL_SESSION *session)
{
	unsigned len = 0;
	const unsigned char *octets =
		session != NULL ? SSL_SESSION_get0_id_context(session, &len) : NULL;
	unsigned port = 0;

	if (len == sizeof(port))
		memcpy(&port, octets, sizeof(port));
	return port;
}

static struct tls_context *tls_context_new(const SSL_METHOD *method)
{
	struct tls_context *context = calloc(1, sizeof(*context));

	if (context == NULL)
		return NULL;
	context->ctx = SSL_CTX_new(method);
	if (context->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(context->ctx, TLS1_2_VERSION) != 1) {
		tls_context_free(&context);
		return NULL;
	}
	/* The system's openssl.cnf may ask for more, but not for less. */
	if (SSL_CTX_get_security_level(context->ctx) < SECURITY_LEVEL)
		SSL_CTX_set_security_level(context->ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(context->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	/* An end without close_notify may be an attacker's. */
	SSL_CTX_clear_options(context->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* No early data: it could be replayed. */
	SSL_CTX_set_max_early_data(context->ctx, 0);
	SSL_CTX_set_recv_max_early_data(context->ctx, 0);
	SSL_CTX_set_default_passwd_cb(context->ctx, tls_file_refuse_passphrase);
	SSL_CTX_set_app_data(context->ctx, context);
	return context;
}

static void forget_session(struct tls_context *context, size_t slot)
{
	SSL_SESSION_free(context->sessions[slot].session);
	context->session_count--;
	memmove(&context->sessions[slot], &context->sessions[slot + 1],
		(context->session_count - slot) * sizeof(context->sessions[0]));
}

/* The slot of the server's session, or session_count. */
static size_t find_session(const struct tls_context *context, const struct peer *peer)
{
	size_t slot = 0;

	for (; slot < context->session_count; slot++) {
		const struct peer *other = &context->sessions[slot].peer;
		if (other->port == peer->port && strcmp(other->host, peer->host) == 0)
			break;
	}
	return slot;
}

/*
 * OpenSSL has a new session to resume: in TLS 1.3 it comes some time after the handshake. What is
 * kept, and what is later offered, is a copy: OpenSSL spoils the session of each connection that
 * ends without close_notify, as TLS 1.0 demanded; since RFC 4346 (section 7.2.1) no version does.
 */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct peer peer;

	/* A connection may outlive the context, which then is NULL. */
	if (context == NULL || !SSL_SESSION_is_resumable(session))
		return 0;
	peer_host(ssl, peer.host);
	peer.port = peer_port(session);
	struct kept_session kept = {
		.peer = peer,
		.session = SSL_SESSION_dup(session),
	};
	if (kept.session == NULL)
		return 0;
	size_t slot = find_session(context, &peer);
	if (slot < context->session_count)
		forget_session(context, slot);
	else if (context->session_count == SESSION_MAX)
		forget_session(context, 0);
	context->sessions[context->session_count++] = kept;
	return 0; /* OpenSSL's reference stays its own */
}

/* Without a session to resume, or the memory for it, the handshake is simply a full one. */
static void offer_session(const struct tls_context *context, SSL *ssl, unsigned port)
{
	struct peer peer = { .port = port };

	peer_host(ssl, peer.host);
	size_t slot = find_session(context, &peer);
	if (slot == context->session_count)
		return;
	SSL_SESSION *copy = SSL_SESSION_dup(context->sessions[slot].session);
	if (copy != NULL)
		SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
}

static bool load_certificate(SSL_CTX *ctx, const char *file, struct tls_reason *reason_r)
{
	if (!tls_file_is_readable(file, reason_r))
		return false;
	if (SSL_CTX_use_certificate_chain_file(ctx, file) != 1) {
		tls_file_blame(reason_r, file, "certificate");
		return false;
	}
	const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(ctx));
	if (X509_cmp_current_time(end) < 0) {
		tls_file_fail(reason_r, file, "certificate expired on ");
		tls_reason_say_date(reason_r, end);
		return false;
	}
	return true;
}

static bool load_private_key(SSL_CTX *ctx, const char *file, const char *certificate,
			     struct tls_reason *reason_r)
{
	EVP_PKEY *key = tls_file_read_key(file, reason_r);
	bool loaded = false;

	if (key == NULL)
		return false;
	if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1) {
		tls_file_fail(reason_r, file, "is not the key of the certificate in ");
		tls_reason_say(reason_r, "%s", certificate);
	} else if (SSL_CTX_use_PrivateKey(ctx, key) != 1) {
		tls_file_blame(reason_r, file, "private key");
	} else {
		loaded = true;
	}
	EVP_PKEY_free(key);
	return loaded;
}

struct tls_context *tls_context_new_server(const char *certificate, const char *private_key,
					   struct tls_reason *reason_r)
{
	static const unsigned char session_id_context[] = "packetboat";
	struct tls_context *context = tls_context_new(TLS_server_method());

	if (context == NULL) {
		tls_file_blame(reason_r, NULL, "memory");
		return NULL;
	}
	if (!load_certificate(context->ctx, certificate, reason_r) ||
	    !load_private_key(context->ctx, private_key, certificate, reason_r)) {
		tls_context_free(&context);
		return NULL;
	}
	SSL_CTX_set_options(context->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_dh_auto(context->ctx, 1);
	/* Tickets carry the sessions; a cache would only take memory for each connection. */
	SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(context->ctx, session_id_context,
				       sizeof(session_id_context) - 1);
	return context;
}

/* `file` NULL: the system's store, which may well be absent as long as nobody needs it. */
static bool load_authorities(SSL_CTX *ctx, const char *file, struct tls_reason *reason_r)
{
	if (file != NULL && !tls_file_is_readable(file, reason_r))
		return false;
	if ((file != NULL ? SSL_CTX_load_verify_file(ctx, file)
			  : SSL_CTX_set_default_verify_paths(ctx)) == 1)
		return true;
	tls_file_blame(reason_r, file, "certificate");
	return false;
}

struct tls_context *tls_context_new_client(const char *ca_file, struct tls_reason *reason_r)
{
	struct tls_context *context = tls_context_new(TLS_client_method());

	if (context == NULL) {
		tls_file_blame(reason_r, NULL, "memory");
		return NULL;
	}
	if (!load_authorities(context->ctx, ca_file, reason_r)) {
		tls_context_free(&context);
		return NULL;
	}
	SSL_CTX_set_verify(context->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(context->ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context->ctx, keep_session);
	return context;
}

void tls_context_free(struct tls_context **context)
{
	if (*context == NULL)
		return;
	if ((*context)->ctx != NULL)
		SSL_CTX_set_app_data((*context)->ctx, NULL);
	SSL_CTX_free((*context)->ctx);
	while ((*context)->session_count > 0)
		forget_session(*context, (*context)->session_count - 1);
	free(*context);
	*context = NULL;
}

SSL *tls_context_accept(struct tls_context *context)
{
	SSL *ssl = SSL_new(context->ctx);

	if (ssl != NULL)
		SSL_set_accept_state(ssl);
	ERR_clear_error();
	return ssl;
}

/*
 * The name without a final dot, which certificates and SNI lack (RFC 6066 section 3). False for
 * what OpenSSL would take for something else than one host: "" means any, ".org" all below.
 */
static bool host_name(const char *name, char host_r[HOST_LEN_MAX + 1])
{
	size_t len = strnlen(name, HOST_LEN_MAX + 2);

	if (len > 1 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > HOST_LEN_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] > '~')
			return false;
		host_r[i] = name[i];
	}
	host_r[len] = '\0';
	return true;
}

/* Binds the connection to its peer: what is verified, what is asked for, what is resumed. */
static bool set_peer(SSL *ssl, const char *host, unsigned port)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	unsigned char address[16];
	size_t address_len = 0;

	if (inet_pton(AF_INET, host, address) == 1)
		address_len = 4;
	else if (inet_pton(AF_INET6, host, address) == 1)
		address_len = 16;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
						       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (SSL_set_session_id_context(ssl, (const unsigned char *)&port, sizeof(port)) != 1)
		return false;
	/* RFC 6066 section 3: no addresses in SNI. */
	return address_len > 0 ? X509_VERIFY_PARAM_set1_ip(param, address, address_len) == 1
			       : X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
					 SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *tls_context_connect(struct tls_context *context, const char *name, unsigned port,
			 struct tls_reason *reason_r)
{
	char host[HOST_LEN_MAX + 1];

	if (!host_name(name, host)) {
		*reason_r = (struct tls_reason){ "" };
		tls_reason_say(reason_r, "\"");
		tls_reason_say_foreign(reason_r, (const unsigned char *)name,
				       strnlen(name, HOST_LEN_MAX));
		tls_reason_say(reason_r, "\" is not the name of a host");
		return NULL;
	}
	SSL *ssl = SSL_new(context->ctx);
	if (ssl == NULL || !set_peer(ssl, host, port)) {
		char text[128];

		SSL_free(ssl);
		tls_file_fail(reason_r, NULL, tls_error(text, sizeof(text), "no memory"));
		return NULL;
	}
	offer_session(context, ssl, port);
	SSL_set_connect_state(ssl);
	ERR_clear_error();
	return ssl;
}

/* Errors of OpenSSL whose own texts say too little, as the end of a sentence about the peer. */
static const struct {
	int reason;
	const char *text;
} failures[] = {
	{ SSL_R_UNSUPPORTED_PROTOCOL, "offers only TLS older than 1.2" },
	{ SSL_R_VERSION_TOO_LOW, "offers only TLS older than 1.2" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "offers only TLS older than 1.2" },
	{ SSL_R_WRONG_VERSION_NUMBER, "does not speak TLS" },
	{ SSL_R_HTTP_REQUEST, "does not speak TLS, but HTTP" },
	{ SSL_R_NO_SHARED_CIPHER, "has no cipher in common with us" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "refused the TLS handshake" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "does not know the authority of our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "says that our certificate has expired" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING, "closed the connection" },
};

/* `peer` NULL: a client of ours. */
static void say_failed(struct tls_reason *reason, SSL *ssl, const struct peer *peer)
{
	unsigned long error = ERR_peek_error();
	int why = error == 0                          ? SSL_R_UNEXPECTED_EOF_WHILE_READING
		  : ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error)
						      : 0;
	const char *who = peer != NULL ? peer->host : "client";
	char text[128];

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].reason != why)
			continue;
		tls_reason_say(reason, "%s %s", who, failures[i].text);
		if (why == SSL_R_UNEXPECTED_EOF_WHILE_READING && SSL_get_state(ssl) != TLS_ST_OK)
			tls_reason_say(reason, " during the TLS handshake");
		if (why == SSL_R_WRONG_VERSION_NUMBER && peer != NULL) {
			tls_reason_say(reason, " on port %u", peer->port);
			if (peer->port != IMAPS_PORT)
				tls_reason_say(reason, " (did you mean tls = \"starttls\"?)");
		}
		return;
	}
	tls_reason_say(reason, "TLS with %s failed: %s", who,
		       tls_error(text, sizeof(text), "unknown reason"));
}

void tls_context_failure(SSL *ssl, struct tls_reason *reason_r, bool *untrusted_r)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	int verdict = (int)SSL_get_verify_result(ssl);
	struct peer peer = { .port = peer_port(SSL_get0_session(ssl)) };

	*reason_r = (struct tls_reason){ "" };
	*untrusted_r = false;
	if (SSL_is_server(ssl)) {
		say_failed(reason_r, ssl, NULL);
	} else {
		peer_host(ssl, peer.host);
		*untrusted_r = tls_verdict_blames_certificate(verdict) && sk_X509_num(chain) > 0;
		if (*untrusted_r)
			tls_verdict_say(reason_r, verdict, chain, peer.host);
		else
			say_failed(reason_r, ssl, &peer);
	}
	ERR_clear_error();
}

void tls_context_describe(const SSL *ssl, char *text_r, size_t size)
{
	snprintf(text_r, size, "%s %s%s", SSL_get_version(ssl), SSL_get_cipher_name(ssl),
		 SSL_session_reused(ssl) ? " resumed" : "");
}
