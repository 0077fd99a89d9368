/* What the hub's files share. See hub.h for what the hub is and hub.c for how it keeps its promises.
 *
 *   hub.c         its life, and what both sides look at without a queue
 *   hub_queue.c   a queue between two threads
 *   hub_asks.c    what the network side asks the engine
 *   hub_events.c  what the engine answers and publishes */
#ifndef SGR_NET_HUB_INTERNAL_H
#define SGR_NET_HUB_INTERNAL_H

#include <pthread.h>

#include "base/list.h"
#include "base/slice.h"
#include "base/vector.h"
#include "net/hub.h"

/* ---- Queues (hub_queue.c) ---- */

struct sgr__queue {
    pthread_mutex_t lock;
    struct sgr_list waiting; /* under the lock */
    struct sgr_list taken;   /* the reader's own */
    void (*wake)(void *data);
    void *data;
};

void sgr__queue_init(struct sgr__queue *queue);
void sgr__queue_fini(struct sgr__queue *queue); /* what is in it is the caller's */
void sgr__queue_on(struct sgr__queue *queue, void (*wake)(void *data), void *data);
void sgr__queue_wake(struct sgr__queue *queue);
void sgr__queue_push(struct sgr__queue *queue, struct sgr_list *link);
void sgr__queue_push_locked(struct sgr__queue *queue, struct sgr_list *link);
/* The reader's next, NULL: nothing waits. */
struct sgr_list *sgr__queue_next(struct sgr__queue *queue);
bool sgr__queue_more(struct sgr__queue *queue);

/* ---- The hub ---- */

struct sgr_hub {
    struct sgr__queue asks;
    struct sgr__queue events;
    size_t backlog;              /* atomic */
    size_t held;                 /* atomic */
    size_t asked;                /* atomic: bytes of what the engine has not taken yet */
    struct sgr_vector ledgers;   /* of struct sgr_stream_ledger *, by source; NULL: no stream */
    struct sgr_list drain, lost; /* the places of two events that need no memory */
    bool lost_waits, draining;   /* under events.lock */
    bool ready;                  /* atomic */
    const struct sgr_hub_alone *alone; /* engine's thread; NULL: nobody takes any */
    void *alone_data;
};

void sgr__asks_free(struct sgr_hub *hub);   /* what was never taken */
void sgr__events_free(struct sgr_hub *hub); /* what was never handled */

/* ---- Copies behind a node: first the room for all of them, then one by one ---- */

static inline size_t sgr__slice_room(struct sgr_slice slice) {
    return slice.data ? slice.size + 1 : 0;
}

static inline size_t sgr__text_room(const char *text) {
    return text ? strlen(text) + 1 : 0;
}

static inline void *sgr__carve(char **place, size_t size) {
    void *at = *place;
    *place += size;
    return at;
}

static inline struct sgr_slice sgr__copy_slice(char **place, struct sgr_slice slice) {
    if (!slice.data)
        return slice;
    char *copy = sgr__carve(place, slice.size + 1);
    if (slice.size)
        memcpy(copy, slice.data, slice.size);
    copy[slice.size] = '\0';
    return (struct sgr_slice){copy, slice.size};
}

static inline const char *sgr__copy_text(char **place, const char *text) {
    return sgr__copy_slice(place, sgr_slice(text)).data;
}

#endif
