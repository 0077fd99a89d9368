/* Slots in the order of their hashes: what indexes and large groups are made of.
 *
 * The hash's first bits choose a segment, the rest a home within it; slots stand at their home or behind it, sorted by hash, so that
 * growing and splitting a segment are straight copies and nothing ever marks a removed slot. A segment is at most 64 KiB (but for floods of
 * equal hashes), so no call takes long, however many slots there are. About 10 bytes a slot.
 *
 * The lowest bit of a slot's hash is not part of it: a flag of the caller's. Slots with equal hashes stand side by side, the oldest first.
 * Pointers to slots are valid until the next insertion or removal. */
#ifndef SGR_ROW_TABLE_H
#define SGR_ROW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sgr__slot {
    uint32_t hash;
    uint32_t ref; /* never 0 */
};

struct sgr__segment {
    uint32_t capacity; /* homes */
    uint32_t
        total; /* slots: homes and what may run over behind the last; then one that is always empty */
    uint32_t count;
    uint32_t depth; /* bits of the hash that chose it */
    struct sgr__slot slots[];
};

struct sgr__table {
    struct sgr__segment *
        *directory; /* 2^depth; several in a row may lead to one segment. NULL: empty */
    unsigned depth;
    size_t count;
    size_t bytes;
};

void sgr__table_fini(struct sgr__table *table);
/* 0 or SGR_ENOMEM, then nothing has changed. */
int sgr__table_insert(struct sgr__table *table, uint32_t hash, uint32_t ref);
void sgr__table_remove(struct sgr__table *table, struct sgr__slot *slot);

#define SGR__HASH_EQUAL(a, b) ((((a) ^ (b)) & ~1u) == 0)

static inline struct sgr__segment *sgr__table_segment(const struct sgr__table *table,
                                                      uint32_t hash) {
    return table->directory[(uint64_t)hash >> (32 - table->depth)];
}

static inline uint32_t sgr__segment_home(const struct sgr__segment *segment, uint32_t hash) {
    return (uint32_t)((uint64_t)(uint32_t)(hash << segment->depth) * segment->capacity >> 32);
}

/* The first slot with this hash, or NULL. */
static inline struct sgr__slot *sgr__table_find(const struct sgr__table *table, uint32_t hash) {
    if (!table->directory)
        return NULL;
    struct sgr__segment *segment = sgr__table_segment(table, hash);
    struct sgr__slot *slot = &segment->slots[sgr__segment_home(segment, hash & ~1u)];
    while (slot->ref && (slot->hash | 1) < (hash | 1))
        slot++;
    return slot->ref && SGR__HASH_EQUAL(slot->hash, hash) ? slot : NULL;
}

/* The one behind it with the same hash, or NULL. */
static inline struct sgr__slot *sgr__table_find_next(struct sgr__slot *slot) {
    return slot[1].ref && SGR__HASH_EQUAL(slot[1].hash, slot->hash) ? slot + 1 : NULL;
}

static inline void sgr__table_prefetch(const struct sgr__table *table, uint32_t hash) {
    if (!table->directory)
        return;
    struct sgr__segment *segment = sgr__table_segment(table, hash);
    __builtin_prefetch(&segment->slots[sgr__segment_home(segment, hash & ~1u)]);
}

/* All slots by ascending hash: start with *at = 0 until NULL. */
struct sgr__slot *sgr__table_next(const struct sgr__table *table, uint64_t *at);

#endif
