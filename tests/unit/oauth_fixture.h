/* SPDX-License-Identifier: ISC */
/*
 * oauth_fixture: the token service with everything around it played by the test: time, the identity
 * provider, and the disk (see --wrap in meson.build). The loop and the worker are real.
 *
 * Tokens are numbered: the n-th answer of the provider grants "access-n" and "refresh-n".
 */
#ifndef TESTS_UNIT_OAUTH_FIXTURE_H
#define TESTS_UNIT_OAUTH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/oauth/http.h"
#include "daemon/oauth/oauth_private.h"
#include "daemon/oauth/token_advice.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

enum {
	REQUESTS_MAX = 600,
	FILES_MAX = 64,
	NOW = 1790000000,
};

struct request {
	char url[128];
	char form[1024];
	http_fn *fn;
	void *owner;
	uint64_t ticket;
};

struct file {
	bool there;
	char owner[128]; /* "HOST USER" */
	char refresh[32];
	char access[32];
	time_t expires;
	time_t signed_in;
	time_t refreshed;
	char client_id[128];
	char token_endpoint[512];
	char flow[16];
	enum token_store_status status; /* of reading it; OK, unless it is broken */
};

static struct world {
	char folder[64];
	char conf[96];
	struct loop loop;
	struct log log;
	struct setup *setup;
	struct oauth *oauth;
	struct oauth_time now;
	char logged[256 * 1024];
	size_t logged_len;

	struct request requests[REQUESTS_MAX];
	size_t request_count; /* made */
	size_t answered;      /* of them, in their order */
	bool no_memory;       /* http_request() fails */

	/* The disk: under `lock`, for the worker is a thread. */
	pthread_mutex_t lock;
	pthread_cond_t let_go;
	struct file files[FILES_MAX];
	unsigned saves;
	unsigned loads;
	unsigned listings;
	bool disk_full; /* saving and removing fail */
	bool disk_slow; /* they wait */
	bool killed;    /* they do nothing any more: the process is dead */
} world = { .lock = PTHREAD_MUTEX_INITIALIZER, .let_go = PTHREAD_COND_INITIALIZER };

/* ---- what is played ---- */

struct oauth_time __wrap_oauth_time_now(void);
struct oauth_time __wrap_oauth_time_now(void)
{
	return world.now;
}

static inline void later(uint64_t seconds)
{
	world.now.ms += seconds * 1000;
	world.now.wall += (time_t)seconds;
}

struct token_advice __wrap_token_advice_for(const struct token_answer *refusal,
					    const struct conf_oauth *oauth);
struct token_advice __wrap_token_advice_for(const struct token_answer *refusal,
					    const struct conf_oauth *oauth)
{
	(void)refusal;
	(void)oauth;
	return (struct token_advice){ .meaning = "What it means", .remedy = "What to do" };
}

void __wrap_log_end(struct log_line *line);
void __wrap_log_end(struct log_line *line)
{
	if (!line->on)
		return;
	assert_false(line->cut);
	assert_true(line->len < sizeof(world.logged) - world.logged_len - 1);
	memcpy(world.logged + world.logged_len, line->text, line->len);
	world.logged_len += line->len;
	world.logged[world.logged_len++] = '\n';
	world.logged[world.logged_len] = '\0';
}

void __wrap_log_event(struct log *log, enum conf_log_level level, const char *event,
		      const char *key, const char *value);
void __wrap_log_event(struct log *log, enum conf_log_level level, const char *event,
		      const char *key, const char *value)
{
	struct log_line line;

	log_begin(&line, log, level, event);
	log_text(&line, key, value);
	__wrap_log_end(&line);
}

bool __wrap_http_request(struct http *http, const char *url, struct span form, const char *ca_file,
			 http_fn *fn, void *owner, uint64_t ticket);
bool __wrap_http_request(struct http *http, const char *url, struct span form, const char *ca_file,
			 http_fn *fn, void *owner, uint64_t ticket)
{
	struct request *request = &world.requests[world.request_count];

	(void)http;
	(void)ca_file;
	if (world.no_memory)
		return false;
	assert_true(world.request_count < REQUESTS_MAX);
	assert_true(form.len < sizeof(request->form));
	world.request_count++;
	*request = (struct request){ .fn = fn, .owner = owner, .ticket = ticket };
	(void)snprintf(request->url, sizeof(request->url), "%s", url);
	memcpy(request->form, form.data, form.len);
	return true;
}

/* The file of `owner`, or a place for one. */
static inline struct file *file_of(const char *host, const char *user)
{
	struct file *free_place = NULL;
	char name[sizeof(world.files[0].owner)];

	(void)snprintf(name, sizeof(name), "%s %s", host, user);
	for (size_t i = 0; i < FILES_MAX; i++) {
		struct file *file = &world.files[i];

		if (strcmp(file->owner, name) == 0)
			return file;
		if (file->owner[0] == '\0' && free_place == NULL)
			free_place = file;
	}
	assert_non_null(free_place);
	(void)snprintf(free_place->owner, sizeof(free_place->owner), "%s", name);
	return free_place;
}

static inline void text_of(char *text_r, size_t size, const struct secret *secret)
{
	struct span span = secret != NULL ? secret_borrow(secret) : span_of("", 0);

	(void)snprintf(text_r, size, "%.*s", (int)span.len, (const char *)span.data);
}

static inline struct secret *secret_of(const char *text)
{
	return text[0] != '\0' ? secret_new(span_text(text)) : NULL;
}

bool __wrap_token_store_open(struct token_store *store, const char *state_directory,
			     const char *key_file, bool make_key, char *error_r, size_t error_size);
bool __wrap_token_store_open(struct token_store *store, const char *state_directory,
			     const char *key_file, bool make_key, char *error_r, size_t error_size)
{
	(void)state_directory;
	(void)key_file;
	(void)make_key;
	*store = (struct token_store){ 0 };
	if (world.disk_full)
		(void)snprintf(error_r, error_size, "%s/token.key: it is full", world.folder);
	return !world.disk_full;
}

void __wrap_token_store_close(struct token_store *store);
void __wrap_token_store_close(struct token_store *store)
{
	(void)store;
}

enum token_store_status __wrap_token_store_load(const struct token_store *store,
						const struct token_owner *owner,
						struct token_record *record_r, char *error_r,
						size_t error_size);
enum token_store_status __wrap_token_store_load(const struct token_store *store,
						const struct token_owner *owner,
						struct token_record *record_r, char *error_r,
						size_t error_size)
{
	enum token_store_status status = TOKEN_STORE_NONE;

	(void)store;
	*record_r = (struct token_record){ 0 };
	pthread_mutex_lock(&world.lock);
	world.loads++;
	struct file *file = file_of(owner->host, owner->user);
	if (file->there)
		status = file->status;
	if (status != TOKEN_STORE_OK) {
		(void)snprintf(error_r, error_size, "tokens/0123: it is broken");
	} else {
		*record_r = (struct token_record){
			.refresh = secret_of(file->refresh),
			.access = secret_of(file->access),
			.access_expires = file->expires,
			.signed_in = file->signed_in,
			.refreshed = file->refreshed,
		};
		(void)snprintf(record_r->client_id, sizeof(record_r->client_id), "%s",
			       file->client_id);
		(void)snprintf(record_r->token_endpoint, sizeof(record_r->token_endpoint), "%s",
			       file->token_endpoint);
		(void)snprintf(record_r->flow, sizeof(record_r->flow), "%s", file->flow);
	}
	if (status == TOKEN_STORE_DAMAGED)
		file->there = false; /* set aside */
	pthread_mutex_unlock(&world.lock);
	return status;
}

/* Waits while the disk is slow. False: nothing can be written. */
static inline bool disk_write_begin(void)
{
	pthread_mutex_lock(&world.lock);
	while (world.disk_slow)
		pthread_cond_wait(&world.let_go, &world.lock);
	return !world.disk_full && !world.killed;
}

enum token_store_status __wrap_token_store_save(const struct token_store *store,
						const struct token_owner *owner,
						const struct token_record *record, char *error_r,
						size_t error_size);
enum token_store_status __wrap_token_store_save(const struct token_store *store,
						const struct token_owner *owner,
						const struct token_record *record, char *error_r,
						size_t error_size)
{
	bool possible = disk_write_begin();
	struct file *file = file_of(owner->host, owner->user);

	(void)store;
	world.saves++;
	if (possible) {
		file->there = true;
		file->status = TOKEN_STORE_OK;
		text_of(file->refresh, sizeof(file->refresh), record->refresh);
		text_of(file->access, sizeof(file->access), record->access);
		file->expires = record->access_expires;
		file->signed_in = record->signed_in;
		file->refreshed = record->refreshed;
		(void)snprintf(file->client_id, sizeof(file->client_id), "%s", record->client_id);
		(void)snprintf(file->token_endpoint, sizeof(file->token_endpoint), "%s",
			       record->token_endpoint);
		(void)snprintf(file->flow, sizeof(file->flow), "%s", record->flow);
	} else {
		(void)snprintf(error_r, error_size, "tokens/0123: No space left on device");
	}
	pthread_mutex_unlock(&world.lock);
	return possible ? TOKEN_STORE_OK : TOKEN_STORE_FAILED;
}

enum token_store_status __wrap_token_store_remove(const struct token_store *store,
						  const struct token_owner *owner, char *error_r,
						  size_t error_size);
enum token_store_status __wrap_token_store_remove(const struct token_store *store,
						  const struct token_owner *owner, char *error_r,
						  size_t error_size)
{
	bool possible = disk_write_begin();

	(void)store;
	if (possible)
		file_of(owner->host, owner->user)->there = false;
	else
		(void)snprintf(error_r, error_size, "tokens/0123: Input/output error");
	pthread_mutex_unlock(&world.lock);
	return possible ? TOKEN_STORE_OK : TOKEN_STORE_FAILED;
}

bool __wrap_token_store_each(const struct token_store *store, token_store_fn *fn, void *argument,
			     char *error_r, size_t error_size);
bool __wrap_token_store_each(const struct token_store *store, token_store_fn *fn, void *argument,
			     char *error_r, size_t error_size)
{
	struct token_record record = { 0 };

	(void)store;
	(void)error_r;
	(void)error_size;
	pthread_mutex_lock(&world.lock);
	world.listings++;
	for (size_t i = 0; i < FILES_MAX; i++) {
		struct file *file = &world.files[i];
		char name[sizeof(file->owner)];

		if (!file->there || file->status != TOKEN_STORE_OK)
			continue;
		(void)snprintf(name, sizeof(name), "%s", file->owner);
		char *blank = strchr(name, ' ');
		*blank = '\0';
		struct token_owner owner = { .host = name, .user = blank + 1 };
		fn(argument, &owner, &record);
	}
	pthread_mutex_unlock(&world.lock);
	return true;
}

static inline void disk_let_go(void)
{
	pthread_mutex_lock(&world.lock);
	world.disk_slow = false;
	pthread_cond_broadcast(&world.let_go);
	pthread_mutex_unlock(&world.lock);
}

/* ---- the loop ---- */

struct barrier {
	struct worker_job job; /* first */
};

static inline void barrier_work(struct worker_job *job)
{
	(void)job;
}

static inline void barrier_done(struct worker_job *job)
{
	(void)job;
	loop_stop(&world.loop);
}

/* Lets the loop turn while the worker may be held up. */
static inline void turn(void)
{
	for (unsigned i = 0; i < 100; i++)
		assert_true(event_base_loop(world.loop.base, EVLOOP_NONBLOCK) >= 0);
}

/* Lets everything happen that does not wait for the provider. What a job's end begins comes behind
 * the barrier, hence a second and a third. */
static inline void happen(void)
{
	for (unsigned i = 0; i < 3; i++) {
		struct barrier barrier = { .job = { .work = barrier_work, .done = barrier_done } };

		world.loop.stopped = false;
		worker_submit(world.oauth->worker, &barrier.job);
		assert_true(loop_run(&world.loop));
	}
}

/* ---- the provider ---- */

/* Answers the oldest request that has none. */
static inline void reply_only(const struct http_answer *answer)
{
	assert_true(world.answered < world.request_count);
	const struct request *request = &world.requests[world.answered++];

	request->fn(request->owner, request->ticket, answer);
}

static inline void reply(const struct http_answer *answer)
{
	reply_only(answer);
	happen();
}

static inline void reply_body(long status, uint64_t retry_after_s, const char *body)
{
	struct http_answer answer = { .outcome = HTTP_ANSWERED,
				      .status = status,
				      .body = span_text(body),
				      .retry_after_s = retry_after_s,
				      .text = "" };

	reply(&answer);
}

static inline void reply_granted_only(unsigned number, unsigned expires_in)
{
	char body[256];
	struct http_answer answer = { .outcome = HTTP_ANSWERED, .status = 200, .text = "" };

	(void)snprintf(body, sizeof(body),
		       "{\"token_type\":\"Bearer\",\"access_token\":\"access-%u\","
		       "\"refresh_token\":\"refresh-%u\",\"expires_in\":%u}",
		       number, number, expires_in);
	answer.body = span_text(body);
	reply_only(&answer);
}

static inline void reply_granted(unsigned number, unsigned expires_in)
{
	reply_granted_only(number, expires_in);
	happen();
}

static inline void reply_error(const char *error)
{
	char body[256];

	(void)snprintf(body, sizeof(body),
		       "{\"error\":\"%s\",\"error_description\":\"What went wrong\","
		       "\"trace_id\":\"trace-7\",\"correlation_id\":\"correlation-8\"}",
		       error);
	reply_body(400, 0, body);
}

static inline void reply_failed(enum http_outcome outcome)
{
	struct http_answer answer = { .outcome = outcome, .text = "id.example.org: it is away" };

	reply(&answer);
}

/* ---- who asks ---- */

struct asker {
	unsigned calls;
	char token[64];
	bool fetched;
	struct oauth_trouble trouble; /* state OK: none */
	char saved[32];               /* the refresh token on disk at that moment */
	void (*then)(struct asker *asker);
};

static inline struct oauth_client client_of(const char *name)
{
	struct oauth_client client = { .setup = world.setup,
				       .account = conf_find_account(world.setup->conf, name),
				       .name = name,
				       .mailbox = name };

	assert_non_null(client.account);
	client.mailbox = conf_account_mailbox(client.account, name);
	return client;
}

static inline void on_result(void *owner, uint64_t ticket, const struct oauth_result *result)
{
	struct asker *asker = owner;

	assert_int_equal(ticket, 4711);
	assert_true((result->token == NULL) == (result->trouble != NULL));
	asker->calls++;
	text_of(asker->token, sizeof(asker->token), result->token);
	asker->fetched = result->fetched;
	asker->trouble = result->trouble != NULL ? *result->trouble : (struct oauth_trouble){ 0 };
	pthread_mutex_lock(&world.lock);
	(void)snprintf(asker->saved, sizeof(asker->saved), "%s",
		       file_of("imap.example.org", "alice@example.org")->refresh);
	pthread_mutex_unlock(&world.lock);
	if (asker->then != NULL)
		asker->then(asker);
}

static inline void ask_only(struct asker *asker, const char *name, enum oauth_need need)
{
	struct oauth_client client = client_of(name);

	assert_true(oauth_get(world.oauth, &client, need, on_result, asker, 4711));
}

/* Asks, and lets happen what can. */
static inline void ask(struct asker *asker, const char *name, enum oauth_need need)
{
	ask_only(asker, name, need);
	happen();
}

static inline void expect_token(struct asker *asker, const char *token, bool fetched)
{
	if (asker->calls == 1 && asker->trouble.state != OAUTH_OK)
		fail_msg("expected %s, got: %s", token, asker->trouble.text);
	assert_int_equal(asker->calls, 1);
	assert_string_equal(asker->token, token);
	assert_int_equal(asker->fetched, fetched);
	*asker = (struct asker){ 0 };
}

static inline void expect_trouble(struct asker *asker, enum oauth_state state, const char *text)
{
	assert_int_equal(asker->calls, 1);
	assert_string_equal(asker->token, "");
	assert_int_equal(asker->trouble.state, state);
	if (strstr(asker->trouble.text, text) == NULL)
		fail_msg("expected %s, got: %s", text, asker->trouble.text);
	assert_non_null(asker->trouble.meaning);
	assert_non_null(asker->trouble.remedy);
	*asker = (struct asker){ 0 };
}

/* ---- a person signs in and out ---- */

struct person {
	unsigned calls;
	char error[300];
};

static inline void on_stored(void *owner, uint64_t ticket, const char *error)
{
	struct person *person = owner;

	assert_int_equal(ticket, 4712);
	person->calls++;
	(void)snprintf(person->error, sizeof(person->error), "%s", error != NULL ? error : "");
}

static inline void sign_in_only(struct person *person, const char *name, unsigned number)
{
	struct oauth_client client = client_of(name);
	struct token_answer answer = { .kind = TOKEN_GRANTED, .expires_in = 3600 };
	char text[32];

	(void)snprintf(text, sizeof(text), "access-%u", number);
	answer.access = secret_of(text);
	(void)snprintf(text, sizeof(text), "refresh-%u", number);
	answer.refresh = secret_of(text);
	assert_true(
		oauth_sign_in(world.oauth, &client, &answer, "device", on_stored, person, 4712));
	assert_null(answer.access);
	assert_null(answer.refresh);
}

static inline void sign_out_only(struct person *person, const char *name)
{
	struct oauth_client client = client_of(name);

	assert_true(oauth_sign_out(world.oauth, &client, on_stored, person, 4712));
}

/* A sign-in that is on disk before the daemon starts: "access-1", "refresh-1". */
static inline struct file *signed_in(const char *host, const char *user, time_t left)
{
	struct file *file = file_of(host, user);

	file->there = true;
	file->status = TOKEN_STORE_OK;
	(void)snprintf(file->refresh, sizeof(file->refresh), "refresh-1");
	(void)snprintf(file->access, sizeof(file->access), "access-1");
	file->refreshed = world.now.wall + left - 3600;
	file->expires = world.now.wall + left;
	file->signed_in = NOW - 86400;
	(void)snprintf(file->client_id, sizeof(file->client_id), "app-1");
	(void)snprintf(file->token_endpoint, sizeof(file->token_endpoint),
		       "https://id.example.org/token");
	(void)snprintf(file->flow, sizeof(file->flow), "browser");
	return file;
}

static inline struct file *alice_file(void)
{
	return file_of("imap.example.org", "alice@example.org");
}

/* ---- setting up ---- */

#define PASSWORD_FILE "password_file = \"passwords\"; "
#define IMAP "imap = { host = \"imap.example.org\"; }; "
#define OAUTH_OF(client_id, more)                                      \
	"auth = \"oauth2\"; oauth = { client_id = \"" client_id "\"; " \
	"token_endpoint = \"https://id.example.org/token\"; " more "}; "
#define SCOPE "scope = \"imap offline_access\"; "
#define APP "scope = \"imap\"; flow = \"app\"; client_secret_file = \"secret\"; "
#define ACCOUNT_OF(user, oauth) "{ user = \"" user "\"; " PASSWORD_FILE IMAP oauth "}"
#define SHARED_OF(user, mailbox, oauth) \
	"{ user = \"" user "\"; mailbox = \"" mailbox "\"; " PASSWORD_FILE IMAP oauth "}"
#define ACCOUNTS(list) "accounts = ( " list " );\n"
#define AND ", "

#define ALICE ACCOUNT_OF("alice@example.org", OAUTH_OF("app-1", SCOPE))
#define BOB ACCOUNT_OF("bob@example.org", OAUTH_OF("app-1", SCOPE))
#define WILD ACCOUNT_OF("*@wild.example", OAUTH_OF("app-1", SCOPE))
#define APP1 ACCOUNT_OF("one@app.example", OAUTH_OF("app-2", APP))
#define APP2 ACCOUNT_OF("two@app.example", OAUTH_OF("app-2", APP))

static inline void write_file(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", world.folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static inline struct setup *load(const char *accounts)
{
	struct conf_error error;
	char text[32768];

	(void)snprintf(text, sizeof(text),
		       "state_directory = \"%s\"; runtime_directory = \"%s\";\n"
		       "listeners = ( { address = \"127.0.0.1\"; port = 0; } );\n%s",
		       world.folder, world.folder, accounts);
	write_file("packetboat.conf", text);
	struct setup *setup = setup_load(world.conf, NULL, NULL, &error);
	if (setup == NULL)
		fail_msg("%s", error.text);
	return setup;
}

static inline void start_oauth(void)
{
	char error[300];

	world.oauth = oauth_new(&world.loop, &world.log, NULL, world.setup, error, sizeof(error));
	if (world.oauth == NULL)
		fail_msg("%s", error);
}

/* Starts the daemon's part of it, and lets it read what there is. */
static inline void start(const char *accounts)
{
	world.setup = load(accounts);
	start_oauth();
	happen();
}

static inline void reload(const char *accounts)
{
	setup_unref(&world.setup);
	world.setup = load(accounts);
	oauth_reload(world.oauth, world.setup);
	happen();
}

static inline unsigned count_logged(const char *words)
{
	unsigned count = 0;

	for (const char *at = strstr(world.logged, words); at != NULL; at = strstr(at + 1, words))
		count++;
	return count;
}

/* Nothing has happened yet. */
static inline void world_begin(void)
{
	memset(world.files, 0, sizeof(world.files));
	world.logged[0] = '\0';
	world.logged_len = 0;
	world.request_count = 0;
	world.answered = 0;
	world.saves = 0;
	world.loads = 0;
	world.no_memory = false;
	world.disk_full = false;
	world.disk_slow = false;
	world.killed = false;
	world.now = (struct oauth_time){ .ms = 5000000, .wall = NOW };
}

static inline int world_setup(void **state)
{
	(void)state;
	world_begin();
	(void)snprintf(world.folder, sizeof(world.folder), "/tmp/oauth.XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	(void)snprintf(world.conf, sizeof(world.conf), "%s/packetboat.conf", world.folder);
	write_file("secret", "the application's secret\n");
	(void)unsetenv("STATE_DIRECTORY");
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	assert_true(loop_init(&world.loop));
	log_init(&world.log, CONF_LOG_DEBUG);
	return 0;
}

static inline int world_teardown(void **state)
{
	static const char *const names[] = { "secret", "packetboat.conf" };
	bool leaked;

	(void)state;
	disk_let_go();
	oauth_free(&world.oauth);
	setup_unref(&world.setup);
	loop_deinit(&world.loop);
	leaked = strstr(world.logged, "access-") != NULL ||
		 strstr(world.logged, "refresh-") != NULL ||
		 strstr(world.logged, "the application's secret") != NULL;
	for (size_t i = 0; i < ROWS(names); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", world.folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(world.folder);
	/* Whatever a test is about: no secret is ever in the log. */
	return leaked ? -1 : 0;
}

#define oauth_test(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
