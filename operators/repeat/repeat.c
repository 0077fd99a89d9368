/* repeat: each row with a counter that grows at every tick, so that all rows go out again and again.
 *
 * Invariant: the output is the input's contents with the number of the last tick. The rows to take back are read from the input's index,
 * which shows the state after the transaction; changes of the same transaction were emitted with the last number before. */
#include <sangre/operator.h>
#include <string.h>

struct options {
    int64_t every;
    const char *as;
};

struct repeat {
    const struct sgr_operator_host *host;
    void *host_data;
    const struct sgr_schema *input;
    struct sgr_schema *schema;
    struct sgr_value *values;
    uint16_t *all; /* the index's columns: the key, or all for a bag */
    uint64_t tick;
};

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static int make_schema(struct repeat *repeat, const char *as, struct sgr_error *error) {
    const struct sgr_schema *input = repeat->input;
    size_t size = (input->count + 1u) * sizeof(struct sgr_column);
    struct sgr_column *columns = repeat->host->common.allocate(repeat->host_data, size);
    if (!columns)
        return out_of_memory(error);
    for (uint16_t i = 0; i < input->count; i++) {
        columns[i] = input->columns[i];
        if (!strcmp(columns[i].name, as))
            return sgr_error_set(error, SGR_ECONFIG,
                                 "the input has a column %s already: choose another with `as`", as);
    }
    int status = repeat->host->parse_type(repeat->host_data, "int8", &columns[input->count], error);
    columns[input->count].name = as;
    columns[input->count].not_null = true;
    if (!status)
        repeat->schema = repeat->host->schema_new(repeat->host_data, columns, input->count + 1u);
    repeat->host->common.release(repeat->host_data, columns);
    return status ? status : repeat->schema ? 0 : out_of_memory(error);
}

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options_data,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    (void)input_count;
    const struct options *options = options_data;
    const struct sgr_input *input = &inputs[0];
    size_t count = input->schema->count;
    struct repeat *repeat = host->common.allocate(host_data, sizeof(*repeat));
    struct sgr_value *values = host->common.allocate(host_data, (count + 1) * sizeof(*values));
    uint16_t *all = host->common.allocate(host_data, (count + 1) * sizeof(*all));
    struct sgr_index_wish *wish = host->common.allocate(host_data, sizeof(*wish));
    if (!repeat || !values || !all || !wish)
        return out_of_memory(error);
    *repeat = (struct repeat){
        .host = host, .host_data = host_data, .input = input->schema, .values = values, .all = all};
    int status = make_schema(repeat, options->as, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        all[i] = (uint16_t)i;
    *wish = (struct sgr_index_wish){.column_count =
                                        (uint16_t)(input->key_count ? input->key_count : count),
                                    .columns = input->key_count ? input->key : all};
    *ret_shape = (struct sgr_shape){.schema = host->schema_ref(repeat->schema),
                                    .key = input->key,
                                    .key_count = input->key_count,
                                    .indexes = wish,
                                    .index_count = 1,
                                    .tick_every = options->every,
                                    .consolidated = false};
    *ret_state = repeat;
    return 0;
}

static int emit(struct repeat *repeat, const struct sgr_row *from, uint64_t tick, int64_t weight,
                struct sgr_output *output) {
    const struct sgr_row *row;
    uint16_t count = repeat->input->count;
    for (uint16_t i = 0; i < count; i++)
        repeat->values[i] = sgr_row_value(repeat->input, from, i);
    repeat->values[count] = (struct sgr_value){.type = SGR_INT8, .i = (int64_t)tick};
    int status = repeat->host->row_new(repeat->host_data, repeat->schema, repeat->values, &row);
    if (status)
        return status;
    status = repeat->host->emit(output, row, weight);
    repeat->host->row_unref(row);
    return status;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    struct repeat *repeat = state;
    for (size_t i = 0; i < inputs->count; i++)
        if (emit(repeat, inputs->items[i].row, repeat->tick, inputs->items[i].weight, output))
            return out_of_memory(error);
    return 0;
}

static int on_tick(void *state, uint64_t tick, struct sgr_output *output, struct sgr_error *error) {
    struct repeat *repeat = state;
    struct sgr_iterator iterator;
    int64_t weight;
    repeat->host->scan(repeat->host_data, 0, &iterator);
    for (const struct sgr_row *row; (row = repeat->host->next(&iterator, &weight));)
        if (emit(repeat, row, repeat->tick, -weight, output) ||
            emit(repeat, row, tick, weight, output))
            return out_of_memory(error);
    repeat->tick = tick;
    return 0;
}

/* All else that was allocated goes with the node. */
static void repeat_close(void *state) {
    struct repeat *repeat = state;
    repeat->host->schema_unref(repeat->schema);
}

static const struct sgr_option options[] = {
    {.name = "every",
     .type = SGR_OPTION_DURATION,
     .offset = SGR_OPTION_AT(struct options, every, int64_t),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_MAIN,
     .minimum = 1000,
     .maximum = INT64_C(86400000000) * 365,
     .help = "Time between two ticks"},
    {.name = "as",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, as, const char *),
     .fallback = "tick",
     .help = "Name of the column with the number of the last tick, 0 before the first"},
    {0}};

static const struct sgr_operator_methods methods = {.inputs_minimum = 1,
                                                    .inputs_maximum = 1,
                                                    .bind = bind,
                                                    .apply = apply,
                                                    .tick = on_tick,
                                                    .close = repeat_close};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_OPERATOR,
              .name = "repeat",
              .version = "0.1.0",
              .summary = "All rows again at every tick, with the tick's number",
              .options = options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_operator_methods),
              .operator_ = &methods};
