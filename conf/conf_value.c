/* SPDX-License-Identifier: ISC */
#include "conf/conf_value.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum {
	/* What the POP3 server takes behind USER. */
	CONF_USER_MAX = 255,
	/* RFC 1035 section 2.3.4. */
	CONF_HOST_MAX = 253,
	/* More than identifiers have; they are kept with what was done under them. */
	CONF_NAME_MAX = 120,
};

static bool is_control(unsigned char octet)
{
	return octet < 0x20 || octet == 0x7f;
}

const char *conf_value_check_text(const char *text)
{
	if (*text == '\0')
		return "must not be empty";
	for (; *text != '\0'; text++) {
		if (is_control((unsigned char)*text))
			return "must not hold control characters";
	}
	return NULL;
}

size_t conf_value_utf8_len(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t len;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < len; i++) {
		if (at[i] < low || at[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

const char *conf_value_check_utf8(const char *text)
{
	const char *reason = conf_value_check_text(text);

	if (reason != NULL)
		return reason;
	while (*text != '\0') {
		size_t len = conf_value_utf8_len(text);
		if (len == 0)
			return "must be UTF-8";
		/* U+0080 to U+009F are control characters too. */
		if ((unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0)
			return "must not hold control characters";
		text += len;
	}
	return NULL;
}

const char *conf_value_check_user(const char *text)
{
	const char *reason = conf_value_check_text(text);

	if (reason != NULL)
		return reason;
	size_t len = strlen(text);
	if (len > CONF_USER_MAX)
		return "must be at most 255 octets, which is what USER can carry";
	if (text[len - 1] == ' ')
		return "must not end in a space, which USER cannot carry";
	if (strchr(text + 1, '*') != NULL)
		return "must have no \"*\" but one at its beginning";
	return NULL;
}

/* Reads `name` and a number without leading zeros, which must lie between 1 and `max`. */
static bool hash_cost(const char **at, const char *name, unsigned max, unsigned *cost_r)
{
	size_t len = strlen(name);
	unsigned cost = 0;

	if (strncmp(*at, name, len) != 0)
		return false;
	*at += len;
	if (**at == '0')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		cost = cost * 10 + (unsigned)(**at - '0');
		if (cost > max)
			return false;
	}
	*cost_r = cost;
	return cost >= 1;
}

/* Skips unpadded base64 that stands for `min` to `max` octets. */
static bool hash_octets(const char **at, size_t min, size_t max)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strspn(*at, alphabet);

	if (len % 4 == 1 || len * 3 / 4 < min || len * 3 / 4 > max)
		return false;
	if (len % 4 != 0) {
		/* RFC 4648 section 3.5: the bits behind the last octet are zero. */
		size_t last = (size_t)(strchr(alphabet, (*at)[len - 1]) - alphabet);
		if ((last & (len % 4 == 2 ? 0x0fu : 0x03u)) != 0)
			return false;
	}
	*at += len;
	return true;
}

const char *conf_value_check_hash(const char *text)
{
	static const char reason[] = "must be a hash made by `packetboat passwd`: "
				     "$scrypt$ln=15,r=8,p=1$SALT$HASH";
	const char *at = text;
	unsigned ln, r, p;

	if (strncmp(at, "$scrypt$", 8) != 0)
		return reason;
	at += 8;
	if (!hash_cost(&at, "ln=", 20, &ln) || !hash_cost(&at, ",r=", 32, &r) ||
	    !hash_cost(&at, ",p=", 16, &p))
		return reason;
	if (*at++ != '$' || !hash_octets(&at, 8, 64))
		return reason;
	if (*at++ != '$' || !hash_octets(&at, 16, 64) || *at != '\0')
		return reason;
	/* RFC 7914 section 2: N is less than 2^(128 * r / 8). */
	if (ln >= 16 * r)
		return reason;
	/* Its three blocks of memory, V, T and B; tls/ has the same ceiling. */
	if ((((uint64_t)1 << ln) + 2 + p) * 128 * r > (uint64_t)256 * 1024 * 1024)
		return "must not take more than 256 MB to verify: ln or r is too high";
	return NULL;
}

const char *conf_value_check_name(const char *text)
{
	if (*text == '\0')
		return "must not be empty";
	for (const char *at = text; *at != '\0'; at++) {
		if (*at <= ' ' || *at >= 0x7f)
			return "must be of visible ASCII characters, without spaces";
	}
	if (strlen(text) > CONF_NAME_MAX)
		return "must be at most 120 octets";
	return NULL;
}

const char *conf_value_check_tenant(const char *text)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strspn(text, allowed);

	if (len == 0 || text[len] != '\0' || len > CONF_HOST_MAX || *text == '.' ||
	    strstr(text, "..") != NULL)
		return "must be a tenant ID (like 11112222-bbbb-3333-cccc-4444dddd5555) "
		       "or a domain";
	return NULL;
}

static int lower(char octet)
{
	int value = (unsigned char)octet;

	return value >= 'A' && value <= 'Z' ? value - 'A' + 'a' : value;
}

static bool begins_nocase(const char *text, const char *prefix)
{
	while (*prefix != '\0' && lower(*text) == lower(*prefix)) {
		text++;
		prefix++;
	}
	return *prefix == '\0';
}

/* The hosts of Graph in all clouds, and the ID that stands for it. */
static bool names_graph(const char *text)
{
	static const char *const graphs[] = {
		"://graph.microsoft.com",
		"://graph.microsoft.us",
		"://dod-graph.microsoft.us",
		"://microsoftgraph.chinacloudapi.cn",
		"00000003-0000-0000-c000-000000000000",
	};

	for (; *text != '\0'; text++) {
		for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++) {
			if (begins_nocase(text, graphs[i]))
				return true;
		}
	}
	return false;
}

const char *conf_value_check_scope(const char *text)
{
	char before = ' ';

	if (*text == '\0')
		return "must not be empty";
	for (const char *at = text; *at != '\0'; before = *at++) {
		if (*at < ' ' || *at >= 0x7f || *at == '"' || *at == '\\')
			return "must be of visible ASCII characters other than \" and \\";
		if (*at == ' ' && (before == ' ' || at[1] == '\0'))
			return "must have single spaces, between its scopes only";
	}
	if (names_graph(text))
		return "must not ask for permissions of Microsoft Graph, though the portal lists "
		       "IMAP.AccessAsUser.All there: the mail server refuses Graph's tokens; "
		       "the scope is https://outlook.office.com/IMAP.AccessAsUser.All";
	return NULL;
}

const char *conf_value_check_date(const char *text)
{
	static const char reason[] = "must be a day, written YYYY-MM-DD";
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned part[3] = { 0, 0, 0 };
	size_t len = strlen(text);

	if (len != 10)
		return reason;
	for (size_t i = 0; i < len; i++) {
		if (i == 4 || i == 7) {
			if (text[i] != '-')
				return reason;
			continue;
		}
		if (text[i] < '0' || text[i] > '9')
			return reason;
		unsigned *number = &part[i < 4 ? 0 : i < 7 ? 1 : 2];
		*number = *number * 10 + (unsigned)(text[i] - '0');
	}
	bool leap = part[0] % 4 == 0 && (part[0] % 100 != 0 || part[0] % 400 == 0);
	if (part[1] < 1 || part[1] > 12 || part[2] < 1 ||
	    part[2] > days[part[1] - 1] + (unsigned)(leap && part[1] == 2))
		return "must be a day that the calendar has";
	return NULL;
}

bool conf_value_is_ipv4(const char *text)
{
	struct in_addr address;

	return inet_pton(AF_INET, text, &address) == 1;
}

bool conf_value_is_ipv6(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, text, &address) == 1;
}

const char *conf_value_check_address(const char *text)
{
	if (conf_value_is_ipv4(text) || conf_value_is_ipv6(text))
		return NULL;
	return "must be an IPv4 or IPv6 address, such as 127.0.0.1 or ::1";
}

const char *conf_value_check_host(const char *text)
{
	static const char name[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t len = strspn(text, name);

	if (conf_value_is_ipv4(text) || conf_value_is_ipv6(text))
		return NULL;
	if (len == 0 || text[len] != '\0' || len > CONF_HOST_MAX || *text == '.' || *text == '-' ||
	    strstr(text, "..") != NULL)
		return "must be a host name in ASCII or an IP address, without a port";
	return NULL;
}

bool conf_value_is_loopback(const char *host)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (inet_pton(AF_INET, host, &ipv4) == 1)
		return ntohl(ipv4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &ipv6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&ipv6);
	return conf_value_compare_nocase(host, "localhost") == 0;
}

int conf_value_compare_nocase(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) - lower(*b);
}
