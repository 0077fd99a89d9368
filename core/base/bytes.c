/* Shared buffers: one allocation of counts, headroom, data and a final NUL. The counts are atomic, the rest never changes once shared. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

struct block {
    struct sgr_bytes bytes;
    struct sgr_bytes *form;
    char headroom[SGR_BYTES_HEADROOM];
    char data[];
};

static size_t living; /* atomic */

static size_t size_of(size_t size) {
    return sizeof(struct block) + size + 1;
}

struct sgr_bytes *sgr_bytes_new(const char *data, size_t size) {
    if (size >= UINT32_MAX)
        return NULL;
    struct block *block = malloc(size_of(size));
    if (!block)
        return NULL;
    __atomic_fetch_add(&living, size_of(size), __ATOMIC_RELAXED);
    if (data && size)
        memcpy(block->data, data, size);
    block->data[size] = '\0';
    block->form = NULL;
    block->bytes = (struct sgr_bytes){.refs = 1, .size = (uint32_t)size, .data = block->data};
    return &block->bytes;
}

struct sgr_bytes **sgr_bytes_form(struct sgr_bytes *bytes) {
    return &((struct block *)bytes)->form;
}

struct sgr_bytes *sgr_bytes_ref(struct sgr_bytes *bytes) {
    __atomic_fetch_add(&bytes->refs, 1, __ATOMIC_RELAXED);
    return bytes;
}

void sgr_bytes_unref(struct sgr_bytes *bytes) {
    /* The last one out must see all writes of the others before it frees. */
    if (!bytes || __atomic_sub_fetch(&bytes->refs, 1, __ATOMIC_ACQ_REL))
        return;
    __atomic_fetch_sub(&living, size_of(bytes->size), __ATOMIC_RELAXED);
    struct sgr_bytes *form = *sgr_bytes_form(bytes);
    if (form != bytes)
        sgr_bytes_unref(form);
    free(bytes);
}

size_t sgr_bytes_living(void) {
    return __atomic_load_n(&living, __ATOMIC_RELAXED);
}
