/* Arrays: their text checked, brought to Postgres' form, and as JSON. */
#include "row/array_reader.h"
#include "row/type_internal.h"

bool sgr__array_valid(struct sgr_slice text) {
    struct sgr_array_reader reader;
    sgr_array_reader_init(&reader, text);
    while (reader.kind != SGR_ARRAY_END && reader.kind != SGR_ARRAY_BAD)
        sgr_array_reader_next(&reader);
    return reader.kind == SGR_ARRAY_END;
}

/* Walks an array that writes each element with `write`. */
struct writer {
    struct sgr_buffer *out;
    const char *open, *close, *null;
    enum sgr_type element;
    int (*write)(struct writer *writer, struct sgr_slice text, struct sgr_error *error);
    struct sgr_buffer scratch;
};

static bool needs_comma(enum sgr_array_kind before, enum sgr_array_kind now) {
    return before != SGR_ARRAY_OPEN && before != SGR_ARRAY_START && now != SGR_ARRAY_CLOSE;
}

static int write_element(struct writer *writer, struct sgr_slice token, struct sgr_error *error) {
    if (token.size && memchr(token.data, '\\', token.size)) {
        sgr_buffer_clear(&writer->scratch);
        sgr_array_element(token, &writer->scratch);
        if (writer->scratch.failed)
            return sgr_error_set(error, SGR_ENOMEM, "out of memory");
        token = (struct sgr_slice){writer->scratch.data, writer->scratch.size};
    }
    return writer->write(writer, token, error);
}

static int write_array(struct writer *writer, struct sgr_slice text, struct sgr_error *error) {
    struct sgr_array_reader reader;
    int code = 0;
    sgr_array_reader_init(&reader, text);
    for (;;) {
        enum sgr_array_kind before = reader.kind;
        sgr_array_reader_next(&reader);
        if (reader.kind == SGR_ARRAY_BAD)
            code = sgr__type_malformed("array", text, error);
        if (code || reader.kind == SGR_ARRAY_END)
            break;
        if (needs_comma(before, reader.kind))
            sgr_buffer_putc(writer->out, ',');
        if (reader.kind == SGR_ARRAY_OPEN)
            sgr_buffer_puts(writer->out, writer->open);
        else if (reader.kind == SGR_ARRAY_CLOSE)
            sgr_buffer_puts(writer->out, writer->close);
        else if (reader.kind == SGR_ARRAY_NULL)
            sgr_buffer_puts(writer->out, writer->null);
        else
            code = write_element(writer, reader.token, error);
    }
    if (writer->scratch.failed)
        writer->out->failed = true;
    sgr_buffer_fini(&writer->scratch);
    return code;
}

static int json_element(struct writer *writer, struct sgr_slice text, struct sgr_error *error) {
    struct sgr_value value;
    (void)error;
    if (sgr_value_parse(writer->element, text, &value, NULL) == 0)
        sgr_value_json(&value, SGR_OTHER, writer->out);
    else
        sgr_buffer_json(writer->out, text);
    return 0;
}

void sgr__array_json(struct sgr_slice text, enum sgr_type element, struct sgr_buffer *out) {
    struct writer writer = {out, "[", "]", "null", element, json_element, SGR_BUFFER_INIT};
    size_t start = out->size;
    if (write_array(&writer, text, NULL) == 0)
        return;
    /* Not array text after all: never break the document around it. */
    out->size = start;
    sgr_buffer_json(out, text);
}

static bool needs_quotes(struct sgr_slice text) {
    if (!text.size || sgr__type_word_is(text, "null"))
        return true;
    for (size_t i = 0; i < text.size; i++)
        if (strchr("{},\"\\ \t\n\v\f\r", text.data[i]) && text.data[i])
            return true;
    return false;
}

static void write_quoted(struct sgr_slice text, struct sgr_buffer *out) {
    sgr_buffer_putc(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            sgr_buffer_putc(out, '\\');
        sgr_buffer_putc(out, text.data[i]);
    }
    sgr_buffer_putc(out, '"');
}

static int text_element(struct writer *writer, struct sgr_slice text, struct sgr_error *error) {
    struct sgr_buffer canonical = SGR_BUFFER_INIT;
    struct sgr_value value;
    int code = sgr_value_parse_literal(writer->element, SGR_OTHER, text, &canonical, &value, error);
    if (!code) {
        struct sgr_buffer spelled = SGR_BUFFER_INIT;
        sgr_value_text(&value, &spelled);
        struct sgr_slice slice = {spelled.data, spelled.size};
        if (spelled.failed)
            code = sgr_error_set(error, SGR_ENOMEM, "out of memory");
        else if (needs_quotes(slice))
            write_quoted(slice, writer->out);
        else
            sgr_buffer_slice(writer->out, slice);
        sgr_buffer_fini(&spelled);
    }
    sgr_buffer_fini(&canonical);
    return code;
}

/* The bounds are shown only where a lower one is not 1. */
static void write_bounds(struct sgr_slice text, struct sgr_buffer *out) {
    size_t at = 0;
    bool shown = false;
    for (size_t i = 0; i < text.size && text.data[i] != '='; i++) {
        if (text.data[i] != '[')
            continue;
        size_t end = i + 1;
        while (end < text.size && text.data[end] != ':' && text.data[end] != ']')
            end++;
        struct sgr_slice lower = {text.data + i + 1, end - i - 1};
        /* [3] alone means 1 to 3 */
        shown |=
            end < text.size && text.data[end] == ':' && !sgr_slice_is(sgr__type_trim(lower), "1");
    }
    const char *equals = text.size ? memchr(text.data, '=', text.size) : NULL;
    if (!shown || !equals)
        return;
    for (; text.data + at <= equals; at++)
        if (text.data[at] != ' ')
            sgr_buffer_putc(out, text.data[at]);
}

int sgr__array_text(struct sgr_slice text, enum sgr_type element, struct sgr_buffer *out,
                    struct sgr_error *error) {
    struct writer writer = {out, "{", "}", "NULL", element, text_element, SGR_BUFFER_INIT};
    text = sgr__type_trim(text);
    if (text.size && text.data[0] == '[')
        write_bounds(text, out);
    return write_array(&writer, text, error);
}
