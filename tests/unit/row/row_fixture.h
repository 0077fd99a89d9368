/* What the tests of rows share: schemas and rows in short, and a generator of numbers. */
#ifndef ROW_FIXTURE_H
#define ROW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "row/row.h"

#define NULL_VALUE(of)   ((struct sgr_value){.type = (of), .null = true})
#define INT_VALUE(of, x) ((struct sgr_value){.type = (of), .i = (x)})
#define TEXT_VALUE(x)    ((struct sgr_value){.type = SGR_TEXT, .s = sgr_slice(x)})
#define COLUMN(called, of) \
    { .name = (called), .type_name = "t", .type_modifier = -1, .type = (of) }

/* splitmix64: the same numbers on every machine. */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline struct sgr_schema *make_schema(const struct sgr_column *columns, size_t count) {
    struct sgr_schema *schema = sgr_schema_new(columns, count);
    assert_non_null(schema);
    return schema;
}

static inline const struct sgr_row *make_row(struct sgr_heap *heap, const struct sgr_schema *schema,
                                             const struct sgr_value *values) {
    const struct sgr_row *row = NULL;
    struct sgr_error error;
    if (sgr_row_new(heap, schema, values, &row, &error))
        fail_msg("%s", error.message);
    return row;
}

#endif
