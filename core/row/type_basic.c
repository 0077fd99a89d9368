/* bool, uuid, bytea and the blanks of bpchar, and what all parsers share. */
#include "base/hash.h"
#include "row/type_internal.h"

/* Messages quote no more than this of a text. */
#define QUOTED 64

static int quoted(struct sgr_slice text) {
    return text.size > QUOTED ? QUOTED : (int)text.size;
}

int sgr__type_malformed(const char *type, struct sgr_slice text, struct sgr_error *error) {
    return sgr_error_set(error, SGR_EPARSE, "invalid input syntax for type %s: \"%.*s\"", type,
                         quoted(text), text.data);
}

int sgr__type_out_of_range(const char *type, struct sgr_slice text, struct sgr_error *error) {
    return sgr_error_set(error, SGR_ERANGE, "value \"%.*s\" is out of range for type %s",
                         quoted(text), text.data, type);
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct sgr_slice sgr__type_trim(struct sgr_slice text) {
    while (text.size && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Whether text is the word's beginning of at least `least` bytes. */
static bool is_prefix(struct sgr_slice text, const char *word, size_t least) {
    if (text.size < least || text.size > strlen(word))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (lower(text.data[i]) != word[i])
            return false;
    return true;
}

bool sgr__type_word_is(struct sgr_slice text, const char *word) {
    return is_prefix(text, word, strlen(word));
}

int sgr__bool_parse(struct sgr_slice text, bool *ret) {
    text = sgr__type_trim(text);
    bool yes = is_prefix(text, "true", 1) || is_prefix(text, "yes", 1) ||
               is_prefix(text, "on", 2) || is_prefix(text, "1", 1);
    bool no = is_prefix(text, "false", 1) || is_prefix(text, "no", 1) ||
              is_prefix(text, "off", 2) || is_prefix(text, "0", 1);
    if (!yes && !no)
        return SGR_EPARSE;
    *ret = yes;
    return 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Postgres takes braces around it and a hyphen after any group of four digits. */
int sgr__uuid_parse(struct sgr_slice text, uint8_t *ret) {
    uint8_t uuid[16];
    size_t at = 0;
    bool braces = text.size && text.data[0] == '{';
    if (braces) {
        if (text.size < 2 || text.data[text.size - 1] != '}')
            return SGR_EPARSE;
        text = (struct sgr_slice){text.data + 1, text.size - 2};
    }
    for (int i = 0; i < 16; i++) {
        if (at + 2 > text.size)
            return SGR_EPARSE;
        int high = hex_digit(text.data[at]), low = hex_digit(text.data[at + 1]);
        if (high < 0 || low < 0)
            return SGR_EPARSE;
        uuid[i] = (uint8_t)(high << 4 | low);
        at += 2;
        if (i % 2 == 1 && i < 15 && at < text.size && text.data[at] == '-')
            at++;
    }
    if (at != text.size)
        return SGR_EPARSE;
    memcpy(ret, uuid, sizeof(uuid));
    return 0;
}

static const char hex_digits[] = "0123456789abcdef";

void sgr__uuid_text(const uint8_t *uuid, struct sgr_buffer *out) {
    char *to = sgr_buffer_reserve(out, 36);
    if (!to)
        return;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = hex_digits[uuid[i] >> 4];
        *to++ = hex_digits[uuid[i] & 15];
    }
    out->size += 36;
}

struct sgr_slice sgr__bpchar_trim(struct sgr_slice text) {
    while (text.size && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

static bool is_hex_form(struct sgr_slice text) {
    return text.size >= 2 && text.data[0] == '\\' && text.data[1] == 'x';
}

static int next_hex(struct sgr_slice text, size_t *at) {
    if (*at == 0)
        *at = 2;
    while (*at < text.size && is_blank(text.data[*at]))
        (*at)++;
    if (*at >= text.size)
        return -1;
    if (*at + 2 > text.size)
        return -2;
    int high = hex_digit(text.data[*at]), low = hex_digit(text.data[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -2 : high << 4 | low;
}

static bool is_octal(char c, char most) {
    return c >= '0' && c <= most;
}

int sgr__bytea_next(struct sgr_slice text, size_t *at) {
    if (is_hex_form(text))
        return next_hex(text, at);
    if (*at >= text.size)
        return -1;
    const char *from = text.data + *at;
    size_t left = text.size - *at;
    if (from[0] != '\\') {
        (*at)++;
        return (unsigned char)from[0];
    }
    if (left >= 2 && from[1] == '\\') {
        *at += 2;
        return '\\';
    }
    if (left < 4 || !is_octal(from[1], '3') || !is_octal(from[2], '7') || !is_octal(from[3], '7'))
        return -2;
    *at += 4;
    return (from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0');
}

bool sgr__bytea_valid(struct sgr_slice text) {
    int byte;
    for (size_t at = 0; (byte = sgr__bytea_next(text, &at)) >= 0;)
        ;
    return byte == -1;
}

void sgr__bytea_text(struct sgr_slice text, struct sgr_buffer *out) {
    int byte;
    sgr_buffer_puts(out, "\\x");
    for (size_t at = 0; (byte = sgr__bytea_next(text, &at)) >= 0;) {
        sgr_buffer_putc(out, hex_digits[byte >> 4]);
        sgr_buffer_putc(out, hex_digits[byte & 15]);
    }
}

int sgr__bytea_compare(struct sgr_slice a, struct sgr_slice b) {
    size_t at_a = 0, at_b = 0;
    for (;;) {
        int byte_a = sgr__bytea_next(a, &at_a), byte_b = sgr__bytea_next(b, &at_b);
        if (byte_a != byte_b || byte_a < 0)
            return (byte_a > byte_b) - (byte_a < byte_b);
    }
}

uint64_t sgr__bytea_hash(struct sgr_slice text) {
    uint64_t hash = sgr_hash_seed;
    int byte;
    for (size_t at = 0; (byte = sgr__bytea_next(text, &at)) >= 0;)
        hash = (hash ^ (uint64_t)byte) * 0x100000001b3u;
    return sgr_hash_int(hash);
}
