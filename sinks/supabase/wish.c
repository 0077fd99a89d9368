#include "wish.h"

#include <strings.h>

#include "frame.h"
#include "rules.h"

static struct sgr_slice slice_of(const char *text) {
    return (struct sgr_slice){text, strlen(text)};
}

static bool is_any(struct sgr_slice name) {
    return name.size == 1 && name.data[0] == '*';
}

/* Data NULL: it is not there. False: it is no text. */
static bool read_text(const json_t *entry, const char *name, struct sgr_slice *ret) {
    const json_t *value = json_object_get(entry, name);
    *ret = message_text(value);
    return ret->data || !value || json_is_null(value);
}

static unsigned read_events(const json_t *entry) {
    const char *name = json_string_value(json_object_get(entry, "event"));
    if (name && strcasecmp(name, "INSERT") == 0)
        return EVENT_INSERT;
    if (name && strcasecmp(name, "UPDATE") == 0)
        return EVENT_UPDATE;
    if (name && strcasecmp(name, "DELETE") == 0)
        return EVENT_DELETE;
    return EVENT_INSERT | EVENT_UPDATE | EVENT_DELETE;
}

/* One of the names may be left out, but a filter needs both. */
static bool read_names(const json_t *entry, struct wish *wish) {
    if (!read_text(entry, "schema", &wish->schema) || !read_text(entry, "table", &wish->table) ||
        !read_text(entry, "filter", &wish->filter) || (!wish->schema.data && !wish->table.data))
        return false;
    if (wish->filter.data && (!wish->schema.data || !wish->table.data))
        return false;
    if (!wish->schema.data)
        wish->schema = slice_of("public");
    if (!wish->table.data)
        wish->table = slice_of("*");
    return true;
}

static int read_select(const json_t *entry, struct wish *wish, struct sgr_error *error) {
    const json_t *select = json_object_get(entry, "select");
    if (!select || json_is_null(select))
        return SGR_OK;
    bool texts = json_is_array(select);
    for (size_t i = 0; i < json_array_size(select); i++)
        texts = texts && json_is_string(json_array_get(select, i));
    if (!texts)
        return sgr_error_set(error, SGR_EPARSE,
                             "Error parsing `select` params: expected a list of column name "
                             "strings, e.g. select: [\"col1\", \"col2\"]");
    if (json_array_size(select) && !wish_is_exact(wish))
        return sgr_error_set(error, SGR_EPARSE,
                             "Column selection is not supported for wildcard subscriptions. "
                             "Provide an explicit schema and table name.");
    wish->select = json_array_size(select) ? select : NULL;
    return SGR_OK;
}

static int read_filter(const struct condition_maker *maker, struct wish *wish,
                       struct sgr_error *error) {
    struct sgr_error own;
    int code = wish->filter.data ? condition_read(maker, wish->filter, &wish->condition, &own) : 0;
    if (code == SGR_EPARSE)
        return sgr_error_set(error, code, "Error parsing `filter` params: %s", own.message);
    return code ? sgr_error_set(error, code, "%s", own.message) : SGR_OK;
}

int wish_read(const struct condition_maker *maker, const json_t *entry, struct wish *ret,
              struct sgr_error *error) {
    struct wish wish = {.events = read_events(entry)};
    if (!read_names(entry, &wish))
        return sgr_error_set(error, SGR_EPARSE,
                             "No subscription params provided. Please provide at least a `schema` "
                             "or `table` to subscribe to");
    int code = read_select(entry, &wish, error);
    if (!code)
        code = read_filter(maker, &wish, error);
    if (!code)
        *ret = wish;
    return code;
}

void wish_free(const struct condition_maker *maker, struct wish *wish) {
    condition_free(maker, wish->condition);
}

static bool same(struct sgr_slice a, struct sgr_slice b) {
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

bool wish_fits(const struct wish *wish, struct sgr_slice schema, struct sgr_slice table) {
    return (is_any(wish->schema) || same(wish->schema, schema)) &&
           (is_any(wish->table) || same(wish->table, table));
}

bool wish_is_exact(const struct wish *wish) {
    return !is_any(wish->schema) && !is_any(wish->table);
}

static const char *event_name(unsigned events) {
    return events == EVENT_INSERT   ? "INSERT"
           : events == EVENT_UPDATE ? "UPDATE"
           : events == EVENT_DELETE ? "DELETE"
                                    : "*";
}

static const char *postgres_code(int code) {
    return code == SGR_ENOTFOUND ? "P0001 (raise_exception)"
           : code == SGR_ERANGE  ? "22003 (numeric_value_out_of_range)"
           : code == SGR_ETYPE   ? "42883 (undefined_function)"
                                 : "22P02 (invalid_text_representation)";
}

void wish_explain(const struct wish *wish, struct sgr_error *error) {
    struct sgr_error own = *error;
    sgr_error_set(error, own.code,
                  "Unable to subscribe to changes with given parameters. An exception happened so "
                  "please check your connect parameters: [event: %s, schema: %.*s, table: %.*s, "
                  "filters: %.*s]. Exception: ERROR %s %.150s",
                  event_name(wish->events), (int)wish->schema.size, wish->schema.data,
                  (int)wish->table.size, wish->table.data, (int)wish->filter.size,
                  wish->filter.data ? wish->filter.data : "", postgres_code(own.code), own.message);
}
