/* What nodes have counted, as metrics. */
#include "base/metrics.h"

#include "base/slice.h"
#include "graph/node.h"

struct family {
    const char *name, *kind, *help;
    double (*value)(const struct sgr_node_counters *counters);
};

static double runs(const struct sgr_node_counters *counters) {
    return (double)counters->runs;
}

static double rows_in(const struct sgr_node_counters *counters) {
    return (double)counters->rows_in;
}

static double rows_out(const struct sgr_node_counters *counters) {
    return (double)counters->rows_out;
}

static double failed_rows(const struct sgr_node_counters *counters) {
    return (double)counters->failed_rows;
}

static double state_bytes(const struct sgr_node_counters *counters) {
    return (double)counters->state_bytes;
}

static double index_bytes(const struct sgr_node_counters *counters) {
    return (double)counters->index_bytes;
}

static const struct family families[] = {
    {"sangre_node_runs_total", "counter", "Transactions and ticks that touched the node.", runs},
    {"sangre_node_rows_in_total", "counter", "Changed rows the node was given.", rows_in},
    {"sangre_node_rows_out_total", "counter", "Changed rows the node gave.", rows_out},
    {"sangre_node_failed_rows_total", "counter", "Rows that an operator failed on.", failed_rows},
    {"sangre_node_state_bytes", "gauge", "Memory of the node's operator.", state_bytes},
    {"sangre_node_index_bytes", "gauge", "Memory of the node's indexes, without rows.",
     index_bytes},
};

/* Names may be shared by nodes, numbers are not; but they change with the config. */
static void put_sample(struct sgr_buffer *out, const char *name, const struct sgr_node *node,
                       unsigned number, double value) {
    char text[16];
    snprintf(text, sizeof(text), "%u", number);
    struct sgr_metric_label labels[] = {{"node", sgr_slice(node->name)},
                                        {"number", sgr_slice(text)}};
    sgr_metric(out, name, labels, 2, value);
}

static void put_family(const struct sgr_graph *graph, const struct family *family,
                       struct sgr_buffer *out) {
    sgr_metric_family(out, family->name, family->kind, family->help);
    unsigned number = 0;
    SGR__NODES_EACH(node, graph) {
        struct sgr_node_counters counters;
        sgr_node_counters(node, &counters);
        put_sample(out, family->name, node, ++number, family->value(&counters));
    }
}

/* What operator plugins count, by the names they give it. */
static void put_own(const struct sgr_graph *graph, struct sgr_buffer *out) {
    static const char name[] = "sangre_operator_counts";
    sgr_metric_family(out, name, "gauge", "What the node's operator counts by itself.");
    SGR__NODES_EACH(node, graph) {
        for (size_t i = 0; i < node->metrics.count; i++) {
            const struct sgr__metric *metric = SGR_VECTOR_AT(&node->metrics, struct sgr__metric, i);
            struct sgr_metric_label labels[] = {{"node", sgr_slice(node->name)},
                                                {"counter", sgr_slice(metric->name)}};
            sgr_metric(out, name, labels, 2, (double)metric->value);
        }
    }
}

void sgr_graph_metrics(const struct sgr_graph *graph, struct sgr_buffer *out) {
    for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
        put_family(graph, &families[i], out);
    put_own(graph, out);
}
