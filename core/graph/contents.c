/* What a node holds now, for nodes and indexes that come later.
 *
 * Contents are the scan of any index the node has; without one, what a fresh instance of its operator makes of its inputs' contents. So an
 * operator whose output doesn't follow from its inputs alone (impure, or with ticks) is given an index when it is made. */
#include <stdlib.h>

#include "graph/node.h"

enum { CHUNK = 1024 };

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static int scan_into(const struct sgr_index *index, struct sgr_batch_builder *out,
                     struct sgr_error *error) {
    struct sgr_iterator iterator;
    int64_t weight;
    sgr_index_scan(index, &iterator);
    for (const struct sgr_row *row; (row = sgr_index_next(&iterator, &weight));)
        if (sgr_batch_add(out, row, weight))
            return out_of_memory(error);
    return 0;
}

/* Feeds `binding` all there is in the node's inputs as one batch each. */
static int apply_full(struct sgr_node *node, struct sgr_binding *binding,
                      const struct sgr_batch_builder *inputs, struct sgr_batch_builder *out,
                      struct sgr_error *error) {
    for (size_t i = 0; i < node->input_count; i++)
        node->batches[i] = sgr_batch_view(&inputs[i]);
    struct sgr_output output = {.builder = out};
    int status = sgr__node_methods(node)->apply(binding->state, node->batches, &output, error);
    if (!status && output.failed)
        status = out_of_memory(error);
    if (!status && !node->consolidated && sgr_batch_consolidate(out, node->schema))
        status = out_of_memory(error);
    return status;
}

static void free_batches(struct sgr_batch_builder *batches, size_t count) {
    for (size_t i = 0; i < count; i++)
        sgr_batch_fini(&batches[i]);
    free(batches);
}

/* All inputs' contents; NULL in *ret if they are all empty. */
static int inputs_contents(struct sgr_node *node, struct sgr_batch_builder **ret,
                           struct sgr_error *error) {
    struct sgr_batch_builder *batches = calloc(node->input_count + 1, sizeof(*batches));
    if (!batches)
        return out_of_memory(error);
    size_t rows = 0;
    int status = 0;
    for (size_t i = 0; i < node->input_count; i++)
        sgr_batch_init(&batches[i]);
    for (size_t i = 0; i < node->input_count && !status; i++) {
        status = sgr__node_contents(node->inputs[i], &batches[i], error);
        rows += batches[i].deltas.count;
    }
    if (status || !rows) {
        free_batches(batches, node->input_count);
        batches = NULL;
    }
    *ret = batches;
    return status;
}

static int derive(struct sgr_node *node, const struct sgr_batch_builder *inputs,
                  struct sgr_batch_builder *out, struct sgr_error *error) {
    struct sgr_binding fresh;
    struct sgr_shape shape;
    sgr__binding_init(&fresh, node);
    fresh.passing = true;
    int status = sgr__binding_bind(&fresh, &shape, error);
    if (!status) {
        sgr_schema_unref(shape.schema);
        status = apply_full(node, &fresh, inputs, out, error);
    }
    sgr__binding_fini(&fresh);
    return status;
}

int sgr__node_contents(struct sgr_node *node, struct sgr_batch_builder *out,
                       struct sgr_error *error) {
    if (node->arrangements.count)
        return scan_into(SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, 0)->index, out,
                         error);
    struct sgr_batch_builder *inputs;
    int status = inputs_contents(node, &inputs, error);
    if (status || !inputs)
        return status;
    status = derive(node, inputs, out, error);
    free_batches(inputs, node->input_count);
    if (status)
        sgr_error_context(error, "node %s", node->name);
    return status;
}

int sgr__node_hydrate(struct sgr_node *node, struct sgr_error *error) {
    struct sgr_batch_builder *inputs, out;
    int status = inputs_contents(node, &inputs, error);
    if (status || !inputs)
        return status;
    sgr_batch_init(&out);
    status = apply_full(node, &node->binding, inputs, &out, error);
    if (!status) {
        struct sgr_batch batch = sgr_batch_view(&out);
        status = sgr__batch_apply(node, &batch, error);
    }
    sgr_batch_fini(&out);
    free_batches(inputs, node->input_count);
    return status;
}

/* From one index to another, in borrowed chunks. */
static int copy_index(const struct sgr_index *from, struct sgr_index *to, struct sgr_error *error) {
    struct sgr_delta chunk[CHUNK];
    struct sgr_batch batch = {.items = chunk};
    struct sgr_iterator iterator;
    int status = 0;
    sgr_index_scan(from, &iterator);
    while (!status) {
        struct sgr_delta *delta = &chunk[batch.count];
        delta->row = sgr_index_next(&iterator, &delta->weight);
        if (delta->row && ++batch.count < CHUNK)
            continue;
        if (!batch.count)
            return 0;
        status = sgr_index_apply(to, &batch, error);
        batch.count = 0;
    }
    return status;
}

int sgr__index_fill(struct sgr_node *node, struct sgr_index *index, struct sgr_error *error) {
    if (node->arrangements.count)
        return copy_index(SGR_VECTOR_AT(&node->arrangements, struct sgr__arrangement, 0)->index,
                          index, error);
    struct sgr_batch_builder contents;
    sgr_batch_init(&contents);
    int status = sgr__node_contents(node, &contents, error);
    if (!status) {
        struct sgr_batch batch = sgr_batch_view(&contents);
        status = sgr_index_apply(index, &batch, error);
    }
    sgr_batch_fini(&contents);
    return status;
}
