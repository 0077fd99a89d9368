/* Arithmetic on numerics: from text to digits and back around row/numeric.h. */
#include "expr/operations.h"
#include "row/numeric.h"

static int fail(struct sgr__frame *frame, int code) {
    if (code == SGR_EDIVISION)
        return sgr_error_set(frame->error, code, "division by zero");
    if (code == SGR_ENOMEM)
        return sgr__frame_out_of_memory(frame);
    return sgr_error_set(frame->error, SGR_ERANGE, "value overflows numeric format");
}

static int set(struct sgr__frame *frame, const struct sgr_numeric *number, struct sgr_value *ret) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_numeric_write(number, &text);
    return sgr__frame_take(frame, &text, ret);
}

typedef int binary(struct sgr_arena *arena, const struct sgr_numeric *a,
                   const struct sgr_numeric *b, struct sgr_numeric *ret);

static int compute(struct sgr__frame *frame, binary *function, const struct sgr_value *arguments,
                   struct sgr_value *ret) {
    struct sgr_numeric a, b, result;
    int code = sgr_numeric_parse(frame->arena, arguments[0].s, &a);
    if (!code)
        code = sgr_numeric_parse(frame->arena, arguments[1].s, &b);
    if (!code)
        code = function(frame->arena, &a, &b, &result);
    return code ? fail(frame, code) : set(frame, &result, ret);
}

#define BINARY(name, function, spelled)                                                 \
    static int apply_##name(struct sgr__frame *frame, const struct sgr__node *node,     \
                            const struct sgr_value *arguments, struct sgr_value *ret) { \
        (void)node;                                                                     \
        return compute(frame, function, arguments, ret);                                \
    }                                                                                   \
    const struct sgr__operation sgr__##name = {.form = (spelled), .apply = apply_##name};

BINARY(add_numeric, sgr_numeric_add, "(% + %)")
BINARY(subtract_numeric, sgr_numeric_subtract, "(% - %)")
BINARY(multiply_numeric, sgr_numeric_multiply, "(% * %)")
BINARY(divide_numeric, sgr_numeric_divide, "(% / %)")
BINARY(modulo_numeric, sgr_numeric_modulo, "(% %% %)")
const struct sgr__operation sgr__mod_numeric = {.form = "mod(%*)", .apply = apply_modulo_numeric};

typedef int unary(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                  struct sgr_numeric *ret);

static int negate(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                  struct sgr_numeric *ret) {
    (void)arena, (void)scale;
    *ret = sgr_numeric_negate(*number);
    return 0;
}

static int absolute(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                    struct sgr_numeric *ret) {
    (void)arena, (void)scale;
    *ret = sgr_numeric_absolute(*number);
    return 0;
}

static int floor_of(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                    struct sgr_numeric *ret) {
    (void)scale;
    return sgr_numeric_floor(arena, number, ret);
}

static int ceil_of(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                   struct sgr_numeric *ret) {
    (void)scale;
    return sgr_numeric_ceil(arena, number, ret);
}

static int sign_of(struct sgr_arena *arena, const struct sgr_numeric *number, int scale,
                   struct sgr_numeric *ret) {
    (void)scale;
    if (number->kind == SGR_NUMERIC_NAN) {
        *ret = *number;
        return 0;
    }
    return sgr_numeric_from_int(arena, sgr_numeric_sign(number), ret);
}

/* The second argument, if there is one, is the scale. */
static int compute_unary(struct sgr__frame *frame, unary *function, const struct sgr__node *node,
                         const struct sgr_value *arguments, struct sgr_value *ret) {
    struct sgr_numeric number, result;
    int scale = node->count > 1 ? (int)arguments[1].i : 0;
    int code = sgr_numeric_parse(frame->arena, arguments[0].s, &number);
    if (!code)
        code = function(frame->arena, &number, scale, &result);
    return code ? fail(frame, code) : set(frame, &result, ret);
}

#define UNARY(name, function, spelled)                                                  \
    static int apply_##name(struct sgr__frame *frame, const struct sgr__node *node,     \
                            const struct sgr_value *arguments, struct sgr_value *ret) { \
        return compute_unary(frame, function, node, arguments, ret);                    \
    }                                                                                   \
    const struct sgr__operation sgr__##name = {.form = (spelled), .apply = apply_##name};

UNARY(negate_numeric, negate, "(- %)")
UNARY(abs_numeric, absolute, "abs(%)")
UNARY(round_numeric, sgr_numeric_round, "round(%*)")
UNARY(trunc_numeric, sgr_numeric_truncate, "trunc(%*)")
UNARY(floor_numeric, floor_of, "floor(%)")
UNARY(ceil_numeric, ceil_of, "ceil(%)")
UNARY(sign_numeric, sign_of, "sign(%)")
