/* Levels of a view: links, equalities, order and columns found in the nodes' schemas and checked against their types. */
#include <ctype.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/nearest.h"
#include "base/slice.h"
#include "plan/internal.h"
#include "row/row.h"

/* --- columns */

static int lower_case_column(const struct sgr_schema *schema, const char *name) {
    char lower[64];
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof(lower); i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = '\0';
    return name[i] ? -1 : sgr_schema_find(schema, lower);
}

static int unknown_column(struct sgr__build *build, struct sgr__place place,
                          const struct sgr_schema *schema, const char *what, const char *name) {
    const char **names = sgr_arena_alloc(build->plan->arena, (schema->count + 1u) * sizeof(*names));
    if (!names)
        return sgr__plan_memory(build->error);
    for (uint16_t i = 0; i < schema->count; i++)
        names[i] = schema->columns[i].name;
    char phrase[160];
    snprintf(phrase, sizeof(phrase), "column of %.140s", what);
    return sgr__plan_unknown(place, build->error, phrase, name, names, schema->count);
}

int sgr__build_column(struct sgr__build *build, struct sgr__place place, struct sgr_node *node,
                      const char *what, const char *name, uint16_t *ret) {
    const struct sgr_schema *schema = sgr_node_schema(node);
    int found = sgr_schema_find(schema, name);
    if (found < 0)
        found = lower_case_column(schema, name);
    if (found < 0)
        return unknown_column(build, place, schema, what, name);
    *ret = (uint16_t)found;
    return 0;
}

const struct sgr_column *sgr__build_column_of(struct sgr_node *node, uint16_t column) {
    return &sgr_node_schema(node)->columns[column];
}

/* --- get */

static int build_get(struct sgr__build *build, const struct sgr__plan_view *view,
                     const struct sgr__plan_level *declared, const struct sgr__get *get,
                     struct sgr_node *node, struct sgr_level_equality *equality) {
    const char *what = declared->from.text;
    struct sgr__place place = sgr__place_of(get->value);
    int status = sgr__build_column(build, get->place, node, what, get->column, &equality->column);
    if (status != 0)
        return status;
    const struct sgr_column *column = sgr__build_column_of(node, equality->column);
    equality->parameter = get->parameter;
    if (!sgr_type_has_equality(column->type, column->element))
        return sgr__plan_error(place, build->error, "%s.%s is %s, which has no equality", what,
                               column->name, column->type_name);
    if (get->parameter >= 0) {
        const struct sgr_view_parameter *parameter = &view->parameters[get->parameter];
        if (sgr_type_same_class(column->type, parameter->column.type) &&
            column->element == parameter->column.element)
            return 0;
        return sgr__plan_error(place, build->error, "%s.%s is %s, but parameter $%s is %s", what,
                               column->name, column->type_name, parameter->name,
                               parameter->column.type_name);
    }
    if (sgr_value_parse_kept(column->type, column->element, get->value->text, build->plan->arena,
                             &equality->constant, build->error) != 0)
        return sgr__plan_error_at(place, build->error, "%s.%s is %s: ", what, column->name,
                                  column->type_name);
    return 0;
}

static int build_equalities(struct sgr__build *build, const struct sgr__plan_view *view,
                            const struct sgr__plan_level *declared, struct sgr_level *level) {
    struct sgr_vector equalities = SGR_VECTOR_INIT(struct sgr_level_equality);
    int status = 0;
    for (size_t i = 0; i < declared->get_count && status == 0; i++) {
        struct sgr_level_equality *equality = sgr_vector_add(&equalities);
        status = equality
                     ? build_get(build, view, declared, &declared->get[i], level->node, equality)
                     : sgr__plan_memory(build->error);
    }
    if (status == 0 && declared->where)
        status = sgr__build_where(build, view, declared, &equalities, level);
    size_t size = equalities.count * sizeof(struct sgr_level_equality);
    struct sgr_level_equality *copy = sgr_arena_alloc(build->plan->arena, size + 1);
    if (copy && size)
        memcpy(copy, equalities.items, size);
    level->equalities = copy;
    level->equality_count = equalities.count;
    sgr_vector_fini(&equalities);
    return status == 0 && !copy ? sgr__plan_memory(build->error) : status;
}

/* --- order */

static struct sgr__side order_side(const struct sgr__plan_level *declared,
                                   const struct sgr_level *level, bool via) {
    return via ? (struct sgr__side){level->via, declared->via.text}
               : (struct sgr__side){level->node, declared->from.text};
}

static int check_via(struct sgr__build *build, struct sgr__place place,
                     const struct sgr_level *level, bool via, const char *column) {
    if (!via || level->via)
        return 0;
    return sgr__plan_error(place, build->error,
                           "via.%s: there is no pivot here, the field is not linked with via",
                           column);
}

static int check_order(struct sgr__build *build, struct sgr__place place, struct sgr__side side,
                       const struct sgr_column *column, const struct sgr__order *order) {
    if (!sgr_type_has_order(column->type, column->element))
        return sgr__plan_error(place, build->error, "can't order by %s.%s: type %s has no order",
                               side.name, column->name, column->type_name);
    if (order->collate_c && column->collation == SGR_COLLATION_NONE)
        return sgr__plan_error(place, build->error, "%s.%s is %s, which has no collation",
                               side.name, column->name, column->type_name);
    if (!order->collate_c && column->collation == SGR_COLLATION_UNKNOWN)
        return sgr__plan_error(place, build->error,
                               "can't order by %s.%s: this host does not have the database's "
                               "collation in the same version; write %s COLLATE \"C\"",
                               side.name, column->name, column->name);
    return 0;
}

static int build_order(struct sgr__build *build, const struct sgr__plan_level *declared,
                       struct sgr_level *level) {
    struct sgr_level_order *orders =
        sgr_arena_alloc(build->plan->arena, (declared->order_count + 1) * sizeof(*orders));
    if (!orders)
        return sgr__plan_memory(build->error);
    for (size_t i = 0; i < declared->order_count; i++) {
        const struct sgr__order *order = &declared->order[i];
        struct sgr__place place = sgr__place_of(declared->order_place);
        struct sgr__side side = order_side(declared, level, order->via);
        int status = check_via(build, place, level, order->via, order->column);
        if (status == 0)
            status = sgr__build_column(build, place, side.node, side.name, order->column,
                                       &orders[i].column);
        if (status == 0)
            status = check_order(build, place, side,
                                 sgr__build_column_of(side.node, orders[i].column), order);
        if (status != 0)
            return status;
        orders[i].via = order->via;
        orders[i].descending = order->descending;
        orders[i].nulls_first = order->nulls_first;
        orders[i].collation = order->collate_c ? SGR_COLLATION_C : SGR_COLLATION_NONE;
    }
    level->order = orders;
    level->order_count = declared->order_count;
    return 0;
}

/* --- shown columns */

static int all_columns(struct sgr__build *build, struct sgr_level *level) {
    const struct sgr_schema *schema = sgr_node_schema(level->node);
    struct sgr_level_column *columns =
        sgr_arena_alloc(build->plan->arena, (schema->count + 1u) * sizeof(*columns));
    if (!columns)
        return sgr__plan_memory(build->error);
    for (uint16_t i = 0; i < schema->count; i++)
        columns[i] = (struct sgr_level_column){false, i, schema->columns[i].name};
    level->columns = columns;
    level->column_count = schema->count;
    return 0;
}

static int named_columns(struct sgr__build *build, const struct sgr__plan_level *declared,
                         struct sgr_level *level) {
    struct sgr_level_column *columns =
        sgr_arena_alloc(build->plan->arena, declared->column_count * sizeof(*columns));
    if (!columns)
        return sgr__plan_memory(build->error);
    for (size_t i = 0; i < declared->column_count; i++) {
        const struct sgr__column *column = &declared->columns[i];
        struct sgr__place place = sgr__place_of(column->place);
        struct sgr__side side = order_side(declared, level, column->via);
        int status = check_via(build, place, level, column->via, column->column);
        if (status == 0)
            status = sgr__build_column(build, place, side.node, side.name, column->column,
                                       &columns[i].column);
        if (status != 0)
            return status;
        columns[i].via = column->via;
        columns[i].name = column->label;
    }
    level->columns = columns;
    level->column_count = declared->column_count;
    return 0;
}

static int check_fields(struct sgr__build *build, const struct sgr__plan_level *declared,
                        const struct sgr_level *level) {
    for (size_t i = 0; i < declared->level_count; i++)
        for (size_t k = 0; k < level->column_count; k++)
            if (strcmp(level->columns[k].name, declared->levels[i].name) == 0)
                return sgr__plan_error(
                    sgr__place_of(declared->levels[i].place), build->error,
                    "%s has a column \"%s\" too: name the field with as, or say which columns to "
                    "show",
                    declared->from.text, declared->levels[i].name);
    return 0;
}

/* --- the tree */

static int build_children(struct sgr__build *build, const struct sgr__plan_view *view,
                          const struct sgr__plan_level *declared, struct sgr_level *level) {
    struct sgr_level *levels =
        sgr_arena_alloc(build->plan->arena, (declared->level_count + 1) * sizeof(*levels));
    if (!levels)
        return sgr__plan_memory(build->error);
    level->levels = levels;
    int status = 0;
    for (size_t i = 0; i < declared->level_count && status == 0; i++) {
        level->level_count = i + 1;
        status =
            sgr__build_level(build, view, &declared->levels[i], declared, level->node, &levels[i]);
    }
    return status;
}

int sgr__build_level(struct sgr__build *build, const struct sgr__plan_view *view,
                     const struct sgr__plan_level *declared, const struct sgr__plan_level *parent,
                     struct sgr_node *parent_node, struct sgr_level *level) {
    level->name = declared->name;
    level->one = declared->one;
    level->limit = declared->limit;
    int status = sgr__build_resolve(build, &declared->from, &level->node);
    if (status == 0 && parent)
        status = sgr__build_link(build, declared,
                                 (struct sgr__side){parent_node, parent->from.text}, level);
    if (status == 0)
        status = build_equalities(build, view, declared, level);
    if (status == 0)
        status = build_order(build, declared, level);
    if (status == 0)
        status = declared->column_count ? named_columns(build, declared, level)
                                        : all_columns(build, level);
    if (status == 0)
        status = check_fields(build, declared, level);
    return status == 0 ? build_children(build, view, declared, level) : status;
}

void sgr__build_free_level(struct sgr_level *level) {
    sgr_expression_free(level->where);
    level->where = NULL;
    for (size_t i = 0; i < level->level_count; i++)
        sgr__build_free_level((struct sgr_level *)(uintptr_t)&level->levels[i]);
}
