/* The table of functions that operators get, and the life of a binding: what an operator made, compiled and allocated goes with it. */
#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/slice.h"
#include "graph/node.h"

/* In front of what a plugin allocated. */
struct sgr__allocation {
    struct sgr_list link;
    size_t size;
    size_t padding; /* keeps what follows aligned to 16 */
};

static_assert(sizeof(struct sgr__allocation) % 16 == 0, "plugins' memory is aligned");

/* Common. */

static void host_log(void *host, enum sgr_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void host_log(void *host, enum sgr_log_level level, const char *format, ...) {
    struct sgr_binding *binding = host;
    if (binding->passing)
        return;
    va_list args;
    va_start(args, format);
    sgr_log_v(level, binding->node->name, format, args);
    va_end(args);
}

static void *host_reallocate(void *host, void *old, size_t size) {
    struct sgr_binding *binding = host;
    struct sgr__allocation *block = old ? (struct sgr__allocation *)old - 1 : NULL;
    size_t before = block ? block->size : 0;
    if (size > SIZE_MAX - sizeof(*block))
        return NULL;
    if (block)
        sgr_list_remove(&block->link);
    struct sgr__allocation *moved = realloc(block, sizeof(*moved) + size);
    if (moved)
        block = moved;
    if (block)
        sgr_list_append(&binding->memory, &block->link);
    if (!moved)
        return NULL;
    moved->size = size;
    binding->node->counters.state_bytes += size - before;
    return moved + 1;
}

static void *host_allocate(void *host, size_t size) {
    void *memory = host_reallocate(host, NULL, size);
    return memory ? memset(memory, 0, size) : NULL;
}

static void host_release(void *host, void *memory) {
    struct sgr_binding *binding = host;
    if (!memory)
        return;
    struct sgr__allocation *block = (struct sgr__allocation *)memory - 1;
    binding->node->counters.state_bytes -= block->size;
    sgr_list_remove(&block->link);
    free(block);
}

static void host_count(void *host, const char *metric, int64_t add) {
    struct sgr_vector *metrics = &((struct sgr_binding *)host)->node->metrics;
    for (size_t i = 0; i < metrics->count; i++) {
        struct sgr__metric *known = SGR_VECTOR_AT(metrics, struct sgr__metric, i);
        if (!strcmp(known->name, metric)) {
            known->value += add;
            return;
        }
    }
    sgr_vector_push(metrics, &(struct sgr__metric){metric, add});
}

/* Schemas, rows, values. */

static struct sgr_schema *host_schema_new(void *host, const struct sgr_column *columns,
                                          size_t count) {
    (void)host;
    return sgr_schema_new(columns, count);
}

static int host_parse_type(void *host, const char *type_name, struct sgr_column *ret,
                           struct sgr_error *error) {
    (void)host;
    struct sgr_column parsed = {0};
    int status = sgr_type_parse(sgr_slice(type_name), &parsed, error);
    if (status)
        return status;
    parsed.name = ret->name;
    *ret = parsed;
    return 0;
}

static int host_row_new(void *host, const struct sgr_schema *schema, const struct sgr_value *values,
                        const struct sgr_row **ret) {
    return sgr_row_new(((struct sgr_binding *)host)->node->graph->heap, schema, values, ret, NULL);
}

/* The host's functions are inline; the table needs addresses. */
static const struct sgr_row *host_row_ref(const struct sgr_row *row) {
    return sgr_row_ref(row);
}

static void host_row_unref(const struct sgr_row *row) {
    sgr_row_unref(row);
}

static int host_value_parse(void *host, enum sgr_type type, struct sgr_slice text,
                            struct sgr_value *ret, struct sgr_error *error) {
    (void)host;
    return sgr_value_parse(type, text, ret, error);
}

static struct sgr_slice host_value_text(void *host, const struct sgr_value *value) {
    struct sgr_buffer *scratch = &((struct sgr_binding *)host)->node->graph->scratch;
    sgr_buffer_clear(scratch);
    if (!value->null)
        sgr_value_text(value, scratch);
    const char *text = sgr_buffer_text(scratch);
    return (struct sgr_slice){text, scratch->failed ? 0 : scratch->size};
}

/* Expressions. */

static int host_compile(void *host, const char *sql, const struct sgr_schema *schema,
                        struct sgr_expression **ret, struct sgr_error *error) {
    struct sgr_binding *binding = host;
    struct sgr_scope_relation relation = {.schema = schema};
    struct sgr_scope scope = {.relations = &relation, .relation_count = 1};
    struct sgr_expression *expression;
    int status = sgr_expression_new(sql, &scope, &expression, error);
    if (status)
        return status;
    if (sgr_vector_push(&binding->expressions, &expression)) {
        sgr_expression_free(expression);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    *ret = expression;
    return 0;
}

static void host_expression_column(const struct sgr_expression *expression,
                                   struct sgr_column *ret) {
    *ret = *sgr_expression_column(expression);
    ret->name = NULL;
}

static int host_evaluate(struct sgr_expression *expression, const struct sgr_row *row,
                         struct sgr_value *ret, struct sgr_error *error) {
    return sgr_expression_eval(expression, &row, NULL, ret, error);
}

static int host_test(struct sgr_expression *expression, const struct sgr_row *row, bool *ret,
                     struct sgr_error *error) {
    return sgr_expression_test(expression, &row, NULL, ret, error);
}

/* Indexes. */

static struct sgr_index *wished(struct sgr_binding *binding, size_t index) {
    assert(index < binding->node->wishes.count);
    binding->node->counters.probes += !binding->passing;
    return SGR_VECTOR_AT(&binding->node->wishes, struct sgr__wish, index)->index;
}

static void host_probe(void *host, size_t index, const struct sgr_value *key,
                       struct sgr_iterator *ret) {
    sgr_index_probe(wished(host, index), key, ret);
}

static void host_probe_row(void *host, size_t index, const struct sgr_schema *schema,
                           const struct sgr_row *row, const uint16_t *columns,
                           struct sgr_iterator *ret) {
    sgr_index_probe_row(wished(host, index), schema, row, columns, ret);
}

static void host_scan(void *host, size_t index, struct sgr_iterator *ret) {
    sgr_index_scan(wished(host, index), ret);
}

/* Output. */

static int host_emit(struct sgr_output *output, const struct sgr_row *row, int64_t weight) {
    if (!weight || !sgr_batch_add(output->builder, row, weight))
        return 0;
    output->failed = true;
    return SGR_ENOMEM;
}

static void host_row_failed(void *host, const struct sgr_schema *schema, const struct sgr_row *row,
                            const struct sgr_error *error) {
    struct sgr_binding *binding = host;
    struct sgr_node *node = binding->node;
    if (binding->passing)
        return;
    node->counters.failed_rows++;
    if (!node->graph->hooks.row_failed)
        return;
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr_row_json(schema, row, NULL, schema->count, &text);
    node->graph->hooks.row_failed(node->graph->hooks.data, node, sgr_buffer_text(&text), error);
    sgr_buffer_fini(&text);
}

/* Of the graph's seed, not of the process' hash seed. */
static uint64_t host_random(void *host, uint64_t key_hash, uint64_t tick) {
    const struct sgr_node *node = ((struct sgr_binding *)host)->node;
    uint64_t x =
        sgr_hash_mix(sgr_hash_mix(node->graph->seed, node->identity), sgr_hash_mix(key_hash, tick));
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static bool host_demanded(void *host, const struct sgr_row *row) {
    struct sgr_node *node = ((struct sgr_binding *)host)->node;
    const struct sgr_graph_hooks *hooks = &node->graph->hooks;
    return !hooks->demanded || hooks->demanded(hooks->data, node, row);
}

static const char *host_node_name(void *host) {
    return ((struct sgr_binding *)host)->node->name;
}

const struct sgr_operator_host sgr__operator_host = {
    .common = {.size = sizeof(struct sgr_operator_host),
               .log = host_log,
               .allocate = host_allocate,
               .reallocate = host_reallocate,
               .release = host_release,
               .count = host_count},
    .schema_new = host_schema_new,
    .schema_ref = sgr_schema_ref,
    .schema_unref = sgr_schema_unref,
    .parse_type = host_parse_type,
    .row_new = host_row_new,
    .row_ref = host_row_ref,
    .row_unref = host_row_unref,
    .row_hash = sgr_row_hash,
    .row_equal = sgr_row_equal,
    .value_parse = host_value_parse,
    .value_text = host_value_text,
    .compile = host_compile,
    .expression_column = host_expression_column,
    .evaluate = host_evaluate,
    .test = host_test,
    .canonical = sgr_expression_canonical,
    .probe = host_probe,
    .probe_row = host_probe_row,
    .scan = host_scan,
    .next = sgr_index_next,
    .emit = host_emit,
    .row_failed = host_row_failed,
    .random = host_random,
    .demanded = host_demanded,
    .node_name = host_node_name,
    .row_hash_columns = sgr_row_hash_columns,
    .row_equal_columns = sgr_row_equal_columns,
};

/* Bindings. */

const struct sgr_operator_methods *sgr__node_methods(const struct sgr_node *node) {
    return node->plugin->operator_;
}

void sgr__binding_init(struct sgr_binding *binding, struct sgr_node *node) {
    *binding =
        (struct sgr_binding){.node = node, .expressions = SGR_VECTOR_INIT(struct sgr_expression *)};
    sgr_list_init(&binding->memory);
}

void sgr__binding_fini(struct sgr_binding *binding) {
    if (binding->bound)
        sgr__node_methods(binding->node)->close(binding->state);
    for (size_t i = 0; i < binding->expressions.count; i++)
        sgr_expression_free(*SGR_VECTOR_AT(&binding->expressions, struct sgr_expression *, i));
    sgr_vector_fini(&binding->expressions);
    SGR_LIST_EACH(link, &binding->memory)
    host_release(binding, SGR_CONTAINER(link, struct sgr__allocation, link) + 1);
    binding->bound = false;
}

static int check_wish(const struct sgr_node *node, const struct sgr_index_wish *wish,
                      struct sgr_error *error) {
    if (wish->input >= node->input_count)
        return sgr_error_set(error, SGR_EINVAL, "operator %s wants an index of input %u of %zu",
                             node->plugin->name, wish->input, node->input_count);
    const struct sgr_schema *schema = node->inputs[wish->input]->schema;
    for (uint16_t i = 0; i < wish->column_count; i++)
        if (wish->columns[i] >= schema->count)
            return sgr_error_set(
                error, SGR_EINVAL,
                "operator %s wants an index by column %u of input %u, which has %u",
                node->plugin->name, wish->columns[i], wish->input, schema->count);
    return 0;
}

static int check_shape(const struct sgr_node *node, const struct sgr_shape *shape,
                       struct sgr_error *error) {
    if (!shape->schema)
        return sgr_error_set(error, SGR_EINVAL, "operator %s gave no schema", node->plugin->name);
    if (shape->tick_every < 0 || (shape->tick_every && !sgr__node_methods(node)->tick))
        return sgr_error_set(error, SGR_EINVAL, "operator %s asked for ticks it cannot take",
                             node->plugin->name);
    for (size_t i = 0; i < shape->key_count; i++)
        if (shape->key[i] >= shape->schema->count)
            return sgr_error_set(error, SGR_EINVAL, "operator %s: the key names column %u of %u",
                                 node->plugin->name, shape->key[i], shape->schema->count);
    for (size_t i = 0; i < shape->index_count; i++) {
        int status = check_wish(node, &shape->indexes[i], error);
        if (status)
            return status;
    }
    return 0;
}

int sgr__binding_bind(struct sgr_binding *binding, struct sgr_shape *ret_shape,
                      struct sgr_error *error) {
    struct sgr_node *node = binding->node;
    struct sgr_input *inputs = calloc(node->input_count + 1, sizeof(*inputs));
    if (!inputs)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    for (size_t i = 0; i < node->input_count; i++)
        inputs[i] = (struct sgr_input){.name = node->inputs[i]->name,
                                       .schema = node->inputs[i]->schema,
                                       .key = node->inputs[i]->key,
                                       .key_count = node->inputs[i]->key_count};
    struct sgr_shape shape = {0};
    int status = sgr__node_methods(node)->bind(&sgr__operator_host, binding,
                                               sgr_options_struct(node->options), inputs,
                                               node->input_count, &shape, &binding->state, error);
    free(inputs);
    if (status)
        return status;
    binding->bound = true;
    status = check_shape(node, &shape, error);
    if (status)
        sgr_schema_unref(shape.schema);
    else
        *ret_shape = shape;
    return status;
}
