/* SPDX-License-Identifier: ISC */
#include "daemon/password_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/private_file.h"

/* Whether `line` is this name's; its hash then. */
static bool line_matches(struct span line, struct span name, struct span *hash_r)
{
	const unsigned char *colon;

	while (line.len > 0 && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
		line.len--;
	if (line.len == 0 || line.data[0] == '#')
		return false;
	colon = memchr(line.data, ':', line.len);
	if (colon == NULL)
		return false;
	struct span owner = span_take(&line, (size_t)(colon - line.data));
	span_take(&line, 1);
	*hash_r = line;
	return span_equal_nocase(owner, name);
}

enum password_file_status password_file_find(const char *file, struct span name,
					     char hash_r[PASSWORD_HASH_TEXT_MAX], char *error_r,
					     size_t error_size)
{
	enum password_file_status status = PASSWORD_FILE_UNKNOWN;
	const char *why = NULL;
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int fd = private_file_open(file, &why);
	FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (stream == NULL) {
		snprintf(error_r, error_size, "%s: %s", file, fd < 0 ? why : strerror(errno));
		if (fd >= 0)
			close(fd);
		return PASSWORD_FILE_BROKEN;
	}
	while (status == PASSWORD_FILE_UNKNOWN && (len = getline(&text, &size, stream)) > 0) {
		struct span hash;

		if (!line_matches(span_of(text, (size_t)len), name, &hash))
			continue;
		if (hash.len >= PASSWORD_HASH_TEXT_MAX) {
			snprintf(error_r, error_size, "%s: a hash is too long", file);
			status = PASSWORD_FILE_BROKEN;
			break;
		}
		memcpy(hash_r, hash.data, hash.len);
		hash_r[hash.len] = '\0';
		status = PASSWORD_FILE_FOUND;
	}
	if (status == PASSWORD_FILE_UNKNOWN && ferror(stream)) {
		snprintf(error_r, error_size, "%s: %s", file, strerror(errno));
		status = PASSWORD_FILE_BROKEN;
	}
	free(text);
	fclose(stream);
	return status;
}
