/* SPDX-License-Identifier: ISC */
/*
 * address_book: what is known of the addresses that clients come from.
 *
 * How many connections each has open, and how long its next wrong password has to wait for the
 * answer: one second, doubling with each failure up to sixteen, forgotten after a right password or
 * ten quiet minutes. Nobody is locked out. An IPv6 address counts as its /64, which is what one
 * subscriber has. Pure: time comes as an argument.
 */
#ifndef DAEMON_ADDRESS_BOOK_H
#define DAEMON_ADDRESS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address_book {
	void *root; /* private: tsearch(3) */
	size_t entries;
	uint64_t pruned_ms;
};

struct address {
	bool ipv6;
	unsigned char octets[16];
};

/* IPv4 mapped into IPv6 is IPv4; a UNIX socket counts as 127.0.0.1. */
struct address address_of(const struct sockaddr *sockaddr);
bool address_is_loopback(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);

enum { ADDRESS_TEXT_MAX = 46 };
void address_format(const struct address *address, char text_r[ADDRESS_TEXT_MAX]);

void address_book_deinit(struct address_book *book);

/* A connection begins. False: there are `max` from there already (or no memory). */
bool address_book_connect(struct address_book *book, const struct address *address, unsigned max,
			  uint64_t now_ms);
void address_book_disconnect(struct address_book *book, const struct address *address);

/* A password of a client from there is being checked, which is work. False: `max` are already. */
bool address_book_begin_check(struct address_book *book, const struct address *address,
			      unsigned max, uint64_t now_ms);
void address_book_end_check(struct address_book *book, const struct address *address);

/* A wrong password: counts it, and returns how long to hold its answer back, in milliseconds. */
uint64_t address_book_failure(struct address_book *book, const struct address *address,
			      uint64_t now_ms);
void address_book_success(struct address_book *book, const struct address *address);

#endif
