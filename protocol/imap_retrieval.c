/* SPDX-License-Identifier: ISC */
#include "protocol/imap_retrieval.h"

#include <assert.h>

#include "protocol/imap_refusal.h"
#include "protocol/limits.h"

enum retrieval_state {
	RETRIEVAL_FETCHING,
	RETRIEVAL_PROBING,   /* nothing usable came: is the message there at all? */
	RETRIEVAL_INSISTING, /* it is: asked for without a peek */
	RETRIEVAL_RESTORING, /* ... which set \Seen: taken off again */
	RETRIEVAL_OVER,
};

enum retrieval_flow { FLOW_NOWHERE, FLOW_HEAD, FLOW_BODY };

enum retrieval_guard {
	GUARD_PASSING,  /* octets are handed on */
	GUARD_WATCHING, /* they may be a placeholder's: they are held back */
	GUARD_DROPPING, /* they are not the message's, or nobody can tell */
};

/* The first part of a text that is asked for by TOP n k is k lines of a usual length long; later
 * ones double, so that a text of any form takes few round trips. */
enum {
	TOP_LINE_OCTETS = 100,
	TOP_PART_MIN = 4096,
	TOP_PART_MAX = 1024 * 1024,
};

static const char no_command[] = "no IMAP command could be made";
static const char no_message[] = "the server does not give this message";
static const char placeholder[] =
	"the server cannot convert it, and sent a placeholder; Outlook may show the message";

/* The only way to change the state: forward. */
static void retrieval_enter(struct imap_retrieval *retrieval, enum retrieval_state state)
{
	assert(state > retrieval->state);
	retrieval->state = state;
}

static void retrieval_release(struct imap_retrieval *retrieval)
{
	header_scan_deinit(&retrieval->scan);
	bytebuf_deinit(&retrieval->held);
	retrieval->front = span_of(NULL, 0);
}

void imap_retrieval_deinit(struct imap_retrieval *retrieval)
{
	retrieval_release(retrieval);
	retrieval->state = RETRIEVAL_OVER;
}

static enum imap_retrieval_status retrieval_over(struct imap_retrieval *retrieval,
						 enum imap_retrieval_status status)
{
	retrieval_enter(retrieval, RETRIEVAL_OVER);
	retrieval_release(retrieval);
	return status;
}

static enum imap_retrieval_status retrieval_fail(struct imap_retrieval *retrieval,
						 enum imap_retrieval_status status,
						 const char *text)
{
	imap_refusal_copy(retrieval->text, text, "");
	return retrieval_over(retrieval, status);
}

static enum imap_retrieval_status retrieval_tell(struct imap_retrieval *retrieval)
{
	if (retrieval->outcome == IMAP_RETRIEVAL_END) {
		retrieval->ended = true;
		retrieval->data = byte_stuff_end(&retrieval->stuff);
	}
	return retrieval_over(retrieval, retrieval->outcome);
}

/* Ends it for a reason that has nothing to do with the message. */
static enum imap_retrieval_status retrieval_abort(struct imap_retrieval *retrieval,
						  const char *text)
{
	/* Nothing was missing any more. */
	if (retrieval->state == RETRIEVAL_RESTORING)
		return retrieval_tell(retrieval);
	return retrieval_fail(
		retrieval, retrieval->begun ? IMAP_RETRIEVAL_BROKEN : IMAP_RETRIEVAL_REFUSED, text);
}

/* All that was asked of the message has been answered. */
static enum imap_retrieval_status retrieval_conclude(struct imap_retrieval *retrieval,
						     enum imap_retrieval_status outcome)
{
	retrieval->outcome = outcome;
	/* A FETCH that was refused sets no flag, nor does one in a read-only mailbox. */
	if (retrieval->state == RETRIEVAL_INSISTING && !retrieval->seen && !retrieval->failed &&
	    !imap_client_selected(retrieval->client)->read_only) {
		retrieval->command_id =
			imap_client_clear_seen(retrieval->client, retrieval->request.uid);
		if (retrieval->command_id != 0) {
			retrieval_enter(retrieval, RETRIEVAL_RESTORING);
			return IMAP_RETRIEVAL_MORE;
		}
	}
	return retrieval_tell(retrieval);
}

/* Asks for a part anew: nothing of it has come. */
static bool retrieval_ask(struct imap_retrieval *retrieval, struct imap_retrieval_part *part,
			  enum imap_section section, uint64_t origin, uint64_t count)
{
	*part = (struct imap_retrieval_part){
		.section = section,
		.origin = origin,
		.asked = count,
		.id = imap_client_fetch_body(retrieval->client, retrieval->request.uid, section,
					     origin, count),
	};
	return part->id != 0;
}

static uint64_t first_part_octets(uint64_t top_lines)
{
	if (top_lines * TOP_LINE_OCTETS < TOP_PART_MIN)
		return TOP_PART_MIN;
	return top_lines * TOP_LINE_OCTETS;
}

/* Whoever asks for that many lines wants the message: fetchmail retrieves with TOP n 99999999, and
 * deletes what it got. It is fetched like RETR's, in one piece that cannot lack its end. So is what
 * is not given to a peek. */
static bool retrieval_is_in_parts(const struct imap_retrieval *retrieval)
{
	return retrieval->state == RETRIEVAL_FETCHING && retrieval->request.top &&
	       retrieval->request.top_lines < TOP_PART_MAX / TOP_LINE_OCTETS;
}

static bool retrieval_wants_body(const struct imap_retrieval *retrieval)
{
	return retrieval_is_in_parts(retrieval) && retrieval->request.top_lines > 0;
}

enum imap_retrieval_status imap_retrieval_start(struct imap_retrieval *retrieval,
						struct imap_client *client,
						const struct imap_retrieval_request *request)
{
	bool asked;

	retrieval_release(retrieval);
	*retrieval = (struct imap_retrieval){
		.client = client,
		.request = *request,
		.state = RETRIEVAL_FETCHING,
		.flowing = FLOW_NOWHERE,
		.guard = GUARD_PASSING,
	};
	byte_stuff_init(&retrieval->stuff,
			request->top ? request->top_lines : BYTE_STUFF_ALL_LINES);
	asked = retrieval_ask(
		retrieval, &retrieval->head,
		retrieval_is_in_parts(retrieval) ? IMAP_SECTION_HEADER : IMAP_SECTION_WHOLE, 0, 0);
	if (asked && retrieval_wants_body(retrieval))
		asked = retrieval_ask(retrieval, &retrieval->body, IMAP_SECTION_TEXT, 0,
				      first_part_octets(request->top_lines));
	return asked ? IMAP_RETRIEVAL_MORE : retrieval_abort(retrieval, no_command);
}

static bool retrieval_is_fetching(const struct imap_retrieval *retrieval)
{
	return retrieval->state == RETRIEVAL_FETCHING || retrieval->state == RETRIEVAL_INSISTING;
}

/* The part that a section belongs to, or FLOW_NOWHERE if nobody waits for it. */
static enum retrieval_flow retrieval_place(struct imap_retrieval *retrieval,
					   const struct imap_event *event)
{
	uint32_t uid = event->message.uid;
	enum imap_section section = event->body.section;

	if (!retrieval_is_fetching(retrieval) || (uid != 0 && uid != retrieval->request.uid))
		return FLOW_NOWHERE;
	if (retrieval->head.id != 0 && section == retrieval->head.section)
		return FLOW_HEAD;
	if (retrieval->body.id != 0 && section == retrieval->body.section)
		return FLOW_BODY;
	return FLOW_NOWHERE;
}

/* Whether the section is the part that was asked for, or at least has it inside. */
static bool part_accepts(struct imap_retrieval_part *part, const struct imap_body *body)
{
	/* A section that comes twice is not twice as long. */
	if (part->taken)
		return false;
	/* A piece where all was asked for would be a cut message. */
	if (body->is_partial && (part->asked == 0 || body->origin > part->origin))
		return false;
	part->present = true;
	if (body->is_nil || body->octets == 0) {
		part->complete = !body->is_nil;
		return false;
	}
	part->taken = true;
	part->whole = !body->is_partial && part->asked > 0;
	part->skip = part->origin - (body->is_partial ? body->origin : 0);
	return true;
}

/* The header is at the front of what comes. */
static void retrieval_watch(struct imap_retrieval *retrieval)
{
	retrieval_release(retrieval);
	header_scan_init(&retrieval->scan);
	bytebuf_init(&retrieval->held, IMAP_HELD_MAX);
	retrieval->guard = GUARD_WATCHING;
}

static enum imap_retrieval_status retrieval_section(struct imap_retrieval *retrieval,
						    const struct imap_event *event)
{
	enum retrieval_flow flow = retrieval_place(retrieval, event);

	retrieval->flowing = FLOW_NOWHERE;
	if (flow == FLOW_NOWHERE)
		return IMAP_RETRIEVAL_MORE;
	retrieval->unverified = retrieval->unverified || event->message.uid == 0;
	if (flow == FLOW_BODY && !retrieval->head.complete) {
		retrieval->body.too_early = true;
		return IMAP_RETRIEVAL_MORE;
	}
	if (!part_accepts(flow == FLOW_HEAD ? &retrieval->head : &retrieval->body, &event->body))
		return IMAP_RETRIEVAL_MORE;
	retrieval->flowing = flow;
	if (flow == FLOW_HEAD && event->body.octets <= IMAP_PLACEHOLDER_MAX)
		retrieval_watch(retrieval);
	return IMAP_RETRIEVAL_MORE;
}

static void retrieval_drop(struct imap_retrieval *retrieval)
{
	retrieval->guard = GUARD_DROPPING;
	retrieval_release(retrieval);
}

/* Without memory nobody can tell what the server sent. */
static void retrieval_give_up(struct imap_retrieval *retrieval)
{
	retrieval->failed = true;
	retrieval->refused = true;
	imap_refusal_copy(retrieval->text, "no memory", "");
	retrieval_drop(retrieval);
}

/* Whether what is held, and `data` behind it, is to be handed on. */
static bool retrieval_let_pass(struct imap_retrieval *retrieval, struct span data, bool complete)
{
	size_t room = IMAP_HELD_MAX - bytebuf_len(&retrieval->held);
	bool fits = data.len <= room;

	(void)header_scan_feed(&retrieval->scan, span_of(data.data, fits ? data.len : room));
	if (complete && fits)
		header_scan_finish(&retrieval->scan);
	if (header_scan_failed(&retrieval->scan)) {
		retrieval_give_up(retrieval);
		return false;
	}
	switch (header_scan_verdict(&retrieval->scan)) {
	case HEADER_SCAN_UNDECIDED:
		if (!fits)
			break;
		if (!bytebuf_append(&retrieval->held, data))
			retrieval_give_up(retrieval);
		return false;
	case HEADER_SCAN_MESSAGE:
		break;
	case HEADER_SCAN_PLACEHOLDER:
		retrieval->placeholder = true;
		if (retrieval->request.deliver_placeholder)
			break;
		retrieval_drop(retrieval);
		return false;
	}
	retrieval->guard = GUARD_PASSING;
	header_scan_deinit(&retrieval->scan);
	retrieval->front = bytebuf_peek(&retrieval->held);
	return true;
}

static enum imap_retrieval_status retrieval_data(struct imap_retrieval *retrieval,
						 const struct imap_event *event)
{
	struct imap_retrieval_part *part =
		retrieval->flowing == FLOW_HEAD ? &retrieval->head : &retrieval->body;
	struct span data = event->data;

	if (retrieval->flowing == FLOW_NOWHERE)
		return IMAP_RETRIEVAL_MORE;
	if (event->body.left == 0) {
		part->complete = true;
		retrieval->flowing = FLOW_NOWHERE;
	}
	part->skip -= span_take(&data, part->skip < data.len ? part->skip : data.len).len;
	part->received += data.len;
	if (retrieval->guard == GUARD_DROPPING || byte_stuff_is_satisfied(&retrieval->stuff))
		return IMAP_RETRIEVAL_MORE;
	if (retrieval->guard == GUARD_WATCHING
		    ? !retrieval_let_pass(retrieval, data, part->complete)
		    : data.len == 0)
		return IMAP_RETRIEVAL_MORE;
	retrieval->begun = true;
	retrieval->data = data;
	return IMAP_RETRIEVAL_DATA;
}

static void part_forget(struct imap_retrieval_part *part)
{
	*part = (struct imap_retrieval_part){
		.section = part->section,
		.id = part->id,
		.origin = part->origin,
		.asked = part->asked,
	};
}

/* What came in front of its UID was another message's. */
static enum imap_retrieval_status retrieval_mistaken(struct imap_retrieval *retrieval)
{
	if (retrieval->begun)
		return retrieval_abort(retrieval, "the server sent another message than asked");
	part_forget(&retrieval->head);
	part_forget(&retrieval->body);
	retrieval->placeholder = false;
	retrieval->guard = GUARD_PASSING;
	return IMAP_RETRIEVAL_MORE;
}

/* A FETCH response is complete, and its UID known at the latest. */
static enum imap_retrieval_status retrieval_message(struct imap_retrieval *retrieval,
						    const struct imap_message *message)
{
	bool unverified = retrieval->unverified;

	retrieval->unverified = false;
	if (message->uid != retrieval->request.uid)
		return unverified ? retrieval_mistaken(retrieval) : IMAP_RETRIEVAL_MORE;
	if (retrieval->state == RETRIEVAL_PROBING) {
		retrieval->found = true;
		retrieval->flagged = retrieval->flagged || message->has_flags;
		if (message->has_flags)
			retrieval->seen = (message->flags & IMAP_FLAG_SEEN) != 0;
	}
	return IMAP_RETRIEVAL_MORE;
}

static enum imap_retrieval_status retrieval_probe(struct imap_retrieval *retrieval)
{
	retrieval->command_id = imap_client_fetch_flags(retrieval->client, retrieval->request.uid);
	if (retrieval->command_id == 0)
		return retrieval_abort(retrieval, no_command);
	retrieval_enter(retrieval, RETRIEVAL_PROBING);
	return IMAP_RETRIEVAL_MORE;
}

static enum imap_retrieval_status retrieval_insist(struct imap_retrieval *retrieval)
{
	retrieval_enter(retrieval, RETRIEVAL_INSISTING);
	retrieval->body = (struct imap_retrieval_part){ .section = IMAP_SECTION_TEXT };
	retrieval->head = (struct imap_retrieval_part){
		.section = IMAP_SECTION_WHOLE,
		.id = imap_client_fetch_message(retrieval->client, retrieval->request.uid),
	};
	if (retrieval->head.id == 0)
		return retrieval_abort(retrieval, no_command);
	return IMAP_RETRIEVAL_MORE;
}

/* It is there, and that is all. The server's words about it, if it had any, stand there already. */
static enum imap_retrieval_status retrieval_unreadable(struct imap_retrieval *retrieval)
{
	if (!retrieval->failed)
		imap_refusal_copy(retrieval->text, no_message, "");
	return retrieval_conclude(retrieval, IMAP_RETRIEVAL_UNREADABLE);
}

static enum imap_retrieval_status retrieval_probed(struct imap_retrieval *retrieval,
						   const struct imap_event *event)
{
	bool expunged =
		event->code == IMAP_CODE_EXPUNGEISSUED || event->code == IMAP_CODE_NONEXISTENT;

	if (retrieval->found) {
		/* A server that was plain about it need not be asked again; nor is one whose flags
		 * could not be put back. */
		if (retrieval->failed || !retrieval->flagged)
			return retrieval_unreadable(retrieval);
		return retrieval_insist(retrieval);
	}
	if (event->status == IMAP_OK || (event->status == IMAP_NO && expunged))
		return retrieval_fail(retrieval, IMAP_RETRIEVAL_GONE,
				      "the message is not in the mailbox any more");
	return retrieval_abort(retrieval, event->text);
}

/* A part of the text is here; is another one wanted? */
static enum imap_retrieval_status retrieval_next_part(struct imap_retrieval *retrieval)
{
	struct imap_retrieval_part *body = &retrieval->body;
	uint64_t origin = body->origin + body->received;
	uint64_t count = body->asked;

	if (!body->too_early || body->taken) {
		/* An answer without the section is not the end, unless nothing is missing. */
		if (!body->present && retrieval->head.received + origin < retrieval->request.octets)
			return retrieval_abort(retrieval, "the server gave no more of the text");
		/* What is shorter than asked is the end (RFC 3501 section 6.4.5), and what is
		 * longer is all there is: Exchange may send everything and call it the part. To ask
		 * such a server whether there is more would bring the same octets twice. */
		if (body->whole || body->received != body->asked)
			return retrieval_conclude(retrieval, IMAP_RETRIEVAL_END);
		count = count < TOP_PART_MAX / 2 ? count * 2 : TOP_PART_MAX;
	}
	if (!retrieval_ask(retrieval, body, IMAP_SECTION_TEXT, origin, count))
		return retrieval_abort(retrieval, no_command);
	return IMAP_RETRIEVAL_MORE;
}

/* No command is under way: what has come, and what follows from it? */
static enum imap_retrieval_status retrieval_settle(struct imap_retrieval *retrieval)
{
	if (retrieval->failed && (retrieval->begun || retrieval->refused))
		return retrieval_conclude(retrieval, retrieval->begun ? IMAP_RETRIEVAL_BROKEN
								      : IMAP_RETRIEVAL_REFUSED);
	if (retrieval->guard == GUARD_DROPPING) {
		imap_refusal_copy(retrieval->text, placeholder, "");
		return retrieval_conclude(retrieval, IMAP_RETRIEVAL_UNREADABLE);
	}
	if (!retrieval->head.taken && !retrieval->body.taken) {
		/* An answer without octets is a message only if it was listed as empty. */
		if (!retrieval->failed && retrieval->head.present && retrieval->request.octets == 0)
			return retrieval_conclude(retrieval, IMAP_RETRIEVAL_END);
		return retrieval->state == RETRIEVAL_FETCHING ? retrieval_probe(retrieval)
							      : retrieval_unreadable(retrieval);
	}
	if (!retrieval_wants_body(retrieval) || byte_stuff_is_satisfied(&retrieval->stuff))
		return retrieval_conclude(retrieval, IMAP_RETRIEVAL_END);
	return retrieval_next_part(retrieval);
}

static enum imap_retrieval_status retrieval_fetched(struct imap_retrieval *retrieval,
						    const struct imap_event *event)
{
	if (event->id == retrieval->head.id)
		retrieval->head.id = 0;
	else if (event->id == retrieval->body.id)
		retrieval->body.id = 0;
	else
		return IMAP_RETRIEVAL_MORE;
	if (event->status != IMAP_OK && !retrieval->failed) {
		retrieval->failed = true;
		retrieval->refused = event->status == IMAP_BAD || imap_refusal_is_temporary(event);
		imap_refusal_copy(retrieval->text, event->text, "the server refused");
	}
	/* Nothing of ours may come behind the end, where the next message would take it for its. */
	if (retrieval->head.id != 0 || retrieval->body.id != 0)
		return IMAP_RETRIEVAL_MORE;
	return retrieval_settle(retrieval);
}

static enum imap_retrieval_status retrieval_done(struct imap_retrieval *retrieval,
						 const struct imap_event *event)
{
	if (retrieval_is_fetching(retrieval))
		return retrieval_fetched(retrieval, event);
	if (event->id != retrieval->command_id)
		return IMAP_RETRIEVAL_MORE;
	/* Whether \Seen is off now or not: no more can be done about it. */
	return retrieval->state == RETRIEVAL_PROBING ? retrieval_probed(retrieval, event)
						     : retrieval_tell(retrieval);
}

enum imap_retrieval_status imap_retrieval_event(struct imap_retrieval *retrieval,
						const struct imap_event *event)
{
	if (retrieval->state == RETRIEVAL_OVER)
		return IMAP_RETRIEVAL_MORE;
	if (retrieval->guard == GUARD_PASSING && bytebuf_len(&retrieval->held) > 0)
		retrieval_release(retrieval);
	switch (event->type) {
	case IMAP_EVENT_BODY:
		return retrieval_section(retrieval, event);
	case IMAP_EVENT_BODY_DATA:
		return retrieval_data(retrieval, event);
	case IMAP_EVENT_MESSAGE:
		return retrieval_message(retrieval, &event->message);
	case IMAP_EVENT_DONE:
		return retrieval_done(retrieval, event);
	case IMAP_EVENT_BYE:
	case IMAP_EVENT_VIOLATION:
		return retrieval_abort(retrieval, event->text);
	case IMAP_EVENT_NEED_INPUT:
	case IMAP_EVENT_GREETING:
	case IMAP_EVENT_NOTICE:
	case IMAP_EVENT_EXISTS:
	case IMAP_EVENT_EXPUNGE:
	case IMAP_EVENT_FOUND:
	case IMAP_EVENT_MAILBOX:
		break;
	}
	return IMAP_RETRIEVAL_MORE;
}

enum imap_retrieval_status imap_retrieval_lost(struct imap_retrieval *retrieval, const char *text)
{
	if (retrieval->state == RETRIEVAL_OVER)
		return IMAP_RETRIEVAL_MORE;
	return retrieval_abort(retrieval, text);
}

bool imap_retrieval_piece(struct imap_retrieval *retrieval, struct span *piece_r)
{
	if (!retrieval->ended) {
		while (byte_stuff_next(
			&retrieval->stuff,
			retrieval->front.len > 0 ? &retrieval->front : &retrieval->data, piece_r)) {
			if (piece_r->len > 0)
				return true;
		}
		return false;
	}
	*piece_r = span_take(&retrieval->data, retrieval->data.len);
	return piece_r->len > 0;
}

uint64_t imap_retrieval_octets(const struct imap_retrieval *retrieval)
{
	return byte_stuff_octets(&retrieval->stuff);
}

bool imap_retrieval_is_placeholder(const struct imap_retrieval *retrieval)
{
	return retrieval->placeholder;
}
