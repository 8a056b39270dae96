/* SPDX-License-Identifier: ISC */
#include "daemon/control/doctor_network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct conf_imap imap_of(enum conf_address_family family)
{
	return (struct conf_imap){ .host = "imap.example.org",
				   .port = 993,
				   .tls = CONF_TLS_IMPLICIT,
				   .address_family = family };
}

static void check(const char *name, const struct diagnosis *diagnosis, bool ok, const char *found,
		  const char *remedy)
{
	if (diagnosis->ok != ok || diagnosis->ok != (diagnosis->remedy[0] == '\0'))
		fail_msg("%s: ok is %d: %s; %s", name, diagnosis->ok, diagnosis->found,
			 diagnosis->remedy);
	if (strstr(diagnosis->found, found) == NULL)
		fail_msg("%s: \"%s\" is not in: %s", name, found, diagnosis->found);
	if (remedy != NULL && strstr(diagnosis->remedy, remedy) == NULL)
		fail_msg("%s: \"%s\" is not in: %s", name, remedy, diagnosis->remedy);
}

#define HAS(text)                             \
	{                                     \
		.count = 1, .addresses = text \
	}
#define NOBODY             \
	{                  \
		.count = 0 \
	}
#define SILENT                 \
	{                      \
		.silent = true \
	}
#define UNKNOWN(text)         \
	{                     \
		.error = text \
	}
#define CONNECTED                                                           \
	{                                                                   \
		.count = 1, .tried = true, .connected = true, .took_ms = 12 \
	}
#define REFUSED                                                  \
	{                                                        \
		.count = 1, .tried = true, .text = "was refused" \
	}

static void names_are_judged_by_the_family_that_is_used(void **state)
{
	static const struct {
		const char *name;
		enum conf_address_family family;
		struct doctor_route routes[DOCTOR_FAMILIES];
		bool ok;
		const char *found;
		const char *remedy;
	} rows[] = {
		{ "both",
		  CONF_ADDRESS_AUTO,
		  { HAS("2001:db8::1"), HAS("192.0.2.1") },
		  true,
		  "imap.example.org: IPv6 2001:db8::1; IPv4 192.0.2.1",
		  NULL },
		{ "IPv4 alone",
		  CONF_ADDRESS_AUTO,
		  { NOBODY, HAS("192.0.2.1") },
		  true,
		  "IPv6 none; IPv4 192.0.2.1",
		  NULL },
		{ "IPv6 alone",
		  CONF_ADDRESS_AUTO,
		  { HAS("2001:db8::1"), NOBODY },
		  true,
		  "IPv4 none",
		  NULL },
		{ "one fails",
		  CONF_ADDRESS_AUTO,
		  { UNKNOWN("failed"), HAS("192.0.2.1") },
		  true,
		  "IPv6 none; IPv4 192.0.2.1",
		  NULL },
		{ "one is silent",
		  CONF_ADDRESS_AUTO,
		  { SILENT, HAS("192.0.2.1") },
		  true,
		  "IPv6 not answered in time",
		  NULL },
		{ "neither",
		  CONF_ADDRESS_AUTO,
		  { UNKNOWN("unknown"), UNKNOWN("unknown") },
		  false,
		  "imap.example.org: unknown",
		  "spelt right" },
		{ "nobody answers",
		  CONF_ADDRESS_AUTO,
		  { SILENT, SILENT },
		  false,
		  "imap.example.org: no name server answers",
		  "resolv.conf" },
		{ "no address",
		  CONF_ADDRESS_AUTO,
		  { NOBODY, NOBODY },
		  false,
		  "has no address",
		  NULL },
		{ "IPv6 is wanted",
		  CONF_ADDRESS_IPV6,
		  { NOBODY, HAS("192.0.2.1") },
		  false,
		  "IPv4 192.0.2.1",
		  "address_family" },
		{ "IPv4 is wanted",
		  CONF_ADDRESS_IPV4,
		  { HAS("2001:db8::1"), HAS("192.0.2.1") },
		  true,
		  "",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_imap imap = imap_of(rows[i].family);
		struct diagnosis diagnosis;

		doctor_diagnose_dns(&diagnosis, &imap, rows[i].routes);
		check(rows[i].name, &diagnosis, rows[i].ok, rows[i].found, rows[i].remedy);
	}
}

static void an_address_is_no_name(void **state)
{
	static const struct doctor_route routes[DOCTOR_FAMILIES] = { UNKNOWN("unknown"),
								     HAS("192.0.2.1") };
	struct conf_imap imap = imap_of(CONF_ADDRESS_AUTO);
	struct diagnosis diagnosis;

	(void)state;
	imap.host = "192.0.2.1";
	doctor_diagnose_dns(&diagnosis, &imap, routes);
	check("address", &diagnosis, true, "192.0.2.1 is an address already", NULL);
}

static void one_family_that_connects_is_enough(void **state)
{
	static const struct {
		const char *name;
		struct doctor_route routes[DOCTOR_FAMILIES];
		bool ok;
		const char *found;
		const char *remedy;
	} rows[] = {
		{ "both",
		  { CONNECTED, CONNECTED },
		  true,
		  "IPv6: connected in 12 ms; IPv4: connected in 12 ms",
		  NULL },
		{ "IPv6 fails", { REFUSED, CONNECTED }, true, "Connections go by IPv4", NULL },
		{ "no IPv6", { NOBODY, CONNECTED }, true, "IPv4: connected in 12 ms", NULL },
		{ "IPv4 fails", { CONNECTED, REFUSED }, true, "IPv4: was refused", NULL },
		{ "both fail",
		  { REFUSED, REFUSED },
		  false,
		  "IPv6: was refused; IPv4: was refused",
		  "imap.example.org port 993" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_imap imap = imap_of(CONF_ADDRESS_AUTO);
		struct diagnosis diagnosis;

		doctor_diagnose_tcp(&diagnosis, &imap, rows[i].routes);
		check(rows[i].name, &diagnosis, rows[i].ok, rows[i].found, rows[i].remedy);
	}
}

static void tls_is_judged_by_how_far_it_came(void **state)
{
	static const struct {
		const char *name;
		enum conf_tls tls;
		struct probe_result result;
		bool ok;
		const char *found;
		const char *remedy;
	} rows[] = {
		{ "good",
		  CONF_TLS_IMPLICIT,
		  { .progress = UPSTREAM_GREETED, .done = true, .tls = "TLSv1.3" },
		  true,
		  "TLSv1.3; the certificate is good for imap.example.org",
		  NULL },
		{ "none",
		  CONF_TLS_NONE,
		  { .progress = UPSTREAM_GREETED, .done = true },
		  true,
		  "does not leave this machine",
		  NULL },
		{ "untrusted",
		  CONF_TLS_IMPLICIT,
		  { .progress = UPSTREAM_CONNECTED,
		    .failure = { .cause = FAILURE_CAUSE_UNTRUSTED, .text = "has expired" } },
		  false,
		  "has expired",
		  "imap.ca_file" },
		{ "no TLS there",
		  CONF_TLS_IMPLICIT,
		  { .progress = UPSTREAM_CONNECTED,
		    .failure = { .cause = FAILURE_CAUSE_TLS, .text = "wrong version" } },
		  false,
		  "wrong version",
		  "imap.port" },
		{ "no greeting",
		  CONF_TLS_IMPLICIT,
		  { .progress = UPSTREAM_ENCRYPTED,
		    .failure = { .cause = FAILURE_CAUSE_OTHER, .text = "silent" } },
		  false,
		  "silent",
		  "greet" },
		{ "gone",
		  CONF_TLS_IMPLICIT,
		  { .progress = UPSTREAM_NOT_CONNECTED,
		    .failure = { .cause = FAILURE_CAUSE_UNREACHABLE, .text = "refused" } },
		  false,
		  "refused",
		  "try again" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_imap imap = imap_of(CONF_ADDRESS_AUTO);
		struct diagnosis diagnosis;

		imap.tls = rows[i].tls;
		doctor_diagnose_tls(&diagnosis, &imap, &rows[i].result);
		check(rows[i].name, &diagnosis, rows[i].ok, rows[i].found, rows[i].remedy);
	}
}

static void an_endpoint_that_answers_anything_is_there(void **state)
{
	static const struct conf_oauth oauth = { .token_endpoint = "https://id.example.org/token" };
	static const struct {
		const char *name;
		struct http_answer answer;
		bool ok;
		const char *found;
		const char *remedy;
	} rows[] = {
		{ "answers",
		  { .outcome = HTTP_ANSWERED, .status = 405 },
		  true,
		  "https://id.example.org/token answers",
		  NULL },
		{ "unreachable",
		  { .outcome = HTTP_UNREACHABLE, .text = "timed out" },
		  false,
		  "timed out",
		  "https_proxy" },
		{ "untrusted",
		  { .outcome = HTTP_UNTRUSTED, .text = "self-signed" },
		  false,
		  "self-signed",
		  "oauth.ca_file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diagnosis diagnosis;

		doctor_diagnose_endpoint(&diagnosis, &oauth, &rows[i].answer);
		check(rows[i].name, &diagnosis, rows[i].ok, rows[i].found, rows[i].remedy);
	}
}

static void a_clock_may_be_five_minutes_off(void **state)
{
	static const struct {
		time_t ours;
		bool ok;
		const char *found;
	} rows[] = {
		{ 1000000, true, "is that of the sign-in server" },
		{ 1000002, true, "is that of" },
		{ 1000003, true, "3 seconds ahead of" },
		{ 1000300, true, "5 minutes ahead of" },
		{ 1000301, false, "5 minutes ahead of" },
		{ 999700, true, "5 minutes behind" },
		{ 999699, false, "5 minutes behind" },
		{ 1000000 + 86400 * 30, false, "30 days ahead of" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diagnosis diagnosis;

		doctor_diagnose_clock(&diagnosis, rows[i].ours, 1000000);
		check(rows[i].found, &diagnosis, rows[i].ok, rows[i].found,
		      rows[i].ok ? NULL : "Set the clock");
	}
}

static void a_date_is_good_until_its_day_is_over(void **state)
{
	(void)state;
	assert_int_equal(doctor_end_of_day("1970-01-01"), 86400);
	assert_int_equal(doctor_end_of_day("2027-03-01"), 1803945600);
	assert_int_equal(doctor_end_of_day("2027-03-01x"), 0);
	assert_int_equal(doctor_end_of_day("soon"), 0);
}

static void what_has_expired_is_renewed_by_an_administrator(void **state)
{
	static const time_t now = 100 * 86400;
	static const struct {
		time_t expires;
		bool setting;
		bool ok;
		const char *found;
		const char *remedy;
	} rows[] = {
		{ 0, true, true, "not known", NULL },
		{ 200 * 86400, true, true, "expires in 100 days, by `expires`", NULL },
		{ 200 * 86400, false, true, "expires in 100 days", NULL },
		{ 110 * 86400, false, true, "renew it soon", NULL },
		{ 90 * 86400, false, false, "expired 10 days ago", "into that file, and" },
		{ 90 * 86400, true, false, "by `expires`", "with its date into `expires`" },
		{ 100 * 86400, false, false, "expired", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diagnosis diagnosis;

		doctor_diagnose_expiry(&diagnosis, "the secret", rows[i].expires, rows[i].setting,
				       now);
		check(rows[i].found, &diagnosis, rows[i].ok, rows[i].found, rows[i].remedy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_judged_by_the_family_that_is_used),
		cmocka_unit_test(an_address_is_no_name),
		cmocka_unit_test(one_family_that_connects_is_enough),
		cmocka_unit_test(tls_is_judged_by_how_far_it_came),
		cmocka_unit_test(an_endpoint_that_answers_anything_is_there),
		cmocka_unit_test(a_clock_may_be_five_minutes_off),
		cmocka_unit_test(a_date_is_good_until_its_day_is_over),
		cmocka_unit_test(what_has_expired_is_renewed_by_an_administrator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
