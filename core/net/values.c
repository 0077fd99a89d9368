/* What sinks are told of the values in change streams: core/row's knowledge of types, on the network thread. */
#include "net/internal.h"
#include "row/type.h"

static bool comparable(const struct sgr_relation_column *column) {
    return sgr_type_has_equality(column->type, column->element);
}

static bool ordered(const struct sgr_relation_column *column) {
    return sgr_type_has_order(column->type, column->element);
}

static int parse(const struct sgr_relation_column *column, struct sgr_slice text,
                 struct sgr_value *ret, struct sgr_error *error) {
    return sgr_value_parse(column->type, text, ret, error);
}

static int literal(const struct sgr_relation_column *column, struct sgr_slice text,
                   struct sgr_value *ret, struct sgr_bytes **ret_text, struct sgr_error *error) {
    struct sgr_buffer buffer = SGR_BUFFER_INIT;
    struct sgr_value value;
    int code = sgr_value_parse_literal(column->type, column->element, text, &buffer, &value, error);
    struct sgr_bytes *bytes = code ? NULL : sgr_bytes_new(buffer.data, buffer.size);
    if (!code && !bytes)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory for a value");
    if (!code) {
        if (buffer.size)
            value.s = (struct sgr_slice){bytes->data, bytes->size};
        *ret = value;
        *ret_text = bytes;
    }
    sgr_buffer_fini(&buffer);
    return code;
}

static int compare(const struct sgr_value *a, const struct sgr_value *b) {
    return sgr_value_compare(a, b, SGR_COLLATION_C);
}

static int json(void *host, const struct sgr_relation_column *column, struct sgr_slice text,
                struct sgr_slice *ret, struct sgr_error *error) {
    struct sgr_buffer *buffer = &((struct sgr__sink *)host)->value;
    struct sgr_value value;
    int code = sgr_value_parse(column->type, text, &value, error);
    if (code)
        return code;
    sgr_buffer_clear(buffer);
    sgr_value_json(&value, column->element, buffer);
    if (buffer->failed)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a value");
    *ret = (struct sgr_slice){buffer->data, buffer->size};
    return SGR_OK;
}

const struct sgr_value_methods sgr__value_table = {
    .comparable = comparable,
    .ordered = ordered,
    .parse = parse,
    .literal = literal,
    .compare = compare,
    .hash = sgr_value_hash,
    .json = json,
};
