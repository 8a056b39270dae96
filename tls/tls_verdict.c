/* SPDX-License-Identifier: ISC */
#include "tls/tls_verdict.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	FOREIGN_LEN_MAX = 80, /* of somebody else's text in a line of ours */
	NAMES_SHOWN_MAX = 3,  /* of the names that a wrong certificate has */
	STRENGTH_MIN = 112,   /* bits; what security level 2 asks for */
};

void tls_reason_say(struct tls_reason *reason, const char *format, ...)
{
	size_t len = strlen(reason->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason->text + len, sizeof(reason->text) - len, format, arguments);
	va_end(arguments);
}

void tls_reason_say_foreign(struct tls_reason *reason, const unsigned char *text, size_t len)
{
	for (size_t i = 0; i < len && i < FOREIGN_LEN_MAX; i++)
		tls_reason_say(reason, "%c", text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
	if (len > FOREIGN_LEN_MAX)
		tls_reason_say(reason, "...");
}

void tls_reason_say_date(struct tls_reason *reason, const ASN1_TIME *date)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(date, &tm) == 1)
		tls_reason_say(reason, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
			       tm.tm_mday);
	else
		tls_reason_say(reason, "an unreadable date");
}

static void say_distinguished_name(struct tls_reason *reason, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len = 0;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) > 0)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0)
		tls_reason_say_foreign(reason, (const unsigned char *)text, (size_t)len);
	else
		tls_reason_say(reason, "no name");
	BIO_free(bio);
}

/* One host name or address that a certificate is for; false for names of other kinds. */
static bool say_alternative_name(struct tls_reason *reason, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	char address[INET6_ADDRSTRLEN];

	if (type != GEN_DNS && type != GEN_IPADD)
		return false;
	const unsigned char *octets = ASN1_STRING_get0_data(value);
	size_t len = (size_t)ASN1_STRING_length(value);
	if (type == GEN_DNS)
		tls_reason_say_foreign(reason, octets, len);
	else if ((len == 4 || len == 16) &&
		 inet_ntop(len == 4 ? AF_INET : AF_INET6, octets, address, sizeof(address)) != NULL)
		tls_reason_say(reason, "%s", address);
	else
		tls_reason_say(reason, "an unreadable address");
	return true;
}

static void say_wrong_name(struct tls_reason *reason, const X509 *certificate, const char *host)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct tls_reason list = { "" };
	int shown = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (shown == NAMES_SHOWN_MAX) {
			tls_reason_say(&list, "..., ");
			break;
		}
		if (say_alternative_name(&list, sk_GENERAL_NAME_value(names, i))) {
			shown++;
			tls_reason_say(&list, ", ");
		}
	}
	GENERAL_NAMES_free(names);
	if (shown > 0) {
		tls_reason_say(reason, "certificate is for %snot %s", list.text, host);
		return;
	}
	/* A common name is not looked at (RFC 9525 section 2). */
	tls_reason_say(reason, "certificate of %s names no host, only its subject ", host);
	say_distinguished_name(reason, X509_get_subject_name(certificate));
}

/* The first of the chain whose time is over, or has not come. */
static void say_out_of_time(struct tls_reason *reason, STACK_OF(X509) * chain, bool expired,
			    const char *host)
{
	int count = sk_X509_num(chain);
	int depth = 0;
	const ASN1_TIME *date = NULL;

	for (; depth < count; depth++) {
		const X509 *certificate = sk_X509_value(chain, depth);
		date = expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate);
		int order = X509_cmp_current_time(date);
		if (expired ? order < 0 : order > 0)
			break;
	}
	tls_reason_say(reason, "certificate of %s ", host);
	if (depth > 0 && depth < count) {
		tls_reason_say(reason, "is signed by ");
		say_distinguished_name(reason, X509_get_subject_name(sk_X509_value(chain, depth)));
		tls_reason_say(reason, ", which ");
	}
	tls_reason_say(reason, expired ? "expired on " : "is not valid before ");
	tls_reason_say_date(reason, date);
}

static void say_weak_signature(struct tls_reason *reason, STACK_OF(X509) * chain, const char *host)
{
	tls_reason_say(reason, "certificate of %s is signed with too weak an algorithm", host);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		int digest, bits;

		if (X509_get_signature_info(sk_X509_value(chain, i), &digest, NULL, &bits, NULL) &&
		    bits < STRENGTH_MIN) {
			tls_reason_say(reason, " (%s)", OBJ_nid2sn(digest));
			return;
		}
	}
}

bool tls_verdict_blames_certificate(int verdict)
{
	return verdict != X509_V_OK && verdict != X509_V_ERR_OUT_OF_MEM &&
	       verdict != X509_V_ERR_UNSPECIFIED;
}

void tls_verdict_say(struct tls_reason *reason, int verdict, STACK_OF(X509) * chain,
		     const char *host)
{
	switch (verdict) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		say_out_of_time(reason, chain, true, host);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_out_of_time(reason, chain, false, host);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_wrong_name(reason, sk_X509_value(chain, 0), host);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		tls_reason_say(reason,
			       "certificate of %s is self-signed and not among the trusted ones",
			       host);
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		tls_reason_say(reason, "certificate of %s is signed by an unknown authority (",
			       host);
		say_distinguished_name(
			reason, X509_get_issuer_name(sk_X509_value(chain, sk_X509_num(chain) - 1)));
		tls_reason_say(reason, ")");
		break;
	case X509_V_ERR_CA_MD_TOO_WEAK:
		say_weak_signature(reason, chain, host);
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		tls_reason_say(reason, "certificate of %s has, or is signed with, too short a key",
			       host);
		break;
	case X509_V_ERR_INVALID_PURPOSE:
		tls_reason_say(reason, "certificate of %s is not one for servers", host);
		break;
	default:
		tls_reason_say(reason, "certificate of %s: %s", host,
			       X509_verify_cert_error_string(verdict));
	}
}
