/* See weights.h. Linear probing, at most three quarters full; a removal moves back those behind. */
#include "row/weights.h"

#include <sangre/error.h>

#include <stdbool.h>
#include <stdlib.h>

static size_t home_of(const struct sgr__weights *weights, uint32_t id) {
    return (uint32_t)(id * 2654435769u) >> 7 & (weights->capacity - 1);
}

/* The id's place, or the free one where it would go. */
static struct sgr__weight *find(const struct sgr__weights *weights, uint32_t id) {
    size_t at = home_of(weights, id);
    while (weights->items[at].id && weights->items[at].id != id)
        at = (at + 1) & (weights->capacity - 1);
    return &weights->items[at];
}

int64_t sgr__weights_find(const struct sgr__weights *weights, uint32_t id) {
    const struct sgr__weight *item = find(weights, id);
    return item->id ? item->weight : 1;
}

static int grow(struct sgr__weights *weights) {
    struct sgr__weights wider = {.count = weights->count,
                                 .capacity = weights->capacity ? weights->capacity * 2 : 16};
    wider.items = calloc(wider.capacity, sizeof(*wider.items));
    if (!wider.items)
        return SGR_ENOMEM;
    for (size_t i = 0; i < weights->capacity; i++)
        if (weights->items[i].id)
            *find(&wider, weights->items[i].id) = weights->items[i];
    free(weights->items);
    *weights = wider;
    return 0;
}

static void forget(struct sgr__weights *weights, struct sgr__weight *item) {
    size_t mask = weights->capacity - 1, hole = (size_t)(item - weights->items);
    for (size_t at = (hole + 1) & mask; weights->items[at].id; at = (at + 1) & mask) {
        size_t home = home_of(weights, weights->items[at].id);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        weights->items[hole] = weights->items[at];
        hole = at;
    }
    weights->items[hole] = (struct sgr__weight){0};
    weights->count--;
}

int sgr__weights_set(struct sgr__weights *weights, uint32_t id, int64_t weight) {
    struct sgr__weight *item = weights->capacity ? find(weights, id) : NULL;
    if (weight == 1) {
        if (item && item->id)
            forget(weights, item);
        return 0;
    }
    if (!item || (!item->id && weights->count >= weights->capacity - weights->capacity / 4)) {
        if (grow(weights))
            return SGR_ENOMEM;
        item = find(weights, id);
    }
    weights->count += !item->id;
    *item = (struct sgr__weight){weight, id};
    return 0;
}

void sgr__weights_fini(struct sgr__weights *weights) {
    free(weights->items);
    *weights = (struct sgr__weights){0};
}
