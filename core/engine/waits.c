/* A heap of waits per component, the nearest position on top. */
#include "engine/waits.h"

#include <sangre/error.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/slice.h"
#include "base/vector.h"

struct wait {
    uint64_t id;
    bool of_epoch;
    size_t component, at; /* the heap it is in, and where */
    uint64_t positions[];
};

struct component {
    uint64_t reached;
    struct sgr_vector heap; /* of struct wait * */
};

struct sgr_waits {
    size_t width;
    void (*over)(void *data, uint64_t id, enum sgr_waits_end end);
    void *data;
    struct sgr_map *all; /* id → struct wait */
    struct component components[];
};

static struct sgr_slice id_key(const uint64_t *id) {
    return (struct sgr_slice){(const char *)id, sizeof(*id)};
}

/* ---- The heaps ---- */

static struct wait **place(struct component *component, size_t i) {
    return SGR_VECTOR_AT(&component->heap, struct wait *, i);
}

static uint64_t due(struct component *component, size_t i) {
    const struct wait *wait = *place(component, i);
    return wait->positions[wait->component];
}

static void swap(struct component *component, size_t i, size_t j) {
    struct wait *a = *place(component, i), *b = *place(component, j);
    *place(component, i) = b;
    *place(component, j) = a;
    a->at = j;
    b->at = i;
}

static void rise(struct component *component, size_t i) {
    for (; i && due(component, i) < due(component, (i - 1) / 2); i = (i - 1) / 2)
        swap(component, i, (i - 1) / 2);
}

static void sink(struct component *component, size_t i) {
    for (size_t child; (child = 2 * i + 1) < component->heap.count; i = child) {
        if (child + 1 < component->heap.count && due(component, child + 1) < due(component, child))
            child++;
        if (due(component, i) <= due(component, child))
            return;
        swap(component, i, child);
    }
}

static int heap_push(struct component *component, struct wait *wait) {
    if (sgr_vector_push(&component->heap, &wait))
        return SGR_ENOMEM;
    wait->at = component->heap.count - 1;
    rise(component, wait->at);
    return SGR_OK;
}

static void heap_remove(struct component *component, size_t i) {
    size_t last = component->heap.count - 1;
    if (i != last)
        swap(component, i, last);
    component->heap.count--;
    if (i == last)
        return;
    rise(component, i);
    sink(component, i);
}

/* ---- Waits ---- */

/* The first position that is not reached yet; the width: none. */
static size_t lacking(const struct sgr_waits *waits, const struct wait *wait) {
    size_t i = 0;
    while (i < waits->width && wait->positions[i] <= waits->components[i].reached)
        i++;
    return i;
}

static void end(struct sgr_waits *waits, struct wait *wait, enum sgr_waits_end how) {
    uint64_t id = wait->id;
    sgr_map_remove(waits->all, id_key(&id));
    free(wait);
    waits->over(waits->data, id, how);
}

/* Its heap has room already: it takes the place of one that left, or was never in one. */
static int settle(struct sgr_waits *waits, struct wait *wait) {
    wait->component = lacking(waits, wait);
    if (wait->component < waits->width)
        return heap_push(&waits->components[wait->component], wait);
    end(waits, wait, SGR_WAITS_REACHED);
    return SGR_OK;
}

int sgr_waits_add(struct sgr_waits *waits, uint64_t id, const uint64_t *positions, bool of_epoch) {
    size_t size = waits->width * sizeof(*positions);
    struct wait *wait = calloc(1, sizeof(*wait) + size);
    /* Room in every heap, so that moving on from one to the next cannot fail. */
    size_t count = sgr_map_count(waits->all) + 1;
    for (size_t i = 0; wait && i < waits->width; i++)
        if (sgr_vector_reserve(&waits->components[i].heap, count)) {
            free(wait);
            wait = NULL;
        }
    if (!wait || sgr_map_put(waits->all, id_key(&id), wait, NULL)) {
        free(wait);
        return SGR_ENOMEM;
    }
    wait->id = id;
    wait->of_epoch = of_epoch;
    memcpy(wait->positions, positions, size);
    return settle(waits, wait);
}

void sgr_waits_cancel(struct sgr_waits *waits, uint64_t id) {
    struct wait *wait = sgr_map_remove(waits->all, id_key(&id));
    if (!wait)
        return;
    heap_remove(&waits->components[wait->component], wait->at);
    free(wait);
}

void sgr_waits_reached(struct sgr_waits *waits, size_t component, uint64_t position) {
    struct component *reached = &waits->components[component];
    if (position > reached->reached)
        reached->reached = position;
    while (reached->heap.count && due(reached, 0) <= reached->reached) {
        struct wait *wait = *place(reached, 0);
        heap_remove(reached, 0);
        settle(waits, wait);
    }
}

static void end_epoch(struct sgr_waits *waits) {
    struct sgr_slice key;
    void *value;
    for (size_t at = 0; sgr_map_next(waits->all, &at, &key, &value);) {
        struct wait *wait = value;
        heap_remove(&waits->components[wait->component], wait->at);
        if (wait->of_epoch)
            end(waits, wait, SGR_WAITS_OTHER_EPOCH);
    }
}

void sgr_waits_restart(struct sgr_waits *waits, const uint64_t *positions) {
    struct sgr_slice key;
    void *value;
    end_epoch(waits);
    for (size_t i = 0; i < waits->width; i++)
        waits->components[i].reached = positions[i];
    for (size_t at = 0; sgr_map_next(waits->all, &at, &key, &value);)
        settle(waits, value);
}

struct sgr_waits *sgr_waits_new(size_t width,
                                void (*over)(void *data, uint64_t id, enum sgr_waits_end end),
                                void *data) {
    struct sgr_waits *waits = calloc(1, sizeof(*waits) + width * sizeof(*waits->components));
    if (!waits)
        return NULL;
    waits->width = width;
    waits->over = over;
    waits->data = data;
    for (size_t i = 0; i < width; i++)
        waits->components[i].heap = SGR_VECTOR_INIT(struct wait *);
    waits->all = sgr_map_new();
    if (!waits->all) {
        free(waits);
        return NULL;
    }
    return waits;
}

void sgr_waits_free(struct sgr_waits *waits) {
    if (!waits)
        return;
    struct sgr_slice key;
    void *value;
    for (size_t at = 0; sgr_map_next(waits->all, &at, &key, &value);)
        free(value);
    for (size_t i = 0; i < waits->width; i++)
        sgr_vector_fini(&waits->components[i].heap);
    sgr_map_free(waits->all);
    free(waits);
}
