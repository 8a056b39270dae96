/* SPDX-License-Identifier: ISC */
/*
 * token_form: what is asked of the authorization, device and token endpoints (RFC 6749, RFC 7636,
 * RFC 8628), as forms and as the address that a browser is sent to. Pure.
 */
#ifndef DAEMON_OAUTH_TOKEN_FORM_H
#define DAEMON_OAUTH_TOKEN_FORM_H

#include "conf/conf.h"
#include "protocol/bytebuf.h"

enum {
	TOKEN_FORM_MAX = 128 * 1024,
	PKCE_VERIFIER_LEN = 43,  /* 32 random octets in base64url (RFC 7636 section 4.1) */
	PKCE_CHALLENGE_LEN = 43, /* SHA-256 of the verifier, likewise (S256) */
};

/* How the application proves that it is itself; both NULL: a public client. */
struct token_form_proof {
	struct span client_secret;
	struct span client_assertion;
};

/* Appends `&name=value` (or `name=value` at the beginning), percent-encoded. As all that follow:
 * false, and bytebuf_failed(), where it does not fit. */
bool token_form_add(struct bytebuf *form, const char *name, struct span value);

/* grant_type=refresh_token */
bool token_form_refresh(struct bytebuf *form, const struct conf_oauth *oauth,
			const struct token_form_proof *proof, struct span refresh_token);
/* grant_type=authorization_code */
bool token_form_code(struct bytebuf *form, const struct conf_oauth *oauth,
		     const struct token_form_proof *proof, struct span code,
		     const char *redirect_uri, struct span verifier);
/* The device authorization request, for which the application proves itself as it does for a token
 * (RFC 8628 section 3.1), and grant_type=urn:ietf:params:oauth:grant-type:device_code */
bool token_form_device(struct bytebuf *form, const struct conf_oauth *oauth,
		       const struct token_form_proof *proof);
bool token_form_device_code(struct bytebuf *form, const struct conf_oauth *oauth,
			    const struct token_form_proof *proof, struct span device_code);
/* grant_type=client_credentials */
bool token_form_app(struct bytebuf *form, const struct conf_oauth *oauth,
		    const struct token_form_proof *proof);

/* The address for the browser, with response_type=code, response_mode=query, PKCE S256, `state`,
 * and `login_hint` (who should sign in; NULL: nobody in particular). */
bool token_form_authorize(struct bytebuf *url, const struct conf_oauth *oauth,
			  const char *redirect_uri, struct span state, struct span challenge,
			  const char *login_hint);

/*
 * What came back by way of the browser: the query of a redirect, a whole address with one (or with
 * a fragment, where some providers put it), or a bare code. Blanks, quotes and angle brackets
 * around it are no part of it. The texts are decoded into `storage`, which the spans point into;
 * its limit is how long they may be. `code`, `state` and `error` are printable ASCII; control
 * octets of the description are blanks.
 */
struct redirect_answer {
	struct span code;  /* empty where there is an error, and only there */
	struct span state; /* empty: there was none */
	struct span error;
	struct span error_description;
};
/* False: nothing of that kind, or one of the four is there twice (RFC 6749 section 3.1). */
bool redirect_answer_read(struct span text, struct bytebuf *storage,
			  struct redirect_answer *answer_r) __attribute__((warn_unused_result));

#endif
