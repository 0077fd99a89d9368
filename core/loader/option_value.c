/* Values of options by type. What a plugin gets is what the table says, or there is an error that says what was expected where. */
#include "loader/option_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdalign.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/nearest.h"
#include "base/slice.h"
#include "loader/json.h"

static int out_of_memory(struct sgr_error *error) {
    return sgr_error_set(error, SGR_ENOMEM, "out of memory");
}

size_t sgr__option_size(enum sgr_option_type type) {
    switch (type) {
    case SGR_OPTION_BOOL:
        return sizeof(bool);
    case SGR_OPTION_INT:
    case SGR_OPTION_DURATION:
    case SGR_OPTION_BYTES:
        return sizeof(int64_t);
    case SGR_OPTION_DOUBLE:
        return sizeof(double);
    case SGR_OPTION_STRING:
    case SGR_OPTION_CHOICE:
    case SGR_OPTION_EXPRESSION:
    case SGR_OPTION_JSON:
        return sizeof(const char *);
    case SGR_OPTION_STRINGS:
        return sizeof(struct sgr_strings);
    case SGR_OPTION_COLUMNS:
    case SGR_OPTION_PAIRS:
        return sizeof(struct sgr_pairs);
    }
    return 0;
}

size_t sgr__option_alignment(enum sgr_option_type type) {
    return type == SGR_OPTION_BOOL ? alignof(bool) : alignof(int64_t);
}

void sgr__option_range(const struct sgr_option *option, int64_t *ret_least, int64_t *ret_most) {
    int64_t least = option->minimum, most = option->maximum;
    if (!least && !most && option->type == SGR_OPTION_INT)
        least = INT64_MIN;
    if (!most && option->minimum >= 0)
        most = INT64_MAX;
    *ret_least = least;
    *ret_most = most;
}

/* What was expected. */

static void put_quantity(const struct sgr_option *option, int64_t amount, struct sgr_buffer *out) {
    if (option->type == SGR_OPTION_DURATION)
        sgr__duration_write(amount, out);
    else if (option->type == SGR_OPTION_BYTES)
        sgr__bytes_write(amount, out);
    else
        sgr_buffer_int(out, amount);
}

static void put_range(const struct sgr_option *option, struct sgr_buffer *out) {
    int64_t least, most;
    sgr__option_range(option, &least, &most);
    bool low = least != INT64_MIN && (least || option->type == SGR_OPTION_INT);
    if (low && most != INT64_MAX) {
        sgr_buffer_puts(out, " from ");
        put_quantity(option, least, out);
        sgr_buffer_puts(out, " to ");
        put_quantity(option, most, out);
    } else if (low) {
        sgr_buffer_puts(out, " of at least ");
        put_quantity(option, least, out);
    } else if (most != INT64_MAX) {
        sgr_buffer_puts(out, " of at most ");
        put_quantity(option, most, out);
    }
}

void sgr__option_expected(const struct sgr_option *option, struct sgr_buffer *out) {
    static const char *const texts[] = {
        [SGR_OPTION_BOOL] = "true or false",
        [SGR_OPTION_INT] = "a whole number",
        [SGR_OPTION_DOUBLE] = "a number",
        [SGR_OPTION_STRING] = "a text",
        [SGR_OPTION_CHOICE] = "one of ",
        [SGR_OPTION_DURATION] = "a duration (250ms, 3s, 5min, 1h)",
        [SGR_OPTION_BYTES] = "a size (64KB, 16MB, 1GB)",
        [SGR_OPTION_STRINGS] = "a list of texts",
        [SGR_OPTION_EXPRESSION] = "an SQL expression",
        [SGR_OPTION_COLUMNS] = "a mapping of column names to type names",
        [SGR_OPTION_PAIRS] = "a mapping of names to texts",
        [SGR_OPTION_JSON] = "any value",
    };
    sgr_buffer_puts(out, texts[option->type]);
    if (option->type == SGR_OPTION_CHOICE)
        for (size_t i = 0; option->choices[i]; i++)
            sgr_buffer_printf(out, "%s%s", i ? ", " : "", option->choices[i]);
    if (option->type == SGR_OPTION_INT || option->type == SGR_OPTION_DURATION ||
        option->type == SGR_OPTION_BYTES)
        put_range(option, out);
}

static int unexpected(const struct sgr_option *option, const struct sgr_document_node *node,
                      struct sgr_error *error) {
    static const char *const kinds[] = {"", "a list", "a mapping"};
    struct sgr_buffer expected = SGR_BUFFER_INIT;
    sgr__option_expected(option, &expected);
    const char *text = sgr_buffer_text(&expected);
    const char *near = NULL;
    bool scalar = node->kind == SGR_DOCUMENT_SCALAR;
    if (option->type == SGR_OPTION_CHOICE && scalar) {
        size_t count = 0;
        while (option->choices[count])
            count++;
        near = sgr_nearest(node->text.data, option->choices, count);
    }
    if (option->flags & SGR_OPTION_SECRET)
        sgr_document_error(node, error, "%s: expected %s", option->name, text);
    else if (near)
        sgr_document_error(node, error, "%s: expected %s, not \"%.*s\" (did you mean %s?)",
                           option->name, text, SGR_SLICE_ARGS(node->text), near);
    else if (scalar && node->text.size)
        sgr_document_error(node, error, "%s: expected %s, not \"%.*s\"", option->name, text,
                           SGR_SLICE_ARGS(node->text));
    else
        sgr_document_error(node, error, "%s: expected %s, not %s", option->name, text,
                           scalar ? "an empty value" : kinds[node->kind]);
    sgr_buffer_fini(&expected);
    return SGR_ECONFIG;
}

/* Scalars. */

static bool read_bool(struct sgr_slice text, bool *ret) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (sgr_slice_is(text, words[i])) {
            *ret = i & 1;
            return true;
        }
    return false;
}

static bool read_double(struct sgr_slice text, double *ret) {
    char *end;
    if (!text.size || strspn(text.data, "+-.0123456789eE") != text.size)
        return false;
    double value = strtod(text.data, &end);
    if (end != text.data + text.size || !isfinite(value))
        return false;
    *ret = value;
    return true;
}

static bool read_quantity(const struct sgr_option *option, struct sgr_slice text, int64_t *ret) {
    int64_t value, least, most;
    bool good = option->type == SGR_OPTION_DURATION ? sgr__duration_parse(text, &value)
                : option->type == SGR_OPTION_BYTES  ? sgr__bytes_parse(text, &value)
                                                    : sgr_slice_int(text, &value);
    sgr__option_range(option, &least, &most);
    if (!good || value < least || value > most)
        return false;
    *ret = value;
    return true;
}

static bool read_choice(const struct sgr_option *option, struct sgr_slice text, const char **ret) {
    for (size_t i = 0; option->choices[i]; i++)
        if (sgr_slice_is(text, option->choices[i])) {
            *ret = option->choices[i];
            return true;
        }
    return false;
}

/* Types of fixed width. */
static bool read_plain(const struct sgr_option *option, struct sgr_slice text, void *field) {
    switch (option->type) {
    case SGR_OPTION_BOOL:
        return read_bool(text, field);
    case SGR_OPTION_DOUBLE:
        return read_double(text, field);
    case SGR_OPTION_CHOICE:
        return read_choice(option, text, field);
    default:
        return read_quantity(option, text, field);
    }
}

/* Lists and mappings. */

static bool is_text(const struct sgr_document_node *node) {
    return node->kind == SGR_DOCUMENT_SCALAR && !node->null;
}

static int read_list(const struct sgr_option *option, const struct sgr_document_node *node,
                     struct sgr_arena *arena, struct sgr_strings *ret, struct sgr_error *error) {
    const char **items = sgr_arena_alloc(arena, (node->count + 1) * sizeof(*items));
    if (!items)
        return out_of_memory(error);
    for (size_t i = 0; i < node->count; i++) {
        if (!is_text(node->items[i]))
            return unexpected(option, node->items[i], error);
        items[i] = sgr_arena_copy(arena, node->items[i]->text);
        if (!items[i])
            return out_of_memory(error);
    }
    *ret = (struct sgr_strings){items, node->count};
    return 0;
}

static struct sgr_slice trimmed(const char *from, const char *to) {
    while (from < to && strchr(" \t\n", *from))
        from++;
    while (to > from && strchr(" \t\n", to[-1]))
        to--;
    return (struct sgr_slice){from, (size_t)(to - from)};
}

/* Words separated by commas; empty ones do not count. */
static int split_words(struct sgr_slice text, struct sgr_arena *arena, struct sgr_strings *ret,
                       struct sgr_error *error) {
    size_t most = 1, count = 0;
    for (size_t i = 0; i < text.size; i++)
        most += text.data[i] == ',';
    const char **items = sgr_arena_alloc(arena, most * sizeof(*items));
    if (!items)
        return out_of_memory(error);
    const char *at = text.data, *end = text.data + text.size;
    while (at <= end) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
        struct sgr_slice word = trimmed(at, comma ? comma : end);
        if (word.size && !(items[count++] = sgr_arena_copy(arena, word)))
            return out_of_memory(error);
        at = comma ? comma + 1 : end + 1;
    }
    *ret = (struct sgr_strings){items, count};
    return 0;
}

static int read_pairs(const struct sgr_option *option, const struct sgr_document_node *node,
                      struct sgr_arena *arena, struct sgr_pairs *ret, struct sgr_error *error) {
    if (node->kind != SGR_DOCUMENT_MAPPING)
        return unexpected(option, node, error);
    struct sgr_pair *items = sgr_arena_alloc(arena, (node->count + 1) * sizeof(*items));
    if (!items)
        return out_of_memory(error);
    for (size_t i = 0; i < node->count; i++) {
        const struct sgr_document_pair *pair = &node->pairs[i];
        if (!is_text(pair->value))
            return sgr_document_error(
                pair->value, error, "%s: expected %s for \"%s\"", option->name,
                option->type == SGR_OPTION_COLUMNS ? "a type name" : "a text", pair->name);
        items[i].name = sgr_arena_copy(arena, sgr_slice(pair->name));
        items[i].value = sgr_arena_copy(arena, pair->value->text);
        if (!items[i].name || !items[i].value)
            return out_of_memory(error);
    }
    *ret = (struct sgr_pairs){items, node->count};
    return 0;
}

static int read_json(const struct sgr_document_node *node, struct sgr_arena *arena,
                     const char **ret, struct sgr_error *error) {
    struct sgr_buffer text = SGR_BUFFER_INIT;
    sgr__json_write(node, &text);
    char *copy =
        text.failed ? NULL : sgr_arena_copy(arena, (struct sgr_slice){text.data, text.size});
    sgr_buffer_fini(&text);
    if (!copy)
        return out_of_memory(error);
    *ret = copy;
    return 0;
}

int sgr__option_read(const struct sgr_option *option, const struct sgr_document_node *node,
                     struct sgr_arena *arena, void *data, struct sgr_error *error) {
    void *field = (char *)data + option->offset;
    switch (option->type) {
    case SGR_OPTION_JSON:
        return read_json(node, arena, field, error);
    case SGR_OPTION_COLUMNS:
    case SGR_OPTION_PAIRS:
        return read_pairs(option, node, arena, field, error);
    case SGR_OPTION_STRINGS:
        if (node->kind == SGR_DOCUMENT_SEQUENCE)
            return read_list(option, node, arena, field, error);
        return is_text(node) ? split_words(node->text, arena, field, error)
                             : unexpected(option, node, error);
    case SGR_OPTION_STRING:
    case SGR_OPTION_EXPRESSION: {
        if (!is_text(node))
            return unexpected(option, node, error);
        const char *copy = sgr_arena_copy(arena, node->text);
        memcpy(field, &copy, sizeof(copy));
        return copy ? 0 : out_of_memory(error);
    }
    default:
        return is_text(node) && read_plain(option, node->text, field)
                   ? 0
                   : unexpected(option, node, error);
    }
}

int sgr__option_default(const struct sgr_option *option, struct sgr_arena *arena, void *data,
                        struct sgr_error *error) {
    struct sgr_document_node node = {.kind = SGR_DOCUMENT_SCALAR, .file = "default", .line = 1};
    if (!option->fallback)
        return 0;
    node.text = sgr_slice(option->fallback);
    if (option->type == SGR_OPTION_COLUMNS || option->type == SGR_OPTION_PAIRS)
        return 0; /* {} is all it can be; see the check of tables */
    if (option->type != SGR_OPTION_JSON)
        return sgr__option_read(option, &node, arena, data, error);
    const char *copy = sgr_arena_copy(arena, node.text); /* it is JSON already */
    memcpy((char *)data + option->offset, &copy, sizeof(copy));
    return copy ? 0 : out_of_memory(error);
}

/* Canonical text. */

static void write_text(const char *text, struct sgr_buffer *out) {
    if (text)
        sgr_buffer_json(out, sgr_slice(text));
    else
        sgr_buffer_puts(out, "null");
}

static void write_strings(const struct sgr_strings *strings, struct sgr_buffer *out) {
    sgr_buffer_putc(out, '[');
    for (size_t i = 0; i < strings->count; i++) {
        sgr_buffer_puts(out, i ? "," : "");
        write_text(strings->items[i], out);
    }
    sgr_buffer_putc(out, ']');
}

static void write_pairs(const struct sgr_pairs *pairs, struct sgr_buffer *out) {
    sgr_buffer_putc(out, '{');
    for (size_t i = 0; i < pairs->count; i++) {
        sgr_buffer_puts(out, i ? "," : "");
        write_text(pairs->items[i].name, out);
        sgr_buffer_putc(out, ':');
        write_text(pairs->items[i].value, out);
    }
    sgr_buffer_putc(out, '}');
}

static void write_plain(const struct sgr_option *option, const void *field,
                        struct sgr_buffer *out) {
    switch (option->type) {
    case SGR_OPTION_BOOL:
        sgr_buffer_puts(out, *(const bool *)field ? "true" : "false");
        break;
    case SGR_OPTION_DOUBLE:
        sgr_buffer_printf(out, "%.17g", *(const double *)field);
        break;
    case SGR_OPTION_STRINGS:
        write_strings(field, out);
        break;
    case SGR_OPTION_COLUMNS:
    case SGR_OPTION_PAIRS:
        write_pairs(field, out);
        break;
    case SGR_OPTION_JSON:
        sgr_buffer_puts(out, *(const char *const *)field ? *(const char *const *)field : "null");
        break;
    case SGR_OPTION_STRING:
    case SGR_OPTION_CHOICE:
    case SGR_OPTION_EXPRESSION:
        write_text(*(const char *const *)field, out);
        break;
    default:
        put_quantity(option, *(const int64_t *)field, out);
    }
}

void sgr__option_write(const struct sgr_option *option, const void *data, struct sgr_buffer *out) {
    const void *field = (const char *)data + option->offset;
    if (!(option->flags & SGR_OPTION_SECRET)) {
        write_plain(option, field, out);
        return;
    }
    struct sgr_buffer plain = SGR_BUFFER_INIT;
    write_plain(option, field, &plain);
    sgr_buffer_printf(out, "#%016" PRIx64, sgr_hash_bytes(plain.data, plain.size));
    if (plain.data)
        explicit_bzero(plain.data, plain.capacity);
    sgr_buffer_fini(&plain);
}
