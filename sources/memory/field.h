/* Rows as JSON to rows as fields: Postgres' text of each value, in the order of a relation's columns.
 * Engine's thread. */
#ifndef MEMORY_FIELD_H
#define MEMORY_FIELD_H

#include <jansson.h>
#include <sangre/source.h>

/* The fields of one row and the bytes they point to, used again for the next row. Zeroed at first. */
struct memory_row {
    struct sgr_field *fields;
    size_t
        *offsets; /* of each field's text in `text`; SIZE_MAX: the text is borrowed from the JSON */
    size_t capacity;
    char *text;
    size_t text_size, text_capacity;
};

void memory_row_fini(struct memory_row *row);

/* `json`: an array with a value for every column, or an object by column name. Columns an object leaves out become `missing`. "{n}" in
 * strings becomes `n`, if `n` is not negative. The fields live until the next call, and as long as `json`. */
int memory_row_read(struct memory_row *row, const struct sgr_relation *relation, const json_t *json,
                    enum sgr_field_kind missing, int64_t n, struct sgr_error *error);

#endif
