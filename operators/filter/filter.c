/* filter: the rows for which an SQL condition is true.
 *
 * Linear and without state: a row's fate depends on the row alone, so a retraction takes the way its insertion took. A row whose condition
 * fails (division by zero, …) is reported and left out, both times. */
#include <sangre/operator.h>

struct options {
    const char *condition;
};

struct filter {
    const struct sgr_operator_host *host;
    void *host_data;
    const struct sgr_schema *schema; /* the input's */
    struct sgr_expression *condition;
};

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options_data,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    (void)input_count;
    const struct options *options = options_data;
    struct filter *filter = host->common.allocate(host_data, sizeof(*filter));
    if (!filter)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    *filter = (struct filter){.host = host, .host_data = host_data, .schema = inputs[0].schema};
    int status =
        host->compile(host_data, options->condition, filter->schema, &filter->condition, error);
    if (status)
        return status;
    struct sgr_column column;
    host->expression_column(filter->condition, &column);
    if (column.type != SGR_BOOL)
        return sgr_error_set(error, SGR_ETYPE, "a condition is of type bool, but this is %s: %s",
                             column.type_name ? column.type_name : "of another",
                             options->condition);
    *ret_shape = (struct sgr_shape){.schema = host->schema_ref(inputs[0].schema),
                                    .key = inputs[0].key,
                                    .key_count = inputs[0].key_count,
                                    .consolidated = true};
    *ret_state = filter;
    return 0;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    struct filter *filter = state;
    const struct sgr_operator_host *host = filter->host;
    for (size_t i = 0; i < inputs->count; i++) {
        const struct sgr_delta *delta = &inputs->items[i];
        struct sgr_error why;
        bool pass = false;
        if (host->test(filter->condition, delta->row, &pass, &why))
            host->row_failed(filter->host_data, filter->schema, delta->row, &why);
        else if (pass && host->emit(output, delta->row, delta->weight))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    return 0;
}

static void filter_close(void *state) {
    struct filter *filter = state;
    filter->host->common.release(filter->host_data, filter);
}

static const struct sgr_option options[] = {
    {.name = "condition",
     .type = SGR_OPTION_EXPRESSION,
     .offset = SGR_OPTION_AT(struct options, condition, const char *),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_MAIN,
     .help = "An SQL condition over the input's columns; rows for which it is true pass"},
    {0}};

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 1, .inputs_maximum = 1, .bind = bind, .apply = apply, .close = filter_close};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_OPERATOR,
              .name = "filter",
              .version = "0.1.0",
              .summary = "The rows for which an SQL condition is true",
              .options = options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_operator_methods),
              .operator_ = &methods};
