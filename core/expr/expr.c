/* Expressions as the other layers see them: compile once, evaluate over rows. */
#include "expr/expr.h"

#include <stdlib.h>

#include "expr/compile.h"
#include "expr/parse.h"
#include "expr/resolver.h"

struct sgr_expression {
    struct sgr__unit *unit;
    const struct sgr__node *root;
    struct sgr_column column;
    struct sgr_buffer canonical;
    struct sgr_arena *scratch; /* what an evaluation makes, until the next one */
    uint64_t relations, parameters;
};

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

void sgr__node_uses(const struct sgr__node *node, uint64_t *relations, uint64_t *parameters) {
    if (node->kind == SGR__COLUMN && node->index < 64)
        *relations |= UINT64_C(1) << node->index;
    if (node->kind == SGR__PARAMETER && node->index < 64)
        *parameters |= UINT64_C(1) << node->index;
    for (uint16_t i = 0; i < node->count; i++)
        sgr__node_uses(node->arguments[i], relations, parameters);
}

/* ---- Units */

void sgr__unit_unref(struct sgr__unit *unit) {
    if (!unit || --unit->refs)
        return;
    for (size_t i = 0; i < unit->schema_count; i++)
        sgr_schema_unref((struct sgr_schema *)(uintptr_t)unit->schemas[i]);
    free(unit->schemas);
    sgr_arena_free(unit->arena);
    free(unit);
}

static struct sgr__unit *unit_alloc(const struct sgr_scope *scope) {
    struct sgr__unit *unit = calloc(1, sizeof(*unit));
    if (!unit)
        return NULL;
    unit->refs = 1;
    unit->arena = sgr_arena_new();
    unit->schemas = calloc(scope->relation_count + 1, sizeof(struct sgr_schema *));
    if (!unit->arena || !unit->schemas) {
        sgr__unit_unref(unit);
        return NULL;
    }
    for (size_t i = 0; i < scope->relation_count; i++)
        unit->schemas[i] = sgr_schema_ref(scope->relations[i].schema);
    unit->schema_count = scope->relation_count;
    return unit;
}

/* Nothing asked for a type: a bare literal is text. */
static struct sgr__node *resolve_root(struct sgr__resolver *resolver, const PgQuery__Node *from) {
    struct sgr__node *root = sgr__resolve(resolver, from);
    if (root && root->unknown)
        root = sgr__coerce_type(resolver, root, SGR_TEXT);
    return root && sgr__check_constants(resolver, root) ? root : NULL;
}

static int compile(struct sgr__unit *unit, const char *sql, const struct sgr_scope *scope,
                   struct sgr_error *error) {
    struct sgr__source source;
    struct sgr__parse parse;
    int code = sgr__source_init(&source, sql, scope, error);
    if (!code) {
        code = sgr__parse_init(&parse, &source, error);
        if (!code) {
            struct sgr__resolver resolver = {
                .scope = scope, .source = &source, .arena = unit->arena, .error = error};
            unit->root = resolve_root(&resolver, parse.expression);
            code = unit->root ? 0 : error->code;
        }
        sgr__parse_fini(&parse);
    }
    sgr__source_fini(&source);
    return code;
}

int sgr__unit_new(const char *sql, const struct sgr_scope *scope, struct sgr__unit **ret,
                  struct sgr_error *error) {
    struct sgr_error own = {0}; /* the resolver reads it, the caller may not want it */
    struct sgr__unit *unit = unit_alloc(scope);
    if (!unit)
        return out_of_memory(error);
    int code = compile(unit, sql, scope, &own);
    if (code) {
        sgr__unit_unref(unit);
        if (error)
            *error = own;
        return code;
    }
    *ret = unit;
    return 0;
}

/* ---- Expressions */

int sgr__expression_of(struct sgr__unit *unit, const struct sgr__node *root,
                       const struct sgr_scope *scope, struct sgr_expression **ret,
                       struct sgr_error *error) {
    struct sgr_expression *expression = calloc(1, sizeof(*expression));
    if (!expression)
        return out_of_memory(error);
    unit->refs++;
    expression->unit = unit;
    expression->root = root;
    expression->column = root->type;
    expression->scratch = sgr_arena_new();
    sgr__node_uses(root, &expression->relations, &expression->parameters);
    sgr__canonical(root, scope, &expression->canonical);
    sgr_buffer_text(&expression->canonical);
    if (!expression->scratch || expression->canonical.failed) {
        sgr_expression_free(expression);
        return out_of_memory(error);
    }
    *ret = expression;
    return 0;
}

int sgr_expression_new(const char *sql, const struct sgr_scope *scope, struct sgr_expression **ret,
                       struct sgr_error *error) {
    struct sgr__unit *unit;
    int code = sgr__unit_new(sql, scope, &unit, error);
    if (code)
        return code;
    code = sgr__expression_of(unit, unit->root, scope, ret, error);
    sgr__unit_unref(unit);
    return code;
}

void sgr_expression_free(struct sgr_expression *expression) {
    if (!expression)
        return;
    sgr_buffer_fini(&expression->canonical);
    sgr_arena_free(expression->scratch);
    sgr__unit_unref(expression->unit);
    free(expression);
}

static void mark_columns(const struct sgr__node *node, uint32_t relation, bool *columns) {
    if (node->kind == SGR__COLUMN && node->index == relation)
        columns[node->column] = true;
    for (uint16_t i = 0; i < node->count; i++)
        mark_columns(node->arguments[i], relation, columns);
}

void sgr_expression_uses(const struct sgr_expression *expression, uint32_t relation,
                         bool *columns) {
    mark_columns(expression->root, relation, columns);
}

const struct sgr_column *sgr_expression_column(const struct sgr_expression *expression) {
    return &expression->column;
}

const char *sgr_expression_canonical(const struct sgr_expression *expression) {
    return expression->canonical.data;
}

uint64_t sgr_expression_parameters(const struct sgr_expression *expression) {
    return expression->parameters;
}

uint64_t sgr_expression_relations(const struct sgr_expression *expression) {
    return expression->relations;
}

int sgr_expression_eval(struct sgr_expression *expression, const struct sgr_row *const *rows,
                        const struct sgr_value *parameters, struct sgr_value *ret,
                        struct sgr_error *error) {
    struct sgr__frame frame = {rows, parameters, expression->unit->schemas, expression->scratch,
                               error};
    sgr_arena_reset(expression->scratch);
    return sgr__eval(&frame, expression->root, ret);
}

int sgr_expression_test(struct sgr_expression *expression, const struct sgr_row *const *rows,
                        const struct sgr_value *parameters, bool *ret, struct sgr_error *error) {
    struct sgr_value value;
    if (expression->column.type != SGR_BOOL)
        return sgr_error_set(error, SGR_ETYPE, "a condition must be bool, not %s",
                             expression->column.type_name);
    int code = sgr_expression_eval(expression, rows, parameters, &value, error);
    if (!code)
        *ret = !value.null && value.i;
    return code;
}
