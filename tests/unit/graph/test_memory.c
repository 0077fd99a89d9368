/* Each allocation on the way fails once: nothing may crash, leak or be half done. */
#include "graph/relation.h"
#include "unit/graph/fixture.h"

static long until_failure = -1; /* allocations that still succeed; negative: all */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void) {
    return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return fails() ? NULL : __real_realloc(old, size);
}

/* Passes rows on and asks for an index, with state from the host. */

struct state {
    const struct sgr_operator_host *host;
    struct sgr_index_wish wish;
    void *memory;
    void *host_data;
};

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *shape,
                void **ret, struct sgr_error *error) {
    static const uint16_t column = 1;
    (void)options;
    (void)input_count;
    struct state *state = host->common.allocate(host_data, sizeof(*state));
    void *memory = host->common.allocate(host_data, 100);
    if (!state || !memory)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *state = (struct state){.host = host,
                            .wish = {.column_count = 1, .columns = &column},
                            .memory = memory,
                            .host_data = host_data};
    *shape = (struct sgr_shape){.schema = host->schema_ref(inputs[0].schema),
                                .key = inputs[0].key,
                                .key_count = inputs[0].key_count,
                                .indexes = &state->wish,
                                .index_count = 1,
                                .impure = true};
    *ret = state;
    return 0;
}

static int apply(void *data, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    struct state *state = data;
    void *more = state->host->common.reallocate(state->host_data, state->memory, 200);
    if (!more)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    state->memory = more;
    for (size_t i = 0; i < inputs[0].count; i++)
        if (state->host->emit(output, inputs[0].items[i].row, inputs[0].items[i].weight))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    return 0;
}

static void close(void *data) {
    (void)data;
}

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 1, .inputs_maximum = 1, .bind = bind, .apply = apply, .close = close};
static const struct sgr_plugin plugin = {SGR_PLUGIN_HEADER, .kind = SGR_OPERATOR, .name = "pass",
                                         .methods_size = sizeof(methods), .operator_ = &methods};

static int change(struct sgr_fold *fold, struct sgr_relation *relation, enum sgr_change_kind kind,
                  const char *id, const char *name, struct sgr_error *error) {
    struct sgr_field fields[2] = {{id, (uint32_t)strlen(id), SGR_FIELD_TEXT},
                                  {name, (uint32_t)strlen(name), SGR_FIELD_TEXT}};
    struct sgr_change made = {.kind = kind, .relation = relation, .new_fields = fields};
    return sgr_fold_change(fold, &made, error);
}

static int commit(struct sgr_fold *fold, struct sgr_graph *graph, struct sgr_error *error) {
    int status = sgr_fold_finish(fold, error);
    return status ? status : sgr_graph_run(graph, error);
}

static int snapshot_row(struct sgr_fold *fold, struct sgr_relation *relation, const char *id,
                        const char *name, struct sgr_error *error) {
    struct sgr_field fields[] = {{id, (uint32_t)strlen(id), SGR_FIELD_TEXT},
                                 {name, (uint32_t)strlen(name), SGR_FIELD_TEXT}};
    return sgr_fold_snapshot_row(fold, relation, fields, error);
}

/* Some rows are as they were, some other, some new, and the rest are gone. */
static int compare(struct sgr_graph *graph, struct sgr_fold *fold, struct sgr_relation *relation,
                   struct sgr_error *error) {
    char id[12];
    int status = sgr_fold_snapshot_begin(fold, false, error);
    for (int i = 20; i < 60 && !status; i++) {
        snprintf(id, sizeof(id), "%d", i);
        status = snapshot_row(fold, relation, id, i % 3 ? "name" : "other", error);
    }
    if (!status)
        status = sgr_fold_snapshot_finish(fold, error);
    return status ? status : sgr_graph_run(graph, error);
}

/* Rows, a node, more rows, a later index. */
static int work(struct sgr_graph *graph, struct sgr_fold *fold, struct sgr_relation *relation,
                struct sgr_options *options, struct sgr_node **ret, struct sgr_error *error) {
    struct sgr_node *input = sgr_fold_node(fold);
    struct sgr_index *index;
    const uint16_t columns[] = {1, 0};
    char id[12];
    int status = 0;
    for (int i = 0; i < 40 && !status; i++) {
        snprintf(id, sizeof(id), "%d", i);
        status = change(fold, relation, SGR_INSERT, id, "name", error);
    }
    if (!status)
        status = commit(fold, graph, error);
    if (status) {
        sgr_options_free(options);
        return status;
    }
    status = sgr_graph_operator(graph, &plugin, options, &input, 1, "node", ret, error);
    if (!status)
        status = change(fold, relation, SGR_UPDATE, "7", "other", error);
    if (!status)
        status = commit(fold, graph, error);
    if (!status)
        status = compare(graph, fold, relation, error);
    if (!status)
        status = change(fold, relation, SGR_TRUNCATE, "", "", error);
    if (!status)
        status = commit(fold, graph, error);
    if (!status)
        status = sgr_node_index(*ret, columns, 2, &index, error);
    if (!status)
        sgr_node_unindex(*ret, index);
    return status;
}

static int attempt(struct sgr_heap *heap, long successes) {
    static struct sgr_relation_column columns[] = {
        {.name = "id", .type_name = "int4", .type = SGR_INT4, .type_modifier = -1, .key = true},
        {.name = "name", .type_name = "text", .type = SGR_TEXT, .type_modifier = -1}};
    struct sgr_relation relation = {.schema = "public",
                                    .table = "t",
                                    .columns = columns,
                                    .column_count = 2,
                                    .identity = SGR_IDENTITY_DEFAULT};
    struct sgr_options *options = fixture_options(&plugin, "", NULL);
    struct sgr_error error;
    struct sgr_fold *fold = NULL;
    struct sgr_node *node = NULL;
    until_failure = successes;
    struct sgr_graph *graph = sgr_graph_new(heap, 1, NULL);
    int status = graph ? sgr_fold_new(graph, "app.t", &relation, &fold, &error) : SGR_ENOMEM;
    if (!status)
        status = work(graph, fold, &relation, options, &node, &error);
    else
        sgr_options_free(options);
    until_failure = -1;
    if (status && status != SGR_ENOMEM)
        print_error("%s\n", error.message);
    sgr_node_unref(node);
    sgr_fold_free(fold);
    if (graph)
        assert_int_equal(sgr_graph_node_count(graph), 0);
    sgr_graph_free(graph);
    assert_int_equal(sgr_heap_rows(heap), 0);
    return status;
}

static void every_allocation_may_fail(void **unused) {
    (void)unused;
    struct sgr_error error;
    struct sgr_heap *heap = sgr_heap_new(0, &error);
    long successes = 0;
    for (int status = SGR_ENOMEM; status; successes++) {
        status = attempt(heap, successes);
        if (status && status != SGR_ENOMEM)
            fail_msg("after %ld allocations: status %d", successes, status);
        assert_true(successes < 100000);
    }
    assert_true(successes > 50); /* or nothing was made to fail */
    sgr_heap_free(heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
