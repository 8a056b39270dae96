/* SPDX-License-Identifier: ISC */
/*
 * doctor_network: what the doctor says about names, connections, certificates and clocks. Pure:
 * facts in, words out.
 */
#ifndef DAEMON_CONTROL_DOCTOR_NETWORK_H
#define DAEMON_CONTROL_DOCTOR_NETWORK_H

#include <time.h>

#include "daemon/diagnosis.h"
#include "daemon/oauth/http.h"

/* The two families of addresses, in the order in which they are tried. */
enum { DOCTOR_IPV6, DOCTOR_IPV4, DOCTOR_FAMILIES };

struct doctor_route {
	/* What the name stands for. */
	size_t count;
	char addresses[200]; /* the first of them, "192.0.2.1, 192.0.2.2" */
	const char *error;   /* static; NULL: the name has none of this family */
	bool silent;         /* nobody answered in time */
	/* A connection. */
	bool tried;
	bool connected;
	uint64_t took_ms;
	char text[256]; /* tried and not connected: why */
};

/* Whether connections of the account go by way of this family. */
bool doctor_uses_family(const struct conf_imap *imap, size_t family);

void doctor_diagnose_dns(struct diagnosis *diagnosis, const struct conf_imap *imap,
			 const struct doctor_route routes[DOCTOR_FAMILIES]);
void doctor_diagnose_tcp(struct diagnosis *diagnosis, const struct conf_imap *imap,
			 const struct doctor_route routes[DOCTOR_FAMILIES]);
/* Of an attempt without a credential. */
void doctor_diagnose_tls(struct diagnosis *diagnosis, const struct conf_imap *imap,
			 const struct probe_result *result);

void doctor_diagnose_endpoint(struct diagnosis *diagnosis, const struct conf_oauth *oauth,
			      const struct http_answer *answer);
void doctor_diagnose_clock(struct diagnosis *diagnosis, time_t ours, time_t theirs);

/* "2027-03-01", a day that is still good: when it ends. 0: no such date. */
time_t doctor_end_of_day(const char *date);
/* `what`: "the client secret /etc/...". `expires` 0: unknown. `setting`: the date is the
 * configuration's, not the certificate's own. */
void doctor_diagnose_expiry(struct diagnosis *diagnosis, const char *what, time_t expires,
			    bool setting, time_t now);

#endif
