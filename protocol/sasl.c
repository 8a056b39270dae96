/* SPDX-License-Identifier: ISC */
#include "protocol/sasl.h"

static bool has_nul(struct span octets)
{
	return octets.len > 0 && memchr(octets.data, '\0', octets.len) != NULL;
}

bool sasl_plain_write(struct bytebuf *out, struct span user, struct span password)
{
	size_t before = bytebuf_len(out);

	if (has_nul(user) || has_nul(password))
		return false;
	if (bytebuf_append_octet(out, '\0') && bytebuf_append(out, user) &&
	    bytebuf_append_octet(out, '\0') && bytebuf_append(out, password))
		return true;
	bytebuf_truncate(out, before);
	return false;
}

/* Takes what stands before the next NUL, and the NUL. */
static bool sasl_take_part(struct span *message, struct span *part_r)
{
	if (!has_nul(*message))
		return false;
	const unsigned char *nul = memchr(message->data, '\0', message->len);
	*part_r = span_take(message, (size_t)(nul - message->data));
	(void)span_take(message, 1);
	return true;
}

bool sasl_plain_read(struct span message, struct span *user_r, struct span *password_r)
{
	struct span authzid;
	struct span authcid;

	if (!sasl_take_part(&message, &authzid) || !sasl_take_part(&message, &authcid))
		return false;
	if (authcid.len == 0 || message.len == 0 || has_nul(message))
		return false;
	if (authzid.len > 0 && !span_equal(authzid, authcid))
		return false;
	*user_r = authcid;
	*password_r = message;
	return true;
}

/* Whether `user` can stand in a message with a token: its parts end with ^A (RFC 7628 section 3.1),
 * and without a name no mailbox is asked for. */
static bool is_user(struct span user)
{
	return user.len > 0 && !has_nul(user) && memchr(user.data, '\1', user.len) == NULL;
}

/* RFC 6749 appendix A.12: an access token is one or more of VSCHAR. */
static bool is_token(struct span token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.data[i] < ' ' || token.data[i] > '~')
			return false;
	}
	return token.len > 0;
}

static bool append_bearer(struct bytebuf *out, struct span token)
{
	return bytebuf_append_text(out, "\1auth=Bearer ") && bytebuf_append(out, token) &&
	       bytebuf_append_text(out, "\1\1");
}

bool sasl_xoauth2_write(struct bytebuf *out, struct span user, struct span token)
{
	size_t before = bytebuf_len(out);

	if (!is_user(user) || !is_token(token))
		return false;
	if (bytebuf_append_text(out, "user=") && bytebuf_append(out, user) &&
	    append_bearer(out, token))
		return true;
	bytebuf_truncate(out, before);
	return false;
}

static bool append_saslname(struct bytebuf *out, struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!(name.data[i] == ','   ? bytebuf_append_text(out, "=2C")
		      : name.data[i] == '=' ? bytebuf_append_text(out, "=3D")
					    : bytebuf_append_octet(out, name.data[i])))
			return false;
	}
	return true;
}

bool sasl_oauthbearer_write(struct bytebuf *out, struct span user, struct span token)
{
	size_t before = bytebuf_len(out);

	if (!is_user(user) || !is_token(token))
		return false;
	if (bytebuf_append_text(out, "n,a=") && append_saslname(out, user) &&
	    bytebuf_append_octet(out, ',') && append_bearer(out, token))
		return true;
	bytebuf_truncate(out, before);
	return false;
}

/* Octets that the name of an error is made of. */
static bool is_word(unsigned char octet)
{
	unsigned char upper = octet_upper(octet);

	return octet_is_digit(octet) || (upper >= 'A' && upper <= 'Z') || octet == '_' ||
	       octet == '-';
}

static void skip_blanks(struct span *json)
{
	while (json->len > 0 && memchr(" \t\r\n", *json->data, 4) != NULL)
		(void)span_take(json, 1);
}

bool sasl_bearer_error_read(struct span challenge, struct span *status_r)
{
	const struct span key = span_text("\"status\"");

	while (challenge.len >= key.len && !span_equal(span_of(challenge.data, key.len), key))
		(void)span_take(&challenge, 1);
	(void)span_take(&challenge, key.len);
	skip_blanks(&challenge);
	if (!span_equal(span_take(&challenge, 1), span_text(":")))
		return false;
	skip_blanks(&challenge);
	if (!span_equal(span_take(&challenge, 1), span_text("\"")))
		return false;
	*status_r = span_of(challenge.data, 0);
	while (challenge.len > 0 && is_word(*challenge.data)) {
		(void)span_take(&challenge, 1);
		status_r->len++;
	}
	return challenge.len > 0 && *challenge.data == '"' && status_r->len > 0 &&
	       status_r->len <= SASL_BEARER_STATUS_MAX;
}
