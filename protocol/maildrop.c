/* SPDX-License-Identifier: ISC */
#include "protocol/maildrop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/unique_id.h"

enum { MAILDROP_FIRST_CAPACITY = 64 };

/* A greater size is a lie of the server; with this ceiling no sum can overflow. */
static const uint64_t maildrop_octets_max = UINT64_MAX / MAILDROP_MESSAGES_MAX;

enum maildrop_mark {
	MAILDROP_DELETED = 1u << 0,
	MAILDROP_RETRIEVED = 1u << 1,
	MAILDROP_UNREADABLE = 1u << 2,
	MAILDROP_RETRIEVED_EARLIER = 1u << 3,
};

struct maildrop_message {
	uint64_t octets;
	uint32_t uid;
	uint32_t marks;
};

struct maildrop {
	struct maildrop_message *messages; /* owned; slot = msgno - 1 once sealed */
	uint32_t capacity;
	uint32_t last;   /* messages there are */
	uint32_t count;  /* of those, not marked deleted */
	uint64_t octets; /* of the messages not marked deleted */
	uint32_t uidvalidity;
	uint32_t notice; /* its message-number, which is the last, or 0 */
	char notice_id[MAILDROP_UNIQUE_ID_MAX];
	bool ordered; /* UIDs were added in ascending order so far */
	bool sealed;
	bool read_only;
};

struct maildrop *maildrop_new(uint32_t uidvalidity)
{
	struct maildrop *drop = calloc(1, sizeof(*drop));

	if (drop == NULL)
		return NULL;
	drop->uidvalidity = uidvalidity;
	drop->ordered = true;
	return drop;
}

void maildrop_free(struct maildrop **drop)
{
	if (*drop == NULL)
		return;
	free((*drop)->messages);
	free(*drop);
	*drop = NULL;
}

static bool maildrop_grow(struct maildrop *drop)
{
	uint32_t capacity = drop->capacity > 0 ? drop->capacity * 2 : MAILDROP_FIRST_CAPACITY;

	if (capacity > MAILDROP_MESSAGES_MAX)
		capacity = MAILDROP_MESSAGES_MAX;
	void *messages = realloc(drop->messages, capacity * sizeof(*drop->messages));
	if (messages == NULL)
		return false;
	drop->messages = messages;
	drop->capacity = capacity;
	return true;
}

static uint64_t maildrop_bounded(uint64_t octets)
{
	return octets < maildrop_octets_max ? octets : maildrop_octets_max;
}

static enum maildrop_status maildrop_append(struct maildrop *drop, uint32_t uid, uint64_t octets)
{
	if (drop->last == MAILDROP_MESSAGES_MAX)
		return MAILDROP_TOO_MANY;
	if (drop->last == drop->capacity && !maildrop_grow(drop))
		return MAILDROP_NO_MEMORY;
	drop->messages[drop->last++] =
		(struct maildrop_message){ .uid = uid, .octets = maildrop_bounded(octets) };
	drop->count++;
	drop->octets += maildrop_bounded(octets);
	return MAILDROP_OK;
}

enum maildrop_status maildrop_add(struct maildrop *drop, uint32_t uid, uint64_t octets)
{
	assert(!drop->sealed && uid > 0);
	if (drop->last > 0 && uid <= drop->messages[drop->last - 1].uid)
		drop->ordered = false;
	return maildrop_append(drop, uid, octets);
}

static int maildrop_compare(const void *left, const void *right)
{
	const struct maildrop_message *a = left;
	const struct maildrop_message *b = right;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

enum maildrop_status maildrop_seal(struct maildrop *drop)
{
	assert(!drop->sealed);
	if (!drop->ordered) {
		qsort(drop->messages, drop->last, sizeof(*drop->messages), maildrop_compare);
		for (uint32_t slot = 1; slot < drop->last; slot++) {
			if (drop->messages[slot].uid == drop->messages[slot - 1].uid)
				return MAILDROP_TWICE;
		}
	}
	drop->sealed = true;
	return MAILDROP_OK;
}

enum maildrop_status maildrop_add_notice(struct maildrop *drop, const char *unique_id,
					 uint64_t octets)
{
	enum maildrop_status status;
	size_t len = strlen(unique_id);

	assert(drop->sealed && drop->notice == 0 && len > 0 && len < MAILDROP_UNIQUE_ID_MAX);
	/* RFC 1939 section 7. */
	for (size_t i = 0; i < len; i++)
		assert(unique_id[i] >= 0x21 && unique_id[i] <= 0x7e);
	status = maildrop_append(drop, 0, octets);
	if (status != MAILDROP_OK)
		return status;
	drop->notice = drop->last;
	memcpy(drop->notice_id, unique_id, len + 1);
	return MAILDROP_OK;
}

uint32_t maildrop_notice(const struct maildrop *drop)
{
	return drop->notice;
}

uint32_t maildrop_uidvalidity(const struct maildrop *drop)
{
	return drop->uidvalidity;
}

void maildrop_set_read_only(struct maildrop *drop, bool read_only)
{
	drop->read_only = read_only;
}

bool maildrop_is_read_only(const struct maildrop *drop)
{
	return drop->read_only;
}

uint32_t maildrop_last(const struct maildrop *drop)
{
	return drop->last;
}

uint32_t maildrop_count(const struct maildrop *drop)
{
	return drop->count;
}

uint64_t maildrop_octets(const struct maildrop *drop)
{
	return drop->octets;
}

/* The one place where a message-number becomes a slot. */
static struct maildrop_message *maildrop_message(const struct maildrop *drop, uint32_t msgno)
{
	assert(drop->sealed && msgno >= 1 && msgno <= drop->last);
	return &drop->messages[msgno - 1];
}

uint32_t maildrop_uid(const struct maildrop *drop, uint32_t msgno)
{
	return maildrop_message(drop, msgno)->uid;
}

bool maildrop_is_withheld(const struct maildrop *drop, uint32_t msgno)
{
	assert(drop->sealed && msgno >= 1 && msgno <= drop->last);
	return drop->notice != 0 && msgno != drop->notice;
}

const char *maildrop_unique_id(const struct maildrop *drop, uint32_t msgno,
			       char text_r[MAILDROP_UNIQUE_ID_MAX])
{
	uint32_t uid = maildrop_uid(drop, msgno);

	if (msgno == drop->notice)
		memcpy(text_r, drop->notice_id, sizeof(drop->notice_id));
	else
		unique_id_format(drop->uidvalidity, uid, text_r);
	return text_r;
}

uint64_t maildrop_message_octets(const struct maildrop *drop, uint32_t msgno)
{
	return maildrop_message(drop, msgno)->octets;
}

static bool maildrop_has_mark(const struct maildrop *drop, uint32_t msgno, enum maildrop_mark mark)
{
	return (maildrop_message(drop, msgno)->marks & mark) != 0;
}

bool maildrop_is_deleted(const struct maildrop *drop, uint32_t msgno)
{
	return maildrop_has_mark(drop, msgno, MAILDROP_DELETED);
}

void maildrop_set_message_octets(struct maildrop *drop, uint32_t msgno, uint64_t octets)
{
	struct maildrop_message *message = maildrop_message(drop, msgno);

	octets = maildrop_bounded(octets);
	if ((message->marks & MAILDROP_DELETED) == 0)
		drop->octets += octets - message->octets;
	message->octets = octets;
}

uint32_t maildrop_find(const struct maildrop *drop, uint32_t uid)
{
	const struct maildrop_message key = { .uid = uid };
	/* The notice, which has no UID, is out of order at the end. */
	uint32_t ordered = drop->last - (drop->notice != 0 ? 1 : 0);

	assert(drop->sealed);
	if (ordered == 0)
		return 0;
	const struct maildrop_message *found =
		bsearch(&key, drop->messages, ordered, sizeof(*drop->messages), maildrop_compare);
	return found != NULL ? (uint32_t)(found - drop->messages) + 1 : 0;
}

void maildrop_mark_deleted(struct maildrop *drop, uint32_t msgno)
{
	struct maildrop_message *message = maildrop_message(drop, msgno);

	assert(!maildrop_is_withheld(drop, msgno));
	if ((message->marks & MAILDROP_DELETED) != 0)
		return;
	message->marks |= MAILDROP_DELETED;
	drop->count--;
	drop->octets -= message->octets;
}

void maildrop_unmark_all(struct maildrop *drop)
{
	for (uint32_t msgno = 1; drop->count < drop->last; msgno++) {
		struct maildrop_message *message = maildrop_message(drop, msgno);
		if ((message->marks & MAILDROP_DELETED) == 0)
			continue;
		message->marks &= ~(uint32_t)MAILDROP_DELETED;
		drop->count++;
		drop->octets += message->octets;
	}
}

void maildrop_mark_retrieved(struct maildrop *drop, uint32_t msgno)
{
	maildrop_message(drop, msgno)->marks |= MAILDROP_RETRIEVED;
}

bool maildrop_is_retrieved(const struct maildrop *drop, uint32_t msgno)
{
	return maildrop_has_mark(drop, msgno, MAILDROP_RETRIEVED);
}

void maildrop_mark_retrieved_earlier(struct maildrop *drop, const uint32_t *uids, size_t count)
{
	size_t slot = 0;

	for (uint32_t msgno = 1; msgno <= drop->last; msgno++) {
		struct maildrop_message *message = maildrop_message(drop, msgno);

		while (slot < count && uids[slot] < message->uid)
			slot++;
		if (slot < count && uids[slot] == message->uid)
			message->marks |= MAILDROP_RETRIEVED_EARLIER;
	}
}

void maildrop_mark_unreadable(struct maildrop *drop, uint32_t msgno)
{
	maildrop_message(drop, msgno)->marks |= MAILDROP_UNREADABLE;
}

bool maildrop_is_unreadable(const struct maildrop *drop, uint32_t msgno)
{
	return maildrop_has_mark(drop, msgno, MAILDROP_UNREADABLE);
}

bool maildrop_is_guarded(const struct maildrop *drop, uint32_t msgno)
{
	return maildrop_is_unreadable(drop, msgno) && !maildrop_is_retrieved(drop, msgno) &&
	       !maildrop_has_mark(drop, msgno, MAILDROP_RETRIEVED_EARLIER);
}

/* A message of the mailbox, as the notice is not, that has the mark. */
static bool maildrop_is_marked(const struct maildrop *drop, uint32_t msgno, enum maildrop_mark mark)
{
	return msgno != drop->notice && maildrop_has_mark(drop, msgno, mark);
}

static bool maildrop_marked_uids(const struct maildrop *drop, enum maildrop_mark mark,
				 uint32_t **uids_r, size_t *count_r)
{
	size_t count = 0;

	*uids_r = NULL;
	*count_r = 0;
	for (uint32_t msgno = 1; msgno <= drop->last; msgno++)
		count += maildrop_is_marked(drop, msgno, mark) ? 1 : 0;
	if (count == 0)
		return true;
	uint32_t *uids = malloc(count * sizeof(*uids));
	if (uids == NULL)
		return false;
	for (uint32_t msgno = 1, slot = 0; slot < count; msgno++) {
		if (maildrop_is_marked(drop, msgno, mark))
			uids[slot++] = maildrop_uid(drop, msgno);
	}
	*uids_r = uids;
	*count_r = count;
	return true;
}

bool maildrop_deleted_uids(const struct maildrop *drop, uint32_t **uids_r, size_t *count_r)
{
	return maildrop_marked_uids(drop, MAILDROP_DELETED, uids_r, count_r);
}

bool maildrop_retrieved_uids(const struct maildrop *drop, uint32_t **uids_r, size_t *count_r)
{
	return maildrop_marked_uids(drop, MAILDROP_RETRIEVED, uids_r, count_r);
}
