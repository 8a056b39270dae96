/* SPDX-License-Identifier: ISC */
/* How an application proves itself, from its files. That assertions are right is
 * test_client_assertion.c's. */
#include "tests/unit/certificate_file.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/oauth/oauth.h"
#include "protocol/base64.h"

enum { PROOF_MAX = 8192 };

struct fixture {
	char folder[32];
	char certificate[PATH_LEN], key[PATH_LEN], secret[PATH_LEN];
	struct identity identity;
	struct conf_oauth oauth;
	struct secret *client_secret;
	struct secret *client_assertion;
	char error[300];
};

static int set_up(void **state)
{
	struct fixture *all = calloc(1, sizeof(*all));

	assert_non_null(all);
	snprintf(all->folder, sizeof(all->folder), "/tmp/test_proof_XXXXXX");
	assert_non_null(mkdtemp(all->folder));
	all->identity = identity_make(
		&(struct identity_spec){ .common_name = "app", .rsa_bits = 2048 }, NULL);
	write_certificate(all->certificate, all->folder, "app.pem", all->identity.certificate);
	write_key(all->key, all->folder, "app.key", all->identity.key, NULL);
	fclose(create_file(all->secret, all->folder, "secret"));
	all->oauth = (struct conf_oauth){ .client_id = "app-1",
					  .token_endpoint = "https://id.example.org/token" };
	*state = all;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *all = *state;

	secret_free(&all->client_secret);
	secret_free(&all->client_assertion);
	unlink(all->certificate);
	unlink(all->key);
	unlink(all->secret);
	assert_int_equal(rmdir(all->folder), 0);
	identity_free(&all->identity);
	free(all);
	return 0;
}

static bool prove(struct fixture *all)
{
	return oauth_proof(&all->oauth, &all->client_secret, &all->client_assertion, all->error,
			   sizeof(all->error));
}

static void a_public_client_has_none(void **state)
{
	struct fixture *all = *state;

	assert_true(prove(all));
	assert_null(all->client_secret);
	assert_null(all->client_assertion);
}

static void a_secret_is_the_first_line_of_its_file(void **state)
{
	struct fixture *all = *state;
	FILE *file = fopen(all->secret, "w");

	assert_non_null(file);
	assert_true(fputs("s3cret~ with.blanks\r\nsecond line\n", file) >= 0);
	fclose(file);
	all->oauth.client_secret_file = all->secret;
	assert_true(prove(all));
	assert_true(
		span_equal(secret_borrow(all->client_secret), span_text("s3cret~ with.blanks")));
	assert_null(all->client_assertion);
}

static void a_file_that_cannot_be_used_is_named(void **state)
{
	struct fixture *all = *state;

	all->oauth.client_secret_file = all->secret;
	assert_false(prove(all));
	assert_non_null(strstr(all->error, all->secret));
	assert_non_null(strstr(all->error, "it is empty"));
	all->oauth.client_secret_file = "/nonexistent/secret";
	assert_false(prove(all));
	assert_non_null(strstr(all->error, "/nonexistent/secret"));
	all->oauth.client_secret_file = NULL;
	all->oauth.certificate = all->certificate;
	all->oauth.private_key = "/nonexistent/key";
	assert_false(prove(all));
	assert_non_null(strstr(all->error, "/nonexistent/key"));
	assert_null(all->client_secret);
	assert_null(all->client_assertion);
}

/* A part of the assertion, decoded. */
static void decode_part(const struct secret *assertion, unsigned part, char text_r[PROOF_MAX])
{
	struct bytebuf padded, text;
	struct span span = secret_borrow(assertion);
	const unsigned char *end;

	while (part-- > 0) {
		end = memchr(span.data, '.', span.len);
		assert_non_null(end);
		span_take(&span, (size_t)(end - span.data) + 1);
	}
	end = memchr(span.data, '.', span.len);
	assert_non_null(end);
	span.len = (size_t)(end - span.data);
	bytebuf_init(&padded, PROOF_MAX);
	bytebuf_init(&text, PROOF_MAX);
	for (size_t i = 0; i < (span.len + 3) / 4 * 4; i++) {
		unsigned char octet = i < span.len ? span.data[i] : '=';

		octet = octet == '-' ? '+' : octet == '_' ? '/' : octet;
		assert_true(bytebuf_append_octet(&padded, octet));
	}
	assert_true(base64_decode(&text, bytebuf_peek(&padded)));
	struct span decoded = bytebuf_peek(&text);
	snprintf(text_r, PROOF_MAX, "%.*s", (int)decoded.len, (const char *)decoded.data);
	bytebuf_deinit(&padded);
	bytebuf_deinit(&text);
}

static void a_certificate_makes_an_assertion_for_the_token_endpoint(void **state)
{
	static const struct {
		enum conf_assertion algorithm;
		const char *name;
	} rows[] = { { CONF_ASSERTION_PS256, "PS256" }, { CONF_ASSERTION_RS256, "RS256" } };
	struct fixture *all = *state;

	all->oauth.certificate = all->certificate;
	all->oauth.private_key = all->key;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[PROOF_MAX];

		all->oauth.assertion_algorithm = rows[i].algorithm;
		assert_true(prove(all));
		assert_null(all->client_secret);
		decode_part(all->client_assertion, 0, text);
		assert_non_null(strstr(text, rows[i].name));
		decode_part(all->client_assertion, 1, text);
		assert_non_null(strstr(text, "https://id.example.org/token"));
		assert_non_null(strstr(text, "app-1"));
		secret_free(&all->client_assertion);
	}
}

#define proof_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		proof_test(a_public_client_has_none),
		proof_test(a_secret_is_the_first_line_of_its_file),
		proof_test(a_file_that_cannot_be_used_is_named),
		proof_test(a_certificate_makes_an_assertion_for_the_token_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
