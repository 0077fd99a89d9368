/* Three-valued logic, comparisons, and what chooses among values. Null stands for unknown. */
#include "expr/tree.h"

static void set_bool(struct sgr_value *ret, bool truth) {
    ret->i = truth;
}

/* `decisive` is the value that ends it: false for AND, true for OR. */
static int junction(struct sgr__frame *frame, const struct sgr__node *node, bool decisive,
                    struct sgr_value *ret) {
    bool unknown = false;
    for (uint16_t i = 0; i < node->count; i++) {
        struct sgr_value value;
        int code = sgr__eval(frame, node->arguments[i], &value);
        if (code)
            return code;
        if (value.null) {
            unknown = true;
        } else if ((value.i != 0) == decisive) {
            set_bool(ret, decisive);
            return 0;
        }
    }
    ret->null = unknown;
    set_bool(ret, !decisive);
    return 0;
}

static int lazy_and(struct sgr__frame *frame, const struct sgr__node *node, struct sgr_value *ret) {
    return junction(frame, node, false, ret);
}

static int lazy_or(struct sgr__frame *frame, const struct sgr__node *node, struct sgr_value *ret) {
    return junction(frame, node, true, ret);
}

static int apply_not(struct sgr__frame *frame, const struct sgr__node *node,
                     const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, !arguments[0].i);
    return 0;
}

static int apply_is_null(struct sgr__frame *frame, const struct sgr__node *node,
                         const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, arguments[0].null);
    return 0;
}

static int apply_is_not_null(struct sgr__frame *frame, const struct sgr__node *node,
                             const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, !arguments[0].null);
    return 0;
}

static int apply_is_true(struct sgr__frame *frame, const struct sgr__node *node,
                         const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, !arguments[0].null && arguments[0].i);
    return 0;
}

static int apply_is_not_true(struct sgr__frame *frame, const struct sgr__node *node,
                             const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, arguments[0].null || !arguments[0].i);
    return 0;
}

static int apply_is_false(struct sgr__frame *frame, const struct sgr__node *node,
                          const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, !arguments[0].null && !arguments[0].i);
    return 0;
}

static int apply_is_not_false(struct sgr__frame *frame, const struct sgr__node *node,
                              const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, arguments[0].null || arguments[0].i);
    return 0;
}

const struct sgr__operation sgr__and = {.form = "AND", .lazy = lazy_and};
const struct sgr__operation sgr__or = {.form = "OR", .lazy = lazy_or};
const struct sgr__operation sgr__not = {.form = "(NOT %)", .apply = apply_not};
const struct sgr__operation sgr__is_null = {
    .form = "(% IS NULL)", .apply = apply_is_null, .takes_nulls = true};
const struct sgr__operation sgr__is_not_null = {
    .form = "(% IS NOT NULL)", .apply = apply_is_not_null, .takes_nulls = true};
const struct sgr__operation sgr__is_true = {
    .form = "(% IS TRUE)", .apply = apply_is_true, .takes_nulls = true};
const struct sgr__operation sgr__is_not_true = {
    .form = "(% IS NOT TRUE)", .apply = apply_is_not_true, .takes_nulls = true};
const struct sgr__operation sgr__is_false = {
    .form = "(% IS FALSE)", .apply = apply_is_false, .takes_nulls = true};
const struct sgr__operation sgr__is_not_false = {
    .form = "(% IS NOT FALSE)", .apply = apply_is_not_false, .takes_nulls = true};

/* ---- Comparisons: detail is the collation. */

static int order_of(const struct sgr__node *node, const struct sgr_value *arguments) {
    return sgr_value_compare(&arguments[0], &arguments[1], (enum sgr_collation)node->detail);
}

static int apply_equal(struct sgr__frame *frame, const struct sgr__node *node,
                       const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, sgr_value_equal(&arguments[0], &arguments[1]));
    return 0;
}

static int apply_not_equal(struct sgr__frame *frame, const struct sgr__node *node,
                           const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    set_bool(ret, !sgr_value_equal(&arguments[0], &arguments[1]));
    return 0;
}

static int apply_less(struct sgr__frame *frame, const struct sgr__node *node,
                      const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame;
    set_bool(ret, order_of(node, arguments) < 0);
    return 0;
}

static int apply_less_equal(struct sgr__frame *frame, const struct sgr__node *node,
                            const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame;
    set_bool(ret, order_of(node, arguments) <= 0);
    return 0;
}

static int apply_greater(struct sgr__frame *frame, const struct sgr__node *node,
                         const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame;
    set_bool(ret, order_of(node, arguments) > 0);
    return 0;
}

static int apply_greater_equal(struct sgr__frame *frame, const struct sgr__node *node,
                               const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame;
    set_bool(ret, order_of(node, arguments) >= 0);
    return 0;
}

const struct sgr__operation sgr__equal = {.form = "(% = %)", .apply = apply_equal};
const struct sgr__operation sgr__not_equal = {.form = "(% <> %)", .apply = apply_not_equal};
const struct sgr__operation sgr__less = {.form = "(% < %)", .apply = apply_less};
const struct sgr__operation sgr__less_equal = {.form = "(% <= %)", .apply = apply_less_equal};
const struct sgr__operation sgr__greater = {.form = "(% > %)", .apply = apply_greater};
const struct sgr__operation sgr__greater_equal = {.form = "(% >= %)", .apply = apply_greater_equal};
/* sgr_value_equal holds null equal to null already. */
const struct sgr__operation sgr__distinct = {
    .form = "(% IS DISTINCT FROM %)", .apply = apply_not_equal, .takes_nulls = true};
const struct sgr__operation sgr__not_distinct = {
    .form = "(% IS NOT DISTINCT FROM %)", .apply = apply_equal, .takes_nulls = true};

/* Says only how its argument is ordered. */
static int apply_collate(struct sgr__frame *frame, const struct sgr__node *node,
                         const struct sgr_value *arguments, struct sgr_value *ret) {
    (void)frame, (void)node;
    ret->s = arguments[0].s;
    return 0;
}
const struct sgr__operation sgr__collate = {.form = "(% COLLATE \"C\")", .apply = apply_collate};

/* ---- Choices */

/* condition, result, condition, result, …, else */
static int lazy_case(struct sgr__frame *frame, const struct sgr__node *node,
                     struct sgr_value *ret) {
    uint16_t i = 0;
    for (; i + 1 < node->count; i += 2) {
        struct sgr_value condition;
        int code = sgr__eval(frame, node->arguments[i], &condition);
        if (code)
            return code;
        if (!condition.null && condition.i)
            return sgr__eval(frame, node->arguments[i + 1], ret);
    }
    return sgr__eval(frame, node->arguments[i], ret);
}

static int lazy_coalesce(struct sgr__frame *frame, const struct sgr__node *node,
                         struct sgr_value *ret) {
    ret->null = true;
    for (uint16_t i = 0; i < node->count && ret->null; i++) {
        int code = sgr__eval(frame, node->arguments[i], ret);
        if (code)
            return code;
    }
    return 0;
}

/* value, (value = other): the value, unless they are equal */
static int lazy_nullif(struct sgr__frame *frame, const struct sgr__node *node,
                       struct sgr_value *ret) {
    struct sgr_value same;
    int code = sgr__eval(frame, node->arguments[1], &same);
    if (!code)
        code = sgr__eval(frame, node->arguments[0], ret);
    if (!code && !same.null && same.i)
        ret->null = true;
    return code;
}

static int extreme(struct sgr__frame *frame, const struct sgr__node *node, int direction,
                   struct sgr_value *ret) {
    ret->null = true;
    for (uint16_t i = 0; i < node->count; i++) {
        struct sgr_value value;
        int code = sgr__eval(frame, node->arguments[i], &value);
        if (code)
            return code;
        if (value.null)
            continue;
        int order = ret->null ? direction
                              : sgr_value_compare(&value, ret, (enum sgr_collation)node->detail);
        if ((order > 0) - (order < 0) == direction)
            *ret = value;
    }
    return 0;
}

static int lazy_greatest(struct sgr__frame *frame, const struct sgr__node *node,
                         struct sgr_value *ret) {
    return extreme(frame, node, 1, ret);
}

static int lazy_least(struct sgr__frame *frame, const struct sgr__node *node,
                      struct sgr_value *ret) {
    return extreme(frame, node, -1, ret);
}

/* value, candidate, …: true if one is equal, else unknown if one is null */
static int lazy_in(struct sgr__frame *frame, const struct sgr__node *node, struct sgr_value *ret) {
    struct sgr_value value, candidate;
    bool unknown = false;
    int code = sgr__eval(frame, node->arguments[0], &value);
    for (uint16_t i = 1; !code && !value.null && i < node->count; i++) {
        code = sgr__eval(frame, node->arguments[i], &candidate);
        if (code)
            break;
        unknown |= candidate.null;
        if (!candidate.null && sgr_value_equal(&value, &candidate)) {
            set_bool(ret, true);
            return 0;
        }
    }
    if (code)
        return code;
    ret->null = value.null || unknown;
    set_bool(ret, false);
    return 0;
}

const struct sgr__operation sgr__case = {.form = "CASE", .lazy = lazy_case, .makes_nulls = true};
const struct sgr__operation sgr__coalesce = {.form = "COALESCE(%*)", .lazy = lazy_coalesce};
const struct sgr__operation sgr__nullif = {
    .form = "NULLIF", .lazy = lazy_nullif, .makes_nulls = true};
const struct sgr__operation sgr__greatest = {.form = "GREATEST(%*)", .lazy = lazy_greatest};
const struct sgr__operation sgr__least = {.form = "LEAST(%*)", .lazy = lazy_least};
const struct sgr__operation sgr__in = {.form = "IN", .lazy = lazy_in};
