/* Walks the parse tree: logic and choices are resolved here, other constructs by the files that know them. */
#include <stdarg.h>
#include <stdlib.h>

#include "expr/operations.h"
#include "expr/resolver.h"
#include "row/collation.h"

void *sgr__fail(struct sgr__resolver *resolver, int position, int code, const char *format, ...) {
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (position >= 0)
        sgr_error_set(resolver->error, code, "%s at column %d", message,
                      sgr__source_column(resolver->source, position));
    else
        sgr_error_set(resolver->error, code, "%s", message);
    return NULL;
}

void *sgr__fail_memory(struct sgr__resolver *resolver) {
    return sgr__fail(resolver, -1, SGR_ENOMEM, "out of memory");
}

struct sgr__node *sgr__node_new(struct sgr__resolver *resolver, enum sgr__node_kind kind,
                                enum sgr_type type, int position) {
    struct sgr__node *node = sgr_arena_alloc(resolver->arena, sizeof(*node));
    if (!node)
        return sgr__fail_memory(resolver);
    node->kind = kind;
    node->type = sgr__type_of(type);
    node->position = position;
    node->value.type = type;
    return node;
}

bool sgr__is_constant(const struct sgr__node *node) {
    return node->kind == SGR__CONSTANT;
}

static struct sgr__node *constant_of(struct sgr__resolver *resolver, const struct sgr__node *node,
                                     const struct sgr_value *value) {
    struct sgr__node *constant =
        sgr__node_new(resolver, SGR__CONSTANT, node->type.type, node->position);
    if (!constant)
        return NULL;
    constant->value = *value;
    constant->value.type = node->type.type;
    constant->type = node->type;
    constant->type.not_null = !value->null;
    constant->strength = node->strength;
    return constant;
}

/* A constant call is computed once, and a null argument of a call that takes none is enough to know the result. A call that fails is
 * left as it is: only if it is still in the tree at the end, it fails the whole (see sgr__check_constants). */
struct sgr__node *sgr__fold(struct sgr__resolver *resolver, struct sgr__node *node) {
    bool known = true, null = false;
    for (uint16_t i = 0; i < node->count; i++) {
        known &= sgr__is_constant(node->arguments[i]);
        null |= sgr__is_constant(node->arguments[i]) && node->arguments[i]->value.null;
    }
    struct sgr_value value = {.null = true};
    if (null && node->operation->apply && !node->operation->takes_nulls)
        return constant_of(resolver, node, &value);
    struct sgr_error ignored;
    struct sgr__frame frame = {.arena = resolver->arena, .error = &ignored};
    if (!known || sgr__eval(&frame, node, &value))
        return node;
    return constant_of(resolver, node, &value);
}

/* What always fails is told now and not row by row, as Postgres' planner does. */
bool sgr__check_constants(struct sgr__resolver *resolver, const struct sgr__node *node) {
    bool known = node->kind == SGR__CALL && node->operation != &sgr__collate;
    for (uint16_t i = 0; i < node->count; i++) {
        if (!sgr__check_constants(resolver, node->arguments[i]))
            return false;
        known &= sgr__is_constant(node->arguments[i]);
    }
    struct sgr_error cause = {0};
    struct sgr__frame frame = {.arena = resolver->arena, .error = &cause};
    struct sgr_value value;
    if (!known || !sgr__eval(&frame, node, &value))
        return true;
    sgr__fail(resolver, node->position, cause.code, "%s", cause.message);
    return false;
}

static bool all_not_null(const struct sgr__node *node) {
    for (uint16_t i = 0; i < node->count; i++)
        if (!node->arguments[i]->type.not_null)
            return false;
    return true;
}

struct sgr__node *sgr__call(struct sgr__resolver *resolver, const struct sgr__operation *operation,
                            enum sgr_type type, int position, size_t count,
                            struct sgr__node *const *arguments) {
    struct sgr__node *node = sgr__node_new(resolver, SGR__CALL, type, position);
    struct sgr__node **own = sgr_arena_alloc(resolver->arena, (count + 1) * sizeof(*own));
    if (!node || !own)
        return sgr__fail_memory(resolver);
    for (size_t i = 0; i < count; i++) {
        if (!arguments[i])
            return NULL;
        own[i] = arguments[i];
    }
    node->operation = operation;
    node->count = (uint16_t)count;
    node->arguments = own;
    if (node->type.collation != SGR_COLLATION_NONE &&
        !sgr__common_collation(resolver, own, count, node))
        return NULL;
    node->type.not_null = !operation->makes_nulls && (operation->takes_nulls || all_not_null(node));
    return node;
}

/* ---- Logic */

static struct sgr__node *resolve_bool(struct sgr__resolver *resolver, const PgQuery__Node *from,
                                      const char *what) {
    struct sgr__node *node = sgr__resolve(resolver, from);
    if (!node || node->unknown || node->type.type == SGR_BOOL)
        return sgr__coerce_type(resolver, node, SGR_BOOL);
    return sgr__fail(resolver, node->position, SGR_ETYPE, "argument of %s must be bool, not %s",
                     what, sgr__type_spelled(resolver, &node->type));
}

/* A junction inside one of its own kind is one with it. */
static size_t flattened_count(const struct sgr__operation *operation,
                              struct sgr__node *const *nodes, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += nodes[i]->operation == operation ? nodes[i]->count : 1;
    return total;
}

static size_t flatten(const struct sgr__operation *operation, struct sgr__node *const *nodes,
                      size_t count, struct sgr__node **ret) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (sgr__is_constant(nodes[i]) && !nodes[i]->value.null)
            continue;
        if (nodes[i]->operation != operation)
            ret[kept++] = nodes[i];
        for (uint16_t j = 0; nodes[i]->operation == operation && j < nodes[i]->count; j++)
            ret[kept++] = nodes[i]->arguments[j];
    }
    return kept;
}

struct sgr__node *sgr__junction(struct sgr__resolver *resolver, bool is_and, int position,
                                struct sgr__node *const *nodes, size_t count) {
    const struct sgr__operation *operation = is_and ? &sgr__and : &sgr__or;
    for (size_t i = 0; i < count; i++)
        if (sgr__is_constant(nodes[i]) && !nodes[i]->value.null &&
            (nodes[i]->value.i != 0) != is_and)
            return nodes[i];
    size_t total = flattened_count(operation, nodes, count);
    struct sgr__node **flat = sgr_arena_alloc(resolver->arena, (total + 1) * sizeof(*flat));
    if (!flat)
        return sgr__fail_memory(resolver);
    if (total > UINT16_MAX)
        return sgr__fail(resolver, position, SGR_ELIMIT, "the expression is too long");
    total = flatten(operation, nodes, count, flat);
    if (!total)
        return sgr__int_constant(resolver, SGR_BOOL, is_and, position);
    if (total == 1)
        return flat[0];
    struct sgr__node *call = sgr__call(resolver, operation, SGR_BOOL, position, total, flat);
    return call ? sgr__fold(resolver, call) : NULL;
}

static struct sgr__node *resolve_junction(struct sgr__resolver *resolver,
                                          const PgQuery__BoolExpr *from) {
    bool is_and = from->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
    struct sgr__node **nodes = sgr_arena_alloc(resolver->arena, from->n_args * sizeof(*nodes));
    if (!nodes)
        return sgr__fail_memory(resolver);
    for (size_t i = 0; i < from->n_args; i++)
        if (!(nodes[i] = resolve_bool(resolver, from->args[i], is_and ? "AND" : "OR")))
            return NULL;
    return sgr__junction(resolver, is_and, from->location, nodes, from->n_args);
}

static struct sgr__node *folded_call(struct sgr__resolver *resolver,
                                     const struct sgr__operation *operation, enum sgr_type type,
                                     int position, struct sgr__node *argument) {
    struct sgr__node *call =
        argument ? sgr__call(resolver, operation, type, position, 1, &argument) : NULL;
    return call ? sgr__fold(resolver, call) : NULL;
}

static struct sgr__node *resolve_bool_expr(struct sgr__resolver *resolver,
                                           const PgQuery__BoolExpr *from) {
    if (from->boolop != PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR)
        return resolve_junction(resolver, from);
    return folded_call(resolver, &sgr__not, SGR_BOOL, from->location,
                       resolve_bool(resolver, from->args[0], "NOT"));
}

static struct sgr__node *resolve_null_test(struct sgr__resolver *resolver,
                                           const PgQuery__NullTest *from) {
    bool is_null = from->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL;
    return folded_call(resolver, is_null ? &sgr__is_null : &sgr__is_not_null, SGR_BOOL,
                       from->location, sgr__resolve(resolver, from->arg));
}

static struct sgr__node *resolve_bool_test(struct sgr__resolver *resolver,
                                           const PgQuery__BooleanTest *from) {
    static const struct {
        const struct sgr__operation *operation;
        const char *name;
    } tests[] = {
        [PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = {&sgr__is_true, "IS TRUE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = {&sgr__is_not_true, "IS NOT TRUE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = {&sgr__is_false, "IS FALSE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = {&sgr__is_not_false, "IS NOT FALSE"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = {&sgr__is_null, "IS UNKNOWN"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = {&sgr__is_not_null, "IS NOT UNKNOWN"},
    };
    unsigned test = from->booltesttype;
    if (test >= sizeof(tests) / sizeof(tests[0]) || !tests[test].operation)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED, "this test is not supported");
    return folded_call(resolver, tests[test].operation, SGR_BOOL, from->location,
                       resolve_bool(resolver, from->arg, tests[test].name));
}

/* ---- Choices */

/* The nodes' common type for the call's result. */
static struct sgr__node *choice(struct sgr__resolver *resolver,
                                const struct sgr__operation *operation, const char *name,
                                int position, PgQuery__Node *const *from, size_t count) {
    struct sgr__node *nodes[SGR__MOST_ARGUMENTS];
    if (count > SGR__MOST_ARGUMENTS)
        return sgr__fail(resolver, position, SGR_ELIMIT, "too many arguments of %s", name);
    for (size_t i = 0; i < count; i++)
        if (!(nodes[i] = sgr__resolve(resolver, from[i])))
            return NULL;
    if (!sgr__common_type(resolver, name, nodes, count))
        return NULL;
    struct sgr__node *call =
        sgr__call(resolver, operation, nodes[0]->type.type, position, count, nodes);
    if (!call)
        return NULL;
    enum sgr_collation collation = call->type.collation;
    call->type = nodes[0]->type;
    call->type.collation = collation;
    call->type.type_modifier = -1;
    call->type.not_null = false;
    for (size_t i = 0; i < count; i++)
        call->type.not_null |= nodes[i]->type.not_null;
    return call;
}

static struct sgr__node *resolve_min_max(struct sgr__resolver *resolver,
                                         const PgQuery__MinMaxExpr *from) {
    bool greatest = from->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;
    struct sgr__node *call =
        choice(resolver, greatest ? &sgr__greatest : &sgr__least, greatest ? "GREATEST" : "LEAST",
               from->location, from->args, from->n_args);
    if (!call)
        return NULL;
    if (!sgr_type_has_order(call->type.type, call->type.element))
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "values of type %s cannot be ordered here",
                         sgr__type_spelled(resolver, &call->type));
    if (call->type.collation == SGR_COLLATION_UNKNOWN)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "this host cannot order text as the database does: write COLLATE \"C\"");
    call->detail = call->type.collation;
    return sgr__fold(resolver, call);
}

/* Null constants never count, and behind another constant nothing does. */
static struct sgr__node *resolve_coalesce(struct sgr__resolver *resolver,
                                          const PgQuery__CoalesceExpr *from) {
    uint16_t kept = 0;
    struct sgr__node *call =
        choice(resolver, &sgr__coalesce, "COALESCE", from->location, from->args, from->n_args);
    if (!call)
        return NULL;
    for (uint16_t i = 0; i < call->count; i++) {
        struct sgr__node *argument = call->arguments[i];
        if (sgr__is_constant(argument) && argument->value.null)
            continue;
        call->arguments[kept++] = argument;
        if (sgr__is_constant(argument))
            break;
    }
    if (kept == 1)
        return call->arguments[0];
    if (kept)
        call->count = kept;
    return sgr__fold(resolver, call);
}

/* CASE x WHEN y compares; CASE WHEN y is a condition. */
static struct sgr__node *resolve_condition(struct sgr__resolver *resolver,
                                           const PgQuery__CaseExpr *from,
                                           const PgQuery__Node *when) {
    if (!from->arg)
        return resolve_bool(resolver, when, "CASE");
    struct sgr__node *value = sgr__resolve(resolver, from->arg);
    struct sgr__node *other = value ? sgr__resolve(resolver, when) : NULL;
    return other ? sgr__compare(resolver, &sgr__equal, value, other, other->position) : NULL;
}

/* A condition that is constant is decided now, so that only branches that can be reached are kept. */
static struct sgr__node *finish_case(struct sgr__resolver *resolver, struct sgr__node **nodes,
                                     size_t count, int position) {
    size_t kept = 0;
    struct sgr__node *otherwise = nodes[count - 1];
    for (size_t i = 0; i + 1 < count; i += 2) {
        if (sgr__is_constant(nodes[i]) && (nodes[i]->value.null || !nodes[i]->value.i))
            continue;
        if (sgr__is_constant(nodes[i])) {
            otherwise = nodes[i + 1];
            break;
        }
        nodes[kept] = nodes[i];
        nodes[kept + 1] = nodes[i + 1];
        kept += 2;
    }
    if (!kept)
        return otherwise;
    nodes[kept++] = otherwise;
    struct sgr__node *call =
        sgr__call(resolver, &sgr__case, otherwise->type.type, position, kept, nodes);
    if (!call)
        return NULL;
    call->type = otherwise->type;
    call->type.type_modifier = -1;
    for (size_t i = 1; i < kept; i += 2)
        call->type.not_null &= nodes[i]->type.not_null;
    struct sgr__node *results[SGR__MOST_ARGUMENTS + 1];
    size_t count_results = 0;
    for (size_t i = 1; i < kept; i += 2)
        results[count_results++] = nodes[i];
    results[count_results++] = otherwise;
    call->type.collation = otherwise->type.collation;
    call->strength = SGR__WEAK;
    if (call->type.collation != SGR_COLLATION_NONE &&
        !sgr__common_collation(resolver, results, count_results, call))
        return NULL;
    return call;
}

static struct sgr__node *resolve_case(struct sgr__resolver *resolver,
                                      const PgQuery__CaseExpr *from) {
    struct sgr__node *nodes[2 * SGR__MOST_ARGUMENTS + 1], *results[SGR__MOST_ARGUMENTS + 1];
    size_t count = from->n_args;
    if (count > SGR__MOST_ARGUMENTS)
        return sgr__fail(resolver, from->location, SGR_ELIMIT, "too many branches of CASE");
    /* The ELSE comes first where the common type is chosen, as in Postgres. */
    results[0] = from->defresult ? sgr__resolve(resolver, from->defresult)
                                 : sgr__text_constant(resolver, NULL, from->location);
    if (!results[0])
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const PgQuery__CaseWhen *when = from->args[i]->case_when;
        if (!(nodes[2 * i] = resolve_condition(resolver, from, when->expr)) ||
            !(results[i + 1] = sgr__resolve(resolver, when->result)))
            return NULL;
    }
    if (!sgr__common_type(resolver, "CASE", results, count + 1))
        return NULL;
    for (size_t i = 0; i < count; i++)
        nodes[2 * i + 1] = results[i + 1];
    nodes[2 * count] = results[0];
    return finish_case(resolver, nodes, 2 * count + 1, from->location);
}

static struct sgr__node *resolve_collate(struct sgr__resolver *resolver,
                                         const PgQuery__CollateClause *from) {
    struct sgr__node *node = sgr__resolve(resolver, from->arg);
    if (!node)
        return NULL;
    if (node->unknown)
        node = sgr__coerce_type(resolver, node, SGR_TEXT);
    const PgQuery__Node *name = from->collname[from->n_collname - 1];
    bool known = name->node_case == PG_QUERY__NODE__NODE_STRING &&
                 (strcmp(name->string->sval, "C") == 0 || strcmp(name->string->sval, "POSIX") == 0);
    if (!known)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "only COLLATE \"C\" is supported");
    if (node && node->type.collation == SGR_COLLATION_NONE)
        return sgr__fail(resolver, from->location, SGR_ETYPE,
                         "collations are not supported by type %s",
                         sgr__type_spelled(resolver, &node->type));
    struct sgr__node *call = sgr__call(resolver, &sgr__collate, SGR_TEXT, from->location, 1, &node);
    if (!call)
        return NULL;
    call->type = node->type;
    call->type.collation = SGR_COLLATION_C;
    call->strength = SGR__EXPLICIT;
    return call; /* not folded: a constant would forget that its collation was written */
}

/* ---- Everything */

static struct sgr__node *unsupported(struct sgr__resolver *resolver, const PgQuery__Node *from) {
    static const struct {
        PgQuery__Node__NodeCase kind;
        const char *name;
    } names[] = {
        {PG_QUERY__NODE__NODE_SUB_LINK, "a subquery"},
        {PG_QUERY__NODE__NODE_A_ARRAY_EXPR, "ARRAY"},
        {PG_QUERY__NODE__NODE_A_INDIRECTION, "a subscript or field selection"},
        {PG_QUERY__NODE__NODE_ROW_EXPR, "ROW"},
        {PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION, "the current time or user"},
        {PG_QUERY__NODE__NODE_SET_TO_DEFAULT, "DEFAULT"},
        {PG_QUERY__NODE__NODE_GROUPING_FUNC, "GROUPING"},
        {PG_QUERY__NODE__NODE_XML_EXPR, "XML"},
        {PG_QUERY__NODE__NODE_XML_SERIALIZE, "XML"},
        {PG_QUERY__NODE__NODE_A_STAR, "*"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].kind == from->node_case)
            return sgr__fail(resolver, -1, SGR_EUNSUPPORTED, "%s is not supported here",
                             names[i].name);
    return sgr__fail(resolver, -1, SGR_EUNSUPPORTED, "this construct is not supported");
}

static struct sgr__node *resolve_any(struct sgr__resolver *resolver, const PgQuery__Node *from) {
    switch (from->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return sgr__resolve_column(resolver, from->column_ref);
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return sgr__resolve_parameter(resolver, from->param_ref);
    case PG_QUERY__NODE__NODE_A_CONST:
        return sgr__resolve_constant(resolver, from->a_const);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return sgr__resolve_operator(resolver, from->a_expr);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
        return resolve_bool_expr(resolver, from->bool_expr);
    case PG_QUERY__NODE__NODE_NULL_TEST:
        return resolve_null_test(resolver, from->null_test);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return resolve_bool_test(resolver, from->boolean_test);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return resolve_case(resolver, from->case_expr);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return resolve_coalesce(resolver, from->coalesce_expr);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return resolve_min_max(resolver, from->min_max_expr);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return sgr__resolve_cast(resolver, from->type_cast);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return resolve_collate(resolver, from->collate_clause);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return sgr__resolve_function(resolver, from->func_call);
    default:
        return unsupported(resolver, from);
    }
}

struct sgr__node *sgr__resolve(struct sgr__resolver *resolver, const PgQuery__Node *from) {
    if (!from)
        return sgr__fail(resolver, -1, SGR_EUNSUPPORTED, "this construct is not supported");
    if (resolver->depth == SGR__DEEPEST)
        return sgr__fail(resolver, -1, SGR_ELIMIT, "the expression is nested too deeply");
    resolver->depth++;
    struct sgr__node *node = resolve_any(resolver, from);
    resolver->depth--;
    return node;
}
