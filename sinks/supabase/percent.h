/* Percent encoding. */
#ifndef SINKS_SUPABASE_PERCENT_H
#define SINKS_SUPABASE_PERCENT_H

#include <sangre/value.h>

static inline int percent_digit(char byte) {
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The byte at `at`, which is moved behind it. What is no encoded one stands for itself. */
static inline char percent_byte(struct sgr_slice text, size_t *at) {
    size_t i = (*at)++;
    if (text.data[i] != '%' || i + 2 >= text.size)
        return text.data[i];
    int high = percent_digit(text.data[i + 1]), low = percent_digit(text.data[i + 2]);
    if (high < 0 || low < 0)
        return text.data[i];
    *at = i + 3;
    return (char)(high * 16 + low);
}

#endif
