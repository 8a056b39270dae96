/* SPDX-License-Identifier: ISC */
/*
 * attention: somebody is told, once for each incident.
 *
 * An incident is a reason why a mailbox needs a human. It begins with one warning in the log and
 * one run of `on_attention`, lasts over restarts (it is in the store), and ends with the next
 * success. While it lasts the maildrop shows a message about it, with a unique-id of the incident's
 * own, until somebody deletes that.
 */
#ifndef DAEMON_ATTENTION_H
#define DAEMON_ATTENTION_H

#include <time.h>

#include "conf/conf.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/store/store.h"
#include "protocol/bytebuf.h"

struct attention;

enum attention_reason {
	ATTENTION_SIGN_IN_NEEDED,
	ATTENTION_ADMINISTRATOR_NEEDED,
	ATTENTION_CREDENTIAL_EXPIRING, /* a forecast; touches no maildrop */
};

/* "sign-in-needed", ...: PACKETBOAT_REASON. */
const char *attention_reason_name(enum attention_reason reason);

struct attention_report {
	struct store_mailbox mailbox;
	const char *account; /* POP3 login name: PACKETBOAT_ACCOUNT */
	enum attention_reason reason;
	const char *detail; /* what happened, one line: PACKETBOAT_DETAIL */
	const char *remedy; /* what to do, in plain words; or NULL */
};

/* Reads the incidents that last. `store` is borrowed. NULL: `error_r`. */
struct attention *attention_new(struct loop *loop, struct log *log, struct store *store,
				char *error_r, size_t error_size);
/* Programs that run are left to themselves. */
void attention_free(struct attention **attention);

/* The program to run; NULL: none. Copied. */
void attention_set_program(struct attention *attention, const char *on_attention);

/* It happened (again: an incident of the same reason is only brought up to date). */
void attention_raise(struct attention *attention, const struct attention_report *report);
/* It works: incidents of the mailbox end, but for ATTENTION_CREDENTIAL_EXPIRING. */
void attention_clear(struct attention *attention, const struct store_mailbox *mailbox);
/* The forecast does not hold any more: the credential was renewed. */
void attention_clear_forecast(struct attention *attention, const struct store_mailbox *mailbox);

struct attention_incident {
	enum attention_reason reason;
	char unique_id[24]; /* "packetboat-0123abcd" */
	time_t began;
	const char *account; /* these three are borrowed until the incident changes */
	const char *detail;
	const char *remedy; /* or NULL */
	bool dismissed;     /* its message was deleted */
};
/* The incident that keeps the mailbox closed. False: there is none. */
bool attention_find(const struct attention *attention, const struct store_mailbox *mailbox,
		    struct attention_incident *incident_r);

/* Its message was deleted. `fn` (of store.h) when that is on disk. False: no memory. */
bool attention_dismiss(struct attention *attention, const struct store_mailbox *mailbox,
		       store_fn *fn, void *owner, uint64_t ticket);

/* The message (RFC 5322), always the same octets for the same incident; CRLF line ends. */
bool attention_message(const struct attention_incident *incident, struct bytebuf *out);

#endif
