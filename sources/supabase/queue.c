#include "queue.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT = 1 << 20 }; /* bytes of memory that an empty queue may hold */

struct entry {
    struct table *table;
    size_t size;
    bool today;
};

void queue_fini(struct queue *queue) {
    free(queue->data);
    queue->data = NULL;
    queue->size = queue->capacity = 0;
}

void queue_clear(struct queue *queue) {
    if (queue->capacity > KEPT)
        queue_fini(queue);
    queue->size = 0;
}

static int reserve(struct queue *queue, size_t more) {
    if (more <= queue->capacity - queue->size)
        return SGR_OK;
    size_t capacity = (queue->size + more) * 2;
    char *grown = realloc(queue->data, capacity);
    if (!grown)
        return SGR_ENOMEM;
    queue->data = grown;
    queue->capacity = capacity;
    return SGR_OK;
}

int queue_add(struct queue *queue, const struct queue_event *event) {
    struct entry entry = {event->table, event->payload.size, event->today};
    size_t size = sizeof(entry) + event->payload.size;
    if (size > queue->limit || queue->size > queue->limit - size)
        return SGR_ELIMIT;
    int code = reserve(queue, size);
    if (code)
        return code;
    memcpy(queue->data + queue->size, &entry, sizeof(entry));
    memcpy(queue->data + queue->size + sizeof(entry), event->payload.data, event->payload.size);
    queue->size += size;
    return SGR_OK;
}

bool queue_next(const struct queue *queue, size_t *at, struct queue_event *ret) {
    struct entry entry;
    if (*at >= queue->size)
        return false;
    memcpy(&entry, queue->data + *at, sizeof(entry));
    *ret = (struct queue_event){
        entry.table, {queue->data + *at + sizeof(entry), entry.size}, entry.today};
    *at += sizeof(entry) + entry.size;
    return true;
}
