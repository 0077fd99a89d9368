/* Instances: a view at one set of parameter values. Small: what it shows is its root collection's. Engine's thread. */
#ifndef SGR_VIEW_INSTANCE_H
#define SGR_VIEW_INSTANCE_H

#include "view/collection.h"

struct sgr_instance {
    struct sgr__set_item item; /* in view->instances */
    struct sgr__shower shower; /* of the root collection */
    struct sgr_view *view;
    uint64_t serial;
    uint64_t born, changed, revision;
    size_t opens;
    void *data;
    struct sgr_list closed; /* in views->closed, if opens is 0 */
    int64_t closed_at;
    size_t bytes;              /* charged to the history since it was closed */
    struct sgr_value values[]; /* one per parameter, their text behind */
};

static inline struct sgr_instance *sgr__instance_of(struct sgr__shower *shower) {
    return SGR_CONTAINER(shower, struct sgr_instance, shower);
}
void sgr__instance_free(struct sgr_instance *instance);
/* The instance closed longest ago, or NULL. */
struct sgr_instance *sgr__instance_oldest_closed(const struct sgr_views *views);

void sgr__work_init(struct sgr__work *work);
void sgr__work_fini(struct sgr__work *work);

#endif
