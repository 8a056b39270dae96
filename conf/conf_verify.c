/* SPDX-License-Identifier: ISC */
#include "conf/conf_verify.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_provider.h"
#include "conf/conf_value.h"
#include "conf/conf_verify_oauth.h"

enum { SETTING_MAX = 80 };

struct conf_verifier {
	const struct conf *conf;
	const struct conf_report *report;
	char setting[SETTING_MAX];
};

/* The path of a setting in a list; `name` NULL: of the element. Valid until the next call. */
static const char *setting_of(struct conf_verifier *verifier, const char *list, size_t slot,
			      const char *name)
{
	(void)snprintf(verifier->setting, sizeof(verifier->setting), "%s[%zu]%s%s", list, slot,
		       name != NULL ? "." : "", name != NULL ? name : "");
	return verifier->setting;
}

static bool verify_tls(const struct conf_verifier *verifier, unsigned line)
{
	const struct conf *conf = verifier->conf;

	if (conf->tls.certificate != NULL && conf->tls.private_key == NULL)
		return conf_report_error(verifier->report, line, "tls.certificate",
					 "needs private_key beside it");
	if (conf->tls.certificate == NULL && conf->tls.private_key != NULL)
		return conf_report_error(verifier->report, line, "tls.private_key",
					 "needs certificate beside it");
	return true;
}

static bool verify_listener(struct conf_verifier *verifier, size_t slot)
{
	const struct conf *conf = verifier->conf;
	const struct conf_listener *listener = &conf->listeners[slot];

	if (listener->tls == CONF_TLS_IMPLICIT && conf->tls.certificate == NULL)
		return conf_report_error(verifier->report, listener->line,
					 setting_of(verifier, "listeners", slot, "tls"),
					 "implicit needs tls.certificate and tls.private_key");
	for (size_t i = 0; i < slot && listener->port != 0; i++) {
		if (conf->listeners[i].port == listener->port &&
		    strcmp(conf->listeners[i].address, listener->address) == 0)
			return conf_report_error(verifier->report, listener->line,
						 setting_of(verifier, "listeners", slot, NULL),
						 "has the address and port of listeners[%zu]", i);
	}
	if (listener->tls == CONF_TLS_NONE && conf->tls.certificate == NULL &&
	    !conf->allow_plaintext && !conf_value_is_loopback(listener->address))
		conf_report_warning(verifier->report, listener->line,
				    setting_of(verifier, "listeners", slot, NULL),
				    "logins from other machines will be refused: "
				    "there is no certificate, and allow_plaintext is false");
	return true;
}

/* Always false. */
static bool fail_account(struct conf_verifier *verifier, size_t slot, const char *name,
			 const char *reason)
{
	return conf_report_error(verifier->report, verifier->conf->accounts[slot].line,
				 setting_of(verifier, "accounts", slot, name), "%s", reason);
}

/* What POP3 clients prove themselves with, where the IMAP server does not see their password. */
static bool verify_local_password(struct conf_verifier *verifier, size_t slot)
{
	const struct conf_account *account = &verifier->conf->accounts[slot];

	if (account->user[0] == '*') {
		if (account->password_hash != NULL)
			return fail_account(verifier, slot, "password_hash",
					    "cannot serve the many names of a wildcard; "
					    "use password_file");
		if (account->password_file == NULL)
			return fail_account(verifier, slot, "password_file",
					    "is required for a wildcard, "
					    "but with auth = \"passthrough\"");
		return true;
	}
	if (account->password_hash == NULL && account->password_file == NULL)
		return fail_account(verifier, slot, NULL,
				    account->auth == CONF_AUTH_OAUTH2
					    ? "auth = \"oauth2\" needs password_hash or "
					      "password_file, or any POP3 client could log in"
					    : "auth = \"password\" needs password_hash or "
					      "password_file");
	if (account->password_hash != NULL && account->password_file != NULL)
		return fail_account(verifier, slot, NULL,
				    "has both password_hash and password_file; one must go");
	return true;
}

static bool verify_password_account(struct conf_verifier *verifier, size_t slot)
{
	if (verifier->conf->accounts[slot].imap_password_file == NULL)
		return fail_account(verifier, slot, "imap_password_file",
				    "is required with auth = \"password\"");
	return verify_local_password(verifier, slot);
}

static bool verify_oauth_account(struct conf_verifier *verifier, size_t slot)
{
	const struct conf_account *account = &verifier->conf->accounts[slot];
	struct conf_complaint complaint;

	if (account->imap_password_file != NULL)
		return fail_account(verifier, slot, "imap_password_file",
				    "has no use with auth = \"oauth2\"");
	if (!conf_verify_oauth(account, &complaint))
		return fail_account(verifier, slot, complaint.setting, complaint.reason);
	return verify_local_password(verifier, slot);
}

static bool verify_passthrough_account(struct conf_verifier *verifier, size_t slot)
{
	static const char reason[] = "has no use with auth = \"passthrough\", "
				     "where the client's password is the IMAP password";
	const struct conf_account *account = &verifier->conf->accounts[slot];

	if (account->password_hash != NULL)
		return fail_account(verifier, slot, "password_hash", reason);
	if (account->password_file != NULL)
		return fail_account(verifier, slot, "password_file", reason);
	if (account->imap_password_file != NULL)
		return fail_account(verifier, slot, "imap_password_file", reason);
	return true;
}

static bool verify_imap(struct conf_verifier *verifier, size_t slot)
{
	const struct conf_imap *imap = &verifier->conf->accounts[slot].imap;

	if (imap->tls == CONF_TLS_NONE && !conf_value_is_loopback(imap->host))
		return fail_account(verifier, slot, "imap.tls",
				    "none is for loopback hosts only (localhost, 127.0.0.1, ::1)");
	if ((imap->address_family == CONF_ADDRESS_IPV6 && conf_value_is_ipv4(imap->host)) ||
	    (imap->address_family == CONF_ADDRESS_IPV4 && conf_value_is_ipv6(imap->host)))
		return fail_account(verifier, slot, "imap.address_family",
				    "is not the family of imap.host");
	return true;
}

/* INBOX has no case (RFC 3501 section 5.1); other names do, as far as we can know. */
static bool same_folder(const char *a, const char *b)
{
	if (conf_value_compare_nocase(a, "INBOX") == 0)
		return conf_value_compare_nocase(b, "INBOX") == 0;
	return strcmp(a, b) == 0;
}

static bool verify_account(struct conf_verifier *verifier, size_t slot)
{
	const struct conf_account *account = &verifier->conf->accounts[slot];

	if (account->user[0] == '*' && account->mailbox != NULL)
		return fail_account(verifier, slot, "mailbox",
				    "has no use for a wildcard, whose mailbox is the login name");
	if (account->auth != CONF_AUTH_OAUTH2 &&
	    (account->provider != CONF_PROVIDER_CUSTOM ||
	     conf_provider_is_microsoft_host(account->imap.host)))
		return fail_account(verifier, slot, "auth",
				    "must be \"oauth2\": Microsoft's mail servers take no "
				    "passwords any more");
	switch (account->auth) {
	case CONF_AUTH_PASSWORD:
		if (!verify_password_account(verifier, slot))
			return false;
		break;
	case CONF_AUTH_OAUTH2:
		if (!verify_oauth_account(verifier, slot))
			return false;
		break;
	case CONF_AUTH_PASSTHROUGH:
		if (!verify_passthrough_account(verifier, slot))
			return false;
		break;
	}
	if ((account->delete_mode == CONF_DELETE_MOVE ||
	     account->delete_mode == CONF_DELETE_TRASH) &&
	    same_folder(account->folder, account->delete_folder))
		return fail_account(verifier, slot, "delete_folder",
				    "must not be the folder that is the maildrop");
	return verify_imap(verifier, slot);
}

/* By name, then by place in the file. */
static int compare_accounts(const void *a, const void *b)
{
	const struct conf_account *first = *(const struct conf_account *const *)a;
	const struct conf_account *second = *(const struct conf_account *const *)b;
	int order = conf_value_compare_nocase(first->user, second->user);

	if (order != 0)
		return order;
	return first < second ? -1 : first > second;
}

static bool verify_names(struct conf_verifier *verifier)
{
	const struct conf *conf = verifier->conf;
	const struct conf_account **sorted = calloc(conf->account_count + 1, sizeof(*sorted));
	bool fine = true;

	if (sorted == NULL)
		return conf_report_error(verifier->report, 0, NULL, "out of memory");
	for (size_t i = 0; i < conf->account_count; i++)
		sorted[i] = &conf->accounts[i];
	qsort(sorted, conf->account_count, sizeof(*sorted), compare_accounts);
	for (size_t i = 1; i < conf->account_count && fine; i++) {
		if (conf_value_compare_nocase(sorted[i - 1]->user, sorted[i]->user) != 0)
			continue;
		size_t slot = (size_t)(sorted[i] - conf->accounts);
		fine = conf_report_error(verifier->report, sorted[i]->line,
					 setting_of(verifier, "accounts", slot, "user"),
					 "is the name of accounts[%zu] in line %u too",
					 (size_t)(sorted[i - 1] - conf->accounts),
					 sorted[i - 1]->line);
	}
	free(sorted);
	return fine;
}

static void warn_of_hashes(struct conf_verifier *verifier)
{
	const struct conf *conf = verifier->conf;

	for (size_t i = 0; i < conf->account_count; i++) {
		if (conf->accounts[i].password_hash == NULL)
			continue;
		conf_report_warning(verifier->report, conf->accounts[i].line,
				    setting_of(verifier, "accounts", i, "password_hash"),
				    "every user of this machine may read the file and its hashes; "
				    "chmod o-r it");
		return;
	}
}

bool conf_verify(const struct conf *conf, const struct conf_verify_source *source,
		 const struct conf_report *report)
{
	struct conf_verifier verifier = { .conf = conf, .report = report };

	if (!verify_tls(&verifier, source->tls_line))
		return false;
	for (size_t i = 0; i < conf->listener_count; i++) {
		if (!verify_listener(&verifier, i))
			return false;
	}
	for (size_t i = 0; i < conf->account_count; i++) {
		if (!verify_account(&verifier, i))
			return false;
	}
	if (!verify_names(&verifier))
		return false;
	if (source->is_public)
		warn_of_hashes(&verifier);
	return true;
}
