/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/control/doctor_private.h"
#include "tls/client_assertion.h"

enum {
	/* Of both families' addresses. */
	DOCTOR_LOOKUP_MS = 10000,
	/* Addresses that are shown. */
	DOCTOR_ADDRESSES_SHOWN = 4,
};

/* ---- its life ---- */

static void doctor_free(void *argument)
{
	struct doctor *doctor = argument;

	if (doctor->turn != NULL)
		event_free(doctor->turn);
	if (doctor->deadline != NULL)
		event_free(doctor->deadline);
	secret_free(&doctor->token);
	free(doctor->mailbox);
	free(doctor->name);
	setup_unref(&doctor->setup);
	free(doctor);
}

void doctor_bury(struct doctor **buried)
{
	struct doctor *doctor = *buried;

	*buried = NULL;
	if (doctor == NULL || doctor->buried)
		return;
	doctor->buried = true;
	ticket_return(doctor->settings.tickets, doctor->ticket);
	event_del(doctor->turn);
	event_del(doctor->deadline);
	probe_bury(&doctor->probe);
	for (size_t i = 0; i < DOCTOR_FAMILIES; i++) {
		lookup_bury(&doctor->roads[i].lookup);
		dialer_bury(&doctor->roads[i].dialer);
	}
	loop_bury(doctor->settings.loop, &doctor->grave, doctor_free, doctor);
}

void doctor_go_on(struct doctor *doctor)
{
	if (!doctor->buried)
		event_active(doctor->turn, EV_TIMEOUT, 0);
}

void doctor_report(struct doctor *doctor, const char *name, const struct diagnosis *diagnosis)
{
	struct doctor_step step = { .ok = diagnosis->ok,
				    .step = name,
				    .found = diagnosis->found,
				    .remedy = diagnosis->ok ? NULL : diagnosis->remedy };

	if (doctor->buried)
		return;
	if (!diagnosis->ok)
		doctor->failed++;
	doctor->functions->step(doctor->owner, &step);
}

void doctor_report_memory(struct doctor *doctor, const char *name)
{
	struct diagnosis diagnosis = { .ok = false };

	diagnosis_found(&diagnosis, "the service is out of memory");
	diagnosis_remedy(&diagnosis, "Try again later.");
	doctor_report(doctor, name, &diagnosis);
}

/* ---- Configuration ---- */

static const char *auth_name(enum conf_auth auth)
{
	switch (auth) {
	case CONF_AUTH_PASSWORD:
		return "the password of a file";
	case CONF_AUTH_PASSTHROUGH:
		return "the client's own password";
	case CONF_AUTH_OAUTH2:
		return "OAuth 2.0";
	}
	return "";
}

static const char *tls_name(enum conf_tls tls)
{
	switch (tls) {
	case CONF_TLS_NONE:
		return "without TLS";
	case CONF_TLS_STARTTLS:
		return "with STARTTLS";
	case CONF_TLS_IMPLICIT:
		return "with TLS";
	}
	return "";
}

static void stage_configuration(struct doctor *doctor)
{
	const struct conf_account *account = doctor->client.account;
	struct diagnosis diagnosis = { .ok = true };

	diagnosis_found(&diagnosis,
			"account \"%s\" (line %u): mailbox %s, folder \"%s\", at %s port %u "
			"%s, by %s",
			account->user, account->line, doctor->mailbox, account->folder,
			account->imap.host, account->imap.port, tls_name(account->imap.tls),
			auth_name(account->auth));
	if (account->auth == CONF_AUTH_OAUTH2)
		diagnosis_found(&diagnosis, ", %s",
				account->oauth.flow == CONF_FLOW_APP ? "as an application"
								     : "as a person");
	doctor_report(doctor, "Configuration", &diagnosis);
	doctor_go_on(doctor);
}

/* ---- DNS ---- */

static void doctor_resolved(struct doctor *doctor)
{
	struct diagnosis diagnosis;

	event_del(doctor->deadline);
	doctor_diagnose_dns(&diagnosis, &doctor->client.account->imap, doctor->routes);
	doctor_report(doctor, "DNS", &diagnosis);
	doctor_go_on(doctor);
}

static void on_lookup(void *owner, const struct lookup_answer *answer)
{
	struct doctor_road *road = owner;
	struct doctor *doctor = road->doctor;
	struct doctor_route *route = &doctor->routes[road - doctor->roads];
	size_t len = 0;

	route->count = answer->count;
	route->error = answer->error;
	for (size_t i = 0; i < answer->count && i < DOCTOR_ADDRESSES_SHOWN; i++) {
		char text[LOOKUP_ADDRESS_TEXT_MAX];

		lookup_address_text(&answer->addresses[i], text);
		snprintf(route->addresses + len, sizeof(route->addresses) - len, "%s%s",
			 i > 0 ? ", " : "", text);
		len = strlen(route->addresses);
	}
	lookup_bury(&road->lookup);
	if (doctor->roads[DOCTOR_IPV6].lookup == NULL && doctor->roads[DOCTOR_IPV4].lookup == NULL)
		doctor_resolved(doctor);
}

static void on_deadline(evutil_socket_t fd, short what, void *argument)
{
	struct doctor *doctor = argument;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < DOCTOR_FAMILIES; i++) {
		doctor->routes[i].silent = doctor->roads[i].lookup != NULL;
		lookup_bury(&doctor->roads[i].lookup);
	}
	doctor_resolved(doctor);
}

static const enum conf_address_family families[DOCTOR_FAMILIES] = {
	[DOCTOR_IPV6] = CONF_ADDRESS_IPV6,
	[DOCTOR_IPV4] = CONF_ADDRESS_IPV4,
};

static void stage_dns(struct doctor *doctor)
{
	const struct conf_imap *imap = &doctor->client.account->imap;

	for (size_t i = 0; i < DOCTOR_FAMILIES; i++) {
		struct doctor_road *road = &doctor->roads[i];

		road->lookup = lookup_new(doctor->settings.loop, doctor->settings.resolver,
					  imap->host, imap->port, families[i], on_lookup, road);
		if (road->lookup == NULL)
			doctor->routes[i].error = "out of memory";
	}
	loop_arm(doctor->deadline, DOCTOR_LOOKUP_MS);
	if (doctor->roads[DOCTOR_IPV6].lookup == NULL && doctor->roads[DOCTOR_IPV4].lookup == NULL)
		doctor_resolved(doctor);
}

/* ---- TCP ---- */

static void doctor_dialed(struct doctor *doctor)
{
	struct diagnosis diagnosis;

	doctor_diagnose_tcp(&diagnosis, &doctor->client.account->imap, doctor->routes);
	doctor_report(doctor, "TCP", &diagnosis);
	doctor_go_on(doctor);
}

static void on_dialed(void *owner, int fd, const char *text)
{
	struct doctor_road *road = owner;
	struct doctor *doctor = road->doctor;
	struct doctor_route *route = &doctor->routes[road - doctor->roads];

	if (fd >= 0)
		close(fd);
	route->connected = fd >= 0;
	route->took_ms = loop_now_ms() - road->began_ms;
	if (fd < 0)
		snprintf(route->text, sizeof(route->text), "%s", text);
	dialer_bury(&road->dialer);
	if (doctor->roads[DOCTOR_IPV6].dialer == NULL && doctor->roads[DOCTOR_IPV4].dialer == NULL)
		doctor_dialed(doctor);
}

static void stage_tcp(struct doctor *doctor)
{
	const struct conf_imap *imap = &doctor->client.account->imap;
	bool dialing = false;

	for (size_t i = 0; i < DOCTOR_FAMILIES; i++) {
		struct doctor_road *road = &doctor->roads[i];

		if (doctor->routes[i].count == 0 || !doctor_uses_family(imap, i))
			continue;
		road->began_ms = loop_now_ms();
		road->dialer = dialer_new(doctor->settings.loop, doctor->settings.resolver,
					  imap->host, imap->port, families[i], on_dialed, road);
		doctor->routes[i].tried = road->dialer != NULL;
		dialing = dialing || road->dialer != NULL;
	}
	if (!dialing)
		doctor_go_on(doctor);
}

static bool is_reachable(const struct doctor *doctor)
{
	return doctor->routes[DOCTOR_IPV6].connected || doctor->routes[DOCTOR_IPV4].connected;
}

/* ---- TLS ---- */

bool doctor_probe(struct doctor *doctor, const struct secret *credential, probe_fn *fn)
{
	struct probe_settings settings = {
		.loop = doctor->settings.loop,
		.resolver = doctor->settings.resolver,
		.log = doctor->settings.log,
		.setup = doctor->setup,
		.account = doctor->client.account,
		.user = doctor->mailbox,
		.credential = credential,
		.ipv4_only = doctor->ipv4_only,
	};

	doctor->probe = probe_new(&settings, fn, doctor);
	return doctor->probe != NULL;
}

static void on_greeted(void *owner, const struct probe_result *result)
{
	struct doctor *doctor = owner;
	struct diagnosis diagnosis;

	probe_bury(&doctor->probe);
	doctor_diagnose_tls(&diagnosis, &doctor->client.account->imap, result);
	doctor->greeted = diagnosis.ok;
	doctor_report(doctor, "TLS", &diagnosis);
	doctor_go_on(doctor);
}

static void stage_tls(struct doctor *doctor)
{
	if (is_reachable(doctor) && doctor_probe(doctor, NULL, on_greeted))
		return;
	if (is_reachable(doctor))
		doctor_report_memory(doctor, "TLS");
	doctor_go_on(doctor);
}

/* ---- Endpoint, Clock ---- */

static void on_endpoint(void *owner, uint64_t ticket, const struct http_answer *answer)
{
	struct doctor *doctor = ticket_find(owner, ticket);
	struct diagnosis diagnosis;

	if (doctor == NULL)
		return;
	doctor_diagnose_endpoint(&diagnosis, &doctor->client.account->oauth, answer);
	doctor_report(doctor, "Endpoint", &diagnosis);
	if (answer->outcome == HTTP_ANSWERED && answer->date != 0) {
		doctor_diagnose_clock(&diagnosis, time(NULL), answer->date);
		doctor_report(doctor, "Clock", &diagnosis);
	}
	doctor_go_on(doctor);
}

/* A GET is no token request: it is answered with an error, and with the time. */
static void stage_endpoint(struct doctor *doctor)
{
	const struct conf_oauth *oauth = &doctor->client.account->oauth;

	if (doctor_is_oauth(doctor) && doctor->settings.http != NULL &&
	    http_request(doctor->settings.http, oauth->token_endpoint, span_of(NULL, 0),
			 oauth->ca_file, on_endpoint, doctor->settings.tickets, doctor->ticket))
		return;
	if (doctor_is_oauth(doctor))
		doctor_report_memory(doctor, "Endpoint");
	doctor_go_on(doctor);
}

/* ---- Secret, Certificate ---- */

static void doctor_check_secret(struct doctor *doctor)
{
	const struct conf_oauth *oauth = &doctor->client.account->oauth;
	bool certificate = oauth->certificate != NULL;
	const char *file = certificate ? oauth->certificate : oauth->client_secret_file;
	struct secret *secret = NULL;
	struct secret *assertion = NULL;
	struct diagnosis diagnosis = { .ok = false };
	struct tls_reason reason;
	time_t expires = 0;
	char error[300];

	if (!oauth_proof(oauth, &secret, &assertion, error, sizeof(error))) {
		diagnosis_found(&diagnosis, "%s", error);
		diagnosis_remedy(&diagnosis,
				 "See that the file is there, is what it should be, "
				 "and may be read by the service and not by everybody.");
	} else {
		if (certificate)
			(void)client_assertion_expiry(oauth->certificate, &expires, &reason);
		else if (oauth->expires != NULL)
			expires = doctor_end_of_day(oauth->expires);
		doctor_diagnose_expiry(&diagnosis, file, expires, !certificate, time(NULL));
	}
	secret_free(&secret);
	secret_free(&assertion);
	doctor_report(doctor, certificate ? "Certificate" : "Secret", &diagnosis);
}

static void stage_secret(struct doctor *doctor)
{
	const struct conf_oauth *oauth = &doctor->client.account->oauth;

	if (doctor_is_oauth(doctor) &&
	    (oauth->client_secret_file != NULL || oauth->certificate != NULL))
		doctor_check_secret(doctor);
	doctor_go_on(doctor);
}

/* ---- the walk ---- */

static void stage_over(struct doctor *doctor)
{
	doctor->functions->over(doctor->owner, doctor->failed, doctor->opened);
}

static void (*const stages[])(struct doctor *doctor) = {
	stage_configuration, stage_dns,          stage_tcp,          stage_tls,  stage_endpoint,
	stage_secret,        doctor_stage_token, doctor_stage_login, stage_over,
};

static void on_turn(evutil_socket_t fd, short what, void *argument)
{
	struct doctor *doctor = argument;

	(void)fd;
	(void)what;
	if (doctor->stage < sizeof(stages) / sizeof(stages[0]))
		stages[doctor->stage++](doctor);
}

static bool doctor_prepare(struct doctor *doctor)
{
	const struct oauth_client *client = &doctor->settings.client;

	doctor->setup = setup_ref(client->setup);
	doctor->name = strdup(client->name);
	doctor->mailbox = strdup(client->mailbox);
	doctor->client = (struct oauth_client){ .setup = doctor->setup,
						.account = client->account,
						.name = doctor->name,
						.mailbox = doctor->mailbox };
	doctor->settings.client = doctor->client;
	for (size_t i = 0; i < DOCTOR_FAMILIES; i++)
		doctor->roads[i].doctor = doctor;
	doctor->turn = evtimer_new(doctor->settings.loop->base, on_turn, doctor);
	doctor->deadline = evtimer_new(doctor->settings.loop->base, on_deadline, doctor);
	return doctor->name != NULL && doctor->mailbox != NULL && doctor->turn != NULL &&
	       doctor->deadline != NULL &&
	       ticket_draw(doctor->settings.tickets, doctor, &doctor->ticket);
}

struct doctor *doctor_new(const struct doctor_settings *settings,
			  const struct doctor_owner *functions, void *owner)
{
	struct doctor *doctor = calloc(1, sizeof(*doctor));

	if (doctor == NULL)
		return NULL;
	doctor->settings = *settings;
	doctor->functions = functions;
	doctor->owner = owner;
	if (!doctor_prepare(doctor)) {
		doctor_free(doctor);
		return NULL;
	}
	doctor_go_on(doctor);
	return doctor;
}
