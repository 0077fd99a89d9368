/* Arithmetic on integers and floats. Integers are computed in 64 bits and checked against the result's type. */
#include <math.h>

#include "expr/operations.h"

#define APPLY(name)                                                                 \
    static int apply_##name(struct sgr__frame *frame, const struct sgr__node *node, \
                            const struct sgr_value *arguments, struct sgr_value *ret)
#define OPERATION(name, spelled) \
    const struct sgr__operation sgr__##name = {.form = (spelled), .apply = apply_##name}

static int int_out_of_range(struct sgr__frame *frame, enum sgr_type type) {
    const char *name = type == SGR_INT2 ? "smallint" : type == SGR_INT4 ? "integer" : "bigint";
    return sgr_error_set(frame->error, SGR_ERANGE, "%s out of range", name);
}

static int set_int(struct sgr__frame *frame, const struct sgr__node *node, bool overflow,
                   int64_t number, struct sgr_value *ret) {
    enum sgr_type type = node->type.type;
    if (overflow || (type == SGR_INT2 && number != (int16_t)number) ||
        (type == SGR_INT4 && number != (int32_t)number))
        return int_out_of_range(frame, type);
    ret->i = number;
    return 0;
}

static int division_by_zero(struct sgr__frame *frame) {
    return sgr_error_set(frame->error, SGR_EDIVISION, "division by zero");
}

APPLY(add_int) {
    int64_t number;
    bool overflow = __builtin_add_overflow(arguments[0].i, arguments[1].i, &number);
    return set_int(frame, node, overflow, number, ret);
}

APPLY(subtract_int) {
    int64_t number;
    bool overflow = __builtin_sub_overflow(arguments[0].i, arguments[1].i, &number);
    return set_int(frame, node, overflow, number, ret);
}

APPLY(multiply_int) {
    int64_t number;
    bool overflow = __builtin_mul_overflow(arguments[0].i, arguments[1].i, &number);
    return set_int(frame, node, overflow, number, ret);
}

APPLY(divide_int) {
    if (!arguments[1].i)
        return division_by_zero(frame);
    if (arguments[1].i == -1) { /* the least integer has no positive twin */
        int64_t number;
        bool overflow = __builtin_sub_overflow(INT64_C(0), arguments[0].i, &number);
        return set_int(frame, node, overflow, number, ret);
    }
    return set_int(frame, node, false, arguments[0].i / arguments[1].i, ret);
}

APPLY(modulo_int) {
    if (!arguments[1].i)
        return division_by_zero(frame);
    return set_int(frame, node, false, arguments[1].i == -1 ? 0 : arguments[0].i % arguments[1].i,
                   ret);
}

APPLY(negate_int) {
    int64_t number;
    bool overflow = __builtin_sub_overflow(INT64_C(0), arguments[0].i, &number);
    return set_int(frame, node, overflow, number, ret);
}

APPLY(abs_int) {
    if (arguments[0].i < 0)
        return apply_negate_int(frame, node, arguments, ret);
    ret->i = arguments[0].i;
    return 0;
}

OPERATION(add_int, "(% + %)");
OPERATION(subtract_int, "(% - %)");
OPERATION(multiply_int, "(% * %)");
OPERATION(divide_int, "(% / %)");
OPERATION(modulo_int, "(% %% %)");
OPERATION(negate_int, "(- %)");
OPERATION(abs_int, "abs(%)");
const struct sgr__operation sgr__mod_int = {.form = "mod(%*)", .apply = apply_modulo_int};

/* A finite computation that left the range is an error, as in Postgres. `may_vanish`: a zero is a good result. */
static int set_float(struct sgr__frame *frame, const struct sgr__node *node,
                     const struct sgr_value *arguments, double number, bool may_vanish,
                     struct sgr_value *ret) {
    if (node->type.type == SGR_FLOAT4)
        number = (float)number;
    bool infinite = isinf(arguments[0].f) || (node->count > 1 && isinf(arguments[1].f));
    if (isinf(number) && !infinite)
        return sgr_error_set(frame->error, SGR_ERANGE, "value out of range: overflow");
    if (number == 0.0 && !may_vanish)
        return sgr_error_set(frame->error, SGR_ERANGE, "value out of range: underflow");
    ret->f = number;
    return 0;
}

APPLY(add_float) {
    return set_float(frame, node, arguments, arguments[0].f + arguments[1].f, true, ret);
}

APPLY(subtract_float) {
    return set_float(frame, node, arguments, arguments[0].f - arguments[1].f, true, ret);
}

APPLY(multiply_float) {
    bool zero = arguments[0].f == 0.0 || arguments[1].f == 0.0;
    return set_float(frame, node, arguments, arguments[0].f * arguments[1].f, zero, ret);
}

APPLY(divide_float) {
    double dividend = arguments[0].f, divisor = arguments[1].f;
    if (divisor == 0.0 && !isnan(dividend))
        return division_by_zero(frame);
    double quotient = dividend / divisor;
    /* An infinite divisor does not excuse an infinite quotient, only a vanished one. */
    return set_float(frame, node, arguments, quotient, dividend == 0.0 || isinf(divisor), ret);
}

APPLY(negate_float) {
    (void)frame, (void)node;
    ret->f = -arguments[0].f;
    return 0;
}

APPLY(abs_float) {
    (void)frame, (void)node;
    ret->f = fabs(arguments[0].f);
    return 0;
}

APPLY(round_float) {
    (void)frame, (void)node;
    ret->f = rint(arguments[0].f);
    return 0;
}

APPLY(floor_float) {
    (void)frame, (void)node;
    ret->f = floor(arguments[0].f);
    return 0;
}

APPLY(ceil_float) {
    (void)frame, (void)node;
    ret->f = ceil(arguments[0].f);
    return 0;
}

APPLY(trunc_float) {
    (void)frame, (void)node;
    ret->f = arguments[0].f >= 0 ? floor(arguments[0].f) : -floor(-arguments[0].f);
    return 0;
}

APPLY(sign_float) {
    (void)frame, (void)node;
    ret->f = (arguments[0].f > 0) - (arguments[0].f < 0);
    return 0;
}

OPERATION(add_float, "(% + %)");
OPERATION(subtract_float, "(% - %)");
OPERATION(multiply_float, "(% * %)");
OPERATION(divide_float, "(% / %)");
OPERATION(negate_float, "(- %)");
OPERATION(abs_float, "abs(%)");
OPERATION(round_float, "round(%)");
OPERATION(floor_float, "floor(%)");
OPERATION(ceil_float, "ceil(%)");
OPERATION(trunc_float, "trunc(%)");
OPERATION(sign_float, "sign(%)");
