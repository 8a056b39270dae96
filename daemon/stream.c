/* SPDX-License-Identifier: ISC */
#include "daemon/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/transport.h"
#include "tls/tls_context.h"

enum {
	/* A TLS record holds at most this much; fuller ones cost less. */
	STREAM_WRITE_SIZE = 16384,
	/* One stream may not keep the others waiting for longer than it takes to read this. */
	STREAM_TURN_SIZE = 4 * LOOP_SCRATCH_SIZE,
};

enum stream_phase {
	STREAM_PHASE_PLAIN,
	STREAM_PHASE_BEFORE_HANDSHAKE, /* what is queued in the clear goes first */
	STREAM_PHASE_HANDSHAKE,
	STREAM_PHASE_SECURE,
};

struct stream {
	struct loop *loop; /* borrowed */
	stream_fn *fn;
	void *owner;
	struct transport transport; /* owned */
	struct event *read_event;   /* owned */
	struct event *write_event;  /* owned */
	struct event *news_event;   /* owned: runs stream_turn() soon */
	struct evbuffer *output;    /* owned */
	struct evbuffer *left;      /* owned: octets received that the owner left */
	struct span fresh;          /* octets in the scratch memory, during READABLE only */
	enum stream_phase phase;
	SSL *next_ssl; /* owned; BEFORE_HANDSHAKE */
	bool accept;
	bool paused;
	bool full; /* the owner was told so: DRAINED is due some time */
	bool eof;  /* the peer's end was seen; it is told behind what the owner has left */
	bool eof_told;
	bool broken;    /* reading failed; likewise */
	bool secret;    /* octets are wiped when they are done with */
	bool finishing; /* stream_finish() */
	bool finished;  /* everything was sent, the end too */
	bool failed;
	bool buried;
	unsigned news; /* bits of events to be told from the loop: no owner is called in its own
			  call */
	uint64_t last_progress_ms;
	struct grave grave;
};

static void on_ready(evutil_socket_t fd, short what, void *argument);
static void on_news(evutil_socket_t fd, short what, void *argument);

static void stream_free(void *argument)
{
	struct stream *stream = argument;

	if (stream->read_event != NULL)
		event_free(stream->read_event);
	if (stream->write_event != NULL)
		event_free(stream->write_event);
	if (stream->news_event != NULL)
		event_free(stream->news_event);
	if (stream->output != NULL)
		evbuffer_free(stream->output);
	if (stream->left != NULL)
		evbuffer_free(stream->left);
	SSL_free(stream->next_ssl);
	transport_deinit(&stream->transport);
	free(stream);
}

struct stream *stream_new(struct loop *loop, int fd, stream_fn *fn, void *owner)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	int one = 1;

	if (stream == NULL) {
		close(fd);
		return NULL;
	}
	*stream = (struct stream){ .loop = loop, .fn = fn, .owner = owner };
	transport_init(&stream->transport, fd);
	stream->last_progress_ms = loop_now_ms();
	stream->output = evbuffer_new();
	stream->left = evbuffer_new();
	stream->read_event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_ready, stream);
	stream->write_event = event_new(loop->base, fd, EV_WRITE | EV_PERSIST, on_ready, stream);
	stream->news_event = event_new(loop->base, -1, 0, on_news, stream);
	if (stream->output == NULL || stream->left == NULL || stream->read_event == NULL ||
	    stream->write_event == NULL || stream->news_event == NULL ||
	    event_add(stream->read_event, NULL) != 0) {
		stream_free(stream);
		return NULL;
	}
	/* Replies are written whole, so there is nothing for Nagle to gather; keep-alive finds
	 * peers that left without a word. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	return stream;
}

static bool stream_is_over(const struct stream *stream)
{
	return stream->failed || stream->buried;
}

static void stream_stop_watching(struct stream *stream)
{
	event_del(stream->read_event);
	event_del(stream->write_event);
}

void stream_bury(struct stream **buried)
{
	struct stream *stream = *buried;

	*buried = NULL;
	if (stream == NULL || stream->buried)
		return;
	stream->buried = true;
	stream_stop_watching(stream);
	event_del(stream->news_event);
	/* The peer need not wait until the turn is over to learn of it. */
	shutdown(stream->transport.fd, SHUT_RDWR);
	loop_bury(stream->loop, &stream->grave, stream_free, stream);
}

/* Has `event` told from the loop. */
static void stream_tell(struct stream *stream, enum stream_event event)
{
	stream->news |= 1u << event;
	event_active(stream->news_event, EV_READ, 0);
}

/* NULL `text`: the transport knows why. */
static void stream_fail(struct stream *stream, const char *text)
{
	if (stream_is_over(stream))
		return;
	stream->failed = true;
	stream_stop_watching(stream);
	if (text != NULL)
		snprintf(stream->transport.error, sizeof(stream->transport.error), "%s", text);
	stream_tell(stream, STREAM_ERROR);
}

/* Fills the scratch memory as far as the socket goes. `octets_r` may be short of it. */
static enum transport_status stream_fill(struct stream *stream, size_t *octets_r)
{
	enum transport_status status = TRANSPORT_DONE;
	size_t len = 0;

	while (status == TRANSPORT_DONE && len < LOOP_SCRATCH_SIZE) {
		size_t n;

		status = transport_read(&stream->transport, stream->loop->scratch + len,
					LOOP_SCRATCH_SIZE - len, &n);
		len += n;
		if (stream->transport.ssl == NULL)
			break;
	}
	*octets_r = len;
	return status;
}

/* Whether octets may be asked of the socket. What came under TLS is not shown before the owner
 * knows that it is TLS. */
static bool stream_may_read(const struct stream *stream)
{
	return !stream_is_over(stream) && !stream->broken &&
	       (stream->news & 1u << STREAM_SECURED) == 0 && !stream->paused && !stream->eof &&
	       !stream->finishing &&
	       (stream->phase == STREAM_PHASE_PLAIN || stream->phase == STREAM_PHASE_SECURE) &&
	       evbuffer_get_length(stream->left) == 0;
}

static bool stream_wants_read_event(const struct stream *stream)
{
	if (stream->phase == STREAM_PHASE_HANDSHAKE)
		return !stream->transport.read_wants_write;
	/* Behind our end only the peer's is awaited. */
	if (stream->finished)
		return !stream->eof;
	return stream->transport.write_wants_read || stream_may_read(stream);
}

static bool stream_wants_write_event(const struct stream *stream)
{
	if (stream->transport.read_wants_write)
		return true;
	return stream->phase != STREAM_PHASE_HANDSHAKE && !stream->transport.write_wants_read &&
	       evbuffer_get_length(stream->output) > 0;
}

static bool stream_interest(struct event *event, bool wanted)
{
	return (wanted ? event_add(event, NULL) : event_del(event)) == 0;
}

/* Keeps libevent's interest in step with ours. */
static void stream_watch(struct stream *stream)
{
	if (stream_is_over(stream))
		return;
	if (!stream_interest(stream->read_event, stream_wants_read_event(stream)) ||
	    !stream_interest(stream->write_event, stream_wants_write_event(stream)))
		stream_fail(stream, "no memory for an event");
}

/* Shows octets to the owner and keeps what it leaves. */
static void stream_show(struct stream *stream, size_t len)
{
	bool secret = stream->secret; /* the last of them may be what ends it */

	stream->fresh = span_of(stream->loop->scratch, len);
	stream->last_progress_ms = loop_now_ms();
	stream->fn(stream->owner, STREAM_READABLE);
	struct span rest = stream->fresh;
	stream->fresh = span_of(NULL, 0);
	if (!stream_is_over(stream) && rest.len > 0 &&
	    evbuffer_add(stream->left, rest.data, rest.len) != 0)
		stream_fail(stream, "no memory");
	if (secret)
		explicit_bzero(stream->loop->scratch, len);
}

/* The peer's end, told when the owner has taken all that came before it. */
static void stream_tell_end(struct stream *stream)
{
	if (stream_is_over(stream) || stream->paused || evbuffer_get_length(stream->left) > 0)
		return;
	if (stream->broken) {
		stream_fail(stream, NULL);
	} else if (stream->eof && !stream->eof_told) {
		stream->eof_told = true;
		stream->fn(stream->owner, STREAM_EOF);
	}
}

/* Reads what there is, as long as the owner takes it. Called from the loop only. */
static void stream_pull(struct stream *stream)
{
	size_t turn = 0;
	enum transport_status status = TRANSPORT_DONE;

	while (status == TRANSPORT_DONE && stream_may_read(stream)) {
		size_t len;

		if (turn >= STREAM_TURN_SIZE) {
			/* OpenSSL may hold octets of which the socket knows nothing. */
			event_active(stream->news_event, EV_READ, 0);
			return;
		}
		status = stream_fill(stream, &len);
		turn += len;
		if (len > 0)
			stream_show(stream, len);
		/* A short read of a plain socket says that it is empty now. */
		if (stream->transport.ssl == NULL && status == TRANSPORT_DONE &&
		    len < LOOP_SCRATCH_SIZE)
			return;
	}
	if (status == TRANSPORT_EOF)
		stream->eof = true;
	if (status == TRANSPORT_FAILED)
		stream->broken = true;
	stream_tell_end(stream);
}

/* Our end is sent: wait for the peer's, so that closing does not reset what it still reads. */
static void stream_discard(struct stream *stream)
{
	ssize_t n = 1;

	for (size_t turn = 0; n > 0 && turn < STREAM_TURN_SIZE; turn += LOOP_SCRATCH_SIZE)
		n = recv(stream->transport.fd, stream->loop->scratch, LOOP_SCRATCH_SIZE, 0);
	if (n > 0)
		return;
	if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
		stream->eof = true;
		stream->fn(stream->owner, STREAM_EOF);
	}
}

/* Sends from the queue once. */
static enum transport_status stream_send(struct stream *stream)
{
	size_t queued = evbuffer_get_length(stream->output);
	size_t sent;

	/* Plain octets need not be in one piece; but whoever wipes them needs to know where they
	 * are. */
	if (stream->transport.ssl == NULL && !stream->secret) {
		if (evbuffer_write(stream->output, stream->transport.fd) >= 0)
			return TRANSPORT_DONE;
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return TRANSPORT_BLOCKED;
		stream_fail(stream, strerror(errno));
		return TRANSPORT_FAILED;
	}
	if (queued > STREAM_WRITE_SIZE)
		queued = STREAM_WRITE_SIZE;
	unsigned char *octets = evbuffer_pullup(stream->output, (ev_ssize_t)queued);
	if (octets == NULL) {
		stream_fail(stream, "no memory");
		return TRANSPORT_FAILED;
	}
	enum transport_status status =
		transport_send(&stream->transport, span_of(octets, queued), &sent);
	if (stream->secret)
		explicit_bzero(octets, sent);
	evbuffer_drain(stream->output, sent);
	return status;
}

static void stream_half_close(struct stream *stream)
{
	if (stream->finished)
		return;
	stream->finished = true;
	transport_shut(&stream->transport);
	stream_tell(stream, STREAM_FINISHED);
}

static void stream_handshake(struct stream *stream)
{
	stream->last_progress_ms = loop_now_ms();
	switch (transport_handshake(&stream->transport)) {
	case TRANSPORT_DONE:
		stream->phase = STREAM_PHASE_SECURE;
		stream_tell(stream, STREAM_SECURED);
		break;
	case TRANSPORT_BLOCKED:
		break;
	case TRANSPORT_EOF:
	case TRANSPORT_FAILED:
		stream_fail(stream, NULL);
		break;
	}
	stream_watch(stream);
}

static void stream_begin_handshake(struct stream *stream)
{
	SSL *ssl = stream->next_ssl;

	stream->next_ssl = NULL;
	stream->phase = STREAM_PHASE_HANDSHAKE;
	if (transport_start_tls(&stream->transport, ssl, stream->accept))
		stream_handshake(stream);
	else
		stream_fail(stream, NULL);
}

void stream_flush(struct stream *stream)
{
	enum transport_status status = TRANSPORT_DONE;

	if (stream_is_over(stream) || stream->phase == STREAM_PHASE_HANDSHAKE)
		return;
	while (status == TRANSPORT_DONE && evbuffer_get_length(stream->output) > 0) {
		status = stream_send(stream);
		if (status == TRANSPORT_DONE)
			stream->last_progress_ms = loop_now_ms();
	}
	if (status == TRANSPORT_FAILED || status == TRANSPORT_EOF) {
		stream_fail(stream, NULL);
		return;
	}
	if (evbuffer_get_length(stream->output) == 0) {
		if (stream->phase == STREAM_PHASE_BEFORE_HANDSHAKE) {
			stream_begin_handshake(stream);
			return;
		}
		if (stream->finishing)
			stream_half_close(stream);
	}
	if (stream->full && stream_queued(stream) < STREAM_LOW_WATER) {
		stream->full = false;
		stream_tell(stream, STREAM_DRAINED);
	}
	stream_watch(stream);
}

/* One turn of the loop: what there is to tell, then what there is to read. */
static void stream_turn(struct stream *stream)
{
	/* In the order they happen; ERROR is the last. */
	static const enum stream_event order[] = { STREAM_SECURED, STREAM_DRAINED, STREAM_FINISHED,
						   STREAM_ERROR };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && !stream->buried; i++) {
		unsigned bit = 1u << order[i];

		if ((stream->news & bit) != 0) {
			stream->news &= ~bit;
			stream->fn(stream->owner, order[i]);
		}
	}
	if (stream_is_over(stream))
		return;
	if (stream->finished) {
		stream_discard(stream);
	} else {
		if (!stream->paused && evbuffer_get_length(stream->left) > 0)
			stream->fn(stream->owner, STREAM_READABLE);
		stream_pull(stream);
		stream_tell_end(stream);
	}
	stream_watch(stream);
}

static void on_news(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	stream_turn(argument);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
	struct stream *stream = argument;
	bool read = (what & EV_READ) != 0 || stream->transport.read_wants_write;
	bool write = (what & EV_WRITE) != 0 || stream->transport.write_wants_read;

	(void)fd;
	if (stream_is_over(stream))
		return;
	if (stream->phase == STREAM_PHASE_HANDSHAKE) {
		stream_handshake(stream);
		return;
	}
	if ((what & EV_WRITE) != 0)
		stream->transport.read_wants_write = false;
	if (write)
		stream_flush(stream);
	if (read)
		stream_turn(stream);
}

void stream_start_tls(struct stream *stream, SSL *ssl, bool accept)
{
	stream->next_ssl = ssl;
	stream->accept = accept;
	stream->phase = STREAM_PHASE_BEFORE_HANDSHAKE;
	stream_flush(stream);
}

bool stream_is_tls(const struct stream *stream)
{
	return stream->phase == STREAM_PHASE_SECURE;
}

void stream_describe_tls(const struct stream *stream, char *text_r, size_t size)
{
	if (stream_is_tls(stream))
		tls_context_describe(stream->transport.ssl, text_r, size);
	else
		snprintf(text_r, size, "none");
}

struct span stream_peek(const struct stream *stream)
{
	struct evbuffer_iovec piece;

	if (evbuffer_get_length(stream->left) == 0)
		return stream->fresh;
	if (evbuffer_peek(stream->left, -1, NULL, &piece, 1) < 1)
		return span_of(NULL, 0);
	return span_of(piece.iov_base, piece.iov_len);
}

void stream_take(struct stream *stream, size_t len)
{
	if (evbuffer_get_length(stream->left) == 0) {
		span_take(&stream->fresh, len);
		return;
	}
	if (stream->secret)
		explicit_bzero(evbuffer_pullup(stream->left, (ev_ssize_t)len), len);
	evbuffer_drain(stream->left, len);
	if (evbuffer_get_length(stream->left) == 0)
		event_active(stream->news_event, EV_READ, 0);
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
	stream_watch(stream);
}

void stream_resume(struct stream *stream)
{
	if (!stream->paused)
		return;
	stream->paused = false;
	if (!stream_is_over(stream))
		event_active(stream->news_event, EV_READ, 0);
}

bool stream_write(struct stream *stream, struct span octets)
{
	return octets.len == 0 || evbuffer_add(stream->output, octets.data, octets.len) == 0;
}

size_t stream_queued(const struct stream *stream)
{
	return evbuffer_get_length(stream->output);
}

bool stream_is_full(struct stream *stream)
{
	if (stream_queued(stream) > STREAM_HIGH_WATER)
		stream->full = true;
	return stream->full;
}

void stream_finish(struct stream *stream)
{
	if (stream_is_over(stream) || stream->finishing)
		return;
	stream->finishing = true;
	evbuffer_drain(stream->left, evbuffer_get_length(stream->left));
	stream_flush(stream);
}

void stream_set_secret(struct stream *stream, bool secret)
{
	stream->secret = secret;
}

size_t stream_unconfirmed(const struct stream *stream)
{
	int octets = 0;

	return ioctl(stream->transport.fd, SIOCOUTQ, &octets) == 0 && octets > 0 ? (size_t)octets
										 : 0;
}

uint64_t stream_last_progress_ms(const struct stream *stream)
{
	return stream->last_progress_ms;
}

const char *stream_error(const struct stream *stream)
{
	return stream->transport.error;
}

bool stream_is_untrusted(const struct stream *stream)
{
	return stream->transport.untrusted;
}
