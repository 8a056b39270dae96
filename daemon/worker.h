/* SPDX-License-Identifier: ISC */
/*
 * worker: one thread beside the loop, for the few things that take their time: scrypt, and disks.
 *
 * Jobs are done in the order they were given. A job's `work` runs on the thread and may touch
 * nothing but the job; its `done` runs on the loop afterwards, and frees the job. Jobs name
 * sessions by id, never by pointer: whoever asked may be gone.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "daemon/loop.h"

/* Embedded at the start of a job. */
struct worker_job {
	void (*work)(struct worker_job *job);
	void (*done)(struct worker_job *job);
	struct worker_job *next; /* private */
};

struct worker;

/* NULL: no memory, no thread. `name` is seen in ps and gdb, at most 15 octets. */
struct worker *worker_new(struct loop *loop, const char *name);

void worker_submit(struct worker *worker, struct worker_job *job);

/* Lets the jobs that wait be done, calls their `done`, and ends the thread. */
void worker_free(struct worker **worker);

#endif
