#include "view/instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "row/row.h"

/* ---- Values ---- */

static bool same_values(const struct sgr_instance *instance, const struct sgr_value *values) {
    for (size_t i = 0; i < instance->view->parameter_count; i++)
        if (sgr__value_compare_bytes(&instance->values[i], &values[i]) != 0)
            return false;
    return true;
}

static struct sgr_instance *find(const struct sgr_view *view, const struct sgr_value *values,
                                 uint64_t hash) {
    for (struct sgr__set_item *item = sgr__set_find(&view->instances, hash); item;
         item = sgr__set_find_next(item)) {
        struct sgr_instance *instance = SGR_CONTAINER(item, struct sgr_instance, item);
        if (same_values(instance, values))
            return instance;
    }
    return NULL;
}

static size_t size_of(const struct sgr_view *view, const struct sgr_value *values) {
    return sizeof(struct sgr_instance) + view->parameter_count * sizeof(*values) +
           sgr__values_text(values, view->parameter_count);
}

static struct sgr_instance *allocate(struct sgr_view *view, const struct sgr_value *values) {
    struct sgr_instance *instance = calloc(1, size_of(view, values));
    if (!instance)
        return NULL;
    sgr__values_copy(instance->values, values, view->parameter_count,
                     (char *)&instance->values[view->parameter_count]);
    instance->view = view;
    sgr_list_init(&instance->shower.link);
    sgr_list_init(&instance->closed);
    return instance;
}

/* ---- Life ---- */

static uint64_t all_parameters(const struct sgr_view *view) {
    return view->parameter_count >= 64 ? UINT64_MAX : ((uint64_t)1 << view->parameter_count) - 1;
}

static int make(struct sgr_view *view, const struct sgr_value *values, uint64_t hash,
                struct sgr_instance **ret, struct sgr_error *error) {
    struct sgr_views *views = view->views;
    struct sgr_instance *instance = allocate(view, values);
    if (!instance || sgr__set_add(&view->instances, &instance->item, hash)) {
        free(instance);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for an instance");
    }
    instance->serial = ++views->serials;
    instance->born = instance->changed = views->commit;
    instance->revision = views->commit - views->epoch;
    views->instances++;
    views->state_bytes += size_of(view, values);
    int code = sgr__collection_show(view->root, (struct sgr__pair){0}, all_parameters(view),
                                    instance->values, &instance->shower, error);
    if (code)
        sgr__instance_free(instance);
    else
        *ret = instance;
    return code;
}

void sgr__instance_free(struct sgr_instance *instance) {
    struct sgr_view *view = instance->view;
    struct sgr_views *views = view->views;
    if (instance->data && views->release)
        views->release(views->owner, instance->data);
    views->history.bytes -= instance->bytes;
    views->state_bytes -= size_of(view, instance->values);
    views->instances--;
    sgr_list_remove(&instance->closed);
    sgr__set_remove(&view->instances, &instance->item);
    sgr__collection_hide(&instance->shower);
    sgr__collections_reap(views);
    free(instance);
}

int sgr_instance_open(struct sgr_view *view, const struct sgr_value *values,
                      struct sgr_instance **ret, struct sgr_error *error) {
    struct sgr_views *views = view->views;
    uint64_t hash = sgr_key_hash(values, view->parameter_count);
    struct sgr_instance *instance = find(view, values, hash);
    /* Between sgr_graph_run and sgr_views_commit, indexes are ahead of collections: what is made then would see changes twice. */
    if (!instance && !sgr_list_empty(&views->dirty))
        return sgr_error_set(error, SGR_EUNAVAILABLE, "a transaction waits for its commit");
    int code = instance ? 0 : make(view, values, hash, &instance, error);
    if (code)
        return code;
    view->subscribers++;
    if (!instance->opens++) {
        views->open_instances++;
        view->open_instances++;
        views->history.bytes -= instance->bytes;
        instance->bytes = 0;
        sgr_list_remove(&instance->closed);
    }
    *ret = instance;
    return 0;
}

/* What it costs to keep it. */
static size_t weigh(const struct sgr_instance *instance) {
    return size_of(instance->view, instance->values) +
           sgr__collection_weigh(instance->shower.child);
}

void sgr_instance_close(struct sgr_instance *instance) {
    struct sgr_views *views = instance->view->views;
    instance->view->subscribers--;
    if (--instance->opens)
        return;
    views->open_instances--;
    instance->view->open_instances--;
    instance->closed_at = views->now;
    instance->bytes = weigh(instance);
    views->history.bytes += instance->bytes;
    sgr_list_append(&views->closed, &instance->closed);
}

struct sgr_instance *sgr__instance_oldest_closed(const struct sgr_views *views) {
    return sgr_list_empty(&views->closed)
               ? NULL
               : SGR_CONTAINER(views->closed.next, struct sgr_instance, closed);
}

/* ---- What is known of it ---- */

uint64_t sgr_instance_changed(const struct sgr_instance *instance) {
    return instance->changed;
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
    return instance->view;
}

/* Counts back through the root's log: each commit with an entry that is not silent was a change. The commit just before the first one
 * after that revision will do. */
int sgr_instance_commit_of_revision(const struct sgr_instance *instance, uint64_t revision,
                                    uint64_t *ret) {
    const struct sgr__collection *root = instance->shower.child;
    uint64_t commit = instance->view->views->commit, floor = instance->view->views->history.floor;
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
    if (wanted || commit < floor || commit < root->floor || commit < instance->born)
        return SGR_ENOTFOUND;
    *ret = commit;
    return 0;
}
