#include "copytext.h"

/* What stands for a control character behind a backslash; anything else stands for itself. */
static char unescaped(char c) {
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    default:
        return c;
    }
}

/* Undoes escapes from the first backslash on; the new size, or SIZE_MAX: the text ends in a backslash. */
static size_t unescape(char *text, size_t size, char *backslash) {
    char *end = text + size, *to = backslash, *from = backslash;
    while (from < end) {
        if (from + 1 == end)
            return SIZE_MAX;
        *to++ = unescaped(from[1]);
        from += 2;
        char *next = memchr(from, '\\', (size_t)(end - from));
        size_t plain = (size_t)((next ? next : end) - from);
        memmove(to, from, plain);
        to += plain;
        from += plain;
    }
    return (size_t)(to - text);
}

static bool decode_field(char *text, size_t size, struct sgr_field *field) {
    if (size == 2 && text[0] == '\\' && text[1] == 'N') {
        *field = (struct sgr_field){.kind = SGR_FIELD_NULL};
        return true;
    }
    char *backslash = memchr(text, '\\', size);
    if (backslash)
        size = unescape(text, size, backslash);
    if (size > UINT32_MAX)
        return false;
    *field = (struct sgr_field){.data = text, .size = (uint32_t)size, .kind = SGR_FIELD_TEXT};
    return true;
}

int copytext_decode(char *line, size_t size, struct sgr_field *fields, size_t count,
                    struct sgr_error *error) {
    if (size && line[size - 1] == '\n')
        size--;
    char *end = line + size;
    for (size_t i = 0; i < count; i++) {
        /* A tab within a value is escaped, so a bare one always separates. */
        char *tab = line <= end ? memchr(line, '\t', (size_t)(end - line)) : NULL;
        if (line > end || (i + 1 < count) != (tab != NULL))
            return sgr_error_set(error, SGR_EPROTOCOL, "a copied row has %s columns than %zu",
                                 i + 1 < count ? "fewer" : "more", count);
        if (!decode_field(line, (size_t)((tab ? tab : end) - line), &fields[i]))
            return sgr_error_set(error, SGR_EPROTOCOL, "a copied row has a broken escape");
        line = tab ? tab + 1 : end;
    }
    return SGR_OK;
}
