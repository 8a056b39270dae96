/* SPDX-License-Identifier: ISC */
#include "conf/conf_storage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct conf_storage_text {
	struct conf_storage_text *next; /* owned */
	char text[];
};

struct conf_storage {
	struct conf_storage_text *texts; /* owned */
};

struct conf_storage *conf_storage_new(void)
{
	return calloc(1, sizeof(struct conf_storage));
}

void conf_storage_free(struct conf_storage **storage)
{
	if (*storage == NULL)
		return;
	for (struct conf_storage_text *text = (*storage)->texts, *next; text != NULL; text = next) {
		next = text->next;
		free(text);
	}
	free(*storage);
	*storage = NULL;
}

const char *conf_storage_print(struct conf_storage *storage, const char *format, ...)
{
	struct conf_storage_text *text = NULL;
	va_list measured, arguments;

	va_start(arguments, format);
	va_copy(measured, arguments);
	int len = vsnprintf(NULL, 0, format, measured);
	va_end(measured);
	if (len >= 0)
		text = malloc(sizeof(*text) + (size_t)len + 1);
	if (text != NULL) {
		(void)vsnprintf(text->text, (size_t)len + 1, format, arguments);
		text->next = storage->texts;
		storage->texts = text;
	}
	va_end(arguments);
	return text != NULL ? text->text : NULL;
}
