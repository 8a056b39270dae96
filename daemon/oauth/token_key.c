/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL, or why this file is none for a key. */
static const char *look_at(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return strerror(errno);
	if (!S_ISREG(status.st_mode))
		return "it is not a file";
	if (status.st_uid == geteuid())
		return (status.st_mode & (S_IRWXG | S_IRWXO)) == 0
			       ? NULL
			       : "others may read or write it (chmod 600 helps)";
	if (status.st_uid != 0)
		return "it belongs to another user";
	/* systemd's credentials are root's; an access control list lets the service read them, and
	 * shows as the group's permission (acl(5)). */
	return (status.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0
		       ? NULL
		       : "others may read or write it (chmod go-w,o-r helps)";
}

/* NULL, or what is wrong. */
static const char *read_key(int fd, unsigned char key_r[SEAL_KEY_LEN])
{
	const char *why = look_at(fd);
	unsigned char octets[SEAL_KEY_LEN + 1];
	size_t len = 0;
	ssize_t n = 1;

	if (why != NULL)
		return why;
	while (len < sizeof(octets) && n != 0) {
		n = read(fd, octets + len, sizeof(octets) - len);
		if (n < 0 && errno != EINTR) {
			why = strerror(errno);
			goto out;
		}
		len += n > 0 ? (size_t)n : 0;
	}
	if (len == SEAL_KEY_LEN)
		memcpy(key_r, octets, SEAL_KEY_LEN);
	else
		why = "a key has exactly 32 octets (head -c 32 /dev/urandom makes one)";
out:
	explicit_bzero(octets, sizeof(octets));
	return why;
}

static bool sync_folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *folder = slash != NULL && slash > file ? strndup(file, (size_t)(slash - file))
						     : strdup(slash != NULL ? "/" : ".");
	int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool synced = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(folder);
	return synced;
}

/* A key in a file of its own. NULL, or what is wrong. */
static const char *write_key(const char *file)
{
	unsigned char key[SEAL_KEY_LEN];
	const char *why = NULL;
	int fd = -1;

	(void)unlink(file); /* a crash left it */
	if (!seal_key_make(key))
		why = "there is no randomness to make it of";
	else if ((fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) <
			 0 ||
		 write(fd, key, sizeof(key)) != (ssize_t)sizeof(key) || fsync(fd) != 0)
		why = strerror(errno);
	explicit_bzero(key, sizeof(key));
	if (fd >= 0 && close(fd) != 0 && why == NULL)
		why = strerror(errno);
	return why;
}

/* NULL: there is a key now, this one or another's who was faster; or what is wrong. */
static const char *make_key(const char *file)
{
	size_t size = strlen(file) + sizeof(".new");
	char *beside = malloc(size);
	const char *why = "no memory";

	if (beside == NULL)
		return why;
	snprintf(beside, size, "%s.new", file);
	why = write_key(beside);
	/* Not rename(): a key that is there already is never replaced. */
	if (why == NULL && link(beside, file) != 0 && errno != EEXIST)
		why = strerror(errno);
	(void)unlink(beside);
	if (why == NULL && !sync_folder_of(file))
		why = strerror(errno);
	free(beside);
	return why;
}

bool token_key_read(const char *file, bool make, unsigned char key_r[SEAL_KEY_LEN], char *error_r,
		    size_t error_size)
{
	/* A path that the administrator chose may well be a link, as secrets of containers are. */
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (make ? O_NOFOLLOW : 0);
	const char *why = NULL;
	int fd = open(file, flags);

	if (fd < 0 && errno == ENOENT && make) {
		why = make_key(file);
		if (why == NULL)
			fd = open(file, flags);
	}
	if (why == NULL && fd < 0)
		why = errno == ELOOP ? "it is a symbolic link" : strerror(errno);
	if (fd >= 0) {
		why = read_key(fd, key_r);
		close(fd);
	}
	if (why != NULL)
		snprintf(error_r, error_size, "%s: %s", file, why);
	return why == NULL;
}
