/* SPDX-License-Identifier: ISC */
#include "conf/conf_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An integer of fewer digits fits 32 bits. */
enum { CONF_SOURCE_LONG_DIGITS = 10 };

struct conf_scan {
	const struct conf_report *report;
	const char *at;
	const char *end;
	char *out; /* room for the input, an L for each long number, LF and NUL */
	unsigned line;
	unsigned nesting;
};

static bool scan_starts(const struct conf_scan *scan, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(scan->end - scan->at) >= len && memcmp(scan->at, text, len) == 0;
}

static void scan_copy(struct conf_scan *scan)
{
	if (*scan->at == '\n')
		scan->line++;
	*scan->out++ = *scan->at++;
}

static bool is_digit(char octet)
{
	return octet >= '0' && octet <= '9';
}

static bool is_letter(char octet)
{
	return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
}

static bool scan_string(struct conf_scan *scan)
{
	unsigned line = scan->line;

	scan_copy(scan);
	while (scan->at < scan->end && *scan->at != '"') {
		if (scan_starts(scan, "\\x00") || scan_starts(scan, "\\X00"))
			return conf_report_error(scan->report, scan->line, NULL,
						 "a string must not hold NUL (\\x00)");
		if (scan_starts(scan, "\\\\") || scan_starts(scan, "\\\""))
			scan_copy(scan);
		scan_copy(scan);
	}
	if (scan->at == scan->end)
		return conf_report_error(scan->report, line, NULL,
					 "the string that begins here is never closed");
	scan_copy(scan);
	return true;
}

static bool scan_block_comment(struct conf_scan *scan)
{
	unsigned line = scan->line;

	scan_copy(scan);
	scan_copy(scan);
	while (scan->at < scan->end && !scan_starts(scan, "*/"))
		scan_copy(scan);
	if (scan->at == scan->end)
		return conf_report_error(scan->report, line, NULL,
					 "the comment that begins here is never closed");
	scan_copy(scan);
	scan_copy(scan);
	return true;
}

static void scan_line_comment(struct conf_scan *scan)
{
	while (scan->at < scan->end && *scan->at != '\n')
		scan_copy(scan);
}

static void scan_name(struct conf_scan *scan)
{
	while (scan->at < scan->end && (is_letter(*scan->at) || is_digit(*scan->at) ||
					*scan->at == '-' || *scan->at == '_' || *scan->at == '*'))
		scan_copy(scan);
}

/* Floats, hexadecimal numbers and those with a suffix go through as they are. */
static void scan_number(struct conf_scan *scan)
{
	const char *first = scan->at;

	while (scan->at < scan->end && is_digit(*scan->at))
		scan_copy(scan);
	if (scan->at - first >= CONF_SOURCE_LONG_DIGITS &&
	    (scan->at == scan->end || (!is_letter(*scan->at) && *scan->at != '.')))
		*scan->out++ = 'L';
	while (scan->at < scan->end &&
	       (is_letter(*scan->at) || is_digit(*scan->at) || *scan->at == '.'))
		scan_copy(scan);
}

static bool scan_punctuation(struct conf_scan *scan)
{
	switch (*scan->at) {
	case '@':
		return conf_report_error(
			scan->report, scan->line, NULL,
			"@include is not supported: the configuration is one file");
	case '(':
	case '[':
	case '{':
		if (++scan->nesting > CONF_SOURCE_NESTING_MAX)
			return conf_report_error(scan->report, scan->line, NULL,
						 "nested deeper than %d levels",
						 CONF_SOURCE_NESTING_MAX);
		break;
	case ')':
	case ']':
	case '}':
		if (scan->nesting > 0)
			scan->nesting--;
		break;
	}
	scan_copy(scan);
	return true;
}

static bool scan_all(struct conf_scan *scan)
{
	while (scan->at < scan->end) {
		bool fine = true;

		if (*scan->at == '"')
			fine = scan_string(scan);
		else if (scan_starts(scan, "/*"))
			fine = scan_block_comment(scan);
		else if (*scan->at == '#' || scan_starts(scan, "//"))
			scan_line_comment(scan);
		else if (is_letter(*scan->at) || *scan->at == '*')
			scan_name(scan);
		else if (is_digit(*scan->at))
			scan_number(scan);
		else
			fine = scan_punctuation(scan);
		if (!fine)
			return false;
	}
	return true;
}

/* Everywhere, in comments too: behind a NUL libconfig would see nothing. */
static bool scan_nul(const struct conf_report *report, const char *data, size_t len)
{
	const char *nul = len > 0 ? memchr(data, '\0', len) : NULL;
	unsigned line = 1;

	if (nul == NULL)
		return true;
	for (const char *at = data; at < nul; at++)
		line += *at == '\n';
	return conf_report_error(report, line, NULL, "the file must not hold NUL octets");
}

char *conf_source_prepare(const struct conf_report *report, const char *data, size_t len)
{
	if (len > CONF_SOURCE_MAX) {
		conf_report_error(report, 0, NULL, "larger than %d octets", CONF_SOURCE_MAX);
		return NULL;
	}
	if (!scan_nul(report, data, len))
		return NULL;
	char *text = malloc(len + len / CONF_SOURCE_LONG_DIGITS + 2);
	if (text == NULL) {
		conf_report_error(report, 0, NULL, "out of memory");
		return NULL;
	}
	struct conf_scan scan = {
		.report = report, .at = data, .end = data + len, .out = text, .line = 1
	};
	if (!scan_all(&scan)) {
		free(text);
		return NULL;
	}
	/* The scanner knows the end of a comment by its LF alone. */
	if (len == 0 || data[len - 1] != '\n')
		*scan.out++ = '\n';
	*scan.out = '\0';
	return text;
}

char *conf_source_read(const struct conf_report *report, bool *public_r)
{
	char *text = NULL;
	char *data = NULL;
	struct stat status;
	FILE *file = fopen(report->file, "re");

	if (file == NULL || fstat(fileno(file), &status) != 0) {
		conf_report_error(report, 0, NULL, "%s", strerror(errno));
		goto out;
	}
	if (S_ISDIR(status.st_mode)) {
		conf_report_error(report, 0, NULL, "%s", strerror(EISDIR));
		goto out;
	}
	*public_r = (status.st_mode & S_IROTH) != 0;
	data = malloc(CONF_SOURCE_MAX + 1);
	if (data == NULL) {
		conf_report_error(report, 0, NULL, "out of memory");
		goto out;
	}
	size_t len = fread(data, 1, CONF_SOURCE_MAX + 1, file);
	if (ferror(file)) {
		conf_report_error(report, 0, NULL, "%s", strerror(errno));
		goto out;
	}
	text = conf_source_prepare(report, data, len);
out:
	free(data);
	if (file != NULL)
		(void)fclose(file);
	return text;
}
