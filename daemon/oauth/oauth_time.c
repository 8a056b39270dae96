/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/oauth_private.h"

struct oauth_time oauth_time_now(void)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct oauth_time){
		.ms = (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000,
		.wall = time(NULL),
	};
}
