/* The array reader, a state machine over Postgres' array_in grammar. */
#include "row/array_reader.h"

#include "row/type_internal.h"

static int peek(const struct sgr_array_reader *reader) {
    return reader->at < reader->text.size ? (unsigned char)reader->text.data[reader->at] : -1;
}

static bool is_blank(int c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct sgr_array_reader *reader) {
    while (is_blank(peek(reader)))
        reader->at++;
}

static bool take(struct sgr_array_reader *reader, char byte) {
    if (peek(reader) != byte)
        return false;
    reader->at++;
    return true;
}

static bool take_bound(struct sgr_array_reader *reader, int64_t *ret) {
    size_t start = reader->at;
    while (strchr("+-0123456789", peek(reader)) && peek(reader) > 0)
        reader->at++;
    struct sgr_slice number = {reader->text.data + start, reader->at - start};
    return sgr__int_parse(number, INT32_MIN, INT32_MAX, "integer", ret, NULL) == 0;
}

/* [lower:upper]…= or nothing */
static bool take_bounds(struct sgr_array_reader *reader) {
    skip_blanks(reader);
    while (peek(reader) == '[') {
        int64_t lower = 1, upper;
        reader->at++;
        if (reader->bounds == SGR_ARRAY_DIMENSIONS || !take_bound(reader, &upper))
            return false;
        if (take(reader, ':')) {
            lower = upper;
            if (!take_bound(reader, &upper))
                return false;
        }
        if (upper < lower || !take(reader, ']'))
            return false;
        reader->declared[++reader->bounds] = upper - lower + 1;
        skip_blanks(reader);
    }
    return !reader->bounds || take(reader, '=');
}

void sgr_array_reader_init(struct sgr_array_reader *reader, struct sgr_slice text) {
    memset(reader, 0, sizeof(*reader));
    reader->text = text;
    if (!take_bounds(reader))
        reader->kind = SGR_ARRAY_BAD;
}

static enum sgr_array_kind open_level(struct sgr_array_reader *reader) {
    if (reader->depth == SGR_ARRAY_DIMENSIONS ||
        (reader->bottom && reader->depth >= reader->bottom))
        return SGR_ARRAY_BAD;
    reader->at++;
    if (reader->depth)
        reader->counts[reader->depth]++;
    reader->counts[++reader->depth] = 0;
    return SGR_ARRAY_OPEN;
}

/* The first level of a depth that closes says how long its siblings are. */
static enum sgr_array_kind close_level(struct sgr_array_reader *reader) {
    int depth = reader->depth;
    if (reader->counts[depth] == 0) {
        if (depth != 1)
            return SGR_ARRAY_BAD;
        reader->empty = true;
    }
    if (!reader->lengths[depth])
        reader->lengths[depth] = reader->counts[depth];
    else if (reader->lengths[depth] != reader->counts[depth])
        return SGR_ARRAY_BAD;
    reader->at++;
    reader->depth--;
    return SGR_ARRAY_CLOSE;
}

static bool take_quoted(struct sgr_array_reader *reader) {
    size_t start = ++reader->at;
    for (int c = peek(reader); c != '"'; c = peek(reader)) {
        if (c == '\\')
            reader->at++;
        if (peek(reader) < 0)
            return false;
        reader->at++;
    }
    reader->token = (struct sgr_slice){reader->text.data + start, reader->at - start};
    reader->at++;
    return true;
}

static bool take_bare(struct sgr_array_reader *reader) {
    size_t start = reader->at, end = start;
    for (int c = peek(reader); c >= 0 && !strchr("{},\"", c); c = peek(reader)) {
        if (c == '\\')
            reader->at++;
        if (peek(reader) < 0)
            return false;
        reader->at++;
        if (c == '\\' || !is_blank(c))
            end = reader->at;
    }
    reader->token = (struct sgr_slice){reader->text.data + start, end - start};
    return end > start;
}

static enum sgr_array_kind take_element(struct sgr_array_reader *reader) {
    bool quoted = peek(reader) == '"';
    if (reader->bottom && reader->bottom != reader->depth)
        return SGR_ARRAY_BAD;
    reader->bottom = reader->depth;
    reader->counts[reader->depth]++;
    if (quoted ? !take_quoted(reader) : !take_bare(reader))
        return SGR_ARRAY_BAD;
    skip_blanks(reader);
    if (peek(reader) != ',' && peek(reader) != '}')
        return SGR_ARRAY_BAD;
    return !quoted && sgr__type_word_is(reader->token, "null") ? SGR_ARRAY_NULL : SGR_ARRAY_ELEMENT;
}

static enum sgr_array_kind take_item(struct sgr_array_reader *reader) {
    skip_blanks(reader);
    if (peek(reader) == '{')
        return open_level(reader);
    return reader->depth ? take_element(reader) : SGR_ARRAY_BAD;
}

/* Bounds that were written must be those of the content. */
static bool bounds_hold(const struct sgr_array_reader *reader) {
    for (int i = 1; i <= reader->bounds; i++)
        if (reader->declared[i] != reader->lengths[i])
            return false;
    return !reader->bounds || reader->bounds == reader->bottom;
}

static enum sgr_array_kind take_token(struct sgr_array_reader *reader) {
    skip_blanks(reader);
    if (reader->kind == SGR_ARRAY_START)
        return take_item(reader);
    if (reader->depth == 0)
        return peek(reader) < 0 && bounds_hold(reader) ? SGR_ARRAY_END : SGR_ARRAY_BAD;
    if (peek(reader) == '}')
        return close_level(reader);
    if (reader->kind == SGR_ARRAY_OPEN)
        return take_item(reader);
    if (peek(reader) != ',')
        return SGR_ARRAY_BAD;
    reader->at++;
    return take_item(reader);
}

void sgr_array_reader_next(struct sgr_array_reader *reader) {
    if (reader->kind != SGR_ARRAY_END && reader->kind != SGR_ARRAY_BAD)
        reader->kind = take_token(reader);
}

void sgr_array_element(struct sgr_slice token, struct sgr_buffer *out) {
    for (size_t i = 0; i < token.size; i++) {
        if (token.data[i] == '\\' && i + 1 < token.size)
            i++;
        sgr_buffer_putc(out, token.data[i]);
    }
}
