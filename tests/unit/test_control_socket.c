/* SPDX-License-Identifier: ISC */
#include "daemon/control/control_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Services may be forbidden to give files away. */
static bool chown_is_forbidden;
int __real_chown(const char *file, uid_t uid, gid_t gid);
int __wrap_chown(const char *file, uid_t uid, gid_t gid);

int __wrap_chown(const char *file, uid_t uid, gid_t gid)
{
	if (!chown_is_forbidden)
		return __real_chown(file, uid, gid);
	errno = EPERM;
	return -1;
}

static char folder[64]; /* of the test */
static char inner[80];  /* in it, and missing at first */
static char path[100];  /* of the socket */

static int set_up(void **state)
{
	(void)state;
	chown_is_forbidden = false;
	(void)snprintf(folder, sizeof(folder), "/tmp/packetboat-unit-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(inner, sizeof(inner), "%s/run", folder);
	(void)snprintf(path, sizeof(path), "%s/control.sock", inner);
	return 0;
}

static int remove_one(const char *file, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(file);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static mode_t mode_of(const char *file)
{
	struct stat status;

	assert_int_equal(lstat(file, &status), 0);
	return status.st_mode & 07777;
}

static int connect_to_it(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void the_socket_is_the_owners_alone_whatever_the_umask(void **state)
{
	struct control_socket control;
	char error[200] = "";
	mode_t before = umask(0);

	(void)state;
	assert_true(control_socket_open(&control, inner, NULL, error, sizeof(error)));
	(void)umask(before);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(mode_of(inner), 0750);
	int fd = connect_to_it();
	assert_true(fd >= 0);
	(void)close(fd);
	control_socket_close(&control);
	assert_int_equal(access(path, F_OK), -1);
	/* Nothing else is left, either. */
	assert_int_equal(rmdir(inner), 0);
	control_socket_close(&control);
}

static void a_socket_left_behind_is_replaced(void **state)
{
	struct control_socket first, second;
	char error[200] = "";

	(void)state;
	assert_true(control_socket_open(&first, inner, NULL, error, sizeof(error)));
	(void)close(first.fd); /* as a daemon that was killed */
	assert_int_equal(connect_to_it(), -1);
	assert_true(control_socket_open(&second, inner, NULL, error, sizeof(error)));
	int fd = connect_to_it();
	assert_true(fd >= 0);
	(void)close(fd);
	control_socket_close(&second);
	assert_int_equal(access(path, F_OK), -1);
}

static void one_that_is_listened_on_is_not(void **state)
{
	struct control_socket first, second;
	char error[200] = "";

	(void)state;
	assert_true(control_socket_open(&first, inner, NULL, error, sizeof(error)));
	assert_false(control_socket_open(&second, inner, NULL, error, sizeof(error)));
	assert_non_null(strstr(error, path));
	assert_non_null(strstr(error, "another daemon"));
	control_socket_close(&second);
	/* However many wait for it already. */
	int waiting[200];
	size_t count = 0;
	while (count < 200) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
		if (connect(waiting[count++], (struct sockaddr *)&address, sizeof(address)) != 0)
			break;
	}
	assert_int_equal(errno, EAGAIN);
	assert_false(control_socket_open(&second, inner, NULL, error, sizeof(error)));
	while (count > 0)
		(void)close(waiting[--count]);
	assert_int_equal(access(path, F_OK), 0);
	control_socket_close(&first);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	struct control_socket control;
	char error[200] = "";

	(void)state;
	assert_int_equal(mkdir(inner, 0700), 0);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
	assert_false(control_socket_open(&control, inner, NULL, error, sizeof(error)));
	assert_non_null(strstr(error, "no socket"));
	control_socket_close(&control);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(mode_of(inner), 0700);
}

static void the_socket_of_a_successor_is_not_removed(void **state)
{
	struct control_socket first, second;
	char error[200] = "";

	(void)state;
	assert_true(control_socket_open(&first, inner, NULL, error, sizeof(error)));
	assert_int_equal(unlink(path), 0);
	assert_true(control_socket_open(&second, inner, NULL, error, sizeof(error)));
	control_socket_close(&first);
	assert_int_equal(access(path, F_OK), 0);
	control_socket_close(&second);
}

static void folders_that_cannot_be_used_are_named(void **state)
{
	struct control_socket control;
	char error[300] = "", deep[200], name[300];

	(void)state;
	(void)snprintf(deep, sizeof(deep), "%s/no/such", folder);
	assert_false(control_socket_open(&control, deep, NULL, error, sizeof(error)));
	assert_non_null(strstr(error, deep));
	memset(name, 'x', sizeof(name));
	(void)snprintf(deep, sizeof(deep), "%s/%.120s", folder, name);
	assert_false(control_socket_open(&control, deep, NULL, error, sizeof(error)));
	assert_non_null(strstr(error, "too long"));
	assert_false(
		control_socket_open(&control, inner, "no-such-group-here", error, sizeof(error)));
	assert_non_null(strstr(error, "no-such-group-here"));
	assert_int_equal(access(path, F_OK), -1);
}

static void a_group_may_come_and_go(void **state)
{
	struct control_socket control;
	char error[200] = "";
	const struct group *group = getgrgid(getegid());

	(void)state;
	if (group == NULL)
		skip();
	char *name = strdup(group->gr_name);
	assert_true(control_socket_open(&control, inner, name, error, sizeof(error)));
	assert_int_equal(mode_of(path), 0660);
	assert_false(
		control_socket_set_group(&control, "no-such-group-here", error, sizeof(error)));
	assert_int_equal(mode_of(path), 0600);
	assert_true(control_socket_set_group(&control, name, error, sizeof(error)));
	assert_int_equal(mode_of(path), 0660);
	assert_true(control_socket_set_group(&control, NULL, error, sizeof(error)));
	assert_int_equal(mode_of(path), 0600);
	control_socket_close(&control);
	free(name);
}

static void nothing_is_given_away_that_is_theirs_already(void **state)
{
	struct control_socket control;
	char error[200] = "";
	const struct group *group = getgrgid(getegid());
	gid_t other = getegid() == 1 ? 2 : 1;

	(void)state;
	chown_is_forbidden = true;
	assert_true(control_socket_open(&control, inner, NULL, error, sizeof(error)));
	if (group != NULL) {
		char *name = strdup(group->gr_name);

		assert_true(control_socket_set_group(&control, name, error, sizeof(error)));
		assert_int_equal(mode_of(path), 0660);
		free(name);
	}
	group = getgrgid(other);
	if (group != NULL) {
		assert_false(
			control_socket_set_group(&control, group->gr_name, error, sizeof(error)));
		assert_non_null(strstr(error, "the daemon is not in it"));
		assert_int_equal(mode_of(path), 0600);
	}
	control_socket_close(&control);
}

static void we_are_admitted(void **state)
{
	const struct control_socket control = { .fd = -1 };
	int pair[2];
	uid_t uid = 12345;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(control_socket_admits(&control, pair[0], &uid));
	assert_int_equal(uid, geteuid());
	(void)close(pair[0]);
	(void)close(pair[1]);
	/* Nobody is at the other end of this one. */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_false(control_socket_admits(&control, fd, &uid));
	(void)close(fd);
}

/* Whether a process with these ids is admitted. */
static bool admits(const struct control_socket *control, gid_t gid, const gid_t *groups,
		   size_t count)
{
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uid_t uid;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/peer", folder);
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	assert_int_equal(listen(listening, 1), 0);
	pid_t child = fork();
	if (child == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (setgroups(count, groups) != 0 || setgid(gid) != 0 || setuid(4321) != 0 ||
		    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	int fd = accept(listening, NULL, NULL);
	assert_true(fd >= 0);
	bool admitted = control_socket_admits(control, fd, &uid);
	assert_int_equal(uid, 4321);
	(void)close(fd);
	(void)close(listening);
	(void)unlink(address.sun_path);
	return admitted;
}

static void others_are_admitted_by_their_group(void **state)
{
	const struct control_socket nobody = { .fd = -1 };
	const struct control_socket group = { .fd = -1, .has_group = true, .group = 7777 };
	gid_t many[100];

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can be somebody else */
	for (gid_t i = 0; i < 100; i++)
		many[i] = 5000 + i;
	assert_false(admits(&nobody, 7777, NULL, 0));
	assert_false(admits(&group, 7778, many, 100));
	assert_true(admits(&group, 7777, NULL, 0));
	many[1] = 7777;
	assert_true(admits(&group, 7778, many, 2));
	many[1] = 5001;
	many[99] = 7777;
	assert_true(admits(&group, 7778, many, 100));
	/* The group whose number is 0 is not meant where there is none. */
	assert_false(admits(&nobody, 0, NULL, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_socket_is_the_owners_alone_whatever_the_umask),
		TEST(a_socket_left_behind_is_replaced),
		TEST(one_that_is_listened_on_is_not),
		TEST(what_is_no_socket_is_left_alone),
		TEST(the_socket_of_a_successor_is_not_removed),
		TEST(folders_that_cannot_be_used_are_named),
		TEST(a_group_may_come_and_go),
		TEST(nothing_is_given_away_that_is_theirs_already),
		TEST(we_are_admitted),
		TEST(others_are_admitted_by_their_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
