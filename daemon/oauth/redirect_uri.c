/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/redirect_uri.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf_provider.h"
#include "protocol/span.h"

static const char *const loopbacks[] = { "http://localhost", "http://127.0.0.1" };

/* What follows the host, "", ":PORT/PATH" or "/PATH". NULL: not on this machine. */
static const char *behind_loopback(const char *uri)
{
	for (size_t i = 0; i < sizeof(loopbacks) / sizeof(loopbacks[0]); i++) {
		size_t len = strlen(loopbacks[i]);

		if (strncmp(uri, loopbacks[i], len) == 0 &&
		    (uri[len] == '\0' || uri[len] == ':' || uri[len] == '/'))
			return uri + len;
	}
	return NULL;
}

bool redirect_uri_is_loopback(const char *uri)
{
	return behind_loopback(uri) != NULL;
}

static bool write_uri(char uri_r[REDIRECT_URI_MAX], const char *host, size_t host_len,
		      const char *port, size_t port_len, const char *path)
{
	int len = snprintf(uri_r, REDIRECT_URI_MAX, "%.*s%.*s%s", (int)host_len, host,
			   (int)port_len, port, path);

	return len >= 0 && len < REDIRECT_URI_MAX;
}

/* How long the ":PORT" is that `text` begins with; 0: it is none. */
static size_t port_len(const char *text)
{
	uint64_t port;
	size_t len = strcspn(text, "/");

	if (text[0] != ':' || !span_number(span_of(text + 1, len - 1), 65535, &port) || port == 0)
		return 0;
	return len;
}

bool redirect_uri_for_browser(const struct conf_account *account, const char *offered,
			      char uri_r[REDIRECT_URI_MAX])
{
	const char *own = account->oauth.redirect_uri;
	const char *path = own != NULL ? behind_loopback(own) : NULL;
	const char *port = offered != NULL ? behind_loopback(offered) : NULL;
	size_t len = port != NULL ? port_len(port) : 0;

	if (own != NULL && (path == NULL || path[0] == ':'))
		return write_uri(uri_r, own, strlen(own), "", 0, "");
	if (len == 0)
		return false;
	if (own != NULL)
		return write_uri(uri_r, own, (size_t)(path - own), port, len, path);
	return strcmp(port + len, "/") == 0 &&
	       write_uri(uri_r, offered, strlen(offered), "", 0, "");
}

bool redirect_uri_for_paste(const struct conf_account *account, char uri_r[REDIRECT_URI_MAX])
{
	const struct conf_oauth *oauth = &account->oauth;
	size_t len;

	if (oauth->redirect_uri != NULL)
		return write_uri(uri_r, oauth->redirect_uri, strlen(oauth->redirect_uri), "", 0,
				 "");
	if (oauth->authority == NULL || !conf_provider_is_microsoft(account))
		return write_uri(uri_r, "http://localhost/", strlen("http://localhost/"), "", 0,
				 "");
	len = strlen(oauth->authority);
	while (len > 0 && oauth->authority[len - 1] == '/')
		len--;
	return write_uri(uri_r, oauth->authority, len, "", 0, "/common/oauth2/nativeclient");
}
