/* How a populated level's members belong to their parent's row: by plain keys or via a pivot, with columns of the same kind. */
#include <stdlib.h>

#include "base/slice.h"
#include "plan/internal.h"
#include "row/row.h"

/* Values of linked columns must be comparable, and hash alike. */
static int check_pair(struct sgr__build *build, struct sgr__place place, struct sgr__side a,
                      uint16_t column_a, struct sgr__side b, uint16_t column_b) {
    const struct sgr_column *left = sgr__build_column_of(a.node, column_a);
    const struct sgr_column *right = sgr__build_column_of(b.node, column_b);
    bool same = sgr_type_same_class(left->type, right->type) && left->element == right->element;
    if (same && left->type == SGR_OTHER)
        same = strcmp(left->type_name, right->type_name) == 0;
    if (!same)
        return sgr__plan_error(place, build->error,
                               "%s.%s is %s, but %s.%s is %s: linked columns must be of one kind "
                               "(a map node can cast one)",
                               a.name, left->name, left->type_name, b.name, right->name,
                               right->type_name);
    if (!sgr_type_has_equality(left->type, left->element))
        return sgr__plan_error(place, build->error,
                               "%s.%s can't be linked: type %s has no equality", a.name, left->name,
                               left->type_name);
    return 0;
}

static int find_columns(struct sgr__build *build, struct sgr__place place, struct sgr__side side,
                        const struct sgr__names *names, const uint16_t **ret) {
    uint16_t *columns = sgr_arena_alloc(build->plan->arena, (names->count + 1) * sizeof(*columns));
    if (!columns)
        return sgr__plan_memory(build->error);
    for (size_t i = 0; i < names->count; i++) {
        int status =
            sgr__build_column(build, place, side.node, side.name, names->items[i], &columns[i]);
        if (status != 0)
            return status;
    }
    *ret = columns;
    return 0;
}

static int check_pairs(struct sgr__build *build, struct sgr__place place, struct sgr__side a,
                       const uint16_t *columns_a, struct sgr__side b, const uint16_t *columns_b,
                       size_t count) {
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = check_pair(build, place, a, columns_a[i], b, columns_b[i]);
    return status;
}

static int link_on(struct sgr__build *build, struct sgr__place place, const struct sgr__names *left,
                   const struct sgr__names *right, struct sgr__side parent, struct sgr__side child,
                   struct sgr_level *level) {
    int status = find_columns(build, place, parent, left, &level->parent_columns);
    if (status == 0)
        status = find_columns(build, place, child, right, &level->child_columns);
    level->parent_count = level->child_count = left->count;
    return status == 0 ? check_pairs(build, place, parent, level->parent_columns, child,
                                     level->child_columns, left->count)
                       : status;
}

static int key_of(struct sgr__build *build, struct sgr__place place, struct sgr__side side,
                  size_t count, const char *which, const uint16_t **ret) {
    size_t key_count;
    *ret = sgr_node_key(side.node, &key_count);
    if (key_count == 0)
        return sgr__plan_error(place, build->error,
                               "%s has no key for the pivot's columns to name: link it with on",
                               side.name);
    if (key_count != count)
        return sgr__plan_error(
            place, build->error, "the key of %s has %zu column%s, but %zu stand%s %s the arrow",
            side.name, key_count, key_count == 1 ? "" : "s", count, count == 1 ? "s" : "", which);
    return 0;
}

static int link_via(struct sgr__build *build, struct sgr__place place,
                    const struct sgr__names *left, const struct sgr__names *right,
                    struct sgr__side parent, struct sgr__side pivot, struct sgr__side child,
                    struct sgr_level *level) {
    int status = find_columns(build, place, pivot, left, &level->via_parent_columns);
    if (status == 0)
        status = find_columns(build, place, pivot, right, &level->via_child_columns);
    if (status == 0)
        status =
            key_of(build, place, parent, left->count, "to the left of", &level->parent_columns);
    if (status == 0)
        status =
            key_of(build, place, child, right->count, "to the right of", &level->child_columns);
    level->parent_count = left->count;
    level->child_count = right->count;
    if (status == 0)
        status = check_pairs(build, place, pivot, level->via_parent_columns, parent,
                             level->parent_columns, left->count);
    return status == 0 ? check_pairs(build, place, pivot, level->via_child_columns, child,
                                     level->child_columns, right->count)
                       : status;
}

/* The names that the convention gives; see sgr__plan_infer. */
static int infer_names(struct sgr__build *build, const struct sgr__plan_level *declared,
                       struct sgr__side child, struct sgr__names *left, struct sgr__names *right) {
    struct sgr_arena *arena = build->plan->arena;
    const char **names = sgr_arena_alloc(arena, 2 * sizeof(*names));
    if (!names)
        return sgr__plan_memory(build->error);
    *left = (struct sgr__names){&names[0], 1};
    *right = (struct sgr__names){&names[1], 1};
    const char *field_id = sgr_arena_printf(arena, "%s_id", declared->infer);
    if (declared->link == SGR__LINK_VIA) {
        names[0] = sgr_arena_printf(arena, "%s_id", declared->singular);
        names[1] = field_id;
        return names[0] && names[1] ? 0 : sgr__plan_memory(build->error);
    }
    size_t key_count;
    const uint16_t *key = sgr_node_key(child.node, &key_count);
    if (key_count != 1)
        return sgr__plan_error(sgr__place_of(declared->link_place), build->error,
                               "%s has a key of %zu columns, so the link can't be found by name: "
                               "name its columns with on",
                               child.name, key_count);
    names[0] = field_id;
    names[1] = sgr__build_column_of(child.node, key[0])->name;
    return names[0] ? 0 : sgr__plan_memory(build->error);
}

int sgr__build_link(struct sgr__build *build, const struct sgr__plan_level *declared,
                    struct sgr__side parent, struct sgr_level *level) {
    struct sgr__place place = sgr__place_of(declared->link_place);
    struct sgr__side child = {level->node, declared->from.text};
    struct sgr__side pivot = {NULL, declared->via.text};
    struct sgr__names left = declared->left, right = declared->right;
    int status = 0;
    if (declared->infer)
        status = infer_names(build, declared, child, &left, &right);
    if (status == 0 && declared->link == SGR__LINK_ON)
        return link_on(build, place, &left, &right, parent, child, level);
    if (status == 0)
        status = sgr__build_resolve(build, &declared->via, &pivot.node);
    if (status != 0)
        return status;
    level->via = pivot.node;
    return link_via(build, place, &left, &right, parent, pivot, child, level);
}
