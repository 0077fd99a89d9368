/* From a declaration to a compiled level: checks, copies, columns to route by, text. */
#include "view/level.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "row/row.h"
#include "view/views.h"

struct compiler {
    struct sgr_view *view;
    struct sgr_arena *arena;
    struct sgr_error *error;
};

static int no_memory(struct compiler *compiler) {
    return sgr_error_set(compiler->error, SGR_ENOMEM, "out of memory for a view");
}

static void *copy(struct compiler *compiler, const void *items, size_t size) {
    void *own = sgr_arena_alloc(compiler->arena, size + 1);
    if (own && size)
        memcpy(own, items, size);
    return own;
}

/* ---- Text ---- */

static struct sgr_slice keep_text(struct compiler *compiler, struct sgr_buffer *out) {
    struct sgr_slice text = {out->data, out->size};
    text.data = out->failed ? NULL : sgr_arena_copy(compiler->arena, text);
    return text;
}

/* A JSON Pointer's token: ~ and / escaped, then as JSON text without its quotes. */
static void write_pointer(struct sgr_buffer *out, const char *name, struct sgr_buffer *token) {
    for (; *name; name++) {
        if (*name == '~')
            sgr_buffer_puts(token, "~0");
        else if (*name == '/')
            sgr_buffer_puts(token, "~1");
        else
            sgr_buffer_putc(token, *name);
    }
    struct sgr_buffer quoted = SGR_BUFFER_INIT;
    sgr_buffer_json(&quoted, (struct sgr_slice){token->data ? token->data : "", token->size});
    sgr_buffer_putc(out, '/');
    if (quoted.size >= 2)
        sgr_buffer_append(out, quoted.data + 1, quoted.size - 2);
    out->failed |= quoted.failed || token->failed;
    sgr_buffer_fini(&quoted);
}

static int compile_name(struct compiler *compiler, const char *name, struct sgr__column *ret) {
    struct sgr_buffer label = SGR_BUFFER_INIT, pointer = SGR_BUFFER_INIT, token = SGR_BUFFER_INIT;
    sgr_buffer_json(&label, sgr_slice(name));
    sgr_buffer_putc(&label, ':');
    write_pointer(&pointer, name, &token);
    ret->name = sgr_arena_copy(compiler->arena, sgr_slice(name));
    ret->label = keep_text(compiler, &label);
    ret->pointer = keep_text(compiler, &pointer);
    sgr_buffer_fini(&label);
    sgr_buffer_fini(&pointer);
    sgr_buffer_fini(&token);
    return ret->name && ret->label.data && ret->pointer.data ? 0 : no_memory(compiler);
}

/* ---- Checks ---- */

static int check_columns(struct compiler *compiler, const char *what,
                         const struct sgr_schema *schema, const uint16_t *columns, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!schema || columns[i] >= schema->count)
            return sgr_error_set(compiler->error, SGR_EINVAL, "%s: no column %u", what, columns[i]);
    return 0;
}

static int check_column(struct compiler *compiler, const char *what, const struct sgr__level *level,
                        bool via, uint16_t column) {
    return check_columns(compiler, what, sgr__level_side(level, via)->schema, &column, 1);
}

static int check_link_types(struct compiler *compiler, const struct sgr_schema *a,
                            const uint16_t *as, const struct sgr_schema *b, const uint16_t *bs,
                            size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct sgr_column *left = &a->columns[as[i]], *right = &b->columns[bs[i]];
        if (!sgr_type_same_class(left->type, right->type))
            return sgr_error_set(compiler->error, SGR_ETYPE, "a link from %s (%s) to %s (%s)",
                                 left->name, left->type_name, right->name, right->type_name);
    }
    return 0;
}

/* ---- Parts of a level ---- */

static int compile_side(struct compiler *compiler, struct sgr_node *node, struct sgr__side *side) {
    if (!node)
        return 0;
    side->node = sgr_node_ref(node);
    side->schema = sgr_node_schema(node);
    const uint16_t *key = sgr_node_key(node, &side->identity_count);
    side->bag = !side->identity_count;
    if (side->bag)
        side->identity_count = side->schema->count;
    uint16_t *identity =
        sgr_arena_alloc(compiler->arena, (side->identity_count + 1) * sizeof(*key));
    if (!identity)
        return no_memory(compiler);
    for (size_t i = 0; i < side->identity_count; i++)
        identity[i] = side->bag ? (uint16_t)i : key[i];
    side->identity = identity;
    return 0;
}

static int compile_link(struct compiler *compiler, const struct sgr_level *from,
                        struct sgr__level *level) {
    const struct sgr_schema *parent = level->parent ? level->parent->node.schema : NULL;
    level->link_count = from->parent_count;
    level->child_count = from->child_count;
    level->parent_columns =
        copy(compiler, from->parent_columns, from->parent_count * sizeof(uint16_t));
    level->via_child_columns = copy(compiler, from->via ? from->via_child_columns : NULL,
                                    from->via ? from->child_count * sizeof(uint16_t) : 0);
    if (!level->parent_columns || !level->via_child_columns)
        return no_memory(compiler);
    const struct sgr_schema *node = level->node.schema, *via = level->via.schema;
    int code = check_columns(compiler, "link", parent, from->parent_columns, from->parent_count);
    if (!code)
        code = check_columns(compiler, "link", node, from->child_columns, from->child_count);
    if (code)
        return code;
    if (!from->via)
        return from->child_count != from->parent_count
                   ? sgr_error_set(compiler->error, SGR_EINVAL, "a link's sides differ in columns")
                   : check_link_types(compiler, parent, from->parent_columns, node,
                                      from->child_columns, from->child_count);
    code = check_columns(compiler, "via", via, from->via_parent_columns, from->parent_count);
    if (!code)
        code = check_columns(compiler, "via", via, from->via_child_columns, from->child_count);
    if (!code)
        code = check_link_types(compiler, parent, from->parent_columns, via,
                                from->via_parent_columns, from->parent_count);
    return code ? code
                : check_link_types(compiler, via, from->via_child_columns, node,
                                   from->child_columns, from->child_count);
}

static int compile_equality(struct compiler *compiler, const struct sgr_level_equality *from,
                            struct sgr__level *level, struct sgr__equality *ret) {
    if (from->parameter >= 0 && (size_t)from->parameter >= compiler->view->parameter_count)
        return sgr_error_set(compiler->error, SGR_EINVAL, "no parameter %d", from->parameter);
    *ret = (struct sgr__equality){from->column, from->parameter, from->constant};
    if (from->parameter >= 0) {
        level->parameters |= (uint64_t)1 << from->parameter;
        return 0;
    }
    return sgr__value_keep(compiler->arena, &ret->constant) ? 0 : no_memory(compiler);
}

static int by_column(const void *a, const void *b) {
    const struct sgr__equality *left = a, *right = b;
    return (int)left->column - (int)right->column;
}

static int compile_equalities(struct compiler *compiler, const struct sgr_level *from, bool via,
                              struct sgr__level *level) {
    struct sgr__side *side = via ? &level->via : &level->node;
    struct sgr__equality *own =
        sgr_arena_alloc(compiler->arena, (from->equality_count + 1) * sizeof(*own));
    if (!own)
        return no_memory(compiler);
    for (size_t i = 0; i < from->equality_count; i++) {
        const struct sgr_level_equality *equality = &from->equalities[i];
        if (equality->via != via)
            continue;
        int code = check_column(compiler, "equality", level, via, equality->column);
        if (!code)
            code = compile_equality(compiler, equality, level, &own[side->equality_count++]);
        if (code)
            return code;
    }
    qsort(own, side->equality_count, sizeof(*own), by_column);
    side->equalities = own;
    return 0;
}

/* The index to fill collections from, and the router that keeps them. */
static int compile_route(struct compiler *compiler, const uint16_t *link, size_t link_count,
                         bool via, struct sgr__side *side) {
    size_t count = link_count + side->equality_count;
    uint16_t *columns = sgr_arena_alloc(compiler->arena, (count + 1) * sizeof(*columns));
    if (!columns)
        return no_memory(compiler);
    for (size_t i = 0; i < count; i++)
        columns[i] = i < link_count ? link[i] : side->equalities[i - link_count].column;
    side->route = columns;
    side->route_count = count;
    int code = count ? sgr_node_index(side->node, columns, count, &side->index, compiler->error)
                     : sgr_node_index(side->node, side->identity, side->identity_count,
                                      &side->index, compiler->error);
    return code ? code
                : sgr__router_get(compiler->view->views, side->node, via, columns, count,
                                  &side->router, compiler->error);
}

static int compile_routes(struct compiler *compiler, const struct sgr_level *from,
                          struct sgr__level *level) {
    int code = compile_route(compiler, from->child_columns, from->child_count, false, &level->node);
    if (!code && level->via.node)
        code = compile_route(compiler, from->via_parent_columns, from->parent_count, true,
                             &level->via);
    return code;
}

static int compile_shown(struct compiler *compiler, const struct sgr_level *from,
                         struct sgr__level *level) {
    int code = 0;
    for (size_t i = 0; !code && i < from->order_count; i++)
        code = check_column(compiler, "order", level, from->order[i].via, from->order[i].column);
    level->order = copy(compiler, from->order, from->order_count * sizeof(*from->order));
    level->order_count = from->order_count;
    struct sgr__column *columns =
        sgr_arena_alloc(compiler->arena, (from->column_count + 1) * sizeof(*columns));
    if (!level->order || !columns)
        return no_memory(compiler);
    for (size_t i = 0; !code && i < from->column_count; i++) {
        const struct sgr_level_column *column = &from->columns[i];
        columns[i].via = column->via;
        columns[i].column = column->column;
        code = check_column(compiler, "column", level, column->via, column->column);
        if (!code)
            code = compile_name(compiler, column->name, &columns[i]);
    }
    level->columns = columns;
    level->column_count = from->column_count;
    return code;
}

/* ---- How the codec `rows` names members ---- */

static bool has(const uint16_t *columns, size_t count, uint16_t column) {
    for (size_t i = 0; i < count; i++)
        if (columns[i] == column)
            return true;
    return false;
}

static bool shown_at(const struct sgr__level *level, bool via, uint16_t column, uint16_t *ret) {
    for (size_t i = 0; i < level->column_count; i++)
        if (level->columns[i].via == via && level->columns[i].column == column) {
            *ret = (uint16_t)i;
            return true;
        }
    return false;
}

/* Whether a pivot's column follows from the collection and the member's node. */
static bool via_follows(const struct sgr__level *level, uint16_t column) {
    if (has(level->via.route, level->via.route_count, column))
        return true;
    for (size_t i = 0; i < level->child_count; i++)
        if (level->via_child_columns[i] == column &&
            has(level->node.identity, level->node.identity_count, level->node.route[i]))
            return true;
    return false;
}

/* Key columns that are the same for all members of a collection need not be shown. */
static bool node_follows(const struct sgr__level *level, uint16_t column) {
    size_t fixed = level->via.node ? level->child_count : 0;
    return has(level->node.route + fixed, level->node.route_count - fixed, column);
}

static int compile_key(struct compiler *compiler, struct sgr__level *level) {
    size_t most = level->node.identity_count + level->via.identity_count;
    uint16_t *key = sgr_arena_alloc(compiler->arena, (most + 1) * sizeof(*key));
    if (!key)
        return no_memory(compiler);
    level->key = key;
    size_t count = 0;
    if (level->node.bag || level->via.bag)
        return 0;
    for (size_t i = 0; i < level->node.identity_count; i++) {
        if (shown_at(level, false, level->node.identity[i], &key[count]))
            count++;
        else if (!node_follows(level, level->node.identity[i]))
            return 0;
    }
    for (size_t i = 0; i < level->via.identity_count; i++) {
        if (via_follows(level, level->via.identity[i]))
            continue;
        if (!shown_at(level, true, level->via.identity[i], &key[count]))
            return 0;
        count++;
    }
    level->key_count = count;
    return 0;
}

/* ---- Levels ---- */

static int compile_level(struct compiler *compiler, const struct sgr_level *from,
                         const struct sgr__level *parent, struct sgr__level *level);

static int compile_levels(struct compiler *compiler, const struct sgr_level *from,
                          struct sgr__level *level) {
    level->levels = sgr_arena_alloc(compiler->arena, (from->level_count + 1) * sizeof(*level));
    if (!level->levels)
        return no_memory(compiler);
    for (size_t i = 0; i < from->level_count; i++) {
        level->level_count = i + 1;
        int code = compile_level(compiler, &from->levels[i], level, &level->levels[i]);
        if (code)
            return code;
        level->parameters |= level->levels[i].parameters;
    }
    return 0;
}

static int compile_parameters(struct compiler *compiler, struct sgr__level *level) {
    level->parameter_count = (size_t)__builtin_popcountll(level->parameters);
    level->scratch =
        sgr_arena_alloc(compiler->arena,
                        (level->link_count + level->parameter_count + 1) * sizeof(*level->scratch));
    return level->scratch ? 0 : no_memory(compiler);
}

static int compile_level(struct compiler *compiler, const struct sgr_level *from,
                         const struct sgr__level *parent, struct sgr__level *level) {
    *level = (struct sgr__level){
        .view = compiler->view,
        .parent = parent,
        .serial = ++compiler->view->views->serials,
        .depth = parent ? parent->depth + 1 : 0,
        .one = from->one,
        .limit = from->one     ? 1
                 : from->limit ? from->limit
                               : UINT64_MAX,
        .parameters = from->where ? sgr_expression_parameters(from->where) : 0,
    };
    if (level->depth >= SGR__LEVELS_DEEP)
        return sgr_error_set(compiler->error, SGR_ELIMIT, "levels are nested deeper than %d",
                             SGR__LEVELS_DEEP);
    int code = compile_side(compiler, from->node, &level->node);
    if (!code)
        code = compile_side(compiler, from->via, &level->via);
    if (!code)
        code = compile_name(compiler, from->name ? from->name : "", &level->field);
    if (!code)
        code = compile_link(compiler, from, level);
    if (!code)
        code = compile_equalities(compiler, from, false, level);
    if (!code)
        code = compile_equalities(compiler, from, true, level);
    if (!code)
        code = compile_routes(compiler, from, level);
    if (!code)
        code = compile_shown(compiler, from, level);
    if (!code)
        code = compile_key(compiler, level);
    if (!code)
        code = compile_levels(compiler, from, level);
    return code ? code : compile_parameters(compiler, level);
}

/* Expressions pass into the view's hands when nothing can fail any more: a refused view leaves them with the caller. */
static void take_expressions(const struct sgr_level *from, struct sgr__level *level) {
    level->where = from->where;
    for (size_t i = 0; i < level->level_count; i++)
        take_expressions(&from->levels[i], &level->levels[i]);
}

int sgr__level_compile(struct sgr_view *view, const struct sgr_level *from,
                       struct sgr_error *error) {
    struct compiler compiler = {view, view->arena, error};
    view->root = sgr_arena_alloc(view->arena, sizeof(*view->root));
    if (!view->root)
        return no_memory(&compiler);
    int code = compile_level(&compiler, from, NULL, view->root);
    if (!code)
        take_expressions(from, view->root);
    return code;
}

static void fini_side(struct sgr__side *side) {
    sgr__router_put(side->router);
    if (side->index)
        sgr_node_unindex(side->node, side->index);
    sgr_node_unref(side->node);
}

void sgr__level_fini(struct sgr__level *level) {
    for (size_t i = 0; i < level->level_count; i++)
        sgr__level_fini(&level->levels[i]);
    fini_side(&level->node);
    fini_side(&level->via);
    sgr_expression_free(level->where);
}
