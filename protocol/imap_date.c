/* SPDX-License-Identifier: ISC */
#include "protocol/imap_date.h"

static const char month_names[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";

/* Takes the one octet that must come next. */
static bool take_octet(struct span *in, unsigned char octet)
{
	return in->len > 0 && span_take(in, 1).data[0] == octet;
}

/* Takes exactly `digits` digits, a number of `min` to `max`. */
static bool take_number(struct span *in, size_t digits, int64_t min, int64_t max, int64_t *number_r)
{
	uint64_t number;

	if (in->len < digits || !span_number(span_take(in, digits), (uint64_t)max, &number))
		return false;
	*number_r = (int64_t)number;
	return *number_r >= min;
}

static bool take_month(struct span *in, int64_t *month_r)
{
	struct span name = span_take(in, 3);

	for (size_t i = 0; i < 12; i++) {
		if (span_equal_nocase(name, span_of(month_names + 3 * i, 3))) {
			*month_r = (int64_t)i + 1;
			return true;
		}
	}
	return false;
}

static bool take_zone(struct span *in, int64_t *seconds_r)
{
	struct span sign = span_take(in, 1);
	int64_t hours;
	int64_t minutes;

	if (sign.len == 0 || (sign.data[0] != '+' && sign.data[0] != '-') ||
	    !take_number(in, 2, 0, 23, &hours) || !take_number(in, 2, 0, 59, &minutes))
		return false;
	*seconds_r = (hours * 60 + minutes) * 60;
	if (sign.data[0] == '-')
		*seconds_r = -*seconds_r;
	return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01, in the Gregorian calendar. */
static int64_t days_since_epoch(int64_t year, int64_t month, int64_t day)
{
	/* Years that begin in March end with the leap day; every five months from there have 153
	 * days. */
	int64_t march_year = year + 400 - (month <= 2);
	int64_t march_month = (month + 9) % 12;
	int64_t leap_days = march_year / 4 - march_year / 100 + march_year / 400;

	/* 719468 days lie between 0000-03-01 and 1970-01-01, 146097 are 400 years. */
	return march_year * 365 + leap_days + (153 * march_month + 2) / 5 + day - 1 - 719468 -
	       146097;
}

bool imap_date_parse(struct span text, int64_t *seconds_r)
{
	int64_t day, month, year, hour, minute, second, zone;
	/* date-day-fixed has two columns; some servers forget to fill the first. */
	bool padded = text.len > 0 && text.data[0] == ' ';
	bool short_day = padded || (text.len > 1 && text.data[1] == '-');

	if (padded)
		span_take(&text, 1);
	if (!take_number(&text, short_day ? 1 : 2, 1, 31, &day) || !take_octet(&text, '-') ||
	    !take_month(&text, &month) || !take_octet(&text, '-') ||
	    !take_number(&text, 4, 0, 9999, &year) || !take_octet(&text, ' ') ||
	    !take_number(&text, 2, 0, 23, &hour) || !take_octet(&text, ':') ||
	    !take_number(&text, 2, 0, 59, &minute) || !take_octet(&text, ':') ||
	    !take_number(&text, 2, 0, 60, &second) || !take_octet(&text, ' ') ||
	    !take_zone(&text, &zone) || text.len > 0 || day > days_in_month(year, month))
		return false;
	*seconds_r = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 +
		     second - zone;
	return true;
}
