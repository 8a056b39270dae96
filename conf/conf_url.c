/* SPDX-License-Identifier: ISC */
#include "conf/conf_url.h"

#include <stddef.h>
#include <string.h>

#include "conf/conf_value.h"

enum {
	/* More than any has, and short enough for what is added: a port, or a path. */
	CONF_URL_MAX = 480,
	CONF_HOST_SIZE = 256,
};

static const char https[] = "https://";
static const char http[] = "http://";

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The octets of a URL by RFC 3986 section 2, where "%" begins an escape. */
static bool is_spelled_well(const char *text)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
		"-._~:/?#[]@!$&'()*+,;=%";

	return text[strspn(text, allowed)] == '\0';
}

/* The host as it stands before port and path; brackets (RFC 3986 section 3.2.2) are taken off. NULL
 * if it is none; otherwise what follows it. */
static const char *read_host(const char *text, char host_r[CONF_HOST_SIZE])
{
	bool bracketed = *text == '[';
	const char *start = bracketed ? text + 1 : text;
	size_t len = strcspn(start, bracketed ? "]/?#" : ":/?#");

	if (len >= CONF_HOST_SIZE || (bracketed && start[len] != ']'))
		return NULL;
	memcpy(host_r, start, len);
	host_r[len] = '\0';
	if (bracketed ? !conf_value_is_ipv6(host_r) : conf_value_check_host(host_r) != NULL)
		return NULL;
	return start + len + bracketed;
}

/* Skips ":PORT", if it is there. NULL: it is no port. */
static const char *skip_port(const char *text)
{
	unsigned port = 0;

	if (*text != ':')
		return text;
	for (text++; *text >= '0' && *text <= '9' && port <= 65535; text++)
		port = port * 10 + (unsigned)(*text - '0');
	return port >= 1 && port <= 65535 ? text : NULL;
}

/* What stands behind the scheme. `rest_r`: the path and so on. */
static const char *check_rest(const char *text, char host_r[CONF_HOST_SIZE], const char **rest_r)
{
	const char *rest = read_host(text, host_r);

	if (rest == NULL)
		return "must name a host behind its //, by name or address";
	rest = skip_port(rest);
	if (rest == NULL)
		return "must have a port between 1 and 65535, or none";
	if (*rest != '\0' && strchr("/?#", *rest) == NULL)
		return "must name a host behind its //, by name or address";
	if (strchr(rest, '#') != NULL)
		return "must not have a fragment (#)";
	*rest_r = rest;
	return NULL;
}

static const char *check_spelling(const char *text)
{
	if (strlen(text) > CONF_URL_MAX)
		return "must not be longer than 480 octets";
	if (!is_spelled_well(text))
		return "must be a URL: ASCII, without spaces";
	return NULL;
}

static const char *check_https(const char *text, const char **rest_r)
{
	const char *reason = check_spelling(text);
	char host[CONF_HOST_SIZE];

	if (reason != NULL)
		return reason;
	if (!begins_with(text, https))
		return "must begin with https://";
	return check_rest(text + sizeof(https) - 1, host, rest_r);
}

const char *conf_url_check_endpoint(const char *text)
{
	const char *rest;

	return check_https(text, &rest);
}

/* http://HOST... of this machine. `packetboat login` listens on 127.0.0.1 alone. */
static const char *check_loopback(const char *text, const char **rest_r)
{
	char host[CONF_HOST_SIZE];
	const char *reason = check_rest(text + sizeof(http) - 1, host, rest_r);

	if (reason == NULL && strcmp(host, "localhost") != 0 && strcmp(host, "127.0.0.1") != 0)
		return "must be http://localhost or http://127.0.0.1, or https";
	return reason;
}

const char *conf_url_check_page(const char *text)
{
	const char *reason = check_spelling(text);
	const char *rest;

	if (reason != NULL || !begins_with(text, http))
		return reason != NULL ? reason : check_https(text, &rest);
	return check_loopback(text, &rest);
}

const char *conf_url_check_authority(const char *text)
{
	const char *rest;
	const char *reason = check_https(text, &rest);

	if (reason != NULL)
		return reason;
	return strchr(rest, '?') != NULL ? "must not have a query (?)" : NULL;
}

const char *conf_url_check_redirect(const char *text)
{
	const char *reason = check_spelling(text);
	char host[CONF_HOST_SIZE];
	const char *rest;

	if (reason != NULL)
		return reason;
	if (begins_with(text, https)) {
		reason = check_rest(text + sizeof(https) - 1, host, &rest);
	} else if (begins_with(text, http)) {
		reason = check_loopback(text, &rest);
	} else {
		return "must begin with http://localhost, http://127.0.0.1 or https://";
	}
	if (reason != NULL)
		return reason;
	return strchr(rest, '?') != NULL ? "must not have a query (?)" : NULL;
}

bool conf_url_has_host(const char *url, const char *host)
{
	const char *start = strstr(url, "//");
	char found[CONF_HOST_SIZE];

	return start != NULL && read_host(start + 2, found) != NULL &&
	       conf_value_compare_nocase(found, host) == 0;
}
