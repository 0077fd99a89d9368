/* Values of any type: the one place that tells types apart for parse, text, JSON, order, equality and hash. */
#include <math.h>

#include "base/hash.h"
#include "row/type_internal.h"

static int parse_int(enum sgr_type type, struct sgr_slice text, int64_t *ret,
                     struct sgr_error *error) {
    if (type == SGR_INT2)
        return sgr__int_parse(text, INT16_MIN, INT16_MAX, "smallint", ret, error);
    if (type == SGR_INT4)
        return sgr__int_parse(text, INT32_MIN, INT32_MAX, "integer", ret, error);
    return sgr__int_parse(text, INT64_MIN, INT64_MAX, "bigint", ret, error);
}

static int parse_bool(struct sgr_slice text, int64_t *ret, struct sgr_error *error) {
    bool truth;
    if (sgr__bool_parse(text, &truth))
        return sgr__type_malformed("boolean", text, error);
    *ret = truth;
    return 0;
}

static int parse_fixed(enum sgr_type type, struct sgr_slice text, struct sgr_value *ret,
                       struct sgr_error *error) {
    switch (type) {
    case SGR_BOOL:
        return parse_bool(text, &ret->i, error);
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
        return parse_int(type, text, &ret->i, error);
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        return sgr__float_parse(text, type == SGR_FLOAT4, &ret->f, error);
    case SGR_DATE:
        return sgr__date_parse(text, &ret->i, error);
    case SGR_TIME:
        return sgr__time_parse(text, &ret->i, error);
    case SGR_TIMESTAMP:
    case SGR_TIMESTAMPTZ:
        return sgr__timestamp_parse(text, type == SGR_TIMESTAMPTZ, &ret->i, error);
    case SGR_INTERVAL:
        return sgr__interval_parse(text, &ret->v, error);
    case SGR_UUID:
        return sgr__uuid_parse(text, ret->u) ? sgr__type_malformed("uuid", text, error) : 0;
    default:
        return sgr_error_set(error, SGR_EINVAL, "invalid type");
    }
}

static int check_text(enum sgr_type type, struct sgr_slice text, struct sgr_slice *ret,
                      struct sgr_error *error) {
    bool valid = true;
    if (type == SGR_NUMERIC)
        return sgr__numeric_check(text, ret, error);
    if (type == SGR_BYTEA)
        valid = sgr__bytea_valid(text);
    else if (type == SGR_JSON || type == SGR_JSONB)
        valid = sgr__json_valid(text);
    else if (type == SGR_ARRAY)
        valid = sgr__array_valid(text);
    if (!valid)
        return sgr__type_malformed(sgr_type_name(type), text, error);
    *ret = text;
    return 0;
}

static bool is_text(enum sgr_type type) {
    switch (type) {
    case SGR_NUMERIC:
    case SGR_TEXT:
    case SGR_BPCHAR:
    case SGR_BYTEA:
    case SGR_JSON:
    case SGR_JSONB:
    case SGR_ARRAY:
    case SGR_OTHER:
        return true;
    default:
        return false;
    }
}

int sgr_value_parse(enum sgr_type type, struct sgr_slice text, struct sgr_value *ret,
                    struct sgr_error *error) {
    struct sgr_value value;
    memset(&value, 0, sizeof(value));
    value.type = type;
    int code = is_text(type) ? check_text(type, text, &value.s, error)
                             : parse_fixed(type, text, &value, error);
    if (!code)
        *ret = value;
    return code;
}

int sgr_value_parse_literal(enum sgr_type type, enum sgr_type element, struct sgr_slice text,
                            struct sgr_buffer *buffer, struct sgr_value *ret,
                            struct sgr_error *error) {
    struct sgr_value value;
    size_t start = buffer->size;
    int code = sgr_value_parse(type, text, &value, error);
    if (code)
        return code;
    if (type == SGR_NUMERIC)
        sgr__numeric_text(value.s, buffer);
    else if (type == SGR_BYTEA)
        sgr__bytea_text(value.s, buffer);
    else if (type == SGR_JSONB)
        code = sgr__jsonb_text(value.s, buffer, error);
    else if (type == SGR_ARRAY)
        code = sgr__array_text(value.s, element, buffer, error);
    else if (is_text(type))
        sgr_buffer_slice(buffer, value.s);
    if (!code && buffer->failed)
        code = sgr_error_set(error, SGR_ENOMEM, "out of memory");
    if (code)
        return code;
    if (is_text(type))
        value.s =
            (struct sgr_slice){buffer->data ? buffer->data + start : "", buffer->size - start};
    *ret = value;
    return 0;
}

int sgr_value_parse_kept(enum sgr_type type, enum sgr_type element, struct sgr_slice text,
                         struct sgr_arena *arena, struct sgr_value *ret, struct sgr_error *error) {
    struct sgr_buffer buffer = SGR_BUFFER_INIT;
    struct sgr_value value;
    int code = sgr_value_parse_literal(type, element, text, &buffer, &value, error);
    if (!code && is_text(type)) {
        value.s.data = sgr_arena_copy(arena, value.s);
        code = value.s.data ? 0 : sgr_error_set(error, SGR_ENOMEM, "out of memory");
    }
    sgr_buffer_fini(&buffer);
    if (!code)
        *ret = value;
    return code;
}

void sgr_value_text(const struct sgr_value *value, struct sgr_buffer *out) {
    switch (value->type) {
    case SGR_BOOL:
        sgr_buffer_putc(out, value->i ? 't' : 'f');
        return;
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
        sgr_buffer_int(out, value->i);
        return;
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        sgr__float_text(value->f, value->type == SGR_FLOAT4, out);
        return;
    case SGR_NUMERIC:
        sgr__numeric_text(value->s, out);
        return;
    case SGR_BYTEA:
        sgr__bytea_text(value->s, out);
        return;
    case SGR_DATE:
        sgr__date_text(value->i, out);
        return;
    case SGR_TIME:
        sgr__time_text(value->i, out);
        return;
    case SGR_TIMESTAMP:
        sgr__timestamp_text(value->i, ' ', "", out);
        return;
    case SGR_TIMESTAMPTZ:
        sgr__timestamp_text(value->i, ' ', "+00", out);
        return;
    case SGR_INTERVAL:
        sgr__interval_text(&value->v, out);
        return;
    case SGR_UUID:
        sgr__uuid_text(value->u, out);
        return;
    default:
        sgr_buffer_slice(out, value->s);
    }
}

/* Nothing that needs an escape can be in the text of these. */
static void quoted_text(const struct sgr_value *value, struct sgr_buffer *out) {
    sgr_buffer_putc(out, '"');
    if (value->type == SGR_TIMESTAMP || value->type == SGR_TIMESTAMPTZ)
        sgr__timestamp_text(value->i, 'T', value->type == SGR_TIMESTAMP ? "" : "+00:00", out);
    else
        sgr_value_text(value, out);
    sgr_buffer_putc(out, '"');
}

static bool is_bare_number(const struct sgr_value *value) {
    switch (value->type) {
    case SGR_INT2:
    case SGR_INT4:
    case SGR_INT8:
        return true;
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        return isfinite(value->f);
    case SGR_NUMERIC:
        return !sgr__numeric_special(value->s);
    default:
        return false;
    }
}

void sgr_value_json(const struct sgr_value *value, enum sgr_type element, struct sgr_buffer *out) {
    if (value->null) {
        sgr_buffer_puts(out, "null");
        return;
    }
    switch (value->type) {
    case SGR_BOOL:
        sgr_buffer_puts(out, value->i ? "true" : "false");
        return;
    case SGR_JSON:
    case SGR_JSONB:
        sgr_buffer_slice(out, value->s);
        return;
    case SGR_ARRAY:
        sgr__array_json(value->s, element, out);
        return;
    case SGR_TEXT:
    case SGR_BPCHAR:
    case SGR_OTHER:
        sgr_buffer_json(out, value->s);
        return;
    case SGR_BYTEA:
        sgr_buffer_puts(out, "\"\\");
        sgr__bytea_text(value->s, out);
        sgr_buffer_putc(out, '"');
        return;
    default:
        if (is_bare_number(value))
            sgr_value_text(value, out);
        else
            quoted_text(value, out);
    }
}

static int compare_spans(const struct sgr_interval *a, const struct sgr_interval *b) {
    __int128 span_a = sgr__interval_span(a), span_b = sgr__interval_span(b);
    return (span_a > span_b) - (span_a < span_b);
}

static int compare_text(const struct sgr_value *a, const struct sgr_value *b,
                        enum sgr_collation collation) {
    struct sgr_slice text_a = a->s, text_b = b->s;
    if (a->type == SGR_BPCHAR) {
        text_a = sgr__bpchar_trim(text_a);
        text_b = sgr__bpchar_trim(text_b);
    }
    if (collation == SGR_COLLATION_DATABASE)
        return sgr__collation_compare(text_a, text_b);
    return sgr_slice_compare(text_a, text_b);
}

static int compare_jsonb(const struct sgr_value *a, const struct sgr_value *b) {
    return sgr__jsonb_equal(a->s, b->s) ? 0 : sgr_slice_compare(a->s, b->s);
}

static int compare_present(const struct sgr_value *a, const struct sgr_value *b,
                           enum sgr_collation collation) {
    switch (a->type) {
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        return sgr__float_compare(a->f, b->f);
    case SGR_NUMERIC:
        return sgr_numeric_compare(a->s, b->s);
    case SGR_BYTEA:
        return sgr__bytea_compare(a->s, b->s);
    case SGR_INTERVAL:
        return compare_spans(&a->v, &b->v);
    case SGR_UUID:
        return memcmp(a->u, b->u, sizeof(a->u));
    case SGR_JSONB:
        return compare_jsonb(a, b);
    case SGR_TEXT:
    case SGR_BPCHAR:
    case SGR_JSON:
    case SGR_ARRAY:
    case SGR_OTHER:
        return compare_text(a, b, collation);
    default:
        return (a->i > b->i) - (a->i < b->i);
    }
}

int sgr_value_compare(const struct sgr_value *a, const struct sgr_value *b,
                      enum sgr_collation collation) {
    if (a->null || b->null)
        return a->null - b->null;
    return compare_present(a, b, collation);
}

bool sgr_value_equal(const struct sgr_value *a, const struct sgr_value *b) {
    if (a->null || b->null)
        return a->null && b->null;
    return compare_present(a, b, SGR_COLLATION_C) == 0;
}

static uint64_t hash_float(double value) {
    uint64_t bits;
    if (isnan(value))
        return sgr_hash_int(UINT64_MAX);
    value += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &value, sizeof(bits));
    return sgr_hash_int(bits);
}

uint64_t sgr_value_hash(const struct sgr_value *value) {
    if (value->null)
        return sgr_hash_int(0x6e756c6c);
    switch (value->type) {
    case SGR_FLOAT4:
    case SGR_FLOAT8:
        return hash_float(value->f);
    case SGR_NUMERIC:
        return sgr__numeric_hash(value->s);
    case SGR_BYTEA:
        return sgr__bytea_hash(value->s);
    case SGR_INTERVAL: {
        __int128 span = sgr__interval_span(&value->v);
        return sgr_hash_mix(sgr_hash_int((uint64_t)(span >> 64)), (uint64_t)span);
    }
    case SGR_UUID:
        return sgr_hash_bytes(value->u, sizeof(value->u));
    case SGR_JSONB:
        return sgr__jsonb_hash(value->s);
    case SGR_BPCHAR: {
        struct sgr_slice text = sgr__bpchar_trim(value->s);
        return sgr_hash_bytes(text.data, text.size);
    }
    case SGR_TEXT:
    case SGR_JSON:
    case SGR_ARRAY:
    case SGR_OTHER:
        return sgr_hash_bytes(value->s.data, value->s.size);
    default:
        return sgr_hash_int((uint64_t)value->i);
    }
}
