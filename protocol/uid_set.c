/* SPDX-License-Identifier: ISC */
#include "protocol/uid_set.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { UID_RANGE_MAX = 21 }; /* two numbers of ten digits and a colon */

/* How many of `uids`, from the first, follow one another without a gap. */
static size_t uid_set_run(const uint32_t *uids, size_t count)
{
	size_t len = 1;

	/* A difference, not a sum: the last UID there can be has no successor. */
	while (len < count && uids[len] - uids[len - 1] == 1)
		len++;
	return len;
}

size_t uid_set_append(struct bytebuf *out, const uint32_t *uids, size_t count, size_t octets_max)
{
	size_t taken = 0;
	size_t octets = 0;

	assert(count > 0 && octets_max >= UID_RANGE_MAX);
	while (taken < count) {
		char text[1 + UID_RANGE_MAX + 1];
		const char *comma = taken > 0 ? "," : "";
		uint32_t first = uids[taken];
		size_t run = uid_set_run(uids + taken, count - taken);
		int len;

		if (run == 1)
			len = snprintf(text, sizeof(text), "%s%" PRIu32, comma, first);
		else
			len = snprintf(text, sizeof(text), "%s%" PRIu32 ":%" PRIu32, comma, first,
				       uids[taken + run - 1]);
		if ((size_t)len > octets_max - octets)
			break;
		if (!bytebuf_append(out, span_of(text, (size_t)len)))
			break;
		octets += (size_t)len;
		taken += run;
	}
	return taken;
}
