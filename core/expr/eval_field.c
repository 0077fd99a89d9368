/* extract, date_part and date_trunc. */
#include <math.h>

#include "expr/operations.h"
#include "expr/time_unit.h"
#include "row/calendar.h"
#include "row/numeric.h"

/* A value taken apart. Years are astronomical; of an interval all parts have its sign. */
struct parts {
    int64_t days; /* since 2000-01-01; of an interval: its days */
    struct sgr_calendar date;
    int64_t hour, minute, second, fraction;
};

static void split_clock(int64_t clock, struct parts *ret) {
    ret->hour = clock / SGR_HOUR;
    ret->minute = clock / SGR_MINUTE % 60;
    ret->second = clock / SGR_SECOND % 60;
    ret->fraction = clock % SGR_SECOND;
}

static void split_timestamp(int64_t timestamp, struct parts *ret) {
    int64_t clock;
    ret->days = sgr_calendar_floor(timestamp, SGR_DAY, &clock);
    ret->date = sgr_calendar_date(ret->days);
    split_clock(clock, ret);
}

static struct parts parts_of(const struct sgr_value *value) {
    struct parts parts = {0};
    switch (value->type) {
    case SGR_DATE:
        parts.days = value->i;
        parts.date = sgr_calendar_date(value->i);
        break;
    case SGR_TIME:
        split_clock(value->i, &parts);
        break;
    case SGR_INTERVAL:
        parts.days = value->v.days;
        parts.date.day = value->v.days;
        parts.date.month = value->v.months % 12;
        parts.date.year = value->v.months / 12;
        split_clock(value->v.microseconds, &parts);
        break;
    default:
        split_timestamp(value->i, &parts);
    }
    return parts;
}

/* 0 is Monday */
static int64_t weekday(int64_t days) {
    int64_t day;
    sgr_calendar_floor(days + 5, 7, &day);
    return day;
}

/* The ISO year is that of the week's Thursday. */
static int64_t iso_year(int64_t days) {
    return sgr_calendar_date(days - weekday(days) + 3).year;
}

static int64_t iso_week(int64_t days) {
    int64_t thursday = days - weekday(days) + 3;
    return (thursday - sgr_calendar_days(sgr_calendar_date(thursday).year, 1, 1)) / 7 + 1;
}

static int64_t decade_of(int64_t year) {
    return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}

/* Centuries and millennia begin with year 1, and there is none numbered 0. */
static int64_t span_of(int64_t year, int64_t size) {
    return year > 0 ? (year + size - 1) / size : -((size - 1 - (year - 1)) / size);
}

/* Years, weeks and the like of a date; of an interval plain quotients. */
static int64_t calendar_field(enum sgr__time_unit unit, const struct parts *parts, bool interval) {
    int64_t year = parts->date.year;
    switch (unit) {
    case SGR__DAY:
        return parts->date.day;
    case SGR__WEEK:
        return iso_week(parts->days);
    case SGR__MONTH:
        return parts->date.month;
    case SGR__QUARTER:
        return interval ? parts->date.month / 3 + 1 : (parts->date.month - 1) / 3 + 1;
    case SGR__YEAR:
        return interval || year > 0 ? year : year - 1;
    case SGR__DECADE:
        return interval ? year / 10 : decade_of(year);
    case SGR__CENTURY:
        return interval ? year / 100 : span_of(year, 100);
    case SGR__MILLENNIUM:
        return interval ? year / 1000 : span_of(year, 1000);
    case SGR__DOW:
        return (weekday(parts->days) + 1) % 7;
    case SGR__ISODOW:
        return weekday(parts->days) + 1;
    case SGR__DOY:
        return parts->days - sgr_calendar_days(year, 1, 1) + 1;
    default: {
        int64_t iso = iso_year(parts->days);
        return iso > 0 ? iso : iso - 1;
    }
    }
}

/* Seconds of an interval, with years of 365.25 and months of 30 days. */
static __int128 interval_epoch(const struct sgr_interval *interval) {
    int64_t quarter_days = (int64_t)(interval->months / 12) * 1461 +
                           (int64_t)(interval->months % 12) * 120 + (int64_t)interval->days * 4;
    return (__int128)quarter_days * (86400 / 4) * SGR_SECOND + interval->microseconds;
}

static __int128 epoch_of(const struct sgr_value *value) {
    switch (value->type) {
    case SGR_DATE:
        return (__int128)(value->i + SGR_DATE_TO_UNIX) * SGR_DAY;
    case SGR_TIME:
        return value->i;
    case SGR_INTERVAL:
        return interval_epoch(&value->v);
    default:
        return (__int128)value->i + SGR_DATE_TO_UNIX * SGR_DAY;
    }
}

/* A field as number / 10^scale. */
struct field {
    __int128 number;
    int scale;
};

static struct field field_of(enum sgr__time_unit unit, const struct sgr_value *value) {
    struct parts parts = parts_of(value);
    int64_t microseconds = parts.second * SGR_SECOND + parts.fraction;
    switch (unit) {
    case SGR__MICROSECONDS:
        return (struct field){microseconds, 0};
    case SGR__MILLISECONDS:
        return (struct field){microseconds, 3};
    case SGR__SECOND:
        return (struct field){microseconds, 6};
    case SGR__MINUTE:
        return (struct field){parts.minute, 0};
    case SGR__HOUR:
        return (struct field){parts.hour, 0};
    case SGR__EPOCH:
        if (value->type == SGR_DATE)
            return (struct field){epoch_of(value) / SGR_SECOND, 0};
        return (struct field){epoch_of(value), 6};
    default:
        return (struct field){calendar_field(unit, &parts, value->type == SGR_INTERVAL), 0};
    }
}

static void write_field(struct field field, struct sgr_buffer *out) {
    __int128 power = 1, size = field.number < 0 ? -field.number : field.number;
    for (int i = 0; i < field.scale; i++)
        power *= 10;
    if (field.number < 0)
        sgr_buffer_putc(out, '-');
    sgr_buffer_int(out, (int64_t)(size / power));
    if (field.scale)
        sgr_buffer_printf(out, ".%0*lld", field.scale, (long long)(size % power));
}

/* Epochs whose microseconds are beyond int8 go through a quotient of numerics in Postgres, which rounds them. */
static void write_large(struct sgr__frame *frame, struct field field, struct sgr_buffer *out) {
    struct sgr_numeric number, million;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    write_field((struct field){field.number / 1000000000, 0}, &text);
    sgr_buffer_printf(&text, "%09lld", (long long)(field.number % 1000000000));
    int code = text.failed ? SGR_ENOMEM
                           : sgr_numeric_parse(frame->arena,
                                               (struct sgr_slice){text.data, text.size}, &number);
    if (!code)
        code = sgr_numeric_from_int(frame->arena, SGR_SECOND, &million);
    if (!code)
        code = sgr_numeric_divide(frame->arena, &number, &million, &number);
    if (!code)
        code = sgr_numeric_round(frame->arena, &number, field.scale, &number);
    if (code)
        out->failed = true;
    else
        sgr_numeric_write(&number, out);
    sgr_buffer_fini(&text);
}

/* date_part computes in floats, sum by sum. */
static double float_field(enum sgr__time_unit unit, const struct sgr_value *value) {
    struct parts parts = parts_of(value);
    switch (unit) {
    case SGR__MILLISECONDS:
        return (double)parts.second * 1000.0 + (double)parts.fraction / 1000.0;
    case SGR__SECOND:
        return (double)parts.second + (double)parts.fraction / 1000000.0;
    case SGR__EPOCH:
        if (value->type == SGR_INTERVAL) {
            int32_t years = value->v.months / 12, months = value->v.months % 12; /* whole ones */
            double seconds = (double)value->v.microseconds / 1000000.0;
            seconds += 365.25 * 86400.0 * years;
            seconds += 30.0 * 86400.0 * months;
            return seconds + 86400.0 * value->v.days;
        }
        return (double)epoch_of(value) / 1000000.0;
    default:
        return (double)field_of(unit, value).number;
    }
}

static int check_unit(struct sgr__frame *frame, struct sgr_slice name, enum sgr_type type,
                      bool truncate, enum sgr__time_unit *ret) {
    *ret = sgr__time_unit_of(name);
    if (sgr__time_unit_fits(*ret, type, truncate))
        return 0;
    return sgr_error_set(frame->error, SGR_EUNSUPPORTED, "unit \"%.*s\" not supported for type %s",
                         name.size > 64 ? 64 : (int)name.size, name.data, sgr_type_name(type));
}

/* 0: finite, or its sign */
static int infinite_sign(const struct sgr_value *value) {
    int64_t least = value->type == SGR_DATE ? INT32_MIN : INT64_MIN;
    int64_t most = value->type == SGR_DATE ? INT32_MAX : INT64_MAX;
    if (value->type == SGR_INTERVAL || value->type == SGR_TIME)
        return 0;
    return (value->i == most) - (value->i == least);
}

/* Of an infinite time the fields that only grow are infinite, those that go round are null. */
static bool grows(enum sgr__time_unit unit) {
    return (unit >= SGR__YEAR && unit <= SGR__EPOCH) || unit == SGR__ISOYEAR;
}

static int apply_extract(struct sgr__frame *frame, const struct sgr__node *node,
                         const struct sgr_value *arguments, struct sgr_value *ret) {
    enum sgr__time_unit unit;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    int sign = infinite_sign(&arguments[1]);
    (void)node;
    int code = check_unit(frame, arguments[0].s, arguments[1].type, false, &unit);
    if (code)
        return code;
    if (sign && !grows(unit)) {
        ret->null = true;
        return 0;
    }
    struct field field = sign ? (struct field){0, 0} : field_of(unit, &arguments[1]);
    if (sign)
        sgr_buffer_puts(&text, sign > 0 ? "Infinity" : "-Infinity");
    else if (field.number > INT64_MAX)
        write_large(frame, field, &text);
    else
        write_field(field, &text);
    return sgr__frame_take(frame, &text, ret);
}
const struct sgr__operation sgr__extract = {
    .form = "extract(% FROM %)", .apply = apply_extract, .makes_nulls = true};

static int apply_date_part(struct sgr__frame *frame, const struct sgr__node *node,
                           const struct sgr_value *arguments, struct sgr_value *ret) {
    enum sgr__time_unit unit;
    int sign = infinite_sign(&arguments[1]);
    (void)node;
    int code = check_unit(frame, arguments[0].s, arguments[1].type, false, &unit);
    if (code)
        return code;
    ret->null = sign && !grows(unit);
    ret->f = sign ? sign * INFINITY : float_field(unit, &arguments[1]);
    return 0;
}
const struct sgr__operation sgr__date_part = {
    .form = "date_part(%*)", .apply = apply_date_part, .makes_nulls = true};

/* ---- date_trunc */

static int64_t truncate_clock(enum sgr__time_unit unit, int64_t clock) {
    static const int64_t sizes[] = {1, 1000, SGR_SECOND, SGR_MINUTE, SGR_HOUR};
    return unit > SGR__HOUR ? 0 : clock - clock % sizes[unit];
}

static int64_t truncate_days(enum sgr__time_unit unit, int64_t days) {
    struct sgr_calendar date = sgr_calendar_date(days);
    int64_t year = date.year;
    switch (unit) {
    case SGR__WEEK:
        return days - weekday(days);
    case SGR__MONTH:
        return days - date.day + 1;
    case SGR__QUARTER:
        return sgr_calendar_days(year, (date.month - 1) / 3 * 3 + 1, 1);
    case SGR__YEAR:
        return sgr_calendar_days(year, 1, 1);
    case SGR__DECADE:
        return sgr_calendar_days(decade_of(year) * 10, 1, 1);
    case SGR__CENTURY:
        return sgr_calendar_days(
            year > 0 ? span_of(year, 100) * 100 - 99 : span_of(year, 100) * 100 + 1, 1, 1);
    case SGR__MILLENNIUM:
        return sgr_calendar_days(
            year > 0 ? span_of(year, 1000) * 1000 - 999 : span_of(year, 1000) * 1000 + 1, 1, 1);
    default:
        return days;
    }
}

static int32_t truncate_months(enum sgr__time_unit unit, int32_t months) {
    switch (unit) {
    case SGR__QUARTER:
        return months - months % 3;
    case SGR__YEAR:
        return months - months % 12;
    case SGR__DECADE:
        return months - months % 120;
    case SGR__CENTURY:
        return months - months % 1200;
    case SGR__MILLENNIUM:
        return months - months % 12000;
    default:
        return months;
    }
}

static int apply_date_trunc(struct sgr__frame *frame, const struct sgr__node *node,
                            const struct sgr_value *arguments, struct sgr_value *ret) {
    enum sgr__time_unit unit;
    (void)node;
    int code = check_unit(frame, arguments[0].s, arguments[1].type, true, &unit);
    if (code)
        return code;
    if (arguments[1].type == SGR_INTERVAL) {
        const struct sgr_interval *from = &arguments[1].v;
        ret->v.months = truncate_months(unit, from->months);
        ret->v.days = unit > SGR__DAY ? 0 : from->days;
        ret->v.microseconds = truncate_clock(unit, from->microseconds);
        return 0;
    }
    ret->i = arguments[1].i;
    if (!sgr_timestamp_finite(ret->i))
        return 0;
    int64_t clock, truncated;
    int64_t days = truncate_days(unit, sgr_calendar_floor(ret->i, SGR_DAY, &clock));
    if (__builtin_mul_overflow(days, SGR_DAY, &truncated) ||
        __builtin_add_overflow(truncated, truncate_clock(unit, clock), &truncated) ||
        !sgr_timestamp_valid(truncated))
        return sgr_error_set(frame->error, SGR_ERANGE, "timestamp out of range");
    ret->i = truncated;
    return 0;
}
const struct sgr__operation sgr__date_trunc = {.form = "date_trunc(%*)", .apply = apply_date_trunc};
