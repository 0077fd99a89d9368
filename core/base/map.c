/* Byte strings to pointers: entries in order of insertion, found through an open-addressed table of their positions.
 *
 * Keys of up to 8 bytes, such as ids, stand in their entries. A removed entry leaves a hole in the order, so that an iteration goes on
 * undisturbed, and a mark in the table; both go when an insertion finds the entries full. */
#include "base/map.h"

#include <sangre/error.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/slice.h"

enum { SHORT_KEY = 8 };

static const uint32_t hole = UINT32_MAX; /* as a size */

struct entry {
    union {
        char text[SHORT_KEY];
        char *copy; /* of a longer one */
    } key;
    uint32_t size;
    uint32_t hash;
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

static const char *key_of(const struct entry *entry) {
    return entry->size > SHORT_KEY ? entry->key.copy : entry->key.text;
}

static void free_key(struct entry *entry) {
    if (entry->size != hole && entry->size > SHORT_KEY)
        free(entry->key.copy);
}

void sgr_map_free(struct sgr_map *map) {
    if (!map)
        return;
    for (size_t i = 0; i < map->used; i++)
        free_key(&map->entries[i]);
    free(map->entries);
    free(map->table);
    free(map);
}

size_t sgr_map_count(const struct sgr_map *map) {
    return map->count;
}

static uint32_t hash_of(struct sgr_slice key) {
    return (uint32_t)sgr_hash_bytes(key.data, key.size);
}

static struct entry *find(const struct sgr_map *map, struct sgr_slice key, uint32_t hash) {
    if (!map->capacity)
        return NULL;
    size_t mask = map->capacity * 2 - 1;
    for (size_t slot = hash & mask; map->table[slot]; slot = (slot + 1) & mask) {
        struct entry *entry = &map->entries[map->table[slot] - 1];
        if (entry->hash == hash && entry->size == key.size &&
            memcmp(key_of(entry), key.data, key.size) == 0)
            return entry;
    }
    return NULL;
}

void *sgr_map_get(const struct sgr_map *map, struct sgr_slice key) {
    key.data = key.data ? key.data : "";
    struct entry *entry = find(map, key, hash_of(key));
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
        if (map->entries[i].size != hole)
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

static int fill_key(struct entry *entry, struct sgr_slice key) {
    if (key.size >= hole)
        return SGR_ENOMEM;
    entry->size = (uint32_t)key.size;
    if (key.size > SHORT_KEY) {
        entry->key.copy = sgr_slice_copy(key);
        return entry->key.copy ? 0 : SGR_ENOMEM;
    }
    memcpy(entry->key.text, key.data, key.size);
    return 0;
}

int sgr_map_put(struct sgr_map *map, struct sgr_slice key, void *value, void **ret_old) {
    key.data = key.data ? key.data : "";
    uint32_t hash = hash_of(key);
    struct entry *entry = find(map, key, hash);
    if (entry) {
        if (ret_old)
            *ret_old = entry->value;
        entry->value = value;
        return 0;
    }
    struct entry added = {.hash = hash, .value = value};
    if (fill_key(&added, key))
        return SGR_ENOMEM;
    if (map->used == map->capacity && rebuild(map)) {
        free_key(&added);
        return SGR_ENOMEM;
    }
    map->entries[map->used] = added;
    enter(map, map->used++);
    map->count++;
    if (ret_old)
        *ret_old = NULL;
    return 0;
}

void *sgr_map_remove(struct sgr_map *map, struct sgr_slice key) {
    key.data = key.data ? key.data : "";
    struct entry *entry = find(map, key, hash_of(key));
    if (!entry)
        return NULL;
    free_key(entry);
    entry->size = hole;
    map->count--;
    return entry->value;
}

bool sgr_map_next(const struct sgr_map *map, size_t *at, struct sgr_slice *ret_key,
                  void **ret_value) {
    while (*at < map->used && map->entries[*at].size == hole)
        ++*at;
    if (*at >= map->used)
        return false;
    const struct entry *entry = &map->entries[(*at)++];
    if (ret_key)
        *ret_key = (struct sgr_slice){key_of(entry), entry->size};
    if (ret_value)
        *ret_value = entry->value;
    return true;
}
