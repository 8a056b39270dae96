/* SPDX-License-Identifier: ISC */
#include "daemon/transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls/tls_context.h"

void transport_init(struct transport *transport, int fd)
{
	*transport = (struct transport){ .fd = fd };
}

void transport_deinit(struct transport *transport)
{
	SSL_free(transport->ssl);
	if (transport->fd >= 0)
		close(transport->fd);
	transport->ssl = NULL;
	transport->fd = -1;
}

static enum transport_status transport_fail(struct transport *transport, const char *text)
{
	if (transport->error[0] == '\0')
		snprintf(transport->error, sizeof(transport->error), "%s", text);
	return TRANSPORT_FAILED;
}

/* The reason is in OpenSSL's queue now, and not for long. */
static enum transport_status transport_fail_tls(struct transport *transport, int saved_errno)
{
	struct tls_reason reason;

	if (ERR_peek_error() == 0 && saved_errno != 0)
		return transport_fail(transport, strerror(saved_errno));
	tls_context_failure(transport->ssl, &reason, &transport->untrusted);
	return transport_fail(transport, reason.text);
}

bool transport_start_tls(struct transport *transport, SSL *ssl, bool accept)
{
	transport->ssl = ssl;
	if (SSL_set_fd(ssl, transport->fd) != 1) {
		transport_fail(transport, "no memory");
		return false;
	}
	if (accept)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return true;
}

/* What a return value of OpenSSL means, and which direction it waits for. */
static enum transport_status transport_tls_result(struct transport *transport, int result,
						  bool *wants_read_r, bool *wants_write_r)
{
	int saved_errno = errno;

	*wants_read_r = false;
	*wants_write_r = false;
	switch (SSL_get_error(transport->ssl, result)) {
	case SSL_ERROR_NONE:
		return TRANSPORT_DONE;
	case SSL_ERROR_WANT_READ:
		*wants_read_r = true;
		return TRANSPORT_BLOCKED;
	case SSL_ERROR_WANT_WRITE:
		*wants_write_r = true;
		return TRANSPORT_BLOCKED;
	case SSL_ERROR_ZERO_RETURN:
		return TRANSPORT_EOF;
	default:
		return transport_fail_tls(transport, saved_errno);
	}
}

enum transport_status transport_handshake(struct transport *transport)
{
	bool wants_read;

	ERR_clear_error();
	errno = 0;
	int result = SSL_do_handshake(transport->ssl);
	enum transport_status status =
		transport_tls_result(transport, result, &wants_read, &transport->read_wants_write);
	if (status == TRANSPORT_EOF)
		return transport_fail(transport, "the peer closed the connection in the handshake");
	return status;
}

static enum transport_status transport_read_plain(struct transport *transport,
						  unsigned char *memory, size_t size, size_t *len_r)
{
	ssize_t n = recv(transport->fd, memory, size, 0);

	if (n > 0) {
		*len_r = (size_t)n;
		return TRANSPORT_DONE;
	}
	if (n == 0)
		return TRANSPORT_EOF;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return TRANSPORT_BLOCKED;
	return transport_fail(transport, strerror(errno));
}

enum transport_status transport_read(struct transport *transport, unsigned char *memory,
				     size_t size, size_t *len_r)
{
	bool wants_read;

	*len_r = 0;
	if (transport->ssl == NULL)
		return transport_read_plain(transport, memory, size, len_r);
	ERR_clear_error();
	errno = 0;
	int result = SSL_read_ex(transport->ssl, memory, size, len_r);
	if (result == 1)
		return TRANSPORT_DONE;
	return transport_tls_result(transport, result, &wants_read, &transport->read_wants_write);
}

static enum transport_status transport_send_plain(struct transport *transport, struct span octets,
						  size_t *sent_r)
{
	ssize_t n = send(transport->fd, octets.data, octets.len, MSG_NOSIGNAL);

	if (n >= 0) {
		*sent_r = (size_t)n;
		return TRANSPORT_DONE;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return TRANSPORT_BLOCKED;
	return transport_fail(transport, strerror(errno));
}

enum transport_status transport_send(struct transport *transport, struct span octets,
				     size_t *sent_r)
{
	bool wants_write;

	*sent_r = 0;
	if (transport->ssl == NULL)
		return transport_send_plain(transport, octets, sent_r);
	ERR_clear_error();
	errno = 0;
	int result = SSL_write_ex(transport->ssl, octets.data, octets.len, sent_r);
	if (result == 1) {
		transport->write_wants_read = false;
		return TRANSPORT_DONE;
	}
	enum transport_status status =
		transport_tls_result(transport, result, &transport->write_wants_read, &wants_write);
	if (status == TRANSPORT_EOF)
		return transport_fail(transport, "the peer closed the connection");
	return status;
}

void transport_shut(struct transport *transport)
{
	if (transport->ssl != NULL && SSL_is_init_finished(transport->ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(transport->ssl);
	}
	shutdown(transport->fd, SHUT_WR);
}
