/* Events that are not applied yet: their bytes as they came, within a budget. Engine's thread. */
#ifndef SOURCES_SUPABASE_QUEUE_H
#define SOURCES_SUPABASE_QUEUE_H

#include <sangre/value.h>

#include "table.h"

struct queue {
    char *data;
    size_t size, capacity;
    size_t limit;
};

struct queue_event {
    struct table *table;
    struct sgr_slice payload; /* borrowed from the queue */
    bool today;
};

void queue_fini(struct queue *queue);
void queue_clear(struct queue *queue);
/* SGR_ELIMIT: it would be more than the budget; nothing was added. SGR_ENOMEM. */
int queue_add(struct queue *queue, const struct queue_event *event);
/* From *at = 0 on, the oldest first. */
bool queue_next(const struct queue *queue, size_t *at, struct queue_event *ret);

#endif
