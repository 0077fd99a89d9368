/* Rows as packed bytes: making them, and comparing, hashing and writing them. Unused bytes of a row are zero and a NaN has one form, so
 * that rows of one schema are equal if and only if their bytes behind the count are. */
#include "row/row.h"

#include <math.h>

#include "base/slice.h"
#include "row/key.h"
#include "row/row_internal.h"

/* --- packing --- */

static bool is_text(enum sgr_type type) {
    switch (type) {
    case SGR_FLOAT4:
    case SGR_FLOAT8:
    case SGR_INTERVAL:
    case SGR_UUID:
        return false;
    default:
        return !sgr__type_is_word(type);
    }
}

static int refuse_type(const struct sgr_column *column, enum sgr_type type,
                       struct sgr_error *error) {
    return sgr_error_set(error, SGR_ETYPE, "column \"%s\" is of type %s, not %s", column->name,
                         sgr_type_name(column->type), sgr_type_name(type));
}

static int refuse_range(const struct sgr_column *column, struct sgr_error *error) {
    return sgr_error_set(error, SGR_ERANGE, "value out of range for column \"%s\" of type %s",
                         column->name, sgr_type_name(column->type));
}

/* Checks types and adds up the bytes. */
static int measure(const struct sgr_schema *schema, const struct sgr_value *values,
                   size_t *ret_size, struct sgr_error *error) {
    size_t size = schema->text_start;
    for (uint16_t i = 0; i < schema->count; i++) {
        const struct sgr_column *column = &schema->columns[i];
        if (values[i].null)
            continue;
        if (values[i].type != column->type && !sgr_type_same_class(values[i].type, column->type))
            return refuse_type(column, values[i].type, error);
        if (is_text(column->type))
            if (__builtin_add_overflow(size, values[i].s.size, &size) || size > INT32_MAX)
                return sgr_error_set(error, SGR_ERANGE, "a row is larger than 2 GiB");
    }
    *ret_size = size;
    return 0;
}

static bool pack_word(char *slot, unsigned width, int64_t word) {
    switch (width) {
    case 1:
        *slot = (char)(word != 0);
        return true;
    case 2: {
        int16_t narrow = (int16_t)word;
        memcpy(slot, &narrow, sizeof(narrow));
        return narrow == word;
    }
    case 4: {
        int32_t narrow = (int32_t)word;
        memcpy(slot, &narrow, sizeof(narrow));
        return narrow == word;
    }
    default:
        memcpy(slot, &word, sizeof(word));
        return true;
    }
}

static bool pack_float(char *slot, enum sgr_type type, double number) {
    if (isnan(number))
        number = (double)NAN;
    if (type == SGR_FLOAT8) {
        memcpy(slot, &number, sizeof(number));
        return true;
    }
    float narrow =
        isfinite(number) && fabs(number) > 3.4028235677973366e38 ? INFINITY : (float)number;
    memcpy(slot, &narrow, sizeof(narrow));
    return isinf(narrow) == isinf(number) && (narrow == 0) == (number == 0);
}

static bool pack_fixed(const struct sgr_column *column, char *slot, const struct sgr_value *value) {
    switch (column->type) {
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        return pack_float(slot, column->type, value->f);
    case SGR_INTERVAL:
        memcpy(slot, &value->v, sizeof(value->v));
        return true;
    case SGR_UUID:
        memcpy(slot, value->u, sizeof(value->u));
        return true;
    default:
        return pack_word(slot, sgr__word_width(column->type), value->i);
    }
}

static void set_null(struct sgr_row *row, uint16_t column) {
    char *word = column < 32 ? (char *)&row->nulls : (char *)row + 8 + 4 * (column / 32 - 1);
    uint32_t bits;
    memcpy(&bits, word, sizeof(bits));
    bits |= 1u << column % 32;
    memcpy(word, &bits, sizeof(bits));
}

static int fill(const struct sgr_schema *schema, const struct sgr_value *values,
                struct sgr_row *row, struct sgr_error *error) {
    uint32_t end = schema->text_start;
    memset(&row->nulls, 0, end - offsetof(struct sgr_row, nulls));
    for (uint16_t i = 0; i < schema->count; i++) {
        const struct sgr_column *column = &schema->columns[i];
        const struct sgr_value *value = &values[i];
        char *slot = (char *)row + schema->offsets[i];
        if (value->null)
            set_null(row, i);
        if (is_text(column->type)) {
            if (!value->null && value->s.size) {
                memcpy((char *)row + end, value->s.data, value->s.size);
                end += (uint32_t)value->s.size;
            }
            memcpy(slot, &end, sizeof(end));
        } else if (!value->null && !pack_fixed(column, slot, value)) {
            return refuse_range(column, error);
        }
    }
    return 0;
}

int sgr_row_new(struct sgr_heap *heap, const struct sgr_schema *schema,
                const struct sgr_value *values, const struct sgr_row **ret,
                struct sgr_error *error) {
    size_t size = 0;
    int code = measure(schema, values, &size, error);
    if (code)
        return code;
    struct sgr_row *row = sgr_heap_alloc(heap, size);
    if (!row)
        return sgr_error_set(error, SGR_ENOMEM, "no memory for a row of %zu bytes", size);
    code = fill(schema, values, row, error);
    if (code) {
        sgr_row_unref(row);
        return code;
    }
    *ret = row;
    return 0;
}

/* --- whole rows --- */

size_t sgr_row_size(const struct sgr_schema *schema, const struct sgr_row *row) {
    uint16_t last = ((const struct sgr__schema *)(const void *)schema)->last_text;
    if (last == UINT16_MAX)
        return schema->text_start;
    uint32_t end;
    memcpy(&end, (const char *)row + schema->offsets[last], sizeof(end));
    return end;
}

enum { IMAGE = offsetof(struct sgr_row, nulls) }; /* where what counts begins */

bool sgr_row_equal(const struct sgr_schema *schema, const struct sgr_row *a,
                   const struct sgr_row *b) {
    if (a == b)
        return true;
    /* Slots first: equal ends of texts make the sizes equal. */
    size_t start = schema->text_start;
    if (memcmp((const char *)a + IMAGE, (const char *)b + IMAGE, start - IMAGE) != 0)
        return false;
    size_t size = sgr_row_size(schema, a);
    return size == start ||
           memcmp((const char *)a + start, (const char *)b + start, size - start) == 0;
}

uint64_t sgr_row_hash(const struct sgr_schema *schema, const struct sgr_row *row) {
    return sgr_hash_bytes((const char *)row + IMAGE, sgr_row_size(schema, row) - IMAGE);
}

/* --- keys --- */

static uint64_t value_hash(const struct sgr_value *value) {
    if (value->null)
        return SGR__NULL_HASH;
    return sgr__type_is_word(value->type) ? sgr_hash_int((uint64_t)value->i)
                                          : sgr_value_hash(value);
}

static uint64_t column_hash(const struct sgr_schema *schema, const struct sgr_row *row,
                            uint16_t column) {
    if (sgr_row_null(row, column))
        return SGR__NULL_HASH;
    enum sgr_type type = schema->columns[column].type;
    if (sgr__type_is_word(type))
        return sgr_hash_int(
            (uint64_t)sgr__word_at(row, schema->offsets[column], sgr__word_width(type)));
    struct sgr_value value = sgr_row_value(schema, row, column);
    return sgr_value_hash(&value);
}

uint64_t sgr_key_hash(const struct sgr_value *key, size_t count) {
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++)
        hash = sgr__key_fold(hash, i, value_hash(&key[i]));
    return hash;
}

uint64_t sgr_row_hash_columns(const struct sgr_schema *schema, const struct sgr_row *row,
                              const uint16_t *columns, size_t count) {
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++)
        hash = sgr__key_fold(hash, i, column_hash(schema, row, columns[i]));
    return hash;
}

static bool columns_equal(const struct sgr_schema *schema_a, const struct sgr_row *a, uint16_t i,
                          const struct sgr_schema *schema_b, const struct sgr_row *b, uint16_t j) {
    bool null = sgr_row_null(a, i);
    if (null || sgr_row_null(b, j))
        return null && sgr_row_null(b, j);
    enum sgr_type type = schema_a->columns[i].type, other = schema_b->columns[j].type;
    if (sgr__type_is_word(type) && sgr__type_is_word(other))
        return sgr__word_at(a, schema_a->offsets[i], sgr__word_width(type)) ==
               sgr__word_at(b, schema_b->offsets[j], sgr__word_width(other));
    if (type == SGR_TEXT && other == SGR_TEXT)
        return sgr_slice_equal(sgr_row_text(schema_a, a, i), sgr_row_text(schema_b, b, j));
    struct sgr_value left = sgr_row_value(schema_a, a, i), right = sgr_row_value(schema_b, b, j);
    return sgr_value_equal(&left, &right);
}

bool sgr_row_equal_columns(const struct sgr_schema *schema_a, const struct sgr_row *a,
                           const uint16_t *columns_a, const struct sgr_schema *schema_b,
                           const struct sgr_row *b, const uint16_t *columns_b, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!columns_equal(schema_a, a, columns_a[i], schema_b, b, columns_b[i]))
            return false;
    return true;
}

static int column_compare(const struct sgr_schema *schema, const struct sgr_row *a,
                          const struct sgr_row *b, uint16_t column) {
    bool a_null = sgr_row_null(a, column), b_null = sgr_row_null(b, column);
    if (a_null || b_null)
        return a_null - b_null;
    enum sgr_type type = schema->columns[column].type;
    if (sgr__type_is_word(type)) {
        unsigned width = sgr__word_width(type);
        int64_t left = sgr__word_at(a, schema->offsets[column], width);
        int64_t right = sgr__word_at(b, schema->offsets[column], width);
        return (left > right) - (left < right);
    }
    struct sgr_value left = sgr_row_value(schema, a, column);
    struct sgr_value right = sgr_row_value(schema, b, column);
    return sgr_value_compare(&left, &right, schema->columns[column].collation);
}

int sgr_row_compare_columns(const struct sgr_schema *schema, const struct sgr_row *a,
                            const struct sgr_row *b, const uint16_t *columns, size_t count) {
    for (size_t i = 0; i < count && a != b; i++) {
        int order = column_compare(schema, a, b, columns[i]);
        if (order)
            return order;
    }
    return 0;
}

/* --- JSON --- */

static void column_json(const struct sgr_schema *schema, const struct sgr_row *row, uint16_t column,
                        struct sgr_buffer *out) {
    const struct sgr_column *type = &schema->columns[column];
    struct sgr_value value = sgr_row_value(schema, row, column);
    if (value.null)
        sgr_buffer_append(out, "null", 4);
    else if (value.type == SGR_TEXT)
        sgr_buffer_json(out, value.s);
    else if (value.type >= SGR_INT2 && value.type <= SGR_INT8)
        sgr_buffer_int(out, value.i);
    else
        sgr_value_json(&value, type->element, out);
}

void sgr_row_json(const struct sgr_schema *schema, const struct sgr_row *row,
                  const uint16_t *columns, size_t count, struct sgr_buffer *out) {
    if (!columns)
        count = schema->count;
    sgr_buffer_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        uint16_t column = columns ? columns[i] : (uint16_t)i;
        if (i)
            sgr_buffer_putc(out, ',');
        sgr_buffer_slice(out, sgr_schema_json_key(schema, column));
        column_json(schema, row, column, out);
    }
    sgr_buffer_putc(out, '}');
}
