/* An intrusive doubly linked list: embed struct sgr_list in the item, get back with SGR_CONTAINER. A head is an empty list. */
#ifndef SGR_BASE_LIST_H
#define SGR_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct sgr_list {
    struct sgr_list *next, *prev;
};

#define SGR_CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define SGR_LIST_EACH(item, head)                                                         \
    for (struct sgr_list *item = (head)->next, *item##_next = item->next; item != (head); \
         item = item##_next, item##_next = item->next)

static inline void sgr_list_init(struct sgr_list *list) {
    list->next = list->prev = list;
}
static inline bool sgr_list_empty(const struct sgr_list *list) {
    return list->next == list;
}
static inline void sgr_list_append(struct sgr_list *head, struct sgr_list *item) {
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}
/* Leaves the item an empty list, so removing twice is fine. */
static inline void sgr_list_remove(struct sgr_list *item) {
    item->prev->next = item->next;
    item->next->prev = item->prev;
    sgr_list_init(item);
}

#endif
