/* The JSON reader. What may follow depends on the token before and on the level's kind alone. */
#include "row/json_reader.h"

#include <string.h>

void sgr_json_reader_init(struct sgr_json_reader *reader, struct sgr_slice text) {
    memset(reader, 0, sizeof(*reader));
    reader->text = text;
}

static int peek(const struct sgr_json_reader *reader) {
    return reader->at < reader->text.size ? (unsigned char)reader->text.data[reader->at] : -1;
}

static void skip_blanks(struct sgr_json_reader *reader) {
    for (int c = peek(reader); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(reader))
        reader->at++;
}

static bool in_object(const struct sgr_json_reader *reader) {
    size_t level = reader->depth - 1;
    return reader->depth && (reader->objects[level / 8] >> (level % 8) & 1);
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static bool is_hex(int c) {
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

static bool take_escape(struct sgr_json_reader *reader) {
    int c = peek(reader);
    reader->at++;
    if (c != 'u')
        return c > 0 && strchr("\"\\/bfnrt", c);
    for (int i = 0; i < 4; i++, reader->at++)
        if (!is_hex(peek(reader)))
            return false;
    return true;
}

static bool take_string(struct sgr_json_reader *reader) {
    reader->at++;
    for (;;) {
        int c = peek(reader);
        if (c < ' ')
            return false;
        reader->at++;
        if (c == '"')
            return true;
        if (c == '\\' && !take_escape(reader))
            return false;
    }
}

static bool take_digits(struct sgr_json_reader *reader) {
    size_t start = reader->at;
    while (is_digit(peek(reader)))
        reader->at++;
    return reader->at > start;
}

static bool take_number(struct sgr_json_reader *reader) {
    if (peek(reader) == '-')
        reader->at++;
    if (peek(reader) == '0')
        reader->at++;
    else if (!take_digits(reader))
        return false;
    if (peek(reader) == '.') {
        reader->at++;
        if (!take_digits(reader))
            return false;
    }
    if ((peek(reader) | 32) != 'e' || peek(reader) < 0)
        return true;
    reader->at++;
    if (peek(reader) == '+' || peek(reader) == '-')
        reader->at++;
    return take_digits(reader);
}

static bool take_word(struct sgr_json_reader *reader, const char *word) {
    size_t size = strlen(word);
    if (reader->text.size - reader->at < size ||
        memcmp(reader->text.data + reader->at, word, size) != 0)
        return false;
    reader->at += size;
    return true;
}

static bool open_level(struct sgr_json_reader *reader, bool object) {
    if (reader->depth == SGR_JSON_DEPTH)
        return false;
    uint8_t bit = (uint8_t)(1 << (reader->depth % 8));
    uint8_t *byte = &reader->objects[reader->depth / 8];
    *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
    reader->depth++;
    reader->at++;
    return true;
}

static enum sgr_json_kind take_value(struct sgr_json_reader *reader) {
    switch (peek(reader)) {
    case '{':
        return open_level(reader, true) ? SGR_JSON_OBJECT : SGR_JSON_BAD;
    case '[':
        return open_level(reader, false) ? SGR_JSON_ARRAY : SGR_JSON_BAD;
    case '"':
        return take_string(reader) ? SGR_JSON_STRING : SGR_JSON_BAD;
    case 't':
        return take_word(reader, "true") ? SGR_JSON_WORD : SGR_JSON_BAD;
    case 'f':
        return take_word(reader, "false") ? SGR_JSON_WORD : SGR_JSON_BAD;
    case 'n':
        return take_word(reader, "null") ? SGR_JSON_WORD : SGR_JSON_BAD;
    default:
        return take_number(reader) ? SGR_JSON_NUMBER : SGR_JSON_BAD;
    }
}

static enum sgr_json_kind take_key(struct sgr_json_reader *reader, size_t *ret_end) {
    if (peek(reader) != '"' || !take_string(reader))
        return SGR_JSON_BAD;
    *ret_end = reader->at;
    skip_blanks(reader);
    if (peek(reader) != ':')
        return SGR_JSON_BAD;
    reader->at++;
    return SGR_JSON_KEY;
}

static enum sgr_json_kind close_level(struct sgr_json_reader *reader) {
    enum sgr_json_kind kind = in_object(reader) ? SGR_JSON_OBJECT_END : SGR_JSON_ARRAY_END;
    reader->depth--;
    reader->at++;
    return kind;
}

/* Takes the comma before an item, if one is due. False: there is neither a comma nor the level's end. */
static bool take_comma(struct sgr_json_reader *reader, bool *ret_item_due) {
    bool first = reader->kind == SGR_JSON_OBJECT || reader->kind == SGR_JSON_ARRAY;
    bool end = peek(reader) == (in_object(reader) ? '}' : ']');
    *ret_item_due = !end;
    if (first || end)
        return true;
    if (peek(reader) != ',')
        return false;
    reader->at++;
    skip_blanks(reader);
    return true;
}

static enum sgr_json_kind take_token(struct sgr_json_reader *reader, size_t *ret_start,
                                     size_t *ret_end) {
    bool item_due = true,
         value_due = reader->kind == SGR_JSON_START || reader->kind == SGR_JSON_KEY;
    skip_blanks(reader);
    if (!value_due && reader->depth == 0)
        return peek(reader) < 0 ? SGR_JSON_END : SGR_JSON_BAD;
    if (!value_due && !take_comma(reader, &item_due))
        return SGR_JSON_BAD;
    *ret_start = reader->at;
    if (!item_due)
        return close_level(reader);
    if (!value_due && in_object(reader))
        return take_key(reader, ret_end);
    return take_value(reader);
}

void sgr_json_reader_next(struct sgr_json_reader *reader) {
    if (reader->kind == SGR_JSON_END || reader->kind == SGR_JSON_BAD)
        return;
    size_t start = reader->at, end = 0;
    reader->kind = take_token(reader, &start, &end);
    reader->token = (struct sgr_slice){reader->text.data + start, (end ? end : reader->at) - start};
}
