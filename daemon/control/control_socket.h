/* SPDX-License-Identifier: ISC */
/*
 * control_socket: the socket's file, and who may come in by it.
 *
 * The file comes into being under another name, gets its mode and group, is listened on, and only
 * then takes its place: at no moment is it open to more people, and whoever finds it finds a
 * daemon. Beside the mode, the credentials of each peer are looked at: connecting is allowed to
 * root, to the daemon's own user, and to members of one group.
 */
#ifndef DAEMON_CONTROL_CONTROL_SOCKET_H
#define DAEMON_CONTROL_CONTROL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct control_socket {
	int fd; /* owned; listens, does not block; -1: there is none */
	/* private */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t device; /* of the file: no other is removed */
	ino_t inode;
	bool has_group;
	gid_t group;
};

/* In `folder`, which is made if it is missing. `group`: a name, or NULL. False: `error_r` is one
 * line that names the file. What is there already is replaced if it is a socket that nobody listens
 * on. */
bool control_socket_open(struct control_socket *control, const char *folder, const char *group,
			 char *error_r, size_t error_size);
/* Removes the file, too. Legal on one that could not be opened. */
void control_socket_close(struct control_socket *control);

/* Another group, or none (NULL). False: `error_r`; the owner's alone then. */
bool control_socket_set_group(struct control_socket *control, const char *group, char *error_r,
			      size_t error_size);

/* Whether who is at the other end of `fd` may give commands; and who it is, if the system says (or
 * -1). */
bool control_socket_admits(const struct control_socket *control, int fd, uid_t *uid_r);

#endif
