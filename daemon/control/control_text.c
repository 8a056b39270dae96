/* SPDX-License-Identifier: ISC */
#include "daemon/control/control_text.h"

#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 character at `text` (RFC 3629 section 4), or 0. */
static size_t character_len(const unsigned char *text)
{
	size_t len = text[0] < 0x80   ? 1
		     : text[0] < 0xc2 ? 0
		     : text[0] < 0xe0 ? 2
		     : text[0] < 0xf0 ? 3
		     : text[0] < 0xf5 ? 4
				      : 0;

	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return len;
}

json_t *control_text(const char *text)
{
	json_t *json = text != NULL ? json_string(text) : json_null();

	if (json != NULL)
		return json;
	size_t len = strlen(text);
	char *mended = malloc(len * 3 + 1);
	size_t end = 0;
	if (mended == NULL)
		return NULL;
	while (*text != '\0') {
		size_t n = character_len((const unsigned char *)text);

		memcpy(mended + end, n > 0 ? text : "\xef\xbf\xbd", n > 0 ? n : 3);
		end += n > 0 ? n : 3;
		text += n > 0 ? n : 1;
	}
	json = json_stringn(mended, end);
	explicit_bzero(mended, len * 3 + 1);
	free(mended);
	return json;
}
