/* SPDX-License-Identifier: ISC */
#include "daemon/ticket.h"

#include <search.h>
#include <stdlib.h>

struct ticket {
	uint64_t number;
	void *holder;
};

static int ticket_compare(const void *a, const void *b)
{
	uint64_t number_a = ((const struct ticket *)a)->number;
	uint64_t number_b = ((const struct ticket *)b)->number;

	return number_a < number_b ? -1 : number_a > number_b;
}

bool ticket_draw(struct ticket_office *office, void *holder, uint64_t *ticket_r)
{
	struct ticket *ticket = malloc(sizeof(*ticket));

	if (ticket == NULL)
		return false;
	*ticket = (struct ticket){ .number = office->last + 1, .holder = holder };
	if (tsearch(ticket, &office->holders, ticket_compare) == NULL) {
		free(ticket);
		return false;
	}
	office->last++;
	*ticket_r = ticket->number;
	return true;
}

static struct ticket *ticket_search(const struct ticket_office *office, uint64_t number)
{
	struct ticket wanted = { .number = number };
	struct ticket **found = tfind(&wanted, &office->holders, ticket_compare);

	return found != NULL ? *found : NULL;
}

void *ticket_find(const struct ticket_office *office, uint64_t ticket)
{
	const struct ticket *found = ticket_search(office, ticket);

	return found != NULL ? found->holder : NULL;
}

void ticket_return(struct ticket_office *office, uint64_t ticket)
{
	struct ticket *found = ticket_search(office, ticket);

	if (found == NULL)
		return;
	tdelete(found, &office->holders, ticket_compare);
	free(found);
}
