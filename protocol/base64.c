/* SPDX-License-Identifier: ISC */
#include "protocol/base64.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789+/";

static bool base64_encode_all(struct bytebuf *out, struct span octets)
{
	while (octets.len > 0) {
		struct span group = span_take(&octets, 3);
		uint32_t bits = (uint32_t)group.data[0] << 16;
		unsigned char text[4];

		if (group.len > 1)
			bits |= (uint32_t)group.data[1] << 8;
		if (group.len > 2)
			bits |= group.data[2];
		for (size_t i = 0; i < sizeof(text); i++) {
			unsigned index = bits >> (18 - 6 * i) & 0x3f;
			text[i] = (unsigned char)(i <= group.len ? base64_alphabet[index] : '=');
		}
		if (!bytebuf_append(out, span_of(text, sizeof(text))))
			return false;
	}
	return true;
}

bool base64_encode(struct bytebuf *out, struct span octets)
{
	size_t before = bytebuf_len(out);

	if (base64_encode_all(out, octets))
		return true;
	bytebuf_truncate(out, before);
	return false;
}

/* The six bits of a digit, or -1. */
static int base64_value(unsigned char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (octet_is_digit(digit))
		return digit - '0' + 52;
	if (digit == '+')
		return 62;
	return digit == '/' ? 63 : -1;
}

/* Four digits, of which the last `padding` are "=". */
static bool base64_decode_group(struct bytebuf *out, const unsigned char *text, size_t padding)
{
	unsigned char octets[3];
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? base64_value(text[i]) : 0;
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	/* RFC 4648 section 3.5: two texts must not stand for the same octets. */
	if ((padding == 1 && (bits & 0xff) != 0) || (padding == 2 && (bits & 0xffff) != 0))
		return false;
	octets[0] = (unsigned char)(bits >> 16);
	octets[1] = (unsigned char)(bits >> 8);
	octets[2] = (unsigned char)bits;
	return bytebuf_append(out, span_of(octets, sizeof(octets) - padding));
}

bool base64_decode(struct bytebuf *out, struct span text)
{
	size_t before = bytebuf_len(out);

	if (text.len % 4 != 0)
		return false;
	while (text.len > 0) {
		struct span group = span_take(&text, 4);
		size_t padding = 0;

		if (text.len == 0 && group.data[3] == '=')
			padding = group.data[2] == '=' ? 2 : 1;
		if (!base64_decode_group(out, group.data, padding)) {
			bytebuf_truncate(out, before);
			return false;
		}
	}
	return true;
}
