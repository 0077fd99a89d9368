/* Rows: immutable, refcounted, packed by their schema. The layout below is part of the ABI's major version.
 *
 *   refs u32 | nulls u32 (columns 0..31) | more null words, if more than 32 columns | fixed slots | text bytes
 *
 * Fixed slots stand at schema->offsets[column], widest types first, so all are aligned. A column of variable length has a u32
 * slot: the end of its bytes, counted from the row's first byte; it starts where the previous variable column ends (the first at
 * schema->text_start). A null column's slot is zero (fixed) or equals its start (variable).
 *
 * Rows and schemas belong to the engine's thread; no other thread may touch even the count.
 */
#ifndef SANGRE_ROW_H
#define SANGRE_ROW_H

#include <assert.h>
#include <string.h>

#include "value.h"

struct sgr_column {
    const char *name;
    const char *type_name; /* as Postgres' typname: int4, _text, an enum's name */
    int32_t type_modifier; /* -1: none */
    enum sgr_type type;
    enum sgr_type element; /* of SGR_ARRAY; else SGR_OTHER */
    enum sgr_collation collation;
    bool not_null;
};

/* Immutable and refcounted; made by a host's schema_new. */
struct sgr_schema {
    uint32_t refs;
    uint16_t count;
    uint16_t text_count; /* columns of variable length */
    uint32_t text_start; /* byte offset of the first text byte in a row */
    const struct sgr_column *columns;
    const uint32_t *offsets; /* byte offset of each column's slot from the row's start */
    const uint16_t
        *text_previous; /* column whose end is this text column's start, UINT16_MAX: text_start */
};

struct sgr_row {
    uint32_t refs;
    uint32_t nulls;
};

static_assert(sizeof(struct sgr_row) == 8, "the row header is frozen");
static_assert(offsetof(struct sgr_schema, columns) == 16, "the schema layout is frozen");

static inline bool sgr_row_null(const struct sgr_row *row, uint16_t column) {
    uint32_t word = row->nulls;
    if (column >= 32)
        memcpy(&word, (const char *)row + 8 + 4 * (column / 32 - 1), sizeof(word));
    return word >> (column % 32) & 1;
}

static inline struct sgr_slice sgr_row_text(const struct sgr_schema *schema,
                                            const struct sgr_row *row, uint16_t column) {
    const char *bytes = (const char *)row;
    uint32_t end, start = schema->text_start;
    memcpy(&end, bytes + schema->offsets[column], sizeof(end));
    uint16_t previous = schema->text_previous[column];
    if (previous != UINT16_MAX)
        memcpy(&start, bytes + schema->offsets[previous], sizeof(start));
    return (struct sgr_slice){bytes + start, end - start};
}

/* The column's value; text borrows from the row. */
static inline struct sgr_value sgr_row_value(const struct sgr_schema *schema,
                                             const struct sgr_row *row, uint16_t column) {
    struct sgr_value value;
    memset(&value, 0, sizeof(value));
    value.type = schema->columns[column].type;
    value.null = sgr_row_null(row, column);
    if (value.null)
        return value;
    const char *slot = (const char *)row + schema->offsets[column];
    switch (value.type) {
    case SGR_BOOL:
        value.i = *(const uint8_t *)slot;
        break;
    case SGR_INT2: {
        int16_t narrow;
        memcpy(&narrow, slot, sizeof(narrow));
        value.i = narrow;
        break;
    }
    case SGR_INT4:
    case SGR_DATE: {
        int32_t narrow;
        memcpy(&narrow, slot, sizeof(narrow));
        value.i = narrow;
        break;
    }
    case SGR_INT8:
    case SGR_TIME:
    case SGR_TIMESTAMP:
    case SGR_TIMESTAMPTZ:
        memcpy(&value.i, slot, sizeof(value.i));
        break;
    case SGR_FLOAT4: {
        float narrow;
        memcpy(&narrow, slot, sizeof(narrow));
        value.f = narrow;
        break;
    }
    case SGR_FLOAT8:
        memcpy(&value.f, slot, sizeof(value.f));
        break;
    case SGR_INTERVAL:
        memcpy(&value.v, slot, sizeof(value.v));
        break;
    case SGR_UUID:
        memcpy(value.u, slot, sizeof(value.u));
        break;
    default:
        value.s = sgr_row_text(schema, row, column);
    }
    return value;
}

/* One row of a Z-set: positive weights insert, negative ones delete. */
struct sgr_delta {
    const struct sgr_row *row;
    int64_t weight;
};

/* A Z-set of rows of one schema. Consolidated: no two deltas hold equal rows, none has weight 0. */
struct sgr_batch {
    const struct sgr_delta *items;
    size_t count;
};

#endif
