/* SPDX-License-Identifier: ISC */
#include "daemon/mailbox_memory.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known_size {
	uint32_t uid;
	uint64_t octets;
};

struct mailbox_memory {
	char *key;  /* owned */
	char *host; /* owned, like all that follow: the parts of the key */
	char *user;
	char *folder;
	char *name;       /* NULL: nobody logged in yet */
	char *last_error; /* NULL: none, or a success came behind it */
	time_t last_success;
	time_t last_failure;
	bool counted;
	uint32_t messages;
	uint64_t retrieved; /* a fingerprint */
	uint64_t minute_began_ms;
	unsigned logins; /* since then */
	uint32_t uidvalidity;
	struct known_size *sizes; /* owned; ascending by UID */
	size_t count;
	size_t capacity;
};

static int memory_compare(const void *a, const void *b)
{
	return strcmp(((const struct mailbox_memory *)a)->key,
		      ((const struct mailbox_memory *)b)->key);
}

static void memory_free(void *node)
{
	struct mailbox_memory *memory = node;

	free(memory->key);
	free(memory->host);
	free(memory->user);
	free(memory->folder);
	free(memory->name);
	free(memory->last_error);
	free(memory->sizes);
	free(memory);
}

char *mailbox_memory_key(const char *host, const char *user, const char *folder)
{
	char *key;

	return asprintf(&key, "%s\n%s\n%s", host, user, folder) >= 0 ? key : NULL;
}

/* The key, and its parts again. */
static bool memory_set_key(struct mailbox_memory *memory, const char *key)
{
	const char *user = strchrnul(key, '\n');
	const char *folder = strchrnul(user + (*user != '\0'), '\n');

	memory->key = strdup(key);
	memory->host = strndup(key, (size_t)(user - key));
	user += *user != '\0';
	memory->user = strndup(user, (size_t)(folder - user));
	memory->folder = strdup(folder + (*folder != '\0'));
	return memory->key != NULL && memory->host != NULL && memory->user != NULL &&
	       memory->folder != NULL;
}

struct mailbox_memory *mailbox_memory_get(struct mailbox_memories *memories, const char *key)
{
	struct mailbox_memory wanted = { .key = (char *)key };
	struct mailbox_memory **found = tfind(&wanted, &memories->root, memory_compare);

	if (found != NULL)
		return *found;
	struct mailbox_memory *memory = calloc(1, sizeof(*memory));
	if (memory == NULL)
		return NULL;
	if (!memory_set_key(memory, key) ||
	    tsearch(memory, &memories->root, memory_compare) == NULL) {
		memory_free(memory);
		return NULL;
	}
	return memory;
}

void mailbox_memories_deinit(struct mailbox_memories *memories)
{
	tdestroy(memories->root, memory_free);
	memories->root = NULL;
}

/* ---- how it went ---- */

/* Replaces an owned text. Without memory the old one is gone, too: it would not be true. */
static void replace_text(char **text, const char *next)
{
	if (*text != NULL && next != NULL && strcmp(*text, next) == 0)
		return;
	free(*text);
	*text = next != NULL ? strdup(next) : NULL;
}

void mailbox_memory_succeeded(struct mailbox_memory *memory, const char *name, time_t now,
			      uint32_t messages)
{
	replace_text(&memory->name, name);
	replace_text(&memory->last_error, NULL);
	memory->last_success = now;
	memory->counted = true;
	memory->messages = messages;
}

void mailbox_memory_failed(struct mailbox_memory *memory, const char *name, time_t now,
			   const char *error)
{
	replace_text(&memory->name, name);
	replace_text(&memory->last_error, error);
	memory->last_failure = now;
}

/* False: only its key is known, nobody was let in. */
static bool memory_record(const struct mailbox_memory *memory, struct mailbox_record *record_r)
{
	*record_r = (struct mailbox_record){
		.host = memory->host,
		.user = memory->user,
		.folder = memory->folder,
		.name = memory->name,
		.last_success = memory->last_success,
		.last_failure = memory->last_failure,
		.last_error = memory->last_error,
		.counted = memory->counted,
		.messages = memory->messages,
	};
	return memory->name != NULL;
}

bool mailbox_memories_find(const struct mailbox_memories *memories, const char *key,
			   struct mailbox_record *record_r)
{
	struct mailbox_memory wanted = { .key = (char *)key };
	struct mailbox_memory **found = tfind(&wanted, &memories->root, memory_compare);

	return found != NULL && memory_record(*found, record_r);
}

struct walk {
	void (*fn)(void *argument, const struct mailbox_record *record);
	void *argument;
};

static void walk_node(const void *node, VISIT visit, void *closure)
{
	const struct mailbox_memory *const *memory = node;
	const struct walk *walk = closure;
	struct mailbox_record record;

	/* Each node is visited once in order: leaves as such, the others between their sides. */
	if ((visit == postorder || visit == leaf) && memory_record(*memory, &record))
		walk->fn(walk->argument, &record);
}

void mailbox_memories_walk(const struct mailbox_memories *memories,
			   void (*fn)(void *argument, const struct mailbox_record *record),
			   void *argument)
{
	struct walk walk = { .fn = fn, .argument = argument };

	twalk_r(memories->root, walk_node, &walk);
}

uint64_t mailbox_memory_retrieved(const struct mailbox_memory *memory)
{
	return memory->retrieved;
}

void mailbox_memory_set_retrieved(struct mailbox_memory *memory, uint64_t fingerprint)
{
	memory->retrieved = fingerprint;
}

/* ---- logins, sizes ---- */

bool mailbox_memory_login(struct mailbox_memory *memory, uint64_t now_ms, unsigned per_minute)
{
	if (memory->logins == 0 || now_ms - memory->minute_began_ms >= 60000) {
		memory->minute_began_ms = now_ms;
		memory->logins = 0;
	}
	if (memory->logins >= per_minute)
		return false;
	memory->logins++;
	return true;
}

bool mailbox_memory_sizes(const struct mailbox_memory *memory, struct maildrop *maildrop,
			  uint32_t **unknown_r, size_t *count_r)
{
	uint32_t last = maildrop_last(maildrop);
	bool same = memory->uidvalidity == maildrop_uidvalidity(maildrop);
	size_t slot = 0;

	*count_r = 0;
	*unknown_r = calloc(last > 0 ? last : 1, sizeof(**unknown_r));
	if (*unknown_r == NULL)
		return false;
	for (uint32_t msgno = 1; msgno <= last; msgno++) {
		uint32_t uid = maildrop_uid(maildrop, msgno);

		while (same && slot < memory->count && memory->sizes[slot].uid < uid)
			slot++;
		if (same && slot < memory->count && memory->sizes[slot].uid == uid)
			maildrop_set_message_octets(maildrop, msgno, memory->sizes[slot].octets);
		else
			(*unknown_r)[(*count_r)++] = uid;
	}
	return true;
}

static void memory_insert(struct mailbox_memory *memory, size_t slot, struct known_size size)
{
	if (memory->count == memory->capacity) {
		size_t capacity = memory->capacity == 0 ? 64 : memory->capacity * 2;
		struct known_size *sizes = reallocarray(memory->sizes, capacity, sizeof(*sizes));

		if (sizes == NULL)
			return;
		memory->sizes = sizes;
		memory->capacity = capacity;
	}
	memmove(memory->sizes + slot + 1, memory->sizes + slot,
		(memory->count - slot) * sizeof(*memory->sizes));
	memory->sizes[slot] = size;
	memory->count++;
}

void mailbox_memory_learn(struct mailbox_memory *memory, uint32_t uidvalidity, uint32_t uid,
			  uint64_t octets)
{
	size_t low = 0;

	if (memory->uidvalidity != uidvalidity) {
		memory->uidvalidity = uidvalidity;
		memory->count = 0;
	}
	/* New messages have the highest UIDs: mostly this ends where it begins. */
	if (memory->count > 0 && memory->sizes[memory->count - 1].uid < uid) {
		low = memory->count;
	} else {
		size_t high = memory->count;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (memory->sizes[middle].uid < uid)
				low = middle + 1;
			else
				high = middle;
		}
	}
	if (low < memory->count && memory->sizes[low].uid == uid)
		memory->sizes[low].octets = octets;
	else
		memory_insert(memory, low, (struct known_size){ .uid = uid, .octets = octets });
}

void mailbox_memory_prune(struct mailbox_memory *memory, const struct maildrop *maildrop)
{
	size_t kept = 0;

	if (memory->uidvalidity != maildrop_uidvalidity(maildrop))
		return;
	for (size_t slot = 0; slot < memory->count; slot++) {
		if (maildrop_find(maildrop, memory->sizes[slot].uid) != 0)
			memory->sizes[kept++] = memory->sizes[slot];
	}
	memory->count = kept;
}
