/* SPDX-License-Identifier: ISC */
/*
 * ask_password: takes a new password from standard input: from a terminal twice and without echo,
 * from anything else one line, of which the end (LF or CRLF) is not part; what follows is left
 * unread.
 *
 * A signal that ends or stops the program meanwhile finds the terminal as it was before.
 */
#ifndef DAEMON_ASK_PASSWORD_H
#define DAEMON_ASK_PASSWORD_H

#include <stddef.h>

struct password {
	unsigned char octets[255]; /* the most that PASS takes */
	size_t len;
};

/* NULL, or what is wrong as static text. The caller wipes `password_r`. */
const char *ask_password(struct password *password_r) __attribute__((warn_unused_result));

#endif
