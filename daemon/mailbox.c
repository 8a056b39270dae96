/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/mailbox_private.h"
#include "daemon/session.h"
#include "protocol/imap_utf7.h"

enum {
	/* An open mailbox that nobody waits for any more is kept for the next login so long: many
	 * clients ask every ten minutes. */
	MAILBOX_CLAIM_MS = 900000,
	/* Servers end what is silent for thirty minutes (RFC 3501 section 5.4), some earlier. */
	MAILBOX_NOOP_MS = 600000,
	/* How long LOGOUT is waited for. */
	MAILBOX_LOGOUT_MS = 2000,
};

#define MOVE(state) (1u << MAILBOX_##state)

/* Where each state leads to; DEAD besides, from everywhere. */
static const unsigned legal_moves[] = {
	[MAILBOX_TOKEN] = MOVE(CONNECTING) | MOVE(RECALLING),
	[MAILBOX_CONNECTING] = MOVE(AUTHENTICATING) | MOVE(CLOSING),
	[MAILBOX_AUTHENTICATING] = MOVE(SELECTING) | MOVE(CLOSING) | MOVE(TOKEN) | MOVE(RECALLING),
	[MAILBOX_SELECTING] = MOVE(LOADING) | MOVE(TOKEN) | MOVE(RECALLING),
	[MAILBOX_LOADING] = MOVE(LISTING),
	[MAILBOX_LISTING] = MOVE(SIZING) | MOVE(OPEN),
	[MAILBOX_SIZING] = MOVE(OPEN),
	[MAILBOX_RECALLING] = MOVE(OPEN),
	[MAILBOX_OPEN] = MOVE(RETRIEVING) | MOVE(UPDATING) | MOVE(CLOSING),
	[MAILBOX_RETRIEVING] = MOVE(OPEN),
	[MAILBOX_UPDATING] = MOVE(CLOSING),
	[MAILBOX_CLOSING] = 0,
	[MAILBOX_DEAD] = 0,
};

/* The only way to change the state. */
void mailbox_set_state(struct mailbox *mailbox, enum mailbox_state state)
{
	static const char *const names[] = {
#define X(name) #name,
		MAILBOX_STATES(X)
#undef X
	};
	struct log_line line;

	(void)legal_moves;
	assert(state == MAILBOX_DEAD || (legal_moves[mailbox->state] & 1u << state) != 0);
	log_begin(&line, mailbox->all->log, CONF_LOG_DEBUG, "mailbox");
	log_session(&line, mailbox->session_id);
	log_text(&line, "from", names[mailbox->state]);
	log_text(&line, "to", names[state]);
	log_end(&line);
	mailbox->state = state;
}

static void mailbox_free(void *argument)
{
	struct mailbox *mailbox = argument;

	imap_listing_deinit(&mailbox->listing);
	imap_sizing_deinit(&mailbox->sizing);
	imap_retrieval_deinit(&mailbox->retrieval);
	imap_update_free(&mailbox->update);
	maildrop_free(&mailbox->maildrop);
	bytebuf_deinit(&mailbox->notice);
	secret_free(&mailbox->credential);
	if (mailbox->timer != NULL)
		event_free(mailbox->timer);
	setup_unref(&mailbox->setup);
	free(mailbox->kept);
	free(mailbox->name);
	free(mailbox->user);
	free(mailbox->folder);
	free(mailbox->key);
	free(mailbox->identity);
	explicit_bzero(mailbox->digest, sizeof(mailbox->digest));
	free(mailbox);
}

bool mailbox_is_opening(const struct mailbox *mailbox)
{
	return mailbox->state < MAILBOX_OPEN;
}

void mailbox_die(struct mailbox *mailbox)
{
	if (mailbox->state == MAILBOX_DEAD)
		return;
	mailbox_note_session(mailbox, false);
	mailbox_set_state(mailbox, MAILBOX_DEAD);
	mailbox_unlock(mailbox);
	upstream_bury(&mailbox->upstream);
	event_del(mailbox->timer);
	mailboxes_remove(mailbox->all, mailbox);
	loop_bury(mailbox->all->loop, &mailbox->grave, mailbox_free, mailbox);
}

/* The session's share of a failure to open, and the log's. */
void mailbox_fail(struct mailbox *mailbox, const struct failure *failure)
{
	struct session *session = mailbox->session;
	struct log_line line;

	/* What is the matter with a token is told by those who know. */
	if (failure->cause == FAILURE_CAUSE_TOKEN)
		log_begin(&line, mailbox->all->log, CONF_LOG_INFO, "no-token");
	else
		log_begin(&line, mailbox->all->log, CONF_LOG_WARNING, "upstream-failed");
	log_session(&line, mailbox->session_id);
	log_text(&line, "user", mailbox->user);
	log_text(&line, "host", mailbox->account->imap.host);
	log_number(&line, "port", mailbox->account->imap.port);
	log_text(&line, "folder", mailbox->account->folder);
	log_text(&line, "code", pop3_code_name(failure_code(failure->kind)));
	log_text(&line, "reason", failure->text);
	if (failure->detail[0] != '\0')
		log_text(&line, "detail", failure->detail);
	log_end(&line);
	/* That somebody else is there says nothing about the mailbox; and what is the matter with
	 * a sign-in, and when it is over, the token service knows. */
	if (mailbox->memory != NULL && failure->kind != FAILURE_IN_USE &&
	    failure->kind != FAILURE_LOGIN_DELAY && failure->cause != FAILURE_CAUSE_TOKEN)
		mailbox_memory_failed(mailbox->memory, mailbox->name, time(NULL), failure->text);
	mailbox->session = NULL;
	mailbox_die(mailbox);
	if (session != NULL)
		session_mailbox_failed(session, failure);
}

void mailbox_fail_words(struct mailbox *mailbox, const char *text, const char *words)
{
	struct failure failure;

	failure_set_words(&failure, FAILURE_SYS_TEMP, text, words);
	mailbox_fail(mailbox, &failure);
}

void mailbox_logout(struct mailbox *mailbox)
{
	mailbox_unlock(mailbox);
	if (mailbox->upstream == NULL || !upstream_logout(mailbox->upstream)) {
		mailbox_die(mailbox);
		return;
	}
	mailbox_set_state(mailbox, MAILBOX_CLOSING);
	loop_arm(mailbox->timer, MAILBOX_LOGOUT_MS);
	upstream_resume(mailbox->upstream);
	upstream_flush(mailbox->upstream);
}

static void mailbox_keep_alive(struct mailbox *mailbox)
{
	uint64_t silent = loop_now_ms() - mailbox->unattended_since_ms;

	if (mailbox->session == NULL && silent >= MAILBOX_CLAIM_MS) {
		mailbox_logout(mailbox);
		return;
	}
	if (mailbox->upstream != NULL && imap_client_noop(upstream_client(mailbox->upstream)) != 0)
		upstream_flush(mailbox->upstream);
	if (mailbox->session == NULL && MAILBOX_CLAIM_MS - silent < MAILBOX_NOOP_MS)
		loop_arm(mailbox->timer, MAILBOX_CLAIM_MS - silent);
	else
		loop_arm(mailbox->timer, MAILBOX_NOOP_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct mailbox *mailbox = argument;

	(void)fd;
	(void)what;
	if (mailbox->state == MAILBOX_OPEN)
		mailbox_keep_alive(mailbox);
	else if (mailbox->state == MAILBOX_RETRIEVING && mailbox->session != NULL)
		loop_arm(mailbox->timer, MAILBOX_NOOP_MS);
	else if (mailbox->state == MAILBOX_RETRIEVING || mailbox->state == MAILBOX_CLOSING)
		mailbox_die(mailbox);
}

/* ---- opening ---- */

void mailbox_opened(struct mailbox *mailbox)
{
	mailbox_set_state(mailbox, MAILBOX_OPEN);
	loop_arm(mailbox->timer, MAILBOX_NOOP_MS);
	if (mailbox->session != NULL)
		session_mailbox_open(mailbox->session, mailbox);
}

/* The way to the mailbox works, from end to end. */
static void mailbox_ready(struct mailbox *mailbox)
{
	struct store_mailbox name = mailbox_name(mailbox);

	mailbox_memory_succeeded(mailbox->memory, mailbox->name, time(NULL),
				 maildrop_count(mailbox->maildrop));
	if (mailbox->all->attention != NULL)
		attention_clear(mailbox->all->attention, &name);
	mailbox_opened(mailbox);
}

void mailbox_attach(struct mailbox *mailbox, struct session *session)
{
	mailbox->session = session;
	session_mailbox_opening(session, mailbox);
	if (mailbox->state == MAILBOX_OPEN)
		session_mailbox_open(session, mailbox);
}

static void mailbox_handle_sizing(struct mailbox *mailbox, enum imap_sizing_status status)
{
	switch (status) {
	case IMAP_SIZING_MORE:
		break;
	case IMAP_SIZING_LEARNT:
		mailbox_memory_learn(mailbox->memory, maildrop_uidvalidity(mailbox->maildrop),
				     mailbox->sizing.uid, mailbox->sizing.octets);
		break;
	case IMAP_SIZING_DONE:
		mailbox_ready(mailbox);
		break;
	case IMAP_SIZING_FAILED:
		mailbox_fail_words(mailbox, "Sizes of messages cannot be learnt",
				   mailbox->sizing.text);
		break;
	}
}

static void mailbox_listed(struct mailbox *mailbox)
{
	uint32_t *unknown;
	size_t count;

	mailbox->maildrop = imap_listing_take(&mailbox->listing);
	maildrop_set_read_only(mailbox->maildrop,
			       imap_client_selected(upstream_client(mailbox->upstream))->read_only);
	mailbox_memory_prune(mailbox->memory, mailbox->maildrop);
	if (mailbox->account->sizes == CONF_SIZES_FAST) {
		mailbox_ready(mailbox);
		return;
	}
	if (!mailbox_memory_sizes(mailbox->memory, mailbox->maildrop, &unknown, &count)) {
		mailbox_fail_words(mailbox, "No memory", NULL);
		return;
	}
	mailbox_set_state(mailbox, MAILBOX_SIZING);
	mailbox_handle_sizing(mailbox, imap_sizing_start(&mailbox->sizing,
							 upstream_client(mailbox->upstream),
							 mailbox->maildrop, unknown, count));
}

static void mailbox_handle_listing(struct mailbox *mailbox, enum imap_listing_status status)
{
	switch (status) {
	case IMAP_LISTING_MORE:
		break;
	case IMAP_LISTING_DONE:
		mailbox_listed(mailbox);
		break;
	case IMAP_LISTING_FAILED:
		mailbox_fail_words(mailbox, "The mailbox cannot be listed", mailbox->listing.text);
		break;
	}
}

static void mailbox_list(struct mailbox *mailbox)
{
	struct imap_listing_options options = { .not_after = INT64_MAX,
						.hidden = mailbox->kept,
						.hidden_count = mailbox->kept_count };

	if (mailbox->account->min_age > 0)
		options.not_after = (int64_t)time(NULL) - mailbox->account->min_age;
	mailbox_set_state(mailbox, MAILBOX_LISTING);
	mailbox_handle_listing(mailbox,
			       imap_listing_start(&mailbox->listing,
						  upstream_client(mailbox->upstream), &options));
}

static void on_kept_loaded(void *owner, uint64_t ticket, struct store_answer *answer)
{
	struct mailbox *mailbox = mailboxes_find(owner, ticket);

	if (mailbox == NULL || mailbox->state != MAILBOX_LOADING)
		return;
	if (!answer->ok) {
		mailbox_fail_words(mailbox, "The state of this mailbox cannot be read",
				   answer->error);
		return;
	}
	mailbox->kept = answer->uids;
	mailbox->kept_count = answer->count;
	answer->uids = NULL;
	mailbox_list(mailbox);
	if (mailbox->upstream != NULL)
		upstream_flush(mailbox->upstream);
}

struct store_mailbox mailbox_name(const struct mailbox *mailbox)
{
	return (struct store_mailbox){ .host = mailbox->account->imap.host,
				       .user = mailbox->user,
				       .folder = mailbox->account->folder };
}

static void mailbox_load(struct mailbox *mailbox)
{
	uint32_t uidvalidity =
		imap_client_selected(upstream_client(mailbox->upstream))->uidvalidity;
	struct store_mailbox name = mailbox_name(mailbox);

	mailbox_set_state(mailbox, MAILBOX_LOADING);
	if (mailbox->all->store == NULL)
		mailbox_list(mailbox);
	else if (!store_load_kept(mailbox->all->store, &name, uidvalidity, on_kept_loaded,
				  mailbox->all, mailbox->ticket))
		mailbox_fail_words(mailbox, "No memory", NULL);
}

static void on_step(void *owner, enum imap_login_step step)
{
	struct mailbox *mailbox = owner;
	struct address address = { 0 };

	switch (step) {
	case IMAP_LOGIN_READY:
		mailbox_set_state(mailbox, MAILBOX_AUTHENTICATING);
		if (mailbox->account->auth == CONF_AUTH_OAUTH2)
			upstream_token(mailbox->upstream, span_text(mailbox->user),
				       secret_borrow(mailbox->credential));
		else
			upstream_password(mailbox->upstream, span_text(mailbox->user),
					  secret_borrow(mailbox->credential));
		secret_free(&mailbox->credential);
		break;
	case IMAP_LOGIN_AUTHENTICATED:
		if (mailbox->account->auth == CONF_AUTH_OAUTH2)
			mailbox_token_accepted(mailbox);
		if (mailbox->session != NULL)
			address = *session_address(mailbox->session);
		if (!mailbox->proven && !mailbox_prove(mailbox, &address))
			break;
		mailbox_set_state(mailbox, MAILBOX_SELECTING);
		upstream_select(mailbox->upstream, span_text(mailbox->folder));
		break;
	case IMAP_LOGIN_SELECTED:
		mailbox_load(mailbox);
		break;
	case IMAP_LOGIN_MORE:
	case IMAP_LOGIN_START_TLS:
	case IMAP_LOGIN_FAILED:
		break;
	}
}

/* ---- the upstream ---- */

static void on_event(void *owner, const struct imap_event *event)
{
	struct mailbox *mailbox = owner;

	switch (mailbox->state) {
	case MAILBOX_LISTING:
		mailbox_handle_listing(mailbox, imap_listing_event(&mailbox->listing, event));
		break;
	case MAILBOX_SIZING:
		mailbox_handle_sizing(mailbox, imap_sizing_event(&mailbox->sizing, event));
		break;
	case MAILBOX_RETRIEVING:
		mailbox_handle_retrieval(mailbox, imap_retrieval_event(&mailbox->retrieval, event));
		break;
	case MAILBOX_UPDATING:
		if (mailbox->update != NULL)
			mailbox_handle_update(mailbox, imap_update_event(mailbox->update, event));
		break;
	case MAILBOX_CLOSING:
		if (event->type == IMAP_EVENT_DONE && event->command == IMAP_COMMAND_LOGOUT)
			mailbox_die(mailbox);
		break;
	case MAILBOX_TOKEN:
	case MAILBOX_CONNECTING:
	case MAILBOX_AUTHENTICATING:
	case MAILBOX_SELECTING:
	case MAILBOX_LOADING:
	case MAILBOX_RECALLING:
	case MAILBOX_OPEN:
	case MAILBOX_DEAD:
		break;
	}
}

static void on_turn_over(void *owner)
{
	struct mailbox *mailbox = owner;

	if (mailbox->session != NULL && mailbox->state >= MAILBOX_OPEN)
		session_turn_over(mailbox->session);
}

static void on_lost(void *owner, const struct failure *failure)
{
	struct mailbox *mailbox = owner;

	upstream_bury(&mailbox->upstream);
	mailbox->failure = *failure;
	if (mailbox_is_opening(mailbox)) {
		if (mailbox->account->auth == CONF_AUTH_OAUTH2 &&
		    failure->cause == FAILURE_CAUSE_REFUSED)
			mailbox_token_refused(mailbox, failure);
		else
			mailbox_fail(mailbox, failure);
		return;
	}
	switch (mailbox->state) {
	case MAILBOX_RETRIEVING:
		mailbox_handle_retrieval(mailbox,
					 imap_retrieval_lost(&mailbox->retrieval, failure->text));
		break;
	case MAILBOX_UPDATING:
		/* An answer of the store is still to come, and finds the upstream gone. */
		if (mailbox->update != NULL)
			mailbox_updated(mailbox, failure->text);
		return;
	case MAILBOX_TOKEN:
	case MAILBOX_CONNECTING:
	case MAILBOX_AUTHENTICATING:
	case MAILBOX_SELECTING:
	case MAILBOX_LOADING:
	case MAILBOX_LISTING:
	case MAILBOX_SIZING:
	case MAILBOX_RECALLING:
	case MAILBOX_OPEN:
	case MAILBOX_CLOSING:
	case MAILBOX_DEAD:
		break;
	}
	/* What the session does without the upstream (STAT, LIST, QUIT) it may go on doing. */
	if (mailbox->session == NULL)
		mailbox_die(mailbox);
}

static const struct upstream_owner upstream_functions = {
	.step = on_step, .event = on_event, .turn_over = on_turn_over, .lost = on_lost
};

/* ---- birth ---- */

/* The lock is on the identity with letters without case: servers differ in what they take for one
 * user, and a lock too many does no harm. Nothing but the lock may hang on it. */
static char *make_key(const char *identity)
{
	char *key = identity != NULL ? strdup(identity) : NULL;

	for (char *octet = key; octet != NULL && *octet != '\0'; octet++)
		*octet = (char)octet_upper((unsigned char)*octet);
	return key;
}

static char *make_folder(const struct conf_account *account)
{
	struct bytebuf text;
	char *folder = NULL;

	bytebuf_init(&text, MAILBOX_FOLDER_MAX);
	if (imap_utf7_encode(&text, span_text(account->folder)))
		folder = strndup((const char *)bytebuf_peek(&text).data, bytebuf_len(&text));
	bytebuf_deinit(&text);
	return folder;
}

static struct mailbox *mailbox_new(struct mailboxes *mailboxes, struct mailbox_login *login)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (mailbox == NULL)
		return NULL;
	mailbox->all = mailboxes;
	mailbox->session = login->session;
	mailbox->session_id = login->session_id;
	mailbox->setup = setup_ref(login->setup);
	mailbox->account = login->account;
	bytebuf_init(&mailbox->notice, MAILBOX_NOTICE_MAX);
	mailbox->credential = login->password;
	login->password = NULL;
	memcpy(mailbox->digest, login->digest, sizeof(mailbox->digest));
	mailbox->name = strdup(login->name);
	mailbox->user = strdup(login->user);
	mailbox->folder = make_folder(login->account);
	mailbox->identity =
		mailbox_memory_key(login->account->imap.host, login->user, login->account->folder);
	mailbox->key = make_key(mailbox->identity);
	mailbox->timer = evtimer_new(mailboxes->loop->base, on_timer, mailbox);
	if (mailbox->name == NULL || mailbox->user == NULL || mailbox->folder == NULL ||
	    mailbox->key == NULL || mailbox->timer == NULL || !mailboxes_add(mailboxes, mailbox)) {
		mailbox_free(mailbox);
		return NULL;
	}
	return mailbox;
}

void mailbox_dial(struct mailbox *mailbox)
{
	struct upstream_settings settings = {
		.loop = mailbox->all->loop,
		.resolver = mailbox->all->resolver,
		.log = mailbox->all->log,
		.imap = &mailbox->account->imap,
		.tls = setup_client(mailbox->setup, mailbox->account),
		.folder = mailbox->account->folder,
		.session = mailbox->session_id,
		.own_password = mailbox->account->auth == CONF_AUTH_PASSTHROUGH,
	};

	mailbox_set_state(mailbox, MAILBOX_CONNECTING);
	mailbox->upstream = upstream_new(&settings, &upstream_functions, mailbox);
	if (mailbox->upstream == NULL)
		mailbox_fail_words(mailbox, "No memory", NULL);
}

void mailbox_login(struct mailboxes *mailboxes, struct mailbox_login *login)
{
	struct failure failure;
	struct mailbox *mailbox = mailbox_new(mailboxes, login);

	if (mailbox == NULL) {
		secret_free(&login->password);
		failure_set(&failure, FAILURE_SYS_TEMP, "No memory");
		session_mailbox_failed(login->session, &failure);
		return;
	}
	session_mailbox_opening(login->session, mailbox);
	const struct mailbox *holder = mailboxes_holder(mailboxes, mailbox->key);
	/* The holder's password was right; so is the same one now. */
	bool same = holder != NULL && strcmp(holder->identity, mailbox->identity) == 0 &&
		    password_digest_equal(holder->digest, login->digest);
	if ((login->proven || same) && !mailbox_prove(mailbox, &login->address))
		return;
	if (mailbox->account->auth == CONF_AUTH_OAUTH2)
		mailbox_fetch_token(mailbox, OAUTH_ANY);
	else
		mailbox_dial(mailbox);
}
