/* The operator `example`: passes on the rows in which one column is not null.
 *
 * How to make it yours (scripts/new-plugin operator NAME has done 1 and 2):
 *   1. Copy this folder to operators/NAME and rename the files.
 *   2. Replace the word `example` by NAME everywhere, this comment's first line included.
 *   3. Say in `.summary` what it does, and declare its options in the table; each becomes a field of the struct above it.
 *   4. In bind: check the input, say what comes out (schema, key, indexes you want to probe, ticks).
 *   5. In apply: turn each delta into deltas. A row of weight -1 must take back exactly what it gave when it came.
 *   6. Write what the tests should hold it to, then README.md. Build: ninja sangre-operator-example unit-operator-example-test_example
 */
#include <sangre/nearest.h>
#include <sangre/operator.h>

struct options {
    const char *column;
};

struct node {
    const struct sgr_operator_host *table;
    void *host;
    uint16_t column;
};

static const struct sgr_option options[] = {
    {.name = "column",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, column, const char *),
     .flags = SGR_OPTION_MAIN | SGR_OPTION_REQUIRED,
     .help = "the column that must not be null"},
    {0},
};

static int find_column(const struct sgr_input *input, const char *name, uint16_t *ret,
                       struct sgr_error *error) {
    const char *nearest = NULL;
    for (uint16_t i = 0; i < input->schema->count; i++) {
        const char *candidate = input->schema->columns[i].name;
        if (!strcmp(candidate, name)) {
            *ret = i;
            return 0;
        }
        sgr_name_nearer(name, candidate, &nearest);
    }
    return sgr_error_set(error, SGR_ECONFIG, "%s has no column '%s'%s%s%s", input->name, name,
                         nearest ? "; did you mean '" : "", nearest ? nearest : "",
                         nearest ? "'?" : "");
}

/* Rows come out as they went in: the input's schema and key. */
static int bind(const struct sgr_operator_host *table, void *host, const void *set,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    const struct options *chosen = set;
    (void)input_count;
    struct node *node = table->common.allocate(host, sizeof(*node));
    if (!node)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a node");
    *node = (struct node){.table = table, .host = host};
    int code = find_column(&inputs[0], chosen->column, &node->column, error);
    if (code < 0) {
        table->common.release(host, node);
        return code;
    }
    *ret_shape = (struct sgr_shape){
        .schema = table->schema_ref((struct sgr_schema *)(uintptr_t)inputs[0].schema),
        .key = inputs[0].key,
        .key_count = inputs[0].key_count,
        .consolidated = true,
    };
    *ret_state = node;
    return 0;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    const struct node *node = state;
    for (size_t i = 0; i < inputs[0].count; i++) {
        const struct sgr_delta *delta = &inputs[0].items[i];
        if (sgr_row_null(delta->row, node->column))
            continue;
        if (node->table->emit(output, delta->row, delta->weight) < 0)
            return sgr_error_set(error, SGR_ENOMEM, "no memory for a row");
    }
    return 0;
}

static void close_node(void *state) {
    struct node *node = state;
    node->table->common.release(node->host, node);
}

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 1,
    .inputs_maximum = 1,
    .bind = bind,
    .apply = apply,
    .close = close_node,
};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_OPERATOR,
    .name = "example",
    .version = "0.1.0",
    .summary = "Passes on the rows in which one column is not null",
    .options = options,
    .options_size = sizeof(struct options),
    .methods_size = sizeof(struct sgr_operator_methods),
    .operator_ = &methods,
};
