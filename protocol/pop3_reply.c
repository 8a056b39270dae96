/* SPDX-License-Identifier: ISC */
#include "protocol/pop3_reply.h"

#include "protocol/limits.h"

/* A reply in the making: its line never passes POP3_REPLY_MAX, and goes out whole or not at all. */
struct pop3_reply {
	unsigned char line[POP3_REPLY_MAX];
	size_t len;
};

/* Room for CRLF is always left. */
static void reply_put(struct pop3_reply *reply, char octet)
{
	if (reply->len < sizeof(reply->line) - 2)
		reply->line[reply->len++] = (unsigned char)octet;
}

static void reply_put_own(struct pop3_reply *reply, const char *text)
{
	for (; *text != '\0'; text++)
		reply_put(reply, *text);
}

static void reply_put_foreign(struct pop3_reply *reply, const char *text)
{
	for (; *text != '\0'; text++)
		reply_put(reply, *text >= ' ' && *text <= '~' ? *text : '?');
}

static bool reply_finish(struct pop3_reply *reply, struct bytebuf *out)
{
	reply->line[reply->len++] = '\r';
	reply->line[reply->len++] = '\n';
	return bytebuf_append(out, span_of(reply->line, reply->len));
}

static bool reply_write(struct bytebuf *out, const char *status, enum pop3_code code,
			const char *text)
{
	struct pop3_reply reply = { .len = 0 };

	reply_put_own(&reply, status);
	if (code != POP3_CODE_NONE) {
		reply_put_own(&reply, " [");
		reply_put_own(&reply, pop3_code_name(code));
		reply_put_own(&reply, "]");
	}
	if (*text != '\0')
		reply_put(&reply, ' ');
	/* A reply whose text begins with "[" has a response code (RFC 2449 section 8), and
	 * a foreign server shall not choose ours. */
	if (code == POP3_CODE_NONE && *text == '[') {
		reply_put(&reply, '(');
		text++;
	}
	reply_put_foreign(&reply, text);
	return reply_finish(&reply, out);
}

const char *pop3_code_name(enum pop3_code code)
{
	static const char *const names[] = {
		[POP3_CODE_NONE] = "",
		[POP3_CODE_AUTH] = "AUTH",
		[POP3_CODE_IN_USE] = "IN-USE",
		[POP3_CODE_LOGIN_DELAY] = "LOGIN-DELAY",
		[POP3_CODE_SYS_TEMP] = "SYS/TEMP",
		[POP3_CODE_SYS_PERM] = "SYS/PERM",
	};

	return names[code];
}

bool pop3_reply_ok(struct bytebuf *out, const char *text)
{
	return reply_write(out, "+OK", POP3_CODE_NONE, text);
}

bool pop3_reply_err(struct bytebuf *out, enum pop3_code code, const char *text)
{
	return reply_write(out, "-ERR", code, text);
}

bool pop3_reply_end(struct bytebuf *out)
{
	return bytebuf_append_text(out, ".\r\n");
}

bool pop3_reply_capabilities(struct bytebuf *out, const struct pop3_capabilities *caps)
{
	size_t before = bytebuf_len(out);

	if (pop3_reply_ok(out, "Capabilities follow") &&
	    bytebuf_append_text(out, "TOP\r\n"
				     "UIDL\r\n"
				     "RESP-CODES\r\n"
				     "AUTH-RESP-CODE\r\n"
				     "PIPELINING\r\n"
				     "EXPIRE NEVER\r\n"
				     "UTF8 USER\r\n"
				     "IMPLEMENTATION Packetboat\r\n") &&
	    (!caps->login || bytebuf_append_text(out, "USER\r\nSASL PLAIN LOGIN\r\n")) &&
	    (!caps->stls || bytebuf_append_text(out, "STLS\r\n")) && pop3_reply_end(out))
		return true;
	bytebuf_truncate(out, before);
	return false;
}
