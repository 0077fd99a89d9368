/* The operator `mask`: one text column with all but its first letters starred out. */
#include <sangre/operator.h>

struct options {
    const char *column;
    int64_t shows;
};

struct node {
    const struct sgr_operator_host *table;
    void *host;
    const struct options *options;
    const struct sgr_schema *schema;
    uint16_t column;
    struct sgr_value *values;
    char *text; /* grows with the longest text */
    size_t capacity;
};

static const struct sgr_option options[] = {
    {.name = "column",
     .type = SGR_OPTION_STRING,
     .offset = SGR_OPTION_AT(struct options, column, const char *),
     .flags = SGR_OPTION_MAIN | SGR_OPTION_REQUIRED,
     .help = "the text column to mask"},
    {.name = "shows",
     .type = SGR_OPTION_INT,
     .offset = SGR_OPTION_AT(struct options, shows, int64_t),
     .fallback = "1",
     .maximum = 1000,
     .help = "letters that stay"},
    {0},
};

static void close_node(void *state) {
    struct node *node = state;
    node->table->common.release(node->host, node->values);
    node->table->common.release(node->host, node->text);
    node->table->common.release(node->host, node);
}

static int find_column(struct node *node, const struct sgr_input *input, struct sgr_error *error) {
    for (uint16_t i = 0; i < input->schema->count; i++) {
        const struct sgr_column *column = &input->schema->columns[i];
        if (strcmp(column->name, node->options->column))
            continue;
        if (column->type != SGR_TEXT)
            return sgr_error_set(error, SGR_ETYPE, "column '%s' is no text", column->name);
        node->column = i;
        return 0;
    }
    return sgr_error_set(error, SGR_ECONFIG, "%s has no column '%s'", input->name,
                         node->options->column);
}

static int bind(const struct sgr_operator_host *table, void *host, const void *set,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    (void)input_count;
    const struct sgr_schema *schema = inputs[0].schema;
    struct node *node = table->common.allocate(host, sizeof(*node));
    if (!node)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a node");
    *node = (struct node){.table = table, .host = host, .options = set, .schema = schema};
    node->values = table->common.allocate(host, (schema->count + 1u) * sizeof(*node->values));
    int code = node->values ? find_column(node, &inputs[0], error)
                            : sgr_error_set(error, SGR_ENOMEM, "no memory for a row");
    if (code < 0) {
        close_node(node);
        return code;
    }
    *ret_shape = (struct sgr_shape){
        .schema = table->schema_ref((struct sgr_schema *)(uintptr_t)schema),
        .key = inputs[0].key,
        .key_count = inputs[0].key_count,
    };
    *ret_state = node;
    return 0;
}

/* Letters, not bytes, are counted: a byte that continues a UTF-8 letter is no start of one. */
static size_t star(const struct node *node, struct sgr_slice text) {
    int64_t letters = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool starts = ((unsigned char)text.data[i] & 0xc0) != 0x80;
        letters += starts;
        if (letters <= node->options->shows)
            node->text[size++] = text.data[i];
        else if (starts)
            node->text[size++] = '*';
    }
    return size;
}

static int mask(struct node *node, struct sgr_value *value) {
    if (value->s.size > node->capacity) {
        char *text = node->table->common.reallocate(node->host, node->text, value->s.size);
        if (!text)
            return SGR_ENOMEM;
        node->text = text;
        node->capacity = value->s.size;
    }
    if (value->s.size)
        value->s = (struct sgr_slice){node->text, star(node, value->s)};
    return 0;
}

static int apply_one(struct node *node, const struct sgr_delta *delta, struct sgr_output *output) {
    const struct sgr_row *row;
    for (uint16_t i = 0; i < node->schema->count; i++)
        node->values[i] = sgr_row_value(node->schema, delta->row, i);
    struct sgr_value *masked = &node->values[node->column];
    int code = masked->null ? 0 : mask(node, masked);
    if (code == 0)
        code = node->table->row_new(node->host, node->schema, node->values, &row);
    if (code < 0)
        return code;
    code = node->table->emit(output, row, delta->weight);
    node->table->row_unref(row);
    return code;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    for (size_t i = 0; i < inputs[0].count; i++) {
        int code = apply_one(state, &inputs[0].items[i], output);
        if (code < 0)
            return sgr_error_set(error, code, "could not make a masked row");
    }
    return 0;
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
    .name = "mask",
    .version = "0.1.0",
    .summary = "Stars out a text column",
    .options = options,
    .options_size = sizeof(struct options),
    .methods_size = sizeof(struct sgr_operator_methods),
    .operator_ = &methods,
};
