/* The graph: relations at the left, operator nodes after them, interned so that equal plans share nodes, run once per transaction in
 * topological order. Pure: time and I/O come from outside. Engine's thread.
 *
 * A run: the caller feeds relation nodes (sgr_node_feed), then sgr_graph_run. For each node whose inputs changed, in order of creation
 * (inputs always come before), apply is called with the inputs' batches; its output is consolidated, the node's indexes are brought to the
 * state after the batch, and only then later nodes and observers see it. Batches live until the next run begins.
 */
#ifndef SGR_GRAPH_GRAPH_H
#define SGR_GRAPH_GRAPH_H

#include <sangre/operator.h>

#include "base/buffer.h"
#include "row/index.h"

struct sgr_graph;
struct sgr_node;

/* Options of a node as parsed by the loader: the filled struct and its canonical text, which interning compares. */
struct sgr_options;

struct sgr_graph_hooks { /* how operators reach the world; all optional */
    void *data;
    bool (*demanded)(void *data, struct sgr_node *node, const struct sgr_row *row);
    void (*row_failed)(void *data, struct sgr_node *node, const char *row_text,
                       const struct sgr_error *error);
};

struct sgr_graph *sgr_graph_new(struct sgr_heap *heap, uint64_t seed,
                                const struct sgr_graph_hooks *hooks);
void sgr_graph_free(
    struct sgr_graph *graph); /* nodes still referenced are an error of the caller */
struct sgr_heap *sgr_graph_heap(const struct sgr_graph *graph);

/* An input node: rows come by sgr_node_feed. `name` is "source.table". Each call makes a new node. It has an index by its key (by all
 * columns for a bag) from the start. */
int sgr_graph_relation(struct sgr_graph *graph, const char *name, const struct sgr_schema *schema,
                       const uint16_t *key, size_t key_count, struct sgr_node **ret,
                       struct sgr_error *error);
/* The node with this plugin, canonical options and inputs: an existing one with one more reference, or a new one that is filled from its
 * inputs' current contents. Takes over `options` in any case (frees them if shared). `name` is a hint for explain. */
int sgr_graph_operator(struct sgr_graph *graph, const struct sgr_plugin *plugin,
                       struct sgr_options *options, struct sgr_node *const *inputs,
                       size_t input_count, const char *name, struct sgr_node **ret,
                       struct sgr_error *error);

/* A node lives while it has references, users downstream among them. NULL is fine. */
struct sgr_node *sgr_node_ref(struct sgr_node *node);
void sgr_node_unref(struct sgr_node *node);

uint32_t
sgr_node_id(const struct sgr_node *node); /* small, in order of creation; stable while it lives */
const char *sgr_node_name(const struct sgr_node *node);
/* Whether an operator reads it. */
bool sgr_node_is_input(const struct sgr_node *node);
const struct sgr_schema *sgr_node_schema(const struct sgr_node *node);
const uint16_t *sgr_node_key(const struct sgr_node *node, size_t *ret_count); /* count 0: a bag */
const struct sgr_plugin *sgr_node_plugin(const struct sgr_node *node);        /* NULL: a relation */
bool sgr_node_impure(const struct sgr_node *node); /* it or anything before it */

/* The node's index by these columns (order matters), shared; made and filled if there is none yet. Unref'd by sgr_node_unindex. */
int sgr_node_index(struct sgr_node *node, const uint16_t *columns, size_t count,
                   struct sgr_index **ret, struct sgr_error *error);
void sgr_node_unindex(struct sgr_node *node, struct sgr_index *index);

/* Called at the end of each run in which the node's output changed; in order of node, then of registration. */
typedef void sgr_observe_fn(void *data, struct sgr_node *node, const struct sgr_batch *batch);
int sgr_node_observe(struct sgr_node *node, sgr_observe_fn *observe, void *data);
void sgr_node_unobserve(struct sgr_node *node, sgr_observe_fn *observe, void *data);

/* Changes for the next run; relation nodes only. Takes references of its own. */
int sgr_node_feed(struct sgr_node *node, const struct sgr_row *row, int64_t weight);
bool sgr_graph_is_fed(const struct sgr_graph *graph); /* since the last run */
/* Runs one transaction. An error is fatal for the graph's content (memory, invariant). */
int sgr_graph_run(struct sgr_graph *graph, struct sgr_error *error);
/* Periods asked for by nodes, ascending, distinct; and a run for those of one period. */
size_t sgr_graph_periods(const struct sgr_graph *graph, int64_t *periods, size_t capacity);
int sgr_graph_tick(struct sgr_graph *graph, int64_t period, uint64_t tick, struct sgr_error *error);

struct sgr_node_counters {
    uint64_t runs, rows_in, rows_out,
        nanoseconds; /* nanoseconds: 0 unless the graph was given a stopwatch */
    uint64_t probes, failed_rows;
    size_t state_bytes, index_bytes, index_rows;
};
void sgr_node_counters(const struct sgr_node *node, struct sgr_node_counters *ret);
void sgr_graph_set_stopwatch(struct sgr_graph *graph, uint64_t (*nanoseconds)(void));

/* The DAG: one line (text) or vertex (DOT) a node with schema, key, indexes, users; with counters if `live`. */
enum sgr_explain_format {
    SGR_EXPLAIN_TEXT,
    SGR_EXPLAIN_DOT,
    SGR_EXPLAIN_JSON,
    SGR_EXPLAIN_METRICS, /* of the engine as a whole; the graph's are sgr_graph_metrics */
};
void sgr_graph_explain(const struct sgr_graph *graph, enum sgr_explain_format format, bool live,
                       struct sgr_buffer *out);
/* What nodes count, in Prometheus' text format. */
void sgr_graph_metrics(const struct sgr_graph *graph, struct sgr_buffer *out);
size_t sgr_graph_node_count(const struct sgr_graph *graph);

#endif
