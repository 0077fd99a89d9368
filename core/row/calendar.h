/* Days since 2000-01-01 and the proleptic Gregorian calendar, with astronomical years (0 is 1 BC). Pure functions. */
#ifndef SGR_ROW_CALENDAR_H
#define SGR_ROW_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define SGR_SECOND INT64_C(1000000)
#define SGR_MINUTE (60 * SGR_SECOND)
#define SGR_HOUR   (60 * SGR_MINUTE)
#define SGR_DAY    (24 * SGR_HOUR)

/* What Postgres can hold; the ends of timestamps are microseconds, the last one excluded. */
#define SGR_DATE_FIRST      (-2451545)
#define SGR_DATE_END        2145031949
#define SGR_TIMESTAMP_FIRST INT64_C(-211813488000000000)
#define SGR_TIMESTAMP_END   INT64_C(9223371331200000000)
#define SGR_DATE_TO_UNIX    10957 /* days from 1970-01-01 to 2000-01-01 */

struct sgr_calendar {
    int64_t year;
    int month, day; /* from 1 */
};

/* month may be outside 1..12 and day outside the month: they carry. */
int64_t sgr_calendar_days(int64_t year, int64_t month, int64_t day);
struct sgr_calendar sgr_calendar_date(int64_t days);
int sgr_calendar_month_length(int64_t year, int month);
/* Rounds to minus infinity; *ret_rest >= 0. */
int64_t sgr_calendar_floor(int64_t dividend, int64_t divisor, int64_t *ret_rest);
static inline bool sgr_timestamp_finite(int64_t timestamp) {
    return timestamp != INT64_MIN && timestamp != INT64_MAX;
}
static inline bool sgr_timestamp_valid(int64_t timestamp) {
    return timestamp >= SGR_TIMESTAMP_FIRST && timestamp < SGR_TIMESTAMP_END;
}

#endif
