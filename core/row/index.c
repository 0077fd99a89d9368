/* See index.h: a table by the keys' hashes whose slots name a row or, with the flag set, a group of rows.
 *
 * Keys of up to four whole numbers, dates or timestamps (nearly all there are) are compared as words, straight from the rows' slots. */
#include "row/index.h"

#include <sangre/error.h>

#include <stdlib.h>

#include "base/slice.h"
#include "row/group.h"
#include "row/key.h"
#include "row/table.h"
#include "row/weights.h"

enum { MOST_WORDS = 4, AHEAD = 16 };

struct word_column {
    uint32_t offset;
    uint16_t column;
    uint8_t width;
};

struct sgr_index {
    struct sgr_heap *heap;
    struct sgr_schema *schema;
    struct sgr__table table;
    struct sgr__groups groups;
    struct sgr__weights weights;
    size_t rows;
    uint64_t probes;
    bool distinct; /* promised */
    bool words;    /* all key columns are in `parts` */
    uint16_t count;
    struct word_column parts[MOST_WORDS];
    uint16_t columns[];
};

/* A key to look for: as words, or else by values or by another row's columns. */
struct key {
    uint32_t hash;
    uint32_t nulls;
    int64_t words[MOST_WORDS];
    const struct sgr_value *values;
    const struct sgr_schema *schema;
    const struct sgr_row *row;
    const uint16_t *columns;
};

struct sgr_index *sgr_index_new(struct sgr_heap *heap, const struct sgr_schema *schema,
                                const uint16_t *columns, size_t count) {
    if (count > UINT16_MAX)
        return NULL;
    struct sgr_index *index = calloc(1, sizeof(*index) + count * sizeof(*columns));
    if (!index)
        return NULL;
    index->heap = heap;
    index->schema = sgr_schema_ref(schema);
    index->count = (uint16_t)count;
    index->words = count <= MOST_WORDS;
    for (size_t i = 0; i < count; i++) {
        enum sgr_type type = schema->columns[columns[i]].type;
        index->columns[i] = columns[i];
        index->words = index->words && sgr__type_is_word(type);
        if (index->words)
            index->parts[i] = (struct word_column){schema->offsets[columns[i]], columns[i],
                                                   (uint8_t)sgr__word_width(type)};
    }
    sgr__groups_init(&index->groups, heap, index->schema);
    return index;
}

void sgr_index_clear(struct sgr_index *index) {
    struct sgr_iterator all;
    const struct sgr_row *row;
    int64_t weight;
    sgr_index_scan(index, &all);
    while ((row = sgr_index_next(&all, &weight)))
        sgr_row_unref(row);
    sgr__table_fini(&index->table);
    sgr__groups_fini(&index->groups);
    sgr__weights_fini(&index->weights);
    sgr__groups_init(&index->groups, index->heap, index->schema);
    index->rows = 0;
}

void sgr_index_free(struct sgr_index *index) {
    if (!index)
        return;
    sgr_index_clear(index);
    sgr_schema_unref(index->schema);
    free(index);
}

void sgr_index_promise_distinct(struct sgr_index *index, bool distinct) {
    index->distinct = distinct;
}

const uint16_t *sgr_index_columns(const struct sgr_index *index, size_t *ret_count) {
    *ret_count = index->count;
    return index->columns;
}

/* --- keys --- */

static uint32_t slot_hash(uint64_t hash) {
    return (uint32_t)(hash >> 32) & ~1u;
}

/* The same as sgr_row_hash_columns of words. */
static void hash_words(struct key *key, size_t count) {
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        bool null = key->nulls >> i & 1;
        uint64_t own = null ? SGR__NULL_HASH : sgr_hash_int((uint64_t)key->words[i]);
        hash = sgr__key_fold(hash, i, own);
    }
    key->hash = slot_hash(hash);
}

/* The key of one of our own rows. */
static void key_of(const struct sgr_index *index, const struct sgr_row *row, struct key *key) {
    *key = (struct key){.schema = index->schema, .row = row, .columns = index->columns};
    if (!index->words) {
        key->hash =
            slot_hash(sgr_row_hash_columns(index->schema, row, index->columns, index->count));
        return;
    }
    for (size_t i = 0; i < index->count; i++) {
        const struct word_column *part = &index->parts[i];
        key->nulls |= (uint32_t)sgr_row_null(row, part->column) << i;
        key->words[i] = sgr__word_at(row, part->offset, part->width);
    }
    hash_words(key, index->count);
}

/* False: of another class, so nothing can match. */
static bool key_of_values(const struct sgr_index *index, const struct sgr_value *values,
                          struct key *key) {
    *key = (struct key){.values = values};
    if (!index->words) {
        key->hash = slot_hash(sgr_key_hash(values, index->count));
        return true;
    }
    for (size_t i = 0; i < index->count; i++) {
        if (!values[i].null && !sgr__type_is_word(values[i].type))
            return false;
        key->nulls |= (uint32_t)values[i].null << i;
        key->words[i] = values[i].null ? 0 : values[i].i;
    }
    hash_words(key, index->count);
    return true;
}

static bool key_of_row(const struct sgr_index *index, const struct sgr_schema *schema,
                       const struct sgr_row *row, const uint16_t *columns, struct key *key) {
    *key = (struct key){.schema = schema, .row = row, .columns = columns};
    if (!index->words) {
        key->hash = slot_hash(sgr_row_hash_columns(schema, row, columns, index->count));
        return true;
    }
    for (size_t i = 0; i < index->count; i++) {
        enum sgr_type type = schema->columns[columns[i]].type;
        if (!sgr__type_is_word(type))
            return false;
        key->nulls |= (uint32_t)sgr_row_null(row, columns[i]) << i;
        key->words[i] = sgr__word_at(row, schema->offsets[columns[i]], sgr__word_width(type));
    }
    hash_words(key, index->count);
    return true;
}

static bool words_match(const struct sgr_index *index, const struct sgr_row *row,
                        const struct key *key) {
    for (size_t i = 0; i < index->count; i++) {
        const struct word_column *part = &index->parts[i];
        if (sgr__word_at(row, part->offset, part->width) != key->words[i] ||
            sgr_row_null(row, part->column) != (key->nulls >> i & 1))
            return false;
    }
    return true;
}

static bool values_match(const struct sgr_index *index, const struct sgr_row *row,
                         const struct sgr_value *values) {
    for (size_t i = 0; i < index->count; i++) {
        struct sgr_value own = sgr_row_value(index->schema, row, index->columns[i]);
        bool equal = own.null || values[i].null ? own.null && values[i].null
                     : own.type == SGR_TEXT && values[i].type == SGR_TEXT
                         ? sgr_slice_equal(own.s, values[i].s)
                         : sgr_value_equal(&own, &values[i]);
        if (!equal)
            return false;
    }
    return true;
}

static bool matches(const struct sgr_index *index, const struct sgr_row *row,
                    const struct key *key) {
    if (index->words)
        return words_match(index, row, key);
    if (key->values)
        return values_match(index, row, key->values);
    return sgr_row_equal_columns(index->schema, row, index->columns, key->schema, key->row,
                                 key->columns, index->count);
}

static bool is_group(const struct sgr__slot *slot) {
    return slot->hash & 1;
}

static const struct sgr_row *first_row(const struct sgr_index *index,
                                       const struct sgr__slot *slot) {
    uint32_t id = is_group(slot) ? sgr__group_first(&index->groups, slot->ref) : slot->ref;
    return sgr_row_at(index->heap, id);
}

static struct sgr__slot *find(const struct sgr_index *index, const struct key *key) {
    struct sgr__slot *slot = sgr__table_find(&index->table, key->hash);
    while (slot && !matches(index, first_row(index, slot), key))
        slot = sgr__table_find_next(slot);
    return slot;
}

/* --- changes --- */

/* The entry of this very row, or else of an equal one. */
static struct sgr__member find_entry(const struct sgr_index *index, const struct sgr__slot *slot,
                                     const struct sgr_row *row) {
    if (is_group(slot))
        return sgr__group_find(&index->groups, slot->ref, row);
    const struct sgr_row *own = sgr_row_at(index->heap, slot->ref);
    bool same = own == row || sgr_row_equal(index->schema, own, row);
    return (struct sgr__member){.id = same ? slot->ref : 0};
}

static int enter(struct sgr_index *index, struct sgr__slot *slot, const struct key *key,
                 uint32_t id) {
    if (!slot)
        return sgr__table_insert(&index->table, key->hash, id);
    if (is_group(slot))
        return sgr__group_add(&index->groups, &slot->ref, id);
    int code = sgr__group_new(&index->groups, slot->ref, id, &slot->ref);
    if (!code)
        slot->hash |= 1;
    return code;
}

static int insert(struct sgr_index *index, const struct key *key, const struct sgr_row *row,
                  int64_t weight) {
    struct sgr__slot *slot = find(index, key);
    struct sgr__member member = {0};
    /* A set's rows are looked up by their hash anyway; many equal ones would make it slow. */
    if (slot && (!index->distinct || (is_group(slot) && sgr__group_is_set(slot->ref))))
        member = find_entry(index, slot, row);
    uint32_t id = member.id ? member.id : sgr_row_id_of(index->heap, row);
    int64_t before = member.id ? sgr__weights_get(&index->weights, id) : 0;
    if (__builtin_add_overflow(before, weight, &weight))
        return SGR_ERANGE;
    if (weight != 1) {
        int code = sgr__weights_set(&index->weights, id, weight);
        if (code)
            return code;
    }
    index->rows += (size_t)(weight - before);
    if (member.id)
        return 0;
    int code = enter(index, slot, key, id);
    if (!code)
        sgr_row_ref(row);
    return code;
}

static int leave(struct sgr_index *index, struct sgr__slot *slot, struct sgr__member member) {
    int code = 0;
    if (!is_group(slot)) {
        sgr__table_remove(&index->table, slot);
    } else {
        uint32_t last;
        code = sgr__group_remove(&index->groups, &slot->ref, member, &last);
        if (last)
            *slot = (struct sgr__slot){slot->hash & ~1u, last};
    }
    sgr_row_unref(sgr_row_at(index->heap, member.id));
    return code;
}

/* Takes `weight` (> 0) off the row's entry; *ret_rest is what it did not have. */
static int take_off(struct sgr_index *index, struct sgr__slot *slot, struct sgr__member member,
                    int64_t weight, int64_t *ret_rest) {
    int64_t before = sgr__weights_get(&index->weights, member.id);
    int64_t after = before > weight ? before - weight : 0;
    index->rows -= (size_t)(before - after);
    *ret_rest = weight - (before - after);
    if (before != 1) {
        int code = sgr__weights_set(&index->weights, member.id, after ? after : 1);
        if (code)
            return code;
    }
    return after ? 0 : leave(index, slot, member);
}

static int delete (struct sgr_index *index, const struct key *key, const struct sgr_row *row,
                   int64_t weight) {
    while (weight > 0) {
        struct sgr__slot *slot = find(index, key);
        struct sgr__member member = slot ? find_entry(index, slot, row) : (struct sgr__member){0};
        if (!member.id)
            return SGR_EINTERNAL;
        int code = take_off(index, slot, member, weight, &weight);
        if (code)
            return code;
    }
    return 0;
}

static int apply_one(struct sgr_index *index, const struct key *key,
                     const struct sgr_delta *delta) {
    if (delta->weight > 0)
        return insert(index, key, delta->row, delta->weight);
    if (delta->weight == INT64_MIN)
        return SGR_ERANGE;
    return delete (index, key, delta->row, -delta->weight);
}

/* The slots of several keys, then the groups, then the rows they name are on their way from memory at the same time. */
static void prefetch(const struct sgr_index *index, const struct key *keys, size_t count) {
    const struct sgr__slot *slots[AHEAD];
    for (size_t i = 0; i < count; i++)
        sgr__table_prefetch(&index->table, keys[i].hash);
    for (size_t i = 0; i < count; i++) {
        slots[i] = sgr__table_find(&index->table, keys[i].hash);
        if (slots[i] && is_group(slots[i]))
            sgr__group_prefetch(&index->groups, slots[i]->ref);
        else if (slots[i])
            __builtin_prefetch(sgr_row_at(index->heap, slots[i]->ref));
    }
    for (size_t i = 0; i < count; i++)
        if (slots[i] && is_group(slots[i]))
            __builtin_prefetch(first_row(index, slots[i]));
}

int sgr_index_apply(struct sgr_index *index, const struct sgr_batch *batch,
                    struct sgr_error *error) {
    struct key keys[AHEAD];
    size_t missing = 0;
    for (size_t i = 0; i < batch->count; i += AHEAD) {
        size_t count = batch->count - i < AHEAD ? batch->count - i : AHEAD;
        for (size_t j = 0; j < count; j++)
            key_of(index, batch->items[i + j].row, &keys[j]);
        prefetch(index, keys, count);
        for (size_t j = 0; j < count; j++) {
            int code = apply_one(index, &keys[j], &batch->items[i + j]);
            if (code == SGR_EINTERNAL)
                missing++;
            else if (code)
                return sgr_error_set(error, code, "an index of %zu rows could not grow",
                                     index->rows);
        }
    }
    if (missing)
        return sgr_error_set(error, SGR_EINTERNAL, "%zu rows to delete are not in the index",
                             missing);
    return 0;
}

/* --- a promise --- */

bool sgr_index_breaks_promise(const struct sgr_index *index) {
    uint32_t groups[AHEAD];
    struct sgr__slot *slot;
    uint64_t at = 0;
    for (size_t count = AHEAD; count == AHEAD;) {
        for (count = 0; count < AHEAD && (slot = sgr__table_next(&index->table, &at));)
            if (is_group(slot))
                groups[count++] = slot->ref;
        for (size_t i = 0; i < count; i++)
            sgr__group_prefetch(&index->groups, groups[i]);
        for (size_t i = 0; i < count; i++)
            sgr__group_prefetch_rows(&index->groups, groups[i]);
        for (size_t i = 0; i < count; i++)
            if (sgr__group_repeats(&index->groups, groups[i]))
                return true;
    }
    return false;
}

/* --- reading --- */

/* What a struct sgr_iterator holds. */
struct cursor {
    const struct sgr_index *index;
    const uint32_t *ids; /* what is left of an array, or of a single row */
    size_t id_count;
    const struct sgr__table *set; /* or a large group, from set_at on */
    uint64_t set_at;
    uint64_t scan_at; /* the next slot; DONE: no scan */
};

#define DONE UINT64_MAX
static_assert(sizeof(struct cursor) <= sizeof(struct sgr_iterator), "a cursor fits an iterator");

static void open_slot(struct cursor *cursor, const struct sgr__slot *slot) {
    cursor->ids = &slot->ref;
    cursor->id_count = 1;
    if (is_group(slot))
        cursor->set =
            sgr__group_open(&cursor->index->groups, slot->ref, &cursor->ids, &cursor->id_count);
    cursor->set_at = 0;
}

static void open_key(const struct sgr_index *index, const struct key *key, bool possible,
                     struct sgr_iterator *ret) {
    struct cursor cursor = {.index = index, .scan_at = DONE};
    ((struct sgr_index *)(uintptr_t)index)->probes++;
    const struct sgr__slot *slot = possible ? find(index, key) : NULL;
    if (slot)
        open_slot(&cursor, slot);
    memcpy(ret, &cursor, sizeof(cursor));
}

void sgr_index_probe(const struct sgr_index *index, const struct sgr_value *values,
                     struct sgr_iterator *ret) {
    struct key key;
    bool possible = key_of_values(index, values, &key);
    open_key(index, &key, possible, ret);
}

void sgr_index_probe_row(const struct sgr_index *index, const struct sgr_schema *schema,
                         const struct sgr_row *row, const uint16_t *columns,
                         struct sgr_iterator *ret) {
    struct key key;
    bool possible = key_of_row(index, schema, row, columns, &key);
    open_key(index, &key, possible, ret);
}

void sgr_index_scan(const struct sgr_index *index, struct sgr_iterator *ret) {
    struct cursor cursor = {.index = index};
    memcpy(ret, &cursor, sizeof(cursor));
}

static uint32_t next_id(struct cursor *cursor) {
    for (;;) {
        if (cursor->id_count) {
            cursor->id_count--;
            return *cursor->ids++;
        }
        struct sgr__slot *slot = cursor->set ? sgr__table_next(cursor->set, &cursor->set_at) : NULL;
        if (slot)
            return slot->ref;
        cursor->set = NULL;
        if (cursor->scan_at == DONE || !cursor->index) /* or a zeroed iterator: over nothing */
            return 0;
        slot = sgr__table_next(&cursor->index->table, &cursor->scan_at);
        if (!slot) {
            cursor->scan_at = DONE;
            return 0;
        }
        open_slot(cursor, slot);
    }
}

const struct sgr_row *sgr_index_next(struct sgr_iterator *iterator, int64_t *ret_weight) {
    struct cursor *cursor = (struct cursor *)(void *)iterator;
    uint32_t id = next_id(cursor);
    if (!id)
        return NULL;
    *ret_weight = sgr__weights_get(&cursor->index->weights, id);
    return sgr_row_at(cursor->index->heap, id);
}

const struct sgr_row *sgr_index_get(const struct sgr_index *index, const struct sgr_value *values) {
    struct key key;
    ((struct sgr_index *)(uintptr_t)index)->probes++;
    const struct sgr__slot *slot = key_of_values(index, values, &key) ? find(index, &key) : NULL;
    return slot ? first_row(index, slot) : NULL;
}

const struct sgr_row *sgr_index_find(const struct sgr_index *index, const struct sgr_row *row,
                                     int64_t *ret_weight) {
    struct key key;
    key_of(index, row, &key);
    ((struct sgr_index *)(uintptr_t)index)->probes++;
    const struct sgr__slot *slot = find(index, &key);
    struct sgr__member member = slot ? find_entry(index, slot, row) : (struct sgr__member){0};
    if (!member.id)
        return NULL;
    *ret_weight = sgr__weights_get(&index->weights, member.id);
    return sgr_row_at(index->heap, member.id);
}

bool sgr_index_repeats(const struct sgr_index *index) {
    return index->weights.count > 0;
}

size_t sgr_index_rows(const struct sgr_index *index) {
    return index->rows;
}

size_t sgr_index_groups(const struct sgr_index *index) {
    return index->table.count;
}

size_t sgr_index_bytes(const struct sgr_index *index) {
    return sizeof(*index) + index->count * sizeof(*index->columns) + index->table.bytes +
           sgr__groups_bytes(&index->groups) +
           index->weights.capacity * sizeof(*index->weights.items);
}

uint64_t sgr_index_probes(const struct sgr_index *index) {
    return index->probes;
}
