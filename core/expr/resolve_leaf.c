/* The leaves of the tree: names become columns and parameters, literals constants. */
#include "base/nearest.h"
#include "expr/resolver.h"
#include "row/collation.h"

/* ---- Names */

static void *unknown_name(struct sgr__resolver *resolver, const char *what, const char *name,
                          const char *const *candidates, size_t count, int position) {
    const char *nearest = sgr_nearest(name, candidates, count);
    if (nearest)
        return sgr__fail(resolver, position, SGR_ENOTFOUND,
                         "unknown %s \"%.100s\", did you mean \"%.100s\"?", what, name, nearest);
    return sgr__fail(resolver, position, SGR_ENOTFOUND, "unknown %s \"%.100s\"", what, name);
}

static void *unknown_column(struct sgr__resolver *resolver, size_t first, size_t last,
                            const char *name, int position) {
    const struct sgr_scope *scope = resolver->scope;
    size_t count = 0;
    for (size_t i = first; i < last; i++) {
        if (sgr_schema_find(scope->relations[i].schema, name) >= 0)
            return sgr__fail(resolver, position, SGR_ENOTFOUND,
                             "column \"%.100s\" is written %.100s.%.100s here", name,
                             scope->relations[i].alias, name);
        count += scope->relations[i].schema->count;
    }
    const char **candidates = sgr_arena_alloc(resolver->arena, (count + 1) * sizeof(*candidates));
    if (!candidates)
        return sgr__fail_memory(resolver);
    count = 0;
    for (size_t i = first; i < last; i++)
        for (uint16_t j = 0; j < scope->relations[i].schema->count; j++)
            candidates[count++] = scope->relations[i].schema->columns[j].name;
    return unknown_name(resolver, "column", name, candidates, count, position);
}

static void *unknown_relation(struct sgr__resolver *resolver, const char *name, int position) {
    const char *candidates[64];
    size_t count = 0;
    for (size_t i = 0; i < resolver->scope->relation_count && count < 64; i++)
        if (resolver->scope->relations[i].alias)
            candidates[count++] = resolver->scope->relations[i].alias;
    return unknown_name(resolver, "relation", name, candidates, count, position);
}

static struct sgr__node *column_node(struct sgr__resolver *resolver, size_t relation, int column,
                                     int position) {
    const struct sgr_column *type = &resolver->scope->relations[relation].schema->columns[column];
    struct sgr__node *node = sgr__node_new(resolver, SGR__COLUMN, type->type, position);
    if (!node)
        return NULL;
    node->type = *type;
    node->type.name = NULL;
    node->strength = SGR__IMPLICIT;
    node->index = (uint32_t)relation;
    node->column = (uint16_t)column;
    return node;
}

/* Among relations first to last - 1. */
static struct sgr__node *find_column(struct sgr__resolver *resolver, size_t first, size_t last,
                                     const char *name, int position) {
    size_t relation = SIZE_MAX;
    int column = -1;
    for (size_t i = first; i < last; i++) {
        int found = sgr_schema_find(resolver->scope->relations[i].schema, name);
        if (found < 0 || (resolver->scope->relations[i].qualified && last - first > 1))
            continue;
        if (column >= 0)
            return sgr__fail(resolver, position, SGR_EINVAL,
                             "column \"%.100s\" is in several relations: write which", name);
        relation = i;
        column = found;
    }
    if (column < 0)
        return unknown_column(resolver, first, last, name, position);
    return column_node(resolver, relation, column, position);
}

static const char *field_name(const PgQuery__ColumnRef *from, size_t i) {
    const PgQuery__Node *field = from->fields[i];
    return field->node_case == PG_QUERY__NODE__NODE_STRING ? field->string->sval : NULL;
}

struct sgr__node *sgr__resolve_column(struct sgr__resolver *resolver,
                                      const PgQuery__ColumnRef *from) {
    const struct sgr_scope *scope = resolver->scope;
    for (size_t i = 0; i < from->n_fields; i++)
        if (!field_name(from, i))
            return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED, "* is not supported here");
    if (from->n_fields == 1)
        return find_column(resolver, 0, scope->relation_count, field_name(from, 0), from->location);
    if (from->n_fields != 2)
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "names of more than two parts are not supported");
    const char *alias = field_name(from, 0);
    for (size_t i = 0; i < scope->relation_count; i++)
        if (scope->relations[i].alias && strcmp(scope->relations[i].alias, alias) == 0)
            return find_column(resolver, i, i + 1, field_name(from, 1), from->location);
    return unknown_relation(resolver, alias, from->location);
}

struct sgr__node *sgr__resolve_parameter(struct sgr__resolver *resolver,
                                         const PgQuery__ParamRef *from) {
    size_t index = (size_t)from->number - 1;
    if (from->number < 1 || index >= resolver->scope->parameter_count)
        return sgr__fail(resolver, from->location, SGR_ENOTFOUND, "unknown parameter");
    const struct sgr_column *type = &resolver->scope->parameters[index].column;
    struct sgr__node *node = sgr__node_new(resolver, SGR__PARAMETER, type->type, from->location);
    if (!node)
        return NULL;
    node->type = *type;
    node->type.name = NULL;
    if (type->type_name) {
        node->type.type_name = sgr_arena_copy(resolver->arena, sgr_slice(type->type_name));
        if (!node->type.type_name)
            return sgr__fail_memory(resolver);
    } else {
        node->type.type_name = sgr_type_name(type->type);
    }
    if (type->type == SGR_TEXT || type->type == SGR_BPCHAR)
        node->type.collation = sgr_collation_default();
    node->index = (uint32_t)index;
    return node;
}

/* ---- Literals */

struct sgr__node *sgr__int_constant(struct sgr__resolver *resolver, enum sgr_type type,
                                    int64_t number, int position) {
    struct sgr__node *node = sgr__node_new(resolver, SGR__CONSTANT, type, position);
    if (!node)
        return NULL;
    node->value.i = number;
    node->type.not_null = true;
    return node;
}

struct sgr__node *sgr__text_constant(struct sgr__resolver *resolver, const char *text,
                                     int position) {
    struct sgr__node *node = sgr__node_new(resolver, SGR__CONSTANT, SGR_TEXT, position);
    char *copy = text ? sgr_arena_copy(resolver->arena, sgr_slice(text)) : NULL;
    if (!node || (text && !copy))
        return sgr__fail_memory(resolver);
    node->unknown = true;
    node->value.null = !text;
    node->value.s = sgr_slice(copy);
    node->type.not_null = text != NULL;
    return node;
}

/* Digits that int4 cannot hold: int8, or else numeric. */
static struct sgr__node *number_constant(struct sgr__resolver *resolver, const char *text,
                                         int position) {
    int64_t number;
    if (sgr_slice_int(sgr_slice(text), &number))
        return sgr__int_constant(resolver, number == (int32_t)number ? SGR_INT4 : SGR_INT8, number,
                                 position);
    return sgr__coerce_type(resolver, sgr__text_constant(resolver, text, position), SGR_NUMERIC);
}

struct sgr__node *sgr__resolve_constant(struct sgr__resolver *resolver,
                                        const PgQuery__AConst *from) {
    if (from->isnull)
        return sgr__text_constant(resolver, NULL, from->location);
    switch (from->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        return sgr__int_constant(resolver, SGR_INT4, from->ival->ival, from->location);
    case PG_QUERY__A__CONST__VAL_FVAL:
        return number_constant(resolver, from->fval->fval, from->location);
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        return sgr__int_constant(resolver, SGR_BOOL, from->boolval->boolval, from->location);
    case PG_QUERY__A__CONST__VAL_SVAL:
        return sgr__text_constant(resolver, from->sval->sval, from->location);
    default:
        return sgr__fail(resolver, from->location, SGR_EUNSUPPORTED,
                         "bit strings are not supported");
    }
}
