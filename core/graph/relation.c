/* From a change stream to a Z-set.
 *
 * Within a transaction the relation is what its index shows (the state before) plus the netting; each change looks its old row up there,
 * by the columns that the change stream identifies rows by. Those are the primary key as a rule, but may be another unique index
 * (REPLICA IDENTITY USING INDEX), or the whole row (FULL, or no key at all): then rows are told apart by content and counted. */
#include "graph/relation.h"

#include <stdlib.h>

#include "base/slice.h"
#include "graph/netting.h"
#include "graph/node.h"

enum { SETTLED = 512 };

struct sgr_fold {
    struct sgr_node *node;
    const struct sgr_schema *schema; /* the node's */
    struct sgr_netting netting;
    struct sgr_index *base;  /* by the node's key; by all columns for a bag; see narrow */
    struct sgr_index *index; /* by the netting's columns; often the same */
    bool narrow;             /* the key is all there is of a row, and base is by fewer columns */
    bool by_content;         /* the netting's columns need not be unique: whole rows are compared */
    bool snapshot;           /* between snapshot_begin and its finish */
    bool direct;             /* the snapshot goes straight to the node, as nothing was there */
    bool settling;           /* and into its indexes, SETTLED rows at a time */
    const struct sgr_relation *matched; /* within a transaction: `theirs` holds for it */
    uint16_t *theirs;                   /* our column → the change stream's */
    uint16_t *columns;                  /* scratch: identity */
    struct sgr_value *values, *key;     /* scratch: a row's, an identity's */
};

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

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
        return out_of_memory(error);
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
    int status = schema && key ? 0 : out_of_memory(error);
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
        return out_of_memory(error);
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
    *ret_by_content = relation->identity == SGR_IDENTITY_FULL || !flagged;
    if (*ret_by_content) {
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
static int match(struct sgr_fold *fold, const struct sgr_relation *relation,
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

/* `before`: where unchanged values come from. The reference is the caller's. */
static int read_row(struct sgr_fold *fold, const struct sgr_field *fields,
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
            status = sgr_error_set(error, SGR_EINTERNAL, "column %s came without its value",
                                   schema->columns[i].name);
        if (status)
            return status;
    }
    return sgr_row_new(fold->node->graph->heap, schema, fold->values, ret, error);
}

static int read_key(struct sgr_fold *fold, const struct sgr_field *fields,
                    struct sgr_error *error) {
    for (size_t i = 0; i < fold->netting.column_count; i++) {
        uint16_t column = fold->netting.columns[i];
        const struct sgr_field *field = &fields[fold->theirs[column]];
        if (field->kind == SGR_FIELD_UNCHANGED)
            return sgr_error_set(error, SGR_EINTERNAL, "key column %s came without its value",
                                 fold->schema->columns[column].name);
        int status = read_field(&fold->schema->columns[column], field, &fold->key[i], error);
        if (status)
            return status;
    }
    return 0;
}

/* Finding rows as they are now: in the netting, else in the index and then taken into the netting. */

/* The key's values are a row's. */
static int load_whole(struct sgr_fold *fold, uint32_t hash, struct sgr_netted **ret) {
    const struct sgr_row *wanted;
    int64_t weight;
    for (size_t i = 0; i < fold->netting.column_count; i++)
        fold->values[fold->netting.columns[i]] = fold->key[i];
    int status = sgr_row_new(fold->node->graph->heap, fold->schema, fold->values, &wanted, NULL);
    if (status)
        return status;
    const struct sgr_row *row = sgr_index_find(fold->base, wanted, &weight);
    if (row && !sgr_netting_content(&fold->netting, hash, row)) {
        *ret = sgr_netting_add(&fold->netting, hash, row, weight);
        status = *ret ? 0 : SGR_ENOMEM;
    }
    sgr_row_unref(wanted);
    return status;
}

static int load_present(struct sgr_fold *fold, uint32_t hash, struct sgr_netted **ret) {
    *ret = sgr_netting_present(&fold->netting, hash, fold->key);
    if (*ret)
        return 0;
    if (fold->narrow && fold->index == fold->base)
        return load_whole(fold, hash, ret);
    struct sgr_iterator iterator;
    int64_t weight;
    sgr_index_probe(fold->index, fold->key, &iterator);
    for (const struct sgr_row *row; (row = sgr_index_next(&iterator, &weight));)
        if (!sgr_netting_content(&fold->netting, hash, row)) {
            *ret = sgr_netting_add(&fold->netting, hash, row, weight);
            return *ret ? 0 : SGR_ENOMEM;
        }
    return 0;
}

static int load_content(struct sgr_fold *fold, const struct sgr_row *wanted,
                        struct sgr_netted **ret) {
    uint32_t hash = sgr_netting_hash_row(&fold->netting, wanted);
    *ret = sgr_netting_content(&fold->netting, hash, wanted);
    if (*ret)
        return 0;
    int64_t weight;
    const struct sgr_row *row = sgr_index_find(fold->index, wanted, &weight);
    *ret = row ? sgr_netting_add(&fold->netting, hash, row, weight)
               : sgr_netting_add(&fold->netting, hash, wanted, 0);
    return *ret ? 0 : SGR_ENOMEM;
}

static int unknown_row(struct sgr_fold *fold, const char *what, const struct sgr_row *row,
                       struct sgr_error *error) {
    struct sgr_buffer text = {.limit = 256};
    if (row)
        sgr_row_json(fold->schema, row, fold->netting.columns, fold->netting.column_count, &text);
    for (size_t i = 0; !row && i < fold->netting.column_count; i++) {
        sgr_buffer_printf(&text, "%s%s=", i ? ", " : "",
                          fold->schema->columns[fold->netting.columns[i]].name);
        sgr_value_json(&fold->key[i], SGR_TEXT, &text);
    }
    sgr_error_set(error, SGR_EINTERNAL, "%s: %.*s", what, (int)text.size,
                  text.data ? text.data : "");
    sgr_buffer_fini(&text);
    return SGR_EINTERNAL;
}

/* The row that an update or delete means, taken away once; *ret borrows it from the netting. */
static int remove_old(struct sgr_fold *fold, const struct sgr_field *fields, bool whole,
                      const struct sgr_row **ret, struct sgr_error *error) {
    struct sgr_netted *entry;
    int status;
    if (fold->by_content && whole) {
        const struct sgr_row *wanted;
        status = read_row(fold, fields, NULL, &wanted, error);
        if (status)
            return status;
        status = load_content(fold, wanted, &entry);
        if (!status && entry->base + entry->weight <= 0)
            status = unknown_row(fold, "the row to change is not there", wanted, error);
        sgr_row_unref(wanted);
    } else {
        if (fold->by_content && !fold->node->key_count)
            return sgr_error_set(error, SGR_EINTERNAL, "a change does not say which row it means");
        status = read_key(fold, fields, error);
        if (status)
            return status;
        status = load_present(fold, sgr_netting_hash(&fold->netting, fold->key), &entry);
        if (!status && !entry)
            status = unknown_row(fold, "the row to change is not there", NULL, error);
    }
    if (status == SGR_ENOMEM)
        return out_of_memory(error);
    if (status)
        return status;
    entry->weight--;
    *ret = entry->row;
    return 0;
}

/* With `fresh_key` nothing may be there under the row's key. */
static int add_new(struct sgr_fold *fold, const struct sgr_row *row, bool fresh_key,
                   struct sgr_error *error) {
    struct sgr_netted *entry = NULL;
    if (fold->by_content) {
        if (load_content(fold, row, &entry))
            return out_of_memory(error);
        entry->weight++;
        return 0;
    }
    uint32_t hash = sgr_netting_hash_row(&fold->netting, row);
    if (fresh_key) {
        for (size_t i = 0; i < fold->netting.column_count; i++)
            fold->key[i] = sgr_row_value(fold->schema, row, fold->netting.columns[i]);
        if (load_present(fold, hash, &entry))
            return out_of_memory(error);
        if (entry)
            return unknown_row(fold, "a row with this key is there already", row, error);
    }
    entry = sgr_netting_content(&fold->netting, hash, row);
    if (!entry)
        entry = sgr_netting_add(&fold->netting, hash, row, 0);
    if (!entry)
        return out_of_memory(error);
    entry->weight++;
    return 0;
}

/* Changes. */

static int fold_insert(struct sgr_fold *fold, const struct sgr_change *change,
                       struct sgr_error *error) {
    const struct sgr_row *row;
    int status = read_row(fold, change->new_fields, NULL, &row, error);
    if (status)
        return status;
    status = add_new(fold, row, true, error);
    sgr_row_unref(row);
    return status;
}

static int fold_update(struct sgr_fold *fold, const struct sgr_change *change,
                       struct sgr_error *error) {
    bool same_key = change->old_kind == SGR_OLD_NONE;
    const struct sgr_row *old, *row;
    int status = remove_old(fold, same_key ? change->new_fields : change->old_fields,
                            change->old_kind == SGR_OLD_FULL, &old, error);
    if (!status)
        status = read_row(fold, change->new_fields, old, &row, error);
    if (status)
        return status;
    status = add_new(fold, row, !same_key, error);
    sgr_row_unref(row);
    return status;
}

static int fold_delete(struct sgr_fold *fold, const struct sgr_change *change,
                       struct sgr_error *error) {
    const struct sgr_row *old;
    if (change->old_kind == SGR_OLD_NONE)
        return sgr_error_set(error, SGR_EINTERNAL, "a delete does not say which row it means");
    return remove_old(fold, change->old_fields, change->old_kind == SGR_OLD_FULL, &old, error);
}

/* All that was there before goes, and all that came since. */
static int fold_truncate(struct sgr_fold *fold, struct sgr_error *error) {
    for (size_t i = 0; i < fold->netting.entries.count; i++) {
        struct sgr_netted *entry = SGR_VECTOR_AT(&fold->netting.entries, struct sgr_netted, i);
        entry->weight = -entry->base;
    }
    struct sgr_iterator iterator;
    int64_t weight;
    sgr_index_scan(fold->base, &iterator);
    for (const struct sgr_row *row; (row = sgr_index_next(&iterator, &weight));) {
        uint32_t hash = sgr_netting_hash_row(&fold->netting, row);
        struct sgr_netted *entry = sgr_netting_content(&fold->netting, hash, row);
        if (!entry)
            entry = sgr_netting_add(&fold->netting, hash, row, weight);
        if (!entry)
            return out_of_memory(error);
        entry->weight = -entry->base;
    }
    return 0;
}

static int apply_change(struct sgr_fold *fold, const struct sgr_change *change,
                        struct sgr_error *error) {
    int status = match(fold, change->relation, error);
    if (status)
        return status;
    switch (change->kind) {
    case SGR_INSERT:
        return fold_insert(fold, change, error);
    case SGR_UPDATE:
        return fold_update(fold, change, error);
    case SGR_DELETE:
        return fold_delete(fold, change, error);
    case SGR_TRUNCATE:
        return fold_truncate(fold, error);
    }
    return sgr_error_set(error, SGR_EPROTOCOL, "unknown kind of change: %d", (int)change->kind);
}

int sgr_fold_change(struct sgr_fold *fold, const struct sgr_change *change,
                    struct sgr_error *error) {
    int status = apply_change(fold, change, error);
    if (status)
        sgr_error_context(error, "relation %s", fold->node->name);
    return status;
}

static void end(struct sgr_fold *fold) {
    sgr_netting_clear(&fold->netting);
    fold->matched = NULL;
    fold->snapshot = fold->direct = fold->settling = false;
}

int sgr_fold_finish(struct sgr_fold *fold, struct sgr_error *error) {
    int status = 0;
    for (size_t i = 0; !status && i < fold->netting.entries.count; i++) {
        struct sgr_netted *entry = SGR_VECTOR_AT(&fold->netting.entries, struct sgr_netted, i);
        if (entry->weight)
            status = sgr__node_feed_net(fold->node, entry->row, entry->weight);
    }
    end(fold);
    return status ? out_of_memory(error) : 0;
}

void sgr_fold_abort(struct sgr_fold *fold) {
    if (fold->direct)
        sgr__node_unfeed(fold->node);
    end(fold);
}

/* Snapshots. */

int sgr_fold_snapshot_begin(struct sgr_fold *fold, bool undisturbed, struct sgr_error *error) {
    sgr_fold_abort(fold);
    fold->snapshot = true;
    fold->direct = !sgr_index_rows(fold->base);
    /* A bag's equal rows are brought together at the end. */
    fold->settling = fold->direct && undisturbed && fold->node->key_count;
    return fold->direct ? 0 : fold_truncate(fold, error);
}

/* Two rows with one key are found by the graph, which counts keys and rows once a run. */
static int add_snapshot_row(struct sgr_fold *fold, const struct sgr_row *row) {
    if (fold->direct)
        return fold->node->key_count ? sgr__node_feed_net(fold->node, row, 1)
                                     : sgr_node_feed(fold->node, row, 1);
    uint32_t hash = sgr_netting_hash_row(&fold->netting, row);
    struct sgr_netted *entry = sgr_netting_content(&fold->netting, hash, row);
    if (!entry)
        entry = sgr_netting_add(&fold->netting, hash, row, 0);
    if (!entry)
        return SGR_ENOMEM;
    entry->weight++;
    return 0;
}

int sgr_fold_snapshot_row(struct sgr_fold *fold, const struct sgr_relation *relation,
                          const struct sgr_field *fields, struct sgr_error *error) {
    const struct sgr_row *row = NULL;
    int status = match(fold, relation, error);
    if (!status)
        status = read_row(fold, fields, NULL, &row, error);
    if (!status && add_snapshot_row(fold, row))
        status = out_of_memory(error);
    sgr_row_unref(row);
    if (!status && fold->settling && sgr__node_unsettled(fold->node) >= SETTLED)
        status = sgr__node_settle(fold->node, error);
    if (status)
        sgr_error_context(error, "relation %s", fold->node->name);
    return status;
}

int sgr_fold_snapshot_finish(struct sgr_fold *fold, struct sgr_error *error) {
    return sgr_fold_finish(fold, error);
}
