/* SPDX-License-Identifier: ISC */
/*
 * log: one line an event, on stderr: `level event key=value key="value with blanks"`.
 *
 *   info session-end session=0000002a address=127.0.0.1 user=u retrieved=3 ... reason=quit
 *
 * A line is built from its parts; there is no format string. Text of peers is escaped (control and
 * 8-bit octets as \xNN), so a line stays one line, and a secret is a type (daemon/secret.h) that
 * nothing here accepts. Under systemd each line carries its priority as sd-daemon(3) has it.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "conf/conf.h"
#include "protocol/span.h"

struct log {
	enum conf_log_level level;
	bool journal;     /* stderr is the journal: `<6>` and the like go in front */
	uint64_t dropped; /* lines, because nobody read them; told when somebody does again */
};

void log_init(struct log *log, enum conf_log_level level);

struct log_line {
	/* private */
	struct log *log;
	size_t len;
	bool on;
	bool cut; /* a value did not fit: the line ends with `cut=1` */
	char text[2048];
};

/* `event`: a word of ours, `session-end`. A line below the level costs nothing. */
void log_begin(struct log_line *line, struct log *log, enum conf_log_level level,
	       const char *event);
/* NULL is written as "". Values longer than some 500 octets are cut. */
void log_text(struct log_line *line, const char *key, const char *value);
void log_span(struct log_line *line, const char *key, struct span value);
void log_number(struct log_line *line, const char *key, uint64_t value);
/* `session=0000002a` */
void log_session(struct log_line *line, uint64_t session);
/* Milliseconds, written as seconds: `seconds=1.250` */
void log_seconds(struct log_line *line, const char *key, uint64_t ms);
/* Writes the line, or drops it when it would have to wait: a log is no reason to stop. */
void log_end(struct log_line *line);

/* A whole line with one value. */
void log_event(struct log *log, enum conf_log_level level, const char *event, const char *key,
	       const char *value);

#endif
