#include "raw.h"

#include <string.h>

enum { DEPTH_LIMIT = 512 };

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *cursor) {
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t' ||
                                        *cursor->at == '\n' || *cursor->at == '\r'))
        cursor->at++;
}

static bool take(struct cursor *cursor, char byte) {
    if (cursor->at == cursor->end || *cursor->at != byte)
        return false;
    cursor->at++;
    return true;
}

/* ---- Checking ---- */

static bool take_word(struct cursor *cursor, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static bool take_digits(struct cursor *cursor) {
    const char *start = cursor->at;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
        cursor->at++;
    return cursor->at > start;
}

static bool take_number(struct cursor *cursor) {
    take(cursor, '-');
    if (!take(cursor, '0') && !take_digits(cursor))
        return false;
    if (take(cursor, '.') && !take_digits(cursor))
        return false;
    if (!take(cursor, 'e') && !take(cursor, 'E'))
        return true;
    if (!take(cursor, '+'))
        take(cursor, '-');
    return take_digits(cursor);
}

static int hex_digit(char byte) {
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool take_escape(struct cursor *cursor) {
    if (cursor->at == cursor->end || !*cursor->at || !strchr("\"\\/bfnrtu", *cursor->at))
        return false;
    if (*cursor->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, cursor->at++)
        if (cursor->at == cursor->end || hex_digit(*cursor->at) < 0)
            return false;
    return true;
}

static bool take_string(struct cursor *cursor) {
    if (!take(cursor, '"'))
        return false;
    while (cursor->at < cursor->end) {
        char byte = *cursor->at++;
        if (byte == '"')
            return true;
        if ((unsigned char)byte < 0x20 || (byte == '\\' && !take_escape(cursor)))
            return false;
    }
    return false;
}

static bool take_value(struct cursor *cursor, int depth);

static bool take_nested(struct cursor *cursor, bool object, int depth) {
    char close = object ? '}' : ']';
    skip_blanks(cursor);
    if (take(cursor, close))
        return true;
    do {
        skip_blanks(cursor);
        if (object) {
            if (!take_string(cursor))
                return false;
            skip_blanks(cursor);
            if (!take(cursor, ':'))
                return false;
            skip_blanks(cursor);
        }
        if (!take_value(cursor, depth))
            return false;
        skip_blanks(cursor);
    } while (take(cursor, ','));
    return take(cursor, close);
}

static bool take_value(struct cursor *cursor, int depth) {
    if (cursor->at == cursor->end || depth == DEPTH_LIMIT)
        return false;
    switch (*cursor->at) {
    case '{':
    case '[': {
        bool object = *cursor->at++ == '{';
        return take_nested(cursor, object, depth + 1);
    }
    case '"':
        return take_string(cursor);
    case 't':
        return take_word(cursor, "true");
    case 'f':
        return take_word(cursor, "false");
    case 'n':
        return take_word(cursor, "null");
    default:
        return take_number(cursor);
    }
}

bool raw_valid(struct sgr_slice text) {
    struct cursor cursor = {text.data, text.data + text.size};
    skip_blanks(&cursor);
    if (!take_value(&cursor, 0))
        return false;
    skip_blanks(&cursor);
    return cursor.at == cursor.end;
}

/* ---- Walking ---- */

static const char *string_end(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

static const char *scalar_end(const char *at, const char *end) {
    while (at < end && !(*at && strchr(",:]} \t\r\n", *at)))
        at++;
    return at;
}

/* Behind the value that begins here. */
static const char *value_end(const char *at, const char *end) {
    size_t depth = 0;
    if (*at == '"')
        return string_end(at, end);
    if (*at != '{' && *at != '[')
        return scalar_end(at, end);
    do {
        if (*at == '"') {
            at = string_end(at, end);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    } while (depth && at < end);
    return at;
}

struct raw_walk raw_walk(struct sgr_slice value) {
    struct cursor cursor = {value.data, value.data + value.size};
    skip_blanks(&cursor);
    if (!take(&cursor, '{') && !take(&cursor, '['))
        cursor.at = cursor.end;
    return (struct raw_walk){cursor.at, cursor.end};
}

bool raw_next(struct raw_walk *walk, struct sgr_slice *ret_name, struct sgr_slice *ret_value) {
    struct cursor cursor = {walk->at, walk->end};
    skip_blanks(&cursor);
    take(&cursor, ',');
    skip_blanks(&cursor);
    walk->at = cursor.end;
    if (cursor.at == cursor.end || *cursor.at == '}' || *cursor.at == ']')
        return false;
    const char *start = cursor.at;
    cursor.at = value_end(cursor.at, cursor.end);
    *ret_name = (struct sgr_slice){start, 0};
    struct sgr_slice first = {start, (size_t)(cursor.at - start)};
    skip_blanks(&cursor);
    if (take(&cursor, ':')) {
        skip_blanks(&cursor);
        *ret_name = first;
        start = cursor.at;
        if (cursor.at < cursor.end)
            cursor.at = value_end(cursor.at, cursor.end);
        first = (struct sgr_slice){start, (size_t)(cursor.at - start)};
    }
    *ret_value = first;
    walk->at = cursor.at;
    return true;
}

bool raw_member(struct sgr_slice object, const char *name, struct sgr_slice *ret) {
    struct raw_walk walk = raw_walk(object);
    struct sgr_slice found, value;
    bool any = false;
    if (!raw_is_object(object))
        return false;
    while (raw_next(&walk, &found, &value))
        if (raw_says(found, name)) {
            *ret = value;
            any = true;
        }
    return any;
}

bool raw_is_string(struct sgr_slice value) {
    return value.size >= 2 && value.data[0] == '"';
}

bool raw_is_object(struct sgr_slice value) {
    return value.size >= 2 && value.data[0] == '{';
}

bool raw_is_array(struct sgr_slice value) {
    return value.size >= 2 && value.data[0] == '[';
}

bool raw_is_null(struct sgr_slice value) {
    return value.size == 4 && value.data[0] == 'n';
}

/* ---- Strings ---- */

static unsigned hex_unit(const char *at) {
    unsigned unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (unsigned)hex_digit(at[i]);
    return unit;
}

static size_t put_utf8(char *to, unsigned point) {
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xc0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xe0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3f));
        to[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3f));
    to[2] = (char)(0x80 | (point >> 6 & 0x3f));
    to[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* The code point of an escape \uXXXX, of two if they are a pair; half a pair is U+FFFD. `*at` is behind the u. */
static unsigned take_point(const char **at, const char *end) {
    unsigned unit = hex_unit(*at);
    *at += 4;
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    if (unit > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0xfffd;
    unsigned low = hex_unit(*at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *at += 6;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static char plain_escape(char letter) {
    static const char letters[] = "bfnrt", means[] = "\b\f\n\r\t";
    const char *found = strchr(letters, letter);
    return found ? means[found - letters] : letter;
}

struct sgr_slice raw_string(struct sgr_slice value, char *scratch) {
    const char *at = value.data + 1, *end = value.data + value.size - 1;
    const char *escape = memchr(at, '\\', (size_t)(end - at));
    if (!escape)
        return (struct sgr_slice){at, (size_t)(end - at)};
    size_t size = (size_t)(escape - at);
    memcpy(scratch, at, size);
    for (at = escape; at < end;) {
        if (*at != '\\') {
            scratch[size++] = *at++;
            continue;
        }
        char letter = at[1];
        at += 2;
        if (letter == 'u')
            size += put_utf8(scratch + size, take_point(&at, end));
        else
            scratch[size++] = plain_escape(letter);
    }
    return (struct sgr_slice){scratch, size};
}

bool raw_says(struct sgr_slice value, const char *text) {
    size_t size = strlen(text);
    return raw_is_string(value) && value.size == size + 2 &&
           memcmp(value.data + 1, text, size) == 0;
}
