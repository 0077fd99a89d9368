/* `views:` — their parameters and the tree of levels, as declared. */
#include <stdlib.h>

#include "base/slice.h"
#include "plan/internal.h"
#include "plan/lexer.h"

#define LEVELS_DEEP 32

static int read_level(struct sgr_plan *plan, struct sgr__plan_view *view,
                      const struct sgr_document_node *node, const struct sgr__plan_level *parent,
                      unsigned depth, struct sgr__plan_level *level, struct sgr_error *error);

static int read_bool(const struct sgr_document_node *node, const char *what, bool *ret,
                     struct sgr_error *error) {
    if (node->kind == SGR_DOCUMENT_SCALAR && !node->quoted &&
        (sgr_slice_is(node->text, "true") || sgr_slice_is(node->text, "false"))) {
        *ret = node->text.data[0] == 't';
        return 0;
    }
    return sgr__plan_error(sgr__place_of(node), error, "%s must be true or false", what);
}

static int read_limit(const struct sgr_document_node *node, uint64_t *ret,
                      struct sgr_error *error) {
    int64_t number;
    if (node->kind != SGR_DOCUMENT_SCALAR || !sgr_slice_int(node->text, &number) || number < 1)
        return sgr__plan_error(sgr__place_of(node), error,
                               "limit must be a whole number, 1 or more");
    *ret = (uint64_t)number;
    return 0;
}

/* One pair of `get`: the value is $PARAMETER or a constant. */
static int read_get(struct sgr__plan_view *view, const struct sgr_document_pair *pair,
                    struct sgr__get *get, struct sgr_error *error) {
    *get = (struct sgr__get){pair->name, sgr__place_of_key(pair), -1, pair->value};
    int status = sgr__plan_scalar(pair->value, "what a column must equal", error);
    if (status != 0)
        return status;
    struct sgr_slice text = pair->value->text;
    if (text.data[0] != '$')
        return 0;
    status = sgr__plan_check_sql(view, pair->value, error);
    if (status == 0)
        get->parameter =
            sgr__plan_parameter(view, (struct sgr_slice){text.data + 1, text.size - 1});
    if (status == 0 && get->parameter < 0)
        return sgr__plan_error(sgr__place_of(pair->value), error,
                               "\"%.*s\" is no parameter: write $NAME or a constant",
                               SGR_SLICE_ARGS(text));
    return status;
}

static int read_gets(struct sgr_plan *plan, struct sgr__plan_view *view,
                     const struct sgr_document_node *node, struct sgr__plan_level *level,
                     struct sgr_error *error) {
    int status = sgr__plan_mapping(node, "get", error);
    if (status == 0 && node->count == 0)
        return sgr__plan_error(sgr__place_of(node), error, "get names no column");
    if (status != 0)
        return status;
    level->get = sgr_arena_alloc(plan->arena, (node->count + 1) * sizeof(*level->get));
    if (!level->get)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < node->count && status == 0; i++)
        status = read_get(view, &node->pairs[i], &level->get[i], error);
    level->get_count = node->count;
    level->one = true;
    return status;
}

static int read_link(struct sgr_plan *plan, const struct sgr_document_node *node,
                     const struct sgr__plan_level *parent, struct sgr__plan_level *level,
                     struct sgr_error *error) {
    static const char *const names[] = {"via", "on", "infer"};
    const struct sgr_document_node *found = NULL;
    int which = 0;
    for (int i = 0; i < 3; i++) {
        const struct sgr_document_node *value = sgr_document_get(node, names[i]);
        if (value && found)
            return sgr__plan_error(sgr__place_of(value), error,
                                   "\"%s\" and \"%s\" can't stand together", names[which],
                                   names[i]);
        if (value) {
            found = value;
            which = i;
        }
    }
    if (!found)
        return sgr__plan_error(
            sgr__place_of(node), error,
            "\"%s\" is not linked to its parent: give on: \"PARENT_COLUMN = CHILD_COLUMN\", or "
            "via: \"SOURCE.TABLE (COLUMN_OF_PARENT -> COLUMN_OF_CHILD)\"",
            level->name);
    if (which == 0)
        return sgr__plan_via(plan, found, level, error);
    if (which == 1)
        return sgr__plan_on(plan, found, level, error);
    return sgr__plan_infer(plan, found, &parent->from, level, error);
}

/* A field of the document comes from one place. */
static int check_fields(const struct sgr__plan_level *level, size_t count, struct sgr__place place,
                        struct sgr_error *error) {
    const char *name = level->levels[count].name;
    for (size_t i = 0; i < count; i++)
        if (strcmp(level->levels[i].name, name) == 0)
            return sgr__plan_error(place, error, "the document would have two fields \"%s\"", name);
    for (size_t i = 0; i < level->column_count; i++)
        if (strcmp(level->columns[i].label, name) == 0)
            return sgr__plan_error(place, error,
                                   "the document would have two fields \"%s\": name this one with "
                                   "as, or leave the column out",
                                   name);
    return 0;
}

static int read_populate(struct sgr_plan *plan, struct sgr__plan_view *view,
                         const struct sgr_document_node *node, unsigned depth,
                         struct sgr__plan_level *level, struct sgr_error *error) {
    int status = sgr__plan_mapping(node, "populate", error);
    if (status != 0)
        return status;
    level->levels = sgr_arena_alloc(plan->arena, (node->count + 1) * sizeof(*level->levels));
    if (!level->levels)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < node->count && status == 0; i++) {
        const struct sgr_document_pair *pair = &node->pairs[i];
        const struct sgr_document_node *as = sgr_document_get(pair->value, "as");
        status = as ? sgr__plan_scalar(as, "as", error) : 0;
        if (status != 0)
            return status;
        level->levels[i].name = as ? as->text.data : pair->name;
        status = check_fields(level, i, sgr__place_of_key(pair), error);
        if (status == 0)
            status =
                read_level(plan, view, pair->value, level, depth + 1, &level->levels[i], error);
        level->level_count = i + 1;
    }
    return status;
}

static int read_from(struct sgr_plan *plan, const struct sgr_document_node *node,
                     struct sgr__plan_level *level, struct sgr_error *error) {
    const struct sgr_document_node *from = sgr_document_get(node, "from");
    if (!from)
        return sgr__plan_error(sgr__place_of(node), error,
                               "\"from\" is missing: SOURCE.TABLE or a node's name");
    int status = sgr__plan_scalar(from, "from", error);
    return status == 0 ? sgr__plan_reference(plan, from->text, from, &level->from, error) : status;
}

/* What may stand at any level. */
static int read_clauses(struct sgr_plan *plan, struct sgr__plan_view *view,
                        const struct sgr_document_node *node, struct sgr__plan_level *level,
                        struct sgr_error *error) {
    const struct sgr_document_node *one = sgr_document_get(node, "one");
    const struct sgr_document_node *limit = sgr_document_get(node, "limit");
    const struct sgr_document_node *order = sgr_document_get(node, "order_by");
    const struct sgr_document_node *columns = sgr_document_get(node, "columns");
    level->where = sgr_document_get(node, "where");
    int status = one ? read_bool(one, "one", &level->one, error) : 0;
    if (status == 0 && limit)
        status = read_limit(limit, &level->limit, error);
    if (status == 0 && order)
        status = sgr__plan_order(plan, order, level, error);
    if (status == 0 && columns)
        status = sgr__plan_columns(plan, columns, level, error);
    if (status == 0 && level->where)
        status = sgr__plan_scalar(level->where, "where", error);
    if (status == 0 && level->where)
        status = sgr__plan_check_sql(view, level->where, error);
    return status;
}

static int check_level_keys(const struct sgr_document_node *node, bool root,
                            struct sgr_error *error) {
    static const char *const root_keys[] = {"from",  "params",   "auth",  "get",
                                            "where", "order_by", "limit", "columns",
                                            "one",   "populate", NULL};
    static const char *const keys[] = {"from",  "via",     "on",       "one", "where", "order_by",
                                       "limit", "columns", "populate", "as",  "infer", NULL};
    int status = sgr__plan_mapping(node, root ? "a view" : "a populated field", error);
    if (status == 0 && !root && sgr_document_get(node, "get"))
        return sgr__plan_error(sgr__place_of(sgr_document_get(node, "get")), error,
                               "get belongs to the view itself: a populated field that is one "
                               "document is written one: true");
    return status == 0 ? sgr__plan_keys(node, root ? "a view" : "a populated field",
                                        root ? root_keys : keys, error)
                       : status;
}

static int read_level(struct sgr_plan *plan, struct sgr__plan_view *view,
                      const struct sgr_document_node *node, const struct sgr__plan_level *parent,
                      unsigned depth, struct sgr__plan_level *level, struct sgr_error *error) {
    const struct sgr_document_node *get, *populate;
    level->place = node;
    int status = check_level_keys(node, !parent, error);
    if (status == 0 && depth > LEVELS_DEEP)
        status = sgr__plan_error(sgr__place_of(node), error, "populated deeper than %d levels",
                                 LEVELS_DEEP);
    if (status == 0)
        status = read_from(plan, node, level, error);
    if (status == 0)
        status = read_clauses(plan, view, node, level, error);
    if (status == 0 && !parent && (get = sgr_document_get(node, "get")))
        status = read_gets(plan, view, get, level, error);
    if (status == 0 && parent)
        status = read_link(plan, node, parent, level, error);
    if (status == 0 && (populate = sgr_document_get(node, "populate")))
        status = read_populate(plan, view, populate, depth, level, error);
    return status;
}

/* A path is what a URL has, and can't be taken for the server's own. */
static int check_path(const struct sgr_document_pair *pair, struct sgr_error *error) {
    const char *path = pair->name;
    size_t size = strlen(path);
    bool good = path[0] == '/' && size > 1 && size <= 200 && path[size - 1] != '/';
    for (const char *at = path; *at && good; at++)
        good =
            *at > ' ' && *at < 0x7f && !strchr("?#%\\\"", *at) && !(at[0] == '/' && at[1] == '/');
    if (!good)
        return sgr__plan_error(sgr__place_of_key(pair), error,
                               "\"%.100s\" is no path for a view: write /NAME", path);
    if (strncmp(path, "/_sangre", 8) == 0 && (path[8] == '/' || !path[8]))
        return sgr__plan_error(sgr__place_of_key(pair), error,
                               "paths below /_sangre are the server's own");
    return 0;
}

static int read_view(struct sgr_plan *plan, const struct sgr_document_pair *pair,
                     struct sgr__plan_view *view, struct sgr_error *error) {
    view->path = pair->name;
    view->place = sgr__place_of_key(pair);
    int status = check_path(pair, error);
    if (status == 0)
        status = check_level_keys(pair->value, true, error);
    const struct sgr_document_node *params = sgr_document_get(pair->value, "params");
    if (status == 0 && params)
        status = sgr__plan_parameters(plan, params, view, error);
    if (status == 0)
        status = sgr__plan_view_auth(plan, pair->value, view, error);
    return status == 0 ? read_level(plan, view, pair->value, NULL, 0, &view->root, error) : status;
}

int sgr__plan_views(struct sgr_plan *plan, const struct sgr_document_node *mapping,
                    struct sgr_error *error) {
    int status = sgr__plan_mapping(mapping, "views", error);
    if (status != 0)
        return status;
    plan->views = sgr_arena_alloc(plan->arena, (mapping->count + 1) * sizeof(*plan->views));
    if (!plan->views)
        return sgr__plan_memory(error);
    for (size_t i = 0; i < mapping->count && status == 0; i++) {
        status = read_view(plan, &mapping->pairs[i], &plan->views[i], error);
        plan->view_count = i + 1;
    }
    return status;
}
