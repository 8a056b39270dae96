/* SPDX-License-Identifier: ISC */
#include "daemon/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_VALUE_MAX = 500 };

static const struct {
	const char *name;
	char priority; /* syslog(3) */
} levels[] = {
	[CONF_LOG_ERROR] = { "error", '3' },
	[CONF_LOG_WARNING] = { "warning", '4' },
	[CONF_LOG_INFO] = { "info", '6' },
	[CONF_LOG_DEBUG] = { "debug", '7' },
};

/* Whether stderr is what $JOURNAL_STREAM names (systemd.exec(5)): "device:inode". */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat status;

	if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(mine, stream) == 0;
}

void log_init(struct log *log, enum conf_log_level level)
{
	*log = (struct log){ .level = level, .journal = stderr_is_journal() };
}

/* One octet is always left for the line's end. */
static void line_put(struct log_line *line, const char *text, size_t len)
{
	size_t room = sizeof(line->text) - 1 - line->len;

	if (len > room)
		len = room;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

void log_begin(struct log_line *line, const struct log *log, enum conf_log_level level,
	       const char *event)
{
	line->log = log;
	line->len = 0;
	line->on = level <= log->level;
	if (!line->on)
		return;
	if (log->journal) {
		char priority[3] = { '<', levels[level].priority, '>' };
		line_put(line, priority, sizeof(priority));
	}
	line_put(line, levels[level].name, strlen(levels[level].name));
	line_put(line, " ", 1);
	line_put(line, event, strlen(event));
}

static bool octet_is_plain(unsigned char octet)
{
	return octet > ' ' && octet < 0x7f && octet != '"' && octet != '\\' && octet != '=';
}

static void line_put_escaped(struct log_line *line, struct span value)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < value.len; i++) {
		unsigned char octet = value.data[i];

		if (octet == '"' || octet == '\\') {
			line_put(line, (char[]){ '\\', (char)octet }, 2);
		} else if (octet >= ' ' && octet < 0x7f) {
			line_put(line, (char[]){ (char)octet }, 1);
		} else {
			char escape[4] = { '\\', 'x', digits[octet >> 4], digits[octet & 15] };
			line_put(line, escape, sizeof(escape));
		}
	}
}

void log_span(struct log_line *line, const char *key, struct span value)
{
	bool plain = value.len > 0;

	if (!line->on)
		return;
	if (value.len > LOG_VALUE_MAX)
		value.len = LOG_VALUE_MAX;
	for (size_t i = 0; i < value.len && plain; i++)
		plain = octet_is_plain(value.data[i]);
	line_put(line, " ", 1);
	line_put(line, key, strlen(key));
	line_put(line, "=", 1);
	if (!plain)
		line_put(line, "\"", 1);
	line_put_escaped(line, value);
	if (!plain)
		line_put(line, "\"", 1);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
	log_span(line, key, span_text(value != NULL ? value : ""));
}

void log_number(struct log_line *line, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%ju", (uintmax_t)value);
	log_text(line, key, digits);
}

void log_session(struct log_line *line, uint64_t session)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%08jx", (uintmax_t)session);
	log_text(line, "session", digits);
}

void log_seconds(struct log_line *line, const char *key, uint64_t ms)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%ju.%03u", (uintmax_t)(ms / 1000), (unsigned)(ms % 1000));
	log_text(line, key, digits);
}

void log_end(struct log_line *line)
{
	size_t sent = 0;

	if (!line->on)
		return;
	line->text[line->len++] = '\n';
	while (sent < line->len) {
		ssize_t n = write(STDERR_FILENO, line->text + sent, line->len - sent);

		if (n <= 0)
			break; /* nobody reads: a log is no reason to stop */
		sent += (size_t)n;
	}
}

void log_event(const struct log *log, enum conf_log_level level, const char *event, const char *key,
	       const char *value)
{
	struct log_line line;

	log_begin(&line, log, level, event);
	log_text(&line, key, value);
	log_end(&line);
}
