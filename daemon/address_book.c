/* SPDX-License-Identifier: ISC */
#include "daemon/address_book.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum {
	DELAY_FIRST_MS = 1000,
	DELAY_MAX_MS = 16000,
	FORGET_AFTER_MS = 600000,
	/* Addresses without connections whose failures are remembered: from the first number on the
	 * old ones are dropped, and at the second any. */
	ENTRIES_PRUNE_AT = 4096,
	ENTRIES_MAX = 65536,
};

struct caller {
	struct address address; /* an IPv6 one with its last eight octets zero */
	unsigned connections;
	unsigned checks; /* passwords that are being checked */
	unsigned failures;
	uint64_t failed_ms;
};

struct address address_of(const struct sockaddr *sockaddr)
{
	struct address address = { 0 };

	if (sockaddr->sa_family == AF_INET6) {
		const struct in6_addr *ipv6 = &((const struct sockaddr_in6 *)sockaddr)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(ipv6)) {
			memcpy(address.octets, ipv6->s6_addr + 12, 4);
		} else {
			address.ipv6 = true;
			memcpy(address.octets, ipv6->s6_addr, 16);
		}
	} else if (sockaddr->sa_family == AF_INET) {
		memcpy(address.octets, &((const struct sockaddr_in *)sockaddr)->sin_addr, 4);
	} else {
		/* A UNIX socket is as near as loopback. */
		address.octets[0] = 127;
		address.octets[3] = 1;
	}
	return address;
}

bool address_is_loopback(const struct address *address)
{
	static const unsigned char loopback[16] = { [15] = 1 };

	if (address->ipv6)
		return memcmp(address->octets, loopback, sizeof(loopback)) == 0;
	return address->octets[0] == 127;
}

static int address_compare(const struct address *a, const struct address *b)
{
	if (a->ipv6 != b->ipv6)
		return a->ipv6 ? 1 : -1;
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

bool address_equal(const struct address *a, const struct address *b)
{
	return address_compare(a, b) == 0;
}

void address_format(const struct address *address, char text_r[ADDRESS_TEXT_MAX])
{
	if (inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, address->octets, text_r,
		      ADDRESS_TEXT_MAX) == NULL)
		text_r[0] = '\0';
}

static int caller_compare(const void *a, const void *b)
{
	return address_compare(&((const struct caller *)a)->address,
			       &((const struct caller *)b)->address);
}

static struct address subscriber_of(const struct address *address)
{
	struct address subscriber = *address;

	if (subscriber.ipv6 && !address_is_loopback(address))
		memset(subscriber.octets + 8, 0, 8);
	return subscriber;
}

static struct caller *book_find(const struct address_book *book, const struct address *address)
{
	struct caller wanted = { .address = subscriber_of(address) };
	struct caller **found = tfind(&wanted, &book->root, caller_compare);

	return found != NULL ? *found : NULL;
}

static void book_remove(struct address_book *book, struct caller *caller)
{
	tdelete(caller, &book->root, caller_compare);
	free(caller);
	book->entries--;
}

struct prune {
	uint64_t now_ms;
	bool any;
	struct caller *found[64];
	size_t count;
};

static void find_stale(const void *node, VISIT visit, void *closure)
{
	struct caller *caller = *(struct caller *const *)node;
	struct prune *prune = closure;

	if ((visit == postorder || visit == leaf) && caller->connections == 0 &&
	    caller->checks == 0 &&
	    (prune->any || prune->now_ms - caller->failed_ms >= FORGET_AFTER_MS) &&
	    prune->count < sizeof(prune->found) / sizeof(prune->found[0]))
		prune->found[prune->count++] = caller;
}

/* Now and then, and a few at a time: what came from where ten minutes ago. */
static void book_prune(struct address_book *book, uint64_t now_ms)
{
	struct prune prune = { .now_ms = now_ms, .any = book->entries >= ENTRIES_MAX };

	if (book->entries < ENTRIES_PRUNE_AT || (!prune.any && now_ms - book->pruned_ms < 1000))
		return;
	book->pruned_ms = now_ms;
	twalk_r(book->root, find_stale, &prune);
	for (size_t i = 0; i < prune.count; i++)
		book_remove(book, prune.found[i]);
}

static struct caller *book_get(struct address_book *book, const struct address *address,
			       uint64_t now_ms)
{
	struct caller *caller = book_find(book, address);

	if (caller != NULL)
		return caller;
	book_prune(book, now_ms);
	caller = calloc(1, sizeof(*caller));
	if (caller == NULL)
		return NULL;
	caller->address = subscriber_of(address);
	if (tsearch(caller, &book->root, caller_compare) == NULL) {
		free(caller);
		return NULL;
	}
	book->entries++;
	return caller;
}

void address_book_deinit(struct address_book *book)
{
	tdestroy(book->root, free);
	*book = (struct address_book){ 0 };
}

bool address_book_connect(struct address_book *book, const struct address *address, unsigned max,
			  uint64_t now_ms)
{
	struct caller *caller = book_get(book, address, now_ms);

	if (caller == NULL || caller->connections >= max)
		return false;
	caller->connections++;
	return true;
}

/* Forgets an address of which nothing is left to know. */
static void book_release(struct address_book *book, struct caller *caller)
{
	if (caller->connections == 0 && caller->checks == 0 && caller->failures == 0)
		book_remove(book, caller);
}

void address_book_disconnect(struct address_book *book, const struct address *address)
{
	struct caller *caller = book_find(book, address);

	if (caller == NULL || caller->connections == 0)
		return;
	caller->connections--;
	book_release(book, caller);
}

bool address_book_begin_check(struct address_book *book, const struct address *address,
			      unsigned max, uint64_t now_ms)
{
	struct caller *caller = book_get(book, address, now_ms);

	if (caller == NULL || caller->checks >= max)
		return false;
	caller->checks++;
	return true;
}

void address_book_end_check(struct address_book *book, const struct address *address)
{
	struct caller *caller = book_find(book, address);

	if (caller == NULL || caller->checks == 0)
		return;
	caller->checks--;
	book_release(book, caller);
}

uint64_t address_book_failure(struct address_book *book, const struct address *address,
			      uint64_t now_ms)
{
	struct caller *caller = book_get(book, address, now_ms);
	uint64_t delay = DELAY_FIRST_MS;

	if (caller == NULL)
		return DELAY_MAX_MS;
	if (now_ms - caller->failed_ms >= FORGET_AFTER_MS)
		caller->failures = 0;
	for (unsigned i = 0; i < caller->failures && delay < DELAY_MAX_MS; i++)
		delay *= 2;
	caller->failures++;
	caller->failed_ms = now_ms;
	return delay;
}

void address_book_success(struct address_book *book, const struct address *address)
{
	struct caller *caller = book_find(book, address);

	if (caller == NULL)
		return;
	caller->failures = 0;
	book_release(book, caller);
}
