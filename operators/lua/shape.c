#include "shape.h"

#include <string.h>

static bool names(const struct sgr_strings *list, const char *name) {
    for (size_t i = 0; i < list->count; i++) {
        if (!strcmp(list->items[i], name))
            return true;
    }
    return false;
}

static int find_column(const struct sgr_column *columns, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(columns[i].name, name))
            return (int)i;
    }
    return -1;
}

static int check_options(const struct lua_options *options, const struct sgr_input *input,
                         struct sgr_error *error) {
    if (options->returns.count && (options->adds.count || options->drops.count))
        return sgr_error_set(
            error, SGR_ECONFIG,
            "'returns' declares all columns: 'adds' and 'drops' can't stand beside it");
    if (options->demanded && options->pure)
        return sgr_error_set(error, SGR_ECONFIG,
                             "'demanded' rows are run at different ticks, so their outputs must be "
                             "remembered: it can't stand beside 'pure'");
    if (options->demanded && !options->every)
        return sgr_error_set(error, SGR_ECONFIG,
                             "'demanded' says what to run again at each tick: it needs 'every'");
    for (size_t i = 0; i < options->drops.count; i++) {
        const char *name = options->drops.items[i];
        if (find_column(input->schema->columns, input->schema->count, name) < 0)
            return sgr_error_set(error, SGR_ECONFIG, "'drops' names %s, which %s does not have",
                                 name, input->name);
    }
    return 0;
}

static int declare(const struct sgr_operator_host *table, void *host, const struct sgr_pair *pair,
                   struct sgr_column *columns, size_t *count, struct sgr_error *error) {
    if (find_column(columns, *count, pair->name) >= 0)
        return sgr_error_set(error, SGR_ECONFIG, "column %s is there already", pair->name);
    struct sgr_column *column = &columns[*count];
    memset(column, 0, sizeof(*column));
    column->type_modifier = -1;
    int code = table->parse_type(host, pair->value, column, error);
    if (code < 0) {
        sgr_error_context(error, "column %s", pair->name);
        return code;
    }
    column->name = pair->name;
    column->not_null = false;
    ++*count;
    return 0;
}

static int make_columns(const struct sgr_operator_host *table, void *host,
                        const struct lua_options *options, const struct sgr_input *input,
                        struct sgr_column *columns, size_t *ret_count, struct sgr_error *error) {
    bool whole = options->returns.count > 0;
    const struct sgr_pairs *declared = whole ? &options->returns : &options->adds;
    size_t count = 0;
    for (uint16_t i = 0; !whole && i < input->schema->count; i++) {
        if (!names(&options->drops, input->schema->columns[i].name))
            columns[count++] = input->schema->columns[i];
    }
    for (size_t i = 0; i < declared->count; i++) {
        int code = declare(table, host, &declared->items[i], columns, &count, error);
        if (code < 0)
            return code;
    }
    if (!count)
        return sgr_error_set(error, SGR_ECONFIG, "no columns are left");
    *ret_count = count;
    return 0;
}

static int find_key(const struct lua_options *options, const struct sgr_input *input,
                    struct lua_shape *shape, struct sgr_error *error) {
    const struct sgr_column *columns = shape->schema->columns;
    size_t wanted = options->key.count;
    bool inherit = !wanted && !options->returns.count;
    if (inherit)
        wanted = input->key_count;
    for (size_t i = 0; i < wanted; i++) {
        const char *name =
            inherit ? input->schema->columns[input->key[i]].name : options->key.items[i];
        int column = find_column(columns, shape->schema->count, name);
        if (column < 0 && inherit)
            return 0; /* a key column was dropped: a bag */
        if (column < 0)
            return sgr_error_set(error, SGR_ECONFIG,
                                 "'key' names %s, which the output does not have", name);
        shape->key[i] = (uint16_t)column;
    }
    shape->key_count = wanted;
    shape->keeps_key = inherit && wanted;
    return 0;
}

/* The schema of those columns; the input's own if nothing was declared. */
static int make_schema(const struct sgr_operator_host *table, void *host,
                       const struct lua_options *options, const struct sgr_input *input,
                       struct sgr_schema **ret, struct sgr_error *error) {
    if (!options->adds.count && !options->drops.count && !options->returns.count) {
        *ret = table->schema_ref((struct sgr_schema *)(uintptr_t)input->schema);
        return 0;
    }
    size_t most = input->schema->count + options->adds.count + options->returns.count, count = 0;
    struct sgr_column *columns = table->common.allocate(host, (most + 1) * sizeof(*columns));
    if (!columns)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a schema");
    int code = make_columns(table, host, options, input, columns, &count, error);
    struct sgr_schema *schema = code == 0 ? table->schema_new(host, columns, count) : NULL;
    table->common.release(host, columns);
    if (code < 0)
        return code;
    if (!schema)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a schema");
    *ret = schema;
    return 0;
}

int lua_shape_make(const struct sgr_operator_host *table, void *host,
                   const struct lua_options *options, const struct sgr_input *input,
                   struct lua_shape *ret, struct sgr_error *error) {
    struct lua_shape shape = {0};
    int code = check_options(options, input, error);
    if (code == 0)
        code = make_schema(table, host, options, input, &shape.schema, error);
    if (code < 0)
        return code;
    size_t keys = options->key.count > input->key_count ? options->key.count : input->key_count;
    shape.key = table->common.allocate(host, (keys + 1) * sizeof(*shape.key));
    if (!shape.key) {
        table->schema_unref(shape.schema);
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a key");
    }
    code = find_key(options, input, &shape, error);
    if (code < 0) {
        table->schema_unref(shape.schema);
        table->common.release(host, shape.key);
        return code;
    }
    *ret = shape;
    return 0;
}
