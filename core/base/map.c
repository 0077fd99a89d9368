/* Byte strings to pointers: entries in order of insertion, found through an open-addressed table of their positions.
 *
 * A removed entry leaves a hole (key NULL) in the order, so that an iteration goes on undisturbed, and a mark in the table; both go
 * when an insertion finds the entries full. */
#include "base/map.h"

#include <sangre/error.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/slice.h"

struct entry {
    char *key; /* NULL: a hole */
    size_t size;
    uint64_t hash;
    void *value;
};

struct sgr_map {
    struct entry *entries;
    uint32_t *
        table; /* position + 1 in entries; 0: never used. A hole's position stays until the next rebuild. */
    size_t used;     /* entries and holes */
    size_t count;    /* entries */
    size_t capacity; /* of entries; the table has twice as many slots, a power of two */
};

struct sgr_map *sgr_map_new(void) {
    return calloc(1, sizeof(struct sgr_map));
}

void sgr_map_free(struct sgr_map *map) {
    if (!map)
        return;
    for (size_t i = 0; i < map->used; i++)
        free(map->entries[i].key);
    free(map->entries);
    free(map->table);
    free(map);
}

size_t sgr_map_count(const struct sgr_map *map) {
    return map->count;
}

static struct entry *find(const struct sgr_map *map, struct sgr_slice key, uint64_t hash) {
    if (!map->capacity)
        return NULL;
    size_t mask = map->capacity * 2 - 1;
    for (size_t slot = hash & mask; map->table[slot]; slot = (slot + 1) & mask) {
        struct entry *entry = &map->entries[map->table[slot] - 1];
        if (entry->hash == hash && entry->key && entry->size == key.size &&
            memcmp(entry->key, key.data, key.size) == 0)
            return entry;
    }
    return NULL;
}

void *sgr_map_get(const struct sgr_map *map, struct sgr_slice key) {
    key.data = key.data ? key.data : "";
    struct entry *entry = find(map, key, sgr_hash_bytes(key.data, key.size));
    return entry ? entry->value : NULL;
}

static void enter(struct sgr_map *map, size_t position) {
    size_t mask = map->capacity * 2 - 1;
    size_t slot = map->entries[position].hash & mask;
    while (map->table[slot])
        slot = (slot + 1) & mask;
    map->table[slot] = (uint32_t)position + 1;
}

/* Closes the holes and doubles if that frees less than a quarter. */
static int rebuild(struct sgr_map *map) {
    size_t capacity = map->capacity ? map->capacity : 8;
    if (map->count >= capacity - capacity / 4)
        capacity *= 2;
    if (capacity > UINT32_MAX / 4)
        return SGR_ENOMEM;
    struct entry *entries = malloc(capacity * sizeof(*entries));
    uint32_t *table = calloc(capacity * 2, sizeof(*table));
    if (!entries || !table) {
        free(entries);
        free(table);
        return SGR_ENOMEM;
    }
    size_t used = 0;
    for (size_t i = 0; i < map->used; i++)
        if (map->entries[i].key)
            entries[used++] = map->entries[i];
    free(map->entries);
    free(map->table);
    map->entries = entries;
    map->table = table;
    map->used = used;
    map->capacity = capacity;
    for (size_t i = 0; i < used; i++)
        enter(map, i);
    return 0;
}

int sgr_map_put(struct sgr_map *map, struct sgr_slice key, void *value, void **ret_old) {
    key.data = key.data ? key.data : "";
    uint64_t hash = sgr_hash_bytes(key.data, key.size);
    struct entry *entry = find(map, key, hash);
    if (entry) {
        if (ret_old)
            *ret_old = entry->value;
        entry->value = value;
        return 0;
    }
    char *copy = sgr_slice_copy(key);
    if (!copy)
        return SGR_ENOMEM;
    if (map->used == map->capacity && rebuild(map)) {
        free(copy);
        return SGR_ENOMEM;
    }
    map->entries[map->used] = (struct entry){copy, key.size, hash, value};
    enter(map, map->used++);
    map->count++;
    if (ret_old)
        *ret_old = NULL;
    return 0;
}

void *sgr_map_remove(struct sgr_map *map, struct sgr_slice key) {
    key.data = key.data ? key.data : "";
    struct entry *entry = find(map, key, sgr_hash_bytes(key.data, key.size));
    if (!entry)
        return NULL;
    free(entry->key);
    entry->key = NULL;
    map->count--;
    return entry->value;
}

bool sgr_map_next(const struct sgr_map *map, size_t *at, struct sgr_slice *ret_key,
                  void **ret_value) {
    while (*at < map->used && !map->entries[*at].key)
        ++*at;
    if (*at >= map->used)
        return false;
    const struct entry *entry = &map->entries[(*at)++];
    if (ret_key)
        *ret_key = (struct sgr_slice){entry->key, entry->size};
    if (ret_value)
        *ret_value = entry->value;
    return true;
}
