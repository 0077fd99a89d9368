#define _GNU_SOURCE /* memmem */
#include "field.h"

#include <sangre/nearest.h>
#include <stdlib.h>

void memory_row_fini(struct memory_row *row) {
    free(row->fields);
    free(row->offsets);
    free(row->text);
    *row = (struct memory_row){0};
}

static int reserve_fields(struct memory_row *row, size_t count) {
    if (count <= row->capacity)
        return SGR_OK;
    struct sgr_field *fields = realloc(row->fields, count * sizeof(*fields));
    if (fields)
        row->fields = fields;
    size_t *offsets = realloc(row->offsets, count * sizeof(*offsets));
    if (offsets)
        row->offsets = offsets;
    if (!fields || !offsets)
        return SGR_ENOMEM;
    row->capacity = count;
    return SGR_OK;
}

static int append(struct memory_row *row, const char *data, size_t size) {
    if (size > row->text_capacity - row->text_size) {
        size_t capacity = (row->text_size + size) * 2 + 64;
        char *text = realloc(row->text, capacity);
        if (!text)
            return SGR_ENOMEM;
        row->text = text;
        row->text_capacity = capacity;
    }
    if (size)
        memcpy(row->text + row->text_size, data, size);
    row->text_size += size;
    return SGR_OK;
}

static int append_text(struct memory_row *row, const char *text) {
    return append(row, text, strlen(text));
}

static int append_template(struct memory_row *row, const char *text, size_t size, int64_t n) {
    char number[24];
    snprintf(number, sizeof(number), "%lld", (long long)n);
    const char *end = text + size;
    for (const char *found; (found = memmem(text, (size_t)(end - text), "{n}", 3));
         text = found + 3) {
        if (append(row, text, (size_t)(found - text)) || append_text(row, number))
            return SGR_ENOMEM;
    }
    return append(row, text, (size_t)(end - text));
}

/* The shortest decimal text that reads back as the same double. */
static int append_real(struct memory_row *row, double value) {
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return append_text(row, text);
}

static int append_json(struct memory_row *row, const json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    int code = text ? append_text(row, text) : SGR_ENOMEM;
    free(text);
    return code;
}

static int append_scalar(struct memory_row *row, const json_t *json, enum sgr_type type,
                         int64_t n) {
    char number[24];
    switch (json_typeof(json)) {
    case JSON_STRING:
        if (n >= 0)
            return append_template(row, json_string_value(json), json_string_length(json), n);
        return append(row, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(json));
        return append_text(row, number);
    case JSON_REAL:
        return append_real(row, json_real_value(json));
    default:
        if (type == SGR_BOOL)
            return append_text(row, json_is_true(json) ? "t" : "f");
        return append_text(row, json_is_true(json) ? "true" : "false");
    }
}

/* As Postgres' array_out quotes. */
static bool element_needs_quotes(const char *text, size_t size) {
    if (!size || (size == 4 && strncasecmp(text, "null", 4) == 0))
        return true;
    for (size_t i = 0; i < size; i++)
        if (strchr("{},\"\\ \t\n\r\v\f", text[i]) && text[i])
            return true;
    return false;
}

static int append_element(struct memory_row *row, const json_t *json, enum sgr_type element,
                          int64_t n) {
    size_t start = row->text_size;
    int code = append_scalar(row, json, element, n);
    if (code)
        return code;
    size_t size = row->text_size - start;
    if (!element_needs_quotes(row->text + start, size))
        return SGR_OK;
    char *copy = malloc(size + 1);
    if (!copy)
        return SGR_ENOMEM;
    memcpy(copy, row->text + start, size);
    row->text_size = start;
    code = append(row, "\"", 1);
    for (size_t i = 0; i < size && !code; i++) {
        if (copy[i] == '"' || copy[i] == '\\')
            code = append(row, "\\", 1);
        if (!code)
            code = append(row, &copy[i], 1);
    }
    free(copy);
    return code ? code : append(row, "\"", 1);
}

static int append_array(struct memory_row *row, const json_t *json, enum sgr_type element,
                        int64_t n) {
    size_t index;
    json_t *item;
    int code = append(row, "{", 1);
    json_array_foreach(json, index, item) {
        if (!code && index)
            code = append(row, ",", 1);
        if (code)
            return code;
        if (json_is_array(item))
            code = append_array(row, item, element, n);
        else if (json_is_null(item))
            code = append_text(row, "NULL");
        else if (json_is_object(item))
            return SGR_ETYPE;
        else
            code = append_element(row, item, element, n);
    }
    return code ? code : append(row, "}", 1);
}

static int append_value(struct memory_row *row, const struct sgr_relation_column *column,
                        const json_t *json, int64_t n) {
    bool structured = json_is_array(json) || json_is_object(json);
    if (column->type == SGR_JSON || column->type == SGR_JSONB)
        return append_json(row, json);
    if (json_is_array(json) && column->type == SGR_ARRAY)
        return append_array(row, json, column->element, n);
    return structured ? SGR_ETYPE : append_scalar(row, json, column->type, n);
}

static int read_field(struct memory_row *row, const struct sgr_relation *relation, size_t i,
                      const json_t *json, int64_t n, struct sgr_error *error) {
    const struct sgr_relation_column *column = &relation->columns[i];
    struct sgr_field *field = &row->fields[i];
    row->offsets[i] = SIZE_MAX;
    if (json_is_null(json)) {
        *field = (struct sgr_field){.kind = SGR_FIELD_NULL};
        return SGR_OK;
    }
    size_t start = row->text_size;
    int code = append_value(row, column, json, n);
    if (code == SGR_ETYPE)
        return sgr_error_set(error, code, "column %s of table %s is %s and takes no JSON %s",
                             column->name, relation->table, column->type_name,
                             json_is_array(json) ? "array" : "object");
    if (code || row->text_size - start > UINT32_MAX)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a row");
    row->offsets[i] = start;
    *field = (struct sgr_field){.kind = SGR_FIELD_TEXT, .size = (uint32_t)(row->text_size - start)};
    return SGR_OK;
}

static int read_array(struct memory_row *row, const struct sgr_relation *relation,
                      const json_t *json, int64_t n, struct sgr_error *error) {
    if (json_array_size(json) != relation->column_count)
        return sgr_error_set(error, SGR_ECONFIG, "a row of table %s has %zu values for %zu columns",
                             relation->table, json_array_size(json), relation->column_count);
    for (size_t i = 0; i < relation->column_count; i++) {
        int code = read_field(row, relation, i, json_array_get(json, i), n, error);
        if (code)
            return code;
    }
    return SGR_OK;
}

static int unknown_column(const struct sgr_relation *relation, const json_t *json,
                          struct sgr_error *error) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)json, name, value) {
        const char *nearest = NULL;
        bool known = false;
        for (size_t i = 0; i < relation->column_count && !known; i++) {
            known = strcmp(relation->columns[i].name, name) == 0;
            sgr_name_nearer(name, relation->columns[i].name, &nearest);
        }
        if (!known)
            return sgr_error_set(error, SGR_ECONFIG, "table %s has no column %s%s%s%s",
                                 relation->table, name, nearest ? "; did you mean " : "",
                                 nearest ? nearest : "", nearest ? "?" : "");
    }
    return SGR_OK;
}

static int read_object(struct memory_row *row, const struct sgr_relation *relation,
                       const json_t *json, enum sgr_field_kind missing, int64_t n,
                       struct sgr_error *error) {
    size_t found = 0;
    for (size_t i = 0; i < relation->column_count; i++) {
        const json_t *value = json_object_get(json, relation->columns[i].name);
        if (!value) {
            row->fields[i] = (struct sgr_field){.kind = (uint8_t)missing};
            row->offsets[i] = SIZE_MAX;
            continue;
        }
        found++;
        int code = read_field(row, relation, i, value, n, error);
        if (code)
            return code;
    }
    return found == json_object_size(json) ? SGR_OK : unknown_column(relation, json, error);
}

int memory_row_read(struct memory_row *row, const struct sgr_relation *relation, const json_t *json,
                    enum sgr_field_kind missing, int64_t n, struct sgr_error *error) {
    row->text_size = 0;
    if (reserve_fields(row, relation->column_count))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a row");
    int code;
    if (json_is_array(json))
        code = read_array(row, relation, json, n, error);
    else if (json_is_object(json))
        code = read_object(row, relation, json, missing, n, error);
    else
        return sgr_error_set(error, SGR_ECONFIG,
                             "a row of table %s is neither an array nor an object",
                             relation->table);
    if (code)
        return code;
    for (size_t i = 0; i < relation->column_count; i++)
        if (row->offsets[i] != SIZE_MAX)
            row->fields[i].data = row->text + row->offsets[i];
    return SGR_OK;
}
