/* Building Z-sets. Consolidation sums the weights of equal rows: by looking at all pairs of a small batch, else through a table of the
 * rows' hashes. The order of first appearance is kept, so that runs replay. */
#include "row/batch.h"

#include <stdlib.h>

enum { PAIRWISE = 8 };

void sgr_batch_init(struct sgr_batch_builder *builder) {
    builder->deltas = SGR_VECTOR_INIT(struct sgr_delta);
}

void sgr_batch_clear(struct sgr_batch_builder *builder) {
    struct sgr_delta *items = builder->deltas.items;
    for (size_t i = 0; i < builder->deltas.count; i++)
        sgr_row_unref(items[i].row);
    sgr_vector_clear(&builder->deltas);
}

void sgr_batch_fini(struct sgr_batch_builder *builder) {
    sgr_batch_clear(builder);
    sgr_vector_fini(&builder->deltas);
}

int sgr_batch_add(struct sgr_batch_builder *builder, const struct sgr_row *row, int64_t weight) {
    struct sgr_delta delta = {row, weight};
    int code = sgr_vector_push(&builder->deltas, &delta);
    if (!code)
        sgr_row_ref(row);
    return code;
}

struct sgr_batch sgr_batch_view(const struct sgr_batch_builder *builder) {
    return (struct sgr_batch){builder->deltas.items, builder->deltas.count};
}

/* Saturates: a weight that has reached the end of int64 is beyond all meaning, but must not wrap to a deletion. */
static void add_weight(struct sgr_delta *to, int64_t weight) {
    if (__builtin_add_overflow(to->weight, weight, &to->weight))
        to->weight = weight < 0 ? INT64_MIN : INT64_MAX;
}

/* Moves the weight of `from` to an earlier delta with an equal row. */
static void merge(struct sgr_delta *to, struct sgr_delta *from) {
    add_weight(to, from->weight);
    from->weight = 0;
}

static void sum_pairs(const struct sgr_schema *schema, struct sgr_delta *items, size_t count) {
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (sgr_row_equal(schema, items[j].row, items[i].row)) {
                merge(&items[j], &items[i]);
                break;
            }
}

struct place {
    uint32_t hash;
    uint32_t item; /* + 1; 0: free */
};

static int sum_hashed(const struct sgr_schema *schema, struct sgr_delta *items, size_t count) {
    if (count >= UINT32_MAX / 4)
        return SGR_ENOMEM;
    size_t size = (size_t)1 << (64 - __builtin_clzl(count + count / 2));
    struct place *table = calloc(size, sizeof(*table));
    if (!table)
        return SGR_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        uint64_t full = sgr_row_hash(schema, items[i].row);
        uint32_t hash = (uint32_t)(full >> 32);
        size_t at = full & (size - 1);
        for (; table[at].item; at = (at + 1) & (size - 1)) {
            struct sgr_delta *other = &items[table[at].item - 1];
            if (table[at].hash == hash && sgr_row_equal(schema, other->row, items[i].row)) {
                merge(other, &items[i]);
                break;
            }
        }
        if (!table[at].item)
            table[at] = (struct place){hash, (uint32_t)i + 1};
    }
    free(table);
    return 0;
}

int sgr_batch_consolidate(struct sgr_batch_builder *builder, const struct sgr_schema *schema) {
    struct sgr_delta *items = builder->deltas.items;
    size_t count = builder->deltas.count, kept = 0;
    if (count > PAIRWISE) {
        int code = sum_hashed(schema, items, count);
        if (code)
            return code;
    } else {
        sum_pairs(schema, items, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].weight)
            items[kept++] = items[i];
        else
            sgr_row_unref(items[i].row);
    }
    builder->deltas.count = kept;
    return 0;
}
