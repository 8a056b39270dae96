/* SPDX-License-Identifier: ISC */
/*
 * secret: a password or a token, with one owner. Wiped when freed, and of a type that nothing can
 * format.
 *
 * Secrets live in OpenSSL's secure heap: pages that are left out of core files and, where the limit
 * of locked memory allows, never swapped out.
 */
#ifndef DAEMON_SECRET_H
#define DAEMON_SECRET_H

#include "daemon/failure.h"
#include "protocol/span.h"

struct secret;

/* To be called once, before there are secrets and threads. Without it, or where the heap is full,
 * secrets live in ordinary memory. */
void secret_heap_init(void);

/* A copy; NULL when there is no memory. */
struct secret *secret_new(struct span octets);

/* The first line of a file, without its end; at most 64 kB. NULL: `failure_r` says why (unreadable,
 * empty, readable by everybody, ...). */
struct secret *secret_read(const char *file, struct failure *failure_r);

struct span secret_borrow(const struct secret *secret);

/* Wipes, frees and nulls. */
void secret_free(struct secret **secret);

#endif
