/* A hash set of items that carry their own links: for things that are found by typed values, which base's map of byte strings can't do. The
 * caller compares; the set only gathers equal hashes. Nothing that leaves the process depends on its order. Engine's thread. */
#ifndef SGR_VIEW_SET_H
#define SGR_VIEW_SET_H

#include <stddef.h>
#include <stdint.h>

struct sgr__set_item {
    struct sgr__set_item *next;
    uint64_t hash;
};

struct sgr__set {
    struct sgr__set_item **chains; /* capacity of them, a power of two; NULL: none yet */
    size_t count, capacity;
};

void sgr__set_fini(struct sgr__set *set); /* items are the caller's */
int sgr__set_add(struct sgr__set *set, struct sgr__set_item *item, uint64_t hash);
void sgr__set_remove(struct sgr__set *set, struct sgr__set_item *item);
/* If `old` is in the set, `item`, which has its hash, takes its place. */
void sgr__set_replace(struct sgr__set *set, const struct sgr__set_item *old,
                      struct sgr__set_item *item);
/* The first item with this hash, and the next one after it; NULL: none. */
struct sgr__set_item *sgr__set_find(const struct sgr__set *set, uint64_t hash);
struct sgr__set_item *sgr__set_find_next(const struct sgr__set_item *item);
/* Any item; NULL: the set is empty. */
struct sgr__set_item *sgr__set_any(const struct sgr__set *set);
/* All items, in no order: the one after sgr__set_any, and so on, until NULL. The set stays as it is meanwhile. */
struct sgr__set_item *sgr__set_next(const struct sgr__set *set, const struct sgr__set_item *item);

#endif
