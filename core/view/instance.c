#include "view/instance.h"

/* ---- Life ---- */

void sgr__instance_free(struct sgr_instance *instance) {
    struct sgr_views *views = sgr__instance_views(instance);
    if (instance->data && views->release)
        views->release(views->owner, instance->data);
    views->history.bytes -= instance->root.closed_bytes;
    views->instances--;
    sgr__root_free(&instance->root);
    sgr__collections_reap(views);
}

static void begin(struct sgr_instance *instance) {
    struct sgr_views *views = sgr__instance_views(instance);
    instance->serial = ++views->serials;
    instance->revision = views->commit - views->epoch;
    views->instances++;
}

static void reopen(struct sgr_instance *instance) {
    struct sgr_views *views = sgr__instance_views(instance);
    views->open_instances++;
    instance->root.level->view->open_instances++;
    views->history.bytes -= instance->root.closed_bytes;
    instance->root.closed_bytes = 0;
    sgr_list_remove(&instance->root.closed);
}

int sgr_instance_open(struct sgr_view *view, const struct sgr_value *values,
                      struct sgr_instance **ret, struct sgr_error *error) {
    struct sgr__collection *root;
    int code = sgr__root_show(view, values, &root, error);
    if (code)
        return code;
    struct sgr_instance *instance = sgr__instance_of(root);
    if (!instance->serial)
        begin(instance);
    view->subscribers++;
    if (!root->opens++)
        reopen(instance);
    *ret = instance;
    return 0;
}

void sgr_instance_close(struct sgr_instance *instance) {
    struct sgr_views *views = sgr__instance_views(instance);
    struct sgr__collection *root = &instance->root;
    root->level->view->subscribers--;
    if (--root->opens)
        return;
    views->open_instances--;
    root->level->view->open_instances--;
    root->closed_at = views->now;
    root->closed_bytes = sgr__collection_weigh(root);
    views->history.bytes += root->closed_bytes;
    sgr_list_append(&views->closed, &root->closed);
}

struct sgr_instance *sgr__instance_oldest_closed(const struct sgr_views *views) {
    return sgr_list_empty(&views->closed)
               ? NULL
               : sgr__instance_of(
                     SGR_CONTAINER(views->closed.next, struct sgr__collection, closed));
}

/* ---- What is known of it ---- */

uint64_t sgr_instance_changed(const struct sgr_instance *instance) {
    return instance->root.changed;
}

uint64_t sgr_instance_revision(const struct sgr_instance *instance) {
    return instance->revision;
}

void *sgr_instance_data(const struct sgr_instance *instance) {
    return instance->data;
}

void sgr_instance_set_data(struct sgr_instance *instance, void *data) {
    instance->data = data;
}

void sgr_views_on_release(struct sgr_views *views, void (*release)(void *owner, void *data),
                          void *owner) {
    views->release = release;
    views->owner = owner;
}

struct sgr_view *sgr_instance_view(const struct sgr_instance *instance) {
    return instance->root.level->view;
}

/* Counts back through the root's log: each commit with an entry that is not silent was a change. The commit just before the first one
 * after that revision will do. */
int sgr_instance_commit_of_revision(const struct sgr_instance *instance, uint64_t revision,
                                    uint64_t *ret) {
    const struct sgr__collection *root = &instance->root;
    const struct sgr_views *views = sgr__instance_views(instance);
    uint64_t commit = views->commit, floor = views->history.floor;
    if (revision > instance->revision)
        return SGR_ENOTFOUND;
    uint64_t wanted = instance->revision - revision, last = UINT64_MAX;
    uint32_t left;
    const struct sgr__entry *entry = sgr__log_first(root, 0, &left);
    for (; wanted && entry; entry = sgr__log_next(entry, 0, &left)) {
        if (entry->silent || entry->commit == last)
            continue;
        last = entry->commit;
        commit = last - 1;
        wanted--;
    }
    if (wanted || commit < floor || commit < root->floor || commit < root->born)
        return SGR_ENOTFOUND;
    *ret = commit;
    return 0;
}
