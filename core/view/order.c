/* The orders of a level's members. */
#include "base/slice.h"
#include "row/row.h"
#include "view/level.h"

/* Of two rows of one schema, any order in which only equal bytes are equal. */
static int compare_bytes(const struct sgr_schema *schema, const struct sgr_row *a,
                         const struct sgr_row *b) {
    if (a == b)
        return 0;
    const size_t head = offsetof(struct sgr_row, nulls);
    size_t a_size = sgr_row_size(schema, a), b_size = sgr_row_size(schema, b);
    int order = memcmp((const char *)a + head, (const char *)b + head,
                       (a_size < b_size ? a_size : b_size) - head);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare_values(const struct sgr_schema *schema, const struct sgr_row *a,
                          const struct sgr_row *b, const struct sgr_level_order *by) {
    struct sgr_value x = sgr_row_value(schema, a, by->column);
    struct sgr_value y = sgr_row_value(schema, b, by->column);
    return sgr_value_compare(&x, &y,
                             by->collation ? by->collation : schema->columns[by->column].collation);
}

static int compare_order(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    for (size_t i = 0; i < level->order_count; i++) {
        const struct sgr_level_order *by = &level->order[i];
        const struct sgr_row *left = sgr__pair_row(a, by->via), *right = sgr__pair_row(b, by->via);
        if (left == right)
            continue;
        bool left_null = sgr_row_null(left, by->column),
             right_null = sgr_row_null(right, by->column);
        if (left_null != right_null)
            return left_null == by->nulls_first ? -1 : 1;
        int order = compare_values(sgr__level_side(level, by->via)->schema, left, right, by);
        if (order)
            return (order > 0) == by->descending ? -1 : 1;
    }
    return 0;
}

/* By value, so that members stand in the order of their keys; then byte for byte, for clients know a member by its key as it is written: 1.0
 * in the place of 1.00 is another one. */
static int compare_key(const struct sgr__side *side, const struct sgr_row *a,
                       const struct sgr_row *b) {
    int order = sgr_row_compare_columns(side->schema, a, b, side->identity, side->identity_count);
    for (size_t i = 0; !order && i < side->identity_count; i++) {
        struct sgr_value x = sgr_row_value(side->schema, a, side->identity[i]);
        struct sgr_value y = sgr_row_value(side->schema, b, side->identity[i]);
        order = sgr__value_compare_bytes(&x, &y);
    }
    return order;
}

static int compare_side(const struct sgr__side *side, const struct sgr_row *a,
                        const struct sgr_row *b) {
    if (a == b)
        return 0;
    int order = compare_key(side, a, b);
    return order || !side->bag ? order : compare_bytes(side->schema, a, b);
}

int sgr__compare_identity(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    int order = compare_side(&level->node, a.node, b.node);
    return order || !level->via.node ? order : compare_side(&level->via, a.via, b.via);
}

static int compare_column(const struct sgr__level *level, const struct sgr__column *column,
                          struct sgr__pair a, struct sgr__pair b) {
    const struct sgr_schema *schema = sgr__level_side(level, column->via)->schema;
    const struct sgr_row *left = sgr__pair_row(a, column->via);
    const struct sgr_row *right = sgr__pair_row(b, column->via);
    if (left == right)
        return 0;
    struct sgr_value x = sgr_row_value(schema, left, column->column);
    struct sgr_value y = sgr_row_value(schema, right, column->column);
    return sgr__value_compare_bytes(&x, &y);
}

bool sgr__column_same(const struct sgr__level *level, const struct sgr__column *column,
                      struct sgr__pair a, struct sgr__pair b) {
    return compare_column(level, column, a, b) == 0;
}

static int compare_link(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    return sgr_row_compare_columns(level->parent->node.schema, a.node, b.node,
                                   level->parent_columns, level->link_count);
}

bool sgr__link_same(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    return compare_link(level, a, b) == 0;
}

static int compare_visible(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    int order = 0;
    if (a.node == b.node && a.via == b.via)
        return 0;
    for (size_t i = 0; !order && i < level->column_count; i++)
        order = compare_column(level, &level->columns[i], a, b);
    for (size_t i = 0; !order && i < level->level_count; i++)
        order = compare_link(&level->levels[i], a, b);
    return order;
}

int sgr__compare_position(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    int order = compare_order(level, a, b);
    if (!order)
        order = sgr__compare_identity(level, a, b);
    return order ? order : compare_visible(level, a, b);
}

int sgr__compare_content(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    int order = sgr__compare_identity(level, a, b);
    if (!order)
        order = compare_order(level, a, b);
    return order ? order : compare_visible(level, a, b);
}

int sgr__compare_whole(const struct sgr__level *level, struct sgr__pair a, struct sgr__pair b) {
    int order = sgr__compare_content(level, a, b);
    if (!order)
        order = compare_bytes(level->node.schema, a.node, b.node);
    return order || !level->via.node ? order : compare_bytes(level->via.schema, a.via, b.via);
}

bool sgr__visibly_updated(const struct sgr__level *level, struct sgr__pair old,
                          struct sgr__pair now) {
    return compare_visible(level, old, now) != 0;
}
