/* A fold's making, and from a change stream's fields to rows.
 *
 * Rows are looked up by the columns that the change stream identifies them by. Those are the primary key as a rule, but may be another unique
 * index (REPLICA IDENTITY USING INDEX), or the whole row (FULL, or no key at all): then rows are told apart by content and counted. A lenient
 * fold goes by the key alone, if there is one. */
#include <assert.h>
#include <stdlib.h>

#include "base/slice.h"
#include "graph/fold.h"

/* Making it. */

static struct sgr_schema *make_schema(const struct sgr_relation *relation) {
    struct sgr_column *columns = calloc(relation->column_count + 1, sizeof(*columns));
    if (!columns)
        return NULL;
    for (size_t i = 0; i < relation->column_count; i++) {
        const struct sgr_relation_column *from = &relation->columns[i];
        columns[i] = (struct sgr_column){.name = from->name,
                                         .type_name = from->type_name,
                                         .type_modifier = from->type_modifier,
                                         .type = from->type,
                                         .element = from->element,
                                         .collation = from->collation,
                                         .not_null = from->not_null};
    }
    struct sgr_schema *schema = sgr_schema_new(columns, relation->column_count);
    free(columns);
    return schema;
}

static int allocate_scratch(struct sgr_fold *fold, struct sgr_error *error) {
    size_t count = fold->schema->count + 1u;
    fold->theirs = calloc(count, sizeof(*fold->theirs));
    fold->columns = calloc(count, sizeof(*fold->columns));
    fold->values = calloc(count, sizeof(*fold->values));
    fold->key = calloc(count, sizeof(*fold->key));
    if (!fold->theirs || !fold->columns || !fold->values || !fold->key ||
        sgr_netting_init(&fold->netting, fold->schema))
        return sgr__fold_out_of_memory(error);
    return 0;
}

/* The node's key, or all columns, into fold->columns. */
static size_t own_identity(struct sgr_fold *fold) {
    size_t count = fold->node->key_count;
    if (count) {
        memcpy(fold->columns, fold->node->key, count * sizeof(*fold->columns));
        return count;
    }
    for (uint16_t i = 0; i < fold->schema->count; i++)
        fold->columns[i] = i;
    return fold->schema->count;
}

static int make_node(struct sgr_fold *fold, struct sgr_graph *graph, const char *name,
                     const struct sgr_relation *relation, struct sgr_error *error) {
    struct sgr_schema *schema = make_schema(relation);
    uint16_t *key = calloc(relation->column_count + 1, sizeof(*key));
    size_t key_count = 0;
    int status = schema && key ? 0 : sgr__fold_out_of_memory(error);
    for (size_t i = 0; !status && i < relation->column_count; i++)
        if (relation->columns[i].key)
            key[key_count++] = (uint16_t)i;
    if (!status)
        status = sgr_graph_relation(graph, name, schema, key, key_count, &fold->node, error);
    free(key);
    sgr_schema_unref(schema);
    return status;
}

int sgr_fold_new(struct sgr_graph *graph, const char *name, const struct sgr_relation *relation,
                 struct sgr_fold **ret, struct sgr_error *error) {
    struct sgr_fold *fold = calloc(1, sizeof(*fold));
    if (!fold)
        return sgr__fold_out_of_memory(error);
    int status = make_node(fold, graph, name, relation, error);
    if (!status) {
        fold->schema = sgr_node_schema(fold->node);
        status = allocate_scratch(fold, error);
    }
    if (!status) {
        size_t count = own_identity(fold);
        sgr_netting_by(&fold->netting, fold->columns, count);
        status = sgr_node_index(fold->node, fold->columns, count, &fold->base, error);
    }
    fold->index = fold->base;
    fold->by_content = !status && !fold->node->key_count;
    if (status)
        sgr_fold_free(fold);
    else
        *ret = fold;
    return status;
}

void sgr_fold_free(struct sgr_fold *fold) {
    if (!fold)
        return;
    sgr_netting_fini(&fold->netting);
    sgr_marks_clear(&fold->seen);
    if (fold->index && fold->index != fold->base)
        sgr_node_unindex(fold->node, fold->index);
    if (fold->base)
        sgr_node_unindex(fold->node, fold->base);
    sgr_node_unref(fold->node);
    free(fold->theirs);
    free(fold->columns);
    free(fold->values);
    free(fold->key);
    free(fold);
}

struct sgr_node *sgr_fold_node(const struct sgr_fold *fold) {
    return fold->node;
}

void sgr_fold_be_lenient(struct sgr_fold *fold) {
    assert(fold->node->key_count);
    fold->lenient = true;
}

/* Of these types, values with equal keys are the same value. */
static bool is_plain(enum sgr_type type) {
    static const enum sgr_type plain[] = {SGR_BOOL,        SGR_INT2, SGR_INT4, SGR_INT8,
                                          SGR_DATE,        SGR_TIME, SGR_UUID, SGR_TIMESTAMP,
                                          SGR_TIMESTAMPTZ, SGR_TEXT};
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (type == plain[i])
            return true;
    return false;
}

void sgr_fold_narrow(struct sgr_fold *fold) {
    bool whole = fold->node->key_count == fold->schema->count && fold->index == fold->base;
    for (uint16_t i = 0; whole && i < fold->schema->count; i++)
        whole = is_plain(fold->schema->columns[i].type);
    struct sgr_index *narrower = whole ? sgr__node_narrow(fold->node) : NULL;
    if (!narrower)
        return;
    fold->base = fold->index = narrower;
    fold->narrow = true;
}

/* Matching: their columns to ours, and by which of them they identify rows. */

/* The element says something of arrays alone; names tell types apart that are only text to us. */
static bool same_type(const struct sgr_column *ours, const struct sgr_relation_column *theirs) {
    if (ours->type != theirs->type)
        return false;
    if (ours->type == SGR_ARRAY)
        return ours->element == theirs->element;
    return ours->type != SGR_OTHER || !theirs->type_name || !*ours->type_name ||
           !strcmp(ours->type_name, theirs->type_name);
}

static int match_column(struct sgr_fold *fold, const struct sgr_relation *relation, uint16_t ours,
                        struct sgr_error *error) {
    const struct sgr_column *column = &fold->schema->columns[ours];
    size_t at = fold->theirs[ours];
    if (at >= relation->column_count || strcmp(relation->columns[at].name, column->name))
        for (at = 0; at < relation->column_count; at++)
            if (!strcmp(relation->columns[at].name, column->name))
                break;
    if (at == relation->column_count)
        return sgr_error_set(error, SGR_ETYPE, "column %s is gone", column->name);
    const struct sgr_relation_column *found = &relation->columns[at];
    if (!same_type(column, found))
        return sgr_error_set(error, SGR_ETYPE, "column %s changed its type from %s to %s",
                             column->name, column->type_name,
                             found->type_name ? found->type_name : sgr_type_name(found->type));
    fold->theirs[ours] = (uint16_t)at;
    return 0;
}

/* The replica identity's columns into fold->columns, in our order. */
static int identity_columns(struct sgr_fold *fold, const struct sgr_relation *relation,
                            size_t *ret_count, bool *ret_by_content, struct sgr_error *error) {
    size_t flagged = 0, count = 0;
    for (size_t i = 0; i < relation->column_count; i++)
        flagged += relation->columns[i].key;
    *ret_by_content = !fold->lenient && (relation->identity == SGR_IDENTITY_FULL || !flagged);
    if (fold->lenient || *ret_by_content) {
        *ret_count = own_identity(fold);
        return 0;
    }
    for (uint16_t i = 0; i < fold->schema->count; i++)
        if (relation->columns[fold->theirs[i]].key)
            fold->columns[count++] = i;
    if (count != flagged)
        return sgr_error_set(error, SGR_ETYPE, "rows are identified by a column that is new");
    *ret_count = count;
    return 0;
}

static int use_identity(struct sgr_fold *fold, size_t count, bool by_content,
                        struct sgr_error *error) {
    struct sgr_netting *netting = &fold->netting;
    fold->by_content = by_content;
    if (count == netting->column_count &&
        (!count || !memcmp(netting->columns, fold->columns, count * sizeof(*fold->columns))))
        return 0;
    struct sgr_index *index;
    int status = sgr_node_index(fold->node, fold->columns, count, &index, error);
    if (status)
        return status;
    if (fold->index != fold->base)
        sgr_node_unindex(fold->node, fold->index);
    if (index == fold->base) /* held already */
        sgr_node_unindex(fold->node, index);
    fold->index = index;
    sgr_netting_by(netting, fold->columns, count);
    return 0;
}

/* Descriptors are stable within a transaction only, so each transaction looks once. */
int sgr__fold_match(struct sgr_fold *fold, const struct sgr_relation *relation,
                    struct sgr_error *error) {
    if (fold->matched == relation)
        return 0;
    for (uint16_t i = 0; i < fold->schema->count; i++) {
        int status = match_column(fold, relation, i, error);
        if (status)
            return status;
    }
    size_t count = 0;
    bool by_content = false;
    int status = identity_columns(fold, relation, &count, &by_content, error);
    if (!status)
        status = use_identity(fold, count, by_content, error);
    if (!status)
        fold->matched = relation;
    return status;
}

/* Fields to values to rows. */

static int read_field(const struct sgr_column *column, const struct sgr_field *field,
                      struct sgr_value *ret, struct sgr_error *error) {
    if (field->kind == SGR_FIELD_NULL) {
        *ret = (struct sgr_value){.type = column->type, .null = true};
        return 0;
    }
    struct sgr_slice text = {field->data, field->size};
    if (column->type == SGR_TEXT) {
        *ret = (struct sgr_value){.type = SGR_TEXT, .s = text};
        return 0;
    }
    int status = sgr_value_parse(column->type, text, ret, error);
    if (status)
        sgr_error_context(error, "column %s", column->name);
    return status;
}

/* What a source owes us, or an eventual one has lost. */
static int came_without(const struct sgr_fold *fold, const char *what, uint16_t column,
                        struct sgr_error *error) {
    return sgr_error_set(error, fold->lenient ? SGR_ELOST : SGR_EINTERNAL,
                         "%s %s came without its value", what, fold->schema->columns[column].name);
}

int sgr__fold_read_row(struct sgr_fold *fold, const struct sgr_field *fields,
                       const struct sgr_row *before, const struct sgr_row **ret,
                       struct sgr_error *error) {
    const struct sgr_schema *schema = fold->schema;
    for (uint16_t i = 0; i < schema->count; i++) {
        const struct sgr_field *field = &fields[fold->theirs[i]];
        int status = 0;
        if (field->kind != SGR_FIELD_UNCHANGED)
            status = read_field(&schema->columns[i], field, &fold->values[i], error);
        else if (before)
            fold->values[i] = sgr_row_value(schema, before, i);
        else
            status = came_without(fold, "column", i, error);
        if (status)
            return status;
    }
    return sgr_row_new(fold->node->graph->heap, schema, fold->values, ret, error);
}

int sgr__fold_read_key(struct sgr_fold *fold, const struct sgr_field *fields,
                       struct sgr_error *error) {
    for (size_t i = 0; i < fold->netting.column_count; i++) {
        uint16_t column = fold->netting.columns[i];
        const struct sgr_field *field = &fields[fold->theirs[column]];
        if (field->kind == SGR_FIELD_UNCHANGED || (fold->lenient && field->kind == SGR_FIELD_NULL))
            return came_without(fold, "key column", column, error);
        int status = read_field(&fold->schema->columns[column], field, &fold->key[i], error);
        if (status)
            return status;
    }
    return 0;
}

void sgr__fold_key_of(struct sgr_fold *fold, const struct sgr_row *row) {
    for (size_t i = 0; i < fold->netting.column_count; i++)
        fold->key[i] = sgr_row_value(fold->schema, row, fold->netting.columns[i]);
}
