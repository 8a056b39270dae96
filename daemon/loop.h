/* SPDX-License-Identifier: ISC */
/*
 * loop: the one event loop, and the end of everything that lives on it.
 *
 * Nobody dies in their own callback: what is done for is buried here, and freed between two turns
 * of the loop, when no callback runs. Until then its callbacks must be prepared to be called and do
 * nothing.
 */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where streams read to; octets that nobody takes at once are moved to the stream's own memory. */
enum { LOOP_SCRATCH_SIZE = 65536 };

/* Embedded in every object that can be buried. */
struct grave {
	struct grave *next;
	void (*free)(void *object);
	void *object;
	bool buried;
};

struct loop {
	struct event_base *base; /* owned */
	unsigned char *scratch;  /* owned */
	struct grave *graves;
	bool stopped;
};

/* False when there is no memory. */
bool loop_init(struct loop *loop);
void loop_deinit(struct loop *loop);

/* Runs until loop_stop(). False: the system does not let it. */
bool loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* `free(object)` is called after this turn. Burying twice is harmless. */
void loop_bury(struct loop *loop, struct grave *grave, void (*free)(void *), void *object);

/* Arms `timer` (evtimer_new) to fire once in `ms` milliseconds. */
void loop_arm(struct event *timer, uint64_t ms);

/* Milliseconds of the monotonic clock. */
uint64_t loop_now_ms(void);

#endif
