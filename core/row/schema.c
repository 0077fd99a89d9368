/* Schemas: one allocation with the columns, their layout, their names and the names' JSON form behind the public part. */
#include <sangre/error.h>
#include <stdlib.h>

#include "base/slice.h"
#include "row/row_internal.h"

enum { MOST_COLUMNS = 1600 }; /* Postgres' own limit */

static const uint8_t widths[] = {
#define WIDTH(symbol, name, width, member) [symbol] = (width),
    SGR_TYPES(WIDTH)
#undef WIDTH
};

/* Null words stand behind the header; then the slots, widest first. The start is padded only if the widest slot wants it. */
static void lay_out(const struct sgr_column *columns, size_t count, uint32_t *offsets,
                    uint32_t *ret_end) {
    uint32_t at = 8 + 4 * (count > 32 ? (uint32_t)((count - 1) / 32) : 0);
    for (unsigned width = 16; width; width /= 2)
        for (size_t i = 0; i < count; i++) {
            unsigned own = widths[columns[i].type] ? widths[columns[i].type] : 4;
            if (own != width)
                continue;
            if (width >= 8)
                at = (at + 7) & ~7u;
            offsets[i] = at;
            at += width;
        }
    *ret_end = at;
}

static uint16_t link_texts(const struct sgr_column *columns, size_t count, uint16_t *previous,
                           uint16_t *ret_last) {
    uint16_t last = UINT16_MAX, texts = 0;
    for (size_t i = 0; i < count; i++) {
        previous[i] = UINT16_MAX;
        if (widths[columns[i].type])
            continue;
        previous[i] = last;
        last = (uint16_t)i;
        texts++;
    }
    *ret_last = last;
    return texts;
}

/* What the parts behind the schema add up to; the same walk fills them. */
struct parts {
    size_t columns, offsets, previous, key_ends, texts, end;
};

static struct parts measure(const struct sgr_column *columns, size_t count, size_t keys) {
    struct parts parts = {.columns = sizeof(struct sgr__schema)};
    parts.offsets = parts.columns + count * sizeof(struct sgr_column);
    parts.key_ends = parts.offsets + count * sizeof(uint32_t);
    parts.previous = parts.key_ends + count * sizeof(uint32_t);
    parts.texts = parts.previous + count * sizeof(uint16_t);
    parts.end = parts.texts + keys;
    for (size_t i = 0; i < count; i++)
        parts.end += sgr_slice(columns[i].name).size + sgr_slice(columns[i].type_name).size + 2;
    return parts;
}

static const char *copy_text(char **at, const char *text) {
    struct sgr_slice slice = sgr_slice(text);
    char *copy = *at;
    if (slice.size)
        memcpy(copy, slice.data, slice.size);
    copy[slice.size] = '\0';
    *at += slice.size + 1;
    return copy;
}

static bool json_keys(const struct sgr_column *columns, size_t count, struct sgr_buffer *out,
                      uint32_t *ends) {
    for (size_t i = 0; i < count; i++) {
        sgr_buffer_json(out, sgr_slice(columns[i].name));
        sgr_buffer_putc(out, ':');
        ends[i] = (uint32_t)out->size;
    }
    return !out->failed && out->size < UINT32_MAX;
}

static struct sgr__schema *assemble(const struct sgr_column *columns, size_t count,
                                    const struct sgr_buffer *keys, const uint32_t *ends) {
    struct parts parts = measure(columns, count, keys->size);
    char *memory = calloc(1, parts.end);
    if (!memory)
        return NULL;
    struct sgr__schema *own = (struct sgr__schema *)(void *)memory;
    struct sgr_column *copies = (void *)(memory + parts.columns);
    uint32_t *offsets = (void *)(memory + parts.offsets);
    uint32_t *key_ends = (void *)(memory + parts.key_ends);
    uint16_t *previous = (void *)(memory + parts.previous);
    char *text = memory + parts.texts;
    own->keys = text;
    if (keys->size)
        memcpy(text, keys->data, keys->size);
    text += keys->size;
    for (size_t i = 0; i < count; i++) {
        copies[i] = columns[i];
        if (copies[i].type != SGR_ARRAY)
            copies[i].element = SGR_OTHER; /* one spelling of no element, so that columns compare */
        copies[i].name = copy_text(&text, columns[i].name);
        copies[i].type_name = copy_text(&text, columns[i].type_name);
        key_ends[i] = ends[i];
    }
    own->key_ends = key_ends;
    own->schema = (struct sgr_schema){.refs = 1,
                                      .count = (uint16_t)count,
                                      .columns = copies,
                                      .offsets = offsets,
                                      .text_previous = previous};
    lay_out(columns, count, offsets, &own->schema.text_start);
    own->schema.text_count = link_texts(columns, count, previous, &own->last_text);
    return own;
}

struct sgr_schema *sgr_schema_new(const struct sgr_column *columns, size_t count) {
    if (count > MOST_COLUMNS)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (columns[i].type >= SGR_TYPE_COUNT)
            return NULL;
    struct sgr_buffer keys = SGR_BUFFER_INIT;
    uint32_t ends[MOST_COLUMNS];
    struct sgr__schema *own = NULL;
    if (json_keys(columns, count, &keys, ends))
        own = assemble(columns, count, &keys, ends);
    sgr_buffer_fini(&keys);
    return own ? &own->schema : NULL;
}

struct sgr_schema *sgr_schema_ref(const struct sgr_schema *schema) {
    struct sgr_schema *own = (struct sgr_schema *)(uintptr_t)schema;
    own->refs++;
    return own;
}

void sgr_schema_unref(struct sgr_schema *schema) {
    if (schema && --schema->refs == 0)
        free(schema);
}

int sgr_schema_find(const struct sgr_schema *schema, const char *name) {
    for (uint16_t i = 0; i < schema->count; i++)
        if (strcmp(schema->columns[i].name, name) == 0)
            return i;
    return -1;
}

struct sgr_slice sgr_schema_json_key(const struct sgr_schema *schema, uint16_t column) {
    const struct sgr__schema *own = (const struct sgr__schema *)(const void *)schema;
    uint32_t start = column ? own->key_ends[column - 1] : 0;
    return (struct sgr_slice){own->keys + start, own->key_ends[column] - start};
}

static bool column_equal(const struct sgr_column *a, const struct sgr_column *b) {
    return a->type == b->type && a->element == b->element && a->collation == b->collation &&
           a->type_modifier == b->type_modifier && strcmp(a->name, b->name) == 0 &&
           strcmp(a->type_name, b->type_name) == 0;
}

bool sgr_schema_equal(const struct sgr_schema *a, const struct sgr_schema *b) {
    if (a == b)
        return true;
    if (a->count != b->count)
        return false;
    for (uint16_t i = 0; i < a->count; i++)
        if (!column_equal(&a->columns[i], &b->columns[i]))
            return false;
    return true;
}
