/* Takes a condition apart at its top-level ANDs, into what an index answers and what is tested. */
#include <stdlib.h>

#include "expr/compile.h"

struct pieces {
    const struct sgr_scope *scope;
    bool constants_too;
    struct sgr__node **equalities, **plain, **parametrized; /* as many as there are conjuncts */
    size_t equality_count, plain_count, parametrized_count;
};

static bool is_column(const struct sgr__node *node) {
    return node->kind == SGR__COLUMN;
}

/* column = value, in either order; *ret_value is the other side. */
static const struct sgr__node *equality_column(const struct sgr__node *node,
                                               const struct sgr__node **ret_value) {
    if (node->kind != SGR__CALL || node->operation != &sgr__equal)
        return NULL;
    const struct sgr__node *left = node->arguments[0], *right = node->arguments[1];
    const struct sgr__node *column = is_column(left) ? left : right;
    *ret_value = column == left ? right : left;
    return is_column(column) ? column : NULL;
}

/* An index knows a column once: a second equality with it is tested. */
static bool is_taken(const struct pieces *pieces, const struct sgr__node *column) {
    for (size_t i = 0; i < pieces->equality_count; i++) {
        const struct sgr__node *value;
        const struct sgr__node *other = equality_column(pieces->equalities[i], &value);
        if (other->index == column->index && other->column == column->column)
            return true;
    }
    return false;
}

static bool is_equality(const struct pieces *pieces, const struct sgr__node *node) {
    const struct sgr__node *value, *column = equality_column(node, &value);
    if (!column || !sgr_type_same_class(column->type.type, value->type.type) ||
        is_taken(pieces, column))
        return false;
    if (value->kind == SGR__PARAMETER)
        return true;
    return pieces->constants_too && value->kind == SGR__CONSTANT && !value->value.null;
}

static void sort_out(struct pieces *pieces, struct sgr__node *node) {
    uint64_t relations = 0, parameters = 0;
    if (is_equality(pieces, node)) {
        pieces->equalities[pieces->equality_count++] = node;
        return;
    }
    sgr__node_uses(node, &relations, &parameters);
    if (parameters)
        pieces->parametrized[pieces->parametrized_count++] = node;
    else
        pieces->plain[pieces->plain_count++] = node;
}

static size_t count_conjuncts(const struct sgr__node *node) {
    size_t count = 0;
    if (node->kind != SGR__CALL || node->operation != &sgr__and)
        return 1;
    for (uint16_t i = 0; i < node->count; i++)
        count += count_conjuncts(node->arguments[i]);
    return count;
}

static void collect(struct pieces *pieces, struct sgr__node *node) {
    if (node->kind != SGR__CALL || node->operation != &sgr__and) {
        sort_out(pieces, node);
        return;
    }
    for (uint16_t i = 0; i < node->count; i++)
        collect(pieces, node->arguments[i]);
}

/* One node of the conjuncts; NULL without memory. */
static const struct sgr__node *conjunction(struct sgr_arena *arena, struct sgr__node **nodes,
                                           size_t count) {
    if (count == 1)
        return nodes[0];
    struct sgr__node *node = sgr_arena_alloc(arena, sizeof(*node));
    if (!node)
        return NULL;
    node->kind = SGR__CALL;
    node->type = nodes[0]->type;
    node->type.not_null = false;
    node->position = -1;
    node->operation = &sgr__and;
    node->count = (uint16_t)count;
    node->arguments = nodes;
    return node;
}

static int condition_of(struct sgr__unit *unit, struct sgr__node **nodes, size_t count,
                        const struct sgr_scope *scope, struct sgr_expression **ret,
                        struct sgr_error *error) {
    if (!count)
        return 0;
    const struct sgr__node *root = conjunction(unit->arena, nodes, count);
    if (!root)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    return sgr__expression_of(unit, root, scope, ret, error);
}

static int compare_equalities(const void *left, const void *right) {
    const struct sgr_equality *a = left, *b = right;
    if (a->relation != b->relation)
        return a->relation < b->relation ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

static bool has_text(const struct sgr_value *value) {
    switch (value->type) {
    case SGR_NUMERIC:
    case SGR_TEXT:
    case SGR_BPCHAR:
    case SGR_BYTEA:
    case SGR_JSON:
    case SGR_JSONB:
    case SGR_ARRAY:
    case SGR_OTHER:
        return true;
    default:
        return false;
    }
}

/* One block: the equalities, their constants, the constants' text. */
static struct sgr_equality *copy_equalities(const struct pieces *pieces) {
    size_t count = pieces->equality_count, size = count * sizeof(struct sgr_equality);
    const struct sgr__node *value;
    for (size_t i = 0; i < count; i++) {
        equality_column(pieces->equalities[i], &value);
        size += sizeof(struct sgr_value);
        size += value->kind == SGR__CONSTANT && has_text(&value->value) ? value->value.s.size : 0;
    }
    struct sgr_equality *equalities = calloc(1, size + 1);
    if (!equalities)
        return NULL;
    struct sgr_value *values = (struct sgr_value *)(equalities + count);
    char *text = (char *)(values + count);
    for (size_t i = 0; i < count; i++) {
        const struct sgr__node *column = equality_column(pieces->equalities[i], &value);
        equalities[i] = (struct sgr_equality){column->index, column->column, -1, NULL};
        if (value->kind == SGR__PARAMETER) {
            equalities[i].parameter = (int)value->index;
            continue;
        }
        values[i] = value->value;
        if (has_text(&values[i])) {
            if (values[i].s.size)
                memcpy(text, values[i].s.data, values[i].s.size);
            values[i].s.data = text;
            text += values[i].s.size;
        }
        equalities[i].constant = &values[i];
    }
    qsort(equalities, count, sizeof(*equalities), compare_equalities);
    return equalities;
}

static int build(struct sgr__unit *unit, struct pieces *pieces, struct sgr_split *ret,
                 struct sgr_error *error) {
    struct sgr_split split = {NULL, pieces->equality_count, NULL, NULL};
    int code =
        condition_of(unit, pieces->plain, pieces->plain_count, pieces->scope, &split.plain, error);
    if (!code)
        code = condition_of(unit, pieces->parametrized, pieces->parametrized_count, pieces->scope,
                            &split.parametrized, error);
    if (!code && !(split.equalities = copy_equalities(pieces)))
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory");
    if (code)
        sgr_split_fini(&split);
    else
        *ret = split;
    return code;
}

static int split_unit(struct sgr__unit *unit, const struct sgr_scope *scope, bool constants_too,
                      struct sgr_split *ret, struct sgr_error *error) {
    const struct sgr_column *type = &unit->root->type;
    if (type->type != SGR_BOOL)
        return sgr_error_set(error, SGR_ETYPE, "a condition must be bool, not %s", type->type_name);
    size_t count = count_conjuncts(unit->root);
    struct sgr__node **nodes = sgr_arena_alloc(unit->arena, 3 * count * sizeof(*nodes));
    if (!nodes)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    struct pieces pieces = {.scope = scope,
                            .constants_too = constants_too,
                            .equalities = nodes,
                            .plain = nodes + count,
                            .parametrized = nodes + 2 * count};
    collect(&pieces, unit->root);
    return build(unit, &pieces, ret, error);
}

int sgr_expression_split(const char *sql, const struct sgr_scope *scope, bool constants_too,
                         struct sgr_split *ret, struct sgr_error *error) {
    struct sgr__unit *unit;
    int code = sgr__unit_new(sql, scope, &unit, error);
    if (code)
        return code;
    code = split_unit(unit, scope, constants_too, ret, error);
    sgr__unit_unref(unit);
    return code;
}

void sgr_split_fini(struct sgr_split *split) {
    free(split->equalities);
    sgr_expression_free(split->plain);
    sgr_expression_free(split->parametrized);
    *split = (struct sgr_split){NULL, 0, NULL, NULL};
}
