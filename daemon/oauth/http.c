/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "daemon/secret.h"
#include "protocol/bytebuf.h"

enum {
	CONNECT_TIMEOUT_MS = 10000,
	HEADERS_MAX = 64 * 1024,
};

/* One request and its answer. */
struct transfer {
	struct http *http;     /* borrowed */
	struct transfer *next; /* in one of http's two lists */
	struct transfer **back;
	http_fn *fn;
	void *owner;
	uint64_t ticket;
	char *url;                 /* owned, as all that follows */
	char *ca_file;             /* or NULL */
	struct secret *form;       /* NULL: GET */
	CURL *easy;                /* NULL: it waits for its turn */
	struct curl_slist *header; /* of the request */
	struct bytebuf body;       /* of the answer */
	size_t header_len;         /* of the answer's header so far */
	bool too_long;
	char error[CURL_ERROR_SIZE];
};

struct http {
	struct loop *loop;   /* borrowed */
	CURLM *multi;        /* owned */
	struct event *timer; /* owned */
	struct transfer *under_way;
	unsigned count; /* of those */
	struct transfer *waiting;
	struct transfer **last_waiting;
	bool curl_ready;
};

/* ---- curl's memory, which holds tokens: wiped when it is freed ---- */

static void wipe_and_free(void *memory)
{
	if (memory != NULL)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

static void *wiping_realloc(void *memory, size_t size)
{
	void *moved = malloc(size);

	if (moved != NULL && memory != NULL) {
		size_t held = malloc_usable_size(memory);

		memcpy(moved, memory, held < size ? held : size);
		wipe_and_free(memory);
	}
	return moved;
}

/* ---- one request ---- */

/* Takes it off the list that it is on, if any. */
static void transfer_unlink(struct transfer *transfer)
{
	if (transfer->back == NULL)
		return;
	*transfer->back = transfer->next;
	if (transfer->next != NULL)
		transfer->next->back = transfer->back;
	else if (transfer->http->last_waiting == &transfer->next)
		transfer->http->last_waiting = transfer->back;
	transfer->next = NULL;
	transfer->back = NULL;
}

static void transfer_free(struct transfer *transfer)
{
	transfer_unlink(transfer);
	/* Taken off the multi handle before (transfer_leave()). */
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->header);
	bytebuf_deinit(&transfer->body);
	secret_free(&transfer->form);
	free(transfer->ca_file);
	free(transfer->url);
	free(transfer);
}

static struct transfer *transfer_new(struct http *http, const char *url, struct span form,
				     const char *ca_file)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));

	if (transfer == NULL)
		return NULL;
	transfer->http = http;
	bytebuf_init(&transfer->body, HTTP_ANSWER_MAX);
	transfer->url = strdup(url);
	if (ca_file != NULL)
		transfer->ca_file = strdup(ca_file);
	if (form.data != NULL)
		transfer->form = secret_new(form);
	if (transfer->url == NULL || (ca_file != NULL && transfer->ca_file == NULL) ||
	    (form.data != NULL && transfer->form == NULL)) {
		transfer_free(transfer);
		return NULL;
	}
	return transfer;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *octets, size_t size, size_t count, void *owner)
{
	struct transfer *transfer = owner;

	if (bytebuf_append(&transfer->body, span_of(octets, size * count)))
		return size * count;
	transfer->too_long = true;
	return 0; /* gives the transfer up */
}

/* CURLOPT_HEADERFUNCTION: curl has a ceiling for one line, not for all. */
static size_t on_header(char *octets, size_t size, size_t count, void *owner)
{
	struct transfer *transfer = owner;

	(void)octets;
	transfer->header_len += size * count;
	if (transfer->header_len <= HEADERS_MAX)
		return size * count;
	transfer->too_long = true;
	return 0;
}

/* CURLOPT_OPENSOCKETFUNCTION: curl's own are open in programs that are run meanwhile. */
static curl_socket_t on_open_socket(void *owner, curlsocktype purpose,
				    struct curl_sockaddr *address)
{
	(void)owner;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* CURLOPT_SSL_CTX_FUNCTION */
static CURLcode on_tls_context(CURL *easy, void *context, void *owner)
{
	(void)easy;
	(void)owner;
	SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
	return CURLE_OK;
}

/* There are builds of curl with other libraries, whose contexts are nothing of ours. */
static bool curl_has_openssl(void)
{
	static const char name[] = "OpenSSL/";
	const char *version = curl_version_info(CURLVERSION_NOW)->ssl_version;

	return version != NULL && strncmp(version, name, strlen(name)) == 0;
}

static bool set_tls(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	if (curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK ||
	    /* The cache would end with the transfer, unused. */
	    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) != CURLE_OK)
		return false;
	if (curl_has_openssl() &&
	    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context) != CURLE_OK)
		return false;
	if (transfer->ca_file == NULL)
		return true;
	/* That file, and not the system's folder beside it. */
	return curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->ca_file) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

/* curl's defaults do the rest: no redirects, no cookies, no .netrc, no compression. */
static bool set_manners(CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       /* HTTP/2 would gain nothing here, and keeps its frames in memory of its own. */
	       curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "Packetboat/" PACKETBOAT_VERSION) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)HTTP_TIMEOUT_MS) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) ==
		       CURLE_OK &&
	       /* Who gives up on a name that does not resolve is not to wait for the resolver:
		* its thread ends by itself. */
	       curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
}

static bool set_request(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	transfer->header = curl_slist_append(NULL, "Accept: application/json");
	if (transfer->header == NULL ||
	    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->header) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_URL, transfer->url) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) != CURLE_OK)
		return false;
	if (transfer->form == NULL)
		return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
	struct span form = secret_borrow(transfer->form);
	/* Not copied by curl: it stays here until the transfer ends. */
	return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form.len) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)form.data) == CURLE_OK;
}

/* Begins it; curl does nothing yet but to ask for a timer. False: no memory. */
static bool transfer_start(struct transfer *transfer)
{
	struct http *http = transfer->http;

	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL || !set_tls(transfer) || !set_manners(transfer->easy) ||
	    !set_request(transfer) ||
	    curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK)
		return false;
	transfer->next = http->under_way;
	transfer->back = &http->under_way;
	if (transfer->next != NULL)
		transfer->next->back = &transfer->next;
	http->under_way = transfer;
	http->count++;
	return true;
}

/* Of one that was begun: curl has no more to do with it. */
static void transfer_leave(struct transfer *transfer)
{
	curl_multi_remove_handle(transfer->http->multi, transfer->easy);
	transfer->http->count--;
}

/* ---- the answer ---- */

static bool is_untrusted(CURLcode result)
{
	static const CURLcode codes[] = {
		CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,    CURLE_SSL_CRL_BADFILE,
		CURLE_SSL_ISSUER_ERROR,         CURLE_SSL_INVALIDCERTSTATUS,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (result == codes[i])
			return true;
	}
	return false;
}

/* "login.example.org: Could not ..." */
static void describe_trouble(const struct transfer *transfer, CURLcode result, char *text_r,
			     size_t size)
{
	CURLU *url = curl_url();
	char *host = NULL;
	const char *why = curl_easy_strerror(result);

	if (transfer->too_long)
		why = "the answer is too long";
	else if (transfer->error[0] != '\0')
		why = transfer->error;
	if (url != NULL && curl_url_set(url, CURLUPART_URL, transfer->url, 0) == CURLUE_OK)
		(void)curl_url_get(url, CURLUPART_HOST, &host, 0);
	snprintf(text_r, size, "%s: %s", host != NULL ? host : transfer->url, why);
	for (char *octet = text_r; *octet != '\0'; octet++) {
		if (*octet < ' ' || *octet > '~')
			*octet = '?';
	}
	curl_free(host);
	curl_url_cleanup(url);
}

static void read_answer(const struct transfer *transfer, struct http_answer *answer)
{
	struct curl_header *date;
	curl_off_t retry_after = 0;

	answer->outcome = HTTP_ANSWERED;
	answer->body = bytebuf_peek(&transfer->body);
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	if (curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK &&
	    retry_after > 0)
		answer->retry_after_s = (uint64_t)retry_after;
	if (curl_easy_header(transfer->easy, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK) {
		time_t told = curl_getdate(date->value, NULL);

		answer->date = told > 0 ? told : 0;
	}
}

/* Tells whoever asked, and ends the transfer. */
static void transfer_tell(struct transfer *transfer, CURLcode result)
{
	struct http_answer answer = { .outcome = HTTP_UNREACHABLE };
	char text[CURL_ERROR_SIZE + 300];

	if (result == CURLE_OK) {
		read_answer(transfer, &answer);
	} else {
		if (is_untrusted(result))
			answer.outcome = HTTP_UNTRUSTED;
		describe_trouble(transfer, result, text, sizeof(text));
		answer.text = text;
	}
	transfer->fn(transfer->owner, transfer->ticket, &answer);
	transfer_free(transfer);
}

static void start_waiting(struct http *http)
{
	while (http->count < HTTP_REQUESTS_MAX && http->waiting != NULL) {
		struct transfer *transfer = http->waiting;

		transfer_unlink(transfer);
		assert(http->waiting != transfer);
		if (!transfer_start(transfer))
			transfer_tell(transfer, CURLE_OUT_OF_MEMORY);
	}
}

/* Those that curl is done with. */
static void tell_done(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct transfer *transfer = NULL;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) !=
			    CURLE_OK)
			continue;
		transfer_leave(transfer); /* `message` is gone with it */
		transfer_tell(transfer, result);
	}
}

/* All of them; those that are asked for meanwhile are others. */
static void give_up(struct http *http)
{
	struct transfer *ended = http->under_way;

	http->under_way = NULL;
	if (ended != NULL)
		ended->back = &ended;
	for (struct transfer *transfer = ended; transfer != NULL; transfer = transfer->next)
		transfer_leave(transfer);
	for (struct transfer *transfer = ended, *next; transfer != NULL; transfer = next) {
		next = transfer->next;
		transfer_tell(transfer, CURLE_OUT_OF_MEMORY);
	}
}

/* ---- curl on the loop ---- */

/*
 * Lets curl do what it can do now. Where that fails there is no memory, and curl is not to be asked
 * for the same transfers again: what it knows of their sockets may be wrong then. Outside of its
 * callbacks, so whoever is told may ask for more at once.
 */
static void drive(struct http *http, curl_socket_t fd, int ready)
{
	int running;
	bool driven = curl_multi_socket_action(http->multi, fd, ready, &running) == CURLM_OK;

	tell_done(http);
	if (!driven)
		give_up(http);
	start_waiting(http);
}

static void on_ready(evutil_socket_t fd, short what, void *owner)
{
	struct http *http = owner;

	drive(http, fd,
	      ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
		      ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *owner)
{
	(void)fd;
	(void)what;
	drive(owner, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer_wanted(CURLM *multi, long ms, void *owner)
{
	struct http *http = owner;

	(void)multi;
	if (ms < 0)
		evtimer_del(http->timer);
	else
		loop_arm(http->timer, (uint64_t)ms);
	return 0;
}

/* CURLMOPT_SOCKETFUNCTION. Without memory the socket is not watched, and its transfer fails when
 * its time is over; an error returned here would end all of them, for ever. */
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *owner, void *watched)
{
	struct http *http = owner;
	struct event *watch = watched;
	short events = EV_PERSIST;

	(void)easy;
	if (watch != NULL)
		event_free(watch);
	watch = NULL;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EV_WRITE;
	if ((events & (EV_READ | EV_WRITE)) != 0)
		watch = event_new(http->loop->base, fd, events, on_ready, http);
	if (watch != NULL)
		event_add(watch, NULL);
	curl_multi_assign(http->multi, fd, watch);
	return 0;
}

struct http *http_new(struct loop *loop)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return NULL;
	http->loop = loop;
	http->last_waiting = &http->waiting;
	/* Counted by curl, which takes the functions of the first call. */
	http->curl_ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free,
						wiping_realloc, strdup, calloc) == CURLE_OK;
	if (http->curl_ready)
		http->multi = curl_multi_init();
	http->timer = evtimer_new(loop->base, on_timer, http);
	if (http->multi == NULL || http->timer == NULL ||
	    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) != CURLM_OK ||
	    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) != CURLM_OK ||
	    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) != CURLM_OK ||
	    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) != CURLM_OK)
		http_free(&http);
	return http;
}

void http_free(struct http **http)
{
	struct http *old = *http;

	if (old == NULL)
		return;
	for (struct transfer *transfer = old->waiting, *next; transfer != NULL; transfer = next) {
		next = transfer->next;
		transfer_free(transfer);
	}
	for (struct transfer *transfer = old->under_way, *next; transfer != NULL; transfer = next) {
		next = transfer->next;
		transfer_leave(transfer);
		transfer_free(transfer);
	}
	if (old->multi != NULL)
		curl_multi_cleanup(old->multi);
	if (old->timer != NULL)
		event_free(old->timer);
	if (old->curl_ready)
		curl_global_cleanup();
	free(old);
	*http = NULL;
}

bool http_request(struct http *http, const char *url, struct span form, const char *ca_file,
		  http_fn *fn, void *owner, uint64_t ticket)
{
	struct transfer *transfer = transfer_new(http, url, form, ca_file);

	if (transfer == NULL)
		return false;
	transfer->fn = fn;
	transfer->owner = owner;
	transfer->ticket = ticket;
	/* Nobody overtakes those who wait, not even who asks again from within an answer. */
	if (http->count >= HTTP_REQUESTS_MAX || http->waiting != NULL) {
		transfer->back = http->last_waiting;
		*http->last_waiting = transfer;
		http->last_waiting = &transfer->next;
		return true;
	}
	if (transfer_start(transfer))
		return true;
	transfer_free(transfer);
	return false;
}
