/* SPDX-License-Identifier: ISC */
#include "daemon/resolver.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- files ---- */

static const char *const resolver_files[] = { "/etc/resolv.conf", "/etc/hosts" };

enum { RESOLVER_FILES = sizeof(resolver_files) / sizeof(resolver_files[0]) };

struct resolver {
	struct loop *loop;
	struct evdns_base *dns; /* owned */
	struct timespec changed[RESOLVER_FILES];
	unsigned asking; /* questions that are out */
};

static void resolver_stat(struct timespec changed_r[RESOLVER_FILES])
{
	for (size_t i = 0; i < RESOLVER_FILES; i++) {
		struct stat status;

		changed_r[i] = stat(resolver_files[i], &status) == 0 ? status.st_mtim
								     : (struct timespec){ 0 };
	}
}

static bool resolver_read(struct resolver *resolver)
{
	struct evdns_base *dns =
		evdns_base_new(resolver->loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);

	if (dns == NULL)
		return false;
	/* Without the file, or a name server in it, evdns asks 127.0.0.1, as resolv.conf(5) says.
	 */
	evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, resolver_files[0]);
	resolver_stat(resolver->changed);
	if (resolver->dns != NULL)
		evdns_base_free(resolver->dns, 1);
	resolver->dns = dns;
	return true;
}

struct resolver *resolver_new(struct loop *loop)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		return NULL;
	resolver->loop = loop;
	if (!resolver_read(resolver)) {
		free(resolver);
		return NULL;
	}
	return resolver;
}

void resolver_free(struct resolver **resolver)
{
	if (*resolver == NULL)
		return;
	evdns_base_free((*resolver)->dns, 0);
	free(*resolver);
	*resolver = NULL;
}

/* A laptop moves, a VPN comes up: read the files again, unless a question is out just now. */
static void resolver_refresh(struct resolver *resolver)
{
	struct timespec now[RESOLVER_FILES];

	resolver_stat(now);
	if (resolver->asking == 0 && memcmp(now, resolver->changed, sizeof(now)) != 0)
		resolver_read(resolver);
}

/* ---- questions ---- */

struct lookup {
	struct loop *loop;
	struct resolver *resolver;
	lookup_fn *fn;
	void *owner;
	unsigned port;
	enum conf_address_family family;
	struct evdns_getaddrinfo_request *question;
	struct sockaddr_storage addresses[LOOKUP_ADDRESSES_MAX];
	size_t count;
	struct event *start; /* owned: nothing happens inside lookup_new() */
	bool buried;
	struct grave grave;
	char host[];
};

static void lookup_free(void *argument)
{
	struct lookup *lookup = argument;

	if (lookup->start != NULL)
		event_free(lookup->start);
	free(lookup);
}

socklen_t lookup_address_len(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

void lookup_address_text(const struct sockaddr_storage *address,
			 char text_r[LOOKUP_ADDRESS_TEXT_MAX])
{
	const void *octets =
		address->ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
			: (const void *)&((const struct sockaddr_in *)address)->sin_addr;

	if (inet_ntop(address->ss_family, octets, text_r, LOOKUP_ADDRESS_TEXT_MAX) == NULL)
		text_r[0] = '\0';
}

/* Takes the next address of a family from the resolver's list. */
static const struct evutil_addrinfo *next_of(const struct evutil_addrinfo *info, int family)
{
	while (info != NULL && info->ai_family != family)
		info = info->ai_next;
	return info;
}

static void lookup_sort(struct lookup *lookup, const struct evutil_addrinfo *all)
{
	const struct evutil_addrinfo *next[2] = { next_of(all, AF_INET6), next_of(all, AF_INET) };
	static const int families[2] = { AF_INET6, AF_INET };

	for (size_t turn = 0; lookup->count < LOOKUP_ADDRESSES_MAX; turn++) {
		size_t i = turn % 2;

		if (next[0] == NULL && next[1] == NULL)
			break;
		if (next[i] == NULL)
			continue;
		memcpy(&lookup->addresses[lookup->count++], next[i]->ai_addr,
		       (size_t)next[i]->ai_addrlen);
		next[i] = next_of(next[i]->ai_next, families[i]);
	}
}

static void on_resolved(int error, struct evutil_addrinfo *all, void *argument)
{
	struct lookup *lookup = argument;
	struct lookup_answer answer = { .addresses = lookup->addresses };

	lookup->question = NULL;
	lookup->resolver->asking--;
	if (error == 0)
		lookup_sort(lookup, all);
	if (all != NULL)
		evutil_freeaddrinfo(all);
	/* A question that was given up is answered once more, with EVUTIL_EAI_CANCEL. */
	if (lookup->buried) {
		loop_bury(lookup->loop, &lookup->grave, lookup_free, lookup);
		return;
	}
	answer.count = lookup->count;
	if (error != 0)
		answer.error = error == EVUTIL_EAI_NONAME ? "there is no such name"
							  : evutil_gai_strerror(error);
	lookup->fn(lookup->owner, &answer);
}

static void on_start(evutil_socket_t fd, short what, void *argument)
{
	struct lookup *lookup = argument;
	struct evutil_addrinfo hints = { .ai_socktype = SOCK_STREAM,
					 .ai_protocol = IPPROTO_TCP,
					 .ai_family = AF_UNSPEC };
	char port[8];

	(void)fd;
	(void)what;
	if (lookup->family == CONF_ADDRESS_IPV4)
		hints.ai_family = AF_INET;
	else if (lookup->family == CONF_ADDRESS_IPV6)
		hints.ai_family = AF_INET6;
	snprintf(port, sizeof(port), "%u", lookup->port);
	resolver_refresh(lookup->resolver);
	lookup->resolver->asking++;
	/* NULL: on_resolved() has been called already. */
	struct evdns_getaddrinfo_request *question = evdns_getaddrinfo(
		lookup->resolver->dns, lookup->host, port, &hints, on_resolved, lookup);
	if (question != NULL)
		lookup->question = question;
}

struct lookup *lookup_new(struct loop *loop, struct resolver *resolver, const char *host,
			  unsigned port, enum conf_address_family family, lookup_fn *fn,
			  void *owner)
{
	size_t len = strlen(host);
	struct lookup *lookup = calloc(1, sizeof(*lookup) + len + 1);

	if (lookup == NULL)
		return NULL;
	lookup->loop = loop;
	lookup->resolver = resolver;
	lookup->port = port;
	lookup->family = family;
	lookup->fn = fn;
	lookup->owner = owner;
	memcpy(lookup->host, host, len);
	lookup->start = evtimer_new(loop->base, on_start, lookup);
	if (lookup->start == NULL) {
		free(lookup);
		return NULL;
	}
	event_active(lookup->start, EV_TIMEOUT, 0);
	return lookup;
}

void lookup_bury(struct lookup **buried)
{
	struct lookup *lookup = *buried;

	*buried = NULL;
	if (lookup == NULL)
		return;
	lookup->buried = true;
	event_del(lookup->start);
	/* evdns answers with a cancellation from the loop; on_resolved() buries then. */
	if (lookup->question != NULL)
		evdns_getaddrinfo_cancel(lookup->question);
	else
		loop_bury(lookup->loop, &lookup->grave, lookup_free, lookup);
}
