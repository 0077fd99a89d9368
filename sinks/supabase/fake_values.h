/* What the host knows of values, for the fixture; it counts what is asked. */
#ifndef SINKS_SUPABASE_FAKE_VALUES_H
#define SINKS_SUPABASE_FAKE_VALUES_H

#include <sangre/sink.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "row/type.h"

static struct {
    size_t comparisons, renderings;
    struct sgr_buffer json;
} asked;

static inline bool fake_comparable(const struct sgr_relation_column *column) {
    return sgr_type_has_equality(column->type, column->element);
}

static inline bool fake_ordered(const struct sgr_relation_column *column) {
    return sgr_type_has_order(column->type, column->element);
}

static inline int fake_parse(const struct sgr_relation_column *column, struct sgr_slice text,
                             struct sgr_value *ret, struct sgr_error *error) {
    return sgr_value_parse(column->type, text, ret, error);
}

static inline int fake_literal(const struct sgr_relation_column *column, struct sgr_slice text,
                               struct sgr_value *ret, struct sgr_bytes **ret_text,
                               struct sgr_error *error) {
    struct sgr_buffer buffer = SGR_BUFFER_INIT;
    struct sgr_value value;
    int code = sgr_value_parse_literal(column->type, column->element, text, &buffer, &value, error);
    if (!code) {
        *ret_text = sgr_bytes_new(buffer.data, buffer.size);
        if (buffer.size)
            value.s = (struct sgr_slice){(*ret_text)->data, (*ret_text)->size};
        *ret = value;
    }
    sgr_buffer_fini(&buffer);
    return code;
}

static inline int fake_compare(const struct sgr_value *a, const struct sgr_value *b) {
    asked.comparisons++;
    return sgr_value_compare(a, b, SGR_COLLATION_C);
}

static inline int fake_json(void *unused, const struct sgr_relation_column *column,
                            struct sgr_slice text, struct sgr_slice *ret, struct sgr_error *error) {
    struct sgr_value value;
    int code = sgr_value_parse(column->type, text, &value, error);
    (void)unused;
    asked.renderings++;
    if (code)
        return code;
    sgr_buffer_clear(&asked.json);
    sgr_value_json(&value, column->element, &asked.json);
    *ret = (struct sgr_slice){asked.json.data, asked.json.size};
    return SGR_OK;
}

static const struct sgr_value_methods fake_values = {.comparable = fake_comparable,
                                                     .ordered = fake_ordered,
                                                     .parse = fake_parse,
                                                     .literal = fake_literal,
                                                     .compare = fake_compare,
                                                     .hash = sgr_value_hash,
                                                     .json = fake_json};

#endif
