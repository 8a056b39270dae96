/* SPDX-License-Identifier: ISC */
/*
 * forecast: client secrets and certificates that will expire are told of thirty days ahead, once
 * each, as an incident of the first account that uses them (daemon/attention.h).
 *
 * When a certificate does, stands in it; when a client secret does, only the configuration knows
 * (`oauth.expires`). It looks when it is told to, and once a day.
 */
#ifndef DAEMON_FORECAST_H
#define DAEMON_FORECAST_H

#include <time.h>

#include "conf/conf.h"
#include "daemon/attention.h"
#include "daemon/log.h"
#include "daemon/loop.h"

enum { FORECAST_DAYS = 30 };

struct forecast;

/* All is borrowed. NULL: no memory. */
struct forecast *forecast_new(struct loop *loop, struct log *log, struct attention *attention);
void forecast_free(struct forecast **forecast);

/* Looks at the accounts of `conf`, now and every day from now on. A reference is taken. */
void forecast_watch(struct forecast *forecast, struct conf *conf);

/* "2027-03-01": the moment that day begins, UTC. False: it is no date. */
bool forecast_date(const char *text, time_t *date_r);
/* Whether it is time to speak of it. */
bool forecast_is_due(time_t expiry, time_t now);

#endif
