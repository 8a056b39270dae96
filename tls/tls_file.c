/* SPDX-License-Identifier: ISC */
#include "tls/tls_file.h"

#include "tls/tls_error.h"
#include "tls/tls_verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tls_file_fail(struct tls_reason *reason_r, const char *file, const char *text)
{
	*reason_r = (struct tls_reason){ "" };
	if (file != NULL)
		tls_reason_say(reason_r, "%s: ", file);
	tls_reason_say(reason_r, "%s", text);
	ERR_clear_error();
}

void tls_file_blame(struct tls_reason *reason_r, const char *file, const char *what)
{
	unsigned long error = ERR_peek_error();
	char text[128];

	if ((ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) ||
	    (ERR_GET_LIB(error) == ERR_LIB_X509 &&
	     ERR_GET_REASON(error) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND))
		snprintf(text, sizeof(text), "holds no %s", what);
	else
		tls_error(text, sizeof(text), file != NULL ? "cannot be used" : "no memory");
	tls_file_fail(reason_r, file, text);
}

int tls_file_refuse_passphrase(char *text_r, int size, int writing, void *argument)
{
	(void)text_r;
	(void)size;
	(void)writing;
	if (argument != NULL)
		*(bool *)argument = true;
	return -1;
}

/* A descriptor, or -1; OpenSSL would say less about what cannot be opened, or is a folder. */
static int open_file(const char *file, struct stat *status_r, struct tls_reason *reason_r)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, status_r) == 0 && !S_ISDIR(status_r->st_mode))
		return fd;
	tls_file_fail(reason_r, file, strerror(fd < 0 ? errno : EISDIR));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool tls_file_is_readable(const char *file, struct tls_reason *reason_r)
{
	struct stat status;
	int fd = open_file(file, &status, reason_r);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

EVP_PKEY *tls_file_read_key(const char *file, struct tls_reason *reason_r)
{
	struct stat status;
	int fd = open_file(file, &status, reason_r);
	char text[128];
	bool encrypted = false;

	if (fd < 0)
		return NULL;
	if ((status.st_mode & S_IRWXO) != 0) {
		snprintf(text, sizeof(text),
			 "is open to every user (mode %04o); a private key must not be",
			 (unsigned)status.st_mode & 07777U);
		tls_file_fail(reason_r, file, text);
		close(fd);
		return NULL;
	}
	FILE *stream = fdopen(fd, "r");
	EVP_PKEY *key = NULL;
	if (stream != NULL) {
		key = PEM_read_PrivateKey(stream, NULL, tls_file_refuse_passphrase, &encrypted);
		fclose(stream);
	} else {
		close(fd);
	}
	if (key == NULL && encrypted) {
		tls_file_fail(reason_r, file,
			      "is encrypted; only a key without a passphrase can be used");
	} else if (key == NULL) {
		char cause[80];

		snprintf(text, sizeof(text), "holds no private key that can be read (%s)",
			 tls_error(cause, sizeof(cause), "no memory"));
		tls_file_fail(reason_r, file, text);
	}
	return key;
}

X509 *tls_file_read_certificate(const char *file, struct tls_reason *reason_r)
{
	struct stat status;
	int fd = open_file(file, &status, reason_r);
	X509 *certificate = NULL;

	if (fd < 0)
		return NULL;
	FILE *stream = fdopen(fd, "r");
	if (stream != NULL) {
		certificate = PEM_read_X509(stream, NULL, tls_file_refuse_passphrase, NULL);
		fclose(stream);
	} else {
		close(fd);
	}
	if (certificate == NULL)
		tls_file_blame(reason_r, file, "certificate");
	return certificate;
}
