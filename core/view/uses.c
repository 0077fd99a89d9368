/* Which columns of a node the views read: what they show, link, order, find and test by. */
#include "view/level.h"
#include "view/views.h"

static void use(bool *columns, const uint16_t *which, size_t count) {
    for (size_t i = 0; i < count; i++)
        columns[which[i]] = true;
}

/* Of the level's node, or its pivot. */
static void use_side(const struct sgr__level *level, bool via, bool *columns) {
    const struct sgr__side *side = sgr__level_side(level, via);
    use(columns, side->identity, side->identity_count);
    use(columns, side->route, side->route_count);
    for (size_t i = 0; i < level->column_count; i++)
        if (level->columns[i].via == via)
            columns[level->columns[i].column] = true;
    for (size_t i = 0; i < level->order_count; i++)
        if (level->order[i].via == via)
            columns[level->order[i].column] = true;
    if (level->where)
        sgr_expression_uses(level->where, via, columns);
    if (via)
        use(columns, level->via_child_columns, level->child_count);
    for (size_t i = 0; !via && i < level->level_count; i++)
        use(columns, level->levels[i].parent_columns, level->levels[i].link_count);
}

static void use_level(const struct sgr__level *level, const struct sgr_node *node, bool *columns) {
    if (level->node.node == node)
        use_side(level, false, columns);
    if (level->via.node == node)
        use_side(level, true, columns);
    for (size_t i = 0; i < level->level_count; i++)
        use_level(&level->levels[i], node, columns);
}

void sgr_views_uses(const struct sgr_views *views, const struct sgr_node *node, bool *columns) {
    void *value;
    for (size_t at = 0; sgr_map_next(views->paths, &at, NULL, &value);)
        use_level(((const struct sgr_view *)value)->root, node, columns);
}
