/* SPDX-License-Identifier: ISC */
/*
 * certificate: certificates for unit tests, made when the tests run.
 */
#ifndef TESTS_UNIT_CERTIFICATE_H
#define TESTS_UNIT_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct identity {
	X509 *certificate;
	EVP_PKEY *key;
};

struct identity_spec {
	const char *common_name;
	const char *names;      /* "DNS:a.example,IP:192.0.2.1"; NULL: none */
	const char *octet_name; /* a DNS name of `octet_name_len` octets instead of `names` */
	size_t octet_name_len;
	const char *usage;                  /* extended key usage; NULL: serverAuth */
	const char *not_before, *not_after; /* "20200101000000Z"; NULL: 2000 and 2100 */
	unsigned rsa_bits;                  /* 0: P-256 */
	bool sha1;
	bool authority;
};

static inline void identity_extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline void identity_add_octet_name(X509 *certificate, const struct identity_spec *spec)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	assert_true(names != NULL && name != NULL && value != NULL);
	assert_int_equal(ASN1_STRING_set(value, spec->octet_name, (int)spec->octet_name_len), 1);
	GENERAL_NAME_set0_value(name, GEN_DNS, value);
	assert_int_equal(sk_GENERAL_NAME_push(names, name), 1);
	assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0), 1);
	GENERAL_NAMES_free(names);
}

/* `issuer` NULL: self-signed. */
static inline struct identity identity_make(const struct identity_spec *spec,
					    const struct identity *issuer)
{
	struct identity made = {
		.certificate = X509_new(),
		.key = spec->rsa_bits > 0 ? EVP_RSA_gen(spec->rsa_bits) : EVP_EC_gen("P-256"),
	};
	static long serial = 1;
	const char *from = spec->not_before != NULL ? spec->not_before : "20000101000000Z";
	const char *to = spec->not_after != NULL ? spec->not_after : "21000101000000Z";
	const char *usage = spec->usage != NULL ? spec->usage : "serverAuth";
	X509 *certificate = made.certificate;

	assert_true(certificate != NULL && made.key != NULL);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), from), 1);
	assert_int_equal(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), to), 1);
	X509_set_pubkey(certificate, made.key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
				   (const unsigned char *)spec->common_name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer != NULL ? issuer->certificate
									       : certificate));
	if (spec->authority)
		identity_extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
	else
		identity_extend(certificate, NID_ext_key_usage, usage);
	if (spec->names != NULL)
		identity_extend(certificate, NID_subject_alt_name, spec->names);
	else if (spec->octet_name != NULL)
		identity_add_octet_name(certificate, spec);
	assert_int_not_equal(X509_sign(certificate, issuer != NULL ? issuer->key : made.key,
				       spec->sha1 ? EVP_sha1() : EVP_sha256()),
			     0);
	return made;
}

static inline void identity_free(struct identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
	*identity = (struct identity){ 0 };
}

#endif
