#include "view/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "row/row.h"
#include "view/collection.h"

/* ---- Feeds ---- */

static void observe(void *data, struct sgr_node *node, const struct sgr_batch *batch) {
    struct sgr__feed *feed = data;
    (void)node;
    if (!feed->registrations)
        return;
    if (sgr_list_empty(&feed->dirty))
        sgr_list_append(&feed->views->dirty, &feed->dirty);
    for (size_t i = 0; i < batch->count; i++)
        if (sgr_batch_add(&feed->pending, batch->items[i].row, batch->items[i].weight))
            feed->views->failed = true;
}

struct sgr__feed *sgr__feed_find(const struct sgr_views *views, const struct sgr_node *node) {
    struct sgr__set_item *item = sgr__set_find(&views->feeds, sgr_hash_int(sgr_node_id(node)));
    for (; item; item = sgr__set_find_next(item)) {
        struct sgr__feed *feed = SGR_CONTAINER(item, struct sgr__feed, item);
        if (feed->node == node)
            return feed;
    }
    return NULL;
}

static struct sgr__feed *feed_of(struct sgr_views *views, struct sgr_node *node) {
    struct sgr__feed *feed = sgr__feed_find(views, node);
    if (feed)
        return feed;
    feed = calloc(1, sizeof(*feed));
    if (!feed || sgr__set_add(&views->feeds, &feed->item, sgr_hash_int(sgr_node_id(node)))) {
        free(feed);
        return NULL;
    }
    if (sgr_node_observe(node, observe, feed)) {
        sgr__set_remove(&views->feeds, &feed->item);
        free(feed);
        return NULL;
    }
    feed->views = views;
    feed->node = sgr_node_ref(node);
    sgr_batch_init(&feed->pending);
    sgr_list_init(&feed->routers);
    sgr_list_init(&feed->dirty);
    return feed;
}

static void feed_free_if_unused(struct sgr__feed *feed) {
    if (!sgr_list_empty(&feed->routers))
        return;
    sgr_node_unobserve(feed->node, observe, feed);
    sgr__set_remove(&feed->views->feeds, &feed->item);
    sgr_list_remove(&feed->dirty);
    sgr_node_unref(feed->node);
    sgr_batch_fini(&feed->pending);
    free(feed);
}

/* ---- Routers ---- */

static struct sgr__router *find_router(const struct sgr__feed *feed, bool via,
                                       const uint16_t *columns, size_t count) {
    SGR_LIST_EACH(link, &feed->routers) {
        struct sgr__router *router = SGR_CONTAINER(link, struct sgr__router, link);
        if (router->via == via && router->count == count &&
            (!count || memcmp(router->columns, columns, count * sizeof(*columns)) == 0))
            return router;
    }
    return NULL;
}

static struct sgr__router *router_new(struct sgr__feed *feed, bool via, const uint16_t *columns,
                                      size_t count) {
    struct sgr__router *router = calloc(1, sizeof(*router) + count * sizeof(*columns));
    if (!router)
        return NULL;
    router->feed = feed;
    router->via = via;
    router->count = count;
    if (count)
        memcpy(router->columns, columns, count * sizeof(*columns));
    sgr_list_append(&feed->routers, &router->link);
    return router;
}

int sgr__router_get(struct sgr_views *views, struct sgr_node *node, bool via,
                    const uint16_t *columns, size_t count, struct sgr__router **ret,
                    struct sgr_error *error) {
    struct sgr__feed *feed = feed_of(views, node);
    struct sgr__router *router = feed ? find_router(feed, via, columns, count) : NULL;
    if (feed && !router)
        router = router_new(feed, via, columns, count);
    if (!router) {
        if (feed)
            feed_free_if_unused(feed);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a router");
    }
    router->users++;
    *ret = router;
    return 0;
}

void sgr__router_put(struct sgr__router *router) {
    if (!router || --router->users)
        return;
    struct sgr__feed *feed = router->feed;
    sgr__set_fini(&router->firsts);
    sgr_list_remove(&router->link);
    free(router);
    feed_free_if_unused(feed);
}

/* ---- Values ---- */

struct sgr__collection *sgr__registration_collection(const struct sgr__registration *registration) {
    return registration->via ? ((const struct sgr__candidate *)registration)->collection
                             : SGR_CONTAINER(registration, struct sgr__collection, own);
}

/* The i-th value under which this is registered. A candidate's come from its pivot row. */
static struct sgr_value registered_value(const struct sgr__registration *registration,
                                         const struct sgr__router *router, size_t i) {
    const struct sgr__collection *collection = sgr__registration_collection(registration);
    const struct sgr__level *level = collection->level;
    const struct sgr__side *side = sgr__level_side(level, router->via);
    size_t links = side->route_count - side->equality_count;
    if (i >= links)
        return *sgr__collection_equality(collection, &side->equalities[i - links]);
    if (registration->via)
        return sgr_row_value(level->via.schema, registration->via, level->via_child_columns[i]);
    return collection->values[i];
}

static bool has_values(const struct sgr__registration *registration,
                       const struct sgr__router *router, const struct sgr_value *values) {
    for (size_t i = 0; i < router->count; i++) {
        struct sgr_value own = registered_value(registration, router, i);
        if (!sgr_value_equal(&own, &values[i]))
            return false;
    }
    return true;
}

static bool takes(const struct sgr__registration *registration, const struct sgr__router *router,
                  const struct sgr_schema *schema, const struct sgr_row *row) {
    for (size_t i = 0; i < router->count; i++) {
        struct sgr_value own = registered_value(registration, router, i);
        struct sgr_value value = sgr_row_value(schema, row, router->columns[i]);
        if (!sgr_value_equal(&own, &value))
            return false;
    }
    return true;
}

static struct sgr__registration *registration_of(struct sgr__set_item *item) {
    return SGR_CONTAINER(item, struct sgr__registration, item);
}

const struct sgr__registration *sgr__router_find(const struct sgr__router *router,
                                                 const struct sgr_row *row) {
    const struct sgr_schema *schema = sgr_node_schema(router->feed->node);
    for (size_t i = 0; i < router->count; i++)
        if (sgr_row_null(row, router->columns[i]))
            return NULL;
    uint64_t hash = sgr_row_hash_columns(schema, row, router->columns, router->count);
    for (struct sgr__set_item *item = sgr__set_find(&router->firsts, hash); item;
         item = sgr__set_find_next(item))
        if (takes(registration_of(item), router, schema, row))
            return registration_of(item);
    return NULL;
}

static struct sgr__registration *first_with(const struct sgr__router *router,
                                            const struct sgr_value *values, uint64_t hash) {
    for (struct sgr__set_item *item = sgr__set_find(&router->firsts, hash); item;
         item = sgr__set_find_next(item))
        if (has_values(registration_of(item), router, values))
            return registration_of(item);
    return NULL;
}

/* ---- Registrations ---- */

static int enter(struct sgr__router *router, struct sgr__registration *registration,
                 const struct sgr_value *values) {
    uint64_t hash = sgr_key_hash(values, router->count);
    struct sgr__registration *first = first_with(router, values, hash);
    if (!first && sgr__set_add(&router->firsts, &registration->item, hash))
        return SGR_ENOMEM;
    registration->item.hash = hash;
    sgr_list_init(&registration->same);
    if (first)
        sgr_list_append(&first->same, &registration->same);
    router->feed->registrations++;
    return 0;
}

/* The next one of the same values takes the place of the first. */
static void leave(struct sgr__router *router, struct sgr__registration *registration) {
    if (sgr_list_empty(&registration->same))
        sgr__set_remove(&router->firsts, &registration->item);
    else
        sgr__set_replace(
            &router->firsts, &registration->item,
            &SGR_CONTAINER(registration->same.next, struct sgr__registration, same)->item);
    sgr_list_remove(&registration->same);
    router->feed->registrations--;
}

int sgr__register_collection(struct sgr__collection *collection) {
    const struct sgr__level *level = collection->level;
    const struct sgr__side *side = sgr__level_side(level, level->via.node != NULL);
    size_t links = side->route_count - side->equality_count;
    struct sgr_value *values = calloc(side->route_count + 1, sizeof(*values));
    if (!values)
        return SGR_ENOMEM;
    for (size_t i = 0; i < side->route_count; i++)
        values[i] = i < links ? collection->values[i]
                              : *sgr__collection_equality(collection, &side->equalities[i - links]);
    int code = enter(side->router, &collection->own, values);
    free(values);
    return code;
}

static void unregister_collection(struct sgr__collection *collection) {
    const struct sgr__level *level = collection->level;
    if (collection->own.same.next)
        leave(sgr__level_side(level, level->via.node != NULL)->router, &collection->own);
    collection->own.same.next = NULL;
}

/* ---- Candidates ---- */

bool sgr__candidate_key(const struct sgr__collection *collection, const struct sgr_row *via,
                        struct sgr_value *ret) {
    const struct sgr__level *level = collection->level;
    for (size_t i = 0; i < level->child_count; i++) {
        ret[i] = sgr_row_value(level->via.schema, via, level->via_child_columns[i]);
        if (ret[i].null)
            return false;
    }
    for (size_t i = 0; i < level->node.equality_count; i++) {
        const struct sgr_value *value =
            sgr__collection_equality(collection, &level->node.equalities[i]);
        ret[level->child_count + i] = *value;
        if (value->null)
            return false;
    }
    return true;
}

static struct sgr__candidate *find_candidate(struct sgr_views *views,
                                             const struct sgr__collection *collection,
                                             const struct sgr_row *via, uint64_t hash) {
    for (struct sgr__set_item *item = sgr__set_find(&views->candidates, hash); item;
         item = sgr__set_find_next(item)) {
        struct sgr__candidate *candidate = SGR_CONTAINER(item, struct sgr__candidate, item);
        if (candidate->collection == collection &&
            sgr_row_equal(collection->level->via.schema, candidate->registration.via, via))
            return candidate;
    }
    return NULL;
}

static struct sgr__candidate *candidate_new(struct sgr__collection *collection,
                                            const struct sgr_row *via, int64_t weight,
                                            const struct sgr_value *key) {
    struct sgr__candidate *candidate = calloc(1, sizeof(*candidate));
    if (!candidate)
        return NULL;
    candidate->collection = collection;
    candidate->weight = weight;
    candidate->registration.via = via;
    if (enter(collection->level->node.router, &candidate->registration, key)) {
        free(candidate);
        return NULL;
    }
    sgr_row_ref(via);
    sgr_list_append(&collection->candidates, &candidate->link);
    sgr__collection_views(collection)->state_bytes += sizeof(*candidate);
    return candidate;
}

/* `known`: it stands in views->candidates. */
static void candidate_free(struct sgr_views *views, struct sgr__candidate *candidate, bool known) {
    if (known)
        sgr__set_remove(&views->candidates, &candidate->item);
    leave(candidate->collection->level->node.router, &candidate->registration);
    sgr_list_remove(&candidate->link);
    sgr_row_unref(candidate->registration.via);
    views->state_bytes -= sizeof(*candidate);
    free(candidate);
}

static int add_candidate(struct sgr_views *views, struct sgr__collection *collection,
                         const struct sgr_row *via, uint64_t hash, int64_t weight) {
    const struct sgr__level *level = collection->level;
    struct sgr_value *key = calloc(level->node.route_count + 1, sizeof(*key));
    if (!key)
        return SGR_ENOMEM;
    if (!sgr__candidate_key(collection, via, key)) {
        free(key);
        return 0;
    }
    struct sgr__candidate *candidate = candidate_new(collection, via, weight, key);
    free(key);
    if (!candidate)
        return SGR_ENOMEM;
    if (sgr__set_add(&views->candidates, &candidate->item, hash)) {
        candidate_free(views, candidate, false);
        return SGR_ENOMEM;
    }
    return 0;
}

int sgr__register_candidate(struct sgr__collection *collection, const struct sgr_row *via,
                            int64_t weight) {
    struct sgr_views *views = sgr__collection_views(collection);
    uint64_t hash = sgr_hash_mix(sgr_row_hash(collection->level->via.schema, via),
                                 sgr_hash_int((uint64_t)(uintptr_t)collection));
    struct sgr__candidate *candidate = find_candidate(views, collection, via, hash);
    if (!candidate)
        return add_candidate(views, collection, via, hash, weight);
    candidate->weight += weight;
    if (!candidate->weight)
        candidate_free(views, candidate, true);
    return 0;
}

void sgr__unregister_all(struct sgr__collection *collection) {
    struct sgr_views *views = sgr__collection_views(collection);
    SGR_LIST_EACH(link, &collection->candidates)
    candidate_free(views, SGR_CONTAINER(link, struct sgr__candidate, link), true);
    unregister_collection(collection);
}
