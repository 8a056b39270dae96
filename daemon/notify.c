/* SPDX-License-Identifier: ISC */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A service manager that reads nothing is not waited for longer: everybody else would wait too. */
enum { NOTIFY_TIMEOUT_MS = 100 };

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	const struct timeval timeout = { .tv_usec = NOTIFY_TIMEOUT_MS * 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	/* '@' stands for the NUL of an abstract address. */
	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);
	close(fd);
}

void notify_reloading(void)
{
	struct timespec now;
	char state[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%ju",
		 (uintmax_t)now.tv_sec * 1000000 + (uintmax_t)now.tv_nsec / 1000);
	notify_send(state);
}
