#include "view/set.h"

#include <sangre/error.h>

#include <stdlib.h>

enum { SMALLEST = 4 };

void sgr__set_fini(struct sgr__set *set) {
    free(set->chains);
    *set = (struct sgr__set){0};
}

static struct sgr__set_item **chain_of(const struct sgr__set *set, uint64_t hash) {
    return &set->chains[hash & (set->capacity - 1)];
}

static int resize(struct sgr__set *set, size_t capacity) {
    struct sgr__set bigger = {.capacity = capacity, .count = set->count};
    bigger.chains = calloc(capacity, sizeof(*bigger.chains));
    if (!bigger.chains)
        return SGR_ENOMEM;
    for (size_t i = 0; i < set->capacity; i++)
        for (struct sgr__set_item *item = set->chains[i], *next; item; item = next) {
            struct sgr__set_item **chain = chain_of(&bigger, item->hash);
            next = item->next;
            item->next = *chain;
            *chain = item;
        }
    free(set->chains);
    *set = bigger;
    return 0;
}

int sgr__set_add(struct sgr__set *set, struct sgr__set_item *item, uint64_t hash) {
    if (set->count >= set->capacity && resize(set, set->capacity ? set->capacity * 2 : SMALLEST) &&
        !set->capacity)
        return SGR_ENOMEM; /* chains that grow longer than they should still work */
    struct sgr__set_item **chain = chain_of(set, hash);
    item->hash = hash;
    item->next = *chain;
    *chain = item;
    set->count++;
    return 0;
}

void sgr__set_remove(struct sgr__set *set, struct sgr__set_item *item) {
    struct sgr__set_item **link = chain_of(set, item->hash);
    while (*link != item)
        link = &(*link)->next;
    *link = item->next;
    set->count--;
    if (!set->count)
        sgr__set_fini(set);
    else if (set->capacity > 64 && set->count < set->capacity / 8)
        resize(set, set->capacity / 4);
}

void sgr__set_replace(struct sgr__set *set, const struct sgr__set_item *old,
                      struct sgr__set_item *item) {
    struct sgr__set_item **link = chain_of(set, old->hash);
    while (*link && *link != old)
        link = &(*link)->next;
    if (!*link)
        return;
    item->next = old->next;
    *link = item;
}

static struct sgr__set_item *with_hash(struct sgr__set_item *item, uint64_t hash) {
    while (item && item->hash != hash)
        item = item->next;
    return item;
}

struct sgr__set_item *sgr__set_find(const struct sgr__set *set, uint64_t hash) {
    return set->capacity ? with_hash(*chain_of(set, hash), hash) : NULL;
}

struct sgr__set_item *sgr__set_find_next(const struct sgr__set_item *item) {
    return with_hash(item->next, item->hash);
}

static struct sgr__set_item *first_from(const struct sgr__set *set, size_t chain) {
    for (; chain < set->capacity; chain++)
        if (set->chains[chain])
            return set->chains[chain];
    return NULL;
}

struct sgr__set_item *sgr__set_any(const struct sgr__set *set) {
    return first_from(set, 0);
}

struct sgr__set_item *sgr__set_next(const struct sgr__set *set, const struct sgr__set_item *item) {
    return item->next ? item->next : first_from(set, (item->hash & (set->capacity - 1)) + 1);
}
