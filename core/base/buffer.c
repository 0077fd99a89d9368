/* A byte buffer that doubles up to its limit. A failure is remembered, not returned, so that writers check once at their end. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sgr_buffer_fini(struct sgr_buffer *buffer) {
    free(buffer->data);
    *buffer = (struct sgr_buffer){.limit = buffer->limit};
}

void sgr_buffer_clear(struct sgr_buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

/* Grows the memory alone: the limit is on content. */
static bool grow(struct sgr_buffer *buffer, size_t needed) {
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

char *sgr_buffer_reserve(struct sgr_buffer *buffer, size_t size) {
    size_t needed;
    if (buffer->failed || __builtin_add_overflow(buffer->size, size, &needed) ||
        (buffer->limit && needed > buffer->limit) ||
        ((needed > buffer->capacity || !buffer->data) && !grow(buffer, needed))) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->data + buffer->size;
}

void sgr_buffer_append(struct sgr_buffer *buffer, const void *data, size_t size) {
    char *place = sgr_buffer_reserve(buffer, size);
    if (!place || !size)
        return;
    memcpy(place, data, size);
    buffer->size += size;
}

void sgr_buffer_puts(struct sgr_buffer *buffer, const char *text) {
    sgr_buffer_append(buffer, text, strlen(text));
}

void sgr_buffer_putc(struct sgr_buffer *buffer, char byte) {
    char *place = sgr_buffer_reserve(buffer, 1);
    if (!place)
        return;
    *place = byte;
    buffer->size++;
}

void sgr_buffer_slice(struct sgr_buffer *buffer, struct sgr_slice slice) {
    sgr_buffer_append(buffer, slice.data, slice.size);
}

void sgr_buffer_printf(struct sgr_buffer *buffer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0) {
        buffer->failed = true;
        return;
    }
    /* In two steps: vsnprintf's NUL must not count against the limit. */
    char *place = sgr_buffer_reserve(buffer, (size_t)size);
    if (!place || ((size_t)size == buffer->capacity - buffer->size &&
                   !grow(buffer, buffer->size + (size_t)size + 1))) {
        buffer->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format, args);
    va_end(args);
    buffer->size += (size_t)size;
}

void sgr_buffer_int(struct sgr_buffer *buffer, int64_t number) {
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    char *at = digits + sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    for (; rest >= 100; rest /= 100)
        memcpy(at -= 2, pairs + rest % 100 * 2, 2);
    if (rest >= 10)
        memcpy(at -= 2, pairs + rest * 2, 2);
    else
        *--at = (char)('0' + rest);
    if (number < 0)
        *--at = '-';
    sgr_buffer_append(buffer, at, (size_t)(digits + sizeof(digits) - at));
}

static bool needs_escape(unsigned char byte) {
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* How many bytes from `at` on need no escape; eight at a time. */
static size_t plain_run(const char *data, size_t at, size_t size) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t i = at;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        uint64_t low = (word - ones * 0x20) & ~word;
        if ((low | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops)
            break;
    }
    while (i < size && !needs_escape((unsigned char)data[i]))
        i++;
    return i - at;
}

static void escape(struct sgr_buffer *buffer, unsigned char byte) {
    static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    for (const char *form = short_forms; *form; form += 2)
        if ((unsigned char)*form == byte) {
            sgr_buffer_append(buffer, (char[]){'\\', form[1]}, 2);
            return;
        }
    static const char hex[] = "0123456789abcdef";
    sgr_buffer_append(buffer, (char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

void sgr_buffer_json(struct sgr_buffer *buffer, struct sgr_slice text) {
    sgr_buffer_putc(buffer, '"');
    for (size_t i = 0; i < text.size && !buffer->failed;) {
        size_t run = plain_run(text.data, i, text.size);
        sgr_buffer_append(buffer, text.data + i, run);
        i += run;
        if (i < text.size)
            escape(buffer, (unsigned char)text.data[i++]);
    }
    sgr_buffer_putc(buffer, '"');
}

const char *sgr_buffer_text(struct sgr_buffer *buffer) {
    if (buffer->size >= buffer->capacity && !grow(buffer, buffer->size + 1)) {
        buffer->failed = true;
        return "";
    }
    buffer->data[buffer->size] = '\0';
    return buffer->data;
}
