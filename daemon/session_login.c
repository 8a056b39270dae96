/* SPDX-License-Identifier: ISC */
#include "daemon/secret.h"
#include "daemon/session_private.h"

/* Passwords of one address that are being checked at a time; the thread does some twenty a second.
 */
enum { SESSION_CHECKS_MAX = 100 };

/* Who waits for somebody to sign in has been told of once (daemon/attention.h); clients go on
 * asking, every minute perhaps. */
static bool is_told(const struct failure *failure)
{
	return failure->cause == FAILURE_CAUSE_TOKEN && failure->kind != FAILURE_SYS_TEMP;
}

static void session_log_login(struct session *session, const struct failure *failure)
{
	char address[ADDRESS_TEXT_MAX];
	char tls[128];
	struct log_line line;

	address_format(&session->address, address);
	stream_describe_tls(session->stream, tls, sizeof(tls));
	log_begin(&line, &session->bridge->log,
		  failure == NULL || is_told(failure) ? CONF_LOG_INFO : CONF_LOG_WARNING,
		  failure == NULL ? "login" : "login-failed");
	log_session(&line, session->id);
	log_text(&line, "address", address);
	log_text(&line, "user", session->user);
	log_text(&line, "tls", tls);
	if (failure != NULL) {
		log_text(&line, "code", pop3_code_name(failure_code(failure->kind)));
		log_text(&line, "reason", failure->text);
		if (failure->detail[0] != '\0')
			log_text(&line, "detail", failure->detail);
	} else {
		const struct maildrop *drop = mailbox_maildrop(session->mailbox);

		log_number(&line, "messages", maildrop_count(drop));
		log_number(&line, "octets", maildrop_octets(drop));
	}
	log_seconds(&line, "seconds", loop_now_ms() - session->login_began_ms);
	log_end(&line);
}

void session_answer_refusal(struct session *session)
{
	session->wait = LOGIN_NOT_WAITING;
	pop3_server_login_refused(&session->server, failure_code(session->failure.kind),
				  session->failure.text, session->failure.wrong_password);
	session_pump(session);
}

static void session_refuse_login(struct session *session, const struct failure *failure)
{
	uint64_t now = loop_now_ms();

	session->failure = *failure;
	session_log_login(session, failure);
	session_clear_deadline(session, DEADLINE_PATIENCE);
	if (!failure->wrong_password) {
		session_answer_refusal(session);
		return;
	}
	session->wait = LOGIN_IN_PENALTY;
	session_set_deadline(
		session, DEADLINE_PENALTY,
		address_book_failure(&session->bridge->addresses, &session->address, now));
}

/* Hands an upstream login to mailbox.c. `password` NULL: no memory, but with OAuth, which has none.
 */
static void session_open_mailbox(struct session *session, struct secret *password, bool proven)
{
	const struct conf_account *account = session->account;
	struct failure failure;
	struct mailbox_login login = {
		.session = session,
		.session_id = session->id,
		.address = session->address,
		.setup = session->setup,
		.account = account,
		.name = session->user,
		.user = conf_account_mailbox(account, session->user),
		.password = password,
		.proven = proven,
	};

	session->wait = LOGIN_AT_MAILBOX;
	if (account->auth != CONF_AUTH_OAUTH2 &&
	    (password == NULL ||
	     !gatekeeper_digest(session->bridge->gatekeeper, span_text(login.user),
				secret_borrow(password), login.digest))) {
		secret_free(&login.password);
		failure_set(&failure, FAILURE_SYS_TEMP, "No memory");
		session_mailbox_failed(session, &failure);
		return;
	}
	mailbox_login(&session->bridge->mailboxes, &login);
}

static void session_checked(struct session *session, const struct failure *failure)
{
	struct failure unreadable;

	if (failure != NULL) {
		session_refuse_login(session, failure);
		return;
	}
	session_proven(session);
	if (session->account->auth == CONF_AUTH_OAUTH2) {
		session_open_mailbox(session, NULL, true);
		return;
	}
	struct secret *password = secret_read(session->account->imap_password_file, &unreadable);
	if (password == NULL)
		session_refuse_login(session, &unreadable);
	else
		session_open_mailbox(session, password, true);
}

static void on_checked(void *owner, uint64_t ticket, const struct address *address,
		       const struct failure *failure)
{
	struct bridge *bridge = owner;
	struct session *session = bridge_find_session(bridge, ticket >> 16);

	address_book_end_check(&bridge->addresses, address);
	/* The login that asked may have been given up, and another begun. */
	if (session != NULL && session->wait == LOGIN_AT_GATE &&
	    (uint16_t)ticket == session->login_serial)
		session_checked(session, failure);
	else if (failure != NULL && failure->wrong_password)
		/* Who does not wait for the answer is counted all the same. */
		(void)address_book_failure(&bridge->addresses, address, loop_now_ms());
}

/* Copies the name for the log and everything else. False: no name of anybody. */
static bool session_take_user(struct session *session, struct span user)
{
	bool ok = user.len < sizeof(session->user);

	if (user.len >= sizeof(session->user))
		user.len = sizeof(session->user) - 1;
	if (user.len > 0)
		memcpy(session->user, user.data, user.len);
	session->user[user.len] = '\0';
	for (size_t i = 0; i < user.len; i++)
		ok = ok && user.data[i] >= ' ' && user.data[i] != 0x7f;
	return ok;
}

void session_login(struct session *session, const struct pop3_event *event)
{
	const struct conf *conf = session->setup->conf;
	bool name = session_take_user(session, event->user);
	struct failure busy;

	session->login_began_ms = loop_now_ms();
	session->login_serial++;
	session_set_deadline(session, DEADLINE_PATIENCE,
			     (uint64_t)conf->limits.login_patience * 1000);
	session->account = name ? conf_find_account(conf, session->user) : NULL;
	if (session->account != NULL && session->account->auth == CONF_AUTH_PASSTHROUGH) {
		session_open_mailbox(session, secret_new(event->password), false);
		return;
	}
	session->wait = LOGIN_AT_GATE;
	if (!address_book_begin_check(&session->bridge->addresses, &session->address,
				      SESSION_CHECKS_MAX, session->login_began_ms)) {
		failure_set(&busy, FAILURE_SYS_TEMP, "Too many logins at once from your address");
		session_refuse_login(session, &busy);
		return;
	}
	gatekeeper_check(session->bridge->gatekeeper, session->account, &session->address,
			 event->user, event->password, on_checked, session->bridge,
			 session->id << 16 | session->login_serial);
}

void session_proven(struct session *session)
{
	address_book_success(&session->bridge->addresses, &session->address);
}

void session_mailbox_opening(struct session *session, struct mailbox *mailbox)
{
	session->mailbox = mailbox;
}

void session_mailbox_open(struct session *session, struct mailbox *mailbox)
{
	session->mailbox = mailbox;
	session->wait = LOGIN_NOT_WAITING;
	stream_set_secret(session->stream, false);
	session_clear_deadline(session, DEADLINE_PATIENCE);
	session_clear_deadline(session, DEADLINE_LOGIN);
	session_set_deadline(session, DEADLINE_IDLE,
			     (uint64_t)session->setup->conf->limits.idle_timeout * 1000);
	session_log_login(session, NULL);
	session->tally.left = maildrop_count(mailbox_maildrop(mailbox));
	pop3_server_login_ok(&session->server, mailbox_maildrop(mailbox));
	session_pump(session);
}

void session_mailbox_failed(struct session *session, const struct failure *failure)
{
	session->mailbox = NULL;
	if (!session->closed && session->wait == LOGIN_AT_MAILBOX)
		session_refuse_login(session, failure);
}

void session_out_of_patience(struct session *session)
{
	struct failure failure;

	failure_set(&failure, FAILURE_SYS_TEMP,
		    session->mailbox != NULL
			    ? "The mailbox is still being opened; try again in a moment"
			    : "The login takes too long; try again in a moment");
	mailbox_leave_opening(&session->mailbox);
	session_refuse_login(session, &failure);
}
