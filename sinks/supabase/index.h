/* Finding things by text: a hash table whose entries stand inside the things themselves. The hash is seeded, for clients choose the keys. */
#ifndef SINKS_SUPABASE_INDEX_H
#define SINKS_SUPABASE_INDEX_H

#include <sangre/plugin.h>

struct index_entry {
    struct index_entry *next;
    uint64_t hash;
    struct sgr_slice key; /* lives as long as the entry */
};

struct index {
    const struct sgr_host_common *common;
    void *host;
    uint64_t seed;
    struct index_entry **buckets; /* a power of two of them */
    size_t count, capacity;
};

struct index index_new(const struct sgr_host_common *common, void *host);
void index_free(struct index *index); /* not the things in it */
/* False: out of memory. The key is not in it yet. */
bool index_add(struct index *index, struct index_entry *entry, struct sgr_slice key);
void index_remove(struct index *index, struct index_entry *entry);
struct index_entry *index_find(const struct index *index, struct sgr_slice key); /* or NULL */

#endif
