/* SPDX-License-Identifier: ISC */
#include "daemon/tool_text.h"

#include <stdbool.h>
#include <string.h>

/* The octets of a control character at `text`; 0: it is none. C1 is C2 80 to C2 9F in UTF-8. */
static size_t control_len(const char *text)
{
	unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];

	if (first < ' ' || first == 0x7f)
		return 1;
	return first == 0xc2 && second >= 0x80 && second <= 0x9f ? 2 : 0;
}

static void print_span(FILE *out, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		size_t control = control_len(text);

		(void)fputc(control > 0 ? '?' : *text, out);
		text += control > 0 ? control : 1;
	}
}

void tool_text_print(FILE *out, const char *text)
{
	print_span(out, text, strlen(text));
}

static size_t columns_of(const char *text, size_t len)
{
	size_t columns = 0;

	for (size_t i = 0; i < len; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	return columns;
}

size_t tool_text_columns(const char *text)
{
	return columns_of(text, strlen(text));
}

void tool_text_wrap(FILE *out, const char *text, unsigned indent, unsigned columns)
{
	size_t column = 0;

	if (text == NULL)
		return;
	text += strspn(text, " ");
	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		size_t wanted = columns_of(text, len);

		if (column > indent && column + 1 + wanted > columns) {
			(void)fputc('\n', out);
			column = 0;
		}
		(void)fprintf(out, "%*s", column == 0 ? (int)indent : 1, "");
		column += column == 0 ? indent : 1;
		print_span(out, text, len);
		column += wanted;
		text += len;
		text += strspn(text, " ");
	}
	if (column > 0)
		(void)fputc('\n', out);
}

static bool ends_a_sentence(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && strchr(".!?:", text[len - 1]) != NULL;
}

void tool_complain(const char *name, const char *text, const char *remedy)
{
	(void)fprintf(stderr, "%s: ", name);
	tool_text_print(stderr, text);
	if (remedy != NULL) {
		(void)fputs(ends_a_sentence(text) ? " " : ". ", stderr);
		tool_text_print(stderr, remedy);
	}
	(void)fputc('\n', stderr);
}

void tool_text_duration(uint64_t seconds, char text_r[TOOL_DURATION_MAX])
{
	static const struct {
		uint64_t below; /* seconds */
		uint64_t unit;
		const char *name;
	} rows[] = {
		{ 120, 1, "s" },
		{ 7200, 60, "min" },
		{ 172800, 3600, "h" },
		{ UINT64_MAX, 86400, "days" },
	};
	size_t row = 0;

	while (seconds >= rows[row].below && rows[row].below != UINT64_MAX)
		row++;
	(void)snprintf(text_r, TOOL_DURATION_MAX, "%llu %s",
		       (unsigned long long)(seconds / rows[row].unit), rows[row].name);
}
