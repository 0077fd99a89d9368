/* Changes: each looks its old row up in the netting, else in the index, from where it is taken into the netting. */
#include "base/slice.h"
#include "graph/fold.h"

/* Finding rows as they are now. */

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

/* The row that a change means by its old row or its key. NULL, if the fold is lenient: it is not there. */
static int find_whole(struct sgr_fold *fold, const struct sgr_field *fields,
                      struct sgr_netted **ret, struct sgr_error *error) {
    const struct sgr_row *wanted;
    struct sgr_netted *entry;
    int status = sgr__fold_read_row(fold, fields, NULL, &wanted, error);
    if (status)
        return status;
    status = load_content(fold, wanted, &entry);
    if (status)
        sgr__fold_out_of_memory(error);
    else if (entry->base + entry->weight <= 0)
        status = unknown_row(fold, "the row to change is not there", wanted, error);
    else
        *ret = entry;
    sgr_row_unref(wanted);
    return status;
}

static int find_by_key(struct sgr_fold *fold, const struct sgr_field *fields,
                       struct sgr_netted **ret, struct sgr_error *error) {
    if (fold->by_content && !fold->node->key_count)
        return sgr_error_set(error, SGR_EINTERNAL, "a change does not say which row it means");
    int status = sgr__fold_read_key(fold, fields, error);
    if (status)
        return status;
    if (load_present(fold, sgr_netting_hash(&fold->netting, fold->key), ret))
        return sgr__fold_out_of_memory(error);
    if (!*ret && !fold->lenient)
        return unknown_row(fold, "the row to change is not there", NULL, error);
    return 0;
}

static int find_old(struct sgr_fold *fold, const struct sgr_field *fields, bool whole,
                    struct sgr_netted **ret, struct sgr_error *error) {
    return fold->by_content && whole ? find_whole(fold, fields, ret, error)
                                     : find_by_key(fold, fields, ret, error);
}

/* What is there under the row's key makes way, or may not be there. */
static int clear_key(struct sgr_fold *fold, const struct sgr_row *row, uint32_t hash,
                     struct sgr_error *error) {
    struct sgr_netted *entry;
    sgr__fold_key_of(fold, row);
    if (load_present(fold, hash, &entry))
        return sgr__fold_out_of_memory(error);
    if (entry && !fold->lenient)
        return unknown_row(fold, "a row with this key is there already", row, error);
    if (entry)
        entry->weight--;
    return 0;
}

/* `other_key`: than that of the row it takes the place of, if of any. */
static int add_new(struct sgr_fold *fold, const struct sgr_row *row, bool other_key,
                   struct sgr_error *error) {
    struct sgr_netted *entry = NULL;
    if (fold->by_content) {
        if (load_content(fold, row, &entry))
            return sgr__fold_out_of_memory(error);
        entry->weight++;
        return 0;
    }
    uint32_t hash = sgr_netting_hash_row(&fold->netting, row);
    int status = other_key ? clear_key(fold, row, hash, error) : 0;
    if (status)
        return status;
    entry = sgr_netting_content(&fold->netting, hash, row);
    if (!entry)
        entry = sgr_netting_add(&fold->netting, hash, row, 0);
    if (!entry)
        return sgr__fold_out_of_memory(error);
    entry->weight++;
    return 0;
}

/* Changes. */

static int fold_insert(struct sgr_fold *fold, const struct sgr_change *change,
                       struct sgr_error *error) {
    const struct sgr_row *row;
    int status = sgr__fold_read_row(fold, change->new_fields, NULL, &row, error);
    if (status)
        return status;
    status = add_new(fold, row, true, error);
    sgr_row_unref(row);
    return status;
}

static bool all_came(const struct sgr_fold *fold, const struct sgr_change *change) {
    for (uint16_t i = 0; i < fold->schema->count; i++)
        if (change->new_fields[fold->theirs[i]].kind == SGR_FIELD_UNCHANGED)
            return false;
    return true;
}

static bool has_key(const struct sgr_fold *fold, const struct sgr_row *row) {
    for (size_t i = 0; i < fold->netting.column_count; i++) {
        struct sgr_value value = sgr_row_value(fold->schema, row, fold->netting.columns[i]);
        if (!sgr_value_equal(&value, &fold->key[i]))
            return false;
    }
    return true;
}

/* Where a value that did not come would be taken from is known only while the key stays: the row under the old one may be another by now. */
static int check_values(struct sgr_fold *fold, const struct sgr_change *change,
                        const struct sgr_netted *old, struct sgr_error *error) {
    bool same_key = change->old_kind == SGR_OLD_NONE;
    if (!fold->lenient || (same_key && old) || all_came(fold, change))
        return 0;
    if (same_key)
        return sgr_error_set(error, SGR_ENOTFOUND,
                             "the row to change is not there, and not all of its values came");
    int status = sgr__fold_read_key(fold, change->new_fields, error);
    if (status || (old && has_key(fold, old->row)))
        return status;
    return sgr_error_set(error, SGR_ELOST, "a key changed, and not all values came");
}

static int fold_update(struct sgr_fold *fold, const struct sgr_change *change,
                       struct sgr_error *error) {
    bool same_key = change->old_kind == SGR_OLD_NONE;
    struct sgr_netted *old = NULL;
    const struct sgr_row *row;
    int status = find_old(fold, same_key ? change->new_fields : change->old_fields,
                          change->old_kind == SGR_OLD_FULL, &old, error);
    if (!status)
        status = check_values(fold, change, old, error);
    if (!status)
        status = sgr__fold_read_row(fold, change->new_fields, old ? old->row : NULL, &row, error);
    if (status)
        return status;
    if (old)
        old->weight--;
    status = add_new(fold, row, !same_key, error);
    sgr_row_unref(row);
    return status;
}

static int fold_delete(struct sgr_fold *fold, const struct sgr_change *change,
                       struct sgr_error *error) {
    struct sgr_netted *old = NULL;
    if (change->old_kind == SGR_OLD_NONE)
        return sgr_error_set(error, fold->lenient ? SGR_ELOST : SGR_EINTERNAL,
                             "a delete does not say which row it means");
    int status = find_old(fold, change->old_fields, change->old_kind == SGR_OLD_FULL, &old, error);
    if (old)
        old->weight--;
    return status;
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
            return sgr__fold_out_of_memory(error);
        entry->weight = -entry->base;
    }
    return 0;
}

static int apply_change(struct sgr_fold *fold, const struct sgr_change *change,
                        struct sgr_error *error) {
    int status = sgr__fold_match(fold, change->relation, error);
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
    sgr_marks_clear(&fold->seen);
    fold->matched = NULL;
    fold->direct = fold->settling = fold->comparing = false;
}

int sgr_fold_finish(struct sgr_fold *fold, struct sgr_error *error) {
    int status = 0;
    for (size_t i = 0; !status && i < fold->netting.entries.count; i++) {
        struct sgr_netted *entry = SGR_VECTOR_AT(&fold->netting.entries, struct sgr_netted, i);
        if (entry->weight)
            status = sgr__node_feed_net(fold->node, entry->row, entry->weight);
    }
    end(fold);
    return status ? sgr__fold_out_of_memory(error) : 0;
}

void sgr_fold_abort(struct sgr_fold *fold) {
    if (fold->direct)
        sgr__node_unfeed(fold->node);
    end(fold);
}
