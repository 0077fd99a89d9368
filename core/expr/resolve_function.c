/* Functions by name and arguments. */
#include "base/nearest.h"
#include "expr/operations.h"
#include "expr/resolver.h"
#include "expr/time_unit.h"

#define MOST_TYPED 3

enum { ANY = SGR_TYPE_COUNT }; /* an argument of any type */

struct function {
    const char *name;
    const struct sgr__operation *operation;
    int result;
    uint8_t count;
    bool variadic; /* any number of ANY behind `count` */
    bool by_case;  /* depends on which letters have cases */
    uint8_t types[MOST_TYPED];
};

/* Among candidates of one name the first with the most exact types wins: preferred types stand first. */
static const struct function functions[] = {
    {"lower", &sgr__lower, SGR_TEXT, 1, .by_case = true, .types = {SGR_TEXT}},
    {"upper", &sgr__upper, SGR_TEXT, 1, .by_case = true, .types = {SGR_TEXT}},
    {"length", &sgr__length, SGR_INT4, 1, .types = {SGR_TEXT}},
    {"char_length", &sgr__length, SGR_INT4, 1, .types = {SGR_TEXT}},
    {"character_length", &sgr__length, SGR_INT4, 1, .types = {SGR_TEXT}},
    {"octet_length", &sgr__octet_length, SGR_INT4, 1, .types = {SGR_TEXT}},
    {"octet_length", &sgr__octet_length, SGR_INT4, 1, .types = {SGR_BPCHAR}},
    {"substr", &sgr__substr, SGR_TEXT, 3, .types = {SGR_TEXT, SGR_INT4, SGR_INT4}},
    {"substr", &sgr__substr_from, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_INT4}},
    {"substring", &sgr__substr, SGR_TEXT, 3, .types = {SGR_TEXT, SGR_INT4, SGR_INT4}},
    {"substring", &sgr__substr_from, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_INT4}},
    {"left", &sgr__left, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_INT4}},
    {"right", &sgr__right, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_INT4}},
    {"btrim", &sgr__trim_both, SGR_TEXT, 1, .types = {SGR_TEXT}},
    {"btrim", &sgr__trim_both, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_TEXT}},
    {"ltrim", &sgr__trim_left, SGR_TEXT, 1, .types = {SGR_TEXT}},
    {"ltrim", &sgr__trim_left, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_TEXT}},
    {"rtrim", &sgr__trim_right, SGR_TEXT, 1, .types = {SGR_TEXT}},
    {"rtrim", &sgr__trim_right, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_TEXT}},
    {"replace", &sgr__replace, SGR_TEXT, 3, .types = {SGR_TEXT, SGR_TEXT, SGR_TEXT}},
    {"strpos", &sgr__strpos, SGR_INT4, 2, .types = {SGR_TEXT, SGR_TEXT}},
    {"position", &sgr__strpos, SGR_INT4, 2, .types = {SGR_TEXT, SGR_TEXT}},
    {"starts_with", &sgr__starts_with, SGR_BOOL, 2, .types = {SGR_TEXT, SGR_TEXT}},
    {"reverse", &sgr__reverse, SGR_TEXT, 1, .types = {SGR_TEXT}},
    {"like_escape", &sgr__like_escape, SGR_TEXT, 2, .types = {SGR_TEXT, SGR_TEXT}},
    {"concat", &sgr__concat, SGR_TEXT, 1, .variadic = true, .types = {ANY}},
    {"concat_ws", &sgr__concat_ws, SGR_TEXT, 2, .variadic = true, .types = {SGR_TEXT, ANY}},
    {"abs", &sgr__abs_float, SGR_FLOAT8, 1, .types = {SGR_FLOAT8}},
    {"abs", &sgr__abs_float, SGR_FLOAT4, 1, .types = {SGR_FLOAT4}},
    {"abs", &sgr__abs_int, SGR_INT2, 1, .types = {SGR_INT2}},
    {"abs", &sgr__abs_int, SGR_INT4, 1, .types = {SGR_INT4}},
    {"abs", &sgr__abs_int, SGR_INT8, 1, .types = {SGR_INT8}},
    {"abs", &sgr__abs_numeric, SGR_NUMERIC, 1, .types = {SGR_NUMERIC}},
    {"round", &sgr__round_float, SGR_FLOAT8, 1, .types = {SGR_FLOAT8}},
    {"round", &sgr__round_numeric, SGR_NUMERIC, 1, .types = {SGR_NUMERIC}},
    {"round", &sgr__round_numeric, SGR_NUMERIC, 2, .types = {SGR_NUMERIC, SGR_INT4}},
    {"trunc", &sgr__trunc_float, SGR_FLOAT8, 1, .types = {SGR_FLOAT8}},
    {"trunc", &sgr__trunc_numeric, SGR_NUMERIC, 1, .types = {SGR_NUMERIC}},
    {"trunc", &sgr__trunc_numeric, SGR_NUMERIC, 2, .types = {SGR_NUMERIC, SGR_INT4}},
    {"floor", &sgr__floor_float, SGR_FLOAT8, 1, .types = {SGR_FLOAT8}},
    {"floor", &sgr__floor_numeric, SGR_NUMERIC, 1, .types = {SGR_NUMERIC}},
    {"ceil", &sgr__ceil_float, SGR_FLOAT8, 1, .types = {SGR_FLOAT8}},
    {"ceil", &sgr__ceil_numeric, SGR_NUMERIC, 1, .types = {SGR_NUMERIC}},
    {"ceiling", &sgr__ceil_float, SGR_FLOAT8, 1, .types = {SGR_FLOAT8}},
    {"ceiling", &sgr__ceil_numeric, SGR_NUMERIC, 1, .types = {SGR_NUMERIC}},
    {"sign", &sgr__sign_float, SGR_FLOAT8, 1, .types = {SGR_FLOAT8}},
    {"sign", &sgr__sign_numeric, SGR_NUMERIC, 1, .types = {SGR_NUMERIC}},
    {"mod", &sgr__mod_int, SGR_INT2, 2, .types = {SGR_INT2, SGR_INT2}},
    {"mod", &sgr__mod_int, SGR_INT4, 2, .types = {SGR_INT4, SGR_INT4}},
    {"mod", &sgr__mod_int, SGR_INT8, 2, .types = {SGR_INT8, SGR_INT8}},
    {"mod", &sgr__mod_numeric, SGR_NUMERIC, 2, .types = {SGR_NUMERIC, SGR_NUMERIC}},
    {"extract", &sgr__extract, SGR_NUMERIC, 2, .types = {SGR_TEXT, SGR_TIMESTAMPTZ}},
    {"extract", &sgr__extract, SGR_NUMERIC, 2, .types = {SGR_TEXT, SGR_TIMESTAMP}},
    {"extract", &sgr__extract, SGR_NUMERIC, 2, .types = {SGR_TEXT, SGR_DATE}},
    {"extract", &sgr__extract, SGR_NUMERIC, 2, .types = {SGR_TEXT, SGR_INTERVAL}},
    {"extract", &sgr__extract, SGR_NUMERIC, 2, .types = {SGR_TEXT, SGR_TIME}},
    {"date_part", &sgr__date_part, SGR_FLOAT8, 2, .types = {SGR_TEXT, SGR_TIMESTAMPTZ}},
    {"date_part", &sgr__date_part, SGR_FLOAT8, 2, .types = {SGR_TEXT, SGR_TIMESTAMP}},
    {"date_part", &sgr__date_part, SGR_FLOAT8, 2, .types = {SGR_TEXT, SGR_DATE}},
    {"date_part", &sgr__date_part, SGR_FLOAT8, 2, .types = {SGR_TEXT, SGR_INTERVAL}},
    {"date_part", &sgr__date_part, SGR_FLOAT8, 2, .types = {SGR_TEXT, SGR_TIME}},
    {"date_trunc", &sgr__date_trunc, SGR_TIMESTAMPTZ, 2, .types = {SGR_TEXT, SGR_TIMESTAMPTZ}},
    {"date_trunc", &sgr__date_trunc, SGR_TIMESTAMP, 2, .types = {SGR_TEXT, SGR_TIMESTAMP}},
    {"date_trunc", &sgr__date_trunc, SGR_INTERVAL, 2, .types = {SGR_TEXT, SGR_INTERVAL}},
};
#define FUNCTION_COUNT (sizeof(functions) / sizeof(functions[0]))

/* Exact types, or -1 if the arguments don't fit. */
static int score(const struct function *function, struct sgr__node *const *nodes, size_t count) {
    int exact = 0;
    if (function->variadic ? count < function->count : count != function->count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int wanted = i < function->count ? function->types[i] : ANY;
        if (wanted == ANY)
            continue;
        if (!sgr__can_coerce(nodes[i], (enum sgr_type)wanted))
            return -1;
        exact += !nodes[i]->unknown && nodes[i]->type.type == (enum sgr_type)wanted;
    }
    return exact;
}

static const struct function *find(const char *name, struct sgr__node *const *nodes, size_t count,
                                   bool *ret_known) {
    const struct function *best = NULL;
    int best_score = -1;
    *ret_known = false;
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (strcmp(functions[i].name, name) != 0)
            continue;
        *ret_known = true;
        int own = score(&functions[i], nodes, count);
        if (own > best_score) {
            best = &functions[i];
            best_score = own;
        }
    }
    return best;
}

static void *not_found(struct sgr__resolver *resolver, const char *name, bool known,
                       struct sgr__node *const *nodes, size_t count, int position) {
    struct sgr_buffer types = SGR_BUFFER_INIT;
    const char *candidates[FUNCTION_COUNT];
    if (!known) {
        for (size_t i = 0; i < FUNCTION_COUNT; i++)
            candidates[i] = functions[i].name;
        const char *nearest = sgr_nearest(name, candidates, FUNCTION_COUNT);
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED,
                         nearest ? "function %.100s is not supported, did you mean %.100s?"
                                 : "function %.100s%.0s is not supported",
                         name, nearest ? nearest : "");
    }
    for (size_t i = 0; i < count; i++) {
        sgr_buffer_puts(&types, i ? ", " : "");
        sgr_buffer_puts(&types, nodes[i]->unknown ? "unknown"
                                                  : sgr__type_spelled(resolver, &nodes[i]->type));
    }
    sgr__fail(resolver, position, SGR_ETYPE, "function does not exist: %s(%s)", name,
              sgr_buffer_text(&types));
    sgr_buffer_fini(&types);
    return NULL;
}

/* The name without pg_catalog, or NULL. */
static const char *function_name(const PgQuery__FuncCall *from) {
    const PgQuery__Node *last = from->n_funcname ? from->funcname[from->n_funcname - 1] : NULL;
    if (!last || last->node_case != PG_QUERY__NODE__NODE_STRING || from->n_funcname > 2)
        return NULL;
    if (from->n_funcname == 2 && (from->funcname[0]->node_case != PG_QUERY__NODE__NODE_STRING ||
                                  strcmp(from->funcname[0]->string->sval, "pg_catalog") != 0))
        return NULL;
    return last->string->sval;
}

static bool coerce_arguments(struct sgr__resolver *resolver, const struct function *function,
                             struct sgr__node **nodes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int wanted = i < function->count ? function->types[i] : ANY;
        if (wanted == ANY)
            wanted = nodes[i]->unknown ? SGR_TEXT : (int)nodes[i]->type.type;
        if (!nodes[i]->unknown && (int)nodes[i]->type.type == wanted)
            continue;
        nodes[i] = sgr__coerce_type(resolver, nodes[i], (enum sgr_type)wanted);
        if (!nodes[i])
            return false;
    }
    return true;
}

/* A unit that is written out is checked now, not row by row. date_part reads a date as a timestamp. */
static bool check_unit(struct sgr__resolver *resolver, const struct function *function,
                       struct sgr__node **nodes) {
    bool truncate = function->operation == &sgr__date_trunc;
    if (function->operation != &sgr__extract && function->operation != &sgr__date_part && !truncate)
        return true;
    if (function->operation == &sgr__date_part && nodes[1]->type.type == SGR_DATE &&
        !(nodes[1] = sgr__coerce_type(resolver, nodes[1], SGR_TIMESTAMP)))
        return false;
    const struct sgr_value *name = &nodes[0]->value;
    if (!sgr__is_constant(nodes[0]) || name->null ||
        sgr__time_unit_fits(sgr__time_unit_of(name->s), nodes[1]->type.type, truncate))
        return true;
    sgr__fail(resolver, nodes[0]->position, SGR_EUNSUPPORTED,
              "unit \"%.*s\" of type %s is not supported by %s",
              name->s.size > 64 ? 64 : (int)name->s.size, name->s.data,
              sgr__type_spelled(resolver, &nodes[1]->type), function->name);
    return false;
}

static struct sgr__node *call_function(struct sgr__resolver *resolver,
                                       const struct function *function, struct sgr__node **nodes,
                                       size_t count, int position) {
    if (!coerce_arguments(resolver, function, nodes, count) ||
        !check_unit(resolver, function, nodes))
        return NULL;
    struct sgr__node *call = sgr__call(resolver, function->operation,
                                       (enum sgr_type)function->result, position, count, nodes);
    if (!call || (function->by_case && !sgr__derive_classes(resolver, call)))
        return NULL;
    return sgr__fold(resolver, call);
}

struct sgr__node *sgr__resolve_function(struct sgr__resolver *resolver,
                                        const PgQuery__FuncCall *from) {
    struct sgr__node *nodes[SGR__MOST_ARGUMENTS];
    const char *name = function_name(from);
    bool known;
    if (!name)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "functions of other schemas are not supported");
    if (from->over)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "window functions are not supported here");
    if (from->agg_star || from->agg_distinct || from->agg_filter || from->n_agg_order ||
        from->func_variadic)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "aggregates are not supported here: %s", name);
    if (from->n_args > SGR__MOST_ARGUMENTS)
        return sgr__fail(resolver, from->location, SGR_ELIMIT, "too many arguments of %s", name);
    for (size_t i = 0; i < from->n_args; i++)
        if (!(nodes[i] = sgr__resolve(resolver, from->args[i])))
            return NULL;
    const struct function *function = find(name, nodes, from->n_args, &known);
    if (!function)
        return not_found(resolver, name, known, nodes, from->n_args, from->location);
    return call_function(resolver, function, nodes, from->n_args, from->location);
}
