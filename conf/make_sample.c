/* SPDX-License-Identifier: ISC */
/* make_sample: prints the sample configuration, which the build installs with the documentation. */
#include <stdlib.h>

#include "conf/conf.h"

int main(void)
{
	return conf_sample(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
