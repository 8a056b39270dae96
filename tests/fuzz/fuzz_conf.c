/* SPDX-License-Identifier: ISC */
/*
 * fuzz_conf: any octets as packetboat.conf.
 *
 * A file that is refused is refused with a reason that names it. One that loads has what the daemon
 * relies on, and its dump is a configuration again, which dumps as itself.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"

#define HASH                                            \
	"$scrypt$ln=15,r=8,p=1$c29tZXNhbHRzYWx0c2FsdA$" \
	"cGFja2V0Ym9hdCBwYXNzd2QgbWFrZXMgdGhlc2UuLi4"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the string that it was reading when the syntax goes wrong. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static void require(bool fact)
{
	if (!fact)
		abort();
}

/* What the test itself needs and the machine refuses is no finding. */
static void need(bool fact)
{
	if (!fact)
		_exit(0);
}

static struct conf *load(const void *data, size_t size)
{
	struct conf_error error = { "" };
	char file[32];
	int fd = memfd_create("packetboat.conf", MFD_CLOEXEC);

	need(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	struct conf *conf = conf_load(file, NULL, NULL, &error);
	if (conf == NULL)
		require(strncmp(error.text, file, strlen(file)) == 0);
	(void)close(fd);
	return conf;
}

static char *dump(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	need(out != NULL);
	require(conf_dump(conf, out));
	need(fclose(out) == 0);
	return text;
}

/* The dump with a hash where it shows none. */
static char *fill_in_hashes(const char *dumped, size_t *len_r)
{
	static const char stars[] = "password_hash = \"***\";";
	char *text = NULL;
	FILE *out = open_memstream(&text, len_r);

	need(out != NULL);
	while (*dumped != '\0') {
		if (strncmp(dumped, stars, sizeof(stars) - 1) == 0) {
			(void)fputs("password_hash = \"" HASH "\";", out);
			dumped += sizeof(stars) - 1;
		} else {
			(void)fputc(*dumped++, out);
		}
	}
	need(fclose(out) == 0);
	return text;
}

static void check_oauth(const struct conf_account *account)
{
	static const struct conf_oauth none;
	const struct conf_oauth *oauth = &account->oauth;

	if (account->auth != CONF_AUTH_OAUTH2) {
		require(account->provider == CONF_PROVIDER_CUSTOM);
		require(memcmp(oauth, &none, sizeof(none)) == 0);
		return;
	}
	require(account->password_hash != NULL || account->password_file != NULL);
	require(oauth->client_id != NULL && oauth->scope != NULL);
	require(strncmp(oauth->token_endpoint, "https://", 8) == 0);
	require((oauth->certificate == NULL) == (oauth->private_key == NULL));
	require(oauth->certificate == NULL || oauth->client_secret_file == NULL);
	require(oauth->expires == NULL || oauth->client_secret_file != NULL);
	if (oauth->flow == CONF_FLOW_USER)
		return;
	require(oauth->certificate != NULL || oauth->client_secret_file != NULL);
	require(oauth->authorize_endpoint == NULL && oauth->device_endpoint == NULL);
}

static void check_promises(const struct conf *conf)
{
	require(conf->account_count > 0);
	require(conf->runtime_directory != NULL && conf->token_key_file != NULL);
	require((conf->tls.certificate == NULL) == (conf->tls.private_key == NULL));
	for (size_t i = 0; i < conf->listener_count; i++)
		require(conf->listeners[i].port <= 65535);
	for (size_t i = 0; i < conf->account_count; i++) {
		const struct conf_account *account = &conf->accounts[i];
		require(account->imap.port >= 1 && account->imap.port <= 65535);
		require(account->folder != NULL && account->imap.host != NULL);
		require(account->auth != CONF_AUTH_PASSWORD || account->imap_password_file != NULL);
		check_oauth(account);
		if (account->user[0] != '*')
			require(conf_find_account(conf, account->user) == account);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = load(data, size);

	if (conf == NULL)
		return 0;
	check_promises(conf);
	char *first = dump(conf);
	size_t len = 0;
	char *filled = fill_in_hashes(first, &len);
	struct conf *again = load(filled, len);
	/* What grew beyond the ceiling of a file cannot be loaded. */
	if (again != NULL || len <= 1024 * 1024) {
		require(again != NULL);
		char *second = dump(again);
		require(strcmp(first, second) == 0);
		require(conf_needs_restart(conf, again) == NULL);
		free(second);
	}
	free(first);
	free(filled);
	conf_unref(&again);
	conf_unref(&conf);
	return 0;
}
