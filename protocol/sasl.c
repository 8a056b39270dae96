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
