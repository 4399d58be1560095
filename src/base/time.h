/* Instants (int64 microseconds since 1970-01-01T00:00:00Z) and business dates (days since
 * 1970-01-01). Time is data: nothing here reads a clock. Pure. */
#ifndef XD_BASE_TIME_H
#define XD_BASE_TIME_H

#include "base/buf.h"
#include "base/status.h"

typedef int64_t xd_instant; /* microseconds UTC */
typedef int32_t xd_date;    /* days since 1970-01-01, proleptic Gregorian */

#define XD_INSTANT_NONE INT64_MIN
#define XD_DATE_NONE INT32_MIN

/* RFC 3339 date-time with any offset ("2026-11-17T13:06:04.123Z"); up to 9 fraction digits, those
 * past microseconds dropped; leap second 60 refused; years 0001..9999. XD_INVALID, rule
 * "time.instant". */
XD_CHECKED xd_status xd_instant_parse(xd_str text, xd_instant *ret, xd_fault *fault);
/* "2026-11-17T13:06:04.123456Z", fraction omitted when zero, else 3 or 6 digits. */
void xd_instant_write(xd_buf *buf, xd_instant instant);
/* YYYY-MM-DD that exists. XD_INVALID, rule "time.date". */
XD_CHECKED xd_status xd_date_parse(xd_str text, xd_date *ret, xd_fault *fault);
void xd_date_write(xd_buf *buf, xd_date date);
/* An end of a validity: a date (UTC) is its first moment, or, when last_day, the moment behind it;
 * else an instant. False when text is neither. */
bool xd_moment_parse(xd_str text, bool last_day, xd_instant *ret);
/* Business date of an instant in the zone at offset_minutes east of UTC. */
xd_date xd_date_of(xd_instant instant, int32_t offset_minutes);
void xd_date_split(xd_date date, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day);

#endif
