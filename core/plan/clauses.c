/* The small languages of a level: order_by, columns, on, via, infer. Columns are looked up later, by the build. */
#include <ctype.h>
#include <stdlib.h>

#include "base/slice.h"
#include "plan/internal.h"
#include "plan/lexer.h"

/* Makes a copied array of the vector in the arena. */
static void *settle(struct sgr_plan *plan, struct sgr_vector *vector) {
    size_t size = vector->count * vector->item_size;
    void *copy = sgr_arena_alloc(plan->arena, size ? size : 1);
    if (copy && size)
        memcpy(copy, vector->items, size);
    return copy;
}

/* COLUMN or via.COLUMN. */
static int take_column(struct sgr_plan *plan, struct sgr__lexer *lexer, bool *ret_via,
                       const char **ret_name) {
    struct sgr_slice name;
    *ret_via = false;
    if (!sgr__lexer_take_name(lexer, &name))
        return SGR_EPARSE;
    if (sgr__lexer_take(lexer, ".")) {
        if (!sgr_slice_is(name, "via") || !sgr__lexer_take_name(lexer, &name))
            return SGR_EPARSE;
        *ret_via = true;
    }
    *ret_name = sgr_arena_copy(plan->arena, name);
    return *ret_name ? 0 : SGR_ENOMEM;
}

/* --- order_by */

static int take_order(struct sgr_plan *plan, struct sgr__lexer *lexer, struct sgr__order *order) {
    int status = take_column(plan, lexer, &order->via, &order->column);
    if (status != 0)
        return status;
    if (sgr__lexer_take_keyword(lexer, "collate")) {
        struct sgr_slice name;
        if (!sgr__lexer_take_name(lexer, &name) ||
            !(sgr_slice_is(name, "C") || sgr_slice_is(name, "POSIX")))
            return SGR_EPARSE;
        order->collate_c = true;
    }
    order->descending = sgr__lexer_take_keyword(lexer, "desc");
    if (!order->descending)
        sgr__lexer_take_keyword(lexer, "asc");
    order->nulls_first = order->descending;
    if (sgr__lexer_take_keyword(lexer, "nulls")) {
        order->nulls_first = sgr__lexer_take_keyword(lexer, "first");
        if (!order->nulls_first && !sgr__lexer_take_keyword(lexer, "last"))
            return SGR_EPARSE;
    }
    return 0;
}

static int read_order(struct sgr_plan *plan, const struct sgr_document_node *node,
                      struct sgr_vector *orders, struct sgr_error *error) {
    int status = sgr__plan_scalar(node, "order_by", error);
    if (status != 0)
        return status;
    struct sgr__lexer lexer;
    sgr__lexer_init(&lexer, node->text);
    do {
        struct sgr__order order = {0};
        status = take_order(plan, &lexer, &order);
        if (status == 0 && sgr_vector_push(orders, &order) != 0)
            status = SGR_ENOMEM;
    } while (status == 0 && sgr__lexer_take(&lexer, ","));
    if (status == SGR_ENOMEM)
        return sgr__plan_memory(error);
    if (status == 0 && lexer.token.kind == SGR__TOKEN_END)
        return 0;
    return sgr__plan_error(sgr__place_of(node), error,
                           "can't read order_by \"%.*s\" at column %zu: it is COLUMN [COLLATE "
                           "\"C\"] [asc|desc] [nulls first|last], …; columns only (a map node "
                           "makes others)",
                           SGR_SLICE_ARGS(node->text), lexer.token.start + 1);
}

int sgr__plan_order(struct sgr_plan *plan, const struct sgr_document_node *node,
                    struct sgr__plan_level *level, struct sgr_error *error) {
    struct sgr_vector orders = SGR_VECTOR_INIT(struct sgr__order);
    bool list = node->kind == SGR_DOCUMENT_SEQUENCE;
    int status = 0;
    for (size_t i = 0; i < (list ? node->count : 1) && status == 0; i++)
        status = read_order(plan, list ? node->items[i] : node, &orders, error);
    level->order_place = node;
    level->order_count = orders.count;
    level->order = settle(plan, &orders);
    if (status == 0 && !level->order)
        status = sgr__plan_memory(error);
    sgr_vector_fini(&orders);
    return status;
}

/* --- columns */

static int add_column(struct sgr_plan *plan, const struct sgr_document_node *node,
                      const char *label, struct sgr_vector *columns, struct sgr_error *error) {
    int status = sgr__plan_scalar(node, "a column", error);
    if (status != 0)
        return status;
    struct sgr__column column = {.place = node};
    struct sgr__lexer lexer;
    sgr__lexer_init(&lexer, node->text);
    status = take_column(plan, &lexer, &column.via, &column.column);
    if (status == SGR_ENOMEM)
        return sgr__plan_memory(error);
    if (status != 0 || lexer.token.kind != SGR__TOKEN_END)
        return sgr__plan_error(sgr__place_of(node), error,
                               "\"%.*s\" is no column's name (expressions go into a map node)",
                               SGR_SLICE_ARGS(node->text));
    column.label = label ? label : column.column;
    return sgr_vector_push(columns, &column) == 0 ? 0 : sgr__plan_memory(error);
}

static int add_labels(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                      struct sgr_vector *columns, struct sgr_error *error) {
    int status = 0;
    for (size_t i = 0; i < mapping->count && status == 0; i++)
        status = add_column(plan, mapping->pairs[i].value, mapping->pairs[i].name, columns, error);
    return status;
}

static int check_labels(const struct sgr_vector *columns, struct sgr_error *error) {
    for (size_t i = 0; i < columns->count; i++) {
        const struct sgr__column *column = SGR_VECTOR_AT(columns, struct sgr__column, i);
        for (size_t j = 0; j < i; j++)
            if (strcmp(SGR_VECTOR_AT(columns, struct sgr__column, j)->label, column->label) == 0)
                return sgr__plan_error(sgr__place_of(column->place), error,
                                       "the document would have two fields \"%s\"", column->label);
    }
    return 0;
}

int sgr__plan_columns(struct sgr_plan *plan, const struct sgr_document_node *node,
                      struct sgr__plan_level *level, struct sgr_error *error) {
    struct sgr_vector columns = SGR_VECTOR_INIT(struct sgr__column);
    int status = 0;
    if (node->kind == SGR_DOCUMENT_MAPPING)
        status = add_labels(plan, node, &columns, error);
    else if (node->kind == SGR_DOCUMENT_SCALAR)
        status = add_column(plan, node, NULL, &columns, error);
    for (size_t i = 0; node->kind == SGR_DOCUMENT_SEQUENCE && i < node->count && status == 0; i++)
        status = node->items[i]->kind == SGR_DOCUMENT_MAPPING
                     ? add_labels(plan, node->items[i], &columns, error)
                     : add_column(plan, node->items[i], NULL, &columns, error);
    if (status == 0 && columns.count == 0)
        status = sgr__plan_error(sgr__place_of(node), error, "columns names none");
    if (status == 0 && columns.count > 1600)
        status = sgr__plan_error(sgr__place_of(node), error, "more than 1600 columns");
    if (status == 0)
        status = check_labels(&columns, error);
    level->column_count = columns.count;
    level->columns = settle(plan, &columns);
    if (status == 0 && !level->columns)
        status = sgr__plan_memory(error);
    sgr_vector_fini(&columns);
    return status;
}

/* --- on and via */

static int push_name(struct sgr_plan *plan, struct sgr_vector *names, struct sgr_slice name) {
    const char *copy = sgr_arena_copy(plan->arena, name);
    return copy ? sgr_vector_push(names, &copy) : SGR_ENOMEM;
}

static int settle_names(struct sgr_plan *plan, struct sgr_vector *vector, struct sgr__names *ret) {
    ret->count = vector->count;
    ret->items = settle(plan, vector);
    return ret->items ? 0 : SGR_ENOMEM;
}

static int take_pairs(struct sgr_plan *plan, struct sgr__lexer *lexer, struct sgr_vector *left,
                      struct sgr_vector *right) {
    int status = 0;
    do {
        struct sgr_slice a, b;
        if (!sgr__lexer_take_name(lexer, &a) || !sgr__lexer_take(lexer, "=") ||
            !sgr__lexer_take_name(lexer, &b))
            return SGR_EPARSE;
        status = push_name(plan, left, a);
        if (status == 0)
            status = push_name(plan, right, b);
    } while (status == 0 && sgr__lexer_take_keyword(lexer, "and"));
    return status == 0 && lexer->token.kind != SGR__TOKEN_END ? SGR_EPARSE : status;
}

int sgr__plan_on(struct sgr_plan *plan, const struct sgr_document_node *node,
                 struct sgr__plan_level *level, struct sgr_error *error) {
    int status = sgr__plan_scalar(node, "on", error);
    if (status != 0)
        return status;
    struct sgr_vector left = SGR_VECTOR_INIT(const char *), right = SGR_VECTOR_INIT(const char *);
    struct sgr__lexer lexer;
    sgr__lexer_init(&lexer, node->text);
    status = take_pairs(plan, &lexer, &left, &right);
    if (status == 0)
        status = settle_names(plan, &left, &level->left);
    if (status == 0)
        status = settle_names(plan, &right, &level->right);
    sgr_vector_fini(&left);
    sgr_vector_fini(&right);
    level->link = SGR__LINK_ON;
    level->link_place = node;
    if (status == SGR_EPARSE)
        return sgr__plan_error(sgr__place_of(node), error,
                               "can't read on \"%.*s\": write \"PARENT_COLUMN = CHILD_COLUMN\", "
                               "more of them joined by and",
                               SGR_SLICE_ARGS(node->text));
    return status == 0 ? 0 : sgr__plan_memory(error);
}

static int take_names(struct sgr_plan *plan, struct sgr__lexer *lexer, struct sgr_vector *names) {
    int status = 0;
    do {
        struct sgr_slice name;
        if (!sgr__lexer_take_name(lexer, &name))
            return SGR_EPARSE;
        status = push_name(plan, names, name);
    } while (status == 0 && sgr__lexer_take(lexer, ","));
    return status;
}

static int take_arrow(struct sgr_plan *plan, struct sgr_slice text, struct sgr_vector *left,
                      struct sgr_vector *right) {
    struct sgr__lexer lexer;
    sgr__lexer_init(&lexer, text);
    if (!sgr__lexer_take(&lexer, "("))
        return SGR_EPARSE;
    int status = take_names(plan, &lexer, left);
    if (status == 0 && !sgr__lexer_take(&lexer, "->"))
        status = SGR_EPARSE;
    if (status == 0)
        status = take_names(plan, &lexer, right);
    if (status == 0 && (!sgr__lexer_take(&lexer, ")") || lexer.token.kind != SGR__TOKEN_END))
        status = SGR_EPARSE;
    return status;
}

static int bad_via(const struct sgr_document_node *node, struct sgr_error *error) {
    return sgr__plan_error(sgr__place_of(node), error,
                           "can't read via \"%.*s\": write \"SOURCE.TABLE (COLUMN_OF_PARENT -> "
                           "COLUMN_OF_CHILD)\"",
                           SGR_SLICE_ARGS(node->text));
}

int sgr__plan_via(struct sgr_plan *plan, const struct sgr_document_node *node,
                  struct sgr__plan_level *level, struct sgr_error *error) {
    int status = sgr__plan_scalar(node, "via", error);
    if (status != 0)
        return status;
    level->link = SGR__LINK_VIA;
    level->link_place = node;
    const char *open = memchr(node->text.data, '(', node->text.size);
    size_t size = open ? (size_t)(open - node->text.data) : 0;
    while (size && isspace((unsigned char)node->text.data[size - 1]))
        size--;
    if (size == 0)
        return bad_via(node, error);
    struct sgr_slice arrow = {open, node->text.size - (size_t)(open - node->text.data)};
    struct sgr_vector left = SGR_VECTOR_INIT(const char *), right = SGR_VECTOR_INIT(const char *);
    status = take_arrow(plan, arrow, &left, &right);
    if (status == 0)
        status = settle_names(plan, &left, &level->left);
    if (status == 0)
        status = settle_names(plan, &right, &level->right);
    sgr_vector_fini(&left);
    sgr_vector_fini(&right);
    if (status == SGR_EPARSE)
        return bad_via(node, error);
    if (status != 0)
        return sgr__plan_memory(error);
    return sgr__plan_reference(plan, (struct sgr_slice){node->text.data, size}, node, &level->via,
                               error);
}

/* --- infer */

static bool ends_with(const char *text, const char *ending) {
    size_t size = strlen(text), tail = strlen(ending);
    return size > tail && strcmp(text + size - tail, ending) == 0;
}

/* categories → category, users → user. */
static const char *singular(struct sgr_plan *plan, const char *table) {
    const char *dot = strrchr(table, '.');
    const char *name = dot ? dot + 1 : table;
    int size = (int)strlen(name);
    if (ends_with(name, "ies"))
        return sgr_arena_printf(plan->arena, "%.*sy", size - 3, name);
    if (ends_with(name, "s") && !ends_with(name, "ss"))
        return sgr_arena_printf(plan->arena, "%.*s", size - 1, name);
    return name;
}

/* The link by the names' convention. To one: parent.FIELD_id = child's key. To many: the pivot PARENTS_FIELDs with the columns PARENT_id and
 * FIELD_id, in the parent's source and schema. */
int sgr__plan_infer(struct sgr_plan *plan, const struct sgr_document_node *node,
                    const struct sgr__reference *parent, struct sgr__plan_level *level,
                    struct sgr_error *error) {
    int status = sgr__plan_scalar(node, "infer", error);
    if (status != 0)
        return status;
    level->infer = node->text.data;
    level->link_place = node;
    level->link = level->one ? SGR__LINK_ON : SGR__LINK_VIA;
    if (level->one)
        return 0;
    size_t source;
    const char *table;
    if (!sgr__plan_base_table(plan, parent, &source, &table))
        return sgr__plan_error(sgr__place_of(node), error,
                               "the pivot table of \"%s\" can't be found by name, as its parent is "
                               "made of several tables: name it with via",
                               level->infer);
    const char *source_name = SGR_VECTOR_AT(&plan->sources, struct sgr__plan_source, source)->name;
    const char *pivot =
        sgr_arena_printf(plan->arena, "%s.%s_%ss", source_name, table, level->infer);
    level->singular = singular(plan, table);
    if (!pivot || !level->singular)
        return sgr__plan_memory(error);
    return sgr__plan_reference(plan, sgr_slice(pivot), node, &level->via, error);
}
