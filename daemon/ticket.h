/* SPDX-License-Identifier: ISC */
/*
 * ticket: who asked, if they are still there.
 *
 * Those who ask somebody that answers later (http, oauth, a worker) draw a ticket, and give the
 * office and the ticket as owner: the answer finds the asker by it, or nobody, which is a normal
 * outcome. The office outlives whoever answers. No ticket is drawn twice.
 */
#ifndef DAEMON_TICKET_H
#define DAEMON_TICKET_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: nobody has drawn. It holds no memory once everybody has returned theirs. */
struct ticket_office {
	void *holders; /* private: tsearch(3) */
	uint64_t last;
};

/* False: no memory. */
bool ticket_draw(struct ticket_office *office, void *holder, uint64_t *ticket_r)
	__attribute__((warn_unused_result));
/* NULL: the holder is gone. */
void *ticket_find(const struct ticket_office *office, uint64_t ticket);
/* 0, and a ticket returned before, are harmless. */
void ticket_return(struct ticket_office *office, uint64_t ticket);

#endif
