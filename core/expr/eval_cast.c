/* Casts. The node's type is the target; detail is its modifier where one is applied. */
#include <math.h>

#include "expr/operations.h"
#include "expr/utf8.h"
#include "row/calendar.h"
#include "row/numeric.h"

#define APPLY(name)                                                                 \
    static int apply_##name(struct sgr__frame *frame, const struct sgr__node *node, \
                            const struct sgr_value *arguments, struct sgr_value *ret)
#define CAST(name) \
    const struct sgr__operation sgr__##name = {.apply = apply_##name, .is_cast = true}

static int int_out_of_range(struct sgr__frame *frame, enum sgr_type type) {
    return sgr_error_set(frame->error, SGR_ERANGE, "%s out of range",
                         type == SGR_INT2   ? "smallint"
                         : type == SGR_INT4 ? "integer"
                                            : "bigint");
}

static bool fits(int64_t number, enum sgr_type type) {
    return type == SGR_INT2   ? number == (int16_t)number
           : type == SGR_INT4 ? number == (int32_t)number
                              : true;
}

APPLY(int_to_int) {
    if (!fits(arguments[0].i, node->type.type))
        return int_out_of_range(frame, node->type.type);
    ret->i = arguments[0].i;
    return 0;
}
CAST(int_to_int);

APPLY(int_to_float) {
    (void)frame;
    ret->f = node->type.type == SGR_FLOAT4 ? (double)(float)arguments[0].i : (double)arguments[0].i;
    return 0;
}
CAST(int_to_float);

APPLY(int_to_numeric) {
    (void)node;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_buffer_int(&text, arguments[0].i);
    return sgr__frame_take(frame, &text, ret);
}
CAST(int_to_numeric);

APPLY(int_to_bool) {
    (void)frame, (void)node;
    ret->i = arguments[0].i != 0;
    return 0;
}
CAST(int_to_bool);

APPLY(bool_to_int) {
    (void)frame, (void)node;
    ret->i = arguments[0].i;
    return 0;
}
CAST(bool_to_int);

/* To the nearest even; the bounds are exact as doubles, where the largest int8 is not. */
APPLY(float_to_int) {
    double number = rint(arguments[0].f);
    if (isnan(number) || number < -0x1p63 || number >= 0x1p63 ||
        !fits((int64_t)number, node->type.type))
        return int_out_of_range(frame, node->type.type);
    ret->i = (int64_t)number;
    return 0;
}
CAST(float_to_int);

APPLY(float_to_float) {
    double number = arguments[0].f;
    ret->f = node->type.type == SGR_FLOAT4 ? (double)(float)number : number;
    if (isinf(ret->f) && !isinf(number))
        return sgr_error_set(frame->error, SGR_ERANGE, "value out of range: overflow");
    if (ret->f == 0.0 && number != 0.0)
        return sgr_error_set(frame->error, SGR_ERANGE, "value out of range: underflow");
    return 0;
}
CAST(float_to_float);

static int numeric_failure(struct sgr__frame *frame, int code) {
    if (code == SGR_ENOMEM)
        return sgr__frame_out_of_memory(frame);
    return sgr_error_set(frame->error, SGR_ERANGE, "numeric field overflow");
}

static int set_numeric(struct sgr__frame *frame, const struct sgr_numeric *number,
                       struct sgr_value *ret) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_numeric_write(number, &text);
    return sgr__frame_take(frame, &text, ret);
}

APPLY(float_to_numeric) {
    (void)node;
    struct sgr_numeric number;
    int digits = arguments[0].type == SGR_FLOAT4 ? 6 : 15;
    int code = sgr_numeric_from_double(frame->arena, arguments[0].f, digits, &number);
    return code ? numeric_failure(frame, code) : set_numeric(frame, &number, ret);
}
CAST(float_to_numeric);

APPLY(numeric_to_int) {
    struct sgr_numeric number;
    int64_t whole;
    int code = sgr_numeric_parse(frame->arena, arguments[0].s, &number);
    if (code)
        return numeric_failure(frame, code);
    if (number.kind != SGR_NUMERIC_FINITE)
        return sgr_error_set(frame->error, SGR_ERANGE, "cannot convert %s to %s",
                             number.kind == SGR_NUMERIC_NAN ? "NaN" : "infinity",
                             sgr_type_name(node->type.type));
    code = sgr_numeric_to_int(frame->arena, &number, &whole);
    if (code == SGR_ENOMEM)
        return sgr__frame_out_of_memory(frame);
    if (code || !fits(whole, node->type.type))
        return int_out_of_range(frame, node->type.type);
    ret->i = whole;
    return 0;
}
CAST(numeric_to_int);

APPLY(numeric_to_float) {
    return sgr_value_parse(node->type.type, arguments[0].s, ret, frame->error);
}
CAST(numeric_to_float);

APPLY(numeric_fit) {
    struct sgr_numeric number;
    int code = sgr_numeric_parse(frame->arena, arguments[0].s, &number);
    if (!code)
        code = sgr_numeric_fit(frame->arena, &number, (int32_t)node->detail, &number);
    return code ? numeric_failure(frame, code) : set_numeric(frame, &number, ret);
}
CAST(numeric_fit);

/* ---- Text */

static struct sgr_slice without_blanks(struct sgr_slice text) {
    while (text.size && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

APPLY(to_text) {
    (void)node;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    if (arguments[0].type == SGR_BOOL) {
        ret->s = arguments[0].i ? SGR_SLICE("true") : SGR_SLICE("false");
        return 0;
    }
    sgr_value_text(&arguments[0], &text);
    return sgr__frame_take(frame, &text, ret);
}
CAST(to_text);

APPLY(bpchar_to_text) {
    (void)frame, (void)node;
    ret->s = without_blanks(arguments[0].s);
    return 0;
}
CAST(bpchar_to_text);

APPLY(from_text) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    struct sgr_value value;
    int code = sgr_value_parse_literal(node->type.type, node->type.element, arguments[0].s, &text,
                                       &value, frame->error);
    if (!code && text.size)
        code = sgr__frame_take(frame, &text, &value);
    sgr_buffer_fini(&text);
    if (!code)
        *ret = value;
    return code;
}
CAST(from_text);

/* varchar(n): an explicit cast cuts off without a word. */
APPLY(text_fit) {
    (void)frame;
    struct sgr_slice text = arguments[0].s;
    ret->s = (struct sgr_slice){text.data, sgr__utf8_offset(text, node->detail - 4)};
    return 0;
}
CAST(text_fit);

/* char(n): cut off or filled with blanks */
APPLY(bpchar_fit) {
    struct sgr_slice text = arguments[0].s;
    int64_t length = node->detail - 4, count = (int64_t)sgr__utf8_count(text);
    if (count >= length) {
        ret->s = (struct sgr_slice){text.data, sgr__utf8_offset(text, length)};
        return 0;
    }
    size_t fill = (size_t)(length - count);
    char *padded = sgr__frame_text(frame, text.size + fill, ret);
    if (!padded)
        return SGR_ENOMEM;
    if (text.size)
        memcpy(padded, text.data, text.size);
    memset(padded + text.size, ' ', fill);
    return 0;
}
CAST(bpchar_fit);

/* ---- Times */

static bool infinite_date(int64_t days) {
    return days == INT32_MAX || days == INT32_MIN;
}

APPLY(date_to_timestamp) {
    (void)node;
    int64_t days = arguments[0].i;
    if (infinite_date(days)) {
        ret->i = days > 0 ? INT64_MAX : INT64_MIN;
        return 0;
    }
    if (__builtin_mul_overflow(days, SGR_DAY, &ret->i) || !sgr_timestamp_valid(ret->i))
        return sgr_error_set(frame->error, SGR_ERANGE, "date out of range for timestamp");
    return 0;
}
CAST(date_to_timestamp);

/* For comparisons alone: a date beyond all timestamps is above them, but below infinity. */
APPLY(date_to_timestamp_ordered) {
    if (!infinite_date(arguments[0].i) && arguments[0].i >= SGR_TIMESTAMP_END / SGR_DAY) {
        ret->i = SGR_TIMESTAMP_END;
        return 0;
    }
    return apply_date_to_timestamp(frame, node, arguments, ret);
}
/* Not spelled: comparing a date with a timestamp brings it back. */
const struct sgr__operation sgr__date_to_timestamp_ordered = {
    .form = "%", .apply = apply_date_to_timestamp_ordered};

APPLY(timestamp_to_date) {
    (void)frame, (void)node;
    int64_t timestamp = arguments[0].i;
    if (sgr_timestamp_finite(timestamp))
        ret->i = sgr_calendar_floor(timestamp, SGR_DAY, NULL);
    else
        ret->i = timestamp > 0 ? INT32_MAX : INT32_MIN;
    return 0;
}
CAST(timestamp_to_date);

APPLY(timestamp_to_time) {
    (void)frame, (void)node;
    if (!sgr_timestamp_finite(arguments[0].i)) {
        ret->null = true;
        return 0;
    }
    sgr_calendar_floor(arguments[0].i, SGR_DAY, &ret->i);
    return 0;
}
const struct sgr__operation sgr__timestamp_to_time = {
    .apply = apply_timestamp_to_time, .makes_nulls = true, .is_cast = true};

APPLY(timestamp_to_timestamp) {
    (void)frame, (void)node;
    ret->i = arguments[0].i;
    return 0;
}
CAST(timestamp_to_timestamp);

APPLY(time_to_interval) {
    (void)frame, (void)node;
    ret->v = (struct sgr_interval){arguments[0].i, 0, 0};
    return 0;
}
CAST(time_to_interval);

APPLY(interval_to_time) {
    (void)frame, (void)node;
    sgr_calendar_floor(arguments[0].v.microseconds, SGR_DAY, &ret->i);
    return 0;
}
CAST(interval_to_time);

/* Half away from zero at so many digits of a second. */
static int64_t round_microseconds(int64_t number, int64_t digits) {
    int64_t unit = 1;
    for (; digits < 6; digits++)
        unit *= 10;
    if (number >= 0)
        return (number + unit / 2) / unit * unit;
    return -((-number + unit / 2) / unit * unit);
}

/* The last microseconds of the range round beyond it; Postgres lets that be. */
APPLY(timestamp_fit) {
    (void)frame;
    ret->i = arguments[0].i;
    if (sgr_timestamp_finite(ret->i))
        ret->i = round_microseconds(ret->i, node->detail);
    return 0;
}
CAST(timestamp_fit);

APPLY(time_fit) {
    (void)frame;
    ret->i = round_microseconds(arguments[0].i, node->detail);
    return 0;
}
CAST(time_fit);
