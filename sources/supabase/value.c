#include "value.h"

#include <string.h>

#include "raw.h"

enum { SCALE_LIMIT = 1000, MODIFIER_HEADER = 4, SCALE_MASK = 0x7ff };

size_t value_room(size_t size) {
    return 2 * size + SCALE_LIMIT + 2;
}

static void put_byte(char **put, char byte) {
    *(*put)++ = byte;
}

static void put_slice(char **put, struct sgr_slice slice) {
    memcpy(*put, slice.data, slice.size);
    *put += slice.size;
}

/* ---- Arrays ---- */

static void put_quoted(char **put, struct sgr_slice text) {
    put_byte(put, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            put_byte(put, '\\');
        put_byte(put, text.data[i]);
    }
    put_byte(put, '"');
}

static bool is_json(enum sgr_type type) {
    return type == SGR_JSON || type == SGR_JSONB;
}

/* A string's text is first written where it may end at most, then quoted from there to the front: the quotes and escapes it gains are fewer than
 * the bytes it has in JSON, twice. */
static void put_element(char **put, enum sgr_type element, struct sgr_slice value) {
    if (raw_is_null(value)) {
        put_slice(put, (struct sgr_slice){"NULL", 4});
    } else if (is_json(element) || raw_is_object(value)) {
        put_quoted(put, value);
    } else if (raw_is_string(value)) {
        put_quoted(put, raw_string(value, *put + value.size));
    } else if (value.data[0] == 't' || value.data[0] == 'f') {
        put_byte(put, value.data[0]);
    } else {
        put_slice(put, value);
    }
}

/* Dimensions are nested arrays, unless the elements are JSON themselves. */
static void put_array(char **put, enum sgr_type element, struct sgr_slice value) {
    struct raw_walk walk = raw_walk(value);
    struct sgr_slice name, item;
    put_byte(put, '{');
    for (bool first = true; raw_next(&walk, &name, &item); first = false) {
        if (!first)
            put_byte(put, ',');
        if (raw_is_array(item) && !is_json(element))
            put_array(put, element, item);
        else
            put_element(put, element, item);
    }
    put_byte(put, '}');
}

/* ---- Numbers ---- */

/* Today's server brings numerics through a double, which loses the zeros at their end; a declared scale says how many there were. */
static struct sgr_slice with_scale(const struct sgr_relation_column *column, struct sgr_slice value,
                                   char **put) {
    size_t scale = (size_t)((column->type_modifier - MODIFIER_HEADER) & SCALE_MASK), digits = 0;
    const char *point = memchr(value.data, '.', value.size);
    if (column->type_modifier < MODIFIER_HEADER || scale > SCALE_LIMIT ||
        memchr(value.data, 'e', value.size) || memchr(value.data, 'E', value.size))
        return value;
    if (point)
        digits = (size_t)(value.data + value.size - point - 1);
    if (digits >= scale)
        return value;
    char *start = *put;
    put_slice(put, value);
    if (!point)
        put_byte(put, '.');
    for (; digits < scale; digits++)
        put_byte(put, '0');
    return (struct sgr_slice){start, (size_t)(*put - start)};
}

/* ---- Values ---- */

struct sgr_slice value_text(const struct sgr_relation_column *column, struct sgr_slice value,
                            char **put) {
    char *start = *put;
    if (is_json(column->type))
        return value;
    if (raw_is_string(value)) {
        struct sgr_slice text = raw_string(value, start);
        *put += text.data == start ? text.size : 0;
        return text;
    }
    if (raw_is_array(value) && column->type == SGR_ARRAY) {
        put_array(put, column->element, value);
        return (struct sgr_slice){start, (size_t)(*put - start)};
    }
    if (value.data[0] == 't' || value.data[0] == 'f')
        return (struct sgr_slice){value.data, 1};
    return column->type == SGR_NUMERIC ? with_scale(column, value, put) : value;
}
