/* A growable array of plain items; doubles, so that adding is amortised O(1). */
#include "base/vector.h"

#include <sangre/error.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void sgr_vector_fini(struct sgr_vector *vector) {
    free(vector->items);
    *vector = (struct sgr_vector){.item_size = vector->item_size};
}

void sgr_vector_clear(struct sgr_vector *vector) {
    vector->count = 0;
}

int sgr_vector_reserve(struct sgr_vector *vector, size_t count) {
    if (count <= vector->capacity)
        return 0;
    size_t capacity = vector->capacity ? vector->capacity : 4;
    while (capacity < count)
        capacity = capacity > SIZE_MAX / 2 ? count : capacity * 2;
    size_t bytes;
    if (__builtin_mul_overflow(capacity, vector->item_size, &bytes))
        return SGR_ENOMEM;
    void *items = realloc(vector->items, bytes);
    if (!items)
        return SGR_ENOMEM;
    vector->items = items;
    vector->capacity = capacity;
    return 0;
}

void sgr_vector_fit(struct sgr_vector *vector) {
    size_t count = vector->count ? vector->count : 1;
    void *items =
        count < vector->capacity ? realloc(vector->items, count * vector->item_size) : NULL;
    if (!items)
        return;
    vector->items = items;
    vector->capacity = count;
}

static void *add_raw(struct sgr_vector *vector) {
    if (vector->count == vector->capacity && sgr_vector_reserve(vector, vector->count + 1))
        return NULL;
    return (char *)vector->items + vector->item_size * vector->count++;
}

void *sgr_vector_add(struct sgr_vector *vector) {
    void *item = add_raw(vector);
    return item ? memset(item, 0, vector->item_size) : NULL;
}

int sgr_vector_push(struct sgr_vector *vector, const void *item) {
    void *place = add_raw(vector);
    if (!place)
        return SGR_ENOMEM;
    memcpy(place, item, vector->item_size);
    return 0;
}

void sgr_vector_remove(struct sgr_vector *vector, size_t i) {
    char *place = (char *)vector->items + vector->item_size * i;
    memmove(place, place + vector->item_size, (vector->count - i - 1) * vector->item_size);
    vector->count--;
}
