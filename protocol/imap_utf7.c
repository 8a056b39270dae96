/* SPDX-License-Identifier: ISC */
#include "protocol/imap_utf7.h"

/* RFC 3501 section 5.1.3: base64 with "," for "/" and without padding. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* A run of characters that are not printable US-ASCII, on its way to base64. */
struct shift {
	struct bytebuf *out;
	uint32_t bits; /* not yet written; the last `bit_count` count */
	unsigned bit_count;
	bool open;
};

/*
 * Takes one character off the front of `in`. False for what RFC 3629 section 3 forbids: overlong
 * forms, surrogates, anything beyond U+10FFFF, a character that is cut off.
 */
static bool utf8_take(struct span *in, uint32_t *character_r)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = in->data[0];
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t character = len == 1 ? first : first & (0x7fu >> len);

	if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || len > in->len)
		return false;
	for (size_t i = 1; i < len; i++) {
		if ((in->data[i] & 0xc0) != 0x80)
			return false;
		character = character << 6 | (in->data[i] & 0x3fu);
	}
	if (character < smallest[len] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return false;
	span_take(in, len);
	*character_r = character;
	return true;
}

static bool shift_write(struct shift *shift, unsigned bit_count)
{
	uint32_t six = shift->bits >> (shift->bit_count - bit_count) & 0x3f;

	shift->bit_count -= bit_count;
	return bytebuf_append_octet(shift->out, (unsigned char)alphabet[six]);
}

/* One unit of UTF-16, most significant octet first. */
static bool shift_unit(struct shift *shift, uint32_t unit)
{
	if (!shift->open && !bytebuf_append_octet(shift->out, '&'))
		return false;
	shift->open = true;
	shift->bits = shift->bits << 16 | unit;
	shift->bit_count += 16;
	while (shift->bit_count >= 6) {
		if (!shift_write(shift, 6))
			return false;
	}
	return true;
}

static bool shift_close(struct shift *shift)
{
	if (!shift->open)
		return true;
	if (shift->bit_count > 0) {
		shift->bits <<= 6 - shift->bit_count;
		shift->bit_count = 6;
		if (!shift_write(shift, 6))
			return false;
	}
	shift->open = false;
	return bytebuf_append_octet(shift->out, '-');
}

static bool encode_character(struct shift *shift, uint32_t character)
{
	if (character >= 0x10000)
		return shift_unit(shift, 0xd7c0 + (character >> 10)) &&
		       shift_unit(shift, 0xdc00 + (character & 0x3ff));
	if (character >= 0x80)
		return shift_unit(shift, character);
	return shift_close(shift) && bytebuf_append_octet(shift->out, (unsigned char)character) &&
	       (character != '&' || bytebuf_append_octet(shift->out, '-'));
}

bool imap_utf7_encode(struct bytebuf *out, struct span name)
{
	size_t start = bytebuf_len(out);
	struct shift shift = { .out = out };

	while (name.len > 0) {
		uint32_t character;

		/* C0, DEL and C1 have no business in a name. */
		if (!utf8_take(&name, &character) || character < 0x20 ||
		    (character >= 0x7f && character < 0xa0) || !encode_character(&shift, character))
			goto out;
	}
	if (shift_close(&shift))
		return true;
out:
	bytebuf_truncate(out, start);
	return false;
}
