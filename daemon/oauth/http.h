/* SPDX-License-Identifier: ISC */
/*
 * http: requests to identity providers: libcurl's multi interface on the daemon's loop.
 *
 * HTTPS only, certificates verified always, TLS 1.2 or later, redirects not followed, no cookies,
 * proxies as the environment says (https_proxy, no_proxy). A try takes 15 seconds at most, an
 * answer has at most 1 MB; a longer one counts as none. Names are resolved by a thread of curl's,
 * which nothing here waits for. What was sent and received is wiped, in curl's memory, too.
 *
 * Each request has a connection of its own: on one that the server had closed meanwhile curl would
 * send it twice, and a refresh token that comes twice costs the whole sign-in where the provider
 * takes it for stolen (RFC 9700 section 4.14.2).
 */
#ifndef DAEMON_OAUTH_HTTP_H
#define DAEMON_OAUTH_HTTP_H

#include <time.h>

#include "daemon/loop.h"
#include "protocol/span.h"

enum {
	HTTP_TIMEOUT_MS = 15000,
	HTTP_ANSWER_MAX = 1024 * 1024,
	/* Requests at a time; others wait for their turn, and their time runs from then on. */
	HTTP_REQUESTS_MAX = 50,
};

struct http;

/* NULL: no memory. SIGPIPE is to be ignored. */
struct http *http_new(struct loop *loop);
/* Requests under way are given up; nobody is called for them any more. Not from within an answer.
 */
void http_free(struct http **http);

enum http_outcome {
	HTTP_ANSWERED,
	/* Name, network, time-out, an answer too long or cut: later it may work. */
	HTTP_UNREACHABLE,
	HTTP_UNTRUSTED, /* the certificate; retrying does not mend it */
};

struct http_answer {
	enum http_outcome outcome;
	long status;            /* ANSWERED: 200, 400, ... */
	struct span body;       /* likewise; wiped behind the call */
	uint64_t retry_after_s; /* Retry-After in seconds, also where it was a date; 0: none. A
				 * server's word: the caller bounds it */
	time_t date;            /* the server's clock (Date); 0: it told none */
	const char *text;       /* otherwise: why, one line, with the host's name */
};

typedef void http_fn(void *owner, uint64_t ticket, const struct http_answer *answer);

/*
 * POSTs an `application/x-www-form-urlencoded` body, or GETs where `form.data` is NULL.
 * `ca_file` NULL: the system's store. Everything is copied. `fn` is called from the loop, exactly
 * once; `ticket` is the caller's, to find out whether it still wants the answer. False: no memory,
 * and no answer comes.
 */
bool http_request(struct http *http, const char *url, struct span form, const char *ca_file,
		  http_fn *fn, void *owner, uint64_t ticket) __attribute__((warn_unused_result));

#endif
