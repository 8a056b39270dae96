/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_form.h"

#include <assert.h>

/* RFC 3986 section 2.3. */
static bool is_unreserved(unsigned char octet)
{
	return (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z') ||
	       octet_is_digit(octet) || octet == '-' || octet == '.' || octet == '_' ||
	       octet == '~';
}

/* A blank is %20: that is right in a form and in the query of an address, and "+" is not. */
static bool append_encoded(struct bytebuf *out, struct span value)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < value.len; i++) {
		unsigned char octet = value.data[i];

		if (is_unreserved(octet)) {
			bytebuf_append_octet(out, octet);
			continue;
		}
		bytebuf_append_octet(out, '%');
		bytebuf_append_octet(out, (unsigned char)digits[octet >> 4]);
		bytebuf_append_octet(out, (unsigned char)digits[octet & 0xf]);
	}
	return !bytebuf_failed(out);
}

static bool append_pair(struct bytebuf *out, const char *name, struct span value)
{
	bytebuf_append_text(out, name);
	bytebuf_append_octet(out, '=');
	return append_encoded(out, value);
}

bool token_form_add(struct bytebuf *form, const char *name, struct span value)
{
	if (bytebuf_len(form) > 0)
		bytebuf_append_octet(form, '&');
	return append_pair(form, name, value);
}

static bool add_text(struct bytebuf *form, const char *name, const char *value)
{
	return token_form_add(form, name, span_text(value));
}

/* RFC 6749 section 2.3.1 and RFC 7523 section 2.2. Microsoft wants the client_id at all times. */
static bool add_client(struct bytebuf *form, const struct conf_oauth *oauth,
		       const struct token_form_proof *proof)
{
	add_text(form, "client_id", oauth->client_id);
	if (proof->client_secret.data != NULL)
		token_form_add(form, "client_secret", proof->client_secret);
	if (proof->client_assertion.data != NULL) {
		add_text(form, "client_assertion_type",
			 "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
		token_form_add(form, "client_assertion", proof->client_assertion);
	}
	return !bytebuf_failed(form);
}

bool token_form_refresh(struct bytebuf *form, const struct conf_oauth *oauth,
			const struct token_form_proof *proof, struct span refresh_token)
{
	return add_text(form, "grant_type", "refresh_token") && add_client(form, oauth, proof) &&
	       token_form_add(form, "refresh_token", refresh_token) &&
	       add_text(form, "scope", oauth->scope);
}

bool token_form_code(struct bytebuf *form, const struct conf_oauth *oauth,
		     const struct token_form_proof *proof, struct span code,
		     const char *redirect_uri, struct span verifier)
{
	return add_text(form, "grant_type", "authorization_code") &&
	       add_client(form, oauth, proof) && token_form_add(form, "code", code) &&
	       add_text(form, "redirect_uri", redirect_uri) &&
	       token_form_add(form, "code_verifier", verifier) &&
	       add_text(form, "scope", oauth->scope);
}

bool token_form_device(struct bytebuf *form, const struct conf_oauth *oauth,
		       const struct token_form_proof *proof)
{
	return add_client(form, oauth, proof) && add_text(form, "scope", oauth->scope);
}

bool token_form_device_code(struct bytebuf *form, const struct conf_oauth *oauth,
			    const struct token_form_proof *proof, struct span device_code)
{
	return add_text(form, "grant_type", "urn:ietf:params:oauth:grant-type:device_code") &&
	       add_client(form, oauth, proof) && token_form_add(form, "device_code", device_code);
}

bool token_form_app(struct bytebuf *form, const struct conf_oauth *oauth,
		    const struct token_form_proof *proof)
{
	return add_text(form, "grant_type", "client_credentials") &&
	       add_client(form, oauth, proof) && add_text(form, "scope", oauth->scope);
}

bool token_form_authorize(struct bytebuf *url, const struct conf_oauth *oauth,
			  const char *redirect_uri, struct span state, struct span challenge,
			  const char *login_hint)
{
	const struct {
		const char *name;
		struct span value;
	} pairs[] = {
		{ "client_id", span_text(oauth->client_id) },
		{ "response_type", span_text("code") },
		{ "redirect_uri", span_text(redirect_uri) },
		{ "response_mode", span_text("query") },
		{ "scope", span_text(oauth->scope) },
		{ "state", state },
		{ "code_challenge", challenge },
		{ "code_challenge_method", span_text("S256") },
	};
	/* RFC 6749 section 3.1: the endpoint may have a query, which stays. */
	unsigned char separator = strchr(oauth->authorize_endpoint, '?') == NULL ? '?' : '&';

	bytebuf_append_text(url, oauth->authorize_endpoint);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bytebuf_append_octet(url, separator);
		append_pair(url, pairs[i].name, pairs[i].value);
		separator = '&';
	}
	if (login_hint != NULL)
		token_form_add(url, "login_hint", span_text(login_hint));
	return !bytebuf_failed(url);
}

static int hex_value(unsigned char digit)
{
	if (octet_is_digit(digit))
		return digit - '0';
	digit = octet_upper(digit);
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* As browsers do, a percent sign that begins nothing is itself. `plus`: "+" is a blank. So is every
 * control octet. */
static void append_decoded(struct bytebuf *out, struct span text, bool plus)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char octet = text.data[i];
		int high = -1, low = -1;

		if (octet == '%' && text.len - i > 2) {
			high = hex_value(text.data[i + 1]);
			low = hex_value(text.data[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			octet = (unsigned char)(high << 4 | low);
			i += 2;
		} else if (octet == '+' && plus) {
			octet = ' ';
		}
		if (octet < ' ' || octet == 0x7f)
			octet = ' ';
		bytebuf_append_octet(out, octet);
	}
}

/* RFC 6749 appendix A: code and state are VSCHAR, error a part of it; none has a blank in it that
 * was not put there by whoever copied it. */
static bool is_visible(struct span text)
{
	assert(text.data != NULL || text.len == 0);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] <= ' ' || text.data[i] > '~')
			return false;
	}
	return true;
}

/* What people copy along. */
static struct span trim(struct span text)
{
	static const char around[] = " \t\r\n\"'<>";

	while (text.len > 0 && text.data[0] != '\0' && strchr(around, text.data[0]) != NULL)
		span_take(&text, 1);
	while (text.len > 0 && text.data[text.len - 1] != '\0' &&
	       strchr(around, text.data[text.len - 1]) != NULL)
		text.len--;
	return text;
}

/* What is before the first `mark` is returned and taken off, with the mark; all, where there is
 * none. */
static struct span take_until(struct span *text, unsigned char mark)
{
	const unsigned char *found = text->len > 0 ? memchr(text->data, mark, text->len) : NULL;
	struct span front =
		span_take(text, found != NULL ? (size_t)(found - text->data) : text->len);

	span_take(text, 1);
	return front;
}

enum member { MEMBER_CODE, MEMBER_STATE, MEMBER_ERROR, MEMBER_DESCRIPTION, MEMBER_COUNT };

/* Where the members are in what is decoded: storage moves while it grows. */
struct members {
	bool present[MEMBER_COUNT];
	size_t start[MEMBER_COUNT];
	size_t len[MEMBER_COUNT];
};

static void members_add(struct members *members, enum member member, struct bytebuf *storage,
			struct span text, bool plus)
{
	members->present[member] = true;
	members->start[member] = bytebuf_len(storage);
	append_decoded(storage, text, plus);
	members->len[member] = bytebuf_len(storage) - members->start[member];
}

/* False: a member is there twice. */
static bool members_read(struct members *members, struct span query, struct bytebuf *storage)
{
	static const char *const names[MEMBER_COUNT] = { "code", "state", "error",
							 "error_description" };

	*members = (struct members){ 0 };
	bytebuf_reset(storage);
	while (query.len > 0) {
		struct span value = take_until(&query, '&');
		struct span name = take_until(&value, '=');

		for (enum member i = 0; i < MEMBER_COUNT; i++) {
			if (!span_equal(name, span_text(names[i])))
				continue;
			if (members->present[i])
				return false;
			members_add(members, i, storage, value, true);
		}
	}
	return true;
}

static bool members_answer(const struct members *members)
{
	return members->len[MEMBER_CODE] > 0 || members->len[MEMBER_ERROR] > 0;
}

/* Nothing of an address in it but padding at its end. */
static bool is_bare_code(struct span text)
{
	while (text.len > 0 && text.data[text.len - 1] == '=')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("?&=#", text.data[i]) != NULL)
			return false;
	}
	return text.len > 0 && is_visible(text) && memmem(text.data, text.len, "://", 3) == NULL;
}

static struct span member_span(const struct members *members, enum member member,
			       struct span storage)
{
	if (members->len[member] == 0)
		return span_of(NULL, 0);
	return span_of(storage.data + members->start[member], members->len[member]);
}

bool redirect_answer_read(struct span text, struct bytebuf *storage,
			  struct redirect_answer *answer_r)
{
	struct members members = { 0 };
	struct span fragment = trim(text);
	struct span address = take_until(&fragment, '#');
	struct span query = address;

	*answer_r = (struct redirect_answer){ 0 };
	take_until(&query, '?');
	/* A query alone has no question mark before it. */
	if (query.len == 0)
		query = address;
	if (!members_read(&members, query, storage))
		return false;
	if (!members_answer(&members) && fragment.len > 0 &&
	    !members_read(&members, fragment, storage))
		return false;
	if (!members_answer(&members) && is_bare_code(trim(text))) {
		bytebuf_reset(storage);
		members = (struct members){ 0 };
		members_add(&members, MEMBER_CODE, storage, trim(text), false);
	}
	if (bytebuf_failed(storage) ||
	    (members.len[MEMBER_CODE] > 0) == (members.len[MEMBER_ERROR] > 0))
		return false;
	struct span all = bytebuf_peek(storage);
	struct redirect_answer answer = {
		.code = member_span(&members, MEMBER_CODE, all),
		.state = member_span(&members, MEMBER_STATE, all),
		.error = member_span(&members, MEMBER_ERROR, all),
		.error_description = member_span(&members, MEMBER_DESCRIPTION, all),
	};
	if (!is_visible(answer.code) || !is_visible(answer.state) || !is_visible(answer.error))
		return false;
	*answer_r = answer;
	return true;
}
