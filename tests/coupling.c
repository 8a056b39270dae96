/* SPDX-License-Identifier: ISC */
#include "tests/coupling.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/imap_listing.h"
#include "protocol/imap_login.h"
#include "protocol/imap_retrieval.h"
#include "protocol/imap_sizing.h"
#include "protocol/maildrop.h"
#include "protocol/pop3_server.h"

/* More than any dialogue says at a time. */
enum { OCTETS_MAX = 64 * 1024 * 1024 };

/* What the IMAP connection is used for. */
enum coupling_phase {
	PHASE_NONE, /* there is no connection */
	PHASE_LOGIN,
	PHASE_LISTING,
	PHASE_SIZING,
	PHASE_READY,
	PHASE_RETRIEVAL,
	PHASE_UPDATE,
	PHASE_LOGOUT,
};

struct coupling {
	struct coupling_options options;
	struct pop3_server pop3;
	struct bytebuf from_client;
	struct bytebuf replies;
	bool client_gone;
	bool quit; /* the update is QUIT's */
	bool parted;
	const char *closed;

	struct imap_client *imap; /* owned */
	struct bytebuf commands;
	enum coupling_phase phase;
	bool hang_up;
	bool client_handshake;
	bool server_handshake;

	struct bytebuf user;
	struct bytebuf password;
	struct imap_login login;
	struct imap_listing listing;
	struct imap_sizing sizing;
	struct imap_retrieval retrieval;
	struct imap_update *update; /* owned */
	struct maildrop *maildrop;  /* owned */
	uint32_t msgno;             /* under retrieval */
	bool top;
	bool begun;
};

static void append(struct bytebuf *buf, struct span octets)
{
	if (!bytebuf_append(buf, octets))
		abort();
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (memory == NULL)
		abort();
	return memory;
}

/* ---- towards the POP3 client ---- */

static void flush_replies(struct coupling *coupling)
{
	struct span output = pop3_server_output(&coupling->pop3);

	if (!coupling->client_gone)
		append(&coupling->replies, output);
	pop3_server_sent(&coupling->pop3, output.len);
}

static void send_pieces(struct coupling *coupling)
{
	struct span piece;

	flush_replies(coupling);
	while (imap_retrieval_piece(&coupling->retrieval, &piece)) {
		if (!coupling->client_gone)
			append(&coupling->replies, piece);
	}
}

static void begin_message(struct coupling *coupling)
{
	if (!coupling->begun && !pop3_server_message_begin(&coupling->pop3))
		abort();
	coupling->begun = true;
}

static void end_message(struct coupling *coupling)
{
	begin_message(coupling);
	send_pieces(coupling);
	if (!coupling->client_gone)
		append(&coupling->replies, span_text(".\r\n"));
	pop3_server_message_end(&coupling->pop3);
	if (!coupling->top)
		maildrop_mark_retrieved(coupling->maildrop, coupling->msgno);
}

/* ---- towards the IMAP server ---- */

/* The connection is of no use any more; it is freed when no event of it is being dealt with. */
static void hang_up(struct coupling *coupling)
{
	coupling->phase = PHASE_NONE;
	coupling->hang_up = true;
}

static void refuse_login(struct coupling *coupling, enum pop3_code code, const char *text,
			 bool wrong_password)
{
	hang_up(coupling);
	pop3_server_login_refused(&coupling->pop3, code, text, wrong_password);
}

static void enter_maildrop(struct coupling *coupling)
{
	coupling->phase = PHASE_READY;
	pop3_server_login_ok(&coupling->pop3, coupling->maildrop);
}

static void handle_sizing(struct coupling *coupling, enum imap_sizing_status status)
{
	if (status == IMAP_SIZING_DONE)
		enter_maildrop(coupling);
	else if (status == IMAP_SIZING_FAILED)
		refuse_login(coupling, POP3_CODE_SYS_TEMP, coupling->sizing.text, false);
}

static void start_sizing(struct coupling *coupling)
{
	uint32_t last = maildrop_last(coupling->maildrop);
	uint32_t *uids = allocate(last, sizeof(*uids));

	for (uint32_t msgno = 1; msgno <= last; msgno++)
		uids[msgno - 1] = maildrop_uid(coupling->maildrop, msgno);
	coupling->phase = PHASE_SIZING;
	handle_sizing(coupling, imap_sizing_start(&coupling->sizing, coupling->imap,
						  coupling->maildrop, uids, last));
}

static void handle_listing(struct coupling *coupling, enum imap_listing_status status)
{
	if (status == IMAP_LISTING_MORE)
		return;
	if (status == IMAP_LISTING_FAILED) {
		refuse_login(coupling, POP3_CODE_SYS_TEMP, coupling->listing.text, false);
		return;
	}
	coupling->maildrop = imap_listing_take(&coupling->listing);
	if (coupling->options.exact_sizes)
		start_sizing(coupling);
	else
		enter_maildrop(coupling);
}

static void start_listing(struct coupling *coupling)
{
	struct imap_listing_options options = {
		.not_after = coupling->options.not_after,
		.hidden = coupling->options.hidden,
		.hidden_count = coupling->options.hidden_count,
	};

	coupling->phase = PHASE_LISTING;
	handle_listing(coupling, imap_listing_start(&coupling->listing, coupling->imap, &options));
}

static void handle_login_failure(struct coupling *coupling)
{
	enum pop3_code code = POP3_CODE_SYS_TEMP;
	bool wrong_password = false;

	switch (coupling->login.failure) {
	case IMAP_LOGIN_WRONG_PASSWORD:
		code = POP3_CODE_AUTH;
		wrong_password = true;
		break;
	case IMAP_LOGIN_WRONG_TOKEN:
		code = POP3_CODE_AUTH;
		break;
	case IMAP_LOGIN_PREAUTH:
	case IMAP_LOGIN_NO_STARTTLS:
	case IMAP_LOGIN_NO_MECHANISM:
	case IMAP_LOGIN_NO_FOLDER:
	case IMAP_LOGIN_NO_UIDVALIDITY:
		code = POP3_CODE_SYS_PERM;
		break;
	case IMAP_LOGIN_VIOLATION:
	case IMAP_LOGIN_NOT_CONNECTED:
	case IMAP_LOGIN_TEMPORARY:
	case IMAP_LOGIN_INTERNAL:
		break;
	}
	refuse_login(coupling, code, coupling->login.text, wrong_password);
}

static enum imap_login_step authenticate(struct coupling *coupling)
{
	struct span user = bytebuf_peek(&coupling->user);

	if (coupling->options.token != NULL)
		return imap_login_token(&coupling->login, user, span_text(coupling->options.token));
	return imap_login_password(&coupling->login, user, bytebuf_peek(&coupling->password));
}

static void handle_login(struct coupling *coupling, enum imap_login_step step)
{
	switch (step) {
	case IMAP_LOGIN_MORE:
		return;
	case IMAP_LOGIN_START_TLS:
		coupling->server_handshake = true;
		return;
	case IMAP_LOGIN_READY:
		handle_login(coupling, authenticate(coupling));
		return;
	case IMAP_LOGIN_AUTHENTICATED:
		handle_login(coupling, imap_login_select(&coupling->login,
							 span_text(coupling->options.folder)));
		return;
	case IMAP_LOGIN_SELECTED:
		start_listing(coupling);
		return;
	case IMAP_LOGIN_FAILED:
		handle_login_failure(coupling);
		return;
	}
}

static void handle_retrieval(struct coupling *coupling, enum imap_retrieval_status status)
{
	const char *text = coupling->retrieval.text;

	switch (status) {
	case IMAP_RETRIEVAL_MORE:
		return;
	case IMAP_RETRIEVAL_DATA:
		begin_message(coupling);
		send_pieces(coupling);
		return;
	case IMAP_RETRIEVAL_END:
		end_message(coupling);
		break;
	case IMAP_RETRIEVAL_GONE:
		pop3_server_message_refused(&coupling->pop3, POP3_CODE_NONE, text);
		break;
	case IMAP_RETRIEVAL_UNREADABLE:
	case IMAP_RETRIEVAL_REFUSED:
		/* Clients there are that delete what they could not retrieve. */
		maildrop_mark_retrieved_earlier(coupling->maildrop, &coupling->options.earlier, 1);
		maildrop_mark_unreadable(coupling->maildrop, coupling->msgno);
		pop3_server_message_refused(&coupling->pop3, POP3_CODE_SYS_TEMP, text);
		break;
	case IMAP_RETRIEVAL_BROKEN:
		hang_up(coupling);
		pop3_server_end(&coupling->pop3, POP3_CODE_SYS_TEMP, text, "message-broken");
		return;
	}
	coupling->phase = PHASE_READY;
}

static void log_out(struct coupling *coupling)
{
	coupling->phase = PHASE_LOGOUT;
	if (imap_client_logout(coupling->imap) == 0)
		abort();
}

static void handle_update(struct coupling *coupling, enum imap_update_status status)
{
	if (status == IMAP_UPDATE_MORE)
		return;
	coupling->phase = PHASE_READY;
	if (coupling->quit)
		pop3_server_updated(&coupling->pop3, status == IMAP_UPDATE_DONE
							     ? NULL
							     : imap_update_text(coupling->update));
	else
		log_out(coupling);
}

/* Messages that get \Seen although they are not deleted. */
static void plan_seen(const struct coupling *coupling, struct imap_update_plan *plan)
{
	bool keep = plan->mode == IMAP_UPDATE_KEEP;
	size_t kept = 0;

	if (coupling->options.mark_seen != MARK_SEEN_RETR ||
	    maildrop_is_read_only(coupling->maildrop))
		return;
	if (!maildrop_retrieved_uids(coupling->maildrop, &plan->seen, &plan->seen_count))
		abort();
	for (size_t i = 0; i < plan->seen_count; i++) {
		uint32_t msgno = maildrop_find(coupling->maildrop, plan->seen[i]);

		if (keep || !coupling->quit || !maildrop_is_deleted(coupling->maildrop, msgno))
			plan->seen[kept++] = plan->seen[i];
	}
	plan->seen_count = kept;
}

/* `quit`: with the deletions; else the session was lost, and only \Seen is left to be said. */
static void start_update(struct coupling *coupling, bool quit)
{
	struct imap_update_plan plan = {
		.mode = coupling->options.delete_mode,
		.folder = span_text(coupling->options.delete_folder),
		.selected = span_text(coupling->options.folder),
		.deleted_seen = coupling->options.mark_seen != MARK_SEEN_NEVER,
	};

	coupling->quit = quit;
	if (quit && !maildrop_deleted_uids(coupling->maildrop, &plan.deleted, &plan.deleted_count))
		abort();
	plan_seen(coupling, &plan);
	coupling->phase = PHASE_UPDATE;
	imap_update_free(&coupling->update);
	coupling->update = imap_update_new(coupling->imap, &plan);
	if (coupling->update == NULL)
		abort();
	handle_update(coupling, imap_update_status(coupling->update));
}

/* ---- events ---- */

/* The server is gone: who waits for it hears so. */
static void lose_server(struct coupling *coupling, const char *text)
{
	enum coupling_phase phase = coupling->phase;

	hang_up(coupling);
	switch (phase) {
	case PHASE_LOGIN:
	case PHASE_LISTING:
	case PHASE_SIZING:
		pop3_server_login_refused(&coupling->pop3, POP3_CODE_SYS_TEMP, text, false);
		return;
	case PHASE_RETRIEVAL:
		handle_retrieval(coupling, imap_retrieval_lost(&coupling->retrieval, text));
		coupling->phase = PHASE_NONE;
		return;
	case PHASE_UPDATE:
		if (coupling->quit)
			pop3_server_updated(&coupling->pop3, text);
		return;
	case PHASE_NONE:
	case PHASE_READY:
	case PHASE_LOGOUT:
		return;
	}
}

static void handle_imap_event(struct coupling *coupling, const struct imap_event *event)
{
	switch (coupling->phase) {
	case PHASE_LOGIN:
		handle_login(coupling, imap_login_event(&coupling->login, event));
		return;
	case PHASE_LISTING:
	case PHASE_SIZING:
	case PHASE_READY:
	case PHASE_RETRIEVAL:
	case PHASE_UPDATE:
		break;
	case PHASE_LOGOUT:
		if (event->type == IMAP_EVENT_VIOLATION ||
		    (event->type == IMAP_EVENT_DONE && event->command == IMAP_COMMAND_LOGOUT))
			hang_up(coupling);
		return;
	case PHASE_NONE:
		return;
	}
	if (event->type == IMAP_EVENT_BYE || event->type == IMAP_EVENT_VIOLATION)
		lose_server(coupling, event->text);
	else if (coupling->phase == PHASE_LISTING)
		handle_listing(coupling, imap_listing_event(&coupling->listing, event));
	else if (coupling->phase == PHASE_SIZING)
		handle_sizing(coupling, imap_sizing_event(&coupling->sizing, event));
	else if (coupling->phase == PHASE_RETRIEVAL)
		handle_retrieval(coupling, imap_retrieval_event(&coupling->retrieval, event));
	else if (coupling->phase == PHASE_UPDATE)
		handle_update(coupling, imap_update_event(coupling->update, event));
}

static void drop_server(struct coupling *coupling)
{
	coupling->hang_up = false;
	coupling->server_handshake = false;
	imap_listing_deinit(&coupling->listing);
	imap_sizing_deinit(&coupling->sizing);
	imap_retrieval_deinit(&coupling->retrieval);
	imap_client_free(&coupling->imap);
}

static void flush_commands(struct coupling *coupling)
{
	if (coupling->imap != NULL) {
		struct span output = imap_client_output(coupling->imap);

		append(&coupling->commands, output);
		imap_client_sent(coupling->imap, output.len);
	}
	if (coupling->hang_up)
		drop_server(coupling);
}

static void start_login(struct coupling *coupling, const struct pop3_event *event)
{
	bytebuf_reset(&coupling->user);
	bytebuf_reset(&coupling->password);
	append(&coupling->user, event->user);
	append(&coupling->password, event->password);
	coupling->imap = imap_client_new();
	if (coupling->imap == NULL)
		abort();
	coupling->phase = PHASE_LOGIN;
	imap_login_init(&coupling->login, coupling->imap, coupling->options.starttls,
			!coupling->options.starttls);
}

static void start_retrieval(struct coupling *coupling, const struct pop3_event *event)
{
	struct imap_retrieval_request request = {
		.uid = maildrop_uid(coupling->maildrop, event->msgno),
		.octets = maildrop_message_octets(coupling->maildrop, event->msgno),
		.top = event->top,
		.top_lines = event->top_lines,
		.deliver_placeholder = coupling->options.deliver_placeholders,
	};

	coupling->msgno = event->msgno;
	coupling->top = event->top;
	coupling->begun = false;
	if (coupling->phase != PHASE_READY) {
		pop3_server_message_refused(&coupling->pop3, POP3_CODE_SYS_TEMP,
					    "The mail server is gone");
		return;
	}
	coupling->phase = PHASE_RETRIEVAL;
	handle_retrieval(coupling,
			 imap_retrieval_start(&coupling->retrieval, coupling->imap, &request));
}

static void part(struct coupling *coupling)
{
	if (coupling->parted)
		return;
	coupling->parted = true;
	if (coupling->phase == PHASE_READY) {
		if (pop3_server_state(&coupling->pop3) == POP3_CLOSED && coupling->update != NULL)
			log_out(coupling);
		else
			start_update(coupling, false);
	} else if (coupling->phase != PHASE_NONE && coupling->phase != PHASE_UPDATE) {
		hang_up(coupling);
	}
}

static void handle_pop3_event(struct coupling *coupling, const struct pop3_event *event)
{
	switch (event->type) {
	case POP3_EVENT_STLS:
		coupling->client_handshake = true;
		break;
	case POP3_EVENT_LOGIN:
		start_login(coupling, event);
		break;
	case POP3_EVENT_RETRIEVE:
		start_retrieval(coupling, event);
		break;
	case POP3_EVENT_UPDATE:
		if (coupling->phase == PHASE_READY)
			start_update(coupling, true);
		else
			pop3_server_updated(&coupling->pop3, "The mail server is gone");
		break;
	case POP3_EVENT_CLOSE:
		coupling->closed = event->reason;
		part(coupling);
		break;
	case POP3_EVENT_NEED_INPUT:
	case POP3_EVENT_NEED_OUTPUT:
	case POP3_EVENT_WAITING:
		break;
	}
}

/* Lets the POP3 machine go on until it waits for somebody. */
static void run_pop3(struct coupling *coupling)
{
	struct pop3_event event;

	do {
		struct span in = bytebuf_peek(&coupling->from_client);
		size_t len = in.len;

		pop3_server_next(&coupling->pop3, &in, &event);
		handle_pop3_event(coupling, &event);
		bytebuf_consume(&coupling->from_client, len - in.len);
		flush_replies(coupling);
		flush_commands(coupling);
	} while (event.type != POP3_EVENT_NEED_INPUT && event.type != POP3_EVENT_WAITING &&
		 event.type != POP3_EVENT_STLS && event.type != POP3_EVENT_CLOSE);
}

/* ---- the peers ---- */

struct coupling *coupling_new(const struct coupling_options *options)
{
	struct pop3_server_options pop3_options = {
		.stls_offered = options->stls,
		.login_allowed = options->plaintext_logins,
	};
	struct coupling *coupling = allocate(1, sizeof(*coupling));

	coupling->options = *options;
	bytebuf_init(&coupling->from_client, OCTETS_MAX);
	bytebuf_init(&coupling->replies, OCTETS_MAX);
	bytebuf_init(&coupling->commands, OCTETS_MAX);
	bytebuf_init(&coupling->user, OCTETS_MAX);
	bytebuf_init(&coupling->password, OCTETS_MAX);
	pop3_server_init(&coupling->pop3, &pop3_options);
	pop3_server_greet(&coupling->pop3);
	run_pop3(coupling);
	return coupling;
}

void coupling_free(struct coupling **coupling)
{
	struct coupling *old = *coupling;

	if (old == NULL)
		return;
	drop_server(old);
	imap_update_free(&old->update);
	pop3_server_deinit(&old->pop3);
	maildrop_free(&old->maildrop);
	bytebuf_deinit(&old->from_client);
	bytebuf_deinit(&old->replies);
	bytebuf_deinit(&old->commands);
	bytebuf_deinit(&old->user);
	bytebuf_deinit(&old->password);
	free(old);
	*coupling = NULL;
}

void coupling_client_says(struct coupling *coupling, struct span octets)
{
	append(&coupling->from_client, octets);
	run_pop3(coupling);
}

void coupling_client_closes(struct coupling *coupling)
{
	coupling->client_gone = true;
	coupling->closed = "client-closed";
	/* QUIT has been said, if it has; its update goes on. */
	if (pop3_server_state(&coupling->pop3) != POP3_UPDATE)
		part(coupling);
	flush_commands(coupling);
}

bool coupling_client_starts_tls(struct coupling *coupling)
{
	if (!coupling->client_handshake)
		return false;
	coupling->client_handshake = false;
	pop3_server_tls_started(&coupling->pop3);
	run_pop3(coupling);
	return true;
}

bool coupling_server_says(struct coupling *coupling, struct span octets)
{
	struct imap_event event;

	if (coupling->imap == NULL)
		return false;
	while (!coupling->hang_up &&
	       imap_client_next(coupling->imap, &octets, &event) != IMAP_EVENT_NEED_INPUT) {
		handle_imap_event(coupling, &event);
		flush_replies(coupling);
	}
	flush_commands(coupling);
	run_pop3(coupling);
	return true;
}

bool coupling_server_closes(struct coupling *coupling)
{
	if (coupling->imap == NULL)
		return false;
	lose_server(coupling, "the server closed the connection");
	flush_commands(coupling);
	run_pop3(coupling);
	return true;
}

bool coupling_server_starts_tls(struct coupling *coupling)
{
	if (!coupling->server_handshake)
		return false;
	coupling->server_handshake = false;
	handle_login(coupling, imap_login_tls_started(&coupling->login));
	flush_commands(coupling);
	run_pop3(coupling);
	return true;
}

struct bytebuf *coupling_replies(struct coupling *coupling)
{
	return &coupling->replies;
}

struct bytebuf *coupling_commands(struct coupling *coupling)
{
	return &coupling->commands;
}

const char *coupling_closed(const struct coupling *coupling)
{
	return coupling->closed;
}
