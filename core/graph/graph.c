/* Scheduling: one transaction through the nodes it touches, in order of their ids.
 *
 * What is to be visited stands in a binary heap by id, filled by feeding, ticks and each visited node's users; since inputs have smaller
 * ids than their users, a node is visited once and after all that feeds it. A run that touches nothing does nothing. */
#include "graph/graph.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "graph/node.h"

/* A builder that held more than this many deltas gives its memory back when it is cleared. */
enum { KEPT_DELTAS = 65536 };

struct sgr_graph *sgr_graph_new(struct sgr_heap *heap, uint64_t seed,
                                const struct sgr_graph_hooks *hooks) {
    struct sgr_graph *graph = calloc(1, sizeof(*graph));
    if (!graph)
        return NULL;
    graph->heap = heap;
    graph->seed = seed;
    if (hooks)
        graph->hooks = *hooks;
    sgr_list_init(&graph->nodes);
    struct sgr_vector pointers = SGR_VECTOR_INIT(struct sgr_node *);
    graph->tickers = graph->fed = graph->queue = graph->changed = pointers;
    graph->interned = sgr_map_new();
    graph->identities = sgr_map_new();
    if (!graph->interned || !graph->identities) {
        sgr_graph_free(graph);
        return NULL;
    }
    return graph;
}

void sgr_graph_free(struct sgr_graph *graph) {
    if (!graph)
        return;
    assert(sgr_list_empty(&graph->nodes) && "nodes are still referenced");
    sgr_vector_fini(&graph->tickers);
    sgr_vector_fini(&graph->fed);
    sgr_vector_fini(&graph->queue);
    sgr_vector_fini(&graph->changed);
    sgr_map_free(graph->interned);
    sgr_map_free(graph->identities);
    sgr_buffer_fini(&graph->scratch);
    free(graph);
}

struct sgr_heap *sgr_graph_heap(const struct sgr_graph *graph) {
    return graph->heap;
}

size_t sgr_graph_node_count(const struct sgr_graph *graph) {
    return graph->node_count;
}

void sgr_graph_set_stopwatch(struct sgr_graph *graph, uint64_t (*nanoseconds)(void)) {
    graph->stopwatch = nanoseconds;
}

int sgr__nodes_add(struct sgr_vector *nodes, struct sgr_node *node) {
    if (!sgr_vector_add(nodes))
        return SGR_ENOMEM;
    struct sgr_node **items = nodes->items;
    size_t i = nodes->count - 1;
    for (; i && items[i - 1]->id > node->id; i--)
        items[i] = items[i - 1];
    items[i] = node;
    return 0;
}

void sgr__nodes_remove(struct sgr_vector *nodes, const struct sgr_node *node) {
    for (size_t i = nodes->count; i--;)
        if (*SGR_VECTOR_AT(nodes, struct sgr_node *, i) == node) {
            sgr_vector_remove(nodes, i);
            return;
        }
}

/* The heap. */

static int queue_push(struct sgr_graph *graph, struct sgr_node *node) {
    if (node->queued)
        return 0;
    if (!sgr_vector_add(&graph->queue))
        return SGR_ENOMEM;
    struct sgr_node **heap = graph->queue.items;
    size_t i = graph->queue.count - 1;
    for (; i && heap[(i - 1) / 2]->id > node->id; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = node;
    node->queued = true;
    return 0;
}

static struct sgr_node *queue_pop(struct sgr_graph *graph) {
    struct sgr_node **heap = graph->queue.items;
    struct sgr_node *first = heap[0], *last = heap[--graph->queue.count];
    size_t i = 0, count = graph->queue.count;
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && heap[child + 1]->id < heap[child]->id)
            child++;
        if (last->id <= heap[child]->id)
            break;
        heap[i] = heap[child];
    }
    if (count)
        heap[i] = last;
    first->queued = false;
    return first;
}

/* Feeding. */

static int feed(struct sgr_node *node, const struct sgr_row *row, int64_t weight) {
    assert(!node->plugin && !node->graph->running);
    if (!node->fed.deltas.count) {
        int status = sgr__nodes_add(&node->graph->fed, node);
        if (status)
            return status;
    }
    int status = sgr_batch_add(&node->fed, row, weight);
    if (status && !node->fed.deltas.count)
        sgr__nodes_remove(&node->graph->fed, node);
    return status;
}

int sgr_node_feed(struct sgr_node *node, const struct sgr_row *row, int64_t weight) {
    node->fed_loose = true;
    return feed(node, row, weight);
}

int sgr__node_feed_net(struct sgr_node *node, const struct sgr_row *row, int64_t weight) {
    return feed(node, row, weight);
}

bool sgr_graph_is_fed(const struct sgr_graph *graph) {
    return graph->fed.count > 0;
}

static void clear_builder(struct sgr_batch_builder *builder) {
    sgr_batch_clear(builder);
    if (builder->deltas.capacity > KEPT_DELTAS) {
        sgr_batch_fini(builder);
        sgr_batch_init(builder);
    }
}

static struct sgr_batch batch_part(const struct sgr_batch_builder *builder, size_t from) {
    struct sgr_batch batch = sgr_batch_view(builder);
    return (struct sgr_batch){.items = batch.items + from, .count = batch.count - from};
}

static struct sgr_index *first_index(const struct sgr_node *node) {
    return SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, 0)->index;
}

/* Where the first index is not by the key, equal rows are looked for once all are there (publish), not with each: that would hold each row against its
 * whole group. */
int sgr__node_settle(struct sgr_node *node, struct sgr_error *error) {
    assert(!node->fed_loose && !node->graph->running);
    struct sgr_batch rest = batch_part(&node->fed, node->settled);
    node->settled += rest.count;
    if (node->narrow)
        sgr_index_promise_distinct(first_index(node), true);
    int status = sgr__batch_apply(node, &rest, error);
    if (node->narrow)
        sgr_index_promise_distinct(first_index(node), false);
    return status;
}

/* Settled rows were all that the node had. */
static void clear_indexes(struct sgr_node *node) {
    for (size_t i = 0; i < node->arrangements.count; i++)
        sgr_index_clear(SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i)->index);
    node->settled = 0;
}

void sgr__node_unfeed(struct sgr_node *node) {
    if (node->settled)
        clear_indexes(node);
    if (node->fed.deltas.count)
        sgr__nodes_remove(&node->graph->fed, node);
    clear_builder(&node->fed);
    node->fed_loose = false;
}

/* Visiting. */

static int repeated_key(struct sgr_error *error) {
    return sgr_error_set(error, SGR_EINTERNAL, "two rows have the same key");
}

static bool key_repeats(const struct sgr_node *node) {
    const struct sgr_index *index = first_index(node);
    return node->narrow ? sgr_index_repeats(index)
                        : sgr_index_rows(index) != sgr_index_groups(index);
}

int sgr__batch_apply(struct sgr_node *node, const struct sgr_batch *batch,
                     struct sgr_error *error) {
    for (size_t i = 0; i < node->arrangements.count; i++) {
        struct sgr_index *index =
            SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i)->index;
        int status = sgr_index_apply(index, batch, error);
        if (status)
            return status;
        if (!node->plugin && node->key_count && i == 0 && key_repeats(node))
            return repeated_key(error);
    }
    return 0;
}

static int call_operator(struct sgr_node *node, struct sgr_error *error) {
    bool any = false;
    for (size_t i = 0; i < node->input_count; i++) {
        struct sgr_node *input = node->inputs[i];
        node->batches[i] = input->changed ? sgr_batch_view(&input->out) : (struct sgr_batch){0};
        node->counters.rows_in += node->batches[i].count;
        any |= input->changed;
    }
    struct sgr_output output = {.builder = &node->out};
    const struct sgr_operator_methods *methods = sgr__node_methods(node);
    int status = any ? methods->apply(node->binding.state, node->batches, &output, error) : 0;
    if (!status && node->ticking)
        status = methods->tick(node->binding.state, node->graph->tick, &output, error);
    node->ticking = false;
    if (!status && output.failed)
        status = sgr_error_set(error, SGR_ENOMEM, "out of memory");
    return status;
}

/* Fills node->out with what changed. */
static int compute(struct sgr_node *node, struct sgr_error *error) {
    bool loose = node->fed_loose;
    if (node->plugin) {
        loose = !node->consolidated;
        int status = call_operator(node, error);
        if (status)
            return status;
    }
    node->fed_loose = false;
    if (loose && node->out.deltas.count && sgr_batch_consolidate(&node->out, node->schema))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    return 0;
}

/* Whoever comes later sees the change: node->out as a batch, and in the indexes. */
static int publish(struct sgr_node *node, struct sgr_error *error) {
    struct sgr_batch batch = sgr_batch_view(&node->out);
    if (!batch.count)
        return 0;
    struct sgr_graph *graph = node->graph;
    node->changed = true;
    node->counters.rows_out += batch.count;
    int status = sgr_vector_push(&graph->changed, &node);
    for (size_t i = 0; !status && i < node->users.count; i++)
        status = queue_push(graph, *SGR_VECTOR_AT(&node->users, struct sgr_node *, i));
    if (status)
        return sgr_error_set(error, status, "out of memory");
    batch = batch_part(&node->out, node->settled);
    bool promised = node->settled && node->narrow;
    node->settled = 0;
    status = sgr__batch_apply(node, &batch, error);
    return !status && promised && sgr_index_breaks_promise(first_index(node)) ? repeated_key(error)
                                                                              : status;
}

static int visit(struct sgr_node *node, struct sgr_error *error) {
    uint64_t (*stopwatch)(void) = node->graph->stopwatch;
    uint64_t start = stopwatch ? stopwatch() : 0;
    node->counters.runs++;
    int status = compute(node, error);
    if (!status)
        status = publish(node, error);
    if (stopwatch)
        node->counters.nanoseconds += stopwatch() - start;
    if (status)
        sgr_error_context(error, "node %s", node->name);
    return status;
}

/* Runs. */

static void forget_last_run(struct sgr_graph *graph) {
    for (size_t i = 0; i < graph->changed.count; i++) {
        struct sgr_node *node = *SGR_VECTOR_AT(&graph->changed, struct sgr_node *, i);
        clear_builder(&node->out);
        node->changed = false;
    }
    sgr_vector_clear(&graph->changed);
}

static int queue_fed(struct sgr_graph *graph) {
    for (size_t i = 0; i < graph->fed.count; i++) {
        struct sgr_node *node = *SGR_VECTOR_AT(&graph->fed, struct sgr_node *, i);
        struct sgr_batch_builder empty = node->out;
        node->out = node->fed;
        node->fed = empty;
        int status = queue_push(graph, node);
        if (status)
            return status;
    }
    sgr_vector_clear(&graph->fed);
    return 0;
}

static void tell_observers(struct sgr_graph *graph) {
    for (size_t i = 0; i < graph->changed.count; i++) {
        struct sgr_node *node = *SGR_VECTOR_AT(&graph->changed, struct sgr_node *, i);
        struct sgr_batch batch = sgr_batch_view(&node->out);
        for (size_t j = 0; j < node->observers.count; j++) {
            struct sgr__observer *observer =
                SGR_VECTOR_AT(&node->observers, struct sgr__observer, j);
            observer->observe(observer->data, node, &batch);
        }
    }
}

static int run(struct sgr_graph *graph, struct sgr_error *error) {
    if (queue_fed(graph))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    while (graph->queue.count) {
        int status = visit(queue_pop(graph), error);
        if (status)
            return status;
    }
    return 0;
}

int sgr_graph_run(struct sgr_graph *graph, struct sgr_error *error) {
    assert(!graph->running);
    forget_last_run(graph);
    graph->running = true;
    int status = run(graph, error);
    if (!status)
        tell_observers(graph);
    graph->running = false;
    return status;
}

size_t sgr_graph_periods(const struct sgr_graph *graph, int64_t *periods, size_t capacity) {
    size_t count = 0;
    for (int64_t last = 0;;) {
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < graph->tickers.count; i++) {
            int64_t every = (*SGR_VECTOR_AT(&graph->tickers, struct sgr_node *, i))->tick_every;
            if (every > last && every < next)
                next = every;
        }
        if (next == INT64_MAX)
            return count;
        if (count < capacity)
            periods[count] = next;
        count++;
        last = next;
    }
}

int sgr_graph_tick(struct sgr_graph *graph, int64_t period, uint64_t tick,
                   struct sgr_error *error) {
    graph->tick = tick;
    for (size_t i = 0; i < graph->tickers.count; i++) {
        struct sgr_node *node = *SGR_VECTOR_AT(&graph->tickers, struct sgr_node *, i);
        if (node->tick_every != period)
            continue;
        node->ticking = true;
        if (queue_push(graph, node))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    return sgr_graph_run(graph, error);
}
