/* + - * / % and unary minus: which operation for which types. */
#include "expr/operations.h"
#include "expr/resolver.h"

struct rule {
    char name;
    enum sgr_type left, right, result;
    const struct sgr__operation *operation;
};

/* Numbers, after both sides were brought to one type. The result of int4 stands for the wider of both. */
static const struct rule numbers[] = {
    {'+', SGR_INT4, SGR_INT4, SGR_INT4, &sgr__add_int},
    {'-', SGR_INT4, SGR_INT4, SGR_INT4, &sgr__subtract_int},
    {'*', SGR_INT4, SGR_INT4, SGR_INT4, &sgr__multiply_int},
    {'/', SGR_INT4, SGR_INT4, SGR_INT4, &sgr__divide_int},
    {'%', SGR_INT4, SGR_INT4, SGR_INT4, &sgr__modulo_int},
    {'+', SGR_FLOAT8, SGR_FLOAT8, SGR_FLOAT8, &sgr__add_float},
    {'-', SGR_FLOAT8, SGR_FLOAT8, SGR_FLOAT8, &sgr__subtract_float},
    {'*', SGR_FLOAT8, SGR_FLOAT8, SGR_FLOAT8, &sgr__multiply_float},
    {'/', SGR_FLOAT8, SGR_FLOAT8, SGR_FLOAT8, &sgr__divide_float},
    {'+', SGR_NUMERIC, SGR_NUMERIC, SGR_NUMERIC, &sgr__add_numeric},
    {'-', SGR_NUMERIC, SGR_NUMERIC, SGR_NUMERIC, &sgr__subtract_numeric},
    {'*', SGR_NUMERIC, SGR_NUMERIC, SGR_NUMERIC, &sgr__multiply_numeric},
    {'/', SGR_NUMERIC, SGR_NUMERIC, SGR_NUMERIC, &sgr__divide_numeric},
    {'%', SGR_NUMERIC, SGR_NUMERIC, SGR_NUMERIC, &sgr__modulo_numeric},
};

/* Times. int4 takes int2 as well. */
static const struct rule times[] = {
    {'+', SGR_DATE, SGR_INT4, SGR_DATE, &sgr__date_add_days},
    {'+', SGR_INT4, SGR_DATE, SGR_DATE, &sgr__days_add_date},
    {'-', SGR_DATE, SGR_INT4, SGR_DATE, &sgr__date_subtract_days},
    {'-', SGR_DATE, SGR_DATE, SGR_INT4, &sgr__date_subtract_date},
    {'+', SGR_DATE, SGR_TIME, SGR_TIMESTAMP, &sgr__date_add_time},
    {'+', SGR_TIME, SGR_DATE, SGR_TIMESTAMP, &sgr__time_add_date},
    {'+', SGR_DATE, SGR_INTERVAL, SGR_TIMESTAMP, &sgr__timestamp_add},
    {'+', SGR_INTERVAL, SGR_DATE, SGR_TIMESTAMP, &sgr__interval_add_timestamp},
    {'-', SGR_DATE, SGR_INTERVAL, SGR_TIMESTAMP, &sgr__timestamp_subtract},
    {'+', SGR_TIMESTAMP, SGR_INTERVAL, SGR_TIMESTAMP, &sgr__timestamp_add},
    {'+', SGR_INTERVAL, SGR_TIMESTAMP, SGR_TIMESTAMP, &sgr__interval_add_timestamp},
    {'-', SGR_TIMESTAMP, SGR_INTERVAL, SGR_TIMESTAMP, &sgr__timestamp_subtract},
    {'+', SGR_TIMESTAMPTZ, SGR_INTERVAL, SGR_TIMESTAMPTZ, &sgr__timestamp_add},
    {'+', SGR_INTERVAL, SGR_TIMESTAMPTZ, SGR_TIMESTAMPTZ, &sgr__interval_add_timestamp},
    {'-', SGR_TIMESTAMPTZ, SGR_INTERVAL, SGR_TIMESTAMPTZ, &sgr__timestamp_subtract},
    {'-', SGR_TIMESTAMP, SGR_TIMESTAMP, SGR_INTERVAL, &sgr__timestamp_difference},
    {'-', SGR_TIMESTAMPTZ, SGR_TIMESTAMPTZ, SGR_INTERVAL, &sgr__timestamp_difference},
    {'-', SGR_TIMESTAMPTZ, SGR_TIMESTAMP, SGR_INTERVAL, &sgr__timestamp_difference},
    {'-', SGR_TIMESTAMP, SGR_TIMESTAMPTZ, SGR_INTERVAL, &sgr__timestamp_difference},
    {'-', SGR_DATE, SGR_TIMESTAMP, SGR_INTERVAL, &sgr__timestamp_difference},
    {'-', SGR_TIMESTAMP, SGR_DATE, SGR_INTERVAL, &sgr__timestamp_difference},
    {'-', SGR_DATE, SGR_TIMESTAMPTZ, SGR_INTERVAL, &sgr__timestamp_difference},
    {'-', SGR_TIMESTAMPTZ, SGR_DATE, SGR_INTERVAL, &sgr__timestamp_difference},
    {'+', SGR_INTERVAL, SGR_INTERVAL, SGR_INTERVAL, &sgr__interval_add},
    {'-', SGR_INTERVAL, SGR_INTERVAL, SGR_INTERVAL, &sgr__interval_subtract},
    {'+', SGR_TIME, SGR_INTERVAL, SGR_TIME, &sgr__time_add_interval},
    {'+', SGR_INTERVAL, SGR_TIME, SGR_TIME, &sgr__interval_add_time},
    {'-', SGR_TIME, SGR_INTERVAL, SGR_TIME, &sgr__time_subtract_interval},
    {'-', SGR_TIME, SGR_TIME, SGR_INTERVAL, &sgr__time_subtract_time},
};

static int rank_of(enum sgr_type type) {
    static const enum sgr_type order[] = {SGR_INT2,    SGR_INT4,   SGR_INT8,
                                          SGR_NUMERIC, SGR_FLOAT4, SGR_FLOAT8};
    for (int i = 0; i < 6; i++)
        if (order[i] == type)
            return i;
    return -1;
}

/* int4 and float4 make float8, not float4: Postgres prefers it where neither side is exact. */
static enum sgr_type wider(enum sgr_type a, enum sgr_type b) {
    if (a != b && (a == SGR_FLOAT4 || b == SGR_FLOAT4))
        return SGR_FLOAT8;
    return rank_of(a) > rank_of(b) ? a : b;
}

static enum sgr_type family(enum sgr_type type) {
    return type == SGR_INT2 || type == SGR_INT8 ? SGR_INT4 : type == SGR_FLOAT4 ? SGR_FLOAT8 : type;
}

static struct sgr__node *number_call(struct sgr__resolver *resolver, char name,
                                     struct sgr__node *left, struct sgr__node *right,
                                     int position) {
    enum sgr_type type = wider(left->type.type, right->type.type);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct rule *rule = &numbers[i];
        if (rule->name != name || rule->left != family(type))
            continue;
        struct sgr__node *sides[] = {left, right};
        for (int side = 0; side < 2; side++)
            if (!sgr_type_same_class(sides[side]->type.type, type))
                sides[side] = sgr__coerce_type(resolver, sides[side], type);
        struct sgr__node *call = sgr__call(resolver, rule->operation, type, position, 2, sides);
        return call ? sgr__fold(resolver, call) : NULL;
    }
    return NULL;
}

/* Dates become timestamps beside timestamps and intervals. */
static struct sgr__node *as_stamp(struct sgr__resolver *resolver, struct sgr__node *node,
                                  bool zoned) {
    if (node->type.type == SGR_DATE)
        return sgr__coerce_type(resolver, node, zoned ? SGR_TIMESTAMPTZ : SGR_TIMESTAMP);
    return node;
}

static struct sgr__node *time_call(struct sgr__resolver *resolver, const struct rule *rule,
                                   struct sgr__node *left, struct sgr__node *right, int position) {
    bool stamps = rule->operation == &sgr__timestamp_add ||
                  rule->operation == &sgr__interval_add_timestamp ||
                  rule->operation == &sgr__timestamp_subtract ||
                  rule->operation == &sgr__timestamp_difference;
    bool zoned = rule->left == SGR_TIMESTAMPTZ || rule->right == SGR_TIMESTAMPTZ;
    struct sgr__node *sides[] = {left, right};
    for (int side = 0; stamps && side < 2; side++)
        sides[side] = as_stamp(resolver, sides[side], zoned);
    struct sgr__node *call = sgr__call(resolver, rule->operation, rule->result, position, 2, sides);
    return call ? sgr__fold(resolver, call) : NULL;
}

static const struct rule *find_time_rule(char name, enum sgr_type left, enum sgr_type right) {
    if (left == SGR_INT2)
        left = SGR_INT4;
    if (right == SGR_INT2)
        right = SGR_INT4;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        if (times[i].name == name && times[i].left == left && times[i].right == right)
            return &times[i];
    return NULL;
}

/* The type of a literal beside a value of `type`: as that, but beside a timestamp an added one can only be an interval. */
static enum sgr_type literal_type(char name, enum sgr_type type, bool literal_is_left) {
    bool stamp = type == SGR_TIMESTAMP || type == SGR_TIMESTAMPTZ;
    if (stamp && name == '+')
        return SGR_INTERVAL;
    if (stamp && literal_is_left)
        return type;
    return rank_of(type) >= 0 || stamp || (type == SGR_DATE && name == '-') || type == SGR_INTERVAL
               ? type
               : SGR_TYPE_COUNT;
}

static bool settle(struct sgr__resolver *resolver, char name, struct sgr__node **left,
                   struct sgr__node **right) {
    struct sgr__node **literal = (*left)->unknown ? left : (*right)->unknown ? right : NULL;
    if (!literal)
        return true;
    const struct sgr__node *other = literal == left ? *right : *left;
    if (other->unknown)
        return false;
    enum sgr_type type = literal_type(name, other->type.type, literal == left);
    if (type == SGR_TYPE_COUNT)
        return false;
    *literal = sgr__coerce_type(resolver, *literal, type);
    return *literal != NULL;
}

struct sgr__node *sgr__arithmetic(struct sgr__resolver *resolver, const char *name,
                                  struct sgr__node *left, struct sgr__node *right, int position) {
    if (!settle(resolver, name[0], &left, &right))
        return NULL;
    if (rank_of(left->type.type) >= 0 && rank_of(right->type.type) >= 0)
        return number_call(resolver, name[0], left, right, position);
    const struct rule *rule = find_time_rule(name[0], left->type.type, right->type.type);
    if (rule)
        return time_call(resolver, rule, left, right, position);
    bool scaled = (left->type.type == SGR_INTERVAL && rank_of(right->type.type) >= 0) ||
                  (right->type.type == SGR_INTERVAL && rank_of(left->type.type) >= 0);
    if (scaled && (name[0] == '*' || name[0] == '/'))
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED,
                         "multiplying and dividing intervals is not supported");
    return NULL;
}

struct sgr__node *sgr__negate(struct sgr__resolver *resolver, struct sgr__node *argument,
                              int position) {
    const struct sgr__operation *operation = NULL;
    enum sgr_type type = argument->type.type;
    if (argument->unknown)
        return sgr__fail(resolver, position, SGR_ETYPE, "operator is not unique: - unknown");
    if (family(type) == SGR_INT4)
        operation = &sgr__negate_int;
    else if (family(type) == SGR_FLOAT8)
        operation = &sgr__negate_float;
    else if (type == SGR_NUMERIC)
        operation = &sgr__negate_numeric;
    else if (type == SGR_INTERVAL)
        operation = &sgr__interval_negate;
    if (!operation)
        return sgr__fail(resolver, position, SGR_ETYPE, "operator does not exist: - %s",
                         sgr__type_spelled(resolver, &argument->type));
    struct sgr__node *call = sgr__call(resolver, operation, type, position, 1, &argument);
    return call ? sgr__fold(resolver, call) : NULL;
}
