/* SPDX-License-Identifier: ISC */
#include "protocol/imap_listing.h"

#include <stdio.h>
#include <stdlib.h>

#include "protocol/imap_refusal.h"
#include "protocol/limits.h"

/*
 * Whatever FETCH response carries a UID and a size is an entry of the listing. One with flags alone
 * is news of a message (or the half of an entry that a server chose to split); its UID is noted
 * and looked at in the end:
 *   - in the maildrop, and \Deleted by now: taken out again;
 *   - not in the maildrop: it has been skipped, or its size did not come. All such are asked for
 *     once more; a message that has no size even then fails the listing, since leaving it out
 *     would lose it without a word.
 * For the same reason a listing of fewer messages than there were when it was asked for is asked
 * for once more, all of it. What arrives meanwhile is left to the next session.
 */

static enum imap_listing_status listing_fail(struct imap_listing *listing, const char *text,
					     const char *otherwise)
{
	imap_refusal_copy(listing->text, text, otherwise);
	listing->id = 0;
	return IMAP_LISTING_FAILED;
}

static enum imap_listing_status listing_fail_status(struct imap_listing *listing,
						    enum maildrop_status status)
{
	switch (status) {
	case MAILDROP_TOO_MANY:
		return listing_fail(listing, "the folder holds too many messages", "");
	case MAILDROP_TWICE:
		return listing_fail(listing, "the server listed one UID twice", "");
	case MAILDROP_NO_MEMORY:
	case MAILDROP_OK:
		break;
	}
	return listing_fail(listing, "out of memory", "");
}

static int compare_uids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static bool listing_is_hidden(const struct imap_listing *listing, uint32_t uid)
{
	const struct imap_listing_options *options = &listing->options;

	return options->hidden_count > 0 && bsearch(&uid, options->hidden, options->hidden_count,
						    sizeof(uid), compare_uids) != NULL;
}

/* Whether a message is one that is shown. Of unknown age is old enough: INTERNALDATE is the
 * server's duty (RFC 3501 section 2.3.3), and a message without it must not stay away for good. */
static bool listing_wants(const struct imap_listing *listing, const struct imap_message *message)
{
	if (message->has_flags && (message->flags & IMAP_FLAG_DELETED) != 0)
		return false;
	if (message->has_internaldate && message->internaldate > listing->options.not_after)
		return false;
	return !listing_is_hidden(listing, message->uid);
}

static bool listing_ask(struct imap_listing *listing, uint32_t first, uint32_t last)
{
	listing->expected = imap_client_selected(listing->client)->exists;
	listing->id = imap_client_fetch_listing(listing->client, first, last,
						listing->options.not_after != INT64_MAX);
	return listing->id != 0;
}

static bool listing_note(struct bytebuf *notes, uint32_t uid)
{
	return bytebuf_append(notes, span_of(&uid, sizeof(uid)));
}

static uint32_t listing_next_note(struct span *notes)
{
	uint32_t uid;

	memcpy(&uid, span_take(notes, sizeof(uid)).data, sizeof(uid));
	return uid;
}

static enum imap_listing_status listing_message(struct imap_listing *listing,
						const struct imap_message *message)
{
	struct maildrop *into = listing->again != NULL ? listing->again : listing->maildrop;
	enum maildrop_status status;

	if (message->uid == 0)
		return IMAP_LISTING_MORE;
	if (!message->has_octets) {
		bool deleted = (message->flags & IMAP_FLAG_DELETED) != 0;

		if (message->has_flags &&
		    (!listing_note(deleted ? &listing->deleted : &listing->sizeless,
				   message->uid) ||
		     !listing_note(&listing->unlisted, message->uid)))
			return listing_fail(listing, "out of memory", "");
		return IMAP_LISTING_MORE;
	}
	listing->heard = true;
	if (!listing_wants(listing, message)) {
		if (!listing_note(&listing->unlisted, message->uid))
			return listing_fail(listing, "out of memory", "");
		return IMAP_LISTING_MORE;
	}
	/* The second command asks for a range, in which most are listed already. */
	if (listing->again != NULL && maildrop_find(listing->maildrop, message->uid) != 0)
		return IMAP_LISTING_MORE;
	status = maildrop_add(into, message->uid, message->octets);
	return status == MAILDROP_OK ? IMAP_LISTING_MORE : listing_fail_status(listing, status);
}

/* Adds what is not marked deleted in `from` to `to`. */
static enum maildrop_status listing_copy(struct maildrop *to, const struct maildrop *from)
{
	enum maildrop_status status = MAILDROP_OK;

	for (uint32_t msgno = 1; status == MAILDROP_OK && msgno <= maildrop_last(from); msgno++) {
		if (!maildrop_is_deleted(from, msgno))
			status = maildrop_add(to, maildrop_uid(from, msgno),
					      maildrop_message_octets(from, msgno));
	}
	return status;
}

/* Makes one maildrop of what both commands listed, without what was flagged meanwhile. */
static enum maildrop_status listing_merge(struct imap_listing *listing)
{
	struct maildrop *merged = maildrop_new(maildrop_uidvalidity(listing->maildrop));
	enum maildrop_status status = MAILDROP_NO_MEMORY;

	if (merged == NULL)
		return status;
	status = listing_copy(merged, listing->maildrop);
	if (status == MAILDROP_OK && listing->again != NULL)
		status = listing_copy(merged, listing->again);
	if (status == MAILDROP_OK)
		status = maildrop_seal(merged);
	maildrop_free(&listing->maildrop);
	maildrop_free(&listing->again);
	listing->maildrop = merged;
	return status;
}

/* Marks in `drop` what others flagged \Deleted while it was listed. */
static bool listing_mark(struct maildrop *drop, struct span notes)
{
	bool any = false;

	while (notes.len > 0) {
		uint32_t msgno = maildrop_find(drop, listing_next_note(&notes));
		if (msgno != 0) {
			maildrop_mark_deleted(drop, msgno);
			any = true;
		}
	}
	return any;
}

/* How many different UIDs there are in `unlisted` that are in no maildrop. */
static bool listing_count_unlisted(const struct imap_listing *listing, size_t *count_r)
{
	struct span notes = bytebuf_peek(&listing->unlisted);
	uint32_t *uids;
	size_t filled = 0;

	*count_r = 0;
	if (notes.len == 0)
		return true;
	uids = malloc(notes.len);
	if (uids == NULL)
		return false;
	while (notes.len > 0) {
		uint32_t uid = listing_next_note(&notes);

		if (maildrop_find(listing->maildrop, uid) == 0 &&
		    (listing->again == NULL || maildrop_find(listing->again, uid) == 0))
			uids[filled++] = uid;
	}
	qsort(uids, filled, sizeof(*uids), compare_uids);
	for (size_t i = 0; i < filled; i++)
		*count_r += i == 0 || uids[i] != uids[i - 1];
	free(uids);
	return true;
}

/* Whether the server left out some of the messages it said it holds. */
static bool listing_is_short(const struct imap_listing *listing, bool *short_r)
{
	uint32_t exists = imap_client_selected(listing->client)->exists;
	uint32_t expected = listing->expected < exists ? listing->expected : exists;
	size_t listed = maildrop_last(listing->maildrop);
	size_t unlisted = 0;

	if (listing->again != NULL)
		listed += maildrop_last(listing->again);
	if (listed < expected && !listing_count_unlisted(listing, &unlisted))
		return false;
	*short_r = listed + unlisted < expected;
	return true;
}

/* The range of UIDs that were heard of, but never with a size; false if there is none. */
static bool listing_missing(const struct imap_listing *listing, uint32_t *first_r, uint32_t *last_r)
{
	struct span notes = bytebuf_peek(&listing->sizeless);
	uint32_t first = UINT32_MAX;
	uint32_t last = 0;

	while (notes.len > 0) {
		uint32_t uid = listing_next_note(&notes);

		if (maildrop_find(listing->maildrop, uid) != 0 || listing_is_hidden(listing, uid))
			continue;
		if (listing->again != NULL && maildrop_find(listing->again, uid) != 0)
			continue;
		first = uid < first ? uid : first;
		last = uid > last ? uid : last;
	}
	*first_r = first;
	*last_r = last;
	return last != 0;
}

static enum imap_listing_status listing_ask_again(struct imap_listing *listing, uint32_t first,
						  uint32_t last)
{
	bytebuf_reset(&listing->sizeless);
	listing->again = maildrop_new(maildrop_uidvalidity(listing->maildrop));
	if (listing->again == NULL || !listing_ask(listing, first, last))
		return listing_fail(listing, "out of memory", "");
	return IMAP_LISTING_MORE;
}

/* The tagged OK has come, of the first command or of the second. */
static enum imap_listing_status listing_complete(struct imap_listing *listing)
{
	struct maildrop *drop = listing->again != NULL ? listing->again : listing->maildrop;
	const struct imap_selected *selected = imap_client_selected(listing->client);
	enum maildrop_status status = maildrop_seal(drop);
	uint32_t first;
	uint32_t last;
	bool is_short;
	bool changed;

	if (status != MAILDROP_OK)
		return listing_fail_status(listing, status);
	/* An empty maildrop is never shown where the truth is an error. */
	if (!listing->heard && !selected->exists_told)
		return listing_fail(listing, "the server neither counts nor lists messages", "");
	if (!listing->heard && selected->exists > 0)
		return listing_fail(listing, "the server holds messages and listed none", "");
	if (!listing_is_short(listing, &is_short))
		return listing_fail(listing, "out of memory", "");
	if (is_short && listing->again == NULL)
		return listing_ask_again(listing, 1, 0);
	if (is_short)
		return listing_fail(listing, "the server listed fewer messages than it holds", "");
	if (listing_missing(listing, &first, &last)) {
		if (listing->again == NULL)
			return listing_ask_again(listing, first, last);
		(void)snprintf(listing->text, sizeof(listing->text),
			       "the server gives no size for the message with UID %lu",
			       (unsigned long)first);
		return IMAP_LISTING_FAILED;
	}
	changed = listing_mark(listing->maildrop, bytebuf_peek(&listing->deleted));
	if (listing->again != NULL) {
		(void)listing_mark(listing->again, bytebuf_peek(&listing->deleted));
		changed = true;
	}
	if (changed) {
		status = listing_merge(listing);
		if (status != MAILDROP_OK)
			return listing_fail_status(listing, status);
	}
	listing->id = 0;
	maildrop_set_read_only(listing->maildrop, selected->read_only);
	return IMAP_LISTING_DONE;
}

enum imap_listing_status imap_listing_start(struct imap_listing *listing,
					    struct imap_client *client,
					    const struct imap_listing_options *options)
{
	const struct imap_selected *selected = imap_client_selected(client);

	*listing = (struct imap_listing){
		.client = client,
		.options = *options,
		.maildrop = maildrop_new(selected->uidvalidity),
	};
	bytebuf_init(&listing->deleted, MAILDROP_MESSAGES_MAX * sizeof(uint32_t));
	bytebuf_init(&listing->sizeless, MAILDROP_MESSAGES_MAX * sizeof(uint32_t));
	/* Both commands may tell of each message. */
	bytebuf_init(&listing->unlisted, 2 * MAILDROP_MESSAGES_MAX * sizeof(uint32_t));
	if (listing->maildrop == NULL)
		return listing_fail(listing, "out of memory", "");
	if (selected->exists_told && selected->exists == 0)
		return listing_complete(listing);
	if (!listing_ask(listing, 1, 0))
		return listing_fail(listing, "out of memory", "");
	return IMAP_LISTING_MORE;
}

enum imap_listing_status imap_listing_event(struct imap_listing *listing,
					    const struct imap_event *event)
{
	switch (event->type) {
	case IMAP_EVENT_MESSAGE:
		return listing_message(listing, &event->message);
	case IMAP_EVENT_DONE:
		if (event->id != listing->id)
			return IMAP_LISTING_MORE;
		if (event->status != IMAP_OK)
			return listing_fail(listing, event->text,
					    "the server refused to list the folder");
		return listing_complete(listing);
	case IMAP_EVENT_EXPUNGE:
		listing->expected -= listing->expected > 0;
		return IMAP_LISTING_MORE;
	case IMAP_EVENT_BYE:
	case IMAP_EVENT_VIOLATION:
		return listing_fail(listing, event->text, "the server closed the session");
	case IMAP_EVENT_NEED_INPUT:
	case IMAP_EVENT_GREETING:
	case IMAP_EVENT_NOTICE:
	case IMAP_EVENT_EXISTS:
	case IMAP_EVENT_BODY:
	case IMAP_EVENT_BODY_DATA:
	case IMAP_EVENT_FOUND:
	case IMAP_EVENT_MAILBOX:
		break;
	}
	return IMAP_LISTING_MORE;
}

struct maildrop *imap_listing_take(struct imap_listing *listing)
{
	struct maildrop *drop = listing->maildrop;

	listing->maildrop = NULL;
	return drop;
}

void imap_listing_deinit(struct imap_listing *listing)
{
	maildrop_free(&listing->maildrop);
	maildrop_free(&listing->again);
	bytebuf_deinit(&listing->deleted);
	bytebuf_deinit(&listing->sizeless);
	bytebuf_deinit(&listing->unlisted);
}
