#include "base/utf8.h"

#include <string.h>

static bool within(unsigned char byte, unsigned char from, unsigned char to) {
    return byte >= from && byte <= to;
}

/* Bytes of the character at `at`, 0: malformed. The second byte's range shuts out overlong forms, surrogates and what is beyond
 * U+10FFFF; the final NUL is no continuation, so nothing behind it is looked at. */
static size_t character(const unsigned char *at) {
    unsigned char first = at[0];
    if (first < 0x80)
        return 1;
    size_t size = within(first, 0xc2, 0xdf)   ? 2
                  : within(first, 0xe0, 0xef) ? 3
                  : within(first, 0xf0, 0xf4) ? 4
                                              : 0;
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (!size || !within(at[1], low, high))
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!within(at[i], 0x80, 0xbf))
            return 0;
    return size;
}

void sgr_utf8_repair(char *text) {
    while (*text) {
        size_t size = character((const unsigned char *)text);
        if (!size)
            *text = '?';
        text += size ? size : 1;
    }
}

bool sgr_utf8_valid(const char *text, size_t size) {
    for (size_t at = 0, step; at < size; at += step) {
        unsigned char here[4] = {0}; /* behind the end of the text are NULs */
        memcpy(here, text + at, size - at < sizeof(here) ? size - at : sizeof(here));
        step = here[0] ? character(here) : 0;
        if (!step)
            return false;
    }
    return true;
}
