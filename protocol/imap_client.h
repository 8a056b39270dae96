/* SPDX-License-Identifier: ISC */
/*
 * imap_client: one IMAP connection as the client sees it (RFC 3501).
 *
 * Octets of the server go in, events come out, returned as values; commands gather in the machine's
 * output. Commands may be pipelined (RFC 3501 section 5.5): any number up to IMAP_PENDING_MAX
 * may be unanswered, and what must wait for a continuation (a synchronizing literal,
 * AUTHENTICATE without SASL-IR, the end of IDLE) waits in the machine, with what is behind it.
 *
 * Untagged data may come at any time, in any order; what nobody asked for is skipped or noted. A
 * literal of a message is never collected: it passes through as spans of the input, whatever its
 * length. Everything that came from outside (names, passwords, folders) is sent as atom, quoted
 * string or literal by what it contains, so that no octet of it can become syntax.
 *
 * The machine knows neither sockets nor time nor POP3. How a connection goes from its greeting to a
 * selected mailbox is in protocol/imap_login.h.
 */
#ifndef PROTOCOL_IMAP_CLIENT_H
#define PROTOCOL_IMAP_CLIENT_H

#include "protocol/bytebuf.h"
#include "protocol/imap_capability.h"

/* RFC 3501 section 3; GREETING is the moment before the first response. */
#define IMAP_STATES(X)            \
	X(IMAP_GREETING)          \
	X(IMAP_NOT_AUTHENTICATED) \
	X(IMAP_AUTHENTICATED)     \
	X(IMAP_SELECTED)          \
	X(IMAP_LOGOUT)

enum imap_state {
#define X(name) name,
	IMAP_STATES(X)
#undef X
};

const char *imap_state_name(enum imap_state state);

enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_PREAUTH, IMAP_BYE };

/* Response codes that change what we do (RFC 3501 section 7.1, RFC 5530); others are _OTHER, none
 * is _NONE. Those with data (CAPABILITY, UIDVALIDITY, ...) are noted in the machine. */
enum imap_code {
	IMAP_CODE_NONE,
	IMAP_CODE_OTHER,
	IMAP_CODE_ALERT,
	IMAP_CODE_AUTHENTICATIONFAILED,
	IMAP_CODE_AUTHORIZATIONFAILED,
	IMAP_CODE_EXPIRED,
	IMAP_CODE_UNAVAILABLE,
	IMAP_CODE_INUSE,
	IMAP_CODE_LIMIT,
	IMAP_CODE_NONEXISTENT,
	IMAP_CODE_TRYCREATE,
	IMAP_CODE_ALREADYEXISTS,
	IMAP_CODE_NOPERM,
	IMAP_CODE_OVERQUOTA,
	IMAP_CODE_EXPUNGEISSUED,
	IMAP_CODE_THROTTLED,
	IMAP_CODE_READ_ONLY,
	IMAP_CODE_READ_WRITE,
	IMAP_CODE_COPYUID,
};

enum imap_flag {
	IMAP_FLAG_SEEN = 1u << 0,
	IMAP_FLAG_DELETED = 1u << 1,
};

/* Attributes of a mailbox name in LIST (RFC 3501 section 7.2.2, RFC 6154). */
enum imap_attribute {
	IMAP_ATTR_NOSELECT = 1u << 0,
	IMAP_ATTR_TRASH = 1u << 1,
};

enum imap_section { IMAP_SECTION_WHOLE, IMAP_SECTION_HEADER, IMAP_SECTION_TEXT };

enum imap_event_type {
	/* All of `in` was taken and more is needed. */
	IMAP_EVENT_NEED_INPUT,
	/* The server's first word: `status` OK, PREAUTH or BYE; `text`. */
	IMAP_EVENT_GREETING,
	/* `* BYE` later on: `code`, `text`. Expected after LOGOUT. */
	IMAP_EVENT_BYE,
	/* `* OK`, `* NO`, `* BAD`: `status`, `code`, `text`; for the log. */
	IMAP_EVENT_NOTICE,
	/* `* n EXISTS`: `number`. */
	IMAP_EVENT_EXISTS,
	/* `* n EXPUNGE`: somebody's message is gone; which one is not worth knowing by its number.
	 */
	IMAP_EVENT_EXPUNGE,
	/* A FETCH response is complete: `message`. Unsolicited ones look the same. */
	IMAP_EVENT_MESSAGE,
	/* A body section begins, inside a FETCH response: `body`, and `message.uid` if it came
	 * before the section. `body.octets` octets of BODY_DATA follow. */
	IMAP_EVENT_BODY,
	/* Octets of that section, in order: `data`, a slice of `in` (of a quoted string: of the
	 * machine's memory, valid until the next call); `body` as before. */
	IMAP_EVENT_BODY_DATA,
	/* One result of UID SEARCH: `number`, a UID. */
	IMAP_EVENT_FOUND,
	/* One line of LIST: `mailbox`, valid until the next call. */
	IMAP_EVENT_MAILBOX,
	/* A command is complete: `command`, `id`, `status` OK, NO or BAD, `code`, `text`. */
	IMAP_EVENT_DONE,
	/* The server broke the protocol, or a ceiling: `text` says how. The connection is of no use
	 * any more; returned again for every further call. */
	IMAP_EVENT_VIOLATION,
};

#define IMAP_COMMANDS(X) \
	X(CAPABILITY)    \
	X(NOOP)          \
	X(LOGOUT)        \
	X(ID)            \
	X(STARTTLS)      \
	X(AUTHENTICATE)  \
	X(LOGIN)         \
	X(SELECT)        \
	X(LIST)          \
	X(CREATE)        \
	X(UID_FETCH)     \
	X(UID_SEARCH)    \
	X(UID_STORE)     \
	X(UID_COPY)      \
	X(UID_MOVE)      \
	X(UID_EXPUNGE)   \
	X(UNSELECT)      \
	X(IDLE)

enum imap_command {
#define X(name) IMAP_COMMAND_##name,
	IMAP_COMMANDS(X)
#undef X
};

/* "UID FETCH" and so on, for logs. */
const char *imap_command_name(enum imap_command command);

struct imap_message {
	uint32_t uid; /* 0: not in this response (yet) */
	bool has_flags;
	bool has_octets;
	bool has_internaldate;
	uint32_t flags;       /* enum imap_flag */
	uint64_t octets;      /* RFC822.SIZE: often an estimate */
	int64_t internaldate; /* seconds since 1970-01-01 UTC */
};

struct imap_body {
	enum imap_section section;
	bool is_nil;     /* NIL: the server has no such thing; no data follows */
	bool is_partial; /* `<origin>` was there */
	uint64_t origin;
	uint64_t octets; /* length of the section */
	uint64_t left;   /* octets still to come behind this event */
};

struct imap_event {
	enum imap_event_type type;
	enum imap_status status;
	enum imap_code code;
	enum imap_command command;
	uint32_t id;
	uint32_t number;
	struct imap_message message;
	struct imap_body body;
	struct span data;
	struct {
		struct span name; /* as the server wrote it (modified UTF-7) */
		uint32_t attributes;
	} mailbox;
	/* The server's text, at most IMAP_TEXT_MAX octets, NUL-terminated, with control characters
	 * made "?"; 8-bit octets stay. Never NULL. Valid until the next call. */
	const char *text;
};

/* What SELECT told; valid in IMAP_SELECTED. */
struct imap_selected {
	uint32_t uidvalidity; /* 0: the server gave none */
	uint32_t uidnext;     /* 0: likewise */
	uint32_t exists;      /* kept up to date by EXISTS and EXPUNGE */
	bool exists_told; /* false: the server has not said EXISTS, and 0 is not to be trusted */
	bool read_only;
	uint32_t permanent_flags; /* enum imap_flag: which of ours the server keeps */
};

struct imap_client;

/* NULL when there is no memory. */
struct imap_client *imap_client_new(void);
void imap_client_free(struct imap_client **client);

/* Takes octets from the front of `in` and says what happened. */
enum imap_event_type imap_client_next(struct imap_client *client, struct span *in,
				      struct imap_event *event_r);

enum imap_state imap_client_state(const struct imap_client *client);

/* Whether the server listed the capability, as far as is known. After STARTTLS, LOGIN and
 * AUTHENTICATE nothing is known until the server lists capabilities again. */
bool imap_client_has(const struct imap_client *client, enum imap_capability capability);
bool imap_client_knows_capabilities(const struct imap_client *client);

const struct imap_selected *imap_client_selected(const struct imap_client *client);

/* The text of the last continuation of the last AUTHENTICATE, as the server wrote it: base64, or
 * nothing. Behind a refused token it may be an error challenge (protocol/sasl.h). Valid until the
 * next call of imap_client_next(). */
struct span imap_client_challenge(const struct imap_client *client);

/* Commands whose tagged response has not come. */
unsigned imap_client_pending(const struct imap_client *client);

/* STARTTLS was answered OK and the TLS handshake is done: forget what was learnt in the clear.
 * Returns false when the server had sent octets behind its OK: an attack; close. (The machine also
 * answers VIOLATION when such octets are given to it.) False too when another command is still
 * unanswered, whose answer nobody could trust. */
bool imap_client_tls_started(struct imap_client *client) __attribute__((warn_unused_result));

/*
 * Commands. Each returns its id, which comes back in IMAP_EVENT_DONE, or 0 when it could not be
 * queued: no memory, a ceiling of limits.h (IMAP_COMMAND_MAX, IMAP_PENDING_MAX, IMAP_OUTPUT_MAX),
 * or an argument that IMAP cannot carry (NUL in a string); and behind a violation, and between
 * STARTTLS and imap_client_tls_started(), when nothing may be said. Strings are sent as atom,
 * quoted string or literal. States are the caller's affair: the server says BAD otherwise.
 */
uint32_t imap_client_capability(struct imap_client *client);
uint32_t imap_client_noop(struct imap_client *client);
uint32_t imap_client_logout(struct imap_client *client);
/* NULL `version`: it is not told. */
uint32_t imap_client_id(struct imap_client *client, const char *name, const char *version);
uint32_t imap_client_starttls(struct imap_client *client);
uint32_t imap_client_login(struct imap_client *client, struct span user, struct span password);
/* `initial` is the initial response before base64, for instance of sasl_plain_write(). Sent
 * with the command where SASL-IR is listed and the line is not too long for Exchange, else behind
 * the continuation. A further challenge is an error to be acknowledged: with an empty line for
 * XOAUTH2, with a lone ^A for OAUTHBEARER; other mechanisms have none, and say "*". */
uint32_t imap_client_authenticate(struct imap_client *client, const char *mechanism,
				  struct span initial);
uint32_t imap_client_select(struct imap_client *client, struct span mailbox);
uint32_t imap_client_unselect(struct imap_client *client);
uint32_t imap_client_list(struct imap_client *client, struct span reference, struct span pattern);
uint32_t imap_client_create(struct imap_client *client, struct span mailbox);
/* (UID RFC822.SIZE FLAGS) of first:last, last 0 standing for `*`; INTERNALDATE too if asked. */
uint32_t imap_client_fetch_listing(struct imap_client *client, uint32_t first, uint32_t last,
				   bool internaldate);
/* (UID FLAGS) of one message: is it still there? */
uint32_t imap_client_fetch_flags(struct imap_client *client, uint32_t uid);
/* BODY.PEEK[section], of one message; `count` > 0 makes it partial, <origin.count>. */
uint32_t imap_client_fetch_body(struct imap_client *client, uint32_t uid, enum imap_section section,
				uint64_t origin, uint64_t count);
/* BODY[] of one message: not a peek, so the server flags it \Seen. */
uint32_t imap_client_fetch_message(struct imap_client *client, uint32_t uid);
/* (UID BODY.PEEK[]) of many (ascending). Takes as many as fit in a command; `taken_r` says how
 * many. */
uint32_t imap_client_fetch_bodies(struct imap_client *client, const uint32_t *uids, size_t count,
				  size_t *taken_r);
uint32_t imap_client_search_deleted(struct imap_client *client);
/* These take as many UIDs (ascending) as fit in a command; `taken_r` says how many. */
uint32_t imap_client_store(struct imap_client *client, const uint32_t *uids, size_t count,
			   uint32_t add_flags, size_t *taken_r);
uint32_t imap_client_copy(struct imap_client *client, const uint32_t *uids, size_t count,
			  struct span mailbox, size_t *taken_r);
uint32_t imap_client_move(struct imap_client *client, const uint32_t *uids, size_t count,
			  struct span mailbox, size_t *taken_r);
uint32_t imap_client_expunge(struct imap_client *client, const uint32_t *uids, size_t count,
			     size_t *taken_r);
/* Takes \Seen off one message. */
uint32_t imap_client_clear_seen(struct imap_client *client, uint32_t uid);
uint32_t imap_client_idle(struct imap_client *client);
/* Ends IDLE; its DONE event follows. */
void imap_client_idle_done(struct imap_client *client);

/* Octets to send; valid until the next call of any function but this. */
struct span imap_client_output(const struct imap_client *client);
void imap_client_sent(struct imap_client *client, size_t len);

#endif
