/* SPDX-License-Identifier: ISC */
#include "protocol/unique_id.h"

enum { HEX_DIGITS = 8 };

static void hex_write(char *text, uint32_t number)
{
	for (unsigned i = 0; i < HEX_DIGITS; i++)
		text[i] = "0123456789abcdef"[number >> (28 - 4 * i) & 0xf];
}

static bool hex_read(const unsigned char *text, uint32_t *number_r)
{
	uint32_t number = 0;

	for (unsigned i = 0; i < HEX_DIGITS; i++) {
		unsigned char digit = octet_upper(text[i]);
		uint32_t value;
		if (octet_is_digit(digit))
			value = (uint32_t)(digit - '0');
		else if (digit >= 'A' && digit <= 'F')
			value = (uint32_t)(digit - 'A' + 10);
		else
			return false;
		number = number << 4 | value;
	}
	*number_r = number;
	return true;
}

void unique_id_format(uint32_t uidvalidity, uint32_t uid, char text_r[UNIQUE_ID_LEN + 1])
{
	hex_write(text_r, uid);
	hex_write(text_r + HEX_DIGITS, uidvalidity);
	text_r[UNIQUE_ID_LEN] = '\0';
}

bool unique_id_parse(struct span text, uint32_t *uidvalidity_r, uint32_t *uid_r)
{
	uint32_t uid;
	uint32_t uidvalidity;

	if (text.len != UNIQUE_ID_LEN || !hex_read(text.data, &uid) ||
	    !hex_read(text.data + HEX_DIGITS, &uidvalidity))
		return false;
	*uid_r = uid;
	*uidvalidity_r = uidvalidity;
	return true;
}
