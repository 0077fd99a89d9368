/* Views shown: one line, vertex or object a level, with how it is linked, what finds its rows by index, and what is tested row by row. */
#include "base/slice.h"
#include "row/row.h"
#include "view/instance.h"

/* Appends ", " but before the first. */
static void separate(struct sgr_buffer *out, size_t i) {
    if (i)
        sgr_buffer_puts(out, ", ");
}

static const char *column_name(const struct sgr__side *side, uint16_t column) {
    return side->schema->columns[column].name;
}

static void put_value(const struct sgr__level *level, const struct sgr__equality *equality,
                      struct sgr_buffer *out) {
    if (equality->parameter >= 0)
        sgr_buffer_printf(out, "$%s", level->view->parameters[equality->parameter].name);
    else if (equality->constant.null)
        sgr_buffer_puts(out, "null");
    else
        sgr_value_text(&equality->constant, out);
}

/* By index: what a changed row is looked up by. */
static void put_equalities(const struct sgr__level *level, struct sgr_buffer *out) {
    size_t count = 0;
    for (int via = 0; via < 2; via++) {
        const struct sgr__side *side = sgr__level_side(level, via);
        for (size_t i = 0; i < side->equality_count; i++) {
            separate(out, count++);
            sgr_buffer_printf(out, "%s%s = ", via ? "via." : "",
                              column_name(side, side->equalities[i].column));
            put_value(level, &side->equalities[i], out);
        }
    }
}

static void put_link(const struct sgr__level *level, struct sgr_buffer *out) {
    if (!level->parent)
        return;
    const struct sgr__side *parent = &level->parent->node, *node = &level->node;
    const struct sgr__side *first = level->via.node ? &level->via : node;
    for (size_t i = 0; i < level->link_count; i++) {
        separate(out, i);
        sgr_buffer_printf(out, "%s = %s%s", column_name(parent, level->parent_columns[i]),
                          level->via.node ? "via." : "", column_name(first, first->route[i]));
    }
    for (size_t i = 0; level->via.node && i < level->child_count; i++)
        sgr_buffer_printf(out, ", via.%s = %s",
                          column_name(&level->via, level->via_child_columns[i]),
                          column_name(node, node->route[i]));
}

static void put_order(const struct sgr__level *level, struct sgr_buffer *out) {
    for (size_t i = 0; i < level->order_count; i++) {
        const struct sgr_level_order *by = &level->order[i];
        separate(out, i);
        sgr_buffer_printf(out, "%s%s%s%s", by->via ? "via." : "",
                          column_name(sgr__level_side(level, by->via), by->column),
                          by->descending ? " desc" : "", by->nulls_first ? " nulls first" : "");
    }
}

static void put_parameters(const struct sgr__level *level, struct sgr_buffer *out) {
    size_t count = 0;
    for (uint64_t left = level->parameters; left; left &= left - 1) {
        separate(out, count++);
        sgr_buffer_printf(out, "$%s", level->view->parameters[__builtin_ctzll(left)].name);
    }
}

static const char *where_of(const struct sgr__level *level) {
    return level->where ? sgr_expression_canonical(level->where) : NULL;
}

/* ---- Text ---- */

typedef void put_fn(const struct sgr__level *level, struct sgr_buffer *out);

static void text_part(const struct sgr__level *level, const char *head, put_fn *put,
                      struct sgr_buffer *out) {
    struct sgr_buffer part = SGR_BUFFER_INIT;
    put(level, &part);
    if (part.size)
        sgr_buffer_printf(out, " %s(%.*s)", head, (int)part.size, part.data);
    sgr_buffer_fini(&part);
}

static void text_line(const struct sgr__level *level, bool live, struct sgr_buffer *out) {
    sgr_buffer_printf(out, "%s: %s of %s", level->parent ? level->field.name : level->view->path,
                      level->one ? "one" : "list", sgr_node_name(level->node.node));
    if (level->via.node)
        sgr_buffer_printf(out, " via %s", sgr_node_name(level->via.node));
    text_part(level, "on", put_link, out);
    text_part(level, "indexed", put_equalities, out);
    if (where_of(level))
        sgr_buffer_printf(out, " tested(%s)", where_of(level));
    text_part(level, "order", put_order, out);
    if (level->limit != UINT64_MAX && !level->one)
        sgr_buffer_printf(out, " limit %llu", (unsigned long long)level->limit);
    text_part(level, "once per", put_parameters, out);
    if (live)
        sgr_buffer_printf(out, " collections=%zu members=%zu", level->collections, level->members);
    if (live && !level->parent)
        sgr_buffer_printf(out, " instances=%zu open=%zu subscribers=%zu",
                          level->view->instances.count, level->view->open_instances,
                          level->view->subscribers);
}

static void text_level(const struct sgr__level *level, bool live, struct sgr_buffer *out) {
    sgr_buffer_printf(out, "%*s", (int)level->depth * 2, "");
    text_line(level, live, out);
    sgr_buffer_putc(out, '\n');
    for (size_t i = 0; i < level->level_count; i++)
        text_level(&level->levels[i], live, out);
}

/* ---- DOT ---- */

static void dot_level(const struct sgr__level *level, bool live, struct sgr_buffer *out) {
    struct sgr_buffer label = SGR_BUFFER_INIT;
    text_line(level, live, &label);
    sgr_buffer_printf(out, "  l%llu [shape=note, label=", (unsigned long long)level->serial);
    sgr_buffer_json(out, (struct sgr_slice){label.data, label.size});
    sgr_buffer_puts(out, "];\n");
    sgr_buffer_fini(&label);
    if (level->parent)
        sgr_buffer_printf(out, "  l%llu -> l%llu;\n", (unsigned long long)level->parent->serial,
                          (unsigned long long)level->serial);
    for (size_t i = 0; i < level->level_count; i++)
        dot_level(&level->levels[i], live, out);
}

/* ---- JSON ---- */

static void json_part(const struct sgr__level *level, const char *name, put_fn *put,
                      struct sgr_buffer *out) {
    struct sgr_buffer part = SGR_BUFFER_INIT;
    put(level, &part);
    sgr_buffer_printf(out, ",\"%s\":", name);
    sgr_buffer_json(out, (struct sgr_slice){part.data ? part.data : "", part.size});
    sgr_buffer_fini(&part);
}

static void json_level(const struct sgr__level *level, bool live, struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"name\":");
    sgr_buffer_json(out, sgr_slice(level->parent ? level->field.name : level->view->path));
    sgr_buffer_printf(out, ",\"one\":%s,\"from\":", level->one ? "true" : "false");
    sgr_buffer_json(out, sgr_slice(sgr_node_name(level->node.node)));
    if (level->via.node) {
        sgr_buffer_puts(out, ",\"via\":");
        sgr_buffer_json(out, sgr_slice(sgr_node_name(level->via.node)));
    }
    json_part(level, "on", put_link, out);
    json_part(level, "indexed", put_equalities, out);
    sgr_buffer_puts(out, ",\"tested\":");
    sgr_buffer_json(out, sgr_slice(where_of(level) ? where_of(level) : ""));
    json_part(level, "order", put_order, out);
    json_part(level, "parameters", put_parameters, out);
    if (level->limit != UINT64_MAX)
        sgr_buffer_printf(out, ",\"limit\":%llu", (unsigned long long)level->limit);
    if (live)
        sgr_buffer_printf(out, ",\"collections\":%zu,\"members\":%zu", level->collections,
                          level->members);
    if (live && !level->parent)
        sgr_buffer_printf(out, ",\"instances\":%zu,\"open\":%zu,\"subscribers\":%zu",
                          level->view->instances.count, level->view->open_instances,
                          level->view->subscribers);
    sgr_buffer_puts(out, ",\"levels\":[");
    for (size_t i = 0; i < level->level_count; i++) {
        if (i)
            sgr_buffer_putc(out, ',');
        json_level(&level->levels[i], live, out);
    }
    sgr_buffer_puts(out, "]}");
}

void sgr_views_explain(const struct sgr_views *views, enum sgr_explain_format format, bool live,
                       struct sgr_buffer *out) {
    static const char *const heads[] = {"", "digraph views {\n", "["};
    static const char *const tails[] = {"", "}\n", "]"};
    size_t count = 0;
    void *value;
    sgr_buffer_puts(out, heads[format]);
    for (size_t at = 0; sgr_map_next(views->paths, &at, NULL, &value);) {
        const struct sgr_view *view = value;
        if (format == SGR_EXPLAIN_JSON && count++)
            sgr_buffer_putc(out, ',');
        if (format == SGR_EXPLAIN_TEXT)
            text_level(view->root, live, out);
        else if (format == SGR_EXPLAIN_DOT)
            dot_level(view->root, live, out);
        else
            json_level(view->root, live, out);
    }
    sgr_buffer_puts(out, tails[format]);
}
