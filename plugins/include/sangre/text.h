/* A growable text for plugins that write JSON, events or headers: append, then look at `failed` once. Memory is the host's `allocate`.
 * A convenience of static functions; nothing in the contract needs it. */
#ifndef SANGRE_TEXT_H
#define SANGRE_TEXT_H

#include "plugin.h"

struct sgr_text {
    const struct sgr_host_common *common;
    void *host;
    char *data; /* not NUL-terminated */
    size_t size;
    size_t capacity;
    bool failed; /* memory ran out; later appends are ignored */
};

static inline struct sgr_text sgr_text_new(const struct sgr_host_common *common, void *host) {
    return (struct sgr_text){.common = common, .host = host};
}

static inline void sgr_text_free(struct sgr_text *text) {
    text->common->release(text->host, text->data);
    text->data = NULL;
    text->size = text->capacity = 0;
}

/* Keeps the memory. */
static inline void sgr_text_clear(struct sgr_text *text) {
    text->size = 0;
    text->failed = false;
}

static inline void sgr_text_add(struct sgr_text *text, const char *data, size_t size) {
    if (text->failed || !size)
        return;
    if (size > text->capacity - text->size) {
        size_t capacity = (text->size + size) * 2;
        char *grown = size > SIZE_MAX / 4 || text->size > SIZE_MAX / 4
                          ? NULL
                          : text->common->reallocate(text->host, text->data, capacity);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->data = grown;
        text->capacity = capacity;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
}

static inline void sgr_text_puts(struct sgr_text *text, const char *string) {
    sgr_text_add(text, string, strlen(string));
}

static inline void sgr_text_slice(struct sgr_text *text, struct sgr_slice slice) {
    sgr_text_add(text, slice.data, slice.size);
}

static inline void sgr_text_uint(struct sgr_text *text, uint64_t number) {
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    sgr_text_add(text, digits, (size_t)size);
}

/* A JSON string with its quotes; UTF-8 as it is. */
static inline void sgr_text_json(struct sgr_text *text, struct sgr_slice string) {
    size_t start = 0;
    sgr_text_add(text, "\"", 1);
    for (size_t i = 0; i < string.size; i++) {
        unsigned char byte = (unsigned char)string.data[i];
        char escape[8];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        sgr_text_add(text, string.data + start, i - start);
        start = i + 1;
        if (byte >= 0x20)
            snprintf(escape, sizeof(escape), "\\%c", byte);
        else
            snprintf(escape, sizeof(escape), "\\u%04x", byte);
        sgr_text_puts(text, escape);
    }
    sgr_text_add(text, string.data + start, string.size - start);
    sgr_text_add(text, "\"", 1);
}

#endif
