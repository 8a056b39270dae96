/* SPDX-License-Identifier: ISC */
/* The doctor's walk, with all that it looks at played by the test (see --wrap in meson.build). */
#include "daemon/control/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/probe.h"

/* One patient. */
struct scene {
	const char *name;
	enum conf_auth auth;
	enum conf_flow flow;
	bool no_ipv6, no_ipv4;     /* addresses */
	bool ipv6_dead, ipv4_dead; /* connections */
	struct probe_result tls;   /* unless all zero: not good */
	enum http_outcome endpoint;
	int clock_ahead_s;
	bool no_date;
	const char *secret_file; /* the application has a secret */
	const char *proof_error;
	/* Tokens as they are asked for; none: `trouble`. */
	const char *tokens[2];
	bool fetched;
	enum oauth_state trouble;
	/* Attempts with a credential; the last one is that of all that follow. */
	struct probe_result probes[3];
	/* What must come out: failed steps with a "!". */
	const char *steps;
	bool opened;
	const char *words; /* somewhere in what was found, or in a remedy */
};

static struct {
	const struct scene *scene;
	unsigned tokens;
	unsigned probes;
	bool ipv4_only;
	unsigned accepted;
	enum oauth_need needs[3];
	/* Whoever waits for an answer. */
	struct event *later; /* runs what follows */
	void (*next)(void);
	lookup_fn *lookup_fn;
	void *lookup_owners[2];
	dialer_fn *dialer_fn;
	void *dialer_owners[2];
	probe_fn *probe_fn;
	void *probe_owner;
	const char *probe_credential;
	http_fn *http_fn;
	void *http_owner;
	uint64_t http_ticket;
	/* What the owner was told. */
	char steps[400];
	char texts[8000];
	unsigned failed;
	bool over;
	bool opened;
	int bury_at; /* at the step of that number, or -1 */
	int step;
} world;

static struct loop loop;
static struct doctor *doctor;

static void later(void (*next)(void))
{
	assert_null(world.next);
	world.next = next;
}

/* ---- names and connections ---- */

struct lookup *__wrap_lookup_new(struct loop *base, struct resolver *resolver, const char *host,
				 unsigned port, enum conf_address_family family, lookup_fn *fn,
				 void *owner);
void __wrap_lookup_bury(struct lookup **lookup);
struct dialer *__wrap_dialer_new(struct loop *base, struct resolver *resolver, const char *host,
				 unsigned port, enum conf_address_family family, dialer_fn *fn,
				 void *owner);
void __wrap_dialer_bury(struct dialer **dialer);
struct probe *__wrap_probe_new(const struct probe_settings *settings, probe_fn *fn, void *owner);
void __wrap_probe_bury(struct probe **probe);
bool __wrap_http_request(struct http *http, const char *url, struct span form, const char *ca_file,
			 http_fn *fn, void *owner, uint64_t ticket);
bool __wrap_oauth_get(struct oauth *oauth, const struct oauth_client *client, enum oauth_need need,
		      oauth_fn *fn, void *owner, uint64_t ticket);
void __wrap_oauth_describe(struct oauth *oauth, const struct oauth_client *client,
			   struct oauth_status *status_r);
void __wrap_oauth_accepted(struct oauth *oauth, const struct oauth_client *client);
bool __wrap_oauth_proof(const struct conf_oauth *oauth, struct secret **client_secret_r,
			struct secret **client_assertion_r, char *error_r, size_t error_size);

static void answer_lookups(void)
{
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage address = { 0 };
		struct lookup_answer answer = { .addresses = &address };
		void *owner = world.lookup_owners[i];
		bool none = i == 0 ? world.scene->no_ipv6 : world.scene->no_ipv4;

		if (owner == NULL)
			continue;
		address.ss_family = i == 0 ? AF_INET6 : AF_INET;
		((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(0xc0000201);
		if (i == 0)
			((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
		answer.count = none ? 0 : 1;
		world.lookup_fn(owner, &answer);
	}
}

struct lookup *__wrap_lookup_new(struct loop *base, struct resolver *resolver, const char *host,
				 unsigned port, enum conf_address_family family, lookup_fn *fn,
				 void *owner)
{
	(void)base;
	(void)resolver;
	assert_string_equal(host, "imap.example.org");
	assert_int_equal(port, 993);
	world.lookup_fn = fn;
	world.lookup_owners[family == CONF_ADDRESS_IPV4] = owner;
	if (family == CONF_ADDRESS_IPV4)
		later(answer_lookups);
	return (struct lookup *)&world;
}

void __wrap_lookup_bury(struct lookup **lookup)
{
	if (*lookup != NULL && doctor == NULL)
		world.lookup_owners[0] = world.lookup_owners[1] = NULL;
	*lookup = NULL;
}

static void answer_dialers(void)
{
	for (size_t i = 0; i < 2; i++) {
		void *owner = world.dialer_owners[i];
		bool dead = i == 0 ? world.scene->ipv6_dead : world.scene->ipv4_dead;

		world.dialer_owners[i] = NULL;
		if (owner != NULL)
			world.dialer_fn(owner, dead ? -1 : dup(STDERR_FILENO), "refused");
	}
}

struct dialer *__wrap_dialer_new(struct loop *base, struct resolver *resolver, const char *host,
				 unsigned port, enum conf_address_family family, dialer_fn *fn,
				 void *owner)
{
	(void)base;
	(void)resolver;
	(void)host;
	(void)port;
	world.dialer_fn = fn;
	world.dialer_owners[family == CONF_ADDRESS_IPV4] = owner;
	world.next = answer_dialers;
	return (struct dialer *)&world;
}

void __wrap_dialer_bury(struct dialer **dialer)
{
	if (*dialer != NULL && doctor == NULL)
		world.dialer_owners[0] = world.dialer_owners[1] = NULL;
	*dialer = NULL;
}

static void answer_probe(void)
{
	static const struct probe_result greeted = { .progress = UPSTREAM_GREETED, .done = true };
	const struct scene *scene = world.scene;
	const struct probe_result *result = &greeted;

	if (world.probe_fn == NULL)
		return;
	if (world.probe_credential != NULL)
		result = &scene->probes[world.probes++];
	else if (scene->tls.failure.text[0] != '\0')
		result = &scene->tls;
	world.probe_fn(world.probe_owner, result);
}

struct probe *__wrap_probe_new(const struct probe_settings *settings, probe_fn *fn, void *owner)
{
	world.probe_fn = fn;
	world.probe_owner = owner;
	world.probe_credential = settings->credential != NULL ? "yes" : NULL;
	world.ipv4_only = settings->ipv4_only;
	later(answer_probe);
	return (struct probe *)&world;
}

void __wrap_probe_bury(struct probe **probe)
{
	if (*probe != NULL)
		world.probe_fn = NULL;
	*probe = NULL;
}

/* ---- the identity provider, and the token service ---- */

static void answer_http(void)
{
	struct http_answer answer = { .outcome = world.scene->endpoint, .text = "no answer" };

	if (answer.outcome == HTTP_ANSWERED && !world.scene->no_date)
		answer.date = time(NULL) - world.scene->clock_ahead_s;
	world.http_fn(world.http_owner, world.http_ticket, &answer);
}

bool __wrap_http_request(struct http *http, const char *url, struct span form, const char *ca_file,
			 http_fn *fn, void *owner, uint64_t ticket)
{
	(void)http;
	(void)ca_file;
	assert_string_equal(url, "https://id.example/token");
	assert_null(form.data);
	world.http_fn = fn;
	world.http_owner = owner;
	world.http_ticket = ticket;
	later(answer_http);
	return true;
}

bool __wrap_oauth_get(struct oauth *oauth, const struct oauth_client *client, enum oauth_need need,
		      oauth_fn *fn, void *owner, uint64_t ticket)
{
	const char *text = world.tokens < 2 ? world.scene->tokens[world.tokens] : NULL;
	struct oauth_trouble trouble = { .state = world.scene->trouble, .text = "trouble" };
	struct oauth_result result = { .fetched = world.scene->fetched };
	struct secret *token = text != NULL ? secret_new(span_text(text)) : NULL;

	(void)oauth;
	assert_string_equal(client->mailbox, "anna@contoso.com");
	world.needs[world.tokens++] = need;
	result.token = token;
	if (token == NULL)
		result.trouble = &trouble;
	fn(owner, ticket, &result);
	secret_free(&token);
	return true;
}

void __wrap_oauth_describe(struct oauth *oauth, const struct oauth_client *client,
			   struct oauth_status *status_r)
{
	(void)oauth;
	(void)client;
	*status_r = (struct oauth_status){ .expires_in = 3000 };
}

void __wrap_oauth_accepted(struct oauth *oauth, const struct oauth_client *client)
{
	(void)oauth;
	(void)client;
	world.accepted++;
}

bool __wrap_oauth_proof(const struct conf_oauth *oauth, struct secret **client_secret_r,
			struct secret **client_assertion_r, char *error_r, size_t error_size)
{
	(void)oauth;
	*client_secret_r = NULL;
	*client_assertion_r = NULL;
	if (world.scene->proof_error == NULL)
		return true;
	snprintf(error_r, error_size, "%s", world.scene->proof_error);
	return false;
}

/* ---- one walk ---- */

static void on_step(void *owner, const struct doctor_step *step)
{
	size_t len = strlen(world.steps);

	(void)owner;
	assert_false(world.over);
	assert_int_equal(step->ok, step->remedy == NULL);
	snprintf(world.steps + len, sizeof(world.steps) - len, "%s%s%s", len > 0 ? " " : "",
		 step->step, step->ok ? "" : "!");
	len = strlen(world.texts);
	snprintf(world.texts + len, sizeof(world.texts) - len, "%s: %s\n   %s\n", step->step,
		 step->found, step->ok ? "" : step->remedy);
	if (world.bury_at == world.step++)
		doctor_bury(&doctor);
}

static void on_over(void *owner, unsigned failed, bool opened)
{
	(void)owner;
	assert_false(world.over);
	world.over = true;
	world.failed = failed;
	world.opened = opened;
}

static char password_file[64];

static void examine(const struct scene *scene, int bury_at)
{
	static const struct doctor_owner functions = { .step = on_step, .over = on_over };
	struct setup setup = { .references = 1 };
	struct log log;
	struct ticket_office tickets = { 0 };
	struct conf_account account = {
		.user = "anna",
		.provider = CONF_PROVIDER_CUSTOM,
		.auth = scene->auth,
		.folder = "INBOX",
		.imap_password_file = password_file,
		.imap = { .host = "imap.example.org", .port = 993, .tls = CONF_TLS_IMPLICIT },
		.oauth = { .client_id = "app-id",
			   .flow = scene->flow,
			   .client_secret_file = scene->secret_file,
			   .scope = "https://outlook.office.com/IMAP.AccessAsUser.All",
			   .token_endpoint = "https://id.example/token" },
	};
	struct doctor_settings settings = {
		.loop = &loop,
		.log = &log,
		.tickets = &tickets,
		.http = (struct http *)&world,
		.oauth = (struct oauth *)&world,
		.client = { .setup = &setup,
			    .account = &account,
			    .name = "anna",
			    .mailbox = "anna@contoso.com" },
	};

	memset(&world, 0, sizeof(world));
	world.scene = scene;
	world.bury_at = bury_at;
	assert_true(loop_init(&loop));
	log_init(&log, CONF_LOG_ERROR);
	doctor = doctor_new(&settings, &functions, NULL);
	assert_non_null(doctor);
	assert_string_equal(world.steps, "");
	for (int i = 0; i < 30; i++) {
		void (*next)(void) = world.next;

		assert_true(event_base_loop(loop.base, EVLOOP_NONBLOCK) >= 0);
		next = world.next;
		world.next = NULL;
		if (next != NULL)
			next();
	}
	doctor_bury(&doctor);
	assert_null(tickets.holders);
	loop_deinit(&loop);
	assert_int_equal(setup.references, 1);
}

#define UP(progress_) .progress = UPSTREAM_##progress_
#define WHY(cause_) .failure = { .cause = FAILURE_CAUSE_##cause_, .text = "no" }
#define OPEN                                               \
	{                                                  \
		UP(SELECTED), .done = true, .messages = 42 \
	}
#define REFUSED                           \
	{                                 \
		UP(GREETED), WHY(REFUSED) \
	}
#define NOT_CONNECTED                                 \
	{                                             \
		UP(AUTHENTICATED), WHY(NOT_CONNECTED) \
	}

/* {"aud":"https://graph.microsoft.com","scp":"Mail.Read"} */
#define GRAPH_TOKEN            \
	"eyJhbGciOiJub25lIn0." \
	"eyJhdWQiOiJodHRwczovL2dyYXBoLm1pY3Jvc29mdC5jb20iLCJzY3AiOiJNYWlsLlJlYWQifQ.x"

#define BEFORE "Configuration DNS TCP TLS Endpoint Clock "
#define OAUTH .auth = CONF_AUTH_OAUTH2

static const struct scene scenes[] = {
	{ "all is well", OAUTH, .tokens = { "T" }, .probes = { OPEN },
	  .steps = BEFORE "Token XOAUTH2 SELECT Messages", .opened = true,
	  .words = "Messages: 42 in the folder" },
	{ "no name", OAUTH, .no_ipv4 = true, .no_ipv6 = true, .tokens = { "T" },
	  .steps = "Configuration DNS! Endpoint Clock Token" },
	{ "no connection", OAUTH, .ipv4_dead = true, .ipv6_dead = true, .tokens = { "T" },
	  .steps = "Configuration DNS TCP! Endpoint Clock Token" },
	{ "IPv4 alone", OAUTH, .ipv6_dead = true, .tokens = { "T" }, .probes = { OPEN },
	  .steps = BEFORE "Token XOAUTH2 SELECT Messages", .opened = true,
	  .words = "Connections go by IPv4" },
	{ "untrusted", OAUTH, .tls = { UP(CONNECTED), WHY(UNTRUSTED) }, .tokens = { "T" },
	  .steps = "Configuration DNS TCP TLS! Endpoint Clock Token", .words = "imap.ca_file" },
	{ "no endpoint", OAUTH, .endpoint = HTTP_UNREACHABLE, .trouble = OAUTH_BACKING_OFF,
	  .steps = "Configuration DNS TCP TLS Endpoint! Token!", .words = "https_proxy" },
	{ "untrusted endpoint, cached token", OAUTH, .endpoint = HTTP_UNTRUSTED, .tokens = { "T" },
	  .probes = { OPEN },
	  .steps = "Configuration DNS TCP TLS Endpoint! Token XOAUTH2 SELECT Messages",
	  .opened = true },
	{ "wrong clock", OAUTH, .clock_ahead_s = -3600, .tokens = { "T" }, .probes = { OPEN },
	  .steps = "Configuration DNS TCP TLS Endpoint Clock! Token XOAUTH2 SELECT Messages",
	  .opened = true, .words = "60 minutes behind" },
	{ "no clock", OAUTH, .no_date = true, .tokens = { "T" }, .probes = { OPEN },
	  .steps = "Configuration DNS TCP TLS Endpoint Token XOAUTH2 SELECT Messages",
	  .opened = true },
	{ "secret", OAUTH, .flow = CONF_FLOW_APP, .secret_file = "/etc/s", .tokens = { "T" },
	  .probes = { OPEN }, .steps = BEFORE "Secret Token XOAUTH2 SELECT Messages",
	  .opened = true },
	{ "secret unreadable", OAUTH, .flow = CONF_FLOW_APP, .secret_file = "/etc/s",
	  .proof_error = "/etc/s: everybody can read it", .trouble = OAUTH_ADMINISTRATOR_NEEDED,
	  .steps = BEFORE "Secret! Token!", .words = "everybody can read it" },
	{ "never signed in", OAUTH, .trouble = OAUTH_NEVER_SIGNED_IN, .steps = BEFORE "Token!",
	  .words = "packetboat login anna" },
	{ "refused though fetched", OAUTH, .tokens = { "T" }, .fetched = true,
	  .probes = { REFUSED }, .steps = BEFORE "Token XOAUTH2!" },
	{ "refused, and a fresh one too", OAUTH, .tokens = { "T", "U" },
	  .probes = { REFUSED, REFUSED }, .steps = BEFORE "Token XOAUTH2!" },
	{ "refused, and a fresh one works", OAUTH, .tokens = { "T", "U" },
	  .probes = { REFUSED, OPEN }, .steps = BEFORE "Token XOAUTH2 SELECT Messages",
	  .opened = true },
	{ "refused, and no fresh one to be had", OAUTH, .tokens = { "T" },
	  .trouble = OAUTH_SIGN_IN_NEEDED, .probes = { REFUSED }, .steps = BEFORE "Token Token!",
	  .words = "the token that was here was refused" },
	{ "wrong scope", OAUTH, .tokens = { GRAPH_TOKEN }, .fetched = true, .probes = { REFUSED },
	  .steps = BEFORE "Token!", .words = "Wrong scope" },
	{ "wrong scope, and it works", OAUTH, .tokens = { GRAPH_TOKEN }, .probes = { OPEN },
	  .steps = BEFORE "Token XOAUTH2 SELECT Messages", .opened = true },
	{ "wrong scope, no server", OAUTH, .ipv4_dead = true, .ipv6_dead = true,
	  .tokens = { GRAPH_TOKEN }, .steps = "Configuration DNS TCP! Endpoint Clock Token!" },
	{ "not connected", OAUTH, .tokens = { "T" }, .probes = { NOT_CONNECTED, NOT_CONNECTED },
	  .steps = BEFORE "Token XOAUTH2 SELECT!", .words = "IMAP may be off" },
	{ "not connected by IPv6", OAUTH, .tokens = { "T" }, .probes = { NOT_CONNECTED, OPEN },
	  .steps = BEFORE "Token XOAUTH2 SELECT!", .words = "address_family = \"ipv4\"" },
	{ "no folder", OAUTH, .tokens = { "T" },
	  .probes = { { UP(AUTHENTICATED), WHY(NO_FOLDER) } },
	  .steps = BEFORE "Token XOAUTH2 SELECT!", .words = "`folder`" },
	{ "gone in between", OAUTH, .tokens = { "T" },
	  .probes = { { UP(NOT_CONNECTED), WHY(UNREACHABLE) } }, .steps = BEFORE "Token XOAUTH2!",
	  .words = "This may pass" },
	{ "password", .auth = CONF_AUTH_PASSWORD, .probes = { OPEN },
	  .steps = "Configuration DNS TCP TLS Login SELECT Messages", .opened = true },
	{ "wrong password", .auth = CONF_AUTH_PASSWORD, .probes = { REFUSED },
	  .steps = "Configuration DNS TCP TLS Login!", .words = "Put the password" },
	{ "no server for a password", .auth = CONF_AUTH_PASSWORD, .ipv4_dead = true,
	  .ipv6_dead = true, .steps = "Configuration DNS TCP!" },
	{ "passthrough", .auth = CONF_AUTH_PASSTHROUGH, .steps = "Configuration DNS TCP TLS Login",
	  .words = "not tried" },
};

enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

static void each_patient_is_diagnosed(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENES; i++) {
		const struct scene *scene = &scenes[i];
		unsigned marks = 0;

		examine(scene, -1);
		for (const char *at = world.steps; *at != '\0'; at++)
			marks += *at == '!';
		if (!world.over || strcmp(world.steps, scene->steps) != 0 ||
		    world.opened != scene->opened || world.failed != marks)
			fail_msg("%s: %s (%u failed, opened %d), not %s\n%s", scene->name,
				 world.steps, world.failed, world.opened, scene->steps,
				 world.texts);
		if (scene->words != NULL && strstr(world.texts, scene->words) == NULL)
			fail_msg("%s: \"%s\" is not in:\n%s", scene->name, scene->words,
				 world.texts);
		assert_int_equal(world.accepted,
				 scene->auth == CONF_AUTH_OAUTH2 &&
					 (scene->opened ||
					  strstr(world.texts, "over IPv6 the server") != NULL));
	}
}

static void a_hold_is_tried_once(void **state)
{
	(void)state;
	examine(&scenes[0], -1);
	assert_int_equal(world.needs[0], OAUTH_TRY);
	assert_int_equal(world.tokens, 1);
	assert_false(world.ipv4_only);
}

static void it_may_be_buried_at_each_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENES; i++) {
		for (int step = 0; step < 10; step++) {
			examine(&scenes[i], step);
			if (world.step > step)
				assert_int_equal(world.step, step + 1);
			assert_int_equal(world.over, world.step <= step);
		}
	}
}

static int make_password_file(void **state)
{
	(void)state;
	snprintf(password_file, sizeof(password_file), "/tmp/test_doctor.XXXXXX");
	int fd = mkstemp(password_file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret\n", 7), 7);
	close(fd);
	return 0;
}

static int remove_password_file(void **state)
{
	(void)state;
	unlink(password_file);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_patient_is_diagnosed),
		cmocka_unit_test(a_hold_is_tried_once),
		cmocka_unit_test(it_may_be_buried_at_each_step),
	};

	return cmocka_run_group_tests(tests, make_password_file, remove_password_file);
}
