/* SPDX-License-Identifier: ISC */
#include "daemon/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	struct worker_job *first;
	struct worker_job **end;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work_to_do;
	struct queue to_do; /* under `lock`, like all that follow */
	struct queue finished;
	bool stopping;
	int wake_fd;              /* eventfd: something is in `finished` */
	struct event *wake_event; /* owned */
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_put(struct queue *queue, struct worker_job *job)
{
	job->next = NULL;
	*queue->end = job;
	queue->end = &job->next;
}

static struct worker_job *queue_take(struct queue *queue)
{
	struct worker_job *job = queue->first;

	if (job != NULL) {
		queue->first = job->next;
		if (queue->first == NULL)
			queue->end = &queue->first;
	}
	return job;
}

static void *worker_run(void *argument)
{
	struct worker *worker = argument;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		struct worker_job *job = queue_take(&worker->to_do);

		if (job != NULL) {
			uint64_t one = 1;

			pthread_mutex_unlock(&worker->lock);
			job->work(job);
			pthread_mutex_lock(&worker->lock);
			queue_put(&worker->finished, job);
			(void)!write(worker->wake_fd, &one, sizeof(one));
		} else if (worker->stopping) {
			break;
		} else {
			pthread_cond_wait(&worker->work_to_do, &worker->lock);
		}
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static void worker_deliver(struct worker *worker)
{
	for (;;) {
		pthread_mutex_lock(&worker->lock);
		struct worker_job *job = queue_take(&worker->finished);
		pthread_mutex_unlock(&worker->lock);
		if (job == NULL)
			break;
		job->done(job);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *argument)
{
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	worker_deliver(argument);
}

struct worker *worker_new(struct loop *loop, const char *name)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	sigset_t all, before;

	if (worker == NULL)
		return NULL;
	queue_init(&worker->to_do);
	queue_init(&worker->finished);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->work_to_do, NULL);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wake_fd < 0)
		goto failed;
	worker->wake_event =
		event_new(loop->base, worker->wake_fd, EV_READ | EV_PERSIST, on_wake, worker);
	if (worker->wake_event == NULL || event_add(worker->wake_event, NULL) != 0)
		goto failed;
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&worker->thread, NULL, worker_run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failure != 0)
		goto failed;
	pthread_setname_np(worker->thread, name);
	return worker;

failed:
	if (worker->wake_event != NULL)
		event_free(worker->wake_event);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	free(worker);
	return NULL;
}

void worker_submit(struct worker *worker, struct worker_job *job)
{
	pthread_mutex_lock(&worker->lock);
	queue_put(&worker->to_do, job);
	pthread_cond_signal(&worker->work_to_do);
	pthread_mutex_unlock(&worker->lock);
}

void worker_free(struct worker **worker)
{
	if (*worker == NULL)
		return;
	pthread_mutex_lock(&(*worker)->lock);
	(*worker)->stopping = true;
	pthread_cond_signal(&(*worker)->work_to_do);
	pthread_mutex_unlock(&(*worker)->lock);
	pthread_join((*worker)->thread, NULL);
	worker_deliver(*worker);
	event_free((*worker)->wake_event);
	close((*worker)->wake_fd);
	pthread_cond_destroy(&(*worker)->work_to_do);
	pthread_mutex_destroy(&(*worker)->lock);
	free(*worker);
	*worker = NULL;
}
