/* SPDX-License-Identifier: ISC */
#include "daemon/loop.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool loop_init(struct loop *loop)
{
	*loop = (struct loop){ 0 };
	loop->base = event_base_new();
	loop->scratch = malloc(LOOP_SCRATCH_SIZE);
	if (loop->base == NULL || loop->scratch == NULL) {
		loop_deinit(loop);
		return false;
	}
	return true;
}

static void loop_reap(struct loop *loop)
{
	while (loop->graves != NULL) {
		struct grave *grave = loop->graves;

		/* What is freed may bury what it owned. */
		loop->graves = grave->next;
		grave->free(grave->object);
	}
}

void loop_deinit(struct loop *loop)
{
	loop_reap(loop);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->scratch != NULL)
		explicit_bzero(loop->scratch, LOOP_SCRATCH_SIZE);
	free(loop->scratch);
	*loop = (struct loop){ 0 };
}

bool loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		if (event_base_loop(loop->base, EVLOOP_ONCE) != 0)
			return false;
		loop_reap(loop);
	}
	return true;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

void loop_bury(struct loop *loop, struct grave *grave, void (*free)(void *), void *object)
{
	if (grave->buried)
		return;
	*grave = (struct grave){
		.next = loop->graves, .free = free, .object = object, .buried = true
	};
	loop->graves = grave;
}

void loop_arm(struct event *timer, uint64_t ms)
{
	struct timeval wait = { .tv_sec = (time_t)(ms / 1000),
				.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	event_add(timer, &wait);
}

uint64_t loop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
