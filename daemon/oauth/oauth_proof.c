/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/oauth/oauth.h"
#include "tls/client_assertion.h"

enum {
	/* Microsoft takes five to ten minutes; a clock that is behind still has some left. */
	ASSERTION_LIFETIME_S = 300,
};

static enum client_assertion_algorithm algorithm_of(enum conf_assertion algorithm)
{
	switch (algorithm) {
	case CONF_ASSERTION_PS256:
		return CLIENT_ASSERTION_PS256;
	case CONF_ASSERTION_RS256:
		return CLIENT_ASSERTION_RS256;
	}
	return CLIENT_ASSERTION_PS256;
}

static struct secret *make_assertion(const struct conf_oauth *oauth, char *error_r,
				     size_t error_size)
{
	struct client_assertion assertion = {
		.certificate = oauth->certificate,
		.private_key = oauth->private_key,
		.algorithm = algorithm_of(oauth->assertion_algorithm),
		.audience = oauth->token_endpoint,
		.client_id = oauth->client_id,
		.now = time(NULL),
		.lifetime = ASSERTION_LIFETIME_S,
	};
	struct tls_reason reason;
	char *text = client_assertion_make(&assertion, &reason);

	if (text == NULL) {
		snprintf(error_r, error_size, "%s", reason.text);
		return NULL;
	}
	struct secret *secret = secret_new(span_text(text));
	if (secret == NULL)
		snprintf(error_r, error_size, "no memory");
	explicit_bzero(text, strlen(text));
	free(text);
	return secret;
}

bool oauth_proof(const struct conf_oauth *oauth, struct secret **client_secret_r,
		 struct secret **client_assertion_r, char *error_r, size_t error_size)
{
	struct failure failure;

	*client_secret_r = NULL;
	*client_assertion_r = NULL;
	if (oauth->certificate != NULL) {
		*client_assertion_r = make_assertion(oauth, error_r, error_size);
		return *client_assertion_r != NULL;
	}
	if (oauth->client_secret_file == NULL)
		return true;
	*client_secret_r = secret_read(oauth->client_secret_file, &failure);
	if (*client_secret_r == NULL)
		snprintf(error_r, error_size, "%s", failure.detail);
	return *client_secret_r != NULL;
}
