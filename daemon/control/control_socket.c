/* SPDX-License-Identifier: ISC */
#include "daemon/control/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control/control.h"

/* Not longer than CONTROL_SOCKET_NAME, so that it fits where that does. */
#define CONTROL_SOCKET_NEW "control.new"

enum {
	CONTROL_BACKLOG = 32,
	/* Groups of a peer that are looked up without asking how many there are. */
	PEER_GROUPS = 64,
};

/* ---- the file ---- */

static bool complain(char *error_r, size_t error_size, const char *path, const char *text)
{
	snprintf(error_r, error_size, "%s: %s", path, text);
	return false;
}

static bool find_group(const char *name, gid_t *group_r, char *error_r, size_t error_size)
{
	errno = 0;
	const struct group *found = getgrnam(name);
	if (found == NULL) {
		snprintf(error_r, error_size, "control_group: there is no group \"%s\"%s%s", name,
			 errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
		return false;
	}
	*group_r = found->gr_gid;
	return true;
}

static bool set_path(struct sockaddr_un *address, const char *folder, const char *name)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return (size_t)snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", folder,
				name) < sizeof(address->sun_path);
}

/* Whether the place is free, or taken by a socket whose daemon is gone. NULL: it is. */
static const char *why_taken(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(status.st_mode))
		return "something that is no socket is there";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return strerror(errno);
	int result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int why = errno;
	close(fd);
	/* EAGAIN: it listens, and many wait for it. */
	if (result == 0 || why == EAGAIN)
		return "another daemon is there already";
	return why == ECONNREFUSED || why == ENOENT ? NULL : strerror(why);
}

/* Services are often forbidden to give files away (SystemCallFilter=~@privileged), also where
 * nothing would change. */
static bool set_group(const char *path, gid_t group)
{
	struct stat status;

	return lstat(path, &status) == 0 &&
	       (status.st_gid == group || chown(path, (uid_t)-1, group) == 0);
}

/* The group comes first: a mode is never in force for another one. */
static bool give_to_group(const char *path, bool has_group, gid_t group)
{
	if (chmod(path, S_IRUSR | S_IWUSR) != 0)
		return false;
	/* Whose group it is counts for nothing in this mode. */
	if (!has_group)
		return true;
	return set_group(path, group) && chmod(path, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) == 0;
}

static bool group_failed(char *error_r, size_t error_size, const char *path, const char *group)
{
	/* EINVAL: the group does not exist in the user namespace (PrivateUsers=) of the service. */
	if (group == NULL || (errno != EPERM && errno != EINVAL))
		return complain(error_r, error_size, path, strerror(errno));
	snprintf(error_r, error_size,
		 "%s: cannot be given to the group \"%s\": the daemon is not in it%s", path, group,
		 errno == EINVAL ? ", or may not see it (PrivateUsers=)" : "");
	return false;
}

static bool make_folder(const char *folder, const struct control_socket *control)
{
	if (mkdir(folder, S_IRWXU | S_IRGRP | S_IXGRP) != 0)
		return errno == EEXIST;
	/* Otherwise the group could not reach the socket. */
	return !control->has_group || (set_group(folder, control->group) &&
				       chmod(folder, S_IRWXU | S_IRGRP | S_IXGRP) == 0);
}

/* Under its first name. */
static bool bind_new(struct control_socket *control, const struct sockaddr_un *address)
{
	struct stat status;

	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (control->fd < 0)
		return false;
	if (unlink(address->sun_path) != 0 && errno != ENOENT)
		return false;
	/* Linux makes the file with the mode of the socket, so that umask, which is the whole
	 * process's, can be left alone. */
	if (fchmod(control->fd, S_IRUSR | S_IWUSR) != 0 ||
	    bind(control->fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
	    lstat(address->sun_path, &status) != 0)
		return false;
	control->device = status.st_dev;
	control->inode = status.st_ino;
	return true;
}

bool control_socket_open(struct control_socket *control, const char *folder, const char *group,
			 char *error_r, size_t error_size)
{
	struct sockaddr_un place, first;

	*control = (struct control_socket){ .fd = -1, .has_group = group != NULL };
	if (group != NULL && !find_group(group, &control->group, error_r, error_size))
		return false;
	if (!set_path(&place, folder, CONTROL_SOCKET_NAME) ||
	    !set_path(&first, folder, CONTROL_SOCKET_NEW)) {
		snprintf(error_r, error_size,
			 "%s: the name of runtime_directory is too long for a socket in it",
			 folder);
		return false;
	}
	if (!make_folder(folder, control))
		return complain(error_r, error_size, folder, strerror(errno));
	const char *taken = why_taken(&place);
	if (taken != NULL)
		return complain(error_r, error_size, place.sun_path, taken);
	if (!bind_new(control, &first))
		complain(error_r, error_size, first.sun_path, strerror(errno));
	else if (!give_to_group(first.sun_path, control->has_group, control->group))
		group_failed(error_r, error_size, first.sun_path, group);
	else if (listen(control->fd, CONTROL_BACKLOG) != 0 ||
		 rename(first.sun_path, place.sun_path) != 0)
		complain(error_r, error_size, place.sun_path, strerror(errno));
	else
		memcpy(control->path, place.sun_path, sizeof(control->path));
	if (control->path[0] == '\0') {
		if (control->inode != 0)
			unlink(first.sun_path);
		control_socket_close(control);
	}
	return control->fd >= 0;
}

void control_socket_close(struct control_socket *control)
{
	struct stat status;

	/* Another daemon may have put its own there, if this one was thought dead. */
	if (control->fd >= 0 && control->path[0] != '\0' && lstat(control->path, &status) == 0 &&
	    status.st_dev == control->device && status.st_ino == control->inode)
		unlink(control->path);
	if (control->fd >= 0)
		close(control->fd);
	*control = (struct control_socket){ .fd = -1 };
}

bool control_socket_set_group(struct control_socket *control, const char *group, char *error_r,
			      size_t error_size)
{
	gid_t gid = 0;

	control->has_group = false;
	if (group != NULL && !find_group(group, &gid, error_r, error_size)) {
		(void)give_to_group(control->path, false, 0);
		return false;
	}
	if (!give_to_group(control->path, group != NULL, gid))
		return group_failed(error_r, error_size, control->path, group);
	control->has_group = group != NULL;
	control->group = gid;
	return true;
}

/* ---- the peer ---- */

static bool has_gid(const gid_t *groups, size_t count, gid_t wanted)
{
	for (size_t i = 0; i < count; i++) {
		if (groups[i] == wanted)
			return true;
	}
	return false;
}

/* Supplementary groups; the one in its credentials is but its first. */
static bool peer_is_in_group(int fd, gid_t group)
{
	gid_t few[PEER_GROUPS];
	socklen_t size = sizeof(few);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &size) == 0)
		return has_gid(few, size / sizeof(few[0]), group);
	if (errno != ERANGE)
		return false;
	gid_t *many = malloc(size);
	bool found = many != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &size) == 0 &&
		     has_gid(many, size / sizeof(many[0]), group);
	free(many);
	return found;
}

bool control_socket_admits(const struct control_socket *control, int fd, uid_t *uid_r)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	*uid_r = (uid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return false;
	*uid_r = peer.uid;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	return control->has_group &&
	       (peer.gid == control->group || peer_is_in_group(fd, control->group));
}
