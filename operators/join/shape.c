/* The columns a join puts out, and which of them are its key. */
#include <stdio.h>

#include "join.h"

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

static bool named(const struct sgr_column *columns, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(columns[i].name, name))
            return true;
    return false;
}

static int add_column(struct join *join, struct sgr_column *columns, size_t at, const char *name,
                      struct join_column from, struct sgr_error *error) {
    if (named(columns, at, name))
        return sgr_error_set(error, SGR_ECONFIG,
                             "two columns would be named %s: choose names with `columns`", name);
    columns[at] = join->inputs[from.side]->columns[from.column];
    columns[at].name = name;
    join->columns[at] = from;
    return 0;
}

/* INPUT_column */
static const char *prefixed(struct join *join, const struct sgr_input *input, const char *column) {
    const char *prefix = join_short_name(input);
    size_t size = strlen(prefix) + strlen(column) + 2;
    char *name = join->host->common.allocate(join->host_data, size);
    if (name)
        snprintf(name, size, "%s_%s", prefix, column);
    return name;
}

static int all_columns(struct join *join, struct sgr_column *columns,
                       const struct sgr_input *inputs, struct sgr_error *error) {
    size_t at = 0;
    for (uint16_t side = 0; side < 2; side++)
        for (uint16_t i = 0; i < join->inputs[side]->count; i++) {
            const char *name = join->inputs[side]->columns[i].name;
            if (side && named(join->inputs[0]->columns, join->inputs[0]->count, name))
                name = prefixed(join, &inputs[1], name);
            if (!name)
                return out_of_memory(error);
            int status =
                add_column(join, columns, at++, name, (struct join_column){side, i}, error);
            if (status)
                return status;
        }
    return 0;
}

static int chosen_columns(struct join *join, struct sgr_column *columns,
                          const struct sgr_pairs *pairs, const struct sgr_input *inputs,
                          struct sgr_error *error) {
    for (size_t i = 0; i < pairs->count; i++) {
        struct join_column from;
        int status = join_read_column(join, pairs->items[i].value, inputs, -1, &from, error);
        if (!status)
            status = add_column(join, columns, i, pairs->items[i].name, from, error);
        if (status) {
            sgr_error_context(error, "column %s", pairs->items[i].name);
            return status;
        }
    }
    return 0;
}

/* The output column with this value: the column itself, or the one it is equal to. Else -1. */
static int find_output(const struct join *join, uint16_t side, uint16_t column) {
    for (uint16_t i = 0; i < join->schema->count; i++)
        if (join->columns[i].side == side && join->columns[i].column == column)
            return i;
    for (size_t k = 0; k < join->on_count; k++)
        for (uint16_t i = 0; join->on[side][k] == column && i < join->schema->count; i++)
            if (join->columns[i].side != side && join->columns[i].column == join->on[!side][k])
                return i;
    return -1;
}

/* A pair of rows is identified by both rows' keys; without one of them the output is a bag. */
static int make_key(struct join *join, const struct sgr_input *inputs, struct sgr_error *error) {
    size_t most = inputs[0].key_count + inputs[1].key_count, count = 0;
    join->key = join->host->common.allocate(join->host_data, (most + 1) * sizeof(*join->key));
    if (!join->key)
        return out_of_memory(error);
    for (uint16_t side = 0; side < 2; side++) {
        if (!inputs[side].key_count)
            return 0;
        for (size_t i = 0; i < inputs[side].key_count; i++) {
            int at = find_output(join, side, inputs[side].key[i]);
            if (at < 0)
                return 0;
            size_t known = 0;
            while (known < count && join->key[known] != at)
                known++;
            join->key[known] = (uint16_t)at;
            count += known == count;
        }
    }
    join->key_count = count;
    return 0;
}

int join_make_shape(struct join *join, const struct sgr_pairs *pairs,
                    const struct sgr_input *inputs, struct sgr_error *error) {
    const struct sgr_operator_host *host = join->host;
    size_t count =
        pairs->count ? pairs->count : (size_t)join->inputs[0]->count + join->inputs[1]->count;
    struct sgr_column *columns =
        host->common.allocate(join->host_data, (count + 1) * sizeof(*columns));
    join->columns = host->common.allocate(join->host_data, (count + 1) * sizeof(*join->columns));
    join->values = host->common.allocate(join->host_data, (count + 1) * sizeof(*join->values));
    if (!columns || !join->columns || !join->values)
        return out_of_memory(error);
    int status = pairs->count ? chosen_columns(join, columns, pairs, inputs, error)
                              : all_columns(join, columns, inputs, error);
    if (status)
        return status;
    join->schema = host->schema_new(join->host_data, columns, count);
    host->common.release(join->host_data, columns);
    if (!join->schema)
        return sgr_error_set(error, SGR_ELIMIT, "the result has too many columns: %zu", count);
    status = make_key(join, inputs, error);
    if (status) {
        host->schema_unref(join->schema);
        join->schema = NULL;
    }
    return status;
}
