/* SPDX-License-Identifier: ISC */
#include "daemon/password_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/span.h"

enum { NAME_LEN_MAX = 255 };

static const char temporary_form[] = ".packetboat-XXXXXX";

/* A change under way; what is not there is -1 or NULL. */
struct edit {
	char folder[PATH_MAX];
	const char *base;                                  /* the file's name in it */
	char path[PATH_MAX];                               /* of the file, links resolved */
	char temporary[PATH_MAX + sizeof(temporary_form)]; /* "" before it exists */
	int folder_fd;
	FILE *old, *new;
	struct stat status; /* of the old one */
};

bool password_edit_is_name(const char *name)
{
	size_t len = strnlen(name, NAME_LEN_MAX + 1);

	if (len == 0 || len > NAME_LEN_MAX)
		return false;
	if (name[0] == '#' || name[0] == ' ' || name[len - 1] == ' ')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char octet = (unsigned char)name[i];
		if (octet < ' ' || octet == 0x7f || octet == ':')
			return false;
	}
	return true;
}

/* Each step returns what failed, as static text or strerror()'s, or NULL. */
static const char *find_folder(struct edit *edit, const char *file)
{
	struct stat status;

	if (realpath(file, edit->path) == NULL) {
		if (errno != ENOENT)
			return strerror(errno);
		if (lstat(file, &status) == 0)
			return "is a symbolic link to a file that does not exist";
		if ((size_t)snprintf(edit->path, sizeof(edit->path), "%s", file) >=
		    sizeof(edit->path))
			return strerror(ENAMETOOLONG);
	}
	const char *slash = strrchr(edit->path, '/');
	edit->base = slash != NULL ? slash + 1 : edit->path;
	snprintf(edit->folder, sizeof(edit->folder), "%.*s",
		 slash != NULL ? (int)(edit->base - edit->path) : 1,
		 slash != NULL ? edit->path : ".");
	edit->folder_fd = open(edit->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The folder is the lock: the file itself is a new one after each change. */
	if (edit->folder_fd < 0 || flock(edit->folder_fd, LOCK_EX) != 0)
		return strerror(errno);
	return NULL;
}

static const char *open_old(struct edit *edit)
{
	int fd =
		openat(edit->folder_fd, edit->base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (fstat(fd, &edit->status) != 0 || !S_ISREG(edit->status.st_mode)) {
		close(fd);
		return "is not a regular file";
	}
	edit->old = fdopen(fd, "r");
	if (edit->old == NULL) {
		close(fd);
		return strerror(errno);
	}
	return NULL;
}

static const char *create_new(struct edit *edit)
{
	snprintf(edit->temporary, sizeof(edit->temporary), "%s/%s", edit->folder, temporary_form);
	int fd = mkostemp(edit->temporary, O_CLOEXEC); /* mode 0600 */

	if (fd < 0) {
		edit->temporary[0] = '\0';
		return strerror(errno);
	}
	edit->new = fdopen(fd, "w");
	if (edit->new == NULL) {
		close(fd);
		return strerror(errno);
	}
	return NULL;
}

static bool is_line_of(struct span line, struct span name)
{
	const unsigned char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;

	return colon != NULL &&
	       span_equal_nocase(span_of(line.data, (size_t)(colon - line.data)), name);
}

/* The new line stands where the name's first one stood, and any further ones go. */
static const char *copy_lines(struct edit *edit, const char *name, const char *hash)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool set = false;

	while (edit->old != NULL && (len = getline(&line, &size, edit->old)) > 0) {
		if (!is_line_of(span_of(line, (size_t)len), span_text(name))) {
			fwrite(line, 1, (size_t)len, edit->new);
			if (line[len - 1] != '\n')
				fputc('\n', edit->new);
		} else if (!set) {
			fprintf(edit->new, "%s:%s\n", name, hash);
			set = true;
		}
	}
	if (!set)
		fprintf(edit->new, "%s:%s\n", name, hash);
	free(line);
	if (edit->old != NULL && ferror(edit->old))
		return strerror(EIO);
	return ferror(edit->new) || fflush(edit->new) != 0 ? strerror(errno) : NULL;
}

static const char *keep_owner_and_mode(struct edit *edit)
{
	int fd = fileno(edit->new);
	struct stat status;

	if (edit->old == NULL)
		return NULL;
	if (fstat(fd, &status) != 0)
		return strerror(errno);
	if ((status.st_uid != edit->status.st_uid || status.st_gid != edit->status.st_gid) &&
	    fchown(fd, edit->status.st_uid, edit->status.st_gid) != 0)
		return "belongs to somebody else, to whom it cannot be given back";
	/* The daemon takes no file that others can read. */
	if (fchmod(fd, edit->status.st_mode & (S_IRWXU | S_IRWXG)) != 0)
		return strerror(errno);
	return NULL;
}

static const char *put_in_place(struct edit *edit)
{
	if (fsync(fileno(edit->new)) != 0 || rename(edit->temporary, edit->path) != 0)
		return strerror(errno);
	edit->temporary[0] = '\0';
	return fsync(edit->folder_fd) != 0 ? strerror(errno) : NULL;
}

bool password_edit_set(const char *file, const char *name, const char *hash, char *error_r,
		       size_t error_size)
{
	struct edit edit = { .folder_fd = -1 };
	sigset_t all, before;

	/* A temporary file must not be left behind because of an impatient Ctrl-C. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	const char *wrong = find_folder(&edit, file);
	if (wrong == NULL)
		wrong = open_old(&edit);
	if (wrong == NULL)
		wrong = create_new(&edit);
	if (wrong == NULL)
		wrong = copy_lines(&edit, name, hash);
	if (wrong == NULL)
		wrong = keep_owner_and_mode(&edit);
	if (wrong == NULL)
		wrong = put_in_place(&edit);
	if (wrong != NULL)
		snprintf(error_r, error_size, "%s: %s", file, wrong);
	if (edit.temporary[0] != '\0')
		unlink(edit.temporary);
	if (edit.new != NULL)
		fclose(edit.new);
	if (edit.old != NULL)
		fclose(edit.old);
	if (edit.folder_fd >= 0)
		close(edit.folder_fd);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return wrong == NULL;
}
