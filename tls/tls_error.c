/* SPDX-License-Identifier: ISC */
#include "tls/tls_error.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

const char *tls_error(char *text_r, size_t size, const char *fallback)
{
	unsigned long error = ERR_get_error();
	const char *reason;

	if (error == 0)
		reason = fallback;
	else if (ERR_SYSTEM_ERROR(error))
		reason = strerror(ERR_GET_REASON(error)); /* OpenSSL has no texts for these */
	else
		reason = ERR_reason_error_string(error);

	if (reason != NULL)
		snprintf(text_r, size, "%s", reason);
	else
		ERR_error_string_n(error, text_r, size);
	ERR_clear_error();
	return text_r;
}
