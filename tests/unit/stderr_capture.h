/* SPDX-License-Identifier: ISC */
/*
 * stderr_capture: what was logged between two moments of a unit test.
 */
#ifndef TESTS_UNIT_STDERR_CAPTURE_H
#define TESTS_UNIT_STDERR_CAPTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

struct stderr_capture {
	FILE *file;
	int before;
	char text[16384];
};

static inline void stderr_capture_start(struct stderr_capture *capture)
{
	capture->file = tmpfile();
	assert_non_null(capture->file);
	capture->before = dup(STDERR_FILENO);
	dup2(fileno(capture->file), STDERR_FILENO);
}

/* Returns what was written there since. */
static inline const char *stderr_capture_end(struct stderr_capture *capture)
{
	dup2(capture->before, STDERR_FILENO);
	close(capture->before);
	rewind(capture->file);
	size_t len = fread(capture->text, 1, sizeof(capture->text) - 1, capture->file);
	fclose(capture->file);
	capture->text[len] = '\0';
	return capture->text;
}

#endif
