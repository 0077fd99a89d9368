/* A level as the view works with it: the declaration copied and checked, its text ready to be written, and the orders its members
 * stand in.
 *
 * A member is a pair of rows: one of the level's node and, with a pivot, one of `via`. Four orders follow one from the other, each
 * a total preorder:
 *   identity  what makes it the same member after an update: the node's key, then via's, by value and then byte for byte; a bag's row
 *             as a whole, byte for byte
 *   position  ORDER BY, then identity, then what is visible of it: where it stands
 *   content   identity, then ORDER BY, then what is visible: equal content can't be told apart in a document
 *   whole     content, then all bytes of both rows: for netting changes, as `where` may look at what is not shown
 * Visible are the shown columns, byte for byte, and the columns that link levels below, by value.
 *
 * Immutable once made, but for `arguments`, `scratch` and the counters. Engine's thread. */
#ifndef SGR_VIEW_LEVEL_H
#define SGR_VIEW_LEVEL_H

#include "base/arena.h"
#include "view/router.h"
#include "view/set.h"
#include "view/values.h"
#include "view/view.h"

#define SGR__PARAMETERS_MOST 64
#define SGR__LEVELS_DEEP     64

struct sgr__pair {
    const struct sgr_row *node;
    const struct sgr_row *via; /* NULL without a pivot */
};

struct sgr__equality {
    uint16_t column;
    int parameter; /* -1: constant */
    struct sgr_value constant;
};

/* A level's node, or its pivot. */
struct sgr__side {
    struct sgr_node *node;
    const struct sgr_schema *schema;
    bool bag;
    const uint16_t *identity; /* the key, or all columns of a bag */
    size_t identity_count;
    const struct sgr__equality *equalities; /* by column */
    size_t equality_count;
    const uint16_t *route; /* link columns, then the equalities': by these rows find collections, */
    size_t route_count;    /* and collections rows */
    struct sgr__router *router;
    struct sgr_index *index; /* by route; by identity if that is empty */
};

struct sgr__column {
    bool via;
    uint16_t column;
    const char *name;
    struct sgr_slice label;   /* "name": as it stands in an object */
    struct sgr_slice pointer; /* /name as it stands in a JSON Pointer in a JSON string */
};

struct sgr__level {
    struct sgr_view *view;
    const struct sgr__level *parent; /* NULL: the root */
    uint64_t serial;
    size_t depth;
    struct sgr__column field; /* its name in the parent's object */
    bool one;
    uint64_t limit; /* UINT64_MAX: none; 1 if `one` */
    struct sgr__side node, via;
    const uint16_t *parent_columns;
    size_t link_count; /* of the parent's columns */
    const uint16_t *via_child_columns;
    size_t child_count;
    struct sgr_expression *where;
    const struct sgr_level_order *order;
    size_t order_count;
    const struct sgr__column *columns;
    size_t column_count;
    struct sgr__level *levels;
    size_t level_count;

    uint64_t parameters;    /* used here or below: bit i for the view's parameter i */
    size_t parameter_count; /* of bits */
    struct sgr_value
        *scratch; /* link_count + parameter_count: a collection's key being looked up */

    /* Columns (positions in `columns`) by which the codec `rows` names members; count 0: by position. */
    const uint16_t *key;
    size_t key_count;

    size_t collections, members; /* live ones */
};

struct sgr_view {
    struct sgr_views *views;
    const char *path;
    struct sgr_arena *arena; /* holds all of the view but instances */
    struct sgr_view_parameter *parameters;
    size_t parameter_count;
    struct sgr_value *arguments; /* one per parameter, for `where`; filled per collection */
    struct sgr__level *root;
    struct sgr__set instances;
    size_t open_instances;
    size_t subscribers; /* opens of all its instances */
};

/* Makes view->root from the declaration; on failure what was made is undone by sgr__level_fini. */
int sgr__level_compile(struct sgr_view *view, const struct sgr_level *from,
                       struct sgr_error *error);
void sgr__level_fini(
    struct sgr__level *level); /* releases nodes, routers, indexes; all levels below too */

static inline const struct sgr__side *sgr__level_side(const struct sgr__level *level, bool via) {
    return via ? &level->via : &level->node;
}
static inline const struct sgr_row *sgr__pair_row(struct sgr__pair pair, bool via) {
    return via ? pair.via : pair.node;
}

int sgr__compare_position(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b);
int sgr__compare_identity(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b);
int sgr__compare_content(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b);
int sgr__compare_whole(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b);
/* Whether the shown column is the same, byte for byte. */
bool sgr__column_same(const struct sgr__level *level, const struct sgr__column *column,
                      struct sgr__pair a, struct sgr__pair b);
/* Whether both members of the parent level show the same collection of this level. */
bool sgr__link_same(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b);
/* Whether a document shows the difference, order aside. */
bool sgr__visibly_updated(const struct sgr__level *level, struct sgr__pair old,
                          struct sgr__pair now);
#endif
