/* A growable array of plain items of one size; the caller casts. */
#ifndef SGR_BASE_VECTOR_H
#define SGR_BASE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

struct sgr_vector {
    void *items;
    size_t count;
    size_t capacity;
    size_t item_size;
};

#define SGR_VECTOR_INIT(type)          ((struct sgr_vector){.item_size = sizeof(type)})
#define SGR_VECTOR_AT(vector, type, i) (&((type *)(vector)->items)[i])

void sgr_vector_fini(struct sgr_vector *vector);
void sgr_vector_clear(struct sgr_vector *vector); /* keeps the memory */
/* A new zeroed item at the end; NULL without memory. */
void *sgr_vector_add(struct sgr_vector *vector);
int sgr_vector_push(struct sgr_vector *vector, const void *item); /* copies; 0 or SGR_ENOMEM */
void sgr_vector_remove(struct sgr_vector *vector, size_t i);      /* keeps the order */
/* Gives back the memory behind the last item, if that works. */
void sgr_vector_fit(struct sgr_vector *vector);
int sgr_vector_reserve(struct sgr_vector *vector, size_t count); /* room for `count` in all */

#endif
