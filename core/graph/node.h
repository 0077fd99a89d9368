/* Inside the graph: what a node is made of. Seen by core/graph alone.
 *
 * Invariants between runs: every index of a node shows the node's present contents; `out` is the batch of the last run in which the node
 * changed and is empty unless the node is in graph->changed; `fed` is empty unless the node is in graph->fed; a node's id is greater than
 * those of its inputs. */
#ifndef SGR_GRAPH_NODE_H
#define SGR_GRAPH_NODE_H

#include "base/list.h"
#include "base/map.h"
#include "expr/expr.h"
#include "graph/graph.h"
#include "graph/options.h"

/* One bound operator: its state and what it got from the host. It is `host` in the plugin's calls. A node has one for good, and for a
 * moment a second one when its contents have to be derived anew. */
struct sgr_binding {
    struct sgr_node *node;
    void *state;
    bool bound;                    /* bind succeeded: close is due */
    bool passing;                  /* made to derive contents: it doesn't log */
    struct sgr_list memory;        /* of struct sgr__allocation */
    struct sgr_vector expressions; /* of struct sgr_expression * */
};

struct sgr_output {
    struct sgr_batch_builder *builder;
    bool failed; /* an emit was out of memory */
};

struct sgr__wish { /* an index of an input that the operator asked for */
    struct sgr_node *input;
    struct sgr_index *index;
};

struct sgr__arrangement { /* one of a node's indexes, and who holds it */
    struct sgr_index *index;
    size_t holders;
};

struct sgr__observer {
    sgr_observe_fn *observe;
    void *data;
};

struct sgr__metric {
    const char *name; /* the plugin's literal */
    int64_t value;
};

struct sgr_node {
    struct sgr_graph *graph;
    struct sgr_list in_graph; /* by id */
    uint32_t id, refs;
    char *name;
    struct sgr_schema *schema;
    uint16_t *key;
    size_t key_count;
    uint64_t identity;           /* what random numbers depend on: structure, not spelling */
    uint64_t structure, ordinal; /* what it is made of */

    /* Operators. */
    const struct sgr_plugin *plugin;
    struct sgr_options *options;
    struct sgr_node **inputs;
    struct sgr_batch *batches; /* apply's argument, one per input */
    size_t input_count;
    struct sgr_binding binding;
    struct sgr_vector wishes; /* of struct sgr__wish, in bind's order */
    int64_t tick_every;
    bool consolidated; /* its output needs no pass of ours */
    bool impure, impure_before;
    bool hydrated; /* has seen its inputs' contents; before, its indexes are made empty */

    /* Output. */
    struct sgr_batch_builder out, fed;
    struct sgr_vector arrangements; /* of struct sgr__arrangement */
    struct sgr_vector users;        /* of struct sgr_node *, distinct, by id */
    struct sgr_vector observers;    /* of struct sgr__observer, in order of registration */
    size_t settled; /* deltas at the start of `fed`, then `out`, that the indexes show already */
    bool fed_loose; /* what was fed is not known to be consolidated */
    bool narrow;    /* the first index is not by the key: see sgr__node_narrow */
    bool queued, ticking, changed;

    struct sgr_node_counters counters;
    struct sgr_vector metrics; /* of struct sgr__metric */
};

struct sgr_graph {
    struct sgr_heap *heap;
    uint64_t seed;
    struct sgr_graph_hooks hooks;
    uint64_t (*stopwatch)(void);
    struct sgr_list nodes;
    size_t node_count;
    uint32_t last_id;
    struct sgr_map *interned;              /* plugin, inputs and canonical options → node */
    struct sgr_map *identities;            /* structure and ordinal → node */
    struct sgr_vector tickers;             /* of struct sgr_node *, by id */
    struct sgr_vector fed, queue, changed; /* of struct sgr_node * */
    struct sgr_buffer scratch;             /* host value_text */
    bool running;
    uint64_t tick; /* of the run, if it is one */
};

#define SGR__NODES_EACH(node, graph) \
    for (struct sgr_node *node = sgr__node_first(graph); node; node = sgr__node_next(node))
static inline struct sgr_node *sgr__node_first(const struct sgr_graph *graph) {
    return sgr_list_empty(&graph->nodes)
               ? NULL
               : SGR_CONTAINER(graph->nodes.next, struct sgr_node, in_graph);
}
static inline struct sgr_node *sgr__node_next(const struct sgr_node *node) {
    return node->in_graph.next == &node->graph->nodes
               ? NULL
               : SGR_CONTAINER(node->in_graph.next, struct sgr_node, in_graph);
}

/* host.c: the table operators get, and the life of a binding. */
extern const struct sgr_operator_host sgr__operator_host;
void sgr__binding_init(struct sgr_binding *binding, struct sgr_node *node);
/* Closes the operator if it is bound and frees all that it was given. */
void sgr__binding_fini(struct sgr_binding *binding);
/* On success *ret_shape is checked against the inputs and holds a schema reference that is the caller's. */
int sgr__binding_bind(struct sgr_binding *binding, struct sgr_shape *ret_shape,
                      struct sgr_error *error);
const struct sgr_operator_methods *sgr__node_methods(const struct sgr_node *node);

/* A relation whose key is all of its columns, and that has another index, needs none by its key: the row is found in its group there. Drops the
 * index by the key for the widest other one, with the holders of the first; NULL: there is none, or the first is used, or has rows. */
struct sgr_index *sgr__node_narrow(struct sgr_node *node);

/* contents.c: what a node holds now, as one consolidated batch; and feeding an operator all of its inputs' contents. */
int sgr__node_contents(struct sgr_node *node, struct sgr_batch_builder *out,
                       struct sgr_error *error);
int sgr__node_hydrate(struct sgr_node *node, struct sgr_error *error);
int sgr__index_fill(struct sgr_node *node, struct sgr_index *index, struct sgr_error *error);

/* graph.c */
int sgr__batch_apply(struct sgr_node *node, const struct sgr_batch *batch, struct sgr_error *error);
/* Like sgr_node_feed for deltas that are consolidated among themselves; and taking back what was fed since the last run. */
int sgr__node_feed_net(struct sgr_node *node, const struct sgr_row *row, int64_t weight);
void sgr__node_unfeed(struct sgr_node *node);
/* Brings the node's indexes up to what was fed, ahead of the next run. Only for rows that are net and new, while nobody reads the node. */
int sgr__node_settle(struct sgr_node *node, struct sgr_error *error);
static inline size_t sgr__node_unsettled(const struct sgr_node *node) {
    return node->fed.deltas.count - node->settled;
}
/* Vectors of pointers to nodes. */
int sgr__nodes_add(struct sgr_vector *nodes, struct sgr_node *node); /* keeps order by id */
void sgr__nodes_remove(struct sgr_vector *nodes, const struct sgr_node *node);

#endif
