/* See group.h. A block of the pool: count | class, then ids. Blocks are whole units of 4 cells, so that a group of three fills one. */
#include "row/group.h"

#include <sangre/error.h>

#include <stdlib.h>

enum {
    UNIT = 4,           /* cells of 4 bytes */
    CHUNK_UNITS = 1024, /* 16 KiB */
    SET = 31,           /* ids; more make a set */
    UNSET = 12,         /* ids; fewer make a set an array again */
};

#define SET_FLAG 0x80000000u

static const uint32_t class_units[SGR__GROUP_CLASSES] = {1, 2, 3, 4, 6, 8};
static_assert(SET + 1 == 8 * UNIT, "the largest block holds the largest array");

struct block {
    uint16_t count;
    uint16_t class;
    uint32_t ids[];
};

void sgr__groups_init(struct sgr__groups *groups, const struct sgr_heap *heap,
                      const struct sgr_schema *schema) {
    *groups = (struct sgr__groups){.heap = heap,
                                   .schema = schema,
                                   .chunks = SGR_VECTOR_INIT(uint32_t *),
                                   .sets = SGR_VECTOR_INIT(struct sgr__table)};
}

void sgr__groups_fini(struct sgr__groups *groups) {
    for (size_t i = 0; i < groups->chunks.count; i++)
        free(*SGR_VECTOR_AT(&groups->chunks, uint32_t *, i));
    for (size_t i = 0; i < groups->sets.count; i++)
        sgr__table_fini(SGR_VECTOR_AT(&groups->sets, struct sgr__table, i));
    sgr_vector_fini(&groups->chunks);
    sgr_vector_fini(&groups->sets);
}

size_t sgr__groups_bytes(const struct sgr__groups *groups) {
    size_t pool = groups->chunks.count * CHUNK_UNITS * UNIT * sizeof(uint32_t);
    return pool + groups->chunks.capacity * sizeof(uint32_t *) +
           groups->sets.capacity * sizeof(struct sgr__table) + groups->set_bytes;
}

/* --- the pool --- */

static uint32_t *cells(const struct sgr__groups *groups, uint32_t unit) {
    uint32_t *chunk = *SGR_VECTOR_AT(&groups->chunks, uint32_t *, unit / CHUNK_UNITS);
    return chunk + (size_t)(unit % CHUNK_UNITS) * UNIT;
}

static struct block *block_at(const struct sgr__groups *groups, uint32_t group) {
    return (struct block *)(void *)cells(groups, group);
}

static void pool_free(struct sgr__groups *groups, uint32_t unit, unsigned class) {
    *cells(groups, unit) = groups->free[class];
    groups->free[class] = unit;
}

/* The end of a chunk that a block does not fit into becomes free blocks. */
static void use_up_chunk(struct sgr__groups *groups) {
    for (unsigned class = SGR__GROUP_CLASSES; class -- > 0;)
        while (groups->units % CHUNK_UNITS &&
               CHUNK_UNITS - groups->units % CHUNK_UNITS >= class_units[class]) {
            pool_free(groups, groups->units, class);
            groups->units += class_units[class];
        }
}

static int pool_chunk(struct sgr__groups *groups) {
    uint32_t *chunk = malloc(CHUNK_UNITS * UNIT * sizeof(*chunk));
    if (!chunk || groups->units >= SET_FLAG - CHUNK_UNITS ||
        sgr_vector_push(&groups->chunks, &chunk)) {
        free(chunk);
        return SGR_ENOMEM;
    }
    /* Unit 0 is no block's name. */
    if (!groups->units)
        groups->units = 1;
    return 0;
}

static int pool_alloc(struct sgr__groups *groups, unsigned class, uint32_t *ret) {
    uint32_t unit = groups->free[class];
    if (unit) {
        groups->free[class] = *cells(groups, unit);
        *ret = unit;
        return 0;
    }
    uint32_t used = groups->units % CHUNK_UNITS;
    if (used && CHUNK_UNITS - used < class_units[class])
        use_up_chunk(groups);
    if (groups->units % CHUNK_UNITS == 0 && pool_chunk(groups))
        return SGR_ENOMEM;
    *ret = groups->units;
    groups->units += class_units[class];
    return 0;
}

/* --- sets --- */

bool sgr__group_is_set(uint32_t group) {
    return group & SET_FLAG;
}

static struct sgr__table *set_at(const struct sgr__groups *groups, uint32_t group) {
    return SGR_VECTOR_AT(&groups->sets, struct sgr__table, group & ~SET_FLAG);
}

static uint32_t hash_of(const struct sgr__groups *groups, const struct sgr_row *row) {
    return (uint32_t)(sgr_row_hash(groups->schema, row) >> 32) & ~1u;
}

static int set_add(struct sgr__groups *groups, uint32_t group, uint32_t id) {
    struct sgr__table *set = set_at(groups, group);
    groups->set_bytes -= set->bytes;
    int code = sgr__table_insert(set, hash_of(groups, sgr_row_at(groups->heap, id)), id);
    groups->set_bytes += set->bytes;
    return code;
}

static void set_free(struct sgr__groups *groups, uint32_t group) {
    struct sgr__table *set = set_at(groups, group);
    groups->set_bytes -= set->bytes;
    sgr__table_fini(set);
    set->count = groups->free_set;
    groups->free_set = (group & ~SET_FLAG) + 1;
}

static int set_new(struct sgr__groups *groups, uint32_t *ret) {
    if (groups->free_set) {
        *ret = (groups->free_set - 1) | SET_FLAG;
        struct sgr__table *set = set_at(groups, *ret);
        groups->free_set = (uint32_t)set->count;
        set->count = 0;
        return 0;
    }
    if (groups->sets.count >= SET_FLAG - 1 || !sgr_vector_add(&groups->sets))
        return SGR_ENOMEM;
    *ret = (uint32_t)(groups->sets.count - 1) | SET_FLAG;
    return 0;
}

static int array_to_set(struct sgr__groups *groups, uint32_t *group) {
    uint32_t set, old = *group;
    int code = set_new(groups, &set);
    struct block *block = block_at(groups, old);
    for (uint32_t i = 0; !code && i < block->count; i++)
        code = set_add(groups, set, block->ids[i]);
    if (code)
        return code;
    pool_free(groups, old, block->class);
    *group = set;
    return 0;
}

/* --- arrays --- */

static unsigned class_for(uint32_t count) {
    unsigned class = 0;
    while (class_units[class] * UNIT < count + 1)
        class ++;
    return class;
}

static int array_new(struct sgr__groups *groups, const uint32_t *ids, uint32_t count,
                     unsigned class, uint32_t *ret) {
    uint32_t group;
    if (pool_alloc(groups, class, &group))
        return SGR_ENOMEM;
    struct block *block = block_at(groups, group);
    block->count = (uint16_t)count;
    block->class = (uint16_t) class;
    memcpy(block->ids, ids, count * sizeof(*ids));
    *ret = group;
    return 0;
}

static int array_move(struct sgr__groups *groups, uint32_t *group, unsigned class) {
    struct block *block = block_at(groups, *group);
    uint32_t old = *group;
    unsigned old_class = block->class;
    int code = array_new(groups, block->ids, block->count, class, group);
    if (!code)
        pool_free(groups, old, old_class);
    return code;
}

static int set_to_array(struct sgr__groups *groups, uint32_t *group) {
    uint32_t ids[UNSET], count = 0, old = *group;
    struct sgr__slot *slot;
    for (uint64_t at = 0; (slot = sgr__table_next(set_at(groups, old), &at));)
        ids[count++] = slot->ref;
    int code = array_new(groups, ids, count, class_for(count), group);
    if (!code)
        set_free(groups, old);
    return code;
}

int sgr__group_new(struct sgr__groups *groups, uint32_t first, uint32_t second, uint32_t *ret) {
    return array_new(groups, (uint32_t[]){first, second}, 2, 0, ret);
}

/* --- both --- */

int sgr__group_add(struct sgr__groups *groups, uint32_t *group, uint32_t id) {
    int code = 0;
    if (!sgr__group_is_set(*group) && block_at(groups, *group)->count == SET)
        code = array_to_set(groups, group);
    if (code)
        return code;
    if (sgr__group_is_set(*group))
        return set_add(groups, *group, id);
    struct block *block = block_at(groups, *group);
    if (block->count + 1u == class_units[block->class] * UNIT) {
        code = array_move(groups, group, block->class + 1u);
        if (code)
            return code;
        block = block_at(groups, *group);
    }
    block->ids[block->count++] = id;
    return 0;
}

static struct sgr__member find_in_array(const struct sgr__groups *groups, uint32_t group,
                                        const struct sgr_row *row) {
    struct block *block = block_at(groups, group);
    uint32_t id = sgr_row_id_of(groups->heap, row);
    for (uint32_t i = 0; i < block->count; i++)
        if (block->ids[i] == id)
            return (struct sgr__member){id, &block->ids[i], NULL};
    for (uint32_t i = 0; i < block->count; i++)
        if (sgr_row_equal(groups->schema, sgr_row_at(groups->heap, block->ids[i]), row))
            return (struct sgr__member){block->ids[i], &block->ids[i], NULL};
    return (struct sgr__member){0};
}

static struct sgr__member find_in_set(const struct sgr__groups *groups, uint32_t group,
                                      const struct sgr_row *row) {
    struct sgr__slot *first = sgr__table_find(set_at(groups, group), hash_of(groups, row));
    uint32_t id = sgr_row_id_of(groups->heap, row);
    for (struct sgr__slot *slot = first; slot; slot = sgr__table_find_next(slot))
        if (slot->ref == id)
            return (struct sgr__member){id, NULL, slot};
    for (struct sgr__slot *slot = first; slot; slot = sgr__table_find_next(slot))
        if (sgr_row_equal(groups->schema, sgr_row_at(groups->heap, slot->ref), row))
            return (struct sgr__member){slot->ref, NULL, slot};
    return (struct sgr__member){0};
}

struct sgr__member sgr__group_find(const struct sgr__groups *groups, uint32_t group,
                                   const struct sgr_row *row) {
    return sgr__group_is_set(group) ? find_in_set(groups, group, row)
                                    : find_in_array(groups, group, row);
}

static int remove_from_set(struct sgr__groups *groups, uint32_t *group, struct sgr__slot *slot) {
    struct sgr__table *set = set_at(groups, *group);
    groups->set_bytes -= set->bytes;
    sgr__table_remove(set, slot);
    groups->set_bytes += set->bytes;
    return set->count <= UNSET ? set_to_array(groups, group) : 0;
}

int sgr__group_remove(struct sgr__groups *groups, uint32_t *group, struct sgr__member member,
                      uint32_t *ret_last) {
    *ret_last = 0;
    if (member.in_set)
        return remove_from_set(groups, group, member.in_set);
    struct block *block = block_at(groups, *group);
    *member.in_array = block->ids[--block->count];
    if (block->count == 1) {
        *ret_last = block->ids[0];
        pool_free(groups, *group, block->class);
        return 0;
    }
    unsigned fitting = class_for(block->count);
    return class_units[fitting] * 2 <= class_units[block->class]
               ? array_move(groups, group, fitting)
               : 0;
}

const struct sgr__table *sgr__group_open(const struct sgr__groups *groups, uint32_t group,
                                         const uint32_t **ret_ids, size_t *ret_count) {
    *ret_count = 0;
    if (sgr__group_is_set(group))
        return set_at(groups, group);
    const struct block *block = block_at(groups, group);
    *ret_ids = block->ids;
    *ret_count = block->count;
    return NULL;
}

uint32_t sgr__group_first(const struct sgr__groups *groups, uint32_t group) {
    if (!sgr__group_is_set(group))
        return block_at(groups, group)->ids[0];
    uint64_t at = 0;
    struct sgr__slot *slot = sgr__table_next(set_at(groups, group), &at);
    return slot ? slot->ref : 0;
}

void sgr__group_prefetch(const struct sgr__groups *groups, uint32_t group) {
    if (!sgr__group_is_set(group))
        __builtin_prefetch(block_at(groups, group));
}

void sgr__group_prefetch_rows(const struct sgr__groups *groups, uint32_t group) {
    if (sgr__group_is_set(group))
        return;
    const struct block *block = block_at(groups, group);
    for (uint32_t i = 0; i < block->count; i++)
        __builtin_prefetch(sgr_row_at(groups->heap, block->ids[i]));
}

/* --- equal rows --- */

static bool are_equal(const struct sgr__groups *groups, uint32_t a, uint32_t b) {
    return sgr_row_equal(groups->schema, sgr_row_at(groups->heap, a), sgr_row_at(groups->heap, b));
}

static bool array_repeats(const struct sgr__groups *groups, const struct block *block) {
    uint32_t hashes[SET];
    for (uint32_t i = 0; i < block->count; i++) {
        hashes[i] = hash_of(groups, sgr_row_at(groups->heap, block->ids[i]));
        for (uint32_t j = 0; j < i; j++)
            if (hashes[j] == hashes[i] && are_equal(groups, block->ids[j], block->ids[i]))
                return true;
    }
    return false;
}

static bool set_repeats(const struct sgr__groups *groups, const struct sgr__table *set) {
    struct sgr__slot *slot;
    for (uint64_t at = 0; (slot = sgr__table_next(set, &at));)
        for (struct sgr__slot *other = slot; (other = sgr__table_find_next(other));)
            if (are_equal(groups, slot->ref, other->ref))
                return true;
    return false;
}

bool sgr__group_repeats(const struct sgr__groups *groups, uint32_t group) {
    return sgr__group_is_set(group) ? set_repeats(groups, set_at(groups, group))
                                    : array_repeats(groups, block_at(groups, group));
}
