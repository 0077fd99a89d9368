/* log: passes everything through and writes a line for each change, at level info. */
#include <sangre/operator.h>
#include <stdio.h>
#include <string.h>

struct options {
    const char *prefix;
};

enum { LINE = 1000 }; /* bytes; a longer row is cut */

struct log {
    const struct sgr_operator_host *host;
    void *host_data;
    const struct sgr_schema *schema;
    const char *prefix;
    size_t size; /* of the line */
    char line[LINE + 1];
};

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options_data,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    (void)input_count;
    struct log *log = host->common.allocate(host_data, sizeof(*log));
    if (!log)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    log->host = host;
    log->host_data = host_data;
    log->schema = inputs[0].schema;
    log->prefix = ((const struct options *)options_data)->prefix;
    *ret_shape = (struct sgr_shape){.schema = host->schema_ref(inputs[0].schema),
                                    .key = inputs[0].key,
                                    .key_count = inputs[0].key_count,
                                    .consolidated = true};
    *ret_state = log;
    return 0;
}

static void put(struct log *log, const char *data, size_t size) {
    size_t room = LINE - log->size, taken = size < room ? size : room;
    memcpy(log->line + log->size, data, taken);
    log->size += taken;
}

/* Line breaks and the like would let a row forge lines. */
static void put_value(struct log *log, const struct sgr_value *value) {
    if (value->null) {
        put(log, "null", 4);
        return;
    }
    struct sgr_slice text = log->host->value_text(log->host_data, value);
    for (size_t i = 0; i < text.size && log->size < LINE; i++)
        put(log, (unsigned char)text.data[i] < ' ' ? "?" : &text.data[i], 1);
}

static void write_row(struct log *log, const struct sgr_delta *delta) {
    log->size = 0;
    for (uint16_t i = 0; i < log->schema->count && log->size < LINE; i++) {
        struct sgr_value value = sgr_row_value(log->schema, delta->row, i);
        put(log, " ", 1);
        put(log, log->schema->columns[i].name, strlen(log->schema->columns[i].name));
        put(log, "=", 1);
        put_value(log, &value);
    }
    log->line[log->size] = '\0';
    log->host->common.log(log->host_data, SGR_LOG_INFO, "%s%s%+lld%s", log->prefix,
                          *log->prefix ? " " : "", (long long)delta->weight, log->line);
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    struct log *log = state;
    for (size_t i = 0; i < inputs->count; i++) {
        write_row(log, &inputs->items[i]);
        if (log->host->emit(output, inputs->items[i].row, inputs->items[i].weight))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    return 0;
}

static void log_close(void *state) {
    struct log *log = state;
    log->host->common.release(log->host_data, log);
}

static const struct sgr_option options[] = {
    {.name = "prefix",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, prefix, const char *),
     .flags = SGR_OPTION_MAIN,
     .fallback = "",
     .help = "Stands before each line"},
    {0}};

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 1, .inputs_maximum = 1, .bind = bind, .apply = apply, .close = log_close};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_OPERATOR,
              .name = "log",
              .version = "0.1.0",
              .summary = "Writes each change to the log and passes it on",
              .options = options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_operator_methods),
              .operator_ = &methods};
