/* SPDX-License-Identifier: ISC */
/*
 * replay_main: runs a fuzz target over every file of a corpus folder, without libFuzzer.
 *
 * What a fuzzer once found is thus tried in every build, with every compiler.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return -1;
}

/* The octets of a file, at most `size` of them; -1 when it cannot be read. */
static int read_all(const char *path, uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		return fail(path);
	size_t len = fread(data, 1, size, file);
	if (fclose(file) != 0 || len != size)
		return fail(path);
	return 0;
}

/* 1: replayed; 0: not a file; -1: trouble. */
static int replay(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return fail(path);
	if (!S_ISREG(status.st_mode))
		return 0;
	/* Exactly as large as the file, so that a sanitizer sees the first octet read beyond. */
	size_t size = (size_t)status.st_size;
	uint8_t *data = malloc(size > 0 ? size : 1);
	if (data == NULL)
		return fail(path);
	int result = read_all(path, data, size);
	if (result == 0) {
		fprintf(stderr, "%s\n", path);
		(void)LLVMFuzzerTestOneInput(data, size);
		result = 1;
	}
	free(data);
	return result;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	DIR *folder = opendir(argv[1]);
	if (folder == NULL)
		return fail(argv[1]) != 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char path[4096];
		if (snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name) >=
		    (int)sizeof(path))
			continue;
		int result = replay(path);
		if (result < 0) {
			closedir(folder);
			return 1;
		}
		count += (unsigned)result;
	}
	closedir(folder);
	printf("%u inputs replayed\n", count);
	/* An empty corpus proves nothing. */
	return count > 0 ? 0 : 1;
}
