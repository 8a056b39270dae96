/* SPDX-License-Identifier: ISC */
#include "daemon/forecast.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/mailbox_memory.h"
#include "tls/client_assertion.h"

enum { SECONDS_A_DAY = 86400 };

struct forecast {
	struct log *log;             /* borrowed */
	struct attention *attention; /* borrowed */
	struct conf *conf;           /* owned reference; NULL: none yet */
	struct event *daily;         /* owned */
};

/* ---- dates ---- */

/* `count` digits at the front of `text`; -1: they are none. */
static int read_digits(const char *text, size_t count)
{
	int number = 0;

	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (text[i] - '0');
	}
	return number;
}

bool forecast_date(const char *text, time_t *date_r)
{
	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return false;
	int year = read_digits(text, 4);
	int month = read_digits(text + 5, 2);
	int day = read_digits(text + 8, 2);
	if (year < 0 || month < 0 || day < 0)
		return false;
	struct tm date = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	/* A 31st of June becomes the 1st of July: then it was no date. */
	*date_r = timegm(&date);
	return date.tm_year == year - 1900 && date.tm_mon == month - 1 && date.tm_mday == day;
}

bool forecast_is_due(time_t expiry, time_t now)
{
	return expiry - now <= (time_t)FORECAST_DAYS * SECONDS_A_DAY;
}

/* ---- accounts ---- */

struct credential {
	const char *file; /* NULL: there is none, or nobody knows when it expires */
	const char *what; /* "client secret" */
	const char *remedy;
	time_t expiry;
};

static bool find_secret(const struct conf_oauth *oauth, struct credential *credential_r)
{
	*credential_r = (struct credential){
		.file = oauth->client_secret_file,
		.what = "client secret",
		.remedy = "An administrator of the application makes a new client secret and puts "
			  "it into that file; then oauth.expires gets the new date, and "
			  "`packetboat reload` makes it known.",
	};
	return oauth->expires != NULL && forecast_date(oauth->expires, &credential_r->expiry);
}

static bool find_certificate(const struct forecast *forecast, const struct conf_oauth *oauth,
			     struct credential *credential_r)
{
	struct tls_reason reason;

	*credential_r = (struct credential){
		.file = oauth->certificate,
		.what = "certificate",
		.remedy = "An administrator makes a new key and certificate, uploads the "
			  "certificate to the application, and then puts both in the place of "
			  "the old files.",
	};
	if (client_assertion_expiry(oauth->certificate, &credential_r->expiry, &reason))
		return true;
	log_event(forecast->log, CONF_LOG_WARNING, "forecast", "reason", reason.text);
	return false;
}

static int text_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void file_ignore(void *file)
{
	(void)file;
}

/* Whether it is the first time that this file is looked at; notes it. */
static bool is_first(void **seen, const char *file)
{
	const char **found = tfind(file, seen, text_compare);

	return found == NULL && tsearch(file, seen, text_compare) != NULL;
}

/* What will expire of an account's. False: nothing, or another account with the same was there. */
static bool find_credential(const struct forecast *forecast, void **seen,
			    const struct conf_oauth *oauth, struct credential *credential_r)
{
	if (oauth->client_secret_file != NULL && oauth->expires != NULL)
		return is_first(seen, oauth->client_secret_file) &&
		       find_secret(oauth, credential_r);
	if (oauth->certificate != NULL)
		return is_first(seen, oauth->certificate) &&
		       find_certificate(forecast, oauth, credential_r);
	return false;
}

static void forecast_tell(struct forecast *forecast, const struct conf_account *account,
			  const struct store_mailbox *mailbox, const struct credential *credential,
			  time_t now)
{
	char detail[600];
	char date[32];
	struct tm day = { 0 };

	gmtime_r(&credential->expiry, &day);
	strftime(date, sizeof(date), "%Y-%m-%d", &day);
	snprintf(detail, sizeof(detail), "The %s of the application %s %s on %s (%s)",
		 credential->what, account->oauth.client_id,
		 credential->expiry <= now ? "expired" : "expires", date, credential->file);
	attention_raise(forecast->attention, &(struct attention_report){
						     .mailbox = *mailbox,
						     .account = account->user,
						     .reason = ATTENTION_CREDENTIAL_EXPIRING,
						     .detail = detail,
						     .remedy = credential->remedy,
					     });
}

static struct store_mailbox mailbox_of(const struct conf_account *account)
{
	return (struct store_mailbox){
		.host = account->imap.host,
		.user = conf_account_mailbox(account, account->user),
		.folder = account->folder,
	};
}

/* Ends what was told earlier, but for the mailboxes in `told`. */
static void forecast_clear(struct forecast *forecast, void *const *told)
{
	for (size_t i = 0; i < forecast->conf->account_count; i++) {
		struct store_mailbox mailbox = mailbox_of(&forecast->conf->accounts[i]);
		char *key = mailbox_memory_key(mailbox.host, mailbox.user, mailbox.folder);

		if (key != NULL && tfind(key, told, text_compare) == NULL)
			attention_clear_forecast(forecast->attention, &mailbox);
		free(key);
	}
}

static void forecast_look(struct forecast *forecast)
{
	time_t now = time(NULL);
	void *files = NULL;
	void *told = NULL;

	for (size_t i = 0; i < forecast->conf->account_count; i++) {
		const struct conf_account *account = &forecast->conf->accounts[i];
		struct store_mailbox mailbox = mailbox_of(account);
		struct credential credential;

		if (account->auth != CONF_AUTH_OAUTH2 ||
		    !find_credential(forecast, &files, &account->oauth, &credential) ||
		    !forecast_is_due(credential.expiry, now))
			continue;
		forecast_tell(forecast, account, &mailbox, &credential, now);
		char *key = mailbox_memory_key(mailbox.host, mailbox.user, mailbox.folder);
		char **found = key != NULL ? tsearch(key, &told, text_compare) : NULL;
		if (found == NULL || *found != key)
			free(key);
	}
	forecast_clear(forecast, &told);
	tdestroy(told, free);
	tdestroy(files, file_ignore);
}

static void on_daily(evutil_socket_t fd, short what, void *argument)
{
	struct forecast *forecast = argument;

	(void)fd;
	(void)what;
	forecast_look(forecast);
	loop_arm(forecast->daily, SECONDS_A_DAY * UINT64_C(1000));
}

/* ---- life ---- */

struct forecast *forecast_new(struct loop *loop, struct log *log, struct attention *attention)
{
	struct forecast *forecast = calloc(1, sizeof(*forecast));

	if (forecast == NULL)
		return NULL;
	forecast->log = log;
	forecast->attention = attention;
	forecast->daily = evtimer_new(loop->base, on_daily, forecast);
	if (forecast->daily == NULL)
		forecast_free(&forecast);
	return forecast;
}

void forecast_free(struct forecast **freed)
{
	struct forecast *forecast = *freed;

	*freed = NULL;
	if (forecast == NULL)
		return;
	if (forecast->daily != NULL)
		event_free(forecast->daily);
	conf_unref(&forecast->conf);
	free(forecast);
}

void forecast_watch(struct forecast *forecast, struct conf *conf)
{
	struct conf *next = conf_ref(conf);

	conf_unref(&forecast->conf);
	forecast->conf = next;
	forecast_look(forecast);
	loop_arm(forecast->daily, SECONDS_A_DAY * UINT64_C(1000));
}
