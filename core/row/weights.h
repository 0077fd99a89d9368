/* How often rows are there that are there more than once: row id → weight. Most indexes have none. */
#ifndef SGR_ROW_WEIGHTS_H
#define SGR_ROW_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

struct sgr__weight {
    int64_t weight;
    uint32_t id; /* 0: free */
};

struct sgr__weights {
    struct sgr__weight *items; /* open addressing, `capacity` of them, a power of two or 0 */
    size_t count;
    size_t capacity;
};

void sgr__weights_fini(struct sgr__weights *weights);
/* 1 if it is not noted. */
int64_t sgr__weights_find(const struct sgr__weights *weights, uint32_t id);
static inline int64_t sgr__weights_get(const struct sgr__weights *weights, uint32_t id) {
    return weights->count ? sgr__weights_find(weights, id) : 1;
}
/* weight 1 forgets the row. 0 or SGR_ENOMEM. */
int sgr__weights_set(struct sgr__weights *weights, uint32_t id, int64_t weight);

#endif
