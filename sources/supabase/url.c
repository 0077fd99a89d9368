#include "url.h"

#include <ctype.h>

static const char realtime[] = "/realtime/v1", websocket[] = "/websocket";

void url_put(struct sgr_text *text, struct sgr_slice part) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < part.size; i++) {
        unsigned char byte = (unsigned char)part.data[i];
        if (isalnum(byte) || strchr("-._~", byte))
            sgr_text_add(text, part.data + i, 1);
        else
            sgr_text_add(text, (char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
    }
}

static size_t without_slash(const char *base) {
    size_t size = strlen(base);
    while (size && base[size - 1] == '/')
        size--;
    return size;
}

static bool ends_with(const char *base, size_t size, const char *end) {
    size_t end_size = strlen(end);
    return size >= end_size && memcmp(base + size - end_size, end, end_size) == 0;
}

void url_feed(struct sgr_text *text, const char *base, struct sgr_slice apikey) {
    size_t size = without_slash(base);
    sgr_text_add(text, base, size);
    sgr_text_puts(text, ends_with(base, size, websocket) ? "" : websocket);
    sgr_text_puts(text, "?vsn=1.0.0");
    if (!apikey.size)
        return;
    sgr_text_puts(text, "&apikey=");
    url_put(text, apikey);
}

bool url_rest(struct sgr_text *text, const char *base) {
    size_t size = without_slash(base);
    if (!ends_with(base, size, realtime) || strncmp(base, "ws", 2) != 0)
        return false;
    sgr_text_puts(text, "http");
    sgr_text_add(text, base + 2, size - 2 - strlen(realtime));
    sgr_text_puts(text, "/rest/v1");
    return true;
}
