/* union: all rows of all inputs (UNION ALL).
 *
 * Columns are matched by name. With a branch column, rows of different inputs can't be equal and the key is the branch and the inputs' key;
 * without one the output is a bag, and rows of inputs with the first one's layout pass as they are. */
#include <sangre/operator.h>
#include <string.h>

struct options {
    const char *branch;
};

struct input {
    const struct sgr_schema *schema;
    uint16_t *columns; /* output column → this input's */
    bool same;         /* its rows are laid out as the output's */
};

struct union_ {
    const struct sgr_operator_host *host;
    void *host_data;
    struct sgr_schema *schema;
    struct input *inputs;
    size_t input_count;
    uint16_t shared; /* columns that come from the inputs */
    bool branch;
    struct sgr_value *values;
    uint16_t *key;
};

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static void *allocate(const struct union_ *own, size_t count, size_t size) {
    return own->host->common.allocate(own->host_data, (count ? count : 1) * size);
}

static bool same_type(const struct sgr_column *a, const struct sgr_column *b) {
    if (a->type != b->type)
        return false;
    if (a->type == SGR_ARRAY)
        return a->element == b->element;
    return a->type != SGR_OTHER || !strcmp(a->type_name, b->type_name);
}

static int find_column(const struct sgr_schema *schema, const char *name) {
    for (uint16_t i = 0; i < schema->count; i++)
        if (!strcmp(schema->columns[i].name, name))
            return i;
    return -1;
}

static int match_input(struct union_ *own, const struct sgr_input *first,
                       const struct sgr_input *other, struct input *ret, struct sgr_error *error) {
    ret->schema = other->schema;
    ret->columns = allocate(own, own->shared, sizeof(*ret->columns));
    ret->same = true;
    if (!ret->columns)
        return out_of_memory(error);
    for (uint16_t i = 0; i < own->shared; i++) {
        const struct sgr_column *column = &first->schema->columns[i];
        int at = find_column(other->schema, column->name);
        if (at < 0)
            return sgr_error_set(error, SGR_ETYPE, "%s has a column %s, but %s has none",
                                 first->name, column->name, other->name);
        const struct sgr_column *found = &other->schema->columns[at];
        if (!same_type(column, found))
            return sgr_error_set(error, SGR_ETYPE, "column %s is %s in %s, but %s in %s",
                                 column->name, column->type_name, first->name, found->type_name,
                                 other->name);
        ret->columns[i] = (uint16_t)at;
        ret->same &= at == i;
    }
    for (uint16_t i = 0; i < other->schema->count; i++)
        if (find_column(first->schema, other->schema->columns[i].name) < 0)
            return sgr_error_set(error, SGR_ETYPE, "%s has a column %s, but %s has none",
                                 other->name, other->schema->columns[i].name, first->name);
    return 0;
}

/* Promises of a column that only some inputs make are not made by the output. */
static void weaken(struct sgr_column *column, const struct sgr_column *other) {
    column->not_null &= other->not_null;
    if (column->type_modifier != other->type_modifier)
        column->type_modifier = -1;
    if (column->collation != other->collation)
        column->collation = SGR_COLLATION_UNKNOWN;
}

static int make_schema(struct union_ *own, const struct sgr_input *inputs, const char *branch,
                       struct sgr_error *error) {
    struct sgr_column *columns = allocate(own, own->shared + 1u, sizeof(*columns));
    if (!columns)
        return out_of_memory(error);
    for (uint16_t i = 0; i < own->shared; i++) {
        columns[i] = inputs[0].schema->columns[i];
        for (size_t j = 1; j < own->input_count; j++)
            weaken(&columns[i], &inputs[j].schema->columns[own->inputs[j].columns[i]]);
    }
    int status = 0;
    if (own->branch) {
        if (find_column(inputs[0].schema, branch) >= 0)
            return sgr_error_set(
                error, SGR_ECONFIG,
                "the inputs have a column %s already: choose another with `branch`", branch);
        status = own->host->parse_type(own->host_data, "int4", &columns[own->shared], error);
        columns[own->shared].name = branch;
        columns[own->shared].not_null = true;
    }
    if (!status)
        own->schema =
            own->host->schema_new(own->host_data, columns, (size_t)own->shared + own->branch);
    own->host->common.release(own->host_data, columns);
    return status ? status : own->schema ? 0 : out_of_memory(error);
}

/* Whether each input is keyed by the columns that key the first. */
static bool same_keys(const struct union_ *own, const struct sgr_input *inputs) {
    for (size_t i = 0; i < own->input_count; i++) {
        if (!inputs[i].key_count || inputs[i].key_count != inputs[0].key_count)
            return false;
        for (size_t k = 0; k < inputs[i].key_count; k++)
            if (inputs[i].key[k] != own->inputs[i].columns[inputs[0].key[k]])
                return false;
    }
    return true;
}

static int make_key(struct union_ *own, const struct sgr_input *inputs, size_t *ret_count,
                    struct sgr_error *error) {
    *ret_count = 0;
    own->key = allocate(own, own->schema->count, sizeof(*own->key));
    if (!own->key)
        return out_of_memory(error);
    if (!own->branch || !same_keys(own, inputs))
        return 0;
    own->key[0] = own->shared;
    memcpy(own->key + 1, inputs[0].key, inputs[0].key_count * sizeof(*own->key));
    *ret_count = inputs[0].key_count + 1;
    return 0;
}

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options_data,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    const char *branch = ((const struct options *)options_data)->branch;
    struct union_ *own = host->common.allocate(host_data, sizeof(*own));
    if (!own)
        return out_of_memory(error);
    *own = (struct union_){.host = host,
                           .host_data = host_data,
                           .input_count = input_count,
                           .shared = inputs[0].schema->count,
                           .branch = *branch != '\0'};
    own->inputs = allocate(own, input_count, sizeof(*own->inputs));
    own->values = allocate(own, own->shared + 1u, sizeof(*own->values));
    int status = own->inputs && own->values ? 0 : out_of_memory(error);
    for (size_t i = 0; !status && i < input_count; i++)
        status = match_input(own, &inputs[0], &inputs[i], &own->inputs[i], error);
    size_t key_count = 0;
    if (!status)
        status = make_schema(own, inputs, branch, error);
    if (!status)
        status = make_key(own, inputs, &key_count, error);
    if (status) {
        host->schema_unref(own->schema);
        return status;
    }
    *ret_shape = (struct sgr_shape){.schema = host->schema_ref(own->schema),
                                    .key = own->key,
                                    .key_count = key_count,
                                    .consolidated = own->branch};
    *ret_state = own;
    return 0;
}

static int emit_made(struct union_ *own, size_t branch, const struct sgr_delta *delta,
                     struct sgr_output *output) {
    const struct input *input = &own->inputs[branch];
    const struct sgr_row *row;
    for (uint16_t i = 0; i < own->shared; i++)
        own->values[i] = sgr_row_value(input->schema, delta->row, input->columns[i]);
    if (own->branch)
        own->values[own->shared] = (struct sgr_value){.type = SGR_INT4, .i = (int64_t)branch};
    int status = own->host->row_new(own->host_data, own->schema, own->values, &row);
    if (status)
        return status;
    status = own->host->emit(output, row, delta->weight);
    own->host->row_unref(row);
    return status;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    struct union_ *own = state;
    for (size_t i = 0; i < own->input_count; i++) {
        bool pass = !own->branch && own->inputs[i].same;
        for (size_t j = 0; j < inputs[i].count; j++) {
            const struct sgr_delta *delta = &inputs[i].items[j];
            if (pass ? own->host->emit(output, delta->row, delta->weight)
                     : emit_made(own, i, delta, output))
                return out_of_memory(error);
        }
    }
    return 0;
}

/* All else that was allocated goes with the node. */
static void union_close(void *state) {
    struct union_ *own = state;
    own->host->schema_unref(own->schema);
}

static const struct sgr_option options[] = {
    {.name = "branch",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, branch, const char *),
     .fallback = "branch",
     .help = "Name of the column with the number of the input (from 0) a row is from; \"\": none, "
             "and the output is a bag"},
    {0}};

static const struct sgr_operator_methods methods = {
    .inputs_minimum = 2, .inputs_maximum = 0, .bind = bind, .apply = apply, .close = union_close};

SGR_PLUGIN = {SGR_PLUGIN_HEADER,
              .kind = SGR_OPERATOR,
              .name = "union",
              .version = "0.1.0",
              .summary = "All rows of all inputs, as UNION ALL",
              .options = options,
              .options_size = sizeof(struct options),
              .methods_size = sizeof(struct sgr_operator_methods),
              .operator_ = &methods};
