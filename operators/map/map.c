/* map: new columns from SQL expressions over one row.
 *
 * Linear and without state. The key is kept if each of its columns comes through as it is, under whatever name; without that, rows that
 * differ may become equal, and the output is a bag. A row with an expression that fails is reported and left out. */
#include <sangre/operator.h>
#include <string.h>

struct options {
    struct sgr_pairs columns;
};

struct map {
    const struct sgr_operator_host *host;
    void *host_data;
    const struct sgr_schema *input;
    struct sgr_schema *schema;
    struct sgr_expression **expressions;
    struct sgr_value *values;   /* of the row being made */
    struct sgr_column *columns; /* for bind */
    uint16_t *key;
};

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static int make_state(const struct sgr_operator_host *host, void *host_data, size_t columns,
                      size_t keys, struct map **ret, struct sgr_error *error) {
    struct map *map = host->common.allocate(host_data, sizeof(*map));
    if (!map)
        return out_of_memory(error);
    map->host = host;
    map->host_data = host_data;
    map->expressions = host->common.allocate(host_data, columns * sizeof(*map->expressions));
    map->values = host->common.allocate(host_data, columns * sizeof(*map->values));
    map->columns = host->common.allocate(host_data, columns * sizeof(*map->columns));
    map->key = host->common.allocate(host_data, (keys + 1) * sizeof(*map->key));
    if (!map->expressions || !map->values || !map->columns || !map->key)
        return out_of_memory(error);
    *ret = map;
    return 0;
}

static int compile(struct map *map, const struct sgr_pairs *pairs, struct sgr_error *error) {
    for (size_t i = 0; i < pairs->count; i++) {
        for (size_t j = 0; j < i; j++)
            if (!strcmp(pairs->items[i].name, pairs->items[j].name))
                return sgr_error_set(error, SGR_ECONFIG, "two columns are named %s",
                                     pairs->items[i].name);
        int status = map->host->compile(map->host_data, pairs->items[i].value, map->input,
                                        &map->expressions[i], error);
        if (status) {
            sgr_error_context(error, "column %s", pairs->items[i].name);
            return status;
        }
        map->host->expression_column(map->expressions[i], &map->columns[i]);
        map->columns[i].name = pairs->items[i].name;
    }
    return 0;
}

/* "name" with quotes, as an expression that can only mean the column. */
static int quote(const struct map *map, const char *name, char **ret) {
    char *quoted = map->host->common.allocate(map->host_data, 2 * strlen(name) + 3), *at = quoted;
    if (!quoted)
        return SGR_ENOMEM;
    *at++ = '"';
    for (; *name; name++) {
        if (*name == '"')
            *at++ = '"';
        *at++ = *name;
    }
    *at++ = '"';
    *ret = quoted;
    return 0;
}

/* The output column that is this input column and nothing else; `count` if there is none. */
static int find_passed(const struct map *map, size_t count, uint16_t column, size_t *ret,
                       struct sgr_error *error) {
    char *sql;
    struct sgr_expression *plain;
    if (quote(map, map->input->columns[column].name, &sql))
        return out_of_memory(error);
    int status = map->host->compile(map->host_data, sql, map->input, &plain, error);
    map->host->common.release(map->host_data, sql);
    if (status)
        return status;
    const char *wanted = map->host->canonical(plain);
    size_t i = 0;
    while (i < count && strcmp(map->host->canonical(map->expressions[i]), wanted))
        i++;
    *ret = i;
    return 0;
}

static int keep_key(struct map *map, const struct sgr_input *input, size_t count,
                    size_t *ret_key_count, struct sgr_error *error) {
    *ret_key_count = 0;
    for (size_t i = 0; i < input->key_count; i++) {
        size_t at = count;
        int status = find_passed(map, count, input->key[i], &at, error);
        if (status)
            return status;
        if (at == count)
            return 0;
        map->key[i] = (uint16_t)at;
    }
    *ret_key_count = input->key_count;
    return 0;
}

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options_data,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    (void)input_count;
    const struct sgr_pairs *pairs = &((const struct options *)options_data)->columns;
    struct map *map = NULL;
    size_t key_count = 0;
    if (!pairs->count)
        return sgr_error_set(error, SGR_ECONFIG, "map makes no columns");
    int status = make_state(host, host_data, pairs->count, inputs[0].key_count, &map, error);
    if (status)
        return status;
    map->input = inputs[0].schema;
    status = compile(map, pairs, error);
    if (!status)
        status = keep_key(map, &inputs[0], pairs->count, &key_count, error);
    if (status)
        return status;
    map->schema = host->schema_new(host_data, map->columns, pairs->count);
    if (!map->schema)
        return out_of_memory(error);
    *ret_shape = (struct sgr_shape){
        .schema = host->schema_ref(map->schema), .key = map->key, .key_count = key_count};
    *ret_state = map;
    return 0;
}

static int make_row(struct map *map, const struct sgr_row *from, const struct sgr_row **ret,
                    struct sgr_error *error) {
    for (uint16_t i = 0; i < map->schema->count; i++) {
        int status = map->host->evaluate(map->expressions[i], from, &map->values[i], error);
        if (status)
            return status;
    }
    int status = map->host->row_new(map->host_data, map->schema, map->values, ret);
    return status ? sgr_error_set(error, status, "the values do not fit their columns") : 0;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    struct map *map = state;
    for (size_t i = 0; i < inputs->count; i++) {
        const struct sgr_delta *delta = &inputs->items[i];
        const struct sgr_row *row;
        struct sgr_error why;
        int status = make_row(map, delta->row, &row, &why);
        if (status == SGR_ENOMEM)
            return out_of_memory(error);
        if (status) {
            map->host->row_failed(map->host_data, map->input, delta->row, &why);
            continue;
        }
        status = map->host->emit(output, row, delta->weight);
        map->host->row_unref(row);
        if (status)
            return out_of_memory(error);
    }
    return 0;
}

/* All else that was allocated goes with the node. */
static void map_close(void *state) {
    struct map *map = state;
    map->host->schema_unref(map->schema);
}

static const struct sgr_option options[] = {
    {.name = "columns",
     .type = SGR_OPTION_PAIRS,
     .offset = SGR_OPTION_AT(struct options, columns, struct sgr_pairs),
     .flags = SGR_OPTION_REQUIRED | SGR_OPTION_MAIN,
     .help = "The output's columns in order: name and SQL expression over the input's columns"},
    {0}};

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 1, .inputs_maximum = 1, .bind = bind, .apply = apply, .close = map_close};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_OPERATOR,
              .name = "map",
              .version = "0.1.0",
              .summary = "New columns from SQL expressions: project, rename, compute",
              .options = options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_operator_methods),
              .operator_ = &methods};
