/* See table.h. Segments grow by a quarter until they are as long as a segment may be, and then split by the next bit of the hash. */
#include "row/table.h"

#include <sangre/error.h>

#include <stdlib.h>

enum {
    LEAST = 8,            /* homes of the smallest segment */
    SPLIT = 8192,         /* homes of one that splits instead of growing */
    DEEPEST = 20,         /* bits of the directory */
    OVERRUN = 24,         /* slots behind the last home, at first */
    OVERRUN_OF_SMALL = 4, /* the same, below SMALL homes */
    SMALL = 64,
    SPARSE = 16, /* slots a segment on average that are not worth their segments */
};

static size_t segment_bytes(uint32_t total) {
    return sizeof(struct sgr__segment) + ((size_t)total + 1) * sizeof(struct sgr__slot);
}

static struct sgr__segment *segment_new(uint32_t capacity, uint32_t overrun, uint32_t depth) {
    struct sgr__segment *segment = calloc(1, segment_bytes(capacity + overrun));
    if (!segment)
        return NULL;
    segment->capacity = capacity;
    segment->total = capacity + overrun;
    segment->depth = depth;
    return segment;
}

/* How many homes `count` slots should have: an eighth of them free, and room to grow. */
static uint32_t roomy(uint32_t count) {
    uint64_t capacity = count < SMALL ? (uint64_t)count * 2 : (uint64_t)count * 10 / 7;
    return capacity < LEAST ? LEAST : (uint32_t)(capacity + 7) & ~7u;
}

/* Copies sorted slots into a segment; false if they run over its end. */
static bool place(struct sgr__segment *segment, const struct sgr__slot *slots, uint32_t count) {
    uint32_t at = 0, placed = 0;
    for (const struct sgr__slot *slot = slots; placed < count; slot++) {
        if (!slot->ref)
            continue;
        uint32_t home = sgr__segment_home(segment, slot->hash & ~1u);
        at = home > at ? home : at;
        if (at == segment->total)
            return false;
        segment->slots[at++] = *slot;
        placed++;
    }
    segment->count = count;
    return true;
}

/* A new segment with the next `count` slots from `slots` on, empty ones skipped. */
static struct sgr__segment *lay_out(const struct sgr__slot *slots, uint32_t count,
                                    uint32_t capacity, uint32_t overrun, uint32_t depth) {
    for (; overrun <= UINT32_MAX / 4; overrun *= 2) {
        struct sgr__segment *segment = segment_new(capacity, overrun, depth);
        if (!segment || place(segment, slots, count))
            return segment;
        free(segment);
    }
    return NULL;
}

static uint32_t usual_overrun(uint32_t capacity) {
    return capacity < SMALL ? OVERRUN_OF_SMALL : OVERRUN;
}

static void replace(struct sgr__table *table, uint32_t hash, struct sgr__segment *segment) {
    size_t first = (uint64_t)hash >> (32 - table->depth);
    size_t span = (size_t)1 << (table->depth - segment->depth);
    first &= ~(span - 1);
    for (size_t i = 0; i < span; i++)
        table->directory[first + i] = segment;
    table->bytes += segment_bytes(segment->total);
}

static void drop(struct sgr__table *table, struct sgr__segment *segment) {
    table->bytes -= segment_bytes(segment->total);
    free(segment);
}

static int resize(struct sgr__table *table, uint32_t hash, struct sgr__segment *segment,
                  uint32_t capacity, uint32_t overrun) {
    struct sgr__segment *wider =
        lay_out(segment->slots, segment->count, capacity, overrun, segment->depth);
    if (!wider)
        return SGR_ENOMEM;
    replace(table, hash, wider);
    drop(table, segment);
    return 0;
}

static int widen_directory(struct sgr__table *table) {
    size_t count = (size_t)1 << table->depth;
    struct sgr__segment **directory = malloc(2 * count * sizeof(*directory));
    if (!directory)
        return SGR_ENOMEM;
    for (size_t i = 0; i < 2 * count; i++)
        directory[i] = table->directory[i / 2];
    free(table->directory);
    table->directory = directory;
    table->bytes += count * sizeof(*directory);
    table->depth++;
    return 0;
}

static int grow(struct sgr__table *table, uint32_t hash, struct sgr__segment *segment) {
    uint32_t more = segment->capacity < SMALL ? LEAST : segment->capacity / 4;
    uint32_t capacity = (segment->capacity + more + 7) & ~7u;
    return resize(table, hash, segment, capacity, usual_overrun(capacity));
}

static int shrink(struct sgr__table *table, uint32_t hash, struct sgr__segment *segment) {
    uint32_t capacity = roomy(segment->count);
    return resize(table, hash, segment, capacity, usual_overrun(capacity));
}

/* Where the slots with this bit start: they are the last ones. */
static uint32_t count_without(const struct sgr__segment *segment, uint32_t bit,
                              const struct sgr__slot **ret_with) {
    const struct sgr__slot *slot = segment->slots;
    uint32_t without = 0;
    for (; without < segment->count; slot++) {
        if (!slot->ref)
            continue;
        if (slot->hash & bit)
            break;
        without++;
    }
    *ret_with = slot;
    return without;
}

static int split(struct sgr__table *table, uint32_t hash, struct sgr__segment *segment) {
    uint32_t bit = 0x80000000u >> segment->depth, depth = segment->depth + 1;
    const struct sgr__slot *with;
    uint32_t lower = count_without(segment, bit, &with), upper = segment->count - lower;
    /* A flood of equal hashes, which no bit tells apart. */
    if (!lower || !upper)
        return grow(table, hash, segment);
    if (segment->depth == table->depth && widen_directory(table))
        return SGR_ENOMEM;
    struct sgr__segment *left = lay_out(segment->slots, lower, roomy(lower), OVERRUN, depth);
    struct sgr__segment *right = lay_out(with, upper, roomy(upper), OVERRUN, depth);
    if (!left || !right) {
        free(left);
        free(right);
        return SGR_ENOMEM;
    }
    replace(table, hash & ~bit, left);
    replace(table, hash | bit, right);
    drop(table, segment);
    return 0;
}

static int first_segment(struct sgr__table *table) {
    table->directory = malloc(sizeof(*table->directory));
    struct sgr__segment *segment = segment_new(LEAST, OVERRUN_OF_SMALL, 0);
    if (!table->directory || !segment) {
        free(table->directory);
        free(segment);
        table->directory = NULL;
        return SGR_ENOMEM;
    }
    table->depth = 0;
    table->directory[0] = segment;
    table->bytes = sizeof(*table->directory) + segment_bytes(segment->total);
    return 0;
}

/* Called when the segment is full, or when slots would run over its end. */
static int make_room(struct sgr__table *table, uint32_t hash, struct sgr__segment *segment) {
    uint32_t overrun = segment->total - segment->capacity;
    if (segment->count > UINT32_MAX / 8 || overrun > UINT32_MAX / 8)
        return SGR_ENOMEM;
    /* Many equal hashes near the end: more homes would not help. */
    if (segment->count < segment->capacity - segment->capacity / 4)
        return resize(table, hash, segment, segment->capacity, overrun * 2);
    if (segment->capacity >= SPLIT && segment->depth < DEEPEST)
        return split(table, hash, segment);
    return grow(table, hash, segment);
}

int sgr__table_insert(struct sgr__table *table, uint32_t hash, uint32_t ref) {
    if (!table->directory && first_segment(table))
        return SGR_ENOMEM;
    for (;;) {
        struct sgr__segment *segment = sgr__table_segment(table, hash);
        struct sgr__slot *slot = &segment->slots[sgr__segment_home(segment, hash & ~1u)];
        struct sgr__slot *last = &segment->slots[segment->total];
        while (slot->ref && (slot->hash | 1) <= (hash | 1))
            slot++;
        struct sgr__slot *empty = slot;
        while (empty->ref)
            empty++;
        if (segment->count < segment->capacity - segment->capacity / 8 && empty != last) {
            for (; empty > slot; empty--)
                *empty = empty[-1];
            *slot = (struct sgr__slot){hash, ref};
            segment->count++;
            table->count++;
            return 0;
        }
        int code = make_room(table, hash, segment);
        if (code)
            return code;
    }
}

/* Segments never merge, so a table that has lost nearly all it had is made anew. */
static void remake(struct sgr__table *table) {
    struct sgr__table fresh = {0};
    struct sgr__slot *slot;
    for (uint64_t at = 0; (slot = sgr__table_next(table, &at));)
        if (sgr__table_insert(&fresh, slot->hash, slot->ref)) {
            sgr__table_fini(&fresh);
            return;
        }
    sgr__table_fini(table);
    *table = fresh;
}

void sgr__table_remove(struct sgr__table *table, struct sgr__slot *slot) {
    uint32_t hash = slot->hash;
    struct sgr__segment *segment = sgr__table_segment(table, hash);
    uint32_t at = (uint32_t)(slot - segment->slots);
    /* Those behind move back as far as their homes let them. */
    while (segment->slots[at + 1].ref &&
           sgr__segment_home(segment, segment->slots[at + 1].hash & ~1u) <= at) {
        segment->slots[at] = segment->slots[at + 1];
        at++;
    }
    segment->slots[at] = (struct sgr__slot){0, 0};
    segment->count--;
    table->count--;
    /* Without memory for the smaller one, the larger one does. */
    if (segment->capacity > SMALL && segment->count < segment->capacity / 4)
        (void)shrink(table, hash, segment);
    if (table->depth && table->count < (size_t)SPARSE << table->depth)
        remake(table);
}

struct sgr__slot *sgr__table_next(const struct sgr__table *table, uint64_t *at) {
    if (!table->directory)
        return NULL;
    size_t entry = *at >> 32, i = *at & UINT32_MAX, entries = (size_t)1 << table->depth;
    while (entry < entries) {
        struct sgr__segment *segment = table->directory[entry];
        while (i < segment->total && !segment->slots[i].ref)
            i++;
        if (i < segment->total) {
            *at = (uint64_t)entry << 32 | (i + 1);
            return &segment->slots[i];
        }
        entry += (size_t)1 << (table->depth - segment->depth);
        i = 0;
    }
    *at = (uint64_t)entry << 32;
    return NULL;
}

void sgr__table_fini(struct sgr__table *table) {
    size_t entries = table->directory ? (size_t)1 << table->depth : 0;
    for (size_t entry = 0; entry < entries;) {
        struct sgr__segment *segment = table->directory[entry];
        entry += (size_t)1 << (table->depth - segment->depth);
        free(segment);
    }
    free(table->directory);
    *table = (struct sgr__table){0};
}
