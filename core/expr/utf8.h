/* Characters of UTF-8 text. Malformed bytes count as a character each, so that nothing runs past the end. Pure functions. */
#ifndef SGR_EXPR_UTF8_H
#define SGR_EXPR_UTF8_H

#include "base/buffer.h"

/* Bytes of the character at text.data + at; at < text.size. */
static inline size_t sgr__utf8_size(struct sgr_slice text, size_t at) {
    unsigned char c = (unsigned char)text.data[at];
    size_t size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return at + size <= text.size ? size : 1;
}

size_t sgr__utf8_count(struct sgr_slice text);
/* The byte offset of character `index` (from 0), the size if there are fewer. */
size_t sgr__utf8_offset(struct sgr_slice text, int64_t index);
/* upper or lower case by `classes`: SGR_COLLATION_C knows ASCII alone, SGR_COLLATION_DATABASE the database's LC_CTYPE. */
void sgr__utf8_change_case(struct sgr_slice text, bool upper, int classes, struct sgr_buffer *out);

#endif
