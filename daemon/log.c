/* SPDX-License-Identifier: ISC */
#include "daemon/log.h"

#include <poll.h>
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

/* Kept for the line's end: ` cut=1` and LF. */
enum { LOG_END_LEN = 7 };

static void line_put(struct log_line *line, const char *text, size_t len)
{
	size_t room = sizeof(line->text) - LOG_END_LEN - line->len;

	if (len > room) {
		line->cut = true;
		return;
	}
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

void log_begin(struct log_line *line, struct log *log, enum conf_log_level level, const char *event)
{
	line->log = log;
	line->len = 0;
	line->cut = false;
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
	size_t before = line->len;

	if (!line->on || line->cut)
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
	/* All of it or nothing, so that what is there can be read. */
	if (line->cut)
		line->len = before;
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

/* Whether a line can be written without waiting. */
static bool stderr_has_room(void)
{
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0;
}

static void stderr_write(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n <= 0)
			break;
		text += n;
		len -= (size_t)n;
	}
}

void log_end(struct log_line *line)
{
	struct log *log = line->log;

	if (!line->on)
		return;
	if (!stderr_has_room()) {
		log->dropped++;
		return;
	}
	if (log->dropped > 0) {
		struct log_line before;
		uint64_t dropped = log->dropped;

		log->dropped = 0;
		log_begin(&before, log, CONF_LOG_WARNING, "log-dropped");
		log_number(&before, "lines", dropped);
		log_end(&before);
	}
	if (line->cut) {
		memcpy(line->text + line->len, " cut=1", 6);
		line->len += 6;
	}
	line->text[line->len++] = '\n';
	stderr_write(line->text, line->len);
}

void log_event(struct log *log, enum conf_log_level level, const char *event, const char *key,
	       const char *value)
{
	struct log_line line;

	log_begin(&line, log, level, event);
	log_text(&line, key, value);
	log_end(&line);
}
