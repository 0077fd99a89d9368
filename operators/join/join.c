/* join: pairs of rows of two inputs whose columns are equal, as SQL's INNER JOIN.
 *
 * Bilinear, without state of its own: each side is looked up in the shared index of the other. The indexes show the state after the
 * transaction, so with A' = A + ΔA the change of the result is ΔA⋈B' + A⋈ΔB. When one side alone changed, A is A' and probing does; when
 * both did, A is A' without ΔA (both.c). */
#include "join.h"

bool join_unmatched(const struct join *join, int side, const struct sgr_row *row) {
    for (size_t i = 0; i < join->on_count; i++)
        if (sgr_row_null(row, join->on[side][i]))
            return true;
    return false;
}

int join_emit(struct join *join, const struct sgr_row *left, const struct sgr_row *right,
              int64_t weight, struct sgr_output *output) {
    const struct sgr_row *rows[2] = {left, right}, *row;
    for (uint16_t i = 0; i < join->schema->count; i++) {
        struct join_column from = join->columns[i];
        join->values[i] = sgr_row_value(join->inputs[from.side], rows[from.side], from.column);
    }
    int status = join->host->row_new(join->host_data, join->schema, join->values, &row);
    if (status)
        return status;
    status = join->host->emit(output, row, weight);
    join->host->row_unref(row);
    return status;
}

/* Each changed row of one side with what it meets on the other. */
static int join_side(struct join *join, int side, const struct sgr_batch *changes,
                     struct sgr_output *output) {
    const struct sgr_operator_host *host = join->host;
    for (size_t i = 0; i < changes->count; i++) {
        const struct sgr_delta *delta = &changes->items[i];
        if (join_unmatched(join, side, delta->row))
            continue;
        struct sgr_iterator iterator;
        int64_t weight;
        host->probe_row(join->host_data, side ? 0 : 1, join->inputs[side], delta->row,
                        join->on[side], &iterator);
        for (const struct sgr_row *met; (met = host->next(&iterator, &weight));) {
            int status = join_emit(join, side ? met : delta->row, side ? delta->row : met,
                                   delta->weight * weight, output);
            if (status)
                return status;
        }
    }
    return 0;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    struct join *join = state;
    int status = join_side(join, 0, &inputs[0], output);
    if (!status)
        status = inputs[0].count && inputs[1].count
                     ? join_right_with_left(join, &inputs[0], &inputs[1], output)
                     : join_side(join, 1, &inputs[1], output);
    return status ? sgr_error_set(error, status, "a joined row could not be made") : 0;
}

static void fill_shape(struct join *join, struct sgr_shape *ret) {
    for (uint16_t side = 0; side < 2; side++)
        join->wishes[side] = (struct sgr_index_wish){
            .input = side, .column_count = (uint16_t)join->on_count, .columns = join->on[side]};
    *ret = (struct sgr_shape){.schema = join->host->schema_ref(join->schema),
                              .key = join->key,
                              .key_count = join->key_count,
                              .indexes = join->wishes,
                              .index_count = 2};
}

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options_data,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    (void)input_count;
    const struct join_options *options = options_data;
    struct join *join = host->common.allocate(host_data, sizeof(*join));
    if (!join)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    join->host = host;
    join->host_data = host_data;
    join->inputs[0] = inputs[0].schema;
    join->inputs[1] = inputs[1].schema;
    int status = join_read_condition(join, options->on, inputs, error);
    if (!status)
        status = join_make_shape(join, &options->columns, inputs, error);
    if (status)
        return status;
    fill_shape(join, ret_shape);
    *ret_state = join;
    return 0;
}

/* All else that was allocated goes with the node. */
static void join_close(void *state) {
    struct join *join = state;
    join->host->schema_unref(join->schema);
}

static const struct sgr_option options[] = {
    {.name = "on",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct join_options, on, const char *),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_MAIN,
     .help = "What is equal: left column = right column, several with \"and\""},
    {.name = "columns",
     .type = SGR_OPTION_PAIRS,
     .offset = SGR_OPTION_AT(struct join_options, columns, struct sgr_pairs),
     .help = "The output's columns: name and left.column or right.column; default: all, those of "
             "the right that clash as INPUT_column"},
    {0}};

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 2, .inputs_maximum = 2, .bind = bind, .apply = apply, .close = join_close};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_OPERATOR,
              .name = "join",
              .version = "0.1.0",
              .summary = "Pairs of rows of two inputs whose columns are equal",
              .options = options,
              .options_size = sizeof(struct join_options),
              .methods_size = sizeof(struct sgr_operator_methods),
              .operator_ = &methods};
