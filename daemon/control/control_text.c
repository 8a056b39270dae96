/* SPDX-License-Identifier: ISC */
#include "daemon/control/control_text.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_value.h"

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
		size_t n = conf_value_utf8_len(text);

		memcpy(mended + end, n > 0 ? text : "\xef\xbf\xbd", n > 0 ? n : 3);
		end += n > 0 ? n : 3;
		text += n > 0 ? n : 1;
	}
	json = json_stringn(mended, end);
	explicit_bzero(mended, len * 3 + 1);
	free(mended);
	return json;
}
