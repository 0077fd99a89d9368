/* From changed rows to the collections they concern: one hash lookup a row and distinct set of columns, whatever the number of views and
 * instances.
 *
 * A *feed* is a node that views use, with its changes since the last commit. A *router* belongs to a feed and a list of columns and is
 * shared by all levels of all views that route by them; it holds registrations of collections, by the values of those columns. A router is
 * either for rows as members' nodes or for rows as pivots (`via`): the two are walked apart, as changes of nodes must meet the pivots as they
 * were before the commit.
 *
 * Each collection has a registration of its own, under its pivot's router if its level has a pivot and else under its node's. Below a pivot
 * there are also *candidates*, under the node's router: a pivot row of a live collection, under the values it links children by, whether
 * or not there is such a child. So a changed child costs the members that show it.
 *
 * Most values lead to one collection. So there is no thing for the values: the first registration stands in the router's set, and
 * the others of the same values are in a ring with it.
 *
 * Null never matches: rows with a null in a router's columns have no route. Engine's thread. */
#ifndef SGR_VIEW_ROUTER_H
#define SGR_VIEW_ROUTER_H

#include "base/list.h"
#include "graph/graph.h"
#include "view/set.h"

struct sgr_views;
struct sgr__collection;

struct sgr__feed {
    struct sgr__set_item item; /* in views->feeds */
    struct sgr_list dirty;     /* in views->dirty, if something is pending */
    struct sgr_list routers;
    struct sgr_views *views;
    struct sgr_node *node;
    struct sgr_batch_builder pending; /* since the last commit */
    size_t registrations;
};

struct sgr__router {
    struct sgr_list link;
    struct sgr__feed *feed;
    bool via;
    size_t users;
    struct sgr__set firsts; /* of struct sgr__registration */
    size_t count;
    uint16_t columns[];
};

struct sgr__registration {
    struct sgr__set_item item; /* the first of its values: in router->firsts */
    struct sgr_list same;      /* a ring of those with the same values; NULL: it is not entered */
    const struct sgr_row
        *via; /* a candidate's, with a reference; NULL: this is the collection's own */
};

struct sgr__candidate {
    struct sgr__registration registration;
    struct sgr__set_item item; /* in views->candidates */
    struct sgr_list link;      /* in the collection's */
    struct sgr__collection *collection;
    int64_t weight; /* of the pivot row */
};

/* NULL: no view uses the node. */
struct sgr__feed *sgr__feed_find(const struct sgr_views *views, const struct sgr_node *node);
/* The node's router for these columns. Each get is matched by a put. */
int sgr__router_get(struct sgr_views *views, struct sgr_node *node, bool via,
                    const uint16_t *columns, size_t count, struct sgr__router **ret,
                    struct sgr_error *error);
void sgr__router_put(struct sgr__router *router); /* NULL is fine */

/* Where this row of the router's node leads:
 * for (r = first = sgr__router_find(router, row); r; r = sgr__registration_next(first, r)), oldest first, none of which may leave meanwhile. */
const struct sgr__registration *sgr__router_find(const struct sgr__router *router,
                                                 const struct sgr_row *row);
static inline const struct sgr__registration *
sgr__registration_next(const struct sgr__registration *first,
                       const struct sgr__registration *registration) {
    const struct sgr__registration *next =
        SGR_CONTAINER(registration->same.next, struct sgr__registration, same);
    return next == first ? NULL : next;
}
struct sgr__collection *sgr__registration_collection(const struct sgr__registration *registration);
/* How often its pivot row leads there. */
static inline int64_t sgr__registration_weight(const struct sgr__registration *registration) {
    return registration->via ? ((const struct sgr__candidate *)registration)->weight : 1;
}

/* Registers the collection under its link and equality values (none of them null): with the pivot's router if its level has one, else
 * with the node's. */
int sgr__register_collection(struct sgr__collection *collection);
/* Adds to the pivot row's weight; at zero it is no candidate any more. Rows that link to null are none. */
int sgr__register_candidate(struct sgr__collection *collection, const struct sgr_row *via,
                            int64_t weight);
void sgr__unregister_all(struct sgr__collection *collection);

/* Values of the node's router for a pivot row of the collection; false: one is null. `ret` has room for the router's columns. */
bool sgr__candidate_key(const struct sgr__collection *collection, const struct sgr_row *via,
                        struct sgr_value *ret);

#endif
