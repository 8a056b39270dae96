/* SPDX-License-Identifier: ISC */
#include "conf/conf_row.h"

#include <string.h>

#include "conf/conf_value.h"

bool conf_row_is_text(const struct conf_row *row)
{
	return row->kind <= CONF_HOST;
}

bool conf_row_applies(const struct conf_row *row, const void *object)
{
	return row->applies == NULL || row->applies(object);
}

const char *conf_row_check_text(const struct conf_row *row, const char *text)
{
	switch (row->kind) {
	case CONF_UTF8:
		return conf_value_check_utf8(text);
	case CONF_USER:
		return conf_value_check_user(text);
	case CONF_HASH:
		return conf_value_check_hash(text);
	case CONF_ADDRESS:
		return conf_value_check_address(text);
	case CONF_HOST:
		return conf_value_check_host(text);
	case CONF_TEXT:
		if (row->check != NULL)
			return row->check(text);
		break;
	case CONF_PATH:
	case CONF_INTEGER:
	case CONF_BOOLEAN:
	case CONF_WORD:
	case CONF_LIST:
		break;
	}
	return conf_value_check_text(text);
}

const char *conf_row_word(const struct conf_row *row, int value)
{
	for (const struct conf_word *word = row->words; word->text != NULL; word++) {
		if (word->value == value)
			return word->text;
	}
	return NULL;
}

const char *conf_row_text(const struct conf_row *row, const void *object)
{
	const char *text;

	memcpy(&text, (const char *)object + row->offset, sizeof(text));
	return text;
}

void conf_row_set_text(const struct conf_row *row, void *object, const char *text)
{
	memcpy((char *)object + row->offset, &text, sizeof(text));
}

int conf_row_number(const struct conf_row *row, const void *object)
{
	int number;

	if (row->kind == CONF_BOOLEAN)
		return *((const char *)object + row->offset) != 0;
	memcpy(&number, (const char *)object + row->offset, sizeof(number));
	return number;
}

void conf_row_set_number(const struct conf_row *row, void *object, int number)
{
	bool truth = number != 0;

	if (row->kind == CONF_BOOLEAN)
		memcpy((char *)object + row->offset, &truth, sizeof(truth));
	else
		memcpy((char *)object + row->offset, &number, sizeof(number));
}

size_t conf_row_list(const struct conf_row *row, const void *object, const void **elements_r)
{
	size_t count;

	memcpy(elements_r, (const char *)object + row->offset, sizeof(*elements_r));
	memcpy(&count, (const char *)object + row->count_offset, sizeof(count));
	return count;
}

void conf_row_set_list(const struct conf_row *row, void *object, void *elements, size_t count)
{
	memcpy((char *)object + row->offset, &elements, sizeof(elements));
	memcpy((char *)object + row->count_offset, &count, sizeof(count));
}
