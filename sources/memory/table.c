#include "table.h"

#include <sangre/nearest.h>
#include <stdlib.h>

static const char default_schema[] = "public";

bool memory_duration(const char *text, int64_t *ret) {
    static const struct {
        const char *unit;
        int64_t microseconds;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"min", 60000000}, {"h", 3600000000}};
    char *end;
    double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end == text || strcmp(end, units[i].unit) != 0)
            continue;
        double microseconds = number * (double)units[i].microseconds;
        if (!(microseconds >= 1 && microseconds < 1e15))
            return false;
        *ret = (int64_t)microseconds;
        return true;
    }
    return false;
}

static int check_members(const char *where, const json_t *json, const char *const *allowed,
                         struct sgr_error *error) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)json, name, value) {
        const char *nearest = NULL;
        size_t i = 0;
        for (; allowed[i] && strcmp(allowed[i], name) != 0; i++)
            sgr_name_nearer(name, allowed[i], &nearest);
        if (!allowed[i])
            return sgr_error_set(error, SGR_ECONFIG, "%s: unknown key %s%s%s%s", where, name,
                                 nearest ? "; did you mean " : "", nearest ? nearest : "",
                                 nearest ? "?" : "");
    }
    return SGR_OK;
}

static int read_columns(struct memory_table *table, const struct sgr_source_host *host,
                        void *host_data, const json_t *json, struct sgr_error *error) {
    size_t count = json_object_size(json);
    if (!count)
        return sgr_error_set(error, SGR_ECONFIG, "table %s needs columns: { name: type, … }",
                             table->description.table);
    struct sgr_relation_column *columns = calloc(count, sizeof(*columns));
    if (!columns)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
    table->description.columns = columns;
    const char *name;
    json_t *type;
    json_object_foreach((json_t *)json, name, type) {
        struct sgr_relation_column *column = &columns[table->description.column_count];
        if (!json_is_string(type))
            return sgr_error_set(error, SGR_ECONFIG,
                                 "the type of column %s of table %s is a name like int or text",
                                 name, table->description.table);
        int code = host->parse_type(host_data, json_string_value(type), column, error);
        if (code) {
            sgr_error_context(error, "column %s of table %s", name, table->description.table);
            return code;
        }
        if (!(column->name = strdup(name)))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
        table->description.column_count++;
    }
    return SGR_OK;
}

static int mark_key(struct memory_table *table, const char *name, struct sgr_error *error) {
    const char *nearest = NULL;
    for (size_t i = 0; name && i < table->description.column_count; i++) {
        struct sgr_relation_column *column =
            (struct sgr_relation_column *)&table->description.columns[i];
        if (strcmp(column->name, name) == 0) {
            column->key = column->not_null = true;
            return SGR_OK;
        }
        sgr_name_nearer(name, column->name, &nearest);
    }
    return sgr_error_set(error, SGR_ECONFIG, "key of table %s: no column %s%s%s%s",
                         table->description.table, name ? name : "of that name",
                         nearest ? "; did you mean " : "", nearest ? nearest : "",
                         nearest ? "?" : "");
}

static int read_key(struct memory_table *table, const json_t *json, struct sgr_error *error) {
    table->description.identity = SGR_IDENTITY_FULL;
    if (!json || (json_is_array(json) && !json_array_size(json)))
        return SGR_OK;
    table->description.identity = SGR_IDENTITY_DEFAULT;
    if (json_is_string(json))
        return mark_key(table, json_string_value(json), error);
    size_t index;
    json_t *name;
    json_array_foreach(json, index, name) {
        int code = mark_key(table, json_string_value(name), error);
        if (code)
            return code;
    }
    return SGR_OK;
}

static int read_grow(struct memory_table *table, const json_t *json, struct sgr_error *error) {
    static const char *const members[] = {"every", "count", "from", "row", NULL};
    if (!json)
        return SGR_OK;
    const char *name = table->description.table;
    int code = check_members("grow", json, members, error);
    if (code)
        return code;
    json_t *count = json_object_get(json, "count"), *from = json_object_get(json, "from");
    const char *every = json_string_value(json_object_get(json, "every"));
    if (!every || !memory_duration(every, &table->grow.every))
        return sgr_error_set(error, SGR_ECONFIG,
                             "table %s: grow needs every: a duration such as 250ms or 1s", name);
    if ((count && (!json_is_integer(count) || json_integer_value(count) < 0)) ||
        (from && (!json_is_integer(from) || json_integer_value(from) < 0)))
        return sgr_error_set(error, SGR_ECONFIG,
                             "table %s: count and from of grow are whole numbers from 0 up", name);
    table->grow.count = json_integer_value(count);
    table->grow.next = from ? json_integer_value(from) : -1;
    table->grow.row = json_object_get(json, "row");
    if (!json_is_object(table->grow.row) && !json_is_array(table->grow.row))
        return sgr_error_set(error, SGR_ECONFIG, "table %s: grow needs row: { column: value, … }",
                             name);
    return SGR_OK;
}

static int read_name(struct memory_table *table, const char *name, struct sgr_error *error) {
    const char *dot = strchr(name, '.');
    table->description.schema = dot ? strndup(name, (size_t)(dot - name)) : strdup(default_schema);
    table->description.table = strdup(dot ? dot + 1 : name);
    if (!table->description.schema || !table->description.table)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
    return SGR_OK;
}

static int read_rows(struct memory_table *table, const json_t *json, struct sgr_error *error) {
    const json_t *rows = json_object_get(json, "rows"), *file = json_object_get(json, "file");
    if (rows && !json_is_array(rows))
        return sgr_error_set(error, SGR_ECONFIG, "rows of table %s are not a list",
                             table->description.table);
    if (file && !json_is_string(file))
        return sgr_error_set(error, SGR_ECONFIG, "file of table %s is not a path",
                             table->description.table);
    table->file = json_string_value(file);
    table->rows = json_array();
    if (!table->rows || (rows && json_array_extend(table->rows, (json_t *)rows)))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
    return SGR_OK;
}

int memory_table_init(struct memory_table *table, const struct sgr_source_host *host,
                      void *host_data, const char *name, const json_t *json,
                      struct sgr_error *error) {
    static const char *const members[] = {"columns", "key", "rows", "file", "grow", NULL};
    *table = (struct memory_table){0};
    if (!json_is_object(json))
        return sgr_error_set(error, SGR_ECONFIG,
                             "table %s is declared as { columns: { … }, rows: [ … ] }", name);
    int code = read_name(table, name, error);
    if (!code)
        code = check_members(name, json, members, error);
    if (!code)
        code = read_columns(table, host, host_data, json_object_get(json, "columns"), error);
    if (!code)
        code = read_key(table, json_object_get(json, "key"), error);
    if (!code)
        code = read_rows(table, json, error);
    if (!code)
        code = read_grow(table, json_object_get(json, "grow"), error);
    if (code)
        memory_table_fini(table);
    return code;
}

void memory_table_fini(struct memory_table *table) {
    for (size_t i = 0; i < table->description.column_count; i++)
        free((char *)table->description.columns[i].name);
    free((void *)table->description.columns);
    free((char *)table->description.schema);
    free((char *)table->description.table);
    json_decref(table->rows);
    *table = (struct memory_table){0};
}

bool memory_table_named(const struct memory_table *table, const char *name) {
    size_t schema = strlen(table->description.schema);
    if (strncmp(name, table->description.schema, schema) == 0 && name[schema] == '.')
        return strcmp(name + schema + 1, table->description.table) == 0;
    return strcmp(table->description.schema, default_schema) == 0 &&
           strcmp(name, table->description.table) == 0;
}
