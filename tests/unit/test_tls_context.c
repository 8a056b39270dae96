/* SPDX-License-Identifier: ISC */
/* Handshakes are made in memory, with certificates made on the spot. */
#include "tests/unit/certificate_file.h"
#include "tls/tls_context.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define HOST "imap.example.org"

enum { PORT = 993 };

/* What all tests share; the files are in `folder`. */
struct fixture {
	char folder[32];
	char ca_file[PATH_LEN];
	char other_ca_file[PATH_LEN];
	char certificate_file[PATH_LEN];
	char key_file[PATH_LEN];
	struct identity ca, expired_ca, other_ca, server;
};

enum issuer { BY_CA, BY_OTHER_CA, BY_EXPIRED_CA, BY_ITSELF };

static int set_up(void **state)
{
	struct fixture *all = calloc(1, sizeof(*all));

	assert_non_null(all);
	snprintf(all->folder, sizeof(all->folder), "/tmp/test_tls_XXXXXX");
	assert_non_null(mkdtemp(all->folder));
	all->ca = identity_make(
		&(struct identity_spec){ .common_name = "Good CA", .authority = true }, NULL);
	all->other_ca = identity_make(
		&(struct identity_spec){ .common_name = "Other CA", .authority = true }, NULL);
	all->expired_ca = identity_make(&(struct identity_spec){ .common_name = "Old CA",
								 .authority = true,
								 .not_after = "20200101000000Z" },
					NULL);
	all->server = identity_make(
		&(struct identity_spec){ .common_name = HOST,
					 .names = "DNS:" HOST ",DNS:*.example.net,IP:2001:db8::1" },
		&all->ca);
	write_certificate(all->ca_file, all->folder, "ca.pem", all->ca.certificate);
	/* A ca_file may hold several. */
	FILE *file = fopen(all->ca_file, "a");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, all->expired_ca.certificate), 1);
	fclose(file);
	write_certificate(all->other_ca_file, all->folder, "other.pem", all->other_ca.certificate);
	write_certificate(all->certificate_file, all->folder, "server.pem",
			  all->server.certificate);
	write_key(all->key_file, all->folder, "server.key", all->server.key, NULL);
	*state = all;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *all = *state;

	unlink(all->ca_file);
	unlink(all->other_ca_file);
	unlink(all->certificate_file);
	unlink(all->key_file);
	assert_int_equal(rmdir(all->folder), 0); /* whatever a test wrote, it removed */
	identity_free(&all->ca);
	identity_free(&all->expired_ca);
	identity_free(&all->other_ca);
	identity_free(&all->server);
	free(all);
	return 0;
}

static struct tls_context *new_client(const struct fixture *all)
{
	struct tls_reason reason;
	struct tls_context *context = tls_context_new_client(all->ca_file, &reason);

	if (context == NULL)
		fail_msg("%s", reason.text);
	return context;
}

static struct tls_context *new_server(const struct fixture *all)
{
	struct tls_reason reason;
	struct tls_context *context =
		tls_context_new_server(all->certificate_file, all->key_file, &reason);

	if (context == NULL)
		fail_msg("%s", reason.text);
	return context;
}

static SSL *connect_to(struct tls_context *context, const char *host, unsigned port)
{
	struct tls_reason reason;
	SSL *ssl = tls_context_connect(context, host, port, &reason);

	if (ssl == NULL)
		fail_msg("%s: %s", host, reason.text);
	return ssl;
}

/* A peer that is not ours, and may be as bad as it likes. */
static SSL *foreign_peer(const SSL_METHOD *method, const struct identity *identity)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	assert_non_null(ctx);
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	if (identity != NULL) {
		assert_int_equal(SSL_CTX_use_certificate(ctx, identity->certificate), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(ctx, identity->key), 1);
	}
	SSL *ssl = SSL_new(ctx);
	assert_non_null(ssl);
	if (identity != NULL)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	SSL_CTX_free(ctx);
	return ssl;
}

static void join(SSL *a, SSL *b)
{
	BIO *bio_a, *bio_b;

	assert_int_equal(BIO_new_bio_pair(&bio_a, 0, &bio_b, 0), 1);
	SSL_set_bio(a, bio_a, bio_a);
	SSL_set_bio(b, bio_b, bio_b);
}

enum progress { DONE, WAITING, FAILED };

static enum progress advance(SSL *ssl)
{
	ERR_clear_error();
	int result = SSL_do_handshake(ssl);
	int error = SSL_get_error(ssl, result);

	return result == 1                                                     ? DONE
	       : error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? WAITING
									       : FAILED;
}

/* False: `ours` failed, and the error queue tells why. */
static bool handshake(SSL *ours, SSL *peer)
{
	for (int round = 0; round < 20; round++) {
		enum progress we = advance(ours);

		if (we == FAILED)
			return false;
		enum progress they = advance(peer);
		if (we == DONE && they == DONE)
			return true;
	}
	fail_msg("the handshake does not end");
	return false;
}

/* One octet from the peer, with the session tickets of TLS 1.3 before it. */
static void hear_from(SSL *ours, SSL *peer)
{
	char octet = '?';

	assert_int_equal(SSL_write(peer, "!", 1), 1);
	assert_int_equal(SSL_read(ours, &octet, 1), 1);
	assert_int_equal(octet, '!');
}

static void expect_failure(const char *name, SSL *ours, const char *expected, bool untrusted)
{
	struct tls_reason reason;
	bool blamed = !untrusted;

	tls_context_failure(ours, &reason, &blamed);
	if (strcmp(reason.text, expected) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", name, reason.text, expected);
	if (blamed != untrusted)
		fail_msg("%s: %s", name, untrusted ? "not blamed" : "the certificate is blamed");
	if (ERR_peek_error() != 0)
		fail_msg("%s: the error queue is not empty", name);
}

static const struct trust_row {
	const char *name;
	const char *host;
	struct identity_spec spec;
	enum issuer issuer;
	const char *expected; /* NULL: trusted */
} trust_rows[] = {
	{ "right name", HOST, { .common_name = "x", .names = "DNS:" HOST }, BY_CA, NULL },
	{ "right name among several",
	  HOST,
	  { .common_name = "x", .names = "DNS:a.org,IP:192.0.2.9,DNS:" HOST ",DNS:b.org" },
	  BY_CA,
	  NULL },
	{ "name in capitals",
	  "IMAP.example.ORG",
	  { .common_name = "x", .names = "DNS:" HOST },
	  BY_CA,
	  NULL },
	{ "final dot", HOST ".", { .common_name = "x", .names = "DNS:" HOST }, BY_CA, NULL },
	{ "wildcard", HOST, { .common_name = "x", .names = "DNS:*.example.org" }, BY_CA, NULL },
	{ "IPv4 address",
	  "192.0.2.1",
	  { .common_name = "x", .names = "IP:192.0.2.1" },
	  BY_CA,
	  NULL },
	{ "IPv6 address, written otherwise",
	  "2001:db8:0::1",
	  { .common_name = "x", .names = "IP:2001:db8::1" },
	  BY_CA,
	  NULL },
	{ "wrong name",
	  HOST,
	  { .common_name = "x", .names = "DNS:other.org" },
	  BY_CA,
	  "certificate is for other.org, not " HOST },
	{ "many wrong names",
	  HOST,
	  { .common_name = "x", .names = "DNS:a.org,IP:192.0.2.1,IP:2001:db8::1,DNS:d.org" },
	  BY_CA,
	  "certificate is for a.org, 192.0.2.1, 2001:db8::1, ..., not " HOST },
	{ "wildcard two levels up",
	  "a.imap.example.org",
	  { .common_name = "x", .names = "DNS:*.example.org" },
	  BY_CA,
	  "certificate is for *.example.org, not a.imap.example.org" },
	{ "partial wildcard",
	  HOST,
	  { .common_name = "x", .names = "DNS:im*.example.org" },
	  BY_CA,
	  "certificate is for im*.example.org, not " HOST },
	{ "wrong address",
	  "192.0.2.2",
	  { .common_name = "x", .names = "IP:192.0.2.1" },
	  BY_CA,
	  "certificate is for 192.0.2.1, not 192.0.2.2" },
	{ "address as a DNS name",
	  "192.0.2.1",
	  { .common_name = "x", .names = "DNS:192.0.2.1" },
	  BY_CA,
	  "certificate is for 192.0.2.1, not 192.0.2.1" },
	{ "common name only",
	  HOST,
	  { .common_name = HOST },
	  BY_CA,
	  "certificate of " HOST " names no host, only its subject CN=" HOST },
	{ "common name beside other names",
	  HOST,
	  { .common_name = HOST, .names = "DNS:other.org" },
	  BY_CA,
	  "certificate is for other.org, not " HOST },
	{ "NUL in the name",
	  HOST,
	  { .common_name = "x", .octet_name = HOST "\0.evil.org", .octet_name_len = 26 },
	  BY_CA,
	  "certificate is for " HOST "?.evil.org, not " HOST },
	{ "line end in the name",
	  HOST,
	  { .common_name = "x", .octet_name = "a\r\nb\x1b", .octet_name_len = 5 },
	  BY_CA,
	  "certificate is for a??b?, not " HOST },
	{ "expired",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST, .not_after = "20260301235959Z" },
	  BY_CA,
	  "certificate of " HOST " expired on 2026-03-01" },
	{ "not yet valid",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST, .not_before = "20900101000000Z" },
	  BY_CA,
	  "certificate of " HOST " is not valid before 2090-01-01" },
	{ "authority expired",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST },
	  BY_EXPIRED_CA,
	  "certificate of " HOST " is signed by CN=Old CA, which expired on 2020-01-01" },
	{ "unknown authority",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST },
	  BY_OTHER_CA,
	  "certificate of " HOST " is signed by an unknown authority (CN=Other CA)" },
	{ "self-signed",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST },
	  BY_ITSELF,
	  "certificate of " HOST " is self-signed and not among the trusted ones" },
	{ "signed with SHA-1",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST, .sha1 = true },
	  BY_CA,
	  "certificate of " HOST " is signed with too weak an algorithm (SHA1)" },
	{ "short key",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST, .rsa_bits = 1024 },
	  BY_CA,
	  "certificate of " HOST " has, or is signed with, too short a key" },
	{ "for clients only",
	  HOST,
	  { .common_name = "x", .names = "DNS:" HOST, .usage = "clientAuth" },
	  BY_CA,
	  "certificate of " HOST " is not one for servers" },
};

static void test_trust(void **state)
{
	const struct fixture *all = *state;
	const struct identity *issuers[] = { &all->ca, &all->other_ca, &all->expired_ca, NULL };
	struct tls_context *context = new_client(all);

	for (size_t i = 0; i < COUNT(trust_rows); i++) {
		const struct trust_row *row = &trust_rows[i];
		struct identity identity = identity_make(&row->spec, issuers[row->issuer]);
		SSL *client = connect_to(context, row->host, (unsigned)i);
		SSL *server = foreign_peer(TLS_server_method(), &identity);

		join(client, server);
		bool trusted = handshake(client, server);
		if (trusted && row->expected != NULL)
			fail_msg("%s: trusted", row->name);
		else if (!trusted)
			expect_failure(row->name, client,
				       row->expected != NULL ? row->expected : "", true);
		SSL_free(client);
		SSL_free(server);
		identity_free(&identity);
	}
	tls_context_free(&context);
	assert_null(context);
}

static const char *sni_of(SSL *server)
{
	return SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);
}

/* RFC 6066 section 3: the name without its final dot, and never an address. */
static void test_server_name_indication(void **state)
{
	const struct fixture *all = *state;
	static const struct {
		const char *host, *expected;
	} rows[] = { { HOST, HOST }, { HOST ".", HOST }, { "192.0.2.1", NULL }, { "::1", NULL } };
	struct tls_context *context = new_client(all);
	struct identity identity = identity_make(
		&(struct identity_spec){ .common_name = "x",
					 .names = "DNS:" HOST ",IP:192.0.2.1,IP:::1" },
		&all->ca);

	for (size_t i = 0; i < COUNT(rows); i++) {
		SSL *client = connect_to(context, rows[i].host, PORT);
		SSL *server = foreign_peer(TLS_server_method(), &identity);

		join(client, server);
		assert_true(handshake(client, server));
		const char *sni = sni_of(server);
		if ((sni == NULL) != (rows[i].expected == NULL) ||
		    (sni != NULL && strcmp(sni, rows[i].expected) != 0))
			fail_msg("%s: SNI is %s", rows[i].host, sni != NULL ? sni : "absent");
		SSL_free(client);
		SSL_free(server);
	}
	identity_free(&identity);
	tls_context_free(&context);
}

/* OpenSSL would take some of these for "any host". */
static void test_no_names(void **state)
{
	static const struct {
		const char *name, *expected;
	} rows[] = {
		{ "", "\"\" is not the name of a host" },
		{ ".", "\".\" is not the name of a host" },
		{ ".example.org", "\".example.org\" is not the name of a host" },
		{ "a b", "\"a b\" is not the name of a host" },
		{ "a\r\nb", "\"a??b\" is not the name of a host" },
		{ "imap.ex\xc3\xa4mple", "\"imap.ex??mple\" is not the name of a host" },
	};
	struct tls_context *context = new_client(*state);
	struct tls_reason reason;
	char longest[258];

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (tls_context_connect(context, rows[i].name, PORT, &reason) != NULL)
			fail_msg("\"%s\" is accepted", rows[i].name);
		assert_string_equal(reason.text, rows[i].expected);
	}
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	assert_null(tls_context_connect(context, longest, PORT, &reason));
	longest[255] = '\0';
	SSL *ssl = tls_context_connect(context, longest, PORT, &reason);
	assert_non_null(ssl);
	SSL_free(ssl);
	tls_context_free(&context);
}

static void test_old_server(void **state)
{
	const struct fixture *all = *state;
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };
	struct tls_context *context = new_client(all);

	for (size_t i = 0; i < COUNT(versions); i++) {
		SSL *client = connect_to(context, HOST, PORT);
		SSL *server = foreign_peer(TLS_server_method(), &all->server);

		SSL_set_max_proto_version(server, versions[i]);
		join(client, server);
		assert_false(handshake(client, server));
		expect_failure("old server", client, HOST " offers only TLS older than 1.2", false);
		SSL_free(client);
		SSL_free(server);
	}
	tls_context_free(&context);
}

static const struct {
	const char *name;
	unsigned port;
	const char *says; /* then the connection ends */
	const char *expected;
} plain_rows[] = {
	{ "IMAP in clear", 143, "* OK [CAPABILITY IMAP4rev1] ready\r\n",
	  HOST " does not speak TLS on port 143 (did you mean tls = \"starttls\"?)" },
	{ "IMAP in clear where TLS is usual", 993, "* OK [CAPABILITY IMAP4rev1] ready\r\n",
	  HOST " does not speak TLS on port 993" },
	{ "nothing", 993, "", HOST " closed the connection during the TLS handshake" },
	{ "an end within a record", 993, "\x16\x03\x03",
	  HOST " closed the connection during the TLS handshake" },
	{ "an alert", 993, "\x15\x03\x03\x00\x02\x02\x50",
	  "TLS with " HOST " failed: tlsv1 alert internal error" },
};

static void test_no_tls(void **state)
{
	struct tls_context *context = new_client(*state);

	for (size_t i = 0; i < COUNT(plain_rows); i++) {
		SSL *client = connect_to(context, HOST, plain_rows[i].port);
		BIO *ours, *theirs;
		/* The alert's third length octet is NUL: count it by hand. */
		int len = i == COUNT(plain_rows) - 1 ? 7 : (int)strlen(plain_rows[i].says);

		assert_int_equal(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
		SSL_set_bio(client, ours, ours);
		if (len > 0)
			assert_int_equal(BIO_write(theirs, plain_rows[i].says, len), len);
		BIO_shutdown_wr(theirs);
		assert_int_equal(advance(client), FAILED);
		expect_failure(plain_rows[i].name, client, plain_rows[i].expected, false);
		SSL_free(client);
		BIO_free(theirs);
	}
	tls_context_free(&context);
}

/* An end without close_notify is told apart from a proper one. */
static void test_cut_connection(void **state)
{
	struct tls_context *client_context = new_client(*state);
	struct tls_context *server_context = new_server(*state);

	for (int proper = 0; proper <= 1; proper++) {
		SSL *client = connect_to(client_context, HOST, PORT);
		SSL *server = tls_context_accept(server_context);
		char octet;

		join(client, server);
		assert_true(handshake(client, server));
		if (proper)
			SSL_shutdown(server);
		BIO_shutdown_wr(SSL_get_wbio(server));
		ERR_clear_error();
		int result = SSL_read(client, &octet, 1);
		assert_true(result <= 0);
		assert_int_equal(SSL_get_error(client, result),
				 proper ? SSL_ERROR_ZERO_RETURN : SSL_ERROR_SSL);
		if (!proper)
			expect_failure("cut", client, HOST " closed the connection", false);
		SSL_free(client);
		SSL_free(server);
	}
	tls_context_free(&client_context);
	tls_context_free(&server_context);
}

/* One connection; whether it was resumed. It ends without close_notify, as they do in practice. */
static bool visit(struct tls_context *client_context, struct tls_context *server_context,
		  const char *host, unsigned port, int version)
{
	SSL *client = connect_to(client_context, host, port);
	SSL *server = tls_context_accept(server_context);
	char text[80], expected[80];

	SSL_set_max_proto_version(server, version);
	join(client, server);
	assert_true(handshake(client, server));
	hear_from(client, server);
	bool resumed = SSL_session_reused(client) == 1;
	snprintf(expected, sizeof(expected), "%s %s%s",
		 version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2", SSL_get_cipher_name(client),
		 resumed ? " resumed" : "");
	tls_context_describe(client, text, sizeof(text));
	assert_string_equal(text, expected);
	assert_int_equal(SSL_get_verify_result(client), X509_V_OK);
	SSL_free(client);
	SSL_free(server);
	return resumed;
}

static void test_resumption(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < COUNT(versions); i++) {
		struct tls_context *server = new_server(*state);
		struct tls_context *client = new_client(*state);
		int version = versions[i];

		assert_false(visit(client, server, HOST, 993, version));
		for (int again = 0; again < 3; again++)
			assert_true(visit(client, server, HOST, 993, version));
		/* Another port, another name: another server. */
		assert_false(visit(client, server, "2001:db8:0::1", 993, version));
		assert_true(visit(client, server, "2001:db8::1", 993, version));
		assert_false(visit(client, server, HOST, 994, version));
		assert_false(visit(client, server, "a.example.net", 993, version));
		assert_true(visit(client, server, HOST, 993, version));

		/* A reloaded configuration trusts nothing that the old one did. */
		tls_context_free(&client);
		client = new_client(*state);
		assert_false(visit(client, server, HOST, 993, version));
		assert_true(visit(client, server, HOST, 993, version));

		/* A server with new ticket keys: a full handshake, then as before. */
		tls_context_free(&server);
		server = new_server(*state);
		assert_false(visit(client, server, HOST, 993, version));
		assert_true(visit(client, server, HOST, 993, version));
		tls_context_free(&server);
		tls_context_free(&client);
	}
}

static void test_sessions_are_bounded(void **state)
{
	struct tls_context *server = new_server(*state);
	struct tls_context *client = new_client(*state);

	for (unsigned port = 1; port <= 64; port++)
		assert_false(visit(client, server, HOST, port, TLS1_3_VERSION));
	assert_true(visit(client, server, HOST, 1, TLS1_3_VERSION)); /* now the newest */
	assert_false(visit(client, server, HOST, 65, TLS1_3_VERSION));
	assert_false(visit(client, server, HOST, 2, TLS1_3_VERSION)); /* was the oldest */
	assert_true(visit(client, server, HOST, 1, TLS1_3_VERSION));
	assert_true(visit(client, server, HOST, 65, TLS1_3_VERSION));
	assert_true(visit(client, server, HOST, 64, TLS1_3_VERSION));
	tls_context_free(&server);
	tls_context_free(&client);
}

/* A connection that outlives its context still works, tickets that come to it included. */
static void test_connection_outlives_context(void **state)
{
	struct tls_context *client_context = new_client(*state);
	struct tls_context *server_context = new_server(*state);
	SSL *client = connect_to(client_context, HOST, PORT);
	SSL *server = tls_context_accept(server_context);

	tls_context_free(&client_context);
	tls_context_free(&server_context);
	join(client, server);
	assert_true(handshake(client, server));
	hear_from(client, server);
	SSL_free(client);
	SSL_free(server);
	tls_context_free(&client_context); /* NULL by now: no harm */
}

static void test_bad_clients(void **state)
{
	const struct fixture *all = *state;
	struct tls_context *context = new_server(all);
	static const struct {
		const char *name;
		const char *says; /* NULL: TLS 1.1 */
		const char *expected;
	} rows[] = {
		{ "old client", NULL, "client offers only TLS older than 1.2" },
		{ "POP3 in clear", "CAPA\r\nUSER a\r\n", "client does not speak TLS" },
		{ "HTTP", "GET / HTTP/1.0\r\n\r\n", "client does not speak TLS, but HTTP" },
		{ "nothing", "", "client closed the connection during the TLS handshake" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		SSL *server = tls_context_accept(context);
		SSL *client = foreign_peer(TLS_client_method(), NULL);

		join(server, client);
		if (rows[i].says == NULL) {
			SSL_set_max_proto_version(client, TLS1_1_VERSION);
			advance(client);
		} else {
			BIO_write(SSL_get_wbio(client), rows[i].says, (int)strlen(rows[i].says));
			BIO_shutdown_wr(SSL_get_wbio(client));
		}
		assert_int_equal(advance(server), FAILED);
		expect_failure(rows[i].name, server, rows[i].expected, false);
		SSL_free(server);
		SSL_free(client);
	}
	tls_context_free(&context);
}

/* What clients complain about is said in the operator's terms. */
static void test_distrustful_client(void **state)
{
	const struct fixture *all = *state;
	struct tls_reason reason;
	struct tls_context *server_context = new_server(all);
	struct tls_context *client_context = tls_context_new_client(all->other_ca_file, &reason);
	SSL *server = tls_context_accept(server_context);
	SSL *client = connect_to(client_context, HOST, PORT);
	char octet;

	/* TLS 1.2, where the server's handshake waits for the client's last word. */
	SSL_set_max_proto_version(server, TLS1_2_VERSION);
	join(server, client);
	assert_false(handshake(server, client));
	expect_failure("unknown CA", server,
		       "client does not know the authority of our certificate", false);
	assert_true(SSL_read(client, &octet, 1) <= 0);
	SSL_free(server);
	SSL_free(client);
	tls_context_free(&server_context);
	tls_context_free(&client_context);
}

static void test_settings(void **state)
{
	struct tls_context *contexts[] = { new_client(*state), new_server(*state) };

	for (size_t i = 0; i < COUNT(contexts); i++) {
		SSL *ssl = i == 0 ? connect_to(contexts[i], HOST, PORT)
				  : tls_context_accept(contexts[i]);
		uint64_t options = SSL_get_options(ssl);
		long mode = SSL_get_mode(ssl);

		assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
		assert_true(SSL_get_security_level(ssl) >= 2);
		assert_true(options & SSL_OP_NO_RENEGOTIATION);
		assert_true(options & SSL_OP_NO_COMPRESSION);
		assert_false(options & SSL_OP_IGNORE_UNEXPECTED_EOF);
		assert_true(mode & SSL_MODE_RELEASE_BUFFERS);
		assert_true(mode & SSL_MODE_ENABLE_PARTIAL_WRITE);
		assert_true(mode & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		assert_int_equal(SSL_get_max_early_data(ssl), 0);
		if (i == 0)
			assert_int_equal(SSL_get_verify_mode(ssl), SSL_VERIFY_PEER);
		else
			assert_true(options & SSL_OP_CIPHER_SERVER_PREFERENCE);
		SSL_free(ssl);
		tls_context_free(&contexts[i]);
	}
}

/* Files of a listener that does not start. */
enum {
	ABSENT,
	EMPTY,
	GARBAGE,
	FOLDER,
	GOOD,
	EXPIRED,
	WEAK,
	OF_OTHER,
	OF_OTHER_KIND,
	ENCRYPTED,
	OPEN
};

static const struct {
	const char *name;
	int certificate, key;
	const char *file, *expected; /* NULL: it starts */
} load_rows[] = {
	{ "good", GOOD, GOOD, "", NULL },
	{ "no certificate file", ABSENT, GOOD, "c.pem", "No such file or directory" },
	{ "empty certificate file", EMPTY, GOOD, "c.pem", "holds no certificate" },
	{ "garbage for a certificate", GARBAGE, GOOD, "c.pem", "holds no certificate" },
	{ "folder for a certificate", FOLDER, GOOD, "c.pem", "Is a directory" },
	{ "expired certificate", EXPIRED, GOOD, "c.pem", "certificate expired on 2020-03-01" },
	{ "weak certificate", WEAK, GOOD, "c.pem", "ee key too small" },
	{ "no key file", GOOD, ABSENT, "k.pem", "No such file or directory" },
	{ "empty key file", GOOD, EMPTY, "k.pem", "holds no private key that can be read (" },
	{ "garbage for a key", GOOD, GARBAGE, "k.pem", "holds no private key that can be read (" },
	{ "folder for a key", GOOD, FOLDER, "k.pem", "Is a directory" },
	{ "another's key", GOOD, OF_OTHER, "k.pem", "is not the key of the certificate in " },
	{ "key of another kind", GOOD, OF_OTHER_KIND, "k.pem",
	  "is not the key of the certificate in " },
	{ "encrypted key", GOOD, ENCRYPTED, "k.pem",
	  "is encrypted; only a key without a passphrase can be used" },
	{ "key open to everyone", GOOD, OPEN, "k.pem",
	  "is open to every user (mode 0604); a private key must not be" },
};

static void write_case(const struct fixture *all, char path_r[PATH_LEN], const char *name, int what,
		       bool key)
{
	static const struct identity_spec expired = { .common_name = "x",
						      .not_after = "20200301000000Z" };
	static const struct identity_spec weak = { .common_name = "x", .rsa_bits = 1024 };
	static const struct identity_spec other_kind = { .common_name = "x", .rsa_bits = 2048 };
	struct identity identity = { 0 };

	snprintf(path_r, PATH_LEN, "%s/%s", all->folder, name);
	if (what == FOLDER)
		assert_int_equal(mkdir(path_r, 0700), 0);
	if (what == EMPTY || what == GARBAGE) {
		FILE *file = create_file(path_r, all->folder, name);

		if (what == GARBAGE)
			fputs("-----BEGIN NONSENSE-----\nAAAA\n-----END NONSENSE-----\n", file);
		fclose(file);
	}
	if (what < GOOD)
		return;
	if (what == EXPIRED || what == WEAK || what == OF_OTHER_KIND)
		identity = identity_make(what == EXPIRED ? &expired
					 : what == WEAK  ? &weak
							 : &other_kind,
					 &all->ca);
	if (!key)
		write_certificate(path_r, all->folder, name,
				  what == GOOD ? all->server.certificate : identity.certificate);
	else
		write_key(path_r, all->folder, name,
			  what == OF_OTHER        ? all->ca.key
			  : what == OF_OTHER_KIND ? identity.key
						  : all->server.key,
			  what == ENCRYPTED ? "secret" : NULL);
	if (what == OPEN)
		assert_int_equal(chmod(path_r, 0604), 0);
	identity_free(&identity);
}

static void test_load(void **state)
{
	const struct fixture *all = *state;

	for (size_t i = 0; i < COUNT(load_rows); i++) {
		char certificate[PATH_LEN], key[PATH_LEN], expected[256] = "";
		struct tls_reason reason = { "" };

		write_case(all, certificate, "c.pem", load_rows[i].certificate, false);
		write_case(all, key, "k.pem", load_rows[i].key, true);
		struct tls_context *context = tls_context_new_server(certificate, key, &reason);
		if (load_rows[i].expected != NULL)
			snprintf(expected, sizeof(expected), "%s/%s: %s", all->folder,
				 load_rows[i].file, load_rows[i].expected);
		if ((context != NULL) != (load_rows[i].expected == NULL) ||
		    strncmp(reason.text, expected, strlen(expected)) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", load_rows[i].name, reason.text,
				 expected);
		if (ERR_peek_error() != 0)
			fail_msg("%s: the error queue is not empty", load_rows[i].name);
		tls_context_free(&context);
		remove(certificate);
		remove(key);
	}
}

static void test_load_ca_file(void **state)
{
	const struct fixture *all = *state;
	static const struct {
		int what;
		const char *expected;
	} rows[] = { { ABSENT, "No such file or directory" },
		     { EMPTY, "holds no certificate" },
		     { GARBAGE, "holds no certificate" },
		     { FOLDER, "Is a directory" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[PATH_LEN], expected[256];
		struct tls_reason reason = { "" };

		write_case(all, path, "c.pem", rows[i].what, false);
		assert_null(tls_context_new_client(path, &reason));
		snprintf(expected, sizeof(expected), "%s: %s", path, rows[i].expected);
		assert_string_equal(reason.text, expected);
		remove(path);
	}
}

/* The system's store, whatever is in it, does not know a CA made a moment ago. */
static void test_system_store(void **state)
{
	const struct fixture *all = *state;
	struct tls_reason reason = { "" };
	struct tls_context *context = tls_context_new_client(NULL, &reason);

	assert_non_null(context);
	SSL *client = connect_to(context, HOST, PORT);
	SSL *server = foreign_peer(TLS_server_method(), &all->server);
	join(client, server);
	assert_false(handshake(client, server));
	expect_failure("system store", client,
		       "certificate of " HOST " is signed by an unknown authority (CN=Good CA)",
		       true);
	SSL_free(client);
	SSL_free(server);
	tls_context_free(&context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_server_name_indication),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_old_server),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_cut_connection),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_sessions_are_bounded),
		cmocka_unit_test(test_connection_outlives_context),
		cmocka_unit_test(test_bad_clients),
		cmocka_unit_test(test_distrustful_client),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_ca_file),
		cmocka_unit_test(test_system_store),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
