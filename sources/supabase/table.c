#include "table.h"

#include <sangre/nearest.h>
#include <stdlib.h>

static const char default_schema[] = "public";

static int unknown(struct sgr_error *error, const char *where, const char *what, const char *name,
                   const char *nearest) {
    return sgr_error_set(error, SGR_ECONFIG, "%s: %s %s%s%s%s", where, what, name,
                         nearest ? "; did you mean " : "", nearest ? nearest : "",
                         nearest ? "?" : "");
}

static int check_members(const char *where, const json_t *json, struct sgr_error *error) {
    static const char *const members[] = {"columns", "key"};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)json, name, value) {
        const char *nearest = NULL;
        bool known = false;
        for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
            known |= strcmp(members[i], name) == 0;
            sgr_name_nearer(name, members[i], &nearest);
        }
        if (!known)
            return unknown(error, where, "unknown key", name, nearest);
    }
    return SGR_OK;
}

/* Types that the host does not compute with are their text; it names only those that it does. */
static const char *known_by_text(const char *name) {
    static const char *const names[] = {
        "bit",       "box",       "cidr",     "circle",  "daterange", "inet",   "int4range",
        "int8range", "line",      "lseg",     "macaddr", "macaddr8",  "money",  "numrange",
        "oid",       "path",      "pg_lsn",   "point",   "polygon",   "timetz", "tsquery",
        "tsrange",   "tstzrange", "tsvector", "varbit",  "xml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i], name) == 0)
            return names[i];
    return NULL;
}

static int read_type(const struct sgr_source_host *host, void *host_data, const char *name,
                     struct sgr_relation_column *ret, struct sgr_error *error) {
    const char *known = known_by_text(name);
    if (!known)
        return host->parse_type(host_data, name, ret, error);
    ret->type = ret->element = SGR_OTHER;
    ret->type_name = known;
    ret->type_modifier = -1;
    return SGR_OK;
}

static int read_columns(struct table *table, const struct sgr_source_host *host, void *host_data,
                        const json_t *json, struct sgr_error *error) {
    size_t count = json_object_size(json);
    const char *label = table->description.table, *name;
    if (!count || count > UINT16_MAX)
        return sgr_error_set(error, SGR_ECONFIG, "table %s needs columns: { name: type, … }",
                             label);
    struct sgr_relation_column *columns = calloc(count, sizeof(*columns));
    if (!columns)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
    table->description.columns = columns;
    json_t *type;
    json_object_foreach((json_t *)json, name, type) {
        struct sgr_relation_column *column = &columns[table->description.column_count];
        if (!json_is_string(type))
            return sgr_error_set(error, SGR_ECONFIG,
                                 "the type of column %s of table %s is a name like int or text",
                                 name, label);
        int code = read_type(host, host_data, json_string_value(type), column, error);
        if (code) {
            sgr_error_context(error, "column %s of table %s", name, label);
            return code;
        }
        if (!(column->name = strdup(name)))
            return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
        table->description.column_count++;
    }
    return SGR_OK;
}

static int mark_key(struct table *table, const char *name, struct sgr_error *error) {
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
    char where[160];
    snprintf(where, sizeof(where), "key of table %s", table->description.table);
    return unknown(error, where, "no column", name ? name : "of that name", nearest);
}

static int read_key(struct table *table, const json_t *json, struct sgr_error *error) {
    size_t index;
    json_t *name;
    table->description.identity = SGR_IDENTITY_DEFAULT;
    if (json_is_string(json))
        return mark_key(table, json_string_value(json), error);
    if (!json_array_size(json))
        return sgr_error_set(
            error, SGR_ECONFIG,
            "table %s needs key: a column or a list of them, by which its rows are told apart",
            table->description.table);
    json_array_foreach(json, index, name) {
        int code = mark_key(table, json_string_value(name), error);
        if (code)
            return code;
    }
    return SGR_OK;
}

/* The schema stands in a header of requests. */
static bool printable(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static int read_name(struct table *table, const char *name, struct sgr_error *error) {
    static const char prefix[] = "realtime:";
    const char *dot = strchr(name, '.');
    size_t size = sizeof(prefix) + strlen(default_schema) + 1 + strlen(name);
    struct sgr_relation *description = &table->description;
    description->schema = dot ? strndup(name, (size_t)(dot - name)) : strdup(default_schema);
    description->table = strdup(dot ? dot + 1 : name);
    table->topic = malloc(size);
    if (!description->schema || !description->table || !table->topic)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
    snprintf(table->topic, size, "%s%s:%s", prefix, description->schema, description->table);
    if (!printable(name) || !*description->schema || !*description->table)
        return sgr_error_set(error, SGR_ECONFIG, "\"%s\" is no name of a table", name);
    return SGR_OK;
}

static int sort_names(struct table *table, struct sgr_error *error) {
    size_t count = table->description.column_count;
    const struct sgr_relation_column *columns = table->description.columns;
    table->by_name = calloc(count, sizeof(*table->by_name));
    if (!table->by_name)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a table");
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at && strcmp(columns[table->by_name[at - 1]].name, columns[i].name) > 0; at--)
            table->by_name[at] = table->by_name[at - 1];
        table->by_name[at] = (uint16_t)i;
    }
    return SGR_OK;
}

int table_init(struct table *table, const struct sgr_source_host *host, void *host_data,
               const char *name, const json_t *json, struct sgr_error *error) {
    *table = (struct table){0};
    if (!json_is_object(json))
        return sgr_error_set(error, SGR_ECONFIG,
                             "table %s is declared as { columns: { name: type }, key: [name] }",
                             name);
    int code = read_name(table, name, error);
    if (!code)
        code = check_members(name, json, error);
    if (!code)
        code = read_columns(table, host, host_data, json_object_get(json, "columns"), error);
    if (!code)
        code = read_key(table, json_object_get(json, "key"), error);
    if (!code)
        code = sort_names(table, error);
    if (code)
        table_fini(table);
    return code;
}

void table_fini(struct table *table) {
    for (size_t i = 0; i < table->description.column_count; i++)
        free((char *)table->description.columns[i].name);
    free((void *)table->description.columns);
    free((char *)table->description.schema);
    free((char *)table->description.table);
    free(table->by_name);
    free(table->topic);
    *table = (struct table){0};
}

bool table_named(const struct table *table, const char *name) {
    size_t schema = strlen(table->description.schema);
    if (strncmp(name, table->description.schema, schema) == 0 && name[schema] == '.')
        return strcmp(name + schema + 1, table->description.table) == 0;
    return strcmp(table->description.schema, default_schema) == 0 &&
           strcmp(name, table->description.table) == 0;
}

static int compare_name(struct sgr_slice name, const char *column) {
    int order = strncmp(name.data, column, name.size);
    return order ? order : -(column[name.size] != '\0');
}

size_t table_column(const struct table *table, struct sgr_slice name) {
    size_t low = 0, high = table->description.column_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare_name(name, table->description.columns[table->by_name[middle]].name);
        if (!order)
            return table->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

bool table_reads(const struct table *table, size_t column) {
    return !(table->relation && table->relation->columns[column].unused);
}
