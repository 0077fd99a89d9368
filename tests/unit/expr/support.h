/* Schemas and rows for tests of expressions, from text. */
#ifndef EXPRESSION_SUPPORT_H
#define EXPRESSION_SUPPORT_H

#define _GNU_SOURCE /* strsep */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "expr/expr.h"

#define MOST_COLUMNS 40

/* "a:int4\tb:text" */
static inline struct sgr_schema *schema_of(const char *columns) {
    struct sgr_column list[MOST_COLUMNS];
    struct sgr_error error;
    size_t count = 0;
    char *copy = strdup(columns), *rest = copy;
    memset(list, 0, sizeof(list));
    for (char *name; (name = strsep(&rest, "\t")); count++) {
        char *type = strchr(name, ':');
        *type++ = '\0';
        if (sgr_type_parse(sgr_slice(type), &list[count], &error))
            fail_msg("%s", error.message);
        list[count].name = name;
    }
    struct sgr_schema *schema = sgr_schema_new(list, count);
    assert_non_null(schema);
    free(copy);
    return schema;
}

/* Fields with tabs between them, \N for null. */
static inline const struct sgr_row *row_of(struct sgr_heap *heap, const struct sgr_schema *schema,
                                           const char *fields) {
    struct sgr_value values[MOST_COLUMNS];
    const struct sgr_row *row;
    struct sgr_error error;
    size_t count = 0;
    char *copy = strdup(fields), *rest = copy;
    memset(values, 0, sizeof(values));
    for (char *field; (field = strsep(&rest, "\t")); count++) {
        values[count].type = schema->columns[count].type;
        values[count].null = strcmp(field, "\\N") == 0;
        if (!values[count].null &&
            sgr_value_parse(schema->columns[count].type, sgr_slice(field), &values[count], &error))
            fail_msg("%s", error.message);
    }
    assert_int_equal(count, schema->count);
    if (sgr_row_new(heap, schema, values, &row, &error))
        fail_msg("%s", error.message);
    free(copy);
    return row;
}

/* The value's text, NULL or ERROR, behind a bar. */
static inline void append_result(struct sgr_buffer *out, int code, const struct sgr_value *value) {
    sgr_buffer_putc(out, '|');
    if (code)
        sgr_buffer_puts(out, "ERROR");
    else if (value->null)
        sgr_buffer_puts(out, "NULL");
    else
        sgr_value_text(value, out);
}

#endif
