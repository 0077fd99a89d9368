/* The operator `lua`: a script makes of each row none, one or several.
 *
 * Its outputs are remembered per input row, so that a retraction takes back what was sent, whatever the script does by then. A pure
 * script is run again for the retraction instead: with the tick at which the row's outputs were made, which is the current one,
 * as a pure node runs all rows at each tick. */
#include <string.h>

#include "recall.h"
#include "script.h"
#include "shape.h"

struct node {
    const struct sgr_operator_host *table;
    void *host;
    const struct lua_options *options;
    struct lua_shape shape;
    const struct sgr_schema *output; /* shape.schema, after its reference went to the host */
    struct script *script;
    struct recall recall; /* unless pure */
    struct rows made;     /* by the run under way */
    struct rows past;     /* pure ticks: by the same script at the tick before */
    uint64_t tick;
};

static const char *const on_error_choices[] = {"keep", "drop", NULL};

#define AT(field, type) SGR_OPTION_AT(struct lua_options, field, type)
static const struct sgr_option options[] = {
    {"code", SGR_OPTION_STRING, AT(code, const char *), SGR_OPTION_MAIN | SGR_OPTION_REQUIRED, NULL,
     0, 0, NULL, "Lua: statements or an expression over `row`, or `function(row) … end`"},
    {"adds", SGR_OPTION_COLUMNS, AT(adds, struct sgr_pairs), 0, NULL, 0, 0, NULL,
     "columns the script sets, with their types"},
    {"drops", SGR_OPTION_STRINGS, AT(drops, struct sgr_strings), 0, NULL, 0, 0, NULL,
     "columns of the input that are left out"},
    {"returns", SGR_OPTION_COLUMNS, AT(returns, struct sgr_pairs), 0, NULL, 0, 0, NULL,
     "all columns of the output, in place of the input's"},
    {"key", SGR_OPTION_STRINGS, AT(key, struct sgr_strings), 0, NULL, 0, 0, NULL,
     "columns that identify an output row; default: the input's key, and none with `returns`"},
    {"every", SGR_OPTION_DURATION, AT(every, int64_t), 0, NULL, 1000, INT64_MAX, NULL,
     "run again on all rows, so often"},
    {"demanded", SGR_OPTION_BOOL, AT(demanded, bool), 0, "false", 0, 0, NULL,
     "with `every`: only on rows that a client looks at"},
    {"pure", SGR_OPTION_BOOL, AT(pure, bool), 0, "false", 0, 0, NULL,
     "the same row gives the same result: nothing is remembered, retractions are computed again"},
    {"on_error", SGR_OPTION_CHOICE, AT(on_error, const char *), 0, "keep", 0, 0, on_error_choices,
     "a row the script fails on is kept as it was, with added columns null, or dropped"},
    {"memory", SGR_OPTION_BYTES, AT(memory, int64_t), 0, "16MB", 262144, 4294967296, NULL,
     "what the script's state may hold"},
    {"time", SGR_OPTION_DURATION, AT(time, int64_t), 0, "100ms", 1000, 600000000, NULL,
     "what one row may take, counted as 50 instructions a microsecond"},
    {0},
};

static void close_node(void *state) {
    struct node *node = state;
    rows_fini(node->table, node->host, &node->made);
    rows_fini(node->table, node->host, &node->past);
    if (node->recall.table)
        recall_fini(&node->recall);
    script_free(node->script);
    node->table->common.release(node->host, node->shape.key);
    node->table->common.release(node->host, node);
}

static int open_script(struct node *node, const struct sgr_input *input, struct sgr_error *error) {
    const struct lua_options *set = node->options;
    struct script_options script = {
        .code = set->code,
        .memory = (size_t)set->memory,
        .microseconds = set->time,
        .whole = set->returns.count > 0,
        .keep_rows = !strcmp(set->on_error, "keep"),
        .keep_key = node->shape.keeps_key,
        .key = node->shape.key,
        .key_count = node->shape.key_count,
    };
    return script_new(node->table, node->host, &script, input, node->shape.schema, &node->script,
                      error);
}

/* Pure ticks read the input from its index by key, which is there anyway. */
static int fill_shape(struct node *node, const struct sgr_input *input, struct sgr_shape *shape,
                      struct sgr_error *error) {
    *shape = (struct sgr_shape){
        .schema = node->shape.schema,
        .key = node->shape.key,
        .key_count = node->shape.key_count,
        .tick_every = node->options->every,
        .impure = !node->options->pure || node->options->every,
    };
    if (!node->options->pure || !node->options->every)
        return 0;
    size_t all = input->schema->count, count = input->key_count ? input->key_count : all;
    struct sgr_index_wish *wish = node->table->common.allocate(node->host, sizeof(*wish));
    uint16_t *columns = node->table->common.allocate(node->host, count * sizeof(*columns));
    if (!wish || !columns) {
        node->table->common.release(node->host, wish);
        node->table->common.release(node->host, columns);
        return sgr_error_set(error, SGR_ENOMEM, "no memory for an index");
    }
    for (size_t i = 0; i < count; i++)
        columns[i] = input->key_count ? input->key[i] : (uint16_t)i;
    *wish = (struct sgr_index_wish){0, (uint16_t)count, columns};
    shape->indexes = wish;
    shape->index_count = 1;
    return 0;
}

static int bind_node(const struct sgr_operator_host *table, void *host, const void *set,
                     const struct sgr_input *inputs, size_t input_count,
                     struct sgr_shape *ret_shape, void **ret_state, struct sgr_error *error) {
    (void)input_count;
    struct node *node = table->common.allocate(host, sizeof(*node));
    if (!node)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a node");
    node->table = table;
    node->host = host;
    node->options = set;
    int code = lua_shape_make(table, host, node->options, inputs, &node->shape, error);
    if (code == 0) {
        struct sgr_shape shape;
        code = open_script(node, inputs, error);
        if (code == 0)
            code = fill_shape(node, inputs, &shape, error);
        if (code == 0) {
            node->output = node->shape.schema;
            if (!node->options->pure)
                recall_init(&node->recall, table, host, inputs->schema);
            *ret_shape = shape;
            *ret_state = node;
            return 0;
        }
        table->schema_unref(node->shape.schema);
    }
    close_node(node);
    return code;
}

static int emit_all(struct node *node, struct sgr_output *output, const struct sgr_row *const *rows,
                    size_t count, int64_t weight) {
    for (size_t i = 0; i < count; i++) {
        if (node->table->emit(output, rows[i], weight) < 0)
            return SGR_ENOMEM;
    }
    return 0;
}

/* Runs the script for one row into node->made. */
static int make(struct node *node, const struct sgr_row *row, bool report) {
    rows_cut(node->table, &node->made, 0);
    return script_run(node->script, row, node->tick, report, &node->made);
}

static int apply_pure(struct node *node, const struct sgr_delta *delta, struct sgr_output *output) {
    int code = make(node, delta->row, delta->weight > 0);
    return code < 0 ? code
                    : emit_all(node, output, node->made.items, node->made.count, delta->weight);
}

static int apply_new(struct node *node, const struct sgr_delta *delta, struct sgr_output *output) {
    int code = make(node, delta->row, true);
    if (code == 0)
        code = emit_all(node, output, node->made.items, node->made.count, delta->weight);
    return code < 0 ? code : recall_add(&node->recall, delta->row, delta->weight, &node->made);
}

static int apply_known(struct node *node, struct recalled *item, int64_t weight,
                       struct sgr_output *output) {
    int code = emit_all(node, output, recalled_rows(item), item->count, weight);
    item->weight += weight;
    if (code == 0 && item->weight == 0)
        recall_remove(&node->recall, item);
    return code;
}

static int apply_one(struct node *node, const struct sgr_delta *delta, struct sgr_output *output,
                     struct sgr_error *error) {
    if (node->options->pure)
        return apply_pure(node, delta, output);
    struct recalled *item = recall_find(&node->recall, delta->row);
    if (!item && delta->weight > 0)
        return apply_new(node, delta, output);
    if (!item || item->weight + delta->weight < 0)
        return sgr_error_set(error, SGR_EINTERNAL, "a row is taken back that never came");
    return apply_known(node, item, delta->weight, output);
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    for (size_t i = 0; i < inputs->count; i++) {
        int code = apply_one(state, &inputs->items[i], output, error);
        if (code == SGR_ENOMEM)
            sgr_error_set(error, code, "no memory for a row");
        if (code < 0)
            return code;
    }
    return 0;
}

/* A row with no output can't be looked at, but might get one. */
static bool is_demanded(const struct node *node, const struct recalled *item) {
    const struct sgr_row *const *rows = recalled_rows(item);
    for (uint32_t i = 0; i < item->count; i++) {
        if (node->table->demanded(node->host, rows[i]))
            return true;
    }
    return item->count == 0;
}

static int tick_remembered(struct node *node, struct recalled *item, struct sgr_output *output) {
    if (node->options->demanded && !is_demanded(node, item))
        return 0;
    int code = make(node, item->row, true);
    const struct sgr_row *const *old = recalled_rows(item);
    if (code < 0 ||
        rows_equal(node->table, node->output, old, item->count, node->made.items, node->made.count))
        return code;
    code = emit_all(node, output, old, item->count, -item->weight);
    if (code == 0)
        code = emit_all(node, output, node->made.items, node->made.count, item->weight);
    return code < 0 ? code : recall_replace(&node->recall, item, &node->made);
}

static int tick_pure(struct node *node, const struct sgr_row *row, int64_t weight, uint64_t before,
                     struct sgr_output *output) {
    rows_cut(node->table, &node->past, 0);
    int code = script_run(node->script, row, before, false, &node->past);
    if (code == 0)
        code = make(node, row, true);
    if (code < 0 || rows_equal(node->table, node->output, node->past.items, node->past.count,
                               node->made.items, node->made.count))
        return code;
    code = emit_all(node, output, node->past.items, node->past.count, -weight);
    return code < 0 ? code : emit_all(node, output, node->made.items, node->made.count, weight);
}

static int tick(void *state, uint64_t number, struct sgr_output *output, struct sgr_error *error) {
    struct node *node = state;
    uint64_t before = node->tick;
    int code = 0;
    node->tick = number;
    for (size_t i = 0; code == 0 && i < node->recall.count; i++)
        code = tick_remembered(node, &node->recall.items[i], output);
    if (node->options->pure) {
        struct sgr_iterator iterator;
        const struct sgr_row *row;
        int64_t weight;
        node->table->scan(node->host, 0, &iterator);
        while (code == 0 && (row = node->table->next(&iterator, &weight)))
            code = tick_pure(node, row, weight, before, output);
    }
    return code < 0 ? sgr_error_set(error, code, "no memory for a row") : 0;
}

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 1,
    .inputs_maximum = 1,
    .bind = bind_node,
    .apply = apply,
    .tick = tick,
    .close = close_node,
};

SGR_PLUGIN = {
    SGR_PLUGIN_HEADER,
    .kind = SGR_OPERATOR,
    .name = "lua",
    .version = "0.1.0",
    .summary = "A Lua script makes of each row none, one or several",
    .options = options,
    .options_size = sizeof(struct lua_options),
    .methods_size = sizeof(struct sgr_operator_methods),
    .operator_ = &methods,
};
