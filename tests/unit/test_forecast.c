/* SPDX-License-Identifier: ISC */
#include "daemon/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/certificate_file.h"

static const struct {
	const char *text;
	bool ok;
	time_t date;
} dates[] = {
	{ "1970-01-01", true, 0 },
	{ "2027-03-01", true, 1803859200 },
	{ "2028-02-29", true, 1835395200 },
	{ "2000-02-29", true, 951782400 },
	{ "2100-12-31", true, 4133894400 },
	{ "2027-02-29", false, 0 },
	{ "2100-02-29", false, 0 },
	{ "2027-06-31", false, 0 },
	{ "2027-13-01", false, 0 },
	{ "2027-00-01", false, 0 },
	{ "2027-01-00", false, 0 },
	{ "2027-1-1", false, 0 },
	{ "2027-03-01 ", false, 0 },
	{ " 2027-03-0", false, 0 },
	{ "2027/03/01", false, 0 },
	{ "-027-03-01", false, 0 },
	{ "2027-+3-01", false, 0 },
	{ "01-03-2027", false, 0 },
	{ "", false, 0 },
};

static void dates_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		time_t date = 0;

		if (forecast_date(dates[i].text, &date) != dates[i].ok)
			fail_msg("\"%s\" is %s", dates[i].text, dates[i].ok ? "a date" : "none");
		if (dates[i].ok && date != dates[i].date)
			fail_msg("\"%s\" is %lld, not %lld", dates[i].text,
				 (long long)dates[i].date, (long long)date);
	}
}

static void thirty_days_ahead_it_is_time(void **state)
{
	enum { DAY = 86400 };

	(void)state;
	assert_false(forecast_is_due(1803859200, 1803859200 - 31 * DAY));
	assert_false(forecast_is_due(1803859200, 1803859200 - 30 * DAY - 1));
	assert_true(forecast_is_due(1803859200, 1803859200 - 30 * DAY));
	assert_true(forecast_is_due(1803859200, 1803859200));
	assert_true(forecast_is_due(1803859200, 1803859200 + 100 * DAY));
}

/* ---- with a store ---- */

struct place {
	char folder[64];
	struct loop loop;
	struct log log;
	struct store *store;
	struct attention *attention;
	struct forecast *forecast;
};

static void place_open(struct place *place)
{
	char error[300] = "";

	place->store = store_open(&place->loop, place->folder, error, sizeof(error));
	place->attention =
		attention_new(&place->loop, &place->log, place->store, error, sizeof(error));
	assert_non_null(place->attention);
	place->forecast = forecast_new(&place->loop, &place->log, place->attention);
	assert_non_null(place->forecast);
}

static void place_close(struct place *place)
{
	forecast_free(&place->forecast);
	store_close(&place->store);
	attention_free(&place->attention);
}

static void place_init(struct place *place)
{
	*place = (struct place){ .folder = "/tmp/packetboat-forecast-XXXXXX" };
	assert_non_null(mkdtemp(place->folder));
	log_init(&place->log, CONF_LOG_ERROR);
	assert_true(loop_init(&place->loop));
	place_open(place);
}

static void place_deinit(struct place *place)
{
	char path[128];

	place_close(place);
	loop_deinit(&place->loop);
	snprintf(path, sizeof(path), "%s/packetboat.db", place->folder);
	unlink(path);
	assert_int_equal(rmdir(place->folder), 0);
}

/* Which accounts are told of, in order, each followed by a blank; and the first's detail. */
static void forecasts(struct place *place, char text_r[200], char detail_r[600])
{
	struct store_incident **incidents;
	char error[300];
	size_t count;

	/* What was asked of it is done when it is closed. */
	place_close(place);
	place_open(place);
	text_r[0] = '\0';
	detail_r[0] = '\0';
	assert_true(store_read_incidents(place->store, &incidents, &count, error, sizeof(error)));
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(text_r);

		assert_int_equal(incidents[i]->reason, ATTENTION_CREDENTIAL_EXPIRING);
		assert_non_null(incidents[i]->remedy);
		snprintf(text_r + len, 200 - len, "%s ", incidents[i]->account);
		if (i == 0)
			snprintf(detail_r, 600, "%s", incidents[i]->detail);
		free(incidents[i]);
	}
	free(incidents);
}

static struct conf_account account_of(const char *user, const char *secret, const char *expires)
{
	return (struct conf_account){
		.user = user,
		.folder = "INBOX",
		.auth = CONF_AUTH_OAUTH2,
		.imap = { .host = "imap.example.org" },
		.oauth = { .client_id = "app", .client_secret_file = secret, .expires = expires },
	};
}

static void secrets_are_told_of_once_each(void **state)
{
	struct conf_account accounts[] = {
		account_of("ada", "/one", "2001-01-01"),
		account_of("bob", "/one", "2001-01-01"),
		account_of("cyd", "/two", "2101-01-01"),
		account_of("dan", "/three", NULL),
		account_of("*@example.org", "/four", "2001-01-01"),
		/* The same mailbox as the first by another name: it ends nothing. */
		account_of("alias", "/one", "2001-01-01"),
		account_of("eve", NULL, NULL),
	};
	struct conf conf = { .accounts = accounts, .account_count = 7, .references = 1 };
	struct place place;
	char told[200];
	char detail[600];

	(void)state;
	accounts[5].mailbox = "ada";
	place_init(&place);
	forecast_watch(place.forecast, &conf);
	forecasts(&place, told, detail);
	assert_string_equal(told, "*@example.org ada ");
	assert_string_equal(detail, "The client secret of the application app expired on"
				    " 2001-01-01 (/four)");
	/* Looking again changes nothing. */
	forecast_watch(place.forecast, &conf);
	forecast_watch(place.forecast, &conf);
	forecasts(&place, told, detail);
	assert_string_equal(told, "*@example.org ada ");
	/* The secrets were renewed. */
	for (size_t i = 0; i < 7; i++)
		accounts[i].oauth.expires = "2101-01-01";
	forecast_watch(place.forecast, &conf);
	forecasts(&place, told, detail);
	assert_string_equal(told, "");
	place_deinit(&place);
	assert_int_equal(conf.references, 1);
}

/* A certificate that ends in so many seconds from now. */
static void make_certificate(char path_r[PATH_LEN], const char *folder, const char *name,
			     long seconds)
{
	struct identity_spec spec = { .common_name = "application" };
	time_t end = time(NULL) + seconds;
	struct tm utc;
	char text[32];

	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", gmtime_r(&end, &utc));
	spec.not_after = text;
	struct identity made = identity_make(&spec, NULL);
	write_certificate(path_r, folder, name, made.certificate);
	identity_free(&made);
}

static void certificates_say_it_themselves(void **state)
{
	struct conf_account accounts[] = {
		account_of("ada", NULL, NULL),
		account_of("bob", NULL, NULL),
		account_of("cyd", NULL, NULL),
	};
	struct conf conf = { .accounts = accounts, .account_count = 3, .references = 1 };
	struct place place;
	char soon[PATH_LEN];
	char later[PATH_LEN];
	char told[200];
	char detail[600];

	(void)state;
	place_init(&place);
	make_certificate(soon, place.folder, "soon.pem", 10 * 86400);
	make_certificate(later, place.folder, "later.pem", 31 * 86400 + 600);
	accounts[0].oauth.certificate = later;
	accounts[1].oauth.certificate = soon;
	accounts[2].oauth.certificate = "/nowhere/at/all.pem";
	forecast_watch(place.forecast, &conf);
	forecasts(&place, told, detail);
	assert_string_equal(told, "bob ");
	assert_non_null(strstr(detail, "The certificate of the application app expires on 2"));
	assert_non_null(strstr(detail, soon));
	make_certificate(soon, place.folder, "soon.pem", 300 * 86400);
	forecast_watch(place.forecast, &conf);
	forecasts(&place, told, detail);
	assert_string_equal(told, "");
	unlink(soon);
	unlink(later);
	place_deinit(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(thirty_days_ahead_it_is_time),
		cmocka_unit_test(secrets_are_told_of_once_each),
		cmocka_unit_test(certificates_say_it_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
