/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/oauth/token_key.h"
#include "daemon/oauth/token_record.h"
#include "protocol/bytebuf.h"
#include "tls/digest.h"

#define FIRST_WORD "packetboat-token "
#define VERSION "1"

enum {
	FILE_MAX = TOKEN_RECORD_MAX + 1024,
	/* "packetboat-token 1 0123456789abcdef\n" */
	HEADER_LEN = sizeof(FIRST_WORD) - 1 + sizeof(VERSION) - 1 + 1 + TOKEN_KEY_MARK_LEN + 1,
	/* Of whatever version. */
	HEADER_MAX = 128,
	CONTEXT_LEN = HEADER_LEN + DIGEST_HEX_SIZE - 1,
};

/* A file in the folder, by the name that is the digest of its owner. */
struct place {
	const struct token_store *store;
	int folder; /* a descriptor */
	char name[DIGEST_HEX_SIZE];
	char *error; /* where to say what is wrong */
	size_t error_size;
};

static void place_error(const struct place *place, const char *what, const char *why)
{
	snprintf(place->error, place->error_size, "%s/%s: %s%s", place->store->folder, place->name,
		 what, why);
}

static int open_folder(const char *folder)
{
	return open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* False: the error is told. */
static bool place_open(struct place *place, const struct token_store *store,
		       const struct token_owner *owner, char *error_r, size_t error_size)
{
	char both[2 * TOKEN_OWNER_MAX];
	int len = snprintf(both, sizeof(both), "%s\n%s", owner->host, owner->user);

	*place = (struct place){
		.store = store, .folder = -1, .error = error_r, .error_size = error_size
	};
	if (len < 0 || (size_t)len >= sizeof(both)) {
		snprintf(error_r, error_size, "%s: the name of the mailbox is too long",
			 store->folder);
		return false;
	}
	if (!digest_hex(both, (size_t)len, place->name)) {
		snprintf(error_r, error_size, "%s: no memory", store->folder);
		return false;
	}
	place->folder = open_folder(store->folder);
	if (place->folder < 0)
		snprintf(error_r, error_size, "%s: %s", store->folder, strerror(errno));
	return place->folder >= 0;
}

static void place_close(struct place *place)
{
	if (place->folder >= 0)
		close(place->folder);
}

static void write_header(const struct token_store *store, char header_r[HEADER_LEN + 1])
{
	snprintf(header_r, HEADER_LEN + 1, "%s%s %s\n", FIRST_WORD, VERSION, store->key_mark);
}

static void write_context(const struct place *place, char context_r[CONTEXT_LEN + 1])
{
	write_header(place->store, context_r);
	memcpy(context_r + HEADER_LEN, place->name, sizeof(place->name));
}

/* ---- reading ---- */

/* OK, REFUSED or FAILED; `why_r` unless OK. */
static enum token_store_status check_owner(int fd, const char **why_r)
{
	struct stat status;

	if (fstat(fd, &status) != 0) {
		*why_r = strerror(errno);
		return TOKEN_STORE_FAILED;
	}
	if (!S_ISREG(status.st_mode))
		*why_r = "it is not a file";
	else if (status.st_uid != geteuid())
		*why_r = "it belongs to another user";
	else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		*why_r = "others may read or write it (chmod 600 helps)";
	else
		return TOKEN_STORE_OK;
	return TOKEN_STORE_REFUSED;
}

/* A descriptor, or -1 with the status and, unless that is NONE, the reason. */
static int open_file(const struct place *place, enum token_store_status *status_r,
		     const char **why_r)
{
	int fd = openat(place->folder, place->name,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0) {
		*status_r = check_owner(fd, why_r);
		if (*status_r == TOKEN_STORE_OK)
			return fd;
		close(fd);
		return -1;
	}
	*status_r = TOKEN_STORE_FAILED;
	*why_r = strerror(errno);
	if (errno == ENOENT) {
		*status_r = TOKEN_STORE_NONE;
	} else if (errno == ELOOP) {
		*status_r = TOKEN_STORE_REFUSED;
		*why_r = "it is a symbolic link";
	} else if (errno == EACCES) {
		*status_r = TOKEN_STORE_REFUSED;
	}
	return -1;
}

/* Up to the end, or to `out`'s limit. False: errno. */
static bool read_to_end(int fd, struct bytebuf *out, size_t limit)
{
	unsigned char octets[4096];
	ssize_t n = 1;
	int error = 0;

	while (n != 0 && error == 0 && bytebuf_len(out) < limit) {
		size_t left = limit - bytebuf_len(out);

		n = read(fd, octets, left < sizeof(octets) ? left : sizeof(octets));
		if (n < 0 && errno != EINTR)
			error = errno;
		else if (n > 0 && !bytebuf_append(out, span_of(octets, (size_t)n)))
			error = ENOMEM;
	}
	errno = error;
	return error == 0;
}

static bool begins_with(struct span text, struct span beginning)
{
	return text.len >= beginning.len &&
	       span_equal(span_of(text.data, beginning.len), beginning);
}

/* OK: it is ours, sealed under our key. Otherwise REFUSED or DAMAGED. */
static enum token_store_status check_header(const struct token_store *store, struct span file,
					    const char **why_r)
{
	char header[HEADER_LEN + 1];

	assert(file.data != NULL || file.len == 0);
	write_header(store, header);
	if (begins_with(file, span_of(header, HEADER_LEN)))
		return TOKEN_STORE_OK;
	struct span line = span_take(&file, HEADER_MAX);
	const unsigned char *end = line.len > 0 ? memchr(line.data, '\n', line.len) : NULL;
	line.len = end != NULL ? (size_t)(end - line.data) + 1 : 0;
	*why_r = "it does not begin as such files do";
	if (!begins_with(line, span_text(FIRST_WORD)))
		return TOKEN_STORE_DAMAGED;
	if (!begins_with(line, span_text(FIRST_WORD VERSION " "))) {
		*why_r = "it was written by another version of Packetboat";
		return TOKEN_STORE_REFUSED;
	}
	if (line.len != HEADER_LEN)
		return TOKEN_STORE_DAMAGED;
	*why_r = "it was sealed under another key than the one in use now";
	return TOKEN_STORE_REFUSED;
}

/* The JSON text in what follows the header. */
static enum token_store_status unseal(const struct place *place, struct span sealed,
				      struct token_record_owner *owner_r,
				      struct token_record *record_r, const char **why_r)
{
	char context[CONTEXT_LEN + 1];
	enum token_store_status status = TOKEN_STORE_FAILED;

	*why_r = "it was changed, or is cut";
	if (sealed.len < SEAL_OVERHEAD)
		return TOKEN_STORE_DAMAGED;
	size_t len = sealed.len - SEAL_OVERHEAD;
	unsigned char *text = malloc(len + 1);
	if (text == NULL) {
		*why_r = "no memory";
		return TOKEN_STORE_FAILED;
	}
	write_context(place, context);
	switch (seal_open(place->store->key, context, CONTEXT_LEN, sealed.data, sealed.len, text)) {
	case SEAL_OPENED:
		/* What we sealed we can read; but for one reason. */
		if (token_record_read(span_of(text, len), owner_r, record_r))
			status = TOKEN_STORE_OK;
		else
			*why_r = "no memory";
		break;
	case SEAL_WRONG:
		status = TOKEN_STORE_DAMAGED;
		break;
	case SEAL_FAILED:
		*why_r = "no memory";
		break;
	}
	explicit_bzero(text, len);
	free(text);
	return status;
}

static enum token_store_status read_file(const struct place *place,
					 struct token_record_owner *owner_r,
					 struct token_record *record_r, const char **why_r)
{
	struct bytebuf file;
	enum token_store_status status;
	int fd = open_file(place, &status, why_r);

	if (fd < 0)
		return status;
	bytebuf_init(&file, FILE_MAX + 1);
	if (!read_to_end(fd, &file, FILE_MAX + 1)) {
		*why_r = strerror(errno);
		status = TOKEN_STORE_FAILED;
	} else if (bytebuf_len(&file) > FILE_MAX) {
		*why_r = "it is too long";
		status = TOKEN_STORE_DAMAGED;
	} else {
		status = check_header(place->store, bytebuf_peek(&file), why_r);
	}
	if (status == TOKEN_STORE_OK) {
		bytebuf_consume(&file, HEADER_LEN);
		status = unseal(place, bytebuf_peek(&file), owner_r, record_r, why_r);
	}
	bytebuf_deinit(&file);
	close(fd);
	return status;
}

/* Renames it to HEX.`what`-TIME, a name that is not taken. False: errno. */
static bool set_aside(const struct place *place, const char *what)
{
	char name[DIGEST_HEX_SIZE + 64];
	struct stat status;
	time_t now = time(NULL);

	do {
		snprintf(name, sizeof(name), "%s.%s-%lld", place->name, what, (long long)now++);
	} while (fstatat(place->folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0);
	return renameat(place->folder, place->name, place->folder, name) == 0 &&
	       fsync(place->folder) == 0;
}

enum token_store_status token_store_load(const struct token_store *store,
					 const struct token_owner *owner,
					 struct token_record *record_r, char *error_r,
					 size_t error_size)
{
	struct token_record_owner found;
	struct place place;
	const char *why = NULL;

	*record_r = (struct token_record){ 0 };
	if (!place_open(&place, store, owner, error_r, error_size))
		return TOKEN_STORE_FAILED;
	enum token_store_status status = read_file(&place, &found, record_r, &why);
	switch (status) {
	case TOKEN_STORE_OK:
	case TOKEN_STORE_NONE:
		break;
	case TOKEN_STORE_REFUSED:
	case TOKEN_STORE_FAILED:
		place_error(&place, "", why);
		break;
	case TOKEN_STORE_DAMAGED:
		place_error(&place,
			    set_aside(&place, "damaged") ? "was damaged and set aside: "
							 : "is damaged and cannot be set aside: ",
			    why);
		break;
	}
	place_close(&place);
	return status;
}

/* ---- writing ---- */

/* Whether what is there may be replaced: nothing, or a file of ours under our key. */
static bool is_replaceable(const struct place *place)
{
	struct bytebuf header;
	enum token_store_status status;
	const char *why;
	int fd = open_file(place, &status, &why);

	if (fd < 0)
		return status == TOKEN_STORE_NONE;
	bytebuf_init(&header, HEADER_LEN);
	bool replaceable =
		read_to_end(fd, &header, HEADER_LEN) &&
		check_header(place->store, bytebuf_peek(&header), &why) == TOKEN_STORE_OK;
	bytebuf_deinit(&header);
	close(fd);
	return replaceable;
}

/* False: errno. */
static bool write_octets(int fd, struct span octets)
{
	while (octets.len > 0) {
		ssize_t n = write(fd, octets.data, octets.len);

		if (n < 0 && errno != EINTR)
			return false;
		span_take(&octets, n > 0 ? (size_t)n : 0);
	}
	return true;
}

/* A whole file, synchronised. False: errno. */
static bool write_file(int folder, const char *name, struct span octets)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(folder, name, flags, 0600);

	/* What one left who died. */
	if (fd < 0 && errno == EEXIST && unlinkat(folder, name, 0) == 0)
		fd = openat(folder, name, flags, 0600);
	if (fd < 0)
		return false;
	bool written = write_octets(fd, octets) && fsync(fd) == 0;
	int error = errno;
	if (close(fd) != 0 && written) {
		written = false;
		error = errno;
	}
	errno = error;
	return written;
}

/* Puts `octets` in the place of what is there. */
static enum token_store_status replace_file(const struct place *place, struct span octets)
{
	char beside[DIGEST_HEX_SIZE + sizeof(".new")];
	bool moved = false;

	snprintf(beside, sizeof(beside), "%s.new", place->name);
	if (!write_file(place->folder, beside, octets)) {
		place_error(place, "cannot be written: ", strerror(errno));
	} else if (!is_replaceable(place) && !set_aside(place, "replaced")) {
		place_error(place, "cannot be set aside: ", strerror(errno));
	} else if (renameat(place->folder, beside, place->folder, place->name) != 0) {
		place_error(place, "cannot be replaced: ", strerror(errno));
	} else {
		moved = true;
		if (fsync(place->folder) == 0)
			return TOKEN_STORE_OK;
		place_error(place, "may not be on disk: ", strerror(errno));
	}
	if (!moved)
		(void)unlinkat(place->folder, beside, 0);
	return TOKEN_STORE_FAILED;
}

enum token_store_status token_store_save(const struct token_store *store,
					 const struct token_owner *owner,
					 const struct token_record *record, char *error_r,
					 size_t error_size)
{
	char context[CONTEXT_LEN + 1];
	enum token_store_status status = TOKEN_STORE_FAILED;
	struct place place;
	struct bytebuf text;
	unsigned char *file = NULL;

	if (!place_open(&place, store, owner, error_r, error_size))
		return TOKEN_STORE_FAILED;
	bytebuf_init(&text, TOKEN_RECORD_MAX);
	const char *why = token_record_write(&text, owner, record);
	struct span clear = bytebuf_peek(&text);
	size_t size = HEADER_LEN + SEAL_OVERHEAD + clear.len;
	if (why == NULL && (file = malloc(size)) != NULL) {
		write_context(&place, context);
		memcpy(file, context, HEADER_LEN);
		if (seal_close(store->key, context, CONTEXT_LEN, clear.data, clear.len,
			       file + HEADER_LEN))
			status = replace_file(&place, span_of(file, size));
		else
			place_error(&place, "cannot be sealed: ", "no memory");
	} else {
		place_error(&place, "cannot be written: ", why != NULL ? why : "no memory");
	}
	free(file);
	bytebuf_deinit(&text);
	place_close(&place);
	return status;
}

/* ---- the folder ---- */

/* Called for each name; false ends it. */
typedef bool name_fn(void *argument, int folder, const char *name);

/* False: errno. */
static bool each_name(const char *folder, name_fn *fn, void *argument)
{
	int fd = open_folder(folder);
	DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
	bool whole = true;

	if (names == NULL) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		errno = error;
		return false;
	}
	for (struct dirent *entry; whole && (errno = 0, entry = readdir(names)) != NULL;)
		whole = fn(argument, fd, entry->d_name);
	int error = errno;
	closedir(names);
	errno = error;
	return whole && error == 0;
}

static bool sweep_name(void *argument, int folder, const char *name)
{
	const char *dot = strrchr(name, '.');

	(void)argument;
	if (dot != NULL && strcmp(dot, ".new") == 0)
		(void)unlinkat(folder, name, 0);
	return true;
}

/* The file itself, and what was set aside. */
static bool remove_name(void *argument, int folder, const char *name)
{
	const struct place *place = argument;
	size_t len = strlen(place->name);

	if (strncmp(name, place->name, len) != 0 || (name[len] != '\0' && name[len] != '.'))
		return true;
	return unlinkat(folder, name, 0) == 0 || errno == ENOENT;
}

enum token_store_status token_store_remove(const struct token_store *store,
					   const struct token_owner *owner, char *error_r,
					   size_t error_size)
{
	struct place place;

	if (!place_open(&place, store, owner, error_r, error_size))
		return TOKEN_STORE_FAILED;
	bool removed = each_name(store->folder, remove_name, &place) && fsync(place.folder) == 0;
	if (!removed)
		place_error(&place, "cannot be removed: ", strerror(errno));
	place_close(&place);
	return removed ? TOKEN_STORE_OK : TOKEN_STORE_FAILED;
}

struct listing {
	const struct token_store *store;
	token_store_fn *fn;
	void *argument;
};

static bool list_name(void *argument, int folder, const char *name)
{
	const struct listing *listing = argument;
	struct place place = { .store = listing->store, .folder = folder };
	struct token_record_owner found;
	struct token_record record = { 0 };
	const char *why;

	/* What was set aside, or is being written, has a longer name. */
	if (strlen(name) != sizeof(place.name) - 1)
		return true;
	memcpy(place.name, name, sizeof(place.name));
	if (read_file(&place, &found, &record, &why) == TOKEN_STORE_OK) {
		struct token_owner owner = { .host = found.host, .user = found.user };

		listing->fn(listing->argument, &owner, &record);
		token_record_deinit(&record);
	}
	return true;
}

bool token_store_each(const struct token_store *store, token_store_fn *fn, void *argument,
		      char *error_r, size_t error_size)
{
	struct listing listing = { .store = store, .fn = fn, .argument = argument };

	if (each_name(store->folder, list_name, &listing))
		return true;
	snprintf(error_r, error_size, "%s: %s", store->folder, strerror(errno));
	return false;
}

/* NULL, or why the folder cannot be used. */
static const char *make_folder(const char *folder, const char *state_directory)
{
	struct stat status;
	const char *why = NULL;
	bool made = mkdir(folder, 0700) == 0;

	if (!made && errno != EEXIST)
		return strerror(errno);
	int fd = open_folder(folder);
	if (fd < 0)
		return errno == ELOOP || errno == ENOTDIR ? "it is not a folder" : strerror(errno);
	if (fstat(fd, &status) != 0)
		why = strerror(errno);
	else if (status.st_uid != geteuid())
		why = "it belongs to another user";
	else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		why = "others may look into it (chmod 700 helps)";
	close(fd);
	if (made && why == NULL) {
		fd = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) != 0)
			why = strerror(errno);
		if (fd >= 0)
			close(fd);
	}
	return why;
}

/* Tells keys apart, and nothing else: it is a part of a digest. */
static bool mark_key(struct token_store *store)
{
	static const char prefix[] = "packetboat token key";
	unsigned char octets[sizeof(prefix) + SEAL_KEY_LEN];
	char digest[DIGEST_HEX_SIZE];

	memcpy(octets, prefix, sizeof(prefix));
	memcpy(octets + sizeof(prefix), store->key, SEAL_KEY_LEN);
	bool marked = digest_hex(octets, sizeof(octets), digest);
	if (marked)
		memcpy(store->key_mark, digest, TOKEN_KEY_MARK_LEN);
	explicit_bzero(octets, sizeof(octets));
	return marked;
}

bool token_store_open(struct token_store *store, const char *state_directory, const char *key_file,
		      bool make_key, char *error_r, size_t error_size)
{
	size_t size = strlen(state_directory) + sizeof("/tokens");
	const char *why = "no memory";

	*store = (struct token_store){ .folder = malloc(size) };
	if (store->folder == NULL) {
		snprintf(error_r, error_size, "%s: %s", state_directory, why);
		return false;
	}
	snprintf(store->folder, size, "%s/tokens", state_directory);
	why = make_folder(store->folder, state_directory);
	if (why == NULL && !each_name(store->folder, sweep_name, NULL))
		why = strerror(errno);
	if (why != NULL)
		snprintf(error_r, error_size, "%s: %s", store->folder, why);
	else if (token_key_read(key_file, make_key, store->key, error_r, error_size)) {
		if (mark_key(store))
			return true;
		snprintf(error_r, error_size, "%s: no memory", key_file);
	}
	token_store_close(store);
	return false;
}

void token_store_close(struct token_store *store)
{
	free(store->folder);
	explicit_bzero(store, sizeof(*store));
}
