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

/* The numbers are in the store. */
enum attention_reason {
	ATTENTION_SIGN_IN_NEEDED = 0,
	ATTENTION_ADMINISTRATOR_NEEDED = 1,
	ATTENTION_CREDENTIAL_EXPIRING = 2, /* a forecast; touches no maildrop */
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

/* Reads the incidents that last. All is borrowed. NULL: `error_r`. */
struct attention *attention_new(struct loop *loop, struct log *log, struct store *store,
				char *error_r, size_t error_size);
/* Behind store_close(), whose last answers come here. A program that runs is left to itself. */
void attention_free(struct attention **attention);

/* The program to run; NULL: none. Copied. */
void attention_set_program(struct attention *attention, const char *on_attention);

/* It happened. Again: an incident of the same reason is only brought up to date; and nobody is
 * told. For another reason than before, a new one takes the place of the old. */
void attention_raise(struct attention *attention, const struct attention_report *report);
/* It works: incidents of the mailbox end, but for ATTENTION_CREDENTIAL_EXPIRING. */
void attention_clear(struct attention *attention, const struct store_mailbox *mailbox);
/* The forecast does not hold any more: the credential was renewed. */
void attention_clear_forecast(struct attention *attention, const struct store_mailbox *mailbox);

enum { ATTENTION_UNIQUE_ID_LEN = 19 };

struct attention_incident {
	enum attention_reason reason;
	char unique_id[ATTENTION_UNIQUE_ID_LEN + 1]; /* "packetboat-0123abcd" */
	time_t began;
	const char *account; /* these three are borrowed until the incident changes */
	const char *detail;
	const char *remedy; /* or NULL */
	bool dismissed;     /* its message was deleted */
};
/* The incident that keeps the mailbox closed. False: there is none. */
bool attention_find(const struct attention *attention, const struct store_mailbox *mailbox,
		    struct attention_incident *incident_r);

/*
 * The message of the incident with this unique-id was deleted. `fn` (daemon/store/store.h) is
 * called when that is on disk, or before this returns where there is no such incident any more.
 * False: no memory, and no answer comes.
 */
bool attention_dismiss(struct attention *attention, const struct store_mailbox *mailbox,
		       const char *unique_id, store_fn *fn, void *owner, uint64_t ticket)
	__attribute__((warn_unused_result));

/* The message (RFC 5322) of an incident that attention_find() found, with CRLF line ends: the same
 * octets as long as the incident is as it is. False: no memory. */
bool attention_message(const struct attention_incident *incident, struct bytebuf *out);

#endif
