/* Views by path: adding, removing, finding; forgetting; what is shown; counters. */
#include "view/views.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/slice.h"
#include "row/row.h"
#include "view/instance.h"

/* ---- All of them ---- */

struct sgr_views *sgr_views_new(struct sgr_graph *graph) {
    struct sgr_views *views = calloc(1, sizeof(*views));
    if (!views)
        return NULL;
    views->graph = graph;
    views->heap = sgr_graph_heap(graph);
    views->paths = sgr_map_new();
    if (!views->paths) {
        free(views);
        return NULL;
    }
    views->now = INT64_MIN;
    sgr_list_init(&views->dirty);
    sgr_list_init(&views->orphans);
    sgr_list_init(&views->closed);
    sgr__history_init(&views->history);
    for (size_t i = 0; i < SGR__LEVELS_DEEP; i++)
        sgr__edits_init(&views->edits[i]);
    sgr__work_init(&views->work);
    return views;
}

static void free_instances(struct sgr_view *view) {
    struct sgr__set_item *item;
    while ((item = sgr__set_any(&view->instances)))
        sgr__instance_free(SGR_CONTAINER(item, struct sgr_instance, root.item));
}

static void view_free(struct sgr_view *view) {
    free_instances(view);
    if (view->root)
        sgr__level_fini(view->root);
    sgr_arena_free(view->arena);
    free(view);
}

void sgr_views_free(struct sgr_views *views) {
    if (!views)
        return;
    void *value;
    for (size_t at = 0; sgr_map_next(views->paths, &at, NULL, &value);)
        view_free(value);
    sgr__history_fini(&views->history);
    for (size_t i = 0; i < SGR__LEVELS_DEEP; i++)
        sgr__edits_fini(&views->edits[i]);
    sgr__work_fini(&views->work);
    sgr_map_free(views->paths);
    free(views);
}

/* ---- One ---- */

static int copy_parameters(struct sgr_view *view, const struct sgr_view_spec *spec) {
    size_t count = spec->parameter_count;
    view->parameters = sgr_arena_alloc(view->arena, (count + 1) * sizeof(*view->parameters));
    view->arguments = sgr_arena_alloc(view->arena, (count + 1) * sizeof(*view->arguments));
    if (!view->parameters || !view->arguments)
        return SGR_ENOMEM;
    view->parameter_count = count;
    for (size_t i = 0; i < count; i++) {
        struct sgr_view_parameter *own = &view->parameters[i];
        *own = spec->parameters[i];
        own->name = sgr_arena_copy(view->arena, sgr_slice(own->name));
        const char **texts[] = {&own->column.name, &own->column.type_name};
        for (size_t j = 0; j < 2; j++)
            if (*texts[j] && !(*texts[j] = sgr_arena_copy(view->arena, sgr_slice(*texts[j]))))
                return SGR_ENOMEM;
        if (!own->name || (own->has_default && !sgr__value_keep(view->arena, &own->fallback)))
            return SGR_ENOMEM;
        view->arguments[i] = (struct sgr_value){.type = own->column.type, .null = true};
    }
    return 0;
}

static int fill_view(struct sgr_view *view, const struct sgr_view_spec *spec,
                     struct sgr_error *error) {
    view->arena = sgr_arena_new();
    view->path = view->arena ? sgr_arena_copy(view->arena, sgr_slice(spec->path)) : NULL;
    if (!view->path || copy_parameters(view, spec))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a view");
    return sgr__level_compile(view, &spec->root, error);
}

int sgr_views_add(struct sgr_views *views, const struct sgr_view_spec *spec, struct sgr_view **ret,
                  struct sgr_error *error) {
    if (spec->parameter_count > SGR__PARAMETERS_MOST)
        return sgr_error_set(error, SGR_ELIMIT, "a view has at most %d parameters",
                             SGR__PARAMETERS_MOST);
    if (sgr_map_get(views->paths, sgr_slice(spec->path)))
        return sgr_error_set(error, SGR_EEXISTS, "there is a view %s already", spec->path);
    struct sgr_view *view = calloc(1, sizeof(*view));
    if (!view || sgr_map_put(views->paths, sgr_slice(spec->path), view, NULL)) {
        free(view);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a view");
    }
    view->views = views;
    int code = fill_view(view, spec, error);
    if (code) {
        sgr_map_remove(views->paths, sgr_slice(spec->path));
        view_free(view);
        return code;
    }
    if (ret)
        *ret = view;
    return 0;
}

void sgr_view_remove(struct sgr_view *view) {
    sgr_map_remove(view->views->paths, sgr_slice(view->path));
    view_free(view);
}

struct sgr_view *sgr_views_find(const struct sgr_views *views, struct sgr_slice path) {
    return sgr_map_get(views->paths, path);
}

const char *sgr_views_nearest(const struct sgr_views *views, struct sgr_slice path) {
    size_t count = 0;
    const char **paths = calloc(sgr_map_count(views->paths) + 1, sizeof(*paths));
    char *word = sgr_slice_copy(path);
    void *value;
    for (size_t at = 0; paths && sgr_map_next(views->paths, &at, NULL, &value);)
        paths[count++] = ((const struct sgr_view *)value)->path;
    const char *nearest = paths && word ? sgr_nearest(word, paths, count) : NULL;
    free(paths);
    free(word);
    return nearest;
}

const char *sgr_view_path(const struct sgr_view *view) {
    return view->path;
}

const struct sgr_view_parameter *sgr_view_parameters(const struct sgr_view *view,
                                                     size_t *ret_count) {
    *ret_count = view->parameter_count;
    return view->parameters;
}

/* ---- Forgetting ---- */

/* The older of the oldest entry and the instance closed longest ago goes, if it is of that time or before; false: none is. */
static bool forget_one(struct sgr_views *views, int64_t latest) {
    struct sgr_instance *closed = sgr__instance_oldest_closed(views);
    int64_t entry_time = sgr__history_oldest(&views->history);
    if (closed && closed->root.closed_at <= entry_time && closed->root.closed_at <= latest) {
        sgr__instance_free(closed);
        return true;
    }
    return entry_time <= latest && sgr__history_forget_oldest(&views->history);
}

void sgr_views_trim(struct sgr_views *views, int64_t now, int64_t age, size_t bytes) {
    views->now = now > views->now ? now : views->now;
    int64_t latest;
    if (!__builtin_sub_overflow(now, age, &latest) && latest > INT64_MIN)
        while (forget_one(views, latest - 1))
            ;
    while (views->history.bytes > bytes && forget_one(views, INT64_MAX))
        ;
}

static void restart_revisions(struct sgr_view *view) {
    const struct sgr__set *all = &view->instances;
    for (struct sgr__set_item *item = sgr__set_any(all); item; item = sgr__set_next(all, item))
        SGR_CONTAINER(item, struct sgr_instance, root.item)->revision = 0;
}

void sgr_views_forget(struct sgr_views *views) {
    while (sgr__history_forget_oldest(&views->history))
        ;
    views->history.floor = views->epoch = views->commit;
    void *value;
    for (size_t at = 0; sgr_map_next(views->paths, &at, NULL, &value);)
        restart_revisions(value);
}

/* ---- What is shown ---- */

static bool shows(const struct sgr__collection *collection, struct sgr__pair pair) {
    struct sgr_views *views = sgr__collection_views(collection);
    const struct sgr__member *member =
        sgr__tree_find(&collection->members, views->heap, collection->level, pair);
    return member && sgr__tree_rank(member) < collection->level->limit;
}

static bool router_shows(const struct sgr__router *router, const struct sgr_row *row) {
    const struct sgr__registration *first = sgr__router_find(router, row);
    for (const struct sgr__registration *at = first; at; at = sgr__registration_next(first, at))
        if (router->via ||
            shows(sgr__registration_collection(at), (struct sgr__pair){row, at->via}))
            return true;
    return false;
}

bool sgr_views_demanded(struct sgr_views *views, struct sgr_node *node, const struct sgr_row *row) {
    const struct sgr__feed *feed = sgr__feed_find(views, node);
    if (!feed)
        return false;
    SGR_LIST_EACH(link, &feed->routers)
    if (router_shows(SGR_CONTAINER(link, struct sgr__router, link), row))
        return true;
    return false;
}

void sgr_views_counters(const struct sgr_views *views, struct sgr_views_counters *ret) {
    *ret = (struct sgr_views_counters){
        .instances = views->instances,
        .open_instances = views->open_instances,
        .collections = views->collection_count,
        .members = views->members,
        .history_bytes = views->history.bytes,
        .state_bytes = views->state_bytes,
        .edits = views->edit_count,
        .rows_read = views->rows_read,
        .failed_tests = views->failed_tests,
    };
}
