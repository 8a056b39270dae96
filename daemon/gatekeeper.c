/* SPDX-License-Identifier: ISC */
#include "daemon/gatekeeper.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/password_file.h"
#include "daemon/secret.h"
#include "daemon/worker.h"

enum {
	/* Right passwords remembered; when there are more, all are forgotten and learnt anew. */
	GATEKEEPER_REMEMBERED_MAX = 20000,
	/* Checks that wait for the thread. Behind that many, one is told to come back. */
	GATEKEEPER_WAITING_MAX = 500,
};

/* The digest of (hash, password): it says that this password belongs to this hash, whose salt makes
 * it this user's, and it is worthless as soon as the hash is changed. */
struct remembered {
	unsigned char digest[PASSWORD_DIGEST_LEN];
};

struct gatekeeper {
	struct worker *worker; /* owned */
	unsigned waiting;
	void *remembered; /* owned: tsearch(3) */
	size_t remembered_count;
	unsigned char key[PASSWORD_KEY_LEN];
};

struct check {
	struct worker_job job; /* first */
	struct gatekeeper *gatekeeper;
	gatekeeper_fn *fn;
	void *owner;
	uint64_t ticket;
	char hash[PASSWORD_HASH_TEXT_MAX];
	struct secret *password; /* owned */
	struct address address;
	bool known; /* there is such a user */
	enum password_hash_status status;
};

struct gatekeeper *gatekeeper_new(struct loop *loop)
{
	struct gatekeeper *gatekeeper = calloc(1, sizeof(*gatekeeper));

	if (gatekeeper == NULL)
		return NULL;
	if (password_key_make(gatekeeper->key))
		gatekeeper->worker = worker_new(loop, "passwords");
	if (gatekeeper->worker == NULL) {
		free(gatekeeper);
		return NULL;
	}
	return gatekeeper;
}

static void gatekeeper_forget(struct gatekeeper *gatekeeper)
{
	tdestroy(gatekeeper->remembered, free);
	gatekeeper->remembered = NULL;
	gatekeeper->remembered_count = 0;
}

void gatekeeper_free(struct gatekeeper **gatekeeper)
{
	if (*gatekeeper == NULL)
		return;
	worker_free(&(*gatekeeper)->worker);
	gatekeeper_forget(*gatekeeper);
	explicit_bzero((*gatekeeper)->key, sizeof((*gatekeeper)->key));
	free(*gatekeeper);
	*gatekeeper = NULL;
}

/* An order among keyed hashes tells an attacker nothing about passwords. */
static int remembered_compare(const void *a, const void *b)
{
	return memcmp(a, b, PASSWORD_DIGEST_LEN);
}

static bool gatekeeper_remembers(const struct gatekeeper *gatekeeper, const char *hash,
				 struct span password)
{
	struct remembered wanted;

	return password_digest(gatekeeper->key, hash, strlen(hash), password.data, password.len,
			       wanted.digest) &&
	       tfind(&wanted, &gatekeeper->remembered, remembered_compare) != NULL;
}

static void gatekeeper_remember(struct gatekeeper *gatekeeper, const char *hash,
				struct span password)
{
	struct remembered *remembered = malloc(sizeof(*remembered));
	struct remembered **found;

	if (remembered == NULL)
		return;
	if (gatekeeper->remembered_count >= GATEKEEPER_REMEMBERED_MAX)
		gatekeeper_forget(gatekeeper);
	if (!password_digest(gatekeeper->key, hash, strlen(hash), password.data, password.len,
			     remembered->digest)) {
		free(remembered);
		return;
	}
	found = tsearch(remembered, &gatekeeper->remembered, remembered_compare);
	if (found == NULL || *found != remembered)
		free(remembered);
	else
		gatekeeper->remembered_count++;
}

static void check_free(struct check *check)
{
	secret_free(&check->password);
	explicit_bzero(check->hash, sizeof(check->hash));
	free(check);
}

static void check_work(struct worker_job *job)
{
	struct check *check = (struct check *)job;
	struct span password = secret_borrow(check->password);

	check->status = password_hash_verify(check->hash, password.data, password.len);
}

static void check_done(struct worker_job *job)
{
	struct check *check = (struct check *)job;
	struct failure failure;

	check->gatekeeper->waiting--;
	if (check->status == PASSWORD_HASH_FAILED) {
		failure_set(&failure, FAILURE_SYS_TEMP, "The password cannot be checked now");
		check->fn(check->owner, check->ticket, &check->address, &failure);
	} else if (check->status == PASSWORD_HASH_RIGHT && check->known) {
		gatekeeper_remember(check->gatekeeper, check->hash, secret_borrow(check->password));
		check->fn(check->owner, check->ticket, &check->address, NULL);
	} else {
		failure_set(&failure, FAILURE_AUTH, "Wrong user name or password");
		failure.wrong_password = true;
		check->fn(check->owner, check->ticket, &check->address, &failure);
	}
	check_free(check);
}

/* The hash that `user`'s password is checked against. False: `failure_r`. */
static bool find_hash(const struct conf_account *account, struct span user,
		      char hash_r[PASSWORD_HASH_TEXT_MAX], bool *known_r, struct failure *failure_r)
{
	char error[300];

	*known_r = false;
	snprintf(hash_r, PASSWORD_HASH_TEXT_MAX, "%s", password_hash_nobody());
	if (account == NULL)
		return true;
	if (account->password_file == NULL) {
		snprintf(hash_r, PASSWORD_HASH_TEXT_MAX, "%s", account->password_hash);
		*known_r = true;
		return true;
	}
	switch (password_file_find(account->password_file, user, hash_r, error, sizeof(error))) {
	case PASSWORD_FILE_FOUND:
		*known_r = true;
		if (password_hash_is_valid(hash_r))
			return true;
		snprintf(error, sizeof(error), "%s: a hash in it is none", account->password_file);
		break;
	case PASSWORD_FILE_UNKNOWN:
		return true;
	case PASSWORD_FILE_BROKEN:
		break;
	}
	failure_set(failure_r, FAILURE_SYS_PERM,
		    "The configuration of this account needs attention");
	snprintf(failure_r->detail, sizeof(failure_r->detail), "%s", error);
	return false;
}

void gatekeeper_check(struct gatekeeper *gatekeeper, const struct conf_account *account,
		      const struct address *address, struct span user, struct span password,
		      gatekeeper_fn *fn, void *owner, uint64_t ticket)
{
	struct failure failure;
	struct check *check = calloc(1, sizeof(*check));

	if (check != NULL)
		check->password = secret_new(password);
	if (check == NULL || check->password == NULL ||
	    gatekeeper->waiting >= GATEKEEPER_WAITING_MAX) {
		failure_set(&failure, FAILURE_SYS_TEMP, "Too many logins at once");
		goto refuse;
	}
	if (!find_hash(account, user, check->hash, &check->known, &failure))
		goto refuse;
	if (check->known && gatekeeper_remembers(gatekeeper, check->hash, password)) {
		check_free(check);
		fn(owner, ticket, address, NULL);
		return;
	}
	check->job.work = check_work;
	check->job.done = check_done;
	check->gatekeeper = gatekeeper;
	check->fn = fn;
	check->owner = owner;
	check->ticket = ticket;
	check->address = *address;
	gatekeeper->waiting++;
	worker_submit(gatekeeper->worker, &check->job);
	return;

refuse:
	if (check != NULL)
		check_free(check);
	fn(owner, ticket, address, &failure);
}

bool gatekeeper_digest(const struct gatekeeper *gatekeeper, struct span user, struct span password,
		       unsigned char digest_r[PASSWORD_DIGEST_LEN])
{
	return password_digest(gatekeeper->key, user.data, user.len, password.data, password.len,
			       digest_r);
}
