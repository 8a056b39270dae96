/* SPDX-License-Identifier: ISC */
/*
 * certificate_file: certificates and keys of unit tests, as the PEM files that our code reads.
 */
#ifndef TESTS_UNIT_CERTIFICATE_FILE_H
#define TESTS_UNIT_CERTIFICATE_FILE_H

#include "tests/unit/certificate.h"

#include <stdio.h>
#include <sys/stat.h>

enum { PATH_LEN = 64 };

static inline FILE *create_file(char path_r[PATH_LEN], const char *folder, const char *name)
{
	snprintf(path_r, PATH_LEN, "%s/%s", folder, name);
	FILE *file = fopen(path_r, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	return file;
}

static inline void write_certificate(char path_r[PATH_LEN], const char *folder, const char *name,
				     X509 *certificate)
{
	FILE *file = create_file(path_r, folder, name);

	assert_int_equal(PEM_write_X509(file, certificate), 1);
	fclose(file);
}

/* `passphrase` NULL: in clear. */
static inline void write_key(char path_r[PATH_LEN], const char *folder, const char *name,
			     EVP_PKEY *key, const char *passphrase)
{
	FILE *file = create_file(path_r, folder, name);
	const EVP_CIPHER *cipher = passphrase != NULL ? EVP_aes_128_cbc() : NULL;

	assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, cipher, passphrase,
						   passphrase != NULL ? (int)strlen(passphrase) : 0,
						   NULL, NULL),
			 1);
	fclose(file);
}

#endif
