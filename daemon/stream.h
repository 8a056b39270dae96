/* SPDX-License-Identifier: ISC */
/*
 * stream: one connection, plain or TLS, as octets and six events.
 *
 * Octets are read into the loop's scratch memory and shown to the owner, who takes what it can;
 * only what it leaves is kept, and then nothing more is read until that is taken (what cannot be
 * handled yet is not read yet). An idle stream holds no buffer. What is to be sent is queued by
 * stream_write(); above STREAM_HIGH_WATER the owner should stop producing, and is told
 * STREAM_DRAINED when the queue is below STREAM_LOW_WATER again.
 *
 * It drives libevent's events and OpenSSL itself rather than through bufferevent_openssl, which
 * keeps a read buffer for every connection, copies each octet once more, and crashes in its own
 * error paths when memory is short (libevent 2.1.12).
 *
 * Life: stream_new(), events, stream_bury(). The owner is called from the loop only, never from
 * within a call of its own.
 */
#ifndef DAEMON_STREAM_H
#define DAEMON_STREAM_H

#include <openssl/ssl.h>

#include "daemon/loop.h"
#include "protocol/span.h"

enum {
	STREAM_HIGH_WATER = 256 * 1024,
	STREAM_LOW_WATER = 64 * 1024,
};

enum stream_event {
	/* stream_peek() has octets. */
	STREAM_READABLE,
	/* stream_is_full() was true, and the queue is below STREAM_LOW_WATER now. */
	STREAM_DRAINED,
	/* stream_start_tls() succeeded. */
	STREAM_SECURED,
	/* Everything queued is sent, and our end of the connection closed: stream_finish(). */
	STREAM_FINISHED,
	/* The peer sends no more (behind FINISHED: it has read everything). */
	STREAM_EOF,
	/* The connection is lost: stream_error(), stream_is_untrusted(). */
	STREAM_ERROR,
};

typedef void stream_fn(void *owner, enum stream_event event);

struct stream;

/* Takes ownership of `fd`, a connected non-blocking socket. NULL: no memory (`fd` is closed). */
struct stream *stream_new(struct loop *loop, int fd, stream_fn *fn, void *owner);

/* Closes at once and frees after this turn of the loop; no event follows. Nulls. */
void stream_bury(struct stream **stream);

/* Starts the handshake, when what is queued has been sent. Takes ownership of `ssl`. */
void stream_start_tls(struct stream *stream, SSL *ssl, bool accept);
bool stream_is_tls(const struct stream *stream);
/* For the log: "TLSv1.3 ..." or "none". */
void stream_describe_tls(const struct stream *stream, char *text_r, size_t size);

/* Octets received and not taken, in one piece; valid until stream_take() or the end of the event.
 */
struct span stream_peek(const struct stream *stream);
void stream_take(struct stream *stream, size_t len);

/* Stops and resumes reading. Resuming makes READABLE happen if octets wait. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* False when there is no memory. */
bool stream_write(struct stream *stream, struct span octets);
/* Sends what can be sent now; the rest follows by itself. To be called once a turn, after writing.
 */
void stream_flush(struct stream *stream);
/* Whether the queue has been above STREAM_HIGH_WATER and not below STREAM_LOW_WATER since. */
bool stream_is_full(struct stream *stream);
size_t stream_queued(const struct stream *stream);

/* Sends what is queued, then TLS's close and FIN; FINISHED follows (or ERROR). Input is dropped. */
void stream_finish(struct stream *stream);

/* While set, octets that were taken or sent are wiped: passwords pass. */
void stream_set_secret(struct stream *stream, bool secret);

/* Octets that were sent and that the peer's system has not confirmed. */
size_t stream_unconfirmed(const struct stream *stream);

/* When an octet last went in or out, loop_now_ms(). */
uint64_t stream_last_progress_ms(const struct stream *stream);

/* After ERROR: one line. And whether the peer's certificate is to blame. */
const char *stream_error(const struct stream *stream);
bool stream_is_untrusted(const struct stream *stream);

#endif
