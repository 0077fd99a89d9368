/* Snapshots: rows that go straight to the node, if nothing was there, or are held against what was.
 *
 * Comparing, each row that was there and is in the snapshot gets a mark, and the netting takes what is new. In the end, what has no mark is
 * gone. So the cost is a bit a row and the difference. A bag's row that is there several times is counted in the netting, from the first time
 * that it is seen. */
#include "graph/fold.h"

enum { SETTLED = 512 };

int sgr_fold_snapshot_begin(struct sgr_fold *fold, bool undisturbed, struct sgr_error *error) {
    (void)error;
    sgr_fold_abort(fold);
    /* Changes may come behind a lenient fold's rows, and no run of the graph in between but when it is filled first. */
    fold->direct = !sgr_index_rows(fold->base) && !(fold->lenient && fold->filled);
    fold->comparing = !fold->direct;
    /* A bag's equal rows are brought together at the end. */
    fold->settling = fold->direct && undisturbed && fold->node->key_count;
    return 0;
}

/* Two rows with one key are found by the graph, which counts keys and rows once a run. */
static int feed_row(struct sgr_fold *fold, const struct sgr_row *row) {
    return fold->node->key_count ? sgr__node_feed_net(fold->node, row, 1)
                                 : sgr_node_feed(fold->node, row, 1);
}

static sgr_row_id id_of(const struct sgr_fold *fold, const struct sgr_row *row) {
    return sgr_row_id_of(fold->node->graph->heap, row);
}

/* What this snapshot has given under the row's key before, which a source should not do, gives way. */
static void give_way(struct sgr_fold *fold, const struct sgr_row *row, uint32_t hash,
                     const struct sgr_row *before) {
    sgr__fold_key_of(fold, row);
    struct sgr_netted *earlier = sgr_netting_present(&fold->netting, hash, fold->key);
    if (earlier)
        earlier->weight--;
    if (before || fold->narrow)
        return;
    const struct sgr_row *other = sgr_index_get(fold->index, fold->key);
    if (other)
        sgr_marks_remove(&fold->seen, id_of(fold, other));
}

static int count_row(struct sgr_fold *fold, const struct sgr_row *row, uint32_t hash, int64_t base,
                     bool marked) {
    struct sgr_netted *entry = sgr_netting_content(&fold->netting, hash, row);
    if (!entry) {
        entry = sgr_netting_add(&fold->netting, hash, row, base);
        if (!entry)
            return SGR_ENOMEM;
        entry->weight = marked - base;
    }
    entry->weight++;
    return 0;
}

static int compare_row(struct sgr_fold *fold, const struct sgr_row *row) {
    int64_t base = 0;
    uint32_t hash = sgr_netting_hash_row(&fold->netting, row);
    const struct sgr_row *before = sgr_index_find(fold->base, row, &base);
    if (!before)
        base = 0;
    if (fold->lenient)
        give_way(fold, row, hash, before);
    bool marked = before && sgr_marks_has(&fold->seen, id_of(fold, before));
    if (before && base == 1 && (fold->lenient || !marked))
        return sgr_marks_add(&fold->seen, id_of(fold, before));
    return count_row(fold, before ? before : row, hash, base, marked);
}

int sgr_fold_snapshot_row(struct sgr_fold *fold, const struct sgr_relation *relation,
                          const struct sgr_field *fields, struct sgr_error *error) {
    const struct sgr_row *row = NULL;
    int status = fold->direct || fold->comparing
                     ? sgr__fold_match(fold, relation, error)
                     : sgr_error_set(error, SGR_EINVAL, "a snapshot's row outside of one");
    if (!status)
        status = sgr__fold_read_row(fold, fields, NULL, &row, error);
    if (!status && (fold->direct ? feed_row(fold, row) : compare_row(fold, row)))
        status = sgr__fold_out_of_memory(error);
    sgr_row_unref(row);
    if (!status && fold->settling && sgr__node_unsettled(fold->node) >= SETTLED)
        status = sgr__node_settle(fold->node, error);
    if (status)
        sgr_error_context(error, "relation %s", fold->node->name);
    return status;
}

/* Takes what has no mark into the netting, as gone. */
static int sweep(struct sgr_fold *fold) {
    struct sgr_iterator iterator;
    int64_t weight;
    sgr_index_scan(fold->base, &iterator);
    for (const struct sgr_row *row; (row = sgr_index_next(&iterator, &weight));) {
        if (sgr_marks_has(&fold->seen, id_of(fold, row)))
            continue;
        uint32_t hash = sgr_netting_hash_row(&fold->netting, row);
        if (sgr_netting_content(&fold->netting, hash, row))
            continue;
        struct sgr_netted *entry = sgr_netting_add(&fold->netting, hash, row, weight);
        if (!entry)
            return SGR_ENOMEM;
        entry->weight = -weight;
    }
    return 0;
}

int sgr_fold_snapshot_rows_end(struct sgr_fold *fold, struct sgr_error *error) {
    if (fold->direct)
        return sgr_fold_finish(fold, error);
    if (fold->comparing && sweep(fold))
        return sgr__fold_out_of_memory(error);
    sgr_marks_clear(&fold->seen);
    fold->comparing = false;
    return 0;
}

int sgr_fold_snapshot_finish(struct sgr_fold *fold, struct sgr_error *error) {
    int status = sgr_fold_snapshot_rows_end(fold, error);
    if (!status)
        status = sgr_fold_finish(fold, error);
    fold->filled = fold->filled || !status;
    return status;
}
