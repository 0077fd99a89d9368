/* Instances: a view at one set of parameter values. An instance is its root collection with what belongs to nothing below, in one block, as
 * there may be very many. Values of parameters that the view does not use make no difference. Engine's thread. */
#ifndef SGR_VIEW_INSTANCE_H
#define SGR_VIEW_INSTANCE_H

#include "view/collection.h"

struct sgr_instance {
    uint64_t serial; /* 0: it is being made */
    uint64_t revision;
    void *data;
    struct sgr__collection root;
};

static inline struct sgr_instance *sgr__instance_of(struct sgr__collection *root) {
    return SGR_CONTAINER(root, struct sgr_instance, root);
}
static inline struct sgr_views *sgr__instance_views(const struct sgr_instance *instance) {
    return sgr__collection_views(&instance->root);
}
void sgr__instance_free(struct sgr_instance *instance);
/* The instance closed longest ago, or NULL. */
struct sgr_instance *sgr__instance_oldest_closed(const struct sgr_views *views);

void sgr__work_init(struct sgr__work *work);
void sgr__work_fini(struct sgr__work *work);

#endif
