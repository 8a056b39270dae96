/* SPDX-License-Identifier: ISC */
/*
 * Fails each allocation of a POP3 session in turn, the first, the second, and so on until one run
 * needs no more: the session ends, or goes on as if nothing had been, and nothing else happens. So
 * too of an IMAP login.
 * Linked with --wrap, so that malloc() and its like of the library come here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/imap_login.h"
#include "protocol/imap_retrieval.h"
#include "protocol/pop3_server.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

enum { UNLIMITED = -1 };

/* What a wrapped function counts has no other place than a static variable. */
static int allocations_left = UNLIMITED;

static bool may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	if (allocations_left > 0)
		allocations_left--;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
	return may_allocate() ? __real_realloc(memory, size) : NULL;
}

/* Feeds one piece. Returns why the session is over, or NULL. */
static const char *feed(struct pop3_server *server, struct maildrop *drop, struct span in)
{
	for (;;) {
		struct pop3_event event;
		enum pop3_event_type type = pop3_server_next(server, &in, &event);
		pop3_server_sent(server, pop3_server_output(server).len);
		switch (type) {
		case POP3_EVENT_NEED_INPUT:
			return NULL;
		case POP3_EVENT_LOGIN:
			if (span_equal(event.password, span_text("wrong")))
				pop3_server_login_refused(server, POP3_CODE_AUTH, "no", true);
			else
				pop3_server_login_ok(server, drop);
			break;
		case POP3_EVENT_RETRIEVE:
			if (pop3_server_message_begin(server))
				pop3_server_message_end(server);
			break;
		case POP3_EVENT_UPDATE:
			pop3_server_updated(server, NULL);
			break;
		case POP3_EVENT_CLOSE:
			return event.reason;
		case POP3_EVENT_NEED_OUTPUT:
			break;
		case POP3_EVENT_WAITING:
		case POP3_EVENT_STLS:
			fail_msg("event %d", type);
		}
	}
}

/* One session, in pieces of `step` octets, with so many allocations. True: it came to QUIT. */
static bool session_completes(int allocations, size_t step)
{
	static const struct pop3_server_options options = { .login_allowed = true };
	static const char input[] =
		"USER alice\r\nPASS wrong\r\nAUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\n"
		"CAPA\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 1 2\r\nDELE 2\r\nQUIT\r\n";
	struct span rest = span_text(input);
	struct maildrop *drop = maildrop_new(1);
	struct pop3_server server;
	const char *reason = NULL;

	assert_non_null(drop);
	for (uint32_t uid = 1; uid <= 1000; uid++)
		assert_int_equal(maildrop_add(drop, uid, uid), MAILDROP_OK);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);

	allocations_left = allocations;
	pop3_server_init(&server, &options);
	pop3_server_greet(&server);
	while (reason == NULL && rest.len > 0)
		reason = feed(&server, drop, span_take(&rest, step));
	allocations_left = UNLIMITED;

	assert_non_null(reason);
	bool complete = strcmp(reason, "quit") == 0;
	if (!complete)
		assert_string_equal(reason, "out-of-memory");
	assert_int_equal(pop3_server_state(&server), POP3_CLOSED);
	pop3_server_deinit(&server);
	maildrop_free(&drop);
	return complete;
}

static void a_pop3_session_ends_when_memory_does(void **state)
{
	static const size_t steps[] = { 1, 5, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int allocations = 0;
		while (!session_completes(allocations, steps[i]))
			allocations++;
		assert_true(allocations > 3);
	}
}

static void a_maildrop_says_so(void **state)
{
	uint32_t *uids;
	size_t count;

	(void)state;
	allocations_left = 0;
	assert_null(maildrop_new(1));
	allocations_left = 2;
	struct maildrop *drop = maildrop_new(1);
	assert_non_null(drop);
	uint32_t uid = 1;
	while (maildrop_add(drop, uid, 1) == MAILDROP_OK)
		uid++;
	assert_int_equal(maildrop_add(drop, uid, 1), MAILDROP_NO_MEMORY);
	assert_int_equal(maildrop_last(drop), uid - 1);
	assert_int_equal(maildrop_seal(drop), MAILDROP_OK);
	assert_int_equal(maildrop_add_notice(drop, "n", 1), MAILDROP_NO_MEMORY);
	assert_int_equal(maildrop_notice(drop), 0);
	assert_int_equal(maildrop_last(drop), uid - 1);
	maildrop_mark_deleted(drop, 1);
	assert_false(maildrop_deleted_uids(drop, &uids, &count));
	assert_null(uids);
	allocations_left = UNLIMITED;
	maildrop_free(&drop);
}

static enum imap_login_step take_login_step(struct imap_login *login, enum imap_login_step step)
{
	static unsigned char token[4000];

	memset(token, 't', sizeof(token));
	if (step == IMAP_LOGIN_READY)
		return imap_login_token(login, span_text("joe"), span_of(token, sizeof(token)));
	if (step == IMAP_LOGIN_AUTHENTICATED)
		return imap_login_select(login, span_text("INBOX"));
	return step;
}

/* A login with a token, line by line. How it ended; MORE when the server is waited for. */
static enum imap_login_step log_in(struct imap_client *client, struct imap_login *login)
{
	static const char *const lines[] = {
		"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hello\r\n",
		"+ \r\n",
		"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n",
		"A1 OK [CAPABILITY IMAP4rev1] in\r\n",
		"* OK [UIDVALIDITY 9] valid\r\n",
		"A2 OK [READ-WRITE] open\r\n",
	};
	enum imap_login_step step = IMAP_LOGIN_MORE;

	imap_login_init(login, client, false, true);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct span in = span_text(lines[i]);
		struct imap_event event;

		while (step != IMAP_LOGIN_FAILED &&
		       imap_client_next(client, &in, &event) != IMAP_EVENT_NEED_INPUT)
			step = take_login_step(login, imap_login_event(login, &event));
		if (step == IMAP_LOGIN_FAILED)
			return step;
		imap_client_sent(client, imap_client_output(client).len);
	}
	return step;
}

/* Nothing but the end may come of it, and the end is no verdict on the token. */
static void a_token_login_ends_when_memory_does(void **state)
{
	enum imap_login_step step = IMAP_LOGIN_FAILED;
	int allocations = 0;

	(void)state;
	for (; step != IMAP_LOGIN_SELECTED; allocations++) {
		struct imap_login login;

		allocations_left = allocations;
		struct imap_client *client = imap_client_new();
		step = client == NULL ? IMAP_LOGIN_FAILED : log_in(client, &login);
		allocations_left = UNLIMITED;
		if (client != NULL && step == IMAP_LOGIN_FAILED &&
		    login.failure != IMAP_LOGIN_INTERNAL && login.failure != IMAP_LOGIN_VIOLATION)
			fail_msg("%d allocations: failure %d, %s", allocations, (int)login.failure,
				 login.text);
		assert_true(step == IMAP_LOGIN_FAILED || step == IMAP_LOGIN_SELECTED);
		imap_client_free(&client);
	}
	assert_true(allocations > 5);
}

static void hear_greeting(struct imap_client *client)
{
	struct span in = span_text("* PREAUTH hello\r\n");
	struct imap_event event;

	while (imap_client_next(client, &in, &event) != IMAP_EVENT_NEED_INPUT)
		assert_int_equal(event.type, IMAP_EVENT_GREETING);
}

/* RETR of a message of one section, in pieces of `step` octets. How it ended. */
static enum imap_retrieval_status retrieve(struct imap_client *client, const char *text,
					   size_t step, struct imap_retrieval *retrieval)
{
	static const struct imap_retrieval_request request = { .uid = 7,
							       .octets = 9,
							       .top_lines = BYTE_STUFF_ALL_LINES };
	enum imap_retrieval_status status = imap_retrieval_start(retrieval, client, &request);
	struct span rest = span_text(text);

	imap_client_sent(client, imap_client_output(client).len);
	while (status < IMAP_RETRIEVAL_END && rest.len > 0) {
		struct span in = span_take(&rest, step);
		struct imap_event event;
		struct span piece;

		while (status < IMAP_RETRIEVAL_END &&
		       imap_client_next(client, &in, &event) != IMAP_EVENT_NEED_INPUT) {
			status = imap_retrieval_event(retrieval, &event);
			while (status <= IMAP_RETRIEVAL_END &&
			       imap_retrieval_piece(retrieval, &piece))
				continue;
		}
	}
	return status;
}

/* Retrieves it with none, one, two allocations and so on until it ends as `expected`; before,
 * nothing but a refusal may come of it. */
static void retrieve_until(const char *text, size_t step, enum imap_retrieval_status expected,
			   uint64_t octets)
{
	enum imap_retrieval_status status = IMAP_RETRIEVAL_REFUSED;
	int allocations;

	for (allocations = 0; status != expected; allocations++) {
		struct imap_retrieval retrieval = { .begun = false };
		struct imap_client *client = imap_client_new();

		assert_non_null(client);
		hear_greeting(client);
		allocations_left = allocations;
		status = retrieve(client, text, step, &retrieval);
		allocations_left = UNLIMITED;
		if (status != IMAP_RETRIEVAL_REFUSED && status != IMAP_RETRIEVAL_BROKEN &&
		    status != expected)
			fail_msg("%d allocations: status %d", allocations, (int)status);
		if (status == expected)
			assert_true(imap_retrieval_octets(&retrieval) == octets);
		imap_retrieval_deinit(&retrieval);
		imap_client_free(&client);
	}
	assert_true(allocations > 1);
}

/* Who cannot remember what the header said does not take what follows for the message; and what is
 * delivered lacks nothing of what was held back. */
static void a_retrieval_is_refused_when_memory_ends(void **state)
{
	static const char placeholder[] =
		"* 1 FETCH (UID 7 BODY[] {150}\r\nX-Padding: 1234567890123456789012345678901\r\n"
		"From: Microsoft Exchange\r\nSubject: Retrieval using the IMAP4 protocol failed "
		"for "
		"the following message\r\n\r\n)\r\nA1 OK done\r\n";
	static const char message[] =
		"* 1 FETCH (UID 7 BODY[] {88}\r\nX-Padding: 1234567890123456789012345678901\r\n"
		"From: Microsoft Exchange\r\nSubject: hello\r\n\r\n)\r\nA1 OK done\r\n";
	static const char nameless[] = "* 1 FETCH (UID 7 BODY[] {46}\r\nX-Padding: "
				       "1234567890123456789012345678901\r\n\r\n)\r\n"
				       "A1 OK done\r\n";
	static const size_t steps[] = { 1, 50, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		retrieve_until(nameless, steps[i], IMAP_RETRIEVAL_END, 46);
		retrieve_until(placeholder, steps[i], IMAP_RETRIEVAL_UNREADABLE, 0);
		retrieve_until(message, steps[i], IMAP_RETRIEVAL_END, 88);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pop3_session_ends_when_memory_does),
		cmocka_unit_test(a_maildrop_says_so),
		cmocka_unit_test(a_token_login_ends_when_memory_does),
		cmocka_unit_test(a_retrieval_is_refused_when_memory_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
