#define XXH_INLINE_ALL
#include "index.h"

#include <sys/random.h>
#include <xxhash.h>

enum { FIRST_CAPACITY = 16 };

struct index index_new(const struct sgr_host_common *common, void *host) {
    struct index index = {.common = common, .host = host};
    if (getrandom(&index.seed, sizeof(index.seed), GRND_NONBLOCK) < 0)
        index.seed = (uintptr_t)host; /* early at boot */
    return index;
}

void index_free(struct index *index) {
    index->common->release(index->host, index->buckets);
    index->buckets = NULL;
    index->count = index->capacity = 0;
}

static struct index_entry **bucket(const struct index *index, uint64_t hash) {
    return &index->buckets[hash & (index->capacity - 1)];
}

static bool grow(struct index *index) {
    struct index_entry **old = index->buckets;
    size_t size = index->capacity, capacity = size ? size * 2 : FIRST_CAPACITY;
    struct index_entry **buckets =
        index->common->allocate(index->host, capacity * sizeof(*buckets));
    if (!buckets)
        return false;
    index->buckets = buckets;
    index->capacity = capacity;
    for (size_t i = 0; i < size; i++)
        for (struct index_entry *entry = old[i], *next; entry; entry = next) {
            struct index_entry **place = bucket(index, entry->hash);
            next = entry->next;
            entry->next = *place;
            *place = entry;
        }
    index->common->release(index->host, old);
    return true;
}

bool index_add(struct index *index, struct index_entry *entry, struct sgr_slice key) {
    if (index->count == index->capacity && !grow(index))
        return false;
    entry->key = key;
    entry->hash = XXH3_64bits_withSeed(key.data, key.size, index->seed);
    struct index_entry **place = bucket(index, entry->hash);
    entry->next = *place;
    *place = entry;
    index->count++;
    return true;
}

void index_remove(struct index *index, struct index_entry *entry) {
    struct index_entry **place = bucket(index, entry->hash);
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    index->count--;
}

struct index_entry *index_find(const struct index *index, struct sgr_slice key) {
    if (!index->count)
        return NULL;
    uint64_t hash = XXH3_64bits_withSeed(key.data, key.size, index->seed);
    for (struct index_entry *entry = *bucket(index, hash); entry; entry = entry->next)
        if (entry->hash == hash && entry->key.size == key.size &&
            memcmp(entry->key.data, key.data, key.size) == 0)
            return entry;
    return NULL;
}
