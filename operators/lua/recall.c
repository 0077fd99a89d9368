/* Open addressing with linear probing over 4-byte slots; removal moves later entries back, so that there are no tombstones. */
#include "recall.h"

#include <string.h>

void recall_init(struct recall *recall, const struct sgr_operator_host *table, void *host,
                 const struct sgr_schema *schema) {
    *recall = (struct recall){.table = table, .host = host, .schema = schema};
}

const struct sgr_row *const *recalled_rows(const struct recalled *item) {
    return item->count > 1 ? item->several : &item->single;
}

static void drop_outputs(struct recall *recall, struct recalled *item) {
    const struct sgr_row *const *rows = recalled_rows(item);
    for (uint32_t i = 0; i < item->count; i++)
        recall->table->row_unref(rows[i]);
    if (item->count > 1)
        recall->table->common.release(recall->host, item->several);
    item->count = 0;
}

void recall_fini(struct recall *recall) {
    for (size_t i = 0; i < recall->count; i++) {
        drop_outputs(recall, &recall->items[i]);
        recall->table->row_unref(recall->items[i].row);
    }
    recall->table->common.release(recall->host, recall->items);
    recall->table->common.release(recall->host, recall->slots);
    *recall = (struct recall){0};
}

static size_t slot_of(const struct recall *recall, uint32_t hash) {
    return hash & (recall->slot_count - 1);
}

struct recalled *recall_find(const struct recall *recall, const struct sgr_row *row) {
    if (!recall->slot_count)
        return NULL;
    uint32_t hash = (uint32_t)recall->table->row_hash(recall->schema, row);
    for (size_t at = slot_of(recall, hash); recall->slots[at];
         at = (at + 1) & (recall->slot_count - 1)) {
        struct recalled *item = &recall->items[recall->slots[at] - 1];
        if (item->hash == hash &&
            (item->row == row || recall->table->row_equal(recall->schema, item->row, row)))
            return item;
    }
    return NULL;
}

static void put_slot(struct recall *recall, uint32_t hash, uint32_t position) {
    size_t at = slot_of(recall, hash);
    while (recall->slots[at])
        at = (at + 1) & (recall->slot_count - 1);
    recall->slots[at] = position + 1;
}

/* At most three quarters full. */
static int grow_slots(struct recall *recall) {
    if ((recall->count + 1) * 4 <= recall->slot_count * 3)
        return 0;
    size_t count = recall->slot_count ? recall->slot_count * 2 : 16;
    uint32_t *slots = recall->table->common.allocate(recall->host, count * sizeof(*slots));
    if (!slots)
        return SGR_ENOMEM;
    recall->table->common.release(recall->host, recall->slots);
    recall->slots = slots;
    recall->slot_count = count;
    for (size_t i = 0; i < recall->count; i++)
        put_slot(recall, recall->items[i].hash, (uint32_t)i);
    return 0;
}

static int grow_items(struct recall *recall) {
    if (recall->count < recall->capacity)
        return 0;
    if (recall->count >= UINT32_MAX / 2)
        return SGR_ENOMEM;
    size_t capacity = recall->capacity ? recall->capacity + recall->capacity / 2 : 16;
    struct recalled *items = recall->table->common.reallocate(recall->host, recall->items,
                                                              capacity * sizeof(*recall->items));
    if (!items)
        return SGR_ENOMEM;
    recall->items = items;
    recall->capacity = capacity;
    return 0;
}

/* One row, or none, needs no array. */
static int set_outputs(struct recall *recall, struct recalled *item, struct rows *outputs) {
    const struct sgr_row **array = NULL;
    if (outputs->count > UINT32_MAX)
        return SGR_ENOMEM;
    if (outputs->count > 1) {
        size_t size = outputs->count * sizeof(*array);
        array = recall->table->common.reallocate(recall->host, NULL, size);
        if (!array)
            return SGR_ENOMEM;
        memcpy(array, outputs->items, size);
    }
    drop_outputs(recall, item);
    if (array)
        item->several = array;
    else
        item->single = outputs->count ? outputs->items[0] : NULL;
    item->count = (uint32_t)outputs->count;
    outputs->count = 0;
    return 0;
}

int recall_add(struct recall *recall, const struct sgr_row *row, int64_t weight,
               struct rows *outputs) {
    if (grow_slots(recall) < 0 || grow_items(recall) < 0)
        return SGR_ENOMEM;
    struct recalled *item = &recall->items[recall->count];
    *item = (struct recalled){.hash = (uint32_t)recall->table->row_hash(recall->schema, row)};
    if (set_outputs(recall, item, outputs) < 0)
        return SGR_ENOMEM;
    item->row = recall->table->row_ref(row);
    item->weight = weight;
    put_slot(recall, item->hash, (uint32_t)recall->count++);
    return 0;
}

int recall_replace(struct recall *recall, struct recalled *item, struct rows *outputs) {
    return set_outputs(recall, item, outputs);
}

static size_t find_slot(const struct recall *recall, uint32_t hash, uint32_t position) {
    size_t at = slot_of(recall, hash);
    while (recall->slots[at] != position + 1)
        at = (at + 1) & (recall->slot_count - 1);
    return at;
}

/* Empties a slot and moves those behind it that would no longer be found. */
static void clear_slot(struct recall *recall, size_t hole) {
    size_t mask = recall->slot_count - 1;
    for (size_t at = (hole + 1) & mask; recall->slots[at]; at = (at + 1) & mask) {
        size_t home = slot_of(recall, recall->items[recall->slots[at] - 1].hash);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            recall->slots[hole] = recall->slots[at];
            hole = at;
        }
    }
    recall->slots[hole] = 0;
}

void recall_remove(struct recall *recall, struct recalled *item) {
    uint32_t position = (uint32_t)(item - recall->items), last = (uint32_t)recall->count - 1;
    drop_outputs(recall, item);
    recall->table->row_unref(item->row);
    clear_slot(recall, find_slot(recall, item->hash, position));
    if (position != last) {
        recall->slots[find_slot(recall, recall->items[last].hash, last)] = position + 1;
        *item = recall->items[last];
    }
    recall->count--;
}
