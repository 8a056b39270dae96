/* SPDX-License-Identifier: ISC */
/*
 * transport: a connected socket, plain or TLS: each operation once, none of them waits.
 *
 * It hides from daemon/stream.c which of the two it is, and keeps what only it can know: which
 * direction OpenSSL waits for, and why something failed.
 */
#ifndef DAEMON_TRANSPORT_H
#define DAEMON_TRANSPORT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol/span.h"

enum transport_status {
	TRANSPORT_DONE,
	TRANSPORT_BLOCKED, /* again when the socket is ready, see the two flags */
	TRANSPORT_EOF,     /* the peer sends no more */
	TRANSPORT_FAILED,  /* `error` says why */
};

struct transport {
	int fd;   /* owned */
	SSL *ssl; /* owned; NULL: plain */
	/* Under TLS reading may have to wait until the socket takes octets, and the reverse. */
	bool read_wants_write;
	bool write_wants_read;
	bool untrusted;  /* FAILED because of the peer's certificate */
	char error[512]; /* one line; "" as long as nothing failed */
};

/* `fd` is a connected non-blocking socket. */
void transport_init(struct transport *transport, int fd);
void transport_deinit(struct transport *transport);

/* From here on it is TLS. Takes ownership of `ssl`. False: no memory. */
bool transport_start_tls(struct transport *transport, SSL *ssl, bool accept);
/* DONE, BLOCKED or FAILED. */
enum transport_status transport_handshake(struct transport *transport);

/* `len_r` is more than 0 only with DONE. */
enum transport_status transport_read(struct transport *transport, unsigned char *memory,
				     size_t size, size_t *len_r);
/* Sends from the front of `octets`; under TLS the same octets must be tried again after BLOCKED. */
enum transport_status transport_send(struct transport *transport, struct span octets,
				     size_t *sent_r);

/* Our end: TLS's close_notify, and FIN. */
void transport_shut(struct transport *transport);

#endif
