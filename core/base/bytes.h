/* Immutable shared byte buffers that cross threads (struct sgr_bytes in sangre/sink.h): atomic counts, and headroom before the data
 * for a websocket header, so that one encoded frame serves every client. */
#ifndef SGR_BASE_BYTES_H
#define SGR_BASE_BYTES_H

#include <sangre/sink.h>

#define SGR_BYTES_HEADROOM 16

/* data NULL: uninitialised, to be filled before it is shared. NULL without memory. The data is NUL-terminated beyond size. */
struct sgr_bytes *sgr_bytes_new(const char *data, size_t size);
struct sgr_bytes *sgr_bytes_ref(struct sgr_bytes *bytes);
void sgr_bytes_unref(struct sgr_bytes *bytes); /* NULL is fine */
/* The bytes of all buffers that are there, each once however many hold it. Any thread. */
size_t sgr_bytes_living(void);

/* A place for another form of the same bytes, so that it is made once for all who share them: NULL at first; a reference put there is released with
 * them. It may be they themselves, without a reference. Only one thread may use it. */
struct sgr_bytes **sgr_bytes_form(struct sgr_bytes *bytes);

static inline struct sgr_slice
sgr__bytes_slice(const struct sgr_bytes *bytes) { /* NULL: an empty one without data */
    return bytes ? (struct sgr_slice){bytes->data, bytes->size} : (struct sgr_slice){NULL, 0};
}

#endif
