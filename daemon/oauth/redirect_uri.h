/* SPDX-License-Identifier: ISC */
/*
 * redirect_uri: where a browser ends when somebody has signed in (RFC 6749 section 3.1.2). Pure.
 *
 * On this machine that is `http://localhost` or `http://127.0.0.1` (RFC 8252 section 7.3);
 * Microsoft compares the path of it and not the port, and takes no [::1]. Elsewhere it is a page
 * whose address the person copies.
 */
#ifndef DAEMON_OAUTH_REDIRECT_URI_H
#define DAEMON_OAUTH_REDIRECT_URI_H

#include "conf/conf.h"

enum { REDIRECT_URI_MAX = 512 };

bool redirect_uri_is_loopback(const char *uri);

/* For a tool that listens at `offered`, "http://localhost:PORT/". The account's own redirect_uri
 * comes first; if it is on this machine and names no port, it gets that of `offered`. False: there
 * is none of its own, and `offered` is NULL or not of that form. */
bool redirect_uri_for_browser(const struct conf_account *account, const char *offered,
			      char uri_r[REDIRECT_URI_MAX]);

/* For a person who copies the address: the account's own, else the page that Microsoft has for the
 * purpose, else one on this machine, which need not answer. False: it is too long. */
bool redirect_uri_for_paste(const struct conf_account *account, char uri_r[REDIRECT_URI_MAX]);

#endif
