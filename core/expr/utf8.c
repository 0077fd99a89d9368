/* Counting and changing characters. */
#include "expr/utf8.h"

#include "row/collation.h"

size_t sgr__utf8_count(struct sgr_slice text) {
    size_t count = 0;
    for (size_t at = 0; at < text.size; at += sgr__utf8_size(text, at))
        count++;
    return count;
}

size_t sgr__utf8_offset(struct sgr_slice text, int64_t index) {
    size_t at = 0;
    for (; index > 0 && at < text.size; index--)
        at += sgr__utf8_size(text, at);
    return at;
}

static uint32_t decode(const char *from, size_t size) {
    unsigned char c = (unsigned char)from[0];
    if (size == 1)
        return c;
    uint32_t point = size == 2 ? c & 0x1f : size == 3 ? c & 0x0f : c & 0x07;
    for (size_t i = 1; i < size; i++)
        point = point << 6 | ((unsigned char)from[i] & 0x3f);
    return point;
}

static void encode(uint32_t point, struct sgr_buffer *out) {
    if (point < 0x80) {
        sgr_buffer_putc(out, (char)point);
        return;
    }
    if (point < 0x800) {
        sgr_buffer_putc(out, (char)(0xc0 | point >> 6));
    } else {
        if (point < 0x10000) {
            sgr_buffer_putc(out, (char)(0xe0 | point >> 12));
        } else {
            sgr_buffer_putc(out, (char)(0xf0 | point >> 18));
            sgr_buffer_putc(out, (char)(0x80 | (point >> 12 & 0x3f)));
        }
        sgr_buffer_putc(out, (char)(0x80 | (point >> 6 & 0x3f)));
    }
    sgr_buffer_putc(out, (char)(0x80 | (point & 0x3f)));
}

static char change_ascii(char c, bool upper) {
    if (upper)
        return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

void sgr__utf8_change_case(struct sgr_slice text, bool upper, int classes, struct sgr_buffer *out) {
    for (size_t at = 0, size; at < text.size; at += size) {
        const char *from = text.data + at;
        size = sgr__utf8_size(text, at);
        bool malformed = size == 1 && (from[0] & 0x80);
        if (classes == SGR_COLLATION_DATABASE && !malformed)
            encode(sgr_ctype_change(decode(from, size), upper), out);
        else if (size == 1)
            sgr_buffer_putc(out, change_ascii(from[0], upper));
        else
            sgr_buffer_append(out, from, size);
    }
}
