/* The hub's life, and what both sides look at without a queue. */
#include <stdlib.h>

#include "net/hub_internal.h"

/* ---- What is counted and known ---- */

void sgr_hub_ready(struct sgr_hub *hub) {
    __atomic_store_n(&hub->ready, true, __ATOMIC_RELEASE);
}

bool sgr_hub_is_ready(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->ready, __ATOMIC_ACQUIRE);
}

void sgr_hub_hold(struct sgr_hub *hub, int64_t change) {
    __atomic_add_fetch(&hub->held, (size_t)change, __ATOMIC_RELAXED);
}

size_t sgr_hub_held(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->held, __ATOMIC_RELAXED);
}

size_t sgr_hub_backlog(const struct sgr_hub *hub) {
    return __atomic_load_n(&hub->backlog, __ATOMIC_RELAXED);
}

/* ---- Ledgers of change streams ---- */

struct sgr_stream_ledger *sgr_hub_ledger(const struct sgr_hub *hub, size_t source) {
    return source < hub->ledgers.count
               ? *SGR_VECTOR_AT(&hub->ledgers, struct sgr_stream_ledger *, source)
               : NULL;
}

static void wake_engine(void *data) {
    sgr__queue_wake(&((struct sgr_hub *)data)->asks);
}

int sgr_hub_open_stream(struct sgr_hub *hub, size_t source) {
    while (hub->ledgers.count <= source)
        if (!sgr_vector_add(&hub->ledgers))
            return SGR_ENOMEM;
    struct sgr_stream_ledger **ledger =
        SGR_VECTOR_AT(&hub->ledgers, struct sgr_stream_ledger *, source);
    if (!*ledger)
        *ledger = sgr_stream_ledger_new(wake_engine, hub);
    return *ledger ? SGR_OK : SGR_ENOMEM;
}

/* ---- Life ---- */

struct sgr_hub *sgr_hub_new(void) {
    struct sgr_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        return NULL;
    sgr__queue_init(&hub->asks);
    sgr__queue_init(&hub->events);
    hub->ledgers = SGR_VECTOR_INIT(struct sgr_stream_ledger *);
    sgr_list_init(&hub->drain);
    sgr_list_init(&hub->lost);
    return hub;
}

void sgr_hub_free(struct sgr_hub *hub) {
    if (!hub)
        return;
    sgr__asks_free(hub);
    sgr__events_free(hub);
    for (size_t i = 0; i < hub->ledgers.count; i++)
        sgr_stream_ledger_unref(sgr_hub_ledger(hub, i));
    sgr_vector_fini(&hub->ledgers);
    sgr__queue_fini(&hub->asks);
    sgr__queue_fini(&hub->events);
    free(hub);
}
