/* Arithmetic on dates, times, timestamps and intervals. Without daylight saving: sessions are pinned to UTC. */
#include "expr/operations.h"
#include "row/calendar.h"

#define APPLY(name)                                                                 \
    static int apply_##name(struct sgr__frame *frame, const struct sgr__node *node, \
                            const struct sgr_value *arguments, struct sgr_value *ret)
#define OPERATION(name, spelled) \
    const struct sgr__operation sgr__##name = {.form = (spelled), .apply = apply_##name}

static int out_of_range(struct sgr__frame *frame, const char *what) {
    return sgr_error_set(frame->error, SGR_ERANGE, "%s out of range", what);
}

static bool date_is_finite(int64_t days) {
    return days != INT32_MAX && days != INT32_MIN;
}

static int move_date(struct sgr__frame *frame, int64_t date, int64_t days, struct sgr_value *ret) {
    ret->i = date;
    if (!date_is_finite(date))
        return 0;
    date += days;
    if (date < SGR_DATE_FIRST || date >= SGR_DATE_END)
        return out_of_range(frame, "date");
    ret->i = date;
    return 0;
}

APPLY(date_add_days) {
    (void)node;
    return move_date(frame, arguments[0].i, arguments[1].i, ret);
}
OPERATION(date_add_days, "(% + %)");

APPLY(days_add_date) {
    (void)node;
    return move_date(frame, arguments[1].i, arguments[0].i, ret);
}
OPERATION(days_add_date, "(% + %)");

APPLY(date_subtract_days) {
    (void)node;
    return move_date(frame, arguments[0].i, -arguments[1].i, ret);
}
OPERATION(date_subtract_days, "(% - %)");

APPLY(date_subtract_date) {
    (void)node;
    if (!date_is_finite(arguments[0].i) || !date_is_finite(arguments[1].i))
        return sgr_error_set(frame->error, SGR_ERANGE, "cannot subtract infinite dates");
    ret->i = arguments[0].i - arguments[1].i;
    return 0;
}
OPERATION(date_subtract_date, "(% - %)");

static int join_date_and_time(struct sgr__frame *frame, int64_t date, int64_t time,
                              struct sgr_value *ret) {
    int64_t timestamp;
    if (!date_is_finite(date)) {
        ret->i = date > 0 ? INT64_MAX : INT64_MIN;
        return 0;
    }
    if (__builtin_mul_overflow(date, SGR_DAY, &timestamp) ||
        __builtin_add_overflow(timestamp, time, &timestamp) || !sgr_timestamp_valid(timestamp))
        return out_of_range(frame, "timestamp");
    ret->i = timestamp;
    return 0;
}

APPLY(date_add_time) {
    (void)node;
    return join_date_and_time(frame, arguments[0].i, arguments[1].i, ret);
}
OPERATION(date_add_time, "(% + %)");

APPLY(time_add_date) {
    (void)node;
    return join_date_and_time(frame, arguments[1].i, arguments[0].i, ret);
}
OPERATION(time_add_date, "(% + %)");

/* ---- Timestamps */

/* The same day of another month, or that month's last. */
static int64_t add_months(int64_t days, int64_t months) {
    struct sgr_calendar date = sgr_calendar_date(days);
    int64_t month; /* from 0 */
    int64_t year = date.year + sgr_calendar_floor(date.month - 1 + months, 12, &month);
    int length = sgr_calendar_month_length(year, (int)month + 1);
    return sgr_calendar_days(year, month + 1, date.day < length ? date.day : length);
}

static int move_timestamp(struct sgr__frame *frame, int64_t timestamp,
                          const struct sgr_interval *by, int sign, struct sgr_value *ret) {
    int64_t clock, moved;
    ret->i = timestamp;
    if (!sgr_timestamp_finite(timestamp))
        return 0;
    int64_t days = sgr_calendar_floor(timestamp, SGR_DAY, &clock);
    if (by->months)
        days = add_months(days, sign * (int64_t)by->months);
    /* Postgres checks after each of the three steps, so a detour beyond the range is an error. */
    if (__builtin_mul_overflow(days, SGR_DAY, &moved) ||
        __builtin_add_overflow(moved, clock, &moved) || !sgr_timestamp_valid(moved))
        return out_of_range(frame, "timestamp");
    days += sign * (int64_t)by->days;
    if (__builtin_mul_overflow(days, SGR_DAY, &moved) ||
        __builtin_add_overflow(moved, clock, &moved) || !sgr_timestamp_valid(moved))
        return out_of_range(frame, "timestamp");
    bool overflow = sign > 0 ? __builtin_add_overflow(moved, by->microseconds, &moved)
                             : __builtin_sub_overflow(moved, by->microseconds, &moved);
    if (overflow || !sgr_timestamp_valid(moved))
        return out_of_range(frame, "timestamp");
    ret->i = moved;
    return 0;
}

APPLY(timestamp_add) {
    (void)node;
    return move_timestamp(frame, arguments[0].i, &arguments[1].v, 1, ret);
}
OPERATION(timestamp_add, "(% + %)");

APPLY(interval_add_timestamp) {
    (void)node;
    return move_timestamp(frame, arguments[1].i, &arguments[0].v, 1, ret);
}
OPERATION(interval_add_timestamp, "(% + %)");

APPLY(timestamp_subtract) {
    (void)node;
    return move_timestamp(frame, arguments[0].i, &arguments[1].v, -1, ret);
}
OPERATION(timestamp_subtract, "(% - %)");

APPLY(timestamp_difference) {
    (void)node;
    int64_t difference;
    if (!sgr_timestamp_finite(arguments[0].i) || !sgr_timestamp_finite(arguments[1].i))
        return sgr_error_set(frame->error, SGR_ERANGE, "cannot subtract infinite timestamps");
    if (__builtin_sub_overflow(arguments[0].i, arguments[1].i, &difference))
        return out_of_range(frame, "interval");
    ret->v = (struct sgr_interval){difference % SGR_DAY, (int32_t)(difference / SGR_DAY), 0};
    return 0;
}
OPERATION(timestamp_difference, "(% - %)");

/* ---- Intervals and times of day */

APPLY(interval_add) {
    (void)node;
    const struct sgr_interval *a = &arguments[0].v, *b = &arguments[1].v;
    if (__builtin_add_overflow(a->microseconds, b->microseconds, &ret->v.microseconds) ||
        __builtin_add_overflow(a->days, b->days, &ret->v.days) ||
        __builtin_add_overflow(a->months, b->months, &ret->v.months))
        return out_of_range(frame, "interval");
    return 0;
}
OPERATION(interval_add, "(% + %)");

APPLY(interval_subtract) {
    (void)node;
    const struct sgr_interval *a = &arguments[0].v, *b = &arguments[1].v;
    if (__builtin_sub_overflow(a->microseconds, b->microseconds, &ret->v.microseconds) ||
        __builtin_sub_overflow(a->days, b->days, &ret->v.days) ||
        __builtin_sub_overflow(a->months, b->months, &ret->v.months))
        return out_of_range(frame, "interval");
    return 0;
}
OPERATION(interval_subtract, "(% - %)");

APPLY(interval_negate) {
    (void)node;
    const struct sgr_interval *a = &arguments[0].v;
    if (__builtin_sub_overflow(INT64_C(0), a->microseconds, &ret->v.microseconds) ||
        __builtin_sub_overflow(0, a->days, &ret->v.days) ||
        __builtin_sub_overflow(0, a->months, &ret->v.months))
        return out_of_range(frame, "interval");
    return 0;
}
OPERATION(interval_negate, "(- %)");

/* Round the clock; whole days and months don't matter. */
static int set_clock(int64_t time, int64_t by, struct sgr_value *ret) {
    sgr_calendar_floor(time + by % SGR_DAY, SGR_DAY, &ret->i);
    return 0;
}

APPLY(time_add_interval) {
    (void)frame, (void)node;
    return set_clock(arguments[0].i, arguments[1].v.microseconds, ret);
}
OPERATION(time_add_interval, "(% + %)");

APPLY(interval_add_time) {
    (void)frame, (void)node;
    return set_clock(arguments[1].i, arguments[0].v.microseconds, ret);
}
OPERATION(interval_add_time, "(% + %)");

APPLY(time_subtract_interval) {
    (void)frame, (void)node;
    return set_clock(arguments[0].i, -(arguments[1].v.microseconds % SGR_DAY), ret);
}
OPERATION(time_subtract_interval, "(% - %)");

APPLY(time_subtract_time) {
    (void)frame, (void)node;
    ret->v = (struct sgr_interval){arguments[0].i - arguments[1].i, 0, 0};
    return 0;
}
OPERATION(time_subtract_time, "(% - %)");
