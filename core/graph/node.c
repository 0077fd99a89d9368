/* The life of nodes: making, interning, indexes, observers, freeing.
 *
 * A node holds a reference to each input (and a place among its users) and holders on the indexes it asked for; so what nobody uses goes,
 * from the right to the left. */
#include "graph/node.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/slice.h"

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

/* Indexes. */

static struct sgr__arrangement *find_arrangement(const struct sgr_node *node,
                                                 const uint16_t *columns, size_t count) {
    for (size_t i = 0; i < node->arrangements.count; i++) {
        struct sgr__arrangement *arrangement =
            SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i);
        size_t own;
        const uint16_t *own_columns = sgr_index_columns(arrangement->index, &own);
        if (own == count && (!count || !memcmp(own_columns, columns, count * sizeof(*columns))))
            return arrangement;
    }
    return NULL;
}

int sgr_node_index(struct sgr_node *node, const uint16_t *columns, size_t count,
                   struct sgr_index **ret, struct sgr_error *error) {
    for (size_t i = 0; i < count; i++)
        if (columns[i] >= node->schema->count)
            return sgr_error_set(error, SGR_EINVAL, "an index of %s needs column %u of %u",
                                 node->name, columns[i], node->schema->count);
    struct sgr__arrangement *arrangement = find_arrangement(node, columns, count);
    if (arrangement) {
        arrangement->holders++;
        *ret = arrangement->index;
        return 0;
    }
    struct sgr__arrangement made = {.holders = 1};
    made.index = sgr_index_new(node->graph->heap, node->schema, columns, count);
    if (!made.index || sgr_vector_reserve(&node->arrangements, node->arrangements.count + 1)) {
        sgr_index_free(made.index);
        return out_of_memory(error);
    }
    if (node->key_count)
        sgr_index_promise_distinct(made.index, true);
    int status = node->hydrated ? sgr__index_fill(node, made.index, error) : 0;
    if (status) {
        sgr_index_free(made.index);
        return status;
    }
    sgr_vector_push(&node->arrangements, &made);
    *ret = made.index;
    return 0;
}

void sgr_node_unindex(struct sgr_node *node, struct sgr_index *index) {
    for (size_t i = 0; i < node->arrangements.count; i++) {
        struct sgr__arrangement *arrangement =
            SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i);
        if (arrangement->index != index)
            continue;
        if (--arrangement->holders == 0) {
            sgr_index_free(index);
            sgr_vector_remove(&node->arrangements, i);
        }
        return;
    }
}

/* An index of its own for as long as the node lives: by its key, by all columns for a bag. */
static int keep_index(struct sgr_node *node, struct sgr_error *error) {
    struct sgr_index *index;
    if (node->key_count)
        return sgr_node_index(node, node->key, node->key_count, &index, error);
    uint16_t *all = malloc((node->schema->count + 1u) * sizeof(*all));
    if (!all)
        return out_of_memory(error);
    for (uint16_t i = 0; i < node->schema->count; i++)
        all[i] = i;
    int status = sgr_node_index(node, all, node->schema->count, &index, error);
    free(all);
    return status;
}

/* The arrangement with the most columns but for the first, which makes the smallest groups; 0: there is none. */
static size_t widest_other(const struct sgr_node *node) {
    size_t widest = 0, most = 0;
    for (size_t i = 1; i < node->arrangements.count; i++) {
        size_t count;
        sgr_index_columns(SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i)->index,
                          &count);
        if (count > most) {
            most = count;
            widest = i;
        }
    }
    return widest;
}

enum { OWN_HOLDERS = 2 }; /* the node and its fold */

struct sgr_index *sgr__node_narrow(struct sgr_node *node) {
    size_t widest = widest_other(node);
    struct sgr__arrangement *first = node->arrangements.items, *other = first + widest;
    if (!widest || first->holders != OWN_HOLDERS || sgr_index_rows(first->index))
        return NULL;
    sgr_index_free(first->index);
    *first = *other;
    first->holders += OWN_HOLDERS;
    sgr_vector_remove(&node->arrangements, widest);
    sgr_index_promise_distinct(first->index, false);
    node->narrow = true;
    return first->index;
}

/* Identity: structure and an ordinal among equal ones. */

static struct sgr_slice identity_key(const uint64_t *parts) {
    return (struct sgr_slice){(const char *)parts, 2 * sizeof(*parts)};
}

/* What a config calls a source is spelling, the table behind it is structure. */
static const char *structural_name(const struct sgr_node *node) {
    const char *dot = node->plugin ? NULL : strchr(node->name, '.');
    return node->plugin ? node->plugin->name : dot ? dot + 1 : node->name;
}

static uint64_t structure_hash(const struct sgr_node *node) {
    const char *name = structural_name(node);
    uint64_t hash = sgr_hash_bytes_from(name, strlen(name), node->plugin ? 1 : 0);
    for (size_t i = 0; i < node->input_count; i++)
        hash = sgr_hash_bytes_from(&node->inputs[i]->identity, sizeof(uint64_t), hash);
    for (uint16_t i = 0; i < node->schema->count; i++) {
        const struct sgr_column *column = &node->schema->columns[i];
        uint32_t types[2] = {column->type, column->element};
        hash = sgr_hash_bytes_from(column->name, strlen(column->name), hash);
        hash = sgr_hash_bytes_from(types, sizeof(types), hash);
    }
    return hash;
}

static int take_identity(struct sgr_node *node, struct sgr_error *error) {
    uint64_t parts[2] = {structure_hash(node), 0};
    while (sgr_map_get(node->graph->identities, identity_key(parts)))
        parts[1]++;
    if (sgr_map_put(node->graph->identities, identity_key(parts), node, NULL))
        return out_of_memory(error);
    node->identity = sgr_hash_bytes_from(parts, sizeof(parts), 0);
    node->structure = parts[0];
    node->ordinal = parts[1];
    return 0;
}

static void drop_identity(struct sgr_node *node) {
    uint64_t parts[2] = {node->structure, node->ordinal};
    if (sgr_map_get(node->graph->identities, identity_key(parts)) == node)
        sgr_map_remove(node->graph->identities, identity_key(parts));
}

/* Interning. */

static void intern_key(struct sgr_buffer *key, const struct sgr_plugin *plugin,
                       const struct sgr_options *options, struct sgr_node *const *inputs,
                       size_t input_count) {
    sgr_buffer_append(key, &plugin, sizeof(plugin)); /* compared only, never ordered by or shown */
    sgr_buffer_append(key, &input_count, sizeof(input_count));
    for (size_t i = 0; i < input_count; i++)
        sgr_buffer_append(key, &inputs[i]->id, sizeof(inputs[i]->id));
    sgr_buffer_puts(key, sgr_options_canonical(options));
}

static void drop_interned(struct sgr_node *node) {
    struct sgr_buffer key = SGR_BUFFER_INIT;
    intern_key(&key, node->plugin, node->options, node->inputs, node->input_count);
    struct sgr_slice slice = {key.data, key.size};
    if (!key.failed && sgr_map_get(node->graph->interned, slice) == node)
        sgr_map_remove(node->graph->interned, slice);
    sgr_buffer_fini(&key);
}

/* Making and freeing. */

static struct sgr_node *node_new(struct sgr_graph *graph, const char *name) {
    struct sgr_node *node = calloc(1, sizeof(*node));
    char *copy = sgr_slice_copy(sgr_slice(name ? name : ""));
    if (!node || !copy) {
        free(node);
        free(copy);
        return NULL;
    }
    node->graph = graph;
    node->name = copy;
    node->refs = 1;
    node->id = ++graph->last_id;
    sgr_list_append(&graph->nodes, &node->in_graph);
    graph->node_count++;
    sgr_batch_init(&node->out);
    sgr_batch_init(&node->fed);
    sgr__binding_init(&node->binding, node);
    node->wishes = SGR_VECTOR_INIT(struct sgr__wish);
    node->arrangements = SGR_VECTOR_INIT(struct sgr__arrangement);
    node->users = SGR_VECTOR_INIT(struct sgr_node *);
    node->observers = SGR_VECTOR_INIT(struct sgr__observer);
    node->metrics = SGR_VECTOR_INIT(struct sgr__metric);
    return node;
}

/* The indexes the node holds of its inputs, and the inputs themselves. */
static void leave_inputs(struct sgr_node *node) {
    for (size_t i = 0; i < node->wishes.count; i++) {
        struct sgr__wish *wish = SGR_VECTOR_AT(&node->wishes, struct sgr__wish, i);
        sgr_node_unindex(wish->input, wish->index);
    }
    for (size_t i = 0; i < node->input_count; i++) {
        sgr__nodes_remove(&node->inputs[i]->users, node);
        sgr_node_unref(node->inputs[i]);
    }
}

static void node_free(struct sgr_node *node) {
    struct sgr_graph *graph = node->graph;
    assert(!graph->running);
    assert(!node->users.count);
    sgr__nodes_remove(&graph->fed, node);
    sgr__nodes_remove(&graph->changed, node);
    sgr__nodes_remove(&graph->queue, node); /* only after a failed run */
    sgr__nodes_remove(&graph->tickers, node);
    if (node->plugin)
        drop_interned(node);
    drop_identity(node);
    sgr__binding_fini(&node->binding);
    leave_inputs(node);
    for (size_t i = 0; i < node->arrangements.count; i++)
        sgr_index_free(SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i)->index);
    sgr_batch_fini(&node->out);
    sgr_batch_fini(&node->fed);
    sgr_vector_fini(&node->wishes);
    sgr_vector_fini(&node->arrangements);
    sgr_vector_fini(&node->users);
    sgr_vector_fini(&node->observers);
    sgr_vector_fini(&node->metrics);
    sgr_schema_unref(node->schema);
    sgr_options_free(node->options);
    sgr_list_remove(&node->in_graph);
    graph->node_count--;
    free(node->inputs);
    free(node->batches);
    free(node->key);
    free(node->name);
    free(node);
}

struct sgr_node *sgr_node_ref(struct sgr_node *node) {
    if (node)
        node->refs++;
    return node;
}

void sgr_node_unref(struct sgr_node *node) {
    if (node && --node->refs == 0)
        node_free(node);
}

static int set_key(struct sgr_node *node, const uint16_t *key, size_t key_count,
                   struct sgr_error *error) {
    for (size_t i = 0; i < key_count; i++)
        if (key[i] >= node->schema->count)
            return sgr_error_set(error, SGR_EINVAL, "the key of %s names column %u of %u",
                                 node->name, key[i], node->schema->count);
    node->key = malloc((key_count + 1) * sizeof(*key));
    if (!node->key)
        return out_of_memory(error);
    if (key_count)
        memcpy(node->key, key, key_count * sizeof(*key));
    node->key_count = key_count;
    return 0;
}

int sgr_graph_relation(struct sgr_graph *graph, const char *name, const struct sgr_schema *schema,
                       const uint16_t *key, size_t key_count, struct sgr_node **ret,
                       struct sgr_error *error) {
    struct sgr_node *node = node_new(graph, name);
    if (!node)
        return out_of_memory(error);
    node->schema = sgr_schema_ref(schema);
    node->consolidated = node->hydrated = true;
    int status = set_key(node, key, key_count, error);
    if (!status)
        status = take_identity(node, error);
    if (!status)
        status = keep_index(node, error);
    if (status)
        node_free(node);
    else
        *ret = node;
    return status;
}

static int set_inputs(struct sgr_node *node, struct sgr_node *const *inputs, size_t count,
                      struct sgr_error *error) {
    node->inputs = calloc(count + 1, sizeof(*node->inputs));
    node->batches = calloc(count + 1, sizeof(*node->batches));
    if (!node->inputs || !node->batches)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen |= inputs[j] == inputs[i];
        if (!seen && sgr__nodes_add(&inputs[i]->users, node))
            return out_of_memory(error);
        node->inputs[node->input_count++] = sgr_node_ref(inputs[i]);
        node->impure_before |= inputs[i]->impure || inputs[i]->impure_before;
    }
    return 0;
}

static int take_wishes(struct sgr_node *node, const struct sgr_shape *shape,
                       struct sgr_error *error) {
    for (size_t i = 0; i < shape->index_count; i++) {
        const struct sgr_index_wish *wish = &shape->indexes[i];
        struct sgr__wish taken = {.input = node->inputs[wish->input]};
        if (sgr_vector_reserve(&node->wishes, node->wishes.count + 1))
            return out_of_memory(error);
        int status =
            sgr_node_index(taken.input, wish->columns, wish->column_count, &taken.index, error);
        if (status)
            return status;
        sgr_vector_push(&node->wishes, &taken);
    }
    return 0;
}

static int take_shape(struct sgr_node *node, const struct sgr_shape *shape,
                      struct sgr_error *error) {
    node->schema = shape->schema;
    node->consolidated = shape->consolidated;
    node->impure = shape->impure || shape->tick_every;
    node->tick_every = shape->tick_every;
    int status = set_key(node, shape->key, shape->key_count, error);
    if (!status)
        status = take_identity(node, error);
    if (!status)
        status = take_wishes(node, shape, error);
    if (!status && node->tick_every && sgr__nodes_add(&node->graph->tickers, node))
        status = out_of_memory(error);
    if (!status && node->impure)
        status = keep_index(node, error);
    return status;
}

static int bind_node(struct sgr_node *node, struct sgr_error *error) {
    struct sgr_shape shape;
    int status = sgr__binding_bind(&node->binding, &shape, error);
    if (!status)
        status = take_shape(node, &shape, error);
    if (!status)
        status = sgr__node_hydrate(node, error);
    node->hydrated = true;
    return status;
}

static int check_count(const struct sgr_plugin *plugin, size_t count, struct sgr_error *error) {
    const struct sgr_operator_methods *methods = plugin->operator_;
    if (count < methods->inputs_minimum)
        return sgr_error_set(error, SGR_ECONFIG, "%s takes at least %u inputs, not %zu",
                             plugin->name, methods->inputs_minimum, count);
    if (methods->inputs_maximum && count > methods->inputs_maximum)
        return sgr_error_set(error, SGR_ECONFIG, "%s takes at most %u inputs, not %zu",
                             plugin->name, methods->inputs_maximum, count);
    return 0;
}

static int operator_new(struct sgr_graph *graph, const struct sgr_plugin *plugin,
                        struct sgr_options *options, struct sgr_node *const *inputs,
                        size_t input_count, const char *name, struct sgr_slice key,
                        struct sgr_node **ret, struct sgr_error *error) {
    int status = check_count(plugin, input_count, error);
    struct sgr_node *node = status ? NULL : node_new(graph, name ? name : plugin->name);
    if (!node) {
        sgr_options_free(options);
        return status ? status : out_of_memory(error);
    }
    node->plugin = plugin;
    node->options = options;
    status = set_inputs(node, inputs, input_count, error);
    if (!status)
        status = bind_node(node, error);
    if (!status && sgr_map_put(graph->interned, key, node, NULL))
        status = out_of_memory(error);
    if (status)
        node_free(node);
    else
        *ret = node;
    return status;
}

int sgr_graph_operator(struct sgr_graph *graph, const struct sgr_plugin *plugin,
                       struct sgr_options *options, struct sgr_node *const *inputs,
                       size_t input_count, const char *name, struct sgr_node **ret,
                       struct sgr_error *error) {
    struct sgr_buffer key = SGR_BUFFER_INIT;
    intern_key(&key, plugin, options, inputs, input_count);
    if (key.failed) {
        sgr_buffer_fini(&key);
        sgr_options_free(options);
        return out_of_memory(error);
    }
    struct sgr_slice slice = {key.data, key.size};
    struct sgr_node *known = sgr_map_get(graph->interned, slice);
    int status = 0;
    if (known) {
        sgr_options_free(options);
        *ret = sgr_node_ref(known);
    } else {
        status = operator_new(graph, plugin, options, inputs, input_count, name, slice, ret, error);
    }
    sgr_buffer_fini(&key);
    return status;
}

/* Looking at it. */

uint32_t sgr_node_id(const struct sgr_node *node) {
    return node->id;
}

const char *sgr_node_name(const struct sgr_node *node) {
    return node->name;
}

bool sgr_node_is_input(const struct sgr_node *node) {
    SGR__NODES_EACH(other, node->graph) {
        for (size_t i = 0; i < other->input_count; i++)
            if (other->inputs[i] == node)
                return true;
    }
    return false;
}

const struct sgr_schema *sgr_node_schema(const struct sgr_node *node) {
    return node->schema;
}

const uint16_t *sgr_node_key(const struct sgr_node *node, size_t *ret_count) {
    *ret_count = node->key_count;
    return node->key;
}

const struct sgr_plugin *sgr_node_plugin(const struct sgr_node *node) {
    return node->plugin;
}

bool sgr_node_impure(const struct sgr_node *node) {
    return node->impure || node->impure_before;
}

int sgr_node_observe(struct sgr_node *node, sgr_observe_fn *observe, void *data) {
    struct sgr__observer observer = {observe, data};
    return sgr_vector_push(&node->observers, &observer);
}

void sgr_node_unobserve(struct sgr_node *node, sgr_observe_fn *observe, void *data) {
    for (size_t i = 0; i < node->observers.count; i++) {
        struct sgr__observer *observer = SGR_VECTOR_AT(&node->observers, struct sgr__observer, i);
        if (observer->observe == observe && observer->data == data) {
            sgr_vector_remove(&node->observers, i);
            return;
        }
    }
}

void sgr_node_counters(const struct sgr_node *node, struct sgr_node_counters *ret) {
    struct sgr_node_counters counters = node->counters;
    for (size_t i = 0; i < node->arrangements.count; i++) {
        const struct sgr_index *index =
            SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, i)->index;
        counters.index_bytes += sgr_index_bytes(index);
        counters.index_rows += sgr_index_rows(index);
    }
    *ret = counters;
}
