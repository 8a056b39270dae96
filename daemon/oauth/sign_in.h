/* SPDX-License-Identifier: ISC */
/*
 * sign_in: a person signs an account in, by way of `packetboat login`.
 *
 *   STARTED -> ASKED                      the address is shown (browser, paste)
 *   STARTED -> REQUESTING -> POLLING      the device code is shown
 *   ASKED, POLLING -> REDEEMING           the code came back; state and PKCE stay here
 *   REDEEMING, POLLING -> CHECKING        tokens: do they open the account's mailbox?
 *   CHECKING -> STORING -> DONE
 *   any -> FAILED
 *
 * What is shown and asked goes through the owner, who passes it on to the person. Nothing is stored
 * before the check succeeded. Life: sign_in_new(), calls of the owner's function, sign_in_bury(),
 * which cancels whatever is under way.
 */
#ifndef DAEMON_OAUTH_SIGN_IN_H
#define DAEMON_OAUTH_SIGN_IN_H

#include "daemon/dialer.h"
#include "daemon/oauth/http.h"
#include "daemon/oauth/oauth.h"
#include "daemon/ticket.h"

struct sign_in;

enum sign_in_flow { SIGN_IN_BROWSER, SIGN_IN_DEVICE, SIGN_IN_PASTE };

enum sign_in_event_type {
	SIGN_IN_OPEN,        /* `url`: for the browser, which ends at `redirect_uri` */
	SIGN_IN_DEVICE_CODE, /* `url` and `user_code` */
	SIGN_IN_ACCEPTED,    /* the answer belongs to this sign-in; the page may say so */
	SIGN_IN_CHECK,       /* tokens came; the mailbox is tried */
	SIGN_IN_DONE,        /* stored */
	SIGN_IN_FAILED,      /* `text` and `remedy`; nothing was stored */
};
struct sign_in_event {
	enum sign_in_event_type type;
	const char *url;
	const char *redirect_uri; /* where the tool is to listen, if flow is BROWSER */
	const char *user_code;
	uint64_t expires_in; /* of the device code, seconds */
	const char *text;
	const char *remedy; /* or NULL */
};
/* From the loop, never from within a call of this interface. */
typedef void sign_in_fn(void *owner, const struct sign_in_event *event);

struct sign_in_settings {
	struct loop *loop;
	struct resolver *resolver;
	struct log *log;
	struct ticket_office *tickets;
	struct http *http;
	struct oauth *oauth;
	struct oauth_client client; /* borrowed strings are copied, the setup is counted */
};

/*
 * `redirect_uri` for BROWSER: where the tool listens, `http://localhost:PORT/`. The account's own
 * redirect_uri wins; where that names no port, it gets this one. SIGN_IN_OPEN tells which it is.
 * NULL: no memory.
 */
struct sign_in *sign_in_new(const struct sign_in_settings *settings, enum sign_in_flow flow,
			    const char *redirect_uri, sign_in_fn *fn, void *owner);
/* What the browser brought, or the person pasted. Expected once, behind SIGN_IN_OPEN; at any other
 * time it is ignored. */
void sign_in_answer(struct sign_in *sign_in, struct span text);
void sign_in_bury(struct sign_in **sign_in);

#endif
