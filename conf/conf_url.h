/* SPDX-License-Identifier: ISC */
/*
 * conf_url: the addresses of identity providers. Each check returns NULL when the text is fine, and
 * what is wrong with it, in the form "must ...", when it is not.
 *
 * RFC 6749 sections 3.1 and 3.2 want TLS for all of them, so only https is taken, but for what a
 * browser reaches without leaving this machine (RFC 8252 section 7.3). They are ASCII, with no user
 * name and no fragment.
 */
#ifndef CONF_CONF_URL_H
#define CONF_CONF_URL_H

#include <stdbool.h>

/* https://HOST[:PORT][/PATH][?QUERY] */
const char *conf_url_check_endpoint(const char *text);

/* The same, or http://localhost or 127.0.0.1, for a page that is served on this machine: only the
 * browser goes there. */
const char *conf_url_check_page(const char *text);

/* https://HOST[:PORT][/PATH], to which paths are added. */
const char *conf_url_check_authority(const char *text);

/* http://localhost[:PORT][/PATH] or 127.0.0.1; or an https address that the code is copied from. */
const char *conf_url_check_redirect(const char *text);

/* Whether that is the host of a URL, which one of the above has checked. */
bool conf_url_has_host(const char *url, const char *host);

#endif
