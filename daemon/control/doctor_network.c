/* SPDX-License-Identifier: ISC */
#include "daemon/control/doctor_network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf_value.h"

enum {
	/* How long Microsoft takes a client assertion whose clock is off, and more than a machine
	 * with any kind of time service ever is. */
	CLOCK_TOLERANCE_S = 300,
	DAY_S = 86400,
	/* As the forecast has it. */
	EXPIRES_SOON_S = 30 * DAY_S,
};

static const char *const family_names[DOCTOR_FAMILIES] = { "IPv6", "IPv4" };

bool doctor_uses_family(const struct conf_imap *imap, size_t family)
{
	return imap->address_family == CONF_ADDRESS_AUTO ||
	       (imap->address_family == CONF_ADDRESS_IPV6) == (family == DOCTOR_IPV6);
}

static const char *route_text(const struct doctor_route *route)
{
	if (route->count > 0)
		return route->addresses;
	return route->silent ? "not answered in time" : "none";
}

/* Neither family has an address. The resolver tells a name that has none of a family and one that
 * it could not ask about by the same error, so that counts only where there is nothing else. */
static void say_no_address(struct diagnosis *diagnosis, const struct conf_imap *imap,
			   const struct doctor_route routes[DOCTOR_FAMILIES])
{
	const char *why = routes[DOCTOR_IPV4].error != NULL ? routes[DOCTOR_IPV4].error
							    : routes[DOCTOR_IPV6].error;

	if (routes[DOCTOR_IPV4].silent || routes[DOCTOR_IPV6].silent)
		why = "no name server answers";
	diagnosis_found(diagnosis, "%s: %s", imap->host, why != NULL ? why : "it has no address");
	diagnosis_remedy(diagnosis, "See that imap.host is spelt right, and that this machine can "
				    "resolve names (/etc/resolv.conf).");
}

void doctor_diagnose_dns(struct diagnosis *diagnosis, const struct conf_imap *imap,
			 const struct doctor_route routes[DOCTOR_FAMILIES])
{
	*diagnosis = (struct diagnosis){ .ok = false };
	for (size_t i = 0; i < DOCTOR_FAMILIES; i++)
		diagnosis->ok =
			diagnosis->ok || (routes[i].count > 0 && doctor_uses_family(imap, i));
	if (conf_value_is_ipv4(imap->host) || conf_value_is_ipv6(imap->host)) {
		diagnosis_found(diagnosis, "%s is an address already", imap->host);
		diagnosis->ok = true;
	} else if (routes[DOCTOR_IPV4].count + routes[DOCTOR_IPV6].count == 0) {
		say_no_address(diagnosis, imap, routes);
	} else {
		diagnosis_found(diagnosis, "%s: IPv6 %s; IPv4 %s", imap->host,
				route_text(&routes[DOCTOR_IPV6]), route_text(&routes[DOCTOR_IPV4]));
		if (!diagnosis->ok)
			diagnosis_remedy(diagnosis, "imap.address_family of the account asks for "
						    "the family that this name has no address of; "
						    "leave the setting out.");
	}
}

static void say_route(struct diagnosis *diagnosis, const char *name,
		      const struct doctor_route *route)
{
	if (diagnosis->found[0] != '\0')
		diagnosis_found(diagnosis, "; ");
	if (route->connected)
		diagnosis_found(diagnosis, "%s: connected in %" PRIu64 " ms", name, route->took_ms);
	else
		diagnosis_found(diagnosis, "%s: %s", name, route->text);
}

void doctor_diagnose_tcp(struct diagnosis *diagnosis, const struct conf_imap *imap,
			 const struct doctor_route routes[DOCTOR_FAMILIES])
{
	const struct doctor_route *ipv6 = &routes[DOCTOR_IPV6];
	const struct doctor_route *ipv4 = &routes[DOCTOR_IPV4];

	*diagnosis = (struct diagnosis){ .ok = ipv6->connected || ipv4->connected };
	for (size_t i = 0; i < DOCTOR_FAMILIES; i++) {
		if (routes[i].tried)
			say_route(diagnosis, family_names[i], &routes[i]);
	}
	if (!diagnosis->ok)
		diagnosis_remedy(diagnosis,
				 "See that a firewall lets this machine reach %s port %u, and that "
				 "imap.host and imap.port are right.",
				 imap->host, imap->port);
	else if (ipv4->connected && ipv6->tried && !ipv6->connected)
		diagnosis_found(diagnosis, ". Connections go by IPv4; imap.address_family = "
					   "\"ipv4\" saves the attempt by IPv6");
}

static void say_untrusted(struct diagnosis *diagnosis, const char *whose, const char *setting)
{
	diagnosis_remedy(diagnosis,
			 "If the certificate is expired or for another name, it is for the "
			 "administrator of %s to mend. If its authority is unknown here and is "
			 "your own, name the authority's file in %s. If this is a public server, "
			 "something between (a proxy, a virus scanner) has put its own certificate "
			 "in the place: have it leave this server alone.",
			 whose, setting);
}

void doctor_diagnose_tls(struct diagnosis *diagnosis, const struct conf_imap *imap,
			 const struct probe_result *result)
{
	const struct failure *failure = &result->failure;

	*diagnosis = (struct diagnosis){ .ok = result->progress >= UPSTREAM_GREETED };
	if (diagnosis->ok && imap->tls == CONF_TLS_NONE)
		diagnosis_found(diagnosis, "none, and the connection does not leave this machine");
	else if (diagnosis->ok)
		diagnosis_found(diagnosis, "%s; the certificate is good for %s", result->tls,
				imap->host);
	if (diagnosis->ok)
		return;
	diagnosis_found(diagnosis, "%s", failure->text);
	if (failure->cause == FAILURE_CAUSE_UNTRUSTED)
		say_untrusted(diagnosis, "the mail server", "imap.ca_file");
	else if (result->progress >= UPSTREAM_ENCRYPTED)
		diagnosis_remedy(diagnosis,
				 "TLS works, and the server does not greet as an IMAP server does: "
				 "see that imap.host and imap.port are right; if they are, try "
				 "again in a few minutes.");
	else if (failure->cause == FAILURE_CAUSE_UNREACHABLE)
		diagnosis_remedy(diagnosis, "This may pass: try again in a few minutes.");
	else
		diagnosis_remedy(diagnosis,
				 "See that imap.tls fits imap.port: \"implicit\" is usual for 993, "
				 "\"starttls\" for 143.");
}

void doctor_diagnose_endpoint(struct diagnosis *diagnosis, const struct conf_oauth *oauth,
			      const struct http_answer *answer)
{
	*diagnosis = (struct diagnosis){ .ok = answer->outcome == HTTP_ANSWERED };
	if (diagnosis->ok) {
		diagnosis_found(diagnosis, "%s answers", oauth->token_endpoint);
		return;
	}
	diagnosis_found(diagnosis, "%s: %s", oauth->token_endpoint, answer->text);
	if (answer->outcome == HTTP_UNTRUSTED)
		say_untrusted(diagnosis, "the sign-in server", "oauth.ca_file");
	else
		diagnosis_remedy(diagnosis,
				 "See that a firewall lets this machine reach the sign-in server. "
				 "If that takes a proxy, the service needs https_proxy in its "
				 "environment.");
}

void doctor_diagnose_clock(struct diagnosis *diagnosis, time_t ours, time_t theirs)
{
	int64_t ahead = (int64_t)ours - (int64_t)theirs;
	char span[DIAGNOSIS_SPAN_MAX];

	*diagnosis = (struct diagnosis){ .ok = ahead <= CLOCK_TOLERANCE_S &&
					       -ahead <= CLOCK_TOLERANCE_S };
	diagnosis_found(diagnosis, "this machine's clock is ");
	/* HTTP tells whole seconds, and the answer took its time. */
	if (ahead <= 2 && ahead >= -2)
		diagnosis_found(diagnosis, "that of the sign-in server");
	else
		diagnosis_found(diagnosis, "%s %s that of the sign-in server",
				diagnosis_span(span, ahead > 0 ? ahead : -ahead),
				ahead > 0 ? "ahead of" : "behind");
	if (!diagnosis->ok)
		diagnosis_remedy(
			diagnosis,
			"Set the clock, and have it kept right (`timedatectl set-ntp true`): "
			"certificates, tokens and proofs of identity are good for a "
			"limited time only.");
}

time_t doctor_end_of_day(const char *date)
{
	struct tm day = { 0 };
	const char *end = strptime(date, "%Y-%m-%d", &day);

	return end != NULL && *end == '\0' ? timegm(&day) + DAY_S : 0;
}

void doctor_diagnose_expiry(struct diagnosis *diagnosis, const char *what, time_t expires,
			    bool setting, time_t now)
{
	char span[DIAGNOSIS_SPAN_MAX];
	const char *by = setting ? ", by `expires` of the account" : "";

	*diagnosis = (struct diagnosis){ .ok = expires == 0 || expires > now };
	diagnosis_found(diagnosis, "%s", what);
	if (expires == 0) {
		diagnosis_found(diagnosis, "; when it expires is not known (see the setting "
					   "`expires`)");
		return;
	}
	if (diagnosis->ok) {
		diagnosis_found(diagnosis, "; it expires in %s%s",
				diagnosis_span(span, (int64_t)(expires - now)), by);
		if (expires - now < EXPIRES_SOON_S)
			diagnosis_found(diagnosis, ": renew it soon");
		return;
	}
	diagnosis_found(diagnosis, "; it expired %s ago%s",
			diagnosis_span(span, (int64_t)(now - expires)), by);
	diagnosis_remedy(diagnosis,
			 "An administrator of the application's registration makes a new one "
			 "(Entra admin center, App registrations, Certificates & secrets), puts it "
			 "into that file%s, and runs `packetboat reload`.",
			 setting ? ", with its date into `expires`" : "");
}
