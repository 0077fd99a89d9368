/* What both front ends ask of a config's text before reading it: UTF-8 without NUL, of a bounded size. */
#include "config/builder.h"

/* Bytes of the well-formed character at `at`, 0 if it is none. */
static size_t character_size(const unsigned char *at, size_t left) {
    unsigned char first = at[0];
    if (first < 0x80)
        return first != 0;
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || left < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (first == 0xe0 && at[1] < 0xa0) || (first == 0xf0 && at[1] < 0x90);
    bool surrogate = first == 0xed && at[1] > 0x9f;
    bool beyond = first == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : size;
}

int sgr__document_check_text(const struct sgr_document *document, struct sgr_slice text,
                             struct sgr_error *error) {
    if (text.size > SGR__DOCUMENT_BYTES)
        return sgr_error_set(error, SGR_ELIMIT, "the configuration is larger than %zu bytes",
                             SGR__DOCUMENT_BYTES);
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < text.size;) {
        size_t size = character_size((const unsigned char *)text.data + i, text.size - i);
        if (size == 0)
            return sgr__document_error_at(document, line, column, error,
                                          "byte 0x%02x is not UTF-8 text",
                                          (unsigned char)text.data[i]);
        line += text.data[i] == '\n';
        column = text.data[i] == '\n' ? 1 : column + 1;
        i += size;
    }
    return 0;
}
