/* SPDX-License-Identifier: ISC */
#include "daemon/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int private_file_open(const char *file, const char **why_r)
{
	struct stat status;
	/* Not to be held up by a FIFO, nor to make a terminal ours. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &status) != 0)
		*why_r = strerror(errno);
	else if (!S_ISREG(status.st_mode))
		*why_r = "it is not a file";
	else if ((status.st_mode & S_IRWXO) != 0)
		*why_r = "everybody can read it (chmod o= helps)";
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}
