/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/oauth_sealed.h"

#include <stdlib.h>

static const char context[] = "token in memory";

bool oauth_sealed_set(struct oauth_sealed *sealed, const unsigned char key[SEAL_KEY_LEN],
		      const struct secret *secret)
{
	struct oauth_sealed fresh = { 0 };

	if (secret != NULL) {
		struct span text = secret_borrow(secret);

		fresh.len = text.len + SEAL_OVERHEAD;
		fresh.octets = malloc(fresh.len);
		if (fresh.octets == NULL ||
		    !seal_close(key, context, sizeof(context), text.data, text.len, fresh.octets)) {
			free(fresh.octets);
			return false;
		}
	}
	oauth_sealed_clear(sealed);
	*sealed = fresh;
	return true;
}

struct secret *oauth_sealed_open(const struct oauth_sealed *sealed,
				 const unsigned char key[SEAL_KEY_LEN])
{
	struct secret *secret = NULL;

	if (sealed->len == 0)
		return NULL;
	size_t len = sealed->len - SEAL_OVERHEAD;
	/* One octet more: malloc(0) may be NULL. */
	unsigned char *text = malloc(len + 1);
	if (text == NULL)
		return NULL;
	if (seal_open(key, context, sizeof(context), sealed->octets, sealed->len, text) ==
	    SEAL_OPENED)
		secret = secret_new(span_of(text, len));
	explicit_bzero(text, len);
	free(text);
	return secret;
}

void oauth_sealed_clear(struct oauth_sealed *sealed)
{
	if (sealed->octets != NULL)
		explicit_bzero(sealed->octets, sealed->len);
	free(sealed->octets);
	*sealed = (struct oauth_sealed){ 0 };
}
