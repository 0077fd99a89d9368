/* Types: how nodes meet one, casts, and how collations are derived. */
#include "base/vector.h"
#include "expr/operations.h"
#include "expr/resolver.h"
#include "row/collation.h"

struct sgr_column sgr__type_of(enum sgr_type type) {
    struct sgr_column column = {
        .type_name = sgr_type_name(type), .type_modifier = -1, .type = type, .element = SGR_OTHER};
    if (type == SGR_TEXT || type == SGR_BPCHAR)
        column.collation = sgr_collation_default();
    return column;
}

const char *sgr__type_spelled(struct sgr__resolver *resolver, const struct sgr_column *type) {
    const char *name = type->type_name ? type->type_name : sgr_type_name(type->type);
    char *spelled = NULL;
    if (type->type == SGR_ARRAY && name[0] == '_')
        spelled = sgr_arena_printf(resolver->arena, "%s[]", name + 1);
    return spelled ? spelled : name;
}

/* ---- Casts */

enum context { IMPLICIT, ASSIGNMENT, EXPLICIT };

struct cast {
    enum sgr_type from, to;
    enum context context;
    const struct sgr__operation *operation;
};

static const struct cast casts[] = {
    {SGR_INT2, SGR_INT4, IMPLICIT, &sgr__int_to_int},
    {SGR_INT2, SGR_INT8, IMPLICIT, &sgr__int_to_int},
    {SGR_INT4, SGR_INT8, IMPLICIT, &sgr__int_to_int},
    {SGR_INT4, SGR_INT2, ASSIGNMENT, &sgr__int_to_int},
    {SGR_INT8, SGR_INT2, ASSIGNMENT, &sgr__int_to_int},
    {SGR_INT8, SGR_INT4, ASSIGNMENT, &sgr__int_to_int},
    {SGR_INT2, SGR_NUMERIC, IMPLICIT, &sgr__int_to_numeric},
    {SGR_INT4, SGR_NUMERIC, IMPLICIT, &sgr__int_to_numeric},
    {SGR_INT8, SGR_NUMERIC, IMPLICIT, &sgr__int_to_numeric},
    {SGR_INT2, SGR_FLOAT4, IMPLICIT, &sgr__int_to_float},
    {SGR_INT4, SGR_FLOAT4, IMPLICIT, &sgr__int_to_float},
    {SGR_INT8, SGR_FLOAT4, IMPLICIT, &sgr__int_to_float},
    {SGR_INT2, SGR_FLOAT8, IMPLICIT, &sgr__int_to_float},
    {SGR_INT4, SGR_FLOAT8, IMPLICIT, &sgr__int_to_float},
    {SGR_INT8, SGR_FLOAT8, IMPLICIT, &sgr__int_to_float},
    {SGR_NUMERIC, SGR_FLOAT4, IMPLICIT, &sgr__numeric_to_float},
    {SGR_NUMERIC, SGR_FLOAT8, IMPLICIT, &sgr__numeric_to_float},
    {SGR_NUMERIC, SGR_INT2, ASSIGNMENT, &sgr__numeric_to_int},
    {SGR_NUMERIC, SGR_INT4, ASSIGNMENT, &sgr__numeric_to_int},
    {SGR_NUMERIC, SGR_INT8, ASSIGNMENT, &sgr__numeric_to_int},
    {SGR_FLOAT4, SGR_FLOAT8, IMPLICIT, &sgr__float_to_float},
    {SGR_FLOAT8, SGR_FLOAT4, ASSIGNMENT, &sgr__float_to_float},
    {SGR_FLOAT4, SGR_INT2, ASSIGNMENT, &sgr__float_to_int},
    {SGR_FLOAT4, SGR_INT4, ASSIGNMENT, &sgr__float_to_int},
    {SGR_FLOAT4, SGR_INT8, ASSIGNMENT, &sgr__float_to_int},
    {SGR_FLOAT8, SGR_INT2, ASSIGNMENT, &sgr__float_to_int},
    {SGR_FLOAT8, SGR_INT4, ASSIGNMENT, &sgr__float_to_int},
    {SGR_FLOAT8, SGR_INT8, ASSIGNMENT, &sgr__float_to_int},
    {SGR_FLOAT4, SGR_NUMERIC, ASSIGNMENT, &sgr__float_to_numeric},
    {SGR_FLOAT8, SGR_NUMERIC, ASSIGNMENT, &sgr__float_to_numeric},
    {SGR_INT4, SGR_BOOL, EXPLICIT, &sgr__int_to_bool},
    {SGR_BOOL, SGR_INT4, EXPLICIT, &sgr__bool_to_int},
    {SGR_BPCHAR, SGR_TEXT, IMPLICIT, &sgr__bpchar_to_text},
    {SGR_DATE, SGR_TIMESTAMP, IMPLICIT, &sgr__date_to_timestamp},
    {SGR_DATE, SGR_TIMESTAMPTZ, IMPLICIT, &sgr__date_to_timestamp},
    {SGR_TIMESTAMP, SGR_TIMESTAMPTZ, IMPLICIT, &sgr__timestamp_to_timestamp},
    {SGR_TIMESTAMPTZ, SGR_TIMESTAMP, ASSIGNMENT, &sgr__timestamp_to_timestamp},
    {SGR_TIMESTAMP, SGR_DATE, ASSIGNMENT, &sgr__timestamp_to_date},
    {SGR_TIMESTAMPTZ, SGR_DATE, ASSIGNMENT, &sgr__timestamp_to_date},
    {SGR_TIMESTAMP, SGR_TIME, ASSIGNMENT, &sgr__timestamp_to_time},
    {SGR_TIMESTAMPTZ, SGR_TIME, ASSIGNMENT, &sgr__timestamp_to_time},
    {SGR_TIME, SGR_INTERVAL, IMPLICIT, &sgr__time_to_interval},
    {SGR_INTERVAL, SGR_TIME, ASSIGNMENT, &sgr__interval_to_time},
    {SGR_TEXT, SGR_BPCHAR, IMPLICIT, &sgr__to_text},
    {SGR_JSON, SGR_JSONB, ASSIGNMENT, &sgr__from_text},
    {SGR_JSONB, SGR_JSON, ASSIGNMENT, &sgr__from_text},
};

static const struct cast *find_cast(enum sgr_type from, enum sgr_type to) {
    static const struct cast to_text = {SGR_OTHER, SGR_TEXT, EXPLICIT, &sgr__to_text};
    static const struct cast from_text = {SGR_TEXT, SGR_OTHER, EXPLICIT, &sgr__from_text};
    for (size_t i = 0; i < sizeof(casts) / sizeof(casts[0]); i++)
        if (casts[i].from == from && casts[i].to == to)
            return &casts[i];
    if (to == SGR_TEXT || to == SGR_BPCHAR)
        return &to_text;
    /* What an enum or an extension's type accepts, only its own input function knows. */
    if ((from == SGR_TEXT || from == SGR_BPCHAR) && to != SGR_OTHER)
        return &from_text;
    return NULL;
}

bool sgr__can_coerce(const struct sgr__node *node, enum sgr_type to) {
    if (node->unknown || node->type.type == to)
        return true;
    const struct cast *cast = find_cast(node->type.type, to);
    return cast && cast->context == IMPLICIT && node->type.type != SGR_TEXT;
}

/* A bare literal takes the type as its input function reads it. */
static struct sgr__node *coerce_literal(struct sgr__resolver *resolver, struct sgr__node *node,
                                        const struct sgr_column *to) {
    struct sgr__node *typed = sgr__node_new(resolver, SGR__CONSTANT, to->type, node->position);
    if (!typed)
        return NULL;
    typed->type = *to;
    typed->type.name = NULL;
    typed->type.not_null = !node->value.null;
    typed->value.null = node->value.null;
    if (node->value.null)
        return typed;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    struct sgr_error cause;
    struct sgr_value value;
    int code = sgr_value_parse_literal(to->type, to->element, node->value.s, &text, &value, &cause);
    if (!code && text.size) {
        char *copy = sgr_arena_copy(resolver->arena, (struct sgr_slice){text.data, text.size});
        if (!copy)
            code = SGR_ENOMEM;
        value.s = (struct sgr_slice){copy, text.size};
    } else if (!code && text.data) {
        value.s = SGR_SLICE("");
    }
    sgr_buffer_fini(&text);
    if (code == SGR_ENOMEM)
        return sgr__fail_memory(resolver);
    if (code)
        return sgr__fail(resolver, node->position, code, "%s", cause.message);
    typed->value = value;
    return typed;
}

static const struct sgr__operation *fit_operation(enum sgr_type type) {
    switch (type) {
    case SGR_NUMERIC:
        return &sgr__numeric_fit;
    case SGR_TEXT:
        return &sgr__text_fit;
    case SGR_BPCHAR:
        return &sgr__bpchar_fit;
    case SGR_TIMESTAMP:
    case SGR_TIMESTAMPTZ:
        return &sgr__timestamp_fit;
    case SGR_TIME:
        return &sgr__time_fit;
    default:
        return NULL;
    }
}

/* numeric(10,2), varchar(3): what the modifier asks for, behind the cast of the type. */
static struct sgr__node *fit(struct sgr__resolver *resolver, struct sgr__node *node,
                             const struct sgr_column *to) {
    const struct sgr__operation *operation = fit_operation(to->type);
    if (to->type_modifier < 0 || !operation ||
        (node->kind != SGR__CONSTANT && node->type.type_modifier == to->type_modifier))
        return node;
    struct sgr__node *fitted = sgr__node_new(resolver, SGR__CALL, to->type, node->position);
    struct sgr__node **arguments = sgr_arena_alloc(resolver->arena, sizeof(struct sgr__node *));
    if (!fitted || !arguments)
        return sgr__fail_memory(resolver);
    arguments[0] = node;
    fitted->type = node->type;
    fitted->type.type_modifier = to->type_modifier;
    fitted->strength = node->strength;
    fitted->operation = operation;
    fitted->detail = to->type_modifier;
    fitted->count = 1;
    fitted->arguments = arguments;
    return sgr__fold(resolver, fitted);
}

/* The same value under the target's name: varchar as text. */
static struct sgr__node *relabel(struct sgr__resolver *resolver, struct sgr__node *node,
                                 const struct sgr_column *to) {
    struct sgr__node *copy = sgr_arena_alloc(resolver->arena, sizeof(*copy));
    if (!copy)
        return sgr__fail_memory(resolver);
    *copy = *node;
    copy->type.type_name = to->type_name;
    if (to->type_modifier < 0)
        copy->type.type_modifier = -1;
    return copy;
}

static struct sgr__node *no_cast(struct sgr__resolver *resolver, struct sgr__node *node,
                                 const struct sgr_column *to) {
    return sgr__fail(resolver, node->position, SGR_ETYPE, "cannot cast type %s to %s",
                     sgr__type_spelled(resolver, &node->type), sgr__type_spelled(resolver, to));
}

static bool same_type(const struct sgr_column *a, const struct sgr_column *b) {
    if (a->type != b->type)
        return false;
    if (a->type == SGR_ARRAY)
        return a->element == b->element;
    return a->type != SGR_OTHER ||
           (a->type_name && b->type_name && strcmp(a->type_name, b->type_name) == 0);
}

static struct sgr__node *cast_call(struct sgr__resolver *resolver, struct sgr__node *node,
                                   const struct cast *cast, const struct sgr_column *to) {
    struct sgr__node *call = sgr__node_new(resolver, SGR__CALL, to->type, node->position);
    struct sgr__node **arguments = sgr_arena_alloc(resolver->arena, sizeof(struct sgr__node *));
    if (!call || !arguments)
        return sgr__fail_memory(resolver);
    arguments[0] = node;
    call->type = *to;
    call->type.name = NULL;
    call->type.type_modifier = -1;
    call->type.not_null = node->type.not_null && !cast->operation->makes_nulls;
    bool keeps = node->type.collation != SGR_COLLATION_NONE && to->collation != SGR_COLLATION_NONE;
    call->type.collation = to->collation == SGR_COLLATION_NONE ? SGR_COLLATION_NONE
                           : keeps                             ? node->type.collation
                                                               : sgr_collation_default();
    call->strength = keeps ? node->strength : SGR__WEAK;
    call->operation = cast->operation;
    call->count = 1;
    call->arguments = arguments;
    return sgr__fold(resolver, call);
}

struct sgr__node *sgr__coerce(struct sgr__resolver *resolver, struct sgr__node *node,
                              const struct sgr_column *to, enum sgr__coercion how) {
    if (!node)
        return NULL;
    if (node->unknown) {
        /* Beside a varchar a literal is plain text, so that it is spelled one way. */
        struct sgr_column type = *to;
        if (how == SGR__COERCE_IMPLICIT && to->type == SGR_TEXT)
            type.type_name = sgr_type_name(SGR_TEXT);
        node = coerce_literal(resolver, node, &type);
    } else if (same_type(&node->type, to)) {
        node = relabel(resolver, node, to);
    } else {
        const struct cast *cast = find_cast(node->type.type, to->type);
        if (!cast || (how == SGR__COERCE_IMPLICIT && cast->context != IMPLICIT))
            return no_cast(resolver, node, to);
        node = cast_call(resolver, node, cast, to);
    }
    return node ? fit(resolver, node, to) : NULL;
}

struct sgr__node *sgr__coerce_type(struct sgr__resolver *resolver, struct sgr__node *node,
                                   enum sgr_type to) {
    if (node && !node->unknown && node->type.type == to)
        return node;
    struct sgr_column column = sgr__type_of(to);
    return sgr__coerce(resolver, node, &column, SGR__COERCE_IMPLICIT);
}

/* ---- The type that several nodes share */

enum category { NUMBERS, STRINGS, MOMENTS, SPANS, OTHERS };

static enum category category_of(enum sgr_type type) {
    switch (type) {
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
    case SGR_NUMERIC:
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        return NUMBERS;
    case SGR_TEXT:
    case SGR_BPCHAR:
        return STRINGS;
    case SGR_DATE:
    case SGR_TIME:
    case SGR_TIMESTAMP:
    case SGR_TIMESTAMPTZ:
        return MOMENTS;
    case SGR_INTERVAL:
        return SPANS;
    default:
        return OTHERS;
    }
}

static bool is_preferred(enum sgr_type type) {
    return type == SGR_FLOAT8 || type == SGR_TEXT || type == SGR_TIMESTAMPTZ ||
           type == SGR_INTERVAL || type == SGR_BOOL;
}

static bool implicit(enum sgr_type from, enum sgr_type to) {
    const struct cast *cast = find_cast(from, to);
    return from == to || (cast && cast->context == IMPLICIT);
}

/* The type of the first node whose type is known, widened by those that follow as Postgres does it. */
static const struct sgr__node *choose(struct sgr__resolver *resolver, const char *what,
                                      struct sgr__node *const *nodes, size_t count) {
    const struct sgr__node *chosen = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct sgr__node *node = nodes[i];
        if (node->unknown || (chosen && same_type(&chosen->type, &node->type)))
            continue;
        if (!chosen) {
            chosen = node;
            continue;
        }
        enum sgr_type a = chosen->type.type, b = node->type.type;
        bool fits = a != b && category_of(a) == category_of(b) && category_of(a) != OTHERS;
        if (!fits)
            return sgr__fail(resolver, node->position, SGR_ETYPE,
                             "%s types %s and %s cannot be matched", what,
                             sgr__type_spelled(resolver, &chosen->type),
                             sgr__type_spelled(resolver, &node->type));
        if (!is_preferred(a) && implicit(a, b) && !implicit(b, a))
            chosen = node;
    }
    return chosen ? chosen : nodes[0];
}

bool sgr__common_type(struct sgr__resolver *resolver, const char *what, struct sgr__node **nodes,
                      size_t count) {
    const struct sgr__node *chosen = choose(resolver, what, nodes, count);
    if (!chosen)
        return false;
    struct sgr_column type = chosen->unknown ? sgr__type_of(SGR_TEXT) : chosen->type;
    type.type_modifier = -1;
    for (size_t i = 0; i < count; i++) {
        bool own = !nodes[i]->unknown && same_type(&nodes[i]->type, &type);
        if (!own)
            nodes[i] = sgr__coerce(resolver, nodes[i], &type, SGR__COERCE_IMPLICIT);
        if (!nodes[i])
            return false;
    }
    return true;
}

/* ---- Collations */

/* Two columns' collations that differ: one that is no default wins, which C is unless the database's default is C. */
static enum sgr_collation merge(enum sgr_collation a, enum sgr_collation b) {
    if (a == b)
        return a;
    if (a == SGR_COLLATION_UNKNOWN || b == SGR_COLLATION_UNKNOWN)
        return SGR_COLLATION_UNKNOWN;
    return SGR_COLLATION_C;
}

bool sgr__common_collation(struct sgr__resolver *resolver, struct sgr__node *const *nodes,
                           size_t count, struct sgr__node *ret) {
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        const struct sgr__node *node = nodes[i];
        if (node->type.collation == SGR_COLLATION_NONE)
            continue;
        if (!any || node->strength > ret->strength) {
            ret->strength = node->strength;
            ret->type.collation = node->type.collation;
        } else if (node->strength == ret->strength) {
            if (node->strength == SGR__EXPLICIT && node->type.collation != ret->type.collation) {
                sgr__fail(resolver, node->position, SGR_ETYPE, "explicit collations differ");
                return false;
            }
            ret->type.collation = merge(ret->type.collation, node->type.collation);
        }
        any = true;
    }
    return true;
}

/* ---- CAST */

static bool read_modifiers(const PgQuery__TypeName *name, struct sgr_buffer *out) {
    for (size_t i = 0; i < name->n_typmods; i++) {
        const PgQuery__Node *node = name->typmods[i];
        if (node->node_case != PG_QUERY__NODE__NODE_A_CONST ||
            node->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
            return false;
        sgr_buffer_putc(out, i ? ',' : '(');
        sgr_buffer_int(out, node->a_const->ival->ival);
    }
    if (name->n_typmods)
        sgr_buffer_putc(out, ')');
    return true;
}

/* The last part of the name; the parser has put pg_catalog before the names it knows itself. */
static const char *last_name(const PgQuery__TypeName *name) {
    const PgQuery__Node *node = name->n_names ? name->names[name->n_names - 1] : NULL;
    bool catalog =
        name->n_names == 1 ||
        (name->n_names == 2 && name->names[0]->node_case == PG_QUERY__NODE__NODE_STRING &&
         strcmp(name->names[0]->string->sval, "pg_catalog") == 0);
    if (!catalog || !node || node->node_case != PG_QUERY__NODE__NODE_STRING)
        return NULL;
    return node->string->sval;
}

static int read_type(const PgQuery__TypeName *name, struct sgr_column *ret,
                     struct sgr_error *error) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    const char *spelled = last_name(name);
    if (!spelled || name->setof || name->pct_type)
        return sgr_error_set(error, SGR_EUNSUPPORTED, "this type is not supported");
    /* "char" alone is the one-byte type; the parser turns char into bpchar. */
    sgr_buffer_puts(&text, strcmp(spelled, "char") == 0 ? "\"char\"" : spelled);
    bool good =
        strcmp(spelled, "interval") == 0 ? name->n_typmods == 0 : read_modifiers(name, &text);
    if (name->n_array_bounds)
        sgr_buffer_puts(&text, "[]");
    int code = text.failed ? sgr_error_set(error, SGR_ENOMEM, "out of memory")
               : !good     ? sgr_error_set(error, SGR_EUNSUPPORTED,
                                           "this modifier of type %s is not supported", spelled)
                           : sgr_type_parse((struct sgr_slice){text.data, text.size}, ret, error);
    sgr_buffer_fini(&text);
    return code;
}

static bool is_lossy_name(const struct sgr_column *type) {
    return type->type == SGR_TEXT &&
           (strcmp(type->type_name, "name") == 0 || strcmp(type->type_name, "char") == 0);
}

struct sgr__node *sgr__resolve_cast(struct sgr__resolver *resolver, const PgQuery__TypeCast *cast) {
    struct sgr_column type = {.type_modifier = -1};
    struct sgr_error cause;
    int position = cast->type_name->location;
    int code = read_type(cast->type_name, &type, &cause);
    if (code)
        return sgr__fail(resolver, position, code, "%s", cause.message);
    if (is_lossy_name(&type))
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED, "casts to %s are not supported",
                         type.type_name);
    if (type.type == SGR_ARRAY && type.type_modifier >= 0)
        return sgr__fail(resolver, position, SGR_EUNSUPPORTED,
                         "modifiers of array elements are not supported");
    if (type.collation != SGR_COLLATION_NONE)
        type.collation = sgr_collation_default();
    struct sgr__node *node = sgr__resolve(resolver, cast->arg);
    return sgr__coerce(resolver, node, &type, SGR__COERCE_EXPLICIT);
}
