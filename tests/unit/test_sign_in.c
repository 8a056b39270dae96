/* SPDX-License-Identifier: ISC */
/* The sign-in with everything around it played by the test: time, the identity provider, the
 * mailbox, and the token service (see --wrap in meson.build). */
#include "daemon/oauth/sign_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "daemon/oauth/token_advice.h"
#include "daemon/probe.h"
#include "protocol/bytebuf.h"
#include "tls/pkce.h"

static struct {
	uint64_t now_ms;
	struct event *timer;
	uint64_t armed_ms;
	/* The last request. */
	unsigned requests;
	bool no_memory;
	char url[200];
	char form[4000];
	http_fn *http_fn;
	void *http_owner;
	uint64_t http_ticket;
	/* The attempt at the mailbox. */
	unsigned probes;
	bool ipv4_only;
	bool over_ipv6; /* as it ends */
	char credential[100];
	probe_fn *probe_fn;
	void *probe_owner;
	/* The token service. */
	const char *proof_error;
	const char *client_secret;
	unsigned stored;
	char flow[16];
	oauth_stored_fn *stored_fn;
	void *stored_owner;
	uint64_t stored_ticket;
	/* What the owner was told. */
	char told[1000];
	char open_url[4000];
	char redirect_uri[600];
	char remedy[1000];
	int bury_at; /* an event type, or -1 */
} world;

void __wrap_loop_arm(struct event *timer, uint64_t ms);
void __wrap_loop_arm(struct event *timer, uint64_t ms)
{
	world.timer = timer;
	world.armed_ms = ms;
}

uint64_t __wrap_loop_now_ms(void);
uint64_t __wrap_loop_now_ms(void)
{
	return world.now_ms;
}

bool __wrap_http_request(struct http *http, const char *url, struct span form, const char *ca_file,
			 http_fn *fn, void *owner, uint64_t ticket);
bool __wrap_http_request(struct http *http, const char *url, struct span form, const char *ca_file,
			 http_fn *fn, void *owner, uint64_t ticket)
{
	(void)http;
	(void)ca_file;
	world.requests++;
	if (world.no_memory)
		return false;
	snprintf(world.url, sizeof(world.url), "%s", url);
	snprintf(world.form, sizeof(world.form), "%.*s", (int)form.len, (const char *)form.data);
	world.http_fn = fn;
	world.http_owner = owner;
	world.http_ticket = ticket;
	return true;
}

bool __wrap_oauth_proof(const struct conf_oauth *oauth, struct secret **client_secret_r,
			struct secret **client_assertion_r, char *error_r, size_t error_size);
bool __wrap_oauth_proof(const struct conf_oauth *oauth, struct secret **client_secret_r,
			struct secret **client_assertion_r, char *error_r, size_t error_size)
{
	(void)oauth;
	*client_secret_r = NULL;
	*client_assertion_r = NULL;
	if (world.client_secret != NULL)
		*client_secret_r = secret_new(span_text(world.client_secret));
	if (world.proof_error != NULL)
		snprintf(error_r, error_size, "%s", world.proof_error);
	return world.proof_error == NULL;
}

bool __wrap_oauth_sign_in(struct oauth *oauth, const struct oauth_client *client,
			  struct token_answer *answer, const char *flow, oauth_stored_fn *fn,
			  void *owner, uint64_t ticket);
bool __wrap_oauth_sign_in(struct oauth *oauth, const struct oauth_client *client,
			  struct token_answer *answer, const char *flow, oauth_stored_fn *fn,
			  void *owner, uint64_t ticket)
{
	(void)oauth;
	assert_string_equal(client->mailbox, "anna@contoso.com");
	assert_non_null(answer->refresh);
	secret_free(&answer->access);
	secret_free(&answer->refresh);
	world.stored++;
	snprintf(world.flow, sizeof(world.flow), "%s", flow);
	world.stored_fn = fn;
	world.stored_owner = owner;
	world.stored_ticket = ticket;
	return true;
}

struct probe *__wrap_probe_new(const struct probe_settings *settings, probe_fn *fn, void *owner);
struct probe *__wrap_probe_new(const struct probe_settings *settings, probe_fn *fn, void *owner)
{
	struct span credential = secret_borrow(settings->credential);

	assert_string_equal(settings->user, "anna@contoso.com");
	world.probes++;
	world.ipv4_only = settings->ipv4_only;
	snprintf(world.credential, sizeof(world.credential), "%.*s", (int)credential.len,
		 (const char *)credential.data);
	world.probe_fn = fn;
	world.probe_owner = owner;
	return (struct probe *)&world;
}

void __wrap_probe_bury(struct probe **probe);
void __wrap_probe_bury(struct probe **probe)
{
	if (*probe != NULL)
		world.probe_fn = NULL;
	*probe = NULL;
}

struct token_advice __wrap_token_advice_for(const struct token_answer *refusal,
					    const struct conf_oauth *oauth);
struct token_advice __wrap_token_advice_for(const struct token_answer *refusal,
					    const struct conf_oauth *oauth)
{
	(void)refusal;
	(void)oauth;
	return (struct token_advice){ .meaning = "It was refused.", .remedy = "Ask somebody." };
}

/* ---- one sign-in ---- */

struct fixture {
	struct loop loop;
	struct log log;
	struct ticket_office tickets;
	struct setup setup;
	struct conf_account account;
	struct sign_in *sign_in;
};

static int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	memset(&world, 0, sizeof(world));
	world.bury_at = -1;
	world.now_ms = 1000000;
	assert_non_null(fixture);
	assert_true(loop_init(&fixture->loop));
	log_init(&fixture->log, CONF_LOG_ERROR);
	fixture->setup.references = 1;
	fixture->account = (struct conf_account){
		.provider = CONF_PROVIDER_OFFICE365,
		.auth = CONF_AUTH_OAUTH2,
		.folder = "INBOX",
		.imap.host = "outlook.office365.com",
		.oauth = { .client_id = "app-id",
			   .tenant = "contoso.com",
			   .authority = "https://id.example",
			   .scope = "https://outlook.office.com/IMAP.AccessAsUser.All "
				    "offline_access",
			   .authorize_endpoint = "https://id.example/authorize",
			   .token_endpoint = "https://id.example/token",
			   .device_endpoint = "https://id.example/devicecode" },
	};
	*state = fixture;
	return 0;
}

static int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	sign_in_bury(&fixture->sign_in);
	assert_null(fixture->tickets.holders);
	loop_deinit(&fixture->loop);
	assert_int_equal(fixture->setup.references, 1);
	free(fixture);
	return 0;
}

static void turn(struct fixture *fixture)
{
	for (int i = 0; i < 5; i++)
		assert_true(event_base_loop(fixture->loop.base, EVLOOP_NONBLOCK) >= 0);
}

static void on_event(void *owner, const struct sign_in_event *event)
{
	static const char *const names[] = {
		[SIGN_IN_OPEN] = "open",         [SIGN_IN_DEVICE_CODE] = "device",
		[SIGN_IN_ACCEPTED] = "accepted", [SIGN_IN_CHECK] = "check",
		[SIGN_IN_DONE] = "done",         [SIGN_IN_FAILED] = "failed: ",
	};
	struct fixture *fixture = owner;
	size_t len = strlen(world.told);

	snprintf(world.told + len, sizeof(world.told) - len, "%s%s%s", len > 0 ? " " : "",
		 names[event->type], event->type == SIGN_IN_FAILED ? event->text : "");
	if (event->url != NULL)
		snprintf(world.open_url, sizeof(world.open_url), "%s", event->url);
	if (event->redirect_uri != NULL)
		snprintf(world.redirect_uri, sizeof(world.redirect_uri), "%s", event->redirect_uri);
	if (event->remedy != NULL)
		snprintf(world.remedy, sizeof(world.remedy), "%s", event->remedy);
	if (event->type == SIGN_IN_DEVICE_CODE) {
		assert_string_equal(event->user_code, "ABCD-EFGH");
		assert_int_equal(event->expires_in, 60);
	}
	if (world.bury_at == (int)event->type)
		sign_in_bury(&fixture->sign_in);
}

static void begin(struct fixture *fixture, enum sign_in_flow flow)
{
	struct sign_in_settings settings = {
		.loop = &fixture->loop,
		.log = &fixture->log,
		.tickets = &fixture->tickets,
		.client = { .setup = &fixture->setup,
			    .account = &fixture->account,
			    .name = "anna",
			    .mailbox = "anna@contoso.com" },
	};

	fixture->sign_in = sign_in_new(&settings, flow,
				       flow == SIGN_IN_BROWSER ? "http://localhost:33001/" : NULL,
				       on_event, fixture);
	assert_non_null(fixture->sign_in);
	assert_string_equal(world.told, "");
	turn(fixture);
}

/* The value of a parameter of an address or a form; still encoded. */
static const char *parameter(const char *text, const char *name)
{
	static char value[400];
	size_t len = strlen(name);

	for (const char *at = text; (at = strstr(at, name)) != NULL; at += len) {
		if (at[len] == '=' && (at == text || at[-1] == '&' || at[-1] == '?')) {
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + len + 1, "&"),
				 at + len + 1);
			return value;
		}
	}
	return "";
}

static void bring(struct fixture *fixture, const char *format)
{
	char text[600];
	char state[200];

	snprintf(state, sizeof(state), "%s", parameter(world.open_url, "state"));
	snprintf(text, sizeof(text), "%s", format);
	char *mark = strstr(text, "STATE");
	if (mark != NULL)
		snprintf(mark, sizeof(text) - (size_t)(mark - text), "%s%s", state,
			 strstr(format, "STATE") + strlen("STATE"));
	sign_in_answer(fixture->sign_in, span_text(text));
	turn(fixture);
}

static void reply(struct fixture *fixture, long status, const char *body)
{
	struct http_answer answer = { .outcome = HTTP_ANSWERED,
				      .status = status,
				      .body = span_text(body) };

	assert_non_null(world.http_fn);
	http_fn *fn = world.http_fn;
	world.http_fn = NULL;
	fn(world.http_owner, world.http_ticket, &answer);
	turn(fixture);
}

/* 503, with Retry-After. */
static void reply_later(struct fixture *fixture, uint64_t seconds)
{
	struct http_answer answer = { .outcome = HTTP_ANSWERED,
				      .status = 503,
				      .body = span_text(""),
				      .retry_after_s = seconds };

	http_fn *fn = world.http_fn;
	world.http_fn = NULL;
	fn(world.http_owner, world.http_ticket, &answer);
	turn(fixture);
}

static void reply_nothing(struct fixture *fixture, enum http_outcome outcome)
{
	struct http_answer answer = { .outcome = outcome, .text = "id.example: no answer" };

	http_fn *fn = world.http_fn;
	world.http_fn = NULL;
	fn(world.http_owner, world.http_ticket, &answer);
	turn(fixture);
}

static void probe_ends(struct fixture *fixture, enum upstream_progress progress,
		       enum failure_cause cause)
{
	struct probe_result result = { .progress = progress,
				       .done = progress == UPSTREAM_SELECTED,
				       .ipv6 = world.over_ipv6,
				       .failure = { .cause = cause, .text = "no" } };

	assert_non_null(world.probe_fn);
	world.probe_fn(world.probe_owner, &result);
	turn(fixture);
}

static void stored(struct fixture *fixture, const char *error)
{
	world.stored_fn(world.stored_owner, world.stored_ticket, error);
	turn(fixture);
}

/* Lets the time pass that the sign-in waits for. */
static void wait(struct fixture *fixture)
{
	world.now_ms += world.armed_ms;
	event_active(world.timer, EV_TIMEOUT, 0);
	turn(fixture);
}

static void assert_failed(const char *words)
{
	if (strstr(world.told, "failed: ") == NULL || strstr(world.told, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, world.told);
	assert_int_equal(world.stored, 0);
}

static const char tokens[] = "{\"access_token\":\"ACCESS\",\"refresh_token\":\"REFRESH\","
			     "\"expires_in\":3600,\"token_type\":\"Bearer\"}";
static const char device[] = "{\"device_code\":\"DEVICE\",\"user_code\":\"ABCD-EFGH\","
			     "\"verification_uri\":\"https://id.example/device\","
			     "\"expires_in\":60,\"interval\":5}";

/* ---- by way of a browser ---- */

static void a_browser_signs_in(void **state)
{
	struct fixture *fixture = *state;
	char challenge[PKCE_TEXT_SIZE];
	char verifier[PKCE_TEXT_SIZE];

	begin(fixture, SIGN_IN_BROWSER);
	assert_string_equal(world.told, "open");
	assert_string_equal(world.redirect_uri, "http://localhost:33001/");
	assert_ptr_equal(strstr(world.open_url, "https://id.example/authorize?"), world.open_url);
	assert_string_equal(parameter(world.open_url, "code_challenge_method"), "S256");
	assert_int_equal(strlen(parameter(world.open_url, "state")), PKCE_TEXT_LEN);
	assert_string_equal(parameter(world.open_url, "login_hint"), "anna%40contoso.com");
	assert_int_equal(world.requests, 0);

	bring(fixture, "code=CODE&state=STATE");
	assert_string_equal(world.told, "open accepted");
	assert_string_equal(world.url, "https://id.example/token");
	assert_string_equal(parameter(world.form, "grant_type"), "authorization_code");
	assert_string_equal(parameter(world.form, "code"), "CODE");
	assert_string_equal(parameter(world.form, "redirect_uri"),
			    "http%3A%2F%2Flocalhost%3A33001%2F");
	assert_string_equal(parameter(world.form, "client_secret"), "");
	snprintf(verifier, sizeof(verifier), "%s", parameter(world.form, "code_verifier"));
	assert_true(pkce_challenge(verifier, challenge));
	assert_string_equal(parameter(world.open_url, "code_challenge"), challenge);

	reply(fixture, 200, tokens);
	assert_string_equal(world.told, "open accepted check");
	assert_string_equal(world.credential, "ACCESS");
	assert_int_equal(world.stored, 0);
	probe_ends(fixture, UPSTREAM_SELECTED, FAILURE_CAUSE_OTHER);
	assert_int_equal(world.stored, 1);
	assert_string_equal(world.flow, "browser");
	assert_string_equal(world.told, "open accepted check");
	stored(fixture, NULL);
	assert_string_equal(world.told, "open accepted check done");
	assert_int_equal(world.requests, 1);
}

static void the_application_proves_itself_where_it_can(void **state)
{
	struct fixture *fixture = *state;

	world.client_secret = "S3CRET";
	begin(fixture, SIGN_IN_BROWSER);
	bring(fixture, "code=CODE&state=STATE");
	assert_string_equal(parameter(world.form, "client_secret"), "S3CRET");
}

/* RFC 8628 section 3.1. */
static void the_application_proves_itself_for_a_device_code_too(void **state)
{
	struct fixture *fixture = *state;

	world.client_secret = "S3CRET";
	begin(fixture, SIGN_IN_DEVICE);
	assert_string_equal(world.url, "https://id.example/devicecode");
	assert_string_equal(parameter(world.form, "client_secret"), "S3CRET");
	reply(fixture, 200, device);
	wait(fixture);
	assert_string_equal(world.url, "https://id.example/token");
	assert_string_equal(parameter(world.form, "client_secret"), "S3CRET");
}

static void what_does_not_belong_to_the_sign_in_ends_it(void **state)
{
	static const struct {
		enum sign_in_flow flow;
		const char *brought;
		const char *words; /* NULL: it is accepted */
	} rows[] = {
		{ SIGN_IN_BROWSER, "code=C&state=STATE", NULL },
		{ SIGN_IN_BROWSER, "http://localhost:33001/?code=C&state=STATE", NULL },
		{ SIGN_IN_BROWSER, "code=C&state=STATEx", "another sign-in" },
		{ SIGN_IN_BROWSER, "code=C&state=x", "another sign-in" },
		{ SIGN_IN_BROWSER, "code=C", "another sign-in" },
		{ SIGN_IN_BROWSER, "error=access_denied&state=x", "another sign-in" },
		{ SIGN_IN_BROWSER, "error=access_denied&error_description=no&state=STATE",
		  "It was refused. (access_denied: no)" },
		{ SIGN_IN_BROWSER, "hello world & more", "not what the sign-in page leads to" },
		{ SIGN_IN_PASTE, "code=C&state=STATE", NULL },
		{ SIGN_IN_PASTE,
		  "https://id.example/common/oauth2/"
		  "nativeclient?code=C&state=STATE&session_state=1",
		  NULL },
		{ SIGN_IN_PASTE, "CODE-ALONE", NULL },
		{ SIGN_IN_PASTE, "code=C", NULL },
		{ SIGN_IN_PASTE, "code=C&state=x", "another sign-in" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *fixture = *state;

		begin(fixture, rows[i].flow);
		bring(fixture, rows[i].brought);
		if (rows[i].words != NULL) {
			assert_failed(rows[i].words);
			assert_int_equal(world.requests, 0);
		} else {
			if (strcmp(world.told, "open accepted") != 0)
				fail_msg("%s: %s", rows[i].brought, world.told);
			assert_int_equal(world.requests, 1);
		}
		assert_int_equal(fixture_teardown(state), 0);
		assert_int_equal(fixture_setup(state), 0);
	}
}

static void what_is_pasted_ends_at_a_page_of_the_provider(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SIGN_IN_PASTE);
	assert_string_equal(world.redirect_uri, "https://id.example/common/oauth2/nativeclient");
	bring(fixture, "CODE-ALONE");
	reply(fixture, 200, tokens);
	probe_ends(fixture, UPSTREAM_SELECTED, FAILURE_CAUSE_OTHER);
	assert_string_equal(world.flow, "paste");
}

static void only_the_first_answer_counts(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SIGN_IN_BROWSER);
	sign_in_answer(fixture->sign_in, span_text("code=C&state=wrong"));
	bring(fixture, "code=C&state=STATE");
	assert_failed("another sign-in");
	bring(fixture, "code=C&state=STATE");
	assert_null(strstr(strstr(world.told, "failed") + 1, "failed"));
	assert_int_equal(world.requests, 0);
}

static void an_answer_without_bounds_is_refused(void **state)
{
	static char long_answer[100000];
	struct fixture *fixture = *state;

	memset(long_answer, 'x', sizeof(long_answer) - 1);
	begin(fixture, SIGN_IN_PASTE);
	sign_in_answer(fixture->sign_in, span_text(long_answer));
	turn(fixture);
	assert_failed("not what the sign-in page leads to");
}

static void nobody_waits_for_ever(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SIGN_IN_BROWSER);
	assert_int_equal(world.armed_ms, 30 * 60 * 1000);
	wait(fixture);
	assert_failed("half an hour");
}

static void what_cannot_begin_says_why(void **state)
{
	static const struct {
		enum sign_in_flow flow;
		bool app, no_authorize, no_device;
		const char *words;
		const char *remedy;
	} rows[] = {
		{ SIGN_IN_BROWSER, true, false, false, "nobody needs to sign in",
		  "packetboat doctor" },
		{ SIGN_IN_DEVICE, true, false, false, "nobody needs to sign in", "" },
		{ SIGN_IN_BROWSER, false, true, false, "no page to sign in at", "--device" },
		{ SIGN_IN_PASTE, false, true, true, "no page to sign in at", "device_endpoint" },
		{ SIGN_IN_DEVICE, false, false, true, "no codes for devices", "--paste" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *fixture = *state;
		struct conf_oauth *oauth = &fixture->account.oauth;

		oauth->flow = rows[i].app ? CONF_FLOW_APP : CONF_FLOW_USER;
		if (rows[i].no_authorize)
			oauth->authorize_endpoint = NULL;
		if (rows[i].no_device)
			oauth->device_endpoint = NULL;
		begin(fixture, rows[i].flow);
		assert_failed(rows[i].words);
		assert_non_null(strstr(world.remedy, rows[i].remedy));
		assert_int_equal(world.requests, 0);
		assert_int_equal(fixture_teardown(state), 0);
		assert_int_equal(fixture_setup(state), 0);
	}
}

/* ---- tokens, and the check ---- */

static void to_tokens(struct fixture *fixture)
{
	begin(fixture, SIGN_IN_BROWSER);
	bring(fixture, "code=CODE&state=STATE");
}

static void a_refusal_is_explained(void **state)
{
	struct fixture *fixture = *state;

	to_tokens(fixture);
	reply(fixture, 400,
	      "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS65001: No consent.\\r\\n"
	      "Trace ID: t\",\"correlation_id\":\"c-1\"}");
	assert_failed("It was refused. (invalid_grant: AADSTS65001: No consent.; correlation id "
		      "c-1)");
	assert_string_equal(world.remedy, "Ask somebody.");
	assert_int_equal(world.probes, 0);
}

static void a_provider_that_cannot_be_reached_ends_it(void **state)
{
	struct fixture *fixture = *state;

	to_tokens(fixture);
	reply_nothing(fixture, HTTP_UNREACHABLE);
	assert_failed("id.example: no answer");
	assert_non_null(strstr(world.remedy, "reaches the sign-in server"));
}

static void a_sign_in_that_would_not_last_is_refused(void **state)
{
	struct fixture *fixture = *state;

	to_tokens(fixture);
	reply(fixture, 200, "{\"access_token\":\"ACCESS\",\"expires_in\":3600}");
	assert_failed("no refresh token");
	assert_non_null(strstr(world.remedy, "offline_access"));
	assert_int_equal(world.probes, 0);
}

static void a_token_that_does_not_open_the_mailbox_is_not_stored(void **state)
{
	static const struct {
		enum upstream_progress progress;
		enum failure_cause cause;
		const char *remedy;
	} rows[] = {
		{ UPSTREAM_AUTHENTICATED, FAILURE_CAUSE_NOT_CONNECTED, "Set-CASMailbox" },
		{ UPSTREAM_GREETED, FAILURE_CAUSE_REFUSED, "Set-CASMailbox" },
		{ UPSTREAM_AUTHENTICATED, FAILURE_CAUSE_NO_FOLDER, "`folder`" },
		{ UPSTREAM_NOT_CONNECTED, FAILURE_CAUSE_UNREACHABLE, "try again" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *fixture = *state;

		to_tokens(fixture);
		reply(fixture, 200, tokens);
		probe_ends(fixture, rows[i].progress, rows[i].cause);
		assert_failed("Nothing was stored");
		assert_non_null(strstr(world.remedy, rows[i].remedy));
		assert_int_equal(fixture_teardown(state), 0);
		assert_int_equal(fixture_setup(state), 0);
	}
}

/* Outlook.com is known to accept tokens over IPv6 and to open nothing. */
static void a_mailbox_that_opens_over_ipv4_alone_is_signed_in(void **state)
{
	struct fixture *fixture = *state;

	world.over_ipv6 = true;
	to_tokens(fixture);
	reply(fixture, 200, tokens);
	assert_false(world.ipv4_only);
	probe_ends(fixture, UPSTREAM_AUTHENTICATED, FAILURE_CAUSE_NOT_CONNECTED);
	assert_int_equal(world.probes, 2);
	assert_true(world.ipv4_only);
	assert_string_equal(world.credential, "ACCESS");
	world.over_ipv6 = false;
	probe_ends(fixture, UPSTREAM_SELECTED, FAILURE_CAUSE_OTHER);
	assert_int_equal(world.stored, 1);
}

static void what_ipv4_does_not_mend_is_told_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	world.over_ipv6 = true;
	to_tokens(fixture);
	reply(fixture, 200, tokens);
	probe_ends(fixture, UPSTREAM_AUTHENTICATED, FAILURE_CAUSE_NOT_CONNECTED);
	/* The host has no IPv4 at all. */
	world.over_ipv6 = false;
	probe_ends(fixture, UPSTREAM_NOT_CONNECTED, FAILURE_CAUSE_UNREACHABLE);
	assert_int_equal(world.probes, 2);
	assert_failed("Nothing was stored");
	assert_non_null(strstr(world.remedy, "Set-CASMailbox"));
}

static void where_ipv6_is_wanted_ipv4_is_not_tried(void **state)
{
	struct fixture *fixture = *state;

	fixture->account.imap.address_family = CONF_ADDRESS_IPV6;
	world.over_ipv6 = true;
	to_tokens(fixture);
	reply(fixture, 200, tokens);
	probe_ends(fixture, UPSTREAM_AUTHENTICATED, FAILURE_CAUSE_NOT_CONNECTED);
	assert_int_equal(world.probes, 1);
	assert_failed("Nothing was stored");
}

static void who_signed_in_is_told_from_whose_mailbox_it_is(void **state)
{
	/* {"alg":"none"} . {"aud":"https://outlook.office.com","upn":"ben@contoso.com",
	 * "scp":"IMAP.AccessAsUser.All"} */
	static const char body[] =
		"{\"access_token\":\"eyJhbGciOiJub25lIn0."
		"eyJhdWQiOiJodHRwczovL291dGxvb2sub2ZmaWNlLmNvbSIsInVwbiI6ImJlbkBjb250b3NvLmNvbSIs"
		"InNjcCI6IklNQVAuQWNjZXNzQXNVc2VyLkFsbCJ9.c2ln\",\"refresh_token\":\"R\"}";
	struct fixture *fixture = *state;

	to_tokens(fixture);
	reply(fixture, 200, body);
	probe_ends(fixture, UPSTREAM_AUTHENTICATED, FAILURE_CAUSE_NOT_CONNECTED);
	assert_failed("the token belongs to ben@contoso.com, the mailbox is anna@contoso.com");
	assert_non_null(strstr(world.remedy, "Sign in as anna@contoso.com"));
}

static void what_cannot_be_kept_is_no_sign_in(void **state)
{
	struct fixture *fixture = *state;

	to_tokens(fixture);
	reply(fixture, 200, tokens);
	probe_ends(fixture, UPSTREAM_SELECTED, FAILURE_CAUSE_OTHER);
	stored(fixture, "disk full");
	assert_non_null(strstr(world.told, "failed: disk full"));
}

static void a_proof_that_cannot_be_read_ends_it(void **state)
{
	struct fixture *fixture = *state;

	world.proof_error = "/etc/secret: everybody can read it";
	to_tokens(fixture);
	assert_failed("everybody can read it");
	assert_int_equal(world.requests, 0);
}

static void without_memory_it_fails(void **state)
{
	struct fixture *fixture = *state;

	world.no_memory = true;
	to_tokens(fixture);
	assert_failed("out of memory");
}

/* ---- by way of a device code ---- */

static void to_polling(struct fixture *fixture)
{
	begin(fixture, SIGN_IN_DEVICE);
	assert_string_equal(world.url, "https://id.example/devicecode");
	reply(fixture, 200, device);
	assert_string_equal(world.told, "device");
	assert_string_equal(world.open_url, "https://id.example/device");
	assert_int_equal(world.armed_ms, 5000);
}

static void poll(struct fixture *fixture, const char *error)
{
	char body[200];

	wait(fixture);
	assert_string_equal(world.url, "https://id.example/token");
	assert_string_equal(parameter(world.form, "device_code"), "DEVICE");
	snprintf(body, sizeof(body), "{\"error\":\"%s\"}", error);
	reply(fixture, 400, body);
}

static void a_device_signs_in(void **state)
{
	struct fixture *fixture = *state;

	to_polling(fixture);
	poll(fixture, "authorization_pending");
	assert_int_equal(world.armed_ms, 5000);
	poll(fixture, "slow_down");
	assert_int_equal(world.armed_ms, 10000);
	/* For good. */
	poll(fixture, "authorization_pending");
	assert_int_equal(world.armed_ms, 10000);
	wait(fixture);
	reply(fixture, 200, tokens);
	probe_ends(fixture, UPSTREAM_SELECTED, FAILURE_CAUSE_OTHER);
	stored(fixture, NULL);
	assert_string_equal(world.told, "device check done");
	assert_string_equal(world.flow, "device");
}

static void polling_survives_trouble_and_asks_less_often(void **state)
{
	struct fixture *fixture = *state;

	to_polling(fixture);
	wait(fixture);
	reply_nothing(fixture, HTTP_UNREACHABLE);
	assert_int_equal(world.armed_ms, 5000);
	wait(fixture);
	reply_nothing(fixture, HTTP_UNREACHABLE);
	assert_int_equal(world.armed_ms, 10000);
	wait(fixture);
	reply(fixture, 503, "<html>");
	assert_int_equal(world.armed_ms, 20000);
	wait(fixture);
	assert_string_equal(world.told, "device");
	reply(fixture, 400, "{\"error\":\"authorization_pending\"}");
	assert_int_equal(world.armed_ms, 5000);
	/* What was is forgotten. */
	wait(fixture);
	reply_nothing(fixture, HTTP_UNREACHABLE);
	assert_int_equal(world.armed_ms, 5000);
}

static void polling_waits_as_long_as_it_is_told(void **state)
{
	struct fixture *fixture = *state;

	to_polling(fixture);
	wait(fixture);
	reply_later(fixture, 17);
	assert_int_equal(world.armed_ms, 17000);
	/* But not beyond the end of the code, however long that is. */
	wait(fixture);
	reply_later(fixture, UINT64_C(1) << 61);
	assert_int_equal(world.armed_ms, 60000 - 5000 - 17000);
}

static void a_code_ends_when_it_expires(void **state)
{
	struct fixture *fixture = *state;

	to_polling(fixture);
	for (int i = 0; i < 11; i++)
		poll(fixture, "authorization_pending");
	unsigned requests = world.requests;
	wait(fixture);
	assert_failed("the code is no longer good");
	assert_int_equal(world.requests, requests);
}

static void refusals_of_a_code_end_it(void **state)
{
	static const struct {
		const char *error;
		const char *words;
	} rows[] = {
		{ "access_denied", "It was refused. (access_denied" },
		{ "authorization_declined", "It was refused. (authorization_declined" },
		{ "expired_token", "the code is no longer good" },
		{ "invalid_client", "It was refused. (invalid_client" },
		{ "bad_verification_code", "the code is no longer good" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture *fixture = *state;

		to_polling(fixture);
		poll(fixture, rows[i].error);
		assert_failed(rows[i].words);
		assert_int_equal(fixture_teardown(state), 0);
		assert_int_equal(fixture_setup(state), 0);
	}
}

static void a_refusal_of_the_first_request_ends_it(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SIGN_IN_DEVICE);
	reply(fixture, 400, "{\"error\":\"unauthorized_client\"}");
	assert_failed("It was refused. (unauthorized_client");
}

static void an_untrusted_provider_ends_polling(void **state)
{
	struct fixture *fixture = *state;

	to_polling(fixture);
	wait(fixture);
	reply_nothing(fixture, HTTP_UNTRUSTED);
	assert_failed("id.example");
	/* To begin again would not help. */
	assert_null(strstr(world.remedy, "again"));
	assert_non_null(strstr(world.remedy, "packetboat doctor"));
}

/* ---- leaving ---- */

static void whoever_leaves_in_the_middle_is_told_nothing_more(void **state)
{
	for (int step = 0; step < 5; step++) {
		struct fixture *fixture = *state;
		char told[sizeof(world.told)];

		begin(fixture, SIGN_IN_BROWSER);
		if (step >= 1)
			bring(fixture, "code=C&state=STATE");
		if (step >= 2)
			reply(fixture, 200, tokens);
		if (step >= 3)
			probe_ends(fixture, UPSTREAM_SELECTED, FAILURE_CAUSE_OTHER);
		snprintf(told, sizeof(told), "%s", world.told);
		sign_in_bury(&fixture->sign_in);
		assert_null(fixture->sign_in);
		/* Answers that were on their way. */
		if (step == 1)
			reply(fixture, 200, tokens);
		if (step == 2)
			assert_null(world.probe_fn);
		if (step == 3)
			stored(fixture, NULL);
		turn(fixture);
		assert_string_equal(world.told, told);
		assert_int_equal(fixture_teardown(state), 0);
		assert_int_equal(fixture_setup(state), 0);
	}
}

static void it_may_be_buried_from_within_each_event(void **state)
{
	static const enum sign_in_event_type types[] = { SIGN_IN_OPEN, SIGN_IN_ACCEPTED,
							 SIGN_IN_CHECK, SIGN_IN_DONE };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct fixture *fixture = *state;

		world.bury_at = (int)types[i];
		begin(fixture, SIGN_IN_BROWSER);
		if (fixture->sign_in != NULL)
			bring(fixture, "code=C&state=STATE");
		if (fixture->sign_in != NULL)
			reply(fixture, 200, tokens);
		if (fixture->sign_in != NULL)
			probe_ends(fixture, UPSTREAM_SELECTED, FAILURE_CAUSE_OTHER);
		if (fixture->sign_in != NULL)
			stored(fixture, NULL);
		assert_null(fixture->sign_in);
		assert_int_equal(world.requests, types[i] > SIGN_IN_ACCEPTED);
		assert_int_equal(fixture_teardown(state), 0);
		assert_int_equal(fixture_setup(state), 0);
	}
	world.bury_at = SIGN_IN_FAILED;
	begin(*state, SIGN_IN_PASTE);
	bring(*state, "code=C&state=x");
	assert_null(((struct fixture *)*state)->sign_in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_browser_signs_in),
		TEST(the_application_proves_itself_where_it_can),
		TEST(the_application_proves_itself_for_a_device_code_too),
		TEST(what_does_not_belong_to_the_sign_in_ends_it),
		TEST(what_is_pasted_ends_at_a_page_of_the_provider),
		TEST(only_the_first_answer_counts),
		TEST(an_answer_without_bounds_is_refused),
		TEST(nobody_waits_for_ever),
		TEST(what_cannot_begin_says_why),
		TEST(a_refusal_is_explained),
		TEST(a_provider_that_cannot_be_reached_ends_it),
		TEST(a_sign_in_that_would_not_last_is_refused),
		TEST(a_token_that_does_not_open_the_mailbox_is_not_stored),
		TEST(a_mailbox_that_opens_over_ipv4_alone_is_signed_in),
		TEST(what_ipv4_does_not_mend_is_told_as_it_was),
		TEST(where_ipv6_is_wanted_ipv4_is_not_tried),
		TEST(who_signed_in_is_told_from_whose_mailbox_it_is),
		TEST(what_cannot_be_kept_is_no_sign_in),
		TEST(a_proof_that_cannot_be_read_ends_it),
		TEST(without_memory_it_fails),
		TEST(a_device_signs_in),
		TEST(polling_survives_trouble_and_asks_less_often),
		TEST(polling_waits_as_long_as_it_is_told),
		TEST(a_code_ends_when_it_expires),
		TEST(refusals_of_a_code_end_it),
		TEST(a_refusal_of_the_first_request_ends_it),
		TEST(an_untrusted_provider_ends_polling),
		TEST(whoever_leaves_in_the_middle_is_told_nothing_more),
		TEST(it_may_be_buried_from_within_each_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
