/* Numbered places for pointers: 8 bytes a place, a place is found by its number, and a number that was given back is given out again. For
 * what carries its number itself. Numbers begin at 1; pointers are even. */
#ifndef SGR_BASE_SLOTS_H
#define SGR_BASE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

struct sgr_slots { /* all zero: empty */
    void **items;
    uint32_t used, capacity; /* places, also those that are free */
    uint32_t count;          /* of items */
    uint32_t free; /* the first of the free places, each of which names the next; 0: none */
};

void sgr_slots_fini(struct sgr_slots *slots); /* items are the caller's */
/* The item's number; 0: no memory. */
uint32_t sgr_slots_add(struct sgr_slots *slots, void *item);
void *sgr_slots_get(const struct sgr_slots *slots, uint32_t number); /* NULL: nothing is there */
void *sgr_slots_remove(struct sgr_slots *slots, uint32_t number);    /* the item or NULL */
/* for (uint32_t at = 0; (item = sgr_slots_next(&slots, &at));) by number; `at` is the item's then. Removing any is allowed. */
void *sgr_slots_next(const struct sgr_slots *slots, uint32_t *at);

#endif
