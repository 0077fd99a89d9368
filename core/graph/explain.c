/* The graph shown: one line, vertex or object a node. Node numbers are counted from 1 over living nodes, so that the text of one config is
 * the same at each start and in a process that has made and dropped nodes. */
#include <inttypes.h>

#include "base/slice.h"
#include "graph/node.h"

static void put_text(struct sgr_buffer *out, const char *text) {
    sgr_buffer_puts(out, text);
}

static void put_json(struct sgr_buffer *out, const char *text) {
    sgr_buffer_json(out, sgr_slice(text));
}

static unsigned number_of(const struct sgr_node *node) {
    unsigned number = 1;
    SGR__NODES_EACH(other, node->graph) {
        if (other == node)
            break;
        number++;
    }
    return number;
}

static void put_columns(const struct sgr_node *node, const uint16_t *columns, size_t count,
                        void (*put)(struct sgr_buffer *, const char *), struct sgr_buffer *out) {
    for (size_t i = 0; i < count; i++) {
        if (i)
            put_text(out, ", ");
        put(out, node->schema->columns[columns[i]].name);
    }
}

static const char *type_of(const struct sgr_column *column) {
    return column->type_name && *column->type_name ? column->type_name
                                                   : sgr_type_name(column->type);
}

static void put_schema(const struct sgr_node *node, struct sgr_buffer *out) {
    for (uint16_t i = 0; i < node->schema->count; i++) {
        const struct sgr_column *column = &node->schema->columns[i];
        sgr_buffer_printf(out, "%s%s %s", i ? ", " : "", column->name, type_of(column));
    }
}

static const struct sgr_index *index_at(const struct sgr_node *node, size_t i) {
    return SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i)->index;
}

static void put_counters(const struct sgr_node *node, struct sgr_buffer *out) {
    struct sgr_node_counters counters;
    sgr_node_counters(node, &counters);
    sgr_buffer_printf(out,
                      " runs=%" PRIu64 " rows_in=%" PRIu64 " rows_out=%" PRIu64 " probes=%" PRIu64
                      " failed=%" PRIu64 " microseconds=%" PRIu64
                      " state_bytes=%zu index_rows=%zu index_bytes=%zu",
                      counters.runs, counters.rows_in, counters.rows_out, counters.probes,
                      counters.failed_rows, counters.nanoseconds / 1000, counters.state_bytes,
                      counters.index_rows, counters.index_bytes);
    for (size_t i = 0; i < node->metrics.count; i++) {
        struct sgr__metric *metric = SGR_VECTOR_AT(&node->metrics, struct sgr__metric, i);
        sgr_buffer_printf(out, " %s=%" PRId64, metric->name, metric->value);
    }
}

/* Text. */

static void text_origin(const struct sgr_node *node, struct sgr_buffer *out) {
    sgr_buffer_printf(out, "#%u %s", number_of(node), node->name);
    if (!node->plugin) {
        put_text(out, " = relation");
        return;
    }
    sgr_buffer_printf(out, " = %s(", node->plugin->name);
    for (size_t i = 0; i < node->input_count; i++)
        sgr_buffer_printf(out, "%s#%u", i ? ", " : "", number_of(node->inputs[i]));
    put_text(out, ")");
    const char *options = sgr_options_canonical(node->options);
    if (*options)
        sgr_buffer_printf(out, " {%s}", options);
    if (node->tick_every)
        sgr_buffer_printf(out, " every %" PRId64 "us", node->tick_every);
    else if (node->impure)
        put_text(out, " impure");
}

static void text_node(const struct sgr_node *node, bool live, struct sgr_buffer *out) {
    text_origin(node, out);
    put_text(out, " (");
    put_schema(node, out);
    put_text(out, node->key_count ? ") key(" : ") bag");
    put_columns(node, node->key, node->key_count, put_text, out);
    put_text(out, node->key_count ? ")" : "");
    for (size_t i = 0; i < node->arrangements.count; i++) {
        size_t count;
        const uint16_t *columns = sgr_index_columns(index_at(node, i), &count);
        put_text(out, " index(");
        put_columns(node, columns, count, put_text, out);
        put_text(out, ")");
    }
    sgr_buffer_printf(out, " users=%u", node->refs);
    if (live)
        put_counters(node, out);
    put_text(out, "\n");
}

/* DOT. */

static void dot_node(const struct sgr_node *node, bool live, struct sgr_buffer *out) {
    struct sgr_buffer label = SGR_BUFFER_INIT;
    unsigned number = number_of(node);
    text_node(node, live, &label);
    if (label.size)
        label.size--; /* the newline */
    sgr_buffer_printf(out, "  n%u [shape=%s, label=", number, node->plugin ? "box" : "cylinder");
    sgr_buffer_json(out, (struct sgr_slice){label.data, label.size});
    put_text(out, "];\n");
    sgr_buffer_fini(&label);
    for (size_t i = 0; i < node->input_count; i++)
        sgr_buffer_printf(out, "  n%u -> n%u;\n", number_of(node->inputs[i]), number);
}

/* JSON. */

static void json_indexes(const struct sgr_node *node, struct sgr_buffer *out) {
    put_text(out, ",\"indexes\":[");
    for (size_t i = 0; i < node->arrangements.count; i++) {
        size_t count;
        const uint16_t *columns = sgr_index_columns(index_at(node, i), &count);
        put_text(out, i ? ",{\"columns\":[" : "{\"columns\":[");
        put_columns(node, columns, count, put_json, out);
        sgr_buffer_printf(out, "]}");
    }
    put_text(out, "]");
}

static void json_schema(const struct sgr_node *node, struct sgr_buffer *out) {
    put_text(out, ",\"columns\":[");
    for (uint16_t i = 0; i < node->schema->count; i++) {
        const struct sgr_column *column = &node->schema->columns[i];
        put_text(out, i ? ",{\"name\":" : "{\"name\":");
        put_json(out, column->name);
        put_text(out, ",\"type\":");
        put_json(out, type_of(column));
        put_text(out, "}");
    }
    put_text(out, "],\"key\":[");
    put_columns(node, node->key, node->key_count, put_json, out);
    put_text(out, "]");
}

static void json_counters(const struct sgr_node *node, struct sgr_buffer *out) {
    struct sgr_node_counters counters;
    sgr_node_counters(node, &counters);
    sgr_buffer_printf(
        out,
        ",\"counters\":{\"runs\":%" PRIu64 ",\"rows_in\":%" PRIu64 ",\"rows_out\":%" PRIu64
        ",\"probes\":%" PRIu64 ",\"failed_rows\":%" PRIu64 ",\"nanoseconds\":%" PRIu64
        ",\"state_bytes\":%zu,\"index_rows\":%zu,\"index_bytes\":%zu",
        counters.runs, counters.rows_in, counters.rows_out, counters.probes, counters.failed_rows,
        counters.nanoseconds, counters.state_bytes, counters.index_rows, counters.index_bytes);
    for (size_t i = 0; i < node->metrics.count; i++) {
        struct sgr__metric *metric = SGR_VECTOR_AT(&node->metrics, struct sgr__metric, i);
        put_text(out, ",");
        put_json(out, metric->name);
        sgr_buffer_printf(out, ":%" PRId64, metric->value);
    }
    put_text(out, "}");
}

static void json_node(const struct sgr_node *node, bool live, struct sgr_buffer *out) {
    sgr_buffer_printf(out, "{\"id\":%u,\"name\":", number_of(node));
    put_json(out, node->name);
    put_text(out, ",\"plugin\":");
    if (node->plugin)
        put_json(out, node->plugin->name);
    else
        put_text(out, "null");
    put_text(out, ",\"options\":");
    put_json(out, sgr_options_canonical(node->options));
    put_text(out, ",\"inputs\":[");
    for (size_t i = 0; i < node->input_count; i++)
        sgr_buffer_printf(out, "%s%u", i ? "," : "", number_of(node->inputs[i]));
    put_text(out, "]");
    json_schema(node, out);
    json_indexes(node, out);
    sgr_buffer_printf(out, ",\"users\":%u,\"every\":%" PRId64 ",\"impure\":%s", node->refs,
                      node->tick_every, sgr_node_impure(node) ? "true" : "false");
    if (live)
        json_counters(node, out);
    put_text(out, "}");
}

void sgr_graph_explain(const struct sgr_graph *graph, enum sgr_explain_format format, bool live,
                       struct sgr_buffer *out) {
    static const char *const heads[] = {"", "digraph sangre {\n  rankdir=LR;\n", "["};
    static const char *const tails[] = {"", "}\n", "]"};
    put_text(out, heads[format]);
    SGR__NODES_EACH(node, graph) {
        if (format == SGR_EXPLAIN_TEXT)
            text_node(node, live, out);
        else if (format == SGR_EXPLAIN_DOT)
            dot_node(node, live, out);
        else
            json_node(node, live, out);
        if (format == SGR_EXPLAIN_JSON && sgr__node_next(node))
            put_text(out, ",");
    }
    put_text(out, tails[format]);
}
