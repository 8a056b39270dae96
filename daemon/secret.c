/* SPDX-License-Identifier: ISC */
#include "daemon/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/private_file.h"

enum {
	SECRET_FILE_MAX = 65536,
	/* Secrets are few at a time: tokens and passwords that wait are sealed or hashed. */
	SECRET_HEAP_SIZE = 1024 * 1024,
	SECRET_HEAP_PIECE = 64,
};

struct secret {
	size_t len;
	unsigned char octets[];
};

void secret_heap_init(void)
{
	(void)CRYPTO_secure_malloc_init(SECRET_HEAP_SIZE, SECRET_HEAP_PIECE);
}

struct secret *secret_new(struct span octets)
{
	size_t size = sizeof(struct secret) + octets.len;
	struct secret *secret = OPENSSL_secure_malloc(size);

	if (secret == NULL)
		secret = OPENSSL_malloc(size);
	if (secret == NULL)
		return NULL;
	secret->len = octets.len;
	if (octets.len > 0)
		memcpy(secret->octets, octets.data, octets.len);
	return secret;
}

static struct secret *read_first_line(int fd, const char **why_r)
{
	unsigned char octets[SECRET_FILE_MAX];
	size_t len = 0;
	ssize_t n;
	struct secret *secret = NULL;

	while (len < sizeof(octets) && (n = read(fd, octets + len, sizeof(octets) - len)) != 0) {
		if (n < 0) {
			*why_r = strerror(errno);
			goto out;
		}
		len += (size_t)n;
	}
	const unsigned char *end = memchr(octets, '\n', len);
	if (end != NULL)
		len = (size_t)(end - octets);
	if (len > 0 && octets[len - 1] == '\r')
		len--;
	if (len == 0) {
		*why_r = "it is empty";
		goto out;
	}
	secret = secret_new(span_of(octets, len));
	if (secret == NULL)
		*why_r = "no memory";
out:
	explicit_bzero(octets, sizeof(octets));
	return secret;
}

struct secret *secret_read(const char *file, struct failure *failure_r)
{
	const char *why = NULL;
	struct secret *secret = NULL;
	int fd = private_file_open(file, &why);

	if (fd >= 0) {
		secret = read_first_line(fd, &why);
		close(fd);
	}
	if (secret == NULL) {
		failure_set(failure_r, FAILURE_SYS_PERM,
			    "The configuration of this account needs attention");
		snprintf(failure_r->detail, sizeof(failure_r->detail), "%s cannot be used: %s",
			 file, why);
	}
	return secret;
}

struct span secret_borrow(const struct secret *secret)
{
	return span_of(secret->octets, secret->len);
}

void secret_free(struct secret **secret)
{
	if (*secret == NULL)
		return;
	OPENSSL_secure_clear_free(*secret, sizeof(**secret) + (*secret)->len);
	*secret = NULL;
}
