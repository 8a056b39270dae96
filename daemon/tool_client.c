/* SPDX-License-Identifier: ISC */
#include "daemon/tool_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/conf.h"
#include "daemon/control/control.h"
#include "daemon/tool_text.h"

enum {
	/* Some 200,000 accounts in an answer of `status`. */
	TOOL_ANSWER_MAX = 64 * 1024 * 1024,
	TOOL_READ_SIZE = 65536,
	/* What is done at once on the daemon's side is answered within this, or never. */
	TOOL_PATIENCE_S = 60,
};

#define TOOL_FOLDER "/run/packetboat"

/* ---- where it is ---- */

static enum tool_exit complain(const struct tool_client *client, enum tool_exit code,
			       const char *what, const char *why)
{
	char text[PATH_MAX + 200];

	(void)snprintf(text, sizeof(text), "%s: %s", what, why);
	tool_complain(client->name, text, NULL);
	return code;
}

/* False: it is too long. */
static bool join(const char *folder, size_t len, char *path_r, size_t size)
{
	int n = snprintf(path_r, size, "%.*s/" CONTROL_SOCKET_NAME, (int)len, folder);

	return n > 0 && (size_t)n < size;
}

static enum tool_exit find_socket(const struct tool_client *client, const struct tool *tool,
				  char *path_r, size_t size)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	bool fits;

	if (tool->socket != NULL) {
		fits = (size_t)snprintf(path_r, size, "%s", tool->socket) < size;
	} else if (tool->conf != NULL) {
		struct conf_error error;
		struct conf *conf = conf_load(tool->conf, NULL, NULL, &error);

		if (conf == NULL) {
			tool_complain(client->name, error.text, NULL);
			return TOOL_FAILED;
		}
		fits = join(conf->runtime_directory, strlen(conf->runtime_directory), path_r, size);
		conf_unref(&conf);
	} else if (folder != NULL && folder[0] != '\0') {
		/* systemd puts several there, with colons between. */
		fits = join(folder, strcspn(folder, ":"), path_r, size);
	} else {
		fits = join(TOOL_FOLDER, strlen(TOOL_FOLDER), path_r, size);
	}
	if (fits)
		return TOOL_DONE;
	tool_complain(client->name, "the name of the socket is too long", NULL);
	return TOOL_FAILED;
}

static enum tool_exit explain_no_connection(const struct tool_client *client, const char *path)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		return complain(client, TOOL_NO_DAEMON, path,
				"no daemon is there; is packetboatd running? (-c FILE says with "
				"which configuration)");
	case EACCES:
		return complain(client, TOOL_FAILED, path,
				"you may not do this: be root, the daemon's user, or in "
				"control_group");
	default:
		return complain(client, TOOL_FAILED, path, strerror(errno));
	}
}

enum tool_exit tool_client_open(struct tool_client *client, const struct tool *tool,
				const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*client = (struct tool_client){ .name = name, .fd = -1 };
	bytebuf_init(&client->in, TOOL_ANSWER_MAX);
	enum tool_exit code = find_socket(client, tool, address.sun_path, sizeof(address.sun_path));
	if (code != TOOL_DONE)
		return code;
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return complain(client, TOOL_FAILED, "socket", strerror(errno));
	if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    fcntl(client->fd, F_SETFL, O_NONBLOCK) == 0)
		return TOOL_DONE;
	code = explain_no_connection(client, address.sun_path);
	tool_client_close(client);
	return code;
}

void tool_client_close(struct tool_client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	client->fd = -1;
	bytebuf_deinit(&client->in);
}

/* ---- messages ---- */

static bool wait_for(int fd, short events, int seconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int ready;

	do
		ready = poll(&poll_fd, 1, seconds * 1000);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

static bool send_all(struct tool_client *client, const char *octets, size_t len)
{
	while (len > 0) {
		ssize_t n = send(client->fd, octets, len, MSG_NOSIGNAL);

		if (n >= 0) {
			octets += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!wait_for(client->fd, POLLOUT, TOOL_PATIENCE_S))
				return false;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			/* It has said why, and that is to be read. */
			return true;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

bool tool_client_send(struct tool_client *client, json_t *object)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	bool ok = false;

	json_decref(object);
	if (text == NULL) {
		tool_complain(client->name, "no memory", NULL);
		return false;
	}
	size_t len = strlen(text);
	/* The end of the text makes room for the end of the line. */
	text[len] = '\n';
	if (len >= CONTROL_LINE_MAX)
		tool_complain(client->name, "that is too long", NULL);
	else if (!send_all(client, text, len + 1))
		complain(client, TOOL_FAILED, "the daemon does not listen", strerror(errno));
	else
		ok = true;
	/* It may hold a code. */
	explicit_bzero(text, len + 1);
	free(text);
	return ok;
}

static enum tool_client_status ended(const struct tool_client *client, const char *text)
{
	tool_complain(client->name, text, NULL);
	return TOOL_CLIENT_ENDED;
}

/* WAIT: there is no whole line. */
static enum tool_client_status take_line(struct tool_client *client, json_t **message_r)
{
	struct span in = bytebuf_peek(&client->in);
	const unsigned char *end =
		in.len > client->searched
			? memchr(in.data + client->searched, '\n', in.len - client->searched)
			: NULL;

	client->searched = in.len;
	if (end == NULL)
		return TOOL_CLIENT_WAIT;
	size_t len = (size_t)(end - in.data);
	*message_r = json_loadb((const char *)in.data, len, JSON_REJECT_DUPLICATES, NULL);
	bytebuf_consume(&client->in, len + 1);
	client->searched = 0;
	if (json_is_object(*message_r))
		return TOOL_CLIENT_MESSAGE;
	json_decref(*message_r);
	*message_r = NULL;
	return ended(client, "the daemon's answer cannot be read; is it of the same version?");
}

enum tool_client_status tool_client_receive(struct tool_client *client, json_t **message_r)
{
	unsigned char octets[TOOL_READ_SIZE];

	*message_r = NULL;
	for (;;) {
		enum tool_client_status status = take_line(client, message_r);

		if (status != TOOL_CLIENT_WAIT)
			return status;
		ssize_t n = recv(client->fd, octets, sizeof(octets), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return TOOL_CLIENT_WAIT;
		if (n <= 0)
			return ended(client, "the daemon has ended the connection");
		bool ok = bytebuf_append(&client->in, span_of(octets, (size_t)n));
		explicit_bzero(octets, (size_t)n);
		if (!ok)
			return ended(client, "the daemon's answer is too long");
	}
}

json_t *tool_client_wait(struct tool_client *client, int seconds)
{
	json_t *message;

	for (;;) {
		switch (tool_client_receive(client, &message)) {
		case TOOL_CLIENT_MESSAGE:
			return message;
		case TOOL_CLIENT_ENDED:
			return NULL;
		case TOOL_CLIENT_WAIT:
			if (!wait_for(client->fd, POLLIN, seconds)) {
				tool_complain(client->name, "the daemon does not answer", NULL);
				return NULL;
			}
			break;
		}
	}
}

const char *tool_client_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

bool tool_client_is_last(const struct tool_client *client, const json_t *message,
			 enum tool_exit *exit_r)
{
	const char *error = tool_client_text(message, "error");

	if (error != NULL) {
		tool_complain(client->name, error, tool_client_text(message, "remedy"));
		*exit_r = TOOL_FAILED;
		return true;
	}
	*exit_r = TOOL_DONE;
	return json_is_true(json_object_get(message, "done"));
}

json_t *tool_client_ask(const struct tool *tool, const char *name, json_t *request,
			enum tool_exit *exit_r)
{
	struct tool_client client;
	json_t *message = NULL;

	*exit_r = tool_client_open(&client, tool, name);
	if (*exit_r != TOOL_DONE) {
		json_decref(request);
		return NULL;
	}
	if (tool_client_send(&client, request))
		message = tool_client_wait(&client, TOOL_PATIENCE_S);
	if (message == NULL) {
		*exit_r = TOOL_FAILED;
	} else if (!tool_client_is_last(&client, message, exit_r)) {
		tool_complain(name,
			      "the daemon's answer cannot be read; is it of the same version?",
			      NULL);
		*exit_r = TOOL_FAILED;
	}
	if (*exit_r != TOOL_DONE) {
		json_decref(message);
		message = NULL;
	}
	tool_client_close(&client);
	return message;
}
