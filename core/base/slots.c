/* A free place holds the number of the next free one, marked by its lowest bit, which no pointer has. */
#include "base/slots.h"

#include <stdlib.h>

static void *free_place(uint32_t next) {
    return (void *)((uintptr_t)next << 1 | 1);
}

static int is_free(const void *item) {
    return (uintptr_t)item & 1;
}

void sgr_slots_fini(struct sgr_slots *slots) {
    free(slots->items);
    *slots = (struct sgr_slots){0};
}

/* Numbers begin at 1: the first place stays empty. */
static uint32_t new_place(struct sgr_slots *slots) {
    if (!slots->used)
        slots->used = 1;
    if (slots->used >= slots->capacity) {
        uint32_t capacity = slots->capacity ? slots->capacity * 2 : 16;
        void **items = capacity > slots->capacity
                           ? realloc(slots->items, capacity * sizeof(*slots->items))
                           : NULL;
        if (!items)
            return 0;
        items[0] = free_place(0);
        slots->items = items;
        slots->capacity = capacity;
    }
    return slots->used++;
}

uint32_t sgr_slots_add(struct sgr_slots *slots, void *item) {
    uint32_t number = slots->free;
    if (number)
        slots->free = (uint32_t)((uintptr_t)slots->items[number] >> 1);
    else
        number = new_place(slots);
    if (!number)
        return 0;
    slots->items[number] = item;
    slots->count++;
    return number;
}

void *sgr_slots_get(const struct sgr_slots *slots, uint32_t number) {
    void *item = number < slots->used ? slots->items[number] : NULL;
    return is_free(item) ? NULL : item;
}

void *sgr_slots_remove(struct sgr_slots *slots, uint32_t number) {
    void *item = sgr_slots_get(slots, number);
    if (!item)
        return NULL;
    slots->items[number] = free_place(slots->free);
    slots->free = number;
    slots->count--;
    return item;
}

void *sgr_slots_next(const struct sgr_slots *slots, uint32_t *at) {
    while (++*at < slots->used)
        if (!is_free(slots->items[*at]))
            return slots->items[*at];
    return NULL;
}
