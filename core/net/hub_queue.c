/* A queue of malloc'ed nodes between two threads, with a lock, a wake and one reader.
 *
 * The reader takes the whole queue under the lock and then works on its private list, so the lock is held for a few pointer writes and no
 * allocation. A wake is sent when the queue stops being empty; a reader that stopped early asks whether more waits. */
#include "net/hub_internal.h"

void sgr__queue_init(struct sgr__queue *queue) {
    pthread_mutex_init(&queue->lock, NULL);
    sgr_list_init(&queue->waiting);
    sgr_list_init(&queue->taken);
}

void sgr__queue_fini(struct sgr__queue *queue) {
    pthread_mutex_destroy(&queue->lock);
}

void sgr__queue_on(struct sgr__queue *queue, void (*wake)(void *data), void *data) {
    pthread_mutex_lock(&queue->lock);
    queue->wake = wake;
    queue->data = data;
    pthread_mutex_unlock(&queue->lock);
}

void sgr__queue_wake(struct sgr__queue *queue) {
    pthread_mutex_lock(&queue->lock);
    if (queue->wake)
        queue->wake(queue->data);
    pthread_mutex_unlock(&queue->lock);
}

void sgr__queue_push_locked(struct sgr__queue *queue, struct sgr_list *link) {
    bool was_empty = sgr_list_empty(&queue->waiting);
    sgr_list_append(&queue->waiting, link);
    if (was_empty && queue->wake)
        queue->wake(queue->data);
}

void sgr__queue_push(struct sgr__queue *queue, struct sgr_list *link) {
    pthread_mutex_lock(&queue->lock);
    sgr__queue_push_locked(queue, link);
    pthread_mutex_unlock(&queue->lock);
}

static void list_move_all(struct sgr_list *from, struct sgr_list *to) {
    if (sgr_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    sgr_list_init(from);
}

struct sgr_list *sgr__queue_next(struct sgr__queue *queue) {
    if (sgr_list_empty(&queue->taken)) {
        pthread_mutex_lock(&queue->lock);
        list_move_all(&queue->waiting, &queue->taken);
        pthread_mutex_unlock(&queue->lock);
    }
    if (sgr_list_empty(&queue->taken))
        return NULL;
    struct sgr_list *first = queue->taken.next;
    sgr_list_remove(first);
    return first;
}

bool sgr__queue_more(struct sgr__queue *queue) {
    if (!sgr_list_empty(&queue->taken))
        return true;
    pthread_mutex_lock(&queue->lock);
    bool more = !sgr_list_empty(&queue->waiting);
    pthread_mutex_unlock(&queue->lock);
    return more;
}
