/* Open addressing over a vector of entries. Each entry remembers its slot, so that clearing costs what was in it and not what once was. */
#include "graph/netting.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 32, KEPT_SLOTS = 1 << 16 };

int sgr_netting_init(struct sgr_netting *netting, const struct sgr_schema *schema) {
    uint16_t *columns = malloc((schema->count + 1u) * sizeof(*columns));
    if (!columns)
        return SGR_ENOMEM;
    *netting = (struct sgr_netting){.schema = sgr_schema_ref(schema),
                                    .columns = columns,
                                    .entries = SGR_VECTOR_INIT(struct sgr_netted)};
    return 0;
}

void sgr_netting_fini(struct sgr_netting *netting) {
    if (!netting->schema)
        return;
    sgr_netting_clear(netting);
    sgr_vector_fini(&netting->entries);
    sgr_schema_unref(netting->schema);
    free(netting->slots);
    free(netting->columns);
    *netting = (struct sgr_netting){0};
}

static struct sgr_netted *entry_at(const struct sgr_netting *netting, size_t i) {
    return SGR_VECTOR_AT(&netting->entries, struct sgr_netted, i);
}

void sgr_netting_clear(struct sgr_netting *netting) {
    for (size_t i = 0; i < netting->entries.count; i++) {
        netting->slots[entry_at(netting, i)->slot] = 0;
        sgr_row_unref(entry_at(netting, i)->row);
    }
    sgr_vector_clear(&netting->entries);
    if (netting->slot_count > KEPT_SLOTS) {
        sgr_vector_fini(&netting->entries);
        free(netting->slots);
        netting->slots = NULL;
        netting->slot_count = 0;
    }
}

/* Puts the entry into the next free slot of its hash. */
static void place(struct sgr_netting *netting, size_t i) {
    struct sgr_netted *entry = entry_at(netting, i);
    size_t mask = netting->slot_count - 1, slot = entry->hash & mask;
    while (netting->slots[slot])
        slot = (slot + 1) & mask;
    netting->slots[slot] = (uint32_t)i + 1;
    entry->slot = (uint32_t)slot;
}

static int grow(struct sgr_netting *netting) {
    size_t count = netting->slot_count ? netting->slot_count * 2 : FIRST_SLOTS;
    if (count > UINT32_MAX)
        return SGR_ENOMEM;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return SGR_ENOMEM;
    free(netting->slots);
    netting->slots = slots;
    netting->slot_count = count;
    for (size_t i = 0; i < netting->entries.count; i++)
        place(netting, i);
    return 0;
}

void sgr_netting_by(struct sgr_netting *netting, const uint16_t *columns, size_t count) {
    if (count)
        memcpy(netting->columns, columns, count * sizeof(*columns));
    netting->column_count = count;
    if (netting->slots)
        memset(netting->slots, 0, netting->slot_count * sizeof(*netting->slots));
    for (size_t i = 0; i < netting->entries.count; i++) {
        entry_at(netting, i)->hash = sgr_netting_hash_row(netting, entry_at(netting, i)->row);
        place(netting, i);
    }
}

/* The upper half is mixed in, as the index uses the lower one with the same hash. */
static uint32_t fold_hash(uint64_t hash) {
    return (uint32_t)(hash ^ (hash >> 32));
}

uint32_t sgr_netting_hash(const struct sgr_netting *netting, const struct sgr_value *key) {
    return fold_hash(sgr_key_hash(key, netting->column_count));
}

uint32_t sgr_netting_hash_row(const struct sgr_netting *netting, const struct sgr_row *row) {
    return fold_hash(
        sgr_row_hash_columns(netting->schema, row, netting->columns, netting->column_count));
}

static bool key_is(const struct sgr_netting *netting, const struct sgr_row *row,
                   const struct sgr_value *key) {
    for (size_t i = 0; i < netting->column_count; i++) {
        struct sgr_value value = sgr_row_value(netting->schema, row, netting->columns[i]);
        if (!sgr_value_equal(&value, &key[i]))
            return false;
    }
    return true;
}

struct sgr_netted *sgr_netting_present(const struct sgr_netting *netting, uint32_t hash,
                                       const struct sgr_value *key) {
    if (!netting->entries.count)
        return NULL;
    size_t mask = netting->slot_count - 1;
    for (size_t slot = hash & mask; netting->slots[slot]; slot = (slot + 1) & mask) {
        struct sgr_netted *entry = entry_at(netting, netting->slots[slot] - 1);
        if (entry->hash == hash && entry->base + entry->weight > 0 &&
            key_is(netting, entry->row, key))
            return entry;
    }
    return NULL;
}

struct sgr_netted *sgr_netting_content(const struct sgr_netting *netting, uint32_t hash,
                                       const struct sgr_row *row) {
    if (!netting->entries.count)
        return NULL;
    size_t mask = netting->slot_count - 1;
    for (size_t slot = hash & mask; netting->slots[slot]; slot = (slot + 1) & mask) {
        struct sgr_netted *entry = entry_at(netting, netting->slots[slot] - 1);
        if (entry->hash == hash &&
            (entry->row == row || sgr_row_equal(netting->schema, entry->row, row)))
            return entry;
    }
    return NULL;
}

struct sgr_netted *sgr_netting_add(struct sgr_netting *netting, uint32_t hash,
                                   const struct sgr_row *row, int64_t base) {
    if (netting->entries.count * 2 >= netting->slot_count && grow(netting))
        return NULL;
    struct sgr_netted *entry = sgr_vector_add(&netting->entries);
    if (!entry)
        return NULL;
    *entry = (struct sgr_netted){.row = sgr_row_ref(row), .hash = hash, .base = base};
    place(netting, netting->entries.count - 1);
    return entry_at(netting, netting->entries.count - 1);
}
