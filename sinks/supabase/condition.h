/* What a filter of the second era says, before it is known of which columns: tests of columns, joined by AND and OR.
 *
 *     column=[not.]operator.value     joined by commas, which mean AND
 *     or=(…)  and=(…)                 a group, in which a test may also be written column.operator.value
 *
 * A value with a comma or parentheses in it stands in double quotes, where a backslash precedes a quote or backslash. */
#ifndef SINKS_SUPABASE_CONDITION_H
#define SINKS_SUPABASE_CONDITION_H

#include <sangre/plugin.h>

/* X(symbol, name) */
#define CONDITION_OPERATORS(X)    \
    X(CONDITION_EQ, "eq")         \
    X(CONDITION_NEQ, "neq")       \
    X(CONDITION_LT, "lt")         \
    X(CONDITION_LTE, "lte")       \
    X(CONDITION_GT, "gt")         \
    X(CONDITION_GTE, "gte")       \
    X(CONDITION_IN, "in")         \
    X(CONDITION_LIKE, "like")     \
    X(CONDITION_ILIKE, "ilike")   \
    X(CONDITION_IS, "is")         \
    X(CONDITION_MATCH, "match")   \
    X(CONDITION_IMATCH, "imatch") \
    X(CONDITION_ISDISTINCT, "isdistinct")

enum condition_operator {
#define CONDITION__ENUM(symbol, name) symbol,
    CONDITION_OPERATORS(CONDITION__ENUM)
#undef CONDITION__ENUM
        CONDITION_OPERATOR_COUNT
};

enum condition_kind { CONDITION_TEST, CONDITION_AND, CONDITION_OR };

struct condition_value {
    struct sgr_slice text;
    bool quoted;
};

struct condition {
    enum condition_kind kind;
    bool negated;
    struct condition *first, *next; /* of a group; among its like */
    /* A test's: */
    enum condition_operator op;
    struct sgr_slice column;
    struct condition_value *values; /* as many as IN has, else one */
    size_t count;
    char *texts; /* what the slices point into */
};

struct condition_maker {
    const struct sgr_host_common *common;
    void *host;
};

/* NULL in *ret: the text is blank, which is no condition. SGR_EPARSE with what is wrong, for the client. */
int condition_read(const struct condition_maker *maker, struct sgr_slice text,
                   struct condition **ret, struct sgr_error *error);
/* column = value. NULL: out of memory. */
struct condition *condition_equal(const struct condition_maker *maker, struct sgr_slice column,
                                  struct sgr_slice value);
void condition_free(const struct condition_maker *maker, struct condition *condition);

#endif
