/* A growable byte buffer with a limit. A failed append (memory, limit) sets `failed` and leaves the content; later appends are
 * ignored, so a writer checks once at its end. Any thread, one at a time. */
#ifndef SGR_BASE_BUFFER_H
#define SGR_BASE_BUFFER_H

#include <sangre/value.h>

struct sgr_buffer {
    char *data; /* not NUL-terminated; see sgr_buffer_text */
    size_t size;
    size_t capacity;
    size_t limit; /* bytes it may grow to; 0: none */
    bool failed;
};

#define SGR_BUFFER_INIT ((struct sgr_buffer){0})

void sgr_buffer_fini(struct sgr_buffer *buffer);
/* Keeps the memory; clears `failed`. */
void sgr_buffer_clear(struct sgr_buffer *buffer);
/* Room for `size` more bytes; NULL on failure. Follow with size += what was written. */
char *sgr_buffer_reserve(struct sgr_buffer *buffer, size_t size);
void sgr_buffer_append(struct sgr_buffer *buffer, const void *data, size_t size);
void sgr_buffer_puts(struct sgr_buffer *buffer, const char *text);
void sgr_buffer_putc(struct sgr_buffer *buffer, char byte);
void sgr_buffer_slice(struct sgr_buffer *buffer, struct sgr_slice slice);
void sgr_buffer_printf(struct sgr_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sgr_buffer_int(struct sgr_buffer *buffer, int64_t number);
/* A JSON string with quotes: control characters as \uXXXX or the short forms, / raw, UTF-8 as it is. */
void sgr_buffer_json(struct sgr_buffer *buffer, struct sgr_slice text);
/* NUL-terminates (not counted in size) and returns the data; "" if it failed for want of memory. */
const char *sgr_buffer_text(struct sgr_buffer *buffer);

#endif
