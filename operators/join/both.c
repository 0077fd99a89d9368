/* A⋈ΔB when A changed in the same transaction. The index shows A', so each row met there counts as often as it did before, A'(a) − ΔA(a),
 * and rows that are gone from it are found among ΔA by their key. Where all of A is new, as in a snapshot, nothing is put out twice and
 * taken back: A was empty. Reading A' for A is the classic mistake: pairs of two new rows would count twice. */
#include "join.h"

struct left_changes {
    struct join *join;
    const struct sgr_batch *batch;
    uint32_t *by_key, *next_by_key; /* position + 1 in the batch; 0: none */
    uint32_t *by_row,
        *next_by_row; /* by the row's address: equal rows at another address are met by their key */
    uint64_t *met;    /* number of the right row that met this one last */
    size_t mask;
};

static size_t row_slot(const struct left_changes *left, const struct sgr_row *row) {
    uint64_t x = (uint64_t)((uintptr_t)row >> 3) * 0x9e3779b97f4a7c15u;
    return (size_t)(x >> 32) & left->mask;
}

static size_t key_slot(const struct left_changes *left, int side, const struct sgr_row *row) {
    const struct join *join = left->join;
    return (size_t)join->host->row_hash_columns(join->inputs[side], row, join->on[side],
                                                join->on_count) &
           left->mask;
}

/* From the last to the first, so that chains are in the batch's order: what goes out must not depend on addresses. */
static void fill(struct left_changes *left) {
    for (size_t i = left->batch->count; i--;) {
        const struct sgr_row *row = left->batch->items[i].row;
        if (join_unmatched(left->join, 0, row))
            continue;
        uint32_t *key = &left->by_key[key_slot(left, 0, row)];
        uint32_t *place = &left->by_row[row_slot(left, row)];
        left->next_by_key[i] = *key;
        left->next_by_row[i] = *place;
        *key = *place = (uint32_t)i + 1;
    }
}

static void forget(struct left_changes *left) {
    const struct sgr_host_common *host = &left->join->host->common;
    void *memory[] = {left->by_key, left->next_by_key, left->by_row, left->next_by_row, left->met};
    for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++)
        host->release(left->join->host_data, memory[i]);
}

static int prepare(struct left_changes *left) {
    size_t count = left->batch->count, slots = 16;
    while (slots < count * 2)
        slots *= 2;
    if (count >= UINT32_MAX)
        return SGR_ELIMIT;
    void *(*allocate)(void *, size_t) = left->join->host->common.allocate;
    void *host = left->join->host_data;
    left->mask = slots - 1;
    left->by_key = allocate(host, slots * sizeof(uint32_t));
    left->by_row = allocate(host, slots * sizeof(uint32_t));
    left->next_by_key = allocate(host, count * sizeof(uint32_t));
    left->next_by_row = allocate(host, count * sizeof(uint32_t));
    left->met = allocate(host, count * sizeof(uint64_t));
    if (!left->by_key || !left->by_row || !left->next_by_key || !left->next_by_row || !left->met)
        return SGR_ENOMEM;
    fill(left);
    return 0;
}

/* By how much this transaction changed the row that is met, which is marked. */
static int64_t changed_by(struct left_changes *left, const struct sgr_row *row, uint64_t mark) {
    for (uint32_t i = left->by_row[row_slot(left, row)]; i; i = left->next_by_row[i - 1])
        if (left->batch->items[i - 1].row == row) {
            left->met[i - 1] = mark;
            return left->batch->items[i - 1].weight;
        }
    return 0;
}

/* Rows of A' that the right row meets, as often as they were in A. */
static int meet_present(struct left_changes *left, const struct sgr_delta *right, uint64_t mark,
                        struct sgr_output *output) {
    struct join *join = left->join;
    struct sgr_iterator iterator;
    int64_t weight;
    join->host->probe_row(join->host_data, 0, join->inputs[1], right->row, join->on[1], &iterator);
    for (const struct sgr_row *row; (row = join->host->next(&iterator, &weight));) {
        int64_t before = weight - changed_by(left, row, mark);
        int status = before ? join_emit(join, row, right->row, before * right->weight, output) : 0;
        if (status)
            return status;
    }
    return 0;
}

/* Changes of the left side that the index did not show at their address: rows that are gone, or stand there as an equal one. */
static int meet_rest(struct left_changes *left, const struct sgr_delta *right, uint64_t mark,
                     struct sgr_output *output) {
    struct join *join = left->join;
    for (uint32_t i = left->by_key[key_slot(left, 1, right->row)]; i;
         i = left->next_by_key[i - 1]) {
        const struct sgr_delta *delta = &left->batch->items[i - 1];
        if (left->met[i - 1] == mark ||
            !join->host->row_equal_columns(join->inputs[0], delta->row, join->on[0],
                                           join->inputs[1], right->row, join->on[1],
                                           join->on_count))
            continue;
        int status =
            join_emit(join, delta->row, right->row, -delta->weight * right->weight, output);
        if (status)
            return status;
    }
    return 0;
}

int join_right_with_left(struct join *join, const struct sgr_batch *left_batch,
                         const struct sgr_batch *right, struct sgr_output *output) {
    struct left_changes left = {.join = join, .batch = left_batch};
    int status = prepare(&left);
    for (size_t i = 0; !status && i < right->count; i++) {
        if (join_unmatched(join, 1, right->items[i].row))
            continue;
        status = meet_present(&left, &right->items[i], i + 1, output);
        if (!status)
            status = meet_rest(&left, &right->items[i], i + 1, output);
    }
    forget(&left);
    return status;
}
