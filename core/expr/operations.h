/* The operations that compute: what the resolver chooses from. Their arguments have exactly the types their names say. */
#ifndef SGR_EXPR_OPERATIONS_H
#define SGR_EXPR_OPERATIONS_H

#include "expr/tree.h"

/* By hand: clang-format does not settle on a form of these lists. */
// clang-format off
#define SGR__NUMBER_OPERATIONS(X)                                                              \
    X(add_int) X(subtract_int) X(multiply_int) X(divide_int) X(modulo_int) X(negate_int)       \
    X(abs_int) X(mod_int) X(add_float) X(subtract_float) X(multiply_float) X(divide_float)     \
    X(negate_float) X(abs_float) X(round_float) X(floor_float) X(ceil_float) X(trunc_float)    \
    X(sign_float) X(add_numeric) X(subtract_numeric) X(multiply_numeric) X(divide_numeric)     \
    X(modulo_numeric) X(mod_numeric) X(negate_numeric) X(abs_numeric) X(round_numeric)         \
    X(trunc_numeric) X(floor_numeric) X(ceil_numeric) X(sign_numeric)

#define SGR__TEXT_OPERATIONS(X)                                                                \
    X(concatenate) X(length) X(octet_length) X(lower) X(upper) X(substr) X(substr_from)        \
    X(left) X(right) X(trim_both) X(trim_left) X(trim_right) X(replace) X(strpos)              \
    X(starts_with) X(reverse) X(concat) X(concat_ws) X(like) X(not_like) X(ilike)              \
    X(not_ilike) X(like_escape)

#define SGR__TIME_OPERATIONS(X)                                                                \
    X(date_add_days) X(days_add_date) X(date_subtract_days) X(date_subtract_date)              \
    X(date_add_time) X(time_add_date) X(timestamp_add) X(interval_add_timestamp)               \
    X(timestamp_subtract) X(timestamp_difference) X(interval_add) X(interval_subtract)         \
    X(interval_negate) X(time_add_interval) X(interval_add_time) X(time_subtract_interval)     \
    X(time_subtract_time) X(extract) X(date_part) X(date_trunc)

/* detail: the resulting type's modifier where one matters */
#define SGR__CAST_OPERATIONS(X)                                                                \
    X(int_to_int) X(int_to_float) X(int_to_numeric) X(int_to_bool) X(bool_to_int)              \
    X(float_to_int) X(float_to_float) X(float_to_numeric) X(numeric_to_int)                    \
    X(numeric_to_float) X(numeric_fit) X(to_text) X(from_text) X(bpchar_to_text) X(text_fit)   \
    X(bpchar_fit) X(date_to_timestamp) X(timestamp_to_date) X(timestamp_to_time)               \
    X(timestamp_to_timestamp) X(time_to_interval) X(interval_to_time) X(timestamp_fit)         \
    X(time_fit) X(date_to_timestamp_ordered)
// clang-format on

#define SGR__DECLARE(name) extern const struct sgr__operation sgr__##name;
SGR__NUMBER_OPERATIONS(SGR__DECLARE)
SGR__TEXT_OPERATIONS(SGR__DECLARE)
SGR__TIME_OPERATIONS(SGR__DECLARE)
SGR__CAST_OPERATIONS(SGR__DECLARE)
#undef SGR__DECLARE

#endif
